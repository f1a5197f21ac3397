"""T28: one divergence under two names: scaled costs, families at special parameters, Rényi balls as alpha
balls.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory.evidence import Grade
from verification.generate import draw, radius
from verification.matrix.cells import NONE, Check, Context
from verification.matrix.checks.t15_interpolation import scaled
from verification.matrix.exact import (
    certified_divergence,
    certified_dro,
    evidence_of,
    problem_of,
    without_losses,
)
from verification.matrix.formulas import Formulas
from verification.matrix.members import Member

__all__ = ["CHECKS"]

# name: (factor s, alpha): the divergence is s times alpha's, so that D^c = s · alpha^{c/s}.
_FACTORS: Mapping[str, tuple[float, object]] = {
    "pearson": (2.0, 2),
    "neyman": (2.0, -1),
    "hellinger": (0.5, 0.5),
}
Array = NDArray[np.float64]
TOLERANCE = 3e-9


def _apart(first: Any, second: Any, factor: float) -> float:
    if math.isinf(first.lower) or math.isinf(second.lower):
        return 0.0 if first.lower == second.lower else math.inf
    low, high = factor * second.lower, factor * second.upper
    return float(max(low - first.upper, first.lower - high, 0.0) / first.scale)


def _multiple(context: Context) -> None:
    factor, alpha = _FACTORS[context.member.name]
    cell = context.cell
    sample = draw(context.rng, context.member.spec, cell.cost, cell.support, epsilon=radius(context.rng))
    mapping, other = sample.mapping, {"name": "alpha", "alpha": alpha}
    first = certified_divergence(context, without_losses(mapping))
    second = certified_divergence(
        context, {**without_losses(scaled(mapping, 1 / factor)), "divergence": other}
    )
    words = f"D^c = {factor:g} · alpha({alpha})^(c/{factor:g})"
    numbers = evidence_of(without_losses(mapping), first, factor * second.middle, sample.points)
    context.claim(words, _apart(first, second, factor), TOLERANCE, Grade.ENCLOSED, numbers)
    here = certified_dro(context, mapping)
    there = certified_dro(
        context, {**scaled(mapping, 1 / factor), "divergence": other, "epsilon": mapping["epsilon"] / factor}
    )
    numbers = evidence_of(mapping, here, there.middle, sample.points)
    context.claim(
        "the DRO values over D^c ≤ ε and alpha^(c/s) ≤ ε/s agree",
        _apart(here, there, 1.0),
        TOLERANCE,
        Grade.ENCLOSED,
        numbers,
    )


def _ball(context: Context) -> None:
    """Hard ball, `κ = 0`: the Rényi ball of radius ε is the alpha-`(1−α)` ball of radius
    `(e^{α(α−1)ε}−1)/(α(α−1))`.
    """
    alpha, epsilon = context.member.parameter, radius(context.rng)
    sample = draw(context.rng, context.member.spec, "hard_ball", context.cell.support, epsilon=epsilon)
    first = certified_dro(context, sample.mapping)
    product = alpha * (alpha - 1.0)
    other = {"name": "alpha", "alpha": float(Fraction(str(1.0 - alpha)))}
    second = certified_dro(
        context, {**sample.mapping, "divergence": other, "epsilon": math.expm1(product * epsilon) / product}
    )
    numbers = evidence_of(sample.mapping, first, second.middle, sample.points)
    words = "the Rényi ball is an alpha ball of another radius"
    context.claim(words, _apart(first, second, 1.0), 1e-8, Grade.ENCLOSED, numbers)


class _Multiple(Formulas):
    """The formulas of `s f` in place of `f`: `(s f)* = s f*(·/s)`, slope and recession times `s`."""

    factor = 3.0

    def __init__(self, member: Member) -> None:
        super().__init__(member)
        self.recession = self.factor * member.recession

    @cached_property
    def slope_at_one(self) -> float:
        return self.factor * float(super().f_prime(np.ones(1))[0])

    def conjugate(self, y: Array) -> Array:
        return np.asarray(self.factor * super().conjugate(y / self.factor))

    def conjugate_prime(self, y: Array) -> Array:
        return super().conjugate_prime(y / self.factor)


def _scaled(context: Context) -> None:
    """The dual with `s f` at cost `c` and radius `ε` against the enclosed value at cost `c/s` and `ε/s`."""
    cell = context.cell
    epsilon, factor = radius(context.rng), _Multiple.factor
    sample = draw(context.rng, context.member.spec, cell.cost, cell.support, epsilon=epsilon)
    here = certified_dro(context, {**scaled(sample.mapping, 0.25), "epsilon": epsilon})
    wide = problem_of({**scaled(sample.mapping, 0.25), "epsilon": epsilon})
    multiple = replace(wide, cost=factor * wide.cost, epsilon=factor * epsilon)
    value = _Multiple(context.member).dro(multiple).value
    numbers = evidence_of({**scaled(sample.mapping, 0.25), "epsilon": epsilon}, here, value, sample.points)
    words = "(sD)^{sc} = s D^c: the dual of s f at s c and s ε lies in the interval of f at c and ε"
    context.claim(words, here.outside(value), 1e-8, Grade.ENCLOSED, numbers)


def _soft(context: Context) -> None:
    """With soft costs the Rényi ball is no alpha ball: an example whose two intervals are disjoint."""
    alpha, best = context.member.parameter, (0.0, dict[str, object]())
    product = alpha * (alpha - 1.0)
    other = {"name": "alpha", "alpha": float(Fraction(str(1.0 - alpha)))}
    for _ in range(12):
        epsilon = float(
            context.rng.uniform(0.05, 0.5)
        )  # moderate: both ends of the radii make all balls alike
        sample = draw(context.rng, context.member.spec, "power", context.cell.support, epsilon=epsilon)
        first = certified_dro(context, sample.mapping)
        second = certified_dro(
            context,
            {**sample.mapping, "divergence": other, "epsilon": math.expm1(product * epsilon) / product},
        )
        gap = _apart(first, second, 1.0)
        seen = evidence_of(sample.mapping, first, second.middle, sample.points)
        best = max(best, (gap, seen), key=lambda pair: pair[0])
        if gap > 1e-4:
            break
    words = "with a soft cost the two balls differ: an example"
    context.claim(words, 0.0 if best[0] > 1e-4 else 1.0, 0.0, Grade.ENCLOSED, best[1])


def run(context: Context) -> None:
    for _ in range(context.samples):
        context.tried += 1
        if context.member.name == "renyi":
            _ball(context)
            continue
        _scaled(context)
        if context.member.name in _FACTORS:
            _multiple(context)
    if context.member.name == "renyi":
        _soft(context)


def _applies(member: Member, support: str) -> str | None:
    del support
    return "its f takes the values 0 and ∞ only: sD = D" if member.name == "none" else None


CHECKS = (
    Check(
        "T28",
        "(sD)^c = s D^{c/s}; Pearson, Neyman, Hellinger as multiples of alpha; Rényi balls as alpha balls",
        run,
        applies=_applies,
        costs=("power", "hard_ball", "matrix"),
        kappas=(NONE,),
        breadth=(1, 3),
        samples=(1, 4),
    ),
)
