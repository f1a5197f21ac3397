"""The layers of the matrix: derivations, the torch objective, and what each does when it cannot run."""

import subprocess
import sys

import pytest

from theory.evidence import Grade, Outcome
from verification.matrix import registry
from verification.matrix.cells import NONE, Cell
from verification.matrix.members import members
from verification.matrix.report import as_text, holds, verdict
from verification.matrix.runner import execute, run


def test_a_derivation_is_a_cell_whose_grade_is_its_weakest_step() -> None:
    result = execute(Cell("T7", "kl", NONE, NONE, NONE, "theory"), 0, "quick")
    assert result.outcome is Outcome.HOLDS
    steps = result.numbers["steps"]
    assert isinstance(steps, dict)
    assert result.grade is max((Grade(name) for name in steps), key=lambda grade: grade.rank)
    assert sum(steps.values()) == result.tried


def test_a_statement_about_another_divergence_is_not_applicable_with_its_reason() -> None:
    result = execute(Cell("T8", "pearson", NONE, NONE, NONE, "theory"), 0, "quick")
    assert result.outcome is Outcome.NOT_APPLICABLE
    assert result.note


@pytest.mark.parametrize("statement", ["T7", "T11", "T12"])
def test_the_objective_holds_against_the_certified_intervals(statement: str) -> None:
    result = execute(Cell(statement, "kl", "hard_ball", "reference", "k+", "armor"), 0, "quick")
    assert (result.outcome, result.grade) == (Outcome.HOLDS, Grade.ENCLOSED)


def test_without_torch_the_objective_is_skipped_and_the_theory_layer_still_starts() -> None:
    code = (
        "import sys; sys.modules['torch'] = None; sys.modules['cvxpy'] = None\n"
        "from armor.cli.main import main\n"
        "code = main(['verify', '--only', 'T7,kl,theory', '--jobs', '1'])\n"
        "from verification.matrix.cells import Cell\n"
        "from verification.matrix.runner import execute\n"
        "r = execute(Cell('T7', 'kl', 'hard_ball', 'reference', 'k0', 'armor'), 0, 'quick')\n"
        "print(code, r.outcome.value, r.note)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].startswith("0 skipped torch is not installed")


def test_a_run_in_which_everything_was_skipped_verifies_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    found = run(registry.plan("quick", members(), ["T20", "kl", "armor"]), seed=0, effort="quick", jobs=1)
    assert {each.outcome for each in found.results} == {Outcome.SKIPPED, Outcome.NOT_APPLICABLE}
    assert not holds(found)
    assert verdict(found).startswith("NOTHING CHECKED: 0 of 0 cells hold")
    assert "torch is not installed" in as_text(found)


def test_every_statement_has_a_check_on_instances() -> None:
    on_instances = {check.statement for check in registry.checks() if check.layer == "verification"}
    assert on_instances == {f"T{k}" for k in range(1, 30)}
