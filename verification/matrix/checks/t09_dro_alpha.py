"""T9: the alpha family on a hard ball with `λ` eliminated, one variable `ρ` left.

For `α < 0` the same elimination gives the same expression: with `b = α/(α − 1)`, `λ` enters T7 as
`λ (ε − 1/(α(1−α))) + α⁻¹ (1−α)^b λ^{1−b} E(ρ − φ^c)^b`, whose minimum over `λ` is `−(1−α(1−α)ε)^{1/α}
(E(ρ−φ^c)^b)^{1/b}`.
"""

import numpy as np
from numpy.typing import NDArray

from theory.evidence import Grade
from verification.generate import radii
from verification.matrix.applies import Condition, every, named
from verification.matrix.cells import Check, Context
from verification.matrix.exact import certified_dro, evidence_of, problem_of
from verification.matrix.formulas import Problem, minimize_log_convex
from verification.matrix.members import Member

__all__ = ["CHECKS", "eliminated"]

Array = NDArray[np.float64]
TOLERANCE = 1e-8


def eliminated(problem: Problem, h: Array, alpha: float) -> float:
    """The value of T9 for adversarial losses `h (n,)`: a minimum over `s = |ρ − max h| > 0`."""
    top, epsilon = float(h.max()), problem.epsilon
    power = alpha / (alpha - 1.0)

    def above(s: Array) -> Array:
        gaps = (top - h)[None, :] + s[:, None]
        factor = max(1.0 - alpha * (1.0 - alpha) * epsilon, 0.0) ** (1.0 / alpha)
        # Scaled by the gap at the maximum, so that powers near the boundary stay in range.
        mean = ((gaps / s[:, None]) ** power) @ problem.p
        return np.asarray(top + s - factor * s * mean ** (1.0 / power))

    def below(s: Array) -> Array:
        excess = np.maximum(h[None, :] - top + s[:, None], 0.0) / s[:, None]
        factor = (1.0 + alpha * (alpha - 1.0) * epsilon) ** (1.0 / alpha)
        return np.asarray(top - s + factor * s * ((excess**power) @ problem.p) ** (1.0 / power))

    span = float(np.ptp(h)) or 1.0
    with np.errstate(all="ignore"):
        _, value = minimize_log_convex(below if alpha > 1 else above, 1e-12 * span, 1e9 * span)
    return min(value, top)


def run(context: Context) -> None:
    for k, epsilon in enumerate(radii(context.rng, context.samples + 2)):
        context.tried += 1
        sample = context.draw(3, 8, epsilon=epsilon, ties=k % 2 == 1)
        found = certified_dro(context, sample.mapping)
        problem = problem_of(sample.mapping)
        h = context.formulas.c_transform(problem.phi, problem.cost, np.zeros(1))[0]
        value = eliminated(problem, h, context.member.parameter)
        words = "the minimum over ρ alone lies in the interval"
        numbers = evidence_of(sample.mapping, found, value, sample.points)
        context.claim(words, found.outside(value), TOLERANCE, Grade.ENCLOSED, numbers)


def _supported(member: Member, support: str) -> str | None:
    if member.name == "alpha" and member.parameter < 1 and support == "space":
        return 'stated for the mode "reference" when alpha < 1'
    return None


_applies: Condition = every(named("alpha"), _supported)

CHECKS = (
    Check(
        "T9",
        "Alpha on a hard ball: λ eliminated, a minimum over ρ alone",
        run,
        applies=_applies,
        costs=("hard_ball", "reweighting"),
        kappas=("k0",),
        breadth=(1, 2),
        samples=(1, 6),
    ),
)
