(** * [D_f] is a closed divergence, and T3, strong form:
    [Lambda_f[h] = min_rho { rho + E_P f*(h - rho) : rho >= h - f'(oo) }]

    Idea: the constraint "total mass 1" has a multiplier [rho] because [f] is finite on both sides of 1;
    then the masses of the points are free and each contributes its own conjugate. *)
(** Theorems:
    - [Df_closed]: D_f is convex and closed
    - [T3_strong_duality]: Lambda_f[h] = min over rho, attained, for f finite around 1
    - [T3_infimum]: the same as an infimum *)
From ArmorD Require Export T02_strong T03_gibbs.

Section DfClosed.
Context {X : finType} (f : ffun) (m : support) (p : X -> R).
Hypothesis pp : prob p.
Let k := slope f m.
Let nk : k <> m_infty := @slope_not_minus f m.

Definition Df_one (x : X) (r : R) : Rbar := if Rlt_dec 0 (p x) then Rbar_mult (p x) (f (r / p x)) else Rbar_mult r k.

Lemma Df_one_minorants x r a : 0 <= r -> Rbar_lt (Finite a) (Df_one x r) ->
  exists y b, (forall s, 0 <= s -> Rbar_le (s * y - b) (Df_one x s)) /\ a < r * y - b.
Proof.
move=> r0; rewrite /Df_one; case: Rlt_dec => [l|n] /=.
  have rr := ratio_ge0 r0 l => la.
  have [y [b [h lb]]] := f_minorants rr (mult_lt_inv l (@f_not_minus_infinity f _ rr) la); exists y, (p x * b); split.
    move=> s s0; have := mult_le l (h _ (ratio_ge0 s0 l)).
    by have -> : p x * (s / p x * y - b) = s * y - p x * b by [field; lra].
  have := Rmult_lt_compat_l _ _ _ l lb.
  have -> : p x * (a / p x) = a by field; lra.
  by have -> : p x * (r / p x * y - b) = r * y - p x * b by field; lra.
move=> {n}.
have kfin k' : k = Finite k' -> forall s, 0 <= s -> Rbar_le (s * k' - 0) (Rbar_mult s k).
  by move=> -> s s0; rewrite ?mult_fin /=; lra.
have kinf y : k = p_infty -> forall s, 0 <= s -> Rbar_le (s * y - 0) (Rbar_mult s k).
  move=> -> s s0; case: (Rle_lt_or_eq_dec _ _ s0) => [sp|<-]; first by rewrite mult_pinf.
  by rewrite Rbar_mult_0_l /=; lra.
case e : k => [k'||]; last by case: nk.
  by rewrite ?mult_fin => l; exists k', 0; rewrite -e; split; [exact: kfin | move: l => /=; lra].
rewrite -e; case: (Rle_lt_or_eq_dec _ _ r0) => [rp|<-].
  move=> _; exists ((Rabs a + 1) / r), 0; split; first exact: kinf.
  have -> : r * ((Rabs a + 1) / r) = Rabs a + 1 by field; lra.
  have := Rle_abs a; lra.
by rewrite Rbar_mult_0_l => /= l; exists 0, 0; split; [exact: kinf | lra].
Qed.

(** Reals below extended terms whose sum exceeds [a]. *)
Lemma split_below (F : X -> Rbar) a : (forall x, F x <> m_infty) -> Rbar_lt (Finite a) (esum F) ->
  exists al : X -> R, (forall x, Rbar_lt (al x) (F x)) /\ a < sum al.
Proof.
move=> nm; rewrite /esum; case: ifPn => [/forallP fin /= l|/forallPn [x0 n] _].
  pose N := sum (fun _ : X => 1); have N0 : 0 <= N by apply: sum_ge0 => x; lra.
  pose e := (sum (fun x => real (F x)) - a) / (N + 1).
  have e0 : 0 < e by apply: Rdiv_lt_0_compat; lra.
  exists (fun x => real (F x) - e); split.
    by move=> x; rewrite (finite_real (fin x)) /=; lra.
  have -> : sum (fun x => real (F x) - e) = sum (fun x => real (F x)) - e * N.
    by rewrite sum_minus /N -sum_scal; congr (_ - _); apply: sum_ext => x; ring.
  have : e * (N + 1) = sum (fun x => real (F x)) - a by rewrite /e; field; lra.
  lra.
pose Mx := Rabs (a + 1 - sum (fun x => real (F x) - 1)); have M0 := Rle_abs (a + 1 - sum (fun x => real (F x) - 1)).
exists (fun x => real (F x) - 1 + (if x == x0 then Mx else 0)); split.
  move=> x; case: eqP => [->|_]; first by move: n (nm x0); case: (F x0).
  by move: (nm x); case: (F x) => [r||] //= _; lra.
by rewrite sum_plus (sum_dirac (fun=> Mx)) /Mx; lra.
Qed.

(** Idea: the sum of affine minorants of the terms is one of the sum. *)
Theorem Df_closed : closed_divergence (Df f k p).
Proof.
move=> eta a [e0 e1] l.
have nm (e : X -> R) x : 0 <= e x -> Df_one x (e x) <> m_infty.
  move=> ex; rewrite /Df_one; case: Rlt_dec => [lx|n] /=.
    by apply: mult_not_minus; [lra | apply: f_not_minus_infinity; exact: ratio_ge0].
  exact: mult_not_minus.
have [al [hal sal]] := @split_below (fun x => Df_one x (eta x)) a (fun x => nm eta x (e0 x)) l.
have [h hh] := fin_choice (fun x => Df_one_minorants (e0 x) (hal x)).
have [b hb] := fin_choice hh.
exists h, (sum b); split.
  move=> eta' [e0' _].
  case e : (Df f k p eta') => [v||] //; last by case: (@Df_not_minus_infinity X f k p eta' e).
  move/esum_finite: e => [fin ->] /=; rewrite /expect -sum_minus; apply: sum_le => x.
  by have [hx _] := hb x; have := hx _ (e0' x); rewrite /Df_one (fin x).
apply: Rlt_le_trans sal _; rewrite /expect -sum_minus; apply: sum_le => x.
by have [_ hx] := hb x; lra.
Qed.

(** Convexity of the real terms. *)
Lemma Df_term_convex (e1 e2 : X -> R) a : 0 <= a <= 1 -> (forall x, 0 <= e1 x) -> (forall x, 0 <= e2 x) ->
  Df_dom f k p e1 -> Df_dom f k p e2 -> Df_dom f k p (fun x => a * e1 x + (1 - a) * e2 x) /\
  sum (Df_term f k p (fun x => a * e1 x + (1 - a) * e2 x)) <= a * sum (Df_term f k p e1) + (1 - a) * sum (Df_term f k p e2).
Proof.
move=> a01 e10 e20 d1 d2.
suff one x : (if Rlt_dec 0 (p x) then finite (f ((a * e1 x + (1 - a) * e2 x) / p x)) : Prop else a * e1 x + (1 - a) * e2 x = 0 \/ finite k)
   /\ Df_term f k p (fun x => a * e1 x + (1 - a) * e2 x) x <= a * Df_term f k p e1 x + (1 - a) * Df_term f k p e2 x.
  split; first by move=> x; case: (one x).
  by rewrite -!sum_scal -sum_plus; apply: sum_le => x; case: (one x).
move: (d1 x) (d2 x); rewrite /Df_term; case: Rlt_dec => [l|n] /= f1 f2; last first.
  split; last lra.
  by case: f1 => [->|]; [case: f2 => [->|]; [left; ring | right] | right].
have r1 := ratio_ge0 (e10 x) l; have r2 := ratio_ge0 (e20 x) l.
have c1 : Rbar_le (f (e1 x / p x)) (real (f (e1 x / p x))) by rewrite {1}(finite_real f1); exact: Rbar_le_refl.
have c2 : Rbar_le (f (e2 x / p x)) (real (f (e2 x / p x))) by rewrite {1}(finite_real f2); exact: Rbar_le_refl.
have := closed_convex r1 r2 a01 c1 c2.
have -> : a * (e1 x / p x) + (1 - a) * (e2 x / p x) = (a * e1 x + (1 - a) * e2 x) / p x by field; lra.
have r3 : 0 <= (a * e1 x + (1 - a) * e2 x) / p x.
  by apply: ratio_ge0 => //; have := e10 x; have := e20 x; nra.
have := @f_not_minus_infinity f _ r3; case: (f ((a * e1 x + (1 - a) * e2 x) / p x)) => [v||] nm //= h.
split => //; have := Rmult_le_compat_l _ _ _ (Rlt_le _ _ l) h; lra.
Qed.
End DfClosed.

(** [f] is finite on both sides of 1 (CVaR at level 1 alone is not). *)
Definition finite_around_one (f : ffun) : Prop :=
  (exists t, 0 <= t < 1 /\ finite (f t)) /\ (exists t, 1 < t /\ finite (f t)).

Lemma conjugate_not_minus f y : conjugate f y <> m_infty.
Proof.
move=> e; have : Rbar_le (Rbar_minus (1 * y) (f 1)) (conjugate f y) by apply: Sup_ge; exists 1; split => //; lra.
by rewrite f_one e.
Qed.

Section T3.
Context {X : finType} (f : ffun) (m : support) (p h : X -> R).
Hypotheses (pp : prob p) (f1 : finite_around_one f).
Let k := slope f m.
Let nk : k <> m_infty := @slope_not_minus f m.

Definition T3_objective (rho : R) : Rbar := Rbar_plus rho (esum (fun x => Rbar_mult (p x) (conjugate f (h x - rho)))).
Definition T3_feasible (rho : R) : Prop := forall x, Rbar_le (h x - rho) k.

Lemma Lambda_finite : exists V, Lambda (Df f k p) h = Finite V.
Proof.
case e : (Lambda _ _) => [V||]; first by exists V.
- have [x0 _] : exists x : X, True by have [|x _] := @sum_pos_ex X p; [case: pp => _ ->; lra | exists x].
  have [xm [_ hm]] := @fin_argmax X (fun _ => True) h (ex_intro _ x0 I).
  have : Rbar_le (Lambda (Df f k p) h) (h xm).
    apply: Sup_le => v [eta [[e0 e1] ->]]; have := @Df_ge0 X f m p pp eta (conj e0 e1); rewrite -/k.
    case: (Df f k p eta) => [d||] //= d0.
    suff : expect eta h <= h xm by lra.
    have -> : h xm = sum (fun x => eta x * h xm) by rewrite sum_scalr e1; ring.
    by apply: sum_le => x; apply: Rmult_le_compat_l => //; exact: hm.
  by rewrite e.
- have : Rbar_le (Rbar_minus (expect p h) (Df f k p p)) (Lambda (Df f k p) h) by apply: Sup_ge; exists p.
  by rewrite e /k Df_zero.
Qed.

(** Idea: free the masses from total 1 by one multiplier [rho]; the rest separates by points into conjugates. *)
Theorem T3_strong_duality : exists rho, T3_feasible rho /\ Lambda (Df f k p) h = T3_objective rho.
Proof.
have [V eV] := Lambda_finite; have [p0 p1] := pp.
pose K t v := exists eta, [/\ forall x, 0 <= eta x, Df_dom f k p eta, sum eta = 1 + t & v <= expect eta h - sum (Df_term f k p eta)].
have scaled t : 0 <= t -> finite (f t) -> K (t - 1) (expect (fun x => t * p x) h - sum (Df_term f k p (fun x => t * p x))).
  move=> t0 ft; exists (fun x => t * p x); split; [by move=> x; apply: Rmult_le_pos | | | lra].
    move=> x; case: Rlt_dec => [l|n] /=; first by have -> : t * p x / p x = t by field; lra.
    by left; have -> : p x = 0 by [have := p0 x; lra]; ring.
  by rewrite sum_scal p1; ring.
have [rho hr] : exists rho, forall t v, K t v -> v <= V + rho * t.
{ apply: multiplier.
  - move=> s u t v a [e1 [e10 d1 s1 l1]] [e2 [e20 d2 s2 l2]] a01.
    have [d l] := @Df_term_convex X f m p e1 e2 a a01 e10 e20 d1 d2.
    exists (fun x => a * e1 x + (1 - a) * e2 x); split => //.
    + by move=> x; have := e10 x; have := e20 x; nra.
    + by rewrite sum_plus !sum_scal s1 s2; ring.
    + have -> : expect (fun x => a * e1 x + (1 - a) * e2 x) h = a * expect e1 h + (1 - a) * expect e2 h.
        by rewrite /expect -!sum_scal -sum_plus; apply: sum_ext => x; ring.
      rewrite -/k in l; nra.
  - move=> v [eta [e0 d e1 l]]; rewrite Rplus_0_r in e1.
    have : Rbar_le (Rbar_minus (expect eta h) (Df f k p eta)) (Lambda (Df f k p) h) by apply: Sup_ge; exists eta.
    have -> : Df f k p eta = sum (Df_term f k p eta) by exact: (proj2 (Df_finite f p nk _ e0) (conj d erefl)).
    rewrite eV /=; lra.
  - have [[t [[t0 t1] ft]] _] := f1; exists (t - 1); eexists; split; [lra | exact: scaled].
  - have [_ [t [t1 ft]]] := f1; exists (t - 1); eexists; split; [lra | apply: scaled => //; lra]. }
(* all masses are free now *)
have free eta : (forall x, 0 <= eta x) -> Df_dom f k p eta ->
    sum (fun x => eta x * (h x - rho) - Df_term f k p eta x) <= V - rho.
  move=> e0 d; have := hr (sum eta - 1) (expect eta h - sum (Df_term f k p eta)).
  have -> : sum (fun x => eta x * (h x - rho) - Df_term f k p eta x) = expect eta h - rho * sum eta - sum (Df_term f k p eta).
    have e : sum (fun x => eta x * (h x - rho)) = expect eta h - rho * sum eta.
      by rewrite /expect -sum_scal -sum_minus; apply: sum_ext => x; ring.
    by rewrite sum_minus e.
  move=> l; suff : expect eta h - sum (Df_term f k p eta) <= V + rho * (sum eta - 1) by lra.
  by apply: l; exists eta; split => //; [ring | lra].
have pt x : 0 < p x -> p x / p x = 1 by move=> l; field; lra.
(* one point at a time: the others keep their reference mass *)
have single x r : 0 <= r -> (if Rlt_dec 0 (p x) then finite (f (r / p x)) : Prop else r = 0 \/ finite k) ->
    r * (h x - rho) - (if Rlt_dec 0 (p x) then p x * real (f (r / p x)) else r * real k)
      <= V - rho - sum (fun z => if z == x then 0 else p z * (h z - rho)).
  move=> r0 dr; pose eta z := if z == x then r else p z.
  have := free eta; move=> /(_ _ _) fr.
  have : sum (fun z => eta z * (h z - rho) - Df_term f k p eta z) <= V - rho.
    apply: fr => z; rewrite /eta; case: eqP => [e|_]; rewrite ?e //.
    case: Rlt_dec => [l|n] /=; first by rewrite pt // f_one.
    by left; have := p0 z; lra.
  rewrite (sum_D1 _ x) {1 2}/eta {1}/Df_term /eta eqxx.
  have -> : sum (fun z => if z == x then 0 else (if z == x then r else p z) * (h z - rho) - Df_term f k p (fun z => if z == x then r else p z) z)
     = sum (fun z => if z == x then 0 else p z * (h z - rho)).
    apply: sum_ext => z; case: eqP => // ne; rewrite /Df_term; case: eqP => // _.
    case: Rlt_dec => [l|n] /=; first by rewrite pt // f_one /=; ring.
    by have -> : p z = 0 by [have := p0 z; lra]; ring.
  lra.
have fin x : 0 < p x -> finite (conjugate f (h x - rho)).
  move=> l; set B := V - rho - sum (fun z => if z == x then 0 else p z * (h z - rho)).
  have : Rbar_le (conjugate f (h x - rho)) (B / p x).
    apply/conjugate_le => t v t0 ev; apply: (Rmult_le_reg_l (p x)) => //.
    have -> : p x * (B / p x) = B by field; lra.
    have := single x (p x * t); case: Rlt_dec => // _ /=; have -> : p x * t / p x = t by field; lra.
    by rewrite ev => /(_ (Rmult_le_pos _ _ (p0 x) t0) isT) /=; rewrite -/B; lra.
  by move: (@conjugate_not_minus f (h x - rho)); case: (conjugate _ _).
have feas : T3_feasible rho.
  move=> x; case: (Rlt_dec 0 (p x)) => [l|n].
    have e := finite_real (fin x l); case ek : k => [k'||] //.
    have mn s : 0 <= s -> Rbar_le (s * (h x - rho) - real (conjugate f (h x - rho))) (f s).
      move=> s0; have c : Rbar_le (conjugate f (h x - rho)) (real (conjugate f (h x - rho))) by rewrite {1}e; exact: Rbar_le_refl.
      move/conjugate_le: c => /(_ s); case: (f s) (@f_not_minus_infinity f s s0) => [v||] //= _ /(_ v s0 erefl); lra.
    exact: (slope_minorant mn ek).
  case ek : k => [k'||] //.
  apply: Rnot_lt_le => /= l.
  pose B := V - rho - sum (fun z => if z == x then 0 else p z * (h z - rho)).
  pose r := (Rabs B + 1) / (h x - rho - k'); have Bp := Rabs_pos B; have Bl := Rle_abs B.
  have r0 : 0 <= r by apply: ratio_ge0; lra.
  have := single x r r0; case: Rlt_dec => // _ /=; rewrite ek /= => /(_ (or_intror isT)); rewrite -/B.
  have : r * (h x - rho - k') = Rabs B + 1 by rewrite /r; field; lra.
  lra.
exists rho; split => //.
have pc x : Rbar_mult (p x) (conjugate f (h x - rho)) = Finite (p x * real (conjugate f (h x - rho))).
  case: (Rle_lt_or_eq_dec _ _ (p0 x)) => [l|<-]; last by rewrite Rbar_mult_0_l Rmult_0_l.
  by rewrite {1}(finite_real (fin x l)) mult_fin.
have sumE : esum (fun x => Rbar_mult (p x) (conjugate f (h x - rho))) = expect p (fun x => real (conjugate f (h x - rho))).
  by apply/esum_finite; split=> [x|]; [rewrite pc | apply: sum_ext => x; rewrite pc].
rewrite /T3_objective sumE; apply: Rbar_le_antisym.
  apply: T3_weak_duality => // x l; rewrite {1}(finite_real (fin x l)); exact: Rbar_le_refl.
rewrite eV /=; suff : expect p (fun x => real (conjugate f (h x - rho))) <= V - rho by lra.
apply: (@le_small _ _ 1) => [|e e0]; first lra.
have pick x : exists t, 0 <= t /\ (0 < p x -> finite (f t) /\ real (conjugate f (h x - rho)) - e <= t * (h x - rho) - real (f t)).
  case: (Rlt_dec 0 (p x)) => [l|n]; last by exists 0; split; [lra | move=> ?; lra].
  have lt : Rbar_lt (real (conjugate f (h x - rho)) - e) (conjugate f (h x - rho)) by rewrite {2}(finite_real (fin x l)) /=; lra.
  have [v [[t [t0 ->]] lv]] := Sup_gt lt; exists t; split => // _.
  by move: lv (@f_not_minus_infinity f t t0); case: (f t) => [v'||] //= ? _; split => //; lra.
have [t ht] := fin_choice pick.
have tx x : 0 < p x -> p x * t x / p x = t x by move=> l; field; lra.
have := free (fun x => p x * t x); move=> /(_ _ _) fr.
have : sum (fun x => p x * t x * (h x - rho) - Df_term f k p (fun x => p x * t x) x) <= V - rho.
  apply: fr => x; have [t0 hx] := ht x; first exact: Rmult_le_pos.
  case: Rlt_dec => [l|n] /=; first by rewrite tx //; case: (hx l).
  by left; have -> : p x = 0 by [have := p0 x; lra]; ring.
suff : expect p (fun x => real (conjugate f (h x - rho))) - 1 * e <= sum (fun x => p x * t x * (h x - rho) - Df_term f k p (fun x => p x * t x) x) by lra.
rewrite -{1}p1 -sum_scalr /expect -sum_minus; apply: sum_le => x; rewrite /Df_term.
case: Rlt_dec => [l|n] /=; last by have -> : p x = 0 by [have := p0 x; lra]; lra.
rewrite tx //; have [_ /(_ l) [_ hx]] := ht x.
have := Rmult_le_compat_l _ _ _ (Rlt_le _ _ l) hx; lra.
Qed.

(** As an infimum over the feasible [rho]. *)
Corollary T3_infimum : Lambda (Df f k p) h = Inf (fun v => exists rho, T3_feasible rho /\ v = T3_objective rho).
Proof.
apply: Rbar_le_antisym; last first.
  by have [rho [fe ->]] := T3_strong_duality; apply: Inf_le; exists rho.
apply: Inf_ge => v [rho [fe ->]]; rewrite /T3_objective.
case e : (esum _) => [s||]; [|by case: (Lambda _ _)|by case: (esum_not_minus e)].
move/esum_finite: (e) => [fin ->].
have := @T3_weak_duality X f m p h (fun x => real (conjugate f (h x - rho))) rho pp fe.
have -> : expect p (fun x => real (conjugate f (h x - rho))) = sum (fun x => real (Rbar_mult (p x) (conjugate f (h x - rho)))).
  apply: sum_ext => x; rewrite real_mult //; [exact: conjugate_not_minus | exact: (proj1 pp)].
apply=> x l; have fx : finite (Rbar_mult (p x) (conjugate f (h x - rho))) by rewrite fin.
move: fx; rewrite ?mult_finite; [|lra|exact: conjugate_not_minus].
by case=> [e0|/finite_real e0]; [lra | rewrite {1}e0; exact: Rbar_le_refl].
Qed.
End T3.
