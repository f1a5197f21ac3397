"""T20: how the value moves under affine changes of the loss, permutations and copies of a point."""

import numpy as np

from theory.evidence import Grade
from verification.generate import draw, radius
from verification.matrix.cells import Check, Context, kappa_value
from verification.matrix.exact import Certified, certified_dro, evidence_of, problem_of

__all__ = ["CHECKS"]

TOLERANCE = 3e-9


def _apart(first: Certified, value: float, other: Certified, scale: float) -> float:
    """How far `scale · first + value` and `other` are from meeting."""
    low, high = scale * first.lower + value, scale * first.upper + value
    return max(other.lower - high, low - other.upper, 0.0) / other.scale


def run(context: Context) -> None:
    cell, rng = context.cell, context.rng
    for _ in range(context.samples):
        context.tried += 1
        n = int(rng.integers(3, 7))
        sample = draw(
            rng,
            context.member.spec,
            cell.cost,
            cell.support,
            n=n,
            kappa=kappa_value(cell.kappa, rng),
            epsilon=radius(rng),
        )
        mapping = sample.mapping
        base = certified_dro(context, mapping)
        numbers = evidence_of(mapping, base, points=sample.points)
        cost, phi, p = mapping["cost"], np.array(mapping["phi"]), np.array(mapping["p"])
        penalty = float(mapping["kappa"])
        a, b = float(2.0 ** rng.integers(-4, 5)), float(rng.integers(-3, 4))
        scaled = certified_dro(context, {**mapping, "phi": (a * phi + b).tolist(), "kappa": a * penalty})
        words = "V_{aκ}(aφ + b) = a V_κ(φ) + b"
        context.claim(words, _apart(base, b, scaled, a), TOLERANCE, Grade.ENCLOSED, numbers)
        if context.member.is_f_divergence:
            formula = context.formulas.dro(
                problem_of({**mapping, "phi": (a * phi + b).tolist(), "kappa": a * penalty})
            )
            words = "the formula at (aφ + b, aκ) lies in a·interval + b"
            gap = (
                max(a * base.lower + b - formula.value, formula.value - a * base.upper - b, 0.0)
                / scaled.scale
            )
            context.claim(words, gap, 1e-8, Grade.ENCLOSED, numbers)
        order = rng.permutation(n)
        shuffled = [[cost[i][j] for j in order] for i in order]
        moved = certified_dro(
            context,
            {**mapping, "phi": phi[order].tolist(), "p": p[order].tolist(), "cost": shuffled, "q": None},
        )
        context.claim(
            "invariant under permutations", _apart(base, 0.0, moved, 1.0), TOLERANCE, Grade.ENCLOSED, numbers
        )
        k = int(np.argmax(p))
        copies = [*range(n), k]
        split = p[copies].copy()
        split[k] = split[-1] = p[k] / 2
        doubled = [[cost[i][j] for j in copies] for i in copies]
        twice = certified_dro(
            context, {**mapping, "phi": phi[copies].tolist(), "p": split.tolist(), "cost": doubled, "q": None}
        )
        words = "a point split into two copies leaves the value"
        context.claim(words, _apart(base, 0.0, twice, 1.0), TOLERANCE, Grade.ENCLOSED, numbers)


CHECKS = (
    Check(
        "T20",
        "The value is equivariant under aφ + b, invariant under permutations and under splitting a point",
        run,
        breadth=(1, 4),
        samples=(1, 2),
    ),
)
