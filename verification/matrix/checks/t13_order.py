"""T13: how `D^c` and the DRO value are ordered with respect to their parts and parameters."""

import math
from typing import Any

import numpy as np

from theory.evidence import Grade
from verification.generate import draw, radius
from verification.matrix.applies import f_divergence
from verification.matrix.cells import Check, Context, kappa_value
from verification.matrix.exact import (
    Certified,
    certified_divergence,
    certified_dro,
    evidence_of,
    pair_of,
    problem_of,
    without_losses,
)
from verification.matrix.linear import transport_cost, transport_dro

__all__ = ["CHECKS"]

SLACK = 2e-9  # the inequalities are between enclosed numbers, a linear program apart


def _excess(small: float, large: float) -> float:
    """By how much `small ≤ large` fails, relative to the size of the numbers."""
    if small == large or large == math.inf or small == -math.inf:
        return 0.0
    return max(small - large, 0.0) / max(1.0, abs(large) if math.isfinite(large) else 1.0)


def _divergence_order(context: Context, mapping: dict[str, Any], points: object) -> None:
    found = certified_divergence(context, without_losses(mapping))
    cost, p, q = pair_of(mapping)
    carried = np.array(mapping["p"]) > 0
    stray = float(q[~carried].sum())
    information = context.formulas.information(q[carried], p, 0.0)
    if stray > 0:
        information = (
            information + stray * context.member.recession if context.cell.support == "space" else math.inf
        )
    numbers = evidence_of(without_losses(mapping), found, information, points)
    context.claim("0 ≤ D^c", _excess(0.0, found.upper), SLACK, Grade.ENCLOSED, numbers)
    context.claim("D^c ≤ D", _excess(found.lower, information), SLACK, Grade.ENCLOSED, numbers)
    context.claim(
        "D^c ≤ C(P, Q)", _excess(found.lower, transport_cost(cost, p, q)), SLACK, Grade.ENCLOSED, numbers
    )


def _value_order(context: Context, mapping: dict[str, Any], base: Certified, points: object) -> None:
    problem = problem_of(mapping)

    def at(**changes: object) -> Certified:
        return certified_dro(context, {**mapping, **changes})

    def claim(words: str, small: float, large: float, other: Certified) -> None:
        context.claim(
            words, _excess(small, large), SLACK, Grade.ENCLOSED, evidence_of(mapping, other, points=points)
        )

    larger = at(epsilon=2 * problem.epsilon)
    claim("the value is nondecreasing in ε", base.lower, larger.upper, larger)
    double = at(epsilon=3 * problem.epsilon)
    claim("the value is concave in ε", 0.5 * (base.lower + double.lower), larger.upper, larger)
    dearer = [[None if c is None else 2 * c for c in row] for row in mapping["cost"]]
    costly = at(cost=dearer)
    claim("the value is nonincreasing in c", costly.lower, base.upper, costly)
    blocked = [[c if i == j else None for j, c in enumerate(row)] for i, row in enumerate(mapping["cost"])]
    alone = at(cost=blocked)
    claim("at least the value of re-weighting alone", alone.lower, base.upper, alone)
    moved = transport_dro(problem.phi, problem.cost, problem.p, problem.epsilon, problem.kappa)
    claim("at least the value of transport alone", moved, base.upper, base)
    mean = float(np.array(mapping["p"]) @ problem.phi) if len(problem.phi) == len(mapping["p"]) else -math.inf
    claim("at least E_P[φ]", mean, base.upper, base)
    free = context.cell.support == "space" and math.isfinite(context.member.recession)
    reach = context.formulas.c_transform(problem.phi, problem.cost, np.zeros(1))[0]
    claim("at most what is reachable", base.lower, float(problem.phi.max() if free else reach.max()), base)
    if context.cell.cost == "hard_ball" and problem.kappa == 0:
        claim("at least the mean adversarial loss", float(problem.p @ reach), base.upper, base)


def run(context: Context) -> None:
    cell = context.cell
    for _ in range(context.samples - 1):
        context.tried += 1
        sample = draw(
            context.rng,
            context.member.spec,
            cell.cost,
            cell.support,
            n=int(context.rng.integers(3, 7)),
            kappa=kappa_value(cell.kappa, context.rng),
            epsilon=radius(context.rng) / 2,
        )
        _divergence_order(context, sample.mapping, sample.points)
        base = certified_dro(context, sample.mapping)
        _value_order(context, sample.mapping, base, sample.points)


CHECKS = (
    Check(
        "T13",
        "0 ≤ D^c ≤ min(D, C); the DRO value is ordered in ε, c, its mechanisms, mean and maximum",
        run,
        applies=f_divergence,
        breadth=(1, 4),
        samples=(2, 3),
    ),
)
