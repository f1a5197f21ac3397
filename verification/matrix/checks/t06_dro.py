"""T6: the DRO value equals its dual. The certified interval is the proof of strong duality on an instance:
its lower end is a feasible `Q`, its upper end a dual point, both evaluated in ball arithmetic.
"""

import numpy as np

from theory.evidence import Grade
from verification.generate import radii
from verification.matrix.cells import Check, Context
from verification.matrix.exact import WIDTH, Certified, certified_dro, evidence_of, problem_of
from verification.matrix.formulas import Problem
from verification.matrix.linear import transport_dro

__all__ = ["CHECKS"]

TOLERANCE = 1e-8


def _transport_only(context: Context, problem: Problem, found: Certified, numbers: dict[str, object]) -> None:
    """Without re-weighting the value is that of the transport linear program."""
    if context.member.name == "none":
        value = transport_dro(problem.phi, problem.cost, problem.p, problem.epsilon, problem.kappa)
        words = "the linear program of OT-DRO lies in the interval"
        context.claim(words, found.outside(value), TOLERANCE, Grade.ENCLOSED, {**numbers, "value": value})


def run(context: Context) -> None:
    for k, epsilon in enumerate(radii(context.rng, context.samples + 1)):
        context.tried += 1
        sample = context.draw(3, 8, epsilon=epsilon, ties=k % 2 == 1, tiny=k % 3 == 2)
        found = certified_dro(context, sample.mapping)
        width = 0.0 if found.lower == found.upper else (found.upper - found.lower) / found.scale
        seen = evidence_of(sample.mapping, found, points=sample.points)
        context.claim("primal and dual witnesses meet", width, WIDTH, Grade.ENCLOSED, seen)
        problem = problem_of(sample.mapping)
        if not context.member.is_f_divergence:
            _transport_only(context, problem, found, evidence_of(sample.mapping, found, points=sample.points))
            continue
        if found.lam is None or found.lam + problem.kappa <= 0:
            value = context.formulas.at_zero(problem)
        else:
            with np.errstate(all="ignore"):
                value = float(context.formulas.dual(problem, np.array([found.lam]))[0][0])
        numbers = evidence_of(sample.mapping, found, value, sample.points)
        # Any λ gives an upper bound, the solver's λ* (polished to 1e-9 in the value) the value itself.
        context.claim(
            "λε + (λ+κ) Λ[φ^c/(λ+κ)] at λ* lies in the interval",
            found.outside(value),
            TOLERANCE,
            Grade.ENCLOSED,
            numbers,
        )


CHECKS = (
    Check(
        "T6", "The DRO value equals λε + (λ+κ) Λ[φ^c_{λ+κ}/(λ+κ)], minimised over λ ≥ 0", run, breadth=(1, 8)
    ),
)
