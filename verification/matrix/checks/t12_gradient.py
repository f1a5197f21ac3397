"""T12: the worst-case distribution is a subgradient of the value in the losses, and its derivative where it
is unique.
"""

import numpy as np

from theory.evidence import Grade
from verification.generate import draw, radius
from verification.matrix.cells import Check, Context, kappa_value
from verification.matrix.exact import certified_dro, evidence_of, problem_of

__all__ = ["CHECKS"]

SLACK = 3e-9


def run(context: Context) -> None:
    cell, rng = context.cell, context.rng
    for _ in range(context.samples):
        context.tried += 1
        sample = draw(
            rng,
            context.member.spec,
            cell.cost,
            cell.support,
            n=int(rng.integers(3, 7)),
            kappa=kappa_value(cell.kappa, rng),
            epsilon=radius(rng),
        )
        found = certified_dro(context, sample.mapping)
        problem = problem_of(sample.mapping)
        numbers = evidence_of(sample.mapping, found, points=sample.points)
        if found.worst_case is None:
            context.miss("the ball is empty")
            continue
        direction = np.round(rng.normal(0.0, 1.0, len(problem.phi)) * 64) / 64
        slope = float(found.worst_case @ direction)
        sides = {}
        for step in (2.0**-12, -(2.0**-12), 0.5):
            moved = certified_dro(
                context, {**sample.mapping, "phi": (problem.phi + step * direction).tolist()}
            )
            sides[step] = moved
            excess = max(found.lower + step * slope - moved.upper, 0.0) / found.scale
            context.claim("V(φ + d) ≥ V(φ) + E_{Q*}[d]", excess, SLACK, Grade.ENCLOSED, numbers)
        # Where left and right difference quotients meet, Q* is unique in this direction and they meet at
        # E_{Q*}[d].
        right = (sides[2.0**-12].middle - found.middle) * 2.0**12
        left = (found.middle - sides[-(2.0**-12)].middle) * 2.0**12
        if abs(right - left) < 1e-3:
            words = "the difference quotient is E_{Q*}[d]"
            apart = abs(0.5 * (left + right) - slope)
            context.claim(words, apart, abs(right - left) + 1e-5, Grade.BRACKETED, numbers)


CHECKS = (Check("T12", "The gradient of the value in φ is E_{Q*}[∇φ]", run, breadth=(1, 4), samples=(1, 2)),)
