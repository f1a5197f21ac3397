"""KL objective, T8: `inf over lambda >= 0 of lambda eps + mu log E_P exp(l/mu - c)`, `mu = lambda + kappa`.

Three facts make it one-dimensional, safe and exact.

*Costs tilt the reference.* With `q_i` proportional to `p_i e^{-c_i}` and `F0 = -log sum p_i e^{-c_i}`, the
spent budget `KL(w‖p) + E_w c` is `KL(w‖q) + F0`: the cost-free problem at `(q, eps - F0)`, minus `kappa F0`.

*kappa only clamps* (T22): `mu* = max(mu0, kappa)` with `mu0` the optimum at `kappa = 0`.

*The equation.* `F(mu) = KL(w_mu‖q)` falls from `-log q(argmax l)` to 0; `mu0` solves `F = eps`, bracketed by
`range/sqrt(8 eps)` (Hoeffding's lemma bounds F by `range²/(8 mu²)`) and by a mu at which every exponential
but the largest underflows. Newton on `log F` against `log mu`, where F's tail `Var/(2 mu²)` is a straight
line (T19), falls back to bisection inside the bracket.
"""

__all__ = ["KL"]

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from torch import Tensor

from armor.objectives.arrays import Array, Ops
from armor.objectives.base import Objective
from armor.objectives.compiled import Compiled, compiled
from armor.objectives.fused.dispatch import Kernel
from armor.objectives.kl_vector import solve_vector
from armor.objectives.solution import Dual, free, judge

_TINY = 1e-300
_LEAST = 1e-250  # masses below: their quotients and logarithms are better taken from the costs


class KL(Objective):
    """KL divergence, `f(t) = t log t`; rho in this gauge is `mu log E exp(l/mu - c) - mu`."""

    def __init__(self, *, epsilon: float, kappa: float = 0.0, iterations: int = 24) -> None:
        super().__init__({"name": "kl"}, epsilon=epsilon, kappa=kappa, iterations=iterations)

    def _compiled(self) -> Compiled | None:
        return _kernel()

    def _fused(self, costs: Tensor | None) -> Kernel | None:
        del costs
        return Kernel("kl")

    def _solve(
        self, xp: Ops, losses: Array, costs: Array | None, p: Array, epsilon: Array, kappa: Array
    ) -> Dual:
        if xp.eager and losses.ndim == 1 and not _far(costs, p):
            return solve_vector(losses, costs, p, float(epsilon), float(kappa), self.iterations)
        return solve_batched(xp, losses, costs, p, epsilon, kappa, self.iterations)


def _far(costs: Array | None, p: Array) -> bool:
    """Whether the costs of one batch hide masses: some of q are too small."""
    if costs is None:
        return False
    live = (p > 0) & (costs < math.inf)
    excess = costs[live] - costs[live].min(initial=math.inf)
    return bool((excess - np.log(p[live]) >= -math.log(_LEAST)).any())


@cache
def _kernel() -> Compiled | None:
    return compiled("KL")


@dataclass(frozen=True)
class _Tilted:
    """`q` proportional to `p e^{-c}`, and `F0 = -log sum p e^{-c}` (..., 1), `inf` if nothing is reachable.

    q: masses (..., B).  logs: their logarithms where costs lie so far apart that some masses are too small
    for a float and yet, at a small mu, those of the worst re-weighting; None where q tells everything.
    live: where mass may be.
    """

    q: Array
    logs: Array | None
    base: Array
    live: Array

    def sums(self, xp: Ops, x: Array) -> tuple[Array, Array]:
        """`log E_q e^x` (..., 1) of `x <= 0`, and the masses proportional to `q e^x`."""
        less = xp.sum(self.q * xp.expm1(x))
        if self.logs is None:
            e = self.q * xp.exp(x)
            mass = xp.sum(e)
            far = xp.log(mass)
        else:
            y = xp.where(self.live, self.logs + x, -math.inf)
            peak = xp.max(y)
            peak = xp.where(peak > -math.inf, peak, 0.0)
            e = xp.exp(y - peak)
            mass = xp.sum(e)
            far = peak + xp.log(mass)
        # Near x = 0 the logarithm of a sum near one loses its digits, elsewhere log1p does.
        w = xp.where(mass > 0, e / xp.where(mass > 0, mass, 1.0), self.q)  # q where nothing is reachable
        return xp.where(less > -0.5, xp.log1p(less), far), w

    def spent(self, xp: Ops, w: Array) -> Array:
        """KL(w‖q) from the masses alone, in the Bregman form whose terms do not cancel near w = q."""
        q = self.q
        if self.logs is None:
            delta = xp.where(q > 0, (w - q) / xp.where(q > 0, q, 1.0), 0.0)
            inside = xp.maximum(delta, -1.0 + 1e-16)
            return xp.sum(q * ((1.0 + delta) * xp.log1p(inside) - delta))
        held = q > _LEAST
        delta = xp.where(held, (w - q) / xp.where(held, q, 1.0), 0.0)
        inside = xp.maximum(delta, -1.0 + 1e-16)
        known = xp.where(w > 0, xp.log(xp.where(w > 0, w, 1.0)) - xp.where(self.live, self.logs, 0.0), 0.0)
        return xp.sum(xp.where(held, q * ((1.0 + delta) * xp.log1p(inside) - delta), w * (known - 1.0) + q))


def tilt(xp: Ops, costs: Array | None, p: Array) -> _Tilted:
    """The reference that the costs leave."""
    if costs is None:
        return _Tilted(p, None, 0.0 * xp.sum(p), p > 0)
    live = (p > 0) & (costs < math.inf)
    nearest = xp.min(xp.where(live, costs, math.inf))
    reachable = nearest < math.inf
    excess = xp.where(live, costs - xp.where(reachable, nearest, 0.0), math.inf)
    e = p * xp.exp(-excess)
    mass = xp.sum(e)
    less = xp.sum(p * xp.expm1(-excess))
    log_mass = xp.where(less > -0.5, xp.log1p(less), xp.log(mass))
    q = xp.where(reachable, e / mass, p)
    logs = None
    if not xp.done(~(live & (q <= _LEAST))):
        logs = xp.log(xp.where(live, p, 1.0)) - xp.where(live, excess, 0.0) - log_mass
        logs = xp.where(live, logs, 0.0)
    return _Tilted(q, logs, xp.where(reachable, nearest - log_mass, math.inf), live)


def moments(xp: Ops, d: Array, tilted: _Tilted, theta: Array) -> tuple[Array, Array, Array, Array]:
    """KL(w‖q), log E_q e^{theta d}, Var_w(d) and w for `w` proportional to `q e^{theta d}`, `d <= 0`."""
    log_mass, w = tilted.sums(xp, d * theta)
    mean = xp.sum(w * d)
    centred = d - mean
    return theta * mean - log_mass, log_mass, xp.sum(w * centred * centred), w


def solve_batched(
    xp: Ops, losses: Array, costs: Array | None, p: Array, epsilon: Array, kappa: Array, iterations: int
) -> Dual:
    """The solver for any backend and leading axes; a fixed budget of iterations where looking would sync."""
    tilted = tilt(xp, costs, p)
    q, base, live = tilted.q, tilted.base, tilted.live
    top = xp.max(xp.where(live, losses, -math.inf))
    top = xp.where(top > -math.inf, top, 0.0)
    d = xp.where(live, losses - top, 0.0)
    radius = epsilon - base
    feasible = radius >= 0
    radius = xp.where(radius > 0, radius, xp.where(feasible, _TINY, 1.0))
    # q on the largest losses, as at mu = 0
    depth, peak = tilted.sums(xp, xp.where(live & (d == 0), 0.0, -math.inf))
    saturated = radius >= -depth

    log_mu, used = (0.0 * radius, 0) if free(epsilon) else _search(xp, d, tilted, radius, depth, iterations)
    mu = xp.maximum(xp.where(saturated, 0.0, xp.exp(log_mu)), kappa)
    zero = mu <= 0
    theta = xp.where(zero, 0.0, 1.0 / xp.where(zero, 1.0, mu))
    _, log_mass, _, w = moments(xp, d, tilted, theta)
    w = xp.where(zero, peak, w)
    free_energy = xp.where(zero, 0.0, mu * log_mass)
    penalty = kappa * xp.where(feasible, base, 0.0)
    value = top + (free_energy + xp.where(mu > kappa, (mu - kappa) * radius, 0.0) - penalty)
    budget = tilted.spent(xp, w)
    shrink = xp.where(budget > radius, radius / budget, 1.0)
    primal = top + (xp.sum((q + shrink * (w - q)) * d) - kappa * shrink * budget - penalty)
    scale = xp.abs(top) - xp.min(d) + kappa * (1.0 + budget + xp.where(feasible, base, 0.0))
    return Dual(
        value=xp.where(feasible, value, -math.inf),
        mu=mu,
        rho=top + free_energy - mu * (base + 1.0),
        weights=w,
        primal=xp.where(feasible, primal, -math.inf),
        status=judge(xp, value - primal, scale, mu > kappa, feasible),
        iterations=used,
        curvature=xp.where(zero, 0.0, w),
    )


def _search(
    xp: Ops, d: Array, tilted: _Tilted, radius: Array, depth: Array, iterations: int
) -> tuple[Array, int]:
    """log of the mu with KL(w_mu‖q) = radius; depth: log of the mass of q on the largest losses."""
    q = tilted.q
    spread = -xp.min(d)
    spread = xp.where(spread > 0, spread, 1.0)
    second = -xp.max(xp.where(tilted.live & (d < 0), d, -math.inf))
    second = xp.where(xp.isfinite(second) & (second > 0), second, spread)
    low = xp.log(xp.maximum(second / (800.0 - xp.where(depth > -math.inf, depth, 0.0)), _TINY))
    high = xp.maximum(xp.log(spread) - 0.5 * xp.log(8.0 * radius), low)
    mean = xp.sum(q * d)
    deviation = xp.sqrt(xp.sum(q * (d - mean) * (d - mean)))
    start = xp.log(xp.maximum(deviation, _TINY)) - 0.5 * xp.log(2.0 * radius)
    log_mu = xp.minimum(xp.maximum(start, low), high)
    log_radius = xp.log(radius)
    used, last = 0, high - low
    if xp.eager and tilted.logs is not None:
        iterations *= 4  # F all but jumps where a mass that costs hid takes over
    for _ in range(iterations):
        used += 1
        theta = xp.exp(-log_mu)
        value, log_mass, variance, _ = moments(xp, d, tilted, theta)
        noise = 1e-15 * (1.0 + xp.abs(log_mass) / xp.maximum(value, radius))
        excess = xp.log(xp.maximum(value, _TINY)) - log_radius
        low = xp.where(excess > 0, log_mu, low)
        high = xp.where(excess <= 0, log_mu, high)
        newton = log_mu + excess * value / (variance * theta * theta)
        same = (newton == log_mu) & (xp.abs(excess) <= 1e-6)  # a slope that overflows stands still too
        settled = (xp.abs(excess) <= noise) | (high - low <= 4e-16 * xp.abs(log_mu)) | same
        if xp.done(settled):
            break
        # Steps that do not halve bisect: on steep ground Newton may alternate between two flat ends.
        sound = (newton > low) & (newton < high) & (xp.abs(newton - log_mu) <= 0.5 * last)
        # A settled problem waits for the others (or for the end of the budget) without moving.
        following = xp.where(settled, log_mu, xp.where(sound, newton, 0.5 * (low + high)))
        last, log_mu = xp.abs(following - log_mu), following
    return log_mu, used
