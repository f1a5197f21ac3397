"""Lower and upper bounds of `D^c` from witnesses: T2's dual value and T1's primal value, nothing solved."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from armor.exact.inner import inner
from armor.exact.members import Member
from armor.exact.renyi import renyi_lambda, renyi_value

__all__ = ["best_shift", "divergence_value", "dual_value", "information", "worst_conjugate"]

Array = NDArray[np.float64]

_U = 2.0**-53
_NEAR = 0.1  # distance from 1 up to which f is integrated from f''
_NODES, _WEIGHTS = (
    0.5 * (v + w) for v, w in zip(np.polynomial.legendre.leggauss(10), (1.0, 0.0), strict=True)
)


def divergence_value(member: Member, p: Array, eta: Array) -> float:
    """`Σ p_i f(η_i/p_i)` (Rényi: `R_α(P‖η)`), without the singular part."""
    if member.alpha is not None:
        return renyi_value(member.alpha, p, eta)
    return inner(p, member.value(eta / p))


def information(member: Member, p: Array, eta: Array) -> tuple[float, float]:
    """`Σ p_i f(η_i/p_i)` (Rényi: `R_α(P‖η)`) and a bound on its rounding, both small where `η` is near `p`.

    Near 1, `f(1 + x) = x² ∫_0^1 (1-s) f''(1 + s x) ds` has no cancellation, and neither has `x = (η - p)/p`.
    """
    x = (eta - p) / p
    t = eta / p
    if member.slope is None or member.curvature is None:
        # total variation: f is piecewise linear
        values = np.maximum(x, 0.0) if member.name == "tv" else member.value(t)
        return inner(p, values), 16 * _U * inner(p, np.abs(values))
    near = np.abs(x) <= _NEAR
    series = np.zeros_like(x)
    bend = np.where(near, x, 0.0)
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        series += weight * (1 - node) * member.curvature(1 + node * bend)
    series *= bend * bend
    with np.errstate(all="ignore"):
        direct = member.value(t)
        slope = np.where(eta > 0, member.slope(np.where(eta > 0, t, 1.0)) * t, 0.0)
        if member.alpha is not None:  # its separable part in the gauge f(1) = f'(1) = 0
            scale = 1 / (member.alpha * (member.alpha - 1))
            direct = direct - scale + x / member.alpha
            slope = np.abs(slope) + scale * (1 + np.abs(x))
        values = np.where(near, series, direct)
        loose = np.where(near, 64 * series, 16 * (1 + t + np.abs(direct) + np.abs(slope)))
    total, noise = inner(p, values), _U * inner(p, loose)
    if member.alpha is None:
        return total, noise + 16 * _U * abs(total)
    factor = member.alpha * (member.alpha - 1)
    inside = max(1 + factor * total, 1e-300)
    return float(np.log1p(factor * total)) / factor, 2 * noise / inside + 16 * _U * abs(total)


def worst_conjugate(member: Member, p: Array, h: Array, rho: float) -> float:
    """`Σ p_i f*(h_i - ρ)`; `h_i = -inf` stands for `-f(0)`."""
    finite = np.isfinite(h)
    total = inner(p[finite], member.conjugate(h[finite] - rho))
    if not finite.all():
        total -= member.at_zero * float(p[~finite].sum())
    return total


def best_shift(member: Member, p: Array, h: Array, top: float) -> float:
    """The `ρ` minimising `worst_conjugate` under `ρ >= top - f'(∞)` (T3).

    Args:
        top: the supremum S of `h` that the support mode prescribes.
    """
    floor = top - member.recession if np.isfinite(member.recession) else -np.inf
    finite = np.isfinite(h)
    values, weights = h[finite], p[finite]
    if member.name == "none" or values.size == 0:
        return 0.0

    def excess(rho: float) -> float:
        with np.errstate(over="ignore", invalid="ignore"):
            # weights sum to 1 up to rounding: without the margin a flat minimum is left at its far end
            return inner(weights, np.minimum(member.ratio(values - rho), 1e200)) - (1.0 + 1e-14)

    # excess is decreasing in rho; its root, or the floor where it is already <= 0
    if np.isfinite(floor):
        floor = np.nextafter(floor, np.inf) if floor > 0 else floor
        if excess(floor) <= 0:
            return floor
    low, high, width = 0.0, 0.0, 1e-9
    if excess(max(0.0, floor)) > 0:
        low = high = max(0.0, floor)
        while excess(high) > 0:
            low, high, width = high, high + width, width * 8
    else:
        low = high = max(0.0, floor)
        while excess(low) <= 0 and low > floor:
            low, high, width = max(low - width, floor), low, width * 8
    a, b = excess(low), excess(high)
    for _ in range(100):
        if high - low <= 4e-16 * max(1.0, abs(high)):
            break
        middle = low + (high - low) * (a / (a - b)) if a > b and _ % 2 else 0.5 * (low + high)
        if not low < middle < high:
            middle = 0.5 * (low + high)
        c = excess(middle)
        if c > 0:
            low, a = middle, c
        else:
            high, b = middle, c
    return high


def dual_value(
    member: Member, p: Array, q: Array, g: Array, h: Array, *, space: bool, shift: bool = True
) -> tuple[float, float]:
    """The lower bound `q·(g-ρ) - Σ p_i f*(h_i-ρ)` of T2, `h_i >= max_j (g_j - c_ij)`, and the shift `ρ` it
    used.

    By the inequality of Fenchel and Young it holds for all nonnegative `p`, `q`, whatever they sum to.

    Args:
        space: whether `η` may charge points off the support of `P` (then `ρ >= max g - f'(∞)`).
        shift: minimise over `ρ`; without it `ρ = 0`, and the bound is `-inf` when that is infeasible.
    """
    top = float(np.max(h))
    if space and np.isfinite(member.recession):
        top = max(top, float(np.max(g)))
    if member.alpha is not None:
        value, rho = renyi_lambda(member.alpha, p, h, top)
        return inner(q, g) - value, rho
    if shift:
        rho = best_shift(member, p, h, top)
        value = worst_conjugate(member, p, h, rho)
        if np.isfinite(value):
            return inner(q, g - rho) - value, rho
    if top > member.recession:
        return -np.inf, 0.0
    value = worst_conjugate(member, p, h, 0.0)
    return (inner(q, g) - value if np.isfinite(value) else -np.inf), 0.0
