(** * T1 for rectangular costs: rows and columns as points of one space

    An instance whose columns are other points than its rows is an instance on one space, the disjoint union: [P] lives on the
    rows, [Q] on the columns, and between all other pairs of different points the cost is infinite.  So the program of T1 is D^c there.
    Idea: plans of the union are plans from rows to columns, since nothing starts at a column and nothing ends at a row. *)
(** Theorems:
    - [T1_joined]: for rectangular costs the program is D^c on the disjoint union of rows and columns
    - [T1_renyi_joined]: the same for Renyi's divergence *)
From ArmorD Require Export RenyiProgram.

Lemma sum_split (X Y : finType) (F : X + Y -> R) : sum F = sum (fun x => F (inl x)) + sum (fun y => F (inr y)).
Proof. by rewrite -sum_inj; apply: sum_ext => -[]. Qed.

Lemma esum_eq (X Y : finType) (F : X -> Rbar) (G : Y -> Rbar) :
  ((forall x, finite (F x)) <-> (forall y, finite (G y))) -> sum (fun x => real (F x)) = sum (fun y => real (G y)) ->
  esum F = esum G.
Proof.
rewrite /esum => e ->; case: forallP => [/e|] f; case: forallP => // g; by case: g || case: f; apply/e.
Qed.

Section Joined.
Context {X Y : finType}.
Implicit Types (p r : X -> R) (q s : Y -> R) (pi : X -> Y -> R) (c : X -> Y -> Rbar).

Definition on_rows r (z : X + Y) : R := if z is inl x then r x else 0.
Definition on_columns q (z : X + Y) : R := if z is inr y then q y else 0.
Definition joined_cost c (z w : X + Y) : Rbar :=
  match z, w with inl x, inr y => c x y | _, _ => if z == w then Finite 0 else p_infty end.
Definition joined_plan pi (z w : X + Y) : R := match z, w with inl x, inr y => pi x y | _, _ => 0 end.

Lemma joined_nonneg c : nonneg_cost c -> nonneg_cost (joined_cost c).
Proof.
have h (b : bool) : Rbar_le 0 (if b then Finite 0 else p_infty) by case: b => //; exact: Rbar_le_refl.
by move=> c0 [x|y] [x'|y']; [exact: h | exact: c0 | | exact: h].
Qed.

Lemma joined_reflexive c : reflexive_cost (joined_cost c).
Proof. by move=> [x|y]; rewrite /joined_cost eqxx. Qed.

Lemma on_rows_prob p : prob p -> prob (on_rows p).
Proof.
by move=> [p0 p1]; split=> [[x|y] /=|]; [exact: p0 | lra | rewrite sum_split /= (@sum_zero Y) // p1; ring].
Qed.

Lemma on_columns_prob q : prob q -> prob (on_columns q).
Proof.
by move=> [q0 q1]; split=> [[x|y] /=|]; [lra | exact: q0 | rewrite sum_split /= (@sum_zero X) // q1; ring].
Qed.

Lemma joined_row pi : (fun z => sum (joined_plan pi z)) = on_rows (fun x => sum (pi x)).
Proof.
apply: functional_extensionality => -[x|y] /=; last by apply: sum_zero => -[].
by rewrite sum_split /= (@sum_zero X) // Rplus_0_l.
Qed.

Lemma joined_feasible p q pi s :
  program_feasible p q pi s -> program_feasible (on_rows p) (on_columns q) (joined_plan pi) (on_columns s).
Proof.
move=> [pi0 s0 piz mg]; split.
- by move=> [x|y] [x'|y'] //=; lra.
- by move=> [x|y] //=; lra.
- by move=> [x|y] [x'|y'] //= e; exact: piz.
- move=> [x|y] /=; rewrite sum_split /=.
    by rewrite !sum_zero //; ring.
  by rewrite (@sum_zero Y) // -mg Rplus_0_r.
Qed.

Lemma unjoined p q (pi' : X + Y -> X + Y -> R) (s' : X + Y -> R) : program_feasible (on_rows p) (on_columns q) pi' s' ->
  let pi x y := pi' (inl x) (inr y) in let s y := s' (inr y) in
  [/\ program_feasible p q pi s, pi' = joined_plan pi & s' = on_columns s].
Proof.
move=> [pi0 s0 piz mg] /=.
have row y w : pi' (inr y) w = 0 by exact: (piz (inr y)).
have col z x : pi' z (inl x) = 0 /\ s' (inl x) = 0.
  have := mg (inl x); have := sum_ge_term z (fun z => pi0 z (inl x)); have := s0 (inl x); have := pi0 z (inl x) => /=; lra.
split.
- split => [x y|y|x y e|y]; [exact: pi0 | exact: s0 | exact: (piz (inl x)) |].
  have := mg (inr y); rewrite sum_split (@sum_zero Y (fun z => pi' (inr z) (inr y))) ?Rplus_0_r //.
- apply: functional_extensionality => -[x|y]; apply: functional_extensionality => w; last by rewrite row; case: w.
  by case: w => [x'|y'] //=; case: (col (inl x) x').
- by apply: functional_extensionality => -[x|y] //=; case: (col (inl x) x).
Qed.

Lemma joined_Df f k p r : Df f k (on_rows p) (on_rows r) = Df f k p r.
Proof.
apply: esum_eq; last first.
  by rewrite sum_split /= [X in _ + X](@sum_zero Y) ?Rplus_0_r // => y; case: Rlt_dec => /= [l|_]; [lra | rewrite Rbar_mult_0_l].
split=> h; first by move=> x; exact: (h (inl x)).
by move=> [x|y] //=; case: Rlt_dec => /= [l|_]; [lra | rewrite Rbar_mult_0_l].
Qed.

Lemma joined_renyi a m p r : renyi a m (on_rows p) (on_rows r) = renyi a m p r.
Proof.
rewrite /renyi; have -> : esum (renyi_term a m (on_rows p) (on_rows r)) = esum (renyi_term a m p r); last by [].
have z (y : Y) : renyi_term a m (on_rows p) (on_rows r) (inr y) = 0.
  by rewrite /renyi_term /=; case: Rlt_dec => /= [l|_]; [lra | case: (m) => //; case: Req_EM_T].
apply: esum_eq; last by rewrite sum_split [X in _ + X](@sum_zero Y) ?Rplus_0_r // => y; rewrite z.
by split=> h; [move=> x; exact: (h (inl x)) | move=> [x|y]; [exact: h | rewrite z]].
Qed.

Lemma joined_transport c pi : cost (joined_cost c) (joined_plan pi) = cost c pi.
Proof.
apply: esum_eq; last first.
  rewrite !sum_prod sum_split [X in _ + X](@sum_zero Y) ?Rplus_0_r => [|y].
    apply: sum_ext => x; rewrite sum_split [X in X + _](@sum_zero X) ?Rplus_0_l // => x' /=.
    by rewrite Rbar_mult_0_l.
  by apply: sum_zero => -[x|y'] /=; rewrite Rbar_mult_0_l.
split=> h; first by move=> [x y]; exact: (h (inl x, inr y)).
by move=> [[x|y] [x'|y']]; rewrite /= ?Rbar_mult_0_l //; exact: (h (x, y')).
Qed.

Lemma on_columns_sum s : sum (on_columns s) = sum s.
Proof. by rewrite sum_split /= (@sum_zero X) // Rplus_0_l. Qed.

(** Idea: the plans correspond and have the same value. *)
Lemma joined_program f k p c q : program f k (on_rows p) (joined_cost c) (on_columns q) = program f k p c q.
Proof.
have value pi s : program_value f k (on_rows p) (joined_cost c) (joined_plan pi) (on_columns s) = program_value f k p c pi s.
  by rewrite /program_value joined_row joined_Df joined_transport on_columns_sum.
apply: Inf_ext => v; split=> [[pi' [s' [h ->]]]|[pi [s [h ->]]]].
  have [h' -> ->] := unjoined h; do 2 eexists; split; first exact: h'.
  exact: value.
by exists (joined_plan pi), (on_columns s); split; [exact: joined_feasible | rewrite value].
Qed.

Lemma joined_renyi_program a m p c q :
  renyi_program a m (on_rows p) (joined_cost c) (on_columns q) = renyi_program a m p c q.
Proof.
have value pi s : renyi_value a m (on_rows p) (joined_cost c) (joined_plan pi) (on_columns s) = renyi_value a m p c pi s.
  by rewrite /renyi_value joined_row joined_renyi joined_transport on_columns_sum.
apply: Inf_ext => v; split=> [[pi' [s' [h ->]]]|[pi [s [h ->]]]].
  have [h' -> ->] := unjoined h; do 2 eexists; split; first exact: h'.
  exact: value.
by exists (joined_plan pi), (on_columns s); split; [exact: joined_feasible | rewrite value].
Qed.

(** Idea: T1 on the union, whose program is that of rows and columns. *)
Theorem T1_joined f m p c q : nonneg_cost c -> prob p -> prob q ->
  Dc (Df f (slope f m) (on_rows p)) (joined_cost c) (on_columns q) = program f (slope f m) p c q.
Proof.
move=> c0 pp pq; rewrite -joined_program; apply: T1_primal.
- exact: joined_nonneg.
- exact: joined_reflexive.
- exact: on_rows_prob.
- exact: on_columns_prob.
Qed.

(** Idea: the same with Rényi's divergence. *)
Theorem T1_renyi_joined a m p c q : 0 < a -> a <> 1 -> nonneg_cost c -> prob p -> prob q ->
  Dc (renyi a m (on_rows p)) (joined_cost c) (on_columns q) = renyi_program a m p c q.
Proof.
move=> a0 a1 c0 pp pq; rewrite -joined_renyi_program; apply: T1_renyi_primal => //.
- exact: on_rows_prob.
- exact: on_columns_prob.
- exact: joined_nonneg.
- exact: joined_reflexive.
Qed.
End Joined.
