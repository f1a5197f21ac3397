"""The convex functions of a divergence as CVXPY expressions: `f`, and the perspective of `f*`.

Where the translator knows the expression, it is exact. Where it does not, tangents stand in: `f` is the
largest of its tangents and `f*` the largest of `y t - f(t)` over chosen densities `t`, and the programs add
tangents where the last solution touched until the values agree.
"""

from itertools import pairwise
from typing import Any

import cvxpy as cp
import numpy as np
import sympy as sp
from numpy.typing import NDArray

from theory.catalogue import divergence
from theory.symbols import t, y
from verification.programs.translate import UntranslatableError, translate
from verification.solve.functions import information
from verification.solve.information import Separable

__all__ = ["Epigraphs", "RenyiEpigraph"]

Floats = NDArray[np.float64]


class RenyiEpigraph:
    """`R_alpha(P||eta)` for the primal programs: one convex function of all the row masses at once."""

    recession = 0.0  # mass off the support of P enters no term
    exact_primal = True

    def __init__(self, alpha: float) -> None:
        self.alpha = alpha

    def f(self, r: Any, p: Floats) -> tuple[Any, list[Any]]:
        """The divergence of row masses `r` as a scalar, without constraints of its own."""
        a = self.alpha
        if a > 1:  # log sum exp of convex functions
            return cp.log_sum_exp(a * np.log(p) + (1 - a) * cp.log(r)) / (a * (a - 1)), []
        return -cp.log(np.power(p, a) @ cp.power(r, 1 - a)) / (a * (1 - a)), []


class Epigraphs:
    """Convex pieces of one separable divergence for the programs of T1, T2, T6 and T7.

    Attributes:
        numeric: the numeric divergence.
        recession: `f'(inf)`; domain: closed hull `(low, high)` of `{f < inf}`.
        tangents: densities whose tangents stand in for what cannot be translated; empty while none is needed.
    """

    def __init__(self, spec: dict[str, str]) -> None:
        numeric = information(spec)
        assert isinstance(numeric, Separable)
        self.numeric = numeric
        self.recession = numeric.recession
        self.domain = numeric.domain
        self.symbolic = divergence(spec)
        low, high = max(self.domain[0], 1e-3), min(self.domain[1], 1e3)
        self.tangents: list[float] = sorted({*np.geomspace(low, high, 25).tolist(), 1.0})
        self.exact_primal = True
        self.exact_dual = True

    def f(self, r: Any, p: Floats) -> tuple[Any, list[Any]]:
        """`p f(r/p)` elementwise for affine `r >= 0`, with constraints (the domain of `f` among them)."""
        constraints: list[Any] = [r >= self.domain[0] * p] if self.domain[0] > 0 else []
        if np.isfinite(self.domain[1]):
            constraints.append(r <= self.domain[1] * p)
        if self.numeric.linear is None and len(self.symbolic.pieces) == 1:
            try:
                expression, extra = translate(self._number(self.symbolic.f), t, r, p)
                return expression, constraints + extra
            except UntranslatableError:
                pass
        self.exact_primal = self.numeric.linear is not None
        points = np.array(self._touching())
        slope = self.numeric.slope(points)
        offset = self.numeric.f(points) - slope * points
        lines = [a * r + b * p for a, b in zip(slope.tolist(), offset.tolist(), strict=True)]
        return (cp.maximum(*lines) if len(lines) > 1 else lines[0]), constraints

    def conjugate(self, x: Any, scale: Any = 1.0) -> tuple[Any, list[Any]]:
        """`scale f*(x/scale)` elementwise; as `f*` is nondecreasing, `x` may be replaced by any larger
        `z`."""
        region = self.symbolic.regions[-1]
        z = cp.Variable(x.shape)
        constraints: list[Any] = [z >= x]
        s = np.ones(x.shape) if isinstance(scale, float) else scale
        if np.isfinite(self.recession):
            constraints.append(z <= self.recession * s)
        smooth = self.numeric.linear is None and region.expr is not None and len(self.symbolic.pieces) == 1
        if smooth:
            low = float(sp.sympify(region.lo).subs(self.symbolic.numbers))
            if np.isfinite(low):
                constraints.append(z >= low * s)
            try:
                expression, extra = translate(self._region(region), y, z, scale)
                return expression, constraints + extra
            except UntranslatableError:
                pass
        self.exact_dual = self.numeric.linear is not None
        points = np.array(self._densities())
        # The double of an irrational or repeating end may lie beyond it.
        values = self.numeric.f(np.clip(points, *np.nextafter(self.domain, self.domain[::-1])))
        finite = np.isfinite(values)
        lines = [w * z - v * s for w, v in zip(points[finite].tolist(), values[finite].tolist(), strict=True)]
        return (cp.maximum(*lines) if len(lines) > 1 else lines[0]), constraints

    def refine(self, densities: Floats) -> None:
        """Add tangents at the given densities."""
        inside = np.clip(densities[np.isfinite(densities)], *self.domain)
        self.tangents = sorted({*self.tangents, *np.round(inside, 12).tolist()})

    def _number(self, expression: Any) -> Any:
        return sp.sympify(expression).subs(self.symbolic.numbers)

    def _region(self, region: Any) -> Any:
        expression = self._number(region.expr)
        if float(self.recession) == 0:
            negative = sp.Symbol("n", negative=True)  # lets |y| and roots of -y open
            expression = sp.powdenest(sp.simplify(expression.subs(y, negative)), force=True).subs(negative, y)
        return expression

    def _touching(self) -> list[float]:
        """Densities inside the pieces of a piecewise linear `f`, the tangents' own otherwise."""
        if self.numeric.linear is None:
            return [v for v in self.tangents if v > 0]
        kinks = sorted({*self.domain, *self.numeric.linear})
        inner = [0.5 * (a + b) if np.isfinite(b) else a + 1.0 for a, b in pairwise(kinks)]
        return inner or [kinks[0]]

    def _densities(self) -> list[float]:
        """Kinks and ends of a piecewise linear `f`, the tangents' own densities otherwise."""
        if self.numeric.linear is None:
            return self.tangents
        return [v for v in sorted({*self.domain, *self.numeric.linear}) if np.isfinite(v)]
