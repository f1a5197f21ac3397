(** * T28: scaling, and identities between members of the catalogue

    [(sD)^c = s D^(c/s)] plan by plan; functions that differ by a multiple of [t - 1] give the same divergence. *)
(** Theorems:
    - [T28_scaling]: (sD)^c = s D^(c/s)
    - [T28_pearson]: Pearson = 2 alpha(2) up to the gauge
    - [T28_neyman]: Neyman = 2 alpha(-1) up to the gauge
    - [T28_hellinger]: Hellinger = alpha(1/2)/2 up to the gauge *)
From ArmorD Require Export T07_strong.

(** ** T28: [(sD)^c = s D^(c/s)] *)
Theorem T28_scaling (X Y : finType) (D : (X -> R) -> Rbar) (c : X -> Y -> Rbar) s q : nonneg_divergence D ->
  nonneg_cost c -> 0 < s ->
  Dc (fun eta => Rbar_mult s (D eta)) c q = Rbar_mult s (Dc D (scale_cost (/ s) c) q).
Proof.
move=> D0 c0 s0; have i0 : 0 < / s by apply: Rinv_0_lt_compat.
have c0' := scale_nonneg c0 i0; have sD0 : nonneg_divergence (fun eta => Rbar_mult s (D eta)).
  by move=> eta pe; have := mult_le s0 (D0 _ pe); rewrite Rmult_0_r.
have sup pi : supported c pi <-> supported (scale_cost (/ s) c) pi.
  by split=> h x y; have := h x y; rewrite scale_finite.
have rc pi : rcost (scale_cost (/ s) c) pi = / s * rcost c pi.
  rewrite /rcost -sum_scal; apply: sum_ext => x; rewrite -sum_scal; apply: sum_ext => y.
  by rewrite scale_real //; ring.
apply: Rbar_le_antisym.
- apply: Rbar_le_real_above => r lr; have l : Rbar_lt (Dc D (scale_cost (/ s) c) q) (r / s).
    move: lr (@Dc_ge0 _ _ _ D c0' D0 q); case: (Dc D _ q) => [v||] //; last by rewrite mult_pinf.
    by rewrite mult_fin /= => lv _; apply: (Rmult_lt_reg_l s) => //; have -> : s * (r / s) = r by [field; lra].
  have [eta [pi [a [pe k sp e la]]]] := Dc_lt c0' D0 l.
  have e' : Rbar_mult s (D eta) = s * a by rewrite e mult_fin.
  apply: Rbar_le_trans (Dc_le c0 pe k (proj2 (sup pi) sp) e') _ => /=; rewrite rc in la.
  have := Rmult_lt_compat_l _ _ _ s0 la.
  have -> : s * (a + / s * rcost c pi) = s * a + rcost c pi by field; lra.
  have -> : s * (r / s) = r by field; lra.
  lra.
- apply: Dc_ge => // eta pi a pe k sp e.
  case ed : (D eta) e (D0 _ pe) => [d||] //; last by rewrite mult_pinf.
  rewrite mult_fin => -[<-] _; have h := Dc_le c0' pe k (proj1 (sup pi) sp) ed.
  move: h; rewrite rc; case: (Dc D _ q) => [v||] //; last by rewrite mult_minf.
  move=> h; have {h} : v <= d + / s * rcost c pi by [].
  move=> /(Rmult_le_compat_l _ _ _ (Rlt_le _ _ s0)); rewrite mult_fin /=.
  by have -> : s * (d + / s * rcost c pi) = s * d + rcost c pi by field; lra.
Qed.

(** Pearson is twice alpha(2), Neyman twice alpha(-1): the functions agree up to a multiple of [t - 1]. *)
Theorem T28_pearson t : 0 < t -> val pearson t = 2 * alpha_val 2 t - 2 * (t - 1).
Proof.
move=> t0; rewrite /= /alpha_val (_ : Rpower t 2 = t * t); first by field.
by rewrite (_ : 2 = 1 + 1) ?Rpower_plus ?Rpower_1 //; ring.
Qed.

(** Idea: [t^(-1) = 1/t]. *)
Theorem T28_neyman t : 0 < t -> val neyman t = 2 * alpha_val (-1) t + (t - 1).
Proof.
move=> t0; rewrite /= /alpha_val (_ : Rpower t (-1) = / t); first by field; lra.
by rewrite (_ : -1 = - (1)) ?Rpower_Ropp ?Rpower_1 //; ring.
Qed.

(** Idea: [t^(1/2) = sqrt t]. *)
Theorem T28_hellinger t : 0 < t -> val hellinger t = / 2 * alpha_val (/ 2) t + (t - 1).
Proof.
move=> t0; rewrite /= /alpha_val Rpower_sqrt //.
have e : sqrt t * sqrt t = t by rewrite sqrt_sqrt; lra.
by rewrite -{4}e; field.
Qed.
