"""The result of an objective: the optimum with the witnesses that prove it."""

__all__ = ["CERTIFIED", "Dual", "Solution", "free", "judge"]

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from armor.objectives.arrays import Array, Ops
from armor.status import Status

CERTIFIED = 1e-8  # the relative gap up to which a solution counts as optimal


@dataclass(frozen=True)
class Dual:
    """What a solver returns, in arrays of its own backend; scalars of a problem have the shape (..., 1)."""

    value: Array  # dual value at (mu, rho)
    mu: Array  # lambda + kappa
    rho: Array
    weights: Array  # masses of Q*
    primal: Array  # value of a feasible re-weighting: one made from `weights`, or the cheapest
    status: Array  # codes of Status
    iterations: int
    curvature: Array  # s_i = p_i (f*)''(y_i): how the weights answer to their arguments; 0 where not smooth
    direction: Array | None = None  # v and gamma of a rank-one term in the divergence's Hessian (Renyi)
    gamma: Array | None = None
    twice: bool = True  # whether curvature and slope give the second derivative


def free(epsilon: Any) -> bool:
    """Whether a solver is asked for the step at `mu = kappa` alone, without a radius."""
    return isinstance(epsilon, float) and math.isinf(epsilon)


def judge(xp: Ops, gap: Array, scale: Array, binding: Array, feasible: Array) -> Array:
    """Codes of `Status` (..., 1) from the certified gap alone; one that is no number proves nothing.

    scale: the size of the problem's numbers, finite; binding: lambda* > 0.
    """
    proved = (xp.abs(gap) <= CERTIFIED * scale) & xp.isfinite(scale)
    optimal = xp.where(binding, int(Status.INTERIOR), int(Status.INACTIVE))
    return xp.where(feasible, xp.where(proved, optimal, int(Status.UNCONVERGED)), int(Status.INFEASIBLE))


@dataclass(frozen=True)
class Solution:
    """Optimum of the objective on one batch (or one per leading index).

    Shapes: `(...)` for a problem, `(..., B)` for `weights`. Everything but `value` is constant for autograd.

    value:    dual value, an upper bound that `gap` certifies; differentiable (T12).
    lam, rho: dual variables of T7/T8; `lam >= 0`, never clipped from above.
    weights:  masses of Q* on the samples, nonnegative, sum 1.
    gap:      float64 dual value minus the value of a feasible re-weighting made from `weights`, or of the
              cheapest there is if that is better; not an iteration residual.
    """

    value: Tensor
    lam: Tensor
    rho: Tensor
    weights: Tensor
    gap: Tensor
    code: Tensor
    iterations: int

    @property
    def status(self) -> Status:
        """The worst status of all problems in the batch; reading it waits for the device."""
        return Status(int(self.code.max()))

    @property
    def unconverged(self) -> Tensor:
        """How many problems the iteration budget did not settle, () float64, on the device."""
        return (self.code == int(Status.UNCONVERGED)).sum().double()

    def to_mapping(self) -> dict[str, Any]:
        """The scalars as plain Python numbers, for logs (a list per field where the problem is batched)."""
        fields = {
            name: getattr(self, name).detach().cpu().tolist() for name in ("value", "lam", "rho", "gap")
        }
        return {**fields, "status": self.status.sentence, "iterations": self.iterations}

    def detach(self) -> "Solution":
        """The same solution without autograd history."""
        return Solution(
            self.value.detach(), self.lam, self.rho, self.weights, self.gap, self.code, self.iterations
        )


def squeeze(x: Tensor) -> Tensor:
    """Drop the axis that reductions keep."""
    return torch.squeeze(x, -1)
