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
_E = sp.Symbol("e", positive=True)
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


def stationary(
    objective: Any,
    best: Any,
    value: Any,
    *,
    inside: Any = _Z,
    gradient: Any = _A,
    over: Any = None,
    start: Any = 0,
    end: Any = None,
) -> Finding:
    """`value` is the largest value of `objective` over z from `start` on (to `end`), reached at `best`.

    `best` solves the first-order condition and lies inside, and the second derivative is negative for every
    z: `inside` runs through the z, `gradient` through the A, for which this is claimed, as expressions in
    positive symbols. With `over` that is A > `over`, and otherwise the slope at z = 0, which is A - `over`,
    is not positive, so that by concavity z = 0 with value 0 is best: the form (.)_+.
    """
    first = sp.diff(objective, _Z)
    found = identities((first.subs(_Z, best), 0), (objective.subs(_Z, best), value))
    if found.outcome is not Outcome.HOLDS:
        return found
    gradient = gradient if over is None else over * (1 + _E) ** 2
    bend = sp.factor(sp.together(sp.diff(first, _Z).subs(_Z, inside)))
    room = [best - start] if end is None else [best - start, end - best]
    facts = {
        "first-order condition and value reduce to 0": True,
        "concave for every z": bend.is_negative,
        "the maximiser is admissible": all(
            sp.factor(sp.together(e.subs(_A, gradient)), deep=True).is_positive for e in room
        ),
    }
    if over is not None:
        zero = identities((first.subs(_Z, 0), _A - over), (objective.subs(_Z, 0), 0))
        facts[f"and falls from 0 at z = 0 where A <= {over}"] = zero.outcome is Outcome.HOLDS
    return claims(facts)


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
    """Per coordinate sup_z A z - mu (z - r)^2/(2 tau) over z >= r, z = r + tau A/mu; below r it rises."""
    objective = _A * _Z - _MU * (_Z - _R) ** 2 / (2 * _TAU)
    return stationary(objective, _R + _TAU * _A / _MU, _R * _A + _TAU * _A**2 / (2 * _MU), start=_R)


def _barrier() -> Finding:
    """sup_z A z - mu L z/(1 - z/delta) on [0, delta): z = delta (1 - sqrt(mu L/A)) when A > mu L."""
    objective = _A * _Z - _MU * _L * _Z / (1 - _Z / _D)
    best = _D * (1 - sp.sqrt(_MU * _L / _A))
    value = _D * (sp.sqrt(_A) - sp.sqrt(_MU * _L)) ** 2
    return stationary(objective, best, value, inside=_D * _E / (1 + _E), over=_MU * _L, end=_D)


def _flips() -> Finding:
    """One coordinate with x = 0 flips iff a - mu L > 0; brute force over all subsets of four coordinates."""
    a = [sp.Rational(n, 4) for n in (7, -3, 2, 5)]
    x, price = [0, 0, 1, 0], sp.Rational(3, 4)
    allowed = (y for y in product((0, 1), repeat=4) if all(v >= u for u, v in zip(x, y, strict=True)))
    best = max(sum((w - price) * (v - u) for w, u, v in zip(a, x, y, strict=True)) for y in allowed)
    closed = sum(max(w - price, 0) for w, u in zip(a, x, strict=True) if u == 0)
    return claims({"closed form = maximum over all one-way flips (exact)": best == closed}, Grade.SAMPLED)


def _ball() -> Finding:
    """c takes the values 0 and oo only, so mu c = c for mu > 0, and 0 * oo = oo keeps this at mu = 0+;
    s = r u with ||u|| <= 1 gains r <a, u>, whose supremum over u is the definition of ||a||_*.
    """
    a, u = sp.symbols("a_k u_k", real=True)
    found = identities((_MU * 0, 0), (a * (_R * u), _R * (a * u)))
    if found.outcome is not Outcome.HOLDS:
        return found
    names = {"mu * 0 = 0, mu * oo = oo": _MU * sp.oo == sp.oo, "<a, r u> = r <a, u>": True}
    return claims(names)


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
    """sup <a, s> over ||s|| <= z is z ||a||_*, in any dimension: a bound on each a_k s_k that sums to it,
    and a direction that attains it.
    """
    a, s = sp.symbols("a s", positive=True)  # |a_k| and |s_k|
    rest = sp.Symbol("u", nonnegative=True)
    # the larger of the |a_k| (of the |s_k|) bounds the other factor; both signs of a_k s_k
    larger = all(((a + rest) * s - e * a * s).expand().is_nonnegative for e in (-1, 1))
    attained = all(e * a * (e * _Z) == a * _Z for e in (-1, 1))
    # the arithmetic mean with weight w = z/||a||_2: a_k s_k <= (w a_k^2 + s_k^2/w)/2
    x, y, w = sp.Symbol("x", real=True), sp.Symbol("y", real=True), sp.Symbol("w", positive=True)
    found = identities(
        ((w * x**2 + y**2 / w) / 2 - x * y, (w * x - y) ** 2 / (2 * w)),
        (((w * _A**2 + _Z**2 / w) / 2).subs(w, _Z / _A), _Z * _A),  # with sum a_k^2 = A^2, sum s_k^2 <= z^2
        (_A**2 * (_Z / _A), _Z * _A),  # s = z a/||a||_2
    )
    if found.outcome is not Outcome.HOLDS:
        return found
    return claims(
        {
            "a_k s_k <= max |a_k| |s_k| and <= |a_k| max |s_k|, summed": larger,
            "attained at the signs": attained,
            "2-norm: w a_k^2 + s_k^2/w - 2 a_k s_k is a square, summed, and attained along a": True,
        }
    )


COSTS = (
    Cost(
        "1-, 2- and sup-norm: the best direction",
        r"\varphi = \langle a, \cdot \rangle, \ \|y-x\|_p \le z, \ p \in \{1, 2, \infty\}",
        r"z\|a\|_*, \quad \|\cdot\|_* = \|\cdot\|_\infty, \|\cdot\|_2, \|\cdot\|_1, \text{ along }"
        r" \mathrm{sign}(a_k) e_k \ (|a_k| \text{ largest}), \ a, \ \mathrm{sign}(a)",
        _direction,
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
        r"\sum_k a_k s_k - \frac{\mu}{2\tau} (|s_k| - r)_+^2, \ s_k = \mathrm{clip}(\mathrm{sign}(a_k)"
        r"(r + \tau|a_k|/\mu), -x_k, 1-x_k)",
        _soft_box,
        Grade.SAMPLED,
    ),
)
