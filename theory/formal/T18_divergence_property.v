(** * T18: [D^c(Q) = 0] only for [Q = P]

    An optimal plan of value 0 leaves [P] as it is ([D] vanishes at [P] alone) and moves nothing ([c] vanishes on the diagonal alone). *)
(** Theorems:
    - [T18_divergence_property]: D^c(Q || P) = 0 iff Q = P
    - [T18_strict]: D_f vanishes only at P when f is strictly convex at 1 *)
From ArmorD Require Export T13_bounds.

(** ** T18: [D^c(Q) = 0] only for [Q = P], when [D] vanishes only at [P] and [c] only on the diagonal *)
Theorem T18_divergence_property (X : finType) (D : (X -> R) -> Rbar) (p q : X -> R) (c : X -> X -> Rbar) :
  closed_divergence D -> nonneg_divergence D -> nonneg_cost c -> reflexive_cost c -> prob p -> prob q -> D p = 0 ->
  (forall eta, prob eta -> D eta = 0 -> eta = p) -> (forall x y, c x y = 0 -> x = y) ->
  Dc D c q = 0 <-> q = p.
Proof.
move=> Dcl D0 c0 cd pp pq Dp Du cu; split=> [e|->]; last first.
  apply: Rbar_le_antisym; last exact: Dc_ge0.
  by apply: Rbar_le_trans (T13_le_divergence D c0 cd pp) _; rewrite Dp; exact: Rbar_le_refl.
have [pi [k pe s eD]] := T1_attained Dcl D0 c0 e.
case: (k) => n mr mc; have r0 := rcost_ge0 c0 n.
have z : rcost c pi = 0 by have := D0 _ pe; rewrite eD /=; lra.
have De : D (fun x => sum (pi x)) = 0 by rewrite eD z Rminus_0_r.
rewrite -(Du _ pe De).
have t0 x y : 0 <= pi x y * real (c x y) by apply: Rmult_le_pos => //; exact: real_c_ge0.
have off x y : x != y -> pi x y = 0.
  move=> ne; have zx := sum_eq0 (fun x => sum_ge0 (t0 x)) z x; have zy := sum_eq0 (t0 x) zx y.
  case: (Rmult_integral _ _ zy) => // rz; case: (s x y) => // fc.
  by have := cu x y; rewrite (finite_real fc) rz => /(_ erefl) xy; rewrite xy eqxx in ne.
apply: functional_extensionality => y; rewrite -mc.
rewrite (sum_D1 _ y) [RHS](sum_D1 _ y); congr (_ + _); apply: sum_ext => x.
by case: eqP => // /eqP ne; rewrite !off // eq_sym.
Qed.

(** [D_f] vanishes only at [P] when [f] is strictly convex at 1: a subgradient there touches nowhere else. *)
Definition strict_at_one (f : ffun) : Prop := exists y, forall t, 0 <= t -> t <> 1 -> Rbar_lt (y * (t - 1)) (f t).

(** Idea: the tangent at 1 lies strictly below [f] elsewhere; summed it is 0. *)
Theorem T18_strict (X : finType) (f : ffun) (m : support) (p eta : X -> R) : strict_at_one f -> prob p -> prob eta ->
  Df f (slope f m) p eta = 0 -> eta = p.
Proof.
move=> [y hy] [p0 p1] [e0 e1] /(Df_finite f p (@slope_not_minus f m) _ e0) [d z].
have kb k : slope f m = Finite k -> y < k.
  case: m {d z} => //= ek; have t2 : 1 < 2 by lra.
  have h : Rbar_le (Rbar_mult (/ (2 - 1)) (f 2)) (recession f) by apply: Sup_ge; exists 2.
  have l : Rbar_lt (y * (2 - 1)) (f 2) by apply: hy; lra.
  have i : 0 < / (2 - 1) by apply: Rinv_0_lt_compat; lra.
  move: h l; rewrite ek; case: (f 2) => [v||] //; rewrite ?mult_pinf // ?mult_fin /= => h l.
  have e2 : / (2 - 1) = 1 by field.
  rewrite e2 in h; lra.
have le x : y * (eta x - p x) <= Df_term f (slope f m) p eta x /\ (eta x <> p x -> y * (eta x - p x) < Df_term f (slope f m) p eta x).
  move: (d x); rewrite /Df_term; case: Rlt_dec => [l|n] /= dx.
    have r0 := ratio_ge0 (e0 x) l; have ex : y * (eta x - p x) = p x * (y * (eta x / p x - 1)) by field; lra.
    case: (Req_dec (eta x / p x) 1) => [r1|ne].
      have -> : eta x = p x by rewrite -(Rmult_1_r (p x)) -r1; field; lra.
      by rewrite /Rdiv Rinv_r ?f_one /=; [split => //; lra | lra].
    have := hy _ r0 ne; rewrite (finite_real dx) /= => /(Rmult_lt_compat_l _ _ _ l); rewrite -ex.
    by split => //; lra.
  have -> : p x = 0 by have := p0 x; lra.
  case: dx => [->|fk]; first by split; [lra | lra].
  by have := kb _ (finite_real fk); have := e0 x => ? ?; split; [nra | move=> ?; nra].
apply: functional_extensionality => x; apply: NNPP => ne.
have : sum (fun x => y * (eta x - p x)) < sum (Df_term f (slope f m) p eta).
  by apply: (@sum_lt _ _ _ x) => [x'|]; [case: (le x') | case: (le x) => _; apply].
by rewrite -z sum_scal sum_minus p1 e1; lra.
Qed.
