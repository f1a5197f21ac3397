"""T11: the worst-case distribution, twice: the witness of the exact solver satisfies the conditions of
optimality at the multipliers of the formula, and the formula's own weights reach the value.
"""

import math

import numpy as np

from theory.evidence import Grade
from verification.generate import draw, radius
from verification.matrix.applies import f_divergence
from verification.matrix.cells import Check, Context, kappa_value
from verification.matrix.exact import Certified, certified_dro, evidence_of, problem_of
from verification.matrix.formulas import DualPoint, Problem

__all__ = ["CHECKS"]

TOLERANCE = 1e-7


def _argmax(problem: Problem, h: np.ndarray, mu: float) -> list[np.ndarray]:
    """The columns that attain the c-transform of each row."""
    moved = problem.phi[None, :] - np.where(
        np.isinf(problem.cost), np.inf, mu * np.where(np.isinf(problem.cost), 0, problem.cost)
    )
    return [np.flatnonzero(row >= top - 1e-9) for row, top in zip(moved, h, strict=True)]


def _formula(
    context: Context, problem: Problem, point: DualPoint, found: Certified, numbers: dict[str, object]
) -> None:
    """The formula's `Q*` where no tie leaves a choice: feasible, complementary, and of the right value."""
    formulas, mu = context.formulas, point.lam + problem.kappa
    h = formulas.c_transform(problem.phi, problem.cost, np.array([mu]))[0]
    targets = _argmax(problem, h, mu)
    if mu <= 1e-9 or any(len(each) > 1 for each in targets) or not context.member.single_valued:
        return
    weights = formulas.weights(problem, point)
    singular = 0.0
    if context.cell.support == "space" and math.isfinite(context.member.recession):
        singular = max(1.0 - float(weights.sum()), 0.0)
    moved = np.array([each[0] for each in targets])
    spent = formulas.information(weights, problem.p, singular) + float(
        weights @ problem.cost[np.arange(len(h)), moved]
    )
    reward = float(weights @ problem.phi[moved]) + singular * float(problem.phi.max())
    mass = abs(float(weights.sum()) + singular - 1.0)
    context.claim("the weights w have mass 1", mass, TOLERANCE, Grade.ENCLOSED, numbers)
    over = max(spent - problem.epsilon, 0.0)
    context.claim("D^c(Q*‖P) ≤ ε", over / max(1.0, problem.epsilon), TOLERANCE, Grade.ENCLOSED, numbers)
    slack = point.lam * abs(problem.epsilon - spent) / found.scale
    context.claim("λ*(ε − D^c(Q*‖P)) = 0", slack, TOLERANCE, Grade.ENCLOSED, numbers)
    value = reward - problem.kappa * spent
    words = "E_{Q*}[φ] − κ D^c(Q*‖P) lies in the interval"
    context.claim(words, found.outside(value), TOLERANCE, Grade.ENCLOSED, numbers)


def _at_zero(context: Context) -> None:
    """At `λ*+κ = 0` and a hard ball: `P(·|argmax φ^c)` reaches the value within the least radius at which
    any distribution on the maximisers lies in the ball.
    """
    cell, member = context.cell, context.member
    singular = cell.support == "space" and math.isfinite(member.recession)
    if (
        cell.kappa != "k0"
        or cell.cost not in ("hard_ball", "reweighting")
        or singular
        or member.bounded_domain
    ):
        return
    if not member.divergence.f_at_zero.is_finite:
        return  # λ* is positive at every radius
    sample = draw(context.rng, member.spec, cell.cost, cell.support, n=6, zeros=0, kappa=0.0, epsilon=1.0)
    phi = np.array(sample.mapping["phi"])
    phi[context.rng.permutation(6)[:2]] = phi.max() + 0.25
    mapping = {**sample.mapping, "phi": phi.tolist()}
    problem = problem_of(mapping)
    reach = np.where(np.isinf(problem.cost), -np.inf, problem.phi[None, :]).max(axis=1)
    nearest = np.where(reach == reach.max(), problem.p, 0.0)
    least = context.formulas.information(nearest / nearest.sum(), problem.p)
    mapping["epsilon"] = max(least, 0.0) * (1 + 2.0**-20) + 2.0**-30
    problem, found = problem_of(mapping), certified_dro(context, mapping)
    weights = context.formulas.weights(problem, DualPoint(found.middle, 0.0, float(reach.max())))
    numbers = evidence_of(mapping, found, points=sample.points)
    mass = abs(float(weights.sum()) - 1.0)
    context.claim("P(·|argmax φ^c) has mass 1", mass, TOLERANCE, Grade.ENCLOSED, numbers)
    over = context.formulas.information(weights, problem.p) - mapping["epsilon"]
    words = "P(·|argmax φ^c) lies in the least ball with λ* = 0"
    context.claim(words, max(over, 0.0), TOLERANCE, Grade.ENCLOSED, numbers)
    off = found.outside(float(weights @ reach))
    context.claim("P(·|argmax φ^c) reaches the value", off, TOLERANCE, Grade.ENCLOSED, numbers)


def _witness(
    context: Context,
    problem: Problem,
    point: DualPoint,
    found: Certified,
    carried: np.ndarray,
    numbers: dict[str, object],
) -> None:
    """Fenchel–Young, transport and complementary slackness of the solver's plan at the formula's
    multipliers.
    """
    if found.plan is None:
        return
    formulas, mu, plan = context.formulas, point.lam + problem.kappa, found.plan[carried]
    used = plan > 0
    if mu <= 1e-7:
        # At λ*+κ = 0 transport is free wherever it is possible at all.
        reachable = np.where(np.isinf(problem.cost), -np.inf, problem.phi[None, :]).max(axis=1)
        short = np.where(used, reachable[:, None] - problem.phi[None, :], 0.0)
        words = "at λ*+κ = 0 η moves only to reachable maxima"
        context.claim(words, float((plan * short).sum()) / found.scale, TOLERANCE, Grade.ENCLOSED, numbers)
        return
    h = formulas.c_transform(problem.phi, problem.cost, np.array([mu]))[0]
    lost = (h[:, None] - problem.phi[None, :])[used] + mu * problem.cost[used]
    transport = float((plan[used] * np.abs(lost)).sum())
    context.claim(
        "η moves only to argmax {φ − (λ*+κ)c}", transport / found.scale, TOLERANCE, Grade.ENCLOSED, numbers
    )
    row = plan.sum(axis=1)
    with np.errstate(all="ignore"):
        paid = (
            mu * problem.p * formulas.f(row / problem.p)
            + problem.p * formulas.integrand(h[None, :], np.array([point.rho]), np.array([mu]))[0]
        )
    singular = float(found.singular.sum()) if found.singular is not None else 0.0
    young = float(np.abs(paid - row * (h - point.rho)).sum())
    if singular > 0:
        young += singular * abs(mu * context.member.recession - (float(problem.phi.max()) - point.rho))
    context.claim("w ∈ p ∂f*((φ^c − ρ*)/(λ*+κ))", young / found.scale, TOLERANCE, Grade.ENCLOSED, numbers)


def run(context: Context) -> None:
    cell = context.cell
    for k in range(context.samples + 1):
        context.tried += 1
        sample = draw(
            context.rng,
            context.member.spec,
            cell.cost,
            cell.support,
            n=int(context.rng.integers(3, 8)),
            kappa=kappa_value(cell.kappa, context.rng),
            epsilon=radius(context.rng) / 4,
            ties=k % 3 == 2,
        )
        problem = problem_of(sample.mapping)
        found = certified_dro(context, sample.mapping)
        point = context.formulas.dro(problem)
        numbers = evidence_of(sample.mapping, found, point.value, sample.points, λ=point.lam, ρ=point.rho)
        _formula(context, problem, point, found, numbers)
        _witness(context, problem, point, found, np.array(sample.mapping["p"]) > 0, numbers)
    _at_zero(context)


CHECKS = (
    Check(
        "T11",
        "Q* re-weights by p ∂f*((φ^c − ρ*)/(λ*+κ)) and moves to argmax {φ − (λ*+κ)c}",
        run,
        applies=f_divergence,
        breadth=(1, 6),
        samples=(1, 3),
    ),
)
