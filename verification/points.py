"""Cost matrices of points, in float64: powers of a distance, hard and soft balls, barriers (T5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory.errors import InputError
from verification.fileformat import as_double, describe

__all__ = ["Law", "point_costs", "read_law"]

Floats = NDArray[np.float64]
_EDGE = 1e-9  # share of a radius within which doubles do not tell inside from outside
# What a cost of each shape may say besides: the first that is there counts.
_SHAPES = {"barrier": ("norm", "scale"), "tau": ("norm", "radius"), "radius": ("norm",)}
_FIELDS = ("norm", "power", "scale", "radius", "tau", "barrier")


@dataclass(frozen=True)
class Law:
    """`scale ||y - x||^power`; with `radius` 0 inside that ball and infinite outside; with `tau`
    `(1/2 tau) sum_k (|y_k - x_k| - radius)_+^2`; with `barrier` `scale z / (1 - z/barrier)`, z the distance.

    Attributes:
        norm: "1", "2" or "inf".
    """

    norm: str = "2"
    power: float = 1.0
    scale: float = 1.0
    radius: float | None = None
    tau: float | None = None
    barrier: float | None = None

    def fields(self) -> dict[str, str | float]:
        """What says the same in an instance."""
        numbers: dict[str, float | None] = {"radius": self.radius, "tau": self.tau, "barrier": self.barrier}
        if self.tau is None and (self.radius is None or self.barrier is not None):
            numbers["scale"] = self.scale
            if self.barrier is None:
                numbers["power"] = self.power
        return {"norm": self.norm, **{key: v for key, v in numbers.items() if v is not None}}


_NAMED = {"sqeuclidean": Law(power=2.0), "euclidean": Law()}


def _points(value: Any, name: str) -> Floats:
    if isinstance(value, np.ndarray):
        points = np.asarray(value, dtype=np.float64)
        if points.ndim != 2 or 0 in points.shape:
            raise InputError(f"{name} must be a list of points, but has the shape {points.shape}.")
        if not np.all(np.isfinite(points)):
            i, k = np.argwhere(~np.isfinite(points))[0]
            raise InputError(f"{name}[{i}][{k}] is {points[i, k]}, not a finite coordinate.")
        return points
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise InputError(f"{name} must be a list of points, but is {describe(value)}.")
    rows = []
    for i, point in enumerate(value):
        if not isinstance(point, Sequence) or isinstance(point, str) or not point:
            raise InputError(
                f"{name}[{i}] must be a point (a list of coordinates), but is {describe(point)}."
            )
        if len(point) != len(value[0]):
            raise InputError(f"{name}[{i}] has {len(point)} coordinates where {name}[0] has {len(value[0])}.")
        rows.append([as_double(v, f"{name}[{i}][{k}]") for k, v in enumerate(point)])
    return np.array(rows, dtype=np.float64)


def read_law(spec: Any) -> Law:
    """The cost that an instance with points names.

    Raises:
        InputError: an unknown name or field, fields that exclude each other, or a number out of range.
    """
    if isinstance(spec, str):
        if spec not in _NAMED:
            raise InputError(
                f'cost must be "sqeuclidean", "euclidean" or an object with "norm", "power" and '
                f'"scale", but is {describe(spec)}.'
            )
        return _NAMED[spec]
    if not isinstance(spec, Mapping):
        raise InputError(f'with points, cost must name a law such as "sqeuclidean", but is {describe(spec)}.')
    for key in spec:
        if key not in _FIELDS:
            raise InputError(f"cost has no field {describe(key)}; known are {', '.join(_FIELDS)}.")
    for shape, others in _SHAPES.items():
        if shape in spec:
            foreign = sorted(set(spec) - {shape, *others})
            if foreign:
                raise InputError(f"cost with {shape!r} takes no {foreign[0]!r}.")
            break
    norm = str(spec.get("norm", "2")).removesuffix(".0")
    if norm not in ("1", "2", "inf"):
        raise InputError(f'norm of cost must be 1, 2 or "inf", but is {describe(norm)}.')
    if "tau" in spec and norm != "2":
        raise InputError(f"cost with 'tau' sums squares, so its norm is 2, but is {describe(norm)}.")
    numbers = {key: as_double(spec[key], f"{key} of cost") for key in _FIELDS[1:] if key in spec}
    for key, value in numbers.items():
        if value < 0 or (value == 0 and key != "radius"):
            raise InputError(f"{key} of cost must be positive, but is {value:g}.")
    return Law(norm=norm, **numbers)


def _length(norm: str, difference: Floats) -> Floats:
    if norm == "2":
        return np.asarray(np.sqrt(np.sum(difference**2, axis=1)))
    return np.asarray(difference.sum(axis=1) if norm == "1" else difference.max(axis=1))


def _inside(norm: str, radius: float, x: Floats, y: Floats) -> bool:
    """Whether a pair lies in the hard ball, in exact arithmetic."""
    d = [abs(Fraction(b) - Fraction(a)) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    if norm == "2":
        return sum(v * v for v in d) <= Fraction(radius) ** 2
    return (sum(d) if norm == "1" else max(d)) <= Fraction(radius)


def _row(law: Law, point: Floats, others: Floats) -> Floats:
    """(m,) costs from one point."""
    difference = np.abs(others - point)
    if law.tau is not None:
        return np.asarray(
            np.sum(np.maximum(difference - (law.radius or 0.0), 0.0) ** 2, axis=1) / (2 * law.tau)
        )
    if law.radius is None and law.barrier is None and law.norm == "2" and law.power == 2:
        return np.asarray(np.sum(difference**2, axis=1)) * law.scale
    z = _length(law.norm, difference)
    if law.radius is not None:
        inside = z <= law.radius
        for j in np.flatnonzero(np.abs(z - law.radius) <= _EDGE * law.radius):
            inside[j] = _inside(law.norm, law.radius, point, others[j])
        return np.where(inside, 0.0, np.inf)
    if law.barrier is not None:
        open_ = z < law.barrier
        value = law.scale * z / (1 - np.where(open_, z, 0.0) / law.barrier)
        return np.where(open_, np.where(np.isfinite(value), value, np.nan), np.inf)
    return np.asarray(z**law.power) * law.scale


def point_costs(x: Any, y: Any | None, spec: Any) -> Floats:
    """(n, m) costs between the points `x` (n, d) and `y` (m, d), or among `x` when `y` is None.

    The doubles that result are the data of the instance: a certificate is about them. They are infinite
    only outside a ball, which is decided exactly, or a barrier.

    Raises:
        InputError: ragged or non-finite points, unequal dimensions, an unknown law, a cost beyond the
            doubles.
    """
    law = read_law(spec)
    left = _points(x, "x")
    right = left if y is None else _points(y, "y")
    if left.shape[1] != right.shape[1]:
        raise InputError(f"the points x have {left.shape[1]} coordinates, the points y {right.shape[1]}.")
    with np.errstate(over="ignore"):
        result = np.array([_row(law, point, right) for point in left])
    closed = law.tau is None and (law.radius is not None or law.barrier is not None)
    bad = np.argwhere(np.isnan(result) if closed else ~np.isfinite(result))
    if len(bad):
        i, j = bad[0]
        raise InputError(f"the cost between x[{i}] and y[{j}] is beyond the largest double.")
    return result
