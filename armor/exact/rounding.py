"""A-priori bounds on the rounding behind the two ends of the bracket (`u` the unit roundoff of float64).

*Lower end.* Every `h_i` is a maximum of `g_j - c_ij` over all arcs. Where that maximum can lie, `c_ij <=
|g_j| + |h_i|`, so an entry is off by at most what a cost of that size can be (`PointCost.rounding`) and
`8u (|g_j| + |h_i|)`; `h` is raised by twice that before `f*`, which does not decrease.

*Upper end.* Rescaled columns hold `q` up to `k` roundings, `k` the arcs of a column, which move the value by
at most that share of `⟨c, π⟩ + Σ p|f| + Σ η|f'| + f'(∞)Σs`. Sums are exact (`fsum`). Costs of points add what
each arc's can be off by, times its mass.

Elementary functions are taken to be right to 16u of their value and of their argument's effect.
"""

from __future__ import annotations

from collections.abc import Callable
from math import fsum

import numpy as np
from numpy.typing import NDArray

from armor.exact.bracket import divergence_value
from armor.exact.members import Member
from armor.exact.primal import Primal
from armor.exact.renyi import renyi_lambda

__all__ = ["lower_end", "upper_end"]

Array = NDArray[np.float64]

_U = 2.0**-53


def lower_end(
    member: Member,
    p: Array,
    q: Array,
    g: Array,
    h: Array,
    *,
    space: bool,
    rounding: Callable[[Array], Array],
    imbalance: float,
) -> tuple[float, Array]:
    """The lower bound at `(g, h)` after all rounding, and the `g` (shifted where `h` touches `f'(∞)`).

    Args:
        rounding: by how much a computed cost of at most the given size can be off.
        imbalance: `|Σq - Σp|` of the full weights, by which a change of gauge is off.
    """
    finite = np.isfinite(h)
    size = float(np.max(np.abs(g))) + float(np.max(np.abs(h[finite]))) if finite.any() else 0.0
    delta = 2 * float(rounding(np.asarray(size))) + 16 * _U * size
    raised = h + delta
    drift = 4 * _U * fsum(np.abs(q * g)) + abs(member.slope_shift) * imbalance
    if member.alpha is not None:
        top = max(float(np.max(raised)), float(np.max(g)) if space else -np.inf)
        value, rho = renyi_lambda(member.alpha, p[finite], raised[finite], top)
        noise = 64 * _U * (abs(value) + abs(rho) + 20) * (1 + 1 / abs(member.alpha - 1))
        return fsum(q * g) - value - noise - drift, g
    limit = member.recession
    shift = 0.0
    worst = max(float(np.max(raised[finite], initial=-np.inf)), float(np.max(g)) if space else -np.inf)
    if worst > limit:
        shift = worst - limit + 4 * _U * abs(worst)
    inner = np.minimum(raised[finite] - shift, limit)
    with np.errstate(all="ignore"):
        conjugate = member.conjugate(inner)
        weight = member.ratio(inner)
        noise_terms = p[finite] * (np.abs(conjugate) + np.minimum(weight, 1e12) * (np.abs(inner) + 1))
    total = fsum(p[finite] * conjugate)
    if not finite.all():
        total -= member.at_zero * fsum(p[~finite])
    value = fsum(q * (g - shift)) - total
    if not np.isfinite(value):
        return -np.inf, g
    return value - drift - 16 * _U * fsum(noise_terms), g - shift


def upper_end(member: Member, p: Array, primal: Primal, rounding: Callable[[Array], Array]) -> float:
    """The value of a plan whose columns hold `q` up to rounding, raised by what that rounding can cost."""
    if not np.isfinite(primal.value):
        return np.inf
    n = len(p)
    eta = np.asarray(np.bincount(primal.rows, weights=primal.x, minlength=n), dtype=np.float64)
    transport = fsum(primal.x * primal.cost)
    singular = fsum(primal.singular) * (member.recession if np.isfinite(member.recession) else 0.0)
    depth = int(np.max(np.bincount(primal.columns, minlength=1), initial=1)) + int(
        np.max(np.bincount(primal.rows, minlength=1), initial=1)
    )
    moved = transport + abs(singular)
    if member.segments and not np.isfinite(member.recession):
        cap = p * member.segments[0][1]
        over = np.abs(eta - cap) if member.name == "none" else np.maximum(eta - cap, 0.0)
        value = transport
        moved += 2 * fsum(over) / _U / depth * float(np.max(primal.cost, initial=0.0))
    else:
        with np.errstate(all="ignore"):
            if member.alpha is not None:
                information = divergence_value(member, p, eta)
                moved += abs(information) + 1 / abs(member.alpha) + 20
            else:
                terms = p * member.value(eta / p)
                information = fsum(terms)
                moved += fsum(np.abs(terms))
            if member.slope is not None and member.alpha is None:
                slope = member.slope(np.where(eta > 0, eta / p, 1.0))
                moved += fsum(np.where(eta > 0, np.abs(slope) * eta, 0.0))
        value = transport + singular + information
    loose = fsum(np.where(primal.x > 0, primal.x * rounding(primal.cost), 0.0))
    return value + (depth + 32) * _U * moved + loose
