(** * T6--T8, strong form

    [sup { E_Q phi - kappa D^c(Q) : D^c(Q) <= eps } = min_{lambda >= 0} { lambda eps + mu Lambda[phi^c_mu / mu] }],
    [mu = lambda + kappa].  Idea: the budget [D^c <= eps] has one nonnegative multiplier, because some [Q] has
    [D^c(Q) < eps] (on one space [Q = P]); the inner supremum over plans splits row by row. *)
(** Theorems:
    - [T6_weak]: every lambda >= 0 bounds the DRO value
    - [T6_strong_duality]: equality with an attained lambda under Slater's condition
    - [T6_infimum]: the same as an infimum *)
From ArmorD Require Export T03_strong.

Section T6.
Context {X Y : finType} (D : (X -> R) -> Rbar) (c : X -> Y -> Rbar).
Hypotheses (Dcl : closed_divergence D) (D0 : nonneg_divergence D) (c0 : nonneg_cost c).
Hypothesis reach : forall x, exists y, finite (c x y).
Variables (phi : Y -> R) (eps kappa : R).
Hypothesis kappa0 : 0 <= kappa.

(** [phi^c_mu(x) = sup_y { phi(y) - mu c(x, y) }]. *)
Definition transport_step (mu : R) (x : X) : R := real (ctransform (scale_cost mu c) phi x).

(** The dual objective; at [lambda + kappa = 0] it is the reachable supremum. *)
Definition T6_objective (lambda : R) : Rbar :=
  if Rlt_dec 0 (lambda + kappa)
  then Rbar_plus (lambda * eps) (Rbar_mult (lambda + kappa) (Lambda D (fun x => transport_step (lambda + kappa) x / (lambda + kappa))))
  else Sup (fun v => exists q d, [/\ prob q, Dc D c q = Finite d & v = Finite (expect q phi)]).

Lemma scale_nonneg mu : 0 < mu -> nonneg_cost (scale_cost mu c).
Proof. by move=> m0 x y; have := mult_le m0 (c0 x y); rewrite Rmult_0_r. Qed.

Lemma scale_finite mu x y : 0 < mu -> finite (scale_cost mu c x y) = finite (c x y).
Proof.
move=> m0; rewrite /scale_cost; case e : (c x y) => [r||] //; first by rewrite mult_pinf.
by have := c0 x y; rewrite e.
Qed.

Lemma scale_real mu x y : 0 < mu -> real (scale_cost mu c x y) = mu * real (c x y).
Proof. by move=> m0; rewrite /scale_cost real_mult //; [exact: c_not_minus_infinity | lra]. Qed.

Lemma transport_spec mu x : 0 < mu -> exists y, [/\ finite (c x y), transport_step mu x = phi y - mu * real (c x y)
  & forall z, finite (c x z) -> phi z - mu * real (c x z) <= transport_step mu x].
Proof.
move=> m0; have r x' : exists y, finite (scale_cost mu c x' y).
  by have [y fy] := reach x'; exists y; rewrite scale_finite.
have [y [fy e _ h]] := ctransform_spec (scale_nonneg m0) r phi x.
exists y; rewrite scale_finite // in fy; split => //; first by rewrite /transport_step e scale_real.
move=> z fz; rewrite /transport_step e scale_real //; have := h z; rewrite scale_finite // !scale_real //; exact.
Qed.

(** Any plan is worth at most the objective. *)
Lemma T6_plan_le lambda q d : 0 <= lambda -> prob q -> Dc D c q = Finite d -> d <= eps ->
  Rbar_le (expect q phi - kappa * d) (T6_objective lambda).
Proof.
move=> l0 pq ed de; have d0 : 0 <= d by have := @Dc_ge0 X Y c D c0 D0 q; rewrite ed.
rewrite /T6_objective; case: Rlt_dec => [m0|n]; rewrite [is_left _]/=; last first.
  apply: (Rbar_le_trans _ (expect q phi)); last by apply: Sup_ge; exists q, d.
  by have := Rmult_le_pos _ _ kappa0 d0 => /=; lra.
set mu := lambda + kappa in m0 *.
have [pi [k p s eD]] := @T1_attained _ _ D c Dcl D0 c0 q d ed.
case: k => p0 _ mc; set eta := fun x => sum (pi x) in p eD.
have gain : expect q phi <= sum (fun x => eta x * transport_step mu x) + mu * rcost c pi.
  have -> : expect q phi = sum (fun x => sum (fun y => pi x y * phi y)).
    by rewrite sum_sum; apply: sum_ext => y; rewrite sum_scalr mc.
  rewrite /rcost -sum_scal -sum_plus; apply: sum_le => x; rewrite /eta -sum_scalr -sum_scal -sum_plus; apply: sum_le => y.
  case: (s x y) => [->|fy]; first lra.
  by have [_ [_ _ h]] := transport_spec x m0; have := h y fy; have := p0 x y; nra.
have lam : Rbar_le (expect eta (fun x => transport_step mu x / mu) - (d - rcost c pi)) (Lambda D (fun x => transport_step mu x / mu)).
  have -> : Finite (expect eta (fun x => transport_step mu x / mu) - (d - rcost c pi))
     = Rbar_minus (expect eta (fun x => transport_step mu x / mu)) (D eta) by rewrite eD.
  by apply: Sup_ge; exists eta.
have := mult_le m0 lam.
have -> : mu * (expect eta (fun x => transport_step mu x / mu) - (d - rcost c pi))
   = sum (fun x => eta x * transport_step mu x) + mu * rcost c pi - mu * d.
  have -> : expect eta (fun x => transport_step mu x / mu) = sum (fun x => eta x * transport_step mu x) / mu.
    by rewrite /expect /Rdiv -sum_scalr; apply: sum_ext => x; ring.
  by field; lra.
case: (Rbar_mult mu _) => [L||] //= h.
have := Rmult_le_compat_l _ _ _ l0 de; rewrite /mu in gain h *; lra.
Qed.

(** Idea: [E_Q phi <= lambda eps + (E_Q phi - lambda D^c(Q))] in the ball, and exchange the suprema. *)
Theorem T6_weak lambda : 0 <= lambda -> Rbar_le (DRO (Dc D c) phi eps kappa) (T6_objective lambda).
Proof. by move=> l0; apply: Sup_le => v [q [d [pq ed de ->]]]; exact: T6_plan_le. Qed.

(** Slater: some [Q] below the budget. *)
Theorem T6_strong_duality : (exists q, prob q /\ Rbar_lt (Dc D c q) eps) ->
  exists lambda, 0 <= lambda /\ DRO (Dc D c) phi eps kappa = T6_objective lambda.
Proof.
move=> [q0 [pq0 lq0]].
have [d0 ed0] : exists d, Dc D c q0 = Finite d.
  by move: lq0 (@Dc_ge0 X Y c D c0 D0 q0); case: (Dc D c q0) => [d||] //; exists d.
have de0 : d0 < eps by move: lq0; rewrite ed0.
have [y0 _] : exists y : Y, True by have [|y _] := @sum_pos_ex Y q0; [case: pq0 => _ ->; lra | exists y].
have [ym [_ hm]] := @fin_argmax Y (fun _ => True) phi (ex_intro _ y0 I).
have [V eV] : exists V, DRO (Dc D c) phi eps kappa = Finite V.
  case e : (DRO _ _ _ _) => [V||]; first by exists V.
    have : Rbar_le (DRO (Dc D c) phi eps kappa) (phi ym).
      apply: Sup_le => v [q [d [[p0 p1] ed de ->]]] /=.
      have d0' : 0 <= d by have := @Dc_ge0 X Y c D c0 D0 q; rewrite ed.
      have : expect q phi <= sum (fun y => q y * phi ym).
        by apply: sum_le => y; apply: Rmult_le_compat_l => //; exact: hm.
      by rewrite sum_scalr p1; have := Rmult_le_pos _ _ kappa0 d0'; lra.
    by rewrite e.
  have : Rbar_le (expect q0 phi - kappa * d0) (DRO (Dc D c) phi eps kappa) by apply: Sup_ge; exists q0, d0; split => //; lra.
  by rewrite e.
(* plans: budget overrun [t] against value [v] *)
pose K t v := exists pi a, [/\ (forall x y, 0 <= pi x y) /\ prob (fun x => sum (pi x)), supported c pi,
  Rbar_le (D (fun x => sum (pi x))) (Finite a) & t = a + rcost c pi - eps /\
  v = sum (fun y => sum (pi^~ y) * phi y) - kappa * (a + rcost c pi)].
have [lambda [l0 hl]] : exists lambda, 0 <= lambda /\ forall t v, K t v -> v <= V + lambda * t.
{ apply: multiplier_ge0.
  - move=> s u t v a [p1 [a1 [[n1 pr1] s1 d1 [-> ->]]]] [p2 [a2 [[n2 pr2] s2 d2 [-> ->]]]] a01.
    have rows : (fun x => sum (fun y => a * p1 x y + (1 - a) * p2 x y)) = (fun x => a * sum (p1 x) + (1 - a) * sum (p2 x)).
      by apply: functional_extensionality => x; rewrite sum_plus !sum_scal.
    have rc : rcost c (fun x y => a * p1 x y + (1 - a) * p2 x y) = a * rcost c p1 + (1 - a) * rcost c p2.
      by rewrite /rcost -!sum_scal -sum_plus; apply: sum_ext => x; rewrite -!sum_scal -sum_plus; apply: sum_ext => y; ring.
    exists (fun x y => a * p1 x y + (1 - a) * p2 x y), (a * a1 + (1 - a) * a2); rewrite rows rc; split.
    + split; last exact: prob_mix.
      by move=> x y; have := n1 x y; have := n2 x y; nra.
    + by move=> x y; case: (s1 x y) => [->|]; [case: (s2 x y) => [->|]; [left; ring | right] | right].
    + exact: D_convex.
    + split; first ring.
      have -> : sum (fun y => sum (fun x => a * p1 x y + (1 - a) * p2 x y) * phi y)
         = a * sum (fun y => sum (p1^~ y) * phi y) + (1 - a) * sum (fun y => sum (p2^~ y) * phi y).
        by rewrite -!sum_scal -sum_plus; apply: sum_ext => y; rewrite sum_plus !sum_scal; ring.
      ring.
  - move=> t v t0 [pi [a [[n pr] s dl [et ->]]]].
    pose q y := sum (pi^~ y).
    have pq : prob q.
      by split=> [y|]; [exact: sum_ge0 | rewrite /q -sum_sum; exact: (proj2 pr)].
    case ed : (D (fun x => sum (pi x))) dl => [d||] //= dl; last by have := D0 pr; rewrite ed.
    have kq : coupling pi (fun x => sum (pi x)) q by split.
    have lq := Dc_le c0 pr kq s ed; have gq := @Dc_ge0 X Y c D c0 D0 q.
    case eq_ : (Dc D c q) lq gq => [d'||] //= lq gq.
    have : Rbar_le (expect q phi - kappa * d') (DRO (Dc D c) phi eps kappa) by apply: Sup_ge; exists q, d'; split => //; lra.
    rewrite eV /= /expect /q; have : d' <= a + rcost c pi by lra.
    by move=> /(Rmult_le_compat_l _ _ _ kappa0); lra.
  - have [pi [[n mr mc] pr s eD]] := @T1_attained _ _ D c Dcl D0 c0 q0 d0 ed0.
    exists (d0 - eps); eexists; split; first lra.
    exists pi, (d0 - rcost c pi); split => //; first by rewrite eD; exact: Rbar_le_refl.
    by split; [ring | reflexivity]. }
exists lambda; split => //; apply: Rbar_le_antisym; first exact: T6_weak.
rewrite eV /T6_objective; case: Rlt_dec => [m0|nm]; rewrite [is_left _]/=; last first.
  (* lambda = kappa = 0 *)
  apply: Sup_le => v [q [d [pq ed ->]]] /=.
  have [pi [[n mr mc] pr s eD]] := @T1_attained _ _ D c Dcl D0 c0 q d ed.
  have z : lambda = 0 /\ kappa = 0 by lra.
  have := hl (d - eps) (expect q phi - kappa * d); rewrite (proj1 z) (proj2 z) => h.
  suff : expect q phi - 0 * d <= V + 0 * (d - eps) by lra.
  apply: h; exists pi, (d - rcost c pi); split => //; first by rewrite eD; exact: Rbar_le_refl.
  split; first ring.
  by rewrite /expect (proj2 z); have -> : sum (fun y => sum (pi^~ y) * phi y) = sum (fun y => q y * phi y) by [apply: sum_ext => y; rewrite mc]; ring.
set mu := lambda + kappa in m0 *.
have lam : Rbar_le (Lambda D (fun x => transport_step mu x / mu)) ((V - lambda * eps) / mu).
  apply: Sup_le => v [eta [pe ->]]; case ed : (D eta) => [d||] //; last by have := D0 pe; rewrite ed.
  have [m hmm] := fin_choice (fun x => transport_spec x m0).
  have fm x : finite (c x (m x)) by case: (hmm x).
  have := hl (d + rcost c (along m eta) - eps)
             (sum (fun y => sum ((along m eta)^~ y) * phi y) - kappa * (d + rcost c (along m eta))).
  have kk : K (d + rcost c (along m eta) - eps) (sum (fun y => sum ((along m eta)^~ y) * phi y) - kappa * (d + rcost c (along m eta))).
    exists (along m eta), d; rewrite along_rows; split => //; [| exact: along_supported | by rewrite ed; exact: Rbar_le_refl].
    by split => //; apply: along_ge0; case: pe.
  move=> /(_ kk) {kk}.
  have -> : sum (fun y => sum ((along m eta)^~ y) * phi y) = sum (fun x => eta x * phi (m x)).
    by rewrite -(along_dual m eta phi); apply: sum_ext => y; ring.
  rewrite along_cost /= => h.
  apply: (Rmult_le_reg_l mu) => //.
  have -> : mu * ((V - lambda * eps) / mu) = V - lambda * eps by field; lra.
  have -> : mu * (expect eta (fun x => transport_step mu x / mu) + - d)
     = sum (fun x => eta x * phi (m x)) - mu * sum (fun x => eta x * real (c x (m x))) - mu * d.
    have -> : expect eta (fun x => transport_step mu x / mu)
       = (sum (fun x => eta x * phi (m x)) - mu * sum (fun x => eta x * real (c x (m x)))) / mu.
      transitivity (sum (fun x => (eta x * phi (m x) - mu * (eta x * real (c x (m x)))) * / mu)).
        by apply: sum_ext => x; have [_ -> _] := hmm x; rewrite /Rdiv; ring.
      by rewrite sum_scalr sum_minus sum_scal.
    by field; lra.
  rewrite /mu; lra.
case: (Lambda D _) lam => [L||] // lam; last by rewrite mult_minf.
have h : L <= (V - lambda * eps) / mu by [].
rewrite mult_fin /=; have := Rmult_le_compat_l _ _ _ (Rlt_le _ _ m0) h.
have -> : mu * ((V - lambda * eps) / mu) = V - lambda * eps by field; lra.
lra.
Qed.

(** Idea: the weak bound for every [lambda], equality at the attained one. *)
Corollary T6_infimum : (exists q, prob q /\ Rbar_lt (Dc D c q) eps) ->
  DRO (Dc D c) phi eps kappa = Inf (fun v => exists lambda, 0 <= lambda /\ v = T6_objective lambda).
Proof.
move=> s; apply: Rbar_le_antisym.
  by apply: Inf_ge => v [l [l0 ->]]; exact: T6_weak.
by have [l [l0 ->]] := T6_strong_duality s; apply: Inf_le; exists l.
Qed.
End T6.
