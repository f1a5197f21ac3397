"""T4: the worst re-weighting built from `ρ*` attains `Λ[h]` and has mass 1 (with its singular part)."""

import numpy as np

from theory.evidence import Grade
from verification.generate import draw
from verification.matrix.applies import f_divergence
from verification.matrix.cells import NONE, Check, Context
from verification.matrix.checks.t03_reweighting import conjugate_step
from verification.matrix.exact import certified_dro, evidence_of, problem_of
from verification.matrix.formulas import DualPoint

__all__ = ["CHECKS"]

TOLERANCE = 1e-7


def run(context: Context) -> None:
    formulas = context.formulas
    for k in range(context.samples):
        context.tried += 1
        sample = draw(
            context.rng,
            context.member.spec,
            "reweighting",
            context.cell.support,
            n=int(context.rng.integers(2, 9)),
            kappa=1.0,
            epsilon=2.0**40,
            ties=k % 2 == 1,
            tiny=k % 3 == 2,
        )
        problem = problem_of(sample.mapping)
        found = certified_dro(context, sample.mapping)
        h, value, rho = conjugate_step(context, problem)
        eta = formulas.weights(problem, DualPoint(value, 0.0, rho))  # λ = 0, κ = 1: the multiplier is 1
        if not np.all(np.isfinite(eta)) or not context.member.single_valued:
            context.miss("∂f* has more than one element at h − ρ*: T11 checks the witness instead")
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
        samples=(4, 12),
    ),
)
