"""D^c reduced to what matters, and the repair of float witnesses to exact ones.

Rows without weight in P and columns without weight in Q leave the problem; columns of negligible weight
leave the optimisation only, their mass is routed and their price set afterwards.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from verification.certificate.build import stated
from verification.certificate.formulas import formula
from verification.instance import Instance, text
from verification.solution import Plan
from verification.solve.functions import information
from verification.solve.information import Renyi, Separable
from verification.solve.repair import bounded_plan
from verification.solve.reweighting import reweight

__all__ = ["Optimum", "Reduced"]

Floats = NDArray[np.float64]
_NEGLIGIBLE = 1e-15  # share of a column below which an entry of an interior plan is dropped
_HIGHEST = 1e300  # potentials stay finite
_LIGHT = 1e-13  # weight of a column below which no float optimiser sees it


@dataclass(frozen=True)
class Optimum:
    """Float witnesses on the kept rows and columns: plan `x`, singular masses `u`, prices `g`."""

    x: Floats
    u: Floats
    g: Floats
    iterations: int


class Reduced:
    """The rows with `p > 0` that reach a column with `q > 0`, and those columns.

    Attributes:
        rows, columns: their indices in the instance; `carrying` are all rows with `p > 0`, `idle` those left
            out.
        cost, p, q: restricted to them.
        seen_rows, seen_columns: masks of what the optimisers see.
    """

    def __init__(self, instance: Instance) -> None:
        assert instance.q is not None
        self.instance = instance
        self.information = information(instance.divergence)
        self.space = instance.support == "space" and bool(np.isfinite(self.information.recession))
        self.columns = np.flatnonzero(instance.q > 0)
        self.carrying = np.flatnonzero(instance.p > 0)
        reached = np.isfinite(instance.cost[np.ix_(self.carrying, self.columns)]).any(axis=1)
        self.rows = self.carrying[reached]
        self.idle = self.carrying[~reached]
        self.cost = instance.cost[np.ix_(self.rows, self.columns)]
        self.p, self.q = instance.p[self.rows], instance.q[self.columns]
        self.seen_columns = self.q >= _LIGHT
        arcs = np.isfinite(self.cost)
        if np.isposinf(self.information.at_zero):
            # A row that must carry mass keeps the only columns it reaches.
            lonely = ~arcs[:, self.seen_columns].any(axis=1)
            self.seen_columns |= arcs[lonely].any(axis=0)
        self.seen_rows = arcs[:, self.seen_columns].any(axis=1)

    def seen(self) -> tuple[Floats, Floats, Floats]:
        """Cost, p and q of what the optimisers see."""
        return (
            self.cost[np.ix_(self.seen_rows, self.seen_columns)],
            self.p[self.seen_rows],
            self.q[self.seen_columns],
        )

    def lift(self, x: Floats, u: Floats, g: Floats, iterations: int) -> Optimum:
        """An optimum of the seen part on all kept rows and columns; unseen prices are NaN."""
        plan = np.zeros(self.cost.shape)
        plan[np.ix_(self.seen_rows, self.seen_columns)] = x
        created, prices = np.zeros(len(self.q)), np.full(len(self.q), np.nan)
        created[self.seen_columns], prices[self.seen_columns] = u, g
        return Optimum(plan, created, prices, iterations)

    def _slope(self, density: Floats) -> Floats:
        """Price of one more unit of mass on each row at the given density."""
        f = self.information
        with np.errstate(all="ignore"):
            if isinstance(f, Separable):
                return np.nan_to_num(f.slope(np.clip(density, 1e-300, None)), neginf=-1e300)
            assert isinstance(f, Renyi)
            total = float(self.p @ density ** (1 - f.alpha))
            return np.nan_to_num(-(density**-f.alpha) / (f.alpha * total), neginf=-1e300)

    def _cheapest(self, k: int, density: Floats) -> int | None:
        """The row that serves column `k` at the least price, None when creating the mass is cheaper."""
        price = self._slope(density) + self.cost[:, k] if len(self.p) else np.array([np.inf])
        best = int(np.argmin(price))
        return None if self.space and price[best] > self.information.recession else best

    def potential(self, g: Floats) -> list[str]:
        """The dual witness: `g` closed under the c-transform, shifted by the re-weighting step; text per
        column."""
        full = np.full(len(self.carrying), -np.inf)
        if len(self.rows):
            known = ~np.isnan(g)
            reach = np.max(np.where(known, g, -np.inf) - self.cost, axis=1)
            finite = np.isfinite(reach)
            closed = np.min(np.where(finite, reach, np.inf)[:, None] + self.cost, axis=0)
            # A column that only unseen rows reach: the price at which they carry its little mass.
            alone = np.min(self._slope(np.full(len(self.p), _LIGHT))[:, None] + self.cost, axis=0)
            g = np.where(np.isfinite(closed), closed, np.where(known, g, alone))
            g = np.clip(g, -_HIGHEST, _HIGHEST)  # f' of a steep f overflows
            if self.space:
                g = np.minimum(g, self.information.recession)
            full[np.isin(self.carrying, self.rows)] = np.max(g - self.cost, axis=1)
        highest = float(full.max()) if len(self.rows) else float(g.max())
        top = max(float(g.max()) - highest, 0.0) if self.space else None
        step = reweight(self.information, self.instance.p[self.carrying], full - highest, top)
        rho = highest + (step.shift if step is not None else 0.0)
        if np.isfinite(self.information.recession):
            # A hair above the bound, so that rounding cannot push g over f'(inf).
            heights = np.abs(full[np.isfinite(full)]).max(initial=abs(rho))
            rho += 8e-16 * max(float(np.abs(g).max()), float(heights))
        result = ["-inf"] * self.instance.shape[1]
        for j, value in zip(self.columns.tolist(), (g - rho).tolist(), strict=True):
            result[j] = text(Fraction(repr(value)))
        return result

    def _bounded(self, x: Floats, high: Fraction) -> Plan:
        """The exact plan near `x` whose rows stay below `high` times their weight in P."""
        instance = self.instance
        assert instance.q_exact is not None
        caps = [high * instance.p_exact[i] for i in self.rows.tolist()]
        targets = [instance.q_exact[j] for j in self.columns.tolist()]
        rows = bounded_plan(x, self.cost, caps, targets)
        entries = tuple(
            (int(self.rows[i]), int(self.columns[j]), mass)
            for i, row in enumerate(rows)
            for j, mass in sorted(row.items())
            if mass > 0
        )
        return Plan(entries, (), instance.shape)

    def plan(self, x: Floats, u: Floats) -> Plan:
        """The exact plan nearest to `x`, `u` whose columns, with the singular masses, are exactly `q`.

        Raises:
            Overfull: the domain of `f` is bounded and no plan fits into it.
        """
        instance = self.instance
        assert instance.q_exact is not None
        high = formula(stated(instance.divergence)).domain[1]
        if high is not None:
            return self._bounded(x, Fraction(int(high.p), int(high.q)))
        density = x.sum(axis=1) / self.p
        kept = x > _NEGLIGIBLE * self.q
        if np.isposinf(self.information.at_zero):
            # A row that must carry mass keeps its largest entry, however small.
            bare = np.flatnonzero(~kept.any(axis=1) & (x.max(axis=1, initial=0.0) > 0))
            kept[bare, x[bare].argmax(axis=1)] = True
        entries: list[tuple[int, int, Fraction]] = []
        singular = [Fraction(0)] * instance.shape[1]
        for k, j in enumerate(self.columns.tolist()):
            target = instance.q_exact[j]
            column = x[:, k]
            keep = np.flatnonzero(kept[:, k])
            masses = [Fraction(float(column[i])) for i in keep]
            created = Fraction(float(u[k])) if self.space and u[k] > _NEGLIGIBLE * self.q[k] else Fraction(0)
            total = sum(masses, created)
            if total == 0:
                i = self._cheapest(k, density)
                if i is None:
                    singular[j] = target
                else:
                    entries.append((int(self.rows[i]), j, target))
                continue
            # Doubles but for the largest, which takes up the rest: short text and an exact column.
            ratio = target / total
            masses = [Fraction(float(mass * ratio)) for mass in masses]
            created = Fraction(float(created * ratio))
            rest = target - sum(masses, created)
            if masses and max(masses) >= created:
                masses[masses.index(max(masses))] += rest
            else:
                created += rest
            entries += [(int(self.rows[i]), j, mass) for i, mass in zip(keep, masses, strict=True)]
            singular[j] = created
        return Plan(tuple(entries), tuple(singular) if any(singular) else (), instance.shape)
