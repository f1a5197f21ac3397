"""CVaR at level beta, T3: the average of the upper beta tail, the atom at the quantile split."""

__all__ = ["CVaR"]

import math

from armor.errors import InputError
from armor.numbers import ratio
from armor.objectives.arrays import Array, Ops
from armor.objectives.reweighting import Reweighted, Reweighting


class CVaR(Reweighted):
    """`f = 0` on `[0, 1/beta]`, `inf` outside, beta in (0, 1]; rho is the quantile of `l - mu c`.

    Without costs the radius plays no role: any re-weighting below the cap costs nothing.
    """

    smooth = False
    polyhedral = True

    def __init__(
        self, *, beta: float | str, epsilon: float, kappa: float = 0.0, iterations: int = 24
    ) -> None:
        value = float(ratio(beta, "beta of CVaR"))
        if not 0 < value <= 1:
            raise InputError(f"beta of CVaR must lie in (0, 1], not {beta!r}")
        super().__init__(
            {"name": "cvar", "beta": value if isinstance(beta, str) else beta},
            epsilon=epsilon,
            kappa=kappa,
            iterations=iterations,
        )
        self.beta = value

    def _reweight(self, xp: Ops, h: Array, p: Array, warm: Array | None) -> Reweighting:  # noqa: ARG002
        live = (p > 0) & (h > -math.inf)
        key = xp.where(live, h, -math.inf)
        order = xp.argsort(-key)
        cap = xp.take(xp.where(live, p, 0.0), order) / self.beta
        before = xp.cumsum(cap) - cap
        left = xp.maximum(1.0 - before, 0.0)
        mass = xp.where(cap < left, cap, left)
        w = xp.take(mass, xp.argsort(order))
        total = xp.sum(w)
        fits = total >= 1.0 - 1e-12
        quantile = xp.min(xp.where(w > 0, h, math.inf))
        quantile = xp.where(quantile < math.inf, quantile, 0.0)
        w = w / xp.where(total > 0, total, 1.0)
        return Reweighting(w, xp.where(fits, 0.0 * total, math.inf), quantile, 0.0 * total, 0.0 * w)

    def _divergence(self, xp: Ops, w: Array, p: Array) -> Array:
        over = xp.max(w - p * ((1.0 + 1e-9) / self.beta))
        return xp.where(over > 0, math.inf, 0.0 * over)
