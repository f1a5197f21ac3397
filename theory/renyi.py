"""The Renyi divergences `R_alpha(P||eta)`: no f-divergence, with a conjugate of their own (T10)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, expm1, inf, log, log1p
from typing import Any

import sympy as sp

__all__ = ["REGIMES", "Renyi", "RenyiReweighting"]

_B = sp.Symbol("b", positive=True)
REGIMES = (1 + _B, 1 / (1 + _B))  # alpha > 1, and 0 < alpha < 1, for symbolic checks

_STEPS = 200


def _log_mean_exp(p: Sequence[float], values: Sequence[float]) -> float:
    """log sum p e^v for masses of sum 1; exact for small v, without overflow for large ones."""
    top = max(values)
    if max(top, -min(values)) < 1:
        return log1p(sum(x * expm1(v) for x, v in zip(p, values, strict=True)))
    return top + log(sum(x * exp(v - top) for x, v in zip(p, values, strict=True)))


@dataclass(frozen=True)
class RenyiReweighting:
    """sup_eta E_eta[h] - mu R_alpha(P||eta): masses, singular mass (mode "space"), multiplier, and the values
    of both witnesses.
    """

    masses: tuple[float, ...]
    singular: float
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

    # What the statements ask of every divergence.
    recession = sp.Integer(0)  # mass off the support of P is free of charge
    strictly_convex_at_one = True
    closed_form = True

    @property
    def second_at_one(self) -> Any:
        """a of T19: the curvature at eta = P."""
        return sp.Integer(1)

    @property
    def third_at_one(self) -> Any:
        """b of T19, which no f has in common with all f-divergences: -(alpha + 1)."""
        return -(self.alpha + 1)

    def value(self, p: Sequence[float], eta: Sequence[float]) -> float:
        """R_alpha(P||eta) for masses eta >= 0 of total at most 1; exact near alpha = 1 and near eta = P."""
        a = float(self.alpha)
        if min(eta) <= 0:
            if a > 1:
                return inf
            kept = [(x, e) for x, e in zip(p, eta, strict=True) if e > 0]
            mean = sum(x * (e / x) ** (1 - a) for x, e in kept)
            return log(mean) / (a * (a - 1)) if kept else inf
        return _log_mean_exp(p, [(1 - a) * log(e / x) for x, e in zip(p, eta, strict=True)]) / (a * (a - 1))

    def log_mean(self, p: Sequence[float], logs: Sequence[float]) -> float:
        """`log E_P[gap^((alpha-1)/alpha)] / (alpha-1)` from the logarithms of the gaps."""
        a = float(self.alpha)
        return _log_mean_exp(p, [(a - 1) / a * v for v in logs]) / (a - 1)

    def reweight(
        self, p: Sequence[float], h: Sequence[float], mu: float = 1.0, ceiling: float | None = None
    ) -> RenyiReweighting:
        """The scaled conjugate of T10 at h with its weights (T11): `rho > max h` in mode "reference" (no
        `ceiling`), `rho >= ceiling`, the supremum of h over the space, in mode "space".
        """
        a, top = float(self.alpha), max(h)
        power = (a - 1) / a

        def gaps(s: float) -> list[float]:
            """log(rho - h) with rho = top + e^s: through rho it would round, and e^s may be 0 in doubles."""
            return [s if v == top else log(exp(s) + (top - v)) for v in h]

        def weights(s: float) -> list[float]:
            logs = gaps(s)
            mean = _log_mean_exp(p, [power * v for v in logs])
            return [x * exp(min(log(mu / a) - v / a - mean, 700.0)) for x, v in zip(p, logs, strict=True)]

        lo, hi = -700.0 * max(1.0, a), 60.0  # the total weight falls in s, like e^(-s/alpha)
        bound = log(ceiling - top) if ceiling is not None and ceiling > top else lo
        at_bound = bound > lo and sum(weights(bound)) <= 1
        if at_bound:
            hi = bound
        for _ in range(0 if at_bound else _STEPS):
            middle = (lo + hi) / 2
            if middle in (lo, hi):
                break
            lo, hi = (middle, hi) if sum(weights(middle)) > 1 else (lo, middle)
        rho, masses = top + exp(hi), weights(hi)
        total = sum(masses)
        singular = 1 - total if at_bound else 0.0
        if not at_bound:
            masses = [m / total for m in masses]
        primal = sum(m * v for m, v in zip(masses, h, strict=True)) - mu * self.value(p, masses)
        primal += singular * ceiling if singular and ceiling is not None else 0.0
        dual = rho - mu / a * (log(a) + 1) + mu / a * log(mu) - mu * self.log_mean(p, gaps(hi))
        return RenyiReweighting(tuple(masses), singular, rho, primal, dual)
