"""T5: the closed forms of the transport step for linear losses, against numerical maximisation."""

import itertools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from theory.evidence import Grade
from verification.matrix.applies import once
from verification.matrix.cells import NONE, Check, Context

__all__ = ["CHECKS"]

Array = NDArray[np.float64]
TOLERANCE = 1e-6


def _largest(gain: Callable[[Array], float], starts: Array) -> float:
    """The largest value of a concave function that a simplex search finds from several starts."""
    found = [
        minimize(
            lambda z: -gain(z),
            start,
            method="Nelder-Mead",
            options={"xatol": 1e-11, "fatol": 1e-15, "maxiter": 4000},
        )
        for start in starts
    ]
    return max(float(-each.fun) for each in found)


def _power(a: Array, lam: float, scale: float, q: float) -> tuple[float, Callable[[Array], float]]:
    dual = float(np.linalg.norm(a))
    closed = (q - 1) * (lam * scale) ** (-1 / (q - 1)) * (dual / q) ** (q / (q - 1))
    return closed, lambda z: float(a @ z - lam * scale * np.linalg.norm(z) ** q)


def _soft_ball(a: Array, lam: float, r: float, tau: float) -> tuple[float, Callable[[Array], float]]:
    closed = float(r * np.abs(a).sum() + tau * (a @ a) / (2 * lam))
    return closed, lambda z: float(a @ z - lam * (np.maximum(np.abs(z) - r, 0) ** 2).sum() / (2 * tau))


def _barrier(a: Array, lam: float, scale: float, delta: float) -> tuple[float, Callable[[Array], float]]:
    closed = delta * max(np.sqrt(np.linalg.norm(a)) - np.sqrt(lam * scale), 0.0) ** 2

    def gain(z: Array) -> float:
        size = float(np.linalg.norm(z))
        return float(a @ z - lam * scale * size / (1 - size / delta)) if size < delta else -1e9

    return float(closed), gain


def _flips(a: Array, lam: float, scale: float, x: Array) -> tuple[float, float]:
    closed = float(np.maximum(a[x == 0] - lam * scale, 0.0).sum())
    best = max(
        float(a @ (np.array(y) - x)) - lam * scale * float(((np.array(y) == 1) & (x == 0)).sum())
        for y in itertools.product((0, 1), repeat=len(x))
        if np.all(np.array(y) >= x)
    )
    return closed, best


def run(context: Context) -> None:
    rng = context.rng
    for _ in range(context.samples):
        context.tried += 1
        a, lam = rng.normal(0, 1, 2), float(rng.uniform(0.3, 2.0))
        scale, tau, r = (
            float(rng.uniform(0.3, 2.0)),
            float(rng.uniform(0.2, 1.0)),
            float(rng.uniform(0.1, 0.5)),
        )
        forms = {
            "(b) L‖·‖^1.5": _power(a, lam, scale, 1.5),
            "(b) L‖·‖^2": _power(a, lam, scale, 2.0),
            "(b) L‖·‖^3": _power(a, lam, scale, 3.0),
            "(c) soft ball": _soft_ball(a, lam, r, tau),
            "(d) barrier": _barrier(a, lam, 0.5 * scale, 1.0),
        }
        for name, (closed, gain) in forms.items():
            direction = a / np.linalg.norm(a)
            starts = np.array([0.1 * direction, 0.5 * direction, [0.05, 0.02]])
            found = max(_largest(gain, starts), gain(np.zeros(2)))
            numbers = {"extra": {"a": a.tolist(), "λ": lam, "closed form": closed, "found": found}}
            gap = abs(found - closed) / max(1.0, closed)
            context.claim(f"{name}: closed form = numerical maximum", gap, TOLERANCE, Grade.SAMPLED, numbers)
        weights, bits = rng.normal(0.5, 1.0, 5), rng.integers(0, 2, 5).astype(np.float64)
        closed, best = _flips(weights, lam, scale, bits)
        numbers = {"extra": {"a": weights.tolist(), "x": bits.tolist(), "closed form": closed, "found": best}}
        context.claim(
            "(e) one-way flips: closed form = enumeration", abs(best - closed), 1e-12, Grade.SAMPLED, numbers
        )


CHECKS = (
    Check(
        "T5",
        "The transport step has closed forms for linear losses",
        run,
        applies=once,
        costs=(NONE,),
        supports=(NONE,),
        kappas=(NONE,),
        breadth=(1, 1),
        samples=(2, 6),
    ),
)
