(** * From the Fenchel--Young inequality to a divergence

    A catalogue member is given by [f] on (0, oo), its value at 0, and its conjugate [f*] with its domain.
    Four facts (inequality, contact, supremum, outside the domain) make it a closed convex function whose
    conjugate and recession slope are the stated ones. *)
(** Theorems:
    - [conjugate_closed_form]: the stated f* is the conjugate, +oo outside its domain
    - [fenchel_young_general]: Fenchel-Young and its equality case for every f *)
From ArmorD Require Export Basics.

Record fenchel := Fenchel {
  val : R -> R;               (* f on (0, oo) *)
  val0 : Rbar;                (* f(0+) *)
  dom : R -> Prop;            (* domain of f* *)
  star : R -> R;              (* f* on its domain *)
  deriv : R -> R;             (* f' (an element of the subdifferential where f has a kink) *)
  val_one : val 1 = 0;
  young : forall t y, 0 < t -> dom y -> t * y <= val t + star y;
  young0 : forall y, dom y -> Rbar_le (- star y) val0;
  touch : forall t, 0 < t -> dom (deriv t) /\ t * deriv t = val t + star (deriv t);
  touch0 : forall a : R, Rbar_lt a val0 -> exists y, dom y /\ a < - star y;
  reach : forall y e, dom y -> 0 < e ->
    (exists t, 0 < t /\ star y - e <= t * y - val t) \/ Rbar_le val0 (e - star y);
  outside : forall y M, ~ dom y -> exists t, 0 < t /\ M <= t * y - val t }.

(** Equality case: for smooth members [t y = f(t) + f*(y)] exactly when [y = f'(t)]. *)
Definition equality_case (F : fenchel) : Prop :=
  forall t y, 0 < t -> dom F y -> (t * y = val F t + star F y <-> y = deriv F t).

Section Build.
Variable F : fenchel.

Definition fval (t : R) : Rbar := if Rlt_dec 0 t then Finite (val F t) else if Req_EM_T t 0 then val0 F else p_infty.

Lemma fval_pos t : 0 < t -> fval t = val F t.
Proof. by rewrite /fval; case: Rlt_dec. Qed.

Lemma fval_zero : fval 0 = val0 F.
Proof. by rewrite /fval; case: Rlt_dec => [l|_] /=; [lra | case: Req_EM_T]. Qed.

Lemma fval_minorant y : dom F y -> forall s, 0 <= s -> Rbar_le (s * y - star F y) (fval s).
Proof.
move=> d s s0; case: (Rle_lt_or_eq_dec _ _ s0) => [l|<-]; first by rewrite fval_pos //=; have := young l d; lra.
by rewrite fval_zero Rmult_0_l (_ : 0 - star F y = - star F y); [exact: young0 | ring].
Qed.

Lemma fval_minorants t a : 0 <= t -> Rbar_lt (Finite a) (fval t) ->
  exists y b, (forall s, 0 <= s -> Rbar_le (s * y - b) (fval s)) /\ a < t * y - b.
Proof.
move=> t0; case: (Rle_lt_or_eq_dec _ _ t0) => [l|<-].
  rewrite fval_pos //= => h; have [d e] := touch F l.
  by exists (deriv F t), (star F (deriv F t)); split; [exact: fval_minorant | lra].
rewrite fval_zero => /touch0 [y [d l]]; exists y, (star F y); split; [exact: fval_minorant | lra].
Qed.

Lemma fval_one : fval 1 = 0.
Proof. by rewrite fval_pos ?val_one //; lra. Qed.

Definition divergence : ffun := FFun fval_minorants fval_one.

(** The conjugate is the stated one, [+oo] outside its domain. *)
Theorem conjugate_closed_form y :
  (dom F y -> conjugate divergence y = star F y) /\ (~ dom F y -> conjugate divergence y = p_infty).
Proof.
split=> d.
- apply: Rbar_le_antisym.
    apply/conjugate_le => t v t0 /= e; have := fval_minorant d t0; rewrite e /=; lra.
  apply: Rbar_le_real_below => r l0; have l : r < star F y := l0.
  have [|[t [t0 h]]|h] := @reach F y (star F y - r) d; first lra.
    apply: (Rbar_le_trans _ (Rbar_minus (t * y) (divergence t))).
      by rewrite /= fval_pos //=; lra.
    by apply: Sup_ge; exists t; split => //; lra.
  apply: (Rbar_le_trans _ (Rbar_minus (0 * y) (divergence 0))).
    rewrite /= fval_zero; move: h (young0 d); case: (val0 F) => [v||] //=; lra.
  by apply: Sup_ge; exists 0; split => //; lra.
- apply: Rbar_le_antisym; first by case: (conjugate _ _).
  apply: Rbar_le_real_below => r _; have [t [t0 h]] := outside r d.
  apply: (Rbar_le_trans _ (Rbar_minus (t * y) (divergence t))).
    by rewrite /= fval_pos //=; lra.
  by apply: Sup_ge; exists t; split => //; lra.
Qed.

Lemma conjugate_dom y u : Rbar_le (conjugate divergence y) (Finite u) -> dom F y /\ star F y <= u.
Proof.
have [a b] := conjugate_closed_form y; case: (classic (dom F y)) => d; first by rewrite a.
by rewrite b.
Qed.

(** The recession slope is the right end of the domain of [f*]. *)
Theorem recession_closed_form (k : Rbar) :
  (forall y, dom F y -> Rbar_le y k) -> (forall y : R, Rbar_lt y k -> exists z, y <= z /\ dom F z) -> recession divergence = k.
Proof.
move=> hk hd; apply: Rbar_le_antisym.
- apply: Sup_le => v [t [t1 ->]]; have t0 : 0 < t by lra.
  have -> : f_val divergence t = fval t by [].
  rewrite fval_pos // mult_fin; have [d e] := touch F t0.
  apply: (Rbar_le_trans _ (deriv F t)); last exact: hk.
  have := young Rlt_0_1 d; rewrite val_one => h.
  apply: (Rmult_le_reg_l (t - 1)); first lra.
  by rewrite -Rmult_assoc Rinv_r ?Rmult_1_l; lra.
- apply: Rbar_le_real_below => r /hd [z [rz d]].
  case e : (recession divergence) => [v||] //; last by have := @recession_not_minus_infinity divergence.
  have /= := @minorant_slope divergence z (star F z) v (fval_minorant d); rewrite e /= => /(_ (Rle_refl _)); lra.
Qed.
End Build.

(** Fenchel--Young and its equality case hold for every [f]: contact means that [y] is a subgradient. *)
Theorem fenchel_young_general (f : ffun) t y v u : 0 <= t -> f t = Finite v -> conjugate f y = Finite u ->
  t * y <= v + u /\ (t * y = v + u <-> forall s w, 0 <= s -> f s = Finite w -> v + y * (s - t) <= w).
Proof.
move=> t0 e eu; have h : Rbar_le (conjugate f y) u by rewrite eu; exact: Rle_refl.
have /conjugate_le h' := h; have l := h' t v t0 e; split; first lra.
split=> [c s w s0 es|sub]; first by have := h' s w s0 es; lra.
apply: Rle_antisym; first lra.
have : Rbar_le (conjugate f y) (t * y - v) by apply/conjugate_le => s w s0 es; have := sub s w s0 es; lra.
rewrite eu /=; lra.
Qed.

(** ** Inequalities for the logarithm *)
Lemma ln_le_sub1 u : 0 < u -> ln u <= u - 1.
Proof. by move=> u0; have := exp_ineq1_le (ln u); rewrite exp_ln //; lra. Qed.

Lemma ln_lt_sub1 u : 0 < u -> u <> 1 -> ln u < u - 1.
Proof.
move=> u0 u1; have : ln u <> 0 by move=> e; apply: u1; rewrite -(exp_ln u u0) e exp_0.
by move=> /exp_ineq1; rewrite exp_ln //; lra.
Qed.

Lemma ln_ge_inv u : 0 < u -> 1 - / u <= ln u.
Proof. by move=> u0; have := @ln_le_sub1 (/ u) (Rinv_0_lt_compat _ u0); rewrite ln_Rinv //; lra. Qed.

Lemma ln_gt_inv u : 0 < u -> u <> 1 -> 1 - / u < ln u.
Proof.
move=> u0 u1; have : / u <> 1 by move=> e; apply: u1; rewrite -(Rinv_inv u) e Rinv_1.
by move=> /(ln_lt_sub1 (Rinv_0_lt_compat _ u0)); rewrite ln_Rinv //; lra.
Qed.
