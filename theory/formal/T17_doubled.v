(** * T17: TRADES and MART on the doubled space

    States are triples (x, x', y): the clean input, the attacked input, the label.  [P] sits on (x, x, y); the cost
    moves the second coordinate only.  The transport step of a state is that of its second coordinate, so T8 on
    the doubled space is T8 on the per-sample losses [sup_u { loss(x, u, y) - mu c(x', u) }], whatever the loss. *)
(** Theorems:
    - [T17_transport_step]: the transport step on the doubled space is that of the second coordinate
    - [T17_doubled_space]: TRADES and MART: the primal on the doubled space equals T8 on the per-sample losses *)
From ArmorD Require Export T07_strong.

Section Doubled.
Context {A B : finType}.   (* inputs, labels *)
Variable c : A -> A -> Rbar.
Hypotheses (c0 : nonneg_cost c) (cd : reflexive_cost c).

Definition state : finType := prod_finType (prod_finType A A) B.
Definition doubled (s t : state) : Rbar := if (s.1.1 == t.1.1) && (s.2 == t.2) then c s.1.2 t.1.2 else p_infty.

Lemma doubled_nonneg : nonneg_cost doubled.
Proof. by move=> s t; rewrite /doubled; case: (_ && _) => //; exact: c0. Qed.

Lemma doubled_reflexive : reflexive_cost doubled.
Proof. by move=> s; rewrite /doubled !eqxx /=; exact: cd. Qed.

(** Idea: the other coordinates cannot move at finite cost. *)
Theorem T17_transport_step (loss : state -> R) (mu : R) (s : state) : 0 < mu ->
  transport_step doubled loss mu s = transport_step c (fun u => loss (s.1.1, u, s.2)) mu s.1.2.
Proof.
move=> m0; have r1 (x : state) : exists y, finite (doubled x y) by exists x; rewrite doubled_reflexive.
have r2 x : exists y, finite (c x y) by exists x; rewrite cd.
have [t [ft et ht]] := transport_spec doubled_nonneg r1 loss s m0.
have [u [fu eu hu]] := transport_spec c0 r2 (fun u => loss (s.1.1, u, s.2)) s.1.2 m0.
apply: Rle_antisym.
- rewrite et; move: ft; rewrite /doubled; case: ifP => // /andP [/eqP e1 /eqP e2] ft.
  have := hu t.1.2 ft; by rewrite e1 e2; case: t {et ft ht e1 e2} => [[t1 t2] t3].
- rewrite eu; have := ht (s.1.1, u, s.2); rewrite /doubled /= !eqxx /=; exact.
Qed.

(** T8 on the doubled space, by per-sample losses. *)
Theorem T17_doubled_space (p : state -> R) (loss : state -> R) (eps kappa : R) (m : support) :
  prob p -> (forall s, s.1.1 <> s.1.2 -> p s = 0) -> 0 < eps -> 0 <= kappa ->
  let D := Df (divergence kl) (slope (divergence kl) m) p in
  let V := DRO (Dc D doubled) loss eps kappa in
  exists lambda, 0 <= lambda /\
  ((0 < lambda + kappa /\ V = lambda * eps + (lambda + kappa) *
      ln (expect p (fun s => exp (transport_step c (fun u => loss (s.1.1, u, s.2)) (lambda + kappa) s.1.1 / (lambda + kappa))))) \/
   (lambda = 0 /\ kappa = 0 /\
    V = Sup (fun v => exists q d, [/\ prob q, Dc D doubled q = Finite d & v = Finite (expect q loss)]))).
Proof.
move=> pp diag e0 k0 D V.
have r1 (x : state) : exists y, finite (doubled x y) by exists x; rewrite doubled_reflexive.
have sl : exists q, prob q /\ Rbar_lt (Dc D doubled q) eps.
  by apply: (@one_space_slater _ D p) => //; [exact: doubled_nonneg | exact: doubled_reflexive | exact: Df_zero].
have [lambda [l0 h]] := @T8_strong_duality _ _ m p doubled loss eps kappa pp doubled_nonneg r1 k0 sl.
exists lambda; split => //; case: h => [[m0 e]|]; [left; split => // | by right].
rewrite /V /D e; congr Finite; congr (_ + _ * ln _); apply: sum_ext => s.
case: (classic (s.1.1 = s.1.2)) => [es|/diag ->]; last ring.
by rewrite T17_transport_step // -es.
Qed.
End Doubled.
