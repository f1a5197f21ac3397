(** * From extended reals to real numbers

    Every later proof works with plans of finite value; the lemmas here translate the definitions.  *)
From ArmorD Require Export Definitions.

(** ** Closed convex functions *)
Section Closed.
Variable f : ffun.

Lemma f_not_minus_infinity t : 0 <= t -> f t <> m_infty.
Proof.
move=> t0 e; have l : Rbar_lt (-1) (f 1) by rewrite f_one /=; lra.
have [||y [b [m _]]] := @f_minorants f 1 (-1) => //; first lra.
by move: (m _ t0); rewrite e.
Qed.

Lemma closed_convex s t a u v : 0 <= s -> 0 <= t -> 0 <= a <= 1 -> Rbar_le (f s) (Finite u) -> Rbar_le (f t) (Finite v) ->
  Rbar_le (f (a * s + (1 - a) * t)) (Finite (a * u + (1 - a) * v)).
Proof.
move=> s0 t0 a01 fs ft; apply: Rbar_not_lt_le => l.
have r0 : 0 <= a * s + (1 - a) * t by nra.
have [y [b [m]]] := f_minorants r0 l.
have /= h1 := Rbar_le_trans _ _ _ (m _ s0) fs.
have /= h2 := Rbar_le_trans _ _ _ (m _ t0) ft.
nra.
Qed.

Lemma closed_lsc t a : 0 <= t -> Rbar_lt (Finite a) (f t) ->
  exists d, 0 < d /\ forall s, 0 <= s -> Rabs (s - t) < d -> Rbar_lt a (f s).
Proof.
move=> t0 l; have [y [b [m l']]] := f_minorants t0 l.
exists ((t * y - b - a) / (1 + Rabs y)); have ay := Rabs_pos y; split.
  by apply: Rdiv_lt_0_compat; lra.
move=> s s0 d; apply: Rbar_lt_le_trans (m _ s0) => /=.
have : Rabs (s - t) * (1 + Rabs y) < t * y - b - a.
  by apply: (Rmult_lt_reg_r (/ (1 + Rabs y))); [apply: Rinv_0_lt_compat; lra | rewrite Rmult_assoc Rinv_r; lra].
have := Rle_abs (- ((s - t) * y)); rewrite Rabs_Ropp Rabs_mult; have := Rabs_pos (s - t); nra.
Qed.

(** A minorant has slope at most [f'(oo)], so [f(a + b) <= f(a) + f'(oo) b]. *)
Lemma minorant_slope y b k : (forall s, 0 <= s -> Rbar_le (s * y - b) (f s)) -> Rbar_le (recession f) (Finite k) -> y <= k.
Proof.
move=> m rk; apply: Rnot_lt_le => l.
set t := 1 + (Rabs (b - y) + 1) / (y - k); have ab := Rabs_pos (b - y).
have t1 : 1 < t.
  have : 0 < (Rabs (b - y) + 1) / (y - k) by apply: Rdiv_lt_0_compat; lra.
  by rewrite /t; lra.
suff : (t * y - b) / (t - 1) <= k.
  move=> h; have : t * y - b <= k * (t - 1).
    by apply: (Rmult_le_reg_r (/ (t - 1))); [apply: Rinv_0_lt_compat; lra | rewrite Rmult_assoc Rinv_r; lra].
  have : (t - 1) * (y - k) = Rabs (b - y) + 1 by rewrite /t; field; lra.
  have := Rle_abs (b - y); nra.
have := Rbar_le_trans _ _ _ (Sup_ge (ex_intro _ t (conj t1 erefl))) rk.
have t0 : 0 <= t by lra.
move: (m _ t0); case: (f t) => [v||] //=; last first.
  by rewrite mult_pinf //; apply: Rinv_0_lt_compat; lra.
move=> h1 h2; apply: Rle_trans h2; rewrite /Rdiv Rmult_comm; apply: Rmult_le_compat_l => //.
by left; apply: Rinv_0_lt_compat; lra.
Qed.

Lemma recession_not_minus_infinity : recession f <> m_infty.
Proof.
move=> e; have l : Rbar_lt (-1) (f 1) by rewrite f_one /=; lra.
have [||y [b [m l']]] := @f_minorants f 1 (-1) => //; first lra.
by have /= := @minorant_slope y b (y - 1) m; rewrite e => /(_ I); lra.
Qed.

Lemma recession_step a b k : 0 <= a -> 0 <= b -> Rbar_le (recession f) (Finite k) -> finite (f a) ->
  Rbar_le (f (a + b)) (real (f a) + b * k).
Proof.
move=> a0 b0 rk fa; apply: Rbar_not_lt_le => l.
have ab : 0 <= a + b by lra.
have [y [d [m l']]] := f_minorants ab l.
have := minorant_slope m rk; have := m _ a0; rewrite (finite_real fa) /=; nra.
Qed.

(** The conjugate bounds: Fenchel--Young for every [f]. *)
Lemma conjugate_le y u : (forall t v, 0 <= t -> f t = Finite v -> t * y - v <= u) <-> Rbar_le (conjugate f y) (Finite u).
Proof.
split=> [h|h t v t0 e].
  by apply: Sup_le => _ [t [t0 ->]]; move: (h t); case: (f t) (@f_not_minus_infinity t t0) => [v||] //= _ h'; apply: h'.
have : Rbar_le (Rbar_minus (t * y) (f t)) (conjugate f y) by apply: Sup_ge; exists t.
by rewrite e => l; exact: (Rbar_le_trans _ _ _ l h).
Qed.
End Closed.

(** ** Divergences, in real numbers *)
Section Df.
Context {X : finType} (f : ffun) (k : Rbar) (p : X -> R).
Hypothesis nk : k <> m_infty.

Definition Df_term (eta : X -> R) x : R :=
  if Rlt_dec 0 (p x) then p x * real (f (eta x / p x)) else eta x * real k.

Definition Df_dom (eta : X -> R) : Prop :=
  forall x, if Rlt_dec 0 (p x) then finite (f (eta x / p x)) : Prop else eta x = 0 \/ finite k.

Lemma ratio_ge0 a b : 0 <= a -> 0 < b -> 0 <= a / b.
Proof. by move=> a0 b0; apply: Rmult_le_pos => //; left; apply: Rinv_0_lt_compat. Qed.

Lemma Df_finite eta v : (forall x, 0 <= eta x) ->
  Df f k p eta = Finite v <-> Df_dom eta /\ v = sum (Df_term eta).
Proof.
move=> e0; rewrite /Df esum_finite.
have -> : sum (fun x => real (if Rlt_dec 0 (p x) then Rbar_mult (p x) (f (eta x / p x)) else Rbar_mult (eta x) k))
   = sum (Df_term eta).
  apply: sum_ext => x; rewrite /Df_term; case: Rlt_dec => [l|n] /=; rewrite real_mult //; last lra.
  by apply: f_not_minus_infinity; apply: ratio_ge0.
split; case=> h ->; split => // x; move: (h x); case: Rlt_dec => [l|n] /=.
- move=> e; have : finite (Rbar_mult (p x) (f (eta x / p x))) by rewrite e.
  by rewrite mult_finite; [case=> //; lra | lra | apply: f_not_minus_infinity; apply: ratio_ge0].
- by move=> e; have : finite (Rbar_mult (eta x) k) by [rewrite e]; rewrite mult_finite.
- move=> e; apply: finite_real; rewrite mult_finite; [by right | lra |].
  by apply: f_not_minus_infinity; apply: ratio_ge0.
- by move=> e; apply: finite_real; rewrite mult_finite.
Qed.

Lemma Df_not_minus_infinity eta : Df f k p eta <> m_infty.
Proof. exact: esum_not_minus. Qed.
End Df.

(** ** Transport costs, in real numbers *)
Section Cost.
Context {X Y : finType} (c : X -> Y -> Rbar).
Hypothesis c0 : nonneg_cost c.

Definition supported (pi : X -> Y -> R) : Prop := forall x y, pi x y = 0 \/ finite (c x y).
Definition rcost (pi : X -> Y -> R) : R := sum (fun x => sum (fun y => pi x y * real (c x y))).

Lemma cost_not_minus_infinity pi : cost c pi <> m_infty.
Proof. exact: esum_not_minus. Qed.

Lemma c_not_minus_infinity x y : c x y <> m_infty.
Proof. by move=> e; have := c0 x y; rewrite e. Qed.

Lemma real_c_ge0 x y : 0 <= real (c x y).
Proof. by move: (c0 x y); case: (c x y) => [r||] //= _; lra. Qed.

Lemma cost_finite pi w : (forall x y, 0 <= pi x y) -> cost c pi = Finite w <-> supported pi /\ w = rcost pi.
Proof.
move=> p0; rewrite /cost esum_finite.
have -> : sum (fun z : X * Y => real (Rbar_mult (pi z.1 z.2) (c z.1 z.2))) = rcost pi.
  rewrite /rcost -(sum_pair (fun x y => pi x y * real (c x y))); apply: sum_ext => z.
  by rewrite real_mult //; exact: c_not_minus_infinity.
split; case=> h ->; split => //.
  move=> x y; rewrite -mult_finite //; last exact: c_not_minus_infinity.
  by rewrite (h (x, y)).
by move=> [x y]; apply: finite_real; rewrite mult_finite //; exact: c_not_minus_infinity.
Qed.

Lemma rcost_ge0 pi : (forall x y, 0 <= pi x y) -> 0 <= rcost pi.
Proof. by move=> p0; apply: sum_ge0 => x; apply: sum_ge0 => y; apply: Rmult_le_pos => //; exact: real_c_ge0. Qed.

Lemma C_ge0 eta q : Rbar_le 0 (C c eta q).
Proof.
apply: Inf_ge => v [pi [[p0 _ _] ->]].
case e : (cost c pi) => [w||] //; last by case: (@cost_not_minus_infinity pi).
by move/cost_finite: e => /(_ p0) [_ ->] /=; exact: rcost_ge0.
Qed.

Lemma C_le eta q pi : coupling pi eta q -> supported pi -> Rbar_le (C c eta q) (rcost pi).
Proof.
move=> k s; apply: Inf_le; exists pi; split => //; symmetry; apply/cost_finite => //; by case: k.
Qed.

Lemma C_lt eta q v : Rbar_lt (C c eta q) (Finite v) -> exists pi, [/\ coupling pi eta q, supported pi & rcost pi < v].
Proof.
move=> /Inf_lt [w [[pi [k ->]] l]]; exists pi.
case e : (cost c pi) l => [w'||] //=; last by case: (@cost_not_minus_infinity pi).
by move/cost_finite: e; case: (k) => p0 _ _ /(_ p0) [s ->]; split.
Qed.
End Cost.

(** ** [D^c], in real numbers: values below [v] are those of plans. *)
Section DcReal.
Context {X Y : finType} (c : X -> Y -> Rbar) (D : (X -> R) -> Rbar).
Hypothesis c0 : nonneg_cost c.
Hypothesis D0 : forall eta, prob eta -> Rbar_le 0 (D eta).

Lemma Dc_lt q v : Rbar_lt (Dc D c q) (Finite v) ->
  exists eta pi a, [/\ prob eta, coupling pi eta q, supported c pi, D eta = Finite a & a + rcost c pi < v].
Proof.
move=> /Inf_lt [w [[eta [pe ->]] l]].
move: (D0 pe) l (@C_ge0 _ _ c c0 eta q); case e : (D eta) => [a||] //= _; last by case: (C c eta q).
case e' : (C c eta q) => [b||] //= l _.
have [|pi [k s l']] := @C_lt _ _ c c0 eta q (v - a); first by rewrite e' /=; lra.
by exists eta, pi, a; split => //; lra.
Qed.

Lemma Dc_le q eta pi a : prob eta -> coupling pi eta q -> supported c pi -> D eta = Finite a ->
  Rbar_le (Dc D c q) (a + rcost c pi).
Proof.
move=> pe k s e; apply: (Rbar_le_trans _ (Rbar_plus (D eta) (C c eta q))).
  by apply: Inf_le; exists eta.
rewrite e; have := C_le c0 k s; case: (C c eta q) => [b||] //= ?; lra.
Qed.

Lemma Dc_ge0 q : Rbar_le 0 (Dc D c q).
Proof.
apply: Inf_ge => v [eta [pe ->]]; move: (D0 pe) (@C_ge0 _ _ c c0 eta q).
by case: (D eta) => [a||]; case: (C c eta q) => [b||] //=; lra.
Qed.

(** To bound [D^c] from below it is enough to bound all plans. *)
Lemma Dc_ge q m : (forall eta pi a, prob eta -> coupling pi eta q -> supported c pi -> D eta = Finite a ->
  Rbar_le m (a + rcost c pi)) -> Rbar_le m (Dc D c q).
Proof.
move=> h; apply: Rbar_le_real_above => r /Dc_lt [eta [pi [a [pe k s e l]]]].
by apply: Rbar_le_trans (h _ _ _ pe k s e) _ => /=; lra.
Qed.
End DcReal.
