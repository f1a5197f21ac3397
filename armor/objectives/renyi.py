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

from torch import Tensor

from armor.errors import InputError
from armor.numbers import ratio
from armor.objectives.arrays import Array, Ops
from armor.objectives.compiled import Compiled, compiled
from armor.objectives.fused.dispatch import Kernel, power
from armor.objectives.reweighting import Reweighted, Reweighting

_STEPS_ON_DEVICE = 24
_STEPS = 100
_STEEPEST = 300.0  # logarithm of the largest answer of a weight; beyond, the others decide alone


class Renyi(Reweighted):
    """`R_alpha(P‖eta) = log sum p^alpha eta^(1-alpha) / (alpha (alpha - 1))`, alpha > 0, alpha != 1.

    alpha: a number, or text such as "1/2".
    """

    rank_one = True

    def __init__(
        self, *, alpha: float | str, epsilon: float, kappa: float = 0.0, iterations: int = 24
    ) -> None:
        value = float(ratio(alpha, "alpha of the Rényi divergence"))
        if value <= 0 or value == 1:
            raise InputError(f"alpha of the Rényi divergence must be positive and not 1, not {alpha!r}")
        super().__init__(
            {"name": "renyi", "alpha": value if isinstance(alpha, str) else alpha},
            epsilon=epsilon,
            kappa=kappa,
            iterations=iterations,
        )
        self.alpha = value

    def _compiled(self) -> Compiled | None:
        return _kernel(self.alpha)

    def _fused(self, costs: Tensor | None) -> Kernel | None:
        return power(self.alpha, renyi=True) if costs is None else None

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

    def _log_powers(self, xp: Ops, t: Array, p: Array, live: Array) -> Array:
        """`log E_P t^(1-alpha)` (..., 1); at alpha = 100 the expectation itself leaves the floats early."""
        scale = self.alpha * (self.alpha - 1.0)
        exponent = xp.where(live, (1.0 - self.alpha) * xp.log(t), 0.0)
        peak = xp.max(exponent)
        near = xp.log1p(scale * xp.sum(xp.where(live, p * self._power(xp, t), 0.0)))
        finite = xp.isfinite(peak)
        known = xp.where(finite, peak, 0.0)
        far = known + xp.log(xp.sum(xp.where(live, p * xp.exp(exponent - known), 0.0)))
        return xp.where(finite, xp.where(peak < 30.0, near, far), math.inf)

    def _divergence(self, xp: Ops, w: Array, p: Array) -> Array:
        live = p > 0
        t = xp.where(live, w / xp.where(live, p, 1.0), 1.0)
        return self._log_powers(xp, t, p, live) / (self.alpha * (self.alpha - 1.0))

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
            log_z = self._log_distance(xp, log_x, span)
            w = self._masses(xp, log_z - log_x, p, live)
            z = xp.exp(log_z)
            drawn = xp.sum(w * z)
            ratio = drawn * self.alpha
            excess = xp.log(ratio)
            low, high = xp.where(ratio < 1, log_x, low), xp.where(ratio < 1, high, log_x)
            # d log E_w z / d log x = (x + (1/alpha) (E_w z E_w (x/z) - x)) / E_w z
            x = xp.exp(log_x)
            near = xp.sum(w * xp.exp(log_x - log_z))
            slope = (x + inverse * (drawn * near - x)) / drawn
            newton = log_x - excess / slope
            settled = (xp.abs(excess) <= 1e-14) | (high - low <= 3e-16 * xp.abs(log_x)) | (newton == log_x)
            if xp.done(settled):
                break
            sound = (newton > low) & (newton < high) & (xp.abs(newton - log_x) <= 0.5 * last)
            following = xp.where(settled, log_x, xp.where(sound, newton, 0.5 * (low + high)))
            last, log_x = xp.abs(following - log_x), following
        log_z = self._log_distance(xp, log_x, span)
        w = self._masses(xp, log_z - log_x, p, live)
        ratio = xp.sum(w * xp.exp(log_z)) * self.alpha
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
        return xp.minimum(low, -math.log(2.0 * a)), high

    def _log_distance(self, xp: Ops, log_x: Array, span: Array) -> Array:
        """log z = log(x + span), also where x itself is below the smallest float."""
        ahead = span > 0
        return xp.where(ahead, xp.log(xp.exp(log_x) + xp.where(ahead, span, 1.0)), log_x)

    def _masses(self, xp: Ops, log_ratio: Array, p: Array, live: Array) -> Array:
        """Masses proportional to `p (z/x)^(-1/alpha)`."""
        weights = xp.where(live, p * xp.exp(-log_ratio / self.alpha), 0.0)
        return weights / xp.sum(weights)

    def _jacobian(self, xp: Ops, w: Array, p: Array, live: Array) -> tuple[Array, Array, Array]:
        """s, v and gamma with the factor `K = E_P t^(1-alpha)` of R's chain rule moved from gamma into v."""
        a = self.alpha
        heavy = live & (w > 0)
        log_t = xp.log(xp.where(heavy, w / xp.where(heavy, p, 1.0), 1.0))
        log_k = self._log_powers(xp, xp.exp(log_t), p, live)
        s = xp.where(heavy, p * xp.exp(xp.minimum((a + 1.0) * log_t + log_k, _STEEPEST)), 0.0)
        mild = -xp.expm1(xp.minimum(-a * log_t, 500.0)) * xp.exp(-log_k)
        v = xp.where(live, xp.where(-a * log_t < 500.0, mild, -xp.exp(-a * log_t - log_k)) / a, 0.0)
        # v is largest where s is; no digit of that sample's v may be lost, since s multiplies it.
        v = xp.where(live, v - xp.max(xp.where(live, v, -math.inf)), 0.0)
        v = v - xp.sum(s * v) / xp.sum(s)
        return s, v, 0.0 * log_k - a * (a - 1.0)


@lru_cache(maxsize=64)
def _kernel(alpha: float) -> Compiled | None:
    return compiled("RENYI", constants=(alpha, 0.0))
