(** * T13: bounds of [D^c], and its order

    [0 <= D^c <= min(D, C(P, .))]: both terms of the definition are nonnegative, and [eta = P] or [eta = Q] may be chosen.  A larger budget
    or a smaller cost leaves the adversary more plans. *)
(** Theorems:
    - [T13_nonneg]: 0 <= D^c
    - [T13_le_transport]: D^c <= C(P, Q)
    - [T13_le_divergence]: D^c <= D
    - [T13_monotone_eps]: the DRO value is nondecreasing in eps
    - [T13_monotone_cost]: D^c is nondecreasing in c *)
From ArmorD Require Export T07_strong.

(** ** T13: [0 <= D^c <= min(D, C(P, .))] *)
Section Order.
Context {X : finType} (D : (X -> R) -> Rbar) (c : X -> X -> Rbar).
Hypotheses (D0 : nonneg_divergence D) (c0 : nonneg_cost c).

(** Idea: both terms of the definition are nonnegative. *)
Theorem T13_nonneg q : Rbar_le 0 (Dc D c q).
Proof. exact: Dc_ge0. Qed.

(** Idea: the choice [eta = P]. *)
Theorem T13_le_transport p q : prob p -> D p = 0 -> Rbar_le (Dc D c q) (C c p q).
Proof.
move=> pp Dp; apply: (Rbar_le_trans _ (Rbar_plus (D p) (C c p q))); first by apply: Inf_le; exists p.
by rewrite Dp; case: (C c p q) => [r||] //=; lra.
Qed.

Hypothesis cd : reflexive_cost c.

Lemma C_self q : prob q -> C c q q = 0.
Proof.
move=> [q0 q1]; apply: Rbar_le_antisym; last exact: C_ge0.
have k : coupling (along (fun x => x) q) q q.
{ split=> [x y|x|y].
  - exact: along_ge0.
  - exact: along_row.
  - rewrite -(sum_dirac q y); apply: sum_ext => x; rewrite /along eq_sym; by case: eqP => [->|]. }
have s : supported c (along (fun x => x) q) by apply: along_supported => x; rewrite cd.
apply: Rbar_le_trans (C_le c0 k s) _; rewrite along_cost sum_zero => [|x]; first exact: Rbar_le_refl.
by rewrite cd /=; ring.
Qed.

(** Idea: the choice [eta = Q], moved nowhere. *)
Theorem T13_le_divergence q : prob q -> Rbar_le (Dc D c q) (D q).
Proof.
move=> pq; apply: (Rbar_le_trans _ (Rbar_plus (D q) (C c q q))); first by apply: Inf_le; exists q.
by rewrite C_self //; case: (D q) => [r||] //=; lra.
Qed.
End Order.

(** The DRO value grows with the budget and shrinks with the cost. *)
Theorem T13_monotone_eps (Y : finType) (dist : (Y -> R) -> Rbar) phi eps eps' kappa : eps <= eps' ->
  Rbar_le (DRO dist phi eps kappa) (DRO dist phi eps' kappa).
Proof. by move=> l; apply: Sup_le => v [q [d [pq e de ->]]]; apply: Sup_ge; exists q, d; split => //; lra. Qed.

(** Idea: every plan is cheaper under the smaller cost. *)
Theorem T13_monotone_cost (X Y : finType) (D : (X -> R) -> Rbar) (c c' : X -> Y -> Rbar) q : nonneg_divergence D ->
  nonneg_cost c -> nonneg_cost c' -> (forall x y, Rbar_le (c x y) (c' x y)) -> Rbar_le (Dc D c q) (Dc D c' q).
Proof.
move=> D0 c0 c0' le; apply: Dc_ge => // eta pi a pe k s e.
have s' : supported c pi.
  move=> x y; case: (s x y) => [->|fc']; [by left | right].
  by move: fc' (le x y) (c0 x y); case: (c x y) => [?||]; case: (c' x y) => [?||].
apply: Rbar_le_trans (Dc_le c0 pe k s' e) _ => /=; apply: Rplus_le_compat_l.
apply: sum_le => x; apply: sum_le => y; case: (s x y) => [->|fc']; first lra.
have [p0 _ _] := k; apply: Rmult_le_compat_l => //.
move: (le x y); rewrite (finite_real fc'); move: (c0 x y); case: (c x y) => [?||] //=; lra.
Qed.
