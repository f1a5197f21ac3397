"""The divergences once more, in NumPy, apart from the objectives: what their witnesses are judged by.

Written by hand on purpose. The objectives compute with functions printed from the symbolic layer; a judge
that took them from there too would share their errors, and the certificates' own table, in ball arithmetic,
needs python-flint, which a training machine may lack. A test holds this table against the symbolic layer. A
user's expression has no table: its witnesses are judged by derived functions, and what remains independent
are the certified intervals.

Raw gauges of the catalogue (MATH notation): `f(t)` and `f*(y)`, elementwise, `inf` outside their domains.
"""

__all__ = ["Formula", "formula"]

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import wrightomega, xlogy

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Formula:
    """f and f*."""

    f: Callable[[Vector], Vector]
    conjugate: Callable[[Vector], Vector]


def _below(y: Vector, edge: float, inside: Callable[[Vector], Vector], *, closed: bool) -> Vector:
    allowed = y <= edge if closed else y < edge
    return np.where(allowed, inside(np.where(allowed, y, edge - 1.0)), np.inf)


def _alpha(a: float) -> Formula:
    scale = a * (a - 1)

    def f(t: Vector) -> Vector:
        values: Vector = (np.power(t, a) - 1.0) / scale
        return values

    def conjugate(y: Vector) -> Vector:
        if a > 1:
            rising: Vector = np.power((a - 1) * np.maximum(y, 0.0), a / (a - 1)) / a + 1 / scale
            return rising
        return _below(
            y, 0.0, lambda v: np.power((1 - a) * np.abs(v), a / (a - 1)) / a + 1 / scale, closed=a < 0
        )

    return Formula(f, conjugate)


def _jeffreys(y: Vector) -> Vector:
    t = 1.0 / wrightomega(1.0 - y)
    values: Vector = np.where(np.isneginf(y), -np.inf, t - 1.0 + np.log(t))
    return values


def _js(t: Vector) -> Vector:
    values: Vector = 0.5 * (xlogy(t, t) - (1 + t) * np.log((1 + t) / 2))
    return values


_TABLE: dict[str, Formula] = {
    "kl": Formula(lambda t: xlogy(t, t), lambda y: np.exp(y - 1)),
    "reverse_kl": Formula(
        lambda t: -np.log(t), lambda y: _below(y, 0.0, lambda v: -1 - np.log(-v), closed=False)
    ),
    "pearson": Formula(lambda t: (t - 1) ** 2, lambda y: np.where(y >= -2, y + y * y / 4, -1.0)),
    "neyman": Formula(
        lambda t: (1 - t) ** 2 / t, lambda y: _below(y, 1.0, lambda v: 2 - 2 * np.sqrt(1 - v), closed=True)
    ),
    "tv": Formula(
        lambda t: np.abs(t - 1) / 2, lambda y: _below(y, 0.5, lambda v: np.maximum(v, -0.5), closed=True)
    ),
    "hellinger": Formula(
        lambda t: (np.sqrt(t) - 1) ** 2,
        lambda y: _below(y, 1.0, lambda v: np.where(np.isneginf(v), -1.0, v / (1 - v)), closed=False),
    ),
    "js": Formula(
        _js, lambda y: _below(y, math.log(2) / 2, lambda v: -0.5 * np.log(2 - np.exp(2 * v)), closed=False)
    ),
    "triangular": Formula(
        lambda t: (t - 1) ** 2 / (t + 1),
        lambda y: _below(y, 1.0, lambda v: np.where(v >= -3, 4 - 4 * np.sqrt(1 - v) - v, -1.0), closed=True),
    ),
    "jeffreys": Formula(lambda t: (t - 1) * np.log(t), _jeffreys),
}


def formula(spec: Mapping[str, object]) -> Formula:
    """The functions of a divergence's specification; a user's expression comes from the symbolic layer."""
    name = str(spec.get("name", ""))
    if name == "alpha":
        return _alpha(_parameter(spec, "alpha"))
    if name == "cvar":
        beta = _parameter(spec, "beta")
        cap = 1 / beta
        return Formula(
            lambda t: np.where(t <= cap * (1 + 1e-12), 0.0, np.inf), lambda y: np.maximum(y, 0.0) / beta
        )
    if name in _TABLE:
        return _TABLE[name]
    from theory.catalogue import divergence
    from theory.numeric import callables

    derived: Any = divergence(dict(spec))
    functions = callables(derived, "numpy")
    return Formula(functions.f, functions.conjugate)


def _parameter(spec: Mapping[str, object], name: str) -> float:
    from fractions import Fraction

    return float(Fraction(str(spec[name])))
