"""How the rows of the arc problem answer a price: the part of the Newton system that depends on the
divergence.

A row model holds the primal mass of each row and its multipliers. For a Newton step it gives the supply's
response
`Δsupply = compliance·Δy + offset` and the remaining mismatch `residual = supply - Σ_j x_ij`.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from armor.exact.inner import inner
from armor.exact.members import Member
from armor.exact.renyi import renyi_scale

__all__ = ["FixedRows", "RowModel", "SegmentRows", "SmoothRows", "row_model"]

Array = NDArray[np.float64]


class RowModel(Protocol):
    """See the module; `pairs` counts the complementarity products, `complementarity` adds them up."""

    pairs: int

    def start(self, y: Array, supply: Array, mu: float) -> None: ...
    def supply(self, y: Array, mu: float) -> tuple[Array, Array]: ...
    def linearise(self, y: Array, supply: Array) -> None: ...
    def compliance(self) -> Array: ...
    def rank_one(self) -> tuple[float, Array] | None: ...
    def residual(self, supply: Array) -> Array: ...
    def straighten(self) -> bool: ...
    def offset(self, target: float, corrected: bool) -> Array: ...
    def direction(self, dy: Array, dr: Array, target: float, corrected: bool) -> None: ...
    def correct(self, primal: float, dual: float, low: float, high: float) -> None: ...
    def primal_limit(self) -> float: ...
    def dual_limit(self) -> float: ...
    def predicted(self, primal: float, dual: float) -> float: ...
    def defect(self, primal: float, dual: float, y: Array, dy: Array) -> float: ...
    def advance(self, primal: float, dual: float) -> None: ...
    def complementarity(self) -> float: ...
    def dual_error(self) -> float: ...


def _limit(v: Array, dv: Array) -> float:
    """The largest step in [0, inf] that keeps `v + step dv >= 0`."""
    if v.size == 0:
        return np.inf
    worst = float(np.min(dv / v))
    return np.inf if worst >= 0 else -1.0 / worst


def _clip_product(product: Array, low: float, high: float) -> Array:
    """Gondzio's move of a complementarity product into `[low, high]`, bounded so that large ones do not
    rule.
    """
    return np.maximum(np.clip(product, low, high) - product, -high)


class SmoothRows:
    """Rows of a smooth `f`: `f'(r/p) - z = y`, `r z = μ`, `r = Σ_j x_ij` exactly. Rényi adds a rank-one
    term.
    """

    def __init__(self, member: Member, p: Array) -> None:
        assert member.slope is not None
        assert member.curvature is not None
        self._slope, self._curvature = member.slope, member.curvature
        self._member, self._p = member, p
        self.pairs = len(p)
        self._scale = 1.0
        self._last = p  # where the last supply ended: the next price is near

    def _gradient(self, r: Array) -> Array:
        if self._member.alpha is not None:
            self._scale = renyi_scale(self._member.alpha, self._p, r)
        return self._scale * self._slope(r / self._p)

    def supply(self, y: Array, mu: float) -> tuple[Array, Array]:
        """`r(y)` solving `f'(r/p) - μ/r = y` and `dr/dy`, by Newton's method in `log r`."""
        p, scale = self._p, self._scale
        r = self._last
        for _ in range(40):
            t = r / p
            value = scale * self._slope(t) - mu / r - y
            growth = scale * self._curvature(t) * t + mu / r
            step = np.clip(-value / growth, -3.0, 3.0)
            new = np.clip(r * np.exp(step), 1e-200 * p, 1e12)
            moved = np.abs(new - r) > 1e-6 * r
            r = new
            if not moved.any():
                break
        t = r / p
        self._last = r
        return r, r / (scale * self._curvature(t) * t + mu / r)

    def start(self, y: Array, supply: Array, mu: float) -> None:
        del y
        self._r, self._z = supply, mu / supply

    def linearise(self, y: Array, supply: Array) -> None:
        self._r = supply
        t = supply / self._p
        self._error = self._gradient(supply) - self._z - y
        self._h = self._scale * self._curvature(t) / self._p + self._z / self._r
        self._pz = np.zeros_like(self._z)
        self._curve = np.zeros_like(self._z)
        self._rank: tuple[float, Array] | None = None
        self._coupling: tuple[float, Array] | None = None
        alpha = self._member.alpha
        if alpha is not None:
            a = -alpha * self._gradient(supply)
            sigma = (1 - alpha) / alpha
            v = a / self._h
            self._coupling = (sigma, a)
            self._rank = (sigma / (1 + sigma * inner(a, v)), v)

    def compliance(self) -> Array:
        return 1 / self._h

    def rank_one(self) -> tuple[float, Array] | None:
        return self._rank

    def residual(self, supply: Array) -> Array:
        return np.zeros_like(supply)

    def straighten(self) -> bool:
        """Drop the remainder of f' from the corrector; whether there was one."""
        had = bool(np.any(self._curve))
        self._curve = np.zeros_like(self._curve)
        return had

    def _tau(self, target: float, corrected: bool) -> Array:
        tau = target - self._r * self._z
        return tau - self._pz if corrected else tau

    def _load(self, target: float, corrected: bool) -> Array:
        e = -self._error + self._tau(target, corrected) / self._r
        return e - self._curve if corrected else e

    def offset(self, target: float, corrected: bool) -> Array:
        e = self._load(target, corrected)
        out = e / self._h
        if self._rank is not None:
            kappa, v = self._rank
            out -= v * (kappa * inner(v, e))
        return out

    def direction(self, dy: Array, dr: Array, target: float, corrected: bool) -> None:
        del dy
        self._dr = dr
        self._dz = (self._tau(target, corrected) - self._z * dr) / self._r

    def correct(self, primal: float, dual: float, low: float, high: float) -> None:
        """Second-order terms of the last direction (`low < 0`), or one of Gondzio's centrality
        corrections.
        """
        if low < 0:
            self._pz = self._dr * self._dz
            step = min(primal, dual)
            r = self._r + step * self._dr
            keep = self._scale
            linear = keep * self._curvature(self._r / self._p) / self._p * (step * self._dr)
            if self._coupling is not None:
                sigma, a = self._coupling
                linear = linear + a * (sigma * step * inner(a, self._dr))
            moved = self._gradient(np.maximum(r, 1e-300))
            self._scale = keep
            base = self._scale * self._slope(self._r / self._p)
            curve = moved - base - linear
            # A step to the edge of r > 0 has no meaningful remainder: it would outweigh the step itself.
            bound = np.abs(linear)
            self._curve = np.where(np.isfinite(curve), np.clip(curve, -bound, bound), 0.0)
        else:
            product = (self._r + primal * self._dr) * (self._z + dual * self._dz)
            self._pz = self._pz - _clip_product(product, low, high)

    def primal_limit(self) -> float:
        return _limit(self._r, self._dr)

    def dual_limit(self) -> float:
        return _limit(self._z, self._dz)

    def predicted(self, primal: float, dual: float) -> float:
        return inner(self._r + primal * self._dr, self._z + dual * self._dz)

    def defect(self, primal: float, dual: float, y: Array, dy: Array) -> float:
        """`Σ r |f'(r/p) - z - y|` after a step: what the error of the row conditions can do to the gap."""
        r = self._r + primal * self._dr
        keep = self._scale
        error = self._gradient(np.maximum(r, 1e-300)) - self._z - dual * self._dz - y - dual * dy
        self._scale = keep
        total = inner(np.abs(r), np.abs(error))
        return total if np.isfinite(total) else np.inf

    def advance(self, primal: float, dual: float) -> None:
        del primal  # r follows the arcs
        self._z = self._z + dual * self._dz

    def complementarity(self) -> float:
        return inner(self._r, self._z)

    def dual_error(self) -> float:
        return float(np.max(np.abs(self._error) / (1 + np.abs(self._error + self._z))))


class SegmentRows:
    """Rows of a piecewise linear `f` (total variation, CVaR): mass `r_k` at slope `k`, at most `length_k p`.

    Each segment has `slope - y - z + ζ = 0` with `r z = μ` and `(cap - r) ζ = μ`; there is no f''.
    """

    def __init__(self, member: Member, p: Array) -> None:
        self._slopes = np.array([s for s, _ in member.segments])[:, None]
        self._cap = np.array([length for _, length in member.segments])[:, None] * p[None, :]
        self._capped = np.isfinite(self._cap)
        self.pairs = self._cap.size + int(self._capped.sum())
        self._p = p

    def supply(self, y: Array, mu: float) -> tuple[Array, Array]:
        """`Σ_k r_k` with `slope - y = μ/r - μ/(cap - r)`, in closed form per segment, and its derivative."""
        b = self._slopes - y[None, :]
        capped = self._capped
        cap = np.where(capped, self._cap, 1.0)
        # the root in (0, cap) of  b r² - (b cap + 2 μ) r + μ cap = 0
        near = 2 * mu * cap / (np.abs(b) * cap + 2 * mu + np.sqrt((b * cap) ** 2 + 4 * mu * mu))
        r = np.where(b >= 0, near, cap - near)
        t = np.where(b >= 0, cap - near, near)
        free = mu / np.maximum(b, 1e-14)
        r, t = np.where(capped, r, free), np.where(capped, t, 1.0)
        self._tentative = r, t
        stiff = mu / r**2 + np.where(capped, mu / t**2, 0.0)
        return r.sum(axis=0), (1 / stiff).sum(axis=0)

    def start(self, y: Array, supply: Array, mu: float) -> None:
        del supply
        self.supply(y, mu)
        self._r, self._t = self._tentative
        self._z = mu / self._r
        self._zeta = np.where(self._capped, mu / self._t, 0.0)

    def linearise(self, y: Array, supply: Array) -> None:
        del supply
        self._error = self._slopes - y[None, :] - self._z + self._zeta
        self._h = self._z / self._r + self._zeta / self._t
        self._pz = np.zeros_like(self._z)
        self._pt = np.zeros_like(self._z)

    def compliance(self) -> Array:
        return np.asarray((1 / self._h).sum(axis=0))

    def rank_one(self) -> None:
        return None

    def residual(self, supply: Array) -> Array:
        return np.asarray(self._r.sum(axis=0) - supply)

    def _taus(self, target: float, corrected: bool) -> tuple[Array, Array]:
        tz = target - self._r * self._z - (self._pz if corrected else 0.0)
        tt = np.where(self._capped, target - self._t * self._zeta - (self._pt if corrected else 0.0), 0.0)
        return tz, tt

    def _load(self, target: float, corrected: bool) -> Array:
        tz, tt = self._taus(target, corrected)
        return -self._error + tz / self._r - tt / self._t

    def straighten(self) -> bool:
        return False

    def offset(self, target: float, corrected: bool) -> Array:
        return np.asarray((self._load(target, corrected) / self._h).sum(axis=0))

    def direction(self, dy: Array, dr: Array, target: float, corrected: bool) -> None:
        del dr
        tz, tt = self._taus(target, corrected)
        self._dr = (dy[None, :] + self._load(target, corrected)) / self._h
        self._dz = (tz - self._z * self._dr) / self._r
        self._dzeta = np.where(self._capped, (tt + self._zeta * self._dr) / self._t, 0.0)
        self._dt = np.where(self._capped, -self._dr, 0.0)

    def correct(self, primal: float, dual: float, low: float, high: float) -> None:
        if low < 0:
            self._pz, self._pt = self._dr * self._dz, self._dt * self._dzeta
            return
        self._pz = self._pz - _clip_product(
            (self._r + primal * self._dr) * (self._z + dual * self._dz), low, high
        )
        product = (self._t + primal * self._dt) * (self._zeta + dual * self._dzeta)
        self._pt = self._pt - np.where(self._capped, _clip_product(product, low, high), 0.0)

    def primal_limit(self) -> float:
        return min(_limit(self._r, self._dr), _limit(self._t, self._dt))

    def dual_limit(self) -> float:
        capped = self._capped
        return min(_limit(self._z, self._dz), _limit(self._zeta[capped], self._dzeta[capped]))

    def predicted(self, primal: float, dual: float) -> float:
        low = np.sum((self._r + primal * self._dr) * (self._z + dual * self._dz))
        return float(low + np.sum((self._t + primal * self._dt) * (self._zeta + dual * self._dzeta)))

    def defect(self, primal: float, dual: float, y: Array, dy: Array) -> float:
        del primal, dual, y, dy
        return 0.0

    def advance(self, primal: float, dual: float) -> None:
        self._r = self._r + primal * self._dr
        self._t = self._t + primal * self._dt
        self._z = self._z + dual * self._dz
        self._zeta = self._zeta + dual * self._dzeta

    def complementarity(self) -> float:
        return float(np.sum(self._r * self._z) + np.sum(np.where(self._capped, self._t * self._zeta, 0.0)))

    def dual_error(self) -> float:
        return float(np.max(np.abs(self._error)))


class FixedRows:
    """Rows of pure transport (`η = P`): the supply is `p`, whatever the price."""

    def __init__(self, p: Array) -> None:
        self._p, self.pairs = p, 0

    def supply(self, y: Array, mu: float) -> tuple[Array, Array]:
        del y, mu
        return self._p, np.zeros_like(self._p)

    def start(self, y: Array, supply: Array, mu: float) -> None:
        del y, supply, mu

    def linearise(self, y: Array, supply: Array) -> None:
        del y, supply

    def compliance(self) -> Array:
        return np.zeros_like(self._p)

    def rank_one(self) -> None:
        return None

    def residual(self, supply: Array) -> Array:
        return self._p - supply

    def straighten(self) -> bool:
        return False

    def offset(self, target: float, corrected: bool) -> Array:
        del target, corrected
        return np.zeros_like(self._p)

    def direction(self, dy: Array, dr: Array, target: float, corrected: bool) -> None:
        del dy, dr, target, corrected

    def correct(self, primal: float, dual: float, low: float, high: float) -> None:
        del primal, dual, low, high

    def primal_limit(self) -> float:
        return np.inf

    def dual_limit(self) -> float:
        return np.inf

    def predicted(self, primal: float, dual: float) -> float:
        del primal, dual
        return 0.0

    def defect(self, primal: float, dual: float, y: Array, dy: Array) -> float:
        del primal, dual, y, dy
        return 0.0

    def advance(self, primal: float, dual: float) -> None:
        del primal, dual

    def complementarity(self) -> float:
        return 0.0

    def dual_error(self) -> float:
        return 0.0


def row_model(member: Member, p: Array) -> RowModel:
    """The row model of a divergence for reference weights `p > 0`."""
    if member.name == "none":
        return FixedRows(p)
    return SmoothRows(member, p) if member.smooth else SegmentRows(member, p)
