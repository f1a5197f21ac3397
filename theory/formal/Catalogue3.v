(** * The catalogue, end: the alpha family for every real [alpha] other than 0 and 1, and CVaR *)
(** Theorems:
    - [alpha_equality]: alpha: equality case of Fenchel-Young
    - [alpha_recession]: alpha: the recession slope f'(oo)
    - [cvar_conjugate]: CVaR: f* = max(y, 0)/beta
    - [cvar_equality]: cvar: equality case of Fenchel-Young
    - [cvar_recession]: cvar: the recession slope f'(oo) *)
From ArmorD Require Export Catalogue2.
From Coquelicot Require Import Hierarchy Derive AutoDerive.

(** ** Bernoulli's inequality for a real exponent: [(u^a - 1 - a(u - 1))/(a(a - 1)) > 0] for [u <> 1], with
    [u = e^x].  Idea: the derivative in [x] has the sign of [x]. *)
Section Alpha.
Variable a : R.
Hypotheses (a0 : a <> 0) (a1 : a <> 1).

Definition bernoulli x := (exp (a * x) - 1 - a * (exp x - 1)) / (a * (a - 1)).
Definition bernoulli' x := exp x * ((exp ((a - 1) * x) - 1) / (a - 1)).

Lemma a_neq : a - 1 <> 0. Proof. lra. Qed.
Lemma aa_neq : a * (a - 1) <> 0. Proof. by apply: Rmult_integral_contrapositive; split => //; exact: a_neq. Qed.

Lemma bernoulli_derive x : derivable_pt_lim bernoulli x (bernoulli' x).
Proof.
apply/is_derive_Reals; rewrite /bernoulli /bernoulli'; auto_derive => //.
have -> : (a - 1) * x = a * x + - x by ring.
rewrite exp_plus exp_Ropp; have := exp_pos x => ?; have := a_neq => ?; field; lra.
Qed.

Lemma slope_sign x : x <> 0 -> 0 < (exp ((a - 1) * x) - 1) / (a - 1) * x.
Proof.
move=> x0; have n := a_neq; have h : (a - 1) * x <> 0 by apply: Rmult_integral_contrapositive.
set z := (a - 1) * x in h *.
have e : (exp z - 1) / (a - 1) * x = (exp z - 1) * z / ((a - 1) * (a - 1)) by rewrite /z; field.
rewrite e; apply: Rdiv_lt_0_compat; last by have := Rlt_0_sqr _ n.
case: (Rdichotomy _ _ h) => l.
- by have : exp z < exp 0 by [exact: exp_increasing]; rewrite exp_0; nra.
- by have : exp 0 < exp z by [exact: exp_increasing]; rewrite exp_0; nra.
Qed.

Lemma bernoulli_zero : bernoulli 0 = 0.
Proof. by rewrite /bernoulli Rmult_0_r exp_0; field; split; [exact: a_neq |]. Qed.

Lemma bernoulli_pos x : x <> 0 -> 0 < bernoulli x.
Proof.
move=> x0; case: (Rdichotomy _ _ x0) => l.
- have [c [e [c1 c2]]] := MVT_cor2 bernoulli bernoulli' x 0 l (fun c _ => bernoulli_derive c).
  have c0 : c <> 0 by lra.
  have := slope_sign c0; have := exp_pos c; rewrite bernoulli_zero /bernoulli' in e => e1 h.
  set s := (exp ((a - 1) * c) - 1) / (a - 1) in e h.
  have : s < 0 by nra.
  have -> : bernoulli x = exp c * s * x by lra.
  by move=> s0; have : 0 < exp c * (s * x) by [apply: Rmult_lt_0_compat => //; nra]; lra.
- have [c [e [c1 c2]]] := MVT_cor2 bernoulli bernoulli' 0 x l (fun c _ => bernoulli_derive c).
  have c0 : c <> 0 by lra.
  have := slope_sign c0; have := exp_pos c; rewrite bernoulli_zero /bernoulli' in e => e1 h.
  set s := (exp ((a - 1) * c) - 1) / (a - 1) in e h.
  have : 0 < s by nra.
  have -> : bernoulli x = exp c * s * x by lra.
  by move=> s0; have : 0 < exp c * (s * x) by [apply: Rmult_lt_0_compat => //; nra]; lra.
Qed.

Lemma bernoulli_ge0 x : 0 <= bernoulli x.
Proof. by case: (Req_dec x 0) => [->|/bernoulli_pos]; rewrite ?bernoulli_zero; lra. Qed.

(** ** Alpha: [(t^a - 1)/(a(a - 1))] *)
Definition alpha_val t := (Rpower t a - 1) / (a * (a - 1)).
Definition alpha_val0 : Rbar := if Rlt_dec a 0 then p_infty else Finite (- / (a * (a - 1))).
Definition alpha_dom y := (1 < a) \/ (0 < a /\ a < 1 /\ y < 0) \/ (a < 0 /\ y <= 0).
(** [((a - 1) y)^(a/(a - 1))/a + 1/(a(a - 1))] where [(a - 1) y > 0], the constant elsewhere. *)
Definition alpha_star y :=
  (if Rlt_dec 0 ((a - 1) * y) then Rpower ((a - 1) * y) (a / (a - 1)) / a else 0) + / (a * (a - 1)).
Definition alpha_deriv t := Rpower t (a - 1) / (a - 1).

(** The maximiser [s = ((a - 1) y)^(1/(a - 1))], in logarithms. *)
Definition alpha_log y := ln ((a - 1) * y) / (a - 1).

Lemma alpha_log_exp y : 0 < (a - 1) * y -> exp ((a - 1) * alpha_log y) = (a - 1) * y.
Proof.
move=> h; rewrite /alpha_log (_ : (a - 1) * (ln ((a - 1) * y) / (a - 1)) = ln ((a - 1) * y)) ?exp_ln //.
by field; exact: a_neq.
Qed.

Lemma alpha_star_in y : 0 < (a - 1) * y -> alpha_star y = exp (a * alpha_log y) / a + / (a * (a - 1)).
Proof.
move=> h; rewrite /alpha_star; case: Rlt_dec => // _ /=; rewrite /Rpower /alpha_log.
by do 3 f_equal; field; exact: a_neq.
Qed.

Lemma alpha_star_out y : ~ 0 < (a - 1) * y -> alpha_star y = / (a * (a - 1)).
Proof. by rewrite /alpha_star; case: Rlt_dec => //= _ _; ring. Qed.

Lemma alpha_gap t y : 0 < t -> 0 < (a - 1) * y ->
  alpha_val t + alpha_star y - t * y = exp (a * alpha_log y) * bernoulli (ln t - alpha_log y).
Proof.
move=> t0 h; rewrite alpha_star_in // /alpha_val /Rpower /bernoulli; set S := alpha_log y.
have -> : y = exp ((a - 1) * S) / (a - 1) by rewrite alpha_log_exp //; field; exact: a_neq.
rewrite -{2}(exp_ln t t0); set T := ln t.
have -> : a * T = a * S + a * (T - S) by ring.
have -> : T = S + (T - S) by ring.
have -> : S + (T - S) - S = T - S by ring.
have -> : (a - 1) * S = a * S + - S by ring.
rewrite !exp_plus exp_Ropp; have := exp_pos S => ?; have := a_neq => ?.
by field; lra.
Qed.

Lemma alpha_out t y : 0 < t -> alpha_dom y -> ~ 0 < (a - 1) * y -> 0 < alpha_val t + alpha_star y - t * y.
Proof.
move=> t0 d n; rewrite alpha_star_out // /alpha_val.
have -> : (Rpower t a - 1) / (a * (a - 1)) + / (a * (a - 1)) - t * y = Rpower t a / (a * (a - 1)) - t * y.
  by field; split; [exact: a_neq |].
have e := exp_pos (a * ln t); rewrite -/(Rpower t a) in e.
have aa : 0 < a * (a - 1) by case: d => [l|[[l [l' l'']]|[l l']]]; nra.
have := Rdiv_lt_0_compat _ _ e aa; suff : y <= 0 by nra.
by case: d => [l|[[l [l' l'']]|[l l']]]; nra.
Qed.

Lemma alpha_dom_deriv t : 0 < t -> alpha_dom (alpha_deriv t) /\ 0 < (a - 1) * alpha_deriv t.
Proof.
move=> t0; have e := exp_pos ((a - 1) * ln t); rewrite -/(Rpower t (a - 1)) in e.
have h : (a - 1) * alpha_deriv t = Rpower t (a - 1) by rewrite /alpha_deriv; field; exact: a_neq.
split; last by rewrite h.
rewrite -h in e; case: (Rlt_dec 1 a) => l; first by left.
by right; case: (Rlt_dec a 0) => l'; [right | left]; repeat split; nra.
Qed.

Lemma alpha_log_deriv t : 0 < t -> alpha_log (alpha_deriv t) = ln t.
Proof.
move=> t0; rewrite /alpha_log (_ : (a - 1) * alpha_deriv t = exp ((a - 1) * ln t)) ?ln_exp.
  by field; exact: a_neq.
by rewrite /alpha_deriv /Rpower; field; exact: a_neq.
Qed.

(** A slope with a prescribed value of [s^a]. *)
Lemma alpha_choose v : 0 < v -> (a < 1 \/ 1 < a) -> exists y, [/\ alpha_dom y, 0 < (a - 1) * y & exp (a * alpha_log y) = v].
Proof.
move=> v0 _; have t0 := exp_pos (ln v / a); have [d h] := alpha_dom_deriv t0.
exists (alpha_deriv (exp (ln v / a))); split => //; rewrite alpha_log_deriv // ln_exp.
by rewrite (_ : a * (ln v / a) = ln v) ?exp_ln //; field.
Qed.

Lemma a_side : a < 1 \/ 1 < a. Proof. by case: (Rdichotomy _ _ a1); [left | right]. Qed.

Definition alpha : fenchel.
Proof.
refine (@Fenchel alpha_val alpha_val0 alpha_dom alpha_star alpha_deriv _ _ _ _ _ _ _).
- by rewrite /alpha_val /Rpower ln_1 Rmult_0_r exp_0; field; split; [exact: a_neq |].
- move=> t y t0 d; case: (Rlt_dec 0 ((a - 1) * y)) => h; last by have := alpha_out t0 d h; lra.
  have := alpha_gap t0 h; have := exp_pos (a * alpha_log y); have := bernoulli_ge0 (ln t - alpha_log y); nra.
- move=> y d; rewrite /alpha_val0; case: Rlt_dec => //= n.
  have ap : 0 < a by lra.
  case: (Rlt_dec 0 ((a - 1) * y)) => h; last by rewrite alpha_star_out //; lra.
  by rewrite alpha_star_in //; have := Rdiv_lt_0_compat _ _ (exp_pos (a * alpha_log y)) ap; lra.
- move=> t t0; have [d h] := alpha_dom_deriv t0; split => //.
  have := alpha_gap t0 h; rewrite alpha_log_deriv // Rminus_eq_0 bernoulli_zero; lra.
- move=> b; rewrite /alpha_val0; case: Rlt_dec => /= [n _|n l].
    have v0 : 0 < (Rabs b + Rabs (/ (a * (a - 1))) + 1) * - a.
      by apply: Rmult_lt_0_compat; have := Rabs_pos b; have := Rabs_pos (/ (a * (a - 1))); lra.
    have [y [d h e]] := alpha_choose v0 a_side; exists y; split => //.
    rewrite alpha_star_in // e.
    have -> : (Rabs b + Rabs (/ (a * (a - 1))) + 1) * - a / a = - (Rabs b + Rabs (/ (a * (a - 1))) + 1) by field.
    have := Rle_abs b; have := Rle_abs (/ (a * (a - 1))); lra.
  have v0 : 0 < a * ((- / (a * (a - 1)) - b) / 2) by apply: Rmult_lt_0_compat; lra.
  have [y [d h e]] := alpha_choose v0 a_side; exists y; split => //.
  rewrite alpha_star_in // e.
  have -> : a * ((- / (a * (a - 1)) - b) / 2) / a = (- / (a * (a - 1)) - b) / 2 by field; split; [exact: a_neq |].
  lra.
- move=> y e d e0; case: (Rlt_dec 0 ((a - 1) * y)) => h.
    left; exists (exp (alpha_log y)); split; first exact: exp_pos.
    have := alpha_gap (exp_pos (alpha_log y)) h; rewrite ln_exp Rminus_eq_0 bernoulli_zero; lra.
  rewrite alpha_star_out // /alpha_val0; case: Rlt_dec => /= n; last by right; lra.
  have y0 : y = 0 by case: d => [l|[[l [l' l'']]|[l l']]]; nra.
  have aa : 0 < a * (a - 1) by nra.
  left; exists (exp (ln (e * (a * (a - 1))) / a)); split; first exact: exp_pos.
  rewrite /alpha_val /Rpower ln_exp y0 (_ : a * (ln (e * (a * (a - 1))) / a) = ln (e * (a * (a - 1)))); last by field.
  rewrite exp_ln; last by apply: Rmult_lt_0_compat.
  have -> : (e * (a * (a - 1)) - 1) / (a * (a - 1)) = e - / (a * (a - 1)) by field; split; [exact: a_neq |].
  lra.
- move=> y M n; have mp := Rabs_pos M; have mle := Rle_abs M.
  have l1 : a < 1 by case: a_side => // l; case: n; left.
  case: (Rlt_dec 0 a) => l.
    have y0 : 0 <= y by apply: Rnot_lt_le => l'; apply: n; right; left.
    have aa : 0 < a * (1 - a) by nra.
    have v0 : 0 < 1 + (Rabs M) * (a * (1 - a)) by nra.
    exists (exp (ln (1 + Rabs M * (a * (1 - a))) / a)); split; first exact: exp_pos.
    rewrite /alpha_val /Rpower ln_exp (_ : a * (ln (1 + Rabs M * (a * (1 - a))) / a) = ln (1 + Rabs M * (a * (1 - a)))); last by field.
    rewrite exp_ln //.
    have -> : (1 + Rabs M * (a * (1 - a)) - 1) / (a * (a - 1)) = - Rabs M by field; split; [exact: a_neq |].
    have := exp_pos (ln (1 + Rabs M * (a * (1 - a))) / a); nra.
  have an : a < 0 by lra.
  have y0 : 0 < y by apply: Rnot_le_lt => l'; apply: n; right; right.
  have aa : 0 < a * (a - 1) by nra.
  exists (1 + Rabs M / y); have i : 0 <= Rabs M / y by apply: ratio_ge0.
  split; first lra.
  have : alpha_val (1 + Rabs M / y) <= 0.
    rewrite /alpha_val /Rdiv -(Rmult_0_l (/ (a * (a - 1)))); apply: Rmult_le_compat_r.
      by left; apply: Rinv_0_lt_compat.
    have : exp (a * ln (1 + Rabs M / y)) <= exp 0.
      have : 0 <= ln (1 + Rabs M / y).
        by have := @ln_ge_inv (1 + Rabs M / y); have : / (1 + Rabs M / y) <= / 1 by [apply: Rinv_le_contravar; lra]; rewrite Rinv_1; lra.
      move=> ?; case: (Rle_lt_or_eq_dec (a * ln (1 + Rabs M / y)) 0); first nra.
        by move=> ?; apply: Rlt_le; exact: exp_increasing.
      by move=> ->; lra.
    by rewrite exp_0 /Rpower /Rdiv; lra.
  have -> : (1 + Rabs M / y) * y = y + Rabs M by field; lra.
  lra.
Defined.

(** Idea: the gap is Bernoulli's, zero only where [t^(a - 1) = (a - 1) y]. *)
Theorem alpha_equality : equality_case alpha.
Proof.
move=> t y t0 d; split=> [/= e|->]; last by case: (touch alpha t0).
case: (Rlt_dec 0 ((a - 1) * y)) => h; last by have := alpha_out t0 d h; lra.
have g := alpha_gap t0 h; case: (Req_dec (ln t - alpha_log y) 0) => [z|/bernoulli_pos b].
  rewrite /alpha_deriv /Rpower (_ : ln t = alpha_log y) ?alpha_log_exp //; last lra.
  by field; exact: a_neq.
by have := Rmult_lt_0_compat _ _ (exp_pos (a * alpha_log y)) b; lra.
Qed.

(** Idea: the right end of the domain of [f*], which is everything for [a > 1] and ends at 0 for [a < 1]. *)
Theorem alpha_recession : recession (divergence alpha) = if Rlt_dec 1 a then p_infty else 0.
Proof.
case: Rlt_dec => l /=.
  by apply: recession_closed_form => // y _; exists y; split; [lra | left].
apply: recession_closed_form => [y /= [|[[_ [_ ?]]|[_ ?]]]|y /= y0]; try lra.
by exists y; split; [lra | right; case: (Rlt_dec 0 a) => ?; [left | right]; repeat split; lra].
Qed.
End Alpha.

(** ** CVaR at level [b]: 0 on [0, 1/b], [+oo] beyond; [f* = max(y, 0)/b] *)
Section CVaR.
Variable b : R.
Hypothesis b01 : 0 < b <= 1.

Definition cvar_val (t : R) : Rbar := if Rle_dec t (/ b) then Finite 0 else p_infty.

Lemma cvar_one : cvar_val 1 = 0.
Proof.
rewrite /cvar_val; case: Rle_dec => // n; case: n; rewrite -Rinv_1; apply: Rinv_le_contravar; lra.
Qed.

Lemma cvar_minorants t v : 0 <= t -> Rbar_lt (Finite v) (cvar_val t) ->
  exists y d, (forall s, 0 <= s -> Rbar_le (s * y - d) (cvar_val s)) /\ v < t * y - d.
Proof.
move=> t0; rewrite /cvar_val; case: Rle_dec => /= [h v0|h _].
  by exists 0, 0; split=> [s s0|]; [case: Rle_dec => //= _; lra | lra].
have l : 0 < t - / b by lra.
have [Y [Y0 eY]] : exists Y, 0 <= Y /\ (t - / b) * Y = Rabs v + 1.
  exists ((Rabs v + 1) / (t - / b)); split; last by rewrite Rmult_comm /Rdiv Rmult_assoc Rinv_l; lra.
  by apply: ratio_ge0 => //; have := Rabs_pos v; lra.
exists Y, (Y * / b); split=> [s s0|]; last by have := Rle_abs v; lra.
case: (Rle_dec s (/ b)) => //= hs.
have : 0 <= Y * (/ b - s) by apply: Rmult_le_pos; lra.
lra.
Qed.

Definition cvar : ffun := FFun cvar_minorants cvar_one.

(** Idea: a linear function on [[0, 1/b]] is largest at an end. *)
Theorem cvar_conjugate y : conjugate cvar y = Rmax y 0 / b.
Proof.
have i : 0 < / b by apply: Rinv_0_lt_compat; lra.
apply: Rbar_le_antisym.
  apply/conjugate_le => t v t0; rewrite /= /cvar_val; case: Rle_dec => //= h [<-].
  by rewrite /Rdiv /Rmax; case: Rle_dec => hy; nra.
rewrite /Rmax; case: Rle_dec => hy.
  apply: (Rbar_le_trans _ (Rbar_minus (0 * y) (cvar 0))); last by apply: Sup_ge; exists 0; split => //; lra.
  by rewrite /= /cvar_val; case: Rle_dec => h /=; [rewrite /Rdiv; lra | lra].
apply: (Rbar_le_trans _ (Rbar_minus (/ b * y) (cvar (/ b)))); last by apply: Sup_ge; exists (/ b); split => //; lra.
by rewrite /= /cvar_val; case: Rle_dec => h /=; [rewrite /Rdiv; lra | lra].
Qed.

(** Idea: the maximum of [t y] on [[0, 1/b]] sits at the end that the sign of [y] picks. *)
Theorem cvar_equality t y : 0 <= t <= / b ->
  (t * y = Rmax y 0 / b <-> (0 < y -> t = / b) /\ (y < 0 -> t = 0)).
Proof.
have i : 0 < / b by apply: Rinv_0_lt_compat; lra.
move=> ht; rewrite /Rmax /Rdiv; case: Rle_dec => hy; split.
- by move=> e; split => ?; nra.
- by move=> [_ h]; case: (Rle_lt_or_eq_dec _ _ hy) => [/h ->|->]; ring.
- by move=> e; split => ?; [apply: (Rmult_eq_reg_r y); lra | lra].
- by move=> [h _]; rewrite h; [ring | lra].
Qed.

(** Idea: [f] is infinite beyond [1/b]. *)
Theorem cvar_recession : recession cvar = p_infty.
Proof.
have i : 1 <= / b by rewrite -{1}Rinv_1; apply: Rinv_le_contravar; lra.
apply: Rbar_le_antisym; first by case: (recession cvar).
have t1 : 1 < / b + 1 by lra.
suff <- : Rbar_mult (/ (/ b + 1 - 1)) (cvar (/ b + 1)) = p_infty by apply: Sup_ge; exists (/ b + 1).
rewrite /= /cvar_val; case: Rle_dec => h /=; first lra.
by apply: mult_pinf; apply: Rinv_0_lt_compat; lra.
Qed.
End CVaR.
