"""The functions of a divergence as source text, from the same branches as the NumPy and torch ones.

One printer, two dialects: C for `armor/native/solver.c`, Triton for kernels on a device. Both call k_exp,
k_log and so on, the operations of `theory.printing`, which the caller's text defines.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sympy as sp

from theory.errors import InputError
from theory.fdivergence import FDivergence
from theory.pieces import interior_point
from theory.printing import Printer

if TYPE_CHECKING:
    from theory.numeric import Branch

__all__ = ["FUNCTIONS", "c_source", "triton_source"]

FUNCTIONS = {"f_value": 0, "f_slope": 1, "f_density": 3, "f_response": 4}  # and their places in `table`


@dataclass(frozen=True)
class _Dialect:
    """How a language says it.

    head: a function's first lines, its result r set to {start}.  choose: {yes} or {no}, as {cond} says.
    both: between two conditions.  names: operations that are not called k_*, None for what is missing.
    """

    head: str
    choose: str
    both: str
    infinity: str
    number: str
    line: str
    last: str
    names: Mapping[str, str | None] = field(default_factory=dict)

    def text(self, code: str) -> str:
        """What `theory.printing` printed, its operations under the names of this language."""
        return re.sub(r"\bm\.(\w+)", lambda found: self._operation(found[1]), code)

    def _operation(self, name: str) -> str:
        own = self.names.get(name, f"k_{name}")
        if own is None:
            raise InputError(f"{name} has no kernel")
        return own


_C = _Dialect(
    head="INLINE double {name}(double at, const double *k) {{\n    (void)k;\n    double x, r = {start};",
    choose="{cond} ? {yes} : {no}",
    both=" && ",
    infinity="INFINITY",
    number="k[{}]",
    line="    {} = {};",
    last="    (void)x;\n    return r;\n}",
    names={name: name for name in ("sin", "cos", "tanh", "sinh", "cosh", "atan", "asinh")} | {"abs": "fabs"},
)

_TRITON = _Dialect(
    head="def {name}(at, k):\n    r = tl.full(at.shape, {start}, tl.float64)",
    choose="tl.where({cond}, {yes}, {no})",
    both=" & ",
    infinity='float("inf")',
    number="tl.load(k + {})",
    line="    {} = {}",
    last="    return r\n",
    names={"sin": None, "cos": None, "atan": None},
)


class _Printer(Printer):
    """Integer powers as products: neither language has an operator for them."""

    def _pow(self, base: Any, exponent: Any) -> str:
        if not exponent.is_Integer:
            return super()._pow(base, exponent)
        power = self._power(self(base), abs(int(exponent)))
        return f"m.reciprocal({power})" if exponent < 0 else power

    def _power(self, printed: str, n: int) -> str:
        if n == 1:
            return printed
        square = f"m.square({self._power(printed, n // 2)})"
        return f"({printed} * {square})" if n % 2 else square


class _Constants:
    """Numbers are arguments, not text: one source serves every value of a parameter."""

    def __init__(self, numbers: Any, first: int, place: str) -> None:
        self._numbers, self._first, self._place = dict(numbers), first, place
        self.values: list[float] = []

    def __call__(self, number: Any) -> str:
        value = float(sp.N(number.subs(self._numbers), 40))
        if value not in self.values:  # equal numbers share a place, so that the compiler sees common terms
            self.values.append(value)
        return self._place.format(self._first + self.values.index(value))


class _Writer:
    """Prints one divergence's functions in one dialect."""

    def __init__(self, d: FDivergence, first: int, dialect: _Dialect) -> None:
        self._d, self._dialect = d, dialect
        self.constants = _Constants(d.numbers, first, dialect.number)

    def _set(self, name: str, value: str) -> str:
        return self._dialect.line.format(name, value)

    def _choose(self, cond: str, yes: str, no: str) -> str:
        return self._dialect.choose.format(cond=cond, yes=yes, no=no)

    def _number(self, value: Any) -> str:
        number = float(value)
        if abs(number) == float("inf"):
            return ("-" if number < 0 else "") + self._dialect.infinity
        return "0.0" if number == 0 else self.constants(sp.sympify(value))

    def _branch(self, branch: "Branch") -> list[str]:
        if branch.expr is None:
            raise InputError("no closed form")
        constants = self.constants
        inside = [
            f"(at {sign} {constants(number)})"
            for number, sign in ((branch.lo, ">="), (branch.hi, "<="))
            if abs(number) != sp.oo
        ]
        cond = self._dialect.both.join(inside)
        anchor = constants(interior_point(branch.lo, branch.hi))
        lines = [self._set("x", self._choose(cond, "at", anchor) if cond else "at")]
        if branch.origin is not None:
            end = branch.hi if branch.origin == "hi" else branch.lo
            high = constants(end)
            low = constants(end - sp.Rational(float(sp.N(end, 40))))
            lines.append(
                self._set("x", f"({high} - x) + {low}" if branch.origin == "hi" else f"(x - {high}) - {low}")
            )
        code = _Printer(constants, set(self._d.numbers), overflow=False)(branch.expr)
        code = self._dialect.text(code)
        lines.append(self._set("r", self._choose(cond, code, "r") if cond else code))
        return lines

    def function(self, name: str) -> str:
        """The text of one function."""
        from theory.numeric import table

        order = FUNCTIONS[name]
        t = table(self._d, order)
        lines = [self._dialect.head.format(name=name, start=self._number(t.below))]
        for branch in t.branches:
            lines += self._branch(branch)
        first, last = t.branches[0], t.branches[-1]
        if abs(last.hi) != sp.oo:
            beyond = f"at > {self.constants(last.hi)}"
            lines.append(self._set("r", self._choose(beyond, self._number(t.above), "r")))
        if order == 0 and first.lo == 0:  # the expression may be undefined there, the limit is not
            lines.append(self._set("r", self._choose("at <= 0.0", self._number(first.at_lo), "r")))
        return "\n".join([*lines, self._dialect.last])


def c_source(d: FDivergence, first: int) -> tuple[str, list[float]]:
    """C functions `FUNCTIONS` of (x, k), and the numbers that they read from `k[first..]`.

    Raises `InputError` for an f whose conjugate has no closed form.
    """
    writer = _Writer(d, first, _C)
    return "\n".join(map(writer.function, FUNCTIONS)) + "\n", writer.constants.values


def triton_source(d: FDivergence, first: int) -> tuple[dict[str, str], list[float]]:
    """`c_source` in Triton, each function's text by its name: of float64 scalars or tiles, k a pointer.

    Raises `InputError` also for an operation without a kernel.
    """
    writer = _Writer(d, first, _TRITON)
    return {name: writer.function(name) for name in FUNCTIONS}, writer.constants.values
