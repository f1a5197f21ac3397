(** * T2, infinite values: a ray of prices, an idle row, an empty ball

    Idea: along a ray [t g] the dual grows like [q.g - sum_i sup { r h_i : r in dom f(. / p_i) }]; where that is positive no plan
    has a finite value.  A row that must send mass and cannot has none either. *)
(** Theorems:
    - [T2_ray]: a ray of prices that pay more than the rows can earn proves D^c infinite
    - [T2_idle_infinite]: so does a row that carries mass, reaches no column of Q and meets f(0) infinite
    - [T2_renyi_ray]: a ray of prices for Rényi's divergence
    - [T2_renyi_idle_infinite]: rows that cannot send make Rényi's divergence infinite *)
From ArmorD Require Export RenyiProgram.

Section Infinite.
Context {X Y : finType} (f : ffun) (k : Rbar) (p : X -> R) (c : X -> Y -> Rbar).
Hypotheses (nk : k <> m_infty) (c0 : nonneg_cost c) (p0 : forall x, 0 <= p x).

Lemma program_infinite q : (forall (pi : X -> Y -> R) (s : Y -> R), program_feasible p q pi s -> program_dom f k p c pi s -> False) -> program f k p c q = p_infty.
Proof.
move=> none; apply: Rbar_le_antisym; first by case: (program _ _ _ _ _).
by apply: program_ge => // pi s h d; case: (none pi s h d).
Qed.

(** Columns that [Q] does not charge carry no price. *)
Lemma charged (q : Y -> R) (pi : X -> Y -> R) (s : Y -> R) x y : program_feasible p q pi s -> (pi x y <> 0 -> q y <> 0) /\ (s y <> 0 -> q y <> 0).
Proof.
move=> [n s0 _ mg]; have h1 := sum_ge_term x (fun x => n x y); have h2 := s0 y; have h3 := n x y.
have h4 : 0 <= sum (pi^~ y) by exact: sum_ge0.
by split=> ne e; apply: ne; have := mg y; rewrite e /= in h1 *; lra.
Qed.

(** [exc_i] bounds what row [i] can earn at the prices of the ray.  Idea: [q.g] summed over a plan is at most [sum exc]. *)
Theorem T2_ray (q g : Y -> R) (h exc : X -> R) : (forall x, 0 <= exc x) ->
  (forall x y, 0 < p x -> q y <> 0 -> finite (c x y) -> g y <= h x) -> (forall y, q y <> 0 -> finite k -> g y <= 0) ->
  (forall x y r, 0 < p x -> q y <> 0 -> finite (c x y) -> 0 <= r -> finite (f (r / p x)) -> r * h x <= exc x) ->
  sum exc < expect q g -> program f k p c q = p_infty.
Proof.
move=> x0 hg hk hx more; apply: program_infinite => pi s fs [d1 d2 d3]; have [n s0 piz mg] := fs.
suff : expect q g <= sum exc by lra.
have -> : expect q g = sum (fun x => sum (fun y => pi x y * g y)) + sum (fun y => s y * g y).
  by rewrite sum_sum -sum_plus; apply: sum_ext => y; rewrite sum_scalr -mg; ring.
have created_ : sum (fun y => s y * g y) <= 0.
  rewrite -(@sum_zero Y (fun=> 0)) //; apply: sum_le => y; case: (Req_dec (s y) 0) => [->|ne]; first lra.
  have fk : finite k by case: d2 => // e; case: ne; exact: (sum_eq0 s0 e).
  have qy : q y <> 0 by move=> e; apply: ne; have := mg y; have := s0 y; have : 0 <= sum (pi^~ y) by [exact: sum_ge0]; rewrite e; lra.
  by have := hk y qy fk; have := s0 y; nra.
suff : sum (fun x => sum (fun y => pi x y * g y)) <= sum exc by lra.
apply: sum_le => x; have r0 : 0 <= sum (pi x) by exact: sum_ge0.
case: (Rle_lt_or_eq_dec _ _ r0) => [rp|rz]; last first.
  by rewrite sum_zero // => y; rewrite (sum_eq0 (n x) (esym rz)); ring.
have [y py] := sum_pos_ex rp; have ne : pi x y <> 0 by lra.
have px : 0 < p x by case: (Rle_lt_or_eq_dec _ _ (p0 x)) => // z; have := piz x y (esym z); lra.
have arc z : pi x z <> 0 -> q z <> 0 /\ finite (c x z).
  by move=> nz; split; [exact: (proj1 (charged x z fs)) | case: (d3 x z)].
apply: (Rle_trans _ (sum (pi x) * h x)).
  rewrite -sum_scalr; apply: sum_le => z; case: (Req_dec (pi x z) 0) => [->|/arc [qz fz]]; first lra.
  by apply: Rmult_le_compat_l => //; exact: hg.
have [qy fy] := arc y ne; apply: (hx x y) => //.
by move: (d1 x); case: Rlt_dec.
Qed.

(** Idea: such a row sends nothing, and [f(0)] is infinite. *)
Theorem T2_idle_infinite (q : Y -> R) x : 0 < p x -> f 0 = p_infty -> (forall y, q y <> 0 -> c x y = p_infty) ->
  program f k p c q = p_infty.
Proof.
move=> px fz idle_; apply: program_infinite => pi s fs [d1 _ d3].
have z : sum (pi x) = 0.
  apply: sum_zero => y; apply: NNPP => ne; have [qy _] := charged x y fs.
  by case: (d3 x y) => //; rewrite idle_ //; exact: qy.
by move: (d1 x); rewrite z /Rdiv Rmult_0_l fz; case: Rlt_dec.
Qed.
End Infinite.

(** No [Q] in the ball: the supremum over nothing. *)
Theorem DRO_empty (Y : finType) (dist : (Y -> R) -> Rbar) phi (eps kappa : R) :
  (forall q, prob q -> Rbar_lt eps (dist q)) -> DRO dist phi eps kappa = m_infty.
Proof.
move=> far; apply: Rbar_le_antisym; last by case: (DRO _ _ _ _).
by apply: Sup_le => v [q [d [pq ed de _]]]; have := far q pq; rewrite ed /=; lra.
Qed.

(** ** Rényi's divergence *)
Section Renyi.
Context {X Y : finType} (a : R) (m : support) (p : X -> R) (c : X -> Y -> Rbar).
Hypotheses (a0 : 0 < a) (a1 : a <> 1) (pp : prob p) (c0 : nonneg_cost c).
Let p0 : forall x, 0 <= p x := proj1 pp.

Lemma renyi_infinite q : (forall (pi : X -> Y -> R) (s : Y -> R), program_feasible p q pi s -> renyi_plan_dom a m p c pi s -> False) ->
  renyi_program a m p c q = p_infty.
Proof.
move=> none; apply: Rbar_le_antisym; first by case: (renyi_program _ _ _ _ _).
by apply: renyi_program_ge => // pi s h d; case: (none pi s h d).
Qed.

(** Idea: as [T2_ray]; nothing can be earned. *)
Theorem T2_renyi_ray (q g : Y -> R) : (forall x y, 0 < p x -> q y <> 0 -> finite (c x y) -> g y <= 0) ->
  (m = Space -> forall y, q y <> 0 -> g y <= 0) -> 0 < expect q g -> renyi_program a m p c q = p_infty.
Proof.
move=> hg hk more; apply: renyi_infinite => pi s fs [_ sr sp]; have [n s0 piz mg] := fs.
suff : expect q g <= 0 by lra.
rewrite -(@sum_zero Y (fun=> 0)) //; apply: sum_le => y; case: (Req_dec (q y) 0) => [->|qy]; first lra.
have q0 : 0 <= q y by rewrite -mg; have := s0 y; have : 0 <= sum (pi^~ y) by [exact: sum_ge0]; lra.
suff : g y <= 0 by nra.
case em : m sr hk => sr hk; first exact: hk.
have [|x px] := @sum_pos_ex X (pi^~ y); first by have := mg y; rewrite (sum_eq0 s0 (sr erefl) y); lra.
apply: (hg x) => //; last by case: (sp x y) => // e; lra.
by case: (Rle_lt_or_eq_dec _ _ (p0 x)) => // z; have := piz x y (esym z); lra.
Qed.

(** A row that cannot send ([a > 1]), or no row that can ([a < 1]).  Idea: Rényi's sum is infinite, or 0. *)
Theorem T2_renyi_idle_infinite (q : Y -> R) :
  ((1 < a /\ exists x, 0 < p x /\ forall y, q y <> 0 -> c x y = p_infty) \/
   (a < 1 /\ forall x y, 0 < p x -> q y <> 0 -> c x y = p_infty)) -> renyi_program a m p c q = p_infty.
Proof.
move=> idle_; apply: renyi_infinite => pi s fs [[pos _ Ap] _ sp].
have zero x : (forall y, q y <> 0 -> c x y = p_infty) -> sum (pi x) = 0.
  move=> no; apply: sum_zero => y; apply: NNPP => ne; have [qy _] := charged x y fs.
  by case: (sp x y) => //; rewrite no //; exact: qy.
case: idle_ => [[ag [x [px no]]]|[al no]]; first by have := pos x px ag; rewrite zero //; lra.
suff z : sum (renyi_real a p (fun x => sum (pi x))) = 0 by lra.
apply: sum_zero => x; rewrite /renyi_real; case: Rlt_dec => /= px //.
by rewrite zero; [case: Rlt_dec => //= ?; lra | move=> y; exact: no].
Qed.
End Renyi.
