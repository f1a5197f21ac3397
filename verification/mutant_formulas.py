"""The wrong formulas themselves: each class repeats one line of `Formulas` with one thing wrong."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from verification.matrix.formulas import DualPoint, Formulas, Problem

Array = NDArray[np.float64]


class RadiusSign(Formulas):
    def dual(self, problem: Problem, lam: Array) -> tuple[Array, Array]:
        value, rho = super().dual(problem, lam)
        return value - 2 * lam * problem.epsilon, rho


class RadiusDropped(Formulas):
    def dual(self, problem: Problem, lam: Array) -> tuple[Array, Array]:
        value, rho = super().dual(problem, lam)
        return value - lam * problem.epsilon, rho


class PenaltyInRadius(Formulas):
    def dual(self, problem: Problem, lam: Array) -> tuple[Array, Array]:
        value, rho = super().dual(problem, lam)
        return value + problem.kappa * problem.epsilon, rho


class PenaltyOmitted(Formulas):
    def dro(self, problem: Problem) -> DualPoint:
        free = Problem(problem.phi, problem.cost, problem.p, problem.epsilon, 0.0, problem.support)
        return super().dro(free)


class RhoDropped(Formulas):
    def reweighting(self, h: Array, p: Array, mu: Array, top: Array) -> tuple[Array, Array]:
        value, rho = super().reweighting(h, p, mu, top)
        return value - rho, rho


class MultiplierDropped(Formulas):
    def integrand(self, h: Array, rho: Array, mu: Array) -> Array:
        return np.asarray(self.conjugate((h - rho[:, None]) / mu[:, None]))


class ArgumentUnscaled(Formulas):
    def integrand(self, h: Array, rho: Array, mu: Array) -> Array:
        return np.asarray(mu[:, None] * self.conjugate(h - rho[:, None]))


class ConstantForgotten(Formulas):
    def conjugate(self, y: Array) -> Array:
        return np.exp(y)


class GaugeMixed(Formulas):
    def conjugate(self, y: Array) -> Array:
        return super().conjugate(y - 0.5)

    def conjugate_prime(self, y: Array) -> Array:
        return super().conjugate_prime(y - 0.5)


class ClampDropped(Formulas):
    def conjugate(self, y: Array) -> Array:
        return y + y * y / 4

    def conjugate_prime(self, y: Array) -> Array:
        return 1 + y / 2


class HalfForQuarter(Formulas):
    def conjugate(self, y: Array) -> Array:
        return np.where(y >= -1, y + y * y / 2, -0.5)

    def conjugate_prime(self, y: Array) -> Array:
        return np.where(y >= -1, 1 + y, 0.0)


class BaseTwo(Formulas):
    def kl_dual(self, problem: Problem, lam: Array) -> tuple[Array, Array]:
        mu = lam + problem.kappa
        h = self.c_transform(problem.phi, problem.cost, mu)
        base = h.max(axis=1)
        mean = np.expm1((h - base[:, None]) / mu[:, None]) @ problem.p
        value = base + mu * np.log1p(mean) / math.log(2)
        return lam * problem.epsilon + value, value - mu


class WrongTransformMultiplier(Formulas):
    def dual(self, problem: Problem, lam: Array) -> tuple[Array, Array]:
        mu = lam + problem.kappa
        h = self.c_transform(problem.phi, problem.cost, lam)
        value, rho = self.reweighting(h, problem.p, mu, self.top(problem, h))
        return lam * problem.epsilon + value, rho


class StaleMultiplier(Formulas):
    def c_transform(self, phi: Array, cost: Array, mu: Array) -> Array:
        return super().c_transform(phi, cost, np.full_like(mu, 1.0))


class CostSign(Formulas):
    def c_transform(self, phi: Array, cost: Array, mu: Array) -> Array:
        return super().c_transform(phi, np.where(np.isinf(cost), np.inf, -cost), mu)


class InfinityFinite(Formulas):
    def c_transform(self, phi: Array, cost: Array, mu: Array) -> Array:
        return super().c_transform(phi, np.minimum(cost, 10.0), mu)


class TransportDropped(Formulas):
    def c_transform(self, phi: Array, cost: Array, mu: Array) -> Array:
        return super().c_transform(phi, np.where(cost == 0, 0.0, np.inf), mu)


class Clipped(Formulas):
    def lambda_range(self, problem: Problem) -> tuple[float, float]:
        low, _ = super().lambda_range(problem)
        return low, 10.0


class FlooredMultiplier(Formulas):
    def minimize(self, problem: Problem, dual: Callable[[Problem, Array], tuple[Array, Array]]) -> DualPoint:
        grid = np.geomspace(1e-2, 1e12 * problem.span, 4000)
        values, rho = dual(problem, grid)
        k = int(np.nanargmin(values))
        return DualPoint(float(values[k]), float(grid[k]), float(rho[k]))


class UniformReference(Formulas):
    def reweighting(self, h: Array, p: Array, mu: Array, top: Array) -> tuple[Array, Array]:
        return super().reweighting(h, np.full_like(p, 1.0 / len(p)), mu, top)


class Unnormalised(Formulas):
    def weights(self, problem: Problem, point: DualPoint) -> Array:
        return super().weights(problem, DualPoint(point.value, point.lam, 0.0))


class ReferenceForgotten(Formulas):
    def weights(self, problem: Problem, point: DualPoint) -> Array:
        density = super().weights(problem, point) / problem.p
        return np.asarray(density / density.sum())


class WeightsAtLambda(Formulas):
    def weights(self, problem: Problem, point: DualPoint) -> Array:
        lam = max(point.lam, 1e-3)
        h = self.c_transform(problem.phi, problem.cost, np.array([lam + problem.kappa]))[0]
        return np.asarray(problem.p * self.conjugate_prime((h - point.rho) / lam))


class WorstLossIgnored(Formulas):
    def at_zero(self, problem: Problem) -> float:
        reach = self.c_transform(problem.phi, problem.cost, np.zeros(1))
        return float(reach[0] @ problem.p)


class ArgumentsSwapped(Formulas):
    def information(self, eta: Array, p: Array, singular: float = 0.0) -> float:
        with np.errstate(all="ignore"):
            return float(np.nansum(eta * self.f(p / eta))) + (
                singular * self.recession if singular > 0 else 0.0
            )


class DensityUnweighted(Formulas):
    def information(self, eta: Array, p: Array, singular: float = 0.0) -> float:
        del singular
        return float(self.f(eta / p).sum())


class PotentialUntransformed(Formulas):
    def divergence_dual(self, g: Array, cost: Array, p: Array, q: Array, support: str) -> float:
        return super().divergence_dual(g, np.zeros_like(cost), p, q, support)


class RecessionDropped(Formulas):
    def rho_floor(self, top: Array, mu: Array) -> Array:
        return np.full_like(top, -np.inf) * mu


class SupportRestricted(Formulas):
    def top(self, problem: Problem, h: Array) -> Array:
        del problem
        return np.asarray(h.max(axis=1))


class SupportWidened(Formulas):
    def top(self, problem: Problem, h: Array) -> Array:
        return np.full(len(h), problem.phi.max())


class FloorUnscaled(Formulas):
    def rho_floor(self, top: Array, mu: Array) -> Array:
        return top - self.recession + 0 * mu


class SingularForgotten(Formulas):
    def information(self, eta: Array, p: Array, singular: float = 0.0) -> float:
        del singular
        return super().information(eta, p)


class ExpansionSign(Formulas):
    def expansion(self, h: Array, problem: Problem, second: float, third: float) -> float:
        return super().expansion(h, problem, second, -third)


class ExpansionPenaltyDropped(Formulas):
    def expansion(self, h: Array, problem: Problem, second: float, third: float) -> float:
        return super().expansion(h, replace(problem, kappa=0.0), second, third)


class ExpansionFactor(Formulas):
    def expansion(self, h: Array, problem: Problem, second: float, third: float) -> float:
        return super().expansion(h, problem, 2.0 * second, third)
