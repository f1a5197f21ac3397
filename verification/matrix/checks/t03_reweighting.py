"""T3: the re-weighting step in one variable against the exact program: with no transport, `κ = 1` and a
radius that does not bind, the DRO value is `sup_η { E_η[h] − D(η‖P) }` by definition.
"""

import numpy as np
from numpy.typing import NDArray

from theory.evidence import Grade
from verification.matrix.applies import f_divergence
from verification.matrix.cells import NONE, Check, Context
from verification.matrix.exact import certified_dro, evidence_of, problem_of
from verification.matrix.formulas import Problem

__all__ = ["CHECKS", "conjugate_step"]

Array = NDArray[np.float64]
TOLERANCE = 1e-8


def conjugate_step(context: Context, problem: Problem) -> tuple[Array, float, float]:
    """`h = φ` at the points that carry weight, `Λ[h]` and its `ρ*`, by the formulas under test."""
    formulas, one = context.formulas, np.ones(1)
    with np.errstate(all="ignore"):
        h = formulas.c_transform(problem.phi, problem.cost, one)
        value, rho = formulas.reweighting(h, problem.p, one, formulas.top(problem, h))
    return h[0], float(value[0]), float(rho[0])


def run(context: Context) -> None:
    for k in range(context.samples):
        context.tried += 1
        sample = context.draw(
            2, 9, cost="reweighting", kappa=1.0, epsilon=2.0**40, ties=k % 2 == 0, tiny=k % 2 == 1
        )
        # Wide losses push some points below the domain where f* is strictly increasing: no weight is left
        # there.
        sample.mapping["phi"] = [4.0 ** (k % 3) * value for value in sample.mapping["phi"]]
        found = certified_dro(context, sample.mapping)
        _, value, rho = conjugate_step(context, problem_of(sample.mapping))
        numbers = evidence_of(sample.mapping, found, value, sample.points, ρ=rho)
        words = "inf over ρ ≥ S − f'(∞) of ρ + E f*(h − ρ) lies in the interval"
        context.claim(words, found.outside(value), TOLERANCE, Grade.ENCLOSED, numbers)


CHECKS = (
    Check(
        "T3",
        "The re-weighting step sup_η {E_η[h] − D(η‖P)} is a minimum over one variable ρ",
        run,
        applies=f_divergence,
        costs=(NONE,),
        kappas=(NONE,),
        breadth=(1, 1),
        samples=(3, 12),
    ),
)
