(** * The verified checker for infinite values

    [D^c = +oo] by a ray of prices or by a row that must send mass and cannot; a DRO value of [-oo] by a constant price that keeps every
    [Q] out of the ball.  Idea: the computations of [Checker.v] and [CheckerRenyi.v] at exact rationals, and the theorems of
    [T02_infinite.v]. *)
(** Theorems:
    - [check_ray_sound]: an accepted ray proves the program infinite
    - [check_idle_sound]: an accepted stuck row proves the program infinite
    - [check_empty_sound]: an accepted constant price proves the ball empty
    - [check_renyi_ray_sound]: the same for Rényi's divergence: a ray
    - [check_renyi_idle_sound]: the same for Rényi's divergence: rows that cannot send
    - [check_renyi_empty_sound]: the same for Rényi's divergence: an empty ball *)
From Coq Require Import ZArith QArith Qreals.
From ArmorD Require Export T02_infinite CheckerRenyi.
Open Scope R_scope.

(** ** Part 1: computation *)
Section Ops.
Variable prec : F.precision.
Notation iQ := (iQ prec).
Notation isub := (isub prec). Notation iadd := (iadd prec).

(** Prices of a ray: at most 0 where mass may be created, [-oo] only where [q_j = 0]; no row earns as much as they pay. *)
Definition ray_slope (d : div) (space : bool) : option itv := if slope_of prec space d is Some _ then Some (iZ prec 0) else None.
Definition check_ray (d : div) (space : bool) (rows : seq row) (q : seq Q) (g : seq (option Q)) : bool :=
  [&& valid d, data_ok rows & match price prec (ray_slope d space) q g, excess (cap d) g 0 rows with
    | Some s, Some e => qlt e s
    | _, _ => false
    end].

(** A row that carries mass and reaches no priced column, with [f(0)] infinite. *)
Definition stuck (g : seq (option Q)) (r : row) : bool := qlt 0 r.1 && ~~ isSome (hrow g r.2).
Definition check_idle (d : div) (rows : seq row) (q : seq Q) (g : seq (option Q)) : bool :=
  [&& valid d, data_ok rows, isSome (price prec None q g), ~~ isSome (fval prec d 0) & has (stuck g) rows].

(** The constant price [g] shows [D^c > eps] for every [Q]. *)
Definition check_empty (d : div) (space : bool) (rows : seq row) (phi : seq Q) (eps g : Q) : bool :=
  let prices := nseq (size phi) (Some g) in
  [&& valid d, data_ok rows & match price prec (slope_of prec space d) phi prices, dual_sum prec d prices rows with
    | Some _, Some j => pos_itv (isub (iQ (g - eps)) j)
    | _, _ => false
    end].

(** The same for Rényi's divergence. *)
Definition check_renyi_ray (a : Q) (space : bool) (rows : seq row) (q : seq Q) (g : seq (option Q)) : bool :=
  renyi_data a rows && match price prec (renyi_slope prec space) q g with
    | Some s => qlt 0 s && all (fun r => qle r.1 0 || if hrow g (free r.2) is Some h then qle h 0 else true) rows
    | None => false
    end.
Definition check_renyi_idle (a : Q) (rows : seq row) (q : seq Q) (g : seq (option Q)) : bool :=
  [&& renyi_data a rows, isSome (price prec None q g) &
    if qlt 1 a then has (stuck g) rows else all (fun r => qle r.1 0 || stuck g r) rows].
Definition check_renyi_empty (a : Q) (space : bool) (rows : seq row) (phi : seq Q) (eps g : Q) : bool :=
  let prices := nseq (size phi) (Some g) in
  renyi_data a rows && match price prec (renyi_slope prec space) phi prices, moment prec a prices rows with
    | Some _, Some M => pos_itv M && pos_itv (iadd (iQ (g - eps)) (gain prec a M))
    | _, _ => false
    end.
End Ops.

(** ** Part 2: soundness *)
Opaque iadd isub imul idiv iln iexp isqrt iZ iQ.

Lemma Rlt_gap x y : 0 < y - x -> x < y. Proof. lra. Qed.

(** A price for every charged column. *)
Lemma priced prec k q g s : price prec k q g = Some s -> forall y : 'I_(size q), vec (size q) q y <> 0 ->
  exists v, nth None g y = Some v /\ forall i kv, k = Some i -> cont i kv -> Q2R v <= kv.
Proof. by move=> /price_sound [_ [_ hp]] y qy; case: (hp y (ltn_ord y)) => [|[_ z]]; [| case: qy]. Qed.

Lemma price_value prec k q g s : price prec k q g = Some s ->
  expect (vec (size q) q) (fun y => Q2R (odflt 0%Q (nth None g y))) = Q2R s.
Proof. by move=> /price_sound [_ [-> _]]. Qed.

Lemma stuck_row rows g (q : seq Q) (x : 'I_(size rows)) : stuck g (nth row0 rows x) ->
  (forall y : 'I_(size q), vec (size q) q y <> 0 -> exists v, nth None g y = Some v) ->
  0 < weight rows x /\ forall y, vec (size q) q y <> 0 -> arc rows (size q) x y = p_infty.
Proof.
move=> /andP [/qltP px none] pr; rewrite Q2R0 in px; split => // y qy; rewrite /arc; case er : (nth None _ _) => [r|] //.
have [v ev] := pr y qy; case eh : (hrow g (nth row0 rows x).2) none => [h|] // _; by case: (hrow_none eh ev er).
Qed.

Section Fdiv.
Variables (prec : F.precision) (d : div) (f : ffun) (space : bool) (rows : seq row).
Hypothesis den : denotes d f.
Notation p := (weight rows).
Notation k := (slope f (mode space)).

(** Idea: [T2_ray] at the exact prices, the excess of every row held exactly. *)
Theorem check_ray_sound q g : check_ray prec d space rows q g -> program f k p (arc rows (size q)) (vec (size q) q) = p_infty.
Proof.
move=> /and3P [_ ok]; case ep : (price _ _ _ _) => [s|] //; case ee : (excess _ _ _ _) => [e|] // /qltP lt.
have [es hs] := excess_sound ee; have pr := priced ep.
pose H (x : 'I_(size rows)) := Q2R (odflt 0%Q (hrow g (free (nth row0 rows x).2))).
pose exc (x : 'I_(size rows)) := row_excess (cap d) g 0 (nth row0 rows x).
have eE : sum exc = Q2R e by rewrite es; exact: (sum_nth row0 rows (row_excess (cap d) g 0)).
have some (x : 'I_(size rows)) (y : 'I_(size q)) : vec (size q) q y <> 0 -> finite (arc rows (size q) x y) ->
    exists h, hrow g (free (nth row0 rows x).2) = Some h /\ Q2R (odflt 0%Q (nth None g y)) <= Q2R h.
  move=> qy; have [v [ev _]] := pr y qy; rewrite /arc; case ec : (nth None _ _) => [r|] // _.
  have ef : nth None (free (nth row0 rows x).2) y = Some 0%Q by rewrite free_nth ec.
  case eh : (hrow g (free (nth row0 rows x).2)) => [h|]; last by case: (hrow_none eh ev ef).
  by exists h; split => //; have := hrow_sound eh ev ef; rewrite Q2R0 ev /=; lra.
have x0 x : 0 <= exc x.
  rewrite /exc /row_excess; case eh : (hrow _ _) => [h|]; last lra.
  case b : (_ || _); first lra.
  case ec : (cap d) => [u|]; last lra.
  have [b' [hb [_ -> _]]] := cap_sound den ec; move/norP: b => [_ /qleN lh]; rewrite Q2R0 in lh *.
  apply: Rmult_le_pos; last lra.
  by apply: Rmult_le_pos; [exact: weight_ge0 | left; apply: Rinv_0_lt_compat; lra].
apply: (@T2_ray _ _ f k p _ (@slope_not_minus f (mode space)) (arc_nonneg ok (m := size q)) (weight_ge0 ok) _
  (fun y => Q2R (odflt 0%Q (nth None g y))) H exc x0).
- by move=> x y px qy fy; have [h [eh le]] := some x y qy fy; rewrite /H eh.
- move=> y qy fk; have [v [ev hv]] := pr y qy; rewrite ev /=; have := slope_sound prec space den.
  move: hv; rewrite /ray_slope; case: (slope_of prec space d) => [i|] hv; last by move=> z; rewrite z in fk.
  by move=> _; apply: hv (erefl _) _; exact: c_Z.
- move=> x y r px qy fy r0 ff; have [h [eh _]] := some x y qy fy; rewrite /H eh /=.
  case: (hs x h (ltn_ord x) eh px) => [le|[u [ec [ex lh]]]].
    by rewrite Q2R0 in le; have := x0 x; have : 0 <= r * - Q2R h by [apply: Rmult_le_pos; lra]; lra.
  have [b [hb [_ eu ef]]] := cap_sound den ec; rewrite /exc ex eu Q2R0 Rminus_0_r; rewrite Q2R0 in lh.
  apply: Rmult_le_compat_r; first lra.
  move: ff; rewrite ef /= /cvar_val; case: Rle_dec => // rb _.
  have := Rmult_le_compat_l _ _ _ (Rlt_le _ _ px) rb.
  by have -> : weight rows x * (r / weight rows x) = r by [field; lra].
- by rewrite eE (price_value ep).
Qed.

(** The checker gives [f(0)] no value only where it is infinite. *)
Lemma fval_none : fval prec d 0 = None -> f 0 = p_infty.
Proof.
have z : qlt 0 0 = false by [].
rewrite /fval z; case: den => [|||||||||b h|a h0 h1] //; try by move=> _; rewrite [f_val _ _]/= fval_zero.
case e : (qlt 0 a) => // _; have := qltN e; rewrite Q2R0 => l; rewrite [f_val _ _]/= fval_zero /= /alpha_val0.
by case: Rlt_dec => //= ?; lra.
Qed.

(** Idea: [T2_idle_infinite] at a stuck row. *)
Theorem check_idle_sound q g : check_idle prec d rows q g -> program f k p (arc rows (size q)) (vec (size q) q) = p_infty.
Proof.
move=> /and5P [_ ok]; case ep : (price _ _ _ _) => [s|] // _; case ev : (fval _ _ _) => [v|] // _ /(has_nthP row0) [i li st].
have [|px no] := @stuck_row rows g q (Ordinal li) st.
  by move=> y qy; have [v [e _]] := priced ep qy; exists v.
exact: (T2_idle_infinite (@slope_not_minus f (mode space)) (arc_nonneg ok (m := size q)) px (fval_none ev) no).
Qed.

(** Idea: T2's bound at a constant price is the same for every [Q]. *)
Theorem check_empty_sound phi eps kappa g : check_empty prec d space rows phi eps g ->
  DRO (program f k p (arc rows (size phi))) (vec (size phi) phi) (Q2R eps) (Q2R kappa) = m_infty.
Proof.
move=> /and3P [_ ok]; set gs := nseq _ _; case ep : (price _ _ _ _) => [s|] //; case ed : (dual_sum _ _ _ _) => [j|] // acc.
have [cj _] := dual_sum_sound den ed; have [_ [_ hp]] := price_sound ep.
have gE (y : 'I_(size phi)) : nth None gs y = Some g by rewrite nth_nseq ltn_ord.
have := pos_itv_sound acc (c_sub prec (c_Q prec (g - eps)) cj); rewrite Q2R_minus -(sum_nth row0 rows (fun z => Q2R z.1 * U f gs z)) => bound.
apply: DRO_empty => q [q0 q1]; have A := @prices_bound prec d f den space rows gs j (size phi) q ok ed.
apply: Rbar_lt_le_trans (A _).
  have -> : expect q (fun y => Q2R (odflt 0%Q (nth None gs y))) = Q2R g.
    by rewrite -[RHS]Rmult_1_r -q1 -sum_scal; apply: sum_ext => y; rewrite gE /=; ring.
  by rewrite /expect /weight /=; lra.
move=> y _; case: (hp y (ltn_ord y)) => [[v [ev hk]]|[e _]]; last by rewrite gE in e.
by exists v; split => // i kv ei; apply: hk; exact: ei.
Qed.
End Fdiv.

Section Renyi.
Variables (prec : F.precision) (a : Q) (space : bool) (rows : seq row).
Notation p := (weight rows).
Notation program_ n := (renyi_program (Q2R a) (mode space) p (arc rows n)).

Lemma renyi_created q g s : price prec (renyi_slope prec space) q g = Some s -> mode space = Space ->
  forall y : 'I_(size q), vec (size q) q y <> 0 -> Q2R (odflt 0%Q (nth None g y)) <= 0.
Proof.
move=> ep es y qy; have [v [ev hv]] := priced ep qy; rewrite ev /=; move: es hv.
by rewrite /mode /renyi_slope; case: space => // _ hv; apply: hv (erefl _) _; exact: c_Z.
Qed.

(** Idea: [T2_renyi_ray] at the exact prices. *)
Theorem check_renyi_ray_sound q g : check_renyi_ray prec a space rows q g -> program_ (size q) (vec (size q) q) = p_infty.
Proof.
move=> /andP [data]; case ep : (price _ _ _ _) => [s|] // /andP [/qltP more al]; rewrite Q2R0 in more.
have [a0 a1 pp c0] := data_sound data.
apply: (T2_renyi_ray a1 pp (c0 _) (g := fun y => Q2R (odflt 0%Q (nth None g y)))).
- move=> x y px qy; have [v [ev _]] := priced ep qy; rewrite ev /arc; case ec : (nth None _ _) => [r|] // _.
  have ef : nth None (free (nth row0 rows x).2) y = Some 0%Q by rewrite free_nth ec.
  have := all_nthP row0 al (ltn_ord x); case: (boolP (qle _ 0)) => [/qleP|_ /=]; first by rewrite Q2R0 /weight in px *; lra.
  case eh : (hrow _ _) => [h|]; last by case: (hrow_none eh ev ef).
  by move=> /qleP; have := hrow_sound eh ev ef; rewrite !Q2R0; lra.
- by move=> es; exact: renyi_created ep es.
- by rewrite (price_value ep).
Qed.

(** Idea: [T2_renyi_idle_infinite] at the stuck rows. *)
Theorem check_renyi_idle_sound q g : check_renyi_idle prec a rows q g -> program_ (size q) (vec (size q) q) = p_infty.
Proof.
move=> /and3P [data]; case ep : (price _ _ _ _) => [s|] // _ st; have [a0 a1 pp c0] := data_sound data.
have pr (y : 'I_(size q)) : vec (size q) q y <> 0 -> exists v, nth None g y = Some v.
  by move=> qy; have [v [e _]] := priced ep qy; exists v.
apply: (T2_renyi_idle_infinite _ a1 pp (c0 _)); move: st; case e : (qlt 1 a).
  move=> /(has_nthP row0) [i li st]; left; have := qltP e; rewrite Q2R1; split => //.
  by have [px no] := @stuck_row rows g q (Ordinal li) st pr; exists (Ordinal li).
move=> al; right; have := qltN e; rewrite Q2R1 => le; split; first lra.
move=> x y px qy; have := all_nthP row0 al (ltn_ord x); case/orP => [/qleP|st]; first by rewrite Q2R0 /weight in px *; lra.
by have [_ no] := @stuck_row rows g q x st pr; exact: no.
Qed.

(** Idea: T2's bound at a constant price is the same for every [Q]. *)
Theorem check_renyi_empty_sound phi eps kappa g : check_renyi_empty prec a space rows phi eps g ->
  DRO (program_ (size phi)) (vec (size phi) phi) (Q2R eps) (Q2R kappa) = m_infty.
Proof.
move=> /andP [data]; set gs := nseq _ _; case ep : (price _ _ _ _) => [s|] //; case em : (moment _ _ _ _) => [M|] // /andP [pos acc].
have [a0 a1 pp c0] := data_sound data; have [ex cg] := gain_sound data em pos; have [_ [_ hp]] := price_sound ep.
have gE (y : 'I_(size phi)) : nth None gs y = Some g by rewrite nth_nseq ltn_ord.
have := pos_itv_sound acc (c_add prec (c_Q prec _) cg); rewrite Q2R_minus => bound.
apply: DRO_empty => q [q0 q1].
have B := @T2_renyi_weak_duality _ _ (Q2R a) (mode space) p (arc rows (size phi)) a0 a1 pp (c0 _) q (fun=> Q2R g) (r_of (rows := rows) gs).
apply: Rbar_lt_le_trans (B _ ex _ _).
- have -> : expect q (fun=> Q2R g) = Q2R g by rewrite /expect sum_scalr q1; ring.
  by rewrite /=; lra.
- by move=> x; exact: residual_ge0.
- by move=> x y px _ fc; exact: (arc_sound data em px fc (gE y)).
- move=> es y _; case: (hp y (ltn_ord y)) => [[v [ev hk]]|[e _]]; last by rewrite gE in e.
  move: ev; rewrite gE => -[->]; move: es hk; rewrite /mode /renyi_slope; case: space => // _ hk.
  by apply: hk (erefl _) _; exact: c_Z.
Qed.
End Renyi.
