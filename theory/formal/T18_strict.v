(** * T18: the catalogue is strictly convex at 1

    [strict_at_one] is what T18 and adversarial training (T17) ask of [f].  Idea: the slope [f'(1)] touches [f] at 1 and, by
    the equality case of Fenchel--Young, only where [f'(t) = f'(1)]; at [t = 0] a contact would spread over [0, 1] by convexity. *)
(** Theorems:
    - [strict_at_one_member]: a member is strictly convex at 1 when f' takes the value f'(1) only there
    - [kl_strict]: kl: strictly convex at 1
    - [reverse_kl_strict]: reverse_kl: strictly convex at 1
    - [pearson_strict]: pearson: strictly convex at 1
    - [neyman_strict]: neyman: strictly convex at 1
    - [hellinger_strict]: hellinger: strictly convex at 1
    - [js_strict]: js: strictly convex at 1
    - [triangular_strict]: triangular: strictly convex at 1
    - [jeffreys_strict]: jeffreys: strictly convex at 1
    - [alpha_strict]: alpha: strictly convex at 1
    - [tv_strict]: tv: strictly convex at 1 *)
From ArmorD Require Export T18_divergence_property.

(** Idea: as above, for any member whose derivative takes the value [f'(1)] only at 1. *)
Theorem strict_at_one_member (F : fenchel) : equality_case F -> (forall t, 0 < t -> deriv F t = deriv F 1 -> t = 1) ->
  strict_at_one (divergence F).
Proof.
move=> eqc inj; have [d1 e1] := touch F Rlt_0_1; rewrite val_one in e1; set y := deriv F 1 in d1 e1 *.
have pos t : 0 < t -> t <> 1 -> y * (t - 1) < val F t.
  move=> t0 t1; have h := young t0 d1; case: (Rle_lt_or_eq_dec _ _ h) => [l|e]; first lra.
  by case: t1; apply: inj => //; symmetry; apply/(eqc t y t0 d1).
exists y => t t0 t1; case: (Rle_lt_or_eq_dec _ _ t0) => [l|ez].
  by rewrite /= fval_pos //; exact: pos.
rewrite -ez; apply: Rbar_not_le_lt => le.
have h1 : Rbar_le (divergence F 1) (Finite 0) by rewrite f_one; exact: Rle_refl.
have hs : 0 <= / 2 <= 1 by lra.
have := closed_convex (Rle_refl 0) Rle_0_1 hs le h1; have -> : / 2 * 0 + (1 - / 2) * 1 = / 2 by field.
have h2 : 0 < / 2 by lra.
have n2 : / 2 <> 1 by lra.
rewrite /= fval_pos //; have /= := pos _ h2 n2; lra.
Qed.

(** Idea: [f'(t) = f'(1)] only for [t = 1]. *)
Theorem kl_strict : strict_at_one (divergence kl).
Proof. by apply: strict_at_one_member kl_equality _ => t t0 /= e; apply: ln_inv; lra. Qed.

(** Idea: as for KL. *)
Theorem reverse_kl_strict : strict_at_one (divergence reverse_kl).
Proof.
apply: strict_at_one_member reverse_kl_equality _ => t t0 /= e.
by rewrite -(Rinv_inv t) (_ : / t = / 1) ?Rinv_inv //; lra.
Qed.

(** Idea: as for KL. *)
Theorem pearson_strict : strict_at_one (divergence pearson).
Proof. by apply: strict_at_one_member pearson_equality _ => t t0 /= e; lra. Qed.

(** Idea: as for KL. *)
Theorem neyman_strict : strict_at_one (divergence neyman).
Proof.
apply: strict_at_one_member neyman_equality _ => t t0 /= e.
have : t * t = 1 by rewrite -(Rinv_inv (t * t)) (_ : / (t * t) = 1) ?Rinv_1 //; have := Rinv_1; rewrite !Rmult_1_r in e; lra.
nra.
Qed.

(** Idea: as for KL. *)
Theorem hellinger_strict : strict_at_one (divergence hellinger).
Proof.
apply: strict_at_one_member hellinger_equality _ => t t0 /= e; rewrite sqrt_1 in e.
have : sqrt t = 1 by rewrite -(Rinv_inv (sqrt t)) (_ : / sqrt t = 1) ?Rinv_1 //; have := Rinv_1; lra.
by have := sqrt_sqrt t (Rlt_le _ _ t0) => et es; rewrite es in et; lra.
Qed.

(** Idea: as for KL. *)
Theorem js_strict : strict_at_one (divergence js).
Proof.
apply: strict_at_one_member js_equality _ => t t0 /= e.
have := js_deriv_exp t0; rewrite e js_deriv_exp; last lra.
move=> h; have : 2 * t / (1 + t) * (1 + t) = 2 * t by field; lra.
rewrite -h; lra.
Qed.

(** Idea: as for KL. *)
Theorem triangular_strict : strict_at_one (divergence triangular).
Proof.
apply: strict_at_one_member triangular_equality _ => t t0 /= e.
have : (1 + t) * (1 + t) = 4; last nra.
have i : 0 < (1 + t) * (1 + t) by nra.
have : 4 / ((1 + t) * (1 + t)) = 1 by lra.
by move=> h; have : 4 / ((1 + t) * (1 + t)) * ((1 + t) * (1 + t)) = 4 by [field; lra]; rewrite h; lra.
Qed.

(** Idea: as for KL; [log t - 1/t] increases. *)
Theorem jeffreys_strict : strict_at_one (divergence jeffreys).
Proof.
apply: strict_at_one_member jeffreys_equality _ => t t0 /= e; rewrite ln_1 Rinv_1 in e.
case: (Rtotal_order t 1) => [l|[//|l]].
  have := ln_increasing _ _ t0 l; rewrite ln_1; have : / 1 < / t by apply: Rinv_lt_contravar; lra.
  rewrite Rinv_1; lra.
have := ln_increasing _ _ Rlt_0_1 l; rewrite ln_1; have : / t < / 1 by apply: Rinv_lt_contravar; lra.
rewrite Rinv_1; lra.
Qed.

(** Idea: as for KL; a power with a nonzero exponent is one to one. *)
Theorem alpha_strict a (a0 : a <> 0) (a1 : a <> 1) : strict_at_one (divergence (alpha a0 a1)).
Proof.
apply: strict_at_one_member (@alpha_equality a a0 a1) _ => t t0; rewrite /= /alpha_deriv => e.
have n : a - 1 <> 0 by lra.
have {}e : Rpower t (a - 1) = Rpower 1 (a - 1).
  have h u : Rpower u (a - 1) = Rpower u (a - 1) / (a - 1) * (a - 1) by field.
  by rewrite (h t) e -h.
rewrite /Rpower in e; have := exp_inv _ _ e; rewrite ln_1 Rmult_0_r => z.
apply: ln_inv => //; first lra.
by rewrite ln_1; case: (Rmult_integral _ _ z).
Qed.

(** Idea: the slope 0 touches [|t - 1|/2] at the kink alone. *)
Theorem tv_strict : strict_at_one (divergence tv).
Proof.
exists 0 => t t0 t1; rewrite Rmult_0_l; case: (Rle_lt_or_eq_dec _ _ t0) => [l|<-].
  by rewrite /= fval_pos //=; have := Rabs_pos_lt (t - 1); lra.
by rewrite /= fval_zero /=; lra.
Qed.
