(** * Extraction of the checker to OCaml

    Trusted beyond Coq's kernel: extraction itself, zarith for [Z] and [positive], the OCaml compiler, and the
    reader of the JSON file in [checker/main.ml]. *)
From Coq Require Import Extraction ExtrOcamlBasic ExtrOcamlZBigInt ZArith QArith.
From Coq Require ClassicalDedekindReals.
From ArmorD Require Import Checker.
Extraction Language OCaml.
(* The real numbers in Interval's functors are specification only: no computation reaches this axiom. *)
Extract Constant ClassicalDedekindReals.sig_forall_dec => "(fun _ -> failwith ""a real number was computed"")".
Set Warnings "-extraction-opaque-accessed,-extraction-axiom-to-realize".
Extraction "build/kernel.ml" check_lower check_upper check_dro_lower check_dro_upper distribution precision.
