"""T5's transport costs as data, with c-transforms of linear and concave quadratic losses.

Radial costs see a linear loss `<a, .>` only through `A = ||a||_*` (the dual norm), since the best direction
aligns with a; separable costs decouple over coordinates. With a pixel box `0 <= x + s <= 1` a separable
concave problem is solved by clipping its unconstrained maximiser, coordinate by coordinate.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy as sp

from theory.checks import claims, identities
from theory.derivation import Finding
from theory.evidence import Grade, Outcome

__all__ = ["COSTS", "Cost"]

_Z, _A, _L, _MU, _R, _TAU, _D, _H = sp.symbols("z A L mu r tau delta h", positive=True)
_Q = 1 + sp.Symbol("k", positive=True)  # exponent q > 1


@dataclass(frozen=True)
class Cost:
    """A cost: name, LaTeX, its c-transform of a linear loss minus the loss itself, and a check that derives
    it.
    """

    name: str
    formula: str
    gain: str
    check: Callable[[], Finding]


def _stationary(objective: Any, best: Any, value: Any) -> Finding:
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
    return _stationary(objective, best, value)


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
    return _stationary(objective, _R + _TAU * _A / _MU, _R * _A + _TAU * _A**2 / (2 * _MU))


def _barrier() -> Finding:
    """sup_z A z - mu L z/(1 - z/delta) on [0, delta): z = delta (1 - sqrt(mu L/A)) when A > mu L."""
    objective = _A * _Z - _MU * _L * _Z / (1 - _Z / _D)
    best = _D * (1 - sp.sqrt(_MU * _L / _A))
    return _stationary(objective, best, _D * (sp.sqrt(_A) - sp.sqrt(_MU * _L)) ** 2)


def _flips() -> Finding:
    """One coordinate with x = 0 flips iff a - mu L > 0; brute force over all subsets of four coordinates."""
    from itertools import product

    a = [sp.Rational(n, 4) for n in (7, -3, 2, 5)]
    x, price = [0, 0, 1, 0], sp.Rational(3, 4)
    allowed = (y for y in product((0, 1), repeat=4) if all(v >= u for u, v in zip(x, y, strict=True)))
    best = max(sum((w - price) * (v - u) for w, u, v in zip(a, x, y, strict=True)) for y in allowed)
    closed = sum(max(w - price, 0) for w, u in zip(a, x, strict=True) if u == 0)
    return claims({"closed form = maximum over all one-way flips (exact)": best == closed}, Grade.SAMPLED)


def _ball() -> Finding:
    """c takes the values 0 and oo only, so mu c = c for mu > 0; and 0 * oo = oo keeps this at mu = 0+."""
    return claims({"mu * 0 = 0": _MU * 0 == 0, "mu * oo = oo": _MU * sp.oo == sp.oo})


def _quadratic_power() -> Finding:
    """Concave quadratic loss A z - h z^2/2 under cost L z^2."""
    objective = _A * _Z - _H * _Z**2 / 2 - _MU * _L * _Z**2
    return _stationary(objective, _A / (_H + 2 * _MU * _L), _A**2 / (2 * (_H + 2 * _MU * _L)))


def _quadratic_soft() -> Finding:
    """Concave quadratic loss under the soft ball, maximiser beyond r."""
    objective = _A * _Z - _H * _Z**2 / 2 - _MU * (_Z - _R) ** 2 / (2 * _TAU)
    best = (_A + _MU * _R / _TAU) / (_H + _MU / _TAU)
    value = (_A + _MU * _R / _TAU) ** 2 / (2 * (_H + _MU / _TAU)) - _MU * _R**2 / (2 * _TAU)
    return _stationary(objective, best, value)


def _quadratic_ball() -> Finding:
    """Concave quadratic loss on |z| <= r: the clipped maximiser A/h."""
    objective = _A * _Z - _H * _Z**2 / 2
    inner = _stationary(objective, _A / _H, _A**2 / (2 * _H))
    if inner.outcome is not Outcome.HOLDS:
        return inner
    return identities((objective.subs(_Z, _R), _A * _R - _H * _R**2 / 2))


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


COSTS = (
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
    ),
    Cost(
        "squared distance, concave quadratic loss",
        r"c = L z^2, \quad \varphi = a z - h z^2/2",
        r"a^2/(2(h + 2\mu L))",
        _quadratic_power,
    ),
    Cost(
        "soft ball, concave quadratic loss",
        r"c = (z - r)_+^2/(2\tau), \quad \varphi = a z - h z^2/2, \quad a > h r",
        r"\frac{(a + \mu r/\tau)^2}{2(h + \mu/\tau)} - \frac{\mu r^2}{2\tau}",
        _quadratic_soft,
    ),
    Cost(
        "hard ball, concave quadratic loss",
        r"|z| \le r, \quad \varphi = a z - h z^2/2",
        r"a s - h s^2/2 \text{ at } s = \min(a/h, r)",
        _quadratic_ball,
    ),
    Cost(
        "hard ball in the pixel box",
        r"\|y-x\|_\infty \le r, \ 0 \le y \le 1",
        r"\sum_k a_k s_k, \ s_k = \mathrm{clip}(r\, \mathrm{sign}\, a_k, -x_k, 1-x_k)",
        _ball_box,
    ),
    Cost(
        "squared distance in the pixel box",
        r"c = L\|y-x\|_2^2, \ 0 \le y \le 1",
        r"\sum_k a_k s_k - \mu L s_k^2, \ s_k = \mathrm{clip}(a_k/(2\mu L), -x_k, 1-x_k)",
        _square_box,
    ),
    Cost(
        "soft ball in the pixel box",
        r"c = \frac{1}{2\tau} \sum_k (|y_k-x_k| - r)_+^2, \ 0 \le y \le 1",
        r"s_k = \mathrm{clip}(\mathrm{sign}(a_k)(r + \tau|a_k|/\mu), -x_k, 1-x_k)",
        _soft_box,
    ),
)
