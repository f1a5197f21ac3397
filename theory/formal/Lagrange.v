(** * Lagrange multipliers without a convexity library

    One multiplier: the slopes of a convex set of pairs (resource, value) to the right of 0 lie below those
    to the left, and their supremum separates.  Many multipliers: one coordinate at a time. *)
From ArmorD Require Export Prelude.

Definition convex2 (K : R -> R -> Prop) : Prop := forall s u t v a, K s u -> K t v -> 0 <= a <= 1 ->
  K (a * s + (1 - a) * t) (a * u + (1 - a) * v).

(** Equality constraint: the multiplier is a real number. *)
Lemma multiplier (K : R -> R -> Prop) V : convex2 K -> (forall v, K 0 v -> v <= V) ->
  (exists s u, s < 0 /\ K s u) -> (exists t v, 0 < t /\ K t v) ->
  exists rho, forall t v, K t v -> v <= V + rho * t.
Proof.
move=> cv h0 [s0 [u0 [s00 K0]]] [t1 [v1 [t10 K1]]].
have cross s u t v : s < 0 -> 0 < t -> K s u -> K t v -> (v - V) / t <= (u - V) / s.
  move=> sn tp ks kt.
  have a01 : 0 <= t / (t - s) <= 1.
    split; first by apply: Rlt_le; apply: Rdiv_lt_0_compat; lra.
    by apply: (Rmult_le_reg_r (t - s)); [lra | rewrite /Rdiv Rmult_assoc Rinv_l; lra].
  have := cv _ _ _ _ _ ks kt a01.
  have -> : t / (t - s) * s + (1 - t / (t - s)) * t = 0 by field; lra.
  move=> /h0 h.
  have {h} : t * (u - V) <= s * (v - V).
    have e : t / (t - s) * u + (1 - t / (t - s)) * v - V = (t * (u - V) - s * (v - V)) / (t - s) by field; lra.
    have : (t * (u - V) - s * (v - V)) / (t - s) <= 0 by lra.
    have ts : 0 <= t - s by lra.
    move=> /(Rmult_le_compat_r _ _ _ ts).
    by rewrite /Rdiv Rmult_assoc Rinv_l; lra.
  move=> h; apply: (Rmult_le_reg_r t) => //; rewrite /Rdiv Rmult_assoc Rinv_l ?Rmult_1_r; last lra.
  have : 0 < / - s by apply: Rinv_0_lt_compat; lra.
  rewrite Rinv_opp => i; have := Rmult_le_compat_l (- / s) _ _ (Rlt_le _ _ i) h.
  have -> : - / s * (s * (v - V)) = - (v - V) by field; lra.
  have -> : - / s * (t * (u - V)) = - ((u - V) * / s * t) by field; lra.
  lra.
pose S r := exists t v, [/\ 0 < t, K t v & r = (v - V) / t].
have [|rho [ub lub]] := completeness S _ (ex_intro _ _ (ex_intro _ t1 (ex_intro _ v1 (And3 t10 K1 erefl)))).
  by exists ((u0 - V) / s0) => r [t [v [tp kt ->]]]; exact: (cross s0 u0).
exists rho => t v kt; case: (Rtotal_order t 0) => [l|[e|l]].
- have : rho <= (v - V) / t by apply: lub => r [t' [v' [tp kt' ->]]]; exact: (cross t v).
  have tn : 0 <= - t by lra.
  move=> /(Rmult_le_compat_r _ _ _ tn).
  have -> : (v - V) / t * - t = - (v - V) by field; lra.
  lra.
- by rewrite e in kt *; have := h0 _ kt; lra.
- have : (v - V) / t <= rho by apply: ub; exists t, v.
  move=> /(Rmult_le_compat_r _ _ _ (Rlt_le _ _ l)).
  have -> : (v - V) / t * t = v - V by field; lra.
  lra.
Qed.

(** Inequality constraint: the multiplier is nonnegative. *)
Lemma multiplier_ge0 (K : R -> R -> Prop) V : convex2 K -> (forall t v, t <= 0 -> K t v -> v <= V) ->
  (exists s u, s < 0 /\ K s u) -> exists lambda, 0 <= lambda /\ forall t v, K t v -> v <= V + lambda * t.
Proof.
move=> cv h0 [s0 [u0 [s00 K0]]].
pose K' t' v := exists t, t <= t' /\ K t v.
have cv' : convex2 K'.
  move=> s u t v a [s' [ls ks]] [t' [lt kt]] a01; exists (a * s' + (1 - a) * t'); split; [nra | exact: cv].
have [|||rho h] := @multiplier K' V cv'.
- by move=> v [t [lt kt]]; exact: h0 lt kt.
- by exists s0, u0; split => //; exists s0; split => //; lra.
- by exists 1, u0; split; [lra | exists s0; split => //; lra].
- exists rho; split; last by move=> t v kt; apply: h; exists t; split => //; lra.
apply: Rnot_lt_le => l; set t := (Rabs (V - u0) + 1) / - rho.
have tp : 0 < t by apply: Rdiv_lt_0_compat; [have := Rabs_pos (V - u0) |]; lra.
have : K' t u0 by exists s0; split => //; lra.
move=> /h; have -> : rho * t = - (Rabs (V - u0) + 1) by rewrite /t; field; lra.
have := Rle_abs (V - u0); lra.
Qed.

(** Subgradient of a convex relation [E q' v] ("[q'] can be had at price [v]") at [q]: prices [g]. *)
Section Subgradient.
Context {I : finType} (E : (I -> R) -> R -> Prop) (q : I -> R) (v0 : R).
Hypothesis E_convex : forall q1 v1 q2 v2 a, E q1 v1 -> E q2 v2 -> 0 <= a <= 1 ->
  E (fun i => a * q1 i + (1 - a) * q2 i) (a * v1 + (1 - a) * v2).
Hypothesis E_low : forall v, E q v -> v0 <= v.
Definition shift j t : I -> R := fun i => q i + (if i == j then t else 0).
Hypothesis E_up : forall j, exists t v, 0 < t /\ E (shift j t) v.
Hypothesis E_down : forall j, exists t v, t < 0 /\ E (shift j t) v.

Lemma subgradient_on (l : seq I) : exists g : I -> R, forall d v, (forall i, i \notin l -> d i = 0) ->
  E (fun i => q i + d i) v -> v0 + sum (fun i => g i * d i) <= v.
Proof.
elim: l => [|j l [g IH]].
  exists (fun=> 0) => d v d0 e; rewrite sum_zero; last by move=> i; ring.
  rewrite Rplus_0_r; apply: E_low; move: e; congr E; apply: functional_extensionality => i; rewrite d0 //; ring.
case jl : (j \in l).
  by exists g => d v d0; apply: IH => i il; apply: d0; rewrite inE negb_or il andbT; apply: contraNneq il => ->.
pose K t w := exists d v, [/\ forall i, i \notin l -> d i = 0, E (fun i => q i + d i + (if i == j then t else 0)) v
  & w = sum (fun i => g i * d i) - v].
have cK : convex2 K.
{ move=> s u t w a [d1 [v1 [z1 e1 ->]]] [d2 [v2 [z2 e2 ->]]] a01.
  exists (fun i => a * d1 i + (1 - a) * d2 i), (a * v1 + (1 - a) * v2); split.
  - by move=> i il; rewrite z1 // z2 //; ring.
  - have := E_convex e1 e2 a01; congr E; apply: functional_extensionality => i; case: (i == j); ring.
  - have -> : sum (fun i => g i * (a * d1 i + (1 - a) * d2 i))
       = a * sum (fun i => g i * d1 i) + (1 - a) * sum (fun i => g i * d2 i).
      by rewrite -!sum_scal -sum_plus; apply: sum_ext => i; ring.
    ring. }
have [|||rho h] := @multiplier K (- v0) cK.
- move=> w [d [v [z e ->]]]; have {}e : E (fun i => q i + d i) v.
    by move: e; congr E; apply: functional_extensionality => i; case: (i == j); ring.
  by have := IH d v z e; lra.
- have [t [v [tn e]]] := E_down j; exists t, (sum (fun i => g i * 0) - v); split => //.
  exists (fun=> 0), v; split => //; move: e; congr E; apply: functional_extensionality => i; rewrite /shift; ring.
- have [t [v [tn e]]] := E_up j; exists t, (sum (fun i => g i * 0) - v); split => //.
  exists (fun=> 0), v; split => //; move: e; congr E; apply: functional_extensionality => i; rewrite /shift; ring.
- exists (fun i => if i == j then - rho else g i) => d v d0 e.
have := h (d j) (sum (fun i => g i * (if i == j then 0 else d i)) - v).
have -> : sum (fun i => (if i == j then - rho else g i) * d i) = sum (fun i => g i * (if i == j then 0 else d i)) - rho * d j.
  transitivity (sum (fun i => g i * (if i == j then 0 else d i)) + sum (fun i => if i == j then - rho * d i else 0)).
    by rewrite -sum_plus; apply: sum_ext => i; case: (i == j); ring.
  by rewrite (sum_dirac (fun i => - rho * d i)); ring.
suff k : K (d j) (sum (fun i => g i * (if i == j then 0 else d i)) - v) by move=> /(_ k); lra.
exists (fun i => if i == j then 0 else d i), v; split => //.
+ by move=> i il; case: eqP => // ij; apply: d0; rewrite inE negb_or il andbT; apply/eqP.
+ move: e; congr E; apply: functional_extensionality => i; case: eqP => [->|_]; ring.
Qed.

(** Idea: one multiplier after the other, each a supremum of slopes. *)
Theorem subgradient : exists g : I -> R, forall q' v, E q' v -> v0 + sum (fun i => g i * (q' i - q i)) <= v.
Proof.
have [g h] := subgradient_on (enum I); exists g => q' v e; apply: h; first by move=> i; rewrite mem_enum.
by move: e; congr E; apply: functional_extensionality => i; ring.
Qed.
End Subgradient.
