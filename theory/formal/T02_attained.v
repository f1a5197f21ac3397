(** * T2, where the supremum is attained

    [D^c(q) = max_g { q.g - Lambda[g^c] }] for every member of the catalogue but CVaR, for Rényi's divergence, every cost and
    every [q] with [D^c(q)] finite, once [g_j = -oo] is allowed where [q_j = 0]; for every divergence when all costs are finite.
    Idea: [s D^c(q'/s)] is convex in the vector [q'] of any mass [s]; where [q_j > 0] the plan of [q] can carry a little more
    or less in column [j], so the function is finite around [q] and has a subgradient there ([subgradient]); it is [g].  Without
    [g_j = -oo] the maximum can fail to exist ([T2_not_attained]). *)
(** Theorems:
    - [T2_open_weak]: prices that are -oo where Q has no mass bound D^c from below too
    - [T2_attained]: the supremum is attained by prices, -oo allowed where Q has no mass, for every divergence
      whose finiteness the support decides: every cost, every Q of finite D^c
    - [T2_attained_finite_cost]: the same for every closed convex nonnegative divergence where all costs are finite
    - [T2_catalogue_attained]: so for every member of the catalogue but CVaR, in both modes
    - [T2_cvar_attained]: and for CVaR of every level where all costs are finite
    - [T2_renyi_attained]: and for Rényi's divergence of every order, in both modes
    - [T2_f_attained]: full support: real prices attain it, feasible ones in the f-form too
    - [T2_not_attained]: without -oo it can fail to be attained: KL, P = (1/2, 1/2), Q = (1, 0), c infinite off the
      diagonal, value log 2 *)
From ArmorD Require Export T13_order RenyiProgram.

(** ** Prices that may be [-oo]: the columns with [q_j = 0] are closed, and [Lambda] is over the [eta] that send nothing
    from a row without an open column ([g^c = -oo] there). *)
Section Extended.
Context {X Y : finType} (D : (X -> R) -> Rbar) (c : X -> Y -> Rbar).

Definition open_cost (q : Y -> R) (x : X) (y : Y) : Rbar := if Req_EM_T (q y) 0 then p_infty else c x y.
Definition Lambda_open (h : X -> Rbar) : Rbar :=
  Sup (fun v => exists eta, [/\ prob eta, forall x, eta x <> 0 -> finite (h x)
    & v = Rbar_minus (expect eta (fun x => real (h x))) (D eta)]).
Definition dual_open (q g : Y -> R) : Rbar := Rbar_minus (expect q g) (Lambda_open (ctransform (open_cost q) g)).

Hypotheses (Dcl : closed_divergence D) (D0 : nonneg_divergence D) (c0 : nonneg_cost c).

Lemma open_costE q x y : q y <> 0 -> open_cost q x y = c x y.
Proof. by rewrite /open_cost; case: Req_EM_T. Qed.

Lemma open_finite q x y : finite (open_cost q x y) -> q y <> 0 /\ finite (c x y).
Proof. by rewrite /open_cost; case: Req_EM_T. Qed.

Lemma open_nonneg q : nonneg_cost (open_cost q).
Proof. by move=> x y; rewrite /open_cost; case: Req_EM_T => _ //=; exact: c0. Qed.

(** [g^c] is attained, or [-oo] where no column is open. *)
Lemma open_spec q (g : Y -> R) x : ctransform (open_cost q) g x = m_infty \/ exists y, [/\ q y <> 0, finite (c x y),
  ctransform (open_cost q) g x = Finite (g y - real (c x y)) &
  forall z, q z <> 0 -> finite (c x z) -> g z - real (c x z) <= g y - real (c x y)].
Proof.
have on y : Rbar_le (Rbar_minus (g y) (open_cost q x y)) (ctransform (open_cost q) g x) by apply: Sup_ge; exists y.
case: (classic (exists y, q y <> 0 /\ finite (c x y))) => [ex|none]; [right | left].
  have [y [[qy fy] h]] := @fin_argmax Y (fun y => q y <> 0 /\ finite (c x y)) (fun y => g y - real (c x y)) ex.
  exists y; split => // [|z qz fz]; last exact: h.
  apply: Rbar_le_antisym; last by have := on y; rewrite open_costE // (finite_real fy).
  apply: Sup_le => v [z ->]; case e : (open_cost q x z) => [r||] //=; last by have := open_nonneg q x z; rewrite e.
  have [|qz fz] := @open_finite q x z; first by rewrite e.
  by have := h z (conj qz fz); rewrite open_costE // in e; rewrite e.
apply: Rbar_le_antisym; last by case: (ctransform _ _ _).
apply: Sup_le => v [z ->]; case e : (open_cost q x z) => [r||] //=; last by have := open_nonneg q x z; rewrite e.
by case: none; exists z; apply: open_finite; rewrite e.
Qed.

Lemma open_ge q (g : Y -> R) x y : q y <> 0 -> finite (c x y) ->
  finite (ctransform (open_cost q) g x) /\ g y - real (c x y) <= real (ctransform (open_cost q) g x).
Proof.
move=> qy fy; case: (open_spec q g x) => [e|[z [_ _ -> h]]]; last by split => //; exact: h.
have : Rbar_le (Rbar_minus (g y) (open_cost q x y)) (ctransform (open_cost q) g x) by apply: Sup_ge; exists y.
by rewrite e open_costE // (finite_real fy).
Qed.

(** Idea: as T2; a plan of [q] charges no closed column. *)
Theorem T2_open_weak (q g : Y -> R) : Rbar_le (dual_open q g) (Dc D c q).
Proof.
apply: Dc_ge => // eta pi a pe [n mr mc] s e; set h := ctransform (open_cost q) g.
have arc x y : pi x y <> 0 -> finite (h x) /\ g y <= real (h x) + real (c x y).
  move=> ne; have [||f l] := @open_ge q g x y; last by split => //; rewrite /h; lra.
    by rewrite -mc => z; exact: (ne (sum_eq0 (fun x => n x y) z x)).
  by case: (s x y).
have gain : expect q g <= expect eta (fun x => real (h x)) + rcost c pi.
  have -> : expect q g = sum (fun x => sum (fun y => pi x y * g y)).
    by rewrite sum_sum; apply: sum_ext => y; rewrite sum_scalr mc.
  rewrite /expect /rcost -sum_plus; apply: sum_le => x; rewrite -mr -sum_scalr -sum_plus; apply: sum_le => y.
  by case: (Req_dec (pi x y) 0) => [->|/arc [_ l]]; [lra | have := n x y; nra].
have : Rbar_le (Rbar_minus (expect eta (fun x => real (h x))) (D eta)) (Lambda_open h).
  apply: Sup_ge; exists eta; split => // x; rewrite -mr => ne.
  have [|y py] := @sum_pos_ex Y (pi x); first by have := @sum_ge0 Y (pi x) (n x); lra.
  by case: (arc x y) => //; lra.
by rewrite /dual_open -/h e; case: (Lambda_open h) => [l||] //=; lra.
Qed.

(** [q] with the mass [t] added to column [j], rescaled to mass 1. *)
Definition tilted (q : Y -> R) (j : Y) (t : R) (y : Y) : R := / (1 + t) * (q y + if y == j then t else 0).

Lemma tilted_prob q j t : prob q -> - q j <= t -> -1 < t -> prob (tilted q j t).
Proof.
move=> [q0 q1] qt t1; have i0 : 0 < / (1 + t) by apply: Rinv_0_lt_compat; lra.
split=> [y|]; last by rewrite sum_scal sum_plus (sum_dirac (fun=> t)) q1 Rinv_l; lra.
by apply: Rmult_le_pos; [lra | case: eqP => [->|_]; [lra | have := q0 y; lra]].
Qed.

(** Idea: a subgradient at [q] of [s D^c(q'/s)], a convex function of the open coordinates of [q']. *)
Lemma dual_attained (q : Y -> R) d : prob q -> Dc D c q = Finite d ->
  (forall j, q j <> 0 -> (exists t, 0 < t /\ finite (Dc D c (tilted q j t))) /\
    exists t, [/\ -1 < t < 0, - q j <= t & finite (Dc D c (tilted q j t))]) ->
  exists g, dual_open q g = Finite d.
Proof.
move=> pq ed around; have [q0 q1] := pq.
pose E (q' : Y -> R) v := exists s r w, [/\ 0 < s, prob r, Rbar_le (Dc D c r) (Finite w)
  & [/\ forall y, q y <> 0 -> q' y = s * r y, forall y, q y = 0 -> r y = 0 & s * w <= v]].
have tilt j t : q j <> 0 -> -1 < t -> - q j <= t -> finite (Dc D c (tilted q j t)) ->
    E (shift q j t) ((1 + t) * real (Dc D c (tilted q j t))).
{ move=> qj t1 qt fd; exists (1 + t), (tilted q j t), (real (Dc D c (tilted q j t))); split; first lra.
  - exact: tilted_prob.
  - by rewrite {1}(finite_real fd); exact: Rbar_le_refl.
  - split=> [y _|y qy|]; [by rewrite /shift /tilted; field; lra | | lra].
    by rewrite /tilted qy; case: eqP => [e|_]; [rewrite e in qy | ring]. }
have closed j t : q j = 0 -> E (shift q j t) d.
  move=> qj; exists 1, q, d; rewrite ed; split; [lra | by [] | exact: Rle_refl |].
  split => // [y qy|]; last lra.
  by rewrite /shift; case: eqP => [e|_]; [rewrite e in qy | ring].
have [g hg] : exists g : Y -> R, forall q' v, E q' v -> d + sum (fun i => g i * (q' i - q i)) <= v.
{ apply: subgradient.
  - move=> q1' v1 q2' v2 a [s1 [r1 [w1 [s10 pr1 l1 [e1 z1 b1]]]]] [s2 [r2 [w2 [s20 pr2 l2 [e2 z2 b2]]]]] a01.
    have s0 : 0 < a * s1 + (1 - a) * s2 by nra.
    set s := a * s1 + (1 - a) * s2 in s0 *; have i0 := Rinv_0_lt_compat _ s0; pose b := a * s1 / s.
    have b01 : 0 <= b <= 1.
      split; first by apply: ratio_ge0 => //; nra.
      by apply: (Rmult_le_reg_r s) => //; rewrite /b /Rdiv Rmult_assoc Rinv_l /s; nra.
    have sb : s * b = a * s1 by rewrite /b; field; lra.
    have sb' : s * (1 - b) = (1 - a) * s2 by rewrite Rmult_minus_distr_l sb /s; ring.
    exists s, (fun y => b * r1 y + (1 - b) * r2 y), (b * w1 + (1 - b) * w2); split => //.
    + exact: prob_mix.
    + exact: T14_convex_in_Q.
    + split=> [y qy|y qy|]; [| by rewrite z1 // z2 //; ring |].
        have -> : s * (b * r1 y + (1 - b) * r2 y) = s * b * r1 y + s * (1 - b) * r2 y by ring.
        by rewrite sb sb' e1 // e2 //; ring.
      have -> : s * (b * w1 + (1 - b) * w2) = s * b * w1 + s * (1 - b) * w2 by ring.
      by rewrite sb sb'; nra.
  - move=> v [s [r [w [s0 [_ r1] l [e z b]]]]].
    have qr : q = (fun y => s * r y).
      by apply: functional_extensionality => y; case: (Req_dec (q y) 0) => [qy|/e //]; rewrite (z y qy) qy; ring.
    have s1 : s = 1 by move: q1; rewrite qr sum_scal r1; lra.
    have rq : r = q by rewrite qr s1; apply: functional_extensionality => y; ring.
    by move: l; rewrite rq ed s1 /= in b *; lra.
  - move=> j; case: (Req_dec (q j) 0) => qj; first by exists 1, d; split; [lra | exact: closed].
    have [[t [t0 fd]] _] := around j qj; exists t; eexists; split => //; apply: tilt => //; first lra.
    by have := q0 j; lra.
  - move=> j; case: (Req_dec (q j) 0) => qj; first by exists (-1), d; split; [lra | exact: closed].
    by have [_ [t [[t1 t0] qt fd]]] := around j qj; exists t; eexists; split => //; exact: tilt. }
exists g; apply: Rbar_le_antisym; first by rewrite -ed; exact: T2_open_weak.
suff lam : Rbar_le (Lambda_open (ctransform (open_cost q) g)) (expect q g - d).
  by move: lam; rewrite /dual_open; case: (Lambda_open _) => [l||] //=; lra.
apply: Sup_le => v [eta [pe fe ->]]; case e : (D eta) => [a||] //; last by have := D0 pe; rewrite e.
set h := ctransform (open_cost q) g in fe *.
have [m hm] : exists m : X -> Y, forall x, finite (h x) -> [/\ q (m x) <> 0, finite (c x (m x)) & real (h x) = g (m x) - real (c x (m x))].
  have [y0 _] : exists y : Y, True by have [|y _] := @sum_pos_ex Y q; [lra | exists y].
  apply: (@fin_choice _ _ (fun x y => finite (h x) -> [/\ q y <> 0, finite (c x y) & real (h x) = g y - real (c x y)])) => x.
  by case: (open_spec q g x) => [e'|[y [qy fy e' _]]]; [exists y0; rewrite /h e' | exists y; rewrite /h e'].
pose r y := sum ((along m eta)^~ y); have e0 : forall x, 0 <= eta x by case: pe.
have n := along_ge0 m e0.
have pr : prob r.
  split=> [y|]; first by apply: sum_ge0 => x; exact: n.
  by rewrite /r -(sum_sum (along m eta)) -(proj2 pe); apply: sum_ext => x; exact: along_row.
have k : coupling (along m eta) eta r by split => //; exact: along_row.
have s : supported c (along m eta).
  move=> x y; rewrite /along; case: eqP => [->|_]; last by left.
  by case: (Req_dec (eta x) 0) => [->|/fe /hm [_ f _]]; [left | right].
have z y : q y = 0 -> r y = 0.
  move=> qy; apply: sum_zero => x; rewrite /along; case: eqP => // ey.
  by apply: NNPP => /fe /hm [ne _ _]; rewrite -ey qy in ne.
have l := Dc_le c0 pe k s e.
have := hg r (a + rcost c (along m eta)); move=> /(_ _) l'.
have {l'} : d + sum (fun i => g i * (r i - q i)) <= a + rcost c (along m eta).
  by apply: l'; exists 1, r, (a + rcost c (along m eta)); split => //; [lra | split => // [y _|]; lra].
have -> : sum (fun i => g i * (r i - q i)) = sum (fun x => eta x * g (m x)) - expect q g.
  by rewrite -along_dual /expect -sum_minus; apply: sum_ext => y; rewrite /r; ring.
rewrite along_cost /=.
have -> : expect eta (fun x => real (h x)) = sum (fun x => eta x * g (m x)) - sum (fun x => eta x * real (c x (m x))).
  rewrite /expect -sum_minus; apply: sum_ext => x.
  by case: (Req_dec (eta x) 0) => [->|/fe /hm [_ _ ->]]; ring.
lra.
Qed.

(** [D] is finite or not according to where [eta] vanishes alone. *)
Definition decided_by_support : Prop := forall e e', prob e -> prob e' -> (forall x, e x = 0 <-> e' x = 0) ->
  finite (D e) -> finite (D e').

(** Idea: enlarge or reduce one entry of the optimal plan in column [j]; no row comes alive and none dies. *)
Theorem T2_attained (q : Y -> R) d : decided_by_support -> prob q -> Dc D c q = Finite d -> exists g, dual_open q g = Dc D c q.
Proof.
move=> dec pq ed; rewrite ed; apply: dual_attained => // j qj.
have [pi [[n _ mc] pe s eD]] := T1_attained Dcl D0 c0 ed.
have [|x px] := @sum_pos_ex X (pi^~ j); first by rewrite mc; have := proj1 pq j; lra.
have q1 : q j <= 1 by rewrite -(proj2 pq); apply: sum_ge_term; exact: proj1 pq.
have pj : pi x j <= q j by rewrite -mc; apply: (@sum_ge_term _ (pi^~ j) x) => z; exact: n.
suff fin t : - pi x j < t -> finite (Dc D c (tilted q j t)).
  split; first by exists 1; split; [lra | apply: fin; lra].
  by exists (- (pi x j / 2)); split; [lra | lra | apply: fin; lra].
move=> tx; have t1 : 0 < 1 + t by lra.
have i0 := Rinv_0_lt_compat _ t1.
pose pi' z y := / (1 + t) * (pi z y + if (z == x) && (y == j) then t else 0).
pose eta z := / (1 + t) * (sum (pi z) + if z == x then t else 0).
have n' z y : 0 <= pi' z y.
  apply: Rmult_le_pos; first lra.
  by case: andP => [[/eqP -> /eqP ->]|_]; [lra | have := n z y; lra].
have row z : sum (pi' z) = eta z.
  rewrite /pi' /eta sum_scal sum_plus; congr (_ * (_ + _)); case: eqP => _ /=; last exact: sum_zero.
  exact: (sum_dirac (fun=> t)).
have col y : sum (pi'^~ y) = tilted q j t y.
  rewrite /pi' /tilted sum_scal sum_plus mc; congr (_ * (_ + _)); case: eqP => _.
    by rewrite -[RHS](sum_dirac (fun=> t) x); apply: sum_ext => z; rewrite andbT.
  by apply: sum_zero => z; rewrite andbF.
have pe' : prob eta.
  split=> [z|]; first by rewrite -row; exact: sum_ge0.
  by rewrite /eta sum_scal sum_plus (sum_dirac (fun=> t)) (proj2 pe) Rinv_l; lra.
have s' : supported c pi'.
  move=> z y; rewrite /pi'; case: andP => [[/eqP -> /eqP ->]|_]; first by right; case: (s x j) => // e; lra.
  by case: (s z y) => [->|]; [left; ring | right].
have rx : 0 < sum (pi x) by apply: Rlt_le_trans px (sum_ge_term j (n x)).
have rj : pi x j <= sum (pi x) by exact: sum_ge_term.
have fD : finite (D eta).
  apply: (dec (fun z => sum (pi z))) => // [z|]; last by rewrite eD.
  rewrite /eta; case: eqP => [->|_]; last by rewrite Rplus_0_r; split=> [->|/Rmult_integral [|//]]; [ring | lra].
  by split=> [|/Rmult_integral []]; lra.
have := Dc_le c0 pe' (And3 n' row col) s' (finite_real fD).
by have := @Dc_ge0 _ _ c D c0 D0 (tilted q j t); case: (Dc _ _ _).
Qed.

(** Idea: from a distribution of finite [D] every distribution can be reached. *)
Theorem T2_attained_finite_cost (q : Y -> R) : (forall x y, finite (c x y)) -> (exists eta, prob eta /\ finite (D eta)) -> prob q ->
  exists g, dual_open q g = Dc D c q.
Proof.
move=> fc [eta [pe fe]] pq; have fin r : prob r -> finite (Dc D c r).
  move=> [r0 r1]; have [e0 e1] := pe.
  have k : coupling (fun x y => eta x * r y) eta r.
    by split=> [x y|x|y]; [exact: Rmult_le_pos | rewrite sum_scal r1; ring | rewrite sum_scalr e1; ring].
  have := Dc_le c0 pe k (fun x y => or_intror (fc x y)) (finite_real fe).
  by have := @Dc_ge0 _ _ c D c0 D0 r; case: (Dc _ _ _).
have [q0 q1] := pq; rewrite (finite_real (fin q pq)); apply: dual_attained => // [|j qj]; first exact: finite_real (fin q pq).
have jq : q j <= 1 by rewrite -q1; apply: sum_ge_term.
have pj : 0 < q j by have := q0 j; lra.
split; first by exists 1; split; [lra | apply: fin; apply: tilted_prob => //; lra].
by exists (- (q j / 2)); split; [lra | lra | apply: fin; apply: tilted_prob => //; lra].
Qed.

(** Where [q] charges every column the prices are real and the dual is that of T2. *)
Lemma dual_open_full (q g : Y -> R) : (forall x, exists y, finite (c x y)) -> (forall y, q y <> 0) -> dual_open q g = dual_value D c q g.
Proof.
move=> reach full; rewrite /dual_open /dual_value.
have -> : open_cost q = c.
  by apply: functional_extensionality => x; apply: functional_extensionality => y; exact: open_costE.
suff -> : Lambda_open (ctransform c g) = Lambda D (fun x => real (ctransform c g x)) by [].
apply: Sup_ext => v; split=> [[eta [pe _ ->]]|[eta [pe ->]]]; exists eta; split => // x _.
by have [y [_ _ -> _]] := ctransform_spec c0 reach g x.
Qed.
End Extended.

(** ** The catalogue and Rényi's divergence are finite or not according to the support *)
Lemma Df_decided (X : finType) (F : fenchel) (m : support) (p : X -> R) :
  decided_by_support (Df (divergence F) (slope (divergence F) m) p).
Proof.
move=> e e' [e0 e1] [e0' e1'] same; have nk := @slope_not_minus (divergence F) m.
move=> /finite_real /(Df_finite _ p nk _ e0) [d _].
have -> : Df (divergence F) (slope (divergence F) m) p e' = sum (Df_term (divergence F) (slope (divergence F) m) p e').
  apply/(Df_finite _ p nk _ e0'); split => // x; move: (d x); case: Rlt_dec => [l|n] /= h.
    case: (Req_dec (e x) 0) => ex; first by have := proj1 (same x) ex => ->; rewrite ex in h.
    have ex' : 0 < e' x / p x.
      apply: Rdiv_lt_0_compat => //; have := e0' x; have : e' x <> 0 by move=> /same.
      lra.
    by rewrite fval_pos.
  by case: h => [/same|]; [left | right].
by [].
Qed.

Lemma renyi_decided (X : finType) (a : R) (m : support) (p : X -> R) : 0 < a -> a <> 1 -> prob p -> decided_by_support (renyi a m p).
Proof.
move=> a0 a1 pp e e' [e0 e1] [e0' e1'] same /finite_real E; have [[pos ref Ap] _] := renyi_finite a1 e0 E.
have up x : 0 < e x -> 0 < e' x.
  by move=> ex; have := e0' x; have : e' x <> 0 by [move=> /same; lra]; lra.
have dm : renyi_dom a m p e'.
  split=> [x px ag|em x px|]; [by apply: up; exact: pos | by apply/same; exact: ref |].
  have [x] := sum_pos_ex Ap; rewrite /renyi_real => h; apply: Rlt_le_trans (sum_ge_term x (renyi_real_ge0 a p e')).
  move: h; rewrite /renyi_real; case: Rlt_dec => /= px; last lra.
  case: Rlt_dec => /= ex; last lra.
  by case: Rlt_dec => /= n; [move=> _; apply: Rmult_lt_0_compat; exact: power_pos | case: n; exact: up].
by rewrite (renyi_eq a1 pp e0' dm).
Qed.

Section Catalogue.
Context {X Y : finType} (p : X -> R) (c : X -> Y -> Rbar) (q : Y -> R).
Hypotheses (pp : prob p) (c0 : nonneg_cost c) (pq : prob q).

(** Every member but CVaR, both modes, every cost.  Idea: [f] is finite on [(0, oo)], so [T2_attained] applies. *)
Theorem T2_catalogue_attained (F : fenchel) (m : support) d : let D := Df (divergence F) (slope (divergence F) m) p in
  Dc D c q = Finite d -> exists g, dual_open D c q g = Dc D c q.
Proof.
move=> D ed; have nn : nonneg_divergence D := @Df_nonneg X (divergence F) m p pp.
exact: (T2_attained (@Df_closed X (divergence F) m p) nn c0 (@Df_decided X F m p) pq ed).
Qed.

(** CVaR of every level, where all costs are finite.  Idea: [P] itself has finite [D]. *)
Theorem T2_cvar_attained b (b01 : 0 < b <= 1) (m : support) : (forall x y, finite (c x y)) ->
  let D := Df (cvar b01) (slope (cvar b01) m) p in exists g, dual_open D c q g = Dc D c q.
Proof.
move=> fc D; have nn : nonneg_divergence D := @Df_nonneg X (cvar b01) m p pp.
apply: (T2_attained_finite_cost (@Df_closed X (cvar b01) m p) nn c0 fc _ pq).
by exists p; rewrite /D Df_zero.
Qed.

(** Idea: whether Rényi's divergence is finite is decided by the support too. *)
Theorem T2_renyi_attained (a : R) (m : support) d : 0 < a -> a <> 1 -> Dc (renyi a m p) c q = Finite d ->
  exists g, dual_open (renyi a m p) c q g = Dc (renyi a m p) c q.
Proof.
move=> a0 a1 ed.
by apply: (T2_attained _ _ c0 _ pq ed); [exact: renyi_closed | exact: renyi_nonneg | exact: renyi_decided].
Qed.

(** With full support the prices are real, and those of the f-form are feasible and attain it too.
    Idea: [dual_open_full], and the multiplier of T3 absorbed into the prices. *)
Theorem T2_f_attained (F : fenchel) (m : support) d : (forall x, exists y, finite (c x y)) -> (forall y, q y <> 0) ->
  let f := divergence F in let D := Df f (slope f m) p in Dc D c q = Finite d ->
  (exists g, dual_value D c q g = Dc D c q) /\ exists g, T2_f_feasible f m c g /\ T2_f_objective f p c q g = Dc D c q.
Proof.
move=> reach full f D ed; have [g e] := T2_catalogue_attained ed; rewrite dual_open_full // in e; split; first by exists g.
have [rho [fe ef]] := dual_f_form m pp c0 reach (catalogue_finite_around_one F) g pq.
by exists (fun y => g y - rho); split => //; rewrite -ef.
Qed.
End Catalogue.

(** ** Real prices need not attain it: KL, [P = (1/2, 1/2)], [Q = (1, 0)], two points that cannot reach each other.
    Idea: the value is [log 2], and [g_1 - log (e^g_1 + e^g_2)/2 < log 2] for every real [g_2]. *)
Section NotAttained.
Let p (_ : bool) : R := / 2.
Let q (y : bool) : R := if y then 1 else 0.
Let D := Df (divergence kl) (slope (divergence kl) Reference) p.

Lemma halves_prob : prob p.
Proof. by split=> [x|]; rewrite ?sum_bool /p; lra. Qed.

Theorem T2_not_attained : Dc D (@rigid bool_finType) q = ln 2 /\
  forall g, Rbar_lt (dual_value D (@rigid bool_finType) q g) (Dc D (@rigid bool_finType) q).
Proof.
have pq : prob q by split=> [[]|]; rewrite ?sum_bool /q; lra.
have two : 1 / / 2 = 2 by field.
have zero : 0 / / 2 = 0 by field.
have e : Dc D (@rigid bool_finType) q = ln 2.
  rewrite T17_rigid //; last exact: Df_nonneg halves_prob.
  apply/(Df_finite _ p (@slope_not_minus (divergence kl) Reference) _ (proj1 pq)); split.
    by case; rewrite /q /p; case: Rlt_dec => /= h; rewrite ?two ?zero ?fval_zero ?fval_pos //; lra.
  rewrite sum_bool /Df_term; case: Rlt_dec => /= l; last by rewrite /p in l; lra.
  by move: l; rewrite /q /p two zero fval_zero fval_pos /=; [move=> _; field | lra].
split => // g; rewrite e /dual_value.
have step x : real (ctransform (@rigid bool_finType) g x) = g x.
  suff -> : ctransform (@rigid bool_finType) g x = g x by [].
  apply: Rbar_le_antisym.
    by apply: Sup_le => v [y ->]; rewrite /rigid; case: eqP => [->|_] //=; lra.
  have -> : Finite (g x) = Rbar_minus (g x) (@rigid bool_finType x x) by rewrite /rigid eqxx /=; congr Finite; ring.
  by apply: Sup_ge; exists x.
rewrite (T3_gibbs halves_prob Reference); have Z0 := partition_pos halves_prob (fun x => real (ctransform (@rigid bool_finType) g x)).
have -> : expect q g = g true by rewrite /expect sum_bool /q; ring.
rewrite /=; set Z := partition _ _ in Z0 *.
have l : exp (g true - ln 2) < Z.
  rewrite /Z /partition /expect sum_bool !step /p /Rminus exp_plus exp_Ropp exp_ln; last lra.
  by have := exp_pos (g false); have := exp_pos (g true); lra.
by have := ln_increasing _ _ (exp_pos _) l; rewrite ln_exp; lra.
Qed.
End NotAttained.
