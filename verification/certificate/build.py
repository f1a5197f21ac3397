"""Writes certificates: exact text of data and witnesses, and the interval that the checker will be able to
prove."""

from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any

from flint import arb, ctx

from verification.certificate.checker import PRECISION, bounds
from verification.instance import Instance, text
from verification.solution import Plan

__all__ = ["certify", "exact", "plan_witness", "stated"]

_DIGITS = 30
_LARGEST = 1023  # doubles end just above this power of two


def plan_witness(plan: Plan) -> dict[str, Any]:
    """The exact entries of a plan as a certificate holds them."""
    witness: dict[str, Any] = {"plan": [[i, j, text(mass)] for i, j, mass in plan.entries]}
    if any(plan.singular):
        witness["singular"] = [text(s) for s in plan.singular]
    return witness


def stated(spec: Mapping[str, str]) -> dict[str, Any]:
    """The divergence as a certificate states it: a user's `f` with its limits, which the checker assumes."""
    return dict(_stated(tuple(sorted(spec.items()))))


@lru_cache(maxsize=256)
def _stated(items: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    spec = dict(items)
    if "f" not in spec:
        return dict(spec)
    from theory.catalogue import divergence

    d = divergence(spec)
    low, high = d.domain
    return {
        "f": spec["f"],
        "at_zero": str(d.f_at_zero),
        "recession": str(d.recession),
        "domain": [str(low), None if not high.is_finite else str(high)],
    }


def _data(instance: Instance, kind: str) -> dict[str, Any]:
    data: dict[str, Any] = {
        "divergence": stated(instance.divergence),
        "cost": [[None if c is None else text(c) for c in row] for row in instance.cost_exact],
        "p": [text(v) for v in instance.p_exact],
        "support": instance.support,
        "kappa": text(instance.kappa_exact),
    }
    if kind == "divergence":
        assert instance.q_exact is not None
        return data | {"q": [text(v) for v in instance.q_exact]}
    assert instance.phi_exact is not None
    assert instance.epsilon_exact is not None
    return data | {"phi": [text(v) for v in instance.phi_exact], "epsilon": text(instance.epsilon_exact)}


def exact(ball: arb, *, up: bool) -> Fraction | None:
    """An end of a ball as a rational, moved outwards to 2^1023 in size where it lies beyond the doubles;
    None when it is infinite, not a number, or beyond the doubles on the outer side.
    """
    end = ball.upper() if up else ball.lower()
    if not end.is_finite():
        return None
    mantissa, exponent = end.man_exp()
    power = int(exponent)
    if power + int(mantissa).bit_length() > _LARGEST:
        outer = (mantissa > 0) is up
        return None if outer else (Fraction(-(2**_LARGEST)) if up else Fraction(2**_LARGEST))
    return Fraction(int(mantissa)) * (Fraction(2) ** power)


def _decimal(value: Fraction, *, up: bool) -> str:
    """`value` with 30 significant digits, rounded outwards."""
    if value == 0:
        return "0"
    size = len(str(abs(value.numerator))) - len(str(value.denominator))
    shift = _DIGITS - size
    scaled = value * Fraction(10) ** shift
    whole = -((-scaled.numerator) // scaled.denominator) if up else scaled.numerator // scaled.denominator
    return f"{whole}e{-shift}"


def _end(ball: arb, *, up: bool) -> tuple[str, float]:
    """Text and double of an outward end of the claimed interval."""
    value = exact(ball, up=up)
    if value is None:
        at_infinity = ball == arb.pos_inf(), ball == arb.neg_inf()
        sign = 1 if at_infinity[0] else -1 if at_infinity[1] else (1 if up else -1)
        return ("inf", float("inf")) if sign > 0 else ("-inf", float("-inf"))
    decimal = _decimal(value, up=up)
    return decimal, outward(Fraction(decimal), up=up)


def outward(value: Fraction, *, up: bool) -> float:
    """The nearest double that does not lie inside: at least `value` when `up`, at most `value` otherwise."""
    import math

    nearest = float(value)
    if up and Fraction(nearest) < value:
        return math.nextafter(nearest, math.inf)
    if not up and Fraction(nearest) > value:
        return math.nextafter(nearest, -math.inf)
    return nearest


def certify(
    instance: Instance, kind: str, lower: Mapping[str, Any] | None, upper: Mapping[str, Any] | None
) -> tuple[dict[str, Any], float, float]:
    """The certificate of two witnesses, and the interval it proves, as doubles rounded outwards.

    Args:
        instance: the exact data.
        kind: "divergence" or "dro".
        lower, upper: witnesses in the format of the checker; None proves nothing on that side.
    """
    certificate: dict[str, Any] = {
        "format": "armor-d-certificate 1",
        "kind": kind,
        "instance": _data(instance, kind),
    }
    if lower is not None:
        certificate["lower"] = dict(lower)
    if upper is not None:
        certificate["upper"] = dict(upper)
    with ctx.workprec(PRECISION):
        low, high = bounds(certificate)
        ends = _end(low, up=False), _end(high, up=True)
    certificate["claim"] = {"lower": ends[0][0], "upper": ends[1][0]}
    return certificate, ends[0][1], ends[1][1]
