"""T15: `D^{rc}` runs from transport (`r ↓ 0`, divided by `r`) to information (`r → ∞`), monotonically, with
its rate.
"""

import math
from typing import Any

import numpy as np

from theory.evidence import Grade
from verification.generate import draw, weights
from verification.matrix.applies import f_divergence
from verification.matrix.cells import NONE, Check, Context
from verification.matrix.exact import Certified, certified_divergence, evidence_of, pair_of, without_losses
from verification.matrix.linear import transport_cost

__all__ = ["CHECKS", "scaled"]

SLACK = 2e-9


def scaled(mapping: dict[str, Any], r: float) -> dict[str, Any]:
    """The instance with the cost `r c`."""
    return {**mapping, "cost": [[None if c is None else r * c for c in row] for row in mapping["cost"]]}


def _towards_transport(context: Context, mapping: dict[str, Any], limit: float, points: object) -> None:
    scales = (2.0**-6, 2.0**-10, 2.0**-14)
    found: list[tuple[float, Certified]] = [
        (r, certified_divergence(context, scaled(mapping, r))) for r in scales
    ]
    numbers = evidence_of(scaled(mapping, scales[-1]), found[-1][1], points=points, limit=limit)
    gaps = [limit - each.middle / r for r, each in found]
    for r, each in found:
        over = max(each.lower / r - limit, 0.0) / max(1.0, limit)
        context.claim("r⁻¹ D^{rc} ≤ C(P, Q)", over, 1e-6, Grade.ENCLOSED, numbers)
    if context.member.strictly_convex:
        # The re-weighting that pays at scale r is of order r: the gap shrinks by about 16 from one r to the
        # next.
        shrinks = gaps[2] <= 0.25 * gaps[1] + 1e-7 * max(1.0, limit)
        context.claim(
            "r⁻¹ D^{rc} → C(P, Q) as r ↓ 0", 0.0 if shrinks else gaps[2], 0.0, Grade.BRACKETED, numbers
        )


def run(context: Context) -> None:
    stays = []
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
        information = context.formulas.information(q, p)
        near, far = (certified_divergence(context, scaled(mapping, r)) for r in (4.0, 2.0**24))
        numbers = evidence_of(mapping, far, information, sample.points)
        if math.isfinite(information):
            over = max(near.lower - far.upper, far.lower - information, 0.0) / max(1.0, information)
            context.claim("D^{rc} grows with r and stays below D", over, SLACK, Grade.ENCLOSED, numbers)
            apart = max(information - far.upper, 0.0) / max(1.0, information)
            context.claim("D^{rc} → D as r → ∞", apart, 1e-6, Grade.ENCLOSED, numbers)
        limit = transport_cost(cost, p, q)
        if math.isfinite(limit):
            _towards_transport(context, mapping, limit, sample.points)
            small = certified_divergence(context, scaled(mapping, 2.0**-14))
            stays.append(limit - small.upper * 2.0**14)
    if not context.member.strictly_convex and stays:
        words = "f flat at 1: r⁻¹ D^{rc} stays below C(P, Q), the hypothesis is needed"
        context.claim(words, 0.0 if max(stays) > 1e-3 else 1.0, 0.0, Grade.ENCLOSED)


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
