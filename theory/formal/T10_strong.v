(** * T10, strong form: [Lambda[h] = min_rho { rho - (log a + 1)/a - log E_P[(rho - h)^((a-1)/a)] / (a - 1) }]

    Idea: as in T3, the constraint "total mass 1" has a multiplier [rho], since Rényi's divergence is convex in the masses
    [eta] whatever their total; then the masses are free, and the stationary ones [p (rho - h)^(-1/a) / (a N)] are worth the bound
    of T10's weak form. *)
(** Theorems:
    - [T10_weak_closed]: every feasible rho, the boundary rho = max h included, bounds the re-weighting step
    - [T10_strong_duality]: one rho attains it: Lambda[h] is the value at that rho, both modes, every order
    - [T10_infimum]: so Lambda[h] is the infimum over rho
    - [T10_renyi_strong_duality]: the DRO value is T10's dual objective at an attained pair lambda, rho (under
      Slater's condition), or the reachable supremum *)
From ArmorD Require Export RenyiProgram.

Section Convex.
Context {X : finType} (a : R) (m : support) (p : X -> R).
Hypotheses (a0 : 0 < a) (a1 : a <> 1) (pp : prob p).
Let p0 : forall x, 0 <= p x := proj1 pp.
Notation A := (renyi_real a p).

Lemma ln_mono u v : 0 < u -> u <= v -> ln u <= ln v.
Proof. by move=> u0 [l|<-]; [left; exact: ln_increasing | exact: Rle_refl]. Qed.

(** The positive entries of [eta], and 1 elsewhere: a point where minorants touch. *)
Definition filled (eta : X -> R) x := if Rlt_dec 0 (eta x) then eta x else 1.

Lemma filled_pos eta x : 0 < filled eta x.
Proof. by rewrite /filled; case: Rlt_dec => //= _; lra. Qed.

(** Idea: for [a < 1] the powers and the logarithm lie below their tangents; for [a > 1] by the minorant of [renyi_closed] at the mixture. *)
Lemma renyi_div_convex (e1 e2 : X -> R) b : 0 <= b <= 1 -> (forall x, 0 <= e1 x) -> (forall x, 0 <= e2 x) ->
  renyi_dom a m p e1 -> renyi_dom a m p e2 -> let e x := b * e1 x + (1 - b) * e2 x in
  renyi_dom a m p e /\ renyi_div a p e <= b * renyi_div a p e1 + (1 - b) * renyi_div a p e2.
Proof.
move=> b01 e10 e20 [pos1 ref1 A1] [pos2 ref2 A2] e.
have e0 x : 0 <= e x by have := e10 x; have := e20 x; rewrite /e; nra.
have dead x : e x = 0 -> (b = 0 \/ e1 x = 0) /\ (b = 1 \/ e2 x = 0).
  move=> z; have t1 : 0 <= b * e1 x by have := e10 x; nra.
  have t2 : 0 <= (1 - b) * e2 x by have := e20 x; nra.
  have z1 : b * e1 x = 0 by rewrite /e in z; lra.
  have z2 : (1 - b) * e2 x = 0 by rewrite /e in z; lra.
  by split; [case: (Rmult_integral _ _ z1); [left | right] | case: (Rmult_integral _ _ z2); [left; lra | right]].
case: (Rdichotomy _ _ a1) => [al|ag].
- (* the sum is concave *)
  have conc : b * sum (A e1) + (1 - b) * sum (A e2) <= sum (A e).
    rewrite -!sum_scal -sum_plus; apply: sum_le => x; rewrite /renyi_real; case: Rlt_dec => /= px; last lra.
    case: (Rlt_dec 0 (e x)) => /= ex; last first.
      have [h1 h2] := dead x (Rle_antisym _ _ (Rnot_lt_le _ _ ex) (e0 x)).
      case: (Rlt_dec 0 (e1 x)) => /= l1; case: (Rlt_dec 0 (e2 x)) => /= l2; case: h1 => h1; case: h2 => h2; rewrite ?h1 ?h2; lra.
    have P := power_pos (p x) a; have Q := power_pos (e x) (1 - a); have PQ := Rmult_lt_0_compat _ _ P Q.
    have below u : 0 <= u -> (if Rlt_dec 0 u then Rpower (p x) a * Rpower u (1 - a) else 0)
        <= Rpower (p x) a * Rpower (e x) (1 - a) * (1 + (1 - a) * (u / e x - 1)).
      move=> u0; case: Rlt_dec => /= up; last first.
        have -> : u = 0 by lra.
        by rewrite /Rdiv Rmult_0_l; apply: Rmult_le_pos; lra.
      have r0 : 0 < u / e x by exact: Rdiv_lt_0_compat.
      have -> : Rpower u (1 - a) = Rpower (e x) (1 - a) * Rpower (u / e x) (1 - a).
        by rewrite Rpower_mult_distr //; congr (Rpower _ _); field; lra.
      by rewrite -Rmult_assoc; apply: Rmult_le_compat_l; [lra | exact: power_tangent_above].
    have h1 := Rmult_le_compat_l _ _ _ (proj1 b01) (below _ (e10 x)).
    have b1 : 0 <= 1 - b by lra.
    have h2 := Rmult_le_compat_l _ _ _ b1 (below _ (e20 x)).
    apply: Rle_trans (Rplus_le_compat _ _ _ _ h1 h2) _; right.
    set K := Rpower (p x) a * Rpower (e x) (1 - a); have ee : e x = b * e1 x + (1 - b) * e2 x by [].
    have -> : b * (K * (1 + (1 - a) * (e1 x / e x - 1))) + (1 - b) * (K * (1 + (1 - a) * (e2 x / e x - 1)))
       = K * (1 + (1 - a) * ((b * e1 x + (1 - b) * e2 x) / e x - 1)) by field; lra.
    by rewrite -ee; field; lra.
  have Ap : 0 < sum (A e) by nra.
  have conc' : b * ln (sum (A e1)) + (1 - b) * ln (sum (A e2)) <= ln (sum (A e)).
    apply: (Rle_trans _ (ln (b * sum (A e1) + (1 - b) * sum (A e2)))); last by apply: ln_mono => //; nra.
    have := means b01 A1 A2 => h; have := ln_mono _ h; rewrite ln_mult; [|exact: power_pos|exact: power_pos].
    by rewrite /Rpower !ln_exp; apply; apply: Rmult_lt_0_compat; exact: exp_pos.
  split; first by split => // [x _ ?|em x px]; [lra | rewrite /e ref1 // ref2 //; ring].
  have i0 : / (a * (a - 1)) < 0 by apply: Rinv_lt_0_compat; nra.
  rewrite /renyi_div /Rdiv; nra.
- have pos x : 0 < p x -> 0 < e x.
    by move=> px; have h1 := pos1 x px ag; have h2 := pos2 x px ag; rewrite /e; nra.
  have Ap : 0 < sum (A e).
    have [|x px] := @sum_pos_ex X p; first by case: pp => _ ->; lra.
    apply: Rlt_le_trans (sum_ge_term x (renyi_real_ge0 a p e)); rewrite /renyi_real.
    have ex := pos x px; case: Rlt_dec => //= _; case: Rlt_dec => //= _.
    by apply: Rmult_lt_0_compat; exact: power_pos.
  split; first by split => // [x px _|em x px]; [exact: pos | rewrite /e ref1 // ref2 //; ring].
  have V : total a p (filled e) = sum (A e).
    apply: sum_ext => x; rewrite /weight /renyi_real /filled; case: Rlt_dec => //= px.
    by have ex := pos x px; case: Rlt_dec.
  have Vp : 0 < total a p (filled e) by rewrite V.
  have touch_ : expect e (tilt a p (filled e)) = level a p (filled e).
    apply: sum_ext => x; rewrite /tilt; set V' := total a p (filled e) in Vp *; rewrite /weight /filled; case: Rlt_dec => /= px; last by rewrite /Rdiv; ring.
    by have ex := pos x px; case: Rlt_dec => //= _; field; split; lra.
  have t0 := filled_pos e; have h1 := above_minorant_real a1 pp ag t0 (And3 pos1 ref1 A1).
  have h2 := above_minorant_real a1 pp ag t0 (And3 pos2 ref2 A2).
  have mix : expect e (tilt a p (filled e)) = b * expect e1 (tilt a p (filled e)) + (1 - b) * expect e2 (tilt a p (filled e)).
    by rewrite /expect -!sum_scal -sum_plus; apply: sum_ext => x; rewrite {1}/e; ring.
  have k1 := Rmult_le_compat_l _ _ _ (proj1 b01) h1.
  have b1 : 0 <= 1 - b by lra.
  have k2 := Rmult_le_compat_l _ _ _ b1 h2.
  apply: Rle_trans (Rplus_le_compat _ _ _ _ k1 k2); right; rewrite /renyi_div V /s_.
  have s0 : a * (a - 1) <> 0 by apply: Rmult_integral_contrapositive; split; lra.
  apply: (Rmult_eq_reg_r (a * (a - 1))) => //.
  have -> : ln (sum (A e)) / (a * (a - 1)) * (a * (a - 1)) = ln (sum (A e)) + (expect e (tilt a p (filled e)) - level a p (filled e)).
    by rewrite touch_; field; split; lra.
  by rewrite mix; field; split; lra.
Qed.
End Convex.

Section T10.
Context {X : finType} (a : R) (m : support) (p h : X -> R).
Hypotheses (a0 : 0 < a) (a1 : a <> 1) (pp : prob p).
Let p0 : forall x, 0 <= p x := proj1 pp.
Let p1 : sum p = 1 := proj2 pp.

(** [rho - (log a + 1)/a - log E_P[(rho - h)^((a-1)/a)] / (a - 1)]; points with [h = rho] add nothing for [a > 1] and are
    outside the domain for [a < 1]. *)
Definition residuals (rho : R) (x : X) : R := Rmax 0 (rho - h x).
Definition T10_objective (rho : R) : R := rho - renyi_gain a p (residuals rho).
Definition T10_feasible (rho : R) : Prop :=
  [/\ forall x, m = Space \/ 0 < p x -> h x <= rho, forall x, a < 1 -> 0 < p x -> h x < rho & exists x, 0 < p x /\ h x < rho].

Lemma residualsE rho x : T10_feasible rho -> m = Space \/ 0 < p x -> residuals rho x = rho - h x.
Proof. by move=> [le _ _] /le l; rewrite /residuals Rmax_right; lra. Qed.

(** Idea: [renyi_young] at the residuals; the boundary [rho = max h] is allowed. *)
Theorem T10_weak_closed rho : T10_feasible rho -> Rbar_le (Lambda (renyi a m p) h) (T10_objective rho).
Proof.
move=> fe; have [le live ex] := fe; apply: Sup_le => v [eta [pe ->]]; have [e0 e1] := pe.
case E : (renyi a m p eta) => [w||] //; last by case: (@renyi_not_minus X a m p eta).
have [dm ->] := renyi_finite a1 e0 E; set r := residuals rho.
have r0 x : 0 <= r x by exact: Rmax_l.
have rp x : 0 < p x -> r x = rho - h x by move=> px; apply: residualsE => //; right.
have := renyi_young a0 a1 pp e0 dm r0 => /(_ _ _) y.
have {y} : renyi_gain a p r <= ln (sum (renyi_real a p eta)) / (a * (a - 1)) + sum (fun x => eta x * r x).
  apply: y; first by move=> x al px _; rewrite rp //; have := live x al px; lra.
  by have [x [px l]] := ex; exists x; rewrite rp //; split => //; lra.
have -> : sum (fun x => eta x * r x) = rho - expect eta h.
  have -> : rho = rho * sum eta by rewrite e1; ring.
  rewrite /expect -sum_scal -sum_minus; apply: sum_ext => x.
  have [z|-> //] : eta x = 0 \/ r x = rho - h x; [|by rewrite z; ring|ring].
  case: dm => _ ref _; case em : m ref fe rp => ref fe rp; first by right; apply: residualsE => //; left.
  by case: (Rle_lt_or_eq_dec _ _ (p0 x)) => px; [right; exact: rp | left; exact: ref].
by rewrite /T10_objective -/r /=; lra.
Qed.

(** Multiples of [P], and [P] with more mass at one point. *)
Lemma multiple_dom t : 0 < t -> renyi_dom a m p (fun x => t * p x) /\ renyi_div a p (fun x => t * p x) = - (ln t / a).
Proof.
move=> t0; have T x : renyi_real a p (fun x => t * p x) x = Rpower t (1 - a) * p x.
  rewrite /renyi_real; case: Rlt_dec => [px|n] /=; last by have -> : p x = 0 by [have := p0 x; lra]; ring.
  have tp : 0 < t * p x by exact: Rmult_lt_0_compat.
  have e : p x = Rpower (p x) a * Rpower (p x) (1 - a) by rewrite -Rpower_plus (_ : a + (1 - a) = 1) ?Rpower_1 //; ring.
  by case: Rlt_dec => //= _; rewrite -Rpower_mult_distr // [in RHS]e; ring.
have S : sum (renyi_real a p (fun x => t * p x)) = Rpower t (1 - a) by rewrite (sum_ext T) sum_scal p1; ring.
split; last by rewrite /renyi_div S /Rpower ln_exp; field; lra.
by split=> [x px _|_ x ->|]; [exact: Rmult_lt_0_compat | ring | rewrite S; exact: power_pos].
Qed.

Definition raised (x : X) (s : R) (z : X) : R := p z + if z == x then s else 0.

Lemma raised_dom x s : m = Space \/ 0 < p x -> 0 <= s -> renyi_dom a m p (raised x s) /\ renyi_div a p (raised x s) <= 0.
Proof.
move=> ok s0; have [dm D1] := multiple_dom Rlt_0_1.
have e : (fun z => 1 * p z) = p by apply: functional_extensionality => z; ring.
rewrite e in dm D1; rewrite (_ : 0 = renyi_div a p p); last by rewrite D1 ln_1 /Rdiv; ring.
apply: (renyi_more a0 a1 pp) => // [z|em z pz]; first by rewrite /raised; have := p0 z; case: eqP => _; lra.
by rewrite /raised pz; case: eqP => [ez|_]; [case: ok => [/(eq_trans (esym em))|] //; rewrite -ez; lra | ring].
Qed.

Lemma Lambda_renyi_finite : exists V, Lambda (renyi a m p) h = Finite V.
Proof.
case e : (Lambda _ _) => [V||]; first by exists V.
- have : Rbar_le (Lambda (renyi a m p) h) (sum (fun x => Rabs (h x))).
    apply: Sup_le => v [eta [pe ->]]; have := renyi_nonneg m a0 a1 pp pe; case: (renyi a m p eta) => [d||] //= d0.
    suff : expect eta h <= sum (fun x => Rabs (h x)) by lra.
    have -> : sum (fun x => Rabs (h x)) = sum (fun x => eta x * sum (fun x => Rabs (h x))) by rewrite sum_scalr (proj2 pe); ring.
    apply: sum_le => x; apply: Rmult_le_compat_l; first exact: (proj1 pe).
    by apply: Rle_trans (Rle_abs _) _; apply: (@sum_ge_term _ (fun x => Rabs (h x))) => z; exact: Rabs_pos.
  by rewrite e.
- have : Rbar_le (Rbar_minus (expect p h) (renyi a m p p)) (Lambda (renyi a m p) h) by apply: Sup_ge; exists p.
  by rewrite e renyi_self.
Qed.

(** The multiplier of the total mass: all nonnegative masses are free at the prices [h - rho]. *)
Lemma free_masses V : Lambda (renyi a m p) h = Finite V -> exists rho, forall eta, (forall x, 0 <= eta x) -> renyi_dom a m p eta ->
  - sum (fun x => eta x * (rho - h x)) - renyi_div a p eta <= V - rho.
Proof.
move=> eV; pose K t v := exists eta, [/\ forall x, 0 <= eta x, renyi_dom a m p eta, sum eta = 1 + t & v <= expect eta h - renyi_div a p eta].
have scaled t : 0 < t -> K (t - 1) (expect (fun x => t * p x) h - renyi_div a p (fun x => t * p x)).
  move=> t0; exists (fun x => t * p x); split; [by move=> x; apply: Rmult_le_pos => //; lra | by case: (multiple_dom t0) | | lra].
  by rewrite sum_scal p1; ring.
have convex : convex2 K.
{ move=> s u t v b [e1 [e10 d1 s1 l1]] [e2 [e20 d2 s2 l2]] b01.
  have [d l] := renyi_div_convex a0 a1 pp b01 e10 e20 d1 d2.
  exists (fun x => b * e1 x + (1 - b) * e2 x); split => //.
  - by move=> x; have := e10 x; have := e20 x; nra.
  - by rewrite sum_plus !sum_scal s1 s2; ring.
  - have -> : expect (fun x => b * e1 x + (1 - b) * e2 x) h = b * expect e1 h + (1 - b) * expect e2 h.
      by rewrite /expect -!sum_scal -sum_plus; apply: sum_ext => x; ring.
    nra. }
have [|||rho hr] := @multiplier K V convex.
- move=> v [eta [e0 d e1 l]]; rewrite Rplus_0_r in e1.
  have : Rbar_le (Rbar_minus (expect eta h) (renyi a m p eta)) (Lambda (renyi a m p) h) by apply: Sup_ge; exists eta.
  by rewrite (renyi_eq a1 pp e0 d) eV /=; lra.
- by exists (/2 - 1); eexists; split; [lra | apply: scaled; lra].
- by exists (2 - 1); eexists; split; [lra | apply: scaled; lra].
- exists rho => eta e0 d; have := hr (sum eta - 1) (expect eta h - renyi_div a p eta).
  have -> : sum (fun x => eta x * (rho - h x)) = rho * sum eta - expect eta h.
    by rewrite /expect -sum_scal -sum_minus; apply: sum_ext => x; ring.
  move=> l; suff : expect eta h - renyi_div a p eta <= V + rho * (sum eta - 1) by lra.
  by apply: l; exists eta; split => //; [ring | lra].
Qed.

Section Multiplier.
Variables (V rho : R).
Hypothesis free : forall eta, (forall x, 0 <= eta x) -> renyi_dom a m p eta ->
  - sum (fun x => eta x * (rho - h x)) - renyi_div a p eta <= V - rho.

Lemma raised_sum x s : sum (fun z => raised x s z * (rho - h z)) = sum (fun z => p z * (rho - h z)) + s * (rho - h x).
Proof.
rewrite -(sum_dirac (fun z => s * (rho - h z)) x) -sum_plus; apply: sum_ext => z; rewrite /raised; case: eqP => _; ring.
Qed.

Lemma raised_ge0 x s : 0 <= s -> forall z, 0 <= raised x s z.
Proof. by move=> s0 z; rewrite /raised; have := p0 z; case: eqP => _; lra. Qed.

(** More and more mass at one point, or everywhere, must not pay. *)
Lemma multiplier_feasible : T10_feasible rho.
Proof.
set B := V - rho + sum (fun z => p z * (rho - h z)).
have le x : m = Space \/ 0 < p x -> h x <= rho.
  move=> ok; apply: Rnot_lt_le => l; pose s := (Rabs B + 1) / (h x - rho); have Bp := Rabs_pos B; have Bl := Rle_abs B.
  have s0 : 0 <= s by apply: ratio_ge0; lra.
  have [dm dv] := raised_dom ok s0; have := free (raised_ge0 x s0) dm; rewrite raised_sum.
  have : s * (h x - rho) = Rabs B + 1 by rewrite /s; field; lra.
  rewrite /B in Bp Bl *; lra.
split => //.
- move=> x al px; case: (Rle_lt_or_eq_dec _ _ (le x (or_intror px))) => // ex.
  pose T := a * (Rabs (B - ln (p x) / (1 - a)) + 1); pose s := exp T; have s0 : 0 < s by exact: exp_pos.
  have [dm _] := raised_dom (or_intror px) (Rlt_le _ _ s0); have := free (raised_ge0 x (Rlt_le _ _ s0)) dm; rewrite raised_sum.
  have rx : s <= raised x s x by rewrite /raised eqxx; lra.
  have low : Rpower (p x) a * Rpower s (1 - a) <= sum (renyi_real a p (raised x s)).
    apply: Rle_trans (sum_ge_term x (renyi_real_ge0 a p _)); rewrite /renyi_real; case: Rlt_dec => //= _.
    case: Rlt_dec => /= [_|]; last lra.
    by apply: Rmult_le_compat_l; [left; exact: power_pos | apply: Rle_Rpower_l; lra].
  have lp : 0 < Rpower (p x) a * Rpower s (1 - a) by apply: Rmult_lt_0_compat; exact: power_pos.
  have := ln_mono lp low; rewrite ln_mult; [|exact: power_pos|exact: power_pos]; rewrite /Rpower !ln_exp => l.
  have i0 : 0 < / (a * (1 - a)) by apply: Rinv_0_lt_compat; nra.
  have := Rmult_le_compat_r _ _ _ (Rlt_le _ _ i0) l.
  have -> : (a * ln (p x) + (1 - a) * T) * / (a * (1 - a)) = ln (p x) / (1 - a) + T / a by field; lra.
  have -> : ln (sum (renyi_real a p (raised x s))) * / (a * (1 - a)) = - renyi_div a p (raised x s) by rewrite /renyi_div; field; lra.
  have -> : T / a = Rabs (B - ln (p x) / (1 - a)) + 1 by rewrite /T; field; lra.
  by have := Rle_abs (B - ln (p x) / (1 - a)); rewrite ex /B; lra.
- apply: NNPP => none; have zero x : 0 < p x -> rho - h x = 0.
    move=> px; have l := le x (or_intror px); case: (Rle_lt_or_eq_dec _ _ l) => [l'|->]; last ring.
    by case: none; exists x.
  pose t := exp (a * (Rabs (V - rho) + 1)); have t0 : 0 < t by exact: exp_pos.
  have [dm dv] := multiple_dom t0; have n0 x : 0 <= t * p x by apply: Rmult_le_pos => //; lra.
  have := free n0 dm; rewrite dv /t ln_exp sum_zero => [|x]; last first.
    by case: (Rle_lt_or_eq_dec _ _ (p0 x)) => [/zero ->|<-]; ring.
  have -> : a * (Rabs (V - rho) + 1) / a = Rabs (V - rho) + 1 by field; lra.
  by have := Rle_abs (V - rho); lra.
Qed.

(** Idea: the stationary masses [p r^(-1/a) / (a N)] are worth the bound; where [r = 0] a large mass costs next to nothing. *)
Lemma multiplier_worth : T10_objective rho <= V.
Proof.
have fe := multiplier_feasible; have [_ live [x1 [px1 hx1]]] := fe; set r := residuals rho.
have rp x : 0 < p x -> r x = rho - h x by move=> px; apply: residualsE => //; right.
have r0 x : 0 <= r x by exact: Rmax_l.
set N := renyi_moment a p r; have N0 : 0 < N.
  have t0 x : 0 <= (if Rlt_dec 0 (p x) then if Rlt_dec 0 (r x) then p x * Rpower (r x) ((a - 1) / a) else 0 else 0).
    case: Rlt_dec => /= px; last lra.
    by case: Rlt_dec => /= _; [apply: Rmult_le_pos => //; left; exact: power_pos | lra].
  apply: Rlt_le_trans (sum_ge_term x1 t0); have rx1 : 0 < r x1 by rewrite rp //; lra.
  by case: Rlt_dec => //= _; case: Rlt_dec => //= _; apply: Rmult_lt_0_compat => //; exact: power_pos.
have aN : 0 < a * N by exact: Rmult_lt_0_compat.
have iN := Rinv_0_lt_compat _ aN; set i := / (a * N) in iN; pose A0 := N * Rpower (a * N) (a - 1).
have A00 : 0 < A0 by apply: Rmult_lt_0_compat => //; exact: power_pos.
have gainE : renyi_gain a p r = / a + ln A0 / (a * (a - 1)).
  rewrite /renyi_gain -/N /A0 ln_mult //; last exact: power_pos.
  by rewrite /Rpower ln_exp ln_mult //; field; split; lra.
pose S := sum (fun x => Rpower (p x) a); have S0 : 0 <= S by apply: sum_ge0 => x; left; exact: power_pos.
pose k := S / A0 * / Rabs (a * (a - 1)).
have s0 : a * (a - 1) <> 0 by apply: Rmult_integral_contrapositive; split; lra.
have k0 : 0 <= k.
  by apply: Rmult_le_pos; [exact: ratio_ge0 | left; apply: Rinv_0_lt_compat; exact: Rabs_pos_lt].
apply: (@le_small _ _ k) => // e e0.
have [T [T0 eT]] : exists T, 0 < T /\ (1 < a -> Rpower T (1 - a) = e).
  case: (Rlt_dec 1 a) => ag; last by exists 1; split => //; lra.
  have w0 : 0 < a - 1 by lra.
  have [d [d0 ed]] := small_power e0 w0; exists (/ d); split; first exact: Rinv_0_lt_compat.
  by move=> _; rewrite -ed /Rpower ln_Rinv //; congr exp; ring.
pose w x := if Rlt_dec 0 (p x) then if Rlt_dec 0 (r x) then p x * Rpower (r x) (- / a) * i else T else 0.
have w0 x : 0 <= w x.
  rewrite /w; case: Rlt_dec => /= px; last lra.
  case: Rlt_dec => /= rx; last lra.
  by apply: Rmult_le_pos; [apply: Rmult_le_pos => //; left; exact: power_pos | lra].
have linear : sum (fun x => w x * (rho - h x)) = / a.
  have -> : / a = N * i by rewrite /i; field; lra.
  rewrite /N /renyi_moment -sum_scalr; apply: sum_ext => x; rewrite /w; case: Rlt_dec => /= px; last ring.
  rewrite -rp //; case: Rlt_dec => /= rx; last by have -> : r x = 0 by [have := r0 x; lra]; ring.
  have -> : Rpower (r x) ((a - 1) / a) = Rpower (r x) (- / a) * r x.
    by rewrite -{3}(Rpower_1 (r x)) // -Rpower_plus; congr Rpower; field; lra.
  ring.
have sumA : sum (renyi_real a p w) = A0 + sum (fun x => if Rlt_dec 0 (p x) then if Rlt_dec 0 (r x) then 0 else Rpower (p x) a * Rpower T (1 - a) else 0).
  rewrite /A0 {1}/N /renyi_moment -sum_scalr -sum_plus; apply: sum_ext => x; rewrite /renyi_real /w; case: Rlt_dec => /= px; last ring.
  case: Rlt_dec => /= rx; last by case: Rlt_dec => /= ?; [ring | lra].
  have P := power_pos (r x) (- / a); have pw : 0 < p x * Rpower (r x) (- / a) by exact: Rmult_lt_0_compat.
  case: Rlt_dec => /= [_|n]; last by case: n; exact: Rmult_lt_0_compat.
  rewrite -Rpower_mult_distr // -Rpower_mult_distr //.
  have -> : Rpower i (1 - a) = Rpower (a * N) (a - 1) by rewrite /Rpower /i ln_Rinv //; congr exp; ring.
  rewrite Rpower_mult (_ : - / a * (1 - a) = (a - 1) / a); last by field; lra.
  have -> : Rpower (p x) a * (Rpower (p x) (1 - a) * Rpower (r x) ((a - 1) / a) * Rpower (a * N) (a - 1))
     = Rpower (p x) a * Rpower (p x) (1 - a) * Rpower (r x) ((a - 1) / a) * Rpower (a * N) (a - 1) by ring.
  by rewrite -Rpower_plus (_ : a + (1 - a) = 1) ?Rpower_1 //; ring.
set rest := sum (fun x => if Rlt_dec 0 (p x) then _ else 0) in sumA.
have rest0 : 0 <= rest.
  apply: sum_ge0 => x; case: Rlt_dec => /= _; last lra.
  by case: Rlt_dec => /= _; [lra | apply: Rmult_le_pos; left; exact: power_pos].
have dm : renyi_dom a m p w.
  split=> [x px ag|_ x px|]; [|by rewrite /w px; case: Rlt_dec => //= ?; lra|by rewrite sumA; lra].
  rewrite /w; case: Rlt_dec => //= _; case: Rlt_dec => //= rx.
  by apply: Rmult_lt_0_compat => //; apply: Rmult_lt_0_compat => //; exact: power_pos.
have cost_ : renyi_div a p w <= ln A0 / (a * (a - 1)) + k * e.
  rewrite /renyi_div sumA; case: (Rdichotomy _ _ a1) => [al|ag].
    have -> : rest = 0.
      apply: sum_zero => x; case: Rlt_dec => //= px; case: Rlt_dec => //= n; case: n; rewrite rp //.
      by have := live x al px; lra.
    by rewrite Rplus_0_r; have := Rmult_le_pos _ _ k0 (Rlt_le _ _ e0); lra.
  have sp : 0 < a * (a - 1) by nra.
  have rest1 : rest <= S * e.
    rewrite /rest /S -sum_scalr; apply: sum_le => x; have P := power_pos (p x) a; rewrite eT //.
    by case: Rlt_dec => /= _; [case: Rlt_dec => /= _|]; nra.
  have q0 : 0 <= rest / A0 by exact: ratio_ge0.
  have := @ln_le (1 + rest / A0); have -> : 1 + rest / A0 - 1 = rest / A0 by ring.
  have -> : A0 + rest = A0 * (1 + rest / A0) by field; lra.
  rewrite ln_mult //; last lra.
  move=> /(_ _) l; have {}l : ln (1 + rest / A0) <= rest / A0 by apply: l; lra.
  have ke : k * e = S * e / A0 / (a * (a - 1)) by rewrite /k Rabs_pos_eq; [field; lra | lra].
  have i1 := Rinv_0_lt_compat _ A00; have i2 := Rinv_0_lt_compat _ sp.
  have := Rmult_le_compat_r _ _ _ (Rlt_le _ _ i1) rest1; rewrite -!/(Rdiv _ _) => l2.
  have := Rmult_le_compat_r _ _ _ (Rlt_le _ _ i2) (Rle_trans _ _ _ l l2); rewrite -!/(Rdiv _ _) ke /Rdiv; lra.
have := free w0 dm; rewrite linear /T10_objective -/r gainE; lra.
Qed.
End Multiplier.

(** Idea: the multiplier of the total mass is feasible, and worth the value by the stationary masses. *)
Theorem T10_strong_duality : exists rho, T10_feasible rho /\ Lambda (renyi a m p) h = T10_objective rho.
Proof.
have [V eV] := Lambda_renyi_finite; have [rho free] := free_masses eV.
have fe := multiplier_feasible free; exists rho; split => //; apply: Rbar_le_antisym; first exact: T10_weak_closed.
by rewrite eV; exact: multiplier_worth free.
Qed.

(** Idea: the bound for every feasible [rho], attained at one. *)
Corollary T10_infimum : Lambda (renyi a m p) h = Inf (fun v => exists rho, T10_feasible rho /\ v = Finite (T10_objective rho)).
Proof.
apply: Rbar_le_antisym; first by apply: Inf_ge => v [rho [fe ->]]; exact: T10_weak_closed.
by have [rho [fe ->]] := T10_strong_duality; apply: Inf_le; exists rho.
Qed.
End T10.

(** T10 as it is written: [lambda eps + rho - mu (log a + 1)/a + mu log mu / a - mu/(a - 1) log E_P[(rho - phi^c_mu)^((a-1)/a)]].
    Idea: T6 with [Lambda] written out by [T10_strong_duality], and [rho] scaled by [mu]. *)
Theorem T10_renyi_strong_duality (X Y : finType) (a : R) (m : support) (p : X -> R) (c : X -> Y -> Rbar) (phi : Y -> R)
  (eps kappa : R) : 0 < a -> a <> 1 -> prob p -> nonneg_cost c -> (forall x, exists y, finite (c x y)) -> 0 <= kappa ->
  (exists q, prob q /\ Rbar_lt (Dc (renyi a m p) c q) eps) -> let V := DRO (Dc (renyi a m p) c) phi eps kappa in
  exists lambda, 0 <= lambda /\
  ((0 < lambda + kappa /\ exists rho, T10_feasible a m p (transport_step c phi (lambda + kappa)) rho /\
     let mu := lambda + kappa in V = lambda * eps + rho - mu * ((ln a + 1) / a) + mu * ln mu / a
       - mu / (a - 1) * ln (renyi_moment a p (residuals (transport_step c phi mu) rho))) \/
   (lambda = 0 /\ kappa = 0 /\
    V = Sup (fun v => exists q d, [/\ prob q, Dc (renyi a m p) c q = Finite d & v = Finite (expect q phi)]))).
Proof.
move=> a0 a1 pp c0 reach k0 sl V.
have [lambda [l0 e]] := T6_strong_duality (renyi_closed a0 a1 pp) (renyi_nonneg m a0 a1 pp) c0 reach phi k0 sl.
exists lambda; split => //; move: e; rewrite -/V /T6_objective; case: Rlt_dec => [m0|n]; rewrite [is_left _]/= => e; last by right; split; [lra | split; [lra |]].
left; split => //; rewrite e; set mu := lambda + kappa in m0 *; set h := transport_step c phi mu.
have [rho [[le live [x1 [px1 hx1]]] ->]] := @T10_strong_duality X a m p (fun x => h x / mu) a0 a1 pp.
have sc x : mu * (h x / mu) = h x by field; lra.
have up x : h x / mu <= rho -> h x <= mu * rho by move=> /(Rmult_le_compat_l _ _ _ (Rlt_le _ _ m0)); rewrite sc.
have up' x : h x / mu < rho -> h x < mu * rho by move=> /(Rmult_lt_compat_l _ _ _ m0); rewrite sc.
have fe : T10_feasible a m p h (mu * rho).
  by split=> [x /le /up|x al px|]; [| apply: up'; exact: live | exists x1; split => //; exact: up'].
exists (mu * rho); split => //; rewrite mult_fin /=; congr Finite; rewrite /T10_objective /renyi_gain.
have E : renyi_moment a p (residuals h (mu * rho)) = Rpower mu ((a - 1) / a) * renyi_moment a p (residuals (fun x => h x / mu) rho).
{ rewrite /renyi_moment -sum_scal; apply: sum_ext => x; case: Rlt_dec => /= px; last ring.
  have l1 := le x (or_intror px); have l2 := up x l1; rewrite /residuals !Rmax_right; [|lra|lra].
  have rE : mu * rho - h x = mu * (rho - h x / mu) by rewrite Rmult_minus_distr_l sc.
  case: Rlt_dec => /= r1; case: Rlt_dec => /= r2.
  - by rewrite rE -Rpower_mult_distr //; ring.
  - by case: r2; apply: (Rmult_lt_reg_l mu) => //; rewrite Rmult_0_r -rE.
  - by case: r1; rewrite rE; exact: Rmult_lt_0_compat.
  - ring. }
have N0 : 0 < renyi_moment a p (residuals (fun x => h x / mu) rho).
  have t0 x : 0 <= (if Rlt_dec 0 (p x) then if Rlt_dec 0 (residuals (fun x => h x / mu) rho x) then p x * Rpower (residuals (fun x => h x / mu) rho x) ((a - 1) / a) else 0 else 0).
    case: Rlt_dec => /= px; last lra.
    by case: Rlt_dec => /= _; [apply: Rmult_le_pos; [lra | left; exact: power_pos] | lra].
  have rx : 0 < residuals (fun x => h x / mu) rho x1 by rewrite /residuals Rmax_right; lra.
  apply: Rlt_le_trans (sum_ge_term x1 t0); case: Rlt_dec => //= _; case: Rlt_dec => //= _.
  by apply: Rmult_lt_0_compat => //; exact: power_pos.
by rewrite E ln_mult //; [rewrite /Rpower ln_exp; field; lra | exact: power_pos].
Qed.
