"""A user's own f: solved and certified like the catalogue, its assumptions said, its text never executed."""

import copy
import json
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx, fmpq

from theory.errors import InputError
from verification.certificate.checker import PRECISION, check
from verification.certificate.expression import evaluate, tangent_conjugate
from verification.certificate.formulas import formula
from verification.instance import from_mapping
from verification.solution import Status
from verification.solve import divergence, dro

BASE: dict[str, Any] = {
    "cost": [[0, 0.7, None], [0.7, 0, 0.4], [1.5, 0.4, 0]],
    "p": [0.3, 0.7, 0],
    "q": [0.2, 0.5, 0.3],
    "phi": [0.2, 1.3, 2.5],
    "epsilon": 0.15,
}
TWINS = [
    ("t*log(t)", "kl"),
    ("(t - 1)**2", "pearson"),
    ("Abs(t - 1)/2", "tv"),
    ("max(t - 1, 0)", "tv"),  # the gauge shifted by (t - 1)/2
    ("(sqrt(t) - 1)**2", "hellinger"),
    ("-log(t)", "reverse_kl"),
    ("Piecewise((0, t <= 5/2))", {"name": "cvar", "beta": "2/5"}),
]


@pytest.mark.parametrize("support", ["space", "reference"])
@pytest.mark.parametrize(("text", "member"), TWINS, ids=[text for text, _ in TWINS])
def test_a_catalogue_member_in_disguise(text: str, member: Any, support: str) -> None:
    for solve in (divergence, dro):
        own = solve(from_mapping(BASE | {"divergence": {"f": text}, "support": support}))
        known = solve(from_mapping(BASE | {"divergence": member, "support": support}))
        assert own.lower <= known.upper
        assert known.lower <= own.upper
        assert own.gap <= 1e-9
        verdict = check(json.loads(json.dumps(own.certificate())))
        assert verdict.accepted, verdict.reason
        assert "is convex" in verdict.reason


@pytest.mark.parametrize("text", ["t*log(t) + (t - 1)**2", "(t - 1)**4", "t*log(t) - t + 1 + Abs(t - 1)/2"])
def test_what_no_catalogue_holds(text: str) -> None:
    for solve in (divergence, dro):
        own = solve(from_mapping(BASE | {"divergence": {"f": text}, "support": "reference"}))
        assert own.gap <= 1e-9
        assert check(own.certificate()).accepted


def test_tampering_with_the_expression_is_rejected() -> None:
    good = dict(dro(from_mapping(BASE | {"divergence": {"f": "t*log(t)"}, "support": "space"})).certificate())
    for change in (
        {"f": "t*log(t)*1.001"},
        {"f": "t*log(t) + 0.001*(t-1)**2"},
        {"f": "t*log(t) + 1"},
        {"f": "__import__('os').getcwd()"},
        {"f": "t.real"},
        {"f": "("},
        {"f": "t*log(t) + 0*1e999999999"},
        {"recession": "3"},
        {"domain": ["0", "11/10"]},
        {"domain": ["2", None]},
        {"domain": "all"},
        {"unknown": "1"},
    ):
        bad = copy.deepcopy(good)
        bad["instance"]["divergence"] = dict(bad["instance"]["divergence"]) | change
        assert not check(bad).accepted, change


@pytest.mark.parametrize("name", ["kl", "pearson", "hellinger", "reverse_kl", "tv", "js"])
def test_tangents_bound_the_conjugate_tightly(name: str) -> None:
    """From above, and within 1e-15 of the closed form inside the domain."""
    text = {"kl": "t*log(t)", "pearson": "(t-1)**2", "hellinger": "(sqrt(t)-1)**2", "reverse_kl": "-log(t)",
            "tv": "Abs(t-1)/2", "js": "t*log(t)/2 - (1+t)*log((1+t)/2)/2"}[name]  # fmt: skip
    with ctx.workprec(PRECISION):
        table = formula({"name": name})
        for y in [fmpq(k, 16) for k in range(-60, 20)]:
            exact = table.dual([fmpq(1)], [y])
            bound = tangent_conjugate(lambda t: evaluate(text, t), y, fmpq(0), None)
            if not arb(y) < table.recession:
                assert float(bound) >= float(exact)  # inf, or f* at its end
                continue
            assert not bound < exact
            assert float(bound) - float(exact) <= 1e-15 * max(1.0, abs(float(exact)))


@pytest.mark.parametrize("text", ["t*log(t)", "(sqrt(t)-1)**2", "Abs(t-1)/2"])
def test_a_guess_of_the_maximiser_saves_work_and_proves_nothing_false(text: str) -> None:
    """Whatever the guess, the bound stays above the conjugate; after a good one it is tight, too."""
    with ctx.workprec(PRECISION):
        calls = 0

        def f(t: fmpq) -> tuple[arb, arb]:
            nonlocal calls
            calls += 1
            return evaluate(text, t)

        for y in (fmpq(-3, 4), fmpq(1, 3), fmpq(7, 16)):
            exact = tangent_conjugate(f, y, fmpq(0), None)
            for guess in (Fraction(1, 10**6), Fraction(1, 2), Fraction(1), Fraction(2), Fraction(10**6)):
                near = fmpq(guess.numerator, guess.denominator)
                assert tangent_conjugate(f, y, fmpq(0), None, near) >= exact - arb(2) ** -90
        slope = fmpq(3, 8)
        best = {"t*log(t)": math.exp(0.375 - 1), "(sqrt(t)-1)**2": (1 - 0.375) ** -2, "Abs(t-1)/2": 1.0}[text]
        exact = tangent_conjugate(f, slope, fmpq(0), None)
        calls = 0
        found = tangent_conjugate(f, slope, fmpq(0), None, fmpq(*best.as_integer_ratio()))
        assert calls == 2
        assert abs(float(found - exact)) < 1e-14


EXPRESSIONS = (
    *("exp(t-1)", "sqrt(t)*log(t)", "t**(5/2)", "t**t", "abs(t-2)*max(t,1/3,2)", "cosh(t)/sinh(t)"),
    *("atan(t)-tanh(t)+asinh(t)", "min(t**2, 3)**-1.5"),
)


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_slopes_equal_finite_differences(text: str) -> None:
    with ctx.workprec(PRECISION):
        for t in (Fraction(1, 3), Fraction(7, 5), Fraction(9, 2)):
            h = Fraction(1, 2**60)
            at = fmpq(t.numerator, t.denominator)
            value, slope = evaluate(text, at)
            step = fmpq(h.numerator, h.denominator)
            difference = (evaluate(text, at + step)[0] - evaluate(text, at - step)[0]) / (2 * arb(step))
            assert math.isfinite(float(value))
            assert float(slope) == pytest.approx(float(difference), rel=1e-12)


@pytest.mark.parametrize(
    ("text", "message"),
    [("-t*log(t)", "onvex"), ("t**2", r"f\(1\)"), ("(t-1)**3", "onvex"), ("sin(t)", "unknown function")],
)
def test_a_failing_hypothesis_is_named(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        from_mapping(BASE | {"divergence": {"f": text}, "support": "space"})


def test_weights_are_those_of_the_twin() -> None:
    own = dro(from_mapping(BASE | {"divergence": {"f": "t*log(t)"}, "support": "space"}))
    known = dro(from_mapping(BASE | {"divergence": "kl", "support": "space"}))
    assert own.lam == pytest.approx(known.lam, rel=1e-9)
    assert np.asarray(own.worst_case) == pytest.approx(known.worst_case, abs=1e-9)


def _false_at_zero(at_zero: str) -> dict[str, object]:
    """A certificate that is true for f(0) = 1 (D^c = 1) and claims far less by stating another f(0)."""
    return {
        "format": "armor-d-certificate 1",
        "kind": "divergence",
        "instance": {
            "divergence": {"f": "(t-1)**2", "at_zero": at_zero, "recession": "oo", "domain": ["0", None]},
            "cost": [["0", None], [None, "0"]],
            "p": ["1/2", "1/2"],
            "q": ["1", "0"],
            "support": "reference",
            "kappa": "0",
        },
        "upper": {"plan": [[0, 0, "1"]]},
        "claim": {"lower": "-inf", "upper": "1.000001" if at_zero == "1" else "-49"},
    }


@pytest.mark.parametrize("at_zero", ["-100", "log(-1)", "0.99"])
def test_an_f_at_zero_below_a_tangent_is_rejected(at_zero: str) -> None:
    assert check(_false_at_zero("1")).accepted
    verdict = check(_false_at_zero(at_zero))
    assert not verdict.accepted
    assert "f(0) is below a tangent" in verdict.reason


def test_a_finite_f_at_zero_stated_as_infinite_is_rejected() -> None:
    verdict = check(_false_at_zero("oo"))
    assert not verdict.accepted
    assert "f(0) is finite, but stated as oo" in verdict.reason


@pytest.mark.parametrize("f", ["-log(t)", "(t-1)**2*(t+1)/t", "1/t + t - 2 + Abs(t-1)"])
def test_weights_that_f_forbids_to_vanish_make_the_divergence_infinite(f: str) -> None:
    """f(0) = oo and Q has no mass where P has some that cannot move: a ray proves it."""
    cost = [[0, None, None], [None, 0, None], [None, None, 0]]
    own = {"divergence": {"f": f}, "p": ["1/4", "1/2", "1/4"], "q": ["1/2", "1/2", "0"], "cost": cost}
    found = divergence(from_mapping(own | {"support": "reference"}))
    verdict = check(found.certificate())
    assert found.status is Status.INFINITE
    assert (verdict.accepted, verdict.lower, verdict.upper) == (True, np.inf, np.inf)


def test_a_value_beyond_the_doubles_gets_an_honest_interval() -> None:
    """The density 2^29 costs exp(2^29): above every double, and no NaN on the way."""
    spec = {"divergence": {"f": "exp(t-1)-t"}, "cost": [[0, None], [None, 0]], "support": "space"}
    masses = {"p": ["1/1073741824", "1073741823/1073741824"], "q": ["1/2", "1/2"]}
    found = divergence(from_mapping(spec | masses))
    verdict = check(found.certificate())
    assert verdict.accepted
    assert verdict.lower > 1e290
    assert verdict.upper == np.inf


def test_a_long_chain_of_signs_is_refused_in_words() -> None:
    certificate = _false_at_zero("1")
    certificate["instance"]["divergence"]["f"] = "-" * 950 + "t*log(t)"  # type: ignore[index]
    assert not check(certificate).accepted
