"""What the solver returns."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

__all__ = ["Method", "Solution", "Status"]


class Status(Enum):
    """How a solve ended; every member is a sentence that says what to do."""

    CONVERGED = "The relative gap between the certified bounds is within the tolerance."
    CONVERGED_ABSOLUTE = (
        "The value is near 0, where a relative gap means nothing: the absolute gap is within the tolerance."
    )
    INFEASIBLE = "The value is +infinity: no plan of finite cost exists; see `explanation`."
    STALLED = (
        "The gap is honest but wider than the tolerance; the solver gets no further: rescale or accept it."
    )
    ROUND_LIMIT = "The gap is honest but wider than the tolerance: allow more rounds."
    INTERRUPTED = "The solve was interrupted; the bounds hold, the gap is wider than the tolerance."

    @property
    def converged(self) -> bool:
        """Whether the value is within the tolerance (an infinite value included)."""
        return self in (Status.CONVERGED, Status.CONVERGED_ABSOLUTE, Status.INFEASIBLE)


class Method(Enum):
    """Which structure solved the problem."""

    DENSE = "dense interior point on all arcs"
    SPARSE = "sparse interior point on all finite arcs"
    MULTILEVEL = "multilevel interior point on priced arcs"
    CLOSED = "closed form"


@dataclass(frozen=True)
class Solution:
    """`D^c(Q‖P)` with its bracket and witnesses.

    Attributes:
        value: the upper bound, attained by `plan` and `singular`; `inf` when infeasible.
        lower, upper: bounds that hold over all `n·m` arcs, widened by the rounding bound of the passes
            behind them.
        plan: `(n, m)` sparse, nonnegative, `plan[i, j]` the mass moved from `x_i` to `y_j`.
        potentials: `g`, `(m,)`, the gradient in `q` up to a constant (T29).
        eta: `(n,)` the masses `η_i` of the re-weighted reference at its own points.
        singular: `(m,)` mass created off the support of `P`, at the point that uses it; zeros in mode
            "reference".
        row_potentials: `g^c(x_i)`, `(n,)`.
        transport: the part `⟨c, plan⟩` of the value; the rest is the divergence.
        tolerance: what was asked for; `gap` is `upper - lower`.
    """

    value: float
    lower: float
    upper: float
    plan: sparse.csr_matrix
    potentials: NDArray[np.float64]
    eta: NDArray[np.float64]
    singular: NDArray[np.float64]
    row_potentials: NDArray[np.float64]
    transport: float
    iterations: int
    rounds: int
    seconds: float
    status: Status
    tolerance: float
    method: Method
    explanation: str = ""

    @property
    def gap(self) -> float:
        """`upper - lower`, 0 when both are infinite."""
        return 0.0 if self.upper == self.lower else self.upper - self.lower

    @property
    def relative_gap(self) -> float:
        """`gap / |value|`; `inf` at value 0 unless the gap is 0 too."""
        if self.gap == 0:
            return 0.0
        return self.gap / abs(self.value) if self.value else np.inf
