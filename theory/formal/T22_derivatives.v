(** * T22: derivatives of the value in [eps] and [kappa], and [lambda*_kappa = (lambda*_0 - kappa)_+]

    Idea: the value is an infimum of functions affine in [eps] and a supremum of functions affine in [kappa], so the optimal
    [lambda] and [- D^c(Q* )] are sub- and supergradients; where there is one only, it is the derivative, because nearly
    optimal ones are near it (compactness). *)
(** Theorems:
    - [T22_multiplier]: lambda*_kappa = (lambda*_0 - kappa)_+
    - [T22_kappa_subgradient]: minus the distance of a worst case is a subgradient in kappa
    - [T22_kappa_derivative]: the derivative in kappa > 0 is minus the distance of the worst cases, where they have
      one only
    - [T22_eps_derivative]: a unique optimal lambda is the derivative in eps *)
From ArmorD Require Export T06_boundary T22_sensitivity.

Section Multiplier.
Context {X Y : finType} (D : (X -> R) -> Rbar) (c : X -> Y -> Rbar) (phi : Y -> R) (eps kappa lambda : R).
Hypotheses (Dcl : closed_divergence D) (D0 : nonneg_divergence D) (c0 : nonneg_cost c).
Hypothesis reach : forall x, exists y, finite (c x y).
Hypotheses (k0 : 0 <= kappa) (l0 : 0 <= lambda).
Notation V k := (DRO (Dc D c) phi eps k).

(** A penalty costs at most [kappa eps]. *)
Lemma penalty_le : Rbar_le (Rbar_plus (V 0) (- (kappa * eps))) (V kappa).
Proof.
have : Rbar_le (V 0) (Rbar_plus (V kappa) (kappa * eps)).
  apply: Sup_le => v [q [d [pq ed de ->]]].
  have : Rbar_le (expect q phi - kappa * d) (V kappa) by apply: Sup_ge; exists q, d.
  have := Rmult_le_compat_l _ _ _ k0 de; case: (V kappa) => [w||] //=; lra.
by case: (V 0) => [v||]; case: (V kappa) => [w||] //=; lra.
Qed.

(** Idea: for [kappa <= lambda] the same [mu] serves, and the objective moves by [kappa eps]; for a larger [kappa] the budget no
    longer binds, by the slope [lambda] of the unpenalised value. *)
Theorem T22_multiplier : V 0 = T6_objective D c phi eps 0 lambda ->
  V kappa = T6_objective D c phi eps kappa (Rmax 0 (lambda - kappa)).
Proof.
move=> opt; apply: Rbar_le_antisym; first by apply: T6_weak => //; exact: Rmax_l.
case: (Rle_dec kappa lambda) => [le|n].
  rewrite Rmax_right; last lra.
  case: (Rle_lt_or_eq_dec _ _ l0) => [lp|le0]; last first.
    have -> : kappa = 0 by lra.
    by rewrite Rminus_0_r -opt; exact: Rbar_le_refl.
  apply: Rbar_le_trans penalty_le; rewrite opt !objective_pos; [|lra|lra].
  have -> : lambda - kappa + kappa = lambda + 0 by ring.
  by case: (reweighted _ _ _ _) => [L||] //=; lra.
rewrite Rmax_left; last lra.
have kp : 0 < kappa by lra.
rewrite objective_pos Rplus_0_l // Rmult_0_l.
have -> : Rbar_plus 0 (reweighted D c phi kappa) = reweighted D c phi kappa.
  by case: (reweighted _ _ _ _) => [L||] //=; congr Finite; ring.
apply: Rbar_le_real_above => r lr; apply: reweighted_le => // eta d pe ed.
have [q [t [pq t0 lq ->]]] := best_transport c0 reach phi kp pe ed.
have gq := @Dc_ge0 _ _ c D c0 D0 q; case ew : (Dc D c q) lq gq => [w||] // lq _; have {}lq : w <= d + t := lq.
suff : expect q phi - kappa * w <= r by have := Rmult_le_compat_l _ _ _ k0 lq; lra.
case: (Rle_dec w eps) => [we|nw].
  have : Rbar_le (expect q phi - kappa * w) (V kappa) by apply: Sup_ge; exists q, w.
  by move=> h; have /= := Rbar_le_lt_trans _ _ _ h lr; lra.
have s := T22_subgradient w Dcl D0 c0 reach (Rle_refl 0) l0 opt.
have : Rbar_le (expect q phi - 0 * w) (DRO (Dc D c) phi w 0) by apply: Sup_ge; exists q, w; split => //; lra.
move=> /Rbar_le_trans /(_ s); have p := Rbar_le_lt_trans _ _ _ penalty_le lr.
case: (V 0) p => [v||] //= p h; have : (kappa - lambda) * (w - eps) >= 0 by nra.
lra.
Qed.
End Multiplier.

(** ** In [kappa] *)
Section Kappa.
Context {X Y : finType} (D : (X -> R) -> Rbar) (c : X -> Y -> Rbar) (phi : Y -> R) (eps : R).
Hypotheses (Dcl : closed_divergence D) (D0 : nonneg_divergence D) (c0 : nonneg_cost c).
Definition value_at (k : R) : R := real (DRO (Dc D c) phi eps k).

(** [Q] is a worst case at the distance [d]. *)
Definition worst_case (k : R) (q : Y -> R) (d : R) : Prop :=
  [/\ prob q, Dc D c q = Finite d, d <= eps & DRO (Dc D c) phi eps k = Finite (expect q phi - k * d)].

(** Idea: the same [Q] is worth [E phi - k' D^c(Q)] at every other penalty. *)
Theorem T22_kappa_subgradient k k' q d : worst_case k q d ->
  Rbar_le (Rbar_plus (DRO (Dc D c) phi eps k) (- (d * (k' - k)))) (DRO (Dc D c) phi eps k').
Proof. by move=> [pq ed de ->]; apply: Sup_ge; exists q, d; split => //=; congr Finite; ring. Qed.

Lemma value_bounded k e : 0 <= k -> Rbar_le (DRO (Dc D c) phi e k) (sum (fun y => Rabs (phi y))).
Proof.
move=> k0; apply: Sup_le => v [r [w [pr ew we ->]]]; have w0 : 0 <= w by have := @Dc_ge0 _ _ c D c0 D0 r; rewrite ew.
suff : expect r phi <= sum (fun y => Rabs (phi y)) by rewrite /=; have := Rmult_le_pos _ _ k0 w0; lra.
have -> : sum (fun y => Rabs (phi y)) = sum (fun y => r y * sum (fun y => Rabs (phi y))) by rewrite sum_scalr (proj2 pr); ring.
apply: sum_le => y; apply: Rmult_le_compat_l; first exact: (proj1 pr).
by apply: Rle_trans (Rle_abs _) _; apply: (@sum_ge_term _ (fun y => Rabs (phi y))) => z; exact: Rabs_pos.
Qed.

Lemma value_finite k q d : 0 <= k -> prob q -> Dc D c q = Finite d -> d <= eps -> DRO (Dc D c) phi eps k = Finite (value_at k).
Proof.
move=> k0 pq ed de; apply: finite_real.
have low : Rbar_le (expect q phi - k * d) (DRO (Dc D c) phi eps k) by apply: Sup_ge; exists q, d.
by have := @value_bounded k eps k0; move: low; case: (DRO _ _ _ _).
Qed.

(** Nearly worst cases lie near the distance of the worst ones, when these have one only. *)
Lemma distance_stable k d eta : 0 < k -> (exists q, worst_case k q d) -> (forall q d', worst_case k q d' -> d' = d) -> 0 < eta ->
  exists tau, 0 < tau /\ forall q d', prob q -> Dc D c q = Finite d' -> d' <= eps ->
    value_at k - tau <= expect q phi - k * d' -> Rabs (d' - d) <= eta.
Proof.
move=> kp [q0 [pq0 ed0 de0 opt0]] unique e0; have k0 := Rlt_le _ _ kp.
have eV := value_finite k0 pq0 ed0 de0.
apply: NNPP => none; pose S e q := 0 <= e /\ prob q /\ exists d', [/\ Dc D c q = Finite d', d' <= eps,
  value_at k - e <= expect q phi - k * d' & eta < Rabs (d' - d)].
have [|||z [dz [pz ez le worth near]]] := @value_cluster _ _ D c Dcl D0 c0 phi k k0 eps (value_at k) S.
- by move=> e e' q le [e1 [pq [d' [ed de Md far]]]]; split; [lra | split => //; exists d'; split => //; lra].
- move=> e e1; apply: NNPP => n; apply: none; exists e; split => // q d' pq ed de Md; apply: Rnot_lt_le => far.
  by apply: n; exists q; split; [lra | split => //; exists d'].
- by move=> e q [e1 [pq [d' [ed de Md _]]]]; split => //; exists d'; split => //; lra.
- have top : expect z phi - k * dz <= value_at k.
    have : Rbar_le (expect z phi - k * dz) (DRO (Dc D c) phi eps k) by apply: Sup_ge; exists z, dz.
    by rewrite eV.
  have wz : dz = d by apply: (unique z); split => //; rewrite eV; congr Finite; lra.
  have : Rbar_le (Dc D c z) (Finite (d - eta)); last by rewrite ez wz /=; lra.
  apply: Dc_lsc => // e e1; pose W := sum (fun y => Rabs (phi y)) + 1.
  have W1 : 1 <= W by have : 0 <= sum (fun y => Rabs (phi y)) by [apply: sum_ge0 => y; exact: Rabs_pos]; rewrite /W; lra.
  have r0 : 0 < Rmin e (k * eta / W) by apply: Rmin_pos => //; apply: Rdiv_lt_0_compat; [exact: Rmult_lt_0_compat | lra].
  have [q [[_ [pq [d' [ed de Md far]]]] close]] := near _ r0; exists q, d'; split => // [|y]; last first.
    by have := close y; have := Rmin_l e (k * eta / W); lra.
  have := @linear_close _ phi q z _ (fun y => Rlt_le _ _ (close y)).
  have E (v : Y -> R) : sum (fun y => phi y * v y) = expect v phi by apply: sum_ext => y; ring.
  rewrite !E; have := Rle_abs (- (expect z phi - expect q phi)); rewrite Rabs_Ropp => h1 h2.
  have h3 : W * Rmin e (k * eta / W) <= k * eta.
    apply: (Rle_trans _ (W * (k * eta / W))); last by right; field; lra.
    by apply: Rmult_le_compat_l; [lra | exact: Rmin_r].
  have below : k * d' <= k * (d + eta).
    by move: h1 h2 h3 Md; set r := Rmin _ _; rewrite wz in top; rewrite /W => h1 h2 h3 Md; lra.
  have := Rmult_le_reg_l _ _ _ kp below; move: far; rewrite /Rabs; case: Rcase_abs; lra.
Qed.

(** Idea: the difference quotient lies between [- d] and the distances of nearly worst cases at the other penalty. *)
Theorem T22_kappa_derivative k d : 0 < k -> (exists q, worst_case k q d) -> (forall q d', worst_case k q d' -> d' = d) ->
  derivable_pt_lim value_at k (- d).
Proof.
move=> kp ex unique eta e0; have k0 := Rlt_le _ _ kp; have e20 : 0 < eta / 2 by lra.
have [tau [t0 stable]] := distance_stable kp ex unique e20; have [q0 [pq0 ed0 de0 opt0]] := ex.
have d0 : 0 <= d by have := @Dc_ge0 _ _ c D c0 D0 q0; rewrite ed0.
have eps1 : 0 < eps + 1 by lra.
have del0 : 0 < Rmin k (tau / (4 * (eps + 1))).
  by apply: Rmin_pos => //; apply: Rdiv_lt_0_compat; lra.
exists (mkposreal _ del0) => h h0 /= hd.
have hk : Rabs h < k by apply: Rlt_le_trans hd (Rmin_l _ _).
have ht : Rabs h * (4 * (eps + 1)) < tau.
  have := Rlt_le_trans _ _ _ hd (Rmin_r _ _) => l.
  have := Rmult_lt_compat_r (4 * (eps + 1)) _ _ _ l; rewrite /Rdiv Rmult_assoc Rinv_l; lra.
have kh : 0 <= k + h by move: hk; rewrite /Rabs; case: Rcase_abs; lra.
have eV := value_finite k0 pq0 ed0 de0; have eV' := value_finite kh pq0 ed0 de0.
have low : value_at k - d * h <= value_at (k + h).
  have := T22_kappa_subgradient (k + h) (And4 pq0 ed0 de0 opt0); rewrite eV eV' /= => l.
  by have -> : d * h = d * (k + h - k) by [ring]; lra.
have ap : 0 < Rabs h by exact: Rabs_pos_lt.
pose s := Rmin (tau / 4) (Rabs h * (eta / 4)).
have s0 : 0 < s by apply: Rmin_pos; [lra | apply: Rmult_lt_0_compat; lra].
have : Rbar_lt (value_at (k + h) - s) (DRO (Dc D c) phi eps (k + h)) by rewrite eV' /=; lra.
move=> /Sup_gt [v [[q [d' [pq ed de ->]]] /= l]].
have d0' : 0 <= d' by have := @Dc_ge0 _ _ c D c0 D0 q; rewrite ed.
have hd1 : Rabs (d' * h) <= Rabs h * (eps + 1) by rewrite Rabs_mult Rabs_pos_eq //; nra.
have hd2 : Rabs (d * h) <= Rabs h * (eps + 1) by rewrite Rabs_mult Rabs_pos_eq //; nra.
have [hd1' hd1''] := (Rle_abs (d' * h), Rle_abs (- (d' * h))); have hd2' := Rle_abs (d * h).
rewrite Rabs_Ropp in hd1''; have sm := Rmin_l (tau / 4) (Rabs h * (eta / 4)); rewrite -/s in sm.
have near : Rabs (d' - d) <= eta / 2 by apply: (stable q d') => //; lra.
have up : expect q phi - k * d' <= value_at k.
  have : Rbar_le (expect q phi - k * d') (DRO (Dc D c) phi eps k) by apply: Sup_ge; exists q, d'.
  by rewrite eV.
have diff : Rabs (value_at (k + h) - value_at k + d * h) <= Rabs h * (3 * eta / 4).
  have sr := Rmin_r (tau / 4) (Rabs h * (eta / 4)); rewrite -/s in sr.
  have g : (d - d') * h <= Rabs h * (eta / 2).
    apply: Rle_trans (Rle_abs _) _; rewrite Rabs_mult Rmult_comm; apply: Rmult_le_compat_l; first lra.
    by rewrite Rabs_minus_sym.
  rewrite Rabs_pos_eq; lra.
have -> : (value_at (k + h) - value_at k) / h - - d = (value_at (k + h) - value_at k + d * h) / h by field.
rewrite /Rdiv Rabs_mult Rabs_inv; apply: (Rmult_lt_reg_l (Rabs h)) => //.
rewrite -Rmult_assoc (Rmult_comm (Rabs h)) Rmult_assoc Rinv_r; [|lra].
have := Rmult_lt_0_compat _ _ ap e0; lra.
Qed.
End Kappa.

(** ** In [eps] *)
Section Epsilon.
Context {X Y : finType} (D : (X -> R) -> Rbar) (c : X -> Y -> Rbar) (phi : Y -> R) (kappa : R).
Hypotheses (Dcl : closed_divergence D) (D0 : nonneg_divergence D) (c0 : nonneg_cost c).
Hypothesis reach : forall x, exists y, finite (c x y).
Hypothesis k0 : 0 <= kappa.
Notation V e := (DRO (Dc D c) phi e kappa).
Definition value_with (e : R) : R := real (V e).

(** Idea: a slope that bounds the value at every budget makes the Lagrangian of every plan at most the value. *)
Lemma slope_is_multiplier eps v lambda : 0 <= lambda -> V eps = Finite v ->
  (forall e, Rbar_le (V e) (v + lambda * (e - eps))) -> V eps = T6_objective D c phi eps kappa lambda.
Proof.
move=> l0 eV slope_; apply: Rbar_le_antisym; first exact: T6_weak.
have one q w : prob q -> Dc D c q = Finite w -> expect q phi - kappa * w <= v + lambda * (w - eps).
  move=> pq ew; have l : Rbar_le (expect q phi - kappa * w) (V w) by apply: Sup_ge; exists q, w; split => //; lra.
  exact: (Rbar_le_trans _ _ _ l (slope_ w)).
rewrite eV; case: (Rlt_dec 0 (lambda + kappa)) => [m0|n]; last first.
  rewrite /T6_objective; case: Rlt_dec => [//|n']; rewrite [is_left _]/=.
  apply: Sup_le => u [q [d [pq ed ->]]]; have := one q d pq ed; have -> : lambda = 0 by lra.
  have -> : kappa = 0 by lra.
  by rewrite /=; lra.
rewrite objective_pos //; suff : Rbar_le (reweighted D c phi (lambda + kappa)) (v - lambda * eps).
  by case: (reweighted _ _ _ _) => [L||] //=; lra.
apply: reweighted_le => // eta d pe ed; have [q [t [pq t0 lq ->]]] := best_transport c0 reach phi m0 pe ed.
have gq := @Dc_ge0 _ _ c D c0 D0 q; case ew : (Dc D c q) lq gq => [w||] // lq _; have {}lq : w <= d + t := lq.
have := one q w pq ew; have := Rmult_le_compat_l _ _ _ (Rlt_le _ _ m0) lq; lra.
Qed.

Variables (eps lambda : R).
Hypotheses (slater : exists q, prob q /\ Rbar_lt (Dc D c q) eps) (l0 : 0 <= lambda).
Hypothesis opt : V eps = T6_objective D c phi eps kappa lambda.
Hypothesis unique : forall l, 0 <= l -> V eps = T6_objective D c phi eps kappa l -> l = lambda.

(** On a chord from [eps] to [eps + t], the value at the part [a] of the way. *)
Lemma chord a t v w : 0 <= a <= 1 -> V eps = Finite v -> V (eps + t) = Finite w ->
  Rbar_le (v + a * (w - v)) (V (eps + a * t)).
Proof.
move=> a01 ev ew; apply: Rbar_le_real_below => r lr; pose s := v + a * (w - v) - r.
have s0 : 0 < s by move: lr; rewrite /s /=; lra.
have lv : Rbar_lt (v - s) (V eps) by rewrite ev /=; lra.
have lw : Rbar_lt (w - s) (V (eps + t)) by rewrite ew /=; lra.
have := T13_concave_eps Dcl D0 k0 c0 a01 lw lv; have -> : a * (eps + t) + (1 - a) * eps = eps + a * t by ring.
by apply: Rbar_le_trans => /=; rewrite /s; lra.
Qed.

(** A value that falls below the line of slope [s] close to [eps], on the side where [t / h > 0], stays below it on that side. *)
Lemma below_line s t v : V eps = Finite v -> t <> 0 ->
  (forall delta, 0 < delta -> exists h, [/\ 0 < h / t < delta, V (eps + h) = Finite (value_with (eps + h)) & value_with (eps + h) <= v + s * h]) ->
  Rbar_le (V (eps + t)) (v + s * t).
Proof.
move=> ev t0 close; case ew : (V (eps + t)) => [w||] //; last by have := value_bounded phi D0 c0 (eps + t) k0; rewrite ew.
have [h [[h0 h1] eh le]] := close 1 Rlt_0_1; have a01 : 0 <= h / t <= 1 by lra.
have := chord a01 ev ew; have -> : h / t * t = h by field.
rewrite eh => l; have {}l : v + h / t * (w - v) <= value_with (eps + h) := l.
apply: Rnot_lt_le => lt; have : h / t * (w - v) <= s * h by lra.
have -> : s * h = h / t * (s * t) by field.
by have := Rmult_lt_compat_l (h / t) (s * t) (w - v) h0; lra.
Qed.

(** Idea: if the quotients on one side stayed away from [lambda], another slope would be a multiplier as well. *)
Theorem T22_eps_derivative : derivable_pt_lim value_with eps lambda.
Proof.
have [q0 [pq0 lq0]] := slater; have g0 := @Dc_ge0 _ _ c D c0 D0 q0.
case ed0 : (Dc D c q0) lq0 g0 => [d0||] // lq0 g0; have {}lq0 : d0 < eps := lq0.
have fin e : d0 <= e -> V e = Finite (value_with e) by move=> le; exact: (value_finite phi D0 c0 k0 pq0 ed0 le).
have ev := fin eps (Rlt_le _ _ lq0); set v := value_with eps in ev.
have sub e : Rbar_le (V e) (v + lambda * (e - eps)).
  by have := T22_subgradient e Dcl D0 c0 reach k0 l0 opt; rewrite ev.
have grows e : eps <= e -> v <= value_with e.
  by move=> le; have := T13_monotone_eps (Dc D c) phi kappa le; rewrite ev fin //; lra.
have side (sgn s : R) : sgn = 1 \/ sgn = -1 -> 0 <= s -> s <> lambda -> (forall t, 0 <= - sgn * t -> lambda * t <= s * t) ->
    exists delta, 0 < delta /\ forall h, 0 < sgn * h < delta -> v + s * h < value_with (eps + h).
  move=> sg s0 ne other; apply: NNPP => none; apply: ne; apply: unique => //; apply: (slope_is_multiplier s0 ev) => e.
  pose t := e - eps; have -> : e = eps + t by rewrite /t; ring.
  have -> : eps + t - eps = t by ring.
  case: (Rle_lt_dec 0 (- sgn * t)) => [le|lt].
    apply: Rbar_le_trans (sub _) _ => /=; have -> : eps + t - eps = t by ring.
    by have := other t le; lra.
  have tn : t <> 0 by move=> e0; rewrite e0 in lt; lra.
  apply: below_line => // delta del0; have td : 0 < Rabs t by exact: Rabs_pos_lt.
  have [h [hs bad]] : exists h, 0 < sgn * h < Rmin (Rabs t * delta) (eps - d0) /\ value_with (eps + h) <= v + s * h.
    apply: NNPP => n; apply: none; exists (Rmin (Rabs t * delta) (eps - d0)); split.
      by apply: Rmin_pos; [exact: Rmult_lt_0_compat | lra].
    by move=> h hs; apply: Rnot_le_lt => le; apply: n; exists h.
  have m1 := Rmin_l (Rabs t * delta) (eps - d0); have m2 := Rmin_r (Rabs t * delta) (eps - d0).
  have st : sgn * t = Rabs t by case: sg lt => ->; rewrite /Rabs; case: Rcase_abs; lra.
  have ht : h / t = sgn * h / Rabs t by rewrite -st; case: sg => ->; field; lra.
  exists h; split => //; last by apply: fin; case: sg hs => ->; lra.
  rewrite ht; split; first by apply: Rdiv_lt_0_compat; lra.
  by apply: (Rmult_lt_reg_r (Rabs t)) => //; rewrite /Rdiv Rmult_assoc Rinv_l; lra.
move=> eta e0; have e20 : 0 < eta / 2 by lra.
have [dl [dl0 left_]] : exists delta, 0 < delta /\ forall h, 0 < -1 * h < delta -> v + (lambda + eta / 2) * h < value_with (eps + h).
  by apply: (side (-1)); [right | lra | lra | move=> t t0; nra].
have [dr [dr0 right_]] : exists delta, 0 < delta /\ forall h, 0 < 1 * h < delta -> v + (lambda - eta / 2) * h < value_with (eps + h).
  case: (Rle_lt_dec 0 (lambda - eta / 2)) => [le|lt].
    by apply: (side 1); [left | lra | lra | move=> t t0; nra].
  exists 1; split; first lra.
  by move=> h hs; have h1 : eps <= eps + h := ltac:(lra); have := grows _ h1; nra.
have del0 : 0 < Rmin (Rmin dl dr) (eps - d0) by apply: Rmin_pos; [exact: Rmin_pos | lra].
exists (mkposreal _ del0) => h h0 /= hd.
have [hl hr] : Rabs h < dl /\ Rabs h < dr.
  have := Rmin_l (Rmin dl dr) (eps - d0); have := Rmin_l dl dr; have := Rmin_r dl dr; lra.
have he : Rabs h < eps - d0 by have := Rmin_r (Rmin dl dr) (eps - d0); lra.
have near : d0 <= eps + h by move: he; rewrite /Rabs; case: Rcase_abs; lra.
have up : value_with (eps + h) <= v + lambda * h.
  by have := sub (eps + h); rewrite fin //=; have -> : eps + h - eps = h by ring.
have ap : 0 < Rabs h by exact: Rabs_pos_lt.
have diff : Rabs (value_with (eps + h) - v - lambda * h) <= Rabs h * (eta / 2).
  case: (Rlt_le_dec h 0) => hs.
    have := left_ h; rewrite (Rabs_left h) // in hl *; move=> /(_ _) l.
    have {}l : v + (lambda + eta / 2) * h < value_with (eps + h) by apply: l; lra.
    by rewrite /Rabs; case: Rcase_abs; lra.
  have := right_ h; rewrite (Rabs_pos_eq h) // in hr ap *; move=> /(_ _) l.
  have {}l : v + (lambda - eta / 2) * h < value_with (eps + h) by apply: l; lra.
  by rewrite /Rabs; case: Rcase_abs; lra.
have -> : (value_with (eps + h) - v) / h - lambda = (value_with (eps + h) - v - lambda * h) / h by field.
rewrite /Rdiv Rabs_mult Rabs_inv; apply: (Rmult_lt_reg_l (Rabs h)) => //.
rewrite -Rmult_assoc (Rmult_comm (Rabs h)) Rmult_assoc Rinv_r; [|lra].
have := Rmult_lt_0_compat _ _ ap e0; lra.
Qed.

End Epsilon.
