(** * T13, T18, T20, T22, T24, T28: order, invariances and composition

    Each follows from the definitions by transforming plans. *)
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

(** ** T20: [V_{a kappa}(a phi + b) = a V_kappa(phi) + b] *)
Theorem T20_equivariance (Y : finType) (dist : (Y -> R) -> Rbar) phi eps kappa a b : 0 < a ->
  DRO dist (fun y => a * phi y + b) eps (a * kappa) = Rbar_plus (Rbar_mult a (DRO dist phi eps kappa)) b.
Proof.
move=> a0; have ex q : prob q -> expect q (fun y => a * phi y + b) = a * expect q phi + b.
  move=> [_ q1]; have -> : a * expect q phi + b = a * expect q phi + b * sum q by rewrite q1; ring.
  by rewrite /expect -!sum_scal -sum_plus; apply: sum_ext => y; ring.
apply: Rbar_le_antisym.
- apply: Sup_le => v [q [d [pq e de ->]]]; rewrite ex //.
  have l : Rbar_le (expect q phi - kappa * d) (DRO dist phi eps kappa) by apply: Sup_ge; exists q, d.
  have := mult_le a0 l; case: (Rbar_mult a _) => [r||] //=; lra.
- apply: Rbar_le_real_above => r lr.
  have l : Rbar_le (DRO dist phi eps kappa) ((r - b) / a).
    apply: Sup_le => v [q [d [pq e de ->]]].
    have : Rbar_le (expect q (fun y => a * phi y + b) - a * kappa * d) (DRO dist (fun y => a * phi y + b) eps (a * kappa)).
      by apply: Sup_ge; exists q, d.
    move=> h; have := Rbar_le_lt_trans _ _ _ h lr; rewrite ex //= => h'.
    by apply: (Rmult_le_reg_l a) => //; have -> : a * ((r - b) / a) = r - b by [field; lra]; lra.
  case: (DRO dist phi eps kappa) l => [v||] // l; last by rewrite mult_minf.
  have l' : v <= (r - b) / a by [].
  rewrite mult_fin /=; have := Rmult_le_compat_l _ _ _ (Rlt_le _ _ a0) l'.
  by have -> : a * ((r - b) / a) = r - b by [field; lra]; lra.
Qed.

(** ** T22: [V_kappa(eps) = sup_{0 <= e <= eps} (V_0(e) - kappa e)] *)
Theorem T22_kappa_identity (Y : finType) (dist : (Y -> R) -> Rbar) phi eps kappa : 0 <= kappa ->
  (forall q, prob q -> Rbar_le 0 (dist q)) ->
  DRO dist phi eps kappa = Sup (fun v => exists e, 0 <= e <= eps /\ v = Rbar_plus (DRO dist phi e 0) (- (kappa * e))).
Proof.
move=> k0 pos; apply: Rbar_le_antisym.
- apply: Sup_le => v [q [d [pq e de ->]]]; have d0 : 0 <= d by have := pos q pq; rewrite e.
  apply: (Rbar_le_trans _ (Rbar_plus (DRO dist phi d 0) (- (kappa * d)))); last by apply: Sup_ge; exists d.
  have : Rbar_le (expect q phi - 0 * d) (DRO dist phi d 0) by apply: Sup_ge; exists q, d; split => //; lra.
  by case: (DRO dist phi d 0) => [r||] //=; lra.
- apply: Sup_le => v [e [[e0 ee] ->]].
  have : Rbar_le (DRO dist phi e 0) (Rbar_plus (DRO dist phi eps kappa) (kappa * e)).
    apply: Sup_le => v' [q [d [pq ed de ->]]].
    have : Rbar_le (expect q phi - kappa * d) (DRO dist phi eps kappa) by apply: Sup_ge; exists q, d; split => //; lra.
    have := Rmult_le_compat_l _ _ _ k0 de; case: (DRO dist phi eps kappa) => [r||] //=; lra.
  by case: (DRO dist phi e 0) => [r||]; case: (DRO dist phi eps kappa) => [r'||] //=; lra.
Qed.

(** ** T24: [(D^c1)^c2 = D^(c1 [] c2)], [(c1 [] c2)(x, z) = inf_y c1(x, y) + c2(y, z)]

    Plans are glued along the middle marginal; conversely every arc of the composed cost is sent through its
    best middle point. *)
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

(** ** T28: [(sD)^c = s D^(c/s)] *)
Theorem T28_scaling (X Y : finType) (D : (X -> R) -> Rbar) (c : X -> Y -> Rbar) s q : nonneg_divergence D ->
  nonneg_cost c -> 0 < s ->
  Dc (fun eta => Rbar_mult s (D eta)) c q = Rbar_mult s (Dc D (scale_cost (/ s) c) q).
Proof.
move=> D0 c0 s0; have i0 : 0 < / s by apply: Rinv_0_lt_compat.
have c0' := scale_nonneg c0 i0; have sD0 : nonneg_divergence (fun eta => Rbar_mult s (D eta)).
  by move=> eta pe; have := mult_le s0 (D0 _ pe); rewrite Rmult_0_r.
have sup pi : supported c pi <-> supported (scale_cost (/ s) c) pi.
  by split=> h x y; have := h x y; rewrite scale_finite.
have rc pi : rcost (scale_cost (/ s) c) pi = / s * rcost c pi.
  rewrite /rcost -sum_scal; apply: sum_ext => x; rewrite -sum_scal; apply: sum_ext => y.
  by rewrite scale_real //; ring.
apply: Rbar_le_antisym.
- apply: Rbar_le_real_above => r lr; have l : Rbar_lt (Dc D (scale_cost (/ s) c) q) (r / s).
    move: lr (@Dc_ge0 _ _ _ D c0' D0 q); case: (Dc D _ q) => [v||] //; last by rewrite mult_pinf.
    by rewrite mult_fin /= => lv _; apply: (Rmult_lt_reg_l s) => //; have -> : s * (r / s) = r by [field; lra].
  have [eta [pi [a [pe k sp e la]]]] := Dc_lt c0' D0 l.
  have e' : Rbar_mult s (D eta) = s * a by rewrite e mult_fin.
  apply: Rbar_le_trans (Dc_le c0 pe k (proj2 (sup pi) sp) e') _ => /=; rewrite rc in la.
  have := Rmult_lt_compat_l _ _ _ s0 la.
  have -> : s * (a + / s * rcost c pi) = s * a + rcost c pi by field; lra.
  have -> : s * (r / s) = r by field; lra.
  lra.
- apply: Dc_ge => // eta pi a pe k sp e.
  case ed : (D eta) e (D0 _ pe) => [d||] //; last by rewrite mult_pinf.
  rewrite mult_fin => -[<-] _; have h := Dc_le c0' pe k (proj1 (sup pi) sp) ed.
  move: h; rewrite rc; case: (Dc D _ q) => [v||] //; last by rewrite mult_minf.
  move=> h; have {h} : v <= d + / s * rcost c pi by [].
  move=> /(Rmult_le_compat_l _ _ _ (Rlt_le _ _ s0)); rewrite mult_fin /=.
  by have -> : s * (d + / s * rcost c pi) = s * d + rcost c pi by field; lra.
Qed.

(** Pearson is twice alpha(2), Neyman twice alpha(-1): the functions agree up to a multiple of [t - 1]. *)
Theorem T28_pearson t : 0 < t -> val pearson t = 2 * alpha_val 2 t - 2 * (t - 1).
Proof.
move=> t0; rewrite /= /alpha_val (_ : Rpower t 2 = t * t); first by field.
by rewrite (_ : 2 = 1 + 1) ?Rpower_plus ?Rpower_1 //; ring.
Qed.

(** Idea: [t^(-1) = 1/t]. *)
Theorem T28_neyman t : 0 < t -> val neyman t = 2 * alpha_val (-1) t + (t - 1).
Proof.
move=> t0; rewrite /= /alpha_val (_ : Rpower t (-1) = / t); first by field; lra.
by rewrite (_ : -1 = - (1)) ?Rpower_Ropp ?Rpower_1 //; ring.
Qed.

(** Idea: [t^(1/2) = sqrt t]. *)
Theorem T28_hellinger t : 0 < t -> val hellinger t = / 2 * alpha_val (/ 2) t + (t - 1).
Proof.
move=> t0; rewrite /= /alpha_val Rpower_sqrt //.
have e : sqrt t * sqrt t = t by rewrite sqrt_sqrt; lra.
by rewrite -{4}e; field.
Qed.

(** ** T18: [D^c(Q) = 0] only for [Q = P], when [D] vanishes only at [P] and [c] only on the diagonal *)
Theorem T18_divergence_property (X : finType) (D : (X -> R) -> Rbar) (p q : X -> R) (c : X -> X -> Rbar) :
  closed_divergence D -> nonneg_divergence D -> nonneg_cost c -> reflexive_cost c -> prob p -> prob q -> D p = 0 ->
  (forall eta, prob eta -> D eta = 0 -> eta = p) -> (forall x y, c x y = 0 -> x = y) ->
  Dc D c q = 0 <-> q = p.
Proof.
move=> Dcl D0 c0 cd pp pq Dp Du cu; split=> [e|->]; last first.
  apply: Rbar_le_antisym; last exact: Dc_ge0.
  by apply: Rbar_le_trans (T13_le_divergence D c0 cd pp) _; rewrite Dp; exact: Rbar_le_refl.
have [pi [k pe s eD]] := T1_attained Dcl D0 c0 e.
case: (k) => n mr mc; have r0 := rcost_ge0 c0 n.
have z : rcost c pi = 0 by have := D0 _ pe; rewrite eD /=; lra.
have De : D (fun x => sum (pi x)) = 0 by rewrite eD z Rminus_0_r.
rewrite -(Du _ pe De).
have t0 x y : 0 <= pi x y * real (c x y) by apply: Rmult_le_pos => //; exact: real_c_ge0.
have off x y : x != y -> pi x y = 0.
  move=> ne; have zx := sum_eq0 (fun x => sum_ge0 (t0 x)) z x; have zy := sum_eq0 (t0 x) zx y.
  case: (Rmult_integral _ _ zy) => // rz; case: (s x y) => // fc.
  by have := cu x y; rewrite (finite_real fc) rz => /(_ erefl) xy; rewrite xy eqxx in ne.
apply: functional_extensionality => y; rewrite -mc.
rewrite (sum_D1 _ y) [RHS](sum_D1 _ y); congr (_ + _); apply: sum_ext => x.
by case: eqP => // /eqP ne; rewrite !off // eq_sym.
Qed.

(** [D_f] vanishes only at [P] when [f] is strictly convex at 1: a subgradient there touches nowhere else. *)
Definition strict_at_one (f : ffun) : Prop := exists y, forall t, 0 <= t -> t <> 1 -> Rbar_lt (y * (t - 1)) (f t).

(** Idea: the tangent at 1 lies strictly below [f] elsewhere; summed it is 0. *)
Theorem T18_strict (X : finType) (f : ffun) (m : support) (p eta : X -> R) : strict_at_one f -> prob p -> prob eta ->
  Df f (slope f m) p eta = 0 -> eta = p.
Proof.
move=> [y hy] [p0 p1] [e0 e1] /(Df_finite f p (@slope_not_minus f m) _ e0) [d z].
have kb k : slope f m = Finite k -> y < k.
  case: m {d z} => //= ek; have t2 : 1 < 2 by lra.
  have h : Rbar_le (Rbar_mult (/ (2 - 1)) (f 2)) (recession f) by apply: Sup_ge; exists 2.
  have l : Rbar_lt (y * (2 - 1)) (f 2) by apply: hy; lra.
  have i : 0 < / (2 - 1) by apply: Rinv_0_lt_compat; lra.
  move: h l; rewrite ek; case: (f 2) => [v||] //; rewrite ?mult_pinf // ?mult_fin /= => h l.
  have e2 : / (2 - 1) = 1 by field.
  rewrite e2 in h; lra.
have le x : y * (eta x - p x) <= Df_term f (slope f m) p eta x /\ (eta x <> p x -> y * (eta x - p x) < Df_term f (slope f m) p eta x).
  move: (d x); rewrite /Df_term; case: Rlt_dec => [l|n] /= dx.
    have r0 := ratio_ge0 (e0 x) l; have ex : y * (eta x - p x) = p x * (y * (eta x / p x - 1)) by field; lra.
    case: (Req_dec (eta x / p x) 1) => [r1|ne].
      have -> : eta x = p x by rewrite -(Rmult_1_r (p x)) -r1; field; lra.
      by rewrite /Rdiv Rinv_r ?f_one /=; [split => //; lra | lra].
    have := hy _ r0 ne; rewrite (finite_real dx) /= => /(Rmult_lt_compat_l _ _ _ l); rewrite -ex.
    by split => //; lra.
  have -> : p x = 0 by have := p0 x; lra.
  case: dx => [->|fk]; first by split; [lra | lra].
  by have := kb _ (finite_real fk); have := e0 x => ? ?; split; [nra | move=> ?; nra].
apply: functional_extensionality => x; apply: NNPP => ne.
have : sum (fun x => y * (eta x - p x)) < sum (Df_term f (slope f m) p eta).
  by apply: (@sum_lt _ _ _ x) => [x'|]; [case: (le x') | case: (le x) => _; apply].
by rewrite -z sum_scal sum_minus p1 e1; lra.
Qed.
