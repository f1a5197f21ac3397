"""The shipped pre-flight instances: every certificate re-checked, every number exact in bf16, every mutant
outside.
"""

import json
import math
from fractions import Fraction
from importlib.resources import files
from typing import Any

import numpy as np
import pytest

from theory.errors import InputError
from verification import mutant_formulas as wrong
from verification import preflight
from verification.certificate import checker
from verification.matrix.exact import problem_of
from verification.matrix.formulas import Formulas, Problem
from verification.matrix.members import Member

SHIPPED = sorted(
    (entry for entry in (files("armor.preflight") / "instances").iterdir() if entry.name.endswith(".json")),
    key=lambda entry: entry.name,
)
BF16 = 2.0**-8  # twice the unit roundoff: what rounding the value to bf16 may cost, relative


def load(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((files("armor.preflight") / "instances" / name).read_text())
    return data


def test_instances_are_shipped_for_the_first_divergences() -> None:
    assert {"kl.json", "pearson.json"} <= {entry.name for entry in SHIPPED}


QUICK = ("kl.json", "pearson.json", "renyi_1.25.json")
TIERED = [
    pytest.param(entry.name, marks=() if entry.name in QUICK else pytest.mark.slow, id=entry.name)
    for entry in SHIPPED
]


@pytest.mark.parametrize("name", TIERED)
def test_every_shipped_certificate_is_accepted(name: str) -> None:
    data = load(name)
    assert data["schema"] == preflight.SCHEMA
    entries = data["instances"]
    assert len({entry["id"] for entry in entries}) == len(entries) > 40
    for entry in entries:
        verdict = checker.check(preflight.certificate_of(entry, data["divergence"]))
        assert verdict.accepted, (entry["id"], verdict.reason)
        assert entry["value"]["lower"] <= verdict.lower <= verdict.upper <= entry["value"]["upper"]
        assert verdict.upper - verdict.lower <= 1e-9 * max(1.0, abs(verdict.lower))


@pytest.mark.parametrize("name", [entry.name for entry in SHIPPED])
def test_losses_and_costs_are_exact_in_bf16(name: str) -> None:
    for entry in load(name)["instances"]:
        for value in [*entry["losses"], *(entry["costs"] or []), entry["epsilon"], entry["kappa"]]:
            mantissa, _ = math.frexp(value)
            assert mantissa * 256 == int(mantissa * 256), (entry["id"], value)


@pytest.mark.parametrize("name", [entry.name for entry in SHIPPED])
def test_the_instances_spread_over_sizes_radii_penalties_and_the_end_lambda_zero(name: str) -> None:
    entries = load(name)["instances"]
    assert {len(entry["losses"]) for entry in entries} >= {1, 2, 64, 128}
    assert any(entry["kappa"] > 0 for entry in entries)
    assert min(entry["epsilon"] for entry in entries) < 1e-5
    assert any(entry["certificate"]["upper"]["lambda"] == "0" and entry["kappa"] == 0 for entry in entries)
    assert any(entry["costs"] for entry in entries)
    assert any(entry["weights"] for entry in entries)


def problems(data: dict[str, Any]) -> list[tuple[dict[str, Any], Problem]]:
    found = []
    for entry in data["instances"]:
        mapping = preflight.instance_of(entry, data["divergence"])
        p = [float(Fraction(weight)) for weight in mapping["p"]]
        found.append((entry, problem_of({**mapping, "p": p})))
    return found


def outside(entry: dict[str, Any], value: float) -> float:
    """How far a value is outside its interval, in units of what rounding to bf16 may cost."""
    lower, upper = entry["value"]["lower"], entry["value"]["upper"]
    distance = max(lower - value, value - upper, 0.0)
    return distance / (BF16 * max(abs(lower), 1e-3)) if not math.isnan(value) else math.inf


@pytest.mark.parametrize("name", ["kl", "pearson"])
def test_the_right_formula_lies_in_every_interval(name: str) -> None:
    formulas = Formulas(Member(name, {"name": name}))
    for entry, problem in problems(load(f"{name}.json")):
        assert outside(entry, formulas.dro(problem).value) < 1e-5, entry["id"]


MUTANTS = [
    ("kl", wrong.RadiusSign),
    ("kl", wrong.RadiusDropped),
    ("kl", wrong.PenaltyInRadius),
    ("kl", wrong.PenaltyOmitted),
    ("kl", wrong.RhoDropped),
    ("kl", wrong.MultiplierDropped),
    ("kl", wrong.ArgumentUnscaled),
    ("kl", wrong.ConstantForgotten),
    ("kl", wrong.GaugeMixed),
    ("kl", wrong.WrongTransformMultiplier),
    ("kl", wrong.CostSign),
    ("kl", wrong.Clipped),
    ("kl", wrong.FlooredMultiplier),
    ("kl", wrong.UniformReference),
    ("kl", wrong.WorstLossIgnored),
    ("pearson", wrong.ClampDropped),
    ("pearson", wrong.HalfForQuarter),
    ("pearson", wrong.GaugeMixed),
    ("pearson", wrong.RadiusDropped),
]


@pytest.mark.parametrize(("name", "mutant"), MUTANTS, ids=lambda value: getattr(value, "__name__", value))
def test_every_mutant_of_the_formula_leaves_an_interval_by_more_than_bf16(
    name: str, mutant: type[Formulas]
) -> None:
    formulas = mutant(Member(name, {"name": name}))
    with np.errstate(all="ignore"):
        assert any(
            outside(entry, formulas.dro(problem).value) > 1
            for entry, problem in problems(load(f"{name}.json"))
        )


def test_an_unknown_divergence_is_refused() -> None:
    with pytest.raises(InputError, match="'pearson'"):
        preflight.write("pearsn")


def test_writing_is_reproducible_and_parses_as_json() -> None:
    mapping = preflight.write("kl")
    assert json.loads(preflight.as_text(mapping)) == mapping
    assert [e["losses"] for e in mapping["instances"]] == [e["losses"] for e in load("kl.json")["instances"]]
