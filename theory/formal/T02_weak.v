(** * T2, weak form: every price vector bounds [D^c] from below, every plan from above

    Idea: for a plan [(pi, s)] and prices [g], [q.g = sum pi_ij g_j + sum s_j g_j], where
    [g_j <= h_i + c_ij] on the plan, [g_j <= f'(oo)] on the singular mass, and
    [r_i h_i <= p_i (f(r_i/p_i) + f*(h_i))] by Fenchel--Young. *)
(** Theorems:
    - [T2_weak_duality_idle]: the same with f*(-oo) = -f(0) in rows that reach no column with q_j > 0
    - [T2_weak_duality]: every price vector bounds the program from below (columns with q_j = 0 and infinite costs
      unconstrained)
    - [T2_plan_bound]: every nonnegative plan, columns rescaled to q, bounds it from above
    - [T7_weak_duality_idle]: the same with f*(-oo) = -f(0) in rows without an arc of finite cost
    - [T7_weak_duality]: every (lambda, rho) bounds the DRO value
    - [T6_weak_duality_at_zero]: the term at lambda + kappa = 0
    - [T6_witness_bound]: a plan of value at most eps bounds the DRO value from below *)
From ArmorD Require Export T01_primal.

Section Weak.
Context {X Y : finType} (f : ffun) (k : Rbar) (p : X -> R) (c : X -> Y -> Rbar).
Hypotheses (nk : k <> m_infty) (c0 : nonneg_cost c) (p0 : forall x, 0 <= p x).

(** Lower bound.  Constraints are asked only where [q_j > 0]: elsewhere the price may be read as [-oo];
    rows without reference mass carry no constraint, and infinite costs none either.  [u_i >= f*(h_i)].
    A row that reaches no column with [q_j > 0] at finite cost sends nothing: there [h_i = -oo], [f*(-oo) = -f(0)]. *)
Definition priced (q g : Y -> R) (h u : X -> R) x : Prop :=
  (forall y, q y <> 0 -> Rbar_le (g y) (Rbar_plus (h x) (c x y))) /\ Rbar_le (conjugate f (h x)) (u x).
Definition idle (q : Y -> R) (u : X -> R) x : Prop :=
  (forall y, q y <> 0 -> c x y = p_infty) /\ Rbar_le (Rbar_opp (f 0)) (u x).

(** Idea: row by row [sum pi_ij g_j <= p_i u_i + p_i f(r_i/p_i) + sum pi_ij c_ij]; an idle row sends nothing and pays [p_i f(0)]. *)
Theorem T2_weak_duality_idle (q g : Y -> R) (h u : X -> R) :
  (forall x, 0 < p x -> priced q g h u x \/ idle q u x) ->
  (forall y, q y <> 0 -> Rbar_le (g y) k) ->
  Rbar_le (expect q g - expect p u) (program f k p c q).
Proof.
move=> hx hk; apply: program_ge => // pi s [pi0 s0 piz mg] [d1 d2 d3] /=.
have qy x y : pi x y <> 0 -> q y <> 0.
  move=> ne e; apply: ne; have := sum_ge_term x (fun x => pi0 x y); have := mg y; have := s0 y; have := pi0 x y.
  by rewrite e /=; lra.
have row x : sum (fun y => pi x y * g y) <=
    p x * u x + (Df_term f k p (fun x => sum (pi x)) x + sum (fun y => pi x y * real (c x y))).
{ case: (Rle_lt_or_eq_dec _ _ (p0 x)) => [px|pz]; last first.
    have z y : pi x y = 0 by apply: piz.
    rewrite /Df_term; case: Rlt_dec => [l|n] /=; first lra.
    rewrite -pz !sum_zero; [lra | by move=> y; rewrite z; ring | exact: z | by move=> y; rewrite z; ring].
  have rx : 0 <= sum (pi x) by apply: sum_ge0.
  move: (d1 x); rewrite /Df_term; case: Rlt_dec => [_|n] /= dx; last lra.
  case: (hx x px) => [[hc /conjugate_le hu]|[hc hu]].
    have A : sum (fun y => pi x y * g y) <= sum (pi x) * h x + sum (fun y => pi x y * real (c x y)).
      rewrite -sum_scalr -sum_plus; apply: sum_le => y.
      case: (Req_dec (pi x y) 0) => [->|ne]; first lra.
      have := hc y (qy _ _ ne); case: (d3 x y) => // /finite_real ->.
      rewrite /= => l; have := pi0 x y; nra.
    have := Rmult_le_compat_l _ _ _ (Rlt_le _ _ px) (hu _ _ (ratio_ge0 rx px) (finite_real dx)).
    have -> : p x * (sum (pi x) / p x * h x - real (f (sum (pi x) / p x)))
       = sum (pi x) * h x - p x * real (f (sum (pi x) / p x)) by field; lra.
    lra.
  have z y : pi x y = 0.
    by apply: NNPP => ne; case: (d3 x y) => //; rewrite hc //; exact: qy ne.
  have r0 : sum (pi x) = 0 by apply: sum_zero.
  move: dx; rewrite r0 /Rdiv Rmult_0_l => dx; move: hu; rewrite (finite_real dx) /= => hu.
  rewrite !sum_zero; [by have := Rmult_le_compat_l _ _ _ (Rlt_le _ _ px) hu; lra | |] => y; rewrite z; ring. }
have B : sum (fun y => s y * g y) <= sum s * real k.
  rewrite -sum_scalr; apply: sum_le => y; case: (Req_dec (s y) 0) => [->|ne]; first lra.
  have qn : q y <> 0.
    move=> e; apply: ne; have := mg y; have := s0 y; have : 0 <= sum (pi^~ y) by apply: sum_ge0.
    by rewrite e; lra.
  have fk : finite k by case: d2 => // e; case: ne; exact: (sum_eq0 s0 e).
  have := hk y qn; rewrite (finite_real fk) /= => l; have := s0 y; nra.
have -> : expect q g = sum (fun x => sum (fun y => pi x y * g y)) + sum (fun y => s y * g y).
  rewrite sum_sum -sum_plus; apply: sum_ext => y; rewrite sum_scalr -mg; ring.
have := sum_le row; rewrite !sum_plus /rprogram /rcost /expect; lra.
Qed.

(** Idea: [T2_weak_duality_idle] without idle rows. *)
Theorem T2_weak_duality (q g : Y -> R) (h u : X -> R) :
  (forall x y, 0 < p x -> q y <> 0 -> Rbar_le (g y) (Rbar_plus (h x) (c x y))) ->
  (forall y, q y <> 0 -> Rbar_le (g y) k) ->
  (forall x, 0 < p x -> Rbar_le (conjugate f (h x)) (u x)) ->
  Rbar_le (expect q g - expect p u) (program f k p c q).
Proof. by move=> hc hk hu; apply: T2_weak_duality_idle hk => x px; left; split => [y|]; [exact: hc | exact: hu]. Qed.

(** Upper bound: any nonnegative plan with positive columns where [q] needs it, its columns rescaled to [q]. *)
Definition rescale (q : Y -> R) (pi : X -> Y -> R) (s : Y -> R) : (X -> Y -> R) * (Y -> R) :=
  let col y := sum (pi^~ y) + s y in (fun x y => pi x y * (q y / col y), fun y => s y * (q y / col y)).

(** Idea: scaling the columns of a plan to [q] keeps it nonnegative and on its arcs. *)
Theorem T2_plan_bound (q : Y -> R) pi s : (forall y, 0 <= q y) ->
  (forall x y, 0 <= pi x y) -> (forall y, 0 <= s y) -> (forall x y, p x = 0 -> pi x y = 0) ->
  (forall y, q y <> 0 -> 0 < sum (pi^~ y) + s y) ->
  let pi' := (rescale q pi s).1 in let s' := (rescale q pi s).2 in
  program_feasible p q pi' s' /\ Rbar_le (program f k p c q) (program_value f k p c pi' s').
Proof.
move=> q0 pi0 s0 piz col /=.
have r0 y : 0 <= q y / (sum (pi^~ y) + s y).
  case: (Req_dec (q y) 0) => [->|ne]; first by rewrite /Rdiv Rmult_0_l; lra.
  by apply: ratio_ge0 => //; exact: col.
have h : program_feasible p q (rescale q pi s).1 (rescale q pi s).2.
{ split=> /= [x y|y|x y e|y].
  - exact: Rmult_le_pos.
  - exact: Rmult_le_pos.
  - by rewrite piz //; ring.
  - rewrite sum_scalr -Rmult_plus_distr_r; case: (Req_dec (q y) 0) => [->|ne].
      by rewrite /Rdiv; ring.
    by have := col y ne; move=> l; field; lra. }
by split => //; apply: Inf_le; exists (rescale q pi s).1, (rescale q pi s).2.
Qed.
End Weak.

(** * T6--T8, weak form: every [lambda >= 0], [rho] bounds the DRO value

    Idea: insert the prices [g = (phi - rho)/mu], [mu = lambda + kappa], into T2. *)
Section WeakDRO.
Context {X Y : finType} (f : ffun) (k : Rbar) (p : X -> R) (c : X -> Y -> Rbar).
Hypotheses (nk : k <> m_infty) (c0 : nonneg_cost c) (p0 : forall x, 0 <= p x).
Variables (phi : Y -> R) (eps kappa : R).

Lemma mult_plus_finite mu a b : 0 < mu -> Rbar_mult mu (Rbar_plus (Finite a) b) = Rbar_plus (mu * a) (Rbar_mult mu b).
Proof.
move=> m0; case: b => [b||] /=; rewrite ?mult_fin ?mult_pinf //=; first by congr Finite; ring.
by rewrite Rbar_mult_comm /Rbar_mult /=; case: Rle_dec => [h|] /=; [case: Rle_lt_or_eq_dec => /= [?|?] //; lra | move=> []; lra].
Qed.

(** [psi_i >= phi_j - mu c_ij], the adversary's transport step; [u_i >= f*((psi_i - rho)/mu)]; a row without an arc of
    finite cost sends nothing.  Idea: the prices [(phi - rho)/mu] in T2, for every [Q] of the ball. *)
Theorem T7_weak_duality_idle (lambda rho mu : R) (psi u : X -> R) :
  0 <= lambda -> mu = lambda + kappa -> 0 < mu ->
  (forall x, 0 < p x ->
    ((forall y, finite (c x y) -> phi y - mu * real (c x y) <= psi x) /\ Rbar_le (conjugate f ((psi x - rho) / mu)) (u x)) \/
    ((forall y, c x y = p_infty) /\ Rbar_le (Rbar_opp (f 0)) (u x))) ->
  (forall y, Rbar_le ((phi y - rho) / mu) k) ->
  Rbar_le (DRO (program f k p c) phi eps kappa) (lambda * eps + rho + mu * expect p u).
Proof.
move=> l0 em m0 hx hk; apply: Sup_le => v [q [d [[q0 q1] e de ->]]] /=.
have := @T2_weak_duality_idle X Y f k p c nk c0 p0 q (fun y => (phi y - rho) / mu) (fun x => (psi x - rho) / mu) u.
rewrite e /= => w.
have {w} : expect q (fun y => (phi y - rho) / mu) - expect p u <= d.
  apply: w => [x px|y _]; last exact: hk.
  case: (hx x px) => [[hpsi hu]|[hc hu]]; [left; split => // y _ | by right; split].
  case ec : (c x y) => [r||] //=; last by have := c0 x y; rewrite ec.
  have := hpsi y; rewrite ec /= => /(_ isT) w.
  apply: (Rmult_le_reg_l mu) => //; have -> : mu * ((phi y - rho) / mu) = phi y - rho by field; lra.
  have -> : mu * ((psi x - rho) / mu + r) = psi x - rho + mu * r by field; lra.
  lra.
have -> : expect q (fun y => (phi y - rho) / mu) = (expect q phi - rho) / mu.
  have -> : (expect q phi - rho) / mu = sum (fun y => / mu * (q y * phi y - q y * rho)).
    by rewrite sum_scal sum_minus sum_scalr q1 /expect; field; lra.
  by apply: sum_ext => y; field; lra.
move=> /(Rmult_le_compat_l _ _ _ (Rlt_le _ _ m0)).
have -> : mu * ((expect q phi - rho) / mu - expect p u) = expect q phi - rho - mu * expect p u by field; lra.
rewrite em; nra.
Qed.

(** Idea: [T7_weak_duality_idle] without idle rows. *)
Theorem T7_weak_duality (lambda rho mu : R) (psi u : X -> R) :
  0 <= lambda -> mu = lambda + kappa -> 0 < mu ->
  (forall x y, 0 < p x -> finite (c x y) -> phi y - mu * real (c x y) <= psi x) ->
  (forall y, Rbar_le ((phi y - rho) / mu) k) ->
  (forall x, 0 < p x -> Rbar_le (conjugate f ((psi x - rho) / mu)) (u x)) ->
  Rbar_le (DRO (program f k p c) phi eps kappa) (lambda * eps + rho + mu * expect p u).
Proof.
move=> l0 em m0 hpsi hk hu; apply: T7_weak_duality_idle em m0 _ hk => // x px; left; split => [y|]; [exact: hpsi | exact: hu].
Qed.

(** The term at [lambda + kappa = 0]: [phi] at most [M] wherever the adversary can go. *)
Theorem T6_weak_duality_at_zero (M : R) : kappa = 0 ->
  (forall y, (finite k \/ exists x, 0 < p x /\ finite (c x y)) -> phi y <= M) ->
  Rbar_le (DRO (program f k p c) phi eps kappa) M.
Proof.
move=> -> hM; apply: Sup_le => v [q [d [[q0 q1] e de ->]]] /=.
have l : Rbar_lt (program f k p c q) (d + 1) by rewrite e /=; lra.
have [pi [s [[pi0 s0 piz mg] [d1 d2 d3] _]]] := program_lt nk c0 l.
suff : expect q phi <= M by lra.
have -> : M = sum (fun y => q y * M) by rewrite sum_scalr q1; ring.
apply: sum_le => y; case: (Req_dec (q y) 0) => [->|ne]; first lra.
apply: Rmult_le_compat_l => //; apply: hM.
case: (Req_dec (s y) 0) => [sy|sy]; last by left; case: d2 => // /(sum_eq0 s0) /(_ y).
have := mg y; rewrite sy Rplus_0_r => my; right.
have [|x px] := @sum_pos_ex _ (pi^~ y); first by rewrite my; have := q0 y; lra.
exists x; split; last by case: (d3 x y) => // e'; rewrite e' in px; lra.
by case: (Rle_lt_or_eq_dec _ _ (p0 x)) => // e'; have := piz x y (esym e'); lra.
Qed.

(** A plan of value at most [eps] is a lower bound. *)
Theorem T6_plan_bound q d : prob q -> program f k p c q = Finite d -> d <= eps ->
  Rbar_le (expect q phi - kappa * d) (DRO (program f k p c) phi eps kappa).
Proof. by move=> pq e de; apply: Sup_ge; exists q, d. Qed.

(** Idea: the columns of the plan lie in the ball, and [D^c] there is at most its value. *)
Theorem T6_witness_bound q pi s v : 0 <= kappa -> prob q -> program_feasible p q pi s ->
  Rbar_le 0 (program f k p c q) -> Rbar_le (program_value f k p c pi s) (Finite v) -> v <= eps ->
  Rbar_le (expect q phi - kappa * v) (DRO (program f k p c) phi eps kappa).
Proof.
move=> k0 pq h pos hv ve.
have l : Rbar_le (program f k p c q) v by apply: Rbar_le_trans hv; apply: Inf_le; exists pi, s.
case e : (program f k p c q) pos l => [d||] // pos l.
have b := T6_plan_bound pq e (Rle_trans _ _ _ l ve).
apply: (Rbar_le_trans _ _ _ _ b) => /=; have := Rmult_le_compat_l _ _ _ k0 l; lra.
Qed.
End WeakDRO.
