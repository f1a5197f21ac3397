"""Bring your own f: functions outside the catalogue that derive, and those that are refused with a reason."""

import signal
import time

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

from theory import FDivergence, InputError, callables, derive
from theory.budget import OutOfTime, cpu_limit
from theory.evidence import Outcome
from theory.numeric import Backend
from theory.parser import parse
from theory.statement import CORE
from theory.symbols import t

ACCEPTED = {
    "(t-1)**2*(t+1)/t": False,  # symmetrised chi-squared: f' is a cubic, no closed form
    "t**4/12 - t/3 + 1/4": True,
    "exp(t-1) - t": True,
    "Piecewise(((t-1)**2/2, abs(t-1) <= 1/2), (abs(t-1)/2 - 1/8, True))": True,
    "max(abs(t-1) - 1/2, 0)": True,
    "(sqrt(t)-1)**4": False,
    "t*log(t) - t + 1 + (t-1)**2": True,
    "1/t - 2 + t": True,
    "cosh(t-1) - 1": False,
    "(t**3 - 3*t + 2)/6": True,
    "t**1.5 - 1.5*t + 0.5": True,
    "max(t - 1, 2*(1 - t))": True,
}


@pytest.mark.parametrize("text", ACCEPTED)
def test_dual_formulas_of_own_functions_hold(text: str) -> None:
    d = FDivergence.from_expression(text)
    assert d.closed_form is ACCEPTED[text]
    for item in derive(d, ["T2", "T3", "T4", "T6", "T7"]):
        assert item.outcome is Outcome.HOLDS, [(r.number, r.detail) for r in item.run_checks()]


@pytest.mark.parametrize("text", ACCEPTED)
def test_own_functions_obey_fenchel_young_in_every_backend(text: str) -> None:
    d = FDivergence.from_expression(text)
    fn, exact = callables(d, "numpy"), callables(d, "mpmath")
    points = np.array([0.05, 0.4, 0.9, 1.3, 2.2, 6.0])
    slopes = fn.f_prime(points)
    gap = fn.f(points) + fn.conjugate(slopes) - points * slopes
    assert np.all(np.abs(gap) < 1e-12 * (1 + np.abs(points * slopes)))
    for value in (-0.7, -0.2, 0.0, 0.21, 0.4):
        with mp.workdps(40):
            expected = exact.conjugate(mp.mpf(value))
        assert float(fn.conjugate(np.float64(value))) == pytest.approx(float(expected), rel=1e-13, abs=1e-14)


@pytest.mark.parametrize(("text", "closed"), list(ACCEPTED.items()))
def test_certified_numerical_conjugate_encloses_the_supremum(text: str, closed: bool) -> None:
    flint = pytest.importorskip("flint")
    d = FDivergence.from_expression(text)
    ball, exact = callables(d, "arb"), callables(d, "mpmath")
    for value in (-0.6, 0.1, 0.4):
        enclosure = ball.conjugate(flint.arb(value))
        with mp.workdps(40):
            number = exact.conjugate(mp.mpf(value))
            low, high = (
                mp.mpf(str(e.mid().str(40, radius=False))) for e in (enclosure.lower(), enclosure.upper())
            )
            assert low - mp.mpf("1e-30") <= number <= high + mp.mpf("1e-30"), closed
            assert high - low < mp.mpf("1e-12")


REFUSED = {
    "sin(t)": "unknown function",
    "t**3 - 2*t**2 + 1": "not convex: f''(",
    "(t-1)**2*(t-3)**2": "not convex: f''(",
    "min(t - 1, 0)": "slope of f falls at t = 1",
    "t**2": "f(1) = 1",
    "sqrt(t - 2) - sqrt(-1)": "complex",
    "log(t - 3)": "f is complex-valued: f(",
    "log(t - 1/2) - log(1/2)": "f is complex-valued: f(",
    "x**2 - 1": "contains 'x'",
    "t*s - s": "contains 's'",
    "3 - 3": "reads 0",
    "1j*t - 1j": "complex",
    "Piecewise((0, t < 2), (oo, True))": "not lower semicontinuous at t = 2",
    "Piecewise((t - 1, t <= 2), (t - 2, True))": "jumps",
    "Piecewise((0, t <= 1/2), (oo, True))": "f is infinite",
    "t^2 - 1": "write powers as **",
    "__import__('os').system('true')": "only calls such as",
    "().__class__": "not part of a formula",
    "t if t else 1": "not part of a formula",
    "[t for t in (1,)]": "not part of a formula",
    "9**9**9*t": "too large",
    "t -": "is not a formula",
    "exp(t, t)": "takes one argument",
    "1000*((t-2.4)**4/12 - 0.15*(t-2.4)**2) - 1000*(1.4**4/12 - 0.15*1.4**2)": "not convex: f''(",  # a dip
    "(t-1)**2 - tanh(50*(t-2.4))/20 + tanh(-50*1.4)/20": "not convex: f''(2.3",  # a narrow one
    "(t-1)**2 - 1e-30*(t-1)**4": "not convex: f''(",  # far out
    "Piecewise(((t-1)**2, t < 2), (-50, t <= 2), ((t-1)**2, True))": "not convex at t = 2",
    "Piecewise(((t-1)**2, t < 2), (9, Eq(t, 2)), ((t-1)**2, True))": "not lower semicontinuous at t = 2",
    "Piecewise((0, Eq(t, 1)), ((t-1)**2 + 1, True))": "not convex at t = 1",
    "1e-150*(t-1)**2": "f is of the size 2.00e-150 around 1",
    "10**400*(t-1)**2": "f is of the size 2.00e+400 around 1",
    "t**99999 - t": "too large: at most 10000",
    "Piecewise((t - 1, t))": "takes conditions such as t < 1, not t",
    "oo*t": "reads oo",
    "-log(t-1)": "f has no value at t = 1",
}


@pytest.mark.parametrize("text", REFUSED)
def test_refusals_name_the_hypothesis(text: str) -> None:
    with pytest.raises(InputError) as caught:
        FDivergence.from_expression(text)
    assert REFUSED[text] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_witness_of_non_convexity_is_a_witness() -> None:
    with pytest.raises(InputError, match=r"f''\(([-\d.e]+)\) = ([-\d.e]+) < 0") as caught:
        FDivergence.from_expression("t**3 - 2*t**2 + 1")
    words = str(caught.value)
    point, value = words.split("f''(")[1].split(") = ")
    curvature = sp.diff(parse("t**3 - 2*t**2 + 1"), t, 2).subs(t, sp.Rational(point))
    assert float(curvature) == pytest.approx(float(value.split(" <")[0]), rel=1e-4)
    assert curvature < 0


@pytest.mark.parametrize(
    "text", ["(t - 1)**50", "(t - 1)**1000", "t**t - 1", "cosh(sinh(t - 1)) - 1", "exp(exp(t)) - exp(E)"]
)
def test_hard_functions_end_with_an_answer(text: str) -> None:
    """Huge powers and towers of exponentials are neither expanded nor evaluated where doubles overflow."""
    d = FDivergence.from_expression(text)
    assert derive(d, ["T3"])[0].outcome is Outcome.HOLDS


@pytest.mark.parametrize("backend", ["float", "numpy", "mpmath"])
@pytest.mark.parametrize("y", [-500.0, 1e-3, 1.0, 1e9])
def test_the_inverse_of_a_steep_slope(backend: Backend, y: float) -> None:
    """Newton's method alone crawls down a power of 999 and stops far from the root."""
    fn = callables(FDivergence.from_expression("(t - 1)**1000"), backend)
    root = 1 + np.sign(y) * (abs(y) / 1000) ** (1 / 999)
    assert float(fn.conjugate_prime(y)) == pytest.approx(root, rel=1e-13)
    assert float(fn.conjugate(y)) == pytest.approx(root * y - (root - 1) ** 1000, rel=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        "(t-1)**2 + abs(t-1)**5",
        "(t-1)**2/2 + abs(t-1)**(7/2)",
        "max(t-1, 0)**4 + (t-1)**2",
        "(t-1)**20",
        "1e-12*(t-1)**2",
        "1e9*(t-1)**2",
        "Piecewise((-log(2-t), t < 2))",
        "Piecewise((1/(2-t) - t, t < 2))",
    ],
)
def test_the_printed_page_holds_for_unusual_functions(text: str) -> None:
    """Glued at 1, flat, tiny, huge, or running up to infinity at the end of an open domain."""
    found = derive(FDivergence.from_expression(text), CORE)
    assert {item.outcome for item in found} <= {Outcome.HOLDS, Outcome.NOT_APPLICABLE}


def test_the_largest_loss_may_sit_at_the_recession_slope() -> None:
    d = FDivergence.from_expression("Max(t-1, (1-t)/3)")
    assert derive(d, ["T21"])[0].outcome is Outcome.HOLDS


def test_the_expansion_asks_for_four_derivatives() -> None:
    """With `|t-1|^(7/2)` the remainder is of the order eps^(5/4), not eps^(3/2)."""
    t19 = derive(FDivergence.from_expression("(t-1)**2/2 + abs(t-1)**(7/2)"), ["T19"])[0]
    assert t19.not_applicable == "f is not four times differentiable at 1 with f''(1) > 0"
    assert derive(FDivergence.from_expression("(t-1)**2 + abs(t-1)**5"), ["T19"])[0].outcome is Outcome.HOLDS


@pytest.mark.parametrize("name", ["alpha", "renyi"])
@pytest.mark.parametrize("order", ["1e-300", "1e300", "1.0000000001", "1e-9", "1000000"])
def test_orders_out_of_the_reach_of_doubles_are_refused(name: str, order: str) -> None:
    with pytest.raises(InputError, match=f"alpha = {order} is outside its range"):
        derive({"name": name, "alpha": order}, ["T3"])


@pytest.mark.parametrize("backend", ["float", "numpy"])
@pytest.mark.parametrize("y", [-1e10, -1e8, -1e4, 1e6])
def test_a_closed_form_that_cancels_far_out_gives_way_to_inversion(backend: Backend, y: float) -> None:
    """Its logarithm of `3y + sqrt(9y^2 - ...)` is 0 in doubles at y = -1e10."""
    d = FDivergence.from_expression("t - 1 - log(t) + (t-1)**2/3")
    fn, exact = callables(d, backend), callables(d, "mpmath")
    assert d.closed_form
    with mp.workdps(60):
        value, slope = exact.conjugate(mp.mpf(y)), exact.conjugate_prime(mp.mpf(y))
    assert float(fn.conjugate(np.float64(y))) == pytest.approx(float(value), rel=1e-12)
    assert float(fn.conjugate_prime(np.float64(y))) == pytest.approx(float(slope), rel=1e-12)


@pytest.mark.parametrize("text", ["(t - 1)**4", "exp(exp(exp(t))) - exp(exp(E))", "cosh(1000*(t - 1)) - 1"])
def test_instances_suit_flat_and_steep_functions(text: str) -> None:
    """Radii follow the derivatives of f, tolerances the size of the terms that doubles add."""
    found = derive(FDivergence.from_expression(text), ["T2", "T6", "T11", "T17", "T19"])
    assert {item.outcome for item in found} <= {Outcome.HOLDS, Outcome.NOT_APPLICABLE}


def test_powers_with_long_exponents_get_no_closed_form_of_thousands_of_digits() -> None:
    d = FDivergence.from_expression("(t**(1000001/1000000) - 1)*1000000")
    assert derive(d, ["T3"])[0].outcome is Outcome.HOLDS


def _spin() -> None:
    while True:
        sum(range(1000))


def test_a_search_that_leads_nowhere_is_given_up() -> None:
    with pytest.raises(OutOfTime), cpu_limit(0.2):
        _spin()
    with cpu_limit(5.0):  # the limits nest, and the outer one survives the inner one
        with pytest.raises(OutOfTime), cpu_limit(0.1):
            _spin()
        assert signal.getitimer(signal.ITIMER_PROF)[0] > 3
    assert signal.getitimer(signal.ITIMER_PROF)[0] == 0


class _Swallows:
    """Its finaliser is where the limit is reached; Python ignores exceptions there."""

    def __del__(self) -> None:
        start = time.process_time()
        while time.process_time() < start + 0.3:
            pass


def _swallow_and_spin() -> None:
    _Swallows()  # dies at once
    _spin()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_limit_reached_in_a_finaliser_is_not_lost() -> None:
    with pytest.raises(OutOfTime), cpu_limit(0.1):
        _swallow_and_spin()


def test_impatience_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("theory.fdivergence._PATIENCE", 0.001)
    with pytest.raises(InputError, match="is too hard"):
        FDivergence.from_expression("(t-1)**2*(t+1)/t + exp(t) - E*t")
    monkeypatch.undo()
    monkeypatch.setattr("theory.conjugate._SEARCH", 0.001)
    assert not FDivergence.from_expression("(t-1)**2/2 + (t*log(t) - t + 1)/3").closed_form


def test_a_member_that_violates_a_hypothesis_is_named() -> None:
    bad = FDivergence("mine", "mine", parse("t**3 - 2*t**2 + 1"), "", "", {"name": "mine"})
    with pytest.raises(InputError, match=r"the divergence 'mine' violates a hypothesis: not convex: f''"):
        derive(bad)


def test_decimals_are_exact() -> None:
    assert parse("0.1*t") == t / 10
    assert parse("1e-3*t") == t / 1000


def test_grade_of_an_unprovable_sign_is_sampled() -> None:
    """exp and powers mixed: no proof of f'' >= 0 is found, and the grade says so."""
    d = FDivergence.from_expression("exp(t) - t**3/6 - E + 1/6")
    assert d.check_hypotheses().grade.value == "sampled"
    assert derive(d, ["T3"])[0].run_checks()[0].grade.value in ("sampled", "enclosed")


@pytest.mark.parametrize("text", ["(t-1)**2/1000", "1000*(t-1)**2", "(t-1)**4", "max(0, abs(t-1) - 1/10)"])
def test_instances_suit_a_function_of_any_scale(text: str) -> None:
    """Order, interpolation, composition and products on a soft, a stiff, a flat and a locally affine f."""
    for item in derive({"f": text}, ["T13", "T15", "T16", "T24", "T27"]):
        assert item.outcome is Outcome.HOLDS, [(item.statement, r.detail) for r in item.run_checks()]
