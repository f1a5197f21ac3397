"""Each condition of the checker alone keeps out a witness that would prove something false."""

from typing import Any

import pytest

from verification.certificate.checker import check

ZEROS = [["0", "0"], ["0", "0"]]
APART = [["0", None], [None, "0"]]


def _divergence(name: str, cost: Any, p: list[str], support: str, **sides: Any) -> dict[str, Any]:
    instance = {"divergence": {"name": name}, "cost": cost, "p": p, "q": ["1/2", "1/2"], "support": support}
    return {
        "format": "armor-d-certificate 1",
        "kind": "divergence",
        "instance": {**instance, "kappa": "0"},
        **sides,
    }


def _dro(plan: Any) -> dict[str, Any]:
    return {
        "format": "armor-d-certificate 1",
        "kind": "dro",
        "instance": {
            "divergence": {"name": "kl"},
            "cost": ZEROS,
            "p": ["1/2", "1/2"],
            "phi": ["-1", "-1"],
            "epsilon": "1",
            "kappa": "0",
            "support": "reference",
        },
        "lower": {"plan": plan},
        "claim": {"lower": "-3/2", "upper": "inf"},
    }


def test_a_plan_has_no_negative_mass() -> None:
    def certificate(entries: Any) -> dict[str, Any]:
        claim = {"lower": "-inf", "upper": "10"}
        return _divergence("kl", ZEROS, ["1/2", "1/2"], "reference", upper={"plan": entries}, claim=claim)

    assert check(certificate([[0, 0, "1/2"], [1, 1, "1/2"]])).accepted
    assert not check(certificate([[0, 0, "1/2"], [0, 1, "-1/10"], [1, 1, "6/10"]])).accepted


@pytest.mark.parametrize(("support", "accepted"), [("space", True), ("reference", False)])
def test_singular_mass_exists_in_mode_space_only(support: str, accepted: bool) -> None:
    upper = {"plan": [], "singular": ["1/2", "1/2"]}
    claim = {"lower": "-inf", "upper": "10"}
    certificate = _divergence("hellinger", APART, ["1/2", "1/2"], support, upper=upper, claim=claim)
    assert check(certificate).accepted is accepted


def test_there_is_no_singular_mass_when_it_costs_infinitely_much() -> None:
    upper = {"plan": [], "singular": ["1/2", "1/2"]}
    claim = {"lower": "-inf", "upper": "10"}
    assert not check(_divergence("kl", APART, ["1/2", "1/2"], "space", upper=upper, claim=claim)).accepted


@pytest.mark.parametrize(("price", "accepted"), [("1", True), ("100", False)])
def test_prices_stay_below_the_recession_slope(price: str, accepted: bool) -> None:
    # Nothing that carries P reaches the second point: only g <= f'(inf) = 1 holds its price down.
    claim = {"lower": "0.4" if accepted else "40", "upper": "inf"}
    certificate = _divergence("hellinger", APART, ["1", "0"], "space", lower={"g": ["0", price]}, claim=claim)
    verdict = check(certificate)
    assert verdict.accepted is accepted
    assert accepted or "f'(inf)" in verdict.reason


def test_a_worst_case_has_mass_one() -> None:
    assert check(_dro([[0, 0, "1/2"], [1, 1, "1/2"]])).accepted
    verdict = check(_dro([[0, 0, "1/4"], [1, 1, "1/4"]]))
    assert not verdict.accepted
    assert "mass 1" in verdict.reason
