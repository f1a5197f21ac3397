"""T14: convexity of `D^c` along segments, and the counterexample where joint convexity fails (Rényi, `α >
1`).
"""

import numpy as np

from theory.evidence import Grade
from verification.generate import draw, weights
from verification.matrix.cells import NONE, Check, Context
from verification.matrix.exact import certified_divergence, evidence_of, without_losses

__all__ = ["CHECKS"]

SLACK = 2e-9


def _violation(context: Context, jointly: bool, cost: str) -> tuple[float, dict[str, object]]:
    """By how much the middle of a random segment lies above the mean of its ends (negative: convex there)."""
    rng = context.rng
    n = int(rng.integers(2, 5))
    sample = draw(rng, context.member.spec, cost, context.cell.support, n=n, zeros=0)
    mapping = without_losses(sample.mapping)
    ends = [(weights(rng, n), weights(rng, n)) for _ in range(2)]
    if not jointly:
        ends = [(ends[0][0], q) for _, q in ends]
    middle = [0.5 * (first + second) for first, second in zip(*ends, strict=True)]
    values = [
        certified_divergence(context, {**mapping, "p": p.tolist(), "q": q.tolist()})
        for p, q in [*ends, tuple(middle)]
    ]
    mean = 0.5 * (values[0].upper + values[1].upper)
    numbers = evidence_of({**mapping, "p": middle[0].tolist(), "q": middle[1].tolist()}, values[2])
    if not np.isfinite(mean):
        return -np.inf, numbers
    return (values[2].lower - mean) / max(1.0, abs(mean)), numbers


def run(context: Context) -> None:
    cost, member = context.cell.cost, context.member
    convex_jointly = member.name != "renyi" or member.parameter < 1
    for _ in range(context.samples):
        context.tried += 1
        gap, numbers = _violation(context, jointly=False, cost=cost)
        context.claim("convex in Q", max(gap, 0.0), SLACK, Grade.ENCLOSED, numbers)
        if convex_jointly:
            gap, numbers = _violation(context, jointly=True, cost=cost)
            context.claim("jointly convex in (Q, P)", max(gap, 0.0), SLACK, Grade.ENCLOSED, numbers)
    if not convex_jointly:
        worst, numbers = max(
            (_violation(context, True, "reweighting") for _ in range(24)), key=lambda pair: pair[0]
        )
        words = "a midpoint above the mean of its ends exists: not jointly convex"
        context.claim(
            words,
            0.0 if worst > 1e-6 else 1.0,
            0.0,
            Grade.ENCLOSED,
            {**numbers, "extra": {"violation": worst}},
        )


CHECKS = (
    Check(
        "T14",
        "D^c is convex in Q, and jointly in (Q, P) but for Rényi of order above 1",
        run,
        kappas=(NONE,),
        breadth=(1, 4),
        samples=(1, 4),
    ),
)
