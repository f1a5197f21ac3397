"""The Renyi divergences `R_alpha(P||eta)`: no f-divergence, with a conjugate of their own (T10)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import expm1, log, log1p
from typing import Any

__all__ = ["Renyi", "RenyiReweighting"]

_STEPS = 200


@dataclass(frozen=True)
class RenyiReweighting:
    """sup_eta E_eta[h] - mu R_alpha(P||eta), mode "reference": masses, multiplier, both witnesses' values."""

    masses: tuple[float, ...]
    rho: float
    primal: float
    dual: float


@dataclass(frozen=True)
class Renyi:
    """`R_alpha(P||eta) = log(sum p^alpha eta^(1-alpha)) / (alpha (alpha-1))`, alpha > 0, alpha != 1
    (exact).
    """

    alpha: Any
    title: str
    gauge: str
    source: str
    spec: Mapping[str, object] = field(hash=False)
    parameters: Mapping[str, Any] = field(default_factory=dict, hash=False)
    name: str = "renyi"

    def value(self, p: Sequence[float], eta: Sequence[float]) -> float:
        """R_alpha(P||eta) for masses eta > 0; through expm1 and log1p, so exact near alpha = 1 and near eta
        = P.
        """
        a = float(self.alpha)
        excess = sum(x * expm1((1 - a) * log(e / x)) for x, e in zip(p, eta, strict=True))
        return log1p(excess) / (a * (a - 1))

    def log_mean(self, p: Sequence[float], gaps: Sequence[float]) -> float:
        """`log E_P[gap^((alpha-1)/alpha)] / (alpha-1)` for gaps > 0."""
        a = float(self.alpha)
        excess = sum(x * expm1((a - 1) / a * log(g)) for x, g in zip(p, gaps, strict=True))
        return log1p(excess) / (a - 1)

    def reweight(self, p: Sequence[float], h: Sequence[float], mu: float = 1.0) -> RenyiReweighting:
        """The scaled conjugate of T10 at h, `rho > max h`, with its weights (T11)."""
        a, top = float(self.alpha), max(h)

        def weights(rho: float) -> list[float]:
            power = (a - 1) / a
            mean = sum(x * (rho - v) ** power for x, v in zip(p, h, strict=True))
            return [x * mu / a * (rho - v) ** (-1 / a) / mean for x, v in zip(p, h, strict=True)]

        lo, hi = -40.0, 40.0  # rho = top + e^s; the total weight falls in rho
        for _ in range(_STEPS):
            middle = (lo + hi) / 2
            lo, hi = (middle, hi) if sum(weights(top + 2.718281828459045**middle)) > 1 else (lo, middle)
        rho = top + 2.718281828459045**hi
        masses = weights(rho)
        total = sum(masses)
        masses = [m / total for m in masses]
        primal = sum(m * v for m, v in zip(masses, h, strict=True)) - mu * self.value(p, masses)
        gaps = [rho - v for v in h]
        dual = rho - mu / a * (log(a) + 1) + mu / a * log(mu) - mu * self.log_mean(p, gaps)
        return RenyiReweighting(tuple(masses), rho, primal, dual)
