(** * All theorems, in one library: the list with its statements is in [theorems.json] *)
From ArmorD Require Export T01_primal T02_weak T03_gibbs Catalogue3 T02_strong T03_strong T06_strong T07_strong
  T13_bounds T17_doubled T24_composition T28_identities T18_divergence_property T20_equivariance T13_order T25_truncated_transport T26_data_processing Renyi RenyiProgram T02_attained T06_boundary T10_strong T18_strict T18_counterexamples T22_sensitivity T22_derivatives T01_joined T02_infinite CheckerPlan CheckerRenyi CheckerInfinite Certificate.
