"""T15: `D^{rc}` runs from transport (`r ↓ 0`, divided by `r`, a gap of order `r`) to information, which it
reaches at a known finite `r`.
"""

import math
from typing import Any

import numpy as np

from theory.evidence import Grade
from verification.generate import draw, weights
from verification.matrix.applies import f_divergence
from verification.matrix.cells import NONE, Check, Context
from verification.matrix.exact import certified_divergence, evidence_of, pair_of, without_losses
from verification.matrix.linear import transport_cost
from verification.matrix.rates import least_order, observed_orders

__all__ = ["CHECKS", "scaled"]

SLACK = 2e-9


def scaled(mapping: dict[str, Any], r: float) -> dict[str, Any]:
    """The instance with the cost `r c`."""
    return {**mapping, "cost": [[None if c is None else r * c for c in row] for row in mapping["cost"]]}


def _towards_transport(
    context: Context, mapping: dict[str, Any], limit: float, points: object
) -> tuple[float, dict[str, object]]:
    """`r ↓ 0`: the gap to `C(P, Q)`, whose order in `r` is 1 where `0 < f''(1)`; returns the last gap."""
    scales = (2.0**-8, 2.0**-11, 2.0**-14)
    found = [certified_divergence(context, scaled(mapping, r)) for r in scales]
    gaps = [max(limit - each.middle / r, 0.0) for r, each in zip(scales, found, strict=True)]
    noise = 1e-8 * max(1.0, limit)
    orders = observed_orders(scales, gaps, noise)
    numbers = evidence_of(
        scaled(mapping, scales[-1]), found[-1], None, points, limit=limit, gaps=gaps, orders=orders
    )
    for r, each in zip(scales, found, strict=True):
        over = max(each.lower / r - limit, 0.0) / max(1.0, limit)
        context.claim("r⁻¹ D^{rc} ≤ C(P, Q)", over, 1e-8, Grade.ENCLOSED, numbers)
    if context.member.strictly_convex:
        # Re-weighting that pays at scale r is of order r and gains a term of order r².
        short = max(least_order(context.member.curvature, 1.0) - orders[-1], 0.0)
        words = "r⁻¹ D^{rc} → C(P, Q) as r ↓ 0, the gap of order r"
        context.claim(words, short, 0.0, Grade.BRACKETED, numbers)
    return gaps[-1], numbers


def _towards_information(context: Context, mapping: dict[str, Any], points: object) -> None:
    """`r → ∞`: `D` is reached, not only approached, once no arc pays for a difference of `f'(q/p)`."""
    cost, p, q = pair_of(mapping)
    information = context.formulas.information(q, p)
    near, far = (certified_divergence(context, scaled(mapping, r)) for r in (4.0, 2.0**24))
    numbers = evidence_of(mapping, far, information, points)
    if math.isinf(information):
        grows = far.lower >= 2.0**10 * near.upper or math.isinf(far.lower)
        context.claim(
            "D = ∞: D^{rc} grows without bound", 0.0 if grows else 1.0, 0.0, Grade.ENCLOSED, numbers
        )
        return
    over = max(near.lower - far.upper, far.lower - information, 0.0) / max(1.0, information)
    context.claim("D^{rc} grows with r and stays below D", over, SLACK, Grade.ENCLOSED, numbers)
    with np.errstate(all="ignore"):
        price = np.where(p == q, context.formulas.slope_at_one, context.formulas.f_prime(q / p))
        pays = (price[None, :] - price[:, None]) / np.where(np.eye(len(p)) > 0, np.inf, cost)
    threshold = float(pays.max())
    if not math.isfinite(threshold) or threshold <= 2.0**-20:
        apart = max(information - far.upper, 0.0) / max(1.0, information)
        context.claim("D^{rc} → D as r → ∞", apart, SLACK, Grade.ENCLOSED, numbers)
        return
    beyond = certified_divergence(context, scaled(mapping, threshold * (1 + 2.0**-10)))
    below = certified_divergence(context, scaled(mapping, threshold / 2))
    numbers = evidence_of(mapping, beyond, information, points, threshold=threshold, half=below.upper)
    apart = max(information - beyond.upper, 0.0) / max(1.0, information)
    words = "D^{rc} = D for r ≥ max (f'(q_j/p_j) − f'(q_i/p_i))/c_ij"
    context.claim(words, apart, SLACK, Grade.ENCLOSED, numbers)
    strict = 0.0 if below.upper < information - 1e-12 else 1.0
    context.claim("D^{rc} < D at half of that r", strict, 0.0, Grade.ENCLOSED, numbers)


def run(context: Context) -> None:
    stays: list[tuple[float, dict[str, object]]] = []
    for _ in range(context.samples):
        context.tried += 1
        n = int(context.rng.integers(3, 6))
        sample = draw(context.rng, context.member.spec, context.cell.cost, context.cell.support, n=n, zeros=0)
        mapping = without_losses(sample.mapping)
        mapping["q"] = weights(context.rng, n).tolist()
        cost, p, q = pair_of(mapping)
        if np.any(cost + np.eye(n) == 0):
            context.miss("c vanishes off the diagonal")
            continue
        _towards_information(context, mapping, sample.points)
        limit = transport_cost(cost, p, q)
        if math.isfinite(limit):
            stays.append(_towards_transport(context, mapping, limit, sample.points))
    if not context.member.strictly_convex and stays:
        words = "f flat at 1: r⁻¹ D^{rc} stays below C(P, Q), the hypothesis is needed"
        gap, numbers = max(stays, key=lambda pair: pair[0])
        context.claim(words, 0.0 if gap > 1e-3 else 1.0, 0.0, Grade.ENCLOSED, numbers)


CHECKS = (
    Check(
        "T15",
        "D^{rc} → D as r → ∞, and r⁻¹ D^{rc} → C as r ↓ 0 if f is strictly convex at 1",
        run,
        applies=f_divergence,
        costs=("power", "matrix"),
        kappas=(NONE,),
        breadth=(1, 2),
        samples=(1, 4),
    ),
)
