"""Paired comparisons: McNemar's test and the bootstrap against slow and exact answers, records, tables."""

import json
from dataclasses import replace
from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from armor.errors import InputError
from armor.evaluation.attacks import parse
from armor.evaluation.compare import compare, mcnemar, paired_with, shown_p
from armor.evaluation.evaluate import AttackResult, Evaluation
from armor.evaluation.intervals import Accuracy, wilson
from armor.evaluation.plots import learning_curves, table_plot
from armor.evaluation.record import Conditions, Progress, read_record, write_record
from armor.evaluation.subject import file_digest
from armor.evaluation.table import NOT_BEGUN, collect, is_done
from armor.numbers import ratio
from armor.recipes import find, to_mapping
from armor.recipes.schema import Validation
from armor.recipes.tables import SCALES, Row, rows, tables
from armor.training.trainer import finished


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_exact_binomial_test(a: int, b: int) -> None:
    expected = stats.binomtest(a, a + b, 0.5).pvalue if a + b else 1.0
    assert mcnemar(a, b) == pytest.approx(expected, rel=1e-9)


def test_mcnemar_of_many_images_does_not_overflow() -> None:
    assert mcnemar(3000, 3000) == 1.0
    assert 0 < mcnemar(2900, 3100) < 0.02


def test_a_p_value_below_every_float_is_not_shown_as_zero() -> None:
    right = np.arange(6000) < 5500
    paired = compare(right, ~right & (np.arange(6000) < 5501))
    assert paired.p_value == 0.0  # as a float: 2^-5500 is none
    assert shown_p(paired.p_value) == "p < 1e-300"
    assert shown_p(0.0312) == "p = 0.031"


def test_mcnemar_by_enumeration() -> None:
    extreme = sum(min(sum(coins), 7 - sum(coins)) <= 1 for coins in product((0, 1), repeat=7))
    assert mcnemar(1, 6) == extreme / 2**7


def test_the_bootstrap_agrees_with_resampling_images() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.random(400) < 0.6, rng.random(400) < 0.5
    found = compare(first, second)
    index = rng.integers(0, 400, (20_000, 400))
    slow = first[index].mean(1) - second[index].mean(1)
    low, high = np.quantile(slow, (0.025, 0.975))
    assert found.difference == pytest.approx(first.mean() - second.mean())
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.006)
    assert compare(first, second) == found
    swapped = compare(second, first)
    assert swapped.difference == -found.difference
    assert swapped.p_value == found.p_value


def test_the_bootstrap_covers_the_truth() -> None:
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(300):
        images = rng.random(300)
        found = compare(images + 0.3 * rng.normal(size=300) < 0.6, images + 0.3 * rng.normal(size=300) < 0.6)
        inside += found.low <= 0 <= found.high
    assert 0.90 <= inside / 300 <= 0.99


def test_several_seeds_are_paired_by_image_and_by_seed() -> None:
    rng = np.random.default_rng(2)
    image = rng.random(500)  # how hard an image is: the answers of different seeds go together
    first, second = (
        np.stack([image + 0.2 * rng.normal(size=500) < 0.6 + s for _ in range(3)]) for s in (0.1, 0)
    )
    found = compare(first, second)
    by_seed = first.mean(1) - second.mean(1)
    assert found.by_seed == pytest.approx(by_seed)
    assert found.difference == pytest.approx(by_seed.mean())
    assert found.p_value is None
    assert (found.only_first, found.only_second) == ((first & ~second).sum(), (~first & second).sum())
    interval = stats.t.interval(0.95, 2, loc=by_seed.mean(), scale=stats.sem(by_seed))
    assert (found.seeds_low, found.seeds_high) == pytest.approx(interval)
    index = rng.integers(0, 500, (20_000, 500))
    apart = first.mean(0) - second.mean(0)
    low, high = np.quantile(apart[index].mean(1), (0.025, 0.975))
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.004)
    # The same run three times is no more evidence than the run once.
    once, thrice = compare(first[0], second[0]), compare(np.stack([first[0]] * 3), np.stack([second[0]] * 3))
    assert (thrice.low, thrice.high) == pytest.approx((once.low, once.high))
    assert thrice.seeds_low is thrice.seeds_high is None  # no spread, no interval over seeds
    assert thrice.to_mapping()["seed_interval"] is None


def test_other_images_cannot_be_compared() -> None:
    with pytest.raises(InputError, match="same images"):
        compare(np.ones(3, bool), np.ones(4, bool))


def _evaluation(seed: int, n: int = 37, radius: str = "8/255", shift: float = 0.0) -> Evaluation:
    generator = torch.Generator().manual_seed(seed)
    right = torch.rand(n, generator=generator) < 0.7 + shift
    robust = right & (torch.rand(n, generator=generator) < 0.6 + shift)
    spec = parse("pgd20", norm="linf", radius=ratio(radius, "radius"))[0]
    attack = AttackResult(spec, Accuracy.of(int(robust.sum()), n), robust)
    return Evaluation(n, Accuracy.of(int(right.sum()), n), right, (attack,))


def test_records_come_back(tmp_path: Path) -> None:
    one, two = _evaluation(0), _evaluation(1)
    write_record(tmp_path / "new" / "a.json", one, {"outcome": "holds"}, "model")
    found = read_record(tmp_path / "new" / "a.json")
    assert np.array_equal(found.right["pgd20"], one.attacks[0].right.numpy())
    assert found.result["natural"] == one.natural.to_mapping()
    assert paired_with(one, found)["pgd20"].p_value == 1.0
    paired = paired_with(two, found)
    assert paired["natural"].difference == pytest.approx(two.natural.accuracy - one.natural.accuracy)
    with pytest.raises(InputError, match="30 images here, 37 in the record"):
        paired_with(_evaluation(0, 30), found)
    with pytest.raises(InputError, match="radius"):
        paired_with(_evaluation(0, radius="4/255"), found)
    conditions = Conditions("digest", "cifar10", "a" * 64, 37, 40, 0, 250)
    assert paired_with(one, found, conditions)  # a record that does not say of what is taken at its word
    write_record(tmp_path / "b.json", one, None, "model", conditions)
    known = read_record(tmp_path / "b.json")
    assert paired_with(one, known, replace(conditions, model="another"))["natural"].difference == 0.0
    with pytest.raises(InputError, match="images of mnist here, of cifar10 in the record"):
        paired_with(one, known, replace(conditions, dataset="mnist"))
    with pytest.raises(InputError, match="others than those of the record"):
        paired_with(one, known, replace(conditions, images="b" * 64))


def test_answers_that_end_inside_a_batch_are_not_taken(tmp_path: Path) -> None:
    """The random starts of the rest would be those of another batch."""
    spec = parse("pgd20", norm="linf", radius=ratio("8/255", "radius"))
    conditions = Conditions("digest", "cifar10", "images", 37, 40, 0, 10)
    for done, taken in ((7, False), (20, True), (37, True)):
        Progress(tmp_path / "a.json", conditions, spec).keep("pgd20", torch.ones(done, dtype=torch.bool))
        assert ("pgd20" in Progress(tmp_path / "a.json", conditions, spec).find()) is taken
    smaller = parse("pgd20", norm="linf", radius=ratio("4/255", "radius"))
    assert not Progress(tmp_path / "a.json", conditions, smaller).find()  # answers in another ball
    write_record(tmp_path / "a.json", _evaluation(0), None, "model", conditions)
    assert "pgd20" in Progress(tmp_path / "a.json", conditions, spec).find()
    assert not Progress(tmp_path / "a.json", conditions, smaller).find()
    others = replace(conditions, images="other images")  # of the same data set, as many: another file
    assert not Progress(tmp_path / "a.json", others, spec).find()


def test_nothing_recorded_is_lost_to_other_conditions(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    spec = parse("pgd20", norm="linf", radius=ratio("8/255", "radius"))
    made = [Conditions(digest, "cifar10", "images", 37, 40, 0, 10) for digest in "abc"]
    for conditions in made:
        write_record(path, _evaluation(0), None, "model", conditions)
    kept = [tmp_path / f"a.json{end}" for end in (".old", ".old2", "")]
    assert [read_record(p).result["conditions"]["model"] for p in kept] == ["a", "b", "c"]
    for conditions in made:
        Progress(path, conditions, spec).keep("pgd20", torch.ones(10, dtype=torch.bool))
    kept = [tmp_path / f"a.json.partial{end}" for end in (".old", ".old2", "")]
    assert [json.loads(p.read_text())["conditions"]["model"] for p in kept] == ["a", "b", "c"]
    write_record(path, _evaluation(0), None, "model", made[0])  # of others than the unfinished one
    assert kept[-1].exists()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"n": 9, "attacks": [], "right": {"natural": "00"}}',
        '{"n": 8, "attacks": [], "right": {"natural": "zz"}}',
        '{"n": 8, "attacks": [{"name": "fgsm"}], "right": {"natural": "00"}}',
    ],
)
def test_damaged_records(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    with pytest.raises(InputError, match="no evaluation at"):
        read_record(path)
    path.write_text(text)
    with pytest.raises(InputError, match="not a recorded evaluation"):
        read_record(path)


@pytest.mark.parametrize("table", tables())
@pytest.mark.parametrize("scale", SCALES)
def test_every_row_of_every_table_is_a_valid_run(table: str, scale: str) -> None:
    found = rows(table, scale)
    folders = [row.folder for row in found]
    assert len(set(folders)) == len(folders)
    for row in found:
        recipe = find(row.recipe, row.settings)
        assert recipe.training.seed == row.seed
        assert recipe.data.name == table.removesuffix("-duals")
        assert ratio(row.radius, "radius") == recipe.attack.radius  # trained and evaluated at one radius
        assert row.baseline is None or row.baseline in folders
        parse(row.attacks, norm="linf", radius=recipe.attack.radius)
        reach = recipe.attack.steps * recipe.attack.step / recipe.attack.radius
        assert reach > 1  # the attack gets to the end of its ball
        assert scale == "full" or reach == Fraction(3, 2)
    if scale == "full":
        assert {row.seed for row in found} == {0, 1, 2}


def test_unknown_tables_and_scales() -> None:
    with pytest.raises(InputError, match="'cifar10'"):
        rows("cifar-10", "smoke")
    with pytest.raises(InputError, match="'smoke'"):
        rows("cifar10", "smokes")


SHORT = ("training.epochs=2",)


def _rows() -> list[Row]:
    return [
        Row(
            label,
            "cifar10-smoke",
            seed,
            (*SHORT, f"training.seed={seed}"),
            f"{label}-seed{seed}",
            against and f"{against}-seed{seed}",
            "pgd20",
            None,
            "8/255",
        )
        for seed in (0, 1)
        for label, against in (("plain", None), ("armor", "plain"))
    ]


def _run(root: Path, row: Row, *, epochs: int = 2) -> Path:
    """The files of a run of `row` that stands after `epochs`; its folder."""
    folder = root / row.folder
    folder.mkdir(exist_ok=True)
    recipe = find(row.recipe, row.settings)
    described = {"name": recipe.name, **to_mapping(recipe)}
    (folder / "recipe.json").write_text(json.dumps(described))
    records = [{"epoch": k + 1, "seconds": 60.0 * (k + 1)} for k in range(epochs)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    (folder / "best.pt").write_text(row.folder)
    return folder


def _record(folder: Path, evaluation: Evaluation, images: str = "images", total: int = 37) -> None:
    conditions = Conditions(file_digest(folder / "best.pt"), "cifar10", images, evaluation.n, total, 0, 250)
    write_record(folder / "evaluation.json", evaluation, None, folder.name, conditions)


def test_the_table_collects_what_is_there(tmp_path: Path) -> None:
    made = _rows()
    empty = collect("t", made, tmp_path)
    assert empty.entries == ()
    assert dict(empty.missing) == dict.fromkeys([row.folder for row in made], NOT_BEGUN)
    evaluations = {}
    for k, row in enumerate(made[:3]):
        evaluations[row.folder] = _evaluation(k, shift=0.1 * (row.label == "armor"))
        _record(_run(tmp_path, row), evaluations[row.folder])
    table = collect("t", made, tmp_path)
    assert dict(table.missing) == {"armor-seed1": NOT_BEGUN}
    assert table.seconds == (120.0,) * 3
    entry = next(e for e in table.entries if e.label == "plain" and e.attack == "pgd20")
    shares = [evaluations[f"plain-seed{s}"].attacks[0].accuracy.accuracy for s in (0, 1)]
    assert entry.accuracy == pytest.approx(np.mean(shares))
    assert (entry.lowest, entry.highest) == (min(shares), max(shares))
    # Two runs on the same 37 images are no 74 images.
    assert entry.interval == pytest.approx(wilson(37 * float(np.mean(shares)), 37))
    assert entry.paired is None
    armor = next(e for e in table.entries if e.label == "armor" and e.attack == "natural")
    expected = compare(evaluations["armor-seed0"].right.numpy(), evaluations["plain-seed0"].right.numpy())
    assert armor.paired == expected
    assert not is_done(made[3], tmp_path)
    assert is_done(made[0], tmp_path)
    assert not is_done(replace(made[0], attacks="pgd20,autoattack@200"), tmp_path)
    assert not is_done(replace(made[0], images=36), tmp_path)
    text = table.markdown()
    assert text.count("\n| plain | ") == 2
    assert f"Not computed yet ({NOT_BEGUN}): armor-seed1." in text
    json.dumps([e.to_mapping() for e in table.entries])
    table_plot(table, tmp_path / "t.png")
    assert (tmp_path / "t.png").read_bytes().startswith(b"\x89PNG")


def test_a_damaged_record_is_missing_and_the_others_are_shown(tmp_path: Path) -> None:
    for row in _rows():
        _record(_run(tmp_path, row), _evaluation(len(row.label)))
    damaged = tmp_path / "armor-seed1" / "evaluation.json"
    damaged.write_text(damaged.read_text()[:-40])
    table = collect("t", _rows(), tmp_path)
    assert list(table.missing) == ["armor-seed1"]
    assert str(damaged) in table.missing["armor-seed1"]
    assert {e.label: e.seeds for e in table.entries} == {"plain": 2, "armor": 1}
    assert not is_done(_rows()[3], tmp_path)


def test_seeds_that_agree_show_no_interval_over_seeds(tmp_path: Path) -> None:
    for row in _rows():
        _record(_run(tmp_path, row), _evaluation(len(row.label)))
    table = collect("t", _rows(), tmp_path)
    _, _, *lines = [line.split("|") for line in table.markdown().splitlines() if line.startswith("|")]
    apart = next(e.paired for e in table.entries if e.label == "armor" and e.attack == "pgd20")
    assert apart is not None
    assert lines[-1][9].strip() == " ".join([f"{100 * apart.difference:+.1f}"] * 2)


def test_a_row_meets_its_control_beside_its_baseline(tmp_path: Path) -> None:
    """Only a table in which the two differ has the columns and the panel for it."""
    made = [
        replace(_rows()[0], label=name, folder=name, baseline=against, control=control)
        for name, against, control in (("a", None, None), ("b", "a", None), ("c", "a", "b"), ("d", "a", "a"))
    ]
    right = {}
    for k, row in enumerate(made):
        evaluation = _evaluation(k, shift=0.1 * k)
        right[row.label] = evaluation.right.numpy()
        _record(_run(tmp_path, row), evaluation)
    table = collect("t", made, tmp_path)
    entries = {e.label: e for e in table.entries if e.attack == "natural"}
    assert table.controlled
    assert entries["c"].paired == compare(right["c"], right["a"])
    assert entries["c"].alone == compare(right["c"], right["b"])
    assert entries["d"].alone == entries["d"].paired
    assert entries["b"].alone is None
    head, _, *lines = [line for line in table.markdown().splitlines() if line.startswith("|")]
    assert "re-weighting alone" in head
    assert {line.count("|") for line in (head, *lines)} == {12}
    table_plot(table, tmp_path / "three.png")
    same = collect("t", made[::3], tmp_path)
    assert not same.controlled
    assert "alone" not in same.markdown()
    table_plot(same, tmp_path / "two.png")
    wide, narrow = (
        int.from_bytes((tmp_path / f"{name}.png").read_bytes()[16:20], "big") for name in ("three", "two")
    )
    assert wide > narrow


def test_a_row_is_done_only_by_its_own_whole_evaluation(tmp_path: Path) -> None:
    """Each way to fall short is a reason of its own, and what falls short is in no entry of the table."""
    made = _rows()
    row = made[0]
    folder = _run(tmp_path, row)

    def lacks() -> str | None:
        table = collect("t", [row], tmp_path)
        assert is_done(row, tmp_path) == (not table.missing)
        assert all(e.n == 37 for e in table.entries)
        return table.missing.get(row.folder)

    assert lacks() == "not evaluated"
    _record(folder, _evaluation(0))
    assert lacks() is None
    _record(folder, _evaluation(0, n=10))
    assert lacks() == "evaluated on 10 images, not on 37"
    _record(folder, _evaluation(0, radius="1/255"))
    assert lacks() == "without pgd20 at its radius 8/255"
    assert {e.attack for e in collect("t", [row], tmp_path).entries} == {"natural"}
    _record(folder, _evaluation(0))
    (folder / "best.pt").write_text("a later epoch was better")
    assert "other weights" in str(lacks())
    _record(folder, _evaluation(0))
    older = json.loads((folder / "evaluation.json").read_text())
    del older["conditions"]["images"]
    (folder / "evaluation.json").write_text(json.dumps(older))
    assert lacks() == "evaluated, but the record does not tell on which images"
    write_record(folder / "evaluation.json", _evaluation(0), None, "a record that does not say of what")
    assert "other weights" in str(lacks())
    _record(_run(tmp_path, row, epochs=1), _evaluation(0))
    assert lacks() == "its training stands after epoch 1 of 2"
    assert not collect("t", [row], tmp_path).entries
    _record(_run(tmp_path, replace(row, settings=("training.epochs=2", "training.seed=7"))), _evaluation(0))
    assert lacks() == "a run of another recipe is in its folder"
    (folder / "recipe.json").write_text("{")
    assert lacks() == "a run of another recipe is in its folder"


def test_answers_to_different_images_do_not_meet_in_a_table(tmp_path: Path) -> None:
    made = _rows()[:2]
    _record(_run(tmp_path, made[0]), _evaluation(0))
    _record(_run(tmp_path, made[1]), _evaluation(0), images="others")
    with pytest.raises(InputError, match="armor-seed0 was evaluated on other images than plain-seed0"):
        collect("t", made, tmp_path)


def test_a_run_whose_patience_is_over_is_finished() -> None:
    recipe = find("cifar10-smoke", ["training.epochs=9", "validation.patience=2"])
    history = [
        {"epoch": k + 1, "validation": {"robust": r, "natural": 0.5}} for k, r in enumerate((0.2, 0.3, 0.1))
    ]
    assert not finished(history, recipe)
    assert finished([*history, {"epoch": 4, "validation": None}], recipe)
    assert not finished(
        [*history, {"epoch": 4, "validation": None}], replace(recipe, validation=Validation())
    )


def test_learning_curves_of_a_run_without_validation(tmp_path: Path) -> None:
    history = [
        {"epoch": k, "loss": 2.0 / k, "adversarial_accuracy": 0.1 * k, "validation": None} for k in (1, 2)
    ]
    learning_curves(history, "t", tmp_path / "c.png")
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")
