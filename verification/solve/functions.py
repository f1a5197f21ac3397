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
    ends = [(float(piece.lo), float(piece.hi)) for piece in d.pieces]

    def derivative(order: int) -> Callable[[Floats], Floats]:
        pieces = []
        for (low, high), piece in zip(ends, d.pieces, strict=True):
            expression = sp.diff(piece.expr, t, order)
            pieces.append((low, high, sp.lambdify(t, expression, "numpy")))
        return _piecewise(pieces, np.inf if order else np.nan)

    smooth = any(low < 1 < high for low, high in ends)
    taylor: list[float] = []
    if smooth:
        inner = next(piece for piece, (low, high) in zip(d.pieces, ends, strict=True) if low < 1 < high)
        taylor = [float(sp.diff(inner.expr, t, k).subs(t, 1)) for k in range(2, 9)]
        slope_at_one = float(sp.diff(inner.expr, t).subs(t, 1))
    else:
        # A kink at 1: any subgradient gauges; the mean of the one-sided slopes keeps the symmetric cases at
        # 0.
        sides = [
            float(sp.limit(sp.diff(piece.expr, t), t, 1)) for piece, (low, high) in zip(d.pieces, ends,
            strict=True) if low <= 1 <= high
        ]  # fmt: skip
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
        domain=(float(d.domain[0]), float(d.domain[1])),
        taylor=tuple(taylor),
        linear=linear,
    )
