"""The formulas under test, T3 to T11, in plain NumPy and line by line as they are stated.

The checks of the matrix hold them against the certified intervals of the exact programs, which share no
code with them. A mutant is a subclass that gets one line wrong (`verification.mutants`). All functions are
vectorised over a leading axis of multipliers where that is marked `(K,)`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from theory.numeric import Callables, callables
from verification.matrix.members import Member
from verification.matrix.transform import c_transform

__all__ = ["DualPoint", "Formulas", "Problem", "minimize_log_convex"]

Array = NDArray[np.float64]
_FAR = 1e300


@dataclass(frozen=True)
class Problem:
    """A DRO instance in float64: losses `phi (m,)`, `cost (n, m)`, weights `p (n,)`, and the three
    parameters.
    """

    phi: Array
    cost: Array
    p: Array
    epsilon: float
    kappa: float
    support: str

    @property
    def span(self) -> float:
        """The spread of the losses, the natural unit of `λ`; 1 when they are all equal."""
        return float(np.ptp(self.phi)) or 1.0


@dataclass(frozen=True)
class DualPoint:
    """A minimiser of the dual: its value and multipliers."""

    value: float
    lam: float
    rho: float


def minimize_log_convex(function: Callable[[Array], Array], low: float, high: float) -> tuple[float, float]:
    """Minimum over `[low, high]`, `low > 0`, of a convex function of `(K,)`, by a zooming logarithmic grid.

    Returns `(argument, value)`. The grid takes 33 points a round and keeps the two intervals around the best,
    until the function rises by less than 1e-14 over both: by convexity it falls no lower between them.
    """
    left, right = math.log(low), math.log(high)
    best = (low, math.inf)
    for _ in range(12):
        grid = np.linspace(left, right, 33)
        values = np.where(np.isnan(found := function(np.exp(grid))), np.inf, found)
        k = int(np.argmin(values))
        if values[k] < best[1]:
            best = (float(math.exp(grid[k])), float(values[k]))
        around = values[max(k - 1, 0)], values[min(k + 1, 32)]
        if 0 < k < 32 and max(around) - values[k] <= 1e-14 * max(1.0, abs(values[k])):
            break
        left, right = grid[max(k - 1, 0)], grid[min(k + 1, 32)]
    return best


class Formulas:
    """What the text states for one divergence, as code. `f`, `f*` and their derivatives come from the
    derivation layer.
    """

    def __init__(self, member: Member) -> None:
        self.member = member
        self.recession = member.recession

    @cached_property
    def _made(self) -> Callables:
        """Numeric `f`, `f'`, `f*` and `(f*)'`; `InputError` where there is no `f` (Rényi, transport only)."""
        return callables(self.member.divergence, "numpy")

    @cached_property
    def slope_at_one(self) -> float:
        """`f'(1)`, or an element of `∂f(1)`."""
        return float(self.f_prime(np.ones(1))[0])

    def f(self, t: Array) -> Array:
        """`f(t)`."""
        return np.asarray(self._made.f(t))

    def f_prime(self, t: Array) -> Array:
        """`f'(t)`."""
        return np.asarray(self._made.f_prime(t))

    def conjugate(self, y: Array) -> Array:
        """`f*(y)`; `+inf` above `f'(∞)`."""
        return np.asarray(self._made.conjugate(y))

    def conjugate_prime(self, y: Array) -> Array:
        """`(f*)'(y)`, the density of the worst re-weighting (T4)."""
        return np.asarray(self._made.conjugate_prime(y))

    def c_transform(self, phi: Array, cost: Array, mu: Array) -> Array:
        """`φ^c_μ(x) = max_y {φ(y) − μ c(x, y)}` of `phi (m,)` under `cost (n, m)` for `mu (K,)`, as `(K,
        n)`; `0·∞ = ∞`.
        """
        return c_transform(phi, cost, mu)

    def top(self, problem: Problem, h: Array) -> Array:
        """`S` of T3 and T7: the supremum of `φ` over the space, or the maximum of `h (K, n)` over the
        support of `P`.
        """
        if problem.support == "space":
            return np.full(len(h), problem.phi.max())
        return np.asarray(h.max(axis=1))

    def rho_floor(self, top: Array, mu: Array) -> Array:
        """The constraint of T7, `ρ ≥ S − μ f'(∞)`, for `(K,)` arguments."""
        return top - mu * self.recession

    def integrand(self, h: Array, rho: Array, mu: Array) -> Array:
        """`μ f*((φ^c − ρ)/μ)`, the integrand of T7, as `(K, n)`."""
        y = (h - rho[:, None]) / mu[:, None]
        if np.isfinite(self.recession):  # at the floor of ρ, rounding may leave the domain of f*
            error = 4e-16 * (np.abs(h) + np.abs(rho[:, None])) / mu[:, None]
            y = np.where((y > self.recession) & (y <= self.recession + error), self.recession, y)
        return np.asarray(mu[:, None] * self.conjugate(y))

    def reweighting(self, h: Array, p: Array, mu: Array, top: Array) -> tuple[Array, Array]:
        """T3 scaled: `μ Λ[h/μ] = inf_ρ { ρ + μ E_P f*((h − ρ)/μ) : ρ ≥ S − μ f'(∞) }`, and `ρ*`, `(K,)` each.

        `ρ` is measured from the maximum of `h`, so that a minimiser close to the floor keeps its digits.
        The derivative `1 − E_P (f*)'` is monotone in `ρ`: bisection.
        """
        base = h.max(axis=1)
        # A point of loss −∞ carries no mass: as good as far below the domain, where f* is −f(0).
        shifted = np.maximum(h - base[:, None], -_FAR)
        floor = self.rho_floor(top - base, mu)
        least = np.where(shifted > -_FAR, shifted, -1e15).min(axis=1)
        low = np.maximum(floor, least - mu * self.slope_at_one)
        high = np.maximum(floor, -mu * self.slope_at_one)
        for _ in range(110):
            middle = 0.5 * (low + high)
            mass = self.conjugate_prime((shifted - middle[:, None]) / mu[:, None]) @ p
            above = ~(mass < 1.0)  # NaN and inf count as too much mass
            if np.all((middle == low) | (middle == high)):  # neighbouring doubles
                break
            low, high = np.where(above, middle, low), np.where(above, high, middle)
        ends = np.stack([low, high, floor])
        ends = np.where(np.isfinite(ends), ends, high)
        values = np.stack([rho + self.integrand(shifted, rho, mu) @ p for rho in ends])
        pick = np.argmin(values, axis=0)
        columns = np.arange(len(pick))
        return base + values[pick, columns], base + ends[pick, columns]

    def dual(self, problem: Problem, lam: Array) -> tuple[Array, Array]:
        """T7 at `λ (K,)` with `λ + κ > 0`: `λε + ρ + (λ+κ) E_P f*((φ^c_{λ+κ} − ρ)/(λ+κ))`, minimised over
        `ρ`.
        """
        mu = lam + problem.kappa
        h = self.c_transform(problem.phi, problem.cost, mu)
        value, rho = self.reweighting(h, problem.p, mu, self.top(problem, h))
        return lam * problem.epsilon + value, rho

    def at_zero(self, problem: Problem) -> float:
        """T6 at `λ + κ = 0`: the reachable maximum; for CVaR the CVaR of the reachable maxima."""
        reach = self.c_transform(problem.phi, problem.cost, np.zeros(1))
        if self.member.bounded_domain:  # dom f = [0, 1/β], f = 0 on it: f* is its own support function
            value, _ = self.reweighting(reach, problem.p, np.ones(1), reach.max(axis=1))
            return float(value[0])
        if problem.support == "space" and np.isfinite(self.recession):
            return float(problem.phi.max())
        return float(reach.max())

    def lambda_range(self, problem: Problem) -> tuple[float, float]:
        """Where `λ*` is searched: twelve orders of magnitude on either side of the spread of the losses."""
        return 1e-12 * problem.span, 1e12 * problem.span

    def minimize(self, problem: Problem, dual: Callable[[Problem, Array], tuple[Array, Array]]) -> DualPoint:
        """The infimum over `λ ≥ 0` of a dual that is convex in `λ`, the end `λ = 0` included."""
        low, high = self.lambda_range(problem)
        lam, value = minimize_log_convex(lambda grid: dual(problem, grid)[0], low, high)
        if problem.kappa > 0:
            end, rho = dual(problem, np.zeros(1))
            if end[0] <= value:
                return DualPoint(float(end[0]), 0.0, float(rho[0]))
        elif (limit := self.at_zero(problem)) <= value:
            return DualPoint(limit, 0.0, limit)
        return DualPoint(value, lam, float(dual(problem, np.array([lam]))[1][0]))

    def dro(self, problem: Problem) -> DualPoint:
        """T7: the DRO value with its multipliers."""
        with np.errstate(all="ignore"):
            return self.minimize(problem, self.dual)

    def kl_dual(self, problem: Problem, lam: Array) -> tuple[Array, Array]:
        """T8 at `λ (K,)`: `λε + (λ+κ) log E_P exp(φ^c_{λ+κ}/(λ+κ))`, centred at the maximum."""
        mu = lam + problem.kappa
        h = self.c_transform(problem.phi, problem.cost, mu)
        base = h.max(axis=1)
        mean = np.expm1((h - base[:, None]) / mu[:, None]) @ problem.p
        value = base + mu * np.log1p(mean)
        return lam * problem.epsilon + value, value - mu

    def kl_dro(self, problem: Problem) -> DualPoint:
        """T8: the DRO value of KL."""
        with np.errstate(all="ignore"):
            return self.minimize(problem, self.kl_dual)

    def weights(self, problem: Problem, point: DualPoint) -> Array:
        """T11: `w_i = p_i (f*)'((φ^c_i − ρ*)/(λ*+κ))` where `f*` is smooth; at `λ*+κ = 0`, `P(· | argmax
        φ^c)`.
        """
        mu = np.array([point.lam + problem.kappa])
        h = self.c_transform(problem.phi, problem.cost, mu)[0]
        if mu[0] == 0.0:
            density = (h == h.max()).astype(float)
            return np.asarray(problem.p * density / (problem.p @ density))
        with np.errstate(all="ignore"):
            return np.asarray(problem.p * self.conjugate_prime((h - point.rho) / mu[0]))

    def worst_losses(self, h: Array, point: DualPoint, mu: float) -> Array:
        """The dual evaluated sample by sample: `ρ + μ f*((h_i − ρ)/μ)`, whose mean is the value less `λε`."""
        return np.asarray(point.rho + self.integrand(h[None, :], np.array([point.rho]), np.array([mu]))[0])

    def information(self, eta: Array, p: Array, singular: float = 0.0) -> float:
        """`D_f(η‖P) + f'(∞) s` for masses `eta (n,)`, `p (n,) > 0` and singular mass `s`."""
        with np.errstate(all="ignore"):
            value = float(p @ self.f(eta / p))
        return value + (singular * self.recession if singular > 0 else 0.0)

    def expansion(self, h: Array, problem: Problem, second: float, third: float) -> float:
        """T19 for adversarial losses `h (n,)`: `m + σ√(2ε/a) − [b K₃/(3a²σ²) + κ] ε`, `a = second`, `b =
        third`.
        """
        mean = float(problem.p @ h)
        variance, skew = (float(problem.p @ (h - mean) ** k) for k in (2, 3))
        lead = mean + math.sqrt(2.0 * variance * problem.epsilon / second)
        return lead - (third * skew / (3.0 * second**2 * variance) + problem.kappa) * problem.epsilon

    def divergence_dual(self, g: Array, cost: Array, p: Array, q: Array, support: str) -> float:
        """T2 at one potential `g (m,)`: `E_Q[g] − Λ^P_f[g^c]`; `g_j = −∞` is allowed where `q_j = 0`."""
        with np.errstate(all="ignore"):
            transformed = np.where(
                np.isinf(cost), -np.inf, g[None, :] - np.where(np.isinf(cost), 0.0, cost)
            ).max(axis=1)
            top = g[np.isfinite(g)].max() if support == "space" else transformed.max()
            value, _ = self.reweighting(transformed[None, :], p, np.ones(1), np.array([top]))
        return float(q[q > 0] @ g[q > 0] - value[0])
