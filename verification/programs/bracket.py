"""Proved intervals from the witnesses of the convex programs alone, without the solvers' polishing.

A plan's columns are rescaled to `q` (or its mass to 1 and its cost below `epsilon`), prices and multipliers
are moved into their bounds, and the checker's bounds are evaluated in ball arithmetic. A conic solver's
witnesses reach about 1e-9.
"""

from fractions import Fraction

import numpy as np
from flint import ctx
from numpy.typing import NDArray

from theory.errors import InputError
from verification.certificate.build import certify, exact, plan_witness, stated
from verification.certificate.checker import PRECISION
from verification.certificate.formulas import formula
from verification.instance import Instance, text
from verification.programs.exact import PlanWitness, dro_dual, dro_primal, dual, primal
from verification.solve.inner import Ball
from verification.solve.masses import ExactCost, Masses, as_plan, feasible
from verification.solve.reduced import Reduced
from verification.solve.repair import Overfull

__all__ = ["bracket_divergence", "bracket_dro"]

Floats = NDArray[np.float64]


def bracket_divergence(instance: Instance, *, solver: str | None = None) -> tuple[float, float]:
    """`(lower, upper)` of `D^c(Q||P)` proved from the witnesses of T1 and T2.

    Args:
        instance: needs `q`; any f-divergence.
        solver: name of an installed CVXPY solver, as in `primal`.

    Raises:
        InputError: as `primal` and `dual`.
    """
    plan, prices = primal(instance, solver=solver), dual(instance, solver=solver)
    problem = Reduced(instance)
    with np.errstate(all="ignore"), ctx.workprec(PRECISION):
        x = plan.x[np.ix_(problem.rows, problem.columns)]
        try:
            upper = plan_witness(problem.plan(x, plan.u[problem.columns]))
        except Overfull as error:
            raise InputError(f"no plan is feasible: {error}.") from None
        lower = {"g": problem.potential(prices.g[problem.columns])}
        _, low, high = certify(instance, "divergence", lower, upper)
    return low, high


def bracket_dro(instance: Instance, *, solver: str | None = None) -> tuple[float, float]:
    """`(lower, upper)` of the DRO value proved from the witnesses of T6 and T7.

    Args:
        instance: needs `phi` and `epsilon`; any f-divergence.
        solver: as in `primal`.

    Raises:
        InputError: as `dro_primal` and `dro_dual`.
    """
    witness, multipliers = dro_primal(instance, solver=solver), dro_dual(instance, solver=solver)
    assert instance.epsilon_exact is not None
    with np.errstate(all="ignore"), ctx.workprec(PRECISION):
        ball = Ball(instance)
        cheap = ball.cheapest()
        plan = None
        if cheap is not None:
            masses = _masses(ball, witness)
            plan = feasible(ExactCost(instance), masses, ball.plan(cheap), instance.epsilon_exact)
        lam, rho = Fraction(multipliers.lam), Fraction(multipliers.rho)
        bound = _least_rho(ball, lam)
        rho = rho if bound is None else max(rho, bound)
        lower = None if plan is None else plan_witness(as_plan(plan, instance.shape))
        upper = {"lambda": text(lam), "rho": text(rho)}
        _, low, high = certify(instance, "dro", lower, upper)
    return low, high


def _masses(ball: Ball, witness: PlanWitness) -> Masses:
    """The exact masses of a float plan, scaled to 1 and below the caps of a bounded domain."""
    instance = ball.instance
    masses: Masses = {}
    for i, j in zip(*np.nonzero(witness.x > 1e-14), strict=True):
        masses[int(i), int(j)] = Fraction(float(witness.x[i, j]))
    for j in np.flatnonzero(witness.u > 1e-14):
        masses[-1, int(j)] = Fraction(float(witness.u[j]))
    fixed = ball.information.domain[0] == 1.0
    if ball.cap is not None:
        for i in np.flatnonzero(instance.p > 0).tolist():
            row = [key for key in masses if key[0] == i]
            total = sum((masses[key] for key in row), Fraction(0))
            cap = ball.cap * instance.p_exact[i]
            # Transport only (low = high) fixes the row sums, a cap bounds them.
            factor = cap / total if fixed and total else min(Fraction(1), cap / total) if total else 1
            for key in row:
                masses[key] *= factor
    total = sum(masses.values(), Fraction(0))
    if ball.cap is None or total > 1:
        return {key: mass / total for key, mass in masses.items()}
    masses[max(masses, key=lambda key: ball.slack(key, masses[key]))] += 1 - total
    return masses


def _least_rho(ball: Ball, lam: Fraction) -> Fraction | None:
    """The recession bound of T7, or at `mu = 0` the reachable maximum where `f` has no cap; else None."""
    instance = ball.instance
    assert instance.phi_exact is not None
    mu = lam + instance.kappa_exact
    heights = [
        max(instance.phi_exact[j] - mu * c for j, c in enumerate(instance.cost_exact[i]) if c is not None)
        for i in ball.kept[ball.reach].tolist()
    ]
    supremum = max(instance.phi_exact) if ball.space else max(heights)
    table = formula(stated(instance.divergence))
    recession = exact(table.recession, up=False)
    if recession is not None:
        return supremum - mu * recession
    return supremum if mu == 0 and table.domain[1] is None else None
