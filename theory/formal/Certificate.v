(** * Certificates: one boolean, one theorem

    A certificate is the data of an instance, the question asked of it, and for each of the two claimed ends a witness.
    [check] is what the extracted program runs on it.  [certificate_sound]: acceptance implies that the value lies between the ends;
    the value is [D^c(Q)] itself, or the supremum over the ball of [D^c], as [Definitions.v] has them.  Where the columns are
    other points than the rows, the space is their disjoint union ([T1_joined]).
    Idea: the checks of [Checker.v] and [CheckerRenyi.v] bound the program of T1; T1 says that it is [D^c]. *)
(** Theorems:
    - [program_sound]: the same on the program of T1, for rectangular costs too
    - [certificate_names]: an accepted certificate names a divergence of the catalogue, its parameter in range
    - [certificate_sound]: an accepted certificate on one space: lower <= D^c(Q), or the DRO value, <= upper, on
      the definitions
    - [certificate_sound_joined]: an accepted certificate for any cost: the same with rows and columns as different
      points of one space
    - [check_divergence_sound]: an f-divergence's D^c: lower <= D^c(Q) <= upper
    - [check_dro_sound]: an f-divergence's DRO value: lower <= V <= upper
    - [check_renyi_divergence_sound]: Renyi's D^c: lower <= D^c(Q) <= upper
    - [check_renyi_dro_sound]: Renyi's DRO value: lower <= V <= upper
    - [check_divergence_infinite]: an accepted infinite lower end: D^c is infinite
    - [check_dro_empty]: an accepted infinite upper end: no Q in the ball *)
From Coq Require Import ZArith QArith Qreals.
From ArmorD Require Export T01_joined CheckerInfinite.
Open Scope R_scope.

(** ** Part 1: computation *)
Inductive family := Fdiv (d : div) | RenyiOf (a : Q).
Inductive question := Divergence (q : seq Q) | Value (phi : seq Q) (eps kappa : Q).
Inductive witness := Prices (g : seq (option Q)) | Plan (pi : seq (seq (option Q))) (s : seq Q) | Multipliers (lambda rho : Q)
  | Ray (g : seq (option Q)) | Constant (g : Q).
(** An end of the bracket: the infinite one that says nothing and needs no witness; a number; the infinite one that says that
    the value is infinite ([+oo] below, [-oo] above). *)
Inductive claim := Nothing | Bound (v : Q) (w : witness) | Infinite (w : witness).
Record certificate := Certificate {
  cert_family : family; cert_space : bool; cert_rows : seq row; cert_question : question; cert_lower : claim; cert_upper : claim }.

(** The columns of the instance: the entries of [q] or of [phi]. *)
Definition question_size (o : question) : nat := match o with Divergence q => size q | Value phi _ _ => size phi end.

(** A square cost with a zero diagonal: rows and columns are the same points. *)
Fixpoint zero_diagonal (i : nat) (rows : seq row) : bool :=
  if rows is r :: rows' then
    (if nth None r.2 i is Some x then Qeq_bool x 0 else false) && zero_diagonal i.+1 rows'
  else true.
Definition on_one_space (rows : seq row) (m : nat) : bool := (m == size rows) && zero_diagonal 0 rows.

Section Ops.
Variable prec : F.precision.
Variable c : certificate.

(** Nonnegative costs in rows of one length, distributions, a divergence in its range. *)
Definition check_instance : bool :=
  [&& data_ok (cert_rows c), shape (question_size (cert_question c)) (cert_rows c), distribution (map fst (cert_rows c)),
    match cert_question c with Divergence q => distribution q | Value _ _ _ => true end
    & match cert_family c with Fdiv d => valid d | RenyiOf a => qlt 0 a && ~~ Qeq_bool a 1 end].

Definition check_lower_end : bool :=
  match cert_lower c with
  | Nothing => true
  | Infinite w => match cert_question c, w, cert_family c with
    | Divergence q, Ray g, Fdiv d => check_ray prec d (cert_space c) (cert_rows c) q g
    | Divergence q, Ray g, RenyiOf a => check_renyi_ray prec a (cert_space c) (cert_rows c) q g
    | Divergence q, Prices g, Fdiv d => check_idle prec d (cert_rows c) q g
    | Divergence q, Prices g, RenyiOf a => check_renyi_idle prec a (cert_rows c) q g
    | _, _, _ => false
    end
  | Bound v w => match cert_question c, w, cert_family c with
    | Divergence q, Prices g, Fdiv d => check_lower prec d (cert_space c) (cert_rows c) q g v
    | Divergence q, Prices g, RenyiOf a => check_renyi_lower prec a (cert_space c) (cert_rows c) q g v
    | Value phi eps kappa, Plan pi s, Fdiv d => check_dro_lower prec d (cert_space c) (cert_rows c) phi eps kappa pi s v
    | Value phi eps kappa, Plan pi s, RenyiOf a => check_renyi_dro_lower prec a (cert_space c) (cert_rows c) phi eps kappa pi s v
    | _, _, _ => false
    end
  end.

Definition check_upper_end : bool :=
  match cert_upper c with
  | Nothing => true
  | Infinite w => match cert_question c, w, cert_family c with
    | Value phi eps kappa, Constant g, Fdiv d => check_empty prec d (cert_space c) (cert_rows c) phi eps g
    | Value phi eps kappa, Constant g, RenyiOf a => check_renyi_empty prec a (cert_space c) (cert_rows c) phi eps g
    | _, _, _ => false
    end
  | Bound v w => match cert_question c, w, cert_family c with
    | Divergence q, Plan pi s, Fdiv d => check_upper prec d (cert_space c) (cert_rows c) q pi s v
    | Divergence q, Plan pi s, RenyiOf a => check_renyi_upper prec a (cert_space c) (cert_rows c) q pi s v
    | Value phi eps kappa, Multipliers lambda rho, Fdiv d =>
        if Qeq_bool lambda 0 && Qeq_bool kappa 0
        then check_dro_upper_zero prec d (cert_space c) (cert_rows c) phi kappa rho v
        else check_dro_upper prec d (cert_space c) (cert_rows c) phi eps kappa lambda rho v
    | Value phi eps kappa, Multipliers lambda rho, RenyiOf a =>
        if Qeq_bool lambda 0 && Qeq_bool kappa 0
        then check_renyi_dro_upper_zero a (cert_space c) (cert_rows c) phi kappa rho v
        else check_renyi_dro_upper prec a (cert_space c) (cert_rows c) phi eps kappa lambda rho v
    | _, _, _ => false
    end
  end.

Definition check_certificate : bool := [&& check_instance, check_lower_end & check_upper_end].
End Ops.

(** ** Part 2: what a certificate says *)
Inductive names (X : finType) (m : support) (p : X -> R) : family -> ((X -> R) -> Rbar) -> Prop :=
| names_f d f : denotes d f -> names m p (Fdiv d) (Df f (slope f m) p)
| names_renyi a : 0 < Q2R a -> Q2R a <> 1 -> names m p (RenyiOf a) (renyi (Q2R a) m p).

Definition lower_end (e : claim) : Rbar := match e with Nothing => m_infty | Bound v _ => Finite (Q2R v) | Infinite _ => p_infty end.
Definition upper_end (e : claim) : Rbar := match e with Nothing => p_infty | Bound v _ => Finite (Q2R v) | Infinite _ => m_infty end.

(** The value asked for, of a function [dist] of distributions on the columns. *)
Definition value_of (o : question) n (dist : ('I_n -> R) -> Rbar) : Rbar :=
  match o with
  | Divergence q => dist (vec n q)
  | Value phi eps kappa => DRO dist (vec n phi) (Q2R eps) (Q2R kappa)
  end.

(** ** Part 3: soundness *)
Opaque iadd isub imul idiv iln iexp isqrt iZ iQ.

Lemma distribution_prob l : distribution l -> prob (vec (size l) l).
Proof.
move=> /andP [l0 /qeqP]; rewrite Q2R1 qsum_sound => l1; split => // y.
by have := all_nthP 0%Q l0 (ltn_ord y) => /qleP; rewrite Q2R0.
Qed.

Lemma distribution_weight rows : distribution (map fst rows) -> prob (weight rows).
Proof.
move=> /andP [p0 /qeqP]; rewrite Q2R1 qsum_sound size_map => p1; split.
  by move=> x; have := all_nthP 0%Q p0 (i := x); rewrite size_map (nth_map row0) // => /(_ (ltn_ord x)) /qleP; rewrite Q2R0.
by rewrite -p1; apply: sum_ext => x; rewrite (nth_map row0).
Qed.

Lemma zero_diagonal_sound k rows i : zero_diagonal k rows -> (i < size rows)%N ->
  exists r, nth None (nth row0 rows i).2 (k + i) = Some r /\ Q2R r = 0.
Proof.
elim: rows k i => [|r rows IH] k [|i] //= /andP [h hs] li.
  by rewrite addn0; case: (nth None r.2 k) h => // x /qeqP; rewrite Q2R0; exists x.
by rewrite -addSnnS; exact: IH.
Qed.

Lemma zero_diagonal_reflexive rows : zero_diagonal 0 rows -> reflexive_cost (arc rows (size rows)).
Proof.
by move=> h x; have [r [e z]] := zero_diagonal_sound h (ltn_ord x); rewrite add0n in e; rewrite /arc e z.
Qed.

(** The programs of T1, whose infimum the checkers bound. *)
Inductive names_program (X Y : finType) (m : support) (p : X -> R) (c : X -> Y -> Rbar) : family -> ((Y -> R) -> Rbar) -> Prop :=
| program_f d f : denotes d f -> names_program m p c (Fdiv d) (program f (slope f m) p c)
| program_renyi a : 0 < Q2R a -> Q2R a <> 1 -> names_program m p c (RenyiOf a) (renyi_program (Q2R a) m p c).

Section Sound.
Variables (prec : F.precision) (c : certificate).
Notation n := (question_size (cert_question c)).
Notation rows := (cert_rows c).
Notation m := (mode (cert_space c)).

(** Idea: the theorems about the checks, one for each case. *)
Theorem program_sound P : check_certificate prec c -> names_program m (weight rows) (arc rows n) (cert_family c) P ->
  Rbar_le (lower_end (cert_lower c)) (value_of (cert_question c) P) /\
  Rbar_le (value_of (cert_question c) P) (upper_end (cert_upper c)).
Proof.
rewrite /check_certificate /check_lower_end /check_upper_end.
case: c P => fam space rs qu lo up /= P /and3P [_ hl hu] np; split.
- move: hl {hu}; case: lo => [|v w|w] //=; case: fam P / np => [d f den|a a0 a1]; case: qu w => [q|phi eps kappa] [g|pi s|lambda rho|g|g] //=.
  + exact: check_lower_sound.
  + exact: check_dro_lower_sound.
  + exact: check_renyi_lower_sound.
  + exact: check_renyi_dro_lower_sound.
  + by move=> h; rewrite (check_idle_sound space den h).
  + by move=> h; rewrite (check_ray_sound den h).
  + by move=> h; rewrite (check_renyi_idle_sound space h).
  + by move=> h; rewrite (check_renyi_ray_sound h).
- move: hu {hl}; case: up => [|v w|w] /=; first by move=> _; case: (value_of _ _).
  + case: fam P / np => [d f den|a a0 a1]; case: qu w => [q|phi eps kappa] [g|pi s|lambda rho|g|g] //=.
    * exact: check_upper_sound.
    * by case: ifP => _; [exact: check_dro_upper_zero_sound | exact: check_dro_upper_sound].
    * exact: check_renyi_upper_sound.
    * by case: ifP => _; [exact: check_renyi_dro_upper_zero_sound | exact: check_renyi_dro_upper_sound].
  + case: fam P / np => [d f den|a a0 a1]; case: qu w => [q|phi eps kappa] [g|pi s|lambda rho|g|g] //= h.
    * by rewrite (check_empty_sound den _ h).
    * by rewrite (check_renyi_empty_sound _ h).
Qed.

(** Idea: an accepted divergence is one of the catalogue, with its parameter in range. *)
Theorem certificate_names : check_certificate prec c -> exists D, names m (weight rows) (cert_family c) D.
Proof.
move=> /and3P [/and5P [_ _ _ _]]; case: (cert_family c) => [d|a].
  by move=> /valid_denotes [f den] _ _; exists (Df f (slope f (mode (cert_space c))) (weight (cert_rows c))); constructor.
move=> /andP [/qltP a0 /negP a1] _ _; rewrite Q2R0 in a0.
exists (renyi (Q2R a) (mode (cert_space c)) (weight (cert_rows c))); constructor => // e1.
by apply: a1; apply/Qeq_bool_iff; apply: eqR_Qeq; rewrite e1 Q2R1.
Qed.

Section Through.
Hypothesis ok : check_certificate prec c.

Lemma accepted : [/\ prob (weight rows), nonneg_cost (arc rows n) &
  forall dist P : ('I_n -> R) -> Rbar, (forall q, prob q -> dist q = P q) ->
    value_of (cert_question c) dist = value_of (cert_question c) P].
Proof.
have /and3P [/and5P [dok _ dp dq _] _ _] := ok; split; [exact: distribution_weight | exact: arc_nonneg |].
move=> dist P; move: dist P dq; rewrite /value_of; case: (cert_question c) => [q|phi eps kappa] /= dist P dq h.
  by apply: h; exact: distribution_prob.
exact: DRO_ext.
Qed.

(** On one space.  Idea: [program_sound] and T1. *)
Theorem certificate_sound D : on_one_space rows n -> names m (weight rows) (cert_family c) D ->
  let dist := Dc D (arc rows (size rows)) in
  Rbar_le (lower_end (cert_lower c)) (value_of (cert_question c) dist) /\
  Rbar_le (value_of (cert_question c) dist) (upper_end (cert_upper c)).
Proof.
move=> /andP [/eqP sq zd] nm /=; have := program_sound (P := _) ok; have := accepted.
rewrite sq => -[pp c0 same] sound; have cd := zero_diagonal_reflexive zd.
case: nm same sound => [d f den|a a0 a1] same sound.
  rewrite (same _ (program f (slope f m) (weight rows) (arc rows (size rows)))); first by apply: sound; constructor.
  by move=> q pq; exact: T1_primal.
rewrite (same _ (renyi_program (Q2R a) m (weight rows) (arc rows (size rows)))); first by apply: sound; constructor.
by move=> q pq; exact: T1_renyi_primal.
Qed.

(** Rows and columns as different points of one space, whatever the cost.  Idea: [program_sound] and [T1_joined]. *)
Theorem certificate_sound_joined D : names (X := sum_finType (ordinal_finType (size rows)) (ordinal_finType n)) m (on_rows (weight rows)) (cert_family c) D ->
  let dist q := Dc D (joined_cost (arc rows n)) (on_columns q) in
  Rbar_le (lower_end (cert_lower c)) (value_of (cert_question c) dist) /\
  Rbar_le (value_of (cert_question c) dist) (upper_end (cert_upper c)).
Proof.
move=> nm /=; have [pp c0 same] := accepted; have sound P := program_sound (P := P) ok.
case: nm same sound => [d f den|a a0 a1] same sound.
  rewrite (same _ (program f (slope f m) (weight rows) (arc rows n))); first by apply: sound; constructor.
  by move=> q pq; exact: T1_joined.
rewrite (same _ (renyi_program (Q2R a) m (weight rows) (arc rows n))); first by apply: sound; constructor.
by move=> q pq; exact: T1_renyi_joined.
Qed.
End Through.
End Sound.

(** ** The four questions, spelled out.  Idea: [certificate_sound] with both witnesses given. *)
Section Questions.
Variables (prec : F.precision) (space : bool) (rows : seq row) (lower upper : Q).
Notation m := (mode space).
Notation p := (weight rows).
Notation cost := (arc rows (size rows)).

(** Idea: [certificate_sound] for [D^c] of an f-divergence. *)
Theorem check_divergence_sound d f q g pi s : denotes d f -> on_one_space rows (size q) ->
  check_certificate prec (Certificate (Fdiv d) space rows (Divergence q) (Bound lower (Prices g)) (Bound upper (Plan pi s))) ->
  Rbar_le (Q2R lower) (Dc (Df f (slope f m) p) cost (vec (size rows) q)) /\
  Rbar_le (Dc (Df f (slope f m) p) cost (vec (size rows) q)) (Q2R upper).
Proof. by move=> den one ok; exact: (certificate_sound ok one (names_f m p den)). Qed.

(** Idea: [certificate_sound] for the DRO value of an f-divergence. *)
Theorem check_dro_sound d f phi eps kappa pi s lambda rho : denotes d f -> on_one_space rows (size phi) ->
  check_certificate prec
    (Certificate (Fdiv d) space rows (Value phi eps kappa) (Bound lower (Plan pi s)) (Bound upper (Multipliers lambda rho))) ->
  let V := DRO (Dc (Df f (slope f m) p) cost) (vec (size rows) phi) (Q2R eps) (Q2R kappa) in
  Rbar_le (Q2R lower) V /\ Rbar_le V (Q2R upper).
Proof. by move=> den one ok; exact: (certificate_sound ok one (names_f m p den)). Qed.

(** Idea: [certificate_sound] for [D^c] of Rényi's divergence. *)
Theorem check_renyi_divergence_sound a q g pi s : 0 < Q2R a -> Q2R a <> 1 -> on_one_space rows (size q) ->
  check_certificate prec (Certificate (RenyiOf a) space rows (Divergence q) (Bound lower (Prices g)) (Bound upper (Plan pi s))) ->
  Rbar_le (Q2R lower) (Dc (renyi (Q2R a) m p) cost (vec (size rows) q)) /\
  Rbar_le (Dc (renyi (Q2R a) m p) cost (vec (size rows) q)) (Q2R upper).
Proof. by move=> a0 a1 one ok; exact: (certificate_sound ok one (names_renyi m p a0 a1)). Qed.

(** Idea: [certificate_sound] for the DRO value of Rényi's divergence. *)
Theorem check_renyi_dro_sound a phi eps kappa pi s lambda rho : 0 < Q2R a -> Q2R a <> 1 -> on_one_space rows (size phi) ->
  check_certificate prec
    (Certificate (RenyiOf a) space rows (Value phi eps kappa) (Bound lower (Plan pi s)) (Bound upper (Multipliers lambda rho))) ->
  let V := DRO (Dc (renyi (Q2R a) m p) cost) (vec (size rows) phi) (Q2R eps) (Q2R kappa) in
  Rbar_le (Q2R lower) V /\ Rbar_le V (Q2R upper).
Proof. by move=> a0 a1 one ok; exact: (certificate_sound ok one (names_renyi m p a0 a1)). Qed.

(** An accepted infinite lower end: [D^c(Q) = +oo].  Idea: [certificate_sound]. *)
Theorem check_divergence_infinite D fam q w : on_one_space rows (size q) -> names m p fam D ->
  check_certificate prec (Certificate fam space rows (Divergence q) (Infinite w) Nothing) ->
  Dc D cost (vec (size rows) q) = p_infty.
Proof.
move=> one nm ok; have [h _] := certificate_sound ok one nm; apply: Rbar_le_antisym; last exact: h.
by case: (Dc _ _ _).
Qed.

(** An accepted infinite upper end: no [Q] lies in the ball, and the DRO value is [-oo].  Idea: [certificate_sound]. *)
Theorem check_dro_empty D fam phi eps kappa w : on_one_space rows (size phi) -> names m p fam D ->
  check_certificate prec (Certificate fam space rows (Value phi eps kappa) Nothing (Infinite w)) ->
  DRO (Dc D cost) (vec (size rows) phi) (Q2R eps) (Q2R kappa) = m_infty.
Proof.
move=> one nm ok; have [_ h] := certificate_sound ok one nm; apply: Rbar_le_antisym; first exact: h.
by case: (DRO _ _ _ _).
Qed.
End Questions.
