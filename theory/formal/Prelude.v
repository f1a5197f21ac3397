(** * Finite sums of reals, extended sums, infima and suprema

    Spaces are finite types ([finType] of mathcomp).  [sum F] is the sum of [F] over the whole space.
    Extended reals are Coquelicot's [Rbar]; infinite costs and infinite divergences are data, and the
    convention [0 * oo = 0] is that of [Rbar_mult]. *)
From Coq Require Export Reals Lra Classical FunctionalExtensionality.
From mathcomp Require Export ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype bigop.
From Coquelicot Require Export Rbar Lub.
#[export] Set Implicit Arguments.
#[export] Unset Strict Implicit.
#[export] Unset Printing Implicit Defensive.
#[export] Set Bullet Behavior "Strict Subproofs".
Open Scope R_scope.

(** ** Sums over a finite space *)
Canonical Rplus_monoid := Monoid.Law (fun x y z => esym (Rplus_assoc x y z)) Rplus_0_l Rplus_0_r.
Canonical Rplus_comoid := Monoid.ComLaw Rplus_comm.
Canonical Rmult_muloid := Monoid.MulLaw Rmult_0_l Rmult_0_r.
Canonical Rplus_addoid := Monoid.AddLaw Rmult_plus_distr_r Rmult_plus_distr_l.

Definition sum (X : finType) (F : X -> R) : R := \big[Rplus/0]_(x : X) F x.

Section Sums.
Context {X : finType}.
Implicit Types F G : X -> R.

Lemma sum_ext F G : (forall x, F x = G x) -> sum F = sum G.
Proof. by move=> e; apply: eq_bigr. Qed.

Lemma sum_plus F G : sum (fun x => F x + G x) = sum F + sum G.
Proof. exact: big_split. Qed.

Lemma sum_scal a F : sum (fun x => a * F x) = a * sum F.
Proof. by rewrite /sum big_distrr. Qed.

Lemma sum_scalr a F : sum (fun x => F x * a) = sum F * a.
Proof. by rewrite /sum big_distrl. Qed.

Lemma sum_opp F : sum (fun x => - F x) = - sum F.
Proof. by rewrite (_ : - sum F = -1 * sum F); [rewrite -sum_scal; apply: sum_ext => x; ring | ring]. Qed.

Lemma sum_minus F G : sum (fun x => F x - G x) = sum F - sum G.
Proof. by rewrite /Rminus -sum_opp -sum_plus. Qed.

Lemma sum_zero F : (forall x, F x = 0) -> sum F = 0.
Proof. by move=> e; rewrite /sum big1. Qed.

Lemma sum_le F G : (forall x, F x <= G x) -> sum F <= sum G.
Proof.
move=> h; rewrite /sum; elim/big_ind2: _; [lra | | by move=> x _; apply: h].
move=> a b a' b' *; lra.
Qed.

Lemma sum_ge0 F : (forall x, 0 <= F x) -> 0 <= sum F.
Proof. by move=> h; rewrite -(@sum_zero (fun=> 0)) //; apply: sum_le. Qed.

(** One term set apart. *)
Lemma sum_D1 F x : sum F = F x + sum (fun z => if z == x then 0 else F z).
Proof.
rewrite /sum (bigD1 x) //=; congr (_ + _).
rewrite [RHS](bigD1 x) //= eqxx Rplus_0_l.
by apply: eq_bigr => z /negbTE ->.
Qed.

Lemma sum_dirac F x : sum (fun z => if z == x then F z else 0) = F x.
Proof.
rewrite (sum_D1 _ x) eqxx sum_zero; first by ring.
by move=> z; case: (z == x).
Qed.

Lemma sum_diracl F x : sum (fun z => if x == z then F z else 0) = F x.
Proof. by rewrite -(sum_dirac F x); apply: sum_ext => z; rewrite eq_sym. Qed.

Lemma sum_ge_term F x : (forall z, 0 <= F z) -> F x <= sum F.
Proof.
move=> h; rewrite (sum_D1 _ x).
have : 0 <= sum (fun z => if z == x then 0 else F z).
  by apply: sum_ge0 => z; case: (z == x) => //; lra.
lra.
Qed.

Lemma sum_eq0 F : (forall x, 0 <= F x) -> sum F = 0 -> forall x, F x = 0.
Proof. by move=> h e x; have := sum_ge_term x h; have := h x; lra. Qed.

Lemma sum_lt F G x : (forall z, F z <= G z) -> F x < G x -> sum F < sum G.
Proof.
move=> h l; rewrite (sum_D1 F x) (sum_D1 G x).
have : sum (fun z => if z == x then 0 else F z) <= sum (fun z => if z == x then 0 else G z).
  by apply: sum_le => z; case: (z == x) => //; lra.
lra.
Qed.

Lemma sum_pos_ex F : 0 < sum F -> exists x, 0 < F x.
Proof.
move=> h; apply: NNPP => n; suff : sum F <= sum (fun _ : X => 0) by rewrite (@sum_zero (fun=> 0)) // => ?; lra.
by apply: sum_le => x; apply: Rnot_lt_le => l; apply: n; exists x.
Qed.

Lemma sum_eq_le F G : (forall x, F x <= G x) -> sum F = sum G -> forall x, F x = G x.
Proof.
move=> h e x; case: (Rle_lt_or_eq_dec _ _ (h x)) => // l.
by have := sum_lt h l; lra.
Qed.

Lemma sum_abs F : Rabs (sum F) <= sum (fun x => Rabs (F x)).
Proof.
rewrite /sum; apply: (big_ind2 (fun a b => Rabs a <= b)); [by rewrite Rabs_R0; lra | | by move=> *; lra].
move=> a b a' b' h h' /=; apply: Rle_trans (Rabs_triang a a') _; exact: Rplus_le_compat.
Qed.
End Sums.

Lemma sum_sum (X Y : finType) (F : X -> Y -> R) : sum (fun x => sum (F x)) = sum (fun y => sum (F^~ y)).
Proof. exact: exchange_big. Qed.

Lemma sum_pair (X Y : finType) (F : X -> Y -> R) : sum (fun z : X * Y => F z.1 z.2) = sum (fun x => sum (F x)).
Proof. by rewrite /sum pair_big. Qed.

Lemma sum_prod (X Y : finType) (F : X * Y -> R) : sum F = sum (fun x => sum (fun y => F (x, y))).
Proof. by rewrite -(sum_pair (fun x y => F (x, y))); apply: sum_ext => -[x y]. Qed.

Lemma sum_inj (X Y : finType) (F : X -> R) (G : Y -> R) :
  sum (fun z : X + Y => match z with inl x => F x | inr y => G y end) = sum F + sum G.
Proof. by rewrite /sum big_sumType. Qed.

Lemma sum_bool (F : bool -> R) : sum F = F true + F false.
Proof. by rewrite /sum big_bool. Qed.

(** Restricting a sum along a partition of unity: the pushforward of masses. *)
Lemma sum_fiber (X Y : finType) (m : X -> Y) (F : X -> R) :
  sum (fun y => sum (fun x => if m x == y then F x else 0)) = sum F.
Proof. by rewrite sum_sum; apply: sum_ext => x; rewrite (sum_diracl (fun=> F x)). Qed.

(** ** Infimum and supremum of a set of extended reals *)
Definition Inf (E : Rbar -> Prop) : Rbar := Glb_Rbar (fun r => exists e, E e /\ Rbar_le e r).
Definition Sup (E : Rbar -> Prop) : Rbar := Lub_Rbar (fun r => exists e, E e /\ Rbar_le r e).

Implicit Types E : Rbar -> Prop.

Lemma Inf_le E e : E e -> Rbar_le (Inf E) e.
Proof.
move=> Ee; rewrite /Inf; case: (Glb_Rbar_correct (fun r => exists e, E e /\ Rbar_le e r)) => lb _.
case: e Ee => [r||] Ee; first by apply: lb; exists r; split => //; exact: Rle_refl.
  by case: (Glb_Rbar _).
have l (r : R) : Rbar_le (Glb_Rbar (fun r => exists e, E e /\ Rbar_le e r)) r by apply: lb; exists m_infty.
by case: (Glb_Rbar _) l => [a||] //= l; [have := l (a - 1); lra | have := l 0].
Qed.

Lemma Inf_ge E m : (forall e, E e -> Rbar_le m e) -> Rbar_le m (Inf E).
Proof.
move=> h; rewrite /Inf; case: (Glb_Rbar_correct (fun r => exists e, E e /\ Rbar_le e r)) => _; apply.
by move=> r [e [Ee l]]; apply: Rbar_le_trans (h _ Ee) l.
Qed.

Lemma Sup_ge E e : E e -> Rbar_le e (Sup E).
Proof.
move=> Ee; rewrite /Sup; case: (Lub_Rbar_correct (fun r => exists e, E e /\ Rbar_le r e)) => ub _.
case: e Ee => [r||] Ee; first by apply: ub; exists r; split => //; exact: Rle_refl.
  have l (r : R) : Rbar_le r (Lub_Rbar (fun r => exists e, E e /\ Rbar_le r e)) by apply: ub; exists p_infty.
  by case: (Lub_Rbar _) l => [a||] //= l; [have := l (a + 1); lra | have := l 0].
by case: (Lub_Rbar _).
Qed.

Lemma Sup_le E m : (forall e, E e -> Rbar_le e m) -> Rbar_le (Sup E) m.
Proof.
move=> h; rewrite /Sup; case: (Lub_Rbar_correct (fun r => exists e, E e /\ Rbar_le r e)) => _; apply.
by move=> r [e [Ee l]]; apply: Rbar_le_trans l (h _ Ee).
Qed.

Lemma Inf_lt E m : Rbar_lt (Inf E) m -> exists e, E e /\ Rbar_lt e m.
Proof.
move=> l; apply: NNPP => n; apply: (Rbar_lt_not_le _ _ l); apply: Inf_ge => e Ee.
by apply: Rbar_not_lt_le => l'; apply: n; exists e.
Qed.

Lemma Sup_gt E m : Rbar_lt m (Sup E) -> exists e, E e /\ Rbar_lt m e.
Proof.
move=> l; apply: NNPP => n; apply: (Rbar_lt_not_le _ _ l); apply: Sup_le => e Ee.
by apply: Rbar_not_lt_le => l'; apply: n; exists e.
Qed.

Lemma Inf_ext E E' : (forall e, E e <-> E' e) -> Inf E = Inf E'.
Proof. by move=> h; apply: Rbar_le_antisym; apply: Inf_ge => e /h; apply: Inf_le. Qed.

Lemma Sup_ext E E' : (forall e, E e <-> E' e) -> Sup E = Sup E'.
Proof. by move=> h; apply: Rbar_le_antisym; apply: Sup_le => e /h; apply: Sup_ge. Qed.

(** Comparing extended reals through real numbers. *)
Lemma Rbar_le_real_above a b : (forall r : R, Rbar_lt b r -> Rbar_le a r) -> Rbar_le a b.
Proof.
case: b => [b||] h; [|by case: a {h} => [?||]|].
- apply: Rbar_not_lt_le => l.
  case: a h l => [a||] //= h l; last by have /= := h (b + 1); apply; lra.
  by have /= := h ((a + b) / 2); lra.
- by case: a h => [a||] // h; [have /= := h (a - 1); lra | have := h 0 I].
Qed.

Lemma Rbar_le_real_below a b : (forall r : R, Rbar_lt r a -> Rbar_le r b) -> Rbar_le a b.
Proof.
case: a => [a||] h; [| |by case: b {h} => [?||]].
- apply: Rbar_not_lt_le => l.
  case: b h l => [b||] //= h l; last by have /= := h (a - 1); apply; lra.
  by have /= := h ((a + b) / 2); lra.
- by case: b h => [b||] // h; [have /= := h (b + 1); lra | have := h 0 I].
Qed.

(** ** Sums of extended reals
    [esum F] is the sum of terms none of which is [-oo]: [+oo] as soon as one term is infinite.
    [esumn F] is the mirror image, for terms none of which is [+oo]. *)
Definition finite (a : Rbar) : bool := if a is Finite _ then true else false.
Definition esum (X : finType) (F : X -> Rbar) : Rbar :=
  if [forall x, finite (F x)] then Finite (sum (fun x => real (F x))) else p_infty.
Definition esumn (X : finType) (F : X -> Rbar) : Rbar :=
  if [forall x, finite (F x)] then Finite (sum (fun x => real (F x))) else m_infty.

Lemma finiteP a : reflect (exists r, a = Finite r) (finite a).
Proof. by case: a => [r||]; constructor; [exists r | case | case]. Qed.

Lemma finite_real a : finite a -> a = Finite (real a).
Proof. by case: a. Qed.

Lemma esum_finite (X : finType) (F : X -> Rbar) v :
  esum F = Finite v <-> (forall x, F x = Finite (real (F x))) /\ v = sum (fun x => real (F x)).
Proof.
rewrite /esum; case: ifPn => [/forallP h|/forallPn [x n]]; split => //.
- by case=> <-; split => // x; apply: finite_real.
- by move=> [_ ->].
- by move=> [h _]; rewrite (h x) in n.
Qed.

Lemma esumn_finite (X : finType) (F : X -> Rbar) v :
  esumn F = Finite v <-> (forall x, F x = Finite (real (F x))) /\ v = sum (fun x => real (F x)).
Proof.
rewrite /esumn; case: ifPn => [/forallP h|/forallPn [x n]]; split => //.
- by case=> <-; split => // x; apply: finite_real.
- by move=> [_ ->].
- by move=> [h _]; rewrite (h x) in n.
Qed.

Lemma esum_not_minus (X : finType) (F : X -> Rbar) : esum F <> m_infty.
Proof. by rewrite /esum; case: ifP. Qed.

Lemma esum_cases (X : finType) (F : X -> Rbar) : (exists v, esum F = Finite v) \/ esum F = p_infty.
Proof. by rewrite /esum; case: ifP => _; [left; eexists | right]. Qed.

Lemma esum_le (X : finType) (F : X -> Rbar) (G : X -> R) :
  (forall x, F x <> m_infty) -> (forall x, Rbar_le (F x) (G x)) -> Rbar_le (esum F) (sum G).
Proof.
move=> nm h; have fin x : F x = Finite (real (F x)) by move: (nm x) (h x); case: (F x).
have [_ b] := esum_finite F (sum (fun x => real (F x))); rewrite b //=.
by apply: sum_le => x; have := h x; rewrite {1}fin.
Qed.

(** Products with infinity. *)
Lemma mult_fin (a b : R) : Rbar_mult a b = a * b. Proof. by []. Qed.
Global Arguments Rbar_mult : simpl never.

Lemma mult_pinf a : 0 < a -> Rbar_mult a p_infty = p_infty.
Proof. move=> a0; rewrite /Rbar_mult /Rbar_mult' /=; case: Rle_dec => [h|]; [case: Rle_lt_or_eq_dec => // | move=> []]; lra. Qed.

Lemma mult_minf a : 0 < a -> Rbar_mult a m_infty = m_infty.
Proof. move=> a0; rewrite /Rbar_mult /Rbar_mult' /=; case: Rle_dec => [h|]; [case: Rle_lt_or_eq_dec => // | move=> []]; lra. Qed.

Lemma pinf_mult a : 0 < a -> Rbar_mult p_infty a = p_infty.
Proof. by rewrite Rbar_mult_comm; exact: mult_pinf. Qed.

Lemma mult_finite (a : R) k : 0 <= a -> k <> m_infty -> finite (Rbar_mult a k) <-> a = 0 \/ finite k.
Proof.
move=> a0 nk; case: (Rle_lt_or_eq_dec _ _ a0) => [l|<-]; last first.
  by rewrite Rbar_mult_0_l; split => // _; left.
by case: k nk => [k||] //= _; rewrite ?mult_pinf //; split => //; [right | case => //= ?; lra].
Qed.

Lemma real_mult (a : R) k : k <> m_infty -> 0 <= a -> real (Rbar_mult a k) = a * real k.
Proof.
case: k => [k||] // _ a0; case: (Rle_lt_or_eq_dec _ _ a0) => [l|<-].
  by rewrite (mult_pinf l) /=; ring.
by rewrite Rbar_mult_0_l /=; ring.
Qed.

Lemma mult_not_minus (a : R) k : 0 <= a -> k <> m_infty -> Rbar_mult a k <> m_infty.
Proof.
move=> a0 nk; case: (Rle_lt_or_eq_dec _ _ a0) => [l|<-]; last by rewrite Rbar_mult_0_l.
by case: k nk => [k||] // _; rewrite ?mult_pinf.
Qed.

Lemma plus_not_minus a b : a <> m_infty -> b <> m_infty -> Rbar_plus a b <> m_infty.
Proof. by case: a; case: b. Qed.

Lemma plus_finite a b v : Rbar_plus a b = Finite v -> a <> m_infty -> b <> m_infty ->
  exists a' b', [/\ a = Finite a', b = Finite b' & v = a' + b'].
Proof. by case: a => [a||]; case: b => [b||] //= [<-] _ _; exists a, b. Qed.

Lemma mult_le (l a : R) b : 0 < l -> Rbar_le a b -> Rbar_le (l * a) (Rbar_mult l b).
Proof.
move=> l0; case: b => [b||] //= h; last by rewrite mult_pinf.
by apply: Rmult_le_compat_l => //; lra.
Qed.

Lemma mult_lt_inv (l a : R) b : 0 < l -> b <> m_infty -> Rbar_lt a (Rbar_mult l b) -> Rbar_lt (a / l) b.
Proof.
move=> l0; case: b => [b||] //= _ h; apply: (Rmult_lt_reg_l l) => //.
by have -> : l * (a / l) = a by [field; lra].
Qed.
