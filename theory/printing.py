"""Prints a SymPy expression as Python source over a small set of operations that every backend supplies.

Rewrites on the way what floating point would lose: `e^u - 1` becomes `expm1(u)`, `log(1 + u)` becomes
`log1p(u)`, `W(e^z)` becomes `omega(z)` (the Wright omega function, which neither over- nor underflows).
"""

from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp

from theory.errors import InputError

__all__ = ["Printer", "compiled"]

_UNARY = {
    sp.exp: "exp",
    sp.log: "log",
    sp.sin: "sin",
    sp.cos: "cos",
    sp.tanh: "tanh",
    sp.sinh: "sinh",
    sp.cosh: "cosh",
    sp.atan: "atan",
    sp.asinh: "asinh",
    sp.Abs: "abs",
}


class Printer:
    """Prints expressions in one symbol as source in `x`; `constant` prints what holds no other symbol
    than those of `numbers`."""

    def __init__(self, constant: Callable[[Any], str], numbers: set[Any], *, overflow: bool) -> None:
        self._constant = constant
        self._numbers = numbers
        self._overflow = overflow  # whether `**` raises on overflow, as Python's own floats do

    def __call__(self, e: Any) -> str:
        if e.is_Integer:
            return f"({int(e)})"
        if not e.free_symbols - self._numbers:
            return self._constant(e)
        if e.is_Symbol:
            return "x"
        if e.is_Add:
            return self._add(e)
        if e.is_Mul:
            return self._product(e)
        if isinstance(e, sp.log):
            return self._log(e.args[0])
        if isinstance(e, sp.LambertW):
            return self._omega(e.args[0])
        if e.is_Pow and not isinstance(e, sp.exp):
            return self._pow(e.base, e.exp)
        name = _UNARY.get(e.func)
        if name is None:
            raise InputError(f"{e.func.__name__} has no numeric form here")
        return f"m.{name}({self(e.args[0])})"

    def _sum(self, terms: list[Any]) -> str:
        return "(" + " + ".join(self(term) for term in terms) + ")"

    def _product(self, e: Any) -> str:
        """A product; powers with one symbolic exponent share one base, since apart they over- and
        underflow.
        """
        factors: list[Any] = []
        joint: dict[Any, Any] = {}
        for factor in e.args:
            base, exponent = factor.as_base_exp()
            if factor.is_Pow and exponent.free_symbols and exponent.free_symbols <= self._numbers:
                joint[exponent] = joint.get(exponent, sp.Integer(1)) * base
            else:
                factors.append(factor)
        powers = [f"m.pow({self(base)}, {self(exponent)})" for exponent, base in joint.items()]
        return "(" + " * ".join([*map(self, factors), *powers]) + ")"

    def _add(self, e: Any) -> str:
        """A sum; a constant -c next to c e^u, or to c x^a, goes into c expm1(u), c (x^a - 1)."""
        constant, rest = e.as_coeff_Add()
        terms = list(sp.Add.make_args(rest))
        if constant == 0:
            return self._sum(terms)
        for index, term in enumerate(terms):
            factor, core = term.as_coeff_Mul()
            if (
                core.is_Pow
                and not core.exp.is_Integer
                and not core.base.is_number
                and factor == -constant
                and core.exp.free_symbols <= self._numbers
            ):
                others = [*terms[:index], *terms[index + 1 :]]
                printed = f"{self(factor)} * m.power_minus_1({self(core.base)}, {self(core.exp)})"
                return f"({printed} + {self._sum(others)})" if others else f"({printed})"
            if isinstance(core, sp.exp) and factor * constant < 0:
                others = [*terms[:index], *terms[index + 1 :]]
                if constant + factor != 0:
                    others.append(constant + factor)
                printed = f"{self(factor)} * m.expm1({self(core.exp)})"
                return f"({printed} + {self._sum(others)})" if others else f"({printed})"
        return self._sum([constant, *terms])

    def _log(self, argument: Any) -> str:
        """log; near 1 through log1p."""
        argument = sp.expand(argument) if argument.is_Mul else argument
        if argument.is_Add:
            constant, rest = argument.as_coeff_Add()
            exps = [a for a in sp.Add.make_args(rest) if isinstance(a.as_coeff_Mul()[1], sp.exp)]
            cancels = any(constant + a.as_coeff_Mul()[0] == 0 for a in exps)  # the sum's own expm1 does it
            if constant.is_Rational and sp.Rational(1, 4) < constant <= 4 and not cancels:
                return f"m.log1p({self(argument - 1)})"
        return f"m.log({self(argument)})"

    def _omega(self, argument: Any) -> str:
        factor, core = argument.as_coeff_Mul()
        if isinstance(core, sp.exp) and factor.is_positive:
            return f"m.omega({self(core.exp + sp.log(factor))})"
        return f"m.omega(m.log({self(argument)}))"

    def _pow(self, base: Any, exponent: Any) -> str:
        if exponent.is_Rational and exponent.q == 2 and abs(exponent.p) == 1:
            root = f"m.sqrt({self(base)})"
            return root if exponent.p == 1 else f"m.reciprocal({root})"
        if exponent.is_Integer:
            n = int(exponent)
            power = self(base)
            if abs(n) > 1:
                power = f"m.integer_power({power}, {abs(n)})" if self._overflow else f"{power}**{abs(n)}"
            return f"m.reciprocal({power})" if n < 0 else f"({power})"
        return f"m.pow({self(base)}, {self(exponent)})"


def compiled(
    expression: Any, operations: Any, numbers: Mapping[Any, Any] | None = None
) -> Callable[[Any], Any]:
    """A function of one argument that evaluates `expression` (in its single free symbol) with `operations`.

    `numbers` gives the values of parameters.

    `operations.static` says whether constants may be folded to doubles; else `operations.const(expr)`
    gives them at the precision in force at the time of the call. Raises `InputError` when parameters
    have no numbers.
    """
    expression = sp.sympify(expression)
    values = dict(numbers or {})
    if len(expression.free_symbols - set(values)) > 1:
        symbols = ", ".join(sorted(str(s) for s in expression.free_symbols))
        raise InputError(f"numbers are needed for the parameters of {expression} (symbols: {symbols})")
    constants: list[Any] = []

    def constant(number: Any) -> str:
        number = number.subs(values)
        if operations.static:
            return f"({float(sp.N(number, 40))!r})"
        constants.append(number)
        return f"m.const(c[{len(constants) - 1}])"

    code = Printer(constant, set(values), overflow=hasattr(operations, "integer_power"))(expression)
    # Source printed by ourselves from SymPy nodes of the kinds above; a user's text never gets here. It
    # imports nothing, but torch does, in the frame that calls it.
    known = {"m": operations, "c": constants, "__builtins__": {"__import__": __import__}}
    return eval(f"lambda x: {code}", known)  # type: ignore[no-any-return]
