(** * The verified checker for Rényi's divergence

    The first part is the program: as in [Checker.v] exact rationals, intervals for logarithms and powers.  The second
    proves that acceptance implies the bound on the program of T1 ([renyi_program], which is D^c on one space) and on its
    DRO value; it needs T2's and T10's weak duality, the geometry of plans, and that each interval holds its real. *)
(** Theorems:
    - [check_renyi_lower_sound]: Renyi: an accepted price vector: claim <= D^c
    - [check_renyi_upper_sound]: Renyi: an accepted plan: D^c <= claim
    - [check_renyi_dro_upper_sound]: Renyi: an accepted (lambda, rho): DRO value <= claim
    - [check_renyi_dro_upper_zero_sound]: Renyi: the same at lambda + kappa = 0: an accepted rho: DRO value <=
      claim
    - [check_renyi_dro_lower_sound]: Renyi: an accepted plan: claim <= DRO value *)
From Coq Require Import ZArith QArith Qreals.
From ArmorD Require Export RenyiProgram CheckerPlan.
Open Scope R_scope.

(** ** Part 1: computation *)
Section Ops.
Variable prec : F.precision.
Notation iZ := (iZ prec).
Notation iQ := (iQ prec).
Notation iadd := (iadd prec). Notation isub := (isub prec). Notation imul := (imul prec).
Notation price := (price prec). Notation idiv := (idiv prec). Notation iln := (iln prec). Notation iexp := (iexp prec).

(** An order, costs that are not negative, weights of total 1. *)
Definition renyi_data (a : Q) (rows : seq row) : bool :=
  [&& qlt 0 a, ~~ Qeq_bool a 1, data_ok rows & Qeq_bool (qsum (map fst rows)) 1].
Definition renyi_slope (space : bool) : option itv := if space then Some (iZ 0) else None.

(** [sum_i p_i (- h_i)^((a-1)/a)], [h_i = max_j (g_j - c_ij)].  [h_i = 0] adds nothing for [a > 1] and is outside the
    domain for [a < 1]; a row without an arc is the other way round. *)
Fixpoint moment (a : Q) (g : seq (option Q)) (rows : seq row) : option itv :=
  match rows with
  | [::] => Some (iZ 0)
  | (p, c) :: rows' =>
      match moment a g rows' with
      | None => None
      | Some s =>
          if qle p 0 then Some s else
          match hrow g c with
          | None => if qlt a 1 then Some s else None
          | Some h =>
              if qlt h 0 then Some (iadd (imul (iQ p) (iexp (imul (iQ ((a - 1) / a)) (iln (iQ (- h)))))) s)
              else if qle h 0 && qlt 1 a then Some s else None
          end
      end
  end.

(** [- J], from the moment. *)
Definition gain (a : Q) (M : itv) : itv :=
  iadd (idiv (iadd (iln (iQ a)) (iZ 1)) (iQ a)) (idiv (iln M) (isub (iQ a) (iZ 1))).

(** The rows of a plan: the masses that they send, and what the transport costs. *)
Fixpoint row_sums (rows : seq row) (plan : seq (seq (option Q))) : option (seq Q * Q) :=
  match rows, plan with
  | [::], [::] => Some ([::], 0%Q)
  | (p, c) :: rows', pi :: plan' =>
      match row_sums rows' plan', row_value pi c with
      | Some (es, t), Some (e, w) =>
          if qlt 0 p || all (fun m => ~~ isSome m) pi then Some (e :: es, qadd w t) else None
      | _, _ => None
      end
  | _, _ => None
  end.

(** [sum_i p_i^a eta_i^(1-a)]. *)
Fixpoint renyi_sum (a : Q) (ps es : seq Q) : option itv :=
  match ps, es with
  | p :: ps', e :: es' =>
      match renyi_sum a ps' es' with
      | None => None
      | Some s =>
          if qle p 0 then Some s else
          if qlt 0 e then Some (iadd (iexp (iadd (imul (iQ a) (iln (iQ p))) (imul (iQ (1 - a)) (iln (iQ e))))) s)
          else if qlt a 1 then Some s else None
      end
  | _, _ => Some (iZ 0)
  end.

(** The value of a plan; exact where it leaves [P] as it is. *)
Definition renyi_plan_value (a : Q) (space : bool) (rows : seq row) (plan : seq (seq (option Q))) (s : seq Q) : option itv :=
  if all (qle 0) s && (space || all (fun x => Qeq_bool x 0) s) then
    match row_sums rows plan with
    | None => None
    | Some (es, t) =>
        if same (map fst rows) es then Some (iQ t) else
        match renyi_sum a (map fst rows) es with
        | None => None
        | Some A => if pos_itv A then Some (iadd (idiv (iln A) (imul (iQ a) (isub (iQ a) (iZ 1)))) (iQ t)) else None
        end
    end
  else None.

(** The checks. *)
Definition check_renyi_lower (a : Q) (space : bool) (rows : seq row) (q : seq Q) (g : seq (option Q)) (claim : Q) : bool :=
  renyi_data a rows && match price (renyi_slope space) q g, moment a g rows with
  | Some s, Some M => pos_itv M && nonneg_itv (iadd (iQ (s - claim)) (gain a M))
  | _, _ => false
  end.

Definition check_renyi_upper (a : Q) (space : bool) (rows : seq row) (q : seq Q)
  (plan : seq (seq (option Q))) (s : seq Q) (claim : Q) : bool :=
  [&& renyi_data a rows, all (fun r => size r == size q) plan, size s == size q, same (columns plan s) q &
    match renyi_plan_value a space rows plan s with Some v => nonneg_itv (isub (iQ claim) v) | None => false end].

Definition check_renyi_dro_upper (a : Q) (space : bool) (rows : seq row) (phi : seq Q)
  (eps kappa lambda rho claim : Q) : bool :=
  let mu := (lambda + kappa)%Q in let g := shifted phi rho mu in
  [&& renyi_data a rows, qle 0 lambda, qlt 0 mu &
    match price (renyi_slope space) phi g, moment a g rows with
    | Some _, Some M => pos_itv M && nonneg_itv (iadd (iQ (claim - (lambda * eps + rho))) (imul (iQ mu) (gain a M)))
    | _, _ => false
    end].

(** At [lambda + kappa = 0]: [rho] is at least [phi] wherever mass can go. *)
Definition check_renyi_dro_upper_zero (a : Q) (space : bool) (rows : seq row) (phi : seq Q) (kappa rho claim : Q) : bool :=
  [&& renyi_data a rows, Qeq_bool kappa 0, qle rho claim &
    if space then all (fun v => qle v rho) phi
    else all (fun r => qle r.1 0 || if hrow (map Some phi) (free r.2) is Some h then qle h rho else true) rows].

Definition check_renyi_dro_lower (a : Q) (space : bool) (rows : seq row) (phi : seq Q) (eps kappa : Q)
  (plan : seq (seq (option Q))) (s : seq Q) (claim : Q) : bool :=
  let m := size phi in let q := columns plan s in
  [&& renyi_data a rows, qle 0 kappa, all (fun r => size r == m) plan, size s == m,
    all (qle 0) q, Qeq_bool (qsum q) 1 &
    match renyi_plan_value a space rows plan s with
    | Some v => nonneg_itv (isub (iQ eps) v) && nonneg_itv (isub (iQ (dotq phi q - claim)) (imul (iQ kappa) v))
    | None => false
    end].
End Ops.

(** ** Part 2: soundness *)
Opaque iadd isub imul idiv iln iexp isqrt iZ iQ.

(** The geometry of an accepted plan, whatever the divergence. *)
Lemma row_sums_sound rows plan es t : row_sums rows plan = Some (es, t) ->
  [/\ size rows = size plan, size es = size rows,
      Q2R t = \big[Rplus/0]_(z <- zip rows plan) cost_of z.2 z.1.2
      & forall x, (x < size rows)%N -> let r := nth row0 rows x in let pi := nth [::] plan x in
        [/\ Q2R (nth 0%Q es x) = eta_of pi, forall j, 0 <= mass pi j /\ (nth None pi j <> None -> nth None r.2 j <> None)
         & 0 < Q2R r.1 \/ forall j, mass pi j = 0]].
Proof.
elim: rows plan es t => [|[p c] rows IH] [|pi plan] es t //=; first by case=> <- <-; rewrite big_nil Q2R0.
case E : (row_sums _ _) => [[es' t']|] //; case Er : (row_value pi c) => [[e w]|] //.
have [sz se et hs] := IH _ _ _ E; have [sp ee ew hp] := row_value_sound Er.
case: ifP => // live -[<- <-]; split; [by rewrite sz | by rewrite /= se | by rewrite big_cons qaddE ew et |].
case=> [|x] lx /=; last exact: hs.
split => //; case/orP: live => [/qltP|none]; first by rewrite Q2R0; left.
right=> j; rewrite /mass; case: (ltnP j (size pi)) => lj; last by rewrite nth_default.
by have := all_nthP None none lj; case: (nth None pi j).
Qed.

Section Plan.
Variables (rows : seq row) (plan : seq (seq (option Q))) (s : seq Q) (es : seq Q) (t : Q).
Let m := size s.
Hypotheses (shp : all (fun r => size r == m) plan) (s0 : all (qle 0) s).
Hypothesis acc : row_sums rows plan = Some (es, t).
Notation pi := (@plan_pi rows plan s).
Notation ps := (@plan_s s).

Lemma plan_rows x : sum (pi x) = Q2R (nth 0%Q es x).
Proof.
have [sz _ _ hs] := row_sums_sound acc; have [-> _ _] := hs x (ltn_ord x).
have szp : size (nth [::] plan x) = m by apply/eqP; apply: (all_nthP [::] shp); rewrite -sz.
by rewrite /eta_of szp.
Qed.

(** Idea: row by row, the exact masses are those of a plan of the program. *)
Theorem plan_geometry (q : 'I_m -> R) : (forall y, q y = Q2R (nth 0%Q (columns plan s) y)) ->
  [/\ program_feasible (weight rows) q pi ps, supported (arc rows m) pi & Q2R t = rcost (arc rows m) pi].
Proof.
move=> eq_; have [sz _ et hs] := row_sums_sound acc; have good (x : 'I_(size rows)) := hs x (ltn_ord x).
have szp (x : 'I_(size rows)) : size (nth [::] plan x) = m by apply/eqP; apply: (all_nthP [::] shp); rewrite -sz.
split.
- split=> [x y|y|x y e|y].
  + by case: (good x) => _ h _; case: (h y).
  + by rewrite /plan_s; have := all_nthP 0%Q s0 (ltn_ord y) => /qleP; rewrite Q2R0.
  + case: (good x) => _ _ [l|h]; [by rewrite /weight in e; lra | exact: h].
  + rewrite eq_; have [_ ->] := columns_sound shp; rewrite /plan_s /plan_pi; congr (_ + _).
    by rewrite -(sum_nth [::] plan (fun r => mass r y)) -sz.
- move=> x y; rewrite /plan_pi /arc /mass; case: (good x) => _ h _; have [_ h'] := h y.
  case e : (nth None (nth [::] plan x) y) => [r|]; [right | by left].
  by case: (nth None (nth row0 rows x).2 y) h' => //= h'; case: h'; rewrite ?e.
- rewrite et -(sum_nth z0) size_zip -sz minnn /rcost; apply: sum_ext => x; rewrite nth_zip //= /cost_of szp.
  by apply: sum_ext => y; rewrite /plan_pi /arc /price_of; case: (nth None _ y).
Qed.
End Plan.

Lemma sameP u v : same u v -> size u = size v /\ forall i, (i < size u)%N -> Q2R (nth 0%Q u i) = Q2R (nth 0%Q v i).
Proof.
move=> /andP [/eqP sz al]; split => // i li; have lz : (i < size (zip u v))%N by rewrite size_zip -sz minnn.
by have := all_nthP (0%Q, 0%Q) al lz; rewrite nth_zip //= => /qeqP.
Qed.

Section Sound.
Variables (prec : F.precision) (a : Q) (space : bool) (rows : seq row).
Hypothesis data : renyi_data a rows.
Let A := Q2R a.
Let md := mode space.
Notation p := (weight rows).

Lemma data_sound : [/\ 0 < A, A <> 1, prob p & forall n, nonneg_cost (arc rows n)].
Proof.
move: data => /and4P [/qltP pos /negP ne ok /qeqP]; rewrite Q2R0 in pos; rewrite Q2R1 qsum_sound size_map => e; split => //.
- by rewrite /A => e1; apply: ne; apply/Qeq_bool_iff; apply: eqR_Qeq; rewrite e1 Q2R1.
- by split; [exact: weight_ge0 | rewrite -e; apply: sum_ext => x; rewrite (nth_map row0)].
- by move=> n; exact: arc_nonneg.
Qed.
Let a0 : 0 < A. Proof. by case: data_sound. Qed.
Let a1 : A <> 1. Proof. by case: data_sound. Qed.
Let pp : prob p. Proof. by case: data_sound. Qed.

Lemma c_scale : cont (imul prec (iQ prec a) (isub prec (iQ prec a) (iZ prec 1))) (A * (A - 1)).
Proof. by apply: c_mul; [exact: c_Q | apply: c_sub; [exact: c_Q | exact: c_Z]]. Qed.

(** *** Prices *)
Definition residual (g : seq (option Q)) (z : row) : R := if hrow g z.2 is Some h then Rmax 0 (- Q2R h) else 0.
Definition moment_term g (z : row) : R :=
  if Rlt_dec 0 (Q2R z.1) then if Rlt_dec 0 (residual g z) then Q2R z.1 * Rpower (residual g z) ((A - 1) / A) else 0 else 0.
Definition r_of g (x : 'I_(size rows)) : R := residual g (nth row0 rows x).

Lemma residual_ge0 g z : 0 <= residual g z.
Proof. by rewrite /residual; case: (hrow g z.2) => [h|]; [exact: Rmax_l | exact: Rle_refl]. Qed.

Lemma moment_sound g rs M : moment prec a g rs = Some M ->
  cont M (\big[Rplus/0]_(z <- rs) moment_term g z) /\
  forall x, (x < size rs)%N -> 0 < Q2R (nth row0 rs x).1 -> let z := nth row0 rs x in
    (A < 1 -> hrow g z.2 = None \/ 0 < residual g z) /\ forall h, hrow g z.2 = Some h -> Q2R h = - residual g z.
Proof.
elim: rs M => [|[u c] rs IH] M /=; first by case=> <-; rewrite big_nil; split => //; exact: c_Z.
case e : (moment _ _ _ _) => [s|] //; have [cs hs] := IH _ e; rewrite big_cons /moment_term /=.
case u0 : (qle u 0).
  case=> <-; have := qleP u0; rewrite Q2R0 => l.
  by case: Rlt_dec => /= ?; [lra | rewrite Rplus_0_l; split => // -[|x] lx px; [rewrite /= in px; lra | exact: hs]].
have := qleN (negbT u0); rewrite Q2R0 => up; case: Rlt_dec => //= _; rewrite /residual /=.
case eh : (hrow g c) => [h|]; last first.
  case al : (qlt a 1) => // -[<-]; case: Rlt_dec => /= ?; first lra.
  by rewrite Rplus_0_l; split => // -[|x] lx px; [rewrite /= eh; split => // _; left | exact: hs].
case h0 : (qlt h 0).
  have := qltP h0; rewrite Q2R0 => hn [<-]; rewrite Rmax_right; last lra.
  case: Rlt_dec => /= ?; last lra.
  split; last first.
    case=> [|x] lx; last exact: hs.
    by rewrite /= eh Rmax_right; [split=> [_|_ [<-]]; [right | ]; lra | lra].
  apply: c_add => //; apply: c_mul; first exact: c_Q.
  rewrite /Rpower; apply: c_exp; apply: c_mul.
    have -> : (A - 1) / A = Q2R ((a - 1) / a); last exact: c_Q.
    rewrite Q2R_div ?Q2R_minus ?Q2R1 // => ea; have := Qeq_eqR _ _ ea; rewrite Q2R0; have := a0; rewrite /A; lra.
  by rewrite -Q2R_opp; apply: c_ln; [rewrite Q2R_opp; lra | exact: c_Q].
case: ifP => // /andP [/qleP hle /qltP al] [<-]; rewrite Q2R0 in hle; rewrite Q2R1 in al.
have := qltN h0; rewrite Q2R0 => hge; have hz : Q2R h = 0 by lra.
rewrite hz Ropp_0 Rmax_left; last lra.
case: Rlt_dec => /= ?; first lra.
rewrite Rplus_0_l; split => // -[|x] lx; last exact: hs.
by rewrite /= eh hz Ropp_0 Rmax_left; [split=> [|_ [<-]]; rewrite /A; lra | lra].
Qed.

Lemma gain_sound g M : moment prec a g rows = Some M -> pos_itv M ->
  (exists x, 0 < p x /\ 0 < r_of g x) /\ cont (gain prec a M) (renyi_gain A p (r_of g)).
Proof.
move=> e pos; have [cM _] := moment_sound e.
have eM : renyi_moment A p (r_of g) = \big[Rplus/0]_(z <- rows) moment_term g z.
  exact: (sum_nth row0 rows (moment_term g)).
rewrite -eM in cM; have Mp := pos_itv_sound pos cM; split.
  have [x] := sum_pos_ex Mp; case: Rlt_dec => /= px; last lra.
  by case: Rlt_dec => /= rx; [exists x | lra].
have na : A - 1 <> 0 by have := a1; lra.
apply: c_add; apply: c_div; [have := a0; lra | | exact: c_Q | exact: na | exact: c_ln |].
  by apply: c_add; [apply: c_ln; [exact: a0 | exact: c_Q] | exact: c_Z].
by apply: c_sub; [exact: c_Q | exact: c_Z].
Qed.

(** Prices [g] that [price] accepts, on the arcs and on the singular mass. *)
Lemma arc_sound g M (n : nat) (x : 'I_(size rows)) (y : 'I_n) v : moment prec a g rows = Some M -> 0 < p x ->
  finite (arc rows n x y) -> nth None g y = Some v ->
  Q2R v <= - r_of g x + real (arc rows n x y) /\ (A < 1 -> 0 < r_of g x).
Proof.
move=> e px; rewrite /arc; case ec : (nth None _ _) => [w|] // _ ev.
have [_ hs] := moment_sound e; have [live eq_] := hs x (ltn_ord x) px.
case eh : (hrow g (nth row0 rows x).2) => [h|]; last by case: (hrow_none eh ev ec).
split; last by move=> /live; rewrite eh => -[].
by have := hrow_sound eh ev ec; rewrite (eq_ h eh) -/(r_of g x) /=; lra.
Qed.

(** *** Plans *)
Definition renyi_pair (z : Q * Q) : R :=
  if Rlt_dec 0 (Q2R z.1) then if Rlt_dec 0 (Q2R z.2) then Rpower (Q2R z.1) A * Rpower (Q2R z.2) (1 - A) else 0 else 0.

Lemma renyi_sum_sound us es i : size us = size es -> renyi_sum prec a us es = Some i ->
  cont i (\big[Rplus/0]_(z <- zip us es) renyi_pair z) /\
  forall x, (x < size us)%N -> 0 < Q2R (nth 0%Q us x) -> 1 < A -> 0 < Q2R (nth 0%Q es x).
Proof.
elim: us es i => [|u us IH] [|e es] i //=; first by move=> _ [<-]; rewrite big_nil; split => //; exact: c_Z.
case=> sz; case E : (renyi_sum _ _ _ _) => [s|] //; have [cs hs] := IH _ _ sz E; rewrite big_cons /renyi_pair /=.
case u0 : (qle u 0).
  case=> <-; have := qleP u0; rewrite Q2R0 => l; case: Rlt_dec => /= ?; first lra.
  by rewrite Rplus_0_l; split => // -[|x] lx px; [rewrite /= in px; lra | exact: hs].
have := qleN (negbT u0); rewrite Q2R0 => up; case: Rlt_dec => //= _; case e0 : (qlt 0 e).
  have := qltP e0; rewrite Q2R0 => ep [<-]; case: Rlt_dec => //= _.
  split; last by case=> [|x] lx px ag; [exact: ep | exact: hs].
  apply: c_add => //; rewrite /Rpower -exp_plus; apply: c_exp; apply: c_add; apply: c_mul; try exact: c_Q.
    by apply: c_ln => //; exact: c_Q.
    by rewrite /A -Q2R1 -Q2R_minus; exact: c_Q.
  by apply: c_ln => //; exact: c_Q.
have := qltN e0; rewrite Q2R0 => en; case al : (qlt a 1) => // -[<-]; have := qltP al; rewrite Q2R1 -/A => l.
case: Rlt_dec => /= ?; first lra.
by rewrite Rplus_0_l; split => // -[|x] lx px ?; [lra | exact: hs].
Qed.

Section Value.
Variables (plan : seq (seq (option Q))) (s : seq Q) (v : itv).
Let m := size s.
Hypothesis shp : all (fun r => size r == m) plan.
Hypothesis acc : renyi_plan_value prec a space rows plan s = Some v.
Notation pi := (@plan_pi rows plan s).
Notation ps := (@plan_s s).

(** Idea: the geometry of the plan, and an interval that holds Rényi's sum of its rows. *)
Theorem renyi_plan_sound (q : 'I_m -> R) : (forall y, q y = Q2R (nth 0%Q (columns plan s) y)) ->
  [/\ program_feasible p q pi ps, renyi_plan_dom A md p (arc rows m) pi ps
    & cont v (renyi_div A p (fun x => sum (pi x)) + rcost (arc rows m) pi)].
Proof.
move=> eq_; move: acc; rewrite /renyi_plan_value; case: ifP => // /andP [s0 sing].
case E : (row_sums _ _) => [[es t]|] //; have [fs sp et] := plan_geometry shp s0 E eq_.
have rowE := plan_rows shp E; have [_ se _ hs] := row_sums_sound E.
have created0 : md = Reference -> sum ps = 0.
  move: sing; rewrite /md; case: space => //= al _; apply: sum_zero => y.
  by have := all_nthP 0%Q al (ltn_ord y) => /qeqP; rewrite Q2R0.
have pE (x : 'I_(size rows)) : Q2R (nth 0%Q (map fst rows) x) = p x by rewrite (nth_map row0).
set eta := fun x => sum (pi x); case sm : (same _ _).
  (* the plan leaves P as it is *)
  move=> [<-]; have ee : eta = p.
    apply: functional_extensionality => x; rewrite /eta rowE; have [sz h] := sameP sm.
    by rewrite -h ?pE // size_map.
  have [dm d0] := renyi_finite a1 (proj1 pp) (renyi_self A md pp).
  by split => //; [split => //; rewrite -/eta ee | rewrite ee /renyi_div -d0 Rplus_0_l -et; exact: c_Q].
case ea : (renyi_sum _ _ _ _) => [i|] //; case: ifP => // pos [<-].
have sz : size (map fst rows) = size es by rewrite size_map se.
have [ci hp] := renyi_sum_sound sz ea.
have eS : sum (renyi_real A p eta) = \big[Rplus/0]_(z <- zip (map fst rows) es) renyi_pair z.
  rewrite -(sum_nth (0%Q, 0%Q)) size_zip sz minnn se; apply: sum_ext => x.
  by rewrite nth_zip // /renyi_pair /renyi_real pE /eta rowE.
rewrite -eS in ci; have Ap := pos_itv_sound pos ci; split => //.
  split => //; split => // [x px ag|em x px].
    by rewrite rowE; apply: hp; rewrite ?size_map ?pE.
  have [_ _ [l|z]] := hs x (ltn_ord x); first by rewrite /weight in px; lra.
  by apply: sum_zero => y; exact: z.
rewrite -et; apply: c_add; last exact: c_Q.
apply: c_div; [|by apply: c_ln|exact: c_scale].
by apply: Rmult_integral_contrapositive; have := a0; have := a1; split; lra.
Qed.
End Value.
End Sound.

(** *** The theorems *)
Lemma Rle_gap x y : 0 <= y - x -> x <= y. Proof. lra. Qed.

Section Theorems.
Variables (prec : F.precision) (a : Q) (space : bool) (rows : seq row).

(** Idea: T2's weak duality at the residuals [r = max(0, - h)], their moment held by an interval. *)
Theorem check_renyi_lower_sound q g claim : check_renyi_lower prec a space rows q g claim ->
  Rbar_le (Q2R claim) (renyi_program (Q2R a) (mode space) (weight rows) (arc rows (size q)) (vec (size q) q)).
Proof.
move=> /andP [data]; case ep : (price _ _ _ _) => [s|] //; case em : (moment _ _ _ _) => [M|] // /andP [pos acc].
have [a0 a1 pp c0] := data_sound data; have [ex cg] := gain_sound data em pos; have [_ [es hp]] := price_sound ep.
have := nonneg_itv_sound acc (c_add prec (c_Q prec _) cg); rewrite Q2R_minus es => bound.
pose G (y : 'I_(size q)) := Q2R (odflt 0%Q (nth None g y)).
have B := @T2_renyi_weak_duality _ _ (Q2R a) (mode space) (weight rows) (arc rows (size q)) a0 a1 pp (c0 _)
  (vec (size q) q) G (r_of g).
apply: Rbar_le_trans (B _ ex _ _); first by rewrite /expect /vec /G /=; lra.
- by move=> x; exact: residual_ge0.
- move=> x y px qy fc; case: (hp y (ltn_ord y)) => [[v [ev _]]|[_ z]]; last by case: qy.
  by have := arc_sound data em px fc ev; rewrite /G ev.
- move=> es' y qy; case: (hp y (ltn_ord y)) => [[v [ev hk]]|[_ z]]; last by case: qy.
  rewrite /G ev /=; move: es' hk; rewrite /mode /renyi_slope; case: space => // _ hk.
  by apply: hk (erefl _) _; exact: c_Z.
Qed.

(** Idea: the accepted plan is feasible and its value at most the claim. *)
Theorem check_renyi_upper_sound q plan s claim : check_renyi_upper prec a space rows q plan s claim ->
  Rbar_le (renyi_program (Q2R a) (mode space) (weight rows) (arc rows (size q)) (vec (size q) q)) (Q2R claim).
Proof.
move=> /andP [data /andP [shp /andP [/eqP ss /andP [/sameP [sc sm]]]]]; have [a0 a1 pp c0] := data_sound data.
case E : (renyi_plan_value _ _ _ _ _ _) => [v|] // hv; rewrite -ss in shp *.
have [|fs dm cv] := renyi_plan_sound data shp E (q := vec (size s) q).
  by move=> y; rewrite /vec sm // sc -ss.
apply: Rbar_le_trans (renyi_program_le a1 pp (c0 _) fs dm) _.
exact: Rle_gap (nonneg_itv_sound hv (c_sub prec (c_Q prec claim) cv)).
Qed.

(** Idea: T10's weak duality at the prices [(phi - rho)/mu]. *)
Theorem check_renyi_dro_upper_sound phi eps kappa lambda rho claim :
  check_renyi_dro_upper prec a space rows phi eps kappa lambda rho claim ->
  Rbar_le (DRO (renyi_program (Q2R a) (mode space) (weight rows) (arc rows (size phi)))
    (vec (size phi) phi) (Q2R eps) (Q2R kappa)) (Q2R claim).
Proof.
move=> /andP [data /andP [/qleP l0 /andP [/qltP m0]]]; rewrite Q2R0 in l0 m0; set mu := (lambda + kappa)%Q in m0 *.
set g := shifted phi rho mu; case ep : (price _ _ _ _) => [s|] //; case em : (moment _ _ _ _) => [M|] // /andP [pos acc].
have [a0 a1 pp c0] := data_sound data; have [ex cg] := gain_sound data em pos; have [_ [_ hp]] := price_sound ep.
have := nonneg_itv_sound acc (c_add prec (c_Q prec _) (c_mul prec (c_Q prec mu) cg)).
rewrite Q2R_minus Q2R_plus Q2R_mult => bound.
have gE (y : 'I_(size phi)) : nth None g y = Some ((nth 0%Q phi y - rho) / mu)%Q by rewrite (nth_map 0%Q).
have gR (y : 'I_(size phi)) : vec (size phi) phi y = Q2R mu * Q2R ((nth 0%Q phi y - rho) / mu) + Q2R rho.
  rewrite Q2R_div ?Q2R_minus /vec; first by field; lra.
  by move=> e; have := Qeq_eqR _ _ e; rewrite Q2R0; lra.
have B := @T10_renyi_weak_duality _ _ (Q2R a) (mode space) (weight rows) (arc rows (size phi)) a0 a1 pp (c0 _)
  (vec (size phi) phi) (Q2R eps) (Q2R kappa) (Q2R lambda) (Q2R rho) (Q2R mu) (r_of g) l0 (Q2R_plus _ _) m0.
apply: Rbar_le_trans (B _ ex _ _) _; last by rewrite /=; lra.
- by move=> x; exact: residual_ge0.
- move=> x y px fc; have [l live] := arc_sound data em px fc (gE y); split => //; rewrite gR; nra.
- move=> es' y; rewrite gR; case: (hp y (ltn_ord y)) => [[v [ev hk]]|[ev _]]; rewrite gE // in ev; case: ev => ->.
  suff : Q2R v <= 0 by nra.
  move: es' hk; rewrite /mode /renyi_slope; case: space => // _ hk; apply: hk (erefl _) _; exact: c_Z.
Qed.

(** Idea: at [lambda + kappa = 0] only what can be reached counts. *)
Theorem check_renyi_dro_upper_zero_sound phi eps kappa rho claim :
  check_renyi_dro_upper_zero a space rows phi kappa rho claim ->
  Rbar_le (DRO (renyi_program (Q2R a) (mode space) (weight rows) (arc rows (size phi)))
    (vec (size phi) phi) (Q2R eps) (Q2R kappa)) (Q2R claim).
Proof.
move=> /and4P [data /qeqP k0 /qleP rc al]; have [a0 a1 pp c0] := data_sound data; rewrite Q2R0 in k0.
apply: (Rbar_le_trans _ (Q2R rho)) => //.
apply: (T10_renyi_weak_duality_at_zero a1 pp (c0 _)) => // y; move: al; rewrite /mode.
case: space => al.
  by move=> _; exact: (qleP (all_nthP 0%Q al (ltn_ord y))).
case=> // -[x [px]]; rewrite /arc; case ec : (nth None _ _) => [r|] // _.
have ef : nth None (free (nth row0 rows x).2) y = Some 0%Q by rewrite free_nth ec.
have gE : nth None (map Some phi) y = Some (nth 0%Q phi y) by rewrite (nth_map 0%Q).
have := all_nthP row0 al (ltn_ord x); case: (boolP (qle _ 0)) => [/qleP|_ /=]; first by rewrite Q2R0 /weight in px *; lra.
case eh : (hrow _ _) => [h|]; last by case: (hrow_none eh gE ef).
by move=> /qleP; have := hrow_sound eh gE ef; rewrite Q2R0 /vec; lra.
Qed.

(** Idea: the columns of the accepted plan are a distribution of the ball. *)
Theorem check_renyi_dro_lower_sound phi eps kappa plan s claim :
  check_renyi_dro_lower prec a space rows phi eps kappa plan s claim ->
  Rbar_le (Q2R claim) (DRO (renyi_program (Q2R a) (mode space) (weight rows) (arc rows (size phi)))
    (vec (size phi) phi) (Q2R eps) (Q2R kappa)).
Proof.
move=> /andP [data /andP [/qleP k0 /andP [shp /andP [/eqP ss /andP [q0 /andP [/qeqP q1]]]]]].
have [a0 a1 pp c0] := data_sound data; rewrite Q2R0 in k0; rewrite Q2R1 in q1.
case E : (renyi_plan_value _ _ _ _ _ _) => [v|] // /andP [he hc]; rewrite -ss in shp *.
have [sz _] := columns_sound shp.
have [fs dm cv] := renyi_plan_sound data shp E (q := vec (size s) (columns plan s)) (fun y => erefl).
have ve := Rle_gap (nonneg_itv_sound he (c_sub prec (c_Q prec eps) cv)).
have vc := nonneg_itv_sound hc (c_sub prec (c_Q prec _) (c_mul prec (c_Q prec kappa) cv)).
have pq : prob (vec (size s) (columns plan s)).
{ split=> [y|].
  - by have := all_nthP 0%Q q0 (i := y); rewrite sz => /(_ (ltn_ord y)) /qleP; rewrite Q2R0.
  - by rewrite -q1 qsum_sound sz. }
have w := @T10_renyi_plan_bound _ _ (Q2R a) (mode space) (weight rows) (arc rows (size s)) a0 a1 pp (c0 _)
  (vec (size s) phi) (Q2R eps) (Q2R kappa) _ _ _ _ k0 pq fs dm erefl ve.
have de : Q2R (dotq phi (columns plan s)) = expect (vec (size s) (columns plan s)) (vec (size s) phi).
  by rewrite dotq_sound ?sz // -ss.
have swap x y z : 0 <= x - y - z -> y <= x - z by lra.
by apply: Rbar_le_trans _ w; move: vc; rewrite Q2R_minus de; exact: swap.
Qed.
End Theorems.
