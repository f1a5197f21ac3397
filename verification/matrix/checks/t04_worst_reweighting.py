"""T4: the worst re-weighting built from `ρ*` attains `Λ[h]` and has mass 1 (with its singular part)."""

import numpy as np
from numpy.typing import NDArray

from theory.evidence import Grade
from verification.matrix.applies import f_divergence
from verification.matrix.cells import NONE, Check, Context
from verification.matrix.checks.t03_reweighting import conjugate_step
from verification.matrix.exact import Certified, certified_dro, evidence_of, problem_of
from verification.matrix.formulas import DualPoint, Problem

__all__ = ["CHECKS"]

Array = NDArray[np.float64]
TOLERANCE = 1e-7


def _element(
    context: Context, problem: Problem, h: Array, rho: float, carried: NDArray[np.bool_], found: Certified
) -> None:
    """Where `∂f*` has many elements, the witness must be one of them: Fenchel–Young holds with equality."""
    if found.weights is None:
        return
    formulas, eta = context.formulas, found.weights[carried]
    singular = float(found.singular.sum()) if found.singular is not None else 0.0
    with np.errstate(all="ignore"):
        paid = problem.p * (formulas.f(eta / problem.p) + formulas.conjugate(h - rho))
    apart = float(np.abs(paid - eta * (h - rho)).sum())
    if singular > 0:  # singular mass needs the top of the space at the recession slope
        apart += singular * abs(float(problem.phi.max()) - rho - context.member.recession)
    context.claim("the witness is an element of p ∂f*(h − ρ*)", apart, TOLERANCE, Grade.ENCLOSED)
    mass = abs(float(eta.sum()) + singular - 1.0)
    context.claim("its mass is 1, singular part included", mass, TOLERANCE, Grade.ENCLOSED)


def run(context: Context) -> None:
    formulas = context.formulas
    for k in range(context.samples):
        context.tried += 1
        sample = context.draw(
            2, 9, cost="reweighting", kappa=1.0, epsilon=2.0**40, ties=k % 2 == 1, tiny=k % 3 == 2
        )
        problem = problem_of(sample.mapping)
        found = certified_dro(context, sample.mapping)
        h, value, rho = conjugate_step(context, problem)
        eta = formulas.weights(problem, DualPoint(value, 0.0, rho))  # λ = 0, κ = 1: the multiplier is 1
        if not np.all(np.isfinite(eta)) or not context.member.single_valued:
            _element(context, problem, h, rho, np.array(sample.mapping["p"]) > 0, found)
            continue
        rest = 1.0 - float(eta.sum())
        if context.cell.support == "space" and np.isfinite(context.member.recession):
            singular, top = max(rest, 0.0), float(problem.phi.max())
            rest = min(rest, 0.0)
        else:
            singular, top = 0.0, 0.0
        numbers = evidence_of(
            sample.mapping, found, value, sample.points, mass=float(eta.sum()), singular=singular
        )
        context.claim(
            "(f*)'(h − ρ*) has mass 1, singular part included", abs(rest), TOLERANCE, Grade.ENCLOSED, numbers
        )
        reached = float(eta @ h) + singular * top - formulas.information(eta, problem.p, singular)
        words = "E_η[h] − D(η‖P) of the worst re-weighting lies in the interval"
        context.claim(words, found.outside(reached), TOLERANCE, Grade.ENCLOSED, numbers)


CHECKS = (
    Check(
        "T4",
        "The worst re-weighting has density (f*)'(h − ρ*), the missing mass at the top of the space",
        run,
        applies=f_divergence,
        costs=(NONE,),
        kappas=(NONE,),
        breadth=(1, 1),
        samples=(3, 12),
    ),
)
