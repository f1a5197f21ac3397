"""Every wrong formula is noticed by the check that is named for it."""

import pytest

from theory.evidence import Outcome
from verification import mutants
from verification.matrix.cells import Cell
from verification.matrix.formulas import Formulas
from verification.matrix.runner import execute


def test_there_are_enough_of_them_and_each_says_what_is_wrong() -> None:
    assert len(mutants.MUTANTS) >= 25
    assert len({mutant.words for mutant in mutants.MUTANTS.values()}) == len(mutants.MUTANTS)


@pytest.mark.parametrize("name", mutants.MUTANTS)
def test_every_mutant_dies(name: str) -> None:
    result = mutants.kill(name, seed=0)
    assert result.killed, result
    assert result.gap > result.tolerance


def test_the_right_formulas_are_no_mutant(monkeypatch: pytest.MonkeyPatch) -> None:
    right = mutants.Mutant("none", "nothing", Formulas, "T3 kl - reference -")
    monkeypatch.setattr(mutants, "MUTANTS", {"none": right})
    assert not mutants.kill("none", seed=0).killed


def test_a_mutant_whose_check_is_broken_does_not_count_as_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = execute

    def fails(cell: Cell, seed: int, effort: str, **options: object) -> object:
        result = plain(cell, seed, effort)
        return result if options else type(result)(**{**result.__dict__, "outcome": Outcome.FAILS})

    monkeypatch.setattr(mutants, "execute", fails)
    assert not mutants.kill("constant-forgotten", seed=0).killed


def test_results_survive_encoding() -> None:
    result = mutants.kill("constant-forgotten", seed=0)
    assert mutants.decode(mutants.encode(result)) == result
