"""T1: the primal program of `D^c`, its value recomputed from the witness plan in the words of the
statement.
"""

import math

import numpy as np

from theory.evidence import Grade
from verification.matrix.applies import f_divergence
from verification.matrix.cells import Check, Context
from verification.matrix.exact import certified_divergence, evidence_of, pair_of, without_losses

__all__ = ["CHECKS"]

TOLERANCE = 1e-8


def run(context: Context) -> None:
    formulas = context.formulas
    for k in range(context.samples):
        context.tried += 1
        sample = context.draw(2, 8, tiny=k % 2 == 1)
        mapping = without_losses(sample.mapping)
        found = certified_divergence(context, mapping)
        numbers = evidence_of(mapping, found, points=sample.points)
        if math.isinf(found.lower):
            # No plan exists: every column of positive mass out of reach is a proof, and both ends must say
            # +∞.
            context.claim(
                "an infeasible instance has the value +∞ at both ends",
                0.0 if found.upper == found.lower else math.inf,
                0.0,
                Grade.ENCLOSED,
                numbers,
            )
            continue
        if found.plan is None:
            context.claim("the solution carries its plan", math.inf, 0.0, numbers=numbers)
            continue
        cost, p, q = pair_of(mapping)
        carried = np.array(mapping["p"]) > 0
        plan = found.plan[carried]
        singular = found.singular if found.singular is not None else np.zeros(len(q))
        used = plan > 0
        value = formulas.information(plan.sum(axis=1), p, float(singular.sum()))
        value += float((plan[used] * cost[used]).sum())
        context.claim(
            "Σ p f(r/p) + f'(∞) Σ s + ⟨c, π⟩ of the plan lies in the interval",
            found.outside(value),
            TOLERANCE,
            Grade.ENCLOSED,
            evidence_of(mapping, found, value, sample.points),
        )
        marginal = float(np.abs(found.plan.sum(axis=0) + singular - q).max())
        context.claim(
            "the plan's columns and the singular mass add up to q", marginal, 1e-12, Grade.ENCLOSED, numbers
        )
        stray = float(found.plan[~carried].sum()) + (
            float(singular.sum()) if not _may_be_singular(context) else 0.0
        )
        context.claim("η is absolutely continuous where it has to be", stray, 0.0, Grade.ENCLOSED, numbers)


def _may_be_singular(context: Context) -> bool:
    return context.cell.support == "space" and math.isfinite(context.member.recession)


CHECKS = (
    Check(
        "T1",
        "D^c(Q‖P) is the least Σ p f(π1/p) + f'(∞) Σ s + ⟨c, π⟩ over plans with πᵀ1 + s = q",
        run,
        applies=f_divergence,
        kappas=("-",),
        breadth=(1, 6),
    ),
)
