"""T14: convexity of `D^c` along segments, and the counterexample where joint convexity fails (Rényi, `α >
1`).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory.evidence import Grade
from verification.generate import draw, weights
from verification.matrix.cells import NONE, Check, Context
from verification.matrix.exact import certified_divergence, evidence_of, without_losses

__all__ = ["CHECKS"]

Array = NDArray[np.float64]
SLACK = 2e-9
_STEPS = (2.0**-8, 2.0**-15)


def _pairs(context: Context, n: int) -> list[tuple[Array, Array]]:
    """The ends of a random segment: two pairs `(P, Q)` of distributions on `n` points."""
    return [(weights(context.rng, n), weights(context.rng, n)) for _ in range(2)]


def _violation(
    context: Context, mapping: Mapping[str, Any], ends: list[tuple[Array, Array]], points: object = None
) -> tuple[float, dict[str, object]]:
    """By how much `D^c` in the middle of a segment lies above the mean of its ends (negative: below)."""
    middle = [0.5 * (first + second) for first, second in zip(*ends, strict=True)]
    instances = [{**mapping, "p": p.tolist(), "q": q.tolist()} for p, q in [*ends, tuple(middle)]]
    values = [certified_divergence(context, each) for each in instances]
    mean = 0.5 * (values[0].upper + values[1].upper)
    numbers = evidence_of(instances[2], values[2], points=points)
    if not np.isfinite(mean):
        return -np.inf, numbers
    return (values[2].lower - mean) / max(1.0, abs(mean)), numbers


def _sample(context: Context, cost: str) -> tuple[dict[str, Any], int, object]:
    n = int(context.rng.integers(2, 5))
    sample = draw(context.rng, context.member.spec, cost, context.cell.support, n=n, zeros=0)
    return without_losses(sample.mapping), n, sample.points


def _renyi(p: Array, q: Array, alpha: float) -> float:
    """`R_α(P‖Q)`, the divergence without transport."""
    return float(np.log((p**alpha * q ** (1.0 - alpha)).sum()) / (alpha * (alpha - 1.0)))


def _counterexample(context: Context) -> None:
    """Without transport, the worst of many segments by the formula, its violation then enclosed."""
    alpha = context.member.parameter
    segments = [_pairs(context, 2) for _ in range(200)]

    def excess(ends: list[tuple[Array, Array]]) -> float:
        p, q = (0.5 * (first + second) for first, second in zip(*ends, strict=True))
        return _renyi(p, q, alpha) - 0.5 * sum(_renyi(*end, alpha) for end in ends)

    mapping = {
        "divergence": dict(context.member.spec),
        "cost": [[0.0, None], [None, 0.0]],
        "support": context.cell.support,
    }
    worst, numbers = _violation(context, mapping, max(segments, key=excess))
    context.claim(
        "a midpoint above the mean of its ends exists: not jointly convex",
        0.0 if worst > 1e-3 else 1.0,
        0.0,
        Grade.ENCLOSED,
        {**numbers, "extra": {"violation": worst}},
    )


def _semicontinuity(context: Context, mapping: dict[str, Any], n: int, points: object) -> None:
    """Along a segment a convex function is lower semicontinuous at an end when it is continuous there: the
    end is a Q with a point of mass 0, where a wrong `f(0)` would leave a jump.
    """
    p, inner, end = (weights(context.rng, n) for _ in range(3))
    gone = int(context.rng.integers(n))
    end[(gone + 1) % n] += end[gone]
    end[gone] = 0.0
    at = [{**mapping, "p": p.tolist(), "q": ((1 - s) * end + s * inner).tolist()} for s in (0.0, *_STEPS)]
    limit, *near = [certified_divergence(context, each) for each in at]
    if not np.isfinite(limit.upper):
        return
    gaps = [max(limit.middle - each.middle, 0.0) / limit.scale for each in near]
    numbers = evidence_of(at[0], limit, points=points, gaps=gaps)
    left = max(gaps[-1] - 0.9 * gaps[0], 0.0)
    words = "lower semicontinuous in Q where Q loses a point"
    context.claim(words, left, 1e-8, Grade.ENCLOSED, numbers)


def run(context: Context) -> None:
    member = context.member
    convex_jointly = member.name != "renyi" or member.parameter < 1
    for _ in range(context.samples):
        context.tried += 1
        mapping, n, points = _sample(context, context.cell.cost)
        ends = _pairs(context, n)
        gap, numbers = _violation(context, mapping, [(ends[0][0], q) for _, q in ends], points)
        context.claim("convex in Q", max(gap, 0.0), SLACK, Grade.ENCLOSED, numbers)
        if convex_jointly:
            gap, numbers = _violation(context, mapping, ends, points)
            context.claim("jointly convex in (Q, P)", max(gap, 0.0), SLACK, Grade.ENCLOSED, numbers)
        _semicontinuity(context, mapping, n, points)
    if not convex_jointly:
        _counterexample(context)


CHECKS = (
    Check(
        "T14",
        "D^c is convex and lower semicontinuous in Q, and jointly convex but for Rényi of order above 1",
        run,
        kappas=(NONE,),
        breadth=(1, 4),
        samples=(1, 4),
    ),
)
