"""The finite instances on which cited theorems are bracketed, and the rational ones for exact checks."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import inf

from theory.checks import bracket
from theory.derivation import Finding
from theory.evidence import Grade, Outcome
from theory.fdivergence import FDivergence
from theory.finite import Finite
from theory.renyi import Renyi

__all__ = [
    "COST",
    "PHI",
    "TWO",
    "WEIGHTS",
    "Q",
    "dro_bracket",
    "each",
    "finite",
    "max_plus",
    "nearest_bracket",
    "rationals",
    "rigid_dual",
    "supports",
]

WEIGHTS = (0.4, 0.25, 0.35)
PHI = (0.3, 1.0, -0.5, 1.7)  # the last point carries no mass of P
COST = ((0.0, 0.7, 0.4, 3.0), (0.9, 0.0, 0.5, inf), (1.1, 0.6, 0.0, 2.0))
TWO = ((0.0, 0.7), (0.9, 0.0), (0.5, 0.2))
Q = (0.3, 0.7)


def finite(d: FDivergence | Renyi) -> Finite:
    """Three points with masses `WEIGHTS`."""
    return Finite(d, WEIGHTS)


def supports(d: FDivergence | Renyi) -> tuple[str, ...]:
    """The modes that differ for this divergence."""
    return ("reference", "space") if d.recession != float("inf") and d.recession.is_finite else ("reference",)


def _all(findings: Sequence[Finding], what: str) -> Finding:
    for found in findings:
        if found.outcome is not Outcome.HOLDS:
            return found
    gaps = "; ".join(found.detail.split(": ", 1)[0] for found in findings)
    within = max((found.detail.rpartition("within ")[2] for found in findings), key=float)
    within = "1e-9" if within == "1e-09" else within
    return Finding(
        Outcome.HOLDS, Grade.BRACKETED, f"{what}: primal and dual witnesses meet within {within} ({gaps})"
    )


def dro_bracket(d: FDivergence | Renyi) -> Finding:
    """T6 on three points with an infinite cost: both sides, for two radii, without and with penalty."""
    space = finite(d)
    found = []
    for support in supports(d):
        for eps, kappa in ((0.02, 0.0), (0.1, 0.3)):
            s = space.dro(PHI, COST, eps, kappa, support)
            lost = space.rounding * max(1.0, s.lam + kappa)
            found.append(bracket(s.lower, s.upper, f"{support}, eps {eps}, kappa {kappa}", rounding=lost))
            within = s.distance <= eps * (1 + 1e-9) + space.rounding
            found.append(Finding(Outcome.HOLDS if within else Outcome.FAILS, Grade.BRACKETED, "budget kept"))
    return _all(found[::2] + [f for f in found[1::2] if f.outcome is Outcome.FAILS], "DRO value")


def nearest_bracket(d: FDivergence | Renyi) -> Finding:
    """D^c from three points to two: primal plan and dual potential."""
    found = []
    for support in supports(d):
        space = finite(d)
        lower, upper = space.nearest(TWO, Q, support)
        found.append(bracket(lower, upper, support, rounding=space.rounding))
    return _all(found, "D^c")


def rigid_dual(
    d: FDivergence, losses: Sequence[float], lam: float, rho: float, eps: float, kappa: float
) -> list[float]:
    """The integrand of T7 at fixed multipliers for losses that do not move."""
    mu, space = lam + kappa, finite(d)
    slopes = [(v - rho) / mu for v in losses]
    top = space.recession  # rounding must not carry the largest loss over f'(oo), where f* is infinite
    slopes = [top if top < y <= top + 1e-12 * max(1.0, abs(top)) else y for y in slopes]
    return [lam * eps + rho + mu * float(space.fn.conjugate(y)) for y in slopes]


def rationals(count: int, seed: int) -> list[Fraction]:
    """Reproducible rationals in (-2, 2) from a linear congruence, for exact checks of max-plus identities."""
    state, numbers = 7919 * seed + 17, []
    for _ in range(count):
        state = (1103515245 * state + 12345) % 2**31
        numbers.append(Fraction(state % 401 - 200, 100))
    return numbers


def max_plus(values: Sequence[Fraction], cost: Sequence[Sequence[Fraction]]) -> list[Fraction]:
    """The c-transform of `values`: max over j of `values[j] - cost[i][j]`."""
    return [max(v - c for v, c in zip(values, row, strict=True)) for row in cost]


def each(trials: int, check: Callable[[int], bool], what: str) -> Finding:
    """`check` on every seed 0 .. trials-1, exact rational arithmetic: SAMPLED."""
    for seed in range(trials):
        if not check(seed):
            return Finding(Outcome.FAILS, Grade.SAMPLED, f"{what}: fails for seed {seed}")
    return Finding(Outcome.HOLDS, Grade.SAMPLED, f"{what}: {trials} exact rational instances")
