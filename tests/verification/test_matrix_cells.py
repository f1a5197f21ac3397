"""Cells, selection, seeds, the runner and its cache."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from theory.errors import InputError
from theory.evidence import Grade, Outcome
from verification.matrix import registry
from verification.matrix.cache import Cache
from verification.matrix.cells import NONE, Cell, Context, SkipCell, seed_of
from verification.matrix.formulas import DualPoint, Formulas, Problem
from verification.matrix.members import Member, members
from verification.matrix.runner import decode, encode, execute, run

CELL = Cell("T7", "kl", "hard_ball", "reference", "k0", "verification")
KL = Member("kl", {"name": "kl"})


def context(samples: int = 1) -> Context:
    return Context(CELL, KL, Formulas, np.random.default_rng(0), samples)


def test_every_applicable_square_of_statement_divergence_and_support_has_a_quick_cell() -> None:
    plan = registry.plan("quick", members())
    present = {(c.statement, c.divergence, c.support, c.layer) for c in plan.cells}
    excused = {(c.statement, c.divergence, c.support, c.layer) for c, _ in plan.inapplicable}
    for check in registry.checks():
        for member in members():
            for support in check.supports:
                key = (check.statement, member.label, support, check.layer)
                assert (key in present) != (key in excused), key
    assert all(reason for _, reason in plan.inapplicable)


def test_the_full_matrix_contains_the_quick_one() -> None:
    quick, full = (set(registry.plan(effort, members()).cells) for effort in ("quick", "full"))
    assert quick < full


def test_ids_are_unique_and_survive_a_round_trip() -> None:
    cells = registry.plan("full", members()).cells
    assert len({cell.id for cell in cells}) == len(cells)
    assert all(Cell(*cell.id.split("/")) == cell for cell in cells)


def test_tokens_of_one_axis_add_up_and_different_axes_restrict() -> None:
    plan = registry.plan("quick", members(), ["t7", "T8", "KL", "reference"])
    assert {(c.statement, c.divergence, c.support) for c in plan.cells} == {
        ("T7", "kl", "reference"),
        ("T8", "kl", "reference"),
    }
    assert not plan.mutants
    assert registry.plan("quick", members(), ["mutants"]).mutants


def test_a_full_id_is_taken_whatever_the_effort() -> None:
    every = [
        cell.id
        for check in registry.checks()
        if (check.statement, check.layer) == ("T7", "verification")
        for cell in check.cells("kl", "space", "all")
    ]
    for name in every:
        assert [cell.id for cell in registry.plan("quick", members(), [name]).cells] == [name]


@pytest.mark.parametrize(
    ("token", "near"),
    [("pearsn", "pearson"), ("T77", "T7"), ("T7/kl/hardball/space/k0/verification", "hard_ball")],
)
def test_an_unknown_token_names_the_nearest(token: str, near: str) -> None:
    with pytest.raises(InputError, match=near) as raised:
        registry.plan("quick", members(), [token])
    assert repr(token) in str(raised.value)


def test_an_empty_choice_is_refused() -> None:
    with pytest.raises(InputError, match="leaves no cell"):
        registry.plan("quick", members(), ["T3", "hard_ball"])


def test_the_seed_of_a_cell_depends_on_its_id_and_the_seed_alone() -> None:
    first, again, other, cell = (
        seed_of(name, seed).integers(2**60) for name, seed in (("a", 0), ("a", 0), ("a", 1), ("b", 0))
    )
    assert first == again
    assert len({first, other, cell}) == 3


def test_a_context_without_samples_is_vacuous() -> None:
    empty = context()
    empty.tried = 2
    empty.miss("nothing fits")
    result = empty.result(0.0, 0)
    assert result.outcome is Outcome.VACUOUS
    assert result.note == "nothing fits"
    assert result.effective == 0


def test_the_worst_claim_and_the_weakest_grade_count() -> None:
    ctx = context()
    ctx.tried = 1
    assert ctx.claim("fine", 1e-12, 1e-9, Grade.ENCLOSED)
    assert ctx.claim("close", 5e-10, 1e-9, Grade.SAMPLED)
    result = ctx.result(0.0, 0)
    assert (result.outcome, result.grade, result.claim) == (Outcome.HOLDS, Grade.SAMPLED, "close")
    assert not ctx.claim("broken", math.nan, 1.0)
    failed = ctx.result(0.0, 0)
    assert (failed.outcome, failed.claim, failed.note) == (Outcome.FAILS, "broken", "1 of 3 claims fail")


def test_results_survive_the_cache_file() -> None:
    result = execute(CELL, 0, "quick")
    assert result.outcome is Outcome.HOLDS
    assert result.grade is Grade.ENCLOSED
    assert result.effective == result.tried > 0
    text = json.dumps(encode(result))
    assert json.dumps(encode(decode(json.loads(text)))) == text


def test_a_cell_gives_the_same_numbers_in_any_company() -> None:
    def numbers(only: list[str], jobs: int) -> dict[str, object]:
        found = run(registry.plan("quick", members(), only), seed=3, effort="quick", jobs=jobs)
        return {r.cell.id: (r.gap, r.width, r.outcome) for r in found.results}

    alone = numbers([CELL.id], 1)
    assert alone[CELL.id] == numbers([CELL.id, "T3", "kl"], 2)[CELL.id]


def test_a_check_that_raises_fails_with_its_exception() -> None:
    class Broken(Formulas):
        def dro(self, problem: Problem) -> DualPoint:
            raise ZeroDivisionError(f"nothing left of {len(problem.p)}")

    result = execute(CELL, 0, "quick", formulas=Broken)
    assert result.outcome is Outcome.FAILS
    assert "raised ZeroDivisionError: nothing left of" in result.note


def test_a_skipped_cell_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def skip(_: Context) -> None:
        raise SkipCell("torch is not installed")

    check = registry.check_of(CELL)
    monkeypatch.setattr("verification.matrix.runner.check_of", lambda _: type(check)("T7", "words", skip))
    result = execute(CELL, 0, "quick")
    assert (result.outcome, result.note) == (Outcome.SKIPPED, "torch is not installed")


def test_a_resumed_run_takes_over_what_is_finished_and_skips_a_damaged_line(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "cache.jsonl"
    plan = registry.plan("quick", members(), ["T3", "kl"])
    first = run(plan, seed=0, effort="quick", jobs=1, cache=Cache(path, resume=False))
    assert first.reused == 0
    with path.open("a") as handle:
        handle.write('{"key": "cut sho')
    again = run(plan, seed=0, effort="quick", jobs=1, cache=Cache(path, resume=True))
    coded = [cell for cell in plan.cells if cell.layer != "formal"]  # those are read anew from what Coq said
    assert again.reused == len(coded)
    assert 0 < len(coded) < len(plan.cells)
    kept, made = (
        [json.dumps(encode(r)) for r in each.results if r.cell.layer != "formal"] for each in (again, first)
    )
    assert kept == made
    assert run(plan, seed=1, effort="quick", jobs=1, cache=Cache(path, resume=True)).reused == 0


def test_an_interrupted_run_returns_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = registry.plan("quick", members(), ["T3", "kl", "pearson"])
    count = 0

    def once(cell: Cell, *_: object) -> object:
        nonlocal count
        count += 1
        if count > 1:
            raise KeyboardInterrupt
        return execute(cell, 0, "quick")

    monkeypatch.setattr("verification.matrix.runner.execute", once)
    partial = run(plan, seed=0, effort="quick", jobs=1)
    assert partial.interrupted
    assert len(partial.results) == 1 < len(plan.cells)


def test_a_blank_axis_is_a_dash() -> None:
    assert all(c.cost == NONE and c.kappa == NONE for c in registry.plan("quick", members(), ["T3"]).cells)
