(** * Extraction of the checker to OCaml

    Trusted beyond Coq's kernel: extraction itself, zarith for [Z] and [positive], the OCaml compiler, and the
    reader of the JSON file in [checker/main.ml]. *)
From Coq Require Import Extraction ExtrOcamlBasic ExtrOcamlZBigInt ZArith QArith.
From Coq Require ClassicalDedekindReals.
From Interval Require Specific_stdz.
From ArmorD Require Import Checker CheckerRenyi CheckerInfinite Certificate.
Extraction Language OCaml.
(* The real numbers in Interval's functors are specification only: no computation reaches this axiom. *)
Extract Constant ClassicalDedekindReals.sig_forall_dec => "(fun _ -> failwith ""a real number was computed"")".
Set Warnings "-extraction-opaque-accessed,-extraction-axiom-to-realize".

(* Bit-by-bit recursions on [positive], by what zarith does at once.  Each is the function it replaces:
   greatest common divisor with cofactors, floor division, square root with remainder, number of bits, shifts with their
   rounding position. *)
Extract Constant Pos.eqb => "Big_int_Z.eq_big_int".
Extract Constant Pos.sqrtrem => "(fun p ->
  let s, r = Fast.sqrt_rem p in (s, if Big_int_Z.sign_big_int r = 0 then IsNul else IsPos r))".
Extract Constant Z.ggcd => "Fast.ggcd".
Extract Constant Z.div_eucl => "Fast.div_eucl".
Extract Constant Z.pos_div_eucl => "Fast.div_eucl".
Extract Constant Specific_stdz.StdZRadix2.mantissa_digits => "Fast.digits".
Extract Constant Specific_stdz.StdZRadix2.mantissa_shl => "Fast.shl".
Extract Constant Specific_stdz.StdZRadix2.mantissa_shr => "(fun m d pos ->
  if Fast.nothing_left m d then (Big_int_Z.unit_big_int, Pos_Eq) else
  (Fast.shr m d, match pos, Fast.clean m d, Fast.last_bit m d with
   | Pos_Eq, true, true -> Pos_Mi | Pos_Eq, true, false -> Pos_Eq | _, _, true -> Pos_Up | _, _, false -> Pos_Lo))".

Extraction "build/kernel.ml" check_lower check_upper check_dro_lower check_dro_upper check_dro_upper_zero
  check_renyi_lower check_renyi_upper check_renyi_dro_lower check_renyi_dro_upper check_renyi_dro_upper_zero distribution precision
  check_certificate check_instance check_lower_end check_upper_end on_one_space.
