"""What the exact solvers return: frozen values with their witnesses and a status that reads as a sentence."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verification.instance import Instance

__all__ = ["DivergenceSolution", "DroSolution", "Plan", "Solution", "Status"]

Floats = NDArray[np.float64]


class Status(Enum):
    """How a solve ended; the value is the sentence for the user."""

    SOLVED = "The interval is proved and as narrow as asked."
    WIDE = (
        "The interval is proved but wider than asked: rescale the instance, whose magnitudes differ a lot, "
        "or accept the printed width."
    )
    INFINITE = (
        "D^c is infinite: no distribution with finite divergence from P can be transported to Q; "
        "look for columns of q whose costs are all infinite."
    )
    EMPTY = (
        "The ball is empty: every Q has D^c(Q||P) > epsilon, since no plan of P is that cheap; "
        "increase epsilon or lower the cost."
    )

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Plan:
    """A transport plan from eta to Q as exact entries, with the singular mass created in each column.

    Attributes:
        entries: `(i, j, mass)` with positive exact masses.
        singular: (m,) exact masses created off the support of P, or empty.
        shape: `(n, m)`.
    """

    entries: tuple[tuple[int, int, Fraction], ...]
    singular: tuple[Fraction, ...]
    shape: tuple[int, int]

    def dense(self) -> Floats:
        """(n, m) masses as doubles."""
        result = np.zeros(self.shape)
        for i, j, mass in self.entries:
            result[i, j] += float(mass)
        return result

    def rows(self) -> Floats:
        """(n,) masses `eta_i` on the rows."""
        return np.asarray(self.dense().sum(axis=1))

    def created(self) -> Floats:
        """(m,) singular masses."""
        return np.array([float(s) for s in self.singular]) if self.singular else np.zeros(self.shape[1])

    def columns(self) -> Floats:
        """(m,) masses of Q."""
        return np.asarray(self.dense().sum(axis=0) + self.created())


@dataclass(frozen=True)
class Solution:
    """A proved interval `[lower, upper]` around the exact value, and where it comes from.

    Attributes:
        instance: what was solved.
        lower, upper: rigorous bounds, rounded outwards; `rigorous` says that ball arithmetic proved them.
        plan: primal witness, None when there is none (infinite value, empty ball).
        status: how the solve ended.
        iterations: of the main loop; seconds: wall clock; tolerance: the width asked for.
        witness: the certificate, see `certificate()`.
    """

    instance: Instance
    lower: float
    upper: float
    rigorous: bool
    plan: Plan | None
    status: Status
    iterations: int
    seconds: float
    tolerance: float
    witness: Mapping[str, Any] = field(repr=False)

    @property
    def value(self) -> float:
        """Middle of the interval (its one value when it is infinite)."""
        return self.lower if self.lower == self.upper else self.lower + (self.upper - self.lower) / 2

    @property
    def gap(self) -> float:
        """Width of the interval."""
        return 0.0 if self.lower == self.upper else self.upper - self.lower

    @property
    def weights(self) -> Floats | None:
        """(n,) masses `eta_i` on the rows (T11)."""
        return None if self.plan is None else self.plan.rows()

    @property
    def singular(self) -> Floats | None:
        """(m,) masses of the part of `eta` that is singular to P."""
        return None if self.plan is None else self.plan.created()

    @property
    def worst_case(self) -> Floats | None:
        """(m,) masses of `Q*`."""
        return None if self.plan is None else self.plan.columns()

    def certificate(self) -> Mapping[str, Any]:
        """The certificate: exact data, witnesses and the claimed interval, for `armor check`."""
        return self.witness


@dataclass(frozen=True)
class DivergenceSolution(Solution):
    """`D^c(Q||P)` (T1, T2); `potential` is the dual witness `g` (m,), -inf where `q_j = 0` allows it."""

    potential: Floats | None = None


@dataclass(frozen=True)
class DroSolution(Solution):
    """The DRO value (T6, T7) with its multipliers; None where they do not apply."""

    lam: float | None = None
    rho: float | None = None
