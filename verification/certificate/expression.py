"""A user's `f` for the checker: a restricted parser, values and slopes in ball arithmetic, `f*` by tangents.

The certificate carries the text of `f` with `f(0)`, `f'(inf)` and the domain. That `f` is convex with these
limits is an assumption, which the verdict repeats; from convexity alone, tangents on both sides of the
maximiser bound `f*`.
"""

import ast
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache

from flint import arb, fmpq

__all__ = ["USER_FIELDS", "evaluate", "tangent_conjugate", "user_parts"]

USER_FIELDS = frozenset({"f", "at_zero", "recession", "domain"})
Dual = tuple[arb, arb]  # value and derivative in t
Literals = Mapping[ast.AST, Fraction | None]
_SPAN = 200  # densities are searched in [2^-200, 2^200], where 1 + t still differs from 1
_DEPTH = 60
_NEAR = fmpq(1, 2**24)  # how far tangents lie from a guess of the maximiser


def _chain(value: arb, slope: arb, inner: arb) -> Dual:
    return value, slope * inner


def _absolute(x: Dual) -> Dual:
    if x[0] > 0:
        return x
    if x[0] < 0:
        return -x[0], -x[1]
    bound = x[1].abs_upper()
    return abs(x[0]), arb(0, bound)  # at a kink, every slope between the two sides


def _larger(x: Dual, y: Dual) -> Dual:
    d = _absolute((x[0] - y[0], x[1] - y[1]))
    return (x[0] + y[0] + d[0]) / 2, (x[1] + y[1] + d[1]) / 2


def _smaller(x: Dual, y: Dual) -> Dual:
    d = _larger((-x[0], -x[1]), (-y[0], -y[1]))
    return -d[0], -d[1]


_FUNCTIONS: dict[str, Callable[[Dual], Dual]] = {
    "exp": lambda x: _chain(x[0].exp(), x[0].exp(), x[1]),
    "log": lambda x: _chain(x[0].log(), 1 / x[0], x[1]),
    "ln": lambda x: _chain(x[0].log(), 1 / x[0], x[1]),
    "sqrt": lambda x: _chain(x[0].sqrt(), 1 / (2 * x[0].sqrt()), x[1]),
    "abs": _absolute,
    "Abs": _absolute,
    "sinh": lambda x: _chain(x[0].sinh(), x[0].cosh(), x[1]),
    "cosh": lambda x: _chain(x[0].cosh(), x[0].sinh(), x[1]),
    "tanh": lambda x: _chain(x[0].tanh(), 1 - x[0].tanh() ** 2, x[1]),
    "atan": lambda x: _chain(x[0].atan(), 1 / (1 + x[0] ** 2), x[1]),
    "asinh": lambda x: _chain(x[0].asinh(), 1 / (1 + x[0] ** 2).sqrt(), x[1]),
}
_FOLDS: dict[str, Callable[[Dual, Dual], Dual]] = {
    "max": _larger, "Max": _larger, "min": _smaller, "Min": _smaller,
}  # fmt: skip


def _power(base: Dual, exponent: Dual, literal: Fraction | None) -> Dual:
    if literal is not None and literal.denominator == 1 and abs(literal) <= 10**6:
        k = int(literal)
        return base[0] ** k, k * base[0] ** (k - 1) * base[1]
    value = base[0] ** exponent[0]
    return value, value * (exponent[1] * base[0].log() + exponent[0] * base[1] / base[0])


def _literal(node: ast.AST, text: str) -> Fraction | None:
    """The exact rational that a subtree without t spells, None when it is none."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        literal = (ast.get_source_segment(text, node) or repr(node.value)).replace("_", "")
        if len(literal.lower().partition("e")[2]) > 4:
            raise ValueError(f"the number {literal} is out of range")
        return Fraction(literal)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _literal(node.operand, text)
        return None if inner is None else -inner
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        left, right = _literal(node.left, text), _literal(node.right, text)
        return None if left is None or right is None or right == 0 else left / right
    return None


def _dual(node: ast.AST, literals: Literals, t: fmpq, depth: int = 0) -> Dual:
    if depth > _DEPTH:
        raise ValueError("f is nested too deeply")
    literal = literals[node]
    if literal is not None:
        return arb(fmpq(literal.numerator, literal.denominator)), arb(0)

    def of(child: ast.AST) -> Dual:
        return _dual(child, literals, t, depth + 1)

    match node:
        case ast.Name(id="t"):
            return arb(t), arb(1)
        case ast.Name(id="pi"):
            return arb.pi(), arb(0)
        case ast.Name(id="E" | "e"):
            return arb(1).exp(), arb(0)
        case ast.Name(id="oo" | "inf"):
            return arb.pos_inf(), arb(0)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            x = of(inner)
            return -x[0], -x[1]
        case ast.UnaryOp(op=ast.UAdd(), operand=inner):
            return of(inner)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(of(left), of(right), literals[right])
        case ast.BinOp(left=left, op=op, right=right):
            return _arithmetic(op, of(left), of(right))
        case ast.Call(func=ast.Name(id="Piecewise"), args=arms):
            return _piecewise(arms, of)
        case ast.Call(func=ast.Name(id=name), args=[inner]) if name in _FUNCTIONS:
            return _FUNCTIONS[name](of(inner))
        case ast.Call(func=ast.Name(id=name), args=[first, *rest]) if name in _FOLDS:
            value = of(first)
            for other in rest:
                value = _FOLDS[name](value, of(other))
            return value
    raise ValueError(f"f holds something unknown: {ast.unparse(node)!r}")


def _arithmetic(op: ast.operator, x: Dual, y: Dual) -> Dual:
    match op:
        case ast.Add():
            return x[0] + y[0], x[1] + y[1]
        case ast.Sub():
            return x[0] - y[0], x[1] - y[1]
        case ast.Mult():
            return x[0] * y[0], x[0] * y[1] + x[1] * y[0]
        case ast.Div():
            return x[0] / y[0], (x[1] * y[0] - x[0] * y[1]) / (y[0] * y[0])
    raise ValueError("f holds an unknown operation")


def _piecewise(arms: list[ast.expr], of: Callable[[ast.AST], Dual]) -> Dual:
    for arm in arms:
        if not isinstance(arm, ast.Tuple) or len(arm.elts) != 2:
            raise ValueError("Piecewise takes pairs")
        if _holds(arm.elts[1], of):
            return of(arm.elts[0])
    return arb.pos_inf(), arb(0)


def _holds(condition: ast.AST, of: Callable[[ast.AST], Dual]) -> bool:
    match condition:
        case ast.Constant(value=True):
            return True
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            x, y = of(left)[0], of(right)[0]
            match op:
                case ast.Lt() | ast.LtE():
                    return bool(x < y) or (isinstance(op, ast.LtE) and bool(x == y))
                case ast.Gt() | ast.GtE():
                    return bool(x > y) or (isinstance(op, ast.GtE) and bool(x == y))
    raise ValueError("Piecewise takes conditions such as t < 1")


@lru_cache(maxsize=16)
def _parsed(text: str) -> tuple[ast.expr, Literals]:
    """The tree of an expression and the exact rationals that its parts spell."""
    if len(text) > 2000:
        raise ValueError("f is too long")
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, RecursionError, MemoryError):
        raise ValueError("f is not an expression") from None
    try:
        return tree, {node: _literal(node, text) for node in ast.walk(tree)}
    except RecursionError:
        raise ValueError("f is nested too deeply") from None


def evaluate(text: str, t: fmpq = fmpq(1)) -> Dual:  # noqa: B008
    """Balls around the expression and its derivative at an exact `t`.

    Raises:
        ValueError: the text is longer than 2000 characters or holds anything beyond the restricted language.
    """
    tree, literals = _parsed(text.strip())
    try:
        return _dual(tree, literals, t)
    except RecursionError:
        raise ValueError("f is nested too deeply") from None


def _point(k: int, low: fmpq, high: fmpq | None) -> fmpq:
    """Densities from 1 towards the ends of the domain: `k < 0` towards `low`, `k > 0` towards `high`."""
    if k < 0:
        return low + (1 - low) * fmpq(1, 2**-k)
    return fmpq(2**k) if high is None else high - (high - 1) * fmpq(1, 2**k)


def tangent_conjugate(
    f: Callable[[fmpq], Dual], y: fmpq | None, low: fmpq, high: fmpq | None, near: fmpq | None = None
) -> arb:
    """An upper bound of `f*(y) = sup {t y - f(t) : low <= t <= high}` from two tangents of a convex `f`.

    `y = None` stands for -inf: the bound is then -inf for `low > 0` and one of `-f(0)` otherwise. `near` is a
    guess of the maximiser, from anywhere: tangents a relative `2^-24` off it serve if their slopes hold `y`.
    """
    if y is not None and near is not None:
        left, right = near * (1 - _NEAR), near * (1 + _NEAR)
        if low < left and (high is None or right < high):
            a, b = f(left), f(right)
            if a[1] <= arb(y) and b[1] >= arb(y):
                return _meeting(y, (left, *a), (right, *b))
    steps = [0, 1, 2, 4, 8, 16, 32, 64, 128, _SPAN]
    if y is None and low > 0:
        return -arb.pos_inf()
    left = None if y is None else _first(f, [_point(-k, low, high) for k in steps], y, above=False)
    if left is None:  # the supremum is at the lower end, if the last slope is above y
        last = _point(-_SPAN, low, high)
        value, slope = f(last)
        if y is not None and not slope >= arb(y):
            return arb.pos_inf()
        return arb((y or fmpq(0)) * low) - value - slope * arb(low - last)
    assert y is not None
    right = _first(f, [_point(k, low, high) for k in steps], y, above=True)
    if right is None:
        last = _point(_SPAN, low, high)
        value, slope = f(last)
        if high is None or not slope <= arb(y):
            return arb.pos_inf()
        return arb(y * high) - value - slope * arb(high - last)
    left, right = _narrowed(f, y, left, right)
    return _meeting(y, (left, *f(left)), (right, *f(right)))


def _meeting(y: fmpq, at_left: tuple[fmpq, arb, arb], at_right: tuple[fmpq, arb, arb]) -> arb:
    """The largest value of `t y` minus the larger of two tangents, whose slopes hold `y` between them.

    Args:
        at_left, at_right: point, value and slope of each tangent.
    """
    (left, a, da), (right, b, db) = at_left, at_right
    # t y minus the larger tangent is largest where the two meet; `rise`, `fall` >= 0 are its slopes.
    rise, fall = arb(y) - da, db - arb(y)
    low, high = arb(y * left) - a, arb(y * right) - b
    width = arb(right - left)
    if rise + fall > 0:
        return (fall * low + rise * high + rise * fall * width) / (rise + fall)
    return (low + rise.abs_upper() * width).max(high)


def _first(f: Callable[[fmpq], Dual], points: list[fmpq], y: fmpq, *, above: bool) -> fmpq | None:
    """The first point whose slope is surely at least `y` (`above`) or at most `y`."""
    for t in points:
        slope = f(t)[1]
        if slope >= arb(y) if above else slope <= arb(y):
            return t
    return None


def _narrowed(f: Callable[[fmpq], Dual], y: fmpq, left: fmpq, right: fmpq) -> tuple[fmpq, fmpq]:
    """The bracket of the maximiser narrowed to a relative width of about 2^-100."""
    for _ in range(300):
        if right - left <= right * fmpq(1, 2**100):
            break
        ratio = right / left
        size = int(ratio.p).bit_length() - int(ratio.q).bit_length()
        # By exponents while far apart; the odd share keeps off a kink at a round number.
        middle = left * 2 ** (size // 2) if size > 3 else (left * 4 + right * 3) / 7
        for share in (0, 5, 11):  # a slope that is undecided against y, or a kink: try next to it
            t = middle + (right - middle) * fmpq(share, 64)
            t = fmpq((t * 2**600).floor(), 2**600)
            slope = f(t)[1]
            if slope <= arb(y):
                left = t
                break
            if slope >= arb(y):
                right = t
                break
        else:
            break
    return left, right


def user_parts(spec: Mapping[str, object]) -> tuple[Callable[[fmpq], Dual], arb, arb, fmpq, fmpq | None]:
    """`(f, f(0), f'(inf), low, high)` of a user's divergence as its certificate states them.

    Raises:
        ValueError: a field is missing, the expression is unknown, or `f(1) = 0` is not so.
    """
    text, domain = spec.get("f"), spec.get("domain")
    if (
        set(spec) != USER_FIELDS
        or not isinstance(text, str)
        or not isinstance(domain, list)
        or len(domain) != 2
    ):
        raise ValueError("a user's divergence needs f, at_zero, recession and domain")

    def f(t: fmpq) -> Dual:
        return evaluate(text, t)

    one = f(fmpq(1))[0]
    if not (one.contains(0) and bool(one.abs_upper() < arb(2) ** -100)):
        raise ValueError("f(1) is not 0")
    at_zero, recession = evaluate(str(spec["at_zero"]))[0], evaluate(str(spec["recession"]))[0]
    low, high = (None if v is None else Fraction(str(v)) for v in domain)
    if low is None or not 0 <= low <= 1 or (high is not None and high < 1):
        raise ValueError("the domain of f does not hold 1")
    if low == 0:  # convexity puts f(0) above every tangent; a smaller one would prove bounds that are false
        near = fmpq(1, 2**_SPAN)
        value, slope = f(near)
        tangent = value - slope * arb(near)
        if not at_zero + arb(2) ** -100 * (1 + abs(tangent)) >= tangent:
            raise ValueError("f(0) is below a tangent of f")
        if not at_zero.is_finite() and f(fmpq(0))[0].is_finite():
            raise ValueError(f"f(0) is finite, but stated as {spec['at_zero']}")
        if at_zero.is_finite():
            at_zero = at_zero.union(tangent) if not at_zero >= tangent else at_zero
    upper = None if high is None else fmpq(high.numerator, high.denominator)
    if upper is None and f(fmpq(2**_SPAN))[1] > recession:
        raise ValueError("f'(inf) is below a slope of f")
    return f, at_zero, recession, fmpq(low.numerator, low.denominator), upper
