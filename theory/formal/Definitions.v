(** * Definitions: divergences, transport, D^c and the DRO value on finite spaces

    [X] carries the reference distribution [p], [Y] the distribution [q] and the function [phi]; on one
    space [X = Y].  Infinite costs and infinite values are extended reals, never large numbers. *)
From ArmorD Require Export Prelude.

(** Probability vectors. *)
Definition prob (X : finType) (p : X -> R) : Prop := (forall x, 0 <= p x) /\ sum p = 1.

(** ** f-divergences
    A closed convex function on [0, oo) is the supremum of its affine minorants; this one field is convexity
    and lower semicontinuity at once ([closed_convex] and [closed_lsc] in [Basics.v] give both back). *)
Record ffun := FFun {
  f_val :> R -> Rbar;
  f_minorants : forall t a : R, 0 <= t -> Rbar_lt a (f_val t) ->
    exists y b : R, (forall s, 0 <= s -> Rbar_le (s * y - b) (f_val s)) /\ a < t * y - b;
  f_one : f_val 1 = 0 }.

(** Convex conjugate [f*(y) = sup_{t >= 0} (t y - f(t))]. *)
Definition conjugate (f : ffun) (y : R) : Rbar :=
  Sup (fun v => exists t, 0 <= t /\ v = Rbar_minus (t * y) (f t)).

(** Recession slope [f'(oo) = lim f(t)/t]; for convex [f] with [f(1) = 0] it is the supremum of the
    nondecreasing slopes [f(t)/(t - 1)], [t > 1], so their limit and that of [f(t)/t]. *)
Definition recession (f : ffun) : Rbar :=
  Sup (fun v => exists t, 1 < t /\ v = Rbar_mult (/ (t - 1)) (f t)).

(** Support: may [eta] charge points without reference mass?  [slope] is the price of such mass. *)
Inductive support := Space | Reference.
Definition slope (f : ffun) (m : support) : Rbar :=
  match m with Space => recession f | Reference => p_infty end.

(** [D_f(eta || P) = sum_{p > 0} p f(eta/p) + k eta(p = 0)], [k = slope f m]. *)
Definition Df (X : finType) (f : ffun) (k : Rbar) (p eta : X -> R) : Rbar :=
  esum (fun x => if Rlt_dec 0 (p x) then Rbar_mult (p x) (f (eta x / p x)) else Rbar_mult (eta x) k).

Section Transport.
Context {X Y : finType}.
Implicit Types (c : X -> Y -> Rbar) (pi : X -> Y -> R).

(** ** Optimal transport *)
Definition coupling pi (eta : X -> R) (q : Y -> R) : Prop :=
  [/\ forall x y, 0 <= pi x y, forall x, sum (pi x) = eta x & forall y, sum (pi^~ y) = q y].

Definition cost c pi : Rbar := esum (fun z : X * Y => Rbar_mult (pi z.1 z.2) (c z.1 z.2)).

Definition C c (eta : X -> R) (q : Y -> R) : Rbar :=
  Inf (fun v => exists pi, coupling pi eta q /\ v = cost c pi).

(** ** The OT-regularised divergence [D^c(Q || P) = inf_eta { D(eta || P) + C(eta, Q) }]; [D] stands for
    [D(. || P)], any function of [eta]. *)
Definition Dc (D : (X -> R) -> Rbar) c (q : Y -> R) : Rbar :=
  Inf (fun v => exists eta, prob eta /\ v = Rbar_plus (D eta) (C c eta q)).

(** ** The primal program of T1: a plan on the rows that carry reference mass, and a singular mass [s] that is
    created where it is used, at the price [k] and without transport. *)
Definition program_feasible (p : X -> R) (q : Y -> R) pi (s : Y -> R) : Prop :=
  [/\ forall x y, 0 <= pi x y, forall y, 0 <= s y, forall x y, p x = 0 -> pi x y = 0
    & forall y, sum (pi^~ y) + s y = q y].

Definition program_value (f : ffun) (k : Rbar) (p : X -> R) c pi (s : Y -> R) : Rbar :=
  Rbar_plus (Df f k p (fun x => sum (pi x))) (Rbar_plus (Rbar_mult (sum s) k) (cost c pi)).

Definition program (f : ffun) (k : Rbar) (p : X -> R) c (q : Y -> R) : Rbar :=
  Inf (fun v => exists pi s, program_feasible p q pi s /\ v = program_value f k p c pi s).

(** ** Dual objects: expectation, c-transform [g^c(x) = sup_y { g(y) - c(x, y) }], and
    [Lambda[h] = sup_eta { E_eta[h] - D(eta) }]. *)
Definition ctransform c (g : Y -> R) (x : X) : Rbar :=
  Sup (fun v => exists y, v = Rbar_minus (g y) (c x y)).
End Transport.

Definition expect (X : finType) (q g : X -> R) : R := sum (fun x => q x * g x).

Definition Lambda (X : finType) (D : (X -> R) -> Rbar) (h : X -> R) : Rbar :=
  Sup (fun v => exists eta, prob eta /\ v = Rbar_minus (expect eta h) (D eta)).

(** ** The DRO value [sup { E_Q[phi] - kappa D^c(Q) : D^c(Q) <= eps }]; [dist] stands for [D^c(. || P)]. *)
Definition DRO (Y : finType) (dist : (Y -> R) -> Rbar) (phi : Y -> R) (eps kappa : R) : Rbar :=
  Sup (fun v => exists q d, [/\ prob q, dist q = Finite d, d <= eps & v = Finite (expect q phi - kappa * d)]).

(** Costs: nonnegative; on one space zero on the diagonal. *)
Definition nonneg_cost (X Y : finType) (c : X -> Y -> Rbar) : Prop := forall x y, Rbar_le 0 (c x y).
Definition reflexive_cost (X : finType) (c : X -> X -> Rbar) : Prop := forall x, c x x = 0.
Definition scale_cost (X Y : finType) (a : R) (c : X -> Y -> Rbar) x y : Rbar := Rbar_mult a (c x y).
