"""Known inequalities and limits between divergences, on random finite distributions; Renyi's own facts."""

from itertools import pairwise
from math import exp, log, sqrt

import numpy as np
import pytest

from theory import InputError, divergence, names
from theory.catalogue import any_divergence
from theory.finite import Finite
from theory.renyi import Renyi


def _pairs(count: int = 40) -> list[tuple[tuple[float, ...], tuple[float, ...]]]:
    rng = np.random.default_rng(20230915)
    laws = rng.dirichlet(np.full(4, 0.8), size=(count, 2)) * (1 - 4e-4) + 1e-4
    return [(tuple(map(float, p)), tuple(map(float, q))) for p, q in laws]


def _value(spec: object, q: tuple[float, ...], p: tuple[float, ...]) -> float:
    return Finite(divergence(spec), p).divergence_from(q)  # type: ignore[arg-type]


@pytest.mark.parametrize(("p", "q"), _pairs())
def test_classical_inequalities(p: tuple[float, ...], q: tuple[float, ...]) -> None:
    tv, kl, reverse = (_value(name, q, p) for name in ("tv", "kl", "reverse_kl"))
    hellinger, triangular = _value("hellinger", q, p), _value("triangular", q, p)
    pearson, js = _value("pearson", q, p), _value("js", q, p)
    slack = 1e-12
    assert 2 * tv**2 <= kl + slack  # Pinsker
    assert tv <= sqrt(1 - exp(-kl)) + slack  # Bretagnolle and Huber
    assert hellinger / 2 <= tv + slack  # Le Cam
    assert tv <= sqrt(hellinger * (1 - hellinger / 4)) + slack
    assert kl <= log(1 + pearson) + slack
    assert hellinger <= min(kl, reverse) + slack
    assert hellinger <= triangular + slack <= 2 * hellinger + 2 * slack
    assert 2 * tv**2 <= triangular + slack <= 2 * tv + 2 * slack
    assert js <= log(2) * tv + slack
    assert _value("jeffreys", q, p) == pytest.approx(kl + reverse, abs=1e-11)


@pytest.mark.parametrize(("p", "q"), _pairs(12))
def test_alpha_family_is_ordered_through_its_power_means(p: tuple[float, ...], q: tuple[float, ...]) -> None:
    """The Renyi reading of D_alpha, log(1 + a (a-1) D_a)/(a-1), rises with alpha."""
    readings = []
    for a in (-1.0, 0.3, 0.5, 1.001, 2.0, 6.0):
        value = _value({"name": "alpha", "alpha": a}, q, p)
        readings.append(log(1 + a * (a - 1) * value) / (a - 1))
    assert all(x <= y + 1e-9 for x, y in pairwise(readings))


@pytest.mark.parametrize(("p", "q"), _pairs(6))
def test_alpha_tends_to_kl_and_reverse_kl(p: tuple[float, ...], q: tuple[float, ...]) -> None:
    assert _value({"name": "alpha", "alpha": 1.000001}, q, p) == pytest.approx(_value("kl", q, p), rel=1e-3)
    assert _value({"name": "alpha", "alpha": 1e-6}, q, p) == pytest.approx(
        _value("reverse_kl", q, p), rel=1e-3
    )


def _renyi(alpha: float) -> Renyi:
    found = any_divergence({"name": "renyi", "alpha": alpha})
    assert isinstance(found, Renyi)
    return found


@pytest.mark.parametrize("alpha", [0.1, 0.5, 0.999999, 1.000001, 2.5, 8.0])
def test_renyi_conjugate_meets_its_witness(alpha: float) -> None:
    for mu in (0.1, 1.0, 7.0):
        found = _renyi(alpha).reweight((0.4, 0.25, 0.35), (0.2, 1.1, -0.3), mu)
        assert found.dual == pytest.approx(found.primal, rel=1e-8, abs=1e-8)
        assert sum(found.masses) == pytest.approx(1)


@pytest.mark.parametrize(("p", "q"), _pairs(6))
def test_renyi_tends_to_reverse_kl(p: tuple[float, ...], q: tuple[float, ...]) -> None:
    for alpha in (1 - 2e-6, 1 + 2e-6):
        assert _renyi(alpha).value(p, q) == pytest.approx(_value("reverse_kl", q, p), rel=1e-4)


def test_renyi_is_no_f_divergence_and_says_so() -> None:
    with pytest.raises(InputError, match="not an f-divergence"):
        divergence({"name": "renyi", "alpha": 2})
    assert "renyi" not in names()
    assert "renyi" in names(renyi=True)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("kulback", "did you mean"),
        ({"name": "alpha"}, "needs 'alpha'"),
        ({"name": "alpha", "alpha": 0}, "alpha = 0 is outside its range"),
        ({"name": "alpha", "alpha": float("nan")}, "finite number"),
        ({"name": "alpha", "alpha": True}, "must be a number"),
        ({"name": "alpha", "alpha": [2]}, "must be a number"),
        ({"name": "cvar", "beta": 0}, "beta = 0 is outside its range"),
        ({"name": "renyi", "alpha": -1}, "alpha = -1 is outside its range"),
        ({"name": "kl", "beta": 1}, "takes no 'beta'"),
        ({"name": 3}, "needs a 'name' or an 'f'"),
        ({"f": "t*log(t)", "name": "kl"}, "nothing else"),
        ({}, "needs a 'name' or an 'f'"),
    ],
)
def test_bad_specifications(spec: object, words: str) -> None:
    with pytest.raises(InputError) as caught:
        any_divergence(spec)  # type: ignore[arg-type]
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "factor"),
    [
        ("kl", 0.0),
        ("reverse_kl", 0.0),
        ({"name": "renyi", "alpha": "5/2"}, 0.0),
        ({"name": "renyi", "alpha": "1/2"}, 0.0),
        ("pearson", 1.0),
        ("neyman", 1.0),
        ("hellinger", -0.5),
    ],
)
def test_over_a_product(spec: object, factor: float) -> None:
    """D(Q1 x Q2 || P1 x P2) = D1 + D2 + factor D1 D2 (T27 with a rigid cost): larger for chi-squares."""

    def value(q: tuple[float, ...], p: tuple[float, ...]) -> float:
        return Finite(any_divergence(spec), p).divergence_from(q)  # type: ignore[arg-type]

    for (p1, q1), (p2, q2) in pairwise(_pairs(6)):
        joint = value(tuple(a * b for a in q1 for b in q2), tuple(a * b for a in p1 for b in p2))
        one, two = value(q1, p1), value(q2, p2)
        assert joint == pytest.approx(one + two + factor * one * two, rel=1e-10)
