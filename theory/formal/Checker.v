(** * The verified checker: computation

    Data and witnesses are exact rationals; logarithms, exponentials and roots are interval arithmetic (Coq's
    Interval library, radix 2, mantissas in [Z]).  Nothing here is trusted: [CheckerSound] proves that
    acceptance implies the bound. *)
From Coq Require Import ZArith QArith Qreals.
From Interval Require Import Specific_stdz Specific_ops Float_full Interval Xreal Basic.
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq.
#[export] Set Implicit Arguments.

Module F := SpecificFloat StdZRadix2.
Module I := FloatIntervalFull F.
Definition itv := I.type.

Section Ops.
Variable prec : F.precision.
Definition iZ (z : Z) : itv := I.fromZ prec z.
Definition iQ (q : Q) : itv := I.div prec (iZ (Qnum q)) (iZ (Zpos (Qden q))).
Definition iadd := I.add prec.  Definition isub := I.sub prec.
Definition imul := I.mul prec.  Definition idiv := I.div prec.
Definition iln := I.ln prec.    Definition iexp := I.exp prec.  Definition isqrt := I.sqrt prec.

(** [0 <= x] for every [x] in the interval; [0 < x]. *)
Definition nonneg_itv (i : itv) : bool := match I.sign_large i with Xgt | Xeq => true | _ => false end.
Definition pos_itv (i : itv) : bool := match I.sign_strict i with Xgt => true | _ => false end.

Definition qle := Qle_bool.
Definition qlt a b := ~~ Qle_bool b a.
Definition qadd (a b : Q) : Q := if Pos.eqb (Qden a) (Qden b) then Qmake (Qnum a + Qnum b) (Qden a) else Qred (Qplus a b).

(** ** The catalogue *)
Inductive div := KL | ReverseKL | Pearson | Neyman | TV | Hellinger | JS | Triangular | Jeffreys | CVaR (b : Q) | Alpha (a : Q).

Definition half := Qmake 1 2.
Definition valid (d : div) : bool :=
  match d with CVaR b => qlt 0 b && qle b 1 | Alpha a => ~~ Qeq_bool a 0 && ~~ Qeq_bool a 1 | _ => true end.

(** [f(t)] for an exact [t >= 0]; [None] where it is infinite. *)
Definition fval (d : div) (t : Q) : option itv :=
  let i := iQ t in let one := iZ 1 in let tm1 := isub i one in
  if qlt 0 t then
    match d with
    | KL => Some (imul i (iln i))
    | ReverseKL => Some (isub (iZ 0) (iln i))
    | Pearson => Some (imul tm1 tm1)
    | Neyman => Some (idiv (imul (isub one i) (isub one i)) i)
    | TV => Some (if qle 1 t then idiv tm1 (iZ 2) else idiv (isub one i) (iZ 2))
    | Hellinger => let s := isub (isqrt i) one in Some (imul s s)
    | JS => let h := iadd one i in Some (idiv (isub (imul i (iln i)) (imul h (iln (idiv h (iZ 2))))) (iZ 2))
    | Triangular => Some (idiv (imul tm1 tm1) (iadd i one))
    | Jeffreys => Some (imul tm1 (iln i))
    | CVaR b => if qle (t * b) 1 then Some (iZ 0) else None
    | Alpha a => Some (idiv (isub (iexp (imul (iQ a) (iln i))) one) (imul (iQ a) (isub (iQ a) one)))
    end
  else
    match d with
    | KL => Some (iZ 0)
    | Pearson | Hellinger | Triangular => Some (iZ 1)
    | TV => Some (iQ half)
    | JS => Some (idiv (iln (iZ 2)) (iZ 2))
    | CVaR _ => Some (iZ 0)
    | Alpha a => if qlt 0 a then Some (isub (iZ 0) (idiv (iZ 1) (imul (iQ a) (isub (iQ a) (iZ 1))))) else None
    | ReverseKL | Neyman | Jeffreys => None
    end.

(** The root [w > 0] of [w + ln w = z], for Jeffreys: Newton's steps from the left find a candidate (nothing is claimed of
    them); the signs of [w + ln w - z] a little to its left and right enclose the root. *)
Definition toQ (x : F.type) : Q :=
  match x with
  | Specific_ops.Float m e => if Z.leb 0 e then Qmake (m * 2 ^ e) 1 else Qred (Qmake m (Z.to_pos (2 ^ (- e))))
  | Specific_ops.Fnan => 0%Q
  end.
Definition lambert_step (z w : Q) : Q :=
  let i := iQ w in toQ (I.midpoint (idiv (imul i (isub (iadd (iZ 1) (iQ z)) (iln i))) (iadd (iZ 1) i))).
Definition lambert_start (z : Q) : Q := if qle z 1 then toQ (I.midpoint (iexp (iQ (z - 1)))) else ((z + 1) / 2)%Q.
Definition tiny : Q := Qmake 1 (2 ^ 180).
Definition lambert_itv (z : Q) : option itv :=
  let w := iter 12 (lambert_step z) (lambert_start z) in
  let a := Qred (w * (1 - tiny)) in let b := Qred (w * (1 + tiny)) in
  if qlt 0 a && qle a b && nonneg_itv (isub (iQ z) (iadd (iQ a) (iln (iQ a)))) && nonneg_itv (isub (iadd (iQ b) (iln (iQ b))) (iQ z))
  then Some (I.join (iQ a) (iQ b)) else None.

(** [f*(y)] for an exact [y]; [None] outside its domain or where this checker has no formula. *)
Definition fstar (d : div) (y : Q) : option itv :=
  let i := iQ y in let one := iZ 1 in
  match d with
  | KL => Some (iexp (isub i one))
  | ReverseKL => if qlt y 0 then Some (isub (isub (iZ 0) one) (iln (isub (iZ 0) i))) else None
  | Pearson => Some (if qle (-(2)) y then iadd i (idiv (imul i i) (iZ 4)) else iZ (-1))
  | Neyman => if qle y 1 then Some (isub (iZ 2) (imul (iZ 2) (isqrt (iQ (1 - y))))) else None
  | TV => if qle y half then Some (if qle y (- half) then iQ (- half) else i) else None
  | Hellinger => if qlt y 1 then Some (idiv i (isub one i)) else None
  | JS => let e := isub (iZ 2) (iexp (imul (iZ 2) i)) in
      if pos_itv e then Some (idiv (isub (iZ 0) (iln e)) (iZ 2)) else None
  | Triangular => if qle y 1 then
      Some (if qle (-(3)) y then isub (isub (iZ 4) (imul (iZ 4) (isqrt (iQ (1 - y))))) i else iZ (-1)) else None
  | Jeffreys => match lambert_itv (1 - y) with None => None | Some w => Some (isub (iadd (iadd i w) (idiv one w)) (iZ 2)) end
  | CVaR b => Some (if qle y 0 then iZ 0 else iQ (y / b))
  | Alpha a => let c := idiv one (imul (iQ a) (isub (iQ a) one)) in
      let z := (a - 1) * y in
      if qlt 0 z then
        Some (iadd (idiv (iexp (imul (idiv (iQ a) (isub (iQ a) one)) (iln (iQ z)))) (iQ a)) c)
      else if qlt 1 a || (qlt a 0 && qle y 0) then Some c else None
  end.

(** [f'(oo)] where finite. *)
Definition fslope (d : div) : option itv :=
  match d with
  | KL | Pearson | Jeffreys | CVaR _ => None
  | ReverseKL => Some (iZ 0)
  | TV => Some (iQ half)
  | JS => Some (idiv (iln (iZ 2)) (iZ 2))
  | Neyman | Hellinger | Triangular => Some (iZ 1)
  | Alpha a => if qlt 1 a then None else Some (iZ 0)
  end.
Definition slope_of (space : bool) (d : div) : option itv := if space then fslope d else None.

(** ** Instances: rows (p_i, costs of row i; [None] is an infinite cost), columns by position. *)
Definition row := (Q * seq (option Q))%type.

(** [max_j (g_j - c_j)] over finite entries. *)
Fixpoint hrow (g c : seq (option Q)) : option Q :=
  match g, c with
  | a :: g', b :: c' =>
      let r := hrow g' c' in
      match a, b with
      | Some x, Some y => let v := Qminus x y in match r with Some h => Some (if qle v h then h else v) | None => Some v end
      | _, _ => r
      end
  | _, _ => None
  end.

(** [sum_i p_i f*(h_i)]; a row without a finite arc to a priced column has [h_i = -oo] and [f*(-oo) = -f(0)]. *)
Fixpoint dual_sum (d : div) (g : seq (option Q)) (rows : seq row) : option itv :=
  match rows with
  | [::] => Some (iZ 0)
  | (p, c) :: rows' =>
      match dual_sum d g rows' with
      | None => None
      | Some s =>
          if qlt 0 p then
            match hrow g c with
            | None => match fval d 0 with None => None | Some v => Some (isub s (imul (iQ p) v)) end
            | Some h => match fstar d h with None => None | Some v => Some (iadd (imul (iQ p) v) s) end
            end
          else if Qeq_bool p 0 then Some s else None
      end
  end.

(** [q.g], with [g_j] absent (minus infinity) only where [q_j = 0]; and [g_j <= f'(oo)] where [q_j <> 0]. *)
Fixpoint price (k : option itv) (q : seq Q) (g : seq (option Q)) : option Q :=
  match q, g with
  | [::], [::] => Some 0%Q
  | a :: q', b :: g' =>
      match price k q' g' with
      | None => None
      | Some s => match b with
        | None => if Qeq_bool a 0 then Some s else None
        | Some v =>
            if match k with None => true | Some i => nonneg_itv (isub i (iQ v)) end then Some (qadd (Qmult a v) s) else None
        end
      end
  | _, _ => None
  end.

(** The plan: one list of masses per row, [None] where there is none. *)
Fixpoint row_value (pi c : seq (option Q)) : option (Q * Q) :=
  match pi, c with
  | [::], [::] => Some (0%Q, 0%Q)
  | a :: pi', b :: c' =>
      match row_value pi' c' with
      | None => None
      | Some (e, w) => match a, b with
        | None, _ => Some (e, w)
        | Some m, Some r => if qle 0 m then Some (qadd m e, qadd (Qmult m r) w) else None
        | Some _, None => None
        end
      end
  | _, _ => None
  end.

Fixpoint add_row (pi : seq (option Q)) (acc : seq Q) : seq Q :=
  match pi, acc with
  | a :: pi', b :: acc' => (if a is Some m then qadd m b else b) :: add_row pi' acc'
  | _, _ => acc
  end.
Definition columns (plan : seq (seq (option Q))) (s : seq Q) : seq Q := foldr add_row s plan.

(** Divergence part and transport part of the plan. *)
Fixpoint plan_sum (d : div) (rows : seq row) (plan : seq (seq (option Q))) : option (itv * Q) :=
  match rows, plan with
  | [::], [::] => Some (iZ 0, 0%Q)
  | (p, c) :: rows', pi :: plan' =>
      match plan_sum d rows' plan', row_value pi c with
      | Some (s, t), Some (e, w) =>
          if qlt 0 p then
            match fval d (e / p) with None => None | Some v => Some (iadd (imul (iQ p) v) s, qadd w t) end
          else if Qeq_bool p 0 && all (fun m => ~~ isSome m) pi then Some (s, qadd w t) else None
      | _, _ => None
      end
  | _, _ => None
  end.

Fixpoint qsum (l : seq Q) : Q := if l is a :: l' then qadd a (qsum l') else 0%Q.

Definition plan_value (d : div) (space : bool) (rows : seq row) (plan : seq (seq (option Q))) (s : seq Q) : option itv :=
  if all (qle 0) s then
    match plan_sum d rows plan with
    | None => None
    | Some (v, t) =>
        let total := qsum s in
        let base := iadd v (iQ t) in
        if all (fun x => Qeq_bool x 0) s then Some base else
        match slope_of space d with None => None | Some k => Some (iadd base (imul (iQ total) k)) end
    end
  else None.

Definition same (a b : seq Q) : bool := (size a == size b) && all (fun z => Qeq_bool z.1 z.2) (zip a b).
Definition shape (m : nat) (rows : seq row) : bool := all (fun r => size r.2 == m) rows.

Definition data_ok (rows : seq row) : bool :=
  all (fun r => qle 0 r.1 && all (fun c => if c is Some x then qle 0 x else true) r.2) rows.

(** ** The four checks *)
Definition check_lower (d : div) (space : bool) (rows : seq row) (q : seq Q) (g : seq (option Q)) (claim : Q) : bool :=
  valid d && data_ok rows && match price (slope_of space d) q g, dual_sum d g rows with
  | Some s, Some j => nonneg_itv (isub (iQ (s - claim)) j)
  | _, _ => false
  end.

Definition check_upper (d : div) (space : bool) (rows : seq row) (q : seq Q) (plan : seq (seq (option Q))) (s : seq Q) (claim : Q) : bool :=
  [&& valid d, data_ok rows, shape (size q) rows, all (fun r => size r == size q) plan, size s == size q, same (columns plan s) q &
    match plan_value d space rows plan s with Some v => nonneg_itv (isub (iQ claim) v) | None => false end].

(** DRO, upper bound: [lambda eps + rho + mu J], prices [(phi - rho)/mu]. *)
Definition shifted (phi : seq Q) (rho mu : Q) : seq (option Q) := map (fun v => Some ((v - rho) / mu)) phi.
Definition check_dro_upper (d : div) (space : bool) (rows : seq row) (phi : seq Q) (eps kappa lambda rho claim : Q) : bool :=
  let mu := (lambda + kappa)%Q in
  [&& valid d, data_ok rows, qle 0 lambda, qlt 0 mu &
    match price (slope_of space d) phi (shifted phi rho mu), dual_sum d (shifted phi rho mu) rows with
    | Some _, Some j => nonneg_itv (isub (iQ (claim - (lambda * eps + rho))) (imul (iQ mu) j))
    | _, _ => false
    end].

(** The same at [lambda + kappa = 0]: only what can be reached counts.  [rho] is at least [phi] there; where mass is capped
    (CVaR: at [p/b]) the excess over [rho] is paid at the cap. *)
Definition cap (d : div) : option Q := if d is CVaR b then Some (1 / b)%Q else None.
Definition free (c : seq (option Q)) : seq (option Q) := map (omap (fun=> 0%Q)) c.
Fixpoint excess (t : option Q) (g : seq (option Q)) (rho : Q) (rows : seq row) : option Q :=
  match rows with
  | [::] => Some 0%Q
  | (p, c) :: rows' =>
      match excess t g rho rows' with
      | None => None
      | Some s => match hrow g (free c) with
        | None => Some s
        | Some h => if qle p 0 || qle h rho then Some s else match t with None => None | Some u => Some (qadd (p * u * (h - rho))%Q s) end
        end
      end
  end.
Definition check_dro_upper_zero (d : div) (space : bool) (rows : seq row) (phi : seq Q) (kappa rho claim : Q) : bool :=
  [&& valid d, data_ok rows, Qeq_bool kappa 0 &
    if slope_of space d is Some _ then all (fun v => qle v rho) phi && qle rho claim
    else match excess (cap d) (map Some phi) rho rows with Some s => qle (rho + s) claim | None => false end].

(** DRO, lower bound: a plan whose value is at most [eps]; [Q] is its column marginal. *)
Definition dotq (a b : seq Q) : Q := foldr (fun z s => qadd (Qmult z.1 z.2) s) 0%Q (zip a b).
Definition check_dro_lower (d : div) (space : bool) (rows : seq row) (phi : seq Q) (eps kappa : Q)
  (plan : seq (seq (option Q))) (s : seq Q) (claim : Q) : bool :=
  let m := size phi in let q := columns plan s in
  [&& valid d, data_ok rows, Qeq_bool (qsum (map fst rows)) 1, qle 0 kappa, shape m rows, all (fun r => size r == m) plan, size s == m,
    all (qle 0) q, Qeq_bool (qsum q) 1 &
    match plan_value d space rows plan s with
    | Some v => nonneg_itv (isub (iQ eps) v) && nonneg_itv (isub (iQ (dotq phi q - claim)) (imul (iQ kappa) v))
    | None => false
    end].
End Ops.

(** What the program calls: 256 bits, as the certificates are written. *)
Definition precision : F.precision := F.PtoP 256.
Definition distribution (l : seq Q) : bool := all (qle 0) l && Qeq_bool (qsum l) 1.
