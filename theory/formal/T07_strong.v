(** * T2, T7 and T8 in their f-divergence form, strong

    The abstract dualities T2 and T6 with [Lambda] written out by T3. *)
(** Theorems:
    - [T2_f_strong_duality]: D^c(q) = sup_g { q.g - sum_i p_i f*(g^c(x_i)) : g^c <= f'(oo) }
    - [T7_strong_duality]: equality with attained lambda and rho
    - [T7_weak]: the same on the definition
    - [T8_strong_duality]: KL: equality with an attained lambda
    - [catalogue_finite_around_one]: the hypothesis of the strong forms holds for the smooth catalogue and TV
    - [cvar_finite_around_one]: ... and for CVaR below level 1
    - [one_space_slater]: Slater's condition holds on one space for eps > 0 *)
From ArmorD Require Export T06_strong Catalogue3.

Section FForm.
Context {X Y : finType} (f : ffun) (m : support) (p : X -> R) (c : X -> Y -> Rbar).
Hypotheses (pp : prob p) (c0 : nonneg_cost c) (reach : forall x, exists y, finite (c x y)) (f1 : finite_around_one f).
Let k := slope f m.
Let D := Df f k p.

Lemma Df_nonneg : nonneg_divergence D.
Proof. by move=> eta pe; exact: Df_ge0. Qed.

(** [J(g) = sum_i p_i f*(g^c(x_i))], and the prices [g^c <= f'(oo)] (on one space [g <= g^c]). *)
Definition T2_f_objective (q g : Y -> R) : Rbar :=
  Rbar_minus (expect q g) (esum (fun x => Rbar_mult (p x) (conjugate f (real (ctransform c g x))))).
Definition T2_f_feasible (g : Y -> R) : Prop := forall x, Rbar_le (real (ctransform c g x)) k.

Lemma ctransform_shift g rho x : real (ctransform c (fun y => g y - rho) x) = real (ctransform c g x) - rho.
Proof.
have [y [fy e _ h]] := ctransform_spec c0 reach g x.
have [z [fz e' _ h']] := ctransform_spec c0 reach (fun y => g y - rho) x.
by rewrite e e'; have := h z fz; have := h' y fy; lra.
Qed.

(** Prices of the abstract dual, shifted by the multiplier of T3, are feasible in the f-form and worth as much. *)
Lemma dual_f_form q g : prob q -> exists rho, T2_f_feasible (fun y => g y - rho) /\
  dual_value D c q g = T2_f_objective q (fun y => g y - rho).
Proof.
move=> [_ q1]; have [rho [fe e]] := @T3_strong_duality X f m p (fun x => real (ctransform c g x)) pp f1.
exists rho; split; first by move=> x; rewrite ctransform_shift; exact: fe.
rewrite /dual_value [Lambda _ _]e /T3_objective /T2_f_objective.
have -> : (fun x => Rbar_mult (p x) (conjugate f (real (ctransform c (fun y => g y - rho) x))))
   = (fun x => Rbar_mult (p x) (conjugate f (real (ctransform c g x) - rho))).
  by apply: functional_extensionality => x; rewrite ctransform_shift.
have -> : expect q (fun y => g y - rho) = expect q g - rho.
  by rewrite -[rho in RHS]Rmult_1_r -q1 -sum_scal /expect -sum_minus; apply: sum_ext => y; ring.
case E : (esum _) => [s||] //=.
by congr Finite; ring.
Qed.

(** Idea: T2 with [Lambda] written out by T3 and [rho] absorbed into the prices. *)
Theorem T2_f_strong_duality q : prob q ->
  Dc D c q = Sup (fun v => exists g, T2_f_feasible g /\ v = T2_f_objective q g).
Proof.
move=> pq; rewrite (T2_strong_duality (@Df_closed X f m p) (@Df_nonneg) c0 reach); apply: Rbar_le_antisym.
- apply: Sup_le => v [g ->]; have [rho [fe ->]] := dual_f_form g pq.
  by apply: Sup_ge; exists (fun y => g y - rho).
- apply: Sup_le => v [g [fe ->]].
  apply: (Rbar_le_trans _ (dual_value D c q g)); last by apply: Sup_ge; exists g.
  have l : Rbar_le (Lambda D (fun x => real (ctransform c g x))) (T3_objective f p (fun x => real (ctransform c g x)) 0).
    rewrite (@T3_infimum X f m p (fun x => real (ctransform c g x)) pp f1); apply: Inf_le; exists 0; split => // x.
    by rewrite Rminus_0_r; exact: fe.
  move: l; rewrite /T3_objective /dual_value /T2_f_objective.
  have -> : (fun x => Rbar_mult (p x) (conjugate f (real (ctransform c g x) - 0)))
     = (fun x => Rbar_mult (p x) (conjugate f (real (ctransform c g x)))).
    by apply: functional_extensionality => x; rewrite Rminus_0_r.
  case: (esum _) => [s||]; case: (Lambda _ _) => [L||] //=; lra.
Qed.

Variables (phi : Y -> R) (eps kappa : R).
Hypothesis kappa0 : 0 <= kappa.

(** [lambda eps + rho + mu sum_i p_i f*((phi^c_mu(x_i) - rho)/mu)], [mu = lambda + kappa]. *)
Definition T7_objective (lambda rho : R) : Rbar :=
  let mu := lambda + kappa in
  Rbar_plus (lambda * eps + rho) (Rbar_mult mu (esum (fun x => Rbar_mult (p x) (conjugate f ((transport_step c phi mu x - rho) / mu))))).
Definition T7_feasible (lambda rho : R) : Prop :=
  forall x, Rbar_le ((transport_step c phi (lambda + kappa) x - rho) / (lambda + kappa)) k.

(** Idea: T6 with [Lambda] written out by T3. *)
Theorem T7_strong_duality : (exists q, prob q /\ Rbar_lt (Dc D c q) eps) -> exists lambda, 0 <= lambda /\
  ((0 < lambda + kappa /\ exists rho, T7_feasible lambda rho /\ DRO (Dc D c) phi eps kappa = T7_objective lambda rho) \/
   (lambda = 0 /\ kappa = 0 /\
    DRO (Dc D c) phi eps kappa = Sup (fun v => exists q d, [/\ prob q, Dc D c q = Finite d & v = Finite (expect q phi)]))).
Proof.
move=> sl; have [lambda [l0 e]] := T6_strong_duality (@Df_closed X f m p) (@Df_nonneg) c0 reach phi kappa0 sl.
exists lambda; split => //; move: e; rewrite /T6_objective; case: Rlt_dec => [m0|n]; rewrite [is_left _]/=; last by right; split; [lra | split; [lra |]].
left; split => //; set mu := lambda + kappa in m0 e *.
have [rho [fe eL]] := @T3_strong_duality X f m p (fun x => transport_step c phi mu x / mu) pp f1.
have sc x : (transport_step c phi mu x - mu * rho) / mu = transport_step c phi mu x / mu - rho by field; lra.
exists (mu * rho); split; first by move=> x; rewrite -/mu sc; exact: fe.
rewrite e [Lambda _ _]eL /T3_objective /T7_objective -/mu.
have -> : (fun x => Rbar_mult (p x) (conjugate f ((transport_step c phi mu x - mu * rho) / mu)))
   = (fun x => Rbar_mult (p x) (conjugate f (transport_step c phi mu x / mu - rho))).
  by apply: functional_extensionality => x; rewrite sc.
case E : (esum _) => [s||]; last by case: (esum_not_minus E).
  by rewrite !mult_fin /=; congr Finite; ring.
by rewrite !mult_pinf.
Qed.

(** Idea: T6's bound, and T3's bound on [Lambda]. *)
Theorem T7_weak lambda rho : 0 <= lambda -> 0 < lambda + kappa -> T7_feasible lambda rho ->
  Rbar_le (DRO (Dc D c) phi eps kappa) (T7_objective lambda rho).
Proof.
move=> l0 m0 fe; have l1 := T6_weak (@Df_closed X f m p) (@Df_nonneg) c0 reach phi eps kappa0 l0.
apply: Rbar_le_trans l1 _.
rewrite /T6_objective; case: Rlt_dec => [m1|n]; rewrite [is_left _]/=; last by case: n.
set mu := lambda + kappa in m0 fe *.
have sc x : (transport_step c phi mu x - rho) / mu = transport_step c phi mu x / mu - rho / mu by field; lra.
have l : Rbar_le (Lambda D (fun x => transport_step c phi mu x / mu)) (T3_objective f p (fun x => transport_step c phi mu x / mu) (rho / mu)).
  rewrite (@T3_infimum X f m p (fun x => transport_step c phi mu x / mu) pp f1); apply: Inf_le; exists (rho / mu); split => // x.
  by have := fe x; rewrite -/mu sc.
move: l; rewrite /T3_objective /T7_objective -/mu.
have -> : (fun x => Rbar_mult (p x) (conjugate f ((transport_step c phi mu x - rho) / mu)))
   = (fun x => Rbar_mult (p x) (conjugate f (transport_step c phi mu x / mu - rho / mu))).
  by apply: functional_extensionality => x; rewrite sc.
case E : (esum _) => [s||]; last by case: (esum_not_minus E).
  case: (Lambda _ _) => [L||] // h; last by rewrite mult_minf.
  have {h} : L <= rho / mu + s by [].
  move=> /(Rmult_le_compat_l _ _ _ (Rlt_le _ _ m0)); rewrite !mult_fin /=.
  have -> : mu * (rho / mu + s) = rho + mu * s by field; lra.
  lra.
by move=> _; rewrite mult_pinf //; case: (Rbar_plus _ (Rbar_mult _ (Lambda _ _))).
Qed.
End FForm.

(** T8: the KL form. *)
Theorem T8_strong_duality (X Y : finType) (m : support) (p : X -> R) (c : X -> Y -> Rbar) (phi : Y -> R) (eps kappa : R) :
  prob p -> nonneg_cost c -> (forall x, exists y, finite (c x y)) -> 0 <= kappa ->
  let D := Df (divergence kl) (slope (divergence kl) m) p in
  (exists q, prob q /\ Rbar_lt (Dc D c q) eps) -> exists lambda, 0 <= lambda /\
  ((0 < lambda + kappa /\ DRO (Dc D c) phi eps kappa =
     lambda * eps + (lambda + kappa) * ln (partition p (fun x => transport_step c phi (lambda + kappa) x / (lambda + kappa)))) \/
   (lambda = 0 /\ kappa = 0 /\
    DRO (Dc D c) phi eps kappa = Sup (fun v => exists q d, [/\ prob q, Dc D c q = Finite d & v = Finite (expect q phi)]))).
Proof.
move=> pp c0 reach kappa0 D sl.
have [lambda [l0 e]] := T6_strong_duality (@Df_closed X (divergence kl) m p) (@Df_nonneg X (divergence kl) m p pp) c0 reach phi kappa0 sl.
exists lambda; split => //; move: e; rewrite /T6_objective; case: Rlt_dec => [m0|n]; rewrite [is_left _]/=; last by right; split; [lra | split; [lra |]].
by left; split => //; rewrite e (T3_gibbs pp) mult_fin.
Qed.

(** The catalogue is finite around 1, so the strong forms apply to every member (CVaR: level below 1). *)
Theorem catalogue_finite_around_one (F : fenchel) : finite_around_one (divergence F).
Proof. by split; [exists (/2) | exists 2]; split; try lra; rewrite /= fval_pos //; lra. Qed.

(** Idea: below level 1 the right end [1/b] lies beyond 1. *)
Theorem cvar_finite_around_one b (b01 : 0 < b <= 1) : b < 1 -> finite_around_one (cvar b01).
Proof.
move=> b1; have i : 1 < / b by rewrite -{1}Rinv_1; apply: Rinv_lt_contravar; lra.
split; [exists (/2) | exists (/ b)]; split; try lra; rewrite /= /cvar_val; case: Rle_dec => //= n; lra.
Qed.

(** Slater's condition holds on one space as soon as [eps > 0]. *)
Theorem one_space_slater (X : finType) (D : (X -> R) -> Rbar) (p : X -> R) (c : X -> X -> Rbar) eps :
  prob p -> nonneg_cost c -> reflexive_cost c -> D p = 0 -> 0 < eps -> exists q, prob q /\ Rbar_lt (Dc D c q) eps.
Proof.
move=> pp c0 cd Dp e0; exists p; split => //.
have k : coupling (along (fun x => x) p) p p.
{ split=> [x y|x|y].
  - by apply: along_ge0; case: pp.
  - exact: along_row.
  - rewrite -(sum_dirac p y); apply: sum_ext => x; rewrite /along eq_sym; by case: eqP => [->|]. }
have s : supported c (along (fun x => x) p) by apply: along_supported => x; rewrite cd.
apply: Rbar_le_lt_trans (Dc_le c0 pp k s Dp) _; rewrite along_cost sum_zero /=; first lra.
by move=> x; rewrite cd /=; ring.
Qed.
