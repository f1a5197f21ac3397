"""A user's own `f`, from the symbolic layer: every hypothesis is checked there, the formulas come from
there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from armor.errors import InputError
from armor.exact.members import Member

__all__ = ["from_expression"]

Array = NDArray[np.float64]


@cache
def from_expression(text: str) -> Member:
    """The member of an expression in `t`, moved to the gauge `f'(1) = 0`.

    Raises:
        InputError: `theory` names a hypothesis that fails, or `f` has kinks or a bounded domain (only total
            variation and CVaR have a solver of their own).
    """
    import sympy as sp

    from theory.catalogue import divergence
    from theory.errors import InputError as TheoryError
    from theory.numeric import callables
    from theory.symbols import t

    try:
        d = divergence({"f": text})
    except TheoryError as error:
        raise InputError(str(error)) from None
    if len(d.pieces) != 1 or d.domain != (0, sp.oo):
        raise InputError(
            f"f(t) = {text} has kinks or a bounded domain; the structured solver needs f smooth on (0, oo)"
        )
    if d.pieces[0].affine:
        raise InputError(f"f(t) = {text} is affine: it measures nothing")
    c = callables(d, "numpy")
    shift = float(sp.diff(d.f, t).subs(t, 1))
    recession = float(d.recession) - shift
    at_zero = float(d.f_at_zero) + shift
    curvature: Callable[[Array], Array] = sp.lambdify(t, sp.diff(d.f, t, 2) + 0 * t, "numpy")

    def second(ratio: Array) -> Array:
        return np.broadcast_to(np.asarray(curvature(ratio), dtype=np.float64), ratio.shape)

    return Member(
        "custom",
        recession,
        at_zero,
        float(d.slope_at_zero) - shift,
        value=lambda ratio: np.asarray(c.f(ratio)) - shift * (ratio - 1),
        slope=lambda ratio: np.asarray(c.f_prime(ratio)) - shift,
        curvature=second,
        conjugate=lambda y: np.asarray(c.conjugate(y + shift)) - shift,
        ratio=lambda y: np.asarray(c.conjugate_prime(y + shift)),
        slope_shift=shift,
    )
