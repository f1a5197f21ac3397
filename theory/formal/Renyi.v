(** * Rényi: [R_a(P || eta) = log (sum_i p_i^a eta_i^(1-a)) / (a (a - 1))], [a > 0], [a <> 1]

    [R_a(P || .)] is a closed convex nonnegative function of [eta] that vanishes at [P], so the strong duality of
    D^c (T2) and of the DRO value (T6) holds for it.  Idea: a supremum of affine functions, because
    [log] lies below its tangents when [a < 1], and because of Jensen's inequality for [exp] when [a > 1]. *)
(** Theorems:
    - [renyi_nonneg]: it is nonnegative
    - [renyi_self]: it vanishes at P
    - [renyi_closed]: Renyi's divergence is a closed convex function of eta, for every order a > 0 other than 1,
      both modes
    - [renyi_young]: Fenchel-Young for Renyi's divergence: masses eta against any r = rho - h >= 0
    - [T10_weak_duality]: every rho above h bounds the re-weighting step of Renyi's divergence, by the integrand of
      T10
    - [T28_renyi_alpha]: exp(a (a - 1) R_a(P||eta)) = 1 + a (a - 1) D_{alpha(1 - a)}(eta||P)
    - [T2_renyi_strong_duality]: strong duality of D^c for Renyi's divergence
    - [T6_renyi_strong_duality]: strong duality of the DRO value for Renyi's divergence, lambda attained *)
From ArmorD Require Export T07_strong.

Section Renyi.
Context {X : finType} (a : R) (m : support) (p : X -> R).
Hypotheses (a0 : 0 < a) (a1 : a <> 1) (pp : prob p).

(** [p_i^a eta_i^(1-a)], with [0^(1-a)] infinite for [a > 1]; outside the support of [P] nothing in mode "space",
    forbidden in mode "reference". *)
Definition renyi_term (eta : X -> R) x : Rbar :=
  if Rlt_dec 0 (p x) then
    if Rlt_dec 0 (eta x) then Finite (Rpower (p x) a * Rpower (eta x) (1 - a))
    else if Rlt_dec a 1 then Finite 0 else p_infty
  else if m is Space then Finite 0 else if Req_EM_T (eta x) 0 then Finite 0 else p_infty.

Definition renyi (eta : X -> R) : Rbar :=
  match esum (renyi_term eta) with
  | Finite v => if Rlt_dec 0 v then Finite (ln v / (a * (a - 1))) else p_infty
  | _ => p_infty
  end.

Let p0 : forall x, 0 <= p x := proj1 pp.
Let p1 : sum p = 1 := proj2 pp.

Lemma power_pos u v : 0 < Rpower u v. Proof. exact: exp_pos. Qed.

(** The tangent of [t^(1-a)] at 1, from [exp z >= 1 + z]. *)
Lemma exp_ge z : 1 + z <= exp z. Proof. exact: exp_ineq1_le. Qed.

Lemma ln_le r : 0 < r -> ln r <= r - 1.
Proof. by move=> r0; have := exp_ge (ln r); rewrite exp_ln //; lra. Qed.

Lemma power_tangent_below r : 1 < a -> 0 < r -> exp ((1 - a) * (r - 1)) <= Rpower r (1 - a).
Proof.
move=> ag r0; rewrite /Rpower; case: (Rle_lt_or_eq_dec _ _ (ln_le r0)) => [l|<-]; last exact: Rle_refl.
by left; apply: exp_increasing; nra.
Qed.

Lemma power_tangent_above r : a < 1 -> 0 < r -> Rpower r (1 - a) <= 1 + (1 - a) * (r - 1).
Proof.
(* [r = e^z r^a] with [z = (1-a) ln r]; [exp z >= 1 + z] at [- z] and at [a ln r]. *)
move=> al r0; rewrite /Rpower; set z := (1 - a) * ln r.
have er : r = exp z * exp (a * ln r) by rewrite -exp_plus /z -{1}(exp_ln r) //; congr exp; ring.
have h1 : 1 + a * ln r <= exp (a * ln r) by exact: exp_ge.
have h2 : 1 - z <= exp (- z) by have := exp_ge (- z); lra.
have ez := exp_pos z; have e1 : exp z * exp (- z) = 1 by rewrite -exp_plus Rplus_opp_r exp_0.
have k1 : exp z * (1 - z) <= 1 by rewrite -e1; apply: Rmult_le_compat_l; lra.
have k2 : exp z * (1 + a * ln r) <= r by rewrite {2}er; apply: Rmult_le_compat_l; lra.
have -> : exp z = a * (exp z * (1 - z)) + (1 - a) * (exp z * (1 + a * ln r)) by rewrite /z; ring.
nra.
Qed.

(** Finite values: the sum is over the support, with positive densities where they are needed. *)
Definition renyi_real (eta : X -> R) x : R :=
  if Rlt_dec 0 (p x) then if Rlt_dec 0 (eta x) then Rpower (p x) a * Rpower (eta x) (1 - a) else 0 else 0.

Lemma renyi_real_ge0 eta x : 0 <= renyi_real eta x.
Proof.
rewrite /renyi_real; case: Rlt_dec => /= _; last lra.
by case: Rlt_dec => /= _; [apply: Rmult_le_pos; left; exact: power_pos | lra].
Qed.

Definition renyi_dom (eta : X -> R) : Prop :=
  [/\ forall x, 0 < p x -> 1 < a -> 0 < eta x, m = Reference -> forall x, p x = 0 -> eta x = 0 & 0 < sum (renyi_real eta)].

Lemma renyi_finite eta v : (forall x, 0 <= eta x) -> renyi eta = Finite v ->
  renyi_dom eta /\ v = ln (sum (renyi_real eta)) / (a * (a - 1)).
Proof.
move=> e0; rewrite /renyi; case E : (esum (renyi_term eta)) => [s||] //.
case: Rlt_dec => //= sp [<-]; move/esum_finite: E => [fin es].
have R x : real (renyi_term eta x) = renyi_real eta x.
  rewrite /renyi_term /renyi_real; case: Rlt_dec => /= _.
    by case: Rlt_dec => //= _; case: Rlt_dec.
  by case: m => //; case: Req_EM_T.
have es' : s = sum (renyi_real eta) by rewrite es; apply: sum_ext.
rewrite -es'; split => //; split=> [x px ag|em x px|]; last by rewrite -es'.
- move: (fin x); rewrite /renyi_term; case: Rlt_dec => [_|n] /=; last lra.
  by case: Rlt_dec => //= n; case: Rlt_dec => //= ?; lra.
- move: (fin x); rewrite /renyi_term px em; case: Rlt_dec => [?|_] /=; first lra.
  by case: Req_EM_T.
Qed.

(** ** Affine minorants, one for every positive [t] (and, for [a < 1], every level [u]) *)
Definition s_ := a * (a - 1).

Section Above.
Hypothesis ag : 1 < a.
Variable t : X -> R.
Hypothesis t0 : forall x, 0 < t x.

Definition weight x := if Rlt_dec 0 (p x) then Rpower (p x) a * Rpower (t x) (1 - a) else 0.
Definition total := sum weight.

Lemma weight_ge0 x : 0 <= weight x.
Proof. by rewrite /weight; case: Rlt_dec => /= _; [apply: Rmult_le_pos; left; exact: power_pos | lra]. Qed.

Lemma total_pos : 0 < total.
Proof.
have [|x px] := @sum_pos_ex X p; first by rewrite p1; lra.
apply: Rlt_le_trans (sum_ge_term x weight_ge0); rewrite /weight; case: Rlt_dec => // _ /=.
by apply: Rmult_lt_0_compat; exact: power_pos.
Qed.

Definition tilt x := weight x / total * (1 - a) / t x.
Definition level := sum (fun x => weight x / total * (1 - a)).

(** [log A(eta) >= log V + sum_i w_i (1 - a) (eta_i/t_i - 1)], for masses of any total. *)
Lemma above_minorant_real eta : renyi_dom eta ->
  (ln total + (expect eta tilt - level)) / s_ <= ln (sum (renyi_real eta)) / s_.
Proof.
move=> [pos _ sp].
have sp' : 0 < s_ by rewrite /s_; nra.
apply: Rmult_le_compat_r; first by left; exact: Rinv_0_lt_compat.
have V := total_pos; set L := expect eta tilt - level.
have eL : L = sum (fun x => weight x / total * ((1 - a) * (eta x / t x - 1))).
  rewrite /L /expect /level -sum_minus; apply: sum_ext => x; rewrite /tilt; field; split; have := t0 x; lra.
have w1 : sum (fun x => weight x / total) = 1 by rewrite sum_scalr -/total; field; lra.
have key : total * exp L <= sum (renyi_real eta).
  have h x : weight x / total * (exp L * (1 + ((1 - a) * (eta x / t x - 1) - L))) <= renyi_real eta x / total.
    rewrite /weight /renyi_real; case: Rlt_dec => [px|n] /=; last by rewrite /Rdiv; lra.
    have ex := pos x px ag; case: Rlt_dec => //= _; have tx := t0 x.
    have r0 : 0 < eta x / t x by apply: Rdiv_lt_0_compat.
    set z := (1 - a) * (eta x / t x - 1).
    have e1 : exp L * (1 + (z - L)) <= exp z.
      have -> : exp z = exp L * exp (z - L) by rewrite -exp_plus; congr exp; ring.
      by apply: Rmult_le_compat_l; [left; exact: exp_pos | exact: exp_ge].
    have e2 := Rle_trans _ _ _ e1 (power_tangent_below ag r0).
    have e3 : Rpower (eta x) (1 - a) = Rpower (t x) (1 - a) * Rpower (eta x / t x) (1 - a).
      by rewrite Rpower_mult_distr //; congr (Rpower _ _); field; lra.
    rewrite e3; have P := power_pos (p x) a; have Q := power_pos (t x) (1 - a); have iV := Rinv_0_lt_compat _ V.
    have -> : Rpower (p x) a * (Rpower (t x) (1 - a) * Rpower (eta x / t x) (1 - a)) / total
       = Rpower (p x) a * Rpower (t x) (1 - a) / total * Rpower (eta x / t x) (1 - a) by rewrite /Rdiv; ring.
    apply: Rmult_le_compat_l => //; rewrite /Rdiv; left; apply: Rmult_lt_0_compat => //; exact: Rmult_lt_0_compat.
  have := sum_le h; rewrite [X in _ <= X]sum_scalr.
  have -> : sum (fun x => weight x / total * (exp L * (1 + ((1 - a) * (eta x / t x - 1) - L)))) = exp L.
    transitivity (exp L * (sum (fun x => weight x / total * ((1 - a) * (eta x / t x - 1))) + (1 - L) * sum (fun x => weight x / total))).
      by rewrite -(sum_scal (1 - L)) -sum_plus -sum_scal; apply: sum_ext => x; ring.
    by rewrite -eL w1; ring.
  move=> /(Rmult_le_compat_l _ _ _ (Rlt_le _ _ V)).
  by have -> : total * (sum (renyi_real eta) * / total) = sum (renyi_real eta) by [field; lra].
have := Rmult_lt_0_compat _ _ V (exp_pos L) => tp.
have -> : ln total + L = ln (total * exp L) by rewrite ln_mult //; [rewrite ln_exp | exact: exp_pos].
by case: (Rle_lt_or_eq_dec _ _ key) => [l|->]; [left; exact: ln_increasing | exact: Rle_refl].
Qed.

Lemma above_minorant eta v : prob eta -> renyi eta = Finite v -> (ln total + (expect eta tilt - level)) / s_ <= v.
Proof. by move=> [e0 _] /(renyi_finite e0) [dm ->]; exact: above_minorant_real. Qed.
End Above.

Section Below.
Hypothesis al : a < 1.
Variables (t : X -> R) (u : R).
Hypotheses (t0 : forall x, 0 < t x) (u0 : 0 < u).

Definition slope_below x := if Rlt_dec 0 (p x) then Rpower (p x) a * (1 - a) * Rpower (t x) (1 - a) / t x else 0.
Definition level_below := sum (fun x => if Rlt_dec 0 (p x) then Rpower (p x) a * a * Rpower (t x) (1 - a) else 0).

(** [log A <= log u + A/u - 1], and [eta^(1-a)] lies below its tangent at [t]. *)
Lemma below_minorant eta v : prob eta -> renyi eta = Finite v ->
  (ln u + (expect eta slope_below + level_below) / u - 1) / s_ <= v.
Proof.
move=> [e0 _] /(renyi_finite e0) [[_ _ sp] ->].
have sn : s_ < 0 by rewrite /s_; nra.
have iu := Rinv_0_lt_compat _ u0.
have A : sum (renyi_real eta) <= expect eta slope_below + level_below.
  rewrite /expect /level_below -sum_plus; apply: sum_le => x; rewrite /renyi_real /slope_below.
  case: Rlt_dec => [px|n] /=; last lra.
  have P := power_pos (p x) a; have Q := power_pos (t x) (1 - a); have tx := t0 x.
  case: Rlt_dec => [ex|n] /=; last first.
    have -> : eta x = 0 by have := e0 x; lra.
    by rewrite Rmult_0_l Rplus_0_l; apply: Rmult_le_pos; [apply: Rmult_le_pos|]; lra.
  have r0 : 0 < eta x / t x by apply: Rdiv_lt_0_compat.
  have -> : Rpower (eta x) (1 - a) = Rpower (t x) (1 - a) * Rpower (eta x / t x) (1 - a).
    by rewrite Rpower_mult_distr //; congr (Rpower _ _); field; lra.
  have T := power_tangent_above al r0.
  have -> : eta x * (Rpower (p x) a * (1 - a) * Rpower (t x) (1 - a) / t x) + Rpower (p x) a * a * Rpower (t x) (1 - a)
     = Rpower (p x) a * Rpower (t x) (1 - a) * (1 + (1 - a) * (eta x / t x - 1)) by field; lra.
  rewrite -Rmult_assoc; apply: Rmult_le_compat_l => //; left; exact: Rmult_lt_0_compat.
have L : ln (sum (renyi_real eta)) <= ln u + (expect eta slope_below + level_below) / u - 1.
  have r0 : 0 < sum (renyi_real eta) / u by apply: Rdiv_lt_0_compat.
  have := ln_le r0; rewrite ln_div // => l.
  have := Rmult_le_compat_r _ _ _ (Rlt_le _ _ iu) A; rewrite -/(Rdiv _ _) -/(Rdiv _ _); lra.
rewrite -/s_ /Rdiv -(Rmult_opp_opp (ln (sum _))) -(Rmult_opp_opp (_ - 1)).
have is_ : 0 <= - / s_ by have := Rinv_lt_0_compat _ sn; lra.
apply: Rmult_le_compat_r => //; rewrite -/(Rdiv _ _); lra.
Qed.
End Below.
(** ** Closed, nonnegative, zero at [P] *)
Lemma renyi_not_minus eta : renyi eta <> m_infty.
Proof. by rewrite /renyi; case: (esum _) => [v||] //; case: Rlt_dec. Qed.

(** Idea: Jensen's inequality, as the tangent of the power at 1. *)
Theorem renyi_nonneg : nonneg_divergence renyi.
Proof.
move=> eta pe; case E : (renyi eta) => [v||] //; last by case: (@renyi_not_minus eta).
have t0 x : 0 < (if Rlt_dec 0 (p x) then p x else 1) by case: Rlt_dec => //= _; lra.
have pw x : 0 < p x -> Rpower (p x) a * Rpower (p x) (1 - a) = p x.
  by move=> px; rewrite -Rpower_plus (_ : a + (1 - a) = 1) ?Rpower_1 //; ring.
have e_le : sum (fun x => if Rlt_dec 0 (p x) then eta x else 0) <= 1.
  case: (pe) => e0 <-; apply: sum_le => x; case: Rlt_dec => /= _; [lra | exact: e0].
have p_eq : sum (fun x => if Rlt_dec 0 (p x) then p x else 0) = 1.
  by rewrite -p1; apply: sum_ext => x; case: Rlt_dec => //= n; have := p0 x; lra.
case: (Rdichotomy _ _ a1) => [al|ag].
- have h := below_minorant al t0 Rlt_0_1 pe E; apply: (Rle_trans _ _ _ _ h).
  have sn : s_ < 0 by rewrite /s_; nra.
  have is_ := Rinv_lt_0_compat _ sn; rewrite ln_1.
  suff : expect eta (slope_below (fun x => if Rlt_dec 0 (p x) then p x else 1)) + level_below (fun x => if Rlt_dec 0 (p x) then p x else 1) <= 1.
    by rewrite /Rdiv Rinv_1 Rmult_1_r; nra.
  have -> : expect eta (slope_below (fun x => if Rlt_dec 0 (p x) then p x else 1)) = (1 - a) * sum (fun x => if Rlt_dec 0 (p x) then eta x else 0).
    rewrite -sum_scal; apply: sum_ext => x; rewrite /slope_below; case: Rlt_dec => [px|n] /=; last ring.
    have -> : eta x * (Rpower (p x) a * (1 - a) * Rpower (p x) (1 - a) / p x)
      = (1 - a) * eta x * (Rpower (p x) a * Rpower (p x) (1 - a) / p x) by rewrite /Rdiv; ring.
    by rewrite pw //; field; lra.
  have -> : level_below (fun x => if Rlt_dec 0 (p x) then p x else 1) = a * sum (fun x => if Rlt_dec 0 (p x) then p x else 0).
    rewrite -sum_scal; apply: sum_ext => x; case: Rlt_dec => [px|n] /=; last ring.
    have -> : Rpower (p x) a * a * Rpower (p x) (1 - a) = a * (Rpower (p x) a * Rpower (p x) (1 - a)) by ring.
    by rewrite pw.
  rewrite p_eq; nra.
- have h := above_minorant ag t0 pe E; apply: (Rle_trans _ _ _ _ h).
  have sp : 0 < s_ by rewrite /s_; nra.
  have w x : weight (fun x => if Rlt_dec 0 (p x) then p x else 1) x = if Rlt_dec 0 (p x) then p x else 0.
    by rewrite /weight; case: Rlt_dec => //= px; exact: pw.
  have V : total (fun x => if Rlt_dec 0 (p x) then p x else 1) = 1 by rewrite /total -[RHS]p_eq; apply: sum_ext.
  rewrite V ln_1; have is_ := Rinv_0_lt_compat _ sp; rewrite /Rdiv; apply: Rmult_le_pos; last lra.
  rewrite Rplus_0_l /expect /level /tilt -sum_minus.
  have -> : sum (fun x => eta x * (weight (fun x => if Rlt_dec 0 (p x) then p x else 1) x / total (fun x => if Rlt_dec 0 (p x) then p x else 1) * (1 - a) / (if Rlt_dec 0 (p x) then p x else 1))
      - weight (fun x => if Rlt_dec 0 (p x) then p x else 1) x / total (fun x => if Rlt_dec 0 (p x) then p x else 1) * (1 - a))
    = (1 - a) * (sum (fun x => if Rlt_dec 0 (p x) then eta x else 0) - sum (fun x => if Rlt_dec 0 (p x) then p x else 0)).
    rewrite -sum_minus -sum_scal; apply: sum_ext => x; rewrite w V; case: Rlt_dec => [px|n] /=; last by rewrite /Rdiv; ring.
    by field; lra.
  rewrite p_eq; nra.
Qed.

(** Idea: the sum is [sum p_i = 1]. *)
Theorem renyi_self : renyi p = 0.
Proof.
have E : esum (renyi_term p) = 1.
  apply/esum_finite; split=> [x|].
    rewrite /renyi_term; case: Rlt_dec => [l|n] //=.
    by case: m => //; case: Req_EM_T => //= ne; case: ne; have := p0 x; lra.
  rewrite -p1; apply: sum_ext => x; rewrite /renyi_term; case: Rlt_dec => [l|n] /=.
    by rewrite -Rpower_plus (_ : a + (1 - a) = 1) ?Rpower_1 //; ring.
  have px : p x = 0 by have := p0 x; lra.
  by rewrite px; case: m => //; case: Req_EM_T.
by rewrite /renyi E; case: Rlt_dec => [_|n] /=; [rewrite ln_1 /Rdiv Rmult_0_l | lra].
Qed.

(** A number with a small power. *)
Lemma small_power e w : 0 < e -> 0 < w -> exists d, 0 < d /\ Rpower d w = e.
Proof.
move=> e0 w0; exists (exp (ln e / w)); split; first exact: exp_pos.
by rewrite /Rpower ln_exp (_ : w * (ln e / w) = ln e) ?exp_ln //; field; lra.
Qed.

(** ** [renyi_closed], case by case *)
Section Minorants.
Variables (eta : X -> R) (v : R).
Hypotheses (pe : prob eta) (lv : Rbar_lt (Finite v) (renyi eta)).
Let e0 : forall x, 0 <= eta x := proj1 pe.
Definition minorant_above : Prop := exists (h : X -> R) (b : R), (forall eta', prob eta' -> Rbar_le (expect eta' h - b) (renyi eta')) /\ v < expect eta h - b.

(** In mode "reference", mass outside the support of [P]: a steep function of that point alone. *)
Lemma minorant_outside x : m = Reference -> p x = 0 -> 0 < eta x -> minorant_above.
Proof.
move=> em px ex.
set M := (Rabs v + 1) / eta x; exists (fun z => if z == x then M else 0), 0; split.
  move=> eta' pe'; case E : (renyi eta') => [w||] //; last by case: (@renyi_not_minus eta').
  have [[_ ref _] _] := renyi_finite (proj1 pe') E.
  have -> : expect eta' (fun z => if z == x then M else 0) = eta' x * M.
    rewrite -(sum_dirac (fun z => eta' z * M)); apply: sum_ext => z; case: eqP => // _; ring.
  by rewrite ref // Rmult_0_l Rminus_0_r; have := renyi_nonneg pe'; rewrite E.
have -> : expect eta (fun z => if z == x then M else 0) = eta x * M.
  rewrite -(sum_dirac (fun z => eta z * M)); apply: sum_ext => z; case: eqP => // _; ring.
have -> : eta x * M = Rabs v + 1 by rewrite /M; field; lra.
have := Rle_abs v; lra.
Qed.

Hypothesis inside : ~ (m = Reference /\ exists x, p x = 0 /\ 0 < eta x).

Lemma term_real x : real (renyi_term eta x) = renyi_real eta x.
Proof.
rewrite /renyi_term /renyi_real; case: Rlt_dec => /= _; last by case: m => //; case: Req_EM_T.
by case: Rlt_dec => //= _; case: Rlt_dec.
Qed.

Lemma term_outside x : ~ 0 < p x -> renyi_term eta x = 0.
Proof.
move=> n; rewrite /renyi_term; case: Rlt_dec => //= _.
move: inside; case em : m => // inside'; case: Req_EM_T => //= ne; case: inside'; split => //; exists x.
by have := p0 x; have := e0 x; split; lra.
Qed.

(** [a < 1].  Idea: tangents of the powers at the positive entries, and at a small [d] where [eta] vanishes, so little is lost. *)
Lemma minorant_below : a < 1 -> minorant_above.
Proof.
move=> al.
have sn : s_ < 0 by rewrite /s_; nra.
have isn := Rinv_lt_0_compat _ sn.
set A := sum (renyi_real eta); set K := exp (s_ * v).
have eA : esum (renyi_term eta) = A.
  apply/esum_finite; split=> [x|]; last by apply: sum_ext => x; rewrite term_real.
  case: (Rlt_dec 0 (p x)) => px; last by rewrite term_outside.
  rewrite /renyi_term; case: Rlt_dec => //= _; case: Rlt_dec => //= _.
  by case: Rlt_dec => //= n; case: n.
have A0 : 0 <= A by apply: sum_ge0 => x; exact: renyi_real_ge0.
have AK : A < K.
  move: lv; rewrite /renyi eA; case: Rlt_dec => [Ap|n] /= lv'; last by have := exp_pos (s_ * v); rewrite -/K; lra.
  rewrite -(exp_ln A) // /K; apply: exp_increasing.
  have := Rmult_lt_gt_compat_neg_l _ _ _ sn lv'; rewrite -/s_; have -> : s_ * (ln A / s_) = ln A by field; lra.
  lra.
set S := sum (fun x => if Rlt_dec 0 (p x) then Rpower (p x) a * a else 0).
have S0 : 0 < S.
  have [|x px] := @sum_pos_ex X p; first by rewrite p1; lra.
  have Sx z : 0 <= (if Rlt_dec 0 (p z) then Rpower (p z) a * a else 0).
    by case: Rlt_dec => /= _; [apply: Rmult_le_pos; [left; exact: power_pos | lra] | lra].
  apply: Rlt_le_trans (sum_ge_term x Sx); case: Rlt_dec => //= _.
  by apply: Rmult_lt_0_compat; [exact: power_pos | lra].
have w0 : 0 < 1 - a by lra.
have [d [d0 ed]] : exists d, 0 < d /\ Rpower d (1 - a) = (K - A) / (2 * S).
  by apply: small_power => //; apply: Rdiv_lt_0_compat; lra.
pose t x := if Rlt_dec 0 (eta x) then eta x else d.
have t0 x : 0 < t x by rewrite /t; case: Rlt_dec.
set B := expect eta (slope_below t) + level_below t.
have BA : A <= B <= A + (K - A) / 2.
  have -> : (K - A) / 2 = S * Rpower d (1 - a) by rewrite ed; field; lra.
  have -> : B = sum (fun x => renyi_real eta x + if Rlt_dec 0 (p x) then (if Rlt_dec 0 (eta x) then 0 else Rpower (p x) a * a * Rpower d (1 - a)) else 0).
    rewrite /B /expect /level_below -sum_plus; apply: sum_ext => x; rewrite /slope_below /renyi_real /t.
    case: Rlt_dec => [px|n] /=; last ring.
    case: Rlt_dec => [ex|n] /=; first by field; lra.
    have -> : eta x = 0 by have := e0 x; lra.
    ring.
  rewrite sum_plus -/A; split.
    suff : 0 <= sum (fun x => if Rlt_dec 0 (p x) then (if Rlt_dec 0 (eta x) then 0 else Rpower (p x) a * a * Rpower d (1 - a)) else 0) by lra.
    apply: sum_ge0 => x; case: Rlt_dec => /= _; last lra.
    case: Rlt_dec => /= _; first lra.
    by apply: Rmult_le_pos; [apply: Rmult_le_pos; [left; exact: power_pos | lra] | left; exact: power_pos].
  apply: Rplus_le_compat_l; rewrite /S -sum_scalr; apply: sum_le => x; case: Rlt_dec => /= _; last lra.
  have P := power_pos (p x) a; have Q := power_pos d (1 - a).
  by case: Rlt_dec => /= _; [apply: Rmult_le_pos; [nra|lra] | lra].
have B0 : 0 < B.
  case: (Rle_lt_or_eq_dec _ _ A0) => [l|z]; first by lra.
  have [|x px] := @sum_pos_ex X p; first by rewrite p1; lra.
  have zero := sum_eq0 (fun x => renyi_real_ge0 eta x) (esym z) x.
  have ex : ~ 0 < eta x.
    move=> ex; move: zero; rewrite /renyi_real; case: Rlt_dec => //= _; case: Rlt_dec => //= _.
    have := Rmult_lt_0_compat _ _ (power_pos (p x) a) (power_pos (eta x) (1 - a)); lra.
  have le0 : 0 <= expect eta (slope_below t).
    apply: sum_ge0 => y; apply: Rmult_le_pos => //; rewrite /slope_below; case: Rlt_dec => /= _; last lra.
    have := Rinv_0_lt_compat _ (t0 y); have P := power_pos (p y) a; have Q := power_pos (t y) (1 - a).
    move=> i; apply: Rmult_le_pos; last lra.
    by apply: Rmult_le_pos; [apply: Rmult_le_pos|]; lra.
  suff : 0 < level_below t by rewrite /B; lra.
  have Lx y : 0 <= (if Rlt_dec 0 (p y) then Rpower (p y) a * a * Rpower (t y) (1 - a) else 0).
    by case: Rlt_dec => /= _; [apply: Rmult_le_pos; [apply: Rmult_le_pos; [left; exact: power_pos | lra] | left; exact: power_pos] | lra].
  apply: Rlt_le_trans (sum_ge_term x Lx); case: Rlt_dec => //= _.
  by apply: Rmult_lt_0_compat; [apply: Rmult_lt_0_compat; [exact: power_pos | lra] | exact: power_pos].
exists (fun x => slope_below t x / B / s_), (- ((ln B + level_below t / B - 1) / s_)).
have affine eta' : prob eta' -> expect eta' (fun x => slope_below t x / B / s_) - - ((ln B + level_below t / B - 1) / s_)
     = (ln B + (expect eta' (slope_below t) + level_below t) / B - 1) / s_.
  move=> _; have -> : expect eta' (fun x => slope_below t x / B / s_) = expect eta' (slope_below t) / B / s_.
    by rewrite /expect /Rdiv -!sum_scalr; apply: sum_ext => x; ring.
  by field; lra.
split=> [eta' pe'|].
  rewrite affine //; case E : (renyi eta') => [w||] //; last by case: (@renyi_not_minus eta').
  exact: (below_minorant al t0 B0 pe' E).
rewrite affine // -/B; have -> : (ln B + B / B - 1) / s_ = ln B / s_ by field; lra.
have lB : ln B < s_ * v by rewrite -(ln_exp (s_ * v)) -/K; apply: ln_increasing; lra.
have := Rmult_lt_gt_compat_neg_l _ _ _ isn lB; have -> : / s_ * (s_ * v) = v by field; lra.
by rewrite Rmult_comm -/(Rdiv _ _); lra.
Qed.

(** [a > 1].  Idea: the minorant at [eta], or at points near it where an entry vanishes and the divergence is infinite. *)
Lemma minorant_over : 1 < a -> minorant_above.
Proof.
move=> ag.
have sp : 0 < s_ by rewrite /s_; nra.
have [t [t0 ht]] : exists t, (forall x, 0 < t x) /\ s_ * v < ln (total t) + (expect eta (tilt t) - level t).
  case: (classic (exists x, 0 < p x /\ ~ 0 < eta x)) => [[x [px ex]]|all].
    pose d := exp (- ((Rabs (s_ * v - a * ln (p x)) + 1) / (a - 1))); have d0 : 0 < d by exact: exp_pos.
    pose t z := if Rlt_dec 0 (eta z) then eta z else d.
    have t0 z : 0 < t z by rewrite /t; case: Rlt_dec.
    exists t; split => //; have V := total_pos t.
    have L : 0 <= expect eta (tilt t) - level t.
      rewrite /expect /level -sum_minus; apply: sum_ge0 => z; rewrite /tilt /t.
      set W := weight _ z / total _; have W0 : 0 <= W by apply: ratio_ge0 => //; exact: weight_ge0.
      case: Rlt_dec => [ez|n] /=; first by right; field; lra.
      have -> : eta z = 0 by have := e0 z; lra.
      by rewrite Rmult_0_l; nra.
    have low : Rpower (p x) a * Rpower d (1 - a) <= total t.
      apply: Rle_trans (sum_ge_term x (weight_ge0 t)); rewrite /weight /t.
      by case: Rlt_dec => //= _; case: Rlt_dec => //= _; exact: Rle_refl.
    have big : s_ * v < ln (Rpower (p x) a * Rpower d (1 - a)).
      rewrite ln_mult; [|exact: power_pos|exact: power_pos].
      rewrite /Rpower !ln_exp.
      have -> : (1 - a) * - ((Rabs (s_ * v - a * ln (p x)) + 1) / (a - 1)) = Rabs (s_ * v - a * ln (p x)) + 1 by field; lra.
      have := Rle_abs (s_ * v - a * ln (p x)); lra.
    have lowp : 0 < Rpower (p x) a * Rpower d (1 - a) by apply: Rmult_lt_0_compat; exact: power_pos.
    have : ln (Rpower (p x) a * Rpower d (1 - a)) <= ln (total t).
      by case: (Rle_lt_or_eq_dec _ _ low) => [l|->]; [left; exact: ln_increasing | exact: Rle_refl].
    lra.
  have pos x : 0 < p x -> 0 < eta x by move=> px; apply: NNPP => n; apply: all; exists x.
  pose t x := if Rlt_dec 0 (eta x) then eta x else 1.
  have t0 x : 0 < t x by rewrite /t; case: Rlt_dec => //= _; lra.
  exists t; split => //; have V := total_pos t.
  have wt x : weight t x = renyi_real eta x.
    rewrite /weight /renyi_real /t; case: Rlt_dec => //= px; case: Rlt_dec => //= n; by case: n; exact: pos.
  have -> : expect eta (tilt t) - level t = 0.
    rewrite /expect /level -sum_minus sum_zero // => x; rewrite /tilt; set W := weight t x / total t.
    rewrite /t; case: Rlt_dec => [ex|n] /=; first by field; lra.
    have -> : W = 0.
      rewrite /W wt /renyi_real; case: Rlt_dec => /= px; last by rewrite /Rdiv; ring.
      by case: Rlt_dec => //= _; rewrite /Rdiv; ring.
    by rewrite /Rdiv; ring.
  have eA : esum (renyi_term eta) = total t.
    apply/esum_finite; split=> [x|]; last by apply: sum_ext => x; rewrite term_real wt.
    case: (Rlt_dec 0 (p x)) => px; last by rewrite term_outside.
    by rewrite /renyi_term; case: Rlt_dec => //= _; case: Rlt_dec => //= n; case: n; exact: pos.
  move: lv; rewrite /renyi eA; case: Rlt_dec => //= _ lv'; rewrite Rplus_0_r.
  have := Rmult_lt_compat_l _ _ _ sp lv'; rewrite -/s_; have -> : s_ * (ln (total t) / s_) = ln (total t) by field; lra.
  exact.
have V := total_pos t; exists (fun x => tilt t x / s_), (- ((ln (total t) - level t) / s_)).
have affine eta' : expect eta' (fun x => tilt t x / s_) - - ((ln (total t) - level t) / s_)
     = (ln (total t) + (expect eta' (tilt t) - level t)) / s_.
  have -> : expect eta' (fun x => tilt t x / s_) = expect eta' (tilt t) / s_.
    by rewrite /expect /Rdiv -!sum_scalr; apply: sum_ext => x; ring.
  by field; lra.
split=> [eta' pe'|].
  rewrite affine; case E : (renyi eta') => [w||] //; last by case: (@renyi_not_minus eta').
  exact: (above_minorant ag t0 pe' E).
rewrite affine; have := Rmult_lt_compat_l _ _ _ (Rinv_0_lt_compat _ sp) ht.
have -> : / s_ * (s_ * v) = v by field; lra.
by rewrite Rmult_comm.
Qed.
End Minorants.

(** Idea: a supremum of affine minorants, one at every point of the domain and one family outside it. *)
Theorem renyi_closed : closed_divergence renyi.
Proof.
move=> eta v pe lv; case: (classic (m = Reference /\ exists x, p x = 0 /\ 0 < eta x)) => [[em [x [px ex]]]|inside].
  exact: (@minorant_outside eta v x em px ex).
case: (Rdichotomy _ _ a1) => [al|ag]; first exact: (minorant_below pe lv inside al).
exact: (minorant_over pe lv inside ag).
Qed.

(** ** T10, weak form: every [rho] above [h] bounds the re-weighting step
    Idea: Hölder's inequality between [p^a eta^(1-a)] and [eta (rho - h)], term by term as an inequality of means. *)
Lemma means th u v : 0 <= th <= 1 -> 0 < u -> 0 < v -> Rpower u th * Rpower v (1 - th) <= th * u + (1 - th) * v.
Proof.
move=> th01 u0 v0; rewrite /Rpower -exp_plus; set z := th * ln u + (1 - th) * ln v.
have hu : exp z * (1 + (ln u - z)) <= u.
  rewrite -{2}(exp_ln u) // (_ : exp (ln u) = exp z * exp (ln u - z)).
    by apply: Rmult_le_compat_l; [left; exact: exp_pos | exact: exp_ge].
  by rewrite -exp_plus; congr exp; ring.
have hv : exp z * (1 + (ln v - z)) <= v.
  rewrite -{2}(exp_ln v) // (_ : exp (ln v) = exp z * exp (ln v - z)).
    by apply: Rmult_le_compat_l; [left; exact: exp_pos | exact: exp_ge].
  by rewrite -exp_plus; congr exp; ring.
have -> : exp z = th * (exp z * (1 + (ln u - z))) + (1 - th) * (exp z * (1 + (ln v - z))) by rewrite /z; ring.
nra.
Qed.

(** The same between sums: [sum u^th v^(1-th) <= U^th V^(1-th)], in logarithms; terms outside [S] are 0. *)
Lemma hoelder (S : X -> bool) (u v : X -> R) th U V : 0 <= th <= 1 -> 0 < U -> 0 < V ->
  (forall x, S x -> 0 < u x /\ 0 < v x) -> (exists x, S x) ->
  sum (fun x => if S x then u x else 0) <= U -> sum (fun x => if S x then v x else 0) <= V ->
  ln (sum (fun x => if S x then Rpower (u x) th * Rpower (v x) (1 - th) else 0)) <= th * ln U + (1 - th) * ln V.
Proof.
move=> th01 U0 V0 pos [x0 s0] leU leV; set Z := sum _.
have Zp : 0 < Z.
  apply: Rlt_le_trans (sum_ge_term x0 _) => [|x] /=; last by case: (S x); [left; apply: Rmult_lt_0_compat; exact: power_pos | lra].
  by rewrite s0; apply: Rmult_lt_0_compat; exact: power_pos.
have iU := Rinv_0_lt_compat _ U0; have iV := Rinv_0_lt_compat _ V0.
have key : Z <= exp (th * ln U + (1 - th) * ln V).
  rewrite exp_plus -/(Rpower U th) -/(Rpower V (1 - th)).
  have PU := power_pos U th; have PV := power_pos V (1 - th).
  have le x : (if S x then Rpower (u x) th * Rpower (v x) (1 - th) else 0) <=
      Rpower U th * Rpower V (1 - th) * (th * ((if S x then u x else 0) * / U) + (1 - th) * ((if S x then v x else 0) * / V)).
    case sx : (S x); last by rewrite !Rmult_0_l !Rmult_0_r; lra.
    have [ux vx] := pos x sx.
    have uU : 0 < u x * / U by apply: Rmult_lt_0_compat.
    have vV : 0 < v x * / V by apply: Rmult_lt_0_compat.
    have -> : Rpower (u x) th = Rpower U th * Rpower (u x * / U) th.
      by rewrite Rpower_mult_distr //; congr (Rpower _ _); field; lra.
    have -> : Rpower (v x) (1 - th) = Rpower V (1 - th) * Rpower (v x * / V) (1 - th).
      by rewrite Rpower_mult_distr //; congr (Rpower _ _); field; lra.
    have := means th01 uU vV; set A := Rpower (_ * / U) _; set B := Rpower (_ * / V) _ => h.
    have -> : Rpower U th * A * (Rpower V (1 - th) * B) = Rpower U th * Rpower V (1 - th) * (A * B) by ring.
    by apply: Rmult_le_compat_l => //; left; exact: Rmult_lt_0_compat.
  apply: Rle_trans (sum_le le) _; rewrite sum_scal sum_plus !sum_scal !sum_scalr.
  rewrite -[X in _ <= X]Rmult_1_r; apply: Rmult_le_compat_l; first by left; exact: Rmult_lt_0_compat.
  have hU := Rmult_le_compat_r _ _ _ (Rlt_le _ _ iU) leU; have hV := Rmult_le_compat_r _ _ _ (Rlt_le _ _ iV) leV.
  rewrite Rinv_r in hU; last lra.
  rewrite Rinv_r in hV; last lra.
  nra.
rewrite -(ln_exp (th * ln U + (1 - th) * ln V)).
by case: (Rle_lt_or_eq_dec _ _ key) => [l|->]; [left; exact: ln_increasing | exact: Rle_refl].
Qed.

(** [E_P[r^((a-1)/a)]] over the points with [r > 0]. *)
Definition renyi_moment (r : X -> R) : R :=
  sum (fun x => if Rlt_dec 0 (p x) then if Rlt_dec 0 (r x) then p x * Rpower (r x) ((a - 1) / a) else 0 else 0).

(** Fenchel--Young for Rényi's divergence at [h = - r <= 0], for masses [eta] of any total. *)
Theorem renyi_young (eta r : X -> R) : (forall x, 0 <= eta x) -> renyi_dom eta -> (forall x, 0 <= r x) ->
  (forall x, a < 1 -> 0 < p x -> 0 < eta x -> 0 < r x) -> (exists x, 0 < p x /\ 0 < r x) ->
  (ln a + 1) / a + ln (renyi_moment r) / (a - 1) <= ln (sum (renyi_real eta)) / (a * (a - 1)) + sum (fun x => eta x * r x).
Proof.
move=> e0 [pos _ Ap] r0 live [x1 [px1 rx1]].
set A := sum (renyi_real eta) in Ap *; set M := renyi_moment r; set N := sum (fun x => eta x * r x).
pose S x := if Rlt_dec 0 (p x) then if Rlt_dec 0 (r x) then if Rlt_dec 0 (eta x) then true else false else false else false.
have SP x : S x -> [/\ 0 < p x, 0 < r x & 0 < eta x].
  by rewrite /S; case: Rlt_dec => //= ?; case: Rlt_dec => //= ?; case: Rlt_dec.
have n0 x : 0 <= eta x * r x by exact: Rmult_le_pos.
have exS : exists x, S x.
  case: (Rdichotomy _ _ a1) => [al|ag]; last first.
    by exists x1; rewrite /S; have ? := pos x1 px1 ag; case: Rlt_dec => //= _; case: Rlt_dec => //= _; case: Rlt_dec.
  have [x] := sum_pos_ex Ap; rewrite /renyi_real => h; exists x; move: h; rewrite /S.
  case: Rlt_dec => /= px; last lra.
  by case: Rlt_dec => /= ex; [have rx := live x al px ex; case: Rlt_dec | lra].
have Np : 0 < N.
  have [x sx] := exS; have [_ rx ex] := SP x sx; apply: Rlt_le_trans (sum_ge_term x n0); exact: Rmult_lt_0_compat.
have sumA : sum (fun x => if S x then Rpower (p x) a * Rpower (eta x) (1 - a) else 0) <= A.
  apply: sum_le => x; have := renyi_real_ge0 eta x; rewrite /S /renyi_real; case: Rlt_dec => //= _.
  by case: Rlt_dec => //= _; case: Rlt_dec => //= _ _; exact: Rle_refl.
have sumN : sum (fun x => if S x then eta x * r x else 0) <= N.
  by apply: sum_le => x; case: (S x); [exact: Rle_refl | exact: n0].
have m0 x : 0 <= (if Rlt_dec 0 (p x) then if Rlt_dec 0 (r x) then p x * Rpower (r x) ((a - 1) / a) else 0 else 0).
  case: Rlt_dec => /= px; last lra.
  by case: Rlt_dec => /= _; [apply: Rmult_le_pos => //; left; exact: power_pos | lra].
have sumM : sum (fun x => if S x then p x * Rpower (r x) ((a - 1) / a) else 0) <= M.
  apply: sum_le => x; have := m0 x; rewrite /S; case: Rlt_dec => //= _; case: Rlt_dec => //= _.
  by case: Rlt_dec => //= _ _; exact: Rle_refl.
have Mp : 0 < M.
  apply: Rlt_le_trans (sum_ge_term x1 m0); case: Rlt_dec => //= _; case: Rlt_dec => //= _.
  by apply: Rmult_lt_0_compat => //; exact: power_pos.
have lnN : ln N / a <= N - (1 + ln a) / a.
  have aN : 0 < a * N by apply: Rmult_lt_0_compat.
  have := ln_le aN; rewrite ln_mult // => l; have ia := Rinv_0_lt_compat _ a0.
  have := Rmult_le_compat_r _ _ _ (Rlt_le _ _ ia) l; rewrite /Rdiv.
  have -> : (a * N - 1) * / a = N - / a by field; lra.
  lra.
suff claim : ln M / (a - 1) <= ln A / (a * (a - 1)) + ln N / a.
  have -> : (ln a + 1) / a = (1 + ln a) / a by rewrite /Rdiv; ring.
  lra.
case: (Rdichotomy _ _ a1) => [al|ag].
- (* a < 1: A = sum (p r^((a-1)/a))^a (eta r)^(1-a) <= M^a N^(1-a) *)
  have th : 0 <= a <= 1 by lra.
  have := @hoelder S (fun x => p x * Rpower (r x) ((a - 1) / a)) (fun x => eta x * r x) a M N th Mp Np.
  move=> /(_ _ exS sumM sumN) H.
  have {}H : ln A <= a * ln M + (1 - a) * ln N.
    have -> : A = sum (fun x => if S x then Rpower (p x * Rpower (r x) ((a - 1) / a)) a * Rpower (eta x * r x) (1 - a) else 0).
      apply: sum_ext => x; rewrite /renyi_real; case sx : (S x).
        have [px rx ex] := SP x sx; case: Rlt_dec => //= _; case: Rlt_dec => //= _.
        rewrite -Rpower_mult_distr //; last exact: power_pos.
        rewrite -(Rpower_mult_distr (eta x)) // Rpower_mult (_ : (a - 1) / a * a = - (1 - a)); last by field; lra.
        rewrite Rpower_Ropp; have := power_pos (r x) (1 - a) => P.
        by field; lra.
      case: Rlt_dec => //= px; case: Rlt_dec => //= ex; have rx := live x al px ex; move: sx; rewrite /S.
      by case: Rlt_dec => //= _; case: Rlt_dec => //= _; case: Rlt_dec.
    apply: H => x sx; have [px rx ex] := SP x sx.
    by split; apply: Rmult_lt_0_compat => //; exact: power_pos.
  have ia : 0 < / (a * (1 - a)) by apply: Rinv_0_lt_compat; nra.
  have := Rmult_le_compat_r _ _ _ (Rlt_le _ _ ia) H.
  have -> : ln A * / (a * (1 - a)) = - (ln A / (a * (a - 1))) by field; lra.
  have -> : (a * ln M + (1 - a) * ln N) * / (a * (1 - a)) = - (ln M / (a - 1)) + ln N / a by field; lra.
  lra.
- (* a > 1: M = sum (p^a eta^(1-a))^(1/a) (eta r)^((a-1)/a) <= A^(1/a) N^((a-1)/a) *)
  have ia := Rinv_0_lt_compat _ a0.
  have th : 0 <= / a <= 1.
    by split; [lra | rewrite -Rinv_1; apply: Rinv_le_contravar; lra].
  have := @hoelder S (fun x => Rpower (p x) a * Rpower (eta x) (1 - a)) (fun x => eta x * r x) (/ a) A N th Ap Np.
  move=> /(_ _ exS sumA sumN) H.
  have {}H : ln M <= / a * ln A + (1 - / a) * ln N.
    have -> : M = sum (fun x => if S x then Rpower (Rpower (p x) a * Rpower (eta x) (1 - a)) (/ a) * Rpower (eta x * r x) (1 - / a) else 0).
      apply: sum_ext => x; rewrite /S; case: Rlt_dec => //= px; case: Rlt_dec => //= rx; have ex := pos x px ag.
      case: Rlt_dec => //= _; rewrite -Rpower_mult_distr; [|exact: power_pos|exact: power_pos].
      rewrite -(Rpower_mult_distr (eta x)) // !Rpower_mult Rinv_r; last lra.
      rewrite Rpower_1 // (_ : (1 - a) * / a = - (1 - / a)); last by field; lra.
      rewrite Rpower_Ropp (_ : (a - 1) / a = 1 - / a); last by field; lra.
      have P := power_pos (eta x) (1 - / a); field; lra.
    apply: H => x sx; have [px rx ex] := SP x sx.
    by split; apply: Rmult_lt_0_compat => //; exact: power_pos.
  have ib : 0 < / (a - 1) by apply: Rinv_0_lt_compat; lra.
  have := Rmult_le_compat_r _ _ _ (Rlt_le _ _ ib) H.
  have -> : (/ a * ln A + (1 - / a) * ln N) * / (a - 1) = ln A / (a * (a - 1)) + ln N / a by field; lra.
  exact.
Qed.

Definition T10_moment (h : X -> R) (rho : R) : R :=
  sum (fun x => if Rlt_dec 0 (p x) then p x * Rpower (rho - h x) ((a - 1) / a) else 0).

(** Idea: [renyi_young] at [r = rho - h]. *)
Theorem T10_weak_duality (h : X -> R) (rho : R) : (forall x, m = Space \/ 0 < p x -> h x < rho) ->
  Rbar_le (Lambda renyi h) (rho - (ln a + 1) / a - ln (T10_moment h rho) / (a - 1)).
Proof.
move=> hr; apply: Sup_le => v [eta [pe ->]]; case: (pe) => e0 e1.
case E : (renyi eta) => [w||] //; last by case: (@renyi_not_minus eta).
have [dm ->] := renyi_finite e0 E; pose r x := Rmax 0 (rho - h x).
have rp x : m = Space \/ 0 < p x -> r x = rho - h x /\ 0 < r x.
  by move=> /hr l; rewrite /r Rmax_right; lra.
have r0 x : 0 <= r x by exact: Rmax_l.
have ex1 : exists x, 0 < p x /\ 0 < r x.
  have [|x px] := @sum_pos_ex X p; first by rewrite p1; lra.
  by exists x; have [_ ?] := rp x (or_intror px).
have := renyi_young e0 dm r0 (fun x _ px _ => proj2 (rp x (or_intror px))) ex1.
have -> : renyi_moment r = T10_moment h rho.
  apply: sum_ext => x; case: Rlt_dec => //= px; have [<- rx] := rp x (or_intror px); by case: Rlt_dec.
have -> : sum (fun x => eta x * r x) = rho - expect eta h.
  have -> : rho = rho * sum eta by rewrite e1; ring.
  rewrite /expect -sum_scal -sum_minus; apply: sum_ext => x.
  have [z|[-> _]] : eta x = 0 \/ (r x = rho - h x /\ 0 < r x); last ring.
    case em : m (dm) => [] [_ ref _]; first by right; apply: rp; left.
    case: (Rle_lt_or_eq_dec _ _ (p0 x)) => px; [right; exact: rp (or_intror px) | left; exact: ref].
  by rewrite z; ring.
by rewrite /=; lra.
Qed.

(** ** T28: the Rényi divergence is a function of the alpha divergence of order [1 - a] of [eta] from [P] *)
Theorem T28_renyi_alpha eta v : (forall x, 0 < p x -> 0 < eta x) -> prob eta -> renyi eta = Finite v ->
  exp (a * (a - 1) * v) = 1 + a * (a - 1) * sum (fun x => if Rlt_dec 0 (p x) then p x * alpha_val (1 - a) (eta x / p x) else 0).
Proof.
move=> ac [e0 _] /(renyi_finite e0) [[_ _ Ap] ->].
have s0 : a * (a - 1) <> 0 by apply: Rmult_integral_contrapositive; split; lra.
have -> : a * (a - 1) * (ln (sum (renyi_real eta)) / (a * (a - 1))) = ln (sum (renyi_real eta)) by field; lra.
rewrite exp_ln // -sum_scal.
have P1 : sum (fun x => if Rlt_dec 0 (p x) then p x else 0) = 1.
  by rewrite -[RHS]p1; apply: sum_ext => x; case: Rlt_dec => //= n; have := p0 x; lra.
rewrite -{1}P1 -sum_plus; apply: sum_ext => x; rewrite /renyi_real /alpha_val; case: Rlt_dec => [px|n] /=; last ring.
have ex := ac x px; case: Rlt_dec => //= _.
have -> : Rpower (eta x) (1 - a) = Rpower (p x) (1 - a) * Rpower (eta x / p x) (1 - a).
  by rewrite Rpower_mult_distr //; [congr (Rpower _ _); field; lra | exact: Rdiv_lt_0_compat].
rewrite -Rmult_assoc -Rpower_plus (_ : a + (1 - a) = 1) ?Rpower_1 //; last ring.
by field; lra.
Qed.
End Renyi.

(** ** T2 and T6 for Rényi's divergence *)
Theorem T2_renyi_strong_duality (X Y : finType) (a : R) (m : support) (p : X -> R) (c : X -> Y -> Rbar) (q : Y -> R) :
  0 < a -> a <> 1 -> prob p -> nonneg_cost c -> (forall x, exists y, finite (c x y)) ->
  Dc (renyi a m p) c q = Sup (fun v => exists g, v = dual_value (renyi a m p) c q g).
Proof. by move=> a0 a1 pp c0 r; apply: T2_strong_duality => //; [exact: renyi_closed | exact: renyi_nonneg]. Qed.

(** Idea: the abstract T6, as Rényi's divergence is closed, nonnegative and zero at [P]. *)
Theorem T6_renyi_strong_duality (X : finType) (a : R) (m : support) (p : X -> R) (c : X -> X -> Rbar) (phi : X -> R)
  (eps kappa : R) : 0 < a -> a <> 1 -> prob p -> nonneg_cost c -> reflexive_cost c -> 0 < eps -> 0 <= kappa ->
  exists lambda, 0 <= lambda /\ DRO (Dc (renyi a m p) c) phi eps kappa = T6_objective (renyi a m p) c phi eps kappa lambda.
Proof.
move=> a0 a1 pp c0 cd e0 k0; apply: T6_strong_duality => //.
- exact: renyi_closed.
- exact: renyi_nonneg.
- by move=> x; exists x; rewrite cd.
- by apply: (one_space_slater pp c0 cd _ e0); exact: renyi_self.
Qed.
