"""The divergences as NumPy functions, in the gauge f(1) = 0, f'(1) = 0 (for alpha < 1 this makes f'(∞)
finite).

Adding `a (t - 1)` to `f` changes neither `D_f` nor `D^c`; this gauge makes every formula continuous in its
parameter and keeps the potentials near 0 when `Q` is near `P`. The formulas are written for accuracy near
`t = 1`
and held against the symbolic ones of `theory` by tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import wrightomega

from armor.errors import InputError
from armor.exact.costs import read_number

__all__ = ["Member", "Spec", "member"]

Array = NDArray[np.float64]
Spec = str | Mapping[str, object]
_Function = Callable[[Array], Array]


@dataclass(frozen=True)
class Member:
    """One divergence, elementwise on arrays of ratios `t >= 0` or dual values `y`.

    Smooth members carry `value` (f), `slope` (f'), `curvature` (f'') for `t > 0`, `conjugate` (f*, `+inf`
    beyond its
    domain) and `ratio` (the derivative of f*, in `[0, inf]`). A piecewise linear member carries
    `segments`: pairs
    (slope, length in units of `p_i`), lengths possibly infinite; its `f` starts at `at_zero`. Rényi
    carries `alpha`
    and no elementwise functions of its own that separate over points; see `armor.exact.renyi`.
    """

    name: str
    recession: float
    at_zero: float
    slope_at_zero: float
    value: _Function
    conjugate: _Function
    ratio: _Function
    slope: _Function | None = None
    curvature: _Function | None = None
    segments: tuple[tuple[float, float], ...] = ()
    alpha: float | None = None
    slope_shift: float = (
        0.0  # f'(1) of the catalogue's own normalisation: f_catalogue = value + slope_shift (t-1)
    )

    @property
    def smooth(self) -> bool:
        """Whether `f` has a second derivative (everything but total variation, CVaR and pure transport)."""
        return self.slope is not None


def _xlogx(t: Array) -> Array:
    return t * np.log(np.where(t > 0, t, 1.0))


def _kl() -> Member:
    return Member(
        "kl",
        np.inf,
        1.0,
        -np.inf,
        value=lambda t: _xlogx(t) - t + 1,
        slope=np.log,
        curvature=lambda t: 1 / t,
        conjugate=lambda y: np.expm1(np.minimum(y, 709.0)) + np.where(y > 709.0, np.inf, 0.0),
        ratio=lambda y: np.exp(np.minimum(y, 709.0)),
        slope_shift=1.0,
    )


def _reverse_kl() -> Member:
    def conjugate(y: Array) -> Array:
        return np.where(y < 1, -np.log1p(-np.minimum(y, 1 - 1e-16)), np.inf)

    return Member(
        "reverse_kl",
        1.0,
        np.inf,
        -np.inf,
        value=lambda t: np.where(t > 0, t - 1 - np.log(np.where(t > 0, t, 1.0)), np.inf),
        slope=lambda t: 1 - 1 / t,
        curvature=lambda t: t**-2.0,
        conjugate=conjugate,
        ratio=lambda y: 1 / np.maximum(1 - y, 1e-300),
        slope_shift=-1.0,
    )


def _alpha(a: float) -> Member:
    recession = np.inf if a > 1 else 1 / (1 - a)
    at_zero = 1 / a if a > 0 else np.inf

    def value(t: Array) -> Array:
        positive = np.where(t > 0, t, 1.0)
        inside = (np.expm1(a * np.log(positive)) - a * (positive - 1)) / (a * (a - 1))
        return np.where(t > 0, inside, at_zero)

    def base(y: Array) -> Array:
        return np.maximum(1 + (a - 1) * y, 0.0)

    def conjugate(y: Array) -> Array:
        b = base(y)
        with np.errstate(divide="ignore", over="ignore"):
            inside = np.expm1(np.log1p(np.maximum((a - 1) * y, -1 + 1e-16)) * (a / (a - 1))) / a
            if a > 1:
                return np.where(b > 0, inside, -1 / a)
            edge = -1 / a if a < 0 else np.inf
            limit = np.where(1 + (a - 1) * y == 0, edge, np.inf)
            return np.where(b > 0, inside, limit)

    def ratio(y: Array) -> Array:
        with np.errstate(divide="ignore", over="ignore"):
            return base(y) ** (1 / (a - 1))

    return Member(
        f"alpha({a:g})",
        recession,
        at_zero,
        -1 / (a - 1) if a > 1 else -np.inf,
        value=value,
        slope=lambda t: np.expm1((a - 1) * np.log(t)) / (a - 1),
        curvature=lambda t: t ** (a - 2),
        conjugate=conjugate,
        ratio=ratio,
        slope_shift=1 / (a - 1),
    )


def _pearson() -> Member:
    return Member(
        "pearson",
        np.inf,
        1.0,
        -2.0,
        value=lambda t: (t - 1) ** 2,
        slope=lambda t: 2 * (t - 1),
        curvature=lambda t: np.full_like(t, 2.0),
        conjugate=lambda y: np.where(y >= -2, y + y * y / 4, -1.0),
        ratio=lambda y: np.maximum(1 + y / 2, 0.0),
    )


def _neyman() -> Member:
    return Member(
        "neyman",
        1.0,
        np.inf,
        -np.inf,
        value=lambda t: np.where(t > 0, (1 - t) ** 2 / np.where(t > 0, t, 1.0), np.inf),
        slope=lambda t: (1 - 1 / t) * (1 + 1 / t),
        curvature=lambda t: 2 * t**-3.0,
        # 2 - 2 sqrt(1-y) = 2y / (1 + sqrt(1-y)), without the cancellation near 0
        conjugate=lambda y: np.where(y <= 1, 2 * y / (1 + np.sqrt(np.maximum(1 - y, 0.0))), np.inf),
        ratio=lambda y: 1 / np.sqrt(np.maximum(1 - y, 1e-300)),
    )


def _hellinger() -> Member:
    return Member(
        "hellinger",
        1.0,
        1.0,
        -np.inf,
        value=lambda t: (np.sqrt(t) - 1) ** 2,
        slope=lambda t: 1 - t**-0.5,
        curvature=lambda t: 0.5 * t**-1.5,
        conjugate=lambda y: np.where(y < 1, y / np.where(y < 1, 1 - y, 1.0), np.inf),
        ratio=lambda y: np.maximum(1 - y, 1e-150) ** -2.0,
    )


def _js() -> Member:
    half_log2 = float(0.5 * np.log(2.0))

    def conjugate(y: Array) -> Array:
        inside = y < half_log2
        return np.where(inside, -0.5 * np.log1p(-np.expm1(2 * np.where(inside, y, 0.0))), np.inf)

    def ratio(y: Array) -> Array:
        e = np.exp(2 * np.minimum(y, half_log2))
        return np.asarray(e / np.maximum(2 - e, 1e-300))

    return Member(
        "js",
        half_log2,
        half_log2,
        -np.inf,
        value=lambda t: 0.5 * (_xlogx(t) - (1 + t) * np.log1p((t - 1) / 2)),
        slope=lambda t: 0.5 * (np.log(t) - np.log1p((t - 1) / 2)),
        curvature=lambda t: 0.5 / (t * (1 + t)),
        conjugate=conjugate,
        ratio=ratio,
    )


def _triangular() -> Member:
    def conjugate(y: Array) -> Array:
        root = np.sqrt(np.maximum(1 - y, 0.0))
        # 4 - 4 sqrt(1-y) - y = y (4 / (1 + sqrt(1-y)) - 1)
        inside = y * (4 / (1 + root) - 1)
        return np.where(y > 1, np.inf, np.where(y >= -3, inside, -1.0))

    return Member(
        "triangular",
        1.0,
        1.0,
        -3.0,
        value=lambda t: (t - 1) ** 2 / (t + 1),
        slope=lambda t: (t - 1) * (t + 3) / (t + 1) ** 2,
        curvature=lambda t: 8 / (t + 1) ** 3,
        conjugate=conjugate,
        ratio=lambda y: np.where(y >= -3, 2 / np.sqrt(np.maximum(1 - y, 1e-300)) - 1, 0.0),
    )


def _jeffreys() -> Member:
    def inverse_ratio(y: Array) -> Array:
        # 1/t solves u + log u = 1 - y
        return np.asarray(wrightomega(1 - y), dtype=np.float64)

    def conjugate(y: Array) -> Array:
        u = np.maximum(inverse_ratio(y), 1e-300)
        return np.asarray((1 / u - 1) + (u - 1) + y)

    return Member(
        "jeffreys",
        np.inf,
        np.inf,
        -np.inf,
        value=lambda t: np.where(t > 0, (t - 1) * np.log(np.where(t > 0, t, 1.0)), np.inf),
        slope=lambda t: np.log(t) + 1 - 1 / t,
        curvature=lambda t: 1 / t + t**-2.0,
        conjugate=conjugate,
        ratio=lambda y: 1 / np.maximum(inverse_ratio(y), 1e-300),
    )


def _tv() -> Member:
    # |t-1|/2 + (t-1)/2 = max(t-1, 0)
    return Member(
        "tv",
        1.0,
        0.0,
        0.0,
        value=lambda t: np.maximum(t - 1, 0.0),
        conjugate=lambda y: np.where(y <= 1, np.maximum(y, 0.0), np.inf),
        ratio=lambda y: np.where(y > 0, 1.0, 0.0),
        segments=((0.0, 1.0), (1.0, np.inf)),
        slope_shift=-0.5,
    )


def _cvar(beta: float) -> Member:
    return Member(
        f"cvar({beta:g})",
        np.inf,
        0.0,
        0.0,
        value=lambda t: np.where(t <= 1 / beta, 0.0, np.inf),
        conjugate=lambda y: np.maximum(y, 0.0) / beta,
        ratio=lambda y: np.where(y > 0, 1 / beta, 0.0),
        segments=((0.0, 1 / beta),),
    )


def _none() -> Member:
    return Member(
        "none",
        np.inf,
        np.inf,
        -np.inf,
        value=lambda t: np.where(np.abs(t - 1) <= 1e-12, 0.0, np.inf),
        conjugate=lambda y: y,
        ratio=np.ones_like,
        segments=((0.0, 1.0),),
    )


def _renyi(alpha: float) -> Member:
    # The separable part p f(r/p) = p^alpha r^(1-alpha) / (alpha (alpha-1)); f'(∞) = 0, without a gauge.
    scale = 1 / (alpha * (alpha - 1))

    def value(t: Array) -> Array:
        with np.errstate(divide="ignore"):
            return scale * t ** (1 - alpha)

    return Member(
        f"renyi({alpha:g})",
        0.0,
        np.inf if alpha > 1 else 0.0,
        -np.inf,
        value=value,
        conjugate=lambda y: np.full_like(y, np.nan),
        ratio=lambda y: np.full_like(y, np.nan),
        slope=lambda t: -(t**-alpha) / alpha,
        curvature=lambda t: t ** (-alpha - 1),
        alpha=alpha,
    )


_PLAIN: dict[str, Callable[[], Member]] = {
    "kl": _kl,
    "reverse_kl": _reverse_kl,
    "pearson": _pearson,
    "neyman": _neyman,
    "hellinger": _hellinger,
    "js": _js,
    "triangular": _triangular,
    "jeffreys": _jeffreys,
    "tv": _tv,
    "none": _none,
}
_PARAMETER = {"alpha": "alpha", "cvar": "beta", "renyi": "alpha"}


def member(spec: Spec) -> Member:
    """The divergence named by `spec`: `"kl"`, `{"name": "alpha", "alpha": 2.5}` or `{"f": "t*log(t)"}`.

    Raises:
        InputError: the name is unknown, a parameter is missing or out of range, or `theory` refuses the
            expression.
    """
    mapping: Mapping[str, object] = {"name": spec} if isinstance(spec, str) else spec
    if not isinstance(mapping, Mapping):
        raise InputError(f"a divergence is a name or a mapping such as {{'name': 'kl'}}, not {spec!r}")
    if "f" in mapping:
        from armor.exact.custom import from_expression

        if set(mapping) != {"f"} or not isinstance(mapping["f"], str):
            raise InputError(f"a divergence given by its f is {{'f': 't*log(t)'}}, not {dict(mapping)!r}")
        return from_expression(mapping["f"])
    name = str(mapping.get("name"))
    foreign = sorted(str(key) for key in set(mapping) - {"name", _PARAMETER.get(name, "name")})
    if foreign and (name in _PLAIN or name in _PARAMETER):
        raise InputError(f"divergence {name!r} takes no {foreign[0]!r}")
    if name in _PLAIN:
        return _PLAIN[name]()
    if name not in _PARAMETER:
        known = ", ".join(sorted([*_PLAIN, *_PARAMETER]))
        raise InputError(f"unknown divergence {name!r}; known are {known}, or {{'f': expression in t}}")
    key = _PARAMETER[name]
    if key not in mapping:
        raise InputError(f"divergence {name!r} needs its parameter {key!r}")
    parameter = read_number(mapping[key], f"{key!r} of divergence {name!r}")
    if name == "cvar":
        if not 0 < parameter <= 1:
            raise InputError(f"cvar needs beta in (0, 1], not {parameter:g}")
        return _none() if parameter == 1 else _cvar(parameter)
    if name == "renyi":
        if not (parameter > 0 and parameter != 1 and np.isfinite(parameter)):
            raise InputError(f"renyi needs alpha > 0 other than 1, not {parameter:g}")
        return _renyi(parameter)
    if parameter in (0.0, 1.0) or not np.isfinite(parameter):
        raise InputError(f"alpha needs a finite parameter other than 0 and 1, not {parameter:g}")
    return _alpha(parameter)
