"""From a specification to the numeric divergence of the solvers, derived by the symbolic layer."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verification.solve.information import Information, Renyi, Separable

__all__ = ["information"]

Floats = NDArray[np.float64]


def information(spec: Mapping[str, str]) -> Information:
    """The numeric divergence of a normalised specification (`Instance.divergence`)."""
    return _information(tuple(sorted(spec.items())))


@lru_cache(maxsize=256)
def _information(items: tuple[tuple[str, str], ...]) -> Information:
    spec = dict(items)
    if spec.get("name") == "renyi":
        from fractions import Fraction

        return Renyi(float(Fraction(spec["alpha"])))
    if spec.get("name") == "none":
        return _transport_only()
    from theory.catalogue import divergence

    return _separable(divergence(spec))


def _transport_only() -> Separable:
    """`inf * 1[eta != P]`: `f = 0` at 1 and inf elsewhere, `f*(y) = y`."""
    return Separable(
        f=lambda t: np.where(t == 1, 0.0, np.inf),
        slope=np.zeros_like,
        curvature=np.zeros_like,
        conjugate=np.array,
        dual_slope=np.ones_like,
        at_zero=np.inf,
        recession=np.inf,
        slope_at_one=0.0,
        domain=(1.0, 1.0),
        linear=(1.0,),
    )


def _piecewise(
    pieces: list[tuple[float, float, Callable[..., Any]]], outside: float
) -> Callable[[Floats], Floats]:
    """One function from expressions on consecutive closed intervals; `outside` beyond them."""

    def evaluate(t: Floats) -> Floats:
        result = np.full(np.shape(t), outside)
        with np.errstate(all="ignore"):
            for low, high, function in reversed(pieces):
                inside = (t >= low) & (t <= high)
                result[inside] = function(t[inside])
        return result

    return evaluate


def _separable(d: Any) -> Separable:
    import sympy as sp

    from theory.numeric import callables
    from theory.symbols import t

    numeric = callables(d, "numpy")
    # A family keeps its parameter symbolic in the pieces; the solvers need its number.
    parts = [sp.sympify(piece.expr).subs(d.numbers) for piece in d.pieces]
    ends = [tuple(float(sp.sympify(x).subs(d.numbers)) for x in (piece.lo, piece.hi)) for piece in d.pieces]

    def derivative(order: int) -> Callable[[Floats], Floats]:
        pieces = []
        for (low, high), part in zip(ends, parts, strict=True):
            pieces.append((low, high, sp.lambdify(t, sp.diff(part, t, order), "numpy")))
        return _piecewise(pieces, np.inf if order else np.nan)

    smooth = any(low < 1 < high for low, high in ends)
    taylor: list[float] = []
    if smooth:
        inner = next(part for part, (low, high) in zip(parts, ends, strict=True) if low < 1 < high)
        taylor = [float(sp.diff(inner, t, k).subs(t, 1)) for k in range(2, 9)]
        slope_at_one = float(sp.diff(inner, t).subs(t, 1))
    else:
        # A kink at 1: any subgradient gauges; the mean of the one-sided slopes keeps symmetric cases at 0.
        sides = [
            float(sp.limit(sp.diff(part, t), t, 1))
            for part, (low, high) in zip(parts, ends, strict=True)
            if low <= 1 <= high
        ]
        slope_at_one = sum(sides) / len(sides)
    linear = None
    if all(piece.affine for piece in d.pieces):
        linear = tuple(sorted({x for pair in ends for x in pair if 0 < x < np.inf}))
    return Separable(
        f=numeric.f,
        slope=derivative(1),
        curvature=derivative(2),
        conjugate=numeric.conjugate,
        dual_slope=numeric.conjugate_prime,
        at_zero=float(d.f_at_zero),
        recession=float(d.recession),
        slope_at_one=slope_at_one,
        domain=(ends[0][0], ends[-1][1]),
        taylor=tuple(taylor),
        linear=linear,
    )
