(** * T18: where the divergence property fails, and exactly when [D_f] has it

    Idea: points at cost 0 cannot be told apart; and where a chord of [f] around 1 touches [f(1) = 0], densities at its two ends
    cost nothing.  Conversely a zero of [D_f] lies where [f] meets a tangent at 1, on both sides of 1 unless it is [P]. *)
(** Theorems:
    - [T18_zero_cost]: two points at cost 0 cannot be told apart, whatever D: D^c(delta_y || delta_x) = 0
    - [T18_chord]: where f is not strictly convex at 1, D_f and D^c vanish at another Q
    - [T18_strict_iff]: D_f vanishes at P alone, on every finite space, exactly when f is strictly convex at 1
    - [T18_cvar]: CVaR below level 1 is not strictly convex at 1 *)
From ArmorD Require Export T18_strict T13_order.

(** ** A cost that vanishes off the diagonal: [D^c(delta_y || delta_x) = 0], whatever [D] *)
Definition dirac (X : finType) (x z : X) : R := if z == x then 1 else 0.

Lemma dirac_prob (X : finType) (x : X) : prob (dirac x).
Proof. by split=> [z|]; [rewrite /dirac; case: eqP => _; lra | exact: (sum_dirac (fun=> 1))]. Qed.

(** Idea: move the mass from [x] to [y] for nothing. *)
Theorem T18_zero_cost (X : finType) (D : (X -> R) -> Rbar) (c : X -> X -> Rbar) (x y : X) : nonneg_divergence D -> nonneg_cost c ->
  D (dirac x) = 0 -> x <> y -> c x y = 0 -> Dc D c (dirac y) = 0 /\ dirac y <> dirac x.
Proof.
move=> D0 c0 Dx ne cz; split; last first.
  move=> e; have : dirac y x = dirac x x by rewrite e.
  by rewrite /dirac eqxx; case: eqP => // _; lra.
apply: Rbar_le_antisym; last exact: Dc_ge0.
have k : coupling (along (fun=> y) (dirac x)) (dirac x) (dirac y).
  split=> [z w|z|w]; [by apply: along_ge0; case: (dirac_prob x) | exact: along_row |].
  rewrite -(sum_dirac (fun=> dirac y w) x); apply: sum_ext => z; rewrite /along /dirac.
  by case: (w == y); case: (z == x).
have s : supported c (along (fun=> y) (dirac x)).
  move=> z w; rewrite /along /dirac; case: eqP => [->|_]; last by left.
  by case: eqP => [->|_]; [right; rewrite cz | left].
apply: Rbar_le_trans (Dc_le c0 (dirac_prob x) k s Dx) _; rewrite along_cost sum_zero => [|z]; first by rewrite /=; lra.
by rewrite /dirac; case: eqP => [->|_]; [rewrite cz /=; ring | ring].
Qed.

(** ** Strict convexity at 1, on both sides: every chord around 1 lies above [f(1) = 0] *)
Definition strictly_convex_at_one (f : ffun) : Prop := forall s t a u v, 0 <= s < 1 -> 1 < t -> 0 < a < 1 -> a * s + (1 - a) * t = 1 ->
  f s = Finite u -> f t = Finite v -> 0 < a * u + (1 - a) * v.

(** Idea: two points with the weights of the chord, and its ends as densities. *)
Theorem T18_chord (f : ffun) (m : support) (c : bool -> bool -> Rbar) : ~ strictly_convex_at_one f ->
  nonneg_cost (X := bool_finType) (Y := bool_finType) c -> reflexive_cost (X := bool_finType) c ->
  exists p q : bool -> R, [/\ prob (X := bool_finType) p, prob (X := bool_finType) q, q <> p
    & Df (X := bool_finType) f (slope f m) p q = 0 /\ Dc (X := bool_finType) (Y := bool_finType) (Df f (slope f m) p) c q = 0].
Proof.
move=> flat c0 cd.
have [s [t [a [u [v [[s0 s1] t1 [[a0 a1] e es [et le]]]]]]]] : exists s t a u v, [/\ 0 <= s < 1, 1 < t &
    [/\ 0 < a < 1, a * s + (1 - a) * t = 1, f s = Finite u & f t = Finite v /\ a * u + (1 - a) * v <= 0]].
  apply: NNPP => none; apply: flat => s t a u v hs ht ha e es et; apply: Rnot_le_lt => le; apply: none.
  by exists s, t, a, u, v; split => //; split.
pose p (x : bool) := if x then a else 1 - a; pose q (x : bool) := if x then a * s else (1 - a) * t.
have pp : prob (X := bool_finType) p by split=> [[]|]; rewrite ?sum_bool /p; lra.
have pq : prob (X := bool_finType) q by split=> [[]|]; rewrite ?sum_bool /q; nra.
have Dq : Df (X := bool_finType) f (slope f m) p q = 0.
  have low := @Df_ge0 bool_finType f m p pp q pq.
  have fin : Df (X := bool_finType) f (slope f m) p q = sum (X := bool_finType) (Df_term (X := bool_finType) f (slope f m) p q).
    apply/(Df_finite _ _ (@slope_not_minus f m) _ (proj1 pq)); split => //.
    move=> [] /=; rewrite /p /q; case: Rlt_dec => /= h; try lra.
      by have -> : a * s / a = s by [field; lra]; rewrite es.
    by have -> : (1 - a) * t / (1 - a) = t by [field; lra]; rewrite et.
  apply: Rbar_le_antisym => //; rewrite fin sum_bool /Df_term /p /q.
  case: Rlt_dec => /= h1; last lra.
  case: Rlt_dec => /= h2; last lra.
  have -> : a * s / a = s by field; lra.
  have -> : (1 - a) * t / (1 - a) = t by field; lra.
  by rewrite es et.
exists p, q; split => //.
  by move=> eqp; have : q true = p true by [rewrite eqp]; rewrite /q /p; nra.
split => //; apply: Rbar_le_antisym; last exact: (Dc_ge0 c0 (@Df_nonneg bool_finType f m p pp)).
by rewrite -Dq; exact: T13_le_divergence.
Qed.

(** A tangent at 1.  Idea: [f] is finite on both sides, so the slopes to the left lie below those to the right. *)
Lemma tangent_at_one (f : ffun) : finite_around_one f -> exists y, forall t u, 0 <= t -> f t = Finite u -> y * (t - 1) <= u.
Proof.
move=> [[s [[s0 s1] fs]] [t [t1 ft]]]; pose K r v := exists u, [/\ 0 <= 1 + r, f (1 + r) = Finite u & v <= - u].
have [|v [u [_ ]]|||rho hr] := @multiplier K 0.
- move=> r1 v1 r2 v2 a [u1 [n1 e1 l1]] [u2 [n2 e2 l2]] a01.
  have h1 : Rbar_le (f (1 + r1)) u1 by rewrite e1; exact: Rle_refl.
  have h2 : Rbar_le (f (1 + r2)) u2 by rewrite e2; exact: Rle_refl.
  have := closed_convex n1 n2 a01 h1 h2; have -> : a * (1 + r1) + (1 - a) * (1 + r2) = 1 + (a * r1 + (1 - a) * r2) by ring.
  have n : 0 <= 1 + (a * r1 + (1 - a) * r2) by nra.
  have := @f_not_minus_infinity f _ n; case e : (f (1 + (a * r1 + (1 - a) * r2))) => [u||] // _ le.
  by exists u; split => //; have {}le : u <= a * u1 + (1 - a) * u2 := le; nra.
- by rewrite Rplus_0_r f_one => -[<-]; lra.
- exists (s - 1), (- real (f s)); split; [lra | exists (real (f s)); have -> : 1 + (s - 1) = s by ring].
  by split => //; [exact: finite_real | lra].
- exists (t - 1), (- real (f t)); split; [lra | exists (real (f t)); have -> : 1 + (t - 1) = t by ring].
  by split; [lra | exact: finite_real | lra].
- exists (- rho) => r u r0 er; have := hr (r - 1) (- u); have e1 : 1 + (r - 1) = r by ring.
  by move=> h; have {h} : - u <= 0 + rho * (r - 1) by [apply: h; exists u; rewrite e1; split => //; lra]; lra.
Qed.

(** [D_f] vanishes at [P] alone, on every finite space, exactly when [f] is strictly convex at 1.
    Idea: a zero makes every term touch a tangent at 1, so some density below 1 and one above it (or the singular mass) do. *)
Theorem T18_strict_iff (f : ffun) (m : support) : finite_around_one f ->
  (strictly_convex_at_one f <->
   forall (X : finType) (p eta : X -> R), prob p -> prob eta -> Df f (slope f m) p eta = 0 -> eta = p).
Proof.
move=> f1; split=> [strict X p eta [p0 p1] [e0 e1] z|only_]; last first.
  apply: NNPP => flat; pose c (x y : bool) : Rbar := 0.
  have [||p [q [pp pq ne [Dq _]]]] := @T18_chord f m c flat; [by move=> x y; exact: Rle_refl | by [] |].
  by apply: ne; exact: only_ pp pq Dq.
have nk := @slope_not_minus f m; move/(Df_finite f p nk _ e0): z => [d z]; have [y hy] := tangent_at_one f1.
have ky k : slope f m = Finite k -> y <= k.
  case: m {d z nk} => //= ek; apply: (@minorant_slope f y y k); last by rewrite ek; exact: Rle_refl.
  by move=> s s0; case e : (f s) (@f_not_minus_infinity f s s0) => [u||] //= _; have := hy s u s0 e; lra.
have le x : y * (eta x - p x) <= Df_term f (slope f m) p eta x.
  move: (d x); rewrite /Df_term; case: Rlt_dec => [l|n] /= dx.
    have := hy _ _ (ratio_ge0 (e0 x) l) (finite_real dx) => /(Rmult_le_compat_l _ _ _ (Rlt_le _ _ l)).
    by have -> : p x * (y * (eta x / p x - 1)) = y * (eta x - p x) by field; lra.
  have -> : p x = 0 by have := p0 x; lra.
  by case: dx => [->|fk]; [lra | have := ky _ (finite_real fk); have := e0 x; nra].
have touch_ : forall x, y * (eta x - p x) = Df_term f (slope f m) p eta x.
  by apply: sum_eq_le => //; rewrite -z sum_scal sum_minus p1 e1; ring.
have contact x : 0 < p x -> f (eta x / p x) = Finite (y * (eta x / p x - 1)).
  move=> px; move: (d x) (touch_ x); rewrite /Df_term; case: Rlt_dec => //= _ dx tx; rewrite (finite_real dx); congr Finite.
  by apply: (Rmult_eq_reg_l (p x)); [rewrite -tx; field; lra | lra].
apply: NNPP => ne.
have [x lx] : exists x, eta x < p x.
  apply: NNPP => none; apply: ne; apply/esym; apply: functional_extensionality; apply: sum_eq_le; last by rewrite e1.
  by move=> x; apply: Rnot_lt_le => l; apply: none; exists x.
have [w lw] : exists w, p w < eta w.
  apply: NNPP => none; apply: ne; apply: functional_extensionality; apply: sum_eq_le; last by rewrite e1.
  by move=> w; apply: Rnot_lt_le => l; apply: none; exists w.
have px : 0 < p x by have := e0 x; lra.
have [t [t1 ft]] : exists t, 1 < t /\ f t = Finite (y * (t - 1)).
  case: (Rle_lt_or_eq_dec _ _ (p0 w)) => [pw|pw].
    exists (eta w / p w); split; last exact: contact.
    by apply: (Rmult_lt_reg_r (p w)) => //; rewrite /Rdiv Rmult_assoc Rinv_l; lra.
  have [_ [t [t1 ft]]] := f1; exists t; split => //; rewrite (finite_real ft); congr Finite.
  have t0 : 0 <= t by lra.
  apply: Rle_antisym; last exact: hy t0 (finite_real ft).
  move: (d w) (touch_ w); rewrite /Df_term -pw; case: Rlt_dec => /= [?|_] dw tw; first lra.
  have fk : finite (slope f m) by case: dw => // e; lra.
  have ek : real (slope f m) = y by apply: (Rmult_eq_reg_l (eta w)); lra.
  case: m fk ek {d z nk ky touch_ contact dw tw le} => //= fk ek.
  have : Rbar_le (Rbar_mult (/ (t - 1)) (f t)) (recession f) by apply: Sup_ge; exists t.
  rewrite (finite_real ft) (finite_real fk) ek /= => h.
  have := Rmult_le_compat_r (t - 1) _ _ (ltac:(lra)) h; rewrite Rmult_assoc (Rmult_comm _ (t - 1)) -Rmult_assoc Rinv_l; lra.
pose s := eta x / p x; have s0 : 0 <= s by exact: ratio_ge0.
have s1 : s < 1 by apply: (Rmult_lt_reg_r (p x)) => //; rewrite /s /Rdiv Rmult_assoc Rinv_l; lra.
pose a := (t - 1) / (t - s); have ts : 0 < t - s by lra.
have a01 : 0 < a < 1.
  split; first by apply: Rdiv_lt_0_compat; lra.
  by apply: (Rmult_lt_reg_r (t - s)) => //; rewrite /a /Rdiv Rmult_assoc Rinv_l; lra.
have e : a * s + (1 - a) * t = 1 by rewrite /a; field; lra.
have := strict s t a _ _ (conj s0 s1) t1 a01 e (contact x px) ft; rewrite -/s.
have -> : a * (y * (s - 1)) + (1 - a) * (y * (t - 1)) = y * (a * s + (1 - a) * t - 1) by ring.
by rewrite e; lra.
Qed.

(** CVaR below level 1 is flat around 1.  Idea: a chord inside [[0, 1/b]]. *)
Theorem T18_cvar b (b01 : 0 < b <= 1) : b < 1 -> ~ strictly_convex_at_one (cvar b01).
Proof.
move=> b1 strict; have i : 1 < / b by rewrite -{1}Rinv_1; apply: Rinv_lt_contravar; lra.
pose t := Rmin 2 (/ b); have t1 : 1 < t by apply: Rmin_glb_lt; lra.
have t2 : t <= 2 by exact: Rmin_l.
have tb : t <= / b by exact: Rmin_r.
have val0 r : r <= / b -> cvar b01 r = Finite 0 by move=> h; rewrite /= /cvar_val; case: Rle_dec.
have := strict (2 - t) t (/ 2) 0 0; move=> /(_ _ t1 _ _ _ _) h.
by have : 0 < / 2 * 0 + (1 - / 2) * 0; [apply: h; try lra; apply: val0; lra | lra].
Qed.
