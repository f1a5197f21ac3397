(** * Rényi: the program of T1, and the weak duality of T2 and T10 on it

    [renyi_program] is the program of T1 with Rényi's divergence of the rows: mass created off the support of [P] costs
    nothing in mode "space" and is forbidden in mode "reference"; on one space it is the definition of D^c
    ([T1_renyi_primal]).  Idea of the bounds: as for an [f], with [renyi_young] in place of Fenchel--Young. *)
(** Theorems:
    - [T2_renyi_weak_duality]: every price vector bounds the program of Renyi's divergence from below (g <= 0 in
      mode space, where it may be 0)
    - [T10_renyi_weak_duality]: every lambda >= 0 and rho bound the DRO value of the program of Renyi's divergence,
      the boundary rho = S included
    - [T10_renyi_weak_duality_at_zero]: the same at lambda + kappa = 0: the reachable supremum
    - [T10_renyi_plan_bound]: a plan whose value is at most epsilon bounds the DRO value from below
    - [T1_renyi_primal]: for Renyi's divergence the primal program equals D^c too, in both modes, on one space
    - [T1_renyi_primal_dro]: for Renyi's divergence the DRO value over the primal program is that over D^c too *)
From ArmorD Require Export Renyi.

(** ** The program *)
Section Program.
Context {X Y : finType} (a : R) (m : support) (p : X -> R) (c : X -> Y -> Rbar).

Definition created (s : R) : Rbar := Rbar_mult s (match m with Space => 0 | Reference => p_infty end).
Definition renyi_value pi (s : Y -> R) : Rbar :=
  Rbar_plus (renyi a m p (fun x => sum (pi x))) (Rbar_plus (created (sum s)) (cost c pi)).
Definition renyi_program (q : Y -> R) : Rbar :=
  Inf (fun v => exists pi s, program_feasible p q pi s /\ v = renyi_value pi s).
End Program.

Lemma created_finite m s v : 0 <= s -> created m s = Finite v <-> (m = Reference -> s = 0) /\ v = 0.
Proof.
rewrite /created; case: m => s0; first by rewrite mult_fin Rmult_0_r; split=> [[<-]|[_ ->]].
split=> [|[z ->]]; last by rewrite z // Rbar_mult_0_l.
by case: (Rle_lt_or_eq_dec _ _ s0) => [l|<-]; [rewrite mult_pinf | rewrite Rbar_mult_0_l => -[<-]].
Qed.

Section Values.
Context {X Y : finType} (a : R) (m : support) (p : X -> R) (c : X -> Y -> Rbar).
Hypotheses (a0 : 0 < a) (a1 : a <> 1) (pp : prob p) (c0 : nonneg_cost c).
Let p0 : forall x, 0 <= p x := proj1 pp.
Let p1 : sum p = 1 := proj2 pp.

(** [D] of finite value, in real numbers. *)
Definition renyi_div (eta : X -> R) : R := ln (sum (renyi_real a p eta)) / (a * (a - 1)).

Lemma renyi_eq eta : (forall x, 0 <= eta x) -> renyi_dom a m p eta -> renyi a m p eta = Finite (renyi_div eta).
Proof.
move=> e0 [pos ref Ap]; rewrite /renyi.
have -> : esum (renyi_term a m p eta) = sum (renyi_real a p eta); last by case: Rlt_dec.
apply/esum_finite; split=> [x|]; last apply: sum_ext => x; rewrite /renyi_term ?/renyi_real.
  case: Rlt_dec => [px|n] /=.
    by case: Rlt_dec => //= ex; case: Rlt_dec => //= n; case: ex; apply: pos => //; lra.
  case em : m => //; case: Req_EM_T => //= ne; case: ne; apply: ref => //; have := p0 x; lra.
case: Rlt_dec => [px|n] /=; first by case: Rlt_dec => //= _; case: Rlt_dec.
by case: m => //; case: Req_EM_T.
Qed.

Definition renyi_plan_dom pi (s : Y -> R) : Prop :=
  [/\ renyi_dom a m p (fun x => sum (pi x)), m = Reference -> sum s = 0 & supported c pi].

Lemma renyi_value_finite q pi s v : program_feasible p q pi s ->
  renyi_value a m p c pi s = Finite v <-> renyi_plan_dom pi s /\ v = renyi_div (fun x => sum (pi x)) + rcost c pi.
Proof.
move=> [pi0 s0 _ _]; have r0 x : 0 <= sum (pi x) by exact: sum_ge0.
have S0 : 0 <= sum s by exact: sum_ge0.
split.
  move=> /plus_finite [||d [w [e1 e2 ->]]]; first exact: renyi_not_minus.
    by apply: plus_not_minus; [apply: mult_not_minus => //; case: m | exact: cost_not_minus_infinity].
  have [||u [t [e3 e4 ->]]] := plus_finite e2; [by apply: mult_not_minus => //; case: m | exact: cost_not_minus_infinity |].
  have [dm ->] := renyi_finite a1 r0 e1; move/(created_finite m _ S0): e3 => [sr ->].
  by move/(cost_finite c0 _ pi0): e4 => [sp ->]; split => //; rewrite /renyi_div; ring.
move=> [[dm sr sp] ->]; rewrite /renyi_value (renyi_eq r0 dm).
have -> : created m (sum s) = 0 by apply/created_finite.
have -> : cost c pi = rcost c pi by apply/cost_finite.
by rewrite /= Rplus_0_l.
Qed.

Lemma renyi_value_not_minus pi s : (forall y, 0 <= s y) -> renyi_value a m p c pi s <> m_infty.
Proof.
move=> s0; have S0 : 0 <= sum s by exact: sum_ge0.
apply: plus_not_minus; first exact: renyi_not_minus.
by apply: plus_not_minus; [apply: mult_not_minus => //; case: m | exact: cost_not_minus_infinity].
Qed.

Lemma renyi_program_le q pi s : program_feasible p q pi s -> renyi_plan_dom pi s ->
  Rbar_le (renyi_program a m p c q) (renyi_div (fun x => sum (pi x)) + rcost c pi).
Proof. by move=> h d; apply: Inf_le; exists pi, s; split => //; symmetry; apply/(renyi_value_finite _ h). Qed.

Lemma renyi_program_lt q v : Rbar_lt (renyi_program a m p c q) (Finite v) ->
  exists pi s, [/\ program_feasible p q pi s, renyi_plan_dom pi s & renyi_div (fun x => sum (pi x)) + rcost c pi < v].
Proof.
move=> /Inf_lt [w [[pi [s [h ->]]] l]]; exists pi, s.
case e : (renyi_value a m p c pi s) l => [w'||] //=; last by case: (h) => _ s0 _ _; have := @renyi_value_not_minus pi s s0.
by move/(renyi_value_finite _ h): e => [d ->].
Qed.

Lemma renyi_program_ge q b :
  (forall pi s, program_feasible p q pi s -> renyi_plan_dom pi s ->
    Rbar_le b (renyi_div (fun x => sum (pi x)) + rcost c pi)) ->
  Rbar_le b (renyi_program a m p c q).
Proof.
move=> h; apply: Rbar_le_real_above => r /renyi_program_lt [pi [s [h1 h2 l]]].
by apply: Rbar_le_trans (h _ _ h1 h2) _ => /=; lra.
Qed.

(** ** T2, weak form
    [r_i = - g^c(x_i)], or more; it may vanish on the rows that no mass can leave, and for [a > 1] also where [g^c = 0]. *)
Definition renyi_gain (r : X -> R) : R := (ln a + 1) / a + ln (renyi_moment a p r) / (a - 1).

(** Idea: [renyi_young] in place of Fenchel--Young, row by row as in T2. *)
Theorem T2_renyi_weak_duality (q g : Y -> R) (r : X -> R) : (forall x, 0 <= r x) -> (exists x, 0 < p x /\ 0 < r x) ->
  (forall x y, 0 < p x -> q y <> 0 -> finite (c x y) -> g y <= - r x + real (c x y) /\ (a < 1 -> 0 < r x)) ->
  (m = Space -> forall y, q y <> 0 -> g y <= 0) ->
  Rbar_le (expect q g + renyi_gain r) (renyi_program a m p c q).
Proof.
move=> r0 ex hc hk; apply: renyi_program_ge => // pi s [pi0 s0 piz mg] [dm sr sp] /=.
have e0 x : 0 <= sum (pi x) by exact: sum_ge0.
have arc x y : pi x y <> 0 -> g y <= - r x + real (c x y) /\ (a < 1 -> 0 < r x).
  move=> ne; apply: hc; last by case: (sp x y).
    by case: (Rle_lt_or_eq_dec _ _ (p0 x)) => // e; case: ne; apply: piz; rewrite -e.
  move=> e; apply: ne; have := sum_ge_term x (fun x => pi0 x y); have := mg y; have := s0 y; have := pi0 x y.
  by rewrite e /=; lra.
have step : expect q g <= rcost c pi - sum (fun x => sum (pi x) * r x).
  have -> : expect q g = sum (fun x => sum (fun y => pi x y * g y)) + sum (fun y => s y * g y).
    rewrite sum_sum -sum_plus; apply: sum_ext => y; rewrite sum_scalr -mg; ring.
  have A : sum (fun x => sum (fun y => pi x y * g y)) <= rcost c pi - sum (fun x => sum (pi x) * r x).
    rewrite /rcost -sum_minus; apply: sum_le => x; rewrite -sum_scalr -sum_minus; apply: sum_le => y.
    case: (Req_dec (pi x y) 0) => [->|ne]; first lra.
    by have [l _] := arc x y ne; have := pi0 x y; nra.
  have B : sum (fun y => s y * g y) <= sum (fun _ : Y => 0).
    apply: sum_le => y; case: (Req_dec (s y) 0) => [->|ne]; first lra.
    have qn : q y <> 0 by move=> e; apply: ne; have := mg y; have := s0 y; have : 0 <= sum (pi^~ y) by [exact: sum_ge0]; lra.
    have gy : g y <= 0 by apply: hk => //; case: m sr => // /(_ erefl) z; case: ne; exact: (sum_eq0 s0 z).
    by have := s0 y; nra.
  by rewrite (@sum_zero Y (fun=> 0)) in B => //; lra.
have live x : a < 1 -> 0 < p x -> 0 < sum (pi x) -> 0 < r x.
  by move=> al _ l; have [y py] := sum_pos_ex l; have [|_] := arc x y; [lra | exact].
have := renyi_young a0 a1 pp e0 dm r0 live ex; rewrite -/(renyi_gain r) -/(renyi_div (fun x => sum (pi x))); lra.
Qed.

(** The program never is [-oo]: prices [-1]. *)
Lemma renyi_program_not_minus q : renyi_program a m p c q <> m_infty.
Proof.
have [|x px] := @sum_pos_ex X p; first by rewrite p1; lra.
have := @T2_renyi_weak_duality q (fun=> -1) (fun=> 1).
case: (renyi_program a m p c q) => [v||] // h; suff : Rbar_le (expect q (fun=> -1) + renyi_gain (fun=> 1)) m_infty by [].
apply: h => [z||z y _ _ _|_ y _]; [lra | by exists x; split => //; lra | | lra].
by split=> [|_]; have := real_c_ge0 c0 z y; lra.
Qed.

(** ** T10, weak form, and the bound of a plan *)
Variables (phi : Y -> R) (eps kappa : R).

(** Idea: the prices [(phi - rho)/mu] in T2, for every [Q] of the ball. *)
Theorem T10_renyi_weak_duality (lambda rho mu : R) (r : X -> R) : 0 <= lambda -> mu = lambda + kappa -> 0 < mu ->
  (forall x, 0 <= r x) -> (exists x, 0 < p x /\ 0 < r x) ->
  (forall x y, 0 < p x -> finite (c x y) -> phi y - mu * real (c x y) <= rho - mu * r x /\ (a < 1 -> 0 < r x)) ->
  (m = Space -> forall y, phi y <= rho) ->
  Rbar_le (DRO (renyi_program a m p c) phi eps kappa) (lambda * eps + rho - mu * renyi_gain r).
Proof.
move=> l0 em m0 r0 ex hc hk; apply: Sup_le => v [q [d [[q0 q1] e de ->]]] /=.
have i0 := Rinv_0_lt_compat _ m0.
have {}hc x y : 0 < p x -> q y <> 0 -> finite (c x y) -> (phi y - rho) / mu <= - r x + real (c x y) /\ (a < 1 -> 0 < r x).
  move=> px _ fc; have [l rx] := hc x y px fc; split => //; apply: (Rmult_le_reg_l mu) => //.
  by have -> : mu * ((phi y - rho) / mu) = phi y - rho by [field; lra]; lra.
have := T2_renyi_weak_duality r0 ex hc; rewrite e /= => w.
have {}w : expect q (fun y => (phi y - rho) / mu) + renyi_gain r <= d.
  by apply: w => em' y _; have := hk em' y; rewrite /Rdiv; nra.
have ee : expect q (fun y => (phi y - rho) / mu) = (expect q phi - rho) / mu.
  have -> : (expect q phi - rho) / mu = sum (fun y => / mu * (q y * phi y - q y * rho)).
    by rewrite sum_scal sum_minus sum_scalr q1 /expect; field; lra.
  by apply: sum_ext => y; field; lra.
have := Rmult_le_compat_l _ _ _ (Rlt_le _ _ m0) w; rewrite ee.
have -> : mu * ((expect q phi - rho) / mu + renyi_gain r) = expect q phi - rho + mu * renyi_gain r by field; lra.
rewrite em; nra.
Qed.

(** At [lambda + kappa = 0]: [phi] at most [M] wherever the adversary can go. *)
Theorem T10_renyi_weak_duality_at_zero (M : R) : kappa = 0 ->
  (forall y, (m = Space \/ exists x, 0 < p x /\ finite (c x y)) -> phi y <= M) ->
  Rbar_le (DRO (renyi_program a m p c) phi eps kappa) M.
Proof.
move=> -> hM; apply: Sup_le => v [q [d [[q0 q1] e de ->]]] /=.
have l : Rbar_lt (renyi_program a m p c q) (d + 1) by rewrite e /=; lra.
have [pi [s [[pi0 s0 piz mg] [_ sr sp] _]]] := renyi_program_lt l.
suff : expect q phi <= M by lra.
have -> : M = sum (fun y => q y * M) by rewrite sum_scalr q1; ring.
apply: sum_le => y; case: (Req_dec (q y) 0) => [->|ne]; first lra.
apply: Rmult_le_compat_l => //; apply: hM; case em : m sr => sr; [by left | right].
have sy : s y = 0 by exact: (sum_eq0 s0 (sr erefl)).
have [|x px] := @sum_pos_ex _ (pi^~ y); first by have := mg y; have := q0 y; rewrite sy; lra.
exists x; split; last by case: (sp x y) => // z; rewrite z in px; lra.
by case: (Rle_lt_or_eq_dec _ _ (p0 x)) => // z; have := piz x y (esym z); lra.
Qed.

(** Idea: a plan of value at most [eps] puts its columns into the ball. *)
Theorem T10_renyi_plan_bound q pi s v : 0 <= kappa -> prob q -> program_feasible p q pi s -> renyi_plan_dom pi s ->
  v = renyi_div (fun x => sum (pi x)) + rcost c pi -> v <= eps ->
  Rbar_le (expect q phi - kappa * v) (DRO (renyi_program a m p c) phi eps kappa).
Proof.
move=> k0 pq fs dm ev ve; have := renyi_program_le fs dm; rewrite -ev.
case e : (renyi_program a m p c q) (@renyi_program_not_minus q) => [d||] // _ dv; have {}dv : d <= v by [].
apply: (Rbar_le_trans _ (expect q phi - kappa * d)); first by have := Rmult_le_compat_l _ _ _ k0 dv => /=; lra.
by apply: Sup_ge; exists q, d; split => //; lra.
Qed.
End Values.

(** ** T1: on one space the program is the definition, in both modes
    Idea: mass created where it is used may be booked on the diagonal, as more mass only lowers Rényi's divergence;
    and mass that leaves a point without reference mass may as well be created where it arrives. *)
Section T1.
Context {X : finType} (a : R) (m : support) (p q : X -> R) (c : X -> X -> Rbar).
Hypotheses (a0 : 0 < a) (a1 : a <> 1) (pp : prob p) (pq : prob q) (c0 : nonneg_cost c) (cd : reflexive_cost c).
Let p0 : forall x, 0 <= p x := proj1 pp.

Lemma renyi_more (eta more : X -> R) : (forall x, 0 <= eta x <= more x) -> renyi_dom a m p eta ->
  (m = Reference -> forall x, p x = 0 -> more x = 0) -> renyi_dom a m p more /\ renyi_div a p more <= renyi_div a p eta.
Proof.
move=> le [pos _ Ap] ref; rewrite /renyi_div /Rdiv.
have mono u v : 0 < u -> u <= v -> ln u <= ln v.
  by move=> u0 [l|<-]; [left; exact: ln_increasing | exact: Rle_refl].
case: (Rdichotomy _ _ a1) => [al|ag].
- have A : sum (renyi_real a p eta) <= sum (renyi_real a p more).
    apply: sum_le => x; have [e0 l] := le x; rewrite /renyi_real; case: Rlt_dec => /= px; last lra.
    case: Rlt_dec => /= ex; case: Rlt_dec => /= mx; try lra.
      by apply: Rmult_le_compat_l; [left; exact: power_pos | apply: Rle_Rpower_l; lra].
    by apply: Rmult_le_pos; left; exact: power_pos.
  split; first by split => // [x _ ?|]; lra.
  have i0 : / (a * (a - 1)) < 0 by apply: Rinv_lt_0_compat; nra.
  by rewrite !(Rmult_comm (ln _)); apply: Rmult_le_compat_neg_l; [lra | exact: mono].
- have posm x : 0 < p x -> 0 < more x by move=> px; have := pos x px ag; have := le x; lra.
  have A : sum (renyi_real a p more) <= sum (renyi_real a p eta).
    apply: sum_le => x; have [_ l] := le x; rewrite /renyi_real; case: Rlt_dec => /= px; last lra.
    have ex := pos x px ag; have mx := posm x px; case: Rlt_dec => //= _; case: Rlt_dec => //= _.
    apply: Rmult_le_compat_l; first by left; exact: power_pos.
    have -> : 1 - a = - (a - 1) by ring.
    by rewrite !Rpower_Ropp; apply: Rinv_le_contravar; [exact: power_pos | apply: Rle_Rpower_l; lra].
  have Am : 0 < sum (renyi_real a p more).
    have [|x px] := @sum_pos_ex X p; first by case: pp => _ ->; lra.
    apply: Rlt_le_trans (sum_ge_term x (renyi_real_ge0 a p more)); rewrite /renyi_real.
    have mx := posm x px; case: Rlt_dec => //= _; case: Rlt_dec => //= _.
    by apply: Rmult_lt_0_compat; exact: power_pos.
  split; first by split => // x px _; exact: posm.
  have i0 : 0 < / (a * (a - 1)) by apply: Rinv_0_lt_compat; nra.
  by apply: Rmult_le_compat_r; [lra | exact: mono].
Qed.

(** Idea: as above. *)
Theorem T1_renyi_primal : Dc (renyi a m p) c q = renyi_program a m p c q.
Proof.
apply: Rbar_le_antisym.
- apply: renyi_program_ge => // pi s h [dm sr sp]; case: (h) => pi0 s0 piz mg.
  pose pi' x y := pi x y + (if x == y then s y else 0); pose eta x := sum (pi x) + s x.
  have r0 x : 0 <= sum (pi x) by exact: sum_ge0.
  have K : coupling pi' eta q.
  { split=> [x y|x|y]; rewrite /pi'.
    + by have := pi0 x y; have := s0 y; case: eqP => _; lra.
    + by rewrite sum_plus (sum_diracl s).
    + by rewrite sum_plus (sum_dirac (fun=> s y)) mg. }
  have e0 x : 0 <= eta x by have := r0 x; have := s0 x; rewrite /eta; lra.
  have pe : prob eta.
    by split => //; rewrite /eta sum_plus (sum_sum pi) -sum_plus -(proj2 pq); apply: sum_ext => y; rewrite mg.
  have S : supported c pi'.
    move=> x y; rewrite /pi'; case: eqP => [<-|_]; first by right; rewrite cd.
    by rewrite Rplus_0_r.
  have [x|em x px|dm' le] := @renyi_more _ eta _ dm; first by have := r0 x; have := s0 x; rewrite /eta; lra.
    by rewrite /eta (sum_eq0 s0 (sr em)) Rplus_0_r; apply: sum_zero => y; exact: piz.
  apply: (Rbar_le_trans _ _ _ (Dc_le (D := renyi a m p) c0 pe K S (renyi_eq a1 pp e0 dm'))) => /=.
  have -> : rcost c pi' = rcost c pi; last lra.
  apply: sum_ext => x; rewrite -[RHS]Rplus_0_r -(@sum_zero X (fun=> 0)) // -sum_plus; apply: sum_ext => y.
  by rewrite /pi'; case: eqP => [<-|_]; rewrite ?cd /=; ring.
- apply: Dc_ge => // [eta pe|eta pi d pe [pi0 mr mc] S E]; first exact: renyi_nonneg.
  have [[pos ref Ap] ->] := renyi_finite a1 (proj1 pe) E.
  pose P x := if Rlt_dec 0 (p x) then true else false.
  pose pi' x y := if P x then pi x y else 0; pose s y := sum (fun x => if P x then 0 else pi x y).
  have h : program_feasible p q pi' s.
  { split=> [x y|y|x y e|y]; rewrite /pi' /s.
    + by case: (P x); [exact: pi0 | lra].
    + by apply: sum_ge0 => x; case: (P x); [lra | exact: pi0].
    + by rewrite /P e; case: Rlt_dec => //= ?; lra.
    + by rewrite -mc -sum_plus; apply: sum_ext => x; case: (P x); ring. }
  have rows x : sum (pi' x) = if P x then eta x else 0 by rewrite /pi'; case: (P x); rewrite ?mr // sum_zero.
  have eA : sum (renyi_real a p (fun x => sum (pi' x))) = sum (renyi_real a p eta).
    by apply: sum_ext => x; rewrite /renyi_real rows /P; case: Rlt_dec.
  have D' : renyi_plan_dom a m p c pi' s.
  { split=> [|em|x y].
    + split=> [x px ag|em x px|]; last by rewrite eA.
      * by rewrite rows /P; have := pos x px ag; case: Rlt_dec.
      * by rewrite rows ref //; case: (P x).
    + rewrite /s sum_sum sum_zero // => x; rewrite /P; case: Rlt_dec => [l|n]; rewrite [is_left _]/=; first exact: sum_zero.
      by rewrite mr; apply: ref => //; have := p0 x; lra.
    + by rewrite /pi'; case: (P x); [exact: S | left]. }
  apply: Rbar_le_trans (renyi_program_le a1 pp c0 h D') _ => /=; rewrite /renyi_div eA; apply: Rplus_le_compat_l.
  apply: sum_le => x; apply: sum_le => y; rewrite /pi'; case: (P x); first exact: Rle_refl.
  by rewrite Rmult_0_l; apply: Rmult_le_pos => //; exact: real_c_ge0.
Qed.
End T1.

(** Idea: T1 at every distribution. *)
Corollary T1_renyi_primal_dro (X : finType) (a : R) (m : support) (p : X -> R) (c : X -> X -> Rbar) phi eps kappa :
  0 < a -> a <> 1 -> prob p -> nonneg_cost c -> reflexive_cost c ->
  DRO (Dc (renyi a m p) c) phi eps kappa = DRO (renyi_program a m p c) phi eps kappa.
Proof. by move=> a0 a1 pp c0 cd; apply: DRO_ext => q pq; exact: T1_renyi_primal. Qed.
