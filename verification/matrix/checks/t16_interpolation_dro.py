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

__all__ = ["CHECKS"]


def _alone(mapping: dict[str, Any]) -> dict[str, Any]:
    cost = [[c if i == j else None for j, c in enumerate(row)] for i, row in enumerate(mapping["cost"])]
    return {**mapping, "cost": cost}


def run(context: Context) -> None:
    cell, rng = context.cell, context.rng
    stays = []
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
        mapping, problem = sample.mapping, problem_of(sample.mapping)
        if np.any(problem.cost + np.eye(len(problem.p)) == 0):
            context.miss("c vanishes off the diagonal")
            continue
        limit = certified_dro(context, _alone(mapping))
        far = certified_dro(context, scaled(mapping, 2.0**30))
        numbers = evidence_of(mapping, far, limit.middle, sample.points)
        over = max(limit.lower - far.upper, 0.0) / limit.scale
        context.claim("re-weighting alone is the lower end", over, 2e-9, Grade.ENCLOSED, numbers)
        apart = max(far.lower - limit.upper, 0.0) / limit.scale
        context.claim("→ re-weighting alone as r → ∞", apart, 1e-6, Grade.ENCLOSED, numbers)
        target = transport_dro(problem.phi, problem.cost, problem.p, problem.epsilon, problem.kappa)
        gaps = []
        for r in (2.0**-10, 2.0**-18):
            near = certified_dro(
                context, {**scaled(mapping, r), "epsilon": r * problem.epsilon, "kappa": problem.kappa / r}
            )
            gaps.append((near.upper - target) / problem.span)
            over = max(target - near.upper, 0.0) / near.scale
            numbers = evidence_of(mapping, near, target, sample.points)
            context.claim("transport alone is the lower end", over, 1e-8, Grade.ENCLOSED, numbers)
        stays.append(gaps[1])
        if context.member.strictly_convex:
            # Re-weighting within a radius rε moves the value by O(√(rε)): a factor 16 between the two scales.
            shrinks = gaps[1] <= 0.2 * gaps[0] + 1e-6
            context.claim(
                "→ transport alone as r ↓ 0", 0.0 if shrinks else gaps[1], 0.0, Grade.BRACKETED, numbers
            )
    if not context.member.strictly_convex and stays and cell.kappa == "k0":
        words = "f flat at 1: the value stays above transport alone, the hypothesis is needed"
        context.claim(words, 0.0 if max(stays) > 1e-3 else 1.0, 0.0, Grade.ENCLOSED)


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
