"""f, f' and the derivatives of f* for NumPy and torch, derived by the symbolic layer."""

__all__ = ["Elementwise", "Functions", "functions"]

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from armor.errors import InputError
from armor.objectives.arrays import Array, Ops

Elementwise = Callable[[Array], Array]


@dataclass(frozen=True)
class Functions:
    """One divergence in numbers.

    f, slope (f'), conjugate (f*), density ((f*)') and response ((f*)''): elementwise, one per backend name.
    recession: f'(inf).
    slope_at_one: a = f'(1) (any subgradient at a kink).  taylor: derivatives of f at 1 from the second on.
    smooth: f is smooth and strictly convex inside its domain, so (f*)' has no jumps.
    """

    f: Mapping[str, Elementwise]
    slope: Mapping[str, Elementwise]
    conjugate: Mapping[str, Elementwise]
    density: Mapping[str, Elementwise]
    response: Mapping[str, Elementwise]
    slope_at_one: float
    taylor: tuple[float, ...]
    smooth: bool
    recession: float

    def centred(self, xp: Ops, t: Array) -> Array:
        """`f(t) - a (t - 1)`, relatively accurate near t = 1 where f is smooth there."""
        x = t - 1.0
        direct = self.f[xp.name](t) - self.slope_at_one * x
        if not self.taylor:
            return direct
        series = 0.0 * x
        factorial = 1.0
        for order, derivative in enumerate(self.taylor, start=2):
            factorial *= order
            series = series + (derivative / factorial) * x**order
        return xp.where(xp.abs(x) < self.reach, series, direct)

    @property
    def bend(self) -> float:
        """The power of (f*)' that is a straight line at t = 1, 0 for its logarithm: 1 plus the third over the
        second derivative of f there (alpha - 1 for alpha, 0 for KL).
        """
        return 1.0 + self.taylor[1] / self.taylor[0] if self.taylor and self.taylor[0] else 0.0

    @property
    def head(self) -> tuple[float, ...]:
        """What compiled solvers need of f at 1: f'(1), the series' reach and its coefficients from t² on."""
        series = (derivative / math.factorial(k) for k, derivative in enumerate(self.taylor, start=2))
        return (self.slope_at_one, self.reach, *series)

    @property
    def reach(self) -> float:
        """Where the series' first left-out term is below rounding (its coefficients grow like a power)."""
        growth = (
            max(abs(d) ** (1 / k) for k, d in enumerate(self.taylor, start=2) if d) if any(self.taylor) else 1
        )
        return min(5e-3, 0.02 / max(growth, 1.0))


def functions(spec: Mapping[str, object]) -> Functions:
    """The functions of a specification.

    Raises `armor.errors.InputError` for an unknown name, a bad parameter, an f that is no divergence.
    """
    try:
        key = json.dumps(dict(spec), sort_keys=True)
    except TypeError:
        raise InputError(f"a divergence must be plain data, not {dict(spec)!r}") from None
    return _functions(key)


@lru_cache(maxsize=64)
def _functions(key: str) -> Functions:
    import theory.errors
    from theory.catalogue import divergence
    from theory.numeric import callables

    try:
        d: Any = divergence(json.loads(key))
        by_backend = {name: callables(d, name) for name in ("numpy", "torch")}
        slope_at_one, taylor = _at_one(d)
        recession = float(d.recession)
    except theory.errors.InputError as error:
        raise InputError(str(error)) from None
    smooth = len(d.pieces) == 1 and not d.pieces[0].affine
    return Functions(
        f={name: c.f for name, c in by_backend.items()},
        slope={name: c.f_prime for name, c in by_backend.items()},
        conjugate={name: c.conjugate for name, c in by_backend.items()},
        density={name: c.conjugate_prime for name, c in by_backend.items()},
        response={name: c.conjugate_second for name, c in by_backend.items()},
        slope_at_one=slope_at_one,
        taylor=taylor,
        smooth=smooth,
        recession=recession,
    )


def _at_one(d: Any) -> tuple[float, tuple[float, ...]]:
    """f'(1) and the further derivatives at 1; without a series where f has a kink there."""
    from theory.symbols import t

    around = [piece for piece in d.pieces if piece.lo <= 1 <= piece.hi]
    inside = [piece for piece in around if piece.lo < 1 < piece.hi]
    if inside:
        f = d.f if len(d.pieces) == 1 else inside[0].expr  # families keep their parameter in the pieces
        taylor = tuple(float(f.diff(t, k).subs(t, 1)) for k in range(2, 10))
        return float(f.diff(t).subs(t, 1)), taylor
    sides = [float(piece.expr.diff(t).limit(t, 1)) for piece in around]
    return sum(sides) / len(sides), ()
