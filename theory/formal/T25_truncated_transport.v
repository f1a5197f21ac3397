(** * T25: total variation is a transport cost, so [TV^c] is a truncated transport

    Idea: [TV(eta, P)] is the cost of moving [P] to [eta] when every move costs 1 (towards the support of [P] only, in
    mode "reference"): keep the common mass, send the excess to the deficit.  Then [TV^c] is that transport followed
    by [c], and T24 composes the two costs. *)
(** Theorems:
    - [T17_only_transport]: D infinite off P leaves the transport cost C(P, Q)
    - [T25_total_variation]: TV(eta, P) is the cost of moving P to eta at price 1 a move, in both modes
    - [T25_truncated_transport]: TV^c is the transport cost of min(c, 1), or of min(c, 1 + min over supp P of c) *)
From ArmorD Require Export T24_composition.

(** The divergence that is 0 at [p] and infinite elsewhere. *)
Definition only (X : finType) (p eta : X -> R) : Rbar := Inf (fun v => eta = p /\ v = 0).

Section Only.
Context {X Y : finType} (p : X -> R) (c : X -> Y -> Rbar).
Hypotheses (pp : prob p) (c0 : nonneg_cost c).

Lemma only_self : only p p = 0.
Proof.
apply: Rbar_le_antisym; first by apply: Inf_le.
by apply: Inf_ge => v [_ ->]; exact: Rbar_le_refl.
Qed.

Lemma only_finite eta a : only p eta = Finite a -> eta = p /\ a = 0.
Proof.
move=> e; have l : Rbar_lt (only p eta) (a + 1) by rewrite e /=; lra.
have [v [[ep _] _]] := Inf_lt l; split => //.
by move: e; rewrite ep only_self => -[].
Qed.

Lemma only_nonneg : nonneg_divergence (only p).
Proof. by move=> eta _; apply: Inf_ge => v [_ ->]; exact: Rbar_le_refl. Qed.

(** T17: with [D] infinite off [P] nothing but transport is left. *)
Theorem T17_only_transport q : Dc (only p) c q = C c p q.
Proof.
apply: Rbar_le_antisym.
  apply: (Rbar_le_trans _ (Rbar_plus (only p p) (C c p q))); first by apply: Inf_le; exists p.
  by rewrite only_self; case: (C c p q) => [r||] //=; lra.
apply: Dc_ge => //; first exact: only_nonneg.
move=> eta pi a pe k s /only_finite [ep ->]; rewrite Rplus_0_l -ep; exact: C_le.
Qed.
End Only.

Lemma Dc_ext (X Y : finType) (D D' : (X -> R) -> Rbar) (c : X -> Y -> Rbar) q : (forall eta, prob eta -> D eta = D' eta) ->
  Dc D c q = Dc D' c q.
Proof. by move=> h; apply: Inf_ext => v; split => -[eta [pe ->]]; exists eta; rewrite h. Qed.

Section TV.
Context {X : finType} (p : X -> R).
Hypothesis pp : prob p.
Let p0 x : 0 <= p x := proj1 pp x.

(** Moving mass from [x] to [y] at price 1; in mode "reference" only to points of the support. *)
Definition flip (m : support) (x y : X) : Rbar :=
  if x == y then Finite 0 else match m with Space => Finite 1 | Reference => if Rlt_dec 0 (p y) then Finite 1 else p_infty end.

Lemma flip_nonneg m : nonneg_cost (flip m).
Proof. by move=> x y; rewrite /flip; case: eqP => _ /=; [lra | case: m => /=; [lra | case: Rlt_dec => /= _; lra]]. Qed.

Lemma flip_real m x y : finite (flip m x y) -> real (flip m x y) = if x == y then 0 else 1.
Proof. by rewrite /flip; case: eqP => //; case: m => //; case: Rlt_dec. Qed.

Lemma tv_at t : 0 <= t -> f_val (divergence tv) t = Rabs (t - 1) / 2.
Proof.
move=> t0; case: (Rle_lt_or_eq_dec _ _ t0) => [l|<-]; first by rewrite /= fval_pos.
by rewrite /= fval_zero /= Rminus_0_l Rabs_Ropp Rabs_R1; congr Finite; lra.
Qed.

Lemma tv_slope m : slope (divergence tv) m = match m with Space => Finite (/ 2) | Reference => p_infty end.
Proof. by case: m => //=; exact: tv_recession. Qed.

Lemma tv_dom m eta : (forall x, 0 <= eta x) -> (m = Reference -> forall x, p x = 0 -> eta x = 0) -> Df_dom (divergence tv) (slope (divergence tv) m) p eta.
Proof.
move=> e0 h x; case: Rlt_dec => [l|n] /=; first by have := tv_at (ratio_ge0 (e0 x) l) => /= ->.
have px : p x = 0 by have := p0 x; lra.
case: m h => h; first by right; rewrite tv_slope.
by left; exact: h.
Qed.

Lemma tv_value m eta : (forall x, 0 <= eta x) -> Df_dom (divergence tv) (slope (divergence tv) m) p eta ->
  sum (Df_term (divergence tv) (slope (divergence tv) m) p eta) = sum (fun x => Rabs (eta x - p x)) / 2.
Proof.
move=> e0 d; rewrite /Rdiv -sum_scalr; apply: sum_ext => x; move: (d x); rewrite /Df_term; case: Rlt_dec => [l|n] /= dx.
  have := tv_at (ratio_ge0 (e0 x) l) => /= -> /=.
  have -> : eta x - p x = p x * (eta x / p x - 1) by field; lra.
  by rewrite Rabs_mult (Rabs_pos_eq (p x)) //; field.
have -> : p x = 0 by have := p0 x; lra.
rewrite Rminus_0_r (Rabs_pos_eq (eta x)) //; case: dx => [->|]; first ring.
by rewrite tv_slope; case: (m).
Qed.

(** Idea: leave [min(eta, p)] in place and move the rest, at price 1 a unit of mass. *)
Theorem T25_total_variation (m : support) eta : prob eta ->
  Df (divergence tv) (slope (divergence tv) m) p eta = C (flip m) p eta.
Proof.
move=> [e0 e1]; have nk := @slope_not_minus (divergence tv) m; apply: Rbar_le_antisym.
- (* a coupling moves at least the difference *)
  apply: Rbar_le_real_above => r lr.
  have [pi [[n mr mc] s l]] := C_lt (flip_nonneg m) lr.
  have d : Df_dom (divergence tv) (slope (divergence tv) m) p eta.
    apply: tv_dom => // em y py; rewrite -mc; apply: sum_zero => x; rewrite em in s.
    case: (eqVneq x y) => [->|ne]; first by apply: (@sum_eq0 _ (pi y)) => //; rewrite mr.
    by case: (s x y) => //; rewrite /flip (negbTE ne); case: Rlt_dec => //= ?; lra.
  have -> : Df (divergence tv) (slope (divergence tv) m) p eta = sum (Df_term (divergence tv) (slope (divergence tv) m) p eta).
    by apply/Df_finite.
  rewrite tv_value //=; apply: Rle_trans (Rlt_le _ _ l).
  pose off x y := if x == y then 0 else pi x y.
  have -> : rcost (flip m) pi = sum (fun x => sum (off x)).
    apply: sum_ext => x; apply: sum_ext => y; rewrite /off; case: (s x y) => [->|/flip_real ->]; first by case: eqP => _; ring.
    by case: eqP => _; ring.
  have off0 x y : 0 <= off x y by rewrite /off; case: eqP => _ //; lra.
  have diff y : eta y - p y = sum (off^~ y) - sum (off y).
    rewrite -mc -mr (sum_D1 _ y) (sum_D1 (pi y) y).
    have -> : sum (fun z => if z == y then 0 else pi z y) = sum (off^~ y) by [].
    have -> : sum (fun z => if z == y then 0 else pi y z) = sum (off y) by apply: sum_ext => z; rewrite /off eq_sym.
    ring.
  have : sum (fun y => Rabs (eta y - p y)) <= sum (fun y => sum (off^~ y) + sum (off y)).
    apply: sum_le => y; rewrite diff; have a := sum_ge0 (fun x => off0 x y); have b := sum_ge0 (off0 y).
    apply: Rle_trans (Rabs_triang _ _) _; rewrite Rabs_Ropp !Rabs_pos_eq //; lra.
  rewrite sum_plus -(sum_sum off); lra.
- (* the common mass stays, the excess is spread over the deficit *)
  case e : (Df _ _ _ _) => [v||]; [|by case: (C _ _ _)|by case: (@Df_not_minus_infinity X (divergence tv) (slope (divergence tv) m) p eta)].
  move/(Df_finite (divergence tv) p nk _ e0): e => [d ->]; rewrite tv_value //.
  pose low x := Rmin (p x) (eta x); pose a x := p x - low x; pose b x := eta x - low x; pose T := sum a.
  have a0 x : 0 <= a x by rewrite /a /low; have := Rmin_l (p x) (eta x); lra.
  have b0 x : 0 <= b x by rewrite /b /low; have := Rmin_r (p x) (eta x); lra.
  have ab x : a x * b x = 0 by rewrite /a /b /low /Rmin; case: Rle_dec => _; ring.
  have eT : sum b = T by rewrite /T /a /b !sum_minus (proj2 pp) e1.
  have absd x : Rabs (eta x - p x) = a x + b x.
    rewrite /a /b /low /Rmin; case: Rle_dec => h; first by rewrite Rabs_pos_eq; lra.
    by rewrite Rabs_left; lra.
  have -> : sum (fun x => Rabs (eta x - p x)) / 2 = T.
    have -> : sum (fun x => Rabs (eta x - p x)) = sum (fun x => a x + b x) by apply: sum_ext.
    by rewrite sum_plus eT /T; field.
  have inv0 : 0 <= / T.
    case: (Rle_lt_or_eq_dec 0 T (sum_ge0 a0)) => [l|<-]; first by left; apply: Rinv_0_lt_compat.
    by rewrite Rinv_0; lra.
  have za x : T * / T * a x = a x.
    case: (Req_dec T 0) => [z|n]; last by field.
    by rewrite (sum_eq0 a0 z x); ring.
  have zb x : T * / T * b x = b x.
    case: (Req_dec T 0) => [z|n]; last by field.
    by have -> : b x = 0 by [apply: (sum_eq0 b0); rewrite eT]; ring.
  pose pi x y := (if x == y then low x else 0) + a x * b y * / T.
  have low0 x : 0 <= low x by apply: Rmin_glb.
  have k : coupling pi p eta.
  { split=> [x y|x|y]; rewrite /pi.
    - have : 0 <= a x * b y * / T by apply: Rmult_le_pos => //; apply: Rmult_le_pos.
      by have := low0 x; case: eqP => _; lra.
    - rewrite sum_plus (sum_diracl (fun=> low x)) sum_scalr sum_scal eT.
      have -> : a x * T * / T = T * / T * a x by ring.
      by rewrite za /a; ring.
    - have -> : (fun x => (if x == y then low x else 0) + a x * b y * / T) = (fun x => (if x == y then low x else 0) + a x * (b y * / T)).
        by apply: functional_extensionality => x; ring.
      rewrite sum_plus (sum_dirac low) sum_scalr -/T.
      have -> : T * (b y * / T) = T * / T * b y by ring.
      by rewrite zb /b; ring. }
  have s : supported (flip m) pi.
  { move=> x y; rewrite /flip /pi; case: eqP => [_|ne]; first by right.
    case: m d {nk} => d; first by right.
    move: (d y); case: Rlt_dec => [l|n] /= dy; first by right.
    have by0 : b y = 0.
      case: dy => // ey; have := b0 y; rewrite /b /low ey => ?; have := Rmin_l (p y) 0; have := Rmin_r (p y) 0.
      by have py : p y = 0 by [have := p0 y; lra]; rewrite py Rmin_left; lra.
    by left; rewrite by0; ring. }
  apply: Rbar_le_trans (C_le (flip_nonneg m) k s) _ => /=.
  have -> : rcost (flip m) pi = sum (fun x => sum (fun y => a x * b y * / T)).
    apply: sum_ext => x; apply: sum_ext => y; case: (s x y) => [z|f].
      rewrite z Rmult_0_l; move: z; rewrite /pi.
      have : 0 <= a x * b y * / T by apply: Rmult_le_pos => //; apply: Rmult_le_pos.
      by have := low0 x; case: eqP => _; lra.
    rewrite (flip_real f) /pi; case: eqP => [->|_]; last ring.
    by rewrite ab; ring.
  right; transitivity (sum (fun x => T * / T * a x)); last by apply: sum_ext.
  by apply: sum_ext => x; rewrite sum_scalr sum_scal eT; ring.
Qed.

(** [min(c, 1)] in mode "space", [min(c, 1 + min_{z in supp P} c(z, y))] in mode "reference". *)
Definition truncated (m : support) (c : X -> X -> Rbar) (x y : X) : Rbar :=
  match m with
  | Space => Rbar_min (c x y) 1
  | Reference => Rbar_min (c x y) (Inf (fun v => exists z, 0 < p z /\ v = Rbar_plus 1 (c z y)))
  end.

Lemma min_le_l a b : Rbar_le (Rbar_min a b) a.
Proof. exact: Rbar_min_l. Qed.
Lemma min_le_r a b : Rbar_le (Rbar_min a b) b.
Proof. exact: Rbar_min_r. Qed.
Lemma min_ge a b d : Rbar_le d a -> Rbar_le d b -> Rbar_le d (Rbar_min a b).
Proof. by apply: Rbar_min_case. Qed.

Section Cost.
Variable c : X -> X -> Rbar.
Hypotheses (c0 : nonneg_cost c) (cd : reflexive_cost c).

Lemma flip_compose m : compose (flip m) c = truncated m c.
Proof.
apply: functional_extensionality => x; apply: functional_extensionality => y.
have self : Rbar_plus (flip m x x) (c x y) = c x y.
  by rewrite /flip eqxx; case: (c x y) => [r||] //=; congr Finite; ring.
apply: Rbar_le_antisym; rewrite /truncated.
- case: m self => self; apply: min_ge.
  + by rewrite -self; apply: Inf_le; exists x.
  + apply: (Rbar_le_trans _ (Rbar_plus (flip Space x y) (c y y))); first by apply: Inf_le; exists y.
    by rewrite cd /flip; case: eqP => _ /=; lra.
  + by rewrite -self; apply: Inf_le; exists x.
  + apply: Inf_ge => v [z [pz ->]].
    apply: (Rbar_le_trans _ (Rbar_plus (flip Reference x z) (c z y))); first by apply: Inf_le; exists z.
    rewrite /flip; case: eqP => _; last case: Rlt_dec => // _ /=; case: (c z y) => [r||] //=; lra.
- apply: Inf_ge => v [z ->]; case: (eqVneq x z) => [<-|ne].
    by rewrite self; case: m self => _; exact: min_le_l.
  rewrite /flip (negbTE ne); case: m self => _.
  + apply: Rbar_le_trans (min_le_r _ _) _; have := c0 z y; case: (c z y) => [r||] //=; lra.
  + case: Rlt_dec => [pz|n] /=; last by have := c0 z y; case: (c z y) => [r||] //= _; case: (Rbar_min _ _).
    by apply: Rbar_le_trans (min_le_r _ _) _; apply: Inf_le; exists z.
Qed.

(** Idea: total variation is a transport cost, so T24 composes it with [c]. *)
Theorem T25_truncated_transport (m : support) (q : X -> R) : prob q ->
  Dc (Df (divergence tv) (slope (divergence tv) m) p) c q = C (truncated m c) p q.
Proof.
move=> pq; have n := @only_nonneg X p.
rewrite (@Dc_ext _ _ _ (Dc (only p) (flip m))); last first.
  by move=> eta pe; rewrite T25_total_variation // T17_only_transport //; exact: flip_nonneg.
rewrite (T24_composition n (flip_nonneg m) c0 pq) flip_compose T17_only_transport //.
rewrite -flip_compose; exact: compose_nonneg (flip_nonneg m) c0.
Qed.
End Cost.
End TV.
