"""T5's c-transforms of concave quadratic losses `<a, s> - h ||s||_2^2/2`, h > 0, in s = y - x.

A radial cost in the 2-norm leaves one variable; costs in the 1- and the sup-norm are solved by water-filling:
sort |a_k|, the m largest entries are active, and one linear equation gives the level. Every maximiser is held
against the optimality conditions of the concave problem in exact arithmetic.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import product
from typing import Any

import sympy as sp

from theory.checks import claims, identities
from theory.costs import Cost, stationary
from theory.derivation import Finding
from theory.evidence import Grade, Outcome

__all__ = ["QUADRATIC"]

_Z, _A, _L, _MU, _R, _TAU, _D, _H = sp.symbols("z A L mu r tau delta h", positive=True)
_E = sp.Symbol("e", positive=True)
_S, _M = sp.symbols("S m", positive=True)  # sum and number of the active |a_k|

Vector = Sequence[Fraction]


_LOSS = _A * _Z - _H * _Z**2 / 2


def _norm_2() -> Finding:
    best = (_A - _MU * _L) / _H
    return stationary(_LOSS - _MU * _L * _Z, best, (_A - _MU * _L) ** 2 / (2 * _H), over=_MU * _L)


def _square_2() -> Finding:
    bend = _H + 2 * _MU * _L
    return stationary(_LOSS - _MU * _L * _Z**2, _A / bend, _A**2 / (2 * bend))


def _cube_2() -> Finding:
    root = sp.sqrt(_H**2 + 12 * _MU * _L * _A)
    objective = _LOSS - _MU * _L * _Z**3
    best = (root - _H) / (6 * _MU * _L)
    gradient = _E * (2 * _H + _E) / (12 * _MU * _L)  # every A > 0, through root = h + e
    return stationary(objective, best, sp.expand(objective.subs(_Z, best)), gradient=gradient)


def _three_halves_2() -> Finding:
    """q = 3/2: a quadratic in the root of z."""
    k = 3 * _MU * _L / 2
    w = sp.Symbol("w", positive=True)  # the root of z
    condition = (_A - _H * w**2 - k * w).subs(w, (sp.sqrt(k**2 + 4 * _A * _H) - k) / (2 * _H))
    slope = sp.diff(_LOSS - _MU * _L * _Z ** sp.Rational(3, 2), _Z)
    found = identities((slope.subs(_Z, w**2), _A - _H * w**2 - k * w), (sp.expand(condition), 0))
    if found.outcome is not Outcome.HOLDS:
        return found
    # every A > 0 is e (2 k + e)/(4 h), and the root of z is a multiple of
    root = sp.sqrt(sp.factor((k**2 + 4 * _A * _H).subs(_A, _E * (2 * k + _E) / (4 * _H)))) - k
    bend = sp.factor(sp.diff(slope, _Z))
    return claims({"A - h z - k sqrt(z) = 0": root.is_positive, "concave for every z": bend.is_negative})


def _ball_2() -> Finding:
    inner = stationary(_LOSS, _A / _H, _A**2 / (2 * _H))
    if inner.outcome is not Outcome.HOLDS:
        return inner
    at_end = sp.diff(_LOSS, _Z).subs({_Z: _R, _A: _H * _R + _E})  # r < A/h: still rising at r
    return claims({inner.detail: True, "r < A/h: rises up to r": at_end.expand().is_positive})


def _soft() -> Finding:
    objective = _LOSS - _MU * (_Z - _R) ** 2 / (2 * _TAU)
    best = (_A + _MU * _R / _TAU) / (_H + _MU / _TAU)
    value = (_A + _MU * _R / _TAU) ** 2 / (2 * (_H + _MU / _TAU)) - _MU * _R**2 / (2 * _TAU)
    outside = stationary(objective, best, value, gradient=_H * _R + _E, start=_R)
    if outside.outcome is not Outcome.HOLDS:
        return outside
    free = stationary(_LOSS, _A / _H, _A**2 / (2 * _H))  # A <= h r: within the free radius
    return claims({outside.detail: True, "A <= h r: the loss alone": free.outcome is Outcome.HOLDS})


def _ellipsoid() -> Finding:
    """General H, cost L ||s||_2^2, in the plane: s = (H + 2 mu L)^(-1) a."""
    a = sp.Matrix(sp.symbols("a_1 a_2", real=True))
    u, v, w = sp.symbols("u v w", real=True)
    bend = sp.Matrix([[u, v], [v, w]]) + 2 * _MU * _L * sp.eye(2)
    s = bend.inv() * a
    value = (a.T * s - (s.T * bend * s) / 2)[0]
    zero = bend * s - a
    return identities(*((e, 0) for e in zero), (value, (a.T * bend.inv() * a)[0] / 2))


# -- water-filling: 1-norm and sup-norm ---------------------------------------------------------------------


def _level(a: Vector, level: Callable[[Fraction, int], Fraction]) -> Fraction:
    """The level of the largest active set that keeps all its members above it."""
    ordered = sorted((abs(v) for v in a), reverse=True)
    for m in range(len(a), 0, -1):
        theta = max(level(sum(ordered[:m], Fraction(0)), m), Fraction(0))
        if ordered[m - 1] > theta:
            return theta
    return ordered[0]


def _shrunk(a: Vector, theta: Fraction, h: Fraction) -> list[Fraction]:
    return [(1 if v > 0 else -1) * max(abs(v) - theta, Fraction(0)) / h for v in a]


def _clipped(a: Vector, z: Fraction, h: Fraction) -> list[Fraction]:
    return [max(min(v / h, z), -z) for v in a]


_INSTANCES: tuple[tuple[Fraction, ...], ...] = tuple(
    tuple(Fraction(n, 6) for n in numbers)
    for numbers in ((7, -3, 2), (1, 1, -1), (-9, 4, 4), (5, 0, 0), (2, -2, 8), (1, 30, -20))
)
_H0, _PRICE, _RADIUS = Fraction(3, 2), Fraction(1, 3), Fraction(2, 5)  # h, mu L and r of the instances


def _on_instances(
    maximiser: Callable[[Vector], list[Fraction]],
    cost: Callable[[Vector], Fraction | None],
    value: Callable[[Vector, list[Fraction]], Fraction],
    what: str,
) -> Finding:
    """The maximiser reaches the closed value and no neighbour (27 directions, four lengths) passes it.

    The problems are concave, so a local maximum is a maximum; `cost` None: not admissible.
    """
    for a in _INSTANCES:
        s = maximiser(a)

        def gain(move: Vector, a: Vector = a) -> Fraction | None:
            paid = cost(move)
            if paid is None:
                return None
            return sum((v * x - _H0 * x * x / 2 for v, x in zip(a, move, strict=True)), -paid)

        top = gain(s)
        if top is None or top != value(a, s):
            return claims({f"{what}: the closed value for a = {[str(v) for v in a]}": False}, Grade.SAMPLED)
        for direction in product((-1, 0, 1), repeat=3):
            for k in (1, 4, 16, 64):
                other = gain([x + Fraction(e, 10 * k) for x, e in zip(s, direction, strict=True)])
                if other is not None and other > top:
                    return claims({f"{what}: passed for a = {[str(v) for v in a]}": False}, Grade.SAMPLED)
    return claims({f"{what}: {len(_INSTANCES)} exact instances, 108 neighbours each": True}, Grade.SAMPLED)


def _plain_value(a: Vector, s: list[Fraction]) -> Fraction:
    return sum((v * x - _H0 * x * x / 2 for v, x in zip(a, s, strict=True)), Fraction(0))


def _norm_1() -> Finding:
    def value(a: Vector, _: list[Fraction]) -> Fraction:
        return sum((max(abs(v) - _PRICE, Fraction(0)) ** 2 for v in a), Fraction(0)) / (2 * _H0)

    return _on_instances(
        lambda a: _shrunk(a, _PRICE, _H0),
        lambda s: _PRICE * sum((abs(x) for x in s), Fraction(0)),
        value,
        "soft threshold",
    )


def _square_1() -> Finding:
    level = 2 * _MU * _L * _S / (_H + 2 * _MU * _L * _M)
    found = identities((2 * _MU * _L * (_S - _M * level) / _H, level))
    if found.outcome is not Outcome.HOLDS:
        return found

    def theta(a: Vector) -> Fraction:
        return _level(a, lambda total, m: 2 * _PRICE * total / (_H0 + 2 * _PRICE * m))

    def value(a: Vector, _: list[Fraction]) -> Fraction:
        t = theta(a)
        active = sum((v * v - t * t for v in a if abs(v) > t), Fraction(0))
        return active / (2 * _H0) - t * t / (4 * _PRICE)

    return _on_instances(
        lambda a: _shrunk(a, theta(a), _H0),
        lambda s: _PRICE * sum((abs(x) for x in s), Fraction(0)) ** 2,
        value,
        "water-filling",
    )


def _ball_1() -> Finding:
    level = (_S - _H * _R) / _M
    found = identities(((_S - _M * level) / _H, _R))
    if found.outcome is not Outcome.HOLDS:
        return found

    def theta(a: Vector) -> Fraction:
        return _level(a, lambda total, m: (total - _H0 * _RADIUS) / m)

    def value(a: Vector, _: list[Fraction]) -> Fraction:
        t = theta(a)
        return sum((v * v - t * t for v in a if abs(v) > t), Fraction(0)) / (2 * _H0)

    def cost(s: Vector) -> Fraction | None:
        return Fraction(0) if sum((abs(x) for x in s), Fraction(0)) <= _RADIUS else None

    return _on_instances(lambda a: _shrunk(a, theta(a), _H0), cost, value, "projection by sorting")


def _ball_sup() -> Finding:
    def cost(s: Vector) -> Fraction | None:
        return Fraction(0) if max(abs(x) for x in s) <= _RADIUS else None

    def value(a: Vector, _: list[Fraction]) -> Fraction:
        return sum(
            (
                v * v / (2 * _H0) if abs(v) <= _H0 * _RADIUS else _RADIUS * abs(v) - _H0 * _RADIUS**2 / 2
                for v in a
            ),
            Fraction(0),
        )

    return _on_instances(lambda a: _clipped(a, _RADIUS, _H0), cost, value, "clipping")


def _sup(power: int, level: Callable[[Fraction, int], Fraction], what: str) -> Finding:
    """L ||s||_inf^power: z = theta/h with sum (|a_k| - theta)_+ equal to the price of z."""

    def z(a: Vector) -> Fraction:
        return _level(a, level) / _H0

    def cost(s: Vector) -> Fraction:
        return _PRICE * max(abs(x) for x in s) ** power

    def maximiser(a: Vector) -> list[Fraction]:
        return _clipped(a, z(a), _H0)

    def value(a: Vector, s: list[Fraction]) -> Fraction:
        return _plain_value(a, s) - _PRICE * z(a) ** power

    return _on_instances(maximiser, cost, value, what)


def _norm_sup() -> Finding:
    found = identities((_S - _M * (_S - _MU * _L) / _M, _MU * _L))
    if found.outcome is not Outcome.HOLDS:
        return found
    return _sup(1, lambda total, m: (total - _PRICE) / m, "water-filling")


def _square_sup() -> Finding:
    z = _S / (_H * _M + 2 * _MU * _L)
    found = identities((_S - _M * _H * z, 2 * _MU * _L * z))
    if found.outcome is not Outcome.HOLDS:
        return found
    return _sup(2, lambda total, m: _H0 * total / (_H0 * m + 2 * _PRICE), "water-filling")


def _flips() -> Finding:
    """On bits s^2 = s: brute force over all one-way flips of three coordinates."""
    x = (0, 1, 0)
    for a in _INSTANCES:
        moves = [
            m
            for m in product((0, 1), repeat=3)
            if all(not (flip and bit) for flip, bit in zip(m, x, strict=True))
        ]
        best = max(
            sum((w - _H0 / 2 - _PRICE) * flip for w, flip in zip(a, move, strict=True)) for move in moves
        )
        closed = sum(
            (max(w - _H0 / 2 - _PRICE, Fraction(0)) for w, bit in zip(a, x, strict=True) if not bit),
            Fraction(0),
        )
        if best != closed:
            return claims({"flips": False}, Grade.SAMPLED)
    return claims({"closed form = maximum over all one-way flips (exact)": True}, Grade.SAMPLED)


def _no_closed_form() -> Finding:
    """Barrier and q = 4 lead to irreducible cubics in z, the trust region (2-norm ball, general H, plane) to
    an irreducible quartic in its multiplier.
    """
    barrier = sp.expand((_A - _H * _Z) * (1 - _Z / _D) ** 2 - _MU * _L)
    fourth = _A - _H * _Z - 4 * _MU * _L * _Z**3
    m, u, v, p, q = sp.symbols("m u v p q")
    secular = sp.expand(p**2 * (v + m) ** 2 + q**2 * (u + m) ** 2 - _R**2 * (u + m) ** 2 * (v + m) ** 2)
    return claims(
        {
            "barrier: irreducible of degree 3": _irreducible(barrier * _D**2, _Z, 3),
            "q = 4: irreducible of degree 3": _irreducible(fourth, _Z, 3),
            "trust region: irreducible of degree 4": _irreducible(secular, m, 4),
        }
    )


def _irreducible(expression: Any, variable: Any, degree: int) -> bool:
    """As a polynomial in all its symbols over the rationals; by Gauss then also over the fractions of the
    others.
    """
    others = sorted(expression.free_symbols - {variable}, key=str)
    polynomial = sp.Poly(sp.expand(expression), variable, *others)
    factors = [f for f, _ in polynomial.factor_list()[1] if f.degree(variable) > 0]
    return len(factors) == 1 and factors[0].degree(variable) == degree


_ISO = r"\varphi = \langle a, s \rangle - \tfrac{h}{2} \|s\|_2^2"
QUADRATIC = (
    Cost(
        "2-norm, concave quadratic loss",
        rf"c = L\|s\|_2, \quad {_ISO}",
        r"(\|a\|_2 - \mu L)_+^2/(2h)",
        _norm_2,
    ),
    Cost(
        "squared 2-norm, concave quadratic loss",
        rf"c = L\|s\|_2^2, \quad {_ISO}",
        r"\|a\|_2^2/(2(h + 2\mu L))",
        _square_2,
    ),
    Cost(
        "cubed 2-norm, concave quadratic loss",
        rf"c = L\|s\|_2^3, \quad {_ISO}",
        r"\|a\|_2 z - \tfrac{h}{2} z^2 - \mu L z^3"
        r" \text{ at } z = (\sqrt{h^2 + 12\mu L\|a\|_2} - h)/(6\mu L)",
        _cube_2,
    ),
    Cost(
        "2-norm to the power 3/2, concave quadratic loss",
        rf"c = L\|s\|_2^{{3/2}}, \quad {_ISO}",
        r"\|a\|_2 z - \tfrac{h}{2} z^2 - \mu L z^{3/2}"
        r" \text{ at } \sqrt z = (\sqrt{k^2 + 4h\|a\|_2} - k)/(2h),"
        r" \ k = \tfrac{3}{2} \mu L",
        _three_halves_2,
    ),
    Cost(
        "hard 2-norm ball, concave quadratic loss",
        rf"\|s\|_2 \le r, \quad {_ISO}",
        r"\|a\|_2 z - \tfrac{h}{2} z^2 \text{ at } z = \min(\|a\|_2/h, r)",
        _ball_2,
    ),
    Cost(
        "squared 2-norm, general concave quadratic loss",
        r"c = L\|s\|_2^2, \quad \varphi = \langle a, s \rangle - \tfrac{1}{2} s^\top H s",
        r"\tfrac{1}{2} a^\top (H + 2\mu L I)^{-1} a",
        _ellipsoid,
    ),
    Cost(
        "1-norm, concave quadratic loss",
        rf"c = L\|s\|_1, \quad {_ISO}",
        r"\sum_k (|a_k| - \mu L)_+^2/(2h)",
        _norm_1,
        Grade.SAMPLED,
    ),
    Cost(
        "squared 1-norm, concave quadratic loss",
        rf"c = L\|s\|_1^2, \quad {_ISO}",
        r"\sum_{|a_k| > \theta} \frac{a_k^2 - \theta^2}{2h} - \frac{\theta^2}{4\mu L} \text{ at } \theta ="
        r" \frac{2\mu L \sum_{k \le m} |a|_{(k)}}{h + 2\mu L m}",
        _square_1,
        Grade.SAMPLED,
    ),
    Cost(
        "hard 1-norm ball, concave quadratic loss",
        rf"\|s\|_1 \le r, \quad {_ISO}",
        r"\sum_{|a_k| > \theta} \frac{a_k^2 - \theta^2}{2h} \text{ at } \theta ="
        r" (\tfrac{1}{m} ( \sum_{k \le m} |a|_{(k)} - h r ))_+",
        _ball_1,
        Grade.SAMPLED,
    ),
    Cost(
        "hard sup-norm ball, concave quadratic loss",
        rf"\|s\|_\infty \le r, \quad {_ISO}",
        r"\sum_k |a_k| z_k - \tfrac{h}{2} z_k^2 \text{ at } z_k = \min(|a_k|/h, r)",
        _ball_sup,
        Grade.SAMPLED,
    ),
    Cost(
        "sup-norm, concave quadratic loss",
        rf"c = L\|s\|_\infty, \quad {_ISO}",
        r"\sum_k (|a_k| z_k - \tfrac{h}{2} z_k^2) - \mu L z, \ z_k = \min(|a_k|/h, z), \ z = (\tfrac{1}{hm}"
        r" ( \sum_{k \le m} |a|_{(k)} - \mu L ))_+",
        _norm_sup,
        Grade.SAMPLED,
    ),
    Cost(
        "squared sup-norm, concave quadratic loss",
        rf"c = L\|s\|_\infty^2, \quad {_ISO}",
        r"\sum_k (|a_k| z_k - \tfrac{h}{2} z_k^2) - \mu L z^2, \ z_k = \min(|a_k|/h, z), \ z ="
        r" \frac{\sum_{k \le m} |a|_{(k)}}{hm + 2\mu L}",
        _square_sup,
        Grade.SAMPLED,
    ),
    Cost(
        "soft ball, concave quadratic loss",
        r"c = \tfrac{1}{2\tau} \sum_k (|s_k| - r)_+^2, \quad \varphi = \sum_k a_k s_k - \tfrac{h}{2} s_k^2,"
        r" \text{ one coordinate with } |a_k| > h r",
        r"\frac{(|a_k| + \mu r/\tau)^2}{2(h + \mu/\tau)} - \frac{\mu r^2}{2\tau},"
        r" \text{ and } a_k^2/(2h) \text{ where } |a_k| \le h r",
        _soft,
    ),
    Cost(
        "one-way binary features, concave quadratic loss",
        rf"c = L \cdot \#\{{0 \to 1\}}, \quad {_ISO}",
        r"\sum_{k: x_k = 0} (a_k - \tfrac{h}{2} - \mu L)_+",
        _flips,
        Grade.SAMPLED,
    ),
    Cost(
        "where a concave quadratic loss has no closed form",
        r"\text{the barrier, powers } q \notin \{1, \tfrac{3}{2}, 2, 3\} \text{ of the 2-norm (roots of "
        r"irreducible}"
        r" \text{ polynomials of degree} \ge 3); \ \text{a 2-norm ball with general } H \text{ (secular "
        r"equation)};"
        r" \ \text{1- and sup-norm with general } H \text{ (a choice among } 2^d \text{ active sets)}",
        r"\text{not in closed form}",
        _no_closed_form,
    ),
)
