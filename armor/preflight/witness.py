"""Evaluate an objective's witnesses apart from it: its multipliers (T7, T10) and its re-weighting (T6)."""

__all__ = ["Witnessed", "evaluate"]

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from armor.preflight.formulas import formula

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Witnessed:
    """dual: value at (lambda, rho), an upper bound of the DRO value when finite.
    spent: D(w‖P) + E_w c of the re-weighting.  primal: E_w l - kappa spent.  mass: sum of w.
    """

    dual: float
    spent: float
    primal: float
    mass: float


def evaluate(
    spec: Mapping[str, object],
    losses: Vector,
    costs: Vector | None,
    weights: Vector | None,
    epsilon: float,
    kappa: float,
    lam: float,
    rho: float,
    w: Vector,
) -> Witnessed:
    """Dual value of (lam, rho) and primal value of the masses w, in float64, for support "reference"."""
    p = np.full(losses.size, 1 / losses.size) if weights is None else weights / weights.sum()
    c = np.zeros_like(losses) if costs is None else costs
    keep = p > 0
    losses, c, p, w_live = losses[keep], c[keep], p[keep], w[keep]
    with np.errstate(all="ignore"):
        # At a recession slope's edge rho's rounding alone may cross it; any rho bounds, so the best counts.
        ulp = 2.0**-52 * (abs(rho) + float(np.abs(losses).max()) + lam + kappa)
        dual = min(_dual(spec, losses, c, p, epsilon, kappa, lam, rho + k * ulp) for k in (0, 1, 4, 16))
        moved = w_live > 0
        spent = _divergence(spec, w_live, p) + float(w_live[moved] @ c[moved])
        primal = float(w_live @ losses) - (kappa * spent if kappa > 0 else 0.0)
    return Witnessed(dual, spent, primal, float(w.sum()))


def _divergence(spec: Mapping[str, object], w: Vector, p: Vector) -> float:
    name = spec.get("name")
    if name == "none":
        return 0.0 if np.abs(w / p - 1).max() <= 1e-9 else math.inf
    if name == "renyi":
        alpha = float(str(spec["alpha"]))
        return math.log(float(p @ (w / p) ** (1 - alpha))) / (alpha * (alpha - 1))
    return float(p @ formula(spec).f(w / p))


def _dual(
    spec: Mapping[str, object],
    losses: Vector,
    c: Vector,
    p: Vector,
    epsilon: float,
    kappa: float,
    lam: float,
    rho: float,
) -> float:
    mu = lam + kappa
    name = spec.get("name")
    if name == "none":
        return lam * epsilon + float(p @ (losses - mu * c if mu > 0 else losses))
    if mu == 0:
        reach = losses[c < np.inf]
        if name == "cvar":
            beta = float(str(spec["beta"]))
            return rho + float(p[c < np.inf] @ np.maximum(reach - rho, 0.0)) / beta
        return float(reach.max()) if rho >= reach.max() else math.inf
    if name == "renyi":
        alpha = float(str(spec["alpha"]))
        inside = float(p @ (rho - losses + mu * c) ** ((alpha - 1) / alpha))
        if not inside > 0.0:  # rho below the largest loss, or all mass at it
            return math.inf
        constant = (mu * math.log(mu) - mu * (math.log(alpha) + 1)) / alpha
        return lam * epsilon + rho + constant - mu / (alpha - 1) * math.log(inside)
    y = (losses - rho) / mu - c
    return lam * epsilon + rho + mu * float(p @ formula(spec).conjugate(y))
