"""T8: the one-variable form of KL, and when `λ* = 0` for a hard ball."""

import numpy as np

from theory.evidence import Grade
from verification.generate import radii
from verification.matrix.applies import named
from verification.matrix.cells import Check, Context
from verification.matrix.exact import certified_dro, evidence_of, problem_of

__all__ = ["CHECKS"]

TOLERANCE = 1e-8


def run(context: Context) -> None:
    cell = context.cell
    for k, epsilon in enumerate(radii(context.rng, context.samples + 1)):
        context.tried += 1
        sample = context.draw(2, 8, epsilon=epsilon, ties=k % 2 == 1, tiny=k % 3 == 2)
        found = certified_dro(context, sample.mapping)
        problem = problem_of(sample.mapping)
        point = context.formulas.kl_dro(problem)
        numbers = evidence_of(sample.mapping, found, point.value, sample.points, λ=point.lam)
        words = "inf over λ of λε + (λ+κ) log E exp(φ^c/(λ+κ)) lies in the interval"
        context.claim(words, found.outside(point.value), TOLERANCE, Grade.ENCLOSED, numbers)
        mu = point.lam + problem.kappa
        if mu > 1e-9:
            h = context.formulas.c_transform(problem.phi, problem.cost, np.array([mu]))[0]
            with np.errstate(all="ignore"):
                value = point.lam * problem.epsilon + problem.p @ context.formulas.worst_losses(h, point, mu)
            words = "T7 at (λ*, ρ*), ρ* = the value at λ* less λ*ε and μ, lies in the interval"
            context.claim(words, found.outside(float(value)), TOLERANCE, Grade.ENCLOSED, numbers)
        if cell.cost == "hard_ball" and cell.kappa == "k0" and found.lam is not None:
            h = context.formulas.c_transform(problem.phi, problem.cost, np.zeros(1))[0]
            bound = -np.log(problem.p[h == h.max()].sum())
            if abs(epsilon - bound) > 1e-6:
                agree = (point.lam <= 1e-9) == (epsilon >= bound)
                words = "λ* = 0 exactly when ε ≥ −log P(argmax φ^c)"
                context.claim(words, 0.0 if agree else 1.0, 0.0, Grade.BRACKETED, numbers)


CHECKS = (
    Check(
        "T8",
        "For KL the dual is λε + (λ+κ) log E exp(φ^c_{λ+κ}/(λ+κ)), minimised over λ alone",
        run,
        applies=named("kl"),
        breadth=(4, 16),
    ),
)
