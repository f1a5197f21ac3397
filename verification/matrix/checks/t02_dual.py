"""T2: the dual of `D^c`: any potential gives a lower bound, the optimal one the value."""

import math

from theory.evidence import Grade
from verification.matrix.applies import f_divergence
from verification.matrix.cells import Check, Context
from verification.matrix.exact import certified_divergence, evidence_of, pair_of, without_losses

__all__ = ["CHECKS"]

TOLERANCE = 1e-8


def run(context: Context) -> None:
    cell, formulas = context.cell, context.formulas
    for k in range(context.samples):
        context.tried += 1
        sample = context.draw(2, 8, tiny=k % 2 == 1)
        mapping = without_losses(sample.mapping)
        found = certified_divergence(context, mapping)
        if math.isinf(found.lower) or found.g is None:
            context.miss("the instance is infeasible, so that no potential attains its value")
            continue
        cost, p, q = pair_of(mapping)
        value = formulas.divergence_dual(found.g, cost, p, q, cell.support)
        context.claim(
            "E_Q[g] − Λ[g^c] at the witness g lies in the interval",
            found.outside(value),
            TOLERANCE,
            Grade.ENCLOSED,
            evidence_of(mapping, found, value, sample.points, g=found.g.tolist()),
        )
        for _ in range(4):
            g = context.rng.normal(0.0, 2.0, len(q))
            other = formulas.divergence_dual(g, cost, p, q, cell.support)
            numbers = evidence_of(mapping, found, other, sample.points, g=g.tolist())
            excess = max(other - found.upper, 0.0) / found.scale
            context.claim("no potential exceeds the value", excess, TOLERANCE, Grade.ENCLOSED, numbers)


CHECKS = (
    Check(
        "T2",
        "D^c(Q‖P) is the largest E_Q[g] − Λ[g^c] over potentials g",
        run,
        applies=f_divergence,
        kappas=("-",),
        breadth=(1, 6),
    ),
)
