"""Which machine-checked theorem covers which divergence: names as in `theory/formal/theorems.json`.

A qualified name is `ArmorD.<module>.<theorem>`. A theorem about f-divergences covers every closed convex f,
so also a user's own; `_NEEDS` holds what some ask for beyond that. Rényi's divergence is
covered by the theorems about it and by the abstract ones.
"""

from collections.abc import Callable, Iterable
from typing import Any

from theory.fdivergence import FDivergence
from theory.renyi import Renyi

__all__ = ["covering", "covers"]


def _finite_around_one(d: FDivergence) -> bool:
    return bool(d.domain[0] < 1 < d.domain[1])


def _named(*names: str) -> Callable[[FDivergence], bool]:
    return lambda d: d.name in names


def _at_one_alone(d: FDivergence) -> bool:
    return bool(d.domain[1] == 1)


_KL = _named("kl")
_NEEDS: dict[str, Callable[[FDivergence], Any]] = {
    "T2_f_strong_duality": _finite_around_one,
    "T3_strong_duality": _finite_around_one,
    "T3_infimum": _finite_around_one,
    "T3_gibbs": _KL,
    "T7_strong_duality": _finite_around_one,
    "T8_weak_duality": _KL,
    "T8_strong_duality": _KL,
    "T17_doubled_space": _KL,
    "T17_only_transport": _at_one_alone,
    "T17_cvar_one": _named("cvar"),
    "T17_ot_dro": _at_one_alone,
    "T17_adversarial_training": lambda d: d.strictly_convex_at_one,
    "T18_strict": lambda d: d.strictly_convex_at_one,
    "T18_divergence_property": lambda d: d.strictly_convex_at_one,
    "T28_pearson": _named("pearson"),
    "T28_neyman": _named("neyman"),
    "T28_hellinger": _named("hellinger"),
    "T25_total_variation": _named("tv"),
    "T25_truncated_transport": _named("tv"),
}
_ABOUT_RENYI = {
    "T1_renyi_primal",
    "T2_renyi_weak_duality",
    "T2_renyi_strong_duality",
    "T6_renyi_strong_duality",
    "renyi_young",
    "T10_weak_duality",
    "T10_renyi_weak_duality",
    "T10_renyi_weak_duality_at_zero",
    "T10_renyi_plan_bound",
    "T28_renyi_alpha",
}
# Theorems about any closed convex nonnegative divergence that vanishes at P (`renyi_closed`, `renyi_nonneg`,
# `renyi_self`), and those without a hypothesis on the divergence.
_ABSTRACT = {
    "T1_attained",
    "T2_strong_duality",
    "T6_weak",
    "T6_strong_duality",
    "T6_infimum",
    "one_space_slater",
    "T13_nonneg",
    "T13_le_transport",
    "T13_le_divergence",
    "T13_monotone_eps",
    "T13_monotone_cost",
    "T13_value_monotone_cost",
    "T13_concave_eps",
    "T13_le_reachable",
    "T13_mean_le",
    "T13_mechanisms",
    "T13_hard_ball",
    "T14_convex_in_Q",
    "T17_rigid",
    "T17_transport_step",
    "T20_equivariance",
    "T22_kappa_identity",
    "T24_composition",
    "T24_triangle",
    "T28_scaling",
}


def covers(theorem: str, d: FDivergence | Renyi) -> bool:
    """Whether the hypotheses of the theorem with this qualified name hold for `d`."""
    name = theorem.rsplit(".", 1)[-1]
    if not isinstance(d, FDivergence):
        return name in _ABSTRACT or name in _ABOUT_RENYI
    if name in _ABOUT_RENYI:
        return False
    return bool(_NEEDS[name](d)) if name in _NEEDS else True


def covering(theorems: Iterable[str], d: FDivergence | Renyi) -> tuple[str, ...]:
    """Those of `theorems` that cover `d`."""
    return tuple(theorem for theorem in theorems if covers(theorem, d))
