"""Rényi divergence `R_alpha(P‖eta)`, T10.

The step: `w_i` proportional to `p_i z_i^{-1/alpha}`, `z = r - h > 0`, with r such that `r - E_w h = 1/alpha`
(the stationarity of T10 in rho). The left side rises in r, from 0 at `max h` to at least `1/alpha` at
`max h + 1/alpha`. A point without mass makes R infinite for alpha > 1 only.

`R = log1p(alpha (alpha-1) D) / (alpha (alpha-1))` with `D` the alpha-`(1 - alpha)` divergence (T28): its
Taylor series keeps small radii, and its chain rule gives the rank-one term of the Jacobian.
"""

__all__ = ["Renyi"]

import math
from functools import lru_cache

from armor.errors import InputError
from armor.objectives.arrays import Array, Ops
from armor.objectives.compiled import Compiled, compiled
from armor.objectives.reweighting import Reweighted, Reweighting

_STEPS_ON_DEVICE = 24
_STEPS = 100


class Renyi(Reweighted):
    """`R_alpha(P‖eta) = log sum p^alpha eta^(1-alpha) / (alpha (alpha - 1))`, alpha > 0, alpha != 1."""

    def __init__(self, *, alpha: float, epsilon: float, kappa: float = 0.0, iterations: int = 24) -> None:
        good = isinstance(alpha, (int, float)) and not isinstance(alpha, bool) and math.isfinite(alpha)
        if not good or alpha <= 0 or alpha == 1:
            raise InputError(f"alpha of the Rényi divergence must be positive and not 1, not {alpha!r}")
        super().__init__(
            {"name": "renyi", "alpha": alpha}, epsilon=epsilon, kappa=kappa, iterations=iterations
        )
        self.alpha = float(alpha)

    def _compiled(self) -> Compiled | None:
        return _kernel(self.alpha)

    def _power(self, xp: Ops, t: Array) -> Array:
        """`(t^(1-alpha) - 1)/(alpha (alpha-1)) + (t - 1)/alpha`, convex with minimum 0 at t = 1."""
        a = self.alpha
        x = t - 1.0
        direct = xp.expm1((1.0 - a) * xp.log(t)) / (a * (a - 1.0)) + x / a
        series, term = 0.0 * x, 0.5 * x * x
        for k in range(3, 11):
            series = series + term
            term = term * x * (-(a + k - 2.0) / k)
        return xp.where(xp.abs(x) < min(5e-3, 0.02 / (1.0 + a)), series, direct)

    def _divergence(self, xp: Ops, w: Array, p: Array) -> Array:
        live = p > 0
        t = xp.where(live, w / xp.where(live, p, 1.0), 1.0)
        scale = self.alpha * (self.alpha - 1.0)
        powers = xp.sum(xp.where(live, p * self._power(xp, t), 0.0))
        return xp.log1p(scale * powers) / scale

    def _reweight(self, xp: Ops, h: Array, p: Array, warm: Array | None) -> Reweighting:
        inverse = 1.0 / self.alpha
        live = (p > 0) & (h > -math.inf)
        known = xp.where(live, h, 0.0)
        top = xp.max(xp.where(live, h, -math.inf))
        top = xp.where(top > -math.inf, top, 0.0)
        span = xp.where(live, top - known, 0.0)
        # x = r - top in (0, 1/alpha]; searched on a logarithmic scale, the pole sits at x = 0.
        low, high = self._bracket(xp, p, span, live, 0.0 * top)
        mean = xp.sum(p * span)
        guess = inverse - mean if warm is None else warm - top
        x = xp.where((guess > 0) & (guess < inverse), guess, 0.5 * inverse)
        log_x, last = xp.log(x), high - low
        for _ in range(_STEPS if xp.eager else _STEPS_ON_DEVICE):
            z = xp.exp(log_x) + span
            w = self._masses(xp, z, p, live)
            ratio = xp.sum(w * z) * self.alpha
            excess = xp.log(ratio)
            low, high = xp.where(ratio < 1, log_x, low), xp.where(ratio < 1, high, log_x)
            q = 1.0 / z
            # d E_w z / d r = 1 + (1/alpha) (E_w z E_w q - 1)
            slope = (1.0 + inverse * (xp.sum(w * z) * xp.sum(w * q) - 1.0)) * xp.exp(log_x) / xp.sum(w * z)
            newton = log_x - excess / slope
            settled = (xp.abs(excess) <= 1e-14) | (high - low <= 3e-16 * xp.abs(log_x)) | (newton == log_x)
            if xp.done(settled):
                break
            sound = (newton > low) & (newton < high) & (xp.abs(newton - log_x) <= 0.5 * last)
            following = xp.where(settled, log_x, xp.where(sound, newton, 0.5 * (low + high)))
            last, log_x = xp.abs(following - log_x), following
        z = xp.exp(log_x) + span
        w = self._masses(xp, z, p, live)
        ratio = xp.sum(w * z) * self.alpha
        divergence = self._divergence(xp, w, p)
        # In units of h: dual value at r minus the Lagrangian at w is (e - log(1 + e))/alpha, e = ratio - 1.
        slack = inverse * xp.maximum((ratio - 1.0) - xp.log(ratio), 0.0)
        return Reweighting(w, divergence, top + xp.exp(log_x), slack, *self._jacobian(xp, w, p, live))

    def _bracket(self, xp: Ops, p: Array, span: Array, live: Array, zero: Array) -> tuple[Array, Array]:
        """Bounds of log x.  Above: all z >= x.  Below, for alpha > 1: with `P` the argmax's mass and

        `N = E (1/alpha + span)^(1 - 1/alpha)`, `E_w z <= x + x^(1/alpha) N/P`, which is at most `1/alpha`
        from `min(1/(2 alpha), (P/(2 alpha N))^alpha)` down.
        """
        a = self.alpha
        high = zero - math.log(a)
        if a < 1:
            return zero - 690.0, high
        peak = xp.sum(xp.where(live & (span <= 0), p, 0.0))
        powers = xp.sum(xp.where(live, p * xp.exp((1.0 - 1.0 / a) * xp.log(1.0 / a + span)), 0.0))
        low = a * xp.log(xp.maximum(peak, 1e-300) / (2.0 * a * xp.maximum(powers, 1e-300)))
        return xp.maximum(xp.minimum(low, -math.log(2.0 * a)), -690.0), high

    def _masses(self, xp: Ops, z: Array, p: Array, live: Array) -> Array:
        weights = xp.where(live, p * xp.exp(-xp.log(z / xp.min(z)) / self.alpha), 0.0)
        return weights / xp.sum(weights)

    def _jacobian(self, xp: Ops, w: Array, p: Array, live: Array) -> tuple[Array, Array, Array]:
        a = self.alpha
        t = xp.where(live & (w > 0), w / xp.where(live, p, 1.0), 1.0)
        powers = xp.sum(xp.where(live, p * self._power(xp, t), 0.0))
        inner = 1.0 / (1.0 + a * (a - 1.0) * powers)  # G' of R = G(D)
        s = xp.where(live & (w > 0), p * xp.exp((a + 1.0) * xp.log(t)) / inner, 0.0)
        slope = xp.where(live, -xp.expm1(-a * xp.log(t)) / a, 0.0)
        slope = slope - xp.sum(s * slope) / xp.sum(s)
        return s, slope, -a * (a - 1.0) * inner * inner


@lru_cache(maxsize=64)
def _kernel(alpha: float) -> Compiled | None:
    return compiled("RENYI", constants=(alpha, 0.0))
