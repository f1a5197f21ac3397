(** * T20: the value and the multipliers follow the loss: [V -> a V + b], [lambda* -> a lambda*], [rho* -> a rho* + b]

    Idea: every plan's worth changes that way; the transport step of [a phi + b] at [a mu] is [a phi^c_mu + b], so the dual
    objective at [(a lambda, a rho + b)] is [a] times the old one plus [b]: what is optimal stays so. *)
(** Theorems:
    - [T20_equivariance]: V_{a kappa}(a phi + b) = a V_kappa(phi) + b
    - [T20_objective]: T6's objective at a lambda, of a phi + b, is a times the old one plus b
    - [T20_multipliers]: an optimal lambda becomes a lambda
    - [T20_f_multipliers]: T7's objective and its domain follow lambda -> a lambda, rho -> a rho + b *)
From ArmorD Require Export T07_strong.

(** ** T20: [V_{a kappa}(a phi + b) = a V_kappa(phi) + b] *)
Theorem T20_equivariance (Y : finType) (dist : (Y -> R) -> Rbar) phi eps kappa a b : 0 < a ->
  DRO dist (fun y => a * phi y + b) eps (a * kappa) = Rbar_plus (Rbar_mult a (DRO dist phi eps kappa)) b.
Proof.
move=> a0; have ex q : prob q -> expect q (fun y => a * phi y + b) = a * expect q phi + b.
  move=> [_ q1]; have -> : a * expect q phi + b = a * expect q phi + b * sum q by rewrite q1; ring.
  by rewrite /expect -!sum_scal -sum_plus; apply: sum_ext => y; ring.
apply: Rbar_le_antisym.
- apply: Sup_le => v [q [d [pq e de ->]]]; rewrite ex //.
  have l : Rbar_le (expect q phi - kappa * d) (DRO dist phi eps kappa) by apply: Sup_ge; exists q, d.
  have := mult_le a0 l; case: (Rbar_mult a _) => [r||] //=; lra.
- apply: Rbar_le_real_above => r lr.
  have l : Rbar_le (DRO dist phi eps kappa) ((r - b) / a).
    apply: Sup_le => v [q [d [pq e de ->]]].
    have : Rbar_le (expect q (fun y => a * phi y + b) - a * kappa * d) (DRO dist (fun y => a * phi y + b) eps (a * kappa)).
      by apply: Sup_ge; exists q, d.
    move=> h; have := Rbar_le_lt_trans _ _ _ h lr; rewrite ex //= => h'.
    by apply: (Rmult_le_reg_l a) => //; have -> : a * ((r - b) / a) = r - b by [field; lra]; lra.
  case: (DRO dist phi eps kappa) l => [v||] // l; last by rewrite mult_minf.
  have l' : v <= (r - b) / a by [].
  rewrite mult_fin /=; have := Rmult_le_compat_l _ _ _ (Rlt_le _ _ a0) l'.
  by have -> : a * ((r - b) / a) = r - b by [field; lra]; lra.
Qed.

(** ** The multipliers *)
Section Multipliers.
Context {X Y : finType} (c : X -> Y -> Rbar) (phi : Y -> R) (a b : R).
Hypotheses (c0 : nonneg_cost c) (reach : forall x, exists y, finite (c x y)) (a0 : 0 < a).
Let loss (y : Y) : R := a * phi y + b.

Lemma transport_equivariant mu x : 0 < mu -> transport_step c loss (a * mu) x = a * transport_step c phi mu x + b.
Proof.
move=> m0; have am : 0 < a * mu by exact: Rmult_lt_0_compat.
have [y [fy e h]] := transport_spec c0 reach phi x m0; have [z [fz e' h']] := transport_spec c0 reach loss x am.
have := Rmult_le_compat_l _ _ _ (Rlt_le _ _ a0) (h z fz); have := h' y fy; rewrite e' /loss e; lra.
Qed.

Lemma scaled_step mu x : 0 < mu -> transport_step c loss (a * mu) x / (a * mu) = transport_step c phi mu x / mu + b / (a * mu).
Proof. by move=> m0; rewrite transport_equivariant //; field; lra. Qed.

(** Adding a constant to [h] adds it to [Lambda[h]]. *)
Lemma Lambda_shift (D : (X -> R) -> Rbar) (h : X -> R) k : nonneg_divergence D ->
  Lambda D (fun x => h x + k) = Rbar_plus (Lambda D h) k.
Proof.
move=> D0; have ex eta : prob eta -> expect eta (fun x => h x + k) = expect eta h + k.
  by move=> [_ e1]; rewrite -[k in RHS]Rmult_1_r -e1 -sum_scal /expect -sum_plus; apply: sum_ext => x; ring.
have half (u : X -> R) s : Rbar_le (Lambda D (fun x => u x + s)) (Rbar_plus (Lambda D u) s).
  apply: Sup_le => v [eta [pe ->]]; have exs : expect eta (fun x => u x + s) = expect eta u + s.
    by case: (pe) => _ e1; rewrite -[s in RHS]Rmult_1_r -e1 -sum_scal /expect -sum_plus; apply: sum_ext => x; ring.
  have : Rbar_le (Rbar_minus (expect eta u) (D eta)) (Lambda D u) by apply: Sup_ge; exists eta.
  by rewrite exs; case: (D eta) (D0 eta pe) => [d||] //=; case: (Lambda D u) => [L||] //=; lra.
apply: Rbar_le_antisym; first exact: half.
have := half (fun x => h x + k) (- k); rewrite (_ : (fun x => h x + k + - k) = h); last first.
  by apply: functional_extensionality => x; ring.
by case: (Lambda D h) => [L||] //; case: (Lambda D _) => [L'||] //= ; lra.
Qed.

Section Abstract.
Variables (D : (X -> R) -> Rbar) (eps kappa : R).
Hypotheses (D0 : nonneg_divergence D).

(** Idea: as above, by [Lambda_shift]; at [lambda + kappa = 0] the reachable supremum scales. *)
Theorem T20_objective lambda : T6_objective D c loss eps (a * kappa) (a * lambda) =
  Rbar_plus (Rbar_mult a (T6_objective D c phi eps kappa lambda)) b.
Proof.
rewrite /T6_objective -Rmult_plus_distr_l; case: (Rlt_dec 0 (lambda + kappa)) => [m0|n]; last first.
  case: Rlt_dec => [am|n']; first by case: n; apply: (Rmult_lt_reg_l a) => //; rewrite Rmult_0_r.
  rewrite ![is_left _]/=.
  have ex q : prob q -> expect q loss = a * expect q phi + b.
    move=> [_ q1]; rewrite -[b in RHS]Rmult_1_r -q1 /expect -!sum_scal -sum_plus; apply: sum_ext => y; rewrite /loss; ring.
  apply: Rbar_le_antisym.
    apply: Sup_le => v [q [d [pq ed ->]]]; rewrite ex //; set S := Sup _.
    have : Rbar_le (expect q phi) S by apply: Sup_ge; exists q, d.
    by move=> /(mult_le a0); case: (Rbar_mult a S) => [r||] //=; lra.
  apply: Rbar_le_real_above => r lr; set S := Sup _.
  have l : Rbar_le S ((r - b) / a).
    apply: Sup_le => v [q [d [pq ed ->]]]; have : Rbar_lt (expect q loss) r.
      by apply: Rbar_le_lt_trans lr; apply: Sup_ge; exists q, d.
    rewrite ex //= => h; apply: (Rmult_le_reg_l a) => //; have -> : a * ((r - b) / a) = r - b by field; lra.
    lra.
  case: S l => [v||] // l; last by rewrite mult_minf.
  have {}l : v <= (r - b) / a := l; rewrite mult_fin /=; have := Rmult_le_compat_l _ _ _ (Rlt_le _ _ a0) l.
  by have -> : a * ((r - b) / a) = r - b by [field; lra]; lra.
have am : 0 < a * (lambda + kappa) by exact: Rmult_lt_0_compat.
case: Rlt_dec => [am'|n] //; rewrite ![is_left _]/=; set mu := lambda + kappa in m0 am am' *.
have -> : (fun x => transport_step c loss (a * mu) x / (a * mu)) = (fun x => transport_step c phi mu x / mu + b / (a * mu)).
  by apply: functional_extensionality => x; exact: scaled_step.
rewrite Lambda_shift //; case: (Lambda D _) => [L||] /=.
- by congr Finite; field; lra.
- by rewrite !mult_pinf //= mult_pinf.
- by rewrite !mult_minf //= mult_minf.
Qed.

(** Idea: value and objective change in the same way. *)
Theorem T20_multipliers lambda : DRO (Dc D c) phi eps kappa = T6_objective D c phi eps kappa lambda ->
  DRO (Dc D c) loss eps (a * kappa) = T6_objective D c loss eps (a * kappa) (a * lambda).
Proof. by move=> e; rewrite T20_equivariance // T20_objective e. Qed.
End Abstract.

(** The form with [rho], for f-divergences.  Idea: the argument of [f*] does not change. *)
Theorem T20_f_multipliers (f : ffun) (m : support) (p : X -> R) (eps kappa lambda rho : R) : 0 < lambda + kappa ->
  (T7_feasible f m c phi kappa lambda rho -> T7_feasible f m c loss (a * kappa) (a * lambda) (a * rho + b)) /\
  T7_objective f p c loss eps (a * kappa) (a * lambda) (a * rho + b)
    = Rbar_plus (Rbar_mult a (T7_objective f p c phi eps kappa lambda rho)) b.
Proof.
move=> m0; have arg x : (transport_step c loss (a * lambda + a * kappa) x - (a * rho + b)) / (a * lambda + a * kappa)
    = (transport_step c phi (lambda + kappa) x - rho) / (lambda + kappa).
  by rewrite -Rmult_plus_distr_l transport_equivariant //; field; lra.
split; first by move=> fe x; rewrite arg; exact: fe.
rewrite /T7_objective (_ : (fun x => Rbar_mult (p x) (conjugate f ((transport_step c loss (a * lambda + a * kappa) x - (a * rho + b)) / (a * lambda + a * kappa))))
  = (fun x => Rbar_mult (p x) (conjugate f ((transport_step c phi (lambda + kappa) x - rho) / (lambda + kappa))))); last first.
  by apply: functional_extensionality => x; rewrite arg.
case E : (esum _) => [s||]; [| |by case: (esum_not_minus E)].
  by rewrite /=; congr Finite; ring.
have am : 0 < a * lambda + a * kappa by rewrite -Rmult_plus_distr_l; exact: Rmult_lt_0_compat.
by rewrite !mult_pinf.
Qed.
End Multipliers.
