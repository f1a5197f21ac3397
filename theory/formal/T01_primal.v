(** * T1: the primal program is the definition, in both modes

    Idea: mass on a point without reference mass is never worth transporting (it can be created where it is
    used), and mass created on a point of the support may be booked on the diagonal, because
    [f(a + b) <= f(a) + f'(oo) b]. *)
(** Theorems:
    - [Df_ge0]: D_f >= 0
    - [Df_zero]: D_f(P || P) = 0
    - [T1_primal]: the primal program equals D^c, in both modes, on one space
    - [T1_primal_dro]: the DRO value over the primal program is that over D^c *)
From ArmorD Require Export Basics.

Section Program.
Context {X Y : finType} (f : ffun) (k : Rbar) (p : X -> R) (c : X -> Y -> Rbar).
Hypotheses (nk : k <> m_infty) (c0 : nonneg_cost c) (p0 : forall x, 0 <= p x).

(** Real value of a plan of the program. *)
Definition rprogram pi (s : Y -> R) : R := sum (Df_term f k p (fun x => sum (pi x))) + (sum s * real k + rcost c pi).
Definition program_dom pi (s : Y -> R) : Prop :=
  [/\ Df_dom f k p (fun x => sum (pi x)), (sum s = 0 \/ finite k) & supported c pi].

Lemma program_value_finite q pi s v : program_feasible p q pi s ->
  program_value f k p c pi s = Finite v <-> program_dom pi s /\ v = rprogram pi s.
Proof.
move=> [pi0 s0 _ _]; rewrite /program_value.
have r0 x : 0 <= sum (pi x) by apply: sum_ge0.
have S0 : 0 <= sum s by apply: sum_ge0.
split.
  move=> /plus_finite [||a [w [e1 e2 ->]]]; first exact: Df_not_minus_infinity.
    by apply: plus_not_minus; [exact: mult_not_minus | exact: cost_not_minus_infinity].
  have [||b [d [e3 e4 ->]]] := plus_finite e2; [exact: mult_not_minus | exact: cost_not_minus_infinity |].
  move/(Df_finite f p nk _ r0): e1 => [d1 ->]; move/(cost_finite c0 _ pi0): e4 => [d3 ->].
  have d2 : finite (Rbar_mult (sum s) k) by rewrite e3.
  move: d2; rewrite mult_finite // => d2; split; first by split.
  by rewrite /rprogram -(real_mult nk S0) e3.
move=> [[d1 d2 d3] ->].
have -> : Df f k p (fun x => sum (pi x)) = sum (Df_term f k p (fun x => sum (pi x))) by exact: (proj2 (Df_finite f p nk _ r0) (conj d1 erefl)).
have -> : cost c pi = rcost c pi by exact: (proj2 (cost_finite c0 _ pi0) (conj d3 erefl)).
have -> : Rbar_mult (sum s) k = Finite (real (Rbar_mult (sum s) k)) by apply: finite_real; rewrite mult_finite.
by rewrite real_mult.
Qed.

Lemma program_le q pi s : program_feasible p q pi s -> program_dom pi s ->
  Rbar_le (program f k p c q) (rprogram pi s).
Proof. by move=> h d; apply: Inf_le; exists pi, s; split => //; rewrite (proj2 (program_value_finite _ h) (conj d erefl)). Qed.

Lemma program_not_minus q pi s : program_feasible p q pi s -> program_value f k p c pi s <> m_infty.
Proof.
move=> [pi0 s0 _ _]; have S0 : 0 <= sum s by apply: sum_ge0.
apply: plus_not_minus; first exact: Df_not_minus_infinity.
by apply: plus_not_minus; [exact: mult_not_minus | exact: cost_not_minus_infinity].
Qed.

Lemma program_lt q v : Rbar_lt (program f k p c q) (Finite v) ->
  exists pi s, [/\ program_feasible p q pi s, program_dom pi s & rprogram pi s < v].
Proof.
move=> /Inf_lt [w [[pi [s [h ->]]] l]]; exists pi, s.
case e : (program_value f k p c pi s) l => [w'||] //=; last by have := program_not_minus h.
by move/(program_value_finite _ h): e => [d ->].
Qed.

Lemma program_ge q m : (forall pi s, program_feasible p q pi s -> program_dom pi s -> Rbar_le m (rprogram pi s)) ->
  Rbar_le m (program f k p c q).
Proof.
move=> h; apply: Rbar_le_real_above => r /program_lt [pi [s [h1 h2 l]]].
by apply: Rbar_le_trans (h _ _ h1 h2) _ => /=; lra.
Qed.
End Program.

Lemma slope_not_minus f m : slope f m <> m_infty.
Proof. by case: m => //; exact: recession_not_minus_infinity. Qed.

(** Adding singular mass to a point: [p f((a+b)/p) <= p f(a/p) + k b]. *)
Lemma Df_term_step (X : finType) (f : ffun) m (p a b : X -> R) x : (forall x, 0 <= a x) -> (forall x, 0 <= b x) ->
  Df_dom f (slope f m) p a -> (b x = 0 \/ finite (slope f m)) ->
  Df_term f (slope f m) p (fun x => a x + b x) x <= Df_term f (slope f m) p a x + b x * real (slope f m) /\
  (if Rlt_dec 0 (p x) then finite (f ((a x + b x) / p x)) : Prop else a x + b x = 0 \/ finite (slope f m)).
Proof.
move=> a0 b0 /(_ x) d h; rewrite /Df_term; move: d; case: Rlt_dec => [l|n] /= d; last first.
  by split; [lra | case: h => [->|]; [rewrite Rplus_0_r | right]].
case: h => [->|fs]; first by rewrite Rplus_0_r; split => //; lra.
have ra : 0 <= a x / p x by apply: ratio_ge0.
have rb : 0 <= b x / p x by apply: ratio_ge0.
case: m fs => //= /finite_real e.
have := @recession_step f _ _ (real (recession f)) ra rb; rewrite -{1}e => /(_ (Rbar_le_refl _) d).
have -> : a x / p x + b x / p x = (a x + b x) / p x by field; lra.
have rab : 0 <= (a x + b x) / p x by apply: ratio_ge0 => //; have := a0 x; have := b0 x; lra.
have := @f_not_minus_infinity f _ rab.
case: (f ((a x + b x) / p x)) => [v||] nm //= l'.
split => //; have := Rmult_le_compat_l _ _ _ (Rlt_le _ _ l) l'.
have -> : p x * (real (f (a x / p x)) + b x / p x * real (recession f))
          = p x * real (f (a x / p x)) + b x * real (recession f) by field; lra.
by [].
Qed.

(** Divergences are nonnegative (Jensen, by a minorant of [f] that almost touches at 1) and vanish at [P]. *)
Section Positive.
Context {X : finType} (f : ffun) (m : support) (p : X -> R).
Hypothesis pp : prob p.

Lemma slope_minorant y b k : (forall s, 0 <= s -> Rbar_le (s * y - b) (f s)) -> slope f m = Finite k -> y <= k.
Proof. by case: m => //= h e; apply: (minorant_slope h); rewrite e; exact: Rle_refl. Qed.

(** Idea: sum a minorant of [f] that almost touches at 1; its slope is paid by masses of equal total. *)
Theorem Df_ge0 eta : prob eta -> Rbar_le 0 (Df f (slope f m) p eta).
Proof.
move=> [e0 e1]; case e : (Df _ _ _ _) => [v||] //; last by have := @Df_not_minus_infinity X f (slope f m) p eta.
move/(Df_finite f p (@slope_not_minus f m) _ e0): e => [d ->] /=; apply: Rnot_lt_le => l.
set v' := sum _ in l; have l' : Rbar_lt v' (f 1) by rewrite f_one.
have [y [b [h hb]]] := f_minorants Rle_0_1 l'.
suff : sum (fun x => eta x * y - p x * b) <= v'.
  rewrite sum_minus !sum_scalr e1; case: pp => _ ->; lra.
apply: sum_le => x; move: (d x); rewrite /Df_term; case: Rlt_dec => [lx|n] /= dx.
  have r0 : 0 <= eta x / p x by apply: ratio_ge0.
  have := h _ r0; rewrite (finite_real dx) => /(Rmult_le_compat_l _ _ _ (Rlt_le _ _ lx)).
  by have -> : p x * (eta x / p x * y - b) = eta x * y - p x * b by field; lra.
have -> : p x = 0 by have := proj1 pp x; lra.
case: dx => [->|/finite_real e]; first lra.
have := slope_minorant h e; have := e0 x; nra.
Qed.

(** Idea: [f(1) = 0] in every term. *)
Theorem Df_zero : Df f (slope f m) p p = 0.
Proof.
case: (pp) => p0 _; apply/(Df_finite f p (@slope_not_minus f m) _ p0); split.
  move=> x; case: Rlt_dec => [l|n] /=; last by left; have := p0 x; lra.
  by rewrite /Rdiv Rinv_r ?f_one //; lra.
rewrite sum_zero // => x; rewrite /Df_term; case: Rlt_dec => [l|n] /=.
  by rewrite /Rdiv Rinv_r ?f_one /=; lra.
have -> : p x = 0 by have := p0 x; lra.
ring.
Qed.
End Positive.

Section T1.
Context {X : finType} (f : ffun) (m : support) (p q : X -> R) (c : X -> X -> Rbar).
Hypotheses (c0 : nonneg_cost c) (cd : reflexive_cost c) (pp : prob p) (pq : prob q).
Let k := slope f m.

(** Idea: as above; rows without reference mass become singular mass, singular mass goes to the diagonal. *)
Theorem T1_primal : Dc (Df f k p) c q = program f k p c q.
Proof.
have Dpos := @Df_ge0 X f m p pp; have nk : k <> m_infty by apply: slope_not_minus.
apply: Rbar_le_antisym.
- (* a plan of the program gives a coupling: singular mass goes to the diagonal *)
  apply: program_ge => // pi s h [d1 d2 d3]; case: (h) => pi0 s0 piz mg.
  have r0 x : 0 <= sum (pi x) by apply: sum_ge0.
  set pi' := fun x y => pi x y + (if x == y then s y else 0).
  set eta := fun x => sum (pi x) + s x.
  have fs x : s x = 0 \/ finite k.
    by case: d2 => [e|]; [left; apply: (sum_eq0 s0 e) | right].
  have st x := @Df_term_step _ f m p _ _ x r0 s0 d1 (fs x).
  have e0 x : 0 <= eta x by have := r0 x; have := s0 x; rewrite /eta; lra.
  have De : Df f k p eta = sum (Df_term f k p eta) by apply/Df_finite => //; split => // x; case: (st x).
  have K : coupling pi' eta q.
  { split=> [x y|x|y]; rewrite /pi'.
    + by have := pi0 x y; have := s0 y; case: eqP => _; lra.
    + by rewrite sum_plus (sum_diracl s).
    + by rewrite sum_plus (sum_dirac (fun=> s y)) mg. }
  have pe : prob eta.
    by split => //; rewrite /eta sum_plus (sum_sum pi) -sum_plus -(proj2 pq); apply: sum_ext => y; rewrite mg.
  have S : supported c pi'.
    move=> x y; rewrite /pi'; case: eqP => [<-|_]; first by right; rewrite cd.
    by rewrite Rplus_0_r.
  apply: Rbar_le_trans (Dc_le c0 pe K S De) _ => /=.
  have -> : rcost c pi' = rcost c pi.
    apply: sum_ext => x; rewrite -[RHS]Rplus_0_r -(@sum_zero X (fun=> 0)) // -sum_plus; apply: sum_ext => y.
    by rewrite /pi'; case: eqP => [<-|_]; rewrite ?cd /=; ring.
  have : sum (Df_term f k p eta) <= sum (Df_term f k p (fun x => sum (pi x))) + sum s * real k.
    by rewrite -sum_scalr -sum_plus; apply: sum_le => x; case: (st x).
  rewrite /rprogram; lra.
- (* a coupling gives a plan: rows without reference mass become singular mass *)
  apply: Dc_ge => // eta pi a pe [pi0 mr mc] S; case: (pe) => e0 _ /(Df_finite f p nk _ e0) [d ->].
  set P := fun x => if Rlt_dec 0 (p x) then true else false.
  set pi' := fun x y => if P x then pi x y else 0.
  set s := fun y => sum (fun x => if P x then 0 else pi x y).
  have h : program_feasible p q pi' s.
  { split=> [x y|y|x y e|y]; rewrite /pi' /s /P.
    + by case: Rlt_dec => [l|n] /=; [exact: pi0 | lra].
    + by apply: sum_ge0 => x; case: Rlt_dec => [l|n] /=; [lra | exact: pi0].
    + by rewrite e; case: Rlt_dec => [l|n] //=; lra.
    + by rewrite -mc -sum_plus; apply: sum_ext => x; case: Rlt_dec => [l|n] /=; ring. }
  have r' x : sum (pi' x) = if P x then eta x else 0.
    by rewrite /pi'; case: (P x); rewrite ?mr // sum_zero.
  have Ss : sum s = sum (fun x => if P x then 0 else eta x).
    by rewrite /s sum_sum; apply: sum_ext => x; rewrite -mr; case: (P x); rewrite // sum_zero.
  have le : rcost c pi' <= rcost c pi.
    apply: sum_le => x; apply: sum_le => y; rewrite /pi'; case: (P x); first lra.
    by rewrite Rmult_0_l; apply: Rmult_le_pos => //; exact: real_c_ge0.
  have dm : program_dom f k p c pi' s.
  { split.
    + move=> x; rewrite r' /P; move: (d x); case: Rlt_dec => [l|n] //= _; by left.
    + rewrite Ss; case fk : (finite k); [by right | left]; apply: sum_zero => x.
      by rewrite /P; move: (d x); case: Rlt_dec => [l|n] //= [] //; rewrite fk.
    + by move=> x y; rewrite /pi'; case: (P x); [exact: S | left]. }
  apply: Rbar_le_trans (program_le nk c0 h dm) _ => /=; rewrite /rprogram Ss.
  have -> : sum (Df_term f k p (fun x => sum (pi' x))) + (sum (fun x => if P x then 0 else eta x) * real k + rcost c pi')
     = sum (Df_term f k p eta) + rcost c pi'.
    rewrite -Rplus_assoc -sum_scalr -sum_plus; congr (_ + _); apply: sum_ext => x.
    by rewrite /Df_term r' /P; case: Rlt_dec => [l|n] /=; ring.
  lra.
Qed.
End T1.

(** The DRO value sees its divergence only at distributions. *)
Lemma DRO_ext (Y : finType) (dist dist' : (Y -> R) -> Rbar) phi eps kappa : (forall q, prob q -> dist q = dist' q) ->
  DRO dist phi eps kappa = DRO dist' phi eps kappa.
Proof.
move=> h; apply: Sup_ext => v.
by split=> -[q [d [pq e de ->]]]; exists q, d; split => //; rewrite -e h.
Qed.

(** Idea: T1 at every distribution. *)
Corollary T1_primal_dro (X : finType) (f : ffun) (m : support) (p : X -> R) (c : X -> X -> Rbar) phi eps kappa :
  nonneg_cost c -> reflexive_cost c -> prob p ->
  DRO (Dc (Df f (slope f m) p) c) phi eps kappa = DRO (program f (slope f m) p c) phi eps kappa.
Proof. by move=> c0 cd pp; apply: DRO_ext => q pq; exact: T1_primal. Qed.
