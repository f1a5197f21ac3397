(** * The verified checker: the theorems

    [check_lower_sound], [check_upper_sound], [check_dro_upper_sound], [check_dro_lower_sound]: acceptance implies
    the claimed bound on the program of T1 (which is [D^c] on one space by [T1_primal]) and on its DRO value. *)
(** Theorems:
    - [check_lower_sound]: an accepted price vector: claim <= D^c
    - [check_dro_upper_sound]: an accepted (lambda, rho): DRO value <= claim
    - [check_dro_upper_zero_sound]: the same at lambda + kappa = 0: an accepted rho: DRO value <= claim *)
From Coq Require Import ZArith QArith Qreals.
From ArmorD Require Export CheckerSound.
Open Scope R_scope.
Opaque iadd isub imul idiv iln iexp isqrt iZ iQ.

(** ** What the exact data mean *)
Definition row0 : row := (0%Q, [::]).
Section Meaning.
Variables (rows : seq row) (m : nat).
Definition weight (x : 'I_(size rows)) : R := Q2R (nth row0 rows x).1.
Definition arc (x : 'I_(size rows)) (y : 'I_m) : Rbar :=
  if nth None (nth row0 rows x).2 y is Some r then Finite (Q2R r) else p_infty.
Definition vec (v : seq Q) (y : 'I_m) : R := Q2R (nth 0%Q v y).
End Meaning.
Arguments weight : clear implicits.
Arguments arc : clear implicits.
Arguments vec : clear implicits.
Definition mode (space : bool) : support := if space then Space else Reference.

Lemma sum_nth (T : Type) (d : T) (l : seq T) (F : T -> R) :
  sum (fun i : 'I_(size l) => F (nth d l i)) = \big[Rplus/0]_(z <- l) F z.
Proof. by rewrite /sum (big_nth d) big_mkord. Qed.

Lemma all_nthP (T : Type) (d : T) (P : pred T) l i : all P l -> (i < size l)%N -> P (nth d l i).
Proof. by move=> h; apply/all_nthP. Qed.

Section Data.
Variable rows : seq row.
Hypothesis ok : data_ok rows.

Lemma weight_ge0 x : 0 <= weight rows x.
Proof. by have /andP [/qleP h _] := all_nthP row0 ok (ltn_ord x); rewrite Q2R0 in h. Qed.

Lemma arc_nonneg m : nonneg_cost (arc rows m).
Proof.
move=> x y; rewrite /arc; case e : (nth None _ _) => [r|] //=.
have /andP [_ h] := all_nthP row0 ok (ltn_ord x).
case: (ltnP y (size (nth row0 rows x).2)) => ly; last by rewrite nth_default in e.
by have := all_nthP None h ly; rewrite e => /qleP; rewrite Q2R0.
Qed.
End Data.

(** At [lambda + kappa = 0]: the mean of [phi] is at most [rho] plus the excess over [rho] that each row can carry. *)
Theorem T6_weak_excess (X Y : finType) (f : ffun) (k : Rbar) (p : X -> R) (c : X -> Y -> Rbar) (phi : Y -> R) (eps rho : R)
  (psi exc : X -> R) : k = p_infty -> nonneg_cost c -> (forall x, 0 <= p x) -> (forall x, 0 <= exc x) ->
  (forall x y, 0 < p x -> finite (c x y) -> phi y <= psi x) ->
  (forall x y r, 0 < p x -> finite (c x y) -> 0 <= r -> finite (f (r / p x)) -> r * (psi x - rho) <= exc x) ->
  Rbar_le (DRO (program f k p c) phi eps 0) (rho + sum exc).
Proof.
move=> ek c0 p0 x0 hpsi hexc; apply: Sup_le => v [q [d [[q0 q1] e de ->]]] /=.
have nk : k <> m_infty by rewrite ek.
have l : Rbar_lt (program f k p c q) (d + 1) by rewrite e /=; lra.
have [pi [s [[pi0 s0 piz mg] [d1 d2 d3] _]]] := program_lt nk c0 l.
have sz y : s y = 0 by apply: (sum_eq0 s0); case: d2 => //; rewrite ek.
suff h : sum (fun y => q y * (phi y - rho)) <= sum exc.
  have : sum (fun y => q y * (phi y - rho)) = expect q phi - rho.
    have -> : expect q phi - rho = expect q phi - rho * sum q by rewrite q1; ring.
    by rewrite /expect -sum_scal -sum_minus; apply: sum_ext => y; ring.
  lra.
have -> : sum (fun y => q y * (phi y - rho)) = sum (fun x => sum (fun y => pi x y * (phi y - rho))).
  by rewrite sum_sum; apply: sum_ext => y; rewrite sum_scalr -mg sz Rplus_0_r.
apply: sum_le => x; have r0 : 0 <= sum (pi x) by apply: sum_ge0.
case: (Rle_lt_or_eq_dec _ _ r0) => [rp|rz]; last first.
  by rewrite sum_zero // => y; rewrite (sum_eq0 (pi0 x) (esym rz)); ring.
have [y py] := sum_pos_ex rp.
have px : 0 < p x by case: (Rle_lt_or_eq_dec _ _ (p0 x)) => // z; have := piz x y (esym z); lra.
have fy : finite (c x y) by case: (d3 x y) => // z; lra.
apply: (Rle_trans _ (sum (pi x) * (psi x - rho))).
  rewrite -sum_scalr; apply: sum_le => z; case: (d3 x z) => [->|fz]; first lra.
  by apply: Rmult_le_compat_l => //; have := hpsi x z px fz; lra.
by apply: (hexc x y) => //; move: (d1 x); case: Rlt_dec.
Qed.

Section Sound.
Variable prec : F.precision.

Lemma slope_sound d f space : denotes d f ->
  match slope_of prec space d with
  | Some i => exists k, slope f (mode space) = Finite k /\ cont i k
  | None => slope f (mode space) = p_infty end.
Proof.
move=> den; rewrite /slope_of; case: space => //=.
case: den => [|||||||||b h|a h0 h1] /=.
- exact: kl_recession.
- by exists 0; rewrite reverse_kl_recession; split => //; exact: c_Z.
- exact: pearson_recession.
- by exists 1; rewrite neyman_recession; split => //; exact: c_Z.
- by exists (/2); rewrite tv_recession; split => //; rewrite -Q2Rhalf; exact: c_Q.
- by exists 1; rewrite hellinger_recession; split => //; exact: c_Z.
- exists (ln 2 / 2); rewrite js_recession; split => //.
  by apply: c_div; [lra | apply: c_ln; [lra | exact: c_Z] | exact: c_Z].
- by exists 1; rewrite triangular_recession; split => //; exact: c_Z.
- exact: jeffreys_recession.
- exact: cvar_recession.
- rewrite alpha_recession; case e : (qlt 1 a).
    by have := qltP e; rewrite Q2R1; case: Rlt_dec.
  have := qltN e; rewrite Q2R1; case: Rlt_dec => /= h; [lra | move=> _].
  by exists 0; split => //; exact: c_Z.
Qed.

Lemma hrow_sound g c h j x r : hrow g c = Some h -> nth None g j = Some x -> nth None c j = Some r -> Q2R x - Q2R r <= Q2R h.
Proof.
elim: g c h j => [|a g IH] [|b c] h [|j] //=; rewrite ?nth_nil //.
- move=> e ea eb; move: e; rewrite ea eb; case: (hrow g c) => [h'|] -[<-]; last by rewrite Q2R_minus; lra.
  rewrite -Q2R_minus; case l : (qle _ _); first exact: qleP.
  lra.
- move=> e ea eb; case: a e => [a'|]; last by move=> e; exact: IH e ea eb.
  case: b => [b'|]; last by move=> e; exact: IH e ea eb.
  case e' : (hrow g c) => [h'|] -[<-].
    have := IH _ _ _ e' ea eb; case l : (qle _ _); first lra.
    by have := qleN (negbT l); lra.
  have none : forall g' c' j', hrow g' c' = None -> nth None g' j' = Some x -> nth None c' j' = Some r -> False.
    elim=> [|a1 g' IH'] [|b1 c'] [|j'] //=; rewrite ?nth_nil //.
      by move=> e1 ea1 eb1; rewrite ea1 eb1 in e1; case: (hrow g' c') e1.
    move=> e1; apply: IH'; case: a1 e1 => [a1'|]; case: b1 => [b1'|] //; by case: (hrow g' c').
  by case: (none _ _ _ e' ea eb).
Qed.

Lemma free_nth c j : nth None (free c) j = if nth None c j is Some _ then Some 0%Q else None.
Proof. by elim: c j => [|a c IH] [|j] //=; case: a. Qed.

Arguments free : simpl never.

Lemma hrow_none g c j x r : hrow g c = None -> nth None g j = Some x -> nth None c j = Some r -> False.
Proof.
elim: g c j => [|a g IH] [|b c] [|j] //=; rewrite ?nth_nil //.
  by move=> e ea eb; rewrite ea eb in e; case: (hrow g c) e.
by move=> e; apply: IH; case: a e => [a'|]; case: b => [b'|] //; case: (hrow g c).
Qed.

Definition row_excess (t : option Q) (g : seq (option Q)) (rho : Q) (z : row) : R :=
  if hrow g (free z.2) is Some h then
    if qle z.1 0 || qle h rho then 0 else if t is Some u then Q2R z.1 * Q2R u * (Q2R h - Q2R rho) else 0
  else 0.

Lemma excess_sound t g rho rows s : excess t g rho rows = Some s ->
  Q2R s = \big[Rplus/0]_(z <- rows) row_excess t g rho z /\
  forall x h, (x < size rows)%N -> hrow g (free (nth row0 rows x).2) = Some h -> 0 < Q2R (nth row0 rows x).1 ->
    Q2R h <= Q2R rho \/ exists u, t = Some u /\ row_excess t g rho (nth row0 rows x) = Q2R (nth row0 rows x).1 * Q2R u * (Q2R h - Q2R rho) /\ Q2R rho < Q2R h.
Proof.
elim: rows s => [|[p c] rows IH] s /=; first by case=> <-; rewrite big_nil Q2R0.
case e : (excess _ _ _ _) => [s'|] //; have [es hs] := IH _ e; rewrite big_cons.
rewrite /row_excess /=; case eh : (hrow g (free c)) => [h|]; last first.
  case=> <-; rewrite Rplus_0_l; split; first exact: es.
  case=> [|x] h' lx E; last exact: hs.
  by have := eq_trans (esym eh) E.
case b : (qle p 0 || qle h rho).
  case=> <-; rewrite Rplus_0_l; split; first exact: es.
  case=> [|x] h' lx E; last exact: hs.
  case: (eq_trans (esym eh) E) => <- px; left; have {}px : 0 < Q2R p := px; case/orP: b => /qleP //; rewrite Q2R0; lra.
case: t e IH es hs => [u|] // e _ es hs [<-]; split; first by rewrite qaddE !Q2R_mult Q2R_minus es.
case=> [|x] h' lx E; last exact: hs.
case: (eq_trans (esym eh) E) => <- px; right; exists u; split => //; rewrite /row_excess /= eh b; split => //.
by move/norP: b => [_ /qleN].
Qed.

Section One.
Variables (d : div) (f : ffun).
Hypothesis den : denotes d f.

Definition U (g : seq (option Q)) (z : row) : R :=
  if hrow g z.2 is Some h then real (conjugate f (Q2R h)) else - real (f 0).

Lemma dual_sum_sound g rows i : dual_sum prec d g rows = Some i ->
  cont i (\big[Rplus/0]_(z <- rows) (Q2R z.1 * U g z)) /\
  forall x, (x < size rows)%N -> 0 < Q2R (nth row0 rows x).1 ->
    if hrow g (nth row0 rows x).2 is Some h then conjugate f (Q2R h) = Finite (U g (nth row0 rows x))
    else Rbar_opp (f 0) = Finite (U g (nth row0 rows x)).
Proof.
elim: rows i => [|[p c] rows IH] i /=; first by case=> <-; rewrite big_nil; split => //; exact: c_Z.
case e : (dual_sum _ _ _ _) => [s|] //; have [cs hs] := IH _ e.
case p0 : (qlt 0 p).
  case eh : (hrow g c) => [h|].
    case ev : (fstar _ _ _) => [v|] // -[<-].
    have [u [eu cu]] := fstar_sound den ev.
    have eU : U g (p, c) = u by rewrite /U /= eh eu.
    rewrite big_cons eU /=; split; first by apply: c_add => //; apply: c_mul => //; exact: c_Q.
    by case=> [|x] //= lx px; [rewrite eh eU | exact: hs].
  case ev : (fval _ _ _) => [v|] // -[<-].
  have [|u [eu cu]] := fval_sound den _ ev; first by rewrite Q2R0; lra.
  rewrite Q2R0 in eu; have eU : U g (p, c) = - u by rewrite /U /= eh eu.
  rewrite big_cons eU /=; split; last by case=> [|x] //= lx px; [rewrite eh eU eu | exact: hs].
  have -> : Q2R p * - u + \big[Rplus/0]_(z <- rows) (Q2R z.1 * U g z) = \big[Rplus/0]_(z <- rows) (Q2R z.1 * U g z) - Q2R p * u by ring.
  by apply: c_sub => //; apply: c_mul => //; exact: c_Q.
case pz : (Qeq_bool p 0) => // -[<-]; have ep := qeqP pz; rewrite Q2R0 in ep.
rewrite big_cons /= ep Rmult_0_l Rplus_0_l; split => //.
by case=> [|x] //= lx px; [lra | exact: hs].
Qed.

Lemma price_sound k q g s : price prec k q g = Some s ->
  size g = size q /\ Q2R s = sum (fun j : 'I_(size q) => Q2R (nth 0%Q q j) * Q2R (odflt 0%Q (nth None g j))) /\
  forall j, (j < size q)%N ->
    (exists x, nth None g j = Some x /\ forall i kv, k = Some i -> cont i kv -> Q2R x <= kv) \/
    (nth None g j = None /\ Q2R (nth 0%Q q j) = 0).
Proof.
elim: q g s => [|a q IH] [|b g] s //=.
  by case=> <-; split => //; split; [rewrite /sum big_ord0 Q2R0 | case].
case e : (price _ _ _ _) => [s'|] //; have [sz [es hs]] := IH _ _ e.
have ss G : sum (fun j : 'I_(size q).+1 => Q2R (nth 0%Q (a :: q) j) * Q2R (odflt 0%Q (nth None (G :: g) j)))
   = Q2R a * Q2R (odflt 0%Q G) + Q2R s'.
  by rewrite /sum big_ord_recl es /=.
case: b => [v|].
  case hk : (match k with None => true | Some i => _ end) => // -[<-]; split; first by rewrite sz.
  split; first by rewrite ss qaddE Q2R_mult.
  case=> [|j] lj /=; last exact: hs.
  left; exists v; split => // i kv ek ck; rewrite ek in hk.
  by have := nonneg_itv_sound hk (c_sub prec ck (c_Q prec v)); lra.
case az : (Qeq_bool a 0) => // -[<-]; have ea := qeqP az; rewrite Q2R0 in ea; split; first by rewrite sz.
split; first by rewrite ss ea; ring.
by case=> [|j] lj /=; [right | exact: hs].
Qed.

(** Prices accepted on the rows bound the program at every [q] that charges priced columns alone. *)
Lemma prices_bound space rows g j n (q : 'I_n -> R) : data_ok rows -> dual_sum prec d g rows = Some j ->
  (forall y, q y <> 0 -> exists v, nth None g y = Some v /\ forall i kv, slope_of prec space d = Some i -> cont i kv -> Q2R v <= kv) ->
  Rbar_le (expect q (fun y => Q2R (odflt 0%Q (nth None g y))) - expect (weight rows) (fun x => U g (nth row0 rows x)))
    (program f (slope f (mode space)) (weight rows) (arc rows n) q).
Proof.
move=> ok ed hp; have [_ hj] := dual_sum_sound ed.
pose H (x : 'I_(size rows)) := Q2R (odflt 0%Q (hrow g (nth row0 rows x).2)).
apply: (@T2_weak_duality_idle _ _ f _ (weight rows) _ (@slope_not_minus f (mode space)) (arc_nonneg ok (m := n)) (weight_ge0 ok) q _ H).
- move=> x px; have := hj x (ltn_ord x) px; case eh : (hrow g (nth row0 rows x).2) => [h|] ec; [left | right].
    split; last by rewrite /H eh /= ec; exact: Rbar_le_refl.
    move=> y qy; rewrite /arc; case er : (nth None (nth row0 rows x).2 y) => [r|] //=; have [v [ev _]] := hp y qy.
    by have := hrow_sound eh ev er; rewrite /H ev eh /=; lra.
  split; last by rewrite ec; exact: Rbar_le_refl.
  move=> y qy; rewrite /arc; case er : (nth None (nth row0 rows x).2 y) => [r|] //; have [v [ev _]] := hp y qy.
  by case: (hrow_none eh ev er).
- move=> y qy; have := slope_sound space den; have [v [ev hk]] := hp y qy.
  case ek : (slope_of _ _ _) => [i|]; last by move=> ->.
  by move=> [kv [-> ck]]; rewrite ev /=; exact: hk ck.
Qed.

(** Lower bound on [D^c]. *)
Theorem check_lower_sound space rows q g claim : check_lower prec d space rows q g claim ->
  Rbar_le (Q2R claim) (program f (slope f (mode space)) (weight rows) (arc rows (size q)) (vec (size q) q)).
Proof.
rewrite /check_lower => /andP [/andP [_ ok]].
case ep : (price _ _ _ _) => [s|] //; case ed : (dual_sum _ _ _ _) => [j|] // acc.
have [cj _] := dual_sum_sound ed; have [sz [es hp]] := price_sound ep.
have := nonneg_itv_sound acc (c_sub prec (c_Q prec (s - claim)) cj); rewrite Q2R_minus es -(sum_nth row0 rows (fun z => Q2R z.1 * U g z)) => bound.
have A := @prices_bound space rows g j (size q) (vec (size q) q) ok ed.
apply: Rbar_le_trans _ (A _); first by rewrite /expect /vec /weight /=; lra.
move=> y qy; case: (hp y (ltn_ord y)) => [[v [ev hk]]|[_ z]]; last by case: qy.
by exists v; split => // i kv ei; apply: hk; exact: ei.
Qed.

(** Upper bound on the DRO value. *)
Theorem check_dro_upper_sound space rows phi eps kappa lambda rho claim :
  check_dro_upper prec d space rows phi eps kappa lambda rho claim ->
  Rbar_le (DRO (program f (slope f (mode space)) (weight rows) (arc rows (size phi))) (vec (size phi) phi) (Q2R eps) (Q2R kappa))
    (Q2R claim).
Proof.
rewrite /check_dro_upper => /andP [_ /andP [ok /andP [/qleP l0 /andP [/qltP m0]]]].
rewrite Q2R0 in l0 m0; set mu := (lambda + kappa)%Q in m0 *; set g := shifted phi rho mu.
case ep : (price _ _ _ _) => [s|] //; case ed : (dual_sum _ _ _ _) => [j|] // acc.
have [cj hj] := dual_sum_sound ed; have [_ [_ hp]] := price_sound ep.
have := nonneg_itv_sound acc (c_sub prec (c_Q prec _) (c_mul prec (c_Q prec mu) cj)).
rewrite Q2R_minus Q2R_plus Q2R_mult => bound.
have muE : Q2R mu = Q2R lambda + Q2R kappa by rewrite Q2R_plus.
have gE (y : 'I_(size phi)) : nth None g y = Some ((nth 0%Q phi y - rho) / mu)%Q by rewrite (nth_map 0%Q).
have gR (y : 'I_(size phi)) : Q2R ((nth 0%Q phi y - rho) / mu) = (vec (size phi) phi y - Q2R rho) / Q2R mu.
  by rewrite Q2R_div ?Q2R_minus // => e; have := Qeq_eqR _ _ e; rewrite Q2R0; lra.
pose H (x : 'I_(size rows)) := Q2R (odflt 0%Q (hrow g (nth row0 rows x).2)).
pose u (x : 'I_(size rows)) := U g (nth row0 rows x).
have eu : expect (weight rows) u = \big[Rplus/0]_(z <- rows) (Q2R z.1 * U g z).
  exact: (sum_nth row0 rows (fun z => Q2R z.1 * U g z)).
pose psi x := Q2R mu * H x + Q2R rho.
have A : Rbar_le (DRO (program f (slope f (mode space)) (weight rows) (arc rows (size phi))) (vec (size phi) phi) (Q2R eps) (Q2R kappa))
  (Q2R lambda * Q2R eps + Q2R rho + Q2R mu * expect (weight rows) u).
{ apply: (@T7_weak_duality_idle _ _ f _ (weight rows) _ (@slope_not_minus f (mode space)) (arc_nonneg ok (m := size phi)) (weight_ge0 ok)
    (vec (size phi) phi) (Q2R eps) (Q2R kappa) (Q2R lambda) (Q2R rho) (Q2R mu) psi u l0 muE m0).
- move=> x px; have := hj x (ltn_ord x) px; case eh : (hrow g (nth row0 rows x).2) => [h|] ec; [left | right].
    split; last first.
      have -> : (psi x - Q2R rho) / Q2R mu = H x by rewrite /psi; field; lra.
      by rewrite /H eh /= ec; exact: Rbar_le_refl.
    move=> y; rewrite /arc; case er : (nth None _ _) => [r|] // _.
    have := hrow_sound eh (gE y) er; rewrite gR /psi /H eh /= => /(Rmult_le_compat_l _ _ _ (Rlt_le _ _ m0)).
    have -> : Q2R mu * ((vec (size phi) phi y - Q2R rho) / Q2R mu - Q2R r) = vec (size phi) phi y - Q2R rho - Q2R mu * Q2R r by field; lra.
    lra.
  split; last by rewrite ec; exact: Rbar_le_refl.
  by move=> y; rewrite /arc; case er : (nth None _ _) => [r|] //; case: (hrow_none eh (gE y) er).
- move=> y; have := slope_sound space den; case: (hp y (ltn_ord y)) => [[v [ev hk]]|[ev _]]; last by rewrite gE in ev.
  rewrite gE in ev; case: ev => ev; rewrite -gR ev.
  case ek : (slope_of _ _ _) => [i|]; last by move=> ->.
  by move=> [kv [-> ck]]; exact: hk ck. }
by apply: Rbar_le_trans A _; rewrite eu /=; lra.
Qed.

Lemma cap_sound u : cap d = Some u -> exists b (hb : 0 < Q2R b <= 1), [/\ d = CVaR b, Q2R u = / Q2R b & f = cvar hb].
Proof.
case: den => //= b hb [<-]; exists b, hb; split => //.
rewrite Q2R_div ?Q2R1; first by rewrite /Rdiv Rmult_1_l.
by move=> e; have := Qeq_eqR _ _ e; rewrite Q2R0; lra.
Qed.

(** The same at [lambda + kappa = 0]. *)
Theorem check_dro_upper_zero_sound space rows phi eps kappa rho claim :
  check_dro_upper_zero prec d space rows phi kappa rho claim ->
  Rbar_le (DRO (program f (slope f (mode space)) (weight rows) (arc rows (size phi))) (vec (size phi) phi) (Q2R eps) (Q2R kappa))
    (Q2R claim).
Proof.
rewrite /check_dro_upper_zero => /andP [_ /andP [ok /andP [/qeqP k0]]]; rewrite Q2R0 in k0; rewrite k0.
have c0 := arc_nonneg ok (m := size phi); have p0 := weight_ge0 ok; have := slope_sound space den.
case ek : (slope_of _ _ _) => [i|].
  move=> [kv [sk _]] /andP [al /qleP rc].
  apply: (Rbar_le_trans _ (Q2R rho)) => //.
  apply: (@T6_weak_duality_at_zero _ _ f _ (weight rows) _ (@slope_not_minus f (mode space)) c0 p0) => // y _.
  exact: (qleP (all_nthP 0%Q al (ltn_ord y))).
move=> sk; case ee : (excess _ _ _ _) => [s|] // /qleP; rewrite Q2R_plus; have [es hs] := excess_sound ee.
move=> rc; set g := map Some phi in es hs ee *.
have gE (y : 'I_(size phi)) : nth None g y = Some (nth 0%Q phi y) by rewrite (nth_map 0%Q).
pose exc (x : 'I_(size rows)) := row_excess (cap d) g rho (nth row0 rows x).
have eE : sum exc = Q2R s by rewrite es; exact: (sum_nth row0 rows (row_excess (cap d) g rho)).
pose psi (x : 'I_(size rows)) := Q2R (odflt 0%Q (hrow g (free (nth row0 rows x).2))).
have cap0 := cap_sound.
have some (x : 'I_(size rows)) (y : 'I_(size phi)) : finite (arc rows (size phi) x y) -> exists h, hrow g (free (nth row0 rows x).2) = Some h /\ vec (size phi) phi y <= Q2R h.
  rewrite /arc; case ec : (nth None _ _) => [r|] // _.
  have ef : nth None (free (nth row0 rows x).2) y = Some 0%Q by rewrite free_nth ec.
  case eh : (hrow g (free (nth row0 rows x).2)) => [h|]; last by case: (hrow_none eh (gE y) ef).
  exists h; split => //; have := hrow_sound eh (gE y) ef; rewrite Q2R0 /vec; lra.
have x0 x : 0 <= exc x.
  rewrite /exc /row_excess; case eh : (hrow _ _) => [h|]; last lra.
  case b : (_ || _); first lra.
  case ec : (cap d) => [u|]; last lra.
  have [b' [hb [_ -> _]]] := cap0 u ec; move/norP: b => [_ /qleN lh].
  apply: Rmult_le_pos; last lra.
  by apply: Rmult_le_pos; [exact: p0 | left; apply: Rinv_0_lt_compat; lra].
apply: (Rbar_le_trans _ (Q2R rho + sum exc)); last by rewrite eE.
apply: (@T6_weak_excess _ _ f _ (weight rows) _ (vec (size phi) phi) (Q2R eps) (Q2R rho) psi exc sk c0 p0 x0).
- by move=> x y px fy; have [h [eh le]] := some x y fy; rewrite /psi eh.
- move=> x y r px fy r0 ff; have [h [eh _]] := some x y fy; rewrite /psi eh /=.
  case: (hs x h (ltn_ord x) eh px) => [le|[u [ec [ex lh]]]].
    by have := x0 x; have : 0 <= r * (Q2R rho - Q2R h) by [apply: Rmult_le_pos; lra]; lra.
  have [b [hb [_ eu ef]]] := cap0 u ec; rewrite /exc ex eu; apply: Rmult_le_compat_r; first lra.
  move: ff; rewrite ef /= /cvar_val; case: Rle_dec => // rb _.
  have := Rmult_le_compat_l _ _ _ (Rlt_le _ _ px) rb.
  by have -> : weight rows x * (r / weight rows x) = r by [field; lra].
Qed.
End One.
End Sound.
