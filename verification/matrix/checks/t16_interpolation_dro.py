"""T16: the DRO value over `{D^{rc} ≤ ε}` tends to re-weighting alone, over `{D^{rc} ≤ rε}` to transport
alone.
"""

from typing import Any

import numpy as np

from theory.evidence import Grade
from verification.generate import draw, radius
from verification.matrix.applies import f_divergence
from verification.matrix.cells import Check, Context, kappa_value
from verification.matrix.checks.t15_interpolation import scaled
from verification.matrix.exact import certified_dro, evidence_of, problem_of
from verification.matrix.linear import transport_dro
from verification.matrix.rates import least_order, observed_orders

__all__ = ["CHECKS"]


def _alone(mapping: dict[str, Any]) -> dict[str, Any]:
    cost = [[c if i == j else None for j, c in enumerate(row)] for i, row in enumerate(mapping["cost"])]
    return {**mapping, "cost": cost}


def _towards_reweighting(context: Context, mapping: dict[str, Any], points: object) -> None:
    """`r → ∞`: equal to re-weighting alone once no arc pays at its multiplier, else a gap of order `1/r`."""
    problem = problem_of(mapping)
    limit = certified_dro(context, _alone(mapping))
    scales = (2.0**-10, 2.0**-16, 2.0**-22)
    found = [certified_dro(context, scaled(mapping, 1 / r)) for r in scales]
    gaps = [max(each.middle - limit.middle, 0.0) / limit.scale for each in found]
    orders = observed_orders(scales, gaps, 1e-9)
    numbers = evidence_of(mapping, found[-1], limit.middle, points, gaps=gaps, orders=orders)
    over = max(limit.lower - min(each.upper for each in found), 0.0) / limit.scale
    context.claim("re-weighting alone is the lower end", over, 2e-9, Grade.ENCLOSED, numbers)
    words = "→ re-weighting alone as r → ∞, the gap of order 1/r at most"
    context.claim(words, max(0.85 - orders[-1], 0.0), 0.0, Grade.BRACKETED, numbers)
    mu = (limit.lam or 0.0) + problem.kappa
    if mu <= 1e-6:
        return
    with np.errstate(all="ignore"):
        pays = (problem.phi[None, :] - problem.phi[:, None]) / (mu * problem.cost)
    threshold = float(np.where(np.eye(len(problem.p)) > 0, 0.0, pays).max())
    if 2.0**-20 < threshold < 2.0**40:
        beyond = certified_dro(context, scaled(mapping, threshold * (1 + 2.0**-10)))
        apart = max(beyond.lower - limit.upper, 0.0) / limit.scale
        words = "re-weighting alone for r ≥ max (φ_j − φ_i)/((λ*+κ) c_ij)"
        numbers = evidence_of(mapping, beyond, limit.middle, points, threshold=threshold)
        context.claim(words, apart, 2e-9, Grade.ENCLOSED, numbers)


def _towards_transport(
    context: Context, mapping: dict[str, Any], points: object
) -> tuple[float, dict[str, object]]:
    """`r ↓ 0` over `{D^{rc} ≤ rε}` with penalty `κ/r`: returns the last gap to transport alone."""
    problem = problem_of(mapping)
    target = transport_dro(problem.phi, problem.cost, problem.p, problem.epsilon, problem.kappa)
    scales = (2.0**-14, 2.0**-18, 2.0**-22)
    found = [
        certified_dro(
            context, {**scaled(mapping, r), "epsilon": r * problem.epsilon, "kappa": problem.kappa / r}
        )
        for r in scales
    ]
    gaps = [max(each.middle - target, 0.0) / problem.span for each in found]
    orders = observed_orders(scales, gaps, 1e-8)
    numbers = evidence_of(mapping, found[-1], target, points, gaps=gaps, orders=orders)
    over = max(target - min(each.upper for each in found), 0.0) / found[-1].scale
    context.claim("transport alone is the lower end", over, 1e-8, Grade.ENCLOSED, numbers)
    if context.member.strictly_convex:
        # Within a radius rε re-weighting gains O(√(rε)); against a penalty κ/r only O(r/κ).
        expected = least_order(context.member.curvature, 0.5 if problem.kappa == 0 else 1.0)
        words = "→ transport alone as r ↓ 0, the gap of order √r without penalty, r with"
        context.claim(words, max(expected - orders[-1], 0.0), 0.0, Grade.BRACKETED, numbers)
    return gaps[-1], numbers


def run(context: Context) -> None:
    cell, rng = context.cell, context.rng
    stays: list[tuple[float, dict[str, object]]] = []
    for _ in range(context.samples):
        context.tried += 1
        sample = draw(
            rng,
            context.member.spec,
            cell.cost,
            cell.support,
            n=int(rng.integers(3, 6)),
            zeros=0,
            kappa=kappa_value(cell.kappa, rng),
            epsilon=radius(rng),
        )
        problem = problem_of(sample.mapping)
        if np.any(problem.cost + np.eye(len(problem.p)) == 0):
            context.miss("c vanishes off the diagonal")
            continue
        _towards_reweighting(context, sample.mapping, sample.points)
        stays.append(_towards_transport(context, sample.mapping, sample.points))
    if not context.member.strictly_convex and stays and cell.kappa == "k0":
        words = "f flat at 1: the value stays above transport alone, the hypothesis is needed"
        gap, numbers = max(stays, key=lambda pair: pair[0])
        context.claim(words, 0.0 if gap > 1e-3 else 1.0, 0.0, Grade.ENCLOSED, numbers)


CHECKS = (
    Check(
        "T16",
        "The DRO value runs from transport alone (r ↓ 0) to re-weighting alone (r → ∞)",
        run,
        applies=f_divergence,
        costs=("power", "matrix"),
        breadth=(1, 2),
        samples=(1, 3),
    ),
)
