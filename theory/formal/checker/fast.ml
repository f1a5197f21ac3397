(* What zarith does at once, in place of bit-by-bit recursions of Coq's library. Trusted: each function is the one
   that Extraction.v names, on the arguments that Coq's types allow (positive numbers are at least 1). *)

(* Z.ggcd: the greatest common divisor and both cofactors. *)
let ggcd a b =
  let g = Z.gcd a b in
  if Z.sign g = 0 then (g, (g, g)) else (g, (Z.divexact a g, Z.divexact b g))

(* Z.div_eucl: floor division; division by zero gives (0, a). *)
let div_eucl a b =
  if Z.sign b = 0 then (Z.zero, a) else let q = Z.fdiv a b in (q, Z.sub a (Z.mul q b))

let digits m = Z.of_int (Z.numbits m)
let shl m d = if Z.sign d > 0 then Z.shift_left m (Z.to_int d) else Z.one

(* A right shift by d: nothing left; the quotient; the last bit shifted out; whether all below it is zero. *)
let nothing_left m d = Z.sign d <= 0 || Z.numbits m <= Z.to_int d
let shr m d = Z.shift_right m (Z.to_int d)
let last_bit m d = Z.testbit m (Z.to_int d - 1)
let clean m d = let n = Z.to_int d in n = 1 || Z.sign (Z.extract m 0 (n - 1)) = 0

(* Pos.sqrtrem: square root and remainder; the remainder as the extracted mask. *)
let sqrt_rem = Z.sqrt_rem
