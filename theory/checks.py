"""The kinds of checks that steps use; each returns a `Finding` that says which grade it reached."""

from collections.abc import Iterable, Mapping
from typing import Any

import sympy as sp

from theory.derivation import Finding
from theory.evidence import Grade, Outcome
from theory.identity import vanishes

__all__ = ["bracket", "claims", "equal", "identities", "limit", "products", "without_max"]


def identities(*pairs: tuple[Any, Any], points: Iterable[Mapping[Any, Any]] = ()) -> Finding:
    """Each pair of expressions is identical: PROVED by rewriting the difference to 0, else refuted or
    undecided.
    """
    points = list(points)
    for left, right in pairs:
        verdict = vanishes(sp.sympify(left) - sp.sympify(right), points)
        if verdict is False:
            return Finding(Outcome.FAILS, Grade.PROVED, f"{left} differs from {right}")
        if verdict is None:
            return Finding(Outcome.VACUOUS, Grade.SAMPLED, f"{left} = {right} was not decided")
    count = f"{len(pairs)} identities" if len(pairs) > 1 else "the difference"
    return Finding(Outcome.HOLDS, Grade.PROVED, f"{count} reduced to 0")


def products(*pairs: tuple[Any, Any]) -> Finding:
    """Each pair of products of powers of positive factors agrees, exponent by exponent: PROVED or refuted."""
    for left, right in pairs:
        difference = sp.expand(sp.expand_log(sp.log(left) - sp.log(right), force=True))
        logs = difference.atoms(sp.log)
        exponents = [sp.cancel(sp.together(difference.coeff(log))) for log in logs]
        rest = sp.cancel(sp.together(difference.subs(dict.fromkeys(logs, 0))))
        if any(e != 0 for e in exponents) or rest != 0:
            return Finding(Outcome.FAILS, Grade.PROVED, f"{left} differs from {right}")
    return Finding(Outcome.HOLDS, Grade.PROVED, f"{len(pairs)} products agree, exponent by exponent")


def limit(expression: Any, variable: Any, point: Any, side: str, expected: Any) -> Finding:
    """A one-sided limit has the expected value."""
    found = sp.limit(expression, variable, point, side)
    holds = found == expected or sp.simplify(found - expected) == 0
    detail = f"the limit at {point} is {found}"
    return Finding(Outcome.HOLDS if holds else Outcome.FAILS, Grade.PROVED, detail)


def claims(facts: Mapping[str, Any], grade: Grade = Grade.PROVED) -> Finding:
    """Every named fact is true."""
    for name, fact in facts.items():
        if not bool(fact):
            return Finding(Outcome.FAILS, grade, f"not so: {name}")
    return Finding(Outcome.HOLDS, grade, "; ".join(facts))


def bracket(lower: float, upper: float, what: str, tolerance: float = 1e-9, rounding: float = 0.0) -> Finding:
    """A value of a feasible point on each side of the claimed equality: BRACKETED, with the gap reported.

    `tolerance` is relative to the value where that is above 1; it grows to `rounding`, what doubles may lose
    in terms much larger than the value, and the larger tolerance is the one reported.
    """
    gap = upper - lower
    scale = max(1.0, abs(upper))
    tolerance = max(tolerance, rounding / scale)
    holds = -tolerance * scale <= gap <= tolerance * scale
    detail = f"{what}: primal and dual witnesses meet at {lower:.6g} within {tolerance:.0e}"
    if not holds:
        detail = f"{what}: lower {lower!r}, upper {upper!r}"
    return Finding(Outcome.HOLDS if holds else Outcome.FAILS, Grade.BRACKETED, detail)


def equal(left: float, right: float, what: str, tolerance: float = 1e-9) -> Finding:
    """Two floats that must agree: SAMPLED."""
    gap = abs(left - right)
    holds = gap <= tolerance * max(1.0, abs(left), abs(right))
    detail = (
        f"{what}: both {left:.6g} within {tolerance:.0e}" if holds else f"{what}: {left!r} against {right!r}"
    )
    return Finding(Outcome.HOLDS if holds else Outcome.FAILS, Grade.SAMPLED, detail)


def without_max(expression: Any) -> Any:
    """Maxima and minima of two arguments through absolute values, so that identities between them reduce."""
    return sp.expand(sp.sympify(expression).rewrite(sp.Abs))
