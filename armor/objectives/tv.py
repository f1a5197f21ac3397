"""Total variation, T3: the worst step keeps P above `max h - 1` and moves the rest onto the argmax."""

__all__ = ["TotalVariation"]

import math

from armor.objectives.arrays import Array, Ops
from armor.objectives.reweighting import Reweighted, Reweighting


class TotalVariation(Reweighted):
    """`f(t) = |t - 1|/2`; rho is `max(l - mu c) - mu/2`."""

    smooth = False
    polyhedral = True

    def __init__(self, *, epsilon: float, kappa: float = 0.0, iterations: int = 24) -> None:
        super().__init__({"name": "tv"}, epsilon=epsilon, kappa=kappa, iterations=iterations)

    def _reweight(self, xp: Ops, h: Array, p: Array, warm: Array | None) -> Reweighting:  # noqa: ARG002
        live = p > 0
        top = xp.max(xp.where(live, h, -math.inf))
        top = xp.where(top > -math.inf, top, 0.0)
        kept = xp.where(live & (h > top - 1.0), p, 0.0)
        peak = xp.where(live & (h >= top), p, 0.0)
        moved = xp.sum(p - kept)
        w = kept + moved * peak / xp.sum(peak)
        return Reweighting(w, moved, top - 0.5, 0.0 * top, 0.0 * w)

    def _divergence(self, xp: Ops, w: Array, p: Array) -> Array:
        return 0.5 * xp.sum(xp.abs(w - p))
