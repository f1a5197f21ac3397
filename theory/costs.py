"""T5's transport costs as data, with c-transforms of linear losses (`theory.quadratic`: of concave quadratic
ones).

Radial costs see a linear loss `<a, .>` only through `A = ||a||_*` (the dual norm), since the best direction
aligns with a; separable costs decouple over coordinates. With a pixel box `0 <= x + s <= 1` a separable
concave problem is solved by clipping its unconstrained maximiser, coordinate by coordinate.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import sympy as sp

from theory.checks import claims, identities
from theory.derivation import Finding
from theory.evidence import Grade, Outcome

__all__ = ["COSTS", "Cost", "stationary"]

_Z, _A, _L, _MU, _R, _TAU, _D = sp.symbols("z A L mu r tau delta", positive=True)
_Q = 1 + sp.Symbol("k", positive=True)  # exponent q > 1


@dataclass(frozen=True)
class Cost:
    """A cost: name, LaTeX, its c-transform of a loss minus the loss itself, and a check that derives it, with
    the grade that it claims.
    """

    name: str
    formula: str
    gain: str
    check: Callable[[], Finding]
    grade: Grade = Grade.PROVED


def stationary(objective: Any, best: Any, value: Any) -> Finding:
    """The maximiser solves the first-order condition, the objective is concave there, and has this value."""
    first = sp.diff(objective, _Z)
    found = identities((first.subs(_Z, best), 0), (objective.subs(_Z, best), value))
    if found.outcome is not Outcome.HOLDS:
        return found
    bend = sp.factor(sp.together(sp.diff(first, _Z)))
    numbers = {s: sp.Rational(3, 2) for s in bend.free_symbols - {_Z, _D}} | {_Z: sp.Rational(1, 3), _D: 2}
    return claims({"first-order condition and value reduce to 0": True, "concave": bend.subs(numbers) < 0})


def _power() -> Finding:
    """sup_z A z - mu L z^q, with the maximiser (A/(q mu L))^(1/(q-1))."""
    objective = _A * _Z - _MU * _L * _Z**_Q
    best = (_A / (_Q * _MU * _L)) ** (1 / (_Q - 1))
    value = (_Q - 1) * (_MU * _L) ** (-1 / (_Q - 1)) * (_A / _Q) ** (_Q / (_Q - 1))
    return stationary(objective, best, value)


def _linear() -> Finding:
    """q = 1: z (A - mu L) is 0 or unbounded as A <= mu L or not."""
    excess = sp.Symbol("e", positive=True)
    objective = _A * _Z - _MU * _L * _Z
    below = sp.limit(objective.subs(_A, _MU * _L + excess), _Z, sp.oo)
    above = objective.subs(_A, _MU * _L - excess)
    return claims(
        {"unbounded when A > mu L": below == sp.oo, "at most 0 otherwise": above.expand().is_negative}
    )


def _soft() -> Finding:
    """Per coordinate sup_z A z - mu (z - r)^2/(2 tau) over z >= r, with z = r + tau A/mu."""
    objective = _A * _Z - _MU * (_Z - _R) ** 2 / (2 * _TAU)
    return stationary(objective, _R + _TAU * _A / _MU, _R * _A + _TAU * _A**2 / (2 * _MU))


def _barrier() -> Finding:
    """sup_z A z - mu L z/(1 - z/delta) on [0, delta): z = delta (1 - sqrt(mu L/A)) when A > mu L."""
    objective = _A * _Z - _MU * _L * _Z / (1 - _Z / _D)
    best = _D * (1 - sp.sqrt(_MU * _L / _A))
    return stationary(objective, best, _D * (sp.sqrt(_A) - sp.sqrt(_MU * _L)) ** 2)


def _flips() -> Finding:
    """One coordinate with x = 0 flips iff a - mu L > 0; brute force over all subsets of four coordinates."""
    a = [sp.Rational(n, 4) for n in (7, -3, 2, 5)]
    x, price = [0, 0, 1, 0], sp.Rational(3, 4)
    allowed = (y for y in product((0, 1), repeat=4) if all(v >= u for u, v in zip(x, y, strict=True)))
    best = max(sum((w - price) * (v - u) for w, u, v in zip(a, x, y, strict=True)) for y in allowed)
    closed = sum(max(w - price, 0) for w, u in zip(a, x, strict=True) if u == 0)
    return claims({"closed form = maximum over all one-way flips (exact)": best == closed}, Grade.SAMPLED)


def _ball() -> Finding:
    """c takes the values 0 and oo only, so mu c = c for mu > 0; and 0 * oo = oo keeps this at mu = 0+."""
    return claims({"mu * 0 = 0": _MU * 0 == 0, "mu * oo = oo": _MU * sp.oo == sp.oo})


def _box(gain: Callable[[Any, Any], Any], best: Callable[[Any], Any], what: str) -> Finding:
    """Clipping the maximiser to the box gives the maximum over a fine rational grid of the box (exact)."""
    for a in (sp.Rational(n, 3) for n in (-7, -1, 0, 2, 8)):
        for x in (sp.Rational(0), sp.Rational(1, 20), sp.Rational(1, 2), sp.Rational(19, 20), sp.Rational(1)):
            clipped = min(max(best(a), -x), 1 - x)
            value = gain(a, clipped)
            grid = (gain(a, sp.Rational(k, 40) - x) for k in range(41))
            if any(v > value for v in grid):
                return claims({f"{what}: a = {a}, x = {x}": False}, Grade.SAMPLED)
    return claims({f"{what}: 25 cases against 41 grid points each (exact)": True}, Grade.SAMPLED)


_THIRD = sp.Rational(1, 3)


def _soft_box() -> Finding:
    def gain(a: Any, s: Any) -> Any:
        return a * s - max(abs(s) - _THIRD, 0) ** 2 * 5

    return _box(gain, lambda a: sp.sign(a) * (_THIRD + abs(a) / 10), "soft ball in the box")


def _square_box() -> Finding:
    return _box(lambda a, s: a * s - 2 * s**2, lambda a: a / 4, "squared distance in the box")


def _ball_box() -> Finding:
    def gain(a: Any, s: Any) -> Any:
        return a * s if abs(s) <= _THIRD else -sp.oo

    return _box(gain, lambda a: sp.sign(a) * _THIRD, "hard ball in the box")


def _direction() -> Finding:
    """sup <a, s> over ||s|| <= z is z ||a||_*: Lagrange's identity for the 2-norm; for the other two the
    extreme points of the ball, on exact instances.
    """
    a, s = sp.symbols("a_1:4", real=True), sp.symbols("s_1:4", real=True)
    inner = sum(u * v for u, v in zip(a, s, strict=True))
    minors = sum((a[i] * s[j] - a[j] * s[i]) ** 2 for i in range(3) for j in range(i))
    found = identities((sum(u**2 for u in a) * sum(v**2 for v in s) - inner**2, minors))
    if found.outcome is not Outcome.HOLDS:
        return found
    for numbers in ((7, -3, 2), (0, 0, -5), (1, 1, -1)):
        vertices = [tuple(e * (i == k) for i in range(3)) for k in range(3) for e in (-1, 1)]
        best = max(sum(u * v for u, v in zip(numbers, x, strict=True)) for x in vertices)
        signs = max(sum(u * v for u, v in zip(numbers, x, strict=True)) for x in product((-1, 1), repeat=3))
        if best != max(map(abs, numbers)) or signs != sum(map(abs, numbers)):
            return claims({"dual norms": False}, Grade.SAMPLED)
    return claims(
        {"2-norm by Lagrange's identity; 1- and sup-norm on the extreme points": True}, Grade.SAMPLED
    )


COSTS = (
    Cost(
        "1-, 2- and sup-norm: the best direction",
        r"\varphi = \langle a, \cdot \rangle, \ \|y-x\|_p \le z, \ p \in \{1, 2, \infty\}",
        r"z\|a\|_*, \quad \|\cdot\|_* = \|\cdot\|_\infty, \|\cdot\|_2, \|\cdot\|_1, \text{ along }"
        r" \mathrm{sign}(a_k) e_k \ (|a_k| \text{ largest}), \ a, \ \mathrm{sign}(a)",
        _direction,
        Grade.SAMPLED,
    ),
    Cost(
        "hard ball",
        r"c = 0 \text{ if } \|y-x\| \le r, \ \infty \text{ else}",
        r"r \|a\|_*, \text{ free of } \mu",
        _ball,
    ),
    Cost(
        "power of a norm, q > 1",
        r"c = L\|y-x\|^q",
        r"(q-1)(\mu L)^{-1/(q-1)} (\|a\|_*/q)^{q/(q-1)}",
        _power,
    ),
    Cost("norm, q = 1", r"c = L\|y-x\|", r"0 \text{ if } \|a\|_* \le \mu L, \ \infty \text{ else}", _linear),
    Cost(
        "soft ball (UDR)",
        r"c = \frac{1}{2\tau} \sum_k (|y_k-x_k| - r)_+^2",
        r"r\|a\|_1 + \tau\|a\|_2^2/(2\mu)",
        _soft,
    ),
    Cost(
        "barrier",
        r"c = L g_\delta(\|y-x\|), \ g_\delta(z) = z/(1 - z/\delta)",
        r"\delta (\sqrt{\|a\|_*} - \sqrt{\mu L})_+^2",
        _barrier,
    ),
    Cost(
        "one-way binary features",
        r"c = L \cdot \#\{0 \to 1\}, \ \infty \text{ if any } 1 \to 0",
        r"\sum_{k: x_k = 0} (a_k - \mu L)_+",
        _flips,
        Grade.SAMPLED,
    ),
    Cost(
        "hard ball in the pixel box",
        r"\|y-x\|_\infty \le r, \ 0 \le y \le 1",
        r"\sum_k a_k s_k, \ s_k = \mathrm{clip}(r\, \mathrm{sign}\, a_k, -x_k, 1-x_k)",
        _ball_box,
        Grade.SAMPLED,
    ),
    Cost(
        "squared distance in the pixel box",
        r"c = L\|y-x\|_2^2, \ 0 \le y \le 1",
        r"\sum_k a_k s_k - \mu L s_k^2, \ s_k = \mathrm{clip}(a_k/(2\mu L), -x_k, 1-x_k)",
        _square_box,
        Grade.SAMPLED,
    ),
    Cost(
        "soft ball in the pixel box",
        r"c = \frac{1}{2\tau} \sum_k (|y_k-x_k| - r)_+^2, \ 0 \le y \le 1",
        r"s_k = \mathrm{clip}(\mathrm{sign}(a_k)(r + \tau|a_k|/\mu), -x_k, 1-x_k)",
        _soft_box,
        Grade.SAMPLED,
    ),
)
