"""Exact repair of a plan whose density has a cap (CVaR, transport only); columns become exactly `q`.

Rescaling columns would push rows over their caps, so the float plan is first shrunk below every bound and
the missing mass, of the order of rounding, is then routed exactly: along arcs of rows that have room, and
where a column has none of these, along augmenting paths.
"""

from collections import deque
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

__all__ = ["Overfull", "bounded_plan"]

Floats = NDArray[np.float64]
_SHRINK = Fraction(2**50 - 1, 2**50)


class Overfull(Exception):
    """The columns in `columns` need more than all rows that reach them may carry: no plan exists."""

    def __init__(self, columns: list[int]) -> None:
        super().__init__(f"columns {columns} need more than the rows that reach them may carry")
        self.columns = columns


class _Flow:
    """Masses on arcs, the room left in each row and the need of each column."""

    def __init__(self, x: Floats, cost: Floats, caps: Sequence[Fraction], q: Sequence[Fraction]) -> None:
        self.cost = cost
        n, m = x.shape
        kept = [
            {int(j): Fraction(float(x[i, j])) for j in np.flatnonzero(x[i] > 1e-15 * x.max(initial=0.0))}
            for i in range(n)
        ]
        for row, cap in zip(kept, caps, strict=True):
            total = sum(row.values(), Fraction(0))
            if total > cap:
                for j in row:
                    row[j] = Fraction(float(row[j] * cap / total)) * _SHRINK
        totals = [sum((row.get(j, Fraction(0)) for row in kept), Fraction(0)) for j in range(m)]
        for row in kept:
            for j in row:
                if totals[j] > q[j]:
                    row[j] = Fraction(float(row[j] * q[j] / totals[j])) * _SHRINK
        self.rows = kept
        self.room = [cap - sum(row.values(), Fraction(0)) for row, cap in zip(kept, caps, strict=True)]
        self.need = [q[j] - sum((row.get(j, Fraction(0)) for row in kept), Fraction(0)) for j in range(m)]

    def move(self, i: int, j: int, mass: Fraction) -> None:
        self.rows[i][j] = self.rows[i].get(j, Fraction(0)) + mass

    def direct(self, i: int, j: int) -> None:
        """As much as fits from row `i` into column `j`."""
        mass = min(self.room[i], self.need[j])
        if mass > 0:
            self.move(i, j, mass)
            self.room[i] -= mass
            self.need[j] -= mass

    def augment(self, j: int) -> None:
        """One shortest augmenting path from column `j` to a row with room.

        Raises:
            Overfull: there is none; the columns met are the proof (Hall's condition).
        """
        parent: dict[int, tuple[int, int]] = {}  # column -> (row that feeds it, column that the row gives up)
        seen, queue = {j}, deque([j])
        visited: set[int] = set()
        while queue:
            column = queue.popleft()
            for i in np.flatnonzero(np.isfinite(self.cost[:, column])).tolist():
                if i in visited:
                    continue
                visited.add(i)
                if self.room[i] > 0:
                    self.push(i, column, j, parent)
                    return
                for other, mass in self.rows[i].items():
                    if mass > 0 and other not in seen:
                        seen.add(other)
                        parent[other] = (i, column)
                        queue.append(other)
        raise Overfull(sorted(seen))

    def push(self, i: int, column: int, start: int, parent: dict[int, tuple[int, int]]) -> None:
        path = [(i, column)]
        mass = min(self.room[i], self.need[start])
        at = column
        while at != start:
            row, towards = parent[at]
            mass = min(mass, self.rows[row][at])
            path.append((row, towards))
            at = towards
        at = column
        self.move(i, column, mass)
        for row, towards in path[1:]:
            self.move(row, at, -mass)
            self.move(row, towards, mass)
            at = towards
        self.room[i] -= mass
        self.need[start] -= mass


def bounded_plan(
    x: Floats, cost: Floats, caps: Sequence[Fraction], q: Sequence[Fraction]
) -> list[dict[int, Fraction]]:
    """Rows of an exact plan near `x` (n, m) with row sums at most `caps` and column sums exactly `q`.

    Caps that sum to 1 (transport only) are met exactly.

    Raises:
        Overfull: no plan fits.
    """
    flow = _Flow(x, cost, caps, q)
    for j in range(len(q)):
        finite = np.flatnonzero(np.isfinite(cost[:, j]))
        for i in finite[np.argsort(cost[finite, j], kind="stable")].tolist():
            if flow.need[j] == 0:
                break
            flow.direct(i, j)
    for j in range(len(q)):
        while flow.need[j] > 0:
            flow.augment(j)
    return flow.rows
