"""Every entry of every row of the paper's tables against an independent transcription of it."""

import tomllib
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from armor import recipes
from armor.recipes.tables import rows, tables

ROOT = Path(__file__).parents[2]
PAPER: dict[str, Any] = tomllib.loads((ROOT / "tests/data/paper_rows.toml").read_text(encoding="utf-8"))
ROWS: dict[str, dict[str, Any]] = {row["recipe"]: row for row in PAPER["row"]}
DERIVED: dict[str, dict[str, Any]] = {row["recipe"]: row for row in PAPER["derived"]}


def _recipe(entries: dict[str, Any], name: str) -> recipes.Recipe:
    """The recipe with these entries "table.key", all others at their defaults."""
    content: dict[str, Any] = {}
    for key, value in entries.items():
        table, _, entry = key.partition(".")
        content.setdefault(table, {})[entry] = value
    return recipes.from_mapping(content, name)


@cache
def _expected(name: str) -> dict[str, Any]:
    """The entries of a recipe as the transcription has them."""
    if name in DERIVED:
        return _expected(DERIVED[name]["from"]) | DERIVED[name]["set"]
    row = ROWS[name]
    family, loss = "mnist" if name.startswith("mnist") else "cifar", row["published"]["method.loss"]
    unsaid = [PAPER["unsaid"].get(key, {}) for key in (family, loss)]
    found = PAPER["common"][family] | unsaid[0] | unsaid[1] | row["published"]
    return found | {key: change["to"] for key, change in row.get("changed", {}).items()}


def _same(found: recipes.Recipe, expected: recipes.Recipe) -> None:
    mine, theirs = (recipes.to_mapping(replace(recipe, title="")) for recipe in (found, expected))
    assert mine == theirs


@pytest.mark.parametrize("name", [*ROWS, *DERIVED])
def test_a_recipe_is_its_row_entry_by_entry(name: str) -> None:
    _same(recipes.find(name), _recipe(_expected(name), name))


def test_every_recipe_of_every_table_is_transcribed() -> None:
    used = {row.recipe for table in tables() for row in rows(table, "full")}
    assert used == {*ROWS, *DERIVED}
    assert len(ROWS) == 13


@pytest.mark.parametrize("name", ROWS)
def test_what_differs_from_the_published_row_is_said(name: str) -> None:
    """In the comment of the recipe or on the page of the full tables, word for word."""
    row = ROWS[name]
    texts = [
        files("armor.recipes").joinpath(f"{name}.toml").read_text(encoding="utf-8").replace("\n# ", " "),
        (ROOT / "docs/results/full_length.md").read_text(encoding="utf-8"),
    ]
    for key, change in row.get("changed", {}).items():
        published = PAPER["common"]["mnist" if name.startswith("mnist") else "cifar"] | row["published"]
        assert change["to"] != published[key], f"{key} is as published: nothing is changed"
        assert any(change["said"] in " ".join(text.split()) for text in texts), f"{key} is changed unsaid"
    if row["published"]["method.loss"] == "mart":
        assert "1.0001 and 1.0000001" in texts[0]


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if "at" in row])
def test_the_row_at_its_published_radius(name: str) -> None:
    found = [
        row for row in rows("cifar100", "full") if row.recipe == name and row.folder.endswith("r001-seed0")
    ]
    row = next(row for row in found if "none" not in row.folder)
    expected = _recipe(_expected(name) | ROWS[name]["at"]["0_01"], name)
    _same(recipes.find(row.recipe, row.settings), expected)


@pytest.mark.parametrize("table", [table for table in tables() if table != "cifar10-duals"])
@pytest.mark.parametrize("scale", ["cpu", "full"])
def test_every_reweighting_has_a_row_that_differs_in_nothing_else(table: str, scale: str) -> None:
    """Otherwise one could not tell the re-weighting from the loss, the attack or the radius beside it."""

    def but(recipe: recipes.Recipe) -> dict[str, Any]:
        content = recipes.to_mapping(replace(recipe, title=""))
        free = ("divergence",) if recipe.method.loss == "udr" else ("divergence", "epsilon", "kappa")
        if recipe.method.loss not in ("trades", "mart"):
            free = (*free, "beta")
        for key in free:
            del content["method"][key]
        return content

    made = {row.folder: row for row in rows(table, scale) if row.seed == 0}
    found = [recipes.find(row.recipe, row.settings) for row in made.values()]
    plain = [but(recipe) for recipe in found if recipe.method.divergence == "none"]
    weighted = [recipe for recipe in found if recipe.method.divergence != "none"]
    assert weighted
    assert all(but(recipe) in plain for recipe in weighted)
    # None is there twice.
    assert len({repr(content) for content in plain}) == len(plain)
    # And the table knows which it is.
    for row, recipe in zip(made.values(), found, strict=True):
        if recipe.method.divergence == "none":
            assert row.control is None
        else:
            control = made[str(row.control)]
            other = recipes.find(control.recipe, control.settings)
            assert other.method.divergence == "none"
            assert but(other) == but(recipe)


def test_mnist_is_evaluated_by_what_is_published() -> None:
    for table in ("mnist", "fashion_mnist"):
        for row in rows(table, "full"):
            assert {"fgsm", "pgd40"} <= set(row.attacks.split(","))
            assert row.images is None
            assert row.radius == "1/10"
