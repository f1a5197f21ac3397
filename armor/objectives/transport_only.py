"""No re-weighting: `D = inf · 1[eta != P]`, which leaves optimal-transport DRO (T17)."""

__all__ = ["TransportOnly"]

from armor.objectives.arrays import Array, Ops
from armor.objectives.reweighting import Reweighted, Reweighting


class TransportOnly(Reweighted):
    """The mean of the transported losses, less what their transport costs; rho is that mean by convention."""

    smooth = False
    polyhedral = True

    def __init__(self, *, epsilon: float, kappa: float = 0.0, iterations: int = 24) -> None:
        super().__init__({"name": "none"}, epsilon=epsilon, kappa=kappa, iterations=iterations)

    def _reweight(self, xp: Ops, h: Array, p: Array, warm: Array | None) -> Reweighting:  # noqa: ARG002
        zero = 0.0 * xp.sum(p)
        reachable = xp.all((p <= 0) | (h > -1e308))
        shift = xp.where(reachable, xp.sum(xp.where(h > -1e308, p * h, 0.0)), 0.0)
        return Reweighting(p, xp.where(reachable, zero, float("inf")), shift, zero, 0.0 * p)

    def _divergence(self, xp: Ops, w: Array, p: Array) -> Array:
        return xp.where(xp.max(xp.abs(w - p)) > 1e-12, float("inf"), 0.0 * xp.sum(w))
