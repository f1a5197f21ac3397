"""Which machine-checked theorem covers which divergence: names as in `theory/formal/theorems.json`.

A qualified name is `ArmorD.<module>.<theorem>`. A theorem about f-divergences covers every closed convex f,
so also a user's own; `_NEEDS` holds what some ask for beyond that, and `_ANY` those about every divergence.
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
_ANY = {"T13_monotone_eps", "T20_equivariance", "T17_transport_step"}  # no hypothesis on the divergence


def covers(theorem: str, d: FDivergence | Renyi) -> bool:
    """Whether the hypotheses of the theorem with this qualified name hold for `d`."""
    name = theorem.rsplit(".", 1)[-1]
    if not isinstance(d, FDivergence):
        return name in _ANY
    return bool(_NEEDS[name](d)) if name in _NEEDS else True


def covering(theorems: Iterable[str], d: FDivergence | Renyi) -> tuple[str, ...]:
    """Those of `theorems` that cover `d`."""
    return tuple(theorem for theorem in theorems if covers(theorem, d))
