"""The ground truth of the matrix: certified intervals. Each comes out of the exact solver as a certificate
and is re-checked by the independent checker in ball arithmetic; nothing of the solver's own opinion is
used.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory.evidence import Grade
from verification.matrix.cells import Context, SkipCell, UnfitSample
from verification.matrix.formulas import Problem

__all__ = [
    "WIDTH",
    "Certified",
    "certified_divergence",
    "certified_dro",
    "evidence_of",
    "pair_of",
    "problem_of",
    "without_losses",
]

Array = NDArray[np.float64]
WIDTH = 1e-9  # relative, or absolute where |value| < 1
_HUGE = 1e290  # from here on an unbounded interval says that the value exceeds the doubles


@dataclass(frozen=True)
class Certified:
    """An enclosed value with the witnesses that gave it; what does not apply is None."""

    lower: float
    upper: float
    accepted: bool
    reason: str
    lam: float | None
    rho: float | None
    g: Array | None
    weights: Array | None
    singular: Array | None
    worst_case: Array | None
    plan: Array | None

    @property
    def middle(self) -> float:
        """The middle of the interval; the common end where both are infinite."""
        return self.lower if self.lower == self.upper else 0.5 * (self.lower + self.upper)

    @property
    def scale(self) -> float:
        """What widths and gaps are relative to: `max(1, |value|)`."""
        return max(1.0, abs(self.middle)) if np.isfinite(self.middle) else 1.0

    def outside(self, value: float) -> float:
        """How far `value` lies outside the interval, relative to `scale`."""
        if value == self.lower or value == self.upper:
            return 0.0
        return max(self.lower - value, value - self.upper, 0.0) / self.scale


def _array(value: Any) -> Array | None:
    return None if value is None else np.asarray(value, dtype=np.float64)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _certified(context: Context, kind: str, mapping: Mapping[str, Any]) -> Certified:
    solution, verdict = _solved(kind, json.dumps(mapping))
    found = Certified(
        lower=float(verdict.lower),
        upper=float(verdict.upper),
        accepted=bool(verdict.accepted),
        reason=str(verdict.reason),
        lam=_number(getattr(solution, "lam", None)),
        rho=_number(getattr(solution, "rho", None)),
        g=_array(getattr(solution, "potential", None)),
        weights=_array(solution.weights),
        singular=_array(solution.singular),
        worst_case=_array(solution.worst_case),
        plan=None if solution.plan is None else solution.plan.dense(),
    )
    numbers = evidence_of(mapping, found)
    if not found.accepted:
        context.claim(
            f"the checker accepts the certificate ({found.reason})", float("inf"), 0.0, numbers=numbers
        )
        return found
    if found.upper == float("inf") and _HUGE <= found.lower < float("inf"):
        raise UnfitSample("the value exceeds the doubles")
    width = 0.0 if found.lower == found.upper else (found.upper - found.lower) / found.scale
    context.widths.append(width)
    context.claim("the certified interval is narrow", width, WIDTH, Grade.ENCLOSED, numbers, background=True)
    return found


@lru_cache(maxsize=256)
def _solved(kind: str, text: str) -> tuple[Any, Any]:
    """Solution and verdict; mutants share their instances with the check that kills them."""
    # Imported here: the theory layer of the matrix must start without the solvers.
    from verification import solve
    from verification.certificate import checker
    from verification.instance import from_mapping

    instance = from_mapping(json.loads(text))
    try:
        solution = getattr(solve, kind)(instance)
    except ValueError as error:
        if "f" in instance.divergence and str(error).startswith("unknown divergence"):
            raise SkipCell("the certificates have no bounds for a divergence given by its f") from None
        raise
    return solution, checker.check(solution.certificate())


def certified_dro(context: Context, mapping: Mapping[str, Any]) -> Certified:
    """The enclosed DRO value of an instance; records its width as a claim."""
    return _certified(context, "dro", mapping)


def certified_divergence(context: Context, mapping: Mapping[str, Any]) -> Certified:
    """The enclosed `D^c(Q‖P)` of an instance; records its width as a claim."""
    return _certified(context, "divergence", mapping)


def problem_of(mapping: Mapping[str, Any]) -> Problem:
    """The DRO instance in float64, rows without reference weight left out."""
    cost = np.array([[np.inf if c is None else float(c) for c in row] for row in mapping["cost"]])
    p = np.array(mapping["p"], dtype=np.float64)
    return Problem(
        phi=np.array(mapping["phi"], dtype=np.float64),
        cost=cost[p > 0],
        p=p[p > 0],
        epsilon=float(mapping["epsilon"]),
        kappa=float(mapping.get("kappa", 0.0)),
        support=str(mapping["support"]),
    )


def pair_of(mapping: Mapping[str, Any]) -> tuple[Array, Array, Array]:
    """`cost (n, m)`, `p (n,)` and `q (m,)` of an instance in float64, rows without reference weight left
    out.
    """
    cost = np.array([[np.inf if c is None else float(c) for c in row] for row in mapping["cost"]])
    p, q = (np.array(mapping[key], dtype=np.float64) for key in ("p", "q"))
    return cost[p > 0], p[p > 0], q


def without_losses(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """The part of an instance that `D^c` needs."""
    return {key: value for key, value in mapping.items() if key not in ("phi", "epsilon", "kappa")}


def _listed(value: Array | None) -> object:
    return (
        None
        if value is None
        else [float(f"{item:.6g}") for item in value.ravel()]
        if value.ndim == 1
        else ([[float(f"{item:.6g}") for item in row] for row in value])
    )


def evidence_of(
    mapping: Mapping[str, Any],
    found: Certified,
    value: float | None = None,
    points: object = None,
    **extra: object,
) -> dict[str, object]:
    """The numbers that a report shows for one sample."""
    numbers: dict[str, object] = {
        "instance": dict(mapping),
        "lower": found.lower,
        "upper": found.upper,
        "lambda": found.lam,
        "rho": found.rho,
        "weights": _listed(found.weights),
        "worst_case": _listed(found.worst_case),
        "plan": _listed(found.plan),
    }
    if value is not None:
        numbers["value"] = value
    if points is not None:
        numbers["points"] = points
    if extra:
        numbers["extra"] = extra
    return numbers
