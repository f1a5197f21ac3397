(** * The verified checker: soundness

    [check_lower] accepting means that the claim is at most [D^c], [check_upper] that it is at least [D^c]: by T2
    (weak form), with every interval shown to contain the exact real number it stands for. *)
(** Theorems:
    - [valid_denotes]: an accepted divergence is one of the catalogue *)
From Coq Require Import ZArith QArith Qreals.
From ArmorD Require Export T02_weak Catalogue3 Checker.
From Interval Require Import Interval Xreal Basic Float.
Open Scope R_scope.

Definition cont (i : itv) (x : R) : Prop := contains (I.convert i) (Xreal x).

Section Ops.
Variable prec : F.precision.
Notation iZ := (iZ prec).
Notation iQ := (iQ prec).

Lemma c_Z z : cont (iZ z) (IZR z).
Proof. exact: I.fromZ_correct. Qed.

Lemma c_add a b x y : cont a x -> cont b y -> cont (iadd prec a b) (x + y).
Proof. exact: (I.add_correct prec a b (Xreal x) (Xreal y)). Qed.

Lemma c_sub a b x y : cont a x -> cont b y -> cont (isub prec a b) (x - y).
Proof. exact: (I.sub_correct prec a b (Xreal x) (Xreal y)). Qed.

Lemma c_mul a b x y : cont a x -> cont b y -> cont (imul prec a b) (x * y).
Proof. exact: (I.mul_correct prec a b (Xreal x) (Xreal y)). Qed.

Lemma c_div a b x y : y <> 0 -> cont a x -> cont b y -> cont (idiv prec a b) (x / y).
Proof.
move=> ny ha hb; have := I.div_correct prec a b (Xreal x) (Xreal y) ha hb.
by rewrite /= /Xdiv'; case: (is_zero_spec y).
Qed.

Lemma c_exp a x : cont a x -> cont (iexp prec a) (exp x).
Proof. exact: (I.exp_correct prec a (Xreal x)). Qed.

Lemma c_ln a x : 0 < x -> cont a x -> cont (iln prec a) (ln x).
Proof.
move=> x0 ha; have := I.ln_correct prec a (Xreal x) ha.
by rewrite /= /Xln'; case: (is_positive_spec x) => // n; lra.
Qed.

Lemma c_sqrt a x : 0 <= x -> cont a x -> cont (isqrt prec a) (sqrt x).
Proof.
move=> x0 ha; have := I.sqrt_correct prec a (Xreal x) ha.
by rewrite /= /Xsqrt'; case: (is_negative_spec x) => // n; lra.
Qed.

Lemma c_Q q : cont (iQ q) (Q2R q).
Proof.
rewrite /Q2R; apply: (@c_div _ _ (IZR (Qnum q)) (IZR (Z.pos (Qden q)))); [|exact: c_Z|exact: c_Z].
by apply: not_0_IZR.
Qed.

Opaque iadd isub imul idiv iln iexp isqrt Checker.iZ Checker.iQ.

Lemma nonneg_itv_sound i x : nonneg_itv i -> cont i x -> 0 <= x.
Proof.
rewrite /nonneg_itv => h c; have := I.sign_large_correct i; case: (I.sign_large i) h => // _ h.
- by have := h _ c; case=> ->; lra.
- by have [_ /=] := h _ c.
Qed.

Lemma pos_itv_sound i x : pos_itv i -> cont i x -> 0 < x.
Proof.
rewrite /pos_itv => h c; have := I.sign_strict_correct i; case: (I.sign_strict i) h => // _ h.
by have [_ /=] := h _ c.
Qed.

(** ** Exact rationals *)
Lemma qleP a b : Qle_bool a b -> Q2R a <= Q2R b.
Proof. by move=> h; apply: Qle_Rle; apply/Qle_bool_iff. Qed.

Lemma qleN a b : ~~ Qle_bool a b -> Q2R b < Q2R a.
Proof.
move=> /negP n; apply: Qlt_Rlt; apply: Qnot_le_lt => l; apply: n; exact/Qle_bool_iff.
Qed.

Lemma qltP a b : qlt a b -> Q2R a < Q2R b.
Proof. exact: qleN. Qed.

Lemma qltN a b : qlt a b = false -> Q2R b <= Q2R a.
Proof. by rewrite /qlt => /negbFE; exact: qleP. Qed.

Lemma qeqP a b : Qeq_bool a b -> Q2R a = Q2R b.
Proof. by move=> h; apply: Qeq_eqR; exact: Qeq_bool_eq. Qed.

Lemma qaddE a b : Q2R (qadd a b) = Q2R a + Q2R b.
Proof.
rewrite /qadd; case e : (Pos.eqb _ _); last by rewrite (Qeq_eqR _ _ (Qred_correct _)) Q2R_plus.
move/Pos.eqb_eq: e => e; rewrite /Q2R /= e plus_IZR; ring.
Qed.

Lemma Q2R0 : Q2R 0 = 0. Proof. by rewrite /Q2R /=; lra. Qed.
Lemma Q2R1 : Q2R 1 = 1. Proof. by rewrite /Q2R /=; lra. Qed.
Lemma Q2Rhalf : Q2R half = / 2. Proof. by rewrite /Q2R /=; lra. Qed.
Lemma Q2RZ z : Q2R (inject_Z z) = IZR z. Proof. by rewrite /Q2R /=; lra. Qed.

(** ** The catalogue named by [div] *)
Inductive denotes : div -> ffun -> Prop :=
| den_kl : denotes KL (divergence kl)
| den_rkl : denotes ReverseKL (divergence reverse_kl)
| den_pearson : denotes Pearson (divergence pearson)
| den_neyman : denotes Neyman (divergence neyman)
| den_tv : denotes TV (divergence tv)
| den_hellinger : denotes Hellinger (divergence hellinger)
| den_js : denotes JS (divergence js)
| den_triangular : denotes Triangular (divergence triangular)
| den_jeffreys : denotes Jeffreys (divergence jeffreys)
| den_cvar b (h : 0 < Q2R b <= 1) : denotes (CVaR b) (cvar h)
| den_alpha a (h0 : Q2R a <> 0) (h1 : Q2R a <> 1) : denotes (Alpha a) (divergence (alpha h0 h1)).

(** The checker never accepts a parameter out of range. *)
Lemma valid_denotes d : valid d -> exists f, denotes d f.
Proof.
case: d => /=; try (by move=> _; eexists; constructor).
- move=> b /andP [/qltP l /qleP l']; rewrite Q2R0 in l; rewrite Q2R1 in l'.
  by exists (cvar (conj l l')); constructor.
- move=> a /andP [n0 n1].
  have h0 : Q2R a <> 0 by rewrite -Q2R0 => e; move/negP: n0; apply; apply/Qeq_bool_iff; exact: eqR_Qeq.
  have h1 : Q2R a <> 1 by rewrite -Q2R1 => e; move/negP: n1; apply; apply/Qeq_bool_iff; exact: eqR_Qeq.
  by exists (divergence (alpha h0 h1)); constructor.
Qed.

Lemma fdiv_pos Fn t : 0 < t -> f_val (divergence Fn) t = Finite (val Fn t).
Proof. by move=> t0; rewrite /= fval_pos. Qed.

(** ** [f(t)] *)
Lemma fval_sound d f t i : denotes d f -> 0 <= Q2R t -> fval prec d t = Some i -> exists v, f (Q2R t) = Finite v /\ cont i v.
Proof.
have ct := c_Q t; have c1 := c_Z 1; have c2 := c_Z 2; have cm := c_sub ct c1; have cm' := c_sub c1 ct.
move=> den t0; rewrite /fval; case tp : (qlt 0 t).
- have tpos : 0 < Q2R t by have := qltP tp; rewrite Q2R0.
  have nt : Q2R t <> 0 by lra.
  case: den => [|||||||||b h|a h0 h1]; try rewrite (fdiv_pos _ tpos).
  + by case=> <-; eexists; split; [reflexivity | apply: c_mul => //; exact: c_ln].
  + case=> <-; eexists; split; [reflexivity | rewrite [val _ _]/= -(Rminus_0_l (ln _)); apply: c_sub; [exact: c_Z | exact: c_ln]].
  + by case=> <-; eexists; split; [reflexivity | exact: c_mul].
  + by case=> <-; eexists; split; [reflexivity | apply: c_div => //; exact: c_mul].
  + case=> <-; eexists; split; first reflexivity.
    case t1 : (qle 1 t).
      have := qleP t1; rewrite Q2R1 => l; rewrite [val _ _]/= Rabs_pos_eq; last lra.
      by apply: c_div => //; lra.
    have := qleN (negbT t1); rewrite Q2R1 => l; rewrite [val _ _]/= Rabs_left; last lra.
    by rewrite Ropp_minus_distr; apply: c_div => //; lra.
  + by case=> <-; eexists; split; [reflexivity | apply: c_mul; apply: c_sub => //; apply: c_sqrt].
  + case=> <-; eexists; split; first reflexivity; rewrite [val _ _]/= /js_val.
    have ch := c_add c1 ct; apply: c_div; [lra | | exact: c2].
    apply: c_sub; first by apply: c_mul => //; exact: c_ln.
    by apply: c_mul => //; apply: c_ln; [lra | apply: c_div => //; lra].
  + by case=> <-; eexists; split; [reflexivity | apply: c_div; [lra | exact: c_mul | exact: c_add]].
  + by case=> <-; eexists; split; [reflexivity | apply: c_mul => //; exact: c_ln].
  + case e : (qle _ _) => // -[<-]; exists 0; split; last exact: c_Z.
    have := qleP e; rewrite Q2R_mult Q2R1 => l; rewrite /= /cvar_val; case: Rle_dec => // n; case: n.
    by apply: (Rmult_le_reg_r (Q2R b)); [lra | rewrite Rinv_l; lra].
  + case=> <-; eexists; split; first reflexivity; rewrite [val _ _]/= /alpha_val.
    apply: c_div; [exact: aa_neq | | by apply: c_mul; [exact: c_Q | apply: c_sub => //; exact: c_Q]].
    by apply: c_sub => //; rewrite /Rpower; apply: c_exp; apply: c_mul; [exact: c_Q | exact: c_ln].
- have e0 : Q2R t = 0 by have := qltN tp; rewrite Q2R0; lra.
  rewrite e0; case: den => [|||||||||b h|a h0 h1] //; try rewrite [f_val (divergence _) 0]fval_zero.
  + by case=> <-; exists 0; split => //; exact: c_Z.
  + by case=> <-; exists 1; split => //; exact: c_Z.
  + by case=> <-; exists (/2); split => //; rewrite -Q2Rhalf; exact: c_Q.
  + by case=> <-; exists 1; split => //; exact: c_Z.
  + case=> <-; exists (ln 2 / 2); split => //.
    by apply: c_div; [lra | apply: c_ln; [lra | exact: c2] | exact: c2].
  + by case=> <-; exists 1; split => //; exact: c_Z.
  + case=> <-; exists 0; split; last exact: c_Z.
    rewrite /= /cvar_val; case: Rle_dec => // n; case: n; left; apply: Rinv_0_lt_compat; lra.
  + case a0 : (qlt 0 a) => // -[<-]; have := qltP a0; rewrite Q2R0 => l.
    rewrite /= /alpha_val0; case: Rlt_dec => [l'|n] /=; first lra.
    eexists; split; first reflexivity; rewrite -Rminus_0_l; apply: c_sub; first exact: c_Z.
    rewrite -(Rmult_1_l (/ _)); apply: c_div; [exact: aa_neq | exact: c1 |].
    by apply: c_mul; [exact: c_Q | apply: c_sub => //; exact: c_Q].
Qed.

(** ** [f*(y)] *)
Lemma star_conj Fn y : dom Fn y -> conjugate (divergence Fn) y = Finite (star Fn y).
Proof. by have [h _] := conjugate_closed_form Fn y. Qed.

Lemma lambert_mono w z : 0 < w -> w + ln w <= z -> w <= lambert z.
Proof.
move=> w0 h; have [l0 e] := lambertP z; apply: Rnot_lt_le => l; have := ln_increasing _ _ l0 l; lra.
Qed.

Lemma lambert_mono' w z : 0 < w -> z <= w + ln w -> lambert z <= w.
Proof.
move=> w0 h; have [l0 e] := lambertP z; apply: Rnot_lt_le => l; have := ln_increasing _ _ w0 l; lra.
Qed.

Lemma lambert_itv_sound z i : lambert_itv prec z = Some i -> cont i (lambert (Q2R z)).
Proof.
rewrite /lambert_itv; set w := iter _ _ _; set a := Qred (w * (1 - tiny)); set b := Qred (w * (1 + tiny)).
case: ifP => // /andP [/andP [/andP [/qltP a0 /qleP ab] na] nb] [<-]; rewrite Q2R0 in a0.
have b0 : 0 < Q2R b by lra.
have ca := c_Q a; have cb := c_Q b; have cz := c_Q z.
have ha := nonneg_itv_sound na (c_sub cz (c_add ca (c_ln a0 ca))).
have hb := nonneg_itv_sound nb (c_sub (c_add cb (c_ln b0 cb)) cz).
have la : Q2R a <= lambert (Q2R z) by apply: lambert_mono; lra.
have lb : lambert (Q2R z) <= Q2R b by apply: lambert_mono'; lra.
have ja : contains (I.convert (I.join (iQ a) (iQ b))) (Xreal (Q2R a)) by apply: I.join_correct; left.
have jb : contains (I.convert (I.join (iQ a) (iQ b))) (Xreal (Q2R b)) by apply: I.join_correct; right.
exact: (contains_connected _ _ _ ja jb _ (conj la lb)).
Qed.

Lemma fstar_sound d f y i : denotes d f -> fstar prec d y = Some i -> exists v, conjugate f (Q2R y) = Finite v /\ cont i v.
Proof.
have cy := c_Q y; have c1 := c_Z 1; have c2 := c_Z 2; have c4 := c_Z 4; have c0 := c_Z 0.
have c1y : cont (iQ (1 - y)) (1 - Q2R y) by rewrite -Q2R1 -Q2R_minus; exact: c_Q.
rewrite /fstar; case=> [|||||||||b h|a h0 h1].
- by case=> <-; eexists; split; [exact: (@star_conj kl) | apply: c_exp; exact: c_sub].
- case e : (qlt _ _) => // -[<-]; have := qltP e; rewrite Q2R0 => l.
  exists (-1 - ln (- Q2R y)); split; first by rewrite (@star_conj reverse_kl).
  have -> : -1 = 0 - 1 by ring.
  by apply: c_sub; [exact: c_sub | apply: c_ln; [lra | rewrite -Rminus_0_l; exact: c_sub]].
- case=> <-; eexists; split; first exact: (@star_conj pearson).
  rewrite /= /pearson_star; have e2 : Q2R (-(2)) = -2 by rewrite /Q2R /=; lra.
  case e : (qle _ _).
    have := qleP e; rewrite e2; case: Rle_dec => //= _ _.
    by apply: c_add => //; apply: c_div; [lra | exact: c_mul | exact: c4].
  by have := qleN (negbT e); rewrite e2; case: Rle_dec => /= h; [lra | move=> _; exact: c_Z].
- case e : (qle _ _) => // -[<-]; have := qleP e; rewrite Q2R1 => l.
  exists (2 - 2 * sqrt (1 - Q2R y)); split; first by rewrite (@star_conj neyman).
  by apply: c_sub => //; apply: c_mul => //; apply: c_sqrt => //; lra.
- case e : (qle y half) => // -[<-]; have := qleP e; rewrite Q2Rhalf => l.
  exists (Rmax (Q2R y) (- / 2)); split; first by rewrite (@star_conj tv).
  have eh : Q2R (- half) = - / 2 by rewrite Q2R_opp Q2Rhalf.
  case e' : (qle y (- half)).
    by have := qleP e'; rewrite eh => l'; rewrite Rmax_right // -eh; exact: c_Q.
  by have := qleN (negbT e'); rewrite eh => l'; rewrite Rmax_left //; lra.
- case e : (qlt _ _) => // -[<-]; have := qltP e; rewrite Q2R1 => l.
  exists (Q2R y / (1 - Q2R y)); split; first by rewrite (@star_conj hellinger).
  by apply: c_div; [lra | exact: cy | exact: c_sub].
- case e : (pos_itv _) => // -[<-].
  have ce : cont (isub prec (iZ 2) (iexp prec (imul prec (iZ 2) (iQ y)))) (2 - exp (2 * Q2R y)).
    by apply: c_sub => //; apply: c_exp; exact: c_mul.
  have l := pos_itv_sound e ce.
  exists (- ln (2 - exp (2 * Q2R y)) / 2); split.
    by rewrite (@star_conj js) //; apply/js_dom; lra.
  by apply: c_div; [lra | rewrite -Rminus_0_l; apply: c_sub => //; exact: c_ln | exact: c2].
- case e : (qle y 1) => // -[<-]; have := qleP e; rewrite Q2R1 => l.
  eexists; split; first exact: (@star_conj triangular).
  rewrite /= /triangular_star; have e3 : Q2R (-(3)) = -3 by rewrite /Q2R /=; lra.
  case e' : (qle _ y).
    have := qleP e'; rewrite e3; case: Rle_dec => //= _ _.
    by apply: c_sub => //; apply: c_sub => //; apply: c_mul => //; apply: c_sqrt => //; lra.
  by have := qleN (negbT e'); rewrite e3; case: Rle_dec => /= h; [lra | move=> _; exact: c_Z].
- case e : (lambert_itv _ _) => [w|] // -[<-]; have := lambert_itv_sound e; rewrite Q2R_minus Q2R1 => cw.
  exists (jeffreys_star (Q2R y)); split; first exact: (@star_conj jeffreys).
  rewrite /jeffreys_star; have [w0 _] := lambertP (1 - Q2R y).
  apply: c_sub => //; apply: c_add; first exact: c_add.
  have -> : / lambert (1 - Q2R y) = 1 / lambert (1 - Q2R y) by field; lra.
  by apply: c_div => //; lra.
- case=> <-; eexists; split; first exact: cvar_conjugate.
  case e : (qle _ _).
    have := qleP e; rewrite Q2R0 => l; rewrite Rmax_right // (_ : 0 / Q2R b = 0); [exact: c_Z | rewrite /Rdiv; ring].
  have := qleN (negbT e); rewrite Q2R0 => l; rewrite Rmax_left; last lra.
  rewrite -Q2R_div; first exact: c_Q.
  by move=> eb; have := Qeq_eqR _ _ eb; rewrite Q2R0; lra.
- have ca := c_Q a; have cc : cont (idiv prec (iZ 1) (imul prec (iQ a) (isub prec (iQ a) (iZ 1)))) (/ (Q2R a * (Q2R a - 1))).
    rewrite -(Rmult_1_l (/ _)); apply: c_div => //; first exact: aa_neq.
    by apply: c_mul => //; exact: c_sub.
  have ez : Q2R ((a - 1) * y) = (Q2R a - 1) * Q2R y by rewrite Q2R_mult Q2R_minus Q2R1.
  case e : (qlt _ _).
    case=> <-; have := qltP e; rewrite Q2R0 ez => l.
    have dm : dom (alpha h0 h1) (Q2R y).
      rewrite /= /alpha_dom; case: (Rlt_dec 1 (Q2R a)) => ?; first by left.
      by right; case: (Rlt_dec (Q2R a) 0) => ?; [right | left]; repeat split; nra.
    eexists; split; first exact: star_conj dm.
    rewrite /= /alpha_star; case: Rlt_dec => //= _; apply: c_add => //; apply: c_div => //.
    rewrite /Rpower; apply: c_exp; apply: c_mul; first by apply: c_div; [exact: a_neq | exact: ca | exact: c_sub].
    by apply: c_ln => //; rewrite -ez; exact: c_Q.
  case e' : (_ || _) => // -[<-]; have := qltN e; rewrite Q2R0 ez => l.
  have dm : dom (alpha h0 h1) (Q2R y).
    rewrite /= /alpha_dom; case/orP: e' => [/qltP|/andP [/qltP l1 /qleP l2]]; first by rewrite Q2R1; left.
    by right; right; rewrite Q2R0 in l1 l2.
  eexists; split; first exact: star_conj dm.
  by rewrite /= alpha_star_out //; lra.
Qed.
End Ops.
