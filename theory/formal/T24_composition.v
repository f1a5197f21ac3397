(** * T24: transport after transport is transport

    Plans are glued along the middle marginal; conversely every arc of the composed cost is sent through its best middle point. *)
(** Theorems:
    - [T24_composition]: (D^c1)^c2 = D^(c1 [] c2)
    - [T24_triangle]: (D^c)^c = D^c under the triangle inequality
    - [T24_lipschitz]: D^c(Q) <= D^c(Q') + C(Q', Q) under the triangle inequality *)
From ArmorD Require Export T13_bounds.

(** ** T24: [(D^c1)^c2 = D^(c1 [] c2)], [(c1 [] c2)(x, z) = inf_y c1(x, y) + c2(y, z)]
 *)
Definition compose (X Y Z : finType) (c1 : X -> Y -> Rbar) (c2 : Y -> Z -> Rbar) x z : Rbar :=
  Inf (fun v => exists y, v = Rbar_plus (c1 x y) (c2 y z)).

Section Composition.
Context {X Y Z : finType} (D : (X -> R) -> Rbar) (c1 : X -> Y -> Rbar) (c2 : Y -> Z -> Rbar).
Hypotheses (D0 : nonneg_divergence D) (c10 : nonneg_cost c1) (c20 : nonneg_cost c2).

Lemma compose_nonneg : nonneg_cost (compose c1 c2).
Proof. by move=> x z; apply: Inf_ge => v [y ->]; move: (c10 x y) (c20 y z); case: (c1 x y) => [?||]; case: (c2 y z) => [?||] //=; lra. Qed.

Lemma compose_le x y z : finite (c1 x y) -> finite (c2 y z) ->
  finite (compose c1 c2 x z) /\ real (compose c1 c2 x z) <= real (c1 x y) + real (c2 y z).
Proof.
move=> f1 f2; have : Rbar_le (compose c1 c2 x z) (Rbar_plus (c1 x y) (c2 y z)) by apply: Inf_le; exists y.
by rewrite (finite_real f1) (finite_real f2); move: (compose_nonneg x z); case: (compose c1 c2 x z) => [r||].
Qed.

Lemma compose_mid x z : finite (compose c1 c2 x z) -> exists y, [/\ finite (c1 x y), finite (c2 y z)
  & real (compose c1 c2 x z) = real (c1 x y) + real (c2 y z)].
Proof.
move=> fc; pose P y := finite (c1 x y) && finite (c2 y z).
have [y0 Py0] : exists y, P y.
  apply: NNPP => n; have e : compose c1 c2 x z = p_infty.
    apply: Rbar_le_antisym; first by case: (compose _ _ _ _).
    apply: Inf_ge => v [y ->]; have ny : ~~ P y by apply/negP => py; apply: n; exists y.
    move: ny (c10 x y) (c20 y z); rewrite /P; case: (c1 x y) => [?||]; case: (c2 y z) => [?||] //=.
  by rewrite e in fc.
have [y [/andP [f1 f2] h]] := @fin_argmax Y P (fun y => - (real (c1 x y) + real (c2 y z))) (ex_intro _ y0 Py0).
exists y; split => //; apply: Rle_antisym; first by case: (compose_le f1 f2).
have : Rbar_le (Finite (real (c1 x y) + real (c2 y z))) (compose c1 c2 x z).
  apply: Inf_ge => v [w ->]; case pw : (P w); last first.
    by move: pw (c10 x w) (c20 w z); rewrite /P; case: (c1 x w) => [?||]; case: (c2 w z) => [?||].
  have := h w pw; case/andP: pw => /finite_real -> /finite_real -> /=; lra.
by rewrite {1}(finite_real fc).
Qed.

(** Idea: as above; the middle point of every arc is chosen once ([fin_choice]). *)
Theorem T24_composition q : prob q -> Dc (Dc D c1) c2 q = Dc D (compose c1 c2) q.
Proof.
move=> pq; have D10 : nonneg_divergence (Dc D c1) by move=> e _; exact: Dc_ge0.
apply: Rbar_le_antisym.
- apply: Dc_ge => //; first exact: compose_nonneg.
  move=> eta pi a pe [p0 mr mc] s e.
  pose best (i : X * Z) y := finite (compose c1 c2 i.1 i.2) ->
     [/\ finite (c1 i.1 y), finite (c2 y i.2) & real (compose c1 c2 i.1 i.2) = real (c1 i.1 y) + real (c2 y i.2)].
  have [mid hm] : exists m : X * Z -> Y, forall i, best i (m i).
    case: (classic (exists i : X * Z, finite (compose c1 c2 i.1 i.2))) => [[i0 f0]|none].
      have [y0 _] := compose_mid f0; apply: (@fin_choice _ _ best) => i; rewrite /best; case fi : (finite (compose c1 c2 i.1 i.2)); last by exists y0.
      by have [y hy] := compose_mid fi; exists y.
    have [i0 _] : exists i : X * Z, True.
      have [|x px] := @sum_pos_ex X eta; first by case: pe => _ ->; lra.
      have [|z pz] := @sum_pos_ex Z (pi x); first by rewrite mr.
      by exists (x, z).
    have : False; last by [].
    have [|x px] := @sum_pos_ex X eta; first by case: pe => _ ->; lra.
    have [|z pz] := @sum_pos_ex Z (pi x); first by rewrite mr.
    by case: (s x z) => [ez|fz]; [lra | apply: none; exists (x, z)].
  pose p1 x y := sum (fun z => if mid (x, z) == y then pi x z else 0).
  pose p2 y z := sum (fun x => if mid (x, z) == y then pi x z else 0).
  pose nu y := sum (p1^~ y).
  have ge0 x y z : 0 <= (if mid (x, z) == y then pi x z else 0) by case: (_ == _) => //; lra.
  have r1 x : sum (p1 x) = eta x.
    by rewrite /p1 -mr -(sum_fiber (fun z => mid (x, z)) (pi x)).
  have pn : prob nu.
    split=> [y|]; first by apply: sum_ge0 => x; apply: sum_ge0.
    rewrite /nu sum_sum; case: pe => _ <-; apply: sum_ext => x; exact: r1.
  have k1 : coupling p1 eta nu by split => // x y; apply: sum_ge0.
  have k2 : coupling p2 nu q.
  { split=> [y z|y|z].
    - exact: sum_ge0.
    - by rewrite /p2 /nu /p1 sum_sum.
    - by rewrite /p2 -mc -(sum_fiber (fun x => mid (x, z)) (pi^~ z)). }
  have sz x z : pi x z = 0 \/ finite (compose c1 c2 x z) := s x z.
  have s1 : supported c1 p1.
    move=> x y; case f1 : (finite (c1 x y)); [by right | left; apply: sum_zero => z].
    case: eqP => // em; case: (sz x z) => // fz; have [f _ _] := hm (x, z) fz.
    by rewrite /= em f1 in f.
  have s2 : supported c2 p2.
    move=> y z; case f2 : (finite (c2 y z)); [by right | left; apply: sum_zero => x].
    case: eqP => // em; case: (sz x z) => // fz; have [_ f _] := hm (x, z) fz.
    by rewrite /= em f2 in f.
  have L1 := Dc_le c10 pe k1 s1 e; have P1 := @Dc_ge0 _ _ c1 D c10 D0 nu.
  case e1 : (Dc D c1 nu) L1 P1 => [d1||] //= L1 _.
  apply: Rbar_le_trans (Dc_le c20 pn k2 s2 e1) _ => /=.
  suff : rcost c1 p1 + rcost c2 p2 <= rcost (compose c1 c2) pi by lra.
  have -> : rcost c1 p1 = sum (fun x => sum (fun z => pi x z * real (c1 x (mid (x, z))))).
    apply: sum_ext => x; transitivity (sum (fun y => sum (fun z => if mid (x, z) == y then pi x z * real (c1 x (mid (x, z))) else 0))).
      by apply: sum_ext => y; rewrite -sum_scalr; apply: sum_ext => z; case: eqP => [->|_]; ring.
    exact: (sum_fiber (fun z => mid (x, z)) (fun z => pi x z * real (c1 x (mid (x, z))))).
  have -> : rcost c2 p2 = sum (fun x => sum (fun z => pi x z * real (c2 (mid (x, z)) z))).
    rewrite /rcost sum_sum [RHS]sum_sum; apply: sum_ext => z.
    transitivity (sum (fun y => sum (fun x => if mid (x, z) == y then pi x z * real (c2 (mid (x, z)) z) else 0))).
      by apply: sum_ext => y; rewrite -sum_scalr; apply: sum_ext => x; case: eqP => [->|_]; ring.
    exact: (sum_fiber (fun x => mid (x, z)) (fun x => pi x z * real (c2 (mid (x, z)) z))).
  rewrite -sum_plus; apply: sum_le => x; rewrite -sum_plus; apply: sum_le => z.
  by case: (sz x z) => [->|fz]; [lra | have [_ _ /= ->] := hm (x, z) fz; lra].
- apply: Dc_ge => // nu p2 a pn [p20 m2r m2c] s2 e.
  apply: Rbar_le_real_above => r lr; have l : Rbar_lt (Dc D c1 nu) (r - rcost c2 p2) by move: lr; rewrite e /=; lra.
  have [eta [p1 [a1 [pe [p10 m1r m1c] s1 e1 l1]]]] := Dc_lt c10 D0 l.
  pose pi x z := sum (fun y => p1 x y * (p2 y z * / nu y)).
  have n0 y : 0 <= nu y by case: pn.
  have z1 y : nu y = 0 -> forall x, p1 x y = 0 by rewrite -m1c => ny x; exact: (sum_eq0 (fun x => p10 x y) ny x).
  have term x y : p1 x y * (nu y * / nu y) = p1 x y.
    by case: (Req_dec (nu y) 0) => [/z1 ->|n]; [ring | field].
  have term2 y z : nu y * / nu y * p2 y z = p2 y z.
    case: (Req_dec (nu y) 0) => [ny|n]; last by field.
    have -> : p2 y z = 0 by apply: (@sum_eq0 _ (p2 y)) => //; rewrite m2r.
    by ring.
  have w0 x y z : 0 <= p1 x y * (p2 y z * / nu y).
    apply: Rmult_le_pos => //; case: (Rle_lt_or_eq_dec _ _ (n0 y)) => [ny|ny].
      by apply: Rmult_le_pos => //; left; apply: Rinv_0_lt_compat.
    by have -> : p2 y z = 0 by [apply: (@sum_eq0 _ (p2 y)) => //; rewrite m2r]; lra.
  have eq1 x y r' : sum (fun z => p1 x y * (p2 y z * / nu y) * r') = p1 x y * r'.
    by rewrite sum_scalr sum_scal sum_scalr m2r term.
  have eq2 y z r' : sum (fun x => p1 x y * (p2 y z * / nu y) * r') = p2 y z * r'.
    by rewrite !sum_scalr m1c -{2}(term2 y z); ring.
  have k : coupling pi eta q.
  { split=> [x z|x|z].
    - exact: sum_ge0.
    - rewrite /pi sum_sum -m1r; apply: sum_ext => y; rewrite -[RHS]Rmult_1_r -(eq1 x y 1).
      by apply: sum_ext => z; ring.
    - rewrite /pi sum_sum -m2c; apply: sum_ext => y; rewrite -[RHS]Rmult_1_r -(eq2 y z 1).
      by apply: sum_ext => x; ring. }
  have s : supported (compose c1 c2) pi.
    move=> x z; case fc : (finite (compose c1 c2 x z)); [by right | left; apply: sum_zero => y].
    case: (s1 x y) => [->|f1]; first ring.
    case: (s2 y z) => [->|f2]; first ring.
    by have [f _] := compose_le f1 f2; rewrite f in fc.
  apply: Rbar_le_trans (Dc_le compose_nonneg pe k s e1) _ => /=.
  suff : rcost (compose c1 c2) pi <= rcost c1 p1 + rcost c2 p2 by lra.
  have -> : rcost c1 p1 = sum (fun x => sum (fun z => sum (fun y => p1 x y * (p2 y z * / nu y) * real (c1 x y)))).
    by apply: sum_ext => x; rewrite [RHS]sum_sum; apply: sum_ext => y; rewrite eq1.
  have -> : rcost c2 p2 = sum (fun x => sum (fun z => sum (fun y => p1 x y * (p2 y z * / nu y) * real (c2 y z)))).
    transitivity (sum (fun y => sum (fun z => sum (fun x => p1 x y * (p2 y z * / nu y) * real (c2 y z))))).
      by apply: sum_ext => y; apply: sum_ext => z; rewrite eq2.
    rewrite sum_sum [RHS]sum_sum; apply: sum_ext => z; exact: sum_sum.
  rewrite /rcost -sum_plus; apply: sum_le => x; rewrite -sum_plus; apply: sum_le => z.
  rewrite /pi -sum_scalr -sum_plus; apply: sum_le => y.
  case: (s1 x y) => [->|f1]; first lra.
  case: (s2 y z) => [->|f2]; first lra.
  have [_ le] := compose_le f1 f2; have := w0 x y z; nra.
Qed.
End Composition.

(** A cost with the triangle inequality composes to itself, so [D^c] is stable under a further transport. *)
Corollary T24_triangle (X : finType) (D : (X -> R) -> Rbar) (c : X -> X -> Rbar) q : nonneg_divergence D ->
  nonneg_cost c -> reflexive_cost c -> (forall x y z, Rbar_le (c x z) (Rbar_plus (c x y) (c y z))) -> prob q ->
  Dc (Dc D c) c q = Dc D c q.
Proof.
move=> D0 c0 cd tri pq; rewrite T24_composition //; congr (Dc D _ q).
apply: functional_extensionality => x; apply: functional_extensionality => z; apply: Rbar_le_antisym.
  apply: (Rbar_le_trans _ (Rbar_plus (c x x) (c x z))); first by apply: Inf_le; exists x.
  by rewrite cd; case: (c x z) => [r||] //=; lra.
by apply: Inf_ge => v [y ->].
Qed.

(** ** T24: [D^c(Q) <= D^c(Q') + C(Q', Q)].  Idea: [T24_triangle], with the middle distribution [Q']. *)
Corollary T24_lipschitz (X : finType) (D : (X -> R) -> Rbar) (c : X -> X -> Rbar) q q' : nonneg_divergence D ->
  nonneg_cost c -> reflexive_cost c -> (forall x y z, Rbar_le (c x z) (Rbar_plus (c x y) (c y z))) -> prob q -> prob q' ->
  Rbar_le (Dc D c q) (Rbar_plus (Dc D c q') (C c q' q)).
Proof. by move=> D0 c0 cd tri pq pq'; rewrite -(T24_triangle D0 c0 cd tri pq); apply: Inf_le; exists q'. Qed.
