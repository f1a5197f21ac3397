"""No re-weighting: `D = inf · 1[eta != P]`, which leaves optimal-transport DRO (T17)."""

__all__ = ["TransportOnly"]

import math

from armor.objectives.arrays import Array, Ops
from armor.objectives.base import Objective
from armor.objectives.solution import Dual, judge


class TransportOnly(Objective):
    """The mean of the transported losses, less what their transport costs; rho is that mean at the same mu.

    Nothing is searched: only eta = P is within reach, it spends `E_P c` at any mu, and lambda is 0 wherever
    that is within the radius.
    """

    def __init__(self, *, epsilon: float, kappa: float = 0.0, iterations: int = 24) -> None:
        super().__init__({"name": "none"}, epsilon=epsilon, kappa=kappa, iterations=iterations)

    def differentiable_twice(self, costs: Array | None) -> bool:
        """Costs decide whether there is a value at all."""
        return costs is None

    def _solve(
        self, xp: Ops, losses: Array, costs: Array | None, p: Array, epsilon: Array, kappa: Array
    ) -> Dual:
        top = xp.max(xp.where(p > 0, losses, -math.inf))
        d = xp.where(p > 0, losses - top, 0.0)
        spent = 0.0 * top
        if costs is not None:
            unreachable = xp.any((p > 0) & ~(costs < math.inf))
            spent = xp.where(unreachable, math.inf, xp.sum(p * xp.where(costs < math.inf, costs, 0.0)))
        feasible = (spent <= epsilon) & xp.isfinite(spent)
        mu = 0.0 * top + kappa
        penalty = mu * xp.where(feasible, spent, 0.0)
        mean = top + xp.sum(p * d)
        value = xp.where(feasible, mean - penalty, -math.inf)
        scale = xp.abs(top) - xp.min(d) + penalty
        return Dual(
            value=value,
            mu=mu,
            rho=mean - penalty,
            weights=p,
            primal=value,
            status=judge(xp, 0.0 * scale, scale, mu > kappa, feasible),
            iterations=0,
            curvature=0.0 * p,
            twice=self.differentiable_twice(costs),
        )
