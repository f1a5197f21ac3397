(** * T6 without Slater's condition; the ball of radius 0

    On finite spaces the DRO value equals the infimum of the dual for every [eps], [eps = 0] and empty balls included; at
    [eps = 0] the dual objective falls to the value as [lambda] grows, and need not reach it ([T6_zero_not_attained]).
    Idea: the value is continuous from the right in [eps] (compactness), and for a larger budget T6 has an optimal [lambda],
    whose objective is smaller at [eps]. *)
(** Theorems:
    - [T6_worst_case]: the primal side is attained: a worst case Q* whenever the value is finite
    - [T6_duality]: the DRO value is the infimum over lambda for every eps, eps = 0 and empty balls included,
      without Slater's condition
    - [T6_zero_limit]: at eps = 0 the dual objective tends to the value as lambda grows
    - [T6_zero_ball]: the ball of radius 0 is the set of Q with D^c = 0, and on one space it holds P
    - [T6_zero_not_attained]: at eps = 0 no lambda need attain it: KL, two points that cannot reach each other *)
From ArmorD Require Export T18_strict T13_order.

Section Boundary.
Context {X Y : finType} (D : (X -> R) -> Rbar) (c : X -> Y -> Rbar).
Hypotheses (Dcl : closed_divergence D) (D0 : nonneg_divergence D) (c0 : nonneg_cost c).
Hypothesis reach : forall x, exists y, finite (c x y).
Variables (phi : Y -> R) (kappa : R).
Hypothesis kappa0 : 0 <= kappa.

(** Distributions that almost lie in the ball and are almost worth [M] have a cluster point that does and is.
    Idea: [D^c] is lower semicontinuous, and so is [E_Q phi - kappa D^c(Q)] from above. *)
Lemma value_cluster (eps M : R) (S : R -> (Y -> R) -> Prop) : (forall e e' q, e <= e' -> S e q -> S e' q) ->
  (forall e, 0 < e -> exists q, S e q) ->
  (forall e q, S e q -> prob q /\ exists d, [/\ Dc D c q = Finite d, d <= eps + e & M - e <= expect q phi - kappa * d]) ->
  exists z d, [/\ prob z, Dc D c z = Finite d, d <= eps, M <= expect z phi - kappa * d
    & forall e, 0 < e -> exists q, S e q /\ forall y, Rabs (q y - z y) < e].
Proof.
move=> nested nonempty near_; have [|z [pz near lim]] := cluster_prob nested nonempty; first by move=> e q /near_ [].
have le : Rbar_le (Dc D c z) (Finite eps).
  apply: Dc_lsc => // e e0; have [q [/near_ [_ [d [ed de _]]] close]] := near e e0.
  by exists q, d; split => // y; have := close y; lra.
have d0 := @Dc_ge0 _ _ c D c0 D0 z; case ez : (Dc D c z) le d0 => [d||] // le d0; have {}le : d <= eps := le.
exists z, d; split => //; case: (Rle_lt_or_eq_dec _ _ kappa0) => [k0|<-]; last first.
  have neg (u : Y -> R) : expect u (fun y => - phi y) = - expect u phi by rewrite /expect -sum_opp; apply: sum_ext => y; ring.
  suff : expect z (fun y => - phi y) <= - M by rewrite neg; lra.
  apply: (lim _ 1) => [|e u _ /near_ [_ [d' [ed' _ Md]]]]; first lra.
  have d0' : 0 <= d' by have := @Dc_ge0 _ _ c D c0 D0 u; rewrite ed'.
  by rewrite neg; have := Rmult_le_pos _ _ kappa0 d0'; lra.
have : Rbar_le (Dc D c z) (Finite ((expect z phi - M) / kappa)).
  apply: Dc_lsc => // e e0; pose W := sum (fun y => Rabs (phi y)) + 1.
  have W0 : 1 <= W by have : 0 <= sum (fun y => Rabs (phi y)) by [apply: sum_ge0 => y; exact: Rabs_pos]; rewrite /W; lra.
  have e10 : 0 < Rmin e (e * kappa / W).
    by apply: Rmin_pos => //; apply: Rdiv_lt_0_compat; [exact: Rmult_lt_0_compat | lra].
  have [q [/near_ [pq [d' [ed' _ Md]]] close]] := near _ e10; exists q, d'; split => // [|y]; last first.
    by have := close y; have := Rmin_l e (e * kappa / W); lra.
  have := @linear_close _ phi q z _ (fun y => Rlt_le _ _ (close y)).
  have E (v : Y -> R) : sum (fun y => phi y * v y) = expect v phi by apply: sum_ext => y; ring.
  rewrite !E; have := Rle_abs (- (expect z phi - expect q phi)); rewrite Rabs_Ropp => h1 h2.
  have h3 : W * Rmin e (e * kappa / W) <= e * kappa.
    apply: (Rle_trans _ (W * (e * kappa / W))); last by right; field; lra.
    by apply: Rmult_le_compat_l; [lra | exact: Rmin_r].
  apply: (Rmult_le_reg_l kappa) => //.
  have -> : kappa * ((expect z phi - M) / kappa + e) = expect z phi - M + e * kappa by field; lra.
  by move: h1 h2 h3 Md; set r := Rmin _ _; rewrite /W => h1 h2 h3 Md; lra.
rewrite ez => h; have {}h : d <= (expect z phi - M) / kappa := h.
have := Rmult_le_compat_l _ _ _ kappa0 h; have -> : kappa * ((expect z phi - M) / kappa) = expect z phi - M by field; lra.
lra.
Qed.

(** Continuity from the right.  Idea: distributions of the larger balls that are worth [M] have a cluster point in the ball. *)
Lemma DRO_right_continuous (eps M : R) : (forall e, 0 < e -> Rbar_lt M (DRO (Dc D c) phi (eps + e) kappa)) ->
  Rbar_le M (DRO (Dc D c) phi eps kappa).
Proof.
move=> more; pose S e q := prob q /\ exists d, [/\ Dc D c q = Finite d, d <= eps + e & M - e <= expect q phi - kappa * d].
have [|||z [d [pz ez le worth _]]] := @value_cluster eps M S; [| | by [] |].
- by move=> e e' q le [pq [d [ed de Md]]]; split => //; exists d; split => //; lra.
- move=> e e0; have /Sup_gt [v [[q [d [pq ed de ->]]] l]] := more e e0; exists q; split => //; exists d; split => //.
  by have l' : M < expect q phi - kappa * d := l; lra.
- by apply: (Rbar_le_trans _ (expect z phi - kappa * d)) => //; apply: Sup_ge; exists z, d.
Qed.

(** The primal side is attained: there is a worst case [Q*].  Idea: nearly worst cases have a cluster point. *)
Theorem T6_worst_case eps V : DRO (Dc D c) phi eps kappa = Finite V ->
  exists q d, [/\ prob q, Dc D c q = Finite d, d <= eps & V = expect q phi - kappa * d].
Proof.
move=> eV; pose S e q := 0 <= e /\ prob q /\ exists d, [/\ Dc D c q = Finite d, d <= eps & V - e <= expect q phi - kappa * d].
have [|||z [d [pz ez le worth _]]] := @value_cluster eps V S.
- by move=> e e' q le [e0 [pq [d [ed de Md]]]]; split; [lra | split => //; exists d; split => //; lra].
- move=> e e0; have : Rbar_lt (V - e) (DRO (Dc D c) phi eps kappa) by rewrite eV /=; lra.
  move=> /Sup_gt [v [[q [d [pq ed de ->]]] l]]; exists q; split; [lra | split => //; exists d; split => //].
  by have l' : V - e < expect q phi - kappa * d := l; lra.
- by move=> e q [e0 [pq [d [ed de l]]]]; split => //; exists d; split => //; lra.
- exists z, d; split => //; apply: Rle_antisym => //.
  have : Rbar_le (expect z phi - kappa * d) (DRO (Dc D c) phi eps kappa) by apply: Sup_ge; exists z, d.
  by rewrite eV.
Qed.

(** [mu Lambda[phi^c_mu / mu]] is the supremum of [E_eta phi^c_mu - mu D(eta)]. *)
Definition reweighted (mu : R) : Rbar := Rbar_mult mu (Lambda D (fun x => transport_step c phi mu x / mu)).

Lemma reweighted_scale mu eta d : 0 < mu ->
  mu * (expect eta (fun x => transport_step c phi mu x / mu) - d) = expect eta (transport_step c phi mu) - mu * d.
Proof.
move=> m0; have -> : expect eta (fun x => transport_step c phi mu x / mu) = expect eta (transport_step c phi mu) / mu.
  by rewrite /expect /Rdiv -sum_scalr; apply: sum_ext => x; ring.
by field; lra.
Qed.

Lemma reweighted_ge mu eta d : 0 < mu -> prob eta -> D eta = Finite d ->
  Rbar_le (expect eta (transport_step c phi mu) - mu * d) (reweighted mu).
Proof.
move=> m0 pe ed; rewrite -reweighted_scale //; apply: mult_le => //.
by apply: Sup_ge; exists eta; rewrite ed.
Qed.

Lemma reweighted_le mu B : 0 < mu ->
  (forall eta d, prob eta -> D eta = Finite d -> expect eta (transport_step c phi mu) - mu * d <= B) -> Rbar_le (reweighted mu) B.
Proof.
move=> m0 h; have : Rbar_le (Lambda D (fun x => transport_step c phi mu x / mu)) (B / mu).
  apply: Sup_le => v [eta [pe ->]]; case ed : (D eta) => [d||] //; last by have := D0 pe; rewrite ed.
  apply: (Rmult_le_reg_l mu) => //; have -> : mu * (B / mu) = B by field; lra.
  by rewrite -/(Rminus _ _) reweighted_scale //; exact: h.
rewrite /reweighted; case: (Lambda D _) => [L||] // l; last by rewrite mult_minf.
have {}l : L <= B / mu := l; rewrite mult_fin /=; have := Rmult_le_compat_l _ _ _ (Rlt_le _ _ m0) l.
by have -> : mu * (B / mu) = B by [field; lra].
Qed.

(** Every re-weighting followed by its best transport is a distribution, whose [D^c] is at most what it costs. *)
Lemma best_transport mu eta d : 0 < mu -> prob eta -> D eta = Finite d -> exists q t, [/\ prob q, 0 <= t,
  Rbar_le (Dc D c q) (d + t) & expect eta (transport_step c phi mu) = expect q phi - mu * t].
Proof.
move=> m0 pe ed; have [m hm] := fin_choice (fun x => transport_spec c0 reach phi x m0).
have e0 : forall x, 0 <= eta x by case: pe.
have n := along_ge0 m e0; pose q y := sum ((along m eta)^~ y).
have s : supported c (along m eta) by apply: along_supported => x; case: (hm x).
have k : coupling (along m eta) eta q by split => //; exact: along_row.
exists q, (rcost c (along m eta)); split.
- split=> [y|]; first by apply: sum_ge0 => x; exact: n.
  by rewrite /q -(sum_sum (along m eta)) -(proj2 pe); apply: sum_ext => x; exact: along_row.
- exact: rcost_ge0.
- exact: Dc_le ed.
- rewrite along_cost; have -> : expect q phi = sum (fun y => phi y * sum ((along m eta)^~ y)) by apply: sum_ext => y; rewrite /q; ring.
  by rewrite along_dual -sum_scal -sum_minus; apply: sum_ext => x; have [_ -> _] := hm x; ring.
Qed.

Lemma objective_pos eps lambda : 0 < lambda + kappa ->
  T6_objective D c phi eps kappa lambda = Rbar_plus (lambda * eps) (reweighted (lambda + kappa)).
Proof. by move=> m0; rewrite /T6_objective; case: Rlt_dec. Qed.

(** Idea: as above; if even a larger ball is empty, the objective falls without bound. *)
Theorem T6_duality eps : DRO (Dc D c) phi eps kappa = Inf (fun v => exists lambda, 0 <= lambda /\ v = T6_objective D c phi eps kappa lambda).
Proof.
apply: Rbar_le_antisym; first by apply: Inf_ge => v [l [l0 ->]]; exact: T6_weak.
apply: Rbar_le_real_above => M lM.
have [e [e0 le]] : exists e, 0 < e /\ Rbar_le (DRO (Dc D c) phi (eps + e) kappa) M.
  apply: NNPP => n; apply: (Rbar_lt_not_le _ _ lM); apply: DRO_right_continuous => e e0.
  by apply: Rbar_not_le_lt => l; apply: n; exists e.
case: (classic (exists q, prob q /\ Rbar_lt (Dc D c q) (eps + e))) => [slater|empty].
  have [lambda [l0 eV]] := T6_strong_duality Dcl D0 c0 reach phi kappa0 slater; rewrite eV in le.
  apply: (Rbar_le_trans _ (T6_objective D c phi eps kappa lambda)); first by apply: Inf_le; exists lambda.
  move: le; rewrite /T6_objective; case: Rlt_dec => [m0|n]; rewrite [is_left _]/= // => le.
  apply: Rbar_le_trans le; case: (Rbar_mult _ _) => [L||] //=.
  by have := Rmult_le_pos _ _ l0 (Rlt_le _ _ e0); lra.
pose W := sum (fun y => Rabs (phi y)); pose lambda := (Rabs (W - kappa * (eps + e) - M) + 1) / e.
have l0 : 0 < lambda by apply: Rdiv_lt_0_compat => //; have := Rabs_pos (W - kappa * (eps + e) - M); lra.
apply: (Rbar_le_trans _ (T6_objective D c phi eps kappa lambda)); first by apply: Inf_le; exists lambda; split => //; lra.
have m0 : 0 < lambda + kappa by lra.
rewrite objective_pos //.
have : Rbar_le (reweighted (lambda + kappa)) (W - (lambda + kappa) * (eps + e)).
  apply: reweighted_le => // eta d pe ed; have [q [t [pq t0 lq ->]]] := best_transport m0 pe ed.
  have far : eps + e <= d + t.
    apply: Rnot_lt_le => l; apply: empty; exists q; split => //; by apply: Rbar_le_lt_trans lq _.
  have top : expect q phi <= W.
    have -> : W = sum (fun y => q y * W) by rewrite sum_scalr (proj2 pq); ring.
    apply: sum_le => y; apply: Rmult_le_compat_l; first exact: (proj1 pq).
    by apply: Rle_trans (Rle_abs _) _; apply: (@sum_ge_term _ (fun y => Rabs (phi y))) => z; exact: Rabs_pos.
  have := Rmult_le_compat_l _ _ _ (Rlt_le _ _ m0) far; lra.
case: (reweighted _) => [L||] // l; have {}l : L <= W - (lambda + kappa) * (eps + e) := l.
have : lambda * e = Rabs (W - kappa * (eps + e) - M) + 1 by rewrite /lambda; field; lra.
have := Rle_abs (W - kappa * (eps + e) - M); rewrite /=; lra.
Qed.

(** At [eps = 0] the objective falls.  Idea: a larger [mu] makes every plan less worth. *)
Lemma objective_antitone lambda lambda' : 0 <= lambda <= lambda' ->
  Rbar_le (T6_objective D c phi 0 kappa lambda') (T6_objective D c phi 0 kappa lambda).
Proof.
move=> [l0 le]; case: (Rlt_dec 0 (lambda' + kappa)) => [m0'|n]; last first.
  have -> : lambda' = lambda by lra.
  exact: Rbar_le_refl.
rewrite objective_pos // Rmult_0_r; have -> : Rbar_plus 0 (reweighted (lambda' + kappa)) = reweighted (lambda' + kappa).
  by case: (reweighted _) => [L||] //=; congr Finite; ring.
case E : (T6_objective D c phi 0 kappa lambda) => [B||]; [|by case: (reweighted _) |].
- apply: reweighted_le => // eta d pe ed; have d0 : 0 <= d by have := D0 pe; rewrite ed.
  have [q [t [pq t0 lq eq_]]] := best_transport m0' pe ed.
  case: (Rlt_dec 0 (lambda + kappa)) => [m0|n].
    move: E; rewrite objective_pos // Rmult_0_r => E; have := reweighted_ge m0 pe ed; rewrite (_ : reweighted (lambda + kappa) = B); last first.
      by move: E; case: (reweighted _) => [L||] //= [<-]; congr Finite; ring.
    move=> h; apply: Rle_trans h; apply: Rplus_le_compat; last by have := Rmult_le_compat_r _ _ _ d0 le; lra.
    apply: sum_le => x; apply: Rmult_le_compat_l; first exact: (proj1 pe).
    have [y [fy -> _]] := transport_spec c0 reach phi x m0'; have [_ [_ _ h]] := transport_spec c0 reach phi x m0.
    by have := h y fy; have := Rmult_le_compat_r _ _ _ (real_c_ge0 c0 x y) le; lra.
  have gq := @Dc_ge0 _ _ c D c0 D0 q; case ew : (Dc D c q) lq gq => [w||] // _ _.
  have : Rbar_le (expect q phi) B.
    by rewrite -E /T6_objective; case: Rlt_dec => [//|n']; rewrite [is_left _]/=; apply: Sup_ge; exists q, w.
  rewrite eq_ /=; have := Rmult_le_pos _ _ (Rlt_le _ _ m0') t0; have := Rmult_le_pos _ _ (Rlt_le _ _ m0') d0; lra.
- suff none : forall eta d, prob eta -> D eta <> Finite d.
    apply: Rbar_le_real_above => r _; apply: reweighted_le => // eta d pe ed; by case: (none eta d pe).
  move=> eta d pe ed; case: (Rlt_dec 0 (lambda + kappa)) => [m0|n].
    move: E; rewrite objective_pos // Rmult_0_r; have := reweighted_ge m0 pe ed; by case: (reweighted _).
  have [q [t [pq t0 lq _]]] := best_transport m0' pe ed; have gq := @Dc_ge0 _ _ c D c0 D0 q.
  case ew : (Dc D c q) lq gq => [w||] // _ _; have : Rbar_le (expect q phi) m_infty; last by [].
  by rewrite -E /T6_objective; case: Rlt_dec => [//|n']; rewrite [is_left _]/=; apply: Sup_ge; exists q, w.
Qed.

(** Idea: some [lambda] comes close by [T6_duality], and from there the objective only falls. *)
Theorem T6_zero_limit (M : R) : Rbar_lt (DRO (Dc D c) phi 0 kappa) M ->
  exists L, 0 <= L /\ forall lambda, L <= lambda ->
    Rbar_le (DRO (Dc D c) phi 0 kappa) (T6_objective D c phi 0 kappa lambda) /\ Rbar_lt (T6_objective D c phi 0 kappa lambda) M.
Proof.
rewrite T6_duality => /Inf_lt [v [[L [L0 ->]] l]]; exists L; split => // lambda le; split.
  by apply: Inf_le; exists lambda; split => //; lra.
by apply: Rbar_le_lt_trans l; apply: objective_antitone; lra.
Qed.
End Boundary.

(** ** On one space: the ball of radius 0 is [{Q : D^c(Q) = 0}], and never empty
    Idea: [Q = P]. *)
Theorem T6_zero_ball (X : finType) (D : (X -> R) -> Rbar) (p : X -> R) (c : X -> X -> Rbar) (phi : X -> R) kappa :
  nonneg_divergence D -> nonneg_cost c -> reflexive_cost c -> prob p -> D p = 0 -> 0 <= kappa ->
  DRO (Dc D c) phi 0 kappa = Sup (fun v => exists q, [/\ prob q, Dc D c q = 0 & v = Finite (expect q phi)]) /\ Dc D c p = 0.
Proof.
move=> D0 c0 cd pp Dp k0; split; last first.
  apply: Rbar_le_antisym; last exact: Dc_ge0.
  by rewrite -Dp; exact: T13_le_divergence.
apply: Sup_ext => v; split=> [[q [d [pq ed de ->]]]|[q [pq ed ->]]]; last first.
  by exists q, 0; split => //; [lra | congr Finite; ring].
have d0 : 0 <= d by have := @Dc_ge0 _ _ c D c0 D0 q; rewrite ed.
have dz : d = 0 by lra.
by exists q; rewrite ed dz; split => //; congr Finite; ring.
Qed.

(** ** No [lambda] need attain it: KL, [P = (1/2, 1/2)], two points that cannot reach each other, [phi = (1, 0)].
    Idea: the value is [1/2], and [lambda log ((1 + e^(1/lambda))/2) > 1/2] by the strict inequality of means. *)
Section ZeroNotAttained.
Let p (_ : bool) : R := / 2.
Let phi (x : bool) : R := if x then 1 else 0.
Let D := Df (divergence kl) (slope (divergence kl) Reference) p.
Let c := @rigid bool_finType.

Theorem T6_zero_not_attained : DRO (Dc D c) phi 0 0 = / 2 /\ forall lambda, 0 <= lambda -> Rbar_lt (/ 2) (T6_objective D c phi 0 0 lambda).
Proof.
have pp : prob p by split=> [x|]; rewrite ?sum_bool /p; lra.
have D0 : nonneg_divergence D by exact: Df_nonneg.
have Dp : D p = 0 by exact: Df_zero.
have c0 : nonneg_cost c by move=> x y; rewrite /c /rigid; case: eqP => _ /=; [lra |].
have cd : reflexive_cost c by move=> x; rewrite /c /rigid eqxx.
have Dcl : closed_divergence D by exact: Df_closed.
split.
  have [-> zp] := @T6_zero_ball _ D p c phi 0 D0 c0 cd pp Dp (Rle_refl 0).
  apply: Rbar_le_antisym; last first.
    by apply: Sup_ge; exists p; split => //; congr Finite; rewrite /expect sum_bool /p /phi; ring.
  apply: Sup_le => v [q [pq ed ->]]; have -> : q = p.
    by apply: (T18_strict kl_strict pp pq); rewrite -ed T17_rigid.
  by rewrite /expect sum_bool /p /phi /=; lra.
move=> lambda l0; rewrite /T6_objective; case: Rlt_dec => [m0|n]; rewrite [is_left _]/=; last first.
  have pq : prob phi by split=> [[]|]; rewrite ?sum_bool /phi; lra.
  apply: (Rbar_lt_le_trans _ 1); first by rewrite /=; lra.
  apply: Sup_ge; exists phi, (real (D phi)); split => //; last by congr Finite; rewrite /expect sum_bool /phi; ring.
  rewrite T17_rigid //; apply: finite_real.
  suff -> : D phi = sum (Df_term (divergence kl) (slope (divergence kl) Reference) p phi) by [].
  apply/(Df_finite _ p (@slope_not_minus (divergence kl) Reference) _ (proj1 pq)); split => // x.
  case: Rlt_dec => /= h; last by rewrite /p in h; lra.
  by rewrite /fval; case: Rlt_dec => //= n'; case: Req_EM_T => //= n''; have := ratio_ge0 (proj1 pq x) h; lra.
rewrite Rplus_0_r in m0 *.
have step x : transport_step c phi lambda x = phi x.
  have r x' : exists y, finite (c x' y) by exists x'; rewrite cd.
  have [y [fy -> h]] := transport_spec c0 r phi x m0.
  have := h x; rewrite cd /= => /(_ isT); move: fy; rewrite /c /rigid; case: eqP => //= <- _; lra.
rewrite (T3_gibbs pp Reference) mult_fin /= Rmult_0_r Rplus_0_l.
have -> : partition p (fun x => transport_step c phi lambda x / lambda) = (1 + exp (/ lambda)) / 2.
  have z0 : 0 / lambda = 0 by rewrite /Rdiv Rmult_0_l.
  have z1 : 1 / lambda = / lambda by rewrite /Rdiv Rmult_1_l.
  by rewrite /partition /expect sum_bool (step true) (step false) /p /phi z0 z1 exp_0; lra.
have h0 : 0 < / lambda by exact: Rinv_0_lt_compat.
have e1 : 1 < exp (/ (2 * lambda)).
  by rewrite -exp_0; apply: exp_increasing; apply: Rinv_0_lt_compat; lra.
have e2 : exp (/ lambda) = exp (/ (2 * lambda)) * exp (/ (2 * lambda)) by rewrite -exp_plus; congr exp; field; lra.
have l : exp (/ (2 * lambda)) < (1 + exp (/ lambda)) / 2 by rewrite e2; nra.
have := ln_increasing _ _ (exp_pos _) l; rewrite ln_exp => /(Rmult_lt_compat_l _ _ _ m0).
by have -> : lambda * / (2 * lambda) = / 2 by [field; lra].
Qed.
End ZeroNotAttained.
