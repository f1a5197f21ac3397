"""Whether two points lie within a ball's radius or a barrier, decided exactly.

A sum in doubles is off by a few ulps, so at the very edge its verdict depends on the order of the sum. There
the coordinates' differences are split into two doubles without error, their squares likewise, and `fsum`
gives the sign of the exact sum less the radius, as `armor check` finds it with rationals.
"""

from __future__ import annotations

from math import frexp, fsum

import numpy as np
from numpy.typing import NDArray

from armor.exact.costs import PointCost

__all__ = ["arc_costs", "edge_width", "finish_tile", "settle"]

Array = NDArray[np.float64]

_U = 2.0**-53


def finish_tile(rule: PointCost, total: Array, x: Array, y: Array) -> Array:
    """`rule.finish` of a tile `(k, l)` of the points `x` `(k, d)`, `y` `(l, d)`, edges decided exactly."""
    edge = rule.edge
    if edge is None:
        return rule.finish(total)
    z = np.sqrt(total) if rule.norm == 2 else total
    i, j = np.nonzero(np.abs(z - edge) <= edge_width(x.shape[1]) * edge)
    if len(i):
        z[i, j] = settle(rule, z[i, j], x[i], y[j])
    return rule.of_length(z)


def arc_costs(rule: PointCost, x: Array, y: Array) -> Array:
    """Costs `(k,)` of the pairs of points `x`, `y` `(k, d)`, edges decided exactly."""
    d = x - y
    if d.shape[1] <= 16 or rule.tau is not None:
        total = rule.accumulate(d[:, k] for k in range(d.shape[1]))
    elif rule.norm == 2:
        total = np.einsum("ij,ij->i", d, d)
    else:
        total = np.abs(d).sum(axis=1) if rule.norm == 1 else np.abs(d).max(axis=1)
    if rule.edge is None:
        return rule.finish(total)
    return rule.of_length(settle(rule, np.sqrt(total) if rule.norm == 2 else total, x, y))


def settle(rule: PointCost, z: Array, x: Array, y: Array) -> Array:
    """The lengths `z` `(k,)` of `x - y` `(k, d)`, those at the edge moved to its right side.

    A hard ball holds its edge, a barrier does not; other costs have none.
    """
    edge = rule.edge
    if edge is None:
        return z
    if edge == 0:  # a square may vanish where its root does not
        return np.where((x == y).all(axis=1), 0.0, np.maximum(z, np.nextafter(0.0, 1.0)))
    near = np.flatnonzero(np.abs(z - edge) <= edge_width(x.shape[1]) * edge)
    if len(near) == 0:
        return z
    z = z.copy()
    closed = rule.radius is not None
    for i in near.tolist():
        sign = _beyond(rule.norm, x[i], y[i], edge)
        inside = sign < 0 or (sign == 0 and closed)
        if inside:
            z[i] = min(z[i], edge if closed else np.nextafter(edge, 0.0))
        else:
            z[i] = max(z[i], np.nextafter(edge, np.inf) if closed else edge)
    return z


def edge_width(dimension: int) -> float:
    """Relative distance from the edge within which a length in doubles decides nothing."""
    return 4 * (dimension + 8) * _U


def _beyond(norm: float, x: Array, y: Array, edge: float) -> float:
    """A number of the exact sign of `‖x - y‖ - edge`."""
    shift = -frexp(edge)[1]  # by a power of two, which is exact, so that squares neither overflow nor vanish
    x, y, radius = np.ldexp(x, shift), np.ldexp(y, shift), float(np.ldexp(edge, shift))
    d = x - y
    part = d - x
    low = (x - (d - part)) - (y + part)  # x - y = d + low exactly
    high, low = np.abs(d), np.where(d < 0, -low, low)
    if norm == 1:
        return fsum([*high, *low, -radius])
    if norm == np.inf:
        return max(fsum([a, b, -radius]) for a, b in zip(high, low, strict=True))
    terms = [-part for part in _product(radius, radius)]
    for a, b in zip(high.tolist(), low.tolist(), strict=True):
        terms += [*_product(a, a), *_product(2 * a, b), *_product(b, b)]
    return fsum(terms)


def _product(a: float, b: float) -> tuple[float, float]:
    """`a b` as the sum of two doubles, exactly (Dekker)."""
    p = a * b
    (a1, a2), (b1, b2) = _halves(a), _halves(b)
    return p, ((a1 * b1 - p) + a1 * b2 + a2 * b1) + a2 * b2


def _halves(a: float) -> tuple[float, float]:
    c = 134217729.0 * a
    high = c - (c - a)
    return high, a - high
