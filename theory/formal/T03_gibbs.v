(** * T3 for KL (Gibbs variational principle) and the weak form of T8

    Idea: the bound is Fenchel--Young at [rho = log E e^h - 1]; the tilted distribution [p e^h / Z] attains it. *)
(** Theorems:
    - [T3_weak_duality]: every rho bounds Lambda_f[h]
    - [T3_gibbs]: KL: Lambda[h] = log E_P e^h (Gibbs variational principle)
    - [T8_weak_duality]: KL: every lambda bounds the DRO value *)
From ArmorD Require Export T02_weak Catalogue.

(** T3, weak form, for every [f]: [Lambda[h] <= rho + E_P f*(h - rho)]. *)
Theorem T3_weak_duality (X : finType) (f : ffun) (m : support) (p h u : X -> R) rho : prob p ->
  (forall x, Rbar_le (h x - rho) (slope f m)) ->
  (forall x, 0 < p x -> Rbar_le (conjugate f (h x - rho)) (u x)) ->
  Rbar_le (Lambda (Df f (slope f m) p) h) (rho + expect p u).
Proof.
move=> [p0 p1] hk hu; apply: Sup_le => v [eta [[e0 e1] ->]].
case e : (Df f (slope f m) p eta) => [d||] //; last by case: (@Df_not_minus_infinity X f (slope f m) p eta).
move/(Df_finite f p (@slope_not_minus f m) _ e0): e => [dm ->] /=.
suff : sum (fun x => eta x * (h x - rho)) <= expect p u + sum (Df_term f (slope f m) p eta).
  have -> : sum (fun x => eta x * (h x - rho)) = expect eta h - rho.
    have -> : expect eta h - rho = sum (fun x => eta x * h x - eta x * rho) by rewrite sum_minus sum_scalr e1 /expect; ring.
    by apply: sum_ext => x; ring.
  lra.
rewrite /expect -sum_plus; apply: sum_le => x; rewrite /Df_term; move: (dm x); case: Rlt_dec => [l|n] /= dx.
  have /conjugate_le /(_ _ _ (ratio_ge0 (e0 x) l) (finite_real dx)) := hu x l.
  move=> /(Rmult_le_compat_l _ _ _ (Rlt_le _ _ l)).
  have -> : p x * (eta x / p x * (h x - rho) - real (f (eta x / p x)))
     = eta x * (h x - rho) - p x * real (f (eta x / p x)) by field; lra.
  lra.
have -> : p x = 0 by have := p0 x; lra.
case: dx => [->|fk]; first lra.
by have := hk x; rewrite (finite_real fk) /= => l; have := e0 x; nra.
Qed.

Section Gibbs.
Context {X : finType} (p : X -> R).
Hypothesis pp : prob p.

Definition partition (h : X -> R) : R := expect p (fun x => exp (h x)).

Lemma partition_pos h : 0 < partition h.
Proof.
case: (pp) => p0 p1; have [|x px] := @sum_pos_ex _ p; first lra.
apply: (Rlt_le_trans _ (p x * exp (h x))); first by apply: Rmult_lt_0_compat => //; exact: exp_pos.
by apply: (@sum_ge_term _ (fun x => p x * exp (h x)) x) => z; apply: Rmult_le_pos => //; left; exact: exp_pos.
Qed.

Lemma kl_slope m : slope (divergence kl) m = p_infty.
Proof. by case: m => //=; exact: kl_recession. Qed.

(** Idea: the bound at the best [rho = log E e^h - 1] is met by the tilted distribution. *)
Theorem T3_gibbs (m : support) (h : X -> R) :
  Lambda (Df (divergence kl) (slope (divergence kl) m) p) h = ln (partition h).
Proof.
have Z0 := partition_pos h; case: (pp) => p0 p1; apply: Rbar_le_antisym.
- have := @T3_weak_duality X (divergence kl) m p h (fun x => exp (h x - (ln (partition h) - 1) - 1)) (ln (partition h) - 1) pp.
  have -> : expect p (fun x => exp (h x - (ln (partition h) - 1) - 1)) = 1.
    transitivity (partition h * / partition h); last by field; lra.
    rewrite {2}/partition /expect -sum_scalr; apply: sum_ext => x.
    have -> : h x - (ln (partition h) - 1) - 1 = h x + - ln (partition h) by ring.
    by rewrite exp_plus exp_Ropp exp_ln //; ring.
  have -> : ln (partition h) - 1 + 1 = ln (partition h) by ring.
  apply=> [x|x _]; first by rewrite kl_slope.
  by rewrite (proj1 (conjugate_closed_form kl _) I); exact: Rbar_le_refl.
- set eta := fun x => p x * exp (h x) / partition h.
  have e0 x : 0 <= eta x.
    by apply: ratio_ge0 => //; apply: Rmult_le_pos => //; left; exact: exp_pos.
  have pe : prob eta.
    by split => //; rewrite /eta /Rdiv sum_scalr -/(expect p (fun x => exp (h x))) -/(partition h) Rinv_r; lra.
  have e : Df (divergence kl) (slope (divergence kl) m) p eta = expect eta (fun x => h x - ln (partition h)).
    apply/Df_finite => //; first exact: slope_not_minus.
    have term x : 0 < p x -> f_val (divergence kl) (eta x / p x) = exp (h x) / partition h * (h x - ln (partition h)).
      move=> l; have -> : eta x / p x = exp (h x) / partition h by rewrite /eta; field; lra.
      have q0 : 0 < exp (h x) / partition h by apply: Rdiv_lt_0_compat => //; exact: exp_pos.
      by rewrite /divergence /= fval_pos // /= /Rdiv ln_mult ?ln_exp ?ln_Rinv //; [exact: exp_pos | exact: Rinv_0_lt_compat].
    split=> [x|].
      case: Rlt_dec => [l|n] /=; first by have := term x l; rewrite /= => ->.
      by left; rewrite /eta (_ : p x = 0); [rewrite /Rdiv; ring | have := p0 x; lra].
    apply: sum_ext => x; rewrite /Df_term; case: Rlt_dec => [l|n] /=.
      by have := term x l; rewrite /= => -> /=; rewrite /eta; field; lra.
    by rewrite /eta (_ : p x = 0); [rewrite /Rdiv; ring | have := p0 x; lra].
  have <- : Rbar_minus (expect eta h) (Df (divergence kl) (slope (divergence kl) m) p eta) = ln (partition h).
    rewrite e /=; congr Finite; rewrite /expect -sum_opp -sum_plus.
    transitivity (sum (fun x => eta x * ln (partition h))); last by rewrite sum_scalr (proj2 pe); ring.
    by apply: sum_ext => x; ring.
  by apply: Sup_ge; exists eta.
Qed.
End Gibbs.

(** T8, weak form. *)
Theorem T8_weak_duality (X Y : finType) (m : support) (p : X -> R) (c : X -> Y -> Rbar) (phi : Y -> R)
  (eps kappa lambda mu : R) (psi : X -> R) : prob p -> nonneg_cost c -> 0 <= lambda -> mu = lambda + kappa -> 0 < mu ->
  (forall x y, 0 < p x -> finite (c x y) -> phi y - mu * real (c x y) <= psi x) ->
  Rbar_le (DRO (program (divergence kl) (slope (divergence kl) m) p c) phi eps kappa)
    (lambda * eps + mu * ln (partition p (fun x => psi x / mu))).
Proof.
move=> pp c0 l0 em m0 hpsi; have Z0 := partition_pos pp (fun x => psi x / mu); set Z := partition _ _ in Z0 *.
have := @T7_weak_duality X Y (divergence kl) (slope (divergence kl) m) p c (@slope_not_minus _ _) c0 (proj1 pp) phi eps kappa
  lambda (mu * (ln Z - 1)) mu psi (fun x => exp ((psi x - mu * (ln Z - 1)) / mu - 1)) l0 em m0 hpsi.
have -> : expect p (fun x => exp ((psi x - mu * (ln Z - 1)) / mu - 1)) = 1.
  transitivity (Z * / Z); last by field; lra.
  rewrite {2}/Z /partition /expect /Rdiv -sum_scalr; apply: sum_ext => x.
  have -> : (psi x - mu * (ln Z - 1)) * / mu - 1 = psi x * / mu + - ln Z by field; lra.
  by rewrite exp_plus exp_Ropp exp_ln //; rewrite /Z; ring.
have -> : lambda * eps + mu * (ln Z - 1) + mu * 1 = lambda * eps + mu * ln Z by ring.
apply=> [y|x _]; first by rewrite kl_slope.
by rewrite (proj1 (conjugate_closed_form kl _) I); exact: Rbar_le_refl.
Qed.
