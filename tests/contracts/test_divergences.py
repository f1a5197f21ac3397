"""One contract for every divergence: a member is a subclass of `DivergenceContract`."""

import math
from collections.abc import Callable, Mapping
from functools import cache
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

from theory import FDivergence, callables, divergence, names
from theory.finite import Finite
from theory.symbols import t, y

_T = [mp.mpf(10) ** k for k in (-8, -3, -1)] + [mp.mpf(x) for x in ("0.5", "0.97", "1", "1.02", "2.5", "40")]


@cache
def _built(key: tuple[tuple[str, object], ...]) -> FDivergence:
    return divergence(dict(key))


def _mpf(number: Any) -> Any:
    """An exact extended real number (SymPy) at the precision in force."""
    number = sp.sympify(number)
    if number in (sp.oo, -sp.oo):
        return mp.inf if number == sp.oo else -mp.inf
    return mp.mpf(str(sp.N(number, mp.mp.dps + 10)))


class DivergenceContract:
    """What every f-divergence satisfies; `spec` names it, the rest states facts found in the literature."""

    spec: Mapping[str, object]
    f_at_zero: Any
    slope_at_zero: Any
    recession: Any
    at_one: tuple[Any, Any] | None  # f''(1), f'''(1)
    conjugate: Callable[[Any], Any]  # f* inside its domain, from the table of the documentation

    @property
    def d(self) -> FDivergence:
        return _built(tuple(self.spec.items()))

    @property
    def inside(self) -> list[Any]:
        """Values of y in the domain of f*, away from its ends and near them."""
        top = self.d.recession
        upper = [top - sp.Rational(x) for x in ("1e-6", "1/100", "1/3", "1", "5")]
        free = [sp.Rational(x) for x in ("-7", "-5/3", "-1/5", "0", "1/4", "2", "5")]
        return upper if top.is_finite else free

    def test_borders(self) -> None:
        d = self.d
        assert sp.simplify(d.f.subs(t, 1)) == 0
        assert (d.f_at_zero, d.slope_at_zero, d.recession) == (
            self.f_at_zero,
            self.slope_at_zero,
            self.recession,
        )

    def test_derivatives_at_one(self) -> None:
        found = (self.d.second_at_one, self.d.third_at_one)
        assert found == (self.at_one if self.at_one is not None else (None, None))

    def test_hypotheses_hold(self) -> None:
        assert self.d.check_hypotheses().grade.value == "proved"

    def test_conjugate_agrees_with_the_table(self) -> None:
        f_star = callables(self.d, "mpmath").conjugate
        with mp.workdps(50):
            for point in self.inside:
                number = _mpf(point)
                expected = _mpf(type(self).conjugate(point))
                assert abs(f_star(number) - expected) < mp.mpf(10) ** -40 * (1 + abs(expected))

    def test_fenchel_young_with_equality_on_the_graph_of_the_slope(self) -> None:
        fn = callables(self.d, "mpmath")
        with mp.workdps(50):
            for s in _T:
                if mp.isinf(fn.f(s)):
                    continue
                slope = fn.f_prime(s)
                if mp.isfinite(slope):
                    gap = fn.f(s) + fn.conjugate(slope) - s * slope
                    assert abs(gap) < mp.mpf(10) ** -38 * (1 + abs(s * slope))
                for point in self.inside:
                    value = _mpf(point)
                    assert fn.f(s) + fn.conjugate(value) - s * value > -(mp.mpf(10) ** -38) * (
                        1 + abs(s * value)
                    )

    def test_biconjugate_is_f(self) -> None:
        """f** = f: the supremum over y of t y - f*(y) is reached at y = f'(t) and passed nowhere."""
        fn = callables(self.d, "mpmath")
        with mp.workdps(30):
            for s in _T:
                slope = fn.f_prime(s)
                if not mp.isfinite(slope) or mp.isinf(fn.f(s)):
                    continue
                best = s * slope - fn.conjugate(slope)
                around = [slope - mp.mpf(10) ** -k for k in (-1, 1, 4)] + [
                    slope + mp.mpf(10) ** -k for k in (1, 4)
                ]
                assert abs(best - fn.f(s)) < mp.mpf(10) ** -20 * (1 + abs(best))
                small = mp.mpf(10) ** -20 * (1 + abs(s * slope))
                assert all(s * v - fn.conjugate(v) <= best + small for v in around)

    def test_conjugate_is_nondecreasing_convex_and_bounded_below(self) -> None:
        fn = callables(self.d, "mpmath")
        points = sorted(_mpf(p) for p in self.inside)
        values = [fn.conjugate(p) for p in points]
        slopes = [fn.conjugate_prime(p) for p in points]
        assert values == sorted(values)
        assert slopes == sorted(slopes)
        assert slopes[0] >= 0
        assert all(v >= -_mpf(self.d.f_at_zero) for v in values)
        for (a, fa, sa), (b, fb, _) in zip(
            zip(points, values, slopes, strict=True),
            zip(points[1:], values[1:], slopes[1:], strict=False),
            strict=False,
        ):
            assert fb >= fa + sa * (b - a) - mp.mpf(10) ** -12 * (1 + abs(fb))

    def test_domain_of_the_conjugate(self) -> None:
        fn = callables(self.d, "mpmath")
        assert fn.conjugate(-mp.inf) == -_mpf(self.d.f_at_zero)
        if self.d.recession.is_finite:
            top = _mpf(self.d.recession)
            assert fn.conjugate(top + mp.mpf("1e-6")) == mp.inf
            assert fn.conjugate_prime(top + mp.mpf("1e-6")) == mp.inf
        else:
            assert mp.isfinite(fn.conjugate(mp.mpf(50)))

    def test_limits_at_the_borders(self) -> None:
        """f and f' close to 0 and to infinity approach the stated limits."""
        fn = callables(self.d, "mpmath")
        with mp.workdps(60):
            tiny, huge = mp.mpf(10) ** -100000, mp.mpf(10) ** 100000
            for value, limit in ((fn.f(tiny), self.f_at_zero), (fn.f_prime(tiny), self.slope_at_zero)):
                if sp.sympify(limit).is_finite:
                    assert abs(value - _mpf(limit)) < mp.mpf("1e-2") * (1 + abs(value))
                else:
                    assert mp.isinf(value) or abs(value) > 40
            if sp.sympify(self.recession).is_finite:
                assert abs(fn.f(huge) / huge - _mpf(self.recession)) < mp.mpf("1e-2")

    def test_gauge_shift(self) -> None:
        """f + a (t - 1) has the conjugate f*(y - a) + a, derived again from scratch."""
        a = sp.Rational(-3, 4)
        shifted = callables(self.d.in_gauge(a), "mpmath").conjugate
        plain = callables(self.d, "mpmath").conjugate
        with mp.workdps(50):
            shift = _mpf(a)
            for point in self.inside:
                value = plain(_mpf(point))
                assert abs(shifted(_mpf(point) + shift) - value - shift) < mp.mpf("1e-38") * (1 + abs(value))

    @pytest.mark.parametrize("backend", ["numpy", "torch"])
    def test_callables_against_fifty_digits(self, backend: str) -> None:
        if backend == "torch":
            pytest.importorskip("torch")
        fn, exact = callables(self.d, backend), callables(self.d, "mpmath")  # type: ignore[arg-type]
        with mp.workdps(50):
            for name, points in (
                ("f", [float(s) for s in _T]),
                ("f_prime", [float(s) for s in _T]),
                ("conjugate", [float(p) for p in self.inside]),
                ("conjugate_prime", [float(p) for p in self.inside]),
            ):
                found = np.asarray(getattr(fn, name)(_array(points, backend)))
                expected = np.array([float(getattr(exact, name)(mp.mpf(p))) for p in points])
                np.testing.assert_allclose(found, expected, rtol=2e-13, atol=2e-14 * self.magnitude)

    def test_known_inequalities(self) -> None:
        """What ties this member to others, on random pairs of distributions; see `_INEQUALITIES`."""
        for p, q in _laws():
            for words, lower, upper in _INEQUALITIES.get(self.d.name, ()):
                assert lower(p, q) <= upper(p, q) + 1e-12, words
            assert Finite(self.d, p).divergence_from(q) >= -1e-12 * self.magnitude
            assert abs(Finite(self.d, p).divergence_from(p)) <= 1e-12 * self.magnitude

    @property
    def magnitude(self) -> float:
        """Size of the constants that cancel in f and f* (large for alpha near 0 and 1)."""
        return max([1.0] + [abs(float(v)) for v in (self.d.f_at_zero,) if v.is_finite])


def _array(points: list[float], backend: str) -> Any:
    if backend == "numpy":
        return np.array(points)
    import torch

    return torch.tensor(points, dtype=torch.float64)


Law = tuple[float, ...]


def _laws() -> list[tuple[Law, Law]]:
    rng = np.random.default_rng(20230915)
    laws = rng.dirichlet(np.full(4, 0.8), size=(12, 2)) * (1 - 4e-4) + 1e-4
    return [(tuple(map(float, p)), tuple(map(float, q))) for p, q in laws]


def _of(name: str, **parameters: object) -> Callable[[Law, Law], float]:
    """D(Q||P) as a function of (p, q)."""
    key = (("name", name), *parameters.items())
    return lambda p, q: Finite(_built(key), p).divergence_from(q)


_KL, _TV, _HELLINGER = _of("kl"), _of("tv"), _of("hellinger")


def _reading(a: float) -> Callable[[Law, Law], float]:
    """log(1 + a (a-1) D_a)/(a-1), which rises with a."""
    return lambda p, q: math.log(1 + a * (a - 1) * _of("alpha", alpha=a)(p, q)) / (a - 1)


_ORDERED = tuple(
    (f"alpha ordering, {a} and {b}", _reading(a), _reading(b))
    for a, b in pairwise((-2.37, -1.0, 0.3, 0.5, 1.001, 2.37, 6.0))
)


def _capped(p: Law, q: Law) -> float:
    return math.inf if max(b / a for a, b in zip(p, q, strict=True)) > 20 else 0.0


Side = Callable[[Law, Law], float]
_INEQUALITIES: Mapping[str, tuple[tuple[str, Side, Side], ...]] = {
    "kl": (
        ("Pinsker", lambda p, q: 2 * _TV(p, q) ** 2, _KL),
        ("Bretagnolle and Huber", _TV, lambda p, q: math.sqrt(1 - math.exp(-_KL(p, q)))),
        ("Hellinger below KL", _HELLINGER, _KL),
        ("KL below log(1 + chi2)", _KL, lambda p, q: math.log(1 + _of("pearson")(p, q))),
    ),
    "reverse_kl": (("Hellinger below reverse KL", _HELLINGER, _of("reverse_kl")),),
    "tv": (
        ("Le Cam", lambda p, q: _HELLINGER(p, q) / 2, _TV),
        ("Le Cam", _TV, lambda p, q: math.sqrt(_HELLINGER(p, q) * (1 - _HELLINGER(p, q) / 4))),
    ),
    "hellinger": (("Hellinger below 2 TV", _HELLINGER, lambda p, q: 2 * _TV(p, q)),),
    "pearson": (("4 TV^2 below Pearson", lambda p, q: 4 * _TV(p, q) ** 2, _of("pearson")),),
    "neyman": (("4 TV^2 below Neyman", lambda p, q: 4 * _TV(p, q) ** 2, _of("neyman")),),
    "js": (("Lin", _of("js"), lambda p, q: math.log(2) * _TV(p, q)),),
    "triangular": (
        ("2 TV^2 below triangular", lambda p, q: 2 * _TV(p, q) ** 2, _of("triangular")),
        ("triangular below 2 TV", _of("triangular"), lambda p, q: 2 * _TV(p, q)),
        ("triangular below 2 Hellinger", _of("triangular"), lambda p, q: 2 * _HELLINGER(p, q)),
    ),
    "jeffreys": (
        ("KL + reverse KL", _of("jeffreys"), lambda p, q: _KL(p, q) + _of("reverse_kl")(p, q)),
        ("KL + reverse KL", lambda p, q: _KL(p, q) + _of("reverse_kl")(p, q), _of("jeffreys")),
    ),
    "cvar": (("zero or infinite", _of("cvar", beta="1/20"), _capped),),
    "alpha": _ORDERED,
}  # fmt: skip


class TestKl(DivergenceContract):
    spec = MappingProxyType({"name": "kl"})
    f_at_zero, slope_at_zero, recession, at_one = 0, -sp.oo, sp.oo, (1, -1)
    conjugate = staticmethod(lambda v: sp.exp(v - 1))


class TestReverseKl(DivergenceContract):
    spec = MappingProxyType({"name": "reverse_kl"})
    f_at_zero, slope_at_zero, recession, at_one = sp.oo, -sp.oo, 0, (1, -2)
    conjugate = staticmethod(lambda v: -1 - sp.log(-v))


class TestPearson(DivergenceContract):
    spec = MappingProxyType({"name": "pearson"})
    f_at_zero, slope_at_zero, recession, at_one = 1, -2, sp.oo, (2, 0)
    conjugate = staticmethod(lambda v: v + v**2 / 4 if v >= -2 else sp.Integer(-1))


class TestNeyman(DivergenceContract):
    spec = MappingProxyType({"name": "neyman"})
    f_at_zero, slope_at_zero, recession, at_one = sp.oo, -sp.oo, 1, (2, -6)
    conjugate = staticmethod(lambda v: 2 - 2 * sp.sqrt(1 - v))


class TestTotalVariation(DivergenceContract):
    spec = MappingProxyType({"name": "tv"})
    f_at_zero, slope_at_zero, recession, at_one = (
        sp.Rational(1, 2),
        -sp.Rational(1, 2),
        sp.Rational(1, 2),
        None,
    )
    conjugate = staticmethod(lambda v: sp.Max(v, -sp.Rational(1, 2)))


class TestHellinger(DivergenceContract):
    spec = MappingProxyType({"name": "hellinger"})
    f_at_zero, slope_at_zero, recession, at_one = 1, -sp.oo, 1, (sp.Rational(1, 2), -sp.Rational(3, 4))
    conjugate = staticmethod(lambda v: v / (1 - v))


class TestJensenShannon(DivergenceContract):
    spec = MappingProxyType({"name": "js"})
    f_at_zero, slope_at_zero, recession = sp.log(2) / 2, -sp.oo, sp.log(2) / 2
    at_one = (sp.Rational(1, 4), -sp.Rational(3, 8))
    conjugate = staticmethod(lambda v: -sp.log(2 - sp.exp(2 * v)) / 2)


class TestTriangular(DivergenceContract):
    spec = MappingProxyType({"name": "triangular"})
    f_at_zero, slope_at_zero, recession, at_one = 1, -3, 1, (1, -sp.Rational(3, 2))
    conjugate = staticmethod(lambda v: 4 - 4 * sp.sqrt(1 - v) - v if v >= -3 else sp.Integer(-1))


class TestJeffreys(DivergenceContract):
    spec = MappingProxyType({"name": "jeffreys"})
    f_at_zero, slope_at_zero, recession, at_one = sp.oo, -sp.oo, sp.oo, (2, -3)

    @staticmethod
    def conjugate(v: Any) -> Any:
        w = sp.LambertW(sp.exp(1 - v))
        return w + 1 / w + v - 2


class TestCvar(DivergenceContract):
    spec = MappingProxyType({"name": "cvar", "beta": "1/20"})
    f_at_zero, slope_at_zero, recession, at_one = 0, 0, sp.oo, (0, 0)
    conjugate = staticmethod(lambda v: 20 * sp.Max(v, 0))


class _Alpha(DivergenceContract):
    alpha: Any

    @property
    def at_one(self) -> tuple[Any, Any]:  # type: ignore[override]
        return (1, self.alpha - 2)

    @property
    def f_at_zero(self) -> Any:  # type: ignore[override]
        return -1 / (self.alpha * (self.alpha - 1)) if self.alpha > 0 else sp.oo

    @property
    def slope_at_zero(self) -> Any:  # type: ignore[override]
        return 0 if self.alpha > 1 else -sp.oo

    @property
    def recession(self) -> Any:  # type: ignore[override]
        return sp.oo if self.alpha > 1 else 0

    def test_conjugate_agrees_with_the_table(self) -> None:
        a = self.alpha
        f_star = callables(self.d, "mpmath").conjugate
        with mp.workdps(50):
            for point in self.inside:
                if a > 1:
                    power = sp.Max(point, 0) ** (a / (a - 1)) * (a - 1) ** (a / (a - 1))
                    expected = power / a + 1 / (a * (a - 1))
                else:
                    expected = ((1 - a) * abs(point)) ** (-a / (1 - a)) / a - 1 / (a * (1 - a))
                value = _mpf(expected)
                assert abs(f_star(_mpf(point)) - value) < mp.mpf(10) ** -40 * (1 + abs(value))


class TestAlpha6(_Alpha):
    spec, alpha = MappingProxyType({"name": "alpha", "alpha": 6}), sp.Integer(6)


class TestAlpha237(_Alpha):
    spec, alpha = MappingProxyType({"name": "alpha", "alpha": 2.37}), sp.Rational("2.37")


class TestAlpha1001(_Alpha):
    spec, alpha = MappingProxyType({"name": "alpha", "alpha": 1.001}), sp.Rational("1.001")


class TestAlphaHalf(_Alpha):
    spec, alpha = MappingProxyType({"name": "alpha", "alpha": 0.5}), sp.Rational(1, 2)


class TestAlpha03(_Alpha):
    spec, alpha = MappingProxyType({"name": "alpha", "alpha": 0.3}), sp.Rational("0.3")


class TestAlphaMinus1(_Alpha):
    spec, alpha = MappingProxyType({"name": "alpha", "alpha": -1}), sp.Integer(-1)


class TestAlphaMinus237(_Alpha):
    spec, alpha = MappingProxyType({"name": "alpha", "alpha": -2.37}), sp.Rational("-2.37")


class TestNone(DivergenceContract):
    spec = MappingProxyType({"name": "none"})
    f_at_zero, slope_at_zero, recession, at_one = sp.oo, -sp.oo, sp.oo, None
    conjugate = staticmethod(lambda v: v)


def test_every_member_is_under_contract() -> None:
    """Renyi is no f-divergence: `tests/theory/test_renyi.py` holds its contract."""
    covered, queue = set(), [DivergenceContract]
    while queue:
        cls = queue.pop()
        queue += cls.__subclasses__()
        if cls.__name__.startswith("Test"):
            covered.add(cls.spec["name"])
    assert covered == set(names())


def test_no_reweighting_is_the_identity_on_payoffs() -> None:
    d = divergence("none")
    assert d.conjugate == y
    assert (d.f_at_zero, d.recession, d.closed_form) == (sp.oo, sp.oo, True)
    fn = callables(d, "numpy")
    np.testing.assert_array_equal(fn.f(np.array([0.5, 1.0, 2.0])), [np.inf, 0.0, np.inf])
    np.testing.assert_array_equal(fn.conjugate(np.array([-3.0, 0.0, 7.5])), [-3.0, 0.0, 7.5])
