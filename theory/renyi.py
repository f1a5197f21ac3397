"""The Renyi divergences `R_alpha(P||eta)`: no f-divergence, with a conjugate of their own (T10)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, expm1, log, log1p
from typing import Any

__all__ = ["Renyi", "RenyiReweighting"]

_STEPS = 200


def _log_mean_exp(p: Sequence[float], values: Sequence[float]) -> float:
    """log sum p e^v for masses of sum 1; exact for small v, without overflow for large ones."""
    top = max(values)
    if max(top, -min(values)) < 1:
        return log1p(sum(x * expm1(v) for x, v in zip(p, values, strict=True)))
    return top + log(sum(x * exp(v - top) for x, v in zip(p, values, strict=True)))


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
        """R_alpha(P||eta) for masses eta > 0; exact near alpha = 1 and near eta
        = P.
        """
        a = float(self.alpha)
        return _log_mean_exp(p, [(1 - a) * log(e / x) for x, e in zip(p, eta, strict=True)]) / (a * (a - 1))

    def log_mean(self, p: Sequence[float], gaps: Sequence[float]) -> float:
        """`log E_P[gap^((alpha-1)/alpha)] / (alpha-1)` for gaps > 0."""
        a = float(self.alpha)
        return _log_mean_exp(p, [(a - 1) / a * log(g) for g in gaps]) / (a - 1)

    def reweight(self, p: Sequence[float], h: Sequence[float], mu: float = 1.0) -> RenyiReweighting:
        """The scaled conjugate of T10 at h, `rho > max h`, with its weights (T11)."""
        a, top = float(self.alpha), max(h)
        power = (a - 1) / a

        def gaps(
            s: float,
        ) -> list[float]:  # rho - h with rho = top + e^s; never through rho, which would round
            return [exp(s) + (top - v) for v in h]

        def weights(s: float) -> list[float]:
            logs = [log(g) for g in gaps(s)]
            mean = _log_mean_exp(p, [power * v for v in logs])
            return [x * exp(min(log(mu / a) - v / a - mean, 700.0)) for x, v in zip(p, logs, strict=True)]

        lo, hi = -700.0, 60.0  # the total weight falls in s
        for _ in range(_STEPS):
            middle = (lo + hi) / 2
            lo, hi = (middle, hi) if sum(weights(middle)) > 1 else (lo, middle)
        rho, masses = top + exp(hi), weights(hi)
        total = sum(masses)
        masses = [m / total for m in masses]
        primal = sum(m * v for m, v in zip(masses, h, strict=True)) - mu * self.value(p, masses)
        dual = rho - mu / a * (log(a) + 1) + mu / a * log(mu) - mu * self.log_mean(p, gaps(hi))
        return RenyiReweighting(tuple(masses), rho, primal, dual)
