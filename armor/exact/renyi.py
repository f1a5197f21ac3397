"""Rényi divergence `R_α(P‖η) = log Σ p_i^α η_i^{1-α} / (α(α-1))`: the one member that does not separate
over points.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

__all__ = ["renyi_lambda", "renyi_scale", "renyi_value"]

Array = NDArray[np.float64]


def _log_sum(alpha: float, p: Array, eta: Array) -> float:
    with np.errstate(divide="ignore"):
        return float(logsumexp(alpha * np.log(p) + (1 - alpha) * np.log(eta)))


def renyi_value(alpha: float, p: Array, eta: Array) -> float:
    """`R_α(P‖η)` for `p > 0`, `eta >= 0`; `inf` where `α > 1` and some `eta_i = 0`, or nothing overlaps."""
    return _log_sum(alpha, p, eta) / (alpha * (alpha - 1))


def renyi_scale(alpha: float, p: Array, eta: Array) -> float:
    """`1/Σ p^α η^{1-α}`: the gradient of R_α in `η_i` is this times `-(p_i/η_i)^α / α`."""
    return float(np.exp(-np.clip(_log_sum(alpha, p, eta), -600, 600)))


def _objective(alpha: float, p: Array, h: Array, rho: float) -> tuple[float, float]:
    """The integrand of T10 at `λ + κ = 1` and its derivative in `rho`."""
    gap = np.maximum(rho - h, 1e-300)
    power = (alpha - 1) / alpha
    logs = np.log(p) + power * np.log(gap)
    log_mean = float(logsumexp(logs))
    value = rho - (np.log(alpha) + 1) / alpha - log_mean / (alpha - 1)
    slope = 1 - float(np.sum(np.exp(logs - log_mean) / gap)) / alpha
    return value, slope


def renyi_lambda(alpha: float, p: Array, h: Array, bound: float) -> tuple[float, float]:
    """`Λ^P[h] = inf_{ρ >= bound} {...}` (T10 at `λ + κ = 1`) and the minimising `ρ`.

    Args:
        bound: `max h` in mode "reference", the supremum of `h` over the whole space in mode "space".
    """
    # The derivative in rho is monotone: at rho = max h + delta it is below 1 - p_max/(alpha delta), so
    # bisect.
    low, width = bound, 1.0
    if bound > float(np.max(h)) and _objective(alpha, p, h, bound)[1] >= 0:
        return _objective(alpha, p, h, bound)[0], bound
    while _objective(alpha, p, h, bound + width)[1] < 0:
        width *= 2
    high = bound + width
    for _ in range(200):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if _objective(alpha, p, h, middle)[1] < 0:
            low = middle
        else:
            high = middle
    return _objective(alpha, p, h, high)[0], high
