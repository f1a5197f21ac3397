"""T20: how the value moves under affine changes of the loss, permutations and copies of a point."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory.evidence import Grade
from verification.generate import draw, radius, weights
from verification.matrix.cells import Check, Context, kappa_value
from verification.matrix.exact import (
    Certified,
    certified_divergence,
    certified_dro,
    evidence_of,
    problem_of,
    without_losses,
)

__all__ = ["CHECKS"]

Array = NDArray[np.float64]
TOLERANCE = 3e-9


def _apart(first: Certified, value: float, other: Certified, scale: float) -> float:
    """How far `scale · first + value` and `other` are from meeting."""
    low, high = scale * first.lower + value, scale * first.upper + value
    return max(other.lower - high, low - other.upper, 0.0) / other.scale


def _multipliers(
    context: Context, scaled: dict[str, Any], base: Certified, a: float, b: float, numbers: dict[str, object]
) -> None:
    """`(aλ*, aρ* + b)` are optimal for `(aφ + b, aκ)`: T7 at them meets `a · interval + b`."""
    problem = problem_of(scaled)
    if not context.member.is_f_divergence or base.lam is None or base.rho is None or base.lam <= 0:
        return
    lam, rho = a * base.lam, np.array([a * base.rho + b])
    mu = np.array([lam + problem.kappa])
    with np.errstate(all="ignore"):
        h = context.formulas.c_transform(problem.phi, problem.cost, mu)
        value = lam * problem.epsilon + rho[0] + context.formulas.integrand(h, rho, mu)[0] @ problem.p
    off = max(a * base.lower + b - value, value - a * base.upper - b, 0.0) / max(1.0, abs(value))
    context.claim("λ* → aλ*, ρ* → aρ* + b", off, 1e-8, Grade.ENCLOSED, numbers)


def _divergence_of_copies(context: Context, mapping: dict[str, Any], points: object) -> None:
    """`D^c` when a point is split: in `p`'s proportions at any mutual cost, else at mutual cost 0."""
    n = len(mapping["p"])
    single = without_losses(mapping)
    single["q"] = weights(context.rng, n).tolist()
    base = certified_divergence(context, single)
    p, q, cost = np.array(single["p"]), np.array(single["q"]), single["cost"]
    k = int(np.argmax(p))
    copies = [*range(n), k]

    def split(masses: Array, share: float) -> list[float]:
        parts = masses[copies]
        parts[k], parts[-1] = (1 - share) * masses[k], share * masses[k]
        return list(map(float, parts))

    together = [[cost[i][j] for j in copies] for i in copies]
    apart = [list(row) for row in together]
    apart[k][n] = apart[n][k] = None
    for words, arcs, share in (
        ("D^c is left by copies at mutual cost 0, however Q is split", together, 0.75),
        ("D^c is left by copies that P and Q split in the same proportions", apart, 0.25),
    ):
        twice = certified_divergence(
            context, {**single, "cost": arcs, "p": split(p, 0.25), "q": split(q, share)}
        )
        numbers = evidence_of(single, twice, base.middle, points)
        both_infinite = base.lower == twice.lower == np.inf
        gap = 0.0 if both_infinite else _apart(base, 0.0, twice, 1.0)
        context.claim(words, gap, TOLERANCE, Grade.ENCLOSED, numbers)


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
        _multipliers(
            context, {**mapping, "phi": (a * phi + b).tolist(), "kappa": a * penalty}, base, a, b, numbers
        )
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
        _divergence_of_copies(context, mapping, sample.points)


CHECKS = (
    Check(
        "T20",
        "The value is equivariant under aφ + b, invariant under permutations and under splitting a point",
        run,
        breadth=(1, 4),
        samples=(1, 2),
    ),
)
