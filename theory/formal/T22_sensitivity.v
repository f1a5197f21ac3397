(** * T8 and T22: what the multiplier [lambda] says about the budget

    Idea: [lambda] is the slope of a dual bound that is affine in [eps] and tight at one budget; at [lambda = 0] the bound is
    the worst case itself, which the adversary affords as soon as the budget pays for [P( . | argmax)]. *)
(** Theorems:
    - [T22_kappa_identity]: V_kappa(eps) = sup_{0 <= e <= eps} (V_0(e) - kappa e)
    - [T22_subgradient]: an optimal lambda is a subgradient of the value in eps
    - [T8_lambda_zero]: hard ball, kappa = 0: the value is the worst case, lambda* = 0, iff eps >= -log P(argmax) *)
From ArmorD Require Export T13_order.

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

(** ** T22: an optimal [lambda] is a subgradient of the value in [eps] ([T13_concave_eps]: the value is concave).
    Idea: weak duality at [eps'] with the [lambda] that is tight at [eps]. *)
Theorem T22_subgradient (X Y : finType) (D : (X -> R) -> Rbar) (c : X -> Y -> Rbar) (phi : Y -> R) (eps eps' kappa lambda : R) :
  closed_divergence D -> nonneg_divergence D -> nonneg_cost c -> (forall x, exists y, finite (c x y)) -> 0 <= kappa ->
  0 <= lambda -> DRO (Dc D c) phi eps kappa = T6_objective D c phi eps kappa lambda ->
  Rbar_le (DRO (Dc D c) phi eps' kappa) (Rbar_plus (DRO (Dc D c) phi eps kappa) (lambda * (eps' - eps))).
Proof.
move=> Dcl D0 c0 reach k0 l0 ->.
have := @T6_weak X Y D c Dcl D0 c0 reach phi eps' kappa k0 lambda l0.
rewrite /T6_objective; case: Rlt_dec => [m0|n]; rewrite [is_left _]/=.
  by case: (Rbar_mult _ _) => [L||]; case: (DRO _ _ _ _) => [v||] //=; lra.
have -> : lambda = 0 by lra.
by case: (Sup _) => [L||]; case: (DRO _ _ _ _) => [v||] //=; lra.
Qed.

(** ** T8, hard ball, [kappa = 0]: [lambda* = 0] iff [eps >= -log P(argmax phi^c)] *)
Section Zero.
Context {X : finType} (m : support) (p : X -> R) (ball : X -> X -> bool) (phi A : X -> R) (M : R).
Hypotheses (pp : prob p) (center : forall x, ball x x) (hA : adversarial ball phi A).
Hypotheses (hM : forall x, 0 < p x -> A x <= M) (top : exists x, 0 < p x /\ A x = M).
Let p0 : forall x, 0 <= p x := proj1 pp.
Let D := Df (divergence kl) (slope (divergence kl) m) p.

(** [P(argmax phi^c)]. *)
Definition at_top (x : X) : R := if Req_EM_T (A x) M then p x else 0.
Definition top_mass : R := sum at_top.

Lemma at_top_ge0 x : 0 <= at_top x.
Proof. by rewrite /at_top; case: Req_EM_T => _ /=; [exact: p0 | lra]. Qed.

Lemma top_mass_pos : 0 < top_mass.
Proof.
have [x [px ax]] := top; apply: Rlt_le_trans (sum_ge_term x at_top_ge0).
by rewrite /at_top; case: Req_EM_T.
Qed.

(** [P( . | argmax)], and what it costs. *)
Definition conditioned (x : X) : R := at_top x / top_mass.

Lemma conditioned_prob : prob conditioned.
Proof.
have t0 := top_mass_pos; split=> [x|]; first by apply: ratio_ge0 => //; exact: at_top_ge0.
by rewrite /conditioned /Rdiv sum_scalr -/top_mass Rinv_r; lra.
Qed.

Lemma conditioned_cost : D conditioned = - ln top_mass.
Proof.
have t0 := top_mass_pos; have [c0 c1] := conditioned_prob.
apply/(Df_finite _ p (@slope_not_minus (divergence kl) m) _ c0); split.
  move=> x; case: Rlt_dec => [l|n] /=.
    rewrite /fval; case: Rlt_dec => //= n; case: Req_EM_T => //= n'.
    by have := ratio_ge0 (c0 x) l; lra.
  left; have -> : conditioned x = 0 * / top_mass; last ring.
  by rewrite /conditioned /at_top; case: Req_EM_T => /= _; [have -> : p x = 0 by [have := p0 x; lra] |]; rewrite /Rdiv.
have -> : - ln top_mass = sum (fun x => conditioned x * - ln top_mass) by rewrite sum_scalr c1; ring.
apply: sum_ext => x; rewrite /Df_term /conditioned /at_top; case: Rlt_dec => [l|n] /=; last first.
  have -> : p x = 0 by have := p0 x; lra.
  by case: Req_EM_T => _ /=; rewrite /Rdiv !Rmult_0_l.
case: Req_EM_T => /= _; last by rewrite /Rdiv !Rmult_0_l fval_zero /=; ring.
have e : p x / top_mass / p x = / top_mass by field; lra.
have i0 : 0 < / top_mass by exact: Rinv_0_lt_compat.
by rewrite e fval_pos //= ln_Rinv //; field; lra.
Qed.

(** The value never exceeds [M].  Idea: [T13_hard_ball]. *)
Lemma top_bound eps : 0 <= eps -> Rbar_le (DRO (Dc D (hard ball)) phi eps 0) M.
Proof.
move=> e0; have ac eta : prob eta -> finite (D eta) -> forall x, p x = 0 -> eta x = 0.
  move=> [n0 n1] /finite_real /(Df_finite _ p (@slope_not_minus (divergence kl) m) _ n0) [dm _] x z.
  by move: (dm x); rewrite z kl_slope; case: Rlt_dec => /= [l|_ []] //; lra.
have [] := @T13_hard_ball X D p ball (@Df_closed X (divergence kl) m p) (@Df_nonneg X (divergence kl) m p pp) pp
  (Df_zero _ m pp) phi 0 (Rle_refl 0) A hA eps M e0 ac hM.
by [].
Qed.

(** Idea: a budget of [-log P(argmax)] buys [P( . | argmax)], pushed to the maximisers; conversely the dual bounds at
    [lambda > 0], divided by [lambda], leave [P(argmax) >= e^-eps] as [lambda] falls to 0. *)
Theorem T8_lambda_zero eps : 0 <= eps -> (DRO (Dc D (hard ball)) phi eps 0 = M <-> - ln top_mass <= eps).
Proof.
move=> e0; have t0 := top_mass_pos; split=> [eV|le]; last first.
  apply: Rbar_le_antisym; first exact: top_bound.
  have [w hw] := fin_choice (fun x => proj2 (hA x)); have [c0 c1] := conditioned_prob.
  pose q y := sum ((along w conditioned)^~ y).
  have kq : coupling (along w conditioned) conditioned q by split => //; [exact: along_ge0 | exact: along_row].
  have s : supported (hard ball) (along w conditioned).
    by apply: along_supported => x; have [b _] := hw x; rewrite /hard b.
  have pq : prob q.
    split=> [y|]; first by apply: sum_ge0 => x; exact: along_ge0.
    rewrite /q -(sum_sum (along w conditioned)) -c1; apply: sum_ext => x; exact: along_row.
  have l := Dc_le (@hard_nonneg X ball) conditioned_prob kq s conditioned_cost.
  have g := @Dc_ge0 X X (hard ball) D (@hard_nonneg X ball) (@Df_nonneg X (divergence kl) m p pp) q.
  have z : rcost (hard ball) (along w conditioned) = 0.
    by rewrite along_cost sum_zero // => x; have [b _] := hw x; rewrite /hard b /=; ring.
  rewrite z Rplus_0_r in l; case ed : (Dc D (hard ball) q) l g => [d||] // l _.
  have ld : d <= - ln top_mass by [].
  apply: Sup_ge; exists q, d; split => //; first lra.
  congr Finite; have -> : expect q phi = sum (fun y => phi y * sum ((along w conditioned)^~ y)).
    by apply: sum_ext => y; rewrite /q; ring.
  rewrite along_dual Rmult_0_l Rminus_0_r -[LHS]Rmult_1_l -c1 -sum_scalr; apply: sum_ext => x.
  have [_ <-] := hw x; rewrite /conditioned /at_top; case: Req_EM_T => /= [->|_] //; by rewrite /Rdiv !Rmult_0_l.
(* the dual bounds *)
pose K := sum (fun x => if Rlt_dec 0 (M - A x) then p x / (M - A x) else 0).
have K0 : 0 <= K.
  by apply: sum_ge0 => x; case: Rlt_dec => /= [l|_]; [exact: ratio_ge0 | lra].
suff h : exp (- eps) <= top_mass.
  have : ln (exp (- eps)) <= ln top_mass.
    by case: h => [l|->]; [left; apply: ln_increasing => //; exact: exp_pos | exact: Rle_refl].
  rewrite ln_exp; lra.
apply: (@le_small _ _ K) => // mu m0.
have cd : reflexive_cost (hard ball) by move=> x; rewrite /hard center.
have bound : M <= mu * eps + mu * ln (partition p (fun x => A x / mu)).
  have := @T8_weak_duality X X m p (hard ball) phi eps 0 mu mu A pp (@hard_nonneg X ball) (Rlt_le _ _ m0) (esym (Rplus_0_r mu)) m0.
  rewrite -(T1_primal_dro _ _ _ _ _ (@hard_nonneg X ball) cd pp) -/D eV; apply=> x y px.
  by rewrite /hard; case b : (ball x y) => //= _; have := proj1 (hA x) y b; lra.
have Z0 := partition_pos pp (fun x => A x / mu).
have e1 : exp (- eps) * exp (M / mu) <= partition p (fun x => A x / mu).
  rewrite -exp_plus -(exp_ln _ Z0); have : - eps + M / mu <= ln (partition p (fun x => A x / mu)).
    apply: (Rmult_le_reg_l mu) => //; have -> : mu * (- eps + M / mu) = M - mu * eps by field; lra.
    lra.
  by case=> [l|->]; [left; exact: exp_increasing | exact: Rle_refl].
have eM := exp_pos (M / mu).
apply: (Rmult_le_reg_r (exp (M / mu))) => //; apply: Rle_trans e1 _.
rewrite /partition /expect.
have -> : (top_mass + K * mu) * exp (M / mu) = sum (fun x => exp (M / mu) * (at_top x + mu * (if Rlt_dec 0 (M - A x) then p x / (M - A x) else 0))).
  by rewrite sum_scal sum_plus sum_scal /top_mass /K; ring.
apply: sum_le => x; case: (Rle_lt_or_eq_dec _ _ (p0 x)) => [px|<-]; last first.
  rewrite Rmult_0_l; apply: Rmult_le_pos; first lra.
  have := at_top_ge0 x; case: Rlt_dec => /= _; rewrite ?/Rdiv ?Rmult_0_l; nra.
have lx := hM px; rewrite /at_top; case: Req_EM_T => /= [->|ne].
  by case: Rlt_dec => /= [l|_]; lra.
case: Rlt_dec => /= [l|n]; last by case: ne; lra.
rewrite Rplus_0_l.
have g0 : 0 < (M - A x) / mu by exact: Rdiv_lt_0_compat.
have e2 : exp (M / mu) = exp (A x / mu) * exp ((M - A x) / mu) by rewrite -exp_plus; congr exp; field; lra.
have h1 : (M - A x) / mu <= exp ((M - A x) / mu) by have := exp_ineq1_le ((M - A x) / mu); lra.
have ea := exp_pos (A x / mu).
have -> : exp (M / mu) * (mu * (p x / (M - A x))) = p x * exp (A x / mu) * (exp ((M - A x) / mu) / ((M - A x) / mu)).
  by rewrite e2; field; lra.
rewrite -[X in X <= _]Rmult_1_r; apply: Rmult_le_compat_l; first nra.
by apply: (Rmult_le_reg_r ((M - A x) / mu)) => //; rewrite Rmult_1_l /Rdiv Rmult_assoc Rinv_l; [rewrite Rmult_1_r | move: g0; rewrite /Rdiv; lra].
Qed.
End Zero.
