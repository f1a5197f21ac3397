"""T23: the value is concave in `P`, and its increment lies between two one-sided deviations of the
integrand of T7.
"""

import numpy as np

from theory.evidence import Grade
from verification.generate import draw, radius, weights
from verification.matrix.applies import f_divergence
from verification.matrix.cells import Check, Context, kappa_value
from verification.matrix.exact import certified_dro, evidence_of, problem_of
from verification.matrix.formulas import DualPoint, Problem

__all__ = ["CHECKS"]

SLACK = 1e-8


def _integrand(context: Context, problem: Problem, point: DualPoint) -> np.ndarray:
    mu = point.lam + problem.kappa
    h = context.formulas.c_transform(problem.phi, problem.cost, np.array([mu]))[0]
    with np.errstate(all="ignore"):
        return context.formulas.worst_losses(h, point, mu) + point.lam * problem.epsilon


def run(context: Context) -> None:
    cell, rng = context.cell, context.rng
    for _ in range(context.samples):
        context.tried += 1
        n = int(rng.integers(3, 6))
        sample = draw(
            rng,
            context.member.spec,
            cell.cost,
            cell.support,
            n=n,
            zeros=0,
            kappa=kappa_value(cell.kappa, rng),
            epsilon=radius(rng) / 4,
        )
        p, other = weights(rng, n), weights(rng, n)
        first, second, middle = (
            {**sample.mapping, "p": each.tolist()} for each in (p, other, 0.5 * (p + other))
        )
        ends = [certified_dro(context, each) for each in (first, second, middle)]
        numbers = evidence_of(middle, ends[2], points=sample.points)
        short = max(0.5 * (ends[0].lower + ends[1].lower) - ends[2].upper, 0.0) / ends[2].scale
        context.claim("V is concave in P", short, 2e-9, Grade.ENCLOSED, numbers)
        problems = [problem_of(each) for each in (first, second)]
        points = [context.formulas.dro(each) for each in problems]
        if any(point.lam + problem.kappa <= 1e-9 for point, problem in zip(points, problems, strict=True)):
            context.miss("λ* + κ = 0: the integrand of T7 is a support function there")
            continue
        low, high = (
            float((p - other) @ _integrand(context, problem, point))
            for problem, point in zip(problems, points, strict=True)
        )
        gain_low, gain_high = ends[0].lower - ends[1].upper, ends[0].upper - ends[1].lower
        scale = max(ends[0].scale, abs(low), abs(high))
        words = "(E_P − E_{P'}) m_{θ*(P)} ≤ V(P) − V(P')"
        context.claim(words, max(low - gain_high, 0.0) / scale, SLACK, Grade.ENCLOSED, numbers)
        words = "V(P) − V(P') ≤ (E_P − E_{P'}) m_{θ*(P')}"
        context.claim(words, max(gain_low - high, 0.0) / scale, SLACK, Grade.ENCLOSED, numbers)


CHECKS = (
    Check(
        "T23",
        "V is concave in P, its increments bounded by one-sided deviations of the integrand",
        run,
        applies=f_divergence,
        costs=("power", "hard_ball", "matrix"),
        breadth=(1, 3),
        samples=(1, 3),
    ),
)
