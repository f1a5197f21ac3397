"""A table of branches as one elementwise function on NumPy arrays or torch tensors."""

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sympy as sp

from theory.backends.arrays import NumpyOperations, TorchOperations
from theory.pieces import interior_point
from theory.printing import compiled

if TYPE_CHECKING:
    from theory.numeric import Branch, Table

__all__ = ["array_function"]

_BISECTIONS = 64
_NEWTON_STEPS = 3
_LOG_RANGE = {2: 9.0, 4: 80.0, 8: 700.0}  # |log t| searched, by bytes per number


@lru_cache(maxsize=2)
def _operations(backend: str) -> Any:
    return NumpyOperations() if backend == "numpy" else TorchOperations()


class _Border:
    """A border of an interval; `distance(x)` is x minus it, right to the last digit also where it is
    irrational.
    """

    def __init__(self, number: Any, m: Any) -> None:
        self.value = float(number)
        self.rest = (
            float(sp.N(number - sp.Rational(self.value), 30)) if abs(self.value) != float("inf") else 0.0
        )
        self._split = m.split

    def distance(self, x: Any) -> Any:
        if self.value in (float("inf"), float("-inf")):
            return x - self.value
        high, low = self._split(self.value, self.rest, x)
        return (x - high) - low if low else x - high

    def touches(self, x: Any) -> Any:
        """Whether x is the border."""
        return x == self.value if self.rest == 0.0 else self.distance(x) == 0


class _Inverse:
    """t with f'(t) = y on one piece of f: bisection in log t (or t, on a bounded piece), then Newton."""

    def __init__(self, branch: "Branch", m: Any) -> None:
        piece = branch.piece
        assert piece is not None
        self._m, self._order = m, branch.order
        self._f, self._slope = (compiled(e, m, branch.numbers) for e in (piece.expr, piece.slope))
        self._curvature = compiled(piece.curvature, m, branch.numbers)
        self._lo, self._hi = float(piece.lo), float(piece.hi)

    def _solve(self, target: Any) -> Any:
        m = self._m
        unbounded = self._hi == float("inf")
        reach = _LOG_RANGE.get(target.dtype.itemsize, 700.0)
        lo = m.lib.full_like(target, -reach if unbounded else self._lo)
        hi = m.lib.full_like(target, reach if unbounded else self._hi)
        for _ in range(_BISECTIONS):
            middle = (lo + hi) / 2
            t = self._lo + m.exp(middle) if unbounded else middle
            below = self._slope(t) < target
            lo, hi = m.where(below, middle, lo), m.where(below, hi, middle)
        middle = (lo + hi) / 2
        t = self._lo + m.exp(middle) if unbounded else middle
        for _ in range(_NEWTON_STEPS):
            step = (self._slope(t) - target) / self._curvature(t)
            moved = t - step
            fine = (m.abs(step) <= 1e-3 * m.abs(t)) & (moved > self._lo)
            t = m.where(fine, moved, t)
        return t

    def __call__(self, target: Any) -> Any:
        m = self._m
        t = m.detached(self._solve(m.detached(target)))
        if self._order == 0:  # the envelope theorem: t is optimal, so its own derivative does not enter
            t = self._with_slope(t, target) if m.detached(target) is not target else t
            return t * target - self._f(t)
        t = self._with_slope(t, target)
        return t if self._order == 1 else 1 / self._curvature(t)

    def _with_slope(self, t: Any, target: Any) -> Any:
        """t, with the derivative dt/dy = 1/f''(t) attached (its value does not change)."""
        detached = self._m.detached(target)
        return t if detached is target else t + (target - detached) / self._m.detached(self._curvature(t))


def _argument(branch: "Branch", x: Any) -> Any:
    """What the branch's expression takes for x: x, or its distance from an end."""
    return {"lo": x - branch.lo, "hi": branch.hi - x}.get(branch.origin or "", x)


def _finite_at(expr: Any, at: Any, numbers: Any) -> bool:
    """Whether plain evaluation of `expr` at the border gives its limit there."""
    value = expr.subs(dict.fromkeys(expr.free_symbols - set(numbers), at)).subs(numbers)
    return bool(value.is_finite)


class _Part:
    """One branch, ready to evaluate: where it holds, and its value there."""

    def __init__(self, branch: "Branch", m: Any) -> None:
        self._m = m
        self.lo, self.hi = _Border(branch.lo, m), _Border(branch.hi, m)
        self.at_lo, self.at_hi = float(branch.at_lo), float(branch.at_hi)
        self.anchor = (
            float(interior_point(branch.lo, branch.hi)) if branch.lo != branch.hi else float(branch.lo)
        )
        if branch.expr is None:
            self._function: Callable[[Any], Any] = _Inverse(branch, m)
            self.open_lo = self.open_hi = True
        else:
            self._function = compiled(branch.expr, m, branch.numbers)
            lo, hi = _argument(branch, branch.lo), _argument(branch, branch.hi)
            self.open_lo = branch.lo == -sp.oo or not _finite_at(branch.expr, lo, branch.numbers)
            self.open_hi = branch.hi == sp.oo or not _finite_at(branch.expr, hi, branch.numbers)
        self._origin = branch.origin

    def covers(self, least: float, most: float) -> bool:
        """Whether the interval lies strictly inside this branch (false where either end is NaN)."""
        return self.lo.value < least and most < self.hi.value

    def inside(self, x: Any) -> Any:
        """This branch's values for an `x` all of whose entries lie strictly inside it."""
        if self._origin == "hi":
            argument = -self.hi.distance(x)
        else:
            argument = self.lo.distance(x) if self._origin == "lo" else x
        return self._function(argument) + self._m.lib.zeros_like(x)

    def put(self, x: Any, result: Any) -> Any:
        """`result` with this branch's values where x belongs to it."""
        m, where = self._m, self._m.where
        from_lo, from_hi = self.lo.distance(x), self.hi.distance(x)
        inside = (from_lo > 0) if self.open_lo else (from_lo >= 0)
        inside = inside & ((from_hi < 0) if self.open_hi else (from_hi <= 0))
        if self._origin == "hi":
            argument = where(inside, -from_hi, self.hi.value - self.anchor)
        elif self._origin == "lo":
            argument = where(inside, from_lo, self.anchor - self.lo.value)
        else:
            argument = where(inside, x, self.anchor)
        value = self._function(argument)
        result = where(inside, value + m.lib.zeros_like(x), result)
        if self.open_lo:
            result = where(self.lo.touches(x), self.at_lo, result)
        if self.open_hi:
            result = where(self.hi.touches(x), self.at_hi, result)
        return result


def array_function(table: "Table", backend: str) -> Callable[[Any], Any]:
    """The elementwise function of `table`; the float type of its argument is kept."""
    m = _operations(backend)
    parts = [_Part(branch, m) for branch in table.branches]
    below, above = float(table.below), float(table.above)

    def function(x: Any) -> Any:
        x = m.as_array(x)
        with m.silent():
            if backend == "numpy" and x.size:  # one branch alone is the common case, and ten times as fast
                least, most = x.min(), x.max()
                for part in parts:
                    if part.covers(least, most):
                        return part.inside(x)[()]
            result = m.where(parts[0].lo.distance(x) < 0, below, m.lib.full_like(x, float("nan")))
            result = m.where(parts[-1].hi.distance(x) > 0, above, result)
            for part in parts:
                result = part.put(x, result)
        return result[()] if backend == "numpy" else result

    return function
