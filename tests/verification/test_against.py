"""Foreign code against the certified intervals."""

import importlib.util
import json
import math
from typing import Any

import numpy as np
import pytest

from theory.errors import InputError
from verification import against
from verification.matrix.formulas import Formulas, Problem
from verification.matrix.members import Member


def right(
    *,
    kind: str,
    divergence: dict[str, object],
    cost: Any,
    p: Any,
    phi: Any,
    epsilon: float,
    kappa: float,
    support: str,
    **_: object,
) -> float:
    if kind != "dro":
        raise NotImplementedError("DRO only")
    formulas = Formulas(Member(str(divergence["name"]), divergence))
    return formulas.dro(Problem(phi, cost[p > 0], p[p > 0], epsilon, kappa, support)).value


def off(**options: Any) -> float:
    return right(**options) + 1e-3


def broken(**_: object) -> float:
    return math.nan


def raising(**_: object) -> float:
    raise RuntimeError("no convergence")


SEEN: list[tuple[str, float | None]] = []


def quitting(**_: object) -> float:
    raise SystemExit(3)


def talking(**_: object) -> float:
    print("not JSON")
    return math.nan


def watching(*, kind: str, kappa: float | None, **_: object) -> float:
    SEEN.append((kind, kappa))
    raise NotImplementedError


def findings(name: str, *only: str) -> tuple[against.Finding, ...]:
    return against.run(f"{__name__}:{name}", only=only or ("kl", "dro"))


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or _self())


def _self() -> Any:
    import types

    module = types.ModuleType(__name__)
    module.__dict__.update(globals())
    return module


def test_a_right_solver_agrees_and_what_it_declines_does_not_count() -> None:
    found = findings("right", "kl", "power")
    assert {each.outcome for each in found} == {"agrees", "declined"}
    assert against.holds(found)
    assert "AGREES" in against.as_text(found)


def test_an_error_is_measured() -> None:
    found = findings("off")
    assert all(each.outcome == "off" for each in found)
    assert not against.holds(found)
    errors = np.array([each.error for each in found], dtype=float)
    assert np.all(errors > 1e-4)
    assert np.all(errors <= 1.01e-3)
    assert "the value lies in" in against.as_text(found)


@pytest.mark.parametrize(("name", "outcome"), [("broken", "not finite"), ("raising", "raises")])
def test_failures_are_findings(name: str, outcome: str) -> None:
    found = findings(name)
    assert {each.outcome for each in found} == {outcome}
    assert json.loads(against.as_json(found))["holds"] is False


def test_foreign_code_cannot_end_the_run_nor_write_into_its_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert {each.outcome for each in findings("quitting", "kl", "dro", "power")} == {"raises"}
    findings("talking", "kl", "dro", "power")
    assert capsys.readouterr().out == ""


def test_foreign_code_is_asked_with_and_without_a_penalty() -> None:
    SEEN.clear()
    findings("watching", "kl", "dro")
    assert {kappa == 0 for kind, kappa in SEEN if kind == "dro"} == {True, False}


def test_a_family_is_named_by_its_name() -> None:
    assert {each.divergence for each in findings("watching", "cvar", "power")} == {"cvar_0.25"}


@pytest.mark.parametrize("target", ["math", "math:nothing", "no_such_module_here:f", ":f"])
def test_a_target_that_is_none_is_refused(target: str) -> None:
    with pytest.raises(InputError):
        against.load(target)


def test_an_unknown_choice_is_refused() -> None:
    with pytest.raises(InputError, match="'pearsn'"):
        findings("right", "pearsn")


def test_the_size_of_the_instances_is_a_choice(capsys: pytest.CaptureFixture[str]) -> None:
    from armor.cli.main import main

    target = "verification.pot_adapters:exact_transport"
    if not importlib.util.find_spec("ot"):
        pytest.skip("POT is not installed")
    words = ["verify", "--against", target, "--only", "none,divergence,reference,power", "--points", "20"]
    assert main(words) == 0
    assert main([*words[:-1], "1000"]) == 2
    assert "--points must be between 2 and 500, but is 1000" in capsys.readouterr().err
    assert main(["verify", "--points", "9"]) == 2
