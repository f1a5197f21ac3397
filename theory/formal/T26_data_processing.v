(** * T26: data processing, and the invariances of T20 that follow from it

    Kernels [K], [L] that do not increase the cost do not increase [D^c]: the divergence part by Jensen (an affine
    minorant of [f] almost touching), the transport part by gluing nearly optimal couplings of [K x] and [L y].
    Splitting points into copies and relabelling them are kernels in both directions, so they change nothing. *)
(** Theorems:
    - [T26_divergence]: D_f does not increase under a Markov kernel
    - [T26_data_processing]: D^c does not increase under kernels that do not increase the cost
    - [T20_splitting]: D^c is unchanged by splitting points into copies, Q in P's proportions
    - [T20_splitting_dro]: the DRO value is unchanged by splitting points into copies
    - [T20_permutation]: D^c and the DRO value are unchanged by relabelling the points *)
From ArmorD Require Export T24_composition.

Definition push (X X' : finType) (K : X -> X' -> R) (e : X -> R) : X' -> R := fun y => sum (fun x => e x * K x y).

Section Kernel.
Context {X X' : finType} (K : X -> X' -> R).
Hypothesis Kp : forall x, prob (K x).

Lemma push_prob e : prob e -> prob (push K e).
Proof.
move=> [e0 e1]; split=> [y|]; first by apply: sum_ge0 => x; apply: Rmult_le_pos => //; case: (Kp x).
by rewrite /push sum_sum -e1; apply: sum_ext => x; rewrite sum_scal (proj2 (Kp x)); ring.
Qed.

Lemma push_expect e phi : expect (push K e) phi = expect e (fun x => expect (K x) phi).
Proof.
rewrite /expect /push; transitivity (sum (fun y => sum (fun x => e x * (K x y * phi y)))).
  by apply: sum_ext => y; rewrite -sum_scalr; apply: sum_ext => x; ring.
by rewrite sum_sum; apply: sum_ext => x; rewrite sum_scal.
Qed.

(** [D_f(eta K || P K) <= D_f(eta || P)]. *)
Theorem T26_divergence (f : ffun) (m : support) (p eta : X -> R) : prob p -> prob eta ->
  Rbar_le (Df f (slope f m) (push K p) (push K eta)) (Df f (slope f m) p eta).
Proof.
move=> pp pe; have [p0 p1] := pp; have [e0 e1] := pe; have nk := @slope_not_minus f m.
have K0 x y : 0 <= K x y by case: (Kp x).
have P0 y : 0 <= push K p y by case: (push_prob pp).
have E0 y : 0 <= push K eta y by case: (push_prob pe).
case e : (Df f (slope f m) p eta) => [v||]; [|by case: (Df _ _ _ _)|by case: (@Df_not_minus_infinity X f (slope f m) p eta)].
move/(Df_finite f p nk _ e0): e => [d ->].
have bound y : Rbar_le (Df_one f m (push K p) y (push K eta y)) (sum (fun x => K x y * Df_term f (slope f m) p eta x)).
{ rewrite /Df_one; case: Rlt_dec => [l|n] /=.
  - apply: Rbar_le_real_below => a la.
    have r0 := ratio_ge0 (E0 y) l.
    have [u [b [h hb]]] := f_minorants r0 (mult_lt_inv l (@f_not_minus_infinity f _ r0) la).
    have {hb} : a <= push K eta y * u - push K p y * b.
      have := Rmult_lt_compat_l _ _ _ l hb.
      have -> : push K p y * (a / push K p y) = a by field; lra.
      have -> : push K p y * (push K eta y / push K p y * u - b) = push K eta y * u - push K p y * b by field; lra.
      lra.
    move=> ha; apply: Rle_trans ha _.
    have -> : push K eta y * u - push K p y * b = sum (fun x => K x y * (eta x * u - p x * b)).
      by rewrite /push -!sum_scalr -sum_minus; apply: sum_ext => x; ring.
    apply: sum_le => x; apply: Rmult_le_compat_l => //; move: (d x); rewrite /Df_term; case: Rlt_dec => [lx|n] /= dx.
      have := h _ (ratio_ge0 (e0 x) lx); rewrite (finite_real dx) => /(Rmult_le_compat_l _ _ _ (Rlt_le _ _ lx)).
      by have -> : p x * (eta x / p x * u - b) = eta x * u - p x * b by field; lra.
    have -> : p x = 0 by have := p0 x; lra.
    case: dx => [->|/finite_real ek]; first lra.
    by have := slope_minorant h ek; have := e0 x; nra.
  - have z x : p x * K x y = 0.
      apply: (@sum_eq0 _ (fun x => p x * K x y)); first by move=> x'; apply: Rmult_le_pos.
      by have := P0 y; rewrite /push in n *; lra.
    have fin : push K eta y = 0 \/ finite (slope f m).
      case fk : (finite (slope f m)); [by right | left].
      apply: sum_zero => x; case: (Rmult_integral _ _ (z x)) => [px|->]; last ring.
      move: (d x); case: Rlt_dec => /= lx; first lra.
      by case=> [->|]; [ring | rewrite fk].
    have -> : Rbar_mult (push K eta y) (slope f m) = push K eta y * real (slope f m).
      by rewrite (finite_real (proj2 (mult_finite (E0 y) nk) fin)) real_mult.
    rewrite /= /push -sum_scalr; apply: sum_le => x; rewrite /Df_term; case: Rlt_dec => /= lx; last by have := K0 x y; nra.
    by case: (Rmult_integral _ _ (z x)) => [|->]; lra. }
have -> : sum (Df_term f (slope f m) p eta) = sum (fun y => sum (fun x => K x y * Df_term f (slope f m) p eta x)).
  by rewrite sum_sum; apply: sum_ext => x; rewrite sum_scalr (proj2 (Kp x)); ring.
apply: esum_le => // y; case: Rlt_dec => [l|n] /=; last exact: mult_not_minus.
by apply: mult_not_minus; [exact: P0 | apply: f_not_minus_infinity; exact: ratio_ge0].
Qed.
End Kernel.

Section DataProcessing.
Context {X Y X' Y' : finType} (K : X -> X' -> R) (L : Y -> Y' -> R) (c : X -> Y -> Rbar) (c' : X' -> Y' -> Rbar).
Hypotheses (Kp : forall x, prob (K x)) (c0 : nonneg_cost c) (c0' : nonneg_cost c').
Hypothesis shrink : forall x y, Rbar_le (C c' (K x) (L y)) (c x y).

Lemma push_transport eta q pi e : coupling pi eta q -> supported c pi -> sum eta = 1 -> 0 < e ->
  exists pi', [/\ coupling pi' (push K eta) (push L q), supported c' pi' & rcost c' pi' <= rcost c pi + e].
Proof.
move=> [p0 mr mc] s e1 ep.
have pick (z : X * Y) : exists k : X' * Y' -> R, finite (c z.1 z.2) ->
   [/\ coupling (fun x y => k (x, y)) (K z.1) (L z.2), supported c' (fun x y => k (x, y))
     & rcost c' (fun x y => k (x, y)) <= real (c z.1 z.2) + e].
  case fc : (finite (c z.1 z.2)); last by exists (fun=> 0).
  have l : Rbar_lt (C c' (K z.1) (L z.2)) (real (c z.1 z.2) + e).
    by apply: Rbar_le_lt_trans (shrink z.1 z.2) _; move: fc; case: (c z.1 z.2) => [r||] //= _; lra.
  have [k [kk ks kl]] := C_lt c0' l; exists (fun z => k z.1 z.2) => _; split => //; exact: Rlt_le.
have [k hk] := fin_choice pick.
pose g x y x' y' := pi x y * k (x, y) (x', y').
have gz x y (P : R -> R -> Prop) (a b : R) : (finite (c x y) -> P a b) -> (pi x y = 0 -> P a b) -> P a b.
  by case: (s x y) => [e'|fc] h1 h2; [exact: h2 | exact: h1].
have row x y x' : sum (g x y x') = pi x y * K x x'.
  rewrite /g sum_scal; case: (s x y) => [->|fc]; first ring.
  by have [[_ h _] _ _] := hk (x, y) fc; rewrite (h x').
have col x y y' : sum (fun x' => g x y x' y') = pi x y * L y y'.
  rewrite /g sum_scal; case: (s x y) => [->|fc]; first ring.
  by have [[_ _ h] _ _] := hk (x, y) fc; rewrite (h y').
have g0 x y x' y' : 0 <= g x y x' y'.
  rewrite /g; case: (s x y) => [->|fc]; first lra.
  by have [[h _ _] _ _] := hk (x, y) fc; apply: Rmult_le_pos => //; exact: h.
exists (fun x' y' => sum (fun x => sum (fun y => g x y x' y'))); split.
- split=> [x' y'|x'|y'].
  + by apply: sum_ge0 => x; exact: sum_ge0.
  + rewrite sum_sum /push; apply: sum_ext => x; rewrite sum_sum -mr -sum_scalr; apply: sum_ext => y; exact: row.
  + rewrite sum_sum /push; transitivity (sum (fun x => sum (fun y => pi x y * L y y'))).
      by apply: sum_ext => x; rewrite sum_sum; apply: sum_ext => y; exact: col.
    by rewrite sum_sum; apply: sum_ext => y; rewrite sum_scalr mc.
- move=> x' y'; case fc' : (finite (c' x' y')); [by right | left].
  apply: sum_zero => x; apply: sum_zero => y; rewrite /g; case: (s x y) => [->|fc]; first ring.
  have [_ h _] := hk (x, y) fc; case: (h x' y') => [->|]; [ring | by rewrite fc'].
- have -> : rcost c' (fun x' y' => sum (fun x => sum (fun y => g x y x' y')))
     = sum (fun x => sum (fun y => sum (fun x' => sum (fun y' => g x y x' y' * real (c' x' y'))))).
    rewrite /rcost; transitivity (sum (fun x' => sum (fun y' => sum (fun x => sum (fun y => g x y x' y' * real (c' x' y')))))).
      apply: sum_ext => x'; apply: sum_ext => y'; rewrite -sum_scalr; apply: sum_ext => x; by rewrite sum_scalr.
    transitivity (sum (fun x' => sum (fun x => sum (fun y' => sum (fun y => g x y x' y' * real (c' x' y')))))).
      by apply: sum_ext => x'; rewrite sum_sum.
    rewrite sum_sum; apply: sum_ext => x.
    transitivity (sum (fun x' => sum (fun y => sum (fun y' => g x y x' y' * real (c' x' y'))))).
      by apply: sum_ext => x'; rewrite sum_sum.
    by rewrite sum_sum.
  have -> : rcost c pi + e = sum (fun x => sum (fun y => pi x y * (real (c x y) + e))).
    have E : e = sum (fun x => sum (fun y => pi x y * e)).
      transitivity (sum (fun x => eta x * e)); first by rewrite sum_scalr e1; ring.
      by apply: sum_ext => x; rewrite sum_scalr mr.
    rewrite [in LHS]E /rcost -sum_plus; apply: sum_ext => x; rewrite -sum_plus; apply: sum_ext => y; ring.
  apply: sum_le => x; apply: sum_le => y.
  have -> : sum (fun x' => sum (fun y' => g x y x' y' * real (c' x' y')))
     = pi x y * rcost c' (fun x' y' => k (x, y) (x', y')).
    rewrite /rcost -sum_scal; apply: sum_ext => x'; rewrite -sum_scal; apply: sum_ext => y'; rewrite /g; ring.
  case: (s x y) => [->|fc]; first lra.
  by have [_ _ h] := hk (x, y) fc; apply: Rmult_le_compat_l.
Qed.

(** Idea: glue the couplings of the kernel's rows along the plan; Jensen for the divergence. *)
Theorem T26_data_processing (f : ffun) (m : support) (p : X -> R) (q : Y -> R) : prob p ->
  Rbar_le (Dc (Df f (slope f m) (push K p)) c' (push L q)) (Dc (Df f (slope f m) p) c q).
Proof.
move=> pp; apply: Dc_ge => //; first by move=> eta pe; exact: Df_ge0.
move=> eta pi a pe k s ea; apply: Rbar_le_real_above => r lr; have l' : a + rcost c pi < r := lr; have l : 0 < r - (a + rcost c pi) by lra.
have [pi' [k' s' h]] := push_transport k s (proj2 pe) l.
have := T26_divergence Kp f m pp pe; rewrite ea.
have pe' := push_prob Kp pe; have := @Df_ge0 _ f m _ (push_prob Kp pp) _ pe'.
case ed : (Df f (slope f m) (push K p) (push K eta)) => [d||] //= _ le.
apply: Rbar_le_trans (Dc_le c0' pe' k' s' ed) _ => /=; lra.
Qed.
End DataProcessing.

(** ** T20: splitting points and relabelling them

    [h] names the original of each copy, copies lie at mutual cost 0 from their original ([c'] depends on the
    originals alone), and [S x] says in which proportions [x] is split. *)
Section Splitting.
Context {X X' : finType} (h : X' -> X) (S : X -> X' -> R) (c : X -> X -> Rbar).
Hypotheses (c0 : nonneg_cost c) (Sp : forall x, prob (S x)) (Sh : forall x x', S x x' <> 0 -> h x' = x).
Variables (f : ffun) (m : support).

Definition merge (x' : X') (x : X) : R := if x == h x' then 1 else 0.
Definition copies (x' y' : X') : Rbar := c (h x') (h y').
Let dist (p : X -> R) := Dc (Df f (slope f m) p) c.
Let dist' (p : X' -> R) := Dc (Df f (slope f m) p) copies.

Lemma merge_prob x' : prob (merge x').
Proof.
split=> [x|]; first by rewrite /merge; case: eqP => _; lra.
by rewrite /merge (sum_dirac (fun=> 1)).
Qed.

Lemma merge_split e x : push merge (push S e) x = e x.
Proof.
rewrite /push /merge; transitivity (sum (fun z => e z * sum (fun x' => S z x' * (if x == h x' then 1 else 0)))).
  transitivity (sum (fun x' => sum (fun z => e z * (S z x' * (if x == h x' then 1 else 0))))).
    by apply: sum_ext => x'; rewrite -sum_scalr; apply: sum_ext => z; ring.
  by rewrite sum_sum; apply: sum_ext => z; rewrite sum_scal.
have one z : sum (fun x' => S z x' * (if x == h x' then 1 else 0)) = if z == x then 1 else 0.
{ case: (eqVneq z x) => [->|ne].
  - transitivity (sum (S x)); last exact: (proj2 (Sp x)).
    apply: sum_ext => x'; case: (Req_dec (S x x') 0) => [->|/Sh e']; first ring.
    by rewrite e' eqxx /=; ring.
  - apply: sum_zero => x'; case: (Req_dec (S z x') 0) => [->|/Sh e']; first ring.
    by rewrite e' eq_sym (negbTE ne) /=; ring. }
rewrite -(sum_dirac e x); apply: sum_ext => z; rewrite one; case: (z == x); ring.
Qed.

Lemma copies_nonneg : nonneg_cost copies.
Proof. by move=> x y; exact: c0. Qed.

Lemma product_coupling (Z Z' : finType) (a : Z -> R) (b : Z' -> R) : prob a -> prob b -> coupling (fun z z' => a z * b z') a b.
Proof.
move=> [a0 a1] [b0 b1]; split=> [z z'|z|z']; first exact: Rmult_le_pos.
  by rewrite sum_scal b1; ring.
by rewrite sum_scalr a1; ring.
Qed.

Lemma merge_shrink x' y' : Rbar_le (C c (merge x') (merge y')) (copies x' y').
Proof.
rewrite /copies; case e : (c (h x') (h y')) => [r||]; [|by case: (C _ _ _)|by have := c0 (h x') (h y'); rewrite e].
have s : supported c (fun x y => merge x' x * merge y' y).
  move=> x y; rewrite /merge; case: eqP => [->|_]; last by left; ring.
  by case: eqP => [->|_]; [right; rewrite e | left; ring].
apply: Rbar_le_trans (C_le c0 (product_coupling (merge_prob x') (merge_prob y')) s) _ => /=; right.
rewrite /rcost; transitivity (sum (fun x => if x == h x' then sum (fun y => if y == h y' then real (c x y) else 0) else 0)).
  apply: sum_ext => x; rewrite /merge; case: eqP => [->|_]; last by apply: sum_zero => y; ring.
  by apply: sum_ext => y; case: eqP => _; ring.
by rewrite (sum_dirac (fun x => sum (fun y => if y == h y' then real (c x y) else 0))) (sum_dirac (fun y => real (c (h x') y))) e.
Qed.

Lemma split_shrink x y : Rbar_le (C copies (S x) (S y)) (c x y).
Proof.
case e : (c x y) => [r||]; [|by case: (C _ _ _)|by have := c0 x y; rewrite e].
have at' x' y' : S x x' <> 0 -> S y y' <> 0 -> copies x' y' = c x y by move=> /Sh <- /Sh <-.
have s : supported copies (fun x' y' => S x x' * S y y').
  move=> x' y'; case: (Req_dec (S x x') 0) => [->|n1]; first by left; ring.
  case: (Req_dec (S y y') 0) => [->|n2]; first by left; ring.
  by right; rewrite at' // e.
apply: Rbar_le_trans (C_le copies_nonneg (product_coupling (Sp x) (Sp y)) s) _ => /=; right.
transitivity (sum (fun x' => S x x' * (r * sum (S y)))); last by rewrite sum_scalr !(proj2 (Sp _)); ring.
rewrite /rcost; apply: sum_ext => x'; rewrite -!sum_scal; apply: sum_ext => y'.
case: (Req_dec (S x x') 0) => [->|n1]; first ring.
case: (Req_dec (S y y') 0) => [->|n2]; first ring.
rewrite at' // e /=; ring.
Qed.

(** [D^c] when [Q] is split in the proportions of [P]. *)
Theorem T20_splitting (p q : X -> R) : prob p -> dist' (push S p) (push S q) = dist p q.
Proof.
move=> pp; apply: Rbar_le_antisym.
  exact: (T26_data_processing Sp c0 copies_nonneg split_shrink f m q pp).
have := T26_data_processing merge_prob copies_nonneg c0 merge_shrink f m (push S q) (push_prob Sp pp).
rewrite (_ : push merge (push S p) = p); last by apply: functional_extensionality => x; exact: merge_split.
by rewrite (_ : push merge (push S q) = q) //; apply: functional_extensionality => x; exact: merge_split.
Qed.

(** The DRO value, whatever the adversary does with the copies. *)
Theorem T20_splitting_dro (p phi : X -> R) eps kappa : prob p -> 0 <= kappa ->
  DRO (dist' (push S p)) (fun x' => phi (h x')) eps kappa = DRO (dist p) phi eps kappa.
Proof.
move=> pp k0; apply: Rbar_le_antisym; apply: Sup_le => v [q [d [pq e de ->]]].
- have := T26_data_processing merge_prob copies_nonneg c0 merge_shrink f m q (push_prob Sp pp).
  rewrite (_ : push merge (push S p) = p); last by apply: functional_extensionality => x; exact: merge_split.
  rewrite [X in Rbar_le _ X]e; have := @Dc_ge0 X X c (Df f (slope f m) p) c0 (@Df_ge0 X f m p pp) (push merge q).
  case e' : (Dc _ _ (push merge q)) => [d'||] // d0 le; have {}le : d' <= d := le.
  have ex : expect (push merge q) phi = expect q (fun x' => phi (h x')).
    rewrite (push_expect merge); congr (expect q _); apply: functional_extensionality => x'.
    rewrite /expect /merge -(sum_dirac phi (h x')); apply: sum_ext => x; case: eqP => _; ring.
  apply: (Rbar_le_trans _ (expect (push merge q) phi - kappa * d')).
    by rewrite ex /=; have := Rmult_le_compat_l _ _ _ k0 le; lra.
  by apply: Sup_ge; exists (push merge q), d'; split => //; [exact: (push_prob merge_prob) | lra].
- apply: (Rbar_le_trans _ (expect (push S q) (fun x' => phi (h x')) - kappa * d)); last first.
    by apply: Sup_ge; exists (push S q), d; split => //; [exact: push_prob | rewrite T20_splitting].
  rewrite (push_expect S) /=; right; congr (_ - _); apply: sum_ext => x; congr (_ * _).
  rewrite -[phi x]Rmult_1_r -(proj2 (Sp x)) -sum_scal; apply: sum_ext => x'.
  case: (Req_dec (S x x') 0) => [->|/Sh ->]; ring.
Qed.
End Splitting.

(** Relabelling by a bijection: the special case of one copy each. *)
Corollary T20_permutation (X : finType) (h h' : X -> X) (c : X -> X -> Rbar) (f : ffun) (m : support) (p q phi : X -> R) eps kappa :
  cancel h h' -> cancel h' h -> nonneg_cost c -> prob p -> 0 <= kappa ->
  Dc (Df f (slope f m) (fun x => p (h x))) (fun x y => c (h x) (h y)) (fun y => q (h y)) = Dc (Df f (slope f m) p) c q /\
  DRO (Dc (Df f (slope f m) (fun x => p (h x))) (fun x y => c (h x) (h y))) (fun y => phi (h y)) eps kappa
    = DRO (Dc (Df f (slope f m) p) c) phi eps kappa.
Proof.
move=> hK h'K c0 pp k0; pose S (x x' : X) : R := if x' == h' x then 1 else 0.
have Sp x : prob (S x) by split=> [x'|]; [rewrite /S; case: eqP => _; lra | rewrite /S (sum_dirac (fun=> 1))].
have Sh x x' : S x x' <> 0 -> h x' = x by rewrite /S; case: eqP => [->|].
have ps e : push S e = (fun x => e (h x)).
  apply: functional_extensionality => x'; rewrite -(sum_dirac e (h x')) /push; apply: sum_ext => x; rewrite /S.
  case: eqP => [e1|n1]; case: eqP => [e2|n2]; try ring.
    by case: n2; rewrite e1 h'K.
  by case: n1; rewrite e2 hK.
have s1 := T20_splitting c0 Sp Sh f m q pp; have s2 := T20_splitting_dro c0 Sp Sh f m phi eps pp k0.
by rewrite !ps in s1 s2.
Qed.
