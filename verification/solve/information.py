"""The two kinds of information divergence as the solvers see them: separable (f-divergences) and Rényi.

Both are reduced to what the re-weighting step (T3, T10) needs: the density `w(y)` of the worst re-weighting
at the scaled, shifted losses `y = (h - rho)/mu`, and the divergence of a density, computed without
cancellation near 1.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import NDArray

__all__ = ["Information", "Renyi", "Separable"]

Floats = NDArray[np.float64]
Elementwise = Callable[[Floats], Floats]


class Information(ABC):
    """A divergence `D(eta||P)` of `eta` with density `w = d eta/dP` and a singular mass."""

    recession: float  # f'(inf), inf where no singular mass is allowed
    start: float  # the shift r at which the density of u = 0 is 1
    at_zero: float  # divergence per unit of P where the density is 0, inf where that is forbidden
    domain: tuple[float, float]  # closed hull of the densities of finite divergence

    @abstractmethod
    def density(self, y: Floats, p: Floats) -> Floats:
        """Density of the worst re-weighting at `y` (n,) (entries -inf allowed), nondecreasing in `y`."""

    @abstractmethod
    def value(self, w: Floats, p: Floats, singular: float) -> float:
        """`D` of density `w` and singular mass, given `p.w + singular = 1`; relative accuracy also near `w =
        1`."""


@dataclass(frozen=True)
class Separable(Information):
    """`D_f(eta||P) = sum p_i f(w_i) + f'(inf) singular` (T1).

    Attributes:
        f, slope, curvature: `f`, `f'`, `f''` elementwise on `t >= 0` (`f` is inf outside its domain).
        conjugate, dual_slope: `f*` and a nondecreasing selection of its subdifferential.
        at_zero: `f(0)`.
        recession: `f'(inf)`.
        domain: closed hull `(a, b)` of `{f < inf}`.
        taylor: `f^(k)(1)` for k = 2, 3, ..., empty when `f` is not smooth at 1.
        linear: breakpoints of a piecewise linear `f`, None otherwise.
    """

    f: Elementwise
    slope: Elementwise
    curvature: Elementwise
    conjugate: Elementwise
    dual_slope: Elementwise
    at_zero: float
    recession: float
    slope_at_one: float
    domain: tuple[float, float] = (0.0, np.inf)
    taylor: tuple[float, ...] = ()
    linear: tuple[float, ...] | None = None

    @property
    def start(self) -> float:  # type: ignore[override]
        return -self.slope_at_one

    def density(self, y: Floats, p: Floats) -> Floats:  # noqa: ARG002
        # At y = f'(inf) the subdifferential is [w, inf]: its least element is the limit from below.
        inside = np.minimum(y, np.nextafter(self.recession, -np.inf)) if np.isfinite(self.recession) else y
        w = np.full_like(y, self.domain[0])
        finite = np.isfinite(inside)
        with np.errstate(all="ignore"):
            w[finite] = self.dual_slope(inside[finite])
        return np.clip(w, self.domain[0], self.domain[1])

    def centred(self, w: Floats) -> Floats:
        """`f(w) - f'(1)(w - 1)`, by Taylor's formula where the difference would cancel."""
        if np.isfinite(self.domain[1]):
            w = np.minimum(w, np.nextafter(self.domain[1], 0.0))  # the double may exceed the exact end
        with np.errstate(all="ignore"):
            plain = self.f(w) - self.slope_at_one * (w - 1)
        if not self.taylor:
            return plain
        near = np.abs(w - 1) < 1e-3
        d = w[near] - 1
        plain[near] = sum(a * d**k / factorial(k) for k, a in enumerate(self.taylor, start=2))
        return plain

    def value(self, w: Floats, p: Floats, singular: float) -> float:
        total = float(p @ self.centred(w))
        return total + (self.recession - self.slope_at_one) * singular if singular > 0 else total


@dataclass(frozen=True)
class Renyi(Information):
    """`R_alpha(P||eta) = log(sum p_i w_i^(1-alpha)) / (alpha (alpha - 1))` (T10)."""

    alpha: float
    recession: float = 0.0
    domain: tuple[float, float] = (0.0, np.inf)

    @property
    def start(self) -> float:  # type: ignore[override]
        return 1.0 / self.alpha

    @property
    def at_zero(self) -> float:  # type: ignore[override]
        return np.inf if self.alpha > 1 else 0.0

    def density(self, y: Floats, p: Floats) -> Floats:
        a = self.alpha
        if not np.isfinite(y).any():
            return np.zeros_like(y)  # no row reaches a column
        gap = np.maximum(-y, 1e-290)
        # Scaled by the smallest gap, so that neither power leaves the range of doubles.
        scale = float(gap.min())
        with np.errstate(over="ignore"):
            ratio = gap / scale
        with np.errstate(all="ignore"):
            mean = float(p @ ratio ** ((a - 1) / a))
            return np.asarray(ratio ** (-1 / a) / (a * scale * mean))

    def value(self, w: Floats, p: Floats, singular: float) -> float:
        a = self.alpha
        with np.errstate(all="ignore"):
            excess = w ** (1 - a) - 1 - (1 - a) * (w - 1)
            near = np.abs(w - 1) < 1e-3
            d = w[near] - 1
            series = np.zeros_like(d)
            factor = (1 - a) * np.ones_like(d)
            for k in range(2, 8):
                factor = factor * (2 - a - k) / k
                series += factor * d**k
            excess[near] = series
            return float(np.log1p(p @ excess - (1 - a) * singular) / (a * (a - 1)))
