"""The adversary's re-weighting step (T3, T4, T10) on a finite space, solved to the last bit."""

import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from verification.solve.information import Information, Separable

__all__ = ["Reweighting", "reweight", "sign_change"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_EXPANSIONS = 1100


def _key(x: float) -> int:
    """Position of a double in the order of the doubles."""
    bits = int(struct.unpack("<q", struct.pack("<d", x))[0])
    return bits if bits >= 0 else -(bits & 0x7FFFFFFFFFFFFFFF)


def _double(key: int) -> float:
    bits = key if key >= 0 else (-key) - (1 << 63)
    return float(struct.unpack("<d", struct.pack("<q", bits))[0])


def sign_change(above: Callable[[float], bool], low: float, high: float) -> tuple[float, float]:
    """Neighbouring doubles `low < high` between which the monotone predicate `above` turns from True to
    False.

    `above(low)` is taken for True and `above(high)` for False. At most 64 evaluations whatever the scale,
    because the bisection runs over the ordered doubles and not over their values.
    """
    a, b = _key(low), _key(high)
    while b - a > 1:
        middle = (a + b) // 2
        if above(_double(middle)):
            a = middle
        else:
            b = middle
    return _double(a), _double(b)


def _doubles(keys: Ints) -> Floats:
    """`_double` of many positions at once."""
    return np.where(keys >= 0, keys, -keys | np.int64(-(2**63))).view(np.float64)


def _narrowed(
    above: Callable[[Floats], NDArray[np.bool_]], low: float, high: float, parts: int
) -> tuple[float, float]:
    """An interval around the sign change of a monotone predicate that takes arrays: `parts` parts a round.

    One call on a hundred numbers costs little more than one on a single number, so this saves most rounds of
    bisection. Stops at 16 doubles: the last steps are left to the scalar predicate.
    """
    a, b = _key(low), _key(high)
    while b - a > 16:
        # The ends differ by up to 2^64, beyond an int64: the steps are whole numbers of Python.
        step = max((b - a) // parts, 1)
        keys = np.array(range(a + step, min(a + step * parts, b), step), dtype=np.int64)
        first = int(np.argmin(np.append(above(_doubles(keys)), False)))
        a, b = (a if first == 0 else int(keys[first - 1])), (b if first == len(keys) else int(keys[first]))
    return _double(a), _double(b)


@dataclass(frozen=True)
class Reweighting:
    """Worst re-weighting of scaled losses `u`: `max_eta { eta.u - D(eta||P) }`.

    Attributes:
        shift: the multiplier `r` of the total mass (`rho = max h + mu r`).
        density: (n,) `d eta/dP`.
        singular: mass off the support of `P`, at the top of the space.
        information: `D(eta||P)`.
        boundary: the recession constraint holds with equality, so that `shift` is its bound.
    """

    shift: float
    density: Floats
    singular: float
    information: float
    boundary: bool


def reweight(information: Information, p: Floats, u: Floats, top: float | None) -> Reweighting | None:
    """Solve the re-weighting step at losses `u` (n,), `max u = 0`, entries `-inf` allowed (all of them with
    `top`).

    Args:
        information: the divergence.
        p: (n,) positive weights.
        u: (n,) scaled losses shifted to maximum 0.
        top: supremum of the scaled losses over the whole space in mode "space", None in mode "reference".

    Returns None when no `eta` with a finite value exists (for instance CVaR with too few reachable rows).
    """
    if np.isneginf(u).any() and (np.isposinf(information.at_zero) or information.domain[0] > 0):
        return None  # a row that can carry no mass makes D infinite
    if 1.0 in information.domain:  # D forces eta = P (transport only, CVaR at level 1)
        shift = float(u.min()) if information.domain[1] == 1.0 else 0.0
        return Reweighting(shift, np.ones_like(u), 0.0, 0.0, False) if np.isfinite(shift) else None
    singular_allowed = top is not None and np.isfinite(information.recession)
    floor = -np.inf
    if np.isfinite(information.recession):
        floor = (top if singular_allowed and top is not None else 0.0) - information.recession

    def masses(r: float) -> Floats:
        with np.errstate(invalid="ignore"):
            return np.asarray(p * information.density(u - r, p))

    def heavy(r: float) -> bool:
        return bool(masses(r).sum() > 1)

    def crossing(low: float, high: float) -> tuple[float, float]:
        """Neighbouring doubles where the mass falls to 1."""
        if isinstance(information, Separable) and u.size <= 256:
            with np.errstate(invalid="ignore"):
                near = _narrowed(
                    lambda r: (p * information.density(u - r[:, None], p)).sum(axis=1) > 1,
                    low,
                    high,
                    parts=max(16, min(256, 2048 // u.size)),
                )
            # Arrays may round differently from scalars: the scalar predicate has the last word.
            if (near[0] == low or heavy(near[0])) and (near[1] == high or not heavy(near[1])):
                low, high = near
        return sign_change(heavy, low, high)

    high, step = max(information.start, floor), 1.0
    for _ in range(_EXPANSIONS):
        if not heavy(high):
            break
        high, step = high + step, 2 * step
    boundary = False
    if np.isfinite(floor):
        boundary = not heavy(floor)
        low = high = floor
        if not boundary:
            high = max(information.start, np.nextafter(floor, np.inf))
            step = 1.0
            while heavy(high):
                high, step = high + step, 2 * step
            low, high = crossing(floor, high)
    else:
        low, step = high - 1.0, 1.0
        for _ in range(_EXPANSIONS):
            if heavy(low) or not np.isfinite(low):
                break
            low, step = low - step, 2 * step
        if not heavy(low):
            low = max(low, -1e308)
            total = float(masses(low).sum())
            if total < 1 - 1e-12:
                return None
            # All the mass there is, up to rounding, is needed.
            low, _ = sign_change(lambda r: bool(masses(r).sum() >= total), low, high)
            high = low
        else:
            low, high = crossing(low, high)
    eta, singular = masses(high), 0.0
    missing = 1.0 - float(eta.sum())
    if missing > 0:
        more = masses(low) - eta if low < high else np.zeros_like(eta)
        extra = float(more.sum())
        if not boundary and np.isfinite(extra) and extra > 0:
            eta = eta + more * (missing / extra)  # between the two neighbours: an element of p ∂f*
        elif singular_allowed and boundary:
            singular = missing
        elif missing > 0:
            heads = (u == 0) * p
            eta = eta + missing * heads / heads.sum()
    density = np.clip(eta / p, *information.domain)
    return Reweighting(high, density, singular, information.value(density, p, singular), boundary)
