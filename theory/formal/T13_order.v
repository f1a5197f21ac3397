(** * T13: order and bounds of the DRO value; T17: the special cases

    A larger cost or divergence makes [D^c] larger and the adversary weaker; so the two one-mechanism values
    ([D] alone, transport alone) lie below. Mixing two plans shows concavity in [eps]. For a hard ball every point may
    be moved to the worst point it reaches at no cost, and no mass reaches more. *)
(** Theorems:
    - [T13_value_monotone_cost]: the DRO value is nonincreasing in the cost
    - [T14_convex_in_Q]: D^c is convex in Q
    - [T13_concave_eps]: the DRO value is concave in eps
    - [T13_le_reachable]: the DRO value is at most the supremum over what is reachable
    - [T13_mean_le]: E_P phi is at most the DRO value
    - [T13_mechanisms]: the DRO value is at least those of re-weighting alone and of transport alone
    - [T17_rigid]: c infinite off the diagonal leaves D
    - [T17_cvar_one]: CVaR at level 1 is infinite off P
    - [T17_ot_dro]: OT-DRO is min over lambda of lambda eps + E_P phi^c (UDR with the soft ball)
    - [T13_hard_ball]: hard ball, mass kept on supp P: the value lies between the mean and the maximum adversarial
      loss
    - [T17_adversarial_training]: hard ball, eps to 0: the value tends to the mean adversarial loss *)
From ArmorD Require Export T25_truncated_transport.

(** A larger distance gives a smaller value. *)
Lemma DRO_antitone (Y : finType) (dist dist' : (Y -> R) -> Rbar) phi eps kappa : 0 <= kappa ->
  (forall q, prob q -> Rbar_le 0 (dist q) /\ Rbar_le (dist q) (dist' q)) ->
  Rbar_le (DRO dist' phi eps kappa) (DRO dist phi eps kappa).
Proof.
move=> k0 h; apply: Sup_le => v [q [d' [pq e de ->]]]; have [pos le] := h q pq; rewrite e in le.
case ed : (dist q) pos le => [d||] // pos le.
apply: (Rbar_le_trans _ (expect q phi - kappa * d)).
  by have := Rmult_le_compat_l _ _ _ k0 (le : d <= d') => /=; lra.
by apply: Sup_ge; exists q, d; split => //; apply: Rle_trans de.
Qed.

Section Bounds.
Context {X Y : finType} (D : (X -> R) -> Rbar).
Hypotheses (Dcl : closed_divergence D) (D0 : nonneg_divergence D).
Variables (phi : Y -> R) (eps kappa : R).
Hypothesis k0 : 0 <= kappa.

(** Nonincreasing in the cost. *)
Theorem T13_value_monotone_cost (c c' : X -> Y -> Rbar) : nonneg_cost c -> nonneg_cost c' ->
  (forall x y, Rbar_le (c x y) (c' x y)) -> Rbar_le (DRO (Dc D c') phi eps kappa) (DRO (Dc D c) phi eps kappa).
Proof.
move=> c0 c0' le; apply: DRO_antitone => // q _; split; first exact: Dc_ge0.
exact: T13_monotone_cost.
Qed.

Section One.
Variable c : X -> Y -> Rbar.
Hypothesis c0 : nonneg_cost c.

(** [D^c] is convex in [Q]. *)
Theorem T14_convex_in_Q q1 q2 v1 v2 a : 0 <= a <= 1 -> Rbar_le (Dc D c q1) (Finite v1) -> Rbar_le (Dc D c q2) (Finite v2) ->
  Rbar_le (Dc D c (fun y => a * q1 y + (1 - a) * q2 y)) (Finite (a * v1 + (1 - a) * v2)).
Proof.
move=> a01 l1 l2; apply: Rbar_le_real_above => r lr; pose e := r - (a * v1 + (1 - a) * v2).
have e0 : 0 < e by move: lr => /=; rewrite /e; lra.
have [] := @Dc_lt _ _ c D c0 D0 q1 (v1 + e); first by apply: Rbar_le_lt_trans l1 _ => /=; lra.
move=> eta1 [pi1 [b1 [pe1 [n1 r1 m1] s1 d1 t1]]].
have [] := @Dc_lt _ _ c D c0 D0 q2 (v2 + e); first by apply: Rbar_le_lt_trans l2 _ => /=; lra.
move=> eta2 [pi2 [b2 [pe2 [n2 r2 m2] s2 d2 t2]]].
have l : Rbar_le (D (fun x => a * eta1 x + (1 - a) * eta2 x)) (Finite (a * b1 + (1 - a) * b2)).
  by apply: D_convex => //; [rewrite d1 | rewrite d2]; exact: Rbar_le_refl.
have pe := prob_mix a01 pe1 pe2.
case ed : (D _) l (D0 pe) => [d||] // l _.
have k : coupling (fun x y => a * pi1 x y + (1 - a) * pi2 x y) (fun x => a * eta1 x + (1 - a) * eta2 x) (fun y => a * q1 y + (1 - a) * q2 y).
  split=> [x y|x|y]; [by have := n1 x y; have := n2 x y; nra | by rewrite sum_plus !sum_scal r1 r2 | by rewrite sum_plus !sum_scal m1 m2].
have s : supported c (fun x y => a * pi1 x y + (1 - a) * pi2 x y).
  by move=> x y; case: (s1 x y) => [->|]; [case: (s2 x y) => [->|]; [left; ring | right] | right].
have rc : rcost c (fun x y => a * pi1 x y + (1 - a) * pi2 x y) = a * rcost c pi1 + (1 - a) * rcost c pi2.
  by rewrite /rcost -!sum_scal -sum_plus; apply: sum_ext => x; rewrite -!sum_scal -sum_plus; apply: sum_ext => y; ring.
apply: Rbar_le_trans (Dc_le c0 pe k s ed) _; rewrite rc /=; have l' : d <= a * b1 + (1 - a) * b2 := l.
have : a * (b1 + rcost c pi1) <= a * (v1 + e) by apply: Rmult_le_compat_l; lra.
have : (1 - a) * (b2 + rcost c pi2) <= (1 - a) * (v2 + e) by apply: Rmult_le_compat_l; lra.
rewrite /e; lra.
Qed.

(** Concave in [eps]. *)
Theorem T13_concave_eps e1 e2 v1 v2 a : 0 <= a <= 1 ->
  Rbar_lt (Finite v1) (DRO (Dc D c) phi e1 kappa) -> Rbar_lt (Finite v2) (DRO (Dc D c) phi e2 kappa) ->
  Rbar_le (Finite (a * v1 + (1 - a) * v2)) (DRO (Dc D c) phi (a * e1 + (1 - a) * e2) kappa).
Proof.
move=> a01 /Sup_gt [w1 [[q1 [d1 [p1 ed1 l1 ->]]] t1]] /Sup_gt [w2 [[q2 [d2 [p2 ed2 l2 ->]]] t2]].
have {}t1 : v1 < expect q1 phi - kappa * d1 := t1; have {}t2 : v2 < expect q2 phi - kappa * d2 := t2.
have l : Rbar_le (Dc D c (fun y => a * q1 y + (1 - a) * q2 y)) (Finite (a * d1 + (1 - a) * d2)).
  by apply: T14_convex_in_Q => //; [rewrite ed1 | rewrite ed2]; exact: Rbar_le_refl.
case ed : (Dc D c _) l (@Dc_ge0 _ _ c D c0 D0 (fun y => a * q1 y + (1 - a) * q2 y)) => [d||] // l _.
have {}l : d <= a * d1 + (1 - a) * d2 := l.
apply: (Rbar_le_trans _ (expect (fun y => a * q1 y + (1 - a) * q2 y) phi - kappa * d)); last first.
  apply: Sup_ge; exists (fun y => a * q1 y + (1 - a) * q2 y), d; split => //; first exact: prob_mix.
  by have := Rmult_le_compat_l a _ _ (proj1 a01) l1; have := Rmult_le_compat_l (1 - a) d2 e2; lra.
have -> : expect (fun y => a * q1 y + (1 - a) * q2 y) phi = a * expect q1 phi + (1 - a) * expect q2 phi.
  by rewrite /expect -!sum_scal -sum_plus; apply: sum_ext => y; ring.
rewrite /=; have := Rmult_le_compat_l _ _ _ k0 l.
have := Rmult_le_compat_l a v1 (expect q1 phi - kappa * d1); have := Rmult_le_compat_l (1 - a) v2 (expect q2 phi - kappa * d2); lra.
Qed.

(** What the adversary can reach: points at finite cost from points that a finite [D] allows. *)
Definition reachable (y : Y) : Prop := exists x eta, [/\ finite (c x y), prob eta, finite (D eta) & 0 < eta x].

(** Idea: a plan of finite value moves mass to reachable points alone. *)
Theorem T13_le_reachable (M : R) : (forall y, reachable y -> phi y <= M) -> Rbar_le (DRO (Dc D c) phi eps kappa) M.
Proof.
move=> hM; apply: Sup_le => v [q [d [[q0 q1] e de ->]]] /=.
have d0 : 0 <= d by have := @Dc_ge0 _ _ c D c0 D0 q; rewrite e.
have kd := Rmult_le_pos _ _ k0 d0.
have [pi [[n mr mc] pr s eD]] := @T1_attained _ _ D c Dcl D0 c0 q d e.
suff : expect q phi <= M by lra.
have -> : M = sum (fun y => q y * M) by rewrite sum_scalr q1; ring.
apply: sum_le => y; case: (Rle_lt_or_eq_dec _ _ (q0 y)) => [qy|<-]; last lra.
apply: Rmult_le_compat_l => //; apply: hM.
have [|x px] := @sum_pos_ex _ (pi^~ y); first by rewrite mc.
exists x, (fun x => sum (pi x)); split => //; [by case: (s x y) => // z; lra | by rewrite eD |].
exact: Rlt_le_trans px (sum_ge_term y (n x)).
Qed.
End One.
End Bounds.

Section OneSpace.
Context {X : finType} (D : (X -> R) -> Rbar) (p : X -> R) (c : X -> X -> Rbar).
Hypotheses (D0 : nonneg_divergence D) (c0 : nonneg_cost c) (cd : reflexive_cost c) (pp : prob p) (Dp : D p = 0).
Variables (phi : X -> R) (eps kappa : R).
Hypotheses (k0 : 0 <= kappa) (e0 : 0 <= eps).

(** Idea: [Q = P] costs nothing. *)
Theorem T13_mean_le : Rbar_le (expect p phi) (DRO (Dc D c) phi eps kappa).
Proof.
apply: Sup_ge; exists p, 0; split => //; last by congr Finite; ring.
apply: Rbar_le_antisym; last exact: Dc_ge0.
by rewrite -Dp; exact: T13_le_divergence.
Qed.

(** At least the value of re-weighting alone, and of transport alone. *)
Theorem T13_mechanisms : Rbar_le (DRO D phi eps kappa) (DRO (Dc D c) phi eps kappa) /\
  Rbar_le (DRO (C c p) phi eps kappa) (DRO (Dc D c) phi eps kappa).
Proof.
split; apply: DRO_antitone => // q pq; split; try exact: Dc_ge0.
  exact: T13_le_divergence.
exact: T13_le_transport.
Qed.

(** ** T17: one mechanism alone *)
Definition rigid (x y : X) : Rbar := if x == y then Finite 0 else p_infty.

(** Idea: a plan of finite cost stays on the diagonal. *)
Theorem T17_rigid q : prob q -> Dc D rigid q = D q.
Proof.
have r0 : nonneg_cost rigid by move=> x y; rewrite /rigid; case: eqP => _ /=; [lra |].
have rd : reflexive_cost rigid by move=> x; rewrite /rigid eqxx.
move=> pq; apply: Rbar_le_antisym; first exact: T13_le_divergence.
apply: Dc_ge => // eta pi a pe [n mr mc] s e.
have off x y : x != y -> pi x y = 0 by move=> ne; case: (s x y) => //; rewrite /rigid (negbTE ne).
suff -> : q = eta by rewrite e /=; have := rcost_ge0 r0 n; lra.
apply: functional_extensionality => y; rewrite -mc -mr (sum_D1 _ y) (sum_D1 (pi y) y); congr (_ + _).
by apply: sum_ext => x; case: eqP => // /eqP ne; rewrite !off // eq_sym.
Qed.
End OneSpace.

(** OT-DRO: CVaR at level 1 is infinite off [P], and re-weighting drops out of the dual. *)
Section OTDRO.
Context {X Y : finType} (p : X -> R).
Hypothesis pp : prob p.

(** Idea: a density of at most 1 and of mean 1 is 1. *)
Theorem T17_cvar_one (b01 : 0 < 1 <= 1) (m : support) eta : prob eta ->
  Df (cvar b01) (slope (cvar b01) m) p eta = only p eta.
Proof.
move=> [e0 e1]; have [p0 p1] := pp; have nk := @slope_not_minus (cvar b01) m.
have sl : slope (cvar b01) m = p_infty by case: m nk => //= _; exact: cvar_recession.
apply: Rbar_le_antisym.
  by apply: Inf_ge => v [-> ->]; rewrite Df_zero //; exact: Rbar_le_refl.
case e : (Df _ _ _ _) => [v||]; [|by case: (only _ _)|by case: (@Df_not_minus_infinity X (cvar b01) (slope (cvar b01) m) p eta)].
move/(Df_finite (cvar b01) p nk _ e0): e => [d ->].
have le x : eta x <= p x.
  move: (d x); case: Rlt_dec => [l|n] /= dx; last by case: dx => [->|]; [exact: p0 | rewrite sl].
  move: dx; rewrite /cvar_val; case: Rle_dec => // h _; rewrite Rinv_1 in h.
  have := Rmult_le_compat_l _ _ _ (Rlt_le _ _ l) h.
  by have -> : p x * (eta x / p x) = eta x by [field; lra]; lra.
have ee : eta = p by apply: functional_extensionality; apply: sum_eq_le => //; rewrite e1 p1.
rewrite ee only_self; have := @Df_zero X (cvar b01) m p pp; move/(Df_finite (cvar b01) p nk _ p0) => [_ <-]; exact: Rbar_le_refl.
Qed.

Lemma only_Lambda h : Lambda (only p) h = expect p h.
Proof.
apply: Rbar_le_antisym; last first.
  by apply: Sup_ge; exists p; rewrite only_self /=; split => //; congr Finite; ring.
apply: Sup_le => v [eta [pe ->]]; case e : (only p eta) (@only_nonneg X p eta pe) => [d||] // _.
by have [-> ->] := only_finite e; rewrite /=; lra.
Qed.

Lemma only_closed : closed_divergence (only p).
Proof.
move=> eta a pe l; case: (classic (eta = p)) => [e|ne].
  exists (fun=> 0), 0; split=> [eta' pe'|]; last first.
    by move: l; rewrite e only_self /= /expect sum_zero => [|x]; [lra | ring].
  have -> : Finite (expect eta' (fun=> 0) - 0) = Finite 0 by congr Finite; rewrite /expect sum_zero => [|x]; ring.
  exact: only_nonneg.
have [x nx] : exists x, eta x <> p x.
  by apply: NNPP => n; apply: ne; apply: functional_extensionality => x; apply: NNPP => n'; apply: n; exists x.
pose t := (Rabs a + 1) / (eta x - p x); pose h z := if z == x then t else 0.
have eh (e : X -> R) : expect e h = t * e x.
  rewrite /expect /h -(sum_dirac (fun z => t * e z) x); apply: sum_ext => z; case: eqP => _; ring.
exists h, (t * p x); split=> [eta' pe'|].
  case e : (only p eta') (@only_nonneg X p eta' pe') => [d||] // _.
  by have [-> ->] := only_finite e; rewrite eh /=; lra.
rewrite eh; have -> : t * eta x - t * p x = Rabs a + 1 by rewrite /t; field; lra.
by have := Rle_abs a; lra.
Qed.

(** [sup { E_Q phi - kappa C(P, Q) : C(P, Q) <= eps } = min_lambda { lambda eps + E_P phi^c_{lambda + kappa} }]: with the
    soft ball of T5 the right side is UDR's objective. *)
Theorem T17_ot_dro (c : X -> Y -> Rbar) (phi : Y -> R) (eps kappa : R) : nonneg_cost c ->
  (forall x, exists y, finite (c x y)) -> 0 <= kappa -> (exists q, prob q /\ Rbar_lt (C c p q) eps) ->
  exists lambda, 0 <= lambda /\
  ((0 < lambda + kappa /\ DRO (C c p) phi eps kappa = lambda * eps + expect p (transport_step c phi (lambda + kappa))) \/
   (lambda = 0 /\ kappa = 0 /\
    DRO (C c p) phi eps kappa = Sup (fun v => exists q d, [/\ prob q, C c p q = Finite d & v = Finite (expect q phi)]))).
Proof.
move=> c0 reach k0; have -> : C c p = Dc (only p) c.
  by apply: functional_extensionality => q; rewrite T17_only_transport.
move=> sl.
have [lambda [l0 e]] := T6_strong_duality only_closed (@only_nonneg X p) c0 reach phi k0 sl.
exists lambda; split => //; move: e; rewrite /T6_objective; case: Rlt_dec => [m0|n]; rewrite [is_left _]/=; last by right; split; [lra | split; [lra |]].
left; split => //; rewrite e only_Lambda mult_fin /=; congr Finite; congr (_ + _).
by rewrite /expect -sum_scal; apply: sum_ext => x; field; lra.
Qed.
End OTDRO.

(** ** Hard balls: [c = 0] on the ball, infinite outside *)
Section HardBall.
Context {X : finType} (D : (X -> R) -> Rbar) (p : X -> R) (ball : X -> X -> bool).
Hypotheses (Dcl : closed_divergence D) (D0 : nonneg_divergence D) (pp : prob p) (Dp : D p = 0).
Hypothesis center : forall x, ball x x.
Variables (phi : X -> R) (kappa : R).
Hypothesis k0 : 0 <= kappa.
Definition hard (x y : X) : Rbar := if ball x y then Finite 0 else p_infty.

Lemma hard_nonneg : nonneg_cost hard.
Proof. by move=> x y; rewrite /hard; case: (ball x y) => /=; [lra |]. Qed.

(** The adversarial loss [max { phi(y) : y in the ball of x }]. *)
Definition adversarial (A : X -> R) : Prop := forall x, (forall y, ball x y -> phi y <= A x) /\ exists y, ball x y /\ A x = phi y.

Lemma adversarial_exists : exists A, adversarial A.
Proof.
have [A hA] : exists A, forall x, (forall y, ball x y -> phi y <= A x) /\ exists y, ball x y /\ A x = phi y.
  apply: (@fin_choice _ _ (fun x a => (forall y, ball x y -> phi y <= a) /\ exists y, ball x y /\ a = phi y)) => x.
  have [y [by' h]] := @fin_argmax X (fun y => ball x y) phi (ex_intro _ x (center x)).
  by exists (phi y); split => //; exists y.
by exists A.
Qed.

Variable A : X -> R.
Hypothesis hA : adversarial A.

Lemma plan_loss pi q : coupling pi (fun x => sum (pi x)) q -> supported hard pi -> expect q phi <= expect (fun x => sum (pi x)) A.
Proof.
move=> [n _ mc] s; have -> : expect q phi = sum (fun x => sum (fun y => pi x y * phi y)).
  by rewrite sum_sum; apply: sum_ext => y; rewrite sum_scalr mc.
apply: sum_le => x; rewrite -sum_scalr; apply: sum_le => y; case: (s x y) => [->|]; first lra.
rewrite /hard; case b : (ball x y) => // _; apply: Rmult_le_compat_l => //; exact: (proj1 (hA x)).
Qed.

Lemma hard_mean eps : 0 <= eps -> Rbar_le (expect p A) (DRO (Dc D hard) phi eps kappa).
Proof.
move=> e0; have [m hm] := fin_choice (fun x => proj2 (hA x)).
have p0 := proj1 pp.
pose q y := sum ((along m p)^~ y).
have kq : coupling (along m p) p q by split => //; [exact: along_ge0 | exact: along_row].
have s : supported hard (along m p) by apply: along_supported => x; have [b _] := hm x; rewrite /hard b.
have pq : prob q.
  split=> [y|]; first by apply: sum_ge0 => x; exact: along_ge0.
  rewrite /q -(sum_sum (along m p)) -(proj2 pp); apply: sum_ext => x; exact: along_row.
have e : Dc D hard q = 0.
  apply: Rbar_le_antisym; last exact: Dc_ge0 hard_nonneg D0 q.
  apply: Rbar_le_trans (Dc_le hard_nonneg pp kq s Dp) _; rewrite along_cost sum_zero /=; first lra.
  by move=> x; have [b _] := hm x; rewrite /hard b /=; ring.
apply: Sup_ge; exists q, 0; split => //; congr Finite.
have -> : expect q phi = sum (fun y => phi y * sum ((along m p)^~ y)) by apply: sum_ext => y; rewrite /q; ring.
rewrite along_dual Rmult_0_r Rminus_0_r; apply: sum_ext => x; by have [_ ->] := hm x.
Qed.

(** Between the mean and the maximum of the adversarial loss, when [D] keeps the mass on the support of [P]. *)
Theorem T13_hard_ball (eps M : R) : 0 <= eps -> (forall eta, prob eta -> finite (D eta) -> forall x, p x = 0 -> eta x = 0) ->
  (forall x, 0 < p x -> A x <= M) ->
  Rbar_le (expect p A) (DRO (Dc D hard) phi eps kappa) /\ Rbar_le (DRO (Dc D hard) phi eps kappa) M.
Proof.
move=> e0 ac hM; split; first exact: hard_mean.
apply: Sup_le => v [q [d [[q0 q1] e de ->]]] /=.
have d0 : 0 <= d by have := @Dc_ge0 _ _ hard D hard_nonneg D0 q; rewrite e.
have kd := Rmult_le_pos _ _ k0 d0.
have [pi [k pr s eD]] := @T1_attained _ _ D hard Dcl D0 hard_nonneg q d e.
have h := plan_loss k s; suff : expect (fun x => sum (pi x)) A <= M by lra.
have -> : M = sum (fun x => sum (pi x) * M) by rewrite sum_scalr (proj2 pr); ring.
apply: sum_le => x; have e0x := proj1 pr x; case: (Rle_lt_or_eq_dec _ _ (proj1 pp x)) => [px|px].
  by apply: Rmult_le_compat_l => //; exact: hM.
have fD : finite (D (fun x => sum (pi x))) by rewrite eD.
by have := ac _ pr fD x (esym px) => /= ->; lra.
Qed.

(** Plain adversarial training: as [eps] falls to 0 the value tends to the mean adversarial loss, if [D] vanishes at [P]
    alone.  Idea: the re-weightings that lose at least [delta] have a cluster point, which would be another zero. *)
Theorem T17_adversarial_training (delta : R) : (forall eta, prob eta -> D eta = 0 -> eta = p) -> 0 < delta ->
  exists e0, 0 < e0 /\ forall eps, 0 <= eps <= e0 ->
    Rbar_le (expect p A) (DRO (Dc D hard) phi eps kappa) /\ Rbar_le (DRO (Dc D hard) phi eps kappa) (expect p A + delta).
Proof.
move=> Du d0; pose S e eta := [/\ prob eta, Rbar_le (D eta) (Finite e) & expect p A + delta <= expect eta A].
suff [e1 [e10 none]] : exists e, 0 < e /\ forall eta, ~ S e eta.
  exists e1; split => // eps [eps0 le]; split; first exact: hard_mean.
  apply: Sup_le => v [q [d [[q0 q1] e de ->]]] /=.
  have dn : 0 <= d by have := @Dc_ge0 _ _ hard D hard_nonneg D0 q; rewrite e.
  have kd := Rmult_le_pos _ _ k0 dn.
  have [pi [k pr s eD]] := @T1_attained _ _ D hard Dcl D0 hard_nonneg q d e.
  have h := plan_loss k s; apply: Rnot_lt_le => l; apply: (none (fun x => sum (pi x))); split => //; last lra.
  by rewrite eD /=; have := rcost_ge0 hard_nonneg (let: And3 n _ _ := k in n); lra.
apply: NNPP => nn.
have ne e : 0 < e -> exists eta, S e eta by move=> ep; apply: NNPP => n; apply: nn; exists e; split => // eta s; apply: n; exists eta.
have [|//|e x [] //|z [pz _ lim]] := @cluster_prob _ S.
  by move=> e e' x le [px dx ax]; split => //; apply: Rbar_le_trans dx _.
have Az : expect p A + delta <= expect z A.
  have neg (u : X -> R) : expect u (fun x => - A x) = - expect u A by rewrite /expect -sum_opp; apply: sum_ext => x; ring.
  have : expect z (fun x => - A x) <= - (expect p A + delta); last by rewrite neg; lra.
  by apply: (lim _ 0) => [|e u _ [_ _ h]]; [lra | rewrite neg; lra].
suff : z = p by move=> ez; rewrite ez in Az; lra.
apply: Du => //; apply: Rbar_le_antisym; last exact: D0.
apply: Rbar_not_lt_le => l; have [h [b [m hb]]] := Dcl pz l.
suff : expect z h <= b by lra.
by apply: (lim _ 1) => [|e u _ [pu du _]]; [lra | have := Rbar_le_trans _ _ _ (m _ pu) du => /=; lra].
Qed.
End HardBall.
