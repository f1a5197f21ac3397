"""The divergences as the checker knows them: a table of its own, written in ball arithmetic.

It shares no code with the symbolic layer or the solvers, so an error there cannot hide here. Every member
gives `f(t)` and `f*(y)` for exact rationals, `f(0) = lim f(t), t -> 0`, the recession slope `f'(inf)` and
the closed domain `[a, b]` of `f` (`b = None` for infinity). Each result is a ball that holds the exact value.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from flint import arb, fmpq

from verification.certificate.expression import tangent_conjugate, user_parts

__all__ = ["PARAMETERS", "Formula", "assumption", "formula"]

_NUMBER = re.compile(
    r"[+-]?((\d{1,4000}(\.\d{0,4000})?|\.\d{1,4000})([eE][+-]?\d{1,3})?|\d{1,4000}/0*[1-9]\d{0,4000})",
    re.ASCII,
)
INF: arb = arb.pos_inf()
ZERO, ONE = fmpq(0), fmpq(1)

# name -> (parameter, condition in words) of the catalogue; None where there is no parameter.
PARAMETERS: dict[str, tuple[str, str] | None] = {
    "alpha": ("alpha", "a real number other than 0 and 1, of size 1e-6 to 1000"),
    "cvar": ("beta", "a number in (0, 1]"),
    "renyi": ("alpha", "a positive number other than 1"),
    "none": None,
}


@dataclass(frozen=True)
class Formula:
    """`D(eta||P)` and the dual functional `J`, with `Lambda^P[h] = inf_rho { rho + J(h - rho) }` (T3, T10).

    information: exact masses `p_i > 0`, `eta_i` and the singular mass -> ball around `D`.
    dual: exact `p_i > 0` and `y_i` (None for -inf) -> ball around `J`, +inf outside the domain.
    recession: ball around `f'(inf)`, +inf where no singular mass is allowed.
    domain: closed hull `[a, b]` of `{f < inf}` in the density, `b = None` for infinity.
    dual_near: of a user's `f`, `dual` from guesses of the maximising densities too (None: no guess), which
        save most of its work; whatever they are, the ball is above `J`.
    """

    information: Callable[[list[fmpq], list[fmpq], fmpq], arb]
    dual: Callable[[list[fmpq], list[fmpq | None]], arb]
    recession: arb
    domain: tuple[fmpq, fmpq | None]
    dual_near: Callable[[list[fmpq], list[fmpq | None], list[fmpq | None]], arb] | None = None


def _ball(x: fmpq) -> arb:
    return arb(x)


def _kl(y: fmpq) -> arb:
    return (_ball(y) - 1).exp()


def _reverse_kl(y: fmpq) -> arb:
    return -1 - (-_ball(y)).log() if y < 0 else INF


def _pearson(y: fmpq) -> arb:
    return _ball(y + y * y / 4) if y >= -2 else arb(-1)


def _neyman(y: fmpq) -> arb:
    return 2 - 2 * _ball(1 - y).sqrt() if y <= 1 else INF


def _tv(y: fmpq) -> arb:
    return _ball(max(y, fmpq(-1, 2))) if y <= fmpq(1, 2) else INF


def _hellinger(y: fmpq) -> arb:
    return _ball(y / (1 - y)) if y < 1 else INF


def _js(y: fmpq) -> arb:
    inside = 2 - (2 * _ball(y)).exp()
    return -inside.log() / 2 if inside > 0 else INF


def _triangular(y: fmpq) -> arb:
    if y > 1:
        return INF
    return 4 - 4 * _ball(1 - y).sqrt() - _ball(y) if y >= -3 else arb(-1)


def _jeffreys(y: fmpq) -> arb:
    t = 1 / (1 - _ball(y)).exp().lambertw()  # f'(t) = log t + 1 - 1/t = y
    return t * _ball(y) - (t - 1) * t.log()


def _log_times(t: fmpq) -> arb:
    return _ball(t) * _ball(t).log()


def _js_f(t: fmpq) -> arb:
    return (_log_times(t) - _ball(1 + t) * (_ball(1 + t) / 2).log()) / 2


def _half_log_2() -> arb:
    return arb(2).log() / 2


# name -> (f on t > 0, f*, f(0), f'(inf)); the constants are functions, evaluated in the caller's precision
_PLAIN: dict[
    str, tuple[Callable[[fmpq], arb], Callable[[fmpq], arb], Callable[[], arb], Callable[[], arb]]
] = {
    "kl": (_log_times, _kl, arb, lambda: INF),
    "reverse_kl": (lambda t: -_ball(t).log(), _reverse_kl, lambda: INF, arb),
    "pearson": (lambda t: _ball((t - 1) * (t - 1)), _pearson, lambda: arb(1), lambda: INF),
    "neyman": (lambda t: _ball((1 - t) * (1 - t) / t), _neyman, lambda: INF, lambda: arb(1)),
    "tv": (lambda t: _ball(abs(t - 1) / 2), _tv, lambda: arb(0.5), lambda: arb(0.5)),
    "hellinger": (lambda t: (_ball(t).sqrt() - 1) ** 2, _hellinger, lambda: arb(1), lambda: arb(1)),
    "js": (_js_f, _js, _half_log_2, _half_log_2),
    "triangular": (
        lambda t: _ball((t - 1) * (t - 1) / (t + 1)),
        _triangular,
        lambda: arb(1),
        lambda: arb(1),
    ),
    "jeffreys": (lambda t: _ball(t - 1) * _ball(t).log(), _jeffreys, lambda: INF, lambda: INF),
}

# A row of the table is all that a divergence without parameters needs.
PARAMETERS.update(dict.fromkeys(_PLAIN))


def _alpha(a: fmpq) -> tuple[Callable[[fmpq], arb], Callable[[fmpq], arb], arb, arb]:
    scale = 1 / (a * (a - 1))

    def f(t: fmpq) -> arb:
        return (_ball(t) ** _ball(a) - 1) * _ball(scale)

    def conjugate(y: fmpq) -> arb:
        if a > 1:
            power = (_ball(a - 1) * _ball(y)) ** _ball(a / (a - 1)) if y > 0 else arb(0)
        elif y < 0:
            power = (_ball(1 - a) * _ball(-y)) ** _ball(a / (a - 1))
        elif y == 0 and a < 0:
            power = arb(0)
        else:
            return INF
        return power / _ball(a) + _ball(scale)

    return f, conjugate, INF if a < 0 else -_ball(scale), INF if a > 1 else arb(0)


def _separable(
    f: Callable[[fmpq], arb],
    conjugate: Callable[[fmpq], arb],
    at_zero: arb,
    recession: arb,
    domain: tuple[fmpq, fmpq | None] = (ZERO, None),
) -> Formula:
    def density(t: fmpq) -> arb:
        if t == 1:
            return arb(0)
        if t < domain[0] or (domain[1] is not None and t > domain[1]):
            return INF
        return at_zero if t == 0 else f(t)

    def information(p: list[fmpq], eta: list[fmpq], singular: fmpq) -> arb:
        total = sum((_ball(w) * density(e / w) for w, e in zip(p, eta, strict=True)), arb(0))
        return total + recession * _ball(singular) if singular > 0 else total

    def dual(p: list[fmpq], y: list[fmpq | None]) -> arb:
        at = [-at_zero if v is None else conjugate(v) for v in y]
        return sum((_ball(w) * v for w, v in zip(p, at, strict=True)), arb(0))

    return Formula(information, dual, recession, domain)


def _renyi(a: fmpq) -> Formula:
    scale, power = _ball(a * (a - 1)), _ball((a - 1) / a)

    def information(p: list[fmpq], eta: list[fmpq], _: fmpq) -> arb:
        if all(w == e for w, e in zip(p, eta, strict=True)):
            return arb(0)
        if a > 1 and any(e == 0 for e in eta):
            return INF
        terms = (
            _ball(w) ** _ball(a) * _ball(e) ** _ball(1 - a) for w, e in zip(p, eta, strict=True) if e > 0
        )
        total = sum(terms, arb(0))
        return total.log() / scale if total > 0 else INF

    def dual(p: list[fmpq], y: list[fmpq | None]) -> arb:
        if any(v is not None and (v > 0 or (v == 0 and a < 1)) for v in y):
            return INF
        if a > 1 and any(v is None for v in y):
            return -INF
        terms = (_ball(w) * _ball(-v) ** power for w, v in zip(p, y, strict=True) if v is not None and v < 0)
        total = sum(terms, arb(0))
        if not total > 0:
            return INF if a > 1 else -INF
        return -(_ball(a).log() + 1) / _ball(a) - total.log() / _ball(a - 1)

    return Formula(information, dual, arb(0), (ZERO, None))


def _user(spec: Mapping[str, object]) -> Formula:
    f, at_zero, recession, low, high = user_parts(spec)

    def conjugate(y: fmpq) -> arb:
        return tangent_conjugate(f, y, low, high)

    plain = _separable(lambda t: f(t)[0], conjugate, at_zero, recession, (low, high))
    least = -INF if at_zero == INF else tangent_conjugate(f, None, low, high)

    def dual_near(p: list[fmpq], y: list[fmpq | None], near: list[fmpq | None]) -> arb:
        # Where y = -inf, a tangent stands for a finite f(0): convexity needs no further assumption.
        pairs = zip(y, near, strict=True)
        at = [least if v is None else tangent_conjugate(f, v, low, high, t) for v, t in pairs]
        return sum((_ball(w) * v for w, v in zip(p, at, strict=True)), arb(0))

    def dual(p: list[fmpq], y: list[fmpq | None]) -> arb:
        return dual_near(p, y, [None] * len(y))

    return replace(plain, dual=dual, dual_near=dual_near)


def assumption(spec: Mapping[str, object]) -> str:
    """What is taken on trust: nothing for the catalogue, convexity and the limits of a user's `f`."""
    if "f" not in spec:
        return ""
    return (
        f"; assumed: f(t) = {spec['f']} is convex, with f(0) = {spec['at_zero']}, "
        f"f'(inf) = {spec['recession']} and domain {spec['domain']}"
    )


def formula(spec: Mapping[str, object]) -> Formula:
    """The formulas of a catalogue member.

    Args:
        spec: `{"name": ...}` with the parameter of `PARAMETERS`, if any, as an exact decimal or rational
            string; or a user's `f` with the fields of `expression.USER_FIELDS`.

    Raises:
        ValueError: an unknown name, a missing or foreign parameter, or one out of range.
    """
    if not isinstance(spec, Mapping):
        raise ValueError("the divergence is not an object")
    if "f" in spec:
        return _user(spec)
    name = spec.get("name")
    if not isinstance(name, str) or name not in PARAMETERS:
        raise ValueError(f"unknown divergence {name!r}")
    named = PARAMETERS[name]
    if set(spec) != {"name"} | ({named[0]} if named else set()):
        raise ValueError(f"divergence {name} takes {named[0] if named else 'no parameter'}")
    if named is None:
        if name == "none":
            return _separable(lambda _: arb(0), _ball, INF, INF, (ONE, ONE))
        f, conjugate, at_zero, recession = _PLAIN[name]
        return _separable(f, conjugate, at_zero(), recession())
    if not _NUMBER.fullmatch(str(spec[named[0]])):
        raise ValueError(f"{named[0]} of {name} is not the text of an exact number")
    exact = Fraction(str(spec[named[0]]))
    a = fmpq(exact.numerator, exact.denominator)
    inside = {"alpha": a != 0 and a != 1, "cvar": 0 < a <= 1, "renyi": a > 0 and a != 1}[name]
    if not inside:
        raise ValueError(f"{named[0]} of {name} must be {named[1]}, but is {exact}")
    if name == "renyi":
        return _renyi(a)
    if name == "cvar":
        return _separable(lambda _: arb(0), lambda y: _ball(max(y, ZERO) / a), arb(0), INF, (ZERO, 1 / a))
    return _separable(*_alpha(a))
