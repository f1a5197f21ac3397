(** * Compactness without choice

    A nested family of nonempty sets of bounded vectors has a cluster point; it is found one coordinate at a
    time, as the supremum of the eventual lower bounds. *)
(** Theorems:
    - [T1_attained]: the infimum of D^c is attained when finite *)
From ArmorD Require Export Basics.

Lemma small_zero z k : 0 <= k -> (forall e, 0 < e -> Rabs z <= k * e) -> z = 0.
Proof.
move=> k0 h; apply: NNPP => n; have zp := Rabs_pos_lt _ n.
have k2 : 0 < 2 * (k + 1) by lra.
have := h (Rabs z / (2 * (k + 1))); move=> /(_ (Rdiv_lt_0_compat _ _ zp k2)).
have -> : k * (Rabs z / (2 * (k + 1))) = k / (k + 1) * (Rabs z / 2) by field; lra.
have : k / (k + 1) <= 1 by apply: (Rmult_le_reg_r (k + 1)); [lra | rewrite /Rdiv Rmult_assoc Rinv_l; lra].
nra.
Qed.

Lemma le_small a b k : 0 <= k -> (forall e, 0 < e -> a <= b + k * e) -> a <= b.
Proof.
move=> k0 h; apply: Rnot_lt_le => l; have k2 : 0 < 2 * (k + 1) by lra.
have ab : 0 < a - b by lra.
have := h ((a - b) / (2 * (k + 1))); move=> /(_ (Rdiv_lt_0_compat _ _ ab k2)).
have -> : k * ((a - b) / (2 * (k + 1))) = k / (k + 1) * ((a - b) / 2) by field; lra.
have : k / (k + 1) <= 1 by apply: (Rmult_le_reg_r (k + 1)); [lra | rewrite /Rdiv Rmult_assoc Rinv_l; lra].
nra.
Qed.

Section Cluster.
Context {I : finType} (S : R -> (I -> R) -> Prop) (B : R).
Hypothesis nested : forall e e' x, e <= e' -> S e x -> S e' x.
Hypothesis nonempty : forall e, 0 < e -> exists x, S e x.
Hypothesis bounded : forall e x i, S e x -> 0 <= x i <= B.

Lemma cluster_on (l : seq I) : exists z : I -> R, forall e, 0 < e -> exists x, S e x /\ forall i, i \in l -> Rabs (x i - z i) < e.
Proof.
elim: l => [|j l [z IH]].
  by exists (fun=> 0) => e e0; have [x sx] := nonempty e0; exists x.
pose T e x := S e x /\ forall i, i \in l -> Rabs (x i - z i) < e.
have Tn e e' x : e <= e' -> T e x -> T e' x.
  by move=> le [sx h]; split; [exact: nested sx | move=> i il; have := h i il; lra].
pose L r := exists e, 0 < e /\ forall x, T e x -> r <= x j.
have L0 : L 0 by exists 1; split; [lra | move=> x [sx _]; have := bounded j sx; lra].
have [|m [ub lub]] := completeness L _ (ex_intro _ 0 L0).
  exists B => r [e [e0 h]]; have [x tx] := IH e e0; have := h x tx; have := bounded j (proj1 tx); lra.
exists (fun i => if i == j then m else z i) => e e0.
have [r [[e' [e'0 h]] rm]] : exists r, L r /\ m - e < r.
  apply: NNPP => n; have : m <= m - e; last lra.
  by apply: lub => r Lr; apply: Rnot_lt_le => l'; apply: n; exists r.
have f0 : 0 < Rmin e e' by apply: Rmin_pos.
have [x [tx xm]] : exists x, T (Rmin e e') x /\ x j < m + e.
  apply: NNPP => n; have : m + e <= m; last lra.
  by apply: ub; exists (Rmin e e'); split => // x tx; apply: Rnot_lt_le => l'; apply: n; exists x.
have [sx hx] := Tn _ _ _ (Rmin_l e e') tx.
exists x; split => // i; case: eqP => [-> _|ne].
  have := h x (Tn _ _ _ (Rmin_r e e') tx) => ?; apply: Rabs_def1; lra.
by rewrite inE => /orP [/eqP|]; [|exact: hx].
Qed.

(** Idea: the lower limit of one coordinate after the other over the nested sets. *)
Theorem cluster : exists z : I -> R, forall e, 0 < e -> exists x, S e x /\ forall i, Rabs (x i - z i) < e.
Proof.
have [z h] := cluster_on (enum I); exists z => e e0; have [x [sx hx]] := h e e0.
by exists x; split => // i; apply: hx; rewrite mem_enum.
Qed.
End Cluster.

Lemma linear_close (I : finType) (w u v : I -> R) e : (forall i, Rabs (u i - v i) <= e) ->
  Rabs (sum (fun i => w i * v i) - sum (fun i => w i * u i)) <= sum (fun i => Rabs (w i)) * e.
Proof.
move=> h; rewrite -sum_minus; apply: Rle_trans (sum_abs _) _; rewrite -sum_scalr; apply: sum_le => i.
have -> : w i * v i - w i * u i = w i * - (u i - v i) by ring.
by rewrite Rabs_mult Rabs_Ropp; apply: Rmult_le_compat_l => //; exact: Rabs_pos.
Qed.

(** Nested sets of distributions have a distribution as cluster point, and bounds on linear functions pass to it. *)
Lemma cluster_prob (I : finType) (S : R -> (I -> R) -> Prop) : (forall e e' x, e <= e' -> S e x -> S e' x) ->
  (forall e, 0 < e -> exists x, S e x) -> (forall e x, S e x -> prob x) ->
  exists z, [/\ prob z, forall e, 0 < e -> exists x, S e x /\ forall i, Rabs (x i - z i) < e
    & forall (w : I -> R) k a, 0 <= k -> (forall e u, 0 < e -> S e u -> expect u w <= a + k * e) -> expect z w <= a].
Proof.
move=> nested ne pS.
have [z hz] : exists z, forall e, 0 < e -> exists x, S e x /\ forall i, Rabs (x i - z i) < e.
  apply: (@cluster _ S 1) => // e x i /pS [x0 x1]; split; first exact: x0.
  by rewrite -x1; exact: sum_ge_term.
have lim (w : I -> R) k a : 0 <= k -> (forall e u, 0 < e -> S e u -> expect u w <= a + k * e) -> expect z w <= a.
  move=> k0 h; have W0 : 0 <= sum (fun i => Rabs (w i)) by apply: sum_ge0 => i; exact: Rabs_pos.
  apply: (@le_small _ _ (k + sum (fun i => Rabs (w i)))) => [|e e0]; first lra.
  have [u [su hu]] := hz e e0; have := h e u e0 su.
  have E (v : I -> R) : expect v w = sum (fun i => w i * v i) by apply: sum_ext => i; ring.
  have := @linear_close _ w u z e (fun i => Rlt_le _ _ (hu i)).
  rewrite !E; have := Rle_abs (sum (fun i => w i * z i) - sum (fun i => w i * u i)); lra.
have at_ i (v : I -> R) : expect v (fun j => if j == i then -1 else 0) = - v i.
  by rewrite -(sum_dirac (fun j => - v j) i); apply: sum_ext => j; case: (j == i); ring.
have one a (v : I -> R) : expect v (fun=> a) = a * sum v by rewrite -sum_scal; apply: sum_ext => j; ring.
exists z; split => //; split=> [i|].
  have : - z i <= 0; last lra.
  by rewrite -at_; apply: (lim _ 0) => [|e u _ /pS [u0 _]]; [lra | rewrite at_; have := u0 i; lra].
have up : 1 * sum z <= 1 by rewrite -one; apply: (lim _ 0) => [|e u _ /pS [_ u1]]; [lra | rewrite one u1; lra].
have low : -1 * sum z <= -1 by rewrite -one; apply: (lim _ 0) => [|e u _ /pS [_ u1]]; [lra | rewrite one u1; lra].
lra.
Qed.

(** ** Closed convex divergences: suprema of affine functions of [eta] *)
Definition closed_divergence (X : finType) (D : (X -> R) -> Rbar) : Prop :=
  forall eta a, prob eta -> Rbar_lt (Finite a) (D eta) ->
  exists (h : X -> R) (b : R), (forall eta', prob eta' -> Rbar_le (expect eta' h - b) (D eta')) /\ a < expect eta h - b.

Definition nonneg_divergence (X : finType) (D : (X -> R) -> Rbar) : Prop := forall eta, prob eta -> Rbar_le 0 (D eta).

Section Closed.
Context {X Y : finType} (D : (X -> R) -> Rbar) (c : X -> Y -> Rbar).
Hypotheses (Dc_ : closed_divergence D) (D0 : nonneg_divergence D) (c0 : nonneg_cost c).

Lemma prob_mix (e1 e2 : X -> R) a : 0 <= a <= 1 -> prob e1 -> prob e2 -> prob (fun x => a * e1 x + (1 - a) * e2 x).
Proof.
move=> a01 [p1 s1] [p2 s2]; split=> [x|]; first by have := p1 x; have := p2 x; nra.
by rewrite sum_plus !sum_scal s1 s2; ring.
Qed.

Lemma D_convex e1 e2 v1 v2 a : 0 <= a <= 1 -> prob e1 -> prob e2 -> Rbar_le (D e1) (Finite v1) -> Rbar_le (D e2) (Finite v2) ->
  Rbar_le (D (fun x => a * e1 x + (1 - a) * e2 x)) (Finite (a * v1 + (1 - a) * v2)).
Proof.
move=> a01 p1 p2 l1 l2; apply: Rbar_not_lt_le => l.
have [h [b [m]]] := Dc_ (prob_mix a01 p1 p2) l.
have /= h1 := Rbar_le_trans _ _ _ (m _ p1) l1; have /= h2 := Rbar_le_trans _ _ _ (m _ p2) l2.
have -> : expect (fun x => a * e1 x + (1 - a) * e2 x) h = a * expect e1 h + (1 - a) * expect e2 h.
  by rewrite /expect -!sum_scal -sum_plus; apply: sum_ext => x; ring.
nra.
Qed.

(** Almost-plans of value [v] have a plan of value [v] as cluster point. *)
Definition almost (q : Y -> R) (v e : R) (pi : X -> Y -> R) : Prop :=
  [/\ (forall x y, 0 <= pi x y) /\ prob (fun x => sum (pi x)), supported c pi,
      Rbar_le (D (fun x => sum (pi x))) (Finite (v + e - rcost c pi)) &
      forall y, Rabs (sum (pi^~ y) - q y) <= e].

(** Idea: limits of plans are plans, coordinate by coordinate. *)
Theorem plans_closed q v : (forall e, 0 < e -> exists pi, almost q v e pi) ->
  exists pi, [/\ coupling pi (fun x => sum (pi x)) q, prob (fun x => sum (pi x)), supported c pi &
    Rbar_le (D (fun x => sum (pi x))) (Finite (v - rcost c pi))].
Proof.
move=> ne; pose S e (z : X * Y -> R) := almost q v e (fun x y => z (x, y)).
have [z hz] : exists z, forall e, 0 < e -> exists x, S e x /\ forall i, Rabs (x i - z i) < e.
{ apply: (@cluster _ S 1).
- move=> e e' z le [p s d m]; split => //; last by move=> y; have := m y; lra.
  by apply: Rbar_le_trans d _ => /=; lra.
- by move=> e e0; have [pi a] := ne e e0; exists (fun z => pi z.1 z.2).
- move=> e z [x y] [[p0 [_ p1]] _ _ _]; split; first exact: p0.
  rewrite -p1; apply: Rle_trans (sum_ge_term x _) => [|x'] /=; last by apply: sum_ge0.
  exact: (@sum_ge_term _ (fun y => z (x, y)) y). }
exists (fun x y => z (x, y)).
(* a linear function of the almost-plans passes to the limit *)
have lim (w : X * Y -> R) (k a : R) : 0 <= k ->
    (forall e u, 0 < e -> S e u -> sum (fun i => w i * u i) <= a + k * e) -> sum (fun i => w i * z i) <= a.
  move=> k0 h; have W0 : 0 <= sum (fun i => Rabs (w i)) by apply: sum_ge0 => i; exact: Rabs_pos.
  apply: (@le_small _ _ (k + sum (fun i => Rabs (w i)))) => [|e e0]; first lra.
  have [u [su hu]] := hz e e0; have := h e u e0 su.
  have := @linear_close _ w u z e (fun i => Rlt_le _ _ (hu i)).
  have := Rle_abs (sum (fun i => w i * z i) - sum (fun i => w i * u i)); lra.
have z0 x y : 0 <= z (x, y).
  have := @lim (fun i => if i == (x, y) then -1 else 0) 0 0 (Rle_refl _).
  have ee u : sum (fun i : X * Y => (if i == (x, y) then -1 else 0) * u i) = - u (x, y).
    rewrite -(sum_dirac (fun i => - u i)); apply: sum_ext => i; case: (i == (x, y)); ring.
  rewrite ee => h; have : - z (x, y) <= 0; last lra.
  by apply: h => e u e0 [[u0 _] _ _ _]; rewrite ee; have := u0 x y; lra.
have row (x : X) (u : X * Y -> R) : sum (fun i => (if i.1 == x then 1 else 0) * u i) = sum (fun y => u (x, y)).
  rewrite sum_prod /=.
  rewrite -(sum_dirac (fun a => sum (fun y => u (a, y))) x); apply: sum_ext => a; case: (a == x).
    by apply: sum_ext => y; ring.
  by rewrite sum_zero // => y; ring.
have col (y : Y) (u : X * Y -> R) : sum (fun i => (if i.2 == y then 1 else 0) * u i) = sum (fun x => u (x, y)).
  rewrite sum_prod /=; apply: sum_ext => x.
  by rewrite -(sum_dirac (fun b => u (x, b)) y); apply: sum_ext => b; case: (b == y); ring.
have all (u : X * Y -> R) : sum (fun i => 1 * u i) = sum (fun x => sum (fun y => u (x, y))).
  by rewrite sum_prod; apply: sum_ext => x; apply: sum_ext => y; ring.
have opp (w u : X * Y -> R) : sum (fun i => - w i * u i) = - sum (fun i => w i * u i).
  by rewrite -sum_opp; apply: sum_ext => i; ring.
have pz : prob (fun x => sum (fun y => z (x, y))).
{ split=> [x|]; first by apply: sum_ge0.
  rewrite -all; apply: Rle_antisym.
    by apply: (@lim (fun=> 1) 0 1 (Rle_refl _)) => e u e0 [[_ [_ u1]] _ _ _]; rewrite all u1; lra.
  suff : sum (fun i => - 1 * z i) <= -1 by rewrite (opp (fun=> 1)); lra.
  by apply: (@lim (fun=> -1) 0 (-1) (Rle_refl _)) => e u e0 [[_ [_ u1]] _ _ _]; rewrite (opp (fun=> 1)) all u1; lra. }
split => //.
- split => // y; rewrite -col; apply: Rle_antisym.
    apply: (@lim (fun i => if i.2 == y then 1 else 0) 1 (q y)) => [|e u e0 [_ _ _ m]]; first lra.
    by rewrite col; have := m y; have := Rle_abs (sum (fun x => u (x, y)) - q y); lra.
  suff : sum (fun i => - (if i.2 == y then 1 else 0) * z i) <= - q y by rewrite opp; lra.
  apply: (@lim (fun i => - (if i.2 == y then 1 else 0)) 1 (- q y)) => [|e u e0 [_ _ _ m]]; first lra.
  by rewrite opp col; have := m y; have := Rle_abs (- (sum (fun x => u (x, y)) - q y)); rewrite Rabs_Ropp; lra.
- move=> x y; case fc : (finite (c x y)); [by right | left].
  apply: (@small_zero _ 1) => [|e e0]; first lra.
  have [u [[_ s _ _] hu]] := hz e e0; have := hu (x, y).
  case: (s x y) => [->|]; last by rewrite fc.
  by rewrite Rminus_0_l Rabs_Ropp; lra.
- apply: Rbar_not_lt_le => l; have [h [b [m]]] := Dc_ pz l.
  apply: Rle_not_lt; suff : sum (fun i => (h i.1 + real (c i.1 i.2)) * z i) <= v + b.
    have -> : sum (fun i => (h i.1 + real (c i.1 i.2)) * z i)
       = expect (fun x => sum (fun y => z (x, y))) h + rcost c (fun x y => z (x, y)).
      rewrite sum_prod /= /expect /rcost -sum_plus; apply: sum_ext => x.
      by rewrite -sum_scalr -sum_plus; apply: sum_ext => y; ring.
    lra.
  apply: (@lim _ 1) => [|e u e0 [[u0 pu] s d _]]; first lra.
  have := Rbar_le_trans _ _ _ (m _ pu) d => /=.
  have -> : sum (fun i => (h i.1 + real (c i.1 i.2)) * u i)
       = expect (fun x => sum (fun y => u (x, y))) h + rcost c (fun x y => u (x, y)).
    rewrite sum_prod /= /expect /rcost -sum_plus; apply: sum_ext => x.
    by rewrite -sum_scalr -sum_plus; apply: sum_ext => y; ring.
  lra.
Qed.

(** [D^c(q)] is attained when it is finite. *)
Theorem T1_attained q d : Dc D c q = Finite d ->
  exists pi, [/\ coupling pi (fun x => sum (pi x)) q, prob (fun x => sum (pi x)), supported c pi &
    D (fun x => sum (pi x)) = Finite (d - rcost c pi)].
Proof.
move=> e; have [|pi [k p s l]] := @plans_closed q d.
  move=> r r0; have l : Rbar_lt (Dc D c q) (d + r) by rewrite e /=; lra.
  have [eta [pi [a [pe [p0 mr mc] s ea le]]]] := Dc_lt c0 D0 l.
  have er : (fun x => sum (pi x)) = eta by apply: functional_extensionality.
  exists pi; split => //; rewrite ?er //; first by rewrite ea /=; lra.
  by move=> y; rewrite mc Rminus_eq_0 Rabs_R0; lra.
exists pi; split => //; move: l (D0 p); case ed : (D _) => [a||] //= l _; congr Finite.
have := Dc_le c0 p k s ed; rewrite e /=; lra.
Qed.

(** [D^c] is lower semicontinuous.  Idea: the optimal plans of distributions near [q] are almost-plans of [q]. *)
Lemma Dc_lsc q v : (forall e, 0 < e -> exists r w, [/\ Dc D c r = Finite w, w <= v + e & forall y, Rabs (r y - q y) <= e]) ->
  Rbar_le (Dc D c q) (Finite v).
Proof.
move=> near; have [|pi [k p s l]] := @plans_closed q v.
  move=> e e0; have [r [w [er lw close]]] := near e e0; have [pi [[n _ mc] pe s eD]] := T1_attained er.
  exists pi; split => //; first by rewrite eD /=; lra.
  by move=> y; rewrite mc; exact: close.
move: l (D0 p); case ed : (D _) => [d||] //= l _.
by apply: Rbar_le_trans (Dc_le c0 p k s ed) _ => /=; lra.
Qed.
End Closed.
