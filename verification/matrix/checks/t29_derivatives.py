"""T29: the optimal potential is the derivative of `D^c` in `Q`, and `−f*(g*^c)` the one in `P`: tangents and
finite differences; for a soft cost and a small radius transport and re-weighting share one budget.
"""

import numpy as np
from numpy.typing import NDArray

from theory.evidence import Grade
from verification.generate import draw, weights
from verification.matrix.applies import f_divergence
from verification.matrix.cells import NONE, Check, Context
from verification.matrix.exact import (
    Certified,
    certified_divergence,
    evidence_of,
    pair_of,
    without_losses,
)
from verification.matrix.formulas import minimize_log_convex
from verification.matrix.rates import observed_orders

__all__ = ["CHECKS"]

Array = NDArray[np.float64]
SLACK = 1e-8
STEP = 2.0**-13


def _quotient(
    context: Context,
    words: str,
    found: Certified,
    sides: tuple[Certified, Certified],
    slope: float,
    numbers: dict[str, object],
) -> None:
    """Where left and right difference quotients meet, the derivative exists and is `slope`; `slope` lies
    between them in any case.
    """
    if not all(np.isfinite(side.upper) for side in sides):
        return
    left, right = (found.middle - sides[0].middle) / STEP, (sides[1].middle - found.middle) / STEP
    scale = max(1.0, abs(left), abs(right))
    outside = max(left - slope, slope - right, 0.0) / scale
    seen = {**numbers, "extra": {"left": left, "derivative": slope, "right": right}}
    context.claim(f"{words} lies between the difference quotients", outside, 1e-6, Grade.ENCLOSED, seen)
    if right - left < 1e-2 * scale:
        apart = abs(0.5 * (left + right) - slope) / scale
        words = f"{words} is the central difference quotient"
        context.claim(words, apart, 0.1 * (right - left) / scale + 1e-6, Grade.BRACKETED, seen)


def _direction(rng: np.random.Generator, base: Array) -> Array:
    """A direction of mass 0 along which `base ± STEP d` stays a distribution."""
    toward = rng.dirichlet(np.ones(len(base)))
    step = np.round((toward - base) * 2**10) / 2**10 * (base > 2 * STEP)
    step[int(np.argmax(base))] -= step.sum()
    return np.asarray(step)


def _soft_budget(context: Context) -> None:
    """Cost `‖y − x‖²/(2τ)` on `R^d` and a linear loss of slope `a`: `φ^c_λ = φ + τ‖a‖²/(2λ)`, so that
    `V = m + √(2ε(Var φ/f''(1) + τ‖a‖²)) + O(ε)`, one budget for both mechanisms.
    """
    curvature = context.member.curvature
    if curvature is None or curvature <= 0:
        return
    formulas, rng = context.formulas, context.rng
    p = weights(rng, 5)
    phi = np.round(rng.uniform(-1.0, 1.0, 5) * 256) / 256
    tau, squared = float(rng.choice([0.25, 0.5, 1.0])), float(rng.choice([0.25, 1.0]))
    mean = float(p @ phi)
    lead = 2.0 * (float(p @ (phi - mean) ** 2) / curvature + tau * squared)

    def value(epsilon: float) -> float:
        def dual(lam: Array) -> Array:
            h = phi[None, :] + tau * squared / (2.0 * lam[:, None])
            top = np.full(len(lam), np.inf) if context.cell.support == "space" else h.max(axis=1)
            return lam * epsilon + formulas.reweighting(h, p, lam, top)[0]

        with np.errstate(all="ignore"):
            return minimize_log_convex(dual, 1e-6, 1e9)[1]

    radii = (2.0**-10, 2.0**-14, 2.0**-18)
    gaps = [abs(value(epsilon) - mean - np.sqrt(lead * epsilon)) for epsilon in radii]
    orders = observed_orders(radii, gaps, 1e-11)
    numbers = {"extra": {"Var φ": lead, "remainders": gaps, "orders": orders}}
    words = "soft cost: V = m + √(2ε(Var φ/f''(1) + τ E‖∇φ‖²)) + O(ε)"
    context.claim(words, max(0.85 - orders[-1], 0.0), 0.0, Grade.BRACKETED, numbers)


def run(context: Context) -> None:
    cell, rng, formulas = context.cell, context.rng, context.formulas
    if cell.support == "reference":
        _soft_budget(context)
    for _ in range(context.samples):
        context.tried += 1
        n = int(rng.integers(3, 6))
        sample = draw(rng, context.member.spec, cell.cost, cell.support, n=n, zeros=0)
        mapping = without_losses(sample.mapping)
        mapping["q"] = weights(rng, n).tolist()
        found = certified_divergence(context, mapping)
        if found.g is None or not np.isfinite(found.lower) or not np.all(np.isfinite(found.g)):
            context.miss("no finite potential")
            continue
        cost, p, q = pair_of(mapping)
        numbers = evidence_of(mapping, found, points=sample.points, g=found.g.tolist())
        toward = weights(rng, n)
        other = certified_divergence(context, {**mapping, "q": toward.tolist()})
        if np.isfinite(other.upper):
            tangent = found.lower + float(found.g @ (toward - q))
            over = max(tangent - other.upper, 0.0) / max(1.0, abs(tangent))
            context.claim("D^c(Q'‖P) ≥ D^c(Q‖P) + g*·(Q' − Q)", over, SLACK, Grade.ENCLOSED, numbers)
        step = _direction(rng, q)
        sides = [
            certified_divergence(context, {**mapping, "q": (q + s * STEP * step).tolist()}) for s in (-1, 1)
        ]
        _quotient(context, "g*·d", found, (sides[0], sides[1]), float(found.g @ step), numbers)
        with np.errstate(all="ignore"):
            transformed = (found.g[None, :] - cost).max(axis=1)
            top = found.g.max() if cell.support == "space" else transformed.max()
            _, rho = formulas.reweighting(transformed[None, :], p, np.ones(1), np.array([top]))
            price = -(rho[0] + formulas.conjugate(transformed - rho[0]))
        if not np.all(np.isfinite(price)):
            context.miss("f* is infinite at the potential")
            continue
        toward = 0.5 * (p + weights(rng, n))
        other = certified_divergence(context, {**mapping, "p": toward.tolist()})
        if np.isfinite(other.upper):
            tangent = found.lower + float(price @ (toward - p))
            over = max(tangent - other.upper, 0.0) / max(1.0, abs(tangent))
            context.claim("D^c(Q‖P') ≥ D^c(Q‖P) − f*(g*^c)·(P' − P)", over, SLACK, Grade.ENCLOSED, numbers)
        step = _direction(rng, p)
        sides = [
            certified_divergence(context, {**mapping, "p": (p + s * STEP * step).tolist()}) for s in (-1, 1)
        ]
        _quotient(context, "−f*(g*^c)·d", found, (sides[0], sides[1]), float(price @ step), numbers)


CHECKS = (
    Check(
        "T29",
        "∇_Q D^c = g* and ∇_P D^c = −f*(g*^c): tangents, difference quotients, the small soft budget",
        run,
        applies=f_divergence,
        costs=("power", "soft_ball", "matrix"),
        kappas=(NONE,),
        breadth=(1, 3),
        samples=(1, 4),
    ),
)
