"""A large certificate as one of exact rationals, the form that the proved checker reads.

Doubles are dyadic rationals, so data, witnesses and claim keep their values. Two things are formed: the costs
of points, exactly, where they are rational; and the columns of the plan, which in doubles miss `q` by
rounding: the rest is put on the largest entry of the column, as the other checker of large certificates does.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verification.certificate.archive import FIELDS, FORMAT, SLACK, described, real

__all__ = ["NotCovered", "Rational", "Unfit", "covered", "rational"]

_WORK = 100_000_000  # differences of coordinates that are formed exactly
_TEXT = 400_000_000  # characters of all costs together

Floats = NDArray[np.float64]


class NotCovered(Exception):
    """Raised where the certificate has no exact rational form of a reasonable size; the message says why."""


class Unfit(Exception):
    """Raised where data or witnesses are unfit; the message says where."""


@dataclass(frozen=True)
class Rational:
    """`certificate`: in the format "armor-d-certificate 1". `repaired` columns of its plan were completed, by
    at most `rest` each.
    """

    certificate: dict[str, Any]
    repaired: int
    rest: float


def _need(condition: bool, why: str) -> None:
    if not condition:
        raise Unfit(why)


def _array(fields: Mapping[str, Any], name: str, dimensions: int = 1) -> Floats:
    values = fields[name]
    good = isinstance(values, np.ndarray) and values.dtype == np.float64 and values.ndim == dimensions
    _need(good, f"{name} is no array of doubles with {dimensions} dimension(s)")
    _need(not bool(np.isnan(values).any()), f"{name} holds something that is not a number")
    return np.asarray(values)


def _finite(values: Floats, name: str) -> Floats:
    _need(bool(np.isfinite(values).all()), f"{name} has an infinite entry")
    return values


def _text(value: float) -> str:
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    above, below = value.as_integer_ratio()
    return f"{above}/{below}" if below > 1 else str(above)


def _scaled(*arrays: Floats) -> tuple[list[NDArray[Any]], int]:
    """Arrays of integers `z` and the power `k >= 0` with `values = z / 2^k`, one `k` for all."""
    power = max(
        (v.as_integer_ratio()[1].bit_length() - 1 for a in arrays for v in a.ravel().tolist()), default=0
    )

    def whole(value: float) -> int:
        above, below = value.as_integer_ratio()
        return above << (power - below.bit_length() + 1)

    found = []
    for a in arrays:
        z = np.empty(a.size, dtype=object)
        z[:] = [whole(v) for v in a.ravel().tolist()]
        found.append(z.reshape(a.shape))
    return found, power


def _weights(values: Floats, name: str) -> list[Fraction]:
    _need(bool((_finite(values, name) >= 0).all()), f"{name} has a negative entry")
    exact = [Fraction(v) for v in values.tolist()]
    total = sum(exact, Fraction(0))
    _need(abs(total - 1) <= Fraction(1, 10**9), f"{name} does not sum to 1")
    return [v / total for v in exact]


def _law(fields: Mapping[str, Any]) -> tuple[float, int, int, float]:
    """Norm, power, the power of what is summed and scale of costs that are rational."""
    rule = described(fields, "cost")
    _need(set(rule) >= {"norm", "power", "scale"}, "the cost is not known")
    if len(rule) > 3:
        raise NotCovered("costs with a radius, tau or barrier are given as a matrix")
    norm, power, scale = (real(rule, key) for key in ("norm", "power", "scale"))
    _need(norm in (1.0, 2.0, math.inf), "the cost's norm is not 1, 2 or inf")
    _need(
        all(math.isfinite(v) and v > 0 for v in (power, scale)), "the cost's power or scale is not positive"
    )
    times = power / 2 if norm == 2 else power
    if not times.is_integer():
        raise NotCovered(f"costs with norm {norm:g} and power {power:g} are irrational")
    return norm, int(power), int(times), scale


def covered(fields: Mapping[str, Any]) -> None:
    """Refuse costs that have no exact rational form, before any witness is looked for.

    Args:
        fields: `cost`, as in a certificate.

    Raises:
        NotCovered: they are irrational, or none of a power of the distance.
    """
    if isinstance(fields["cost"], str):
        _law(fields)


def _between_points(fields: Mapping[str, Any]) -> list[list[str | None]]:
    """The texts of `scale · ‖y_j - x_i‖^power`; `NotCovered` where they are irrational or too long."""
    norm, power, times, scale = _law(fields)
    x, y = (_finite(_array(fields, name, 2), name) for name in ("x", "y"))
    _need(x.shape[1] == y.shape[1] > 0, "x and y differ in dimension")
    count = len(x) * len(y)
    if count * x.shape[1] > _WORK:
        raise NotCovered(f"{count} costs in dimension {x.shape[1]} are too many to form exactly")
    (a, b), bits = _scaled(x, y)
    largest = max(int(abs(a).max()), int(abs(b).max()), 1)
    if count * power * (largest.bit_length() + bits + 2) * 0.31 > _TEXT:
        raise NotCovered("its exact costs have too many digits")
    total = np.zeros((len(x), len(y)), dtype=object)
    for k in range(x.shape[1]):
        d = np.subtract.outer(a[:, k], b[:, k])
        part = d * d if norm == 2 else abs(d)
        total = np.maximum(total, part) if norm == math.inf else total + part
    unit = Fraction(scale) / 2 ** (bits * power)
    above, below = unit.numerator, unit.denominator
    raised = total**times * above
    return [[f"{v}/{below}" if v else "0" for v in row] for row in raised.tolist()]


def _costs(fields: Mapping[str, Any]) -> list[list[str | None]]:
    if isinstance(fields["cost"], str):
        return _between_points(fields)
    matrix = _array(fields, "cost", 2)
    return [[None if v == math.inf else _text(v) for v in row] for row in matrix.tolist()]


def _fractions(values: Iterable[Fraction]) -> list[str]:
    return [str(v) for v in values]


def _plan(
    fields: Mapping[str, Any], shape: tuple[int, int], q: list[Fraction]
) -> tuple[dict[str, Any], int, float]:
    """The witness with columns that hold `q` exactly, how many were completed and by how much at most."""
    mass, singular = (_finite(_array(fields, name), name) for name in ("mass", "singular"))
    rows, columns = (np.asarray(fields[name]) for name in ("rows", "columns"))
    whole = rows.dtype == columns.dtype == np.int64 and rows.shape == columns.shape == mass.shape
    _need(whole and len(singular) == shape[1], "the plan's arrays do not fit")
    inside = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
    _need(bool(inside.all()), "the plan leaves the matrix")
    masses, created = ([Fraction(v) for v in values.tolist()] for values in (mass, singular))
    held = list(created)
    largest: dict[int, int] = {}
    for k, j in enumerate(columns.tolist()):
        held[j] += masses[k]
        if j not in largest or masses[k] > masses[largest[j]]:
            largest[j] = k
    repaired, most = 0, Fraction(0)
    for j, (want, have) in enumerate(zip(q, held, strict=True)):
        rest = want - have
        _need(abs(rest) <= Fraction(SLACK) * want, f"column {j} of the plan does not hold q")
        repaired, most = repaired + (rest != 0), max(most, abs(rest))
        if j in largest and masses[largest[j]] >= created[j]:
            masses[largest[j]] += rest
        else:
            created[j] += rest
    entries = zip(rows.tolist(), columns.tolist(), _fractions(masses), strict=True)
    witness: dict[str, Any] = {"plan": [list(entry) for entry in entries]}
    if any(created):
        witness["singular"] = _fractions(created)
    return witness, repaired, float(most)


def rational(fields: Mapping[str, Any]) -> Rational:
    """The exact rational form of a large certificate (`archive`).

    Raises:
        NotCovered: its costs are irrational, or too long.
        Unfit: a field is missing, unknown or unfit (whether the witnesses prove the claim is for a checker).
    """
    _need(fields.get("format") == FORMAT, "its format is unknown")
    missing = sorted(FIELDS - set(fields))
    _need(not missing, f"it lacks {missing[0] if missing else ''}")
    _need(set(fields) <= FIELDS | {"x", "y"}, "it has an unknown field")
    try:
        cost = _costs(fields)
        p, q = (_weights(_array(fields, name), name) for name in ("p", "q"))
        shape = len(cost), len(cost[0]) if cost else 0
        _need(shape == (len(p), len(q)), "p or q do not fit the cost")
        witness, repaired, rest = _plan(fields, shape, q)
        claim = [_text(v) for v in _array(fields, "claim").tolist()]
        _need(len(claim) == 2, "the claim is not an interval")
        g = [_text(v) for v in _array(fields, "g").tolist()]
        divergence = described(fields, "divergence")
        if divergence.get("name") == "none":
            raise NotCovered("rows of pure transport that rounding left off p")
    except ValueError as error:
        raise Unfit(str(error)) from None
    except (KeyError, TypeError):
        raise Unfit("a field has the wrong form") from None
    instance = {
        "divergence": divergence,
        "cost": cost,
        "p": _fractions(p),
        "q": _fractions(q),
        "support": str(fields["support"]),
        "kappa": "0",
    }
    certificate = {
        "format": "armor-d-certificate 1",
        "kind": "divergence",
        "instance": instance,
        "claim": {"lower": claim[0], "upper": claim[1]},
        "lower": {"g": g},
        "upper": witness,
    }
    return Rational(certificate, repaired, rest)
