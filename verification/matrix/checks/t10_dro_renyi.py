"""T10: the Rényi form, with any cost, and its one-variable form on a hard ball."""

import numpy as np
from numpy.typing import NDArray

from theory.evidence import Grade
from verification.generate import radii
from verification.matrix.applies import named
from verification.matrix.cells import Check, Context
from verification.matrix.exact import certified_dro, evidence_of, problem_of
from verification.matrix.formulas import Problem, minimize_log_convex
from verification.matrix.transform import c_transform

__all__ = ["CHECKS", "renyi_dro"]

Array = NDArray[np.float64]
TOLERANCE = 1e-7


def _inner(problem: Problem, lam: Array, alpha: float) -> Array:
    """T10 at `λ (K,)`, minimised over `ρ ≥ S` by a zooming grid in `log(ρ − S)`, the boundary included."""
    mu = lam + problem.kappa
    h = c_transform(problem.phi, problem.cost, mu)
    floor = np.full(len(mu), problem.phi.max()) if problem.support == "space" else h.max(axis=1)
    power = (alpha - 1.0) / alpha

    def at(s: Array) -> Array:
        gap = (floor[:, None] - h)[:, None, :] + s[:, :, None]
        moment = np.log(np.maximum(gap, 0.0) ** power @ problem.p)
        constant = -mu * (np.log(alpha) + 1.0) / alpha + mu * np.log(mu) / alpha
        start = (lam * problem.epsilon + floor + constant)[:, None]
        return np.asarray(start + s - (mu / (alpha - 1.0))[:, None] * moment)

    left = np.log(1e-14 * (mu + problem.span))
    right = np.log(1e4 * (mu + problem.span))
    best = at(np.zeros((len(mu), 1)))[:, 0] if problem.support == "space" else np.full(len(mu), np.inf)
    best = np.where(np.isnan(best), np.inf, best)
    rows = np.arange(len(mu))
    for _ in range(12):
        grid = left[:, None] + (right - left)[:, None] * np.linspace(0.0, 1.0, 17)[None, :]
        values = np.nan_to_num(at(np.exp(grid)), nan=np.inf, posinf=np.inf, neginf=np.inf)
        k = values.argmin(axis=1)
        best = np.minimum(best, values[rows, k])
        left, right = grid[rows, np.maximum(k - 1, 0)], grid[rows, np.minimum(k + 1, 16)]
    return best


def renyi_dro(problem: Problem, alpha: float) -> float:
    """The value of T10, a minimum over `λ ≥ 0` and `ρ`."""
    with np.errstate(all="ignore"):
        _, value = minimize_log_convex(
            lambda lam: _inner(problem, lam, alpha), 1e-9 * problem.span, 1e9 * problem.span
        )
        if problem.kappa > 0:
            return min(value, float(_inner(problem, np.zeros(1), alpha)[0]))
    reach = c_transform(problem.phi, problem.cost, np.zeros(1)).max()
    return min(value, float(problem.phi.max() if problem.support == "space" else reach))


def _hard_ball(problem: Problem, h: Array, alpha: float) -> float:
    """`inf_ρ { ρ − e^{−αε} (E (ρ−φ^c)^{(α−1)/α})^{α/(α−1)} }` over `ρ > max φ^c`."""
    top, power = float(h.max()), (alpha - 1.0) / alpha

    def at(s: Array) -> Array:
        ratio = ((top - h)[None, :] + s[:, None]) / s[:, None]
        moment = np.asarray((ratio**power) @ problem.p)
        return np.asarray(top + s - np.exp(-alpha * problem.epsilon) * s * moment ** (1.0 / power))

    span = float(np.ptp(h)) or 1.0
    with np.errstate(all="ignore"):
        return min(minimize_log_convex(at, 1e-12 * span, 1e9 * span)[1], top)


def run(context: Context) -> None:
    cell, alpha = context.cell, context.member.parameter
    for k, epsilon in enumerate(radii(context.rng, context.samples + 1)):
        context.tried += 1
        sample = context.draw(2, 7, epsilon=epsilon, ties=k % 2 == 1)
        found = certified_dro(context, sample.mapping)
        problem = problem_of(sample.mapping)
        value = renyi_dro(problem, alpha)
        numbers = evidence_of(sample.mapping, found, value, sample.points)
        words = "the minimum over λ and ρ ≥ S lies in the interval"
        context.claim(words, found.outside(value), TOLERANCE, Grade.ENCLOSED, numbers)
        if cell.cost in ("hard_ball", "reweighting") and cell.kappa == "k0" and cell.support == "reference":
            h = c_transform(problem.phi, problem.cost, np.zeros(1))[0]
            value = _hard_ball(problem, h, alpha)
            words = "the hard-ball form in ρ alone lies in the interval"
            context.claim(words, found.outside(value), TOLERANCE, Grade.ENCLOSED, {**numbers, "value": value})


CHECKS = (
    Check(
        "T10",
        "The Rényi dual, a minimum over λ ≥ 0 and ρ ≥ S",
        run,
        applies=named("renyi"),
        breadth=(2, 12),
        samples=(2, 4),
    ),
)
