"""T19: the expansion of the value for a small radius on a hard ball, and the order of its remainder."""

import math
from dataclasses import replace

import numpy as np

from theory.evidence import Grade
from verification.matrix.applies import smooth_at_one
from verification.matrix.cells import Check, Context
from verification.matrix.exact import certified_dro, evidence_of, problem_of
from verification.matrix.members import Member

__all__ = ["CHECKS", "derivatives"]


def derivatives(member: Member) -> tuple[float, float]:
    """`f''(1)` and `f'''(1)`; for Rényi what takes their place, `(1, −(α+1))`."""
    if member.name == "renyi":
        return 1.0, -(member.parameter + 1.0)
    assert member.curvature is not None
    assert member.third is not None
    return member.curvature, member.third


def run(context: Context) -> None:
    a, b = derivatives(context.member)
    for _ in range(context.samples):
        context.tried += 1
        sample = context.draw(3, 8, zeros=0)
        problem = problem_of(sample.mapping)
        h = (problem.phi[None, :] - problem.cost).max(axis=1)
        mean = float(problem.p @ h)
        centred = h - mean
        sigma = math.sqrt(float(problem.p @ centred**2))
        if sigma < 0.05:
            context.miss("the adversarial losses do not vary")
            continue
        # So small that no weight vanishes and λ* > κ, so large that the remainder stands above the interval.
        reach = float(np.abs(centred).max()) / sigma
        start = min(
            1e-3, a / (200 * reach**2), a * sigma**2 / (8 * (problem.kappa + 1e-9) ** 2 * a**2 + 1e-30) / 16
        )
        remainders = []
        for epsilon in (start, start / 16, start / 256):
            found = certified_dro(context, {**sample.mapping, "epsilon": epsilon})
            small = replace(problem, epsilon=epsilon)
            value = context.formulas.expansion(h, small, a, b)
            remainders.append(abs(found.middle - value))
            numbers = evidence_of({**sample.mapping, "epsilon": epsilon}, found, value, sample.points)
        # Terms of order 3/2 and 2 may cancel at the first radius; the last two decide.
        # ε^{3/2} shrinks by 64 when ε shrinks by 16; ε alone (a wrong second term) only by 16.
        order = remainders[2] <= remainders[1] / 32 + 1e-13 * max(1.0, abs(mean))
        numbers = {**numbers, "extra": {"remainders": remainders}}
        context.claim(
            "the remainder is O(ε^{3/2})", 0.0 if order else remainders[2], 0.0, Grade.BRACKETED, numbers
        )


CHECKS = (
    Check(
        "T19",
        "V = m + σ√(2ε/f''(1)) − [f'''(1) K₃/(3 f''(1)² σ²) + κ] ε + O(ε^{3/2}) on a hard ball",
        run,
        applies=smooth_at_one,
        costs=("hard_ball", "reweighting"),
        breadth=(1, 4),
        samples=(1, 4),
    ),
)
