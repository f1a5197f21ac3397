"""`max_Q { E_Q[phi] - mu D^c(Q||P) }` at one `mu`: the c-transform, then the re-weighting step (T6, T11)."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from verification.certificate.build import exact, stated
from verification.certificate.formulas import formula
from verification.instance import Instance
from verification.solve.functions import information
from verification.solve.information import Information
from verification.solve.masses import Masses
from verification.solve.reweighting import Reweighting, reweight
from verification.solve.transform import Rows, hulls

__all__ = ["Ball", "Point", "exact_rho"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


@dataclass(frozen=True)
class Point:
    """The optimum of `E_Q[phi] - mu D^c(Q||P)` at one mu."""

    mu: float
    vertex: Ints
    step: Reweighting
    cost: float
    gain: float


class Ball:
    """The problem reduced to the rows that carry P and to the hulls of their transport options."""

    def __init__(self, instance: Instance) -> None:
        assert instance.phi is not None
        self.instance = instance
        self.kept = np.flatnonzero(instance.p > 0)
        self.p = instance.p[self.kept]
        self.phi = instance.phi
        self.information: Information = information(instance.divergence)
        # Rows that reach no column carry no mass: their scaled loss is -inf.
        self.reach = np.flatnonzero(np.isfinite(instance.cost[self.kept]).any(axis=1))
        self.rows: Rows = hulls(instance.cost[self.kept[self.reach]], self.phi)
        self.best = int(np.argmax(self.phi))
        self.space = instance.support == "space" and np.isfinite(self.information.recession)
        high = formula(stated(instance.divergence)).domain[1]
        self.cap = None if high is None else Fraction(int(high.p), int(high.q))
        self.evaluations = 0

    def _point(self, mu: float, vertex: Ints, u: Floats, height: float | None) -> Point | None:
        full = np.full(len(self.p), -np.inf)
        full[self.reach] = u
        step = reweight(self.information, self.p, full, height)
        return None if step is None else self._at_step(mu, vertex, step)

    def _at_step(self, mu: float, vertex: Ints, step: Reweighting) -> Point:
        index = np.arange(len(vertex))
        eta = (self.p * step.density)[self.reach]
        gain = float(eta @ self.rows.phi[index, vertex]) + step.singular * float(self.phi[self.best])
        cost = step.information + float(eta @ self.rows.cost[index, vertex])
        return Point(mu, vertex, step, cost, gain)

    def at(self, mu: float) -> Point | None:
        """The optimum at `mu > 0`; None when no Q has a finite D^c."""
        self.evaluations += 1
        vertex, u, top = self.rows.scaled(mu)
        height = 0.0 if self.space else None
        if self.space and top is not None:
            gain = (self.phi[self.best] - self.rows.phi[top, vertex[top]]) / mu
            height = max(float(gain + self.rows.cost[top, vertex[top]]), 0.0)
        return self._point(mu, vertex, u, height)

    def cheapest(self) -> Point | None:
        """The plan of least cost `D + <c, pi>`, the best losses among the cheapest arcs."""
        vertex = np.zeros(len(self.reach), dtype=np.intp)
        cost = self.rows.cost[:, 0]
        everywhere = len(self.reach) == len(self.p)
        if everywhere and np.ptp(cost) == 0 and (cost[0] == 0 or not self.space):
            # Re-weighting gains nothing: eta = P exactly, so that D = 0 exactly.
            step = Reweighting(self.information.start, np.ones(len(cost)), 0.0, 0.0, False)
            return self._at_step(np.inf, vertex, step)
        floor = float(cost.min()) if len(cost) else 0.0
        return self._point(np.inf, vertex, floor - cost, floor if self.space else None)

    def plan(self, point: Point) -> Masses:
        """The exact masses of a point's plan; row -1 stands for the singular mass. They sum to 1 exactly."""
        masses: Masses = {}
        density = point.step.density
        for k, row in enumerate(self.reach.tolist()):
            i = int(self.kept[row])
            # The exact weight times the density: where the density is 1, D is exactly 0.
            mass = Fraction(float(density[row])) * self.instance.p_exact[i]
            if self.cap is not None:
                mass = min(mass, self.cap * self.instance.p_exact[i])
            if mass > 0:
                masses[i, int(self.rows.column[k, point.vertex[k]])] = mass
        if point.step.singular > 0:
            masses[-1, self.best] = Fraction(point.step.singular)
        total = sum(masses.values(), Fraction(0))
        if total != 1:
            masses[max(masses, key=lambda key: self.slack(key, masses[key]))] += 1 - total
        return masses

    def slack(self, key: tuple[int, int], mass: Fraction) -> Fraction:
        """How far the mass of an entry may move either way without leaving the domain of `f`."""
        if self.cap is None or key[0] < 0:
            return mass
        return min(mass, self.cap * self.instance.p_exact[key[0]] - mass)


def exact_rho(ball: Ball, point: Point, lam: Fraction) -> Fraction:
    """`rho = max phi^c + mu r` in exact arithmetic, never below its bound `S - mu f'(inf)`."""
    instance = ball.instance
    assert instance.phi_exact is not None
    mu = lam + instance.kappa_exact
    heights = [max(instance.phi_exact)] if not len(ball.reach) else []
    for k, i in enumerate(ball.kept[ball.reach].tolist()):
        for j in dict.fromkeys(ball.rows.column[k].tolist()):
            c = instance.cost_exact[i][j]
            assert c is not None
            heights.append(instance.phi_exact[j] - mu * c)
    highest = max(heights)
    rho = highest + mu * Fraction(point.step.shift)
    if np.isfinite(ball.information.recession):
        recession = exact(formula(stated(instance.divergence)).recession, up=False)
        assert recession is not None
        supremum = max(instance.phi_exact) if ball.space else highest
        rho = max(rho, supremum - mu * recession)
    return rho
