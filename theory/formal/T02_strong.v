(** * T2, strong form: [D^c(q) = sup_g { q.g - Lambda[g^c] }]

    Idea: below [M < D^c(q)] there is a radius [e] without plans of value [M] (compactness); so the regularised
    value [D + <c, pi> + K |columns - q'|], finite and convex in all [q'], is at least [M] at [q], and its
    subgradient there is a price vector worth [M].  No interior point is needed; the supremum may not be attained. *)
(** Theorems:
    - [T2_strong_duality]: D^c(q) = sup_g { q.g - Lambda[g^c] }, no constraint qualification, any closed convex
      nonnegative D *)
From ArmorD Require Export Compactness Lagrange.

Lemma fin_choice (X : finType) (Y : Type) (P : X -> Y -> Prop) : (forall x, exists y, P x y) -> exists m, forall x, P x (m x).
Proof.
move=> h; case: (pickP (@predT X)) => [x0 _|e]; last first.
  have E (x : X) : False by have := e x.
  by exists (fun x => False_rect Y (E x)) => x; case: (E x).
have [y0 _] := h x0.
suff [m hm] : exists m, forall x, x \in enum X -> P x (m x) by exists m => x; apply: hm; rewrite mem_enum.
elim: (enum X) => [|x l [m IH]]; first by exists (fun=> y0).
have [y hy] := h x; exists (fun z => if z == x then y else m z) => z.
by rewrite inE; case: eqP => [-> //|_] /=; exact: IH.
Qed.

Lemma fin_argmax (Y : finType) (P : Y -> Prop) (F : Y -> R) : (exists y, P y) -> exists y, P y /\ forall z, P z -> F z <= F y.
Proof.
move=> [y0 p0].
suff [y [py h]] : exists y, P y /\ forall z, z \in enum Y -> P z -> F z <= F y by exists y; split => // z; apply: h; rewrite mem_enum.
elim: (enum Y) => [|x l [y [py h]]]; first by exists y0.
case: (classic (P x /\ F y < F x)) => [[px l']|n].
  by exists x; split => // z; rewrite inE => /orP [/eqP -> _|zl pz]; [lra | have := h z zl pz; lra].
exists y; split => // z; rewrite inE => /orP [/eqP ->|]; last exact: h.
by move=> px; apply: Rnot_lt_le => l'; apply: n.
Qed.

Section CTransform.
Context {X Y : finType} (c : X -> Y -> Rbar).
Hypotheses (c0 : nonneg_cost c) (reach : forall x, exists y, finite (c x y)).

Lemma ctransform_spec (g : Y -> R) x : exists y, [/\ finite (c x y), real (ctransform c g x) = g y - real (c x y),
  ctransform c g x = Finite (g y - real (c x y)) & forall z, finite (c x z) -> g z - real (c x z) <= g y - real (c x y)].
Proof.
have [y [fy h]] := @fin_argmax Y (fun y => finite (c x y)) (fun y => g y - real (c x y)) (reach x).
have e : ctransform c g x = Finite (g y - real (c x y)).
  apply: Rbar_le_antisym.
    apply: Sup_le => v [z ->]; case e : (c x z) => [r||] //=; last by have := c0 x z; rewrite e.
    have := h z; rewrite e => /(_ isT) /=; lra.
  have -> : Finite (g y - real (c x y)) = Rbar_minus (g y) (c x y) by rewrite (finite_real fy).
  by apply: Sup_ge; exists y.
by exists y; split => //; rewrite e.
Qed.

Lemma ctransform_ge (g : Y -> R) x y : finite (c x y) -> g y - real (c x y) <= real (ctransform c g x).
Proof. by move=> fy; have [z [_ -> _ h]] := ctransform_spec g x; exact: h. Qed.

(** Moving the mass of each row along a map. *)
Definition along (m : X -> Y) (eta : X -> R) x y : R := if y == m x then eta x else 0.

Lemma along_row m eta x : sum (along m eta x) = eta x.
Proof. exact: (sum_dirac (fun=> eta x)). Qed.

Lemma along_rows m eta : (fun x => sum (along m eta x)) = eta.
Proof. by apply: functional_extensionality => x; exact: along_row. Qed.

Lemma along_dual m eta (g : Y -> R) : sum (fun y => g y * sum ((along m eta)^~ y)) = sum (fun x => eta x * g (m x)).
Proof.
transitivity (sum (fun y => sum (fun x => along m eta x y * g y))).
  by apply: sum_ext => y; rewrite sum_scalr; ring.
rewrite sum_sum; apply: sum_ext => x; rewrite -(sum_dirac (fun y => eta x * g y) (m x)).
by apply: sum_ext => y; rewrite /along; case: (y == m x); ring.
Qed.

Lemma along_cost m eta : rcost c (along m eta) = sum (fun x => eta x * real (c x (m x))).
Proof.
apply: sum_ext => x; rewrite -(sum_dirac (fun y => eta x * real (c x y)) (m x)); apply: sum_ext => y.
by rewrite /along; case: (y == m x); ring.
Qed.

Lemma along_supported m eta : (forall x, finite (c x (m x))) -> supported c (along m eta).
Proof. by move=> h x y; rewrite /along; case: eqP => [->|_]; [right | left]. Qed.

Lemma along_ge0 m eta : (forall x, 0 <= eta x) -> forall x y, 0 <= along m eta x y.
Proof. by move=> e0 x y; rewrite /along; case: (y == m x) => //; lra. Qed.
End CTransform.

Section Strong.
Context {X Y : finType} (D : (X -> R) -> Rbar) (c : X -> Y -> Rbar).
Hypotheses (Dcl : closed_divergence D) (D0 : nonneg_divergence D) (c0 : nonneg_cost c).
Hypothesis reach : forall x, exists y, finite (c x y).

Definition dual_value (q g : Y -> R) : Rbar := Rbar_minus (expect q g) (Lambda D (fun x => real (ctransform c g x))).

(** A price vector pays at most the transported gain: [q.g <= eta.g^c + <c, pi>]. *)
Lemma price_le (q g : Y -> R) eta pi : coupling pi eta q -> supported c pi ->
  expect q g <= expect eta (fun x => real (ctransform c g x)) + rcost c pi.
Proof.
move=> [p0 mr mc] s; have -> : expect q g = sum (fun x => sum (fun y => pi x y * g y)).
  by rewrite sum_sum; apply: sum_ext => y; rewrite sum_scalr mc.
rewrite /expect /rcost -sum_plus; apply: sum_le => x; rewrite -mr -sum_scalr -sum_plus; apply: sum_le => y.
case: (s x y) => [->|/(ctransform_ge c0 reach g)]; first lra.
have := p0 x y; nra.
Qed.

(** Idea: [g_j <= g^c_i + c_ij] summed over a plan, and the definition of [Lambda]. *)
Theorem T2_dual_weak (q g : Y -> R) : Rbar_le (dual_value q g) (Dc D c q).
Proof.
apply: Dc_ge => // eta pi a pe k s e; have := price_le g k s.
have : Rbar_le (Rbar_minus (expect eta (fun x => real (ctransform c g x))) (D eta)) (Lambda D (fun x => real (ctransform c g x))).
  by apply: Sup_ge; exists eta.
by rewrite /dual_value e; case: (Lambda _ _) => [l||] //=; lra.
Qed.

(** Idea: below [D^c(q)] a subgradient of the regularised value is a price vector that is worth as much. *)
Lemma T2_dual_approx (q : Y -> R) (M : R) : Rbar_lt M (Dc D c q) -> exists g, Rbar_le M (dual_value q g).
Proof.
move=> lM; case: (classic (exists eta, prob eta /\ finite (D eta))) => [[eta0 [pe0 fe0]]|none]; last first.
  exists (fun=> 0); rewrite /dual_value.
  suff -> : Lambda D (fun x => real (ctransform c (fun=> 0) x)) = m_infty by [].
  apply: Rbar_le_antisym; last by case: (Lambda _ _).
  apply: Sup_le => v [eta [pe ->]]; move: (D0 pe); case e : (D eta) => [d||] //= _.
  by case: none; exists eta; rewrite e.
have [m fm] := fin_choice reach.
have [e [e0 he]] : exists e, 0 < e /\ forall pi, ~ almost D c q M e pi.
  apply: NNPP => n; apply: (Rbar_lt_not_le _ _ lM).
  have [|pi [k p s l]] := @plans_closed _ _ D c Dcl q M.
    by move=> e e0; apply: NNPP => n'; apply: n; exists e; split => // pi a; apply: n'; exists pi.
  move: l (D0 p); case ed : (D _) => [d||] //= l _.
  by apply: Rbar_le_trans (Dc_le c0 p k s ed) _ => /=; lra.
pose K := (Rabs M + 1) / e; have MA := Rle_abs M; have Mp := Rabs_pos M.
have K0 : 0 < K by apply: Rdiv_lt_0_compat; lra.
pose E (q' : Y -> R) v := exists pi a, [/\ (forall x y, 0 <= pi x y) /\ prob (fun x => sum (pi x)), supported c pi,
  Rbar_le (D (fun x => sum (pi x))) (Finite a) & a + rcost c pi + K * sum (fun y => Rabs (sum (pi^~ y) - q' y)) <= v].
have any q' eta d m' : prob eta -> D eta = Finite d -> (forall x, finite (c x (m' x))) ->
  E q' (d + rcost c (along m' eta) + K * sum (fun y => Rabs (sum ((along m' eta)^~ y) - q' y))).
{ move=> pe ed fm'; exists (along m' eta), d; rewrite along_rows; split => //; last exact: Rle_refl.
  - by split => //; apply: along_ge0; case: pe.
  - exact: along_supported.
  - by rewrite ed; exact: Rbar_le_refl. }
have [g hg] : exists g : Y -> R, forall q' v, E q' v -> M + sum (fun i => g i * (q' i - q i)) <= v.
{ apply: subgradient.
  - move=> q1 v1 q2 v2 a [p1 [a1 [[n1 pr1] s1 d1 l1]]] [p2 [a2 [[n2 pr2] s2 d2 l2]]] a01.
    have rows : (fun x => sum (fun y => a * p1 x y + (1 - a) * p2 x y)) = (fun x => a * sum (p1 x) + (1 - a) * sum (p2 x)).
      by apply: functional_extensionality => x; rewrite sum_plus !sum_scal.
    exists (fun x y => a * p1 x y + (1 - a) * p2 x y), (a * a1 + (1 - a) * a2); rewrite rows; split.
    + split; last exact: prob_mix.
      by move=> x y; have := n1 x y; have := n2 x y; nra.
    + by move=> x y; case: (s1 x y) => [->|]; [case: (s2 x y) => [->|]; [left; ring | right] | right].
    + exact: D_convex.
    + have -> : rcost c (fun x y => a * p1 x y + (1 - a) * p2 x y) = a * rcost c p1 + (1 - a) * rcost c p2.
        rewrite /rcost -!sum_scal -sum_plus; apply: sum_ext => x; rewrite -!sum_scal -sum_plus; apply: sum_ext => y; ring.
      have T : sum (fun y => Rabs (sum (fun x => a * p1 x y + (1 - a) * p2 x y) - (a * q1 y + (1 - a) * q2 y)))
         <= a * sum (fun y => Rabs (sum (p1^~ y) - q1 y)) + (1 - a) * sum (fun y => Rabs (sum (p2^~ y) - q2 y)).
        rewrite -!sum_scal -sum_plus; apply: sum_le => y; rewrite sum_plus !sum_scal.
        have -> : a * sum (p1^~ y) + (1 - a) * sum (p2^~ y) - (a * q1 y + (1 - a) * q2 y)
          = a * (sum (p1^~ y) - q1 y) + (1 - a) * (sum (p2^~ y) - q2 y) by ring.
        apply: Rle_trans (Rabs_triang _ _) _; rewrite !Rabs_mult (Rabs_pos_eq a) ?(Rabs_pos_eq (1 - a)); lra.
      have := Rmult_le_compat_l _ _ _ (Rlt_le _ _ K0) T; nra.
  - move=> v [pi [a [[n pr] s d l]]]; apply: Rnot_lt_le => lv; apply: (he pi).
    have S0 : 0 <= sum (fun y => Rabs (sum (pi^~ y) - q y)) by apply: sum_ge0 => y; exact: Rabs_pos.
    have KS : 0 <= K * sum (fun y => Rabs (sum (pi^~ y) - q y)) by apply: Rmult_le_pos; lra.
    have r0 := rcost_ge0 c0 n; have a0 : 0 <= a by have := Rbar_le_trans _ _ _ (D0 pr) d.
    split => //; first by apply: Rbar_le_trans d _ => /=; lra.
    move=> y; have t := sum_ge_term y (fun y => Rabs_pos (sum (pi^~ y) - q y)).
    apply: (Rmult_le_reg_l K) => //; have -> : K * e = Rabs M + 1 by rewrite /K; field; lra.
    have := Rmult_le_compat_l _ _ _ (Rlt_le _ _ K0) t => /=; lra.
  - by move=> j; exists 1; eexists; split; [lra | apply: (any _ _ _ _ pe0 (finite_real fe0) fm)].
  - by move=> j; exists (-1); eexists; split; [lra | apply: (any _ _ _ _ pe0 (finite_real fe0) fm)]. }
exists g; rewrite /dual_value.
have lam : Rbar_le (Lambda D (fun x => real (ctransform c g x))) (expect q g - M).
  apply: Sup_le => v [eta [pe ->]]; case ed : (D eta) => [d||] //; last by have := D0 pe; rewrite ed.
  have [m' hm'] := fin_choice (ctransform_spec c0 reach g).
  have fm' x : finite (c x (m' x)) by case: (hm' x).
  have := hg _ _ (any (fun y => sum ((along m' eta)^~ y)) eta d m' pe ed fm').
  rewrite (sum_zero (F := fun y => Rabs _)); last by move=> y; rewrite Rminus_eq_0 Rabs_R0.
  have -> : sum (fun y => g y * (sum ((along m' eta)^~ y) - q y)) = sum (fun x => eta x * g (m' x)) - expect q g.
    by rewrite -along_dual /expect -sum_minus; apply: sum_ext => y; ring.
  rewrite along_cost /=.
  have -> : expect eta (fun x => real (ctransform c g x)) = sum (fun x => eta x * g (m' x)) - sum (fun x => eta x * real (c x (m' x))).
    by rewrite /expect -sum_minus; apply: sum_ext => x; have [_ -> _ _] := hm' x; ring.
  lra.
by move: lam; case: (Lambda _ _) => [l||] //=; lra.
Qed.

(** Idea: weak duality above, and prices worth any [M < D^c(q)] below. *)
Theorem T2_strong_duality (q : Y -> R) : Dc D c q = Sup (fun v => exists g, v = dual_value q g).
Proof.
apply: Rbar_le_antisym; last by apply: Sup_le => v [g ->]; exact: T2_dual_weak.
apply: Rbar_le_real_below => r /T2_dual_approx [g l]; apply: Rbar_le_trans l _.
by apply: Sup_ge; exists g.
Qed.
End Strong.
