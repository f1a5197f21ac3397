(** * The verified checker: plans

    An accepted plan is feasible for the program of T1 and its value is at most the claim. *)
(** Theorems:
    - [check_upper_sound]: an accepted plan: D^c <= claim
    - [check_dro_lower_sound]: an accepted plan: claim <= DRO value *)
From Coq Require Import ZArith QArith Qreals.
From ArmorD Require Export CheckerTheorem.
Open Scope R_scope.
Opaque iadd isub imul idiv iln iexp isqrt iZ iQ.

Definition mass (pi : seq (option Q)) (j : nat) : R := if nth None pi j is Some m then Q2R m else 0.
Definition price_of (c : seq (option Q)) (j : nat) : R := if nth None c j is Some r then Q2R r else 0.
Definition eta_of (pi : seq (option Q)) : R := sum (fun j : 'I_(size pi) => mass pi j).
Definition cost_of (pi c : seq (option Q)) : R := sum (fun j : 'I_(size pi) => mass pi j * price_of c j).

Lemma eta_cons a pi : eta_of (a :: pi) = mass [:: a] 0 + eta_of pi.
Proof. by rewrite /eta_of /sum big_ord_recl. Qed.

Lemma cost_cons a pi b c : cost_of (a :: pi) (b :: c) = mass [:: a] 0 * price_of [:: b] 0 + cost_of pi c.
Proof. by rewrite /cost_of /sum big_ord_recl. Qed.

Lemma row_value_sound pi c e w : row_value pi c = Some (e, w) ->
  [/\ size pi = size c, Q2R e = eta_of pi, Q2R w = cost_of pi c &
   forall j, 0 <= mass pi j /\ (nth None pi j <> None -> nth None c j <> None)].
Proof.
elim: pi c e w => [|a pi IH] [|b c] e w //=.
  case=> <- <-; rewrite /eta_of /cost_of /sum !big_ord0 Q2R0; split => // j.
  by rewrite /mass !nth_nil; split => //; lra.
case E : (row_value pi c) => [[e' w']|] //; have [sz ee ew hs] := IH _ _ _ E.
rewrite eta_cons cost_cons; case: a => [m|].
  case: b => [r|] //; case m0 : (qle 0 m) => // -[<- <-]; have := qleP m0; rewrite Q2R0 => mp.
  rewrite !qaddE Q2R_mult ee ew sz; split => //.
  by case=> [|j]; [split | exact: hs].
case=> <- <-; rewrite ee ew sz; split => //; try by rewrite /mass /=; ring.
by case=> [|j]; [split => //; rewrite /mass /=; lra | exact: hs].
Qed.

Lemma add_row_sound pi acc j : size pi = size acc ->
  size (add_row pi acc) = size acc /\ Q2R (nth 0%Q (add_row pi acc) j) = mass pi j + Q2R (nth 0%Q acc j).
Proof.
elim: pi acc j => [|a pi IH] [|b acc] j //=; first by rewrite /mass !nth_nil; split => //; ring.
case=> sz; have [s h] := IH _ 0%N sz; rewrite s; split => //.
case: j => [|j] /=; last by have [_ ->] := IH _ j sz.
by rewrite /mass /=; case: a => [m|] /=; rewrite ?qaddE ?Rplus_0_l.
Qed.

Lemma columns_sound plan s : all (fun r => size r == size s) plan -> size (columns plan s) = size s /\
  forall j, Q2R (nth 0%Q (columns plan s) j) = \big[Rplus/0]_(r <- plan) mass r j + Q2R (nth 0%Q s j).
Proof.
elim: plan => [|r plan IH] /=; first by move=> _; split => // j; rewrite big_nil; ring.
case/andP => /eqP sr al; have [sz h] := IH al; rewrite -sz in sr; split.
  by have [-> _] := add_row_sound 0 sr.
by move=> j; have [_ ->] := add_row_sound j sr; rewrite h big_cons; ring.
Qed.

Lemma qsum_sound l : Q2R (qsum l) = sum (fun j : 'I_(size l) => Q2R (nth 0%Q l j)).
Proof. by elim: l => [|a l IH] /=; [rewrite /sum big_ord0 Q2R0 | rewrite qaddE IH /sum big_ord_recl]. Qed.

Section Plan.
Variables (prec : F.precision) (d : div) (f : ffun).
Hypothesis den : denotes d f.

(** One row of data beside one row of the plan. *)
Definition zrow := (row * seq (option Q))%type.
Definition z0 : zrow := (row0, [::]).
Definition zterm (z : zrow) : R := if Rlt_dec 0 (Q2R z.1.1) then Q2R z.1.1 * real (f (eta_of z.2 / Q2R z.1.1)) else 0.
Definition zgood (z : zrow) : Prop :=
  [/\ size z.2 = size z.1.2, forall j, 0 <= mass z.2 j /\ (nth None z.2 j <> None -> nth None z.1.2 j <> None),
      0 <= Q2R z.1.1, 0 < Q2R z.1.1 -> finite (f (eta_of z.2 / Q2R z.1.1))
      & Q2R z.1.1 = 0 -> forall j, mass z.2 j = 0].

Lemma plan_sum_sound rows plan v t : plan_sum prec d rows plan = Some (v, t) ->
  [/\ size rows = size plan, cont v (\big[Rplus/0]_(z <- zip rows plan) zterm z),
      Q2R t = \big[Rplus/0]_(z <- zip rows plan) cost_of z.2 z.1.2
      & forall x, (x < size rows)%N -> zgood (nth row0 rows x, nth [::] plan x)].
Proof.
elim: rows plan v t => [|[p c] rows IH] [|pi plan] v t //=.
  by case=> <- <-; rewrite !big_nil Q2R0; split => //; exact: c_Z.
case E : (plan_sum _ _ _ _) => [[v' t']|] //; case Er : (row_value pi c) => [[e w]|] //.
have [sz cv et hs] := IH _ _ _ E; have [sp ee ew hp] := row_value_sound Er.
rewrite !big_cons /=; case p0 : (qlt 0 p).
  have := qltP p0; rewrite Q2R0 => pp.
  have e0 : 0 <= eta_of pi by apply: sum_ge0 => j; case: (hp j).
  have ed : Q2R (e / p) = eta_of pi / Q2R p.
    by rewrite Q2R_div ?ee // => eq0; have := Qeq_eqR _ _ eq0; rewrite Q2R0; lra.
  case ef : (fval _ _ _) => [i|] // -[<- <-].
  have te : 0 <= Q2R (e / p) by rewrite ed; exact: ratio_ge0.
  have [u [fu cu]] := fval_sound den te ef; rewrite ed in fu.
  split; [by rewrite sz | | by rewrite qaddE ew et; ring |].
    rewrite /zterm /=; case: Rlt_dec => // _ /=; rewrite fu /=.
    by apply: c_add => //; apply: c_mul => //; exact: c_Q.
  by case=> [|x] //= lx; [split => //=; [lra | rewrite fu | lra] | exact: hs].
case: ifP => // /andP [/qeqP pz none] -[<- <-]; rewrite Q2R0 in pz.
have m0 j : mass pi j = 0.
  rewrite /mass; case: (ltnP j (size pi)) => lj; last by rewrite nth_default.
  by have := all_nthP None none lj; case: (nth None pi j).
split; [by rewrite sz | | by rewrite qaddE ew et; ring |].
  by rewrite /zterm /=; case: Rlt_dec => /= h; [lra | rewrite Rplus_0_l].
by case=> [|x] //= lx; [split => //=; lra | exact: hs].
Qed.

(** The value of an accepted plan, whatever its column marginal [q]. *)
Section Value.
Variables (space : bool) (rows : seq row) (plan : seq (seq (option Q))) (s : seq Q) (v : itv).
Let m := size s.
Hypotheses (ok : data_ok rows) (sh : shape m rows) (shp : all (fun r => size r == m) plan).
Hypothesis acc : plan_value prec d space rows plan s = Some v.
Let k := slope f (mode space).

Definition plan_pi (x : 'I_(size rows)) (y : 'I_m) : R := mass (nth [::] plan x) y.
Definition plan_s (y : 'I_m) : R := Q2R (nth 0%Q s y).

(** Idea: row by row, the exact masses are those of a plan of the program and the intervals hold its value. *)
Theorem plan_sound (q : 'I_m -> R) : (forall y, q y = Q2R (nth 0%Q (columns plan s) y)) ->
  program_feasible (weight rows) q plan_pi plan_s /\
  program_dom f k (weight rows) (arc rows m) plan_pi plan_s /\
  cont v (rprogram f k (weight rows) (arc rows m) plan_pi plan_s).
Proof.
move=> eq_; move: acc; rewrite /plan_value; case s0 : (all _ s) => //.
case E : (plan_sum _ _ _ _) => [[u t]|] // hv; have [sz cu et hs] := plan_sum_sound E.
have sp0 y : 0 <= plan_s y.
  by rewrite /plan_s; have := all_nthP 0%Q s0 (ltn_ord y) => /qleP; rewrite Q2R0.
have good (x : 'I_(size rows)) := hs x (ltn_ord x).
have szp (x : 'I_(size rows)) : size (nth [::] plan x) = m.
  by apply/eqP; apply: (all_nthP [::] shp); rewrite -sz.
have szc (x : 'I_(size rows)) : size (nth row0 rows x).2 = m.
  by apply/eqP; exact: (all_nthP row0 sh (ltn_ord x)).
have row_sum (x : 'I_(size rows)) : sum (plan_pi x) = eta_of (nth [::] plan x).
  by rewrite /eta_of szp.
have fsb : program_feasible (weight rows) q plan_pi plan_s.
{ split=> [x y|y|x y e|y].
  - by case: (good x) => _ h _ _ _; case: (h y).
  - exact: sp0.
  - by case: (good x) => _ _ _ _ h; exact: h.
  - rewrite eq_; have [_ ->] := columns_sound shp; rewrite /plan_s /plan_pi; congr (_ + _).
    by rewrite -(sum_nth [::] plan (fun r => mass r y)) -sz. }
split => //.
have zn (x : 'I_(size rows)) : nth z0 (zip rows plan) x = (nth row0 rows x, nth [::] plan x) by rewrite nth_zip.
have sizez : size (zip rows plan) = size rows by rewrite size_zip -sz minnn.
have big_x (T : zrow -> R) : \big[Rplus/0]_(z <- zip rows plan) T z
   = sum (fun x : 'I_(size rows) => T (nth row0 rows x, nth [::] plan x)).
  rewrite -(sum_nth z0) sizez; apply: sum_ext => x; by rewrite zn.
have et' : Q2R t = rcost (arc rows m) plan_pi.
  rewrite et big_x /rcost; apply: sum_ext => x; rewrite /cost_of /= szp; apply: sum_ext => y.
  by rewrite /plan_pi /arc /price_of; case: (nth None _ y).
have cu' : cont u (sum (Df_term f k (weight rows) (fun x => sum (plan_pi x)))).
  have -> : sum (Df_term f k (weight rows) (fun x => sum (plan_pi x))) = \big[Rplus/0]_(z <- zip rows plan) zterm z; last exact: cu.
  rewrite big_x; apply: sum_ext => x; rewrite /Df_term /zterm row_sum /weight /=; case: Rlt_dec => //= n.
  have w0 := weight_ge0 ok x; case: (good x) => _ _ _ _ h; rewrite /weight in w0.
  by rewrite /eta_of sum_zero; [ring | move=> y; apply: h => /=; lra].
have dm1 : Df_dom f k (weight rows) (fun x => sum (plan_pi x)).
  move=> x; rewrite row_sum; case: (good x) => _ _ _ h1 h2; case: Rlt_dec => [l|n] /=; first exact: h1.
  have w0 := weight_ge0 ok x; left; rewrite /eta_of sum_zero // => y; apply: h2 => /=; rewrite /weight in n w0; lra.
have dm3 : supported (arc rows m) plan_pi.
  move=> x y; rewrite /plan_pi /arc /mass; case: (good x) => _ h _ _ _; have [_ h'] := h y.
  case e : (nth None (nth [::] plan x) y) => [r|]; [right | by left].
  by case: (nth None (nth row0 rows x).2 y) h' => //= h'; case: h'; rewrite ?e.
rewrite /rprogram; move: hv; case z : (all _ s).
  have S0 : sum plan_s = 0.
    by apply: sum_zero => y; have := all_nthP 0%Q z (ltn_ord y) => /qeqP; rewrite Q2R0.
  case=> <-; split; first by split => //; left.
  by rewrite S0 Rmult_0_l Rplus_0_l -et'; apply: c_add => //; exact: c_Q.
have := slope_sound prec space den; case ek : (slope_of _ _ _) => [i|] // [kv [ekv ck]] -[<-].
split; first by split => //; right; rewrite /k ekv.
have kr : real k = kv by rewrite /k ekv.
have es : sum plan_s = Q2R (qsum s) by rewrite qsum_sound.
have -> : sum (Df_term f k (weight rows) (fun x => sum (plan_pi x))) + (sum plan_s * real k + rcost (arc rows m) plan_pi)
   = sum (Df_term f k (weight rows) (fun x => sum (plan_pi x))) + Q2R t + Q2R (qsum s) * kv.
  by rewrite kr -et' es; ring.
by apply: c_add; [apply: c_add => //; exact: c_Q | apply: c_mul => //; exact: c_Q].
Qed.
End Value.

(** Upper bound on [D^c]. *)
Theorem check_upper_sound space rows q plan s claim : check_upper prec d space rows q plan s claim ->
  Rbar_le (program f (slope f (mode space)) (weight rows) (arc rows (size q)) (vec (size q) q)) (Q2R claim).
Proof.
rewrite /check_upper => /andP [_ /andP [ok /andP [sh /andP [shp /andP [/eqP ss /andP [/andP [/eqP sc sm]]]]]]].
case E : (plan_value _ _ _ _ _) => [v|] // hv; rewrite -ss in sh shp *.
have [|fs [dm cv]] := plan_sound ok sh shp E (q := vec (size s) q).
  move=> y; rewrite /vec; have lz : (y < size (zip (columns plan s) q))%N by rewrite size_zip sc minnn -ss.
  have := all_nthP (0%Q, 0%Q) sm lz; rewrite nth_zip //= => /qeqP e; by rewrite e.
apply: Rbar_le_trans (program_le (@slope_not_minus f (mode space)) (arc_nonneg ok (m := size s)) fs dm) _ => /=.
by have := nonneg_itv_sound hv (c_sub prec (c_Q prec claim) cv); lra.
Qed.
End Plan.

(** The program is nonnegative for a reference distribution and a target of mass 1. *)
Lemma program_ge0 (X Y : finType) (f : ffun) (sp : support) (p : X -> R) (c : X -> Y -> Rbar) (q : Y -> R) :
  prob p -> prob q -> nonneg_cost c -> Rbar_le 0 (program f (slope f sp) p c q).
Proof.
move=> [p0 p1] [q0 q1] c0; apply: program_ge => // [|pi s [pi0 s0 piz mg] [d1 d2 d3]]; first exact: slope_not_minus.
apply: Rnot_lt_le => l; set v := rprogram _ _ _ _ _ _ in l; have l' : Rbar_lt v (f 1) by rewrite f_one.
have [y [b [h hb]]] := f_minorants Rle_0_1 l'.
have r0 := rcost_ge0 c0 pi0.
have S0 : 0 <= sum s by apply: sum_ge0.
have mass1 : sum (fun x => sum (pi x)) + sum s = 1.
  by rewrite (sum_sum pi) -sum_plus -q1; apply: sum_ext => z; rewrite mg.
have A : sum (fun x => sum (pi x) * y - p x * b) <= sum (Df_term f (slope f sp) p (fun x => sum (pi x))).
  apply: sum_le => x; have rx : 0 <= sum (pi x) by apply: sum_ge0.
  move: (d1 x); rewrite /Df_term; case: Rlt_dec => [lx|n] /= dx.
    have := h _ (ratio_ge0 rx lx); rewrite (finite_real dx) => /(Rmult_le_compat_l _ _ _ (Rlt_le _ _ lx)).
    by have -> : p x * (sum (pi x) / p x * y - b) = sum (pi x) * y - p x * b by field; lra.
  have -> : p x = 0 by have := p0 x; lra.
  have -> : sum (pi x) = 0 by apply: sum_zero => z; apply: piz; have := p0 x; lra.
  lra.
have B : sum s * y <= sum s * real (slope f sp).
  case: d2 => [->|fk]; first lra.
  by apply: Rmult_le_compat_l => //; exact: (slope_minorant h (finite_real fk)).
move: A; rewrite sum_minus !sum_scalr p1 => A; rewrite /v /rprogram in hb l; nra.
Qed.

Lemma dotq_sound a b : size a = size b -> Q2R (dotq a b) = sum (fun j : 'I_(size a) => Q2R (nth 0%Q b j) * Q2R (nth 0%Q a j)).
Proof.
rewrite /dotq; elim: a b => [|x a IH] [|y b] //=; first by rewrite /sum big_ord0 Q2R0.
by case=> sz; rewrite qaddE Q2R_mult IH // /sum big_ord_recl /=; ring.
Qed.

(** Lower bound on the DRO value. *)
Theorem check_dro_lower_sound prec d f (den : denotes d f) space rows phi eps kappa plan s claim :
  check_dro_lower prec d space rows phi eps kappa plan s claim ->
  Rbar_le (Q2R claim)
    (DRO (program f (slope f (mode space)) (weight rows) (arc rows (size phi))) (vec (size phi) phi) (Q2R eps) (Q2R kappa)).
Proof.
rewrite /check_dro_lower => /andP [_ /andP [ok /andP [/qeqP p1 /andP [/qleP k0 /andP [sh /andP [shp /andP [/eqP ss
  /andP [q0 /andP [/qeqP q1]]]]]]]]].
rewrite Q2R0 in k0; rewrite Q2R1 in p1 q1.
case E : (plan_value _ _ _ _ _) => [v|] // /andP [he hc]; rewrite -ss in sh shp *.
have [sz hcol] := columns_sound shp.
have [fs [dm cv]] := plan_sound den ok sh shp E (q := vec (size s) (columns plan s)) (fun y => erefl).
set val := rprogram _ _ _ _ _ _ in cv.
have ve : val <= Q2R eps by have := nonneg_itv_sound he (c_sub prec (c_Q prec eps) cv); lra.
have vc := nonneg_itv_sound hc (c_sub prec (c_Q prec _) (c_mul prec (c_Q prec kappa) cv)).
have pq : prob (vec (size s) (columns plan s)).
{ split=> [y|].
  - by have := all_nthP 0%Q q0 (i := y); rewrite sz => /(_ (ltn_ord y)) /qleP; rewrite Q2R0.
  - by rewrite -q1 qsum_sound sz. }
have pp : prob (weight rows).
{ split; first exact: weight_ge0.
  rewrite -p1 qsum_sound size_map; apply: sum_ext => x; by rewrite (nth_map row0). }
have pv : Rbar_le (program_value f (slope f (mode space)) (weight rows) (arc rows (size s)) (plan_pi (rows := rows) plan (s := s)) (plan_s (s := s))) val.
  have -> : program_value f (slope f (mode space)) (weight rows) (arc rows (size s)) (plan_pi (rows := rows) plan (s := s)) (plan_s (s := s)) = Finite val.
    by apply: (proj2 (@program_value_finite _ _ f (slope f (mode space)) (weight rows) (arc rows (size s)) (@slope_not_minus f (mode space)) (arc_nonneg ok (m := size s)) _ _ _ val fs)); split.
  exact: Rbar_le_refl.
have w := @T6_witness_bound _ _ f (slope f (mode space)) (weight rows) (arc rows (size s)) (vec (size s) phi) (Q2R eps) (Q2R kappa)
  _ _ _ val k0 pq fs (@program_ge0 _ _ f (mode space) _ _ _ pp pq (arc_nonneg ok (m := size s))) pv ve.
have de : Q2R (dotq phi (columns plan s)) = expect (vec (size s) (columns plan s)) (vec (size s) phi).
  by rewrite dotq_sound ?sz // -ss.
by apply: Rbar_le_trans _ w => /=; move: vc; rewrite Q2R_minus de; lra.
Qed.
