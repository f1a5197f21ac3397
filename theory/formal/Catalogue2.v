(** * The catalogue, continued: triangular, Jensen--Shannon, Jeffreys, CVaR and the alpha family *)
(** Theorems:
    - [triangular_equality]: triangular: equality case of Fenchel-Young
    - [triangular_recession]: triangular: the recession slope f'(oo)
    - [js_equality]: js: equality case of Fenchel-Young
    - [js_recession]: js: the recession slope f'(oo)
    - [jeffreys_equality]: jeffreys: equality case of Fenchel-Young
    - [jeffreys_recession]: jeffreys: the recession slope f'(oo) *)
From ArmorD Require Export Catalogue.

(** ** Triangular (Le Cam): [(t - 1)^2/(t + 1)], [f* = 4 - 4 sqrt(1 - y) - y] for [-3 <= y <= 1], [-1] below *)
Definition triangular_star y := if Rle_dec (-3) y then 4 - 4 * sqrt (1 - y) - y else -1.

Lemma triangular_gap t w : 0 < t ->
  (t - 1) * (t - 1) / (t + 1) + (3 - 4 * w + w * w) - t * (1 - w * w) = Rsqr (2 - (1 + t) * w) / (1 + t).
Proof. by move=> t0; rewrite /Rsqr; field; lra. Qed.

Lemma triangular_gap_low t y : 0 < t -> y < -3 -> 0 < (t - 1) * (t - 1) / (t + 1) + -1 - t * y.
Proof.
move=> t0 y3; have -> : (t - 1) * (t - 1) / (t + 1) + -1 - t * y = t * (- 3 - y) + 4 * (t * t) / (t + 1) by field; lra.
have : 0 <= 4 * (t * t) / (t + 1) by apply: ratio_ge0; nra.
nra.
Qed.

Definition triangular : fenchel.
Proof.
refine (@Fenchel (fun t => (t - 1) * (t - 1) / (t + 1)) 1 (fun y => y <= 1) triangular_star
  (fun t => 1 - 4 / ((1 + t) * (1 + t))) _ _ _ _ _ _ _); rewrite /triangular_star.
- field.
- move=> t y t0 y1; case: Rle_dec => h /=; last by have := triangular_gap_low t0; move=> /(_ y); lra.
  have := triangular_gap (sqrt (1 - y)) t0; have := sq_sqrt y1.
  have : 0 <= Rsqr (2 - (1 + t) * sqrt (1 - y)) / (1 + t) by apply: ratio_ge0; [exact: Rle_0_sqr | lra].
  move=> a b; rewrite -b; lra.
- move=> y y1 /=; case: Rle_dec => h /=; last lra.
  have e := sq_sqrt y1; set w := sqrt (1 - y) in e *; have := Rle_0_sqr (w - 2); rewrite /Rsqr; lra.
- move=> t t0; have e : sqrt (1 - (1 - 4 / ((1 + t) * (1 + t)))) = 2 / (1 + t).
    rewrite (_ : 1 - (1 - 4 / ((1 + t) * (1 + t))) = 2 / (1 + t) * (2 / (1 + t))) ?sqrt_square //.
      by apply: ratio_ge0; lra.
    by field; lra.
  have a : 0 < 4 / ((1 + t) * (1 + t)) by apply: Rdiv_lt_0_compat; nra.
  have b : 4 / ((1 + t) * (1 + t)) <= 4.
    apply: (Rmult_le_reg_r ((1 + t) * (1 + t))); first nra.
    by rewrite /Rdiv Rmult_assoc Rinv_l; nra.
  split; first lra.
  by case: Rle_dec => h /=; [rewrite e; field; lra | lra].
- by move=> a /= h; exists (-4); split; [lra | case: Rle_dec => h' /=; lra].
- move=> y e y1 e0; case: Rle_dec => h /=; last by right; lra.
  have q := sq_sqrt y1; have w0 := sqrt_pos (1 - y); set w := sqrt (1 - y) in q w0 *.
  have w2 : w <= 2 by nra.
  case: (Rle_lt_or_eq_dec _ _ w2) => [l2|->]; last by right; rewrite q; lra.
  case: (Rle_lt_or_eq_dec _ _ w0) => [l0|z]; left.
    have i : 0 < 2 / w - 1.
      by have -> : 2 / w - 1 = (2 - w) / w by [field; lra]; apply: Rdiv_lt_0_compat; lra.
    exists (2 / w - 1); split => //; rewrite q.
    have -> : (2 / w - 1) * (1 - w * w) - (2 / w - 1 - 1) * (2 / w - 1 - 1) / (2 / w - 1 + 1) = 3 - 4 * w + w * w.
      by field; lra.
    lra.
  exists (4 / e); split; first by apply: Rdiv_lt_0_compat; lra.
  have -> : y = 1 by rewrite q -z; ring.
  rewrite -z.
  have -> : 4 / e * 1 - (4 / e - 1) * (4 / e - 1) / (4 / e + 1) = 3 - 4 / (4 / e + 1).
    have : 0 < 4 / e by apply: Rdiv_lt_0_compat; lra.
    by move=> ?; field; lra.
  have -> : 4 / (4 / e + 1) = 4 * e / (4 + e) by field; lra.
  suff : 4 * e / (4 + e) <= e by lra.
  by apply: (Rmult_le_reg_r (4 + e)); [lra | rewrite /Rdiv Rmult_assoc Rinv_l; nra].
- move=> y M y1; set A := (Rabs M + 1) / (y - 1); have ap := Rabs_pos M.
  have i : 0 < A by apply: Rdiv_lt_0_compat; lra.
  have hA : A * (y - 1) = Rabs M + 1 by rewrite /A; field; lra.
  exists (A + 1); split; first lra.
  have -> : (A + 1) * y - (A + 1 - 1) * (A + 1 - 1) / (A + 1 + 1) = A * (y - 1) + (y - 1) + 3 - 4 / (A + 2) by field; lra.
  have : 4 / (A + 2) <= 2.
    by apply: (Rmult_le_reg_r (A + 2)); [lra | rewrite {1}/Rdiv Rmult_assoc Rinv_l; lra].
  have := Rle_abs M; lra.
Defined.

(** Idea: the gap is the square of [2 - (1 + t) sqrt(1 - y)], over [1 + t]; below -3 it is positive. *)
Theorem triangular_equality : equality_case triangular.
Proof.
move=> t y t0 y1; split=> [|->]; last by case: (touch triangular t0).
rewrite /= /triangular_star; case: Rle_dec => h /=.
  have q := sq_sqrt y1; have g := triangular_gap (sqrt (1 - y)) t0; set w := sqrt (1 - y) in q g *.
  rewrite q => e; have z : Rsqr (2 - (1 + t) * w) = 0.
    have s : Rsqr (2 - (1 + t) * w) / (1 + t) = 0 by lra.
    by rewrite -(Rmult_0_l (1 + t)) -s; field; lra.
  have hw := Rsqr_0_uniq _ z; have -> : w = 2 / (1 + t).
    by apply: (Rmult_eq_reg_l (1 + t)); [have -> : (1 + t) * (2 / (1 + t)) = 2 by [field; lra] |]; lra.
  by field; lra.
by have := triangular_gap_low t0; move=> /(_ y); lra.
Qed.

(** Idea: the right end of the domain [y <= 1] of [f*]. *)
Theorem triangular_recession : recession (divergence triangular) = 1.
Proof. by apply: recession_closed_form => [y /= h|y /= h]; [lra | exists y; split => //; lra]. Qed.

(** ** Jensen--Shannon: [(t log t - (1 + t) log((1 + t)/2))/2], [f* = - log(2 - e^(2y))/2] for [y < log(2)/2] *)
Definition js_val t := (t * ln t - (1 + t) * ln ((1 + t) / 2)) / 2.

Lemma ln_div a b : 0 < a -> 0 < b -> ln (a / b) = ln a - ln b.
Proof. by move=> a0 b0; rewrite /Rdiv ln_mult ?ln_Rinv //; apply: Rinv_0_lt_compat. Qed.

(** With [E = e^(2y)], [m = (1 + t)/2]: twice the gap is [- t ln(E m/t) - ln((2 - E) m)]. *)
Lemma js_gap t y : 0 < t -> exp (2 * y) < 2 -> let E := exp (2 * y) in let m := (1 + t) / 2 in
  js_val t + - ln (2 - E) / 2 - t * y = (- (t * ln (E * m / t)) - ln ((2 - E) * m)) / 2.
Proof.
move=> t0 h /=; have E0 := exp_pos (2 * y); have m0 : 0 < (1 + t) / 2 by lra.
rewrite /js_val /Rdiv !ln_mult ?ln_Rinv ?ln_exp; try lra; try nra.
all: by apply: Rinv_0_lt_compat; lra.
Qed.

Lemma js_dom y : y < ln 2 / 2 <-> exp (2 * y) < 2.
Proof.
have e2 : exp (ln 2) = 2 by rewrite exp_ln; lra.
split=> h; first by rewrite -e2; apply: exp_increasing; rewrite e2; lra.
have : ln (exp (2 * y)) < ln 2 by apply: ln_increasing => //; exact: exp_pos.
rewrite ln_exp; lra.
Qed.

Definition js_deriv t := ln (2 * t / (1 + t)) / 2.

Lemma js_deriv_exp t : 0 < t -> exp (2 * js_deriv t) = 2 * t / (1 + t).
Proof.
move=> t0; rewrite /js_deriv (_ : 2 * (ln (2 * t / (1 + t)) / 2) = ln (2 * t / (1 + t))); last field.
by rewrite exp_ln //; apply: Rdiv_lt_0_compat; lra.
Qed.

Definition js : fenchel.
Proof.
refine (@Fenchel js_val (ln 2 / 2) (fun y => y < ln 2 / 2) (fun y => - ln (2 - exp (2 * y)) / 2) js_deriv _ _ _ _ _ _ _).
- by rewrite /js_val (_ : (1 + 1) / 2 = 1) ?ln_1; field.
- move=> t y t0 /js_dom h; have g := js_gap t0 h; have E0 := exp_pos (2 * y); set E := exp (2 * y) in g h E0 *.
  have m0 : 0 < (1 + t) / 2 by lra.
  have a : 0 < E * ((1 + t) / 2) / t by apply: Rdiv_lt_0_compat => //; apply: Rmult_lt_0_compat.
  have b : 0 < (2 - E) * ((1 + t) / 2) by apply: Rmult_lt_0_compat; lra.
  have := Rmult_le_compat_l _ _ _ (Rlt_le _ _ t0) (ln_le_sub1 a); have := ln_le_sub1 b.
  have -> : t * (E * ((1 + t) / 2) / t - 1) = E * ((1 + t) / 2) - t by field; lra.
  rewrite /= in g; lra.
- move=> y /js_dom h /=; have := exp_pos (2 * y) => E0.
  have : ln (2 - exp (2 * y)) <= ln 2 by apply: Rlt_le; apply: ln_increasing; lra.
  lra.
- move=> t t0; have e := js_deriv_exp t0; have l : exp (2 * js_deriv t) < 2.
    rewrite e; apply: (Rmult_lt_reg_r (1 + t)); first lra.
    by rewrite /Rdiv Rmult_assoc Rinv_l; lra.
  split; first by apply/js_dom.
  have /= := js_gap t0 l; rewrite e.
  have -> : 2 * t / (1 + t) * ((1 + t) / 2) / t = 1 by field; lra.
  have -> : (2 - 2 * t / (1 + t)) * ((1 + t) / 2) = 1 by field; lra.
  by rewrite ln_1; lra.
- move=> a /= h; set E := 2 - exp (a + ln 2 / 2).
  have E0 : 0 < E.
    have : exp (a + ln 2 / 2) < exp (ln 2) by apply: exp_increasing; lra.
    by rewrite exp_ln /E; lra.
  exists (ln E / 2); rewrite (_ : 2 * (ln E / 2) = ln E) ?exp_ln //; last field.
  split; first by apply/js_dom; rewrite (_ : 2 * (ln E / 2) = ln E) ?exp_ln //; [rewrite /E; have := exp_pos (a + ln 2 / 2); lra | field].
  by rewrite (_ : 2 - E = exp (a + ln 2 / 2)) ?ln_exp; [lra | rewrite /E; ring].
- move=> y e /js_dom h e0; left; have E0 := exp_pos (2 * y); set E := exp (2 * y) in h E0.
  exists (E / (2 - E)); split; first by apply: Rdiv_lt_0_compat; lra.
  have t0 : 0 < E / (2 - E) by apply: Rdiv_lt_0_compat; lra.
  have /= := js_gap t0 h; rewrite -/E.
  have -> : E * ((1 + E / (2 - E)) / 2) / (E / (2 - E)) = 1 by field; lra.
  have -> : (2 - E) * ((1 + E / (2 - E)) / 2) = 1 by field; lra.
  by rewrite ln_1; lra.
- move=> y M h; set t := 2 * exp (2 * Rabs M); have E0 := exp_pos (2 * Rabs M); exists t; split; first by rewrite /t; lra.
  have t0 : 0 < t by rewrite /t; lra.
  have yl : ln 2 / 2 <= y by lra.
  have a : t * (ln 2 / 2) - js_val t = (t * ln ((1 + t) / t) + ln ((1 + t) / 2)) / 2.
    by rewrite /js_val !ln_div; try lra; field.
  have b : 0 <= ln ((1 + t) / t).
    rewrite -ln_1; have -> : (1 + t) / t = 1 + / t by field; lra.
    by apply: Rlt_le; apply: ln_increasing; [lra | have := Rinv_0_lt_compat _ t0; lra].
  have d : 2 * Rabs M <= ln ((1 + t) / 2).
    by rewrite -{1}(ln_exp (2 * Rabs M)); apply: Rlt_le; apply: ln_increasing; [lra | rewrite /t; lra].
  have := Rle_abs M; nra.
Defined.

(** Idea: twice the gap is two instances of [u - 1 - log u], both zero only at [exp(2 y) = 2 t/(1 + t)]. *)
Theorem js_equality : equality_case js.
Proof.
move=> t y t0 y1; split=> [|->]; last by case: (touch js t0).
move/js_dom: (y1) => h; have /= g := js_gap t0 h; have E0 := exp_pos (2 * y); rewrite /= => e.
set E := exp (2 * y) in g h E0 e.
have m0 : 0 < (1 + t) / 2 by lra.
have a : 0 < E * ((1 + t) / 2) / t by apply: Rdiv_lt_0_compat => //; apply: Rmult_lt_0_compat.
have b : 0 < (2 - E) * ((1 + t) / 2) by apply: Rmult_lt_0_compat; lra.
case: (Req_dec (E * ((1 + t) / 2) / t) 1) => [e1|ne].
  have e2 : E = 2 * t / (1 + t).
    have : E * ((1 + t) / 2) = E * ((1 + t) / 2) / t * t by field; lra.
    rewrite e1 Rmult_1_l.
    by move=> e3; apply: (Rmult_eq_reg_r ((1 + t) / 2)); [rewrite e3; field | ]; lra.
  by rewrite /js_deriv -e2 /E ln_exp; field.
have := Rmult_lt_compat_l _ _ _ t0 (ln_lt_sub1 a ne); have := ln_le_sub1 b.
have -> : t * (E * ((1 + t) / 2) / t - 1) = E * ((1 + t) / 2) - t by field; lra.
lra.
Qed.

(** Idea: the right end of the domain [y < log(2)/2] of [f*]. *)
Theorem js_recession : recession (divergence js) = ln 2 / 2.
Proof. by apply: recession_closed_form => [y /= h|y /= h]; [lra | exists y; split => //; lra]. Qed.

(** ** Jeffreys: [(t - 1) log t]; with [w + log w = 1 - y] (Lambert W), [f* = y + w + 1/w - 2] *)
Lemma lambert_exists z : {w | 0 < w /\ w + ln w = z}.
Proof.
have cont : continuity (fun x => exp x + x - z).
  apply: continuity_minus; last by apply: continuity_const => ? ?.
  by apply: continuity_plus; [exact: derivable_continuous derivable_exp | exact: derivable_continuous derivable_id].
set a := - Rabs z - 1; set b := Rabs z + 1.
have az : exp a + a - z < 0.
  have : exp a < 1 by rewrite -exp_0; apply: exp_increasing; rewrite /a; have := Rabs_pos z; lra.
  rewrite /a; have := Rle_abs (- z); rewrite Rabs_Ropp; lra.
have bz : 0 < exp b + b - z by have := exp_pos b; rewrite /b; have := Rle_abs z; lra.
have [|x [_ e]] := IVT _ a b cont _ az bz; first by rewrite /a /b; have := Rabs_pos z; lra.
by exists (exp x); split; [exact: exp_pos | rewrite ln_exp; lra].
Qed.

Definition lambert (z : R) : R := proj1_sig (lambert_exists z).

Lemma lambertP z : 0 < lambert z /\ lambert z + ln (lambert z) = z.
Proof. by rewrite /lambert; case: lambert_exists. Qed.

Lemma lambert_unique w w' : 0 < w -> 0 < w' -> w + ln w = w' + ln w' -> w = w'.
Proof.
by move=> a b e; case: (Rtotal_order w w') => [l|[//|l]]; [have := ln_increasing _ _ a l | have := ln_increasing _ _ b l]; lra.
Qed.

Definition jeffreys_star y := let w := lambert (1 - y) in y + w + / w - 2.

(** The gap is [t (ln u - 1 + 1/u) + (u - 1 - ln u)], [u = t w]. *)
Lemma jeffreys_gap t y : 0 < t -> let u := t * lambert (1 - y) in 0 < u /\
  (t - 1) * ln t + jeffreys_star y - t * y = t * (ln u - 1 + / u) + (u - 1 - ln u).
Proof.
move=> t0 /=; rewrite /jeffreys_star; have [w0 e] := lambertP (1 - y); set w := lambert (1 - y) in w0 e *.
split; first exact: Rmult_lt_0_compat.
rewrite ln_mult //; have -> : y = 1 - w - ln w by lra.
by field; lra.
Qed.

Lemma jeffreys_w t : 0 < t -> lambert (1 - (ln t + 1 - / t)) = / t.
Proof.
move=> t0; have [w0 e] := lambertP (1 - (ln t + 1 - / t)); apply: lambert_unique => //; first by pos.
by rewrite e ln_Rinv //; lra.
Qed.

Definition jeffreys : fenchel.
Proof.
refine (@Fenchel (fun t => (t - 1) * ln t) p_infty (fun _ => True) jeffreys_star (fun t => ln t + 1 - / t) _ _ _ _ _ _ _).
- ring.
- move=> t y t0 _; have [u0 g] := jeffreys_gap y t0; have := ln_le_sub1 u0; have := ln_ge_inv u0; nra.
- by [].
- move=> t t0; split => //; rewrite /jeffreys_star (jeffreys_w t0) Rinv_inv; field; lra.
- move=> a _; have ap := Rabs_pos a; set t := exp (- (Rabs a + 1)); have t0 : 0 < t by exact: exp_pos.
  exists (ln t + 1 - / t); split => //; rewrite /jeffreys_star (jeffreys_w t0) Rinv_inv /t ln_exp.
  have : exp (- (Rabs a + 1)) < exp 0 by apply: exp_increasing; lra.
  rewrite exp_0.
  have := Rle_abs a; lra.
- move=> y e _ e0; left; have [w0 h] := lambertP (1 - y); exists (/ lambert (1 - y)); split; first by pos.
  rewrite /jeffreys_star; set w := lambert (1 - y) in w0 h *; rewrite ln_Rinv //.
  have -> : y = 1 - w - ln w by lra.
  by have -> : / w * (1 - w - ln w) - (/ w - 1) * - ln w = 1 - w - ln w + w + / w - 2 by [field; lra]; lra.
- by move=> y M [].
Defined.

(** Idea: with [u = t lambert(1 - y)] the gap is two instances of [u - 1 - log u], one of them at [1/u]. *)
Theorem jeffreys_equality : equality_case jeffreys.
Proof.
move=> t y t0 _; split=> [/= e|->]; last by case: (touch jeffreys t0).
have [u0 g] := jeffreys_gap y t0; have [w0 h] := lambertP (1 - y).
case: (Req_dec (t * lambert (1 - y)) 1) => [e1|ne].
  have : lambert (1 - y) = / t by apply: (Rmult_eq_reg_l t); [rewrite Rinv_r |]; lra.
  by move=> ew; move: h; rewrite ew ln_Rinv //; lra.
have := ln_lt_sub1 u0 ne; have := ln_ge_inv u0; nra.
Qed.

(** Idea: [f*] is finite everywhere. *)
Theorem jeffreys_recession : recession (divergence jeffreys) = p_infty.
Proof. by apply: recession_closed_form => // y _; exists y; split => //; lra. Qed.
