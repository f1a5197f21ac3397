"""The functions of a divergence as C source, printed from the same branches as the NumPy and torch ones."""

from typing import TYPE_CHECKING, Any

import sympy as sp

from theory.errors import InputError
from theory.fdivergence import FDivergence
from theory.pieces import interior_point
from theory.printing import Printer

if TYPE_CHECKING:
    from theory.numeric import Branch

__all__ = ["c_source"]

# Operations of `theory.printing` that C's own library has under the same name; the others are called k_*.
_PLAIN = ("sin", "cos", "tanh", "sinh", "cosh", "atan", "asinh")


class _Printer(Printer):
    """Integer powers as products: C has no operator for them."""

    def _pow(self, base: Any, exponent: Any) -> str:
        if not exponent.is_Integer:
            return super()._pow(base, exponent)
        n, printed = abs(int(exponent)), self(base)
        power = printed
        if n == 2 or n == 4:
            power = f"m.square({printed})"
            power = f"m.square({power})" if n == 4 else power
        elif n == 3:
            power = f"({printed} * m.square({printed}))"
        elif n > 1:
            power = f"pow({printed}, {n}.0)"
        return f"m.reciprocal({power})" if exponent < 0 else power


class _Constants:
    """Numbers are arguments, not text: one source serves every value of a parameter."""

    def __init__(self, numbers: Any, first: int) -> None:
        self._numbers, self._first = dict(numbers), first
        self.values: list[float] = []

    def __call__(self, number: Any) -> str:
        value = float(sp.N(number.subs(self._numbers), 40))
        if value not in self.values:  # equal numbers share a place, so that the compiler sees common terms
            self.values.append(value)
        return f"k[{self._first + self.values.index(value)}]"


def _text(code: str) -> str:
    for name in _PLAIN:
        code = code.replace(f"m.{name}(", f"{name}(")
    return code.replace("m.abs(", "fabs(").replace("m.", "k_")


def _branch(branch: "Branch", constants: _Constants, numbers: set[Any]) -> str:
    if branch.expr is None:
        raise InputError("no closed form")
    anchor = constants(interior_point(branch.lo, branch.hi))
    lines = []
    inside = []
    for number, sign in ((branch.lo, ">="), (branch.hi, "<=")):
        if abs(number) != sp.oo:
            inside.append(f"x {sign} {constants(number)}")
    condition = " && ".join(inside) or "1"
    argument = f"({condition}) ? x : {anchor}"
    lines.append(f"    {{ double y = {argument};")
    if branch.origin is not None:
        end = branch.hi if branch.origin == "hi" else branch.lo
        high = constants(end)
        low = constants(end - sp.Rational(float(sp.N(end, 40))))
        distance = f"({high} - y) + {low}" if branch.origin == "hi" else f"(y - {high}) - {low}"
        lines.append(f"      y = {distance};")
    code = _Printer(constants, numbers, overflow=False)(branch.expr).replace("x", "\0")
    code = _text(code.replace("e\0p", "exp")).replace("\0", "y")
    lines.append(f"      double v = {code};")
    lines.append(f"      r = ({condition}) ? v : r; }}")
    return "\n".join(lines)


def _function(d: FDivergence, order: int, name: str, constants: _Constants) -> str:
    from theory.numeric import table

    t = table(d, order)
    body = [f"INLINE double {name}(double x, const double *k) {{", "    (void)k;"]
    body.append(f"    double r = {_number(t.below)};")
    body += [_branch(b, constants, set(d.numbers)) for b in t.branches]
    first, last = t.branches[0], t.branches[-1]
    if abs(last.hi) != sp.oo:
        body.append(f"    r = x > {constants(last.hi)} ? {_number(t.above)} : r;")
    if order == 0 and first.lo == 0:  # the expression may be undefined there, the limit is not
        body.append(f"    r = x <= 0.0 ? {_number(first.at_lo)} : r;")
    body += ["    return r;", "}"]
    return "\n".join(body)


def _number(value: Any) -> str:
    number = float(value)
    if number in (float("inf"), float("-inf")):
        return "INFINITY" if number > 0 else "-INFINITY"
    return repr(number)


def c_source(d: FDivergence, first: int) -> tuple[str, list[float]]:
    """C functions `f_value`, `f_slope`, `f_density`, `f_response`; the numbers they read from `k[first..]`.

    They call k_exp, k_log and so on, the operations of `theory.printing`, which the caller's text defines.

    Raises `InputError` for an f whose conjugate has no closed form.
    """
    constants = _Constants(d.numbers, first)
    names = ((0, "f_value"), (1, "f_slope"), (3, "f_density"), (4, "f_response"))
    parts = [_function(d, order, name, constants) for order, name in names]
    return "\n".join(parts) + "\n", constants.values
