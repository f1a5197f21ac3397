"""Cost matrices of points: `L ||x - y||^q` in the 1-, 2- or max-norm, in float64."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory.errors import InputError
from verification.fileformat import as_fraction, describe

__all__ = ["point_costs"]

Floats = NDArray[np.float64]
_NAMED = {"sqeuclidean": ("2", 2.0, 1.0), "euclidean": ("2", 1.0, 1.0)}


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
        rows.append([_coordinate(v, f"{name}[{i}][{k}]") for k, v in enumerate(point)])
    return np.array(rows, dtype=np.float64)


def _coordinate(value: object, where: str) -> float:
    try:
        return float(as_fraction(value, where))
    except OverflowError:
        raise InputError(f"{where} is beyond the largest double.") from None


def _double(value: Any, what: str) -> float:
    try:
        return float(as_fraction(value, what))
    except OverflowError:
        raise InputError(f"{what} is beyond the largest double: {describe(value)}.") from None


def _law(spec: Any) -> tuple[str, float, float]:
    """`(norm, power, scale)` of a cost specification."""
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
        if key not in ("norm", "power", "scale"):
            raise InputError(f"cost has no field {describe(key)}; known are norm, power, scale.")
    norm = str(spec.get("norm", "2"))
    if norm not in ("1", "2", "inf"):
        raise InputError(f'norm of cost must be 1, 2 or "inf", but is {describe(norm)}.')
    power, scale = (_double(spec.get(name, 1), f"{name} of cost") for name in ("power", "scale"))
    for name, value in (("power", power), ("scale", scale)):
        if not value > 0:
            raise InputError(f"{name} of cost must be positive, but is {value:g}.")
    return norm, power, scale


def point_costs(x: Any, y: Any | None, spec: Any) -> Floats:
    """(n, m) costs between the points `x` (n, d) and `y` (m, d), or among `x` when `y` is None.

    The doubles that result are the data of the instance: a certificate is about them.

    Raises:
        InputError: ragged or non-finite points, unequal dimensions, an unknown law, a cost beyond the
            doubles.
    """
    norm, power, scale = _law(spec)
    left = _points(x, "x")
    right = left if y is None else _points(y, "y")
    if left.shape[1] != right.shape[1]:
        raise InputError(f"the points x have {left.shape[1]} coordinates, the points y {right.shape[1]}.")
    result = np.empty((len(left), len(right)))
    with np.errstate(over="ignore"):
        for i, point in enumerate(left):
            difference = np.abs(right - point)
            if norm == "2" and power == 2:
                result[i] = np.sum(difference**2, axis=1)
                continue
            if norm == "2":
                length = np.sqrt(np.sum(difference**2, axis=1))
            else:
                length = difference.sum(axis=1) if norm == "1" else difference.max(axis=1)
            result[i] = length**power
        result *= scale
    if not np.all(np.isfinite(result)):
        i, j = np.argwhere(~np.isfinite(result))[0]
        raise InputError(f"the cost between x[{i}] and y[{j}] is beyond the largest double.")
    return result
