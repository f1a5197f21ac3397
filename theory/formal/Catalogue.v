(** * The catalogue: Fenchel--Young with its equality case, conjugate and recession slope of every member

    For each member the gap [f(t) + f*(y) - t y] is a square, or an instance of [ln u <= u - 1]; equality in
    that instance is the equality case. *)
(** Theorems:
    - [kl_equality]: kl: equality case of Fenchel-Young
    - [kl_recession]: kl: the recession slope f'(oo)
    - [reverse_kl_equality]: reverse_kl: equality case of Fenchel-Young
    - [reverse_kl_recession]: reverse_kl: the recession slope f'(oo)
    - [pearson_equality]: pearson: equality case of Fenchel-Young
    - [pearson_recession]: pearson: the recession slope f'(oo)
    - [neyman_equality]: neyman: equality case of Fenchel-Young
    - [neyman_recession]: neyman: the recession slope f'(oo)
    - [tv_equality]: tv: equality case of Fenchel-Young
    - [tv_recession]: tv: the recession slope f'(oo)
    - [hellinger_equality]: hellinger: equality case of Fenchel-Young
    - [hellinger_recession]: hellinger: the recession slope f'(oo) *)
From ArmorD Require Export FenchelYoung.

Ltac pos := first [lra | by apply: Rinv_0_lt_compat; lra | by apply: exp_pos | by apply: Rmult_lt_0_compat; lra].

(** ** KL: [t log t], [f* = exp(y - 1)] *)
Lemma kl_gap t y : 0 < t -> t * ln t + exp (y - 1) - t * y = t * (exp (y - 1 - ln t) - 1 - ln (exp (y - 1 - ln t))).
Proof.
move=> t0; rewrite ln_exp; have -> : exp (y - 1) = t * exp (y - 1 - ln t).
  by rewrite -{1}(exp_ln t t0) -exp_plus; congr exp; ring.
ring.
Qed.

Definition kl : fenchel.
Proof.
refine (@Fenchel (fun t => t * ln t) 0 (fun _ => True) (fun y => exp (y - 1)) (fun t => 1 + ln t) _ _ _ _ _ _ _).
- by rewrite ln_1; ring.
- move=> t y t0 _; have := kl_gap y t0; have := ln_le_sub1 (exp_pos (y - 1 - ln t)); nra.
- by move=> y _ /=; have := exp_pos (y - 1); lra.
- by move=> t t0; split => //; rewrite (_ : 1 + ln t - 1 = ln t) ?exp_ln //; ring.
- move=> a /= a0; exists (1 + ln (- a / 2)); split => //.
  by rewrite (_ : 1 + ln (- a / 2) - 1 = ln (- a / 2)) ?exp_ln //; [lra | lra | ring].
- move=> y e _ e0; left; exists (exp (y - 1)); split; [exact: exp_pos | rewrite ln_exp; lra].
- by move=> y M [].
Defined.

(** Idea: the gap is [t (u - 1 - log u)] with [u = exp(y - 1)/t], zero only at [u = 1]. *)
Theorem kl_equality : equality_case kl.
Proof.
move=> t y t0 _ /=; split=> [e|->]; last by rewrite (_ : 1 + ln t - 1 = ln t) ?exp_ln //; ring.
case: (Req_dec (exp (y - 1 - ln t)) 1) => [e1|ne].
  by have := ln_exp (y - 1 - ln t); rewrite e1 ln_1; lra.
have := kl_gap y t0; have := ln_lt_sub1 (exp_pos _) ne; nra.
Qed.

(** Idea: [f*] is finite everywhere, and [f'(oo)] is the right end of its domain. *)
Theorem kl_recession : recession (divergence kl) = p_infty.
Proof. by apply: recession_closed_form => // y _; exists y; split => //; lra. Qed.

(** ** Reverse KL: [-log t], [f* = -1 - log(-y)] for [y < 0] *)
Definition reverse_kl : fenchel.
Proof.
refine (@Fenchel (fun t => - ln t) p_infty (fun y => y < 0) (fun y => -1 - ln (- y)) (fun t => - / t) _ _ _ _ _ _ _).
- by rewrite ln_1; ring.
- move=> t y t0 y0; have h : 0 < t * - y by pos.
  by have := ln_le_sub1 h; rewrite ln_mult //; lra.
- by [].
- move=> t t0; have := Rinv_0_lt_compat _ t0 => i; split; first lra.
  by rewrite Ropp_involutive ln_Rinv //; field; lra.
- move=> a _; exists (- exp a); have := exp_pos a => e; split; first lra.
  by rewrite Ropp_involutive ln_exp; lra.
- move=> y e y0 e0; left; exists (/ - y); split; first by pos.
  rewrite ln_Rinv; last lra.
  by have -> : / - y * y = - 1 by [field; lra]; lra.
- move=> y M y0; exists (exp M); split; first exact: exp_pos.
  by rewrite ln_exp; have := exp_pos M; nra.
Defined.

(** Idea: the gap is [u - 1 - log u] with [u = - t y]. *)
Theorem reverse_kl_equality : equality_case reverse_kl.
Proof.
move=> t y t0 /= y0; have i := Rinv_0_lt_compat _ t0; split=> [e|->].
  have h : 0 < t * - y by pos.
  case: (Req_dec (t * - y) 1) => [e1|ne].
    by apply: (Rmult_eq_reg_l t); [rewrite Ropp_mult_distr_r_reverse Rinv_r |]; lra.
  by have := ln_lt_sub1 h ne; rewrite ln_mult; lra.
by rewrite Ropp_involutive ln_Rinv //; field; lra.
Qed.

(** Idea: the right end of the domain [y < 0] of [f*]. *)
Theorem reverse_kl_recession : recession (divergence reverse_kl) = 0.
Proof. by apply: recession_closed_form => [y /= h|y /= h]; [lra | exists y; split => //; lra]. Qed.

(** ** Pearson: [(t - 1)^2], [f* = y + y^2/4] for [y >= -2], [-1] below *)
Definition pearson_star y := if Rle_dec (-2) y then y + y * y / 4 else -1.
Definition pearson : fenchel.
Proof.
refine (@Fenchel (fun t => (t - 1) * (t - 1)) 1 (fun _ => True) pearson_star (fun t => 2 * (t - 1)) _ _ _ _ _ _ _);
  rewrite /pearson_star.
- ring.
- move=> t y t0 _; case: Rle_dec => [h|h] /=; last nra.
  have := Rle_0_sqr (t - 1 - y / 2); rewrite /Rsqr; lra.
- move=> y _ /=; case: Rle_dec => [h|h] /=; last lra.
  have := Rle_0_sqr (1 + y / 2); rewrite /Rsqr; lra.
- by move=> t t0; split => //; case: Rle_dec => [h|h] /=; lra.
- by move=> a /= h; exists (-3); split => //; case: Rle_dec => [h'|h'] /=; lra.
- move=> y e _ e0; case: Rle_dec => [h|h] /=; last by right; lra.
  case: (Rle_lt_or_eq_dec _ _ h) => [l|<-]; last by right; lra.
  by left; exists (1 + y / 2); split; lra.
- by move=> y M [].
Defined.

(** Idea: the gap is the square of [t - 1 - y/2]. *)
Theorem pearson_equality : equality_case pearson.
Proof.
move=> t y t0 _ /=; rewrite /pearson_star; split=> [e|->]; last by case: Rle_dec => [h|h] /=; lra.
move: e; case: Rle_dec => [h|h] /= e; last nra.
suff : t - 1 - y / 2 = 0 by lra.
by apply: Rsqr_0_uniq; rewrite /Rsqr; lra.
Qed.

(** Idea: [f*] is finite everywhere. *)
Theorem pearson_recession : recession (divergence pearson) = p_infty.
Proof. by apply: recession_closed_form => // y _; exists y; split => //; lra. Qed.

(** ** Neyman: [(1 - t)^2 / t], [f* = 2 - 2 sqrt(1 - y)] for [y <= 1] *)
Lemma neyman_gap t w : 0 < t -> (1 - t) * (1 - t) / t + (2 - 2 * w) - t * (1 - w * w) = Rsqr (1 - t * w) / t.
Proof. by move=> t0; rewrite /Rsqr; field; lra. Qed.

Lemma sq_sqrt y : y <= 1 -> y = 1 - sqrt (1 - y) * sqrt (1 - y).
Proof. by move=> h; rewrite sqrt_sqrt; lra. Qed.

Definition neyman : fenchel.
Proof.
refine (@Fenchel (fun t => (1 - t) * (1 - t) / t) p_infty (fun y => y <= 1) (fun y => 2 - 2 * sqrt (1 - y))
  (fun t => 1 - / (t * t)) _ _ _ _ _ _ _).
- field.
- move=> t y t0 y1; rewrite {1}(sq_sqrt y1); have := neyman_gap (sqrt (1 - y)) t0.
  have : 0 <= Rsqr (1 - t * sqrt (1 - y)) / t by apply: ratio_ge0 => //; exact: Rle_0_sqr.
  lra.
- by [].
- move=> t t0; have i : 0 < / t by pos.
  have e : sqrt (1 - (1 - / (t * t))) = / t.
    rewrite (_ : 1 - (1 - / (t * t)) = / t * / t) ?sqrt_square; [by [] | lra |].
    by field; lra.
  split; last by rewrite e; field; lra.
  have : 0 < / (t * t) by apply: Rinv_0_lt_compat; nra.
  lra.
- move=> a _; set w := Rabs a / 2 + 2; have ap := Rabs_pos a; exists (1 - w * w).
  have e : sqrt (1 - (1 - w * w)) = w.
    by rewrite (_ : 1 - (1 - w * w) = w * w) ?sqrt_square //; [rewrite /w; lra | ring].
  by rewrite e; split; [rewrite /w; nra | rewrite /w; have := Rle_abs a; lra].
- move=> y e y1 e0; left; case: (Rle_lt_or_eq_dec _ _ y1) => [l|->].
    set w := sqrt (1 - y); have w0 : 0 < w by apply: sqrt_lt_R0; lra.
    exists (/ w); split; first by pos.
    rewrite (sq_sqrt y1) -/w.
    have -> : / w * (1 - w * w) - (1 - / w) * (1 - / w) / / w = 2 - 2 * w by field; lra.
    lra.
  rewrite (_ : 1 - 1 = 0) ?sqrt_0; last ring.
  exists (/ e); split; first by pos.
  by have -> : / e * 1 - (1 - / e) * (1 - / e) / / e = 2 - e by [field; lra]; lra.
- move=> y M y1; set t := (Rabs M + 1) / (y - 1) + 1; have ap := Rabs_pos M.
  have t1 : 1 < t by have : 0 < (Rabs M + 1) / (y - 1) by [apply: Rdiv_lt_0_compat; lra]; rewrite /t; lra.
  exists t; split; first lra.
  have -> : t * y - (1 - t) * (1 - t) / t = t * (y - 1) + 2 - / t by field; lra.
  have : t * (y - 1) = Rabs M + 1 + (y - 1) by rewrite /t; field; lra.
  have : / t < 1 by rewrite -Rinv_1; apply: Rinv_lt_contravar; lra.
  have := Rle_abs M; lra.
Defined.

(** Idea: the gap is the square of [1 - t sqrt(1 - y)], over [t]. *)
Theorem neyman_equality : equality_case neyman.
Proof.
move=> t y t0 y1; split=> [e|->]; last by case: (touch neyman t0).
move: e; rewrite /= {1}(sq_sqrt y1); have g := neyman_gap (sqrt (1 - y)) t0 => e.
have s0 : Rsqr (1 - t * sqrt (1 - y)) = 0.
  have : Rsqr (1 - t * sqrt (1 - y)) / t = 0 by lra.
  by move=> h; rewrite -(Rmult_0_l t) -h; field; lra.
have w : sqrt (1 - y) = / t.
  have := Rsqr_0_uniq _ s0 => h; apply: (Rmult_eq_reg_l t); last lra.
  by rewrite Rinv_r; lra.
by rewrite (sq_sqrt y1) w; field; lra.
Qed.

(** Idea: the right end of the domain [y <= 1] of [f*]. *)
Theorem neyman_recession : recession (divergence neyman) = 1.
Proof. by apply: recession_closed_form => [y /= h|y /= h]; [lra | exists y; split => //; lra]. Qed.

(** ** Total variation: [|t - 1|/2], [f* = max(y, -1/2)] for [y <= 1/2] *)
Definition tv : fenchel.
Proof.
refine (@Fenchel (fun t => Rabs (t - 1) / 2) (/2) (fun y => y <= /2) (fun y => Rmax y (- /2))
  (fun t => if Rlt_dec t 1 then - /2 else /2) _ _ _ _ _ _ _).
- by rewrite (_ : 1 - 1 = 0) ?Rabs_R0; lra.
- move=> t y t0 y1; rewrite /Rmax; case: Rle_dec => h; rewrite /Rabs; case: Rcase_abs => h'; nra.
- by move=> y y1 /=; rewrite /Rmax; case: Rle_dec; lra.
- move=> t t0; split; first by case: Rlt_dec => h /=; lra.
  by case: Rlt_dec => h /=; rewrite /Rmax; case: Rle_dec => h1; rewrite /Rabs; case: Rcase_abs => h2; lra.
- by move=> a /= h; exists (-1); split; [lra | rewrite /Rmax; case: Rle_dec; lra].
- move=> y e y1 e0; rewrite /Rmax; case: Rle_dec => h; first by right => /=; lra.
  by left; exists 1; split; [lra | rewrite (_ : 1 - 1 = 0) ?Rabs_R0; lra].
- move=> y M y1; set t := (Rabs M + 1) / (y - /2) + 1; have ap := Rabs_pos M.
  have t1 : 1 < t by have : 0 < (Rabs M + 1) / (y - /2) by [apply: Rdiv_lt_0_compat; lra]; rewrite /t; lra.
  exists t; split; first lra.
  have : t * (y - /2) = Rabs M + 1 + (y - /2) by rewrite /t; field; lra.
  rewrite (Rabs_pos_eq (t - 1)); last lra.
  have := Rle_abs M; lra.
Defined.

(** Equality for total variation: [y] in the subdifferential of [|t - 1|/2]. *)
Theorem tv_equality t y : 0 < t -> dom tv y ->
  (t * y = val tv t + star tv y <->
   (t < 1 -> y = - /2) /\ (1 < t -> y = /2) /\ (t = 1 -> - /2 <= y)).
Proof.
move=> t0 /= y1; rewrite /Rmax; case: Rle_dec => h; rewrite /Rabs; case: Rcase_abs => h'; split.
all: try (move=> e; repeat split => ?; nra).
all: move=> [a [b d]]; case: (Rtotal_order t 1) => [l|[l|l]]; [have := a l | have := d l | have := b l]; nra.
Qed.

(** Idea: the right end of the domain [y <= 1/2] of [f*]. *)
Theorem tv_recession : recession (divergence tv) = /2.
Proof. by apply: recession_closed_form => [y /= h|y /= h]; [lra | exists y; split => //; lra]. Qed.

(** ** Squared Hellinger: [(sqrt t - 1)^2], [f* = y/(1 - y)] for [y < 1] *)
Lemma hellinger_gap t w : 0 < t -> 0 < w ->
  (sqrt t - 1) * (sqrt t - 1) + (1 - w) / w - t * (1 - w) = Rsqr (w * sqrt t - 1) / w.
Proof.
move=> t0 w0; have {3}-> : t = sqrt t * sqrt t by rewrite sqrt_sqrt; lra.
by rewrite /Rsqr; field; lra.
Qed.

Definition hellinger : fenchel.
Proof.
refine (@Fenchel (fun t => (sqrt t - 1) * (sqrt t - 1)) 1 (fun y => y < 1) (fun y => y / (1 - y))
  (fun t => 1 - / sqrt t) _ _ _ _ _ _ _).
- by rewrite sqrt_1; ring.
- move=> t y t0 y1; have w0 : 0 < 1 - y by lra.
  have := hellinger_gap t0 w0; have -> : 1 - (1 - y) = y by ring.
  have : 0 <= Rsqr ((1 - y) * sqrt t - 1) / (1 - y) by apply: ratio_ge0 => //; exact: Rle_0_sqr.
  lra.
- move=> y y1 /=; have : 0 < / (1 - y) by pos.
  have -> : y / (1 - y) = / (1 - y) - 1 by field; lra.
  lra.
- move=> t t0; have s0 := sqrt_lt_R0 _ t0; have i : 0 < / sqrt t by pos.
  split; first lra.
  by rewrite -{1}(sqrt_sqrt t); [field; lra | lra].
- move=> a /= a1; exists (1 - 2 / (1 - a)); have : 0 < 2 / (1 - a) by apply: Rdiv_lt_0_compat; lra.
  move=> h; split; first lra.
  by have -> : (1 - 2 / (1 - a)) / (1 - (1 - 2 / (1 - a))) = (1 - a) / 2 - 1 by [field; lra]; lra.
- move=> y e y1 e0; left; exists (/ ((1 - y) * (1 - y))); have h : 0 < (1 - y) * (1 - y) by nra.
  split; first by pos.
  have -> : / ((1 - y) * (1 - y)) = / (1 - y) * / (1 - y) by field; lra.
  rewrite sqrt_square; last by left; pos.
  by have -> : / (1 - y) * / (1 - y) * y - (/ (1 - y) - 1) * (/ (1 - y) - 1) = y / (1 - y) by [field; lra]; lra.
- move=> y M y1; set s := (Rabs M + 1); have ap := Rabs_pos M; exists (s * s); split; first by rewrite /s; nra.
  by rewrite sqrt_square; [have := Rle_abs M; rewrite /s; nra | rewrite /s; lra].
Defined.

(** Idea: the gap is the square of [(1 - y) sqrt t - 1], over [1 - y]. *)
Theorem hellinger_equality : equality_case hellinger.
Proof.
move=> t y t0 /= y1; have s0 := sqrt_lt_R0 _ t0; split=> [e|->]; last by case: (touch hellinger t0).
have w0 : 0 < 1 - y by lra.
have := hellinger_gap t0 w0; have -> : 1 - (1 - y) = y by ring.
move=> g; have z : Rsqr ((1 - y) * sqrt t - 1) = 0.
  have h : Rsqr ((1 - y) * sqrt t - 1) / (1 - y) = 0 by lra.
  by rewrite -(Rmult_0_l (1 - y)) -h; field; lra.
have h := Rsqr_0_uniq _ z; apply: (Rmult_eq_reg_r (sqrt t)); last lra.
by rewrite Rmult_minus_distr_r Rinv_l; lra.
Qed.

(** Idea: the right end of the domain [y < 1] of [f*]. *)
Theorem hellinger_recession : recession (divergence hellinger) = 1.
Proof. by apply: recession_closed_form => [y /= h|y /= h]; [lra | exists y; split => //; lra]. Qed.
