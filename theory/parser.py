"""A user's text to a SymPy expression in t, through a whitelist: nothing of the text is ever evaluated as
code.

The text is read by Python's own parser into a syntax tree, and only the node kinds and names below are
translated.
"""

import ast
from collections.abc import Callable
from typing import Any

import sympy as sp
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanAtom, BooleanFunction

from theory.errors import InputError
from theory.symbols import t

__all__ = ["FUNCTIONS", "parse"]

_MAX_LENGTH = 2000
_MAX_DEPTH = 60
_MAX_DEGREE = 10_000  # polynomials beyond it are not factored in any reasonable time
_MAX_POWER_BITS = 4096  # of a power of numbers; 9**9**9 would fill the memory

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "exp": sp.exp, "log": sp.log, "ln": sp.log, "sqrt": sp.sqrt, "abs": sp.Abs, "Abs": sp.Abs,
    "max": sp.Max, "Max": sp.Max, "min": sp.Min, "Min": sp.Min, "sign": sp.sign,
    "sinh": sp.sinh, "cosh": sp.cosh, "tanh": sp.tanh, "atan": sp.atan, "asinh": sp.asinh,
}  # fmt: skip
_CONSTANTS = {"pi": sp.pi, "E": sp.E, "e": sp.E, "oo": sp.oo, "inf": sp.oo, "t": t}
_BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
}
_COMPARE: dict[type, Callable[[Any, Any], Any]] = {
    ast.Lt: sp.Lt, ast.LtE: sp.Le, ast.Gt: sp.Gt, ast.GtE: sp.Ge, ast.Eq: sp.Eq,
}  # fmt: skip


def _power(base: Any, exponent: Any) -> Any:
    if base.is_number and exponent.is_number and not (base.is_Integer and abs(base) < 2):
        size = sp.log(abs(sp.numer(base)) + sp.denom(base), 2) if base.is_Rational else sp.Integer(8)
        if abs(sp.N(exponent)) * sp.N(size) > _MAX_POWER_BITS:
            raise InputError(f"the power {base}**{exponent} is too large")
    if exponent.is_Integer and abs(exponent) > _MAX_DEGREE:
        raise InputError(f"the power {base}**{exponent} is too large: at most {_MAX_DEGREE}")
    return base**exponent


def _number(node: ast.Constant, text: str) -> Any:
    if node.value is True:
        return sp.true
    if isinstance(node.value, bool) or not isinstance(node.value, int | float):
        if isinstance(node.value, complex):
            raise InputError(
                f"f is complex-valued: {ast.get_source_segment(text, node)} is not a real number"
            )
        raise InputError(f"{node.value!r} is not a number")
    literal = (ast.get_source_segment(text, node) or repr(node.value)).replace("_", "")
    try:
        mantissa, _, exponent = literal.lower().partition("e")
        if exponent and abs(int(exponent)) > 300:
            raise InputError(f"the number {literal} is out of range")
        return sp.Rational(literal) if mantissa[:2] != "0x" else sp.Integer(node.value)
    except (TypeError, ValueError):
        return sp.Rational(repr(node.value))


def _call(node: ast.Call, text: str, depth: int) -> Any:
    if not isinstance(node.func, ast.Name) or node.keywords:
        raise InputError("only calls such as exp(...) or Piecewise((..., ...), ...) are understood")
    name = node.func.id
    if name == "Piecewise":
        branches = []
        for arm in node.args:
            if not isinstance(arm, ast.Tuple) or len(arm.elts) != 2:
                raise InputError("Piecewise takes pairs (expression, condition)")
            value, condition = (_translate(e, text, depth + 1) for e in arm.elts)
            if condition not in (True, False) and not isinstance(
                condition, Relational | BooleanFunction | BooleanAtom
            ):
                raise InputError(f"Piecewise takes conditions such as t < 1, not {condition}")
            branches.append((value, condition))
        return sp.Piecewise(*branches, (sp.oo, True))
    arguments = [_translate(a, text, depth + 1) for a in node.args]
    if name == "Eq" and len(arguments) == 2:
        return sp.Eq(*arguments)
    if name not in FUNCTIONS:
        raise InputError(f"unknown function {name!r} (known: {', '.join(sorted(FUNCTIONS))}, Piecewise)")
    if name.lower() not in ("max", "min") and len(arguments) != 1:
        raise InputError(f"{name} takes one argument, not {len(arguments)}")
    if not arguments:
        raise InputError(f"{name} needs arguments")
    return FUNCTIONS[name](*arguments)


def _name(name: str) -> Any:
    if name in _CONSTANTS:
        return _CONSTANTS[name]
    if name in ("I", "j"):
        raise InputError(f"f is complex-valued: it contains {name}")
    raise InputError(f"f must be a function of t alone, but it contains {name!r}")


def _translate(node: ast.AST, text: str, depth: int = 0) -> Any:
    if depth > _MAX_DEPTH:
        raise InputError(f"the expression is nested more than {_MAX_DEPTH} deep")
    if isinstance(node, ast.Constant):
        return _number(node, text)
    if isinstance(node, ast.Name):
        return _name(node.id)
    if isinstance(node, ast.Call):
        return _call(node, text, depth)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        value = _translate(node.operand, text, depth + 1)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp):
        left, right = (_translate(n, text, depth + 1) for n in (node.left, node.right))
        if isinstance(node.op, ast.Pow):
            return _power(left, right)
        if isinstance(node.op, ast.Div):
            if right == 0:
                raise InputError("the expression divides by zero")
            return left / right
        if isinstance(node.op, ast.BitXor):
            raise InputError("write powers as **, not ^")
        if type(node.op) in _BINARY:
            return _BINARY[type(node.op)](left, right)
    if isinstance(node, ast.BoolOp):
        parts = [_translate(n, text, depth + 1) for n in node.values]
        return sp.And(*parts) if isinstance(node.op, ast.And) else sp.Or(*parts)
    if isinstance(node, ast.Compare) and all(type(op) in _COMPARE for op in node.ops):
        sides = [_translate(n, text, depth + 1) for n in (node.left, *node.comparators)]
        pairs = zip(node.ops, sides, sides[1:], strict=False)
        return sp.And(*(_COMPARE[type(op)](a, b) for op, a, b in pairs))
    raise InputError(f"{ast.unparse(node)!r} is not part of a formula")


def parse(text: str) -> Any:
    """The expression in `theory.symbols.t` that `text` writes, such as "(sqrt(t) - 1)**2"; decimals become
    exact.

    Known names: t, pi, E, oo, the functions of `FUNCTIONS`, `Piecewise((expr, condition), ...)` (oo
    where no condition holds). Raises `InputError` for anything else.
    """
    text = text.strip()
    if not text or len(text) > _MAX_LENGTH:
        raise InputError(f"an expression has 1 to {_MAX_LENGTH} characters, this one has {len(text)}")
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise InputError(f"{text!r} is not a formula") from None
    try:
        expression = _translate(tree.body, text)
    except (TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{text!r} is not a formula in t") from None
    if not isinstance(expression, sp.Expr) or not expression.has(t):
        raise InputError(f"f must be a function of t, but {text!r} reads {expression}")
    if expression.has(sp.I):
        raise InputError(f"f is complex-valued: {text!r} reads {expression}")
    if expression.has(sp.zoo, sp.nan):
        raise InputError(f"f is not a function on t > 0: {text!r} reads {expression}")
    return expression
