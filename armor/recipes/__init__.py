"""Recipes: a training run as a validated TOML file, with `--set table.key=value` on top.

`find` reads a shipped recipe by name or a file by path; what it returns is checked through and through.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Any

from armor.errors import InputError
from armor.naming import known
from armor.recipes.schema import Recipe
from armor.restarts import check_restarts

__all__ = ["Recipe", "find", "from_mapping", "names", "to_mapping"]

_TABLES = {f.name: f.type for f in fields(Recipe) if f.name not in ("name", "title")}


def names() -> tuple[str, ...]:
    """Names of the shipped recipes."""
    entries = files("armor.recipes").iterdir()
    return tuple(sorted(e.name.removesuffix(".toml") for e in entries if e.name.endswith(".toml")))


def _keys() -> list[str]:
    return [f"{table}.{f.name}" for table, kind in _TABLES.items() for f in fields(kind)]  # type: ignore[arg-type]


def from_mapping(content: Mapping[str, Any], name: str) -> Recipe:
    """The recipe that `content` (tables of entries) describes.

    Raises:
        InputError: an unknown key (the nearest known one is named), or a value of the wrong type or range.
    """
    chosen: dict[str, Any] = {}
    for table, entries in content.items():
        if table == "title":
            if not isinstance(entries, str):
                raise InputError(f"recipe {name}: title = {entries!r} is not text")
            chosen["title"] = entries
            continue
        if table not in _TABLES:
            known(table, f"table in recipe {name}:", _TABLES)
        if not isinstance(entries, Mapping):
            raise InputError(f"recipe {name}: {table} = {entries!r} is not a table of entries")
        kind: Any = _TABLES[table]
        readers = {f.name: f.metadata["read"] for f in fields(kind)}
        values = {}
        for key, value in entries.items():
            if key not in readers:
                # The right key may belong to another table, so all of them are compared.
                known(f"{table}.{key}", f"key in recipe {name}:", _keys())
            values[key] = readers[key](value, f"recipe {name}: {table}.{key}")
        chosen[table] = kind(**values)
    recipe = Recipe(name=name, **chosen)
    _check_together(recipe)
    return recipe


def _check_together(recipe: Recipe) -> None:
    where = f"recipe {recipe.name}:"
    images, held = recipe.validation.images, recipe.data.validation
    if images > held > 0:
        raise InputError(f"{where} validation.images = {images} exceeds data.validation = {held}")
    if recipe.data.limit and recipe.data.limit < recipe.training.batch:
        raise InputError(
            f"{where} training.batch = {recipe.training.batch} exceeds data.limit = {recipe.data.limit}"
        )
    if recipe.optimizer.nesterov and recipe.optimizer.momentum == 0.0:
        raise InputError(f"{where} optimizer.nesterov = true needs optimizer.momentum > 0")
    if recipe.training.ema and recipe.training.swa:
        raise InputError(f"{where} training.ema and training.swa exclude each other")
    if recipe.training.swa > recipe.training.epochs:
        raise InputError(
            f"{where} training.swa = {recipe.training.swa} exceeds training.epochs = "
            f"{recipe.training.epochs}: nothing would be averaged"
        )
    if (recipe.data.name == "malware") != (recipe.attack.cost == "flips"):
        raise InputError(
            f"{where} attack.cost = {recipe.attack.cost!r} does not fit data.name = {recipe.data.name!r}: "
            "binary features take flips, and only they do"
        )
    if recipe.attack.moves != "all" and recipe.data.name != "malware":
        raise InputError(
            f"{where} attack.moves = {recipe.attack.moves!r} does not fit data.name = {recipe.data.name!r}: "
            "only binary features have a malicious class"
        )
    crop, flip, cutout = recipe.augment.crop, recipe.augment.flip, recipe.augment.cutout
    if recipe.data.name == "malware" and (crop or flip or cutout):
        raise InputError(
            f"{where} binary features are not augmented: set augment.crop = 0, augment.flip = false"
        )
    if (recipe.data.name == "malware") != (recipe.model.name == "mlp"):
        raise InputError(f"{where} model.name = {recipe.model.name!r} does not fit {recipe.data.name!r}")
    soft = recipe.attack.cost != "ball"
    if soft != (recipe.method.loss == "udr"):
        wanted = "a soft attack.cost" if not soft else 'attack.cost = "ball"'
        raise InputError(
            f"{where} method.loss = {recipe.method.loss!r} needs {wanted}, not {recipe.attack.cost!r}"
        )
    if recipe.attack.norm == "linf" and recipe.attack.radius > 1:
        raise InputError(f"{where} attack.radius = {recipe.attack.radius} exceeds 1, the range of a pixel")
    attack = recipe.attack
    check_restarts(
        attack.restarts,
        random=attack.start != "none" or attack.cost == "flips",
        keeps_best=attack.keep == "best" or soft,
        prefix=f"{where} attack.",
    )
    if recipe.dual.mode != "exact" and recipe.method.divergence in ("none", {"name": "none"}):
        raise InputError(f"{where} dual.mode = {recipe.dual.mode!r} needs a divergence, not 'none'")


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Fraction):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def to_mapping(recipe: Recipe) -> dict[str, Any]:
    """Plain values (for checkpoints and JSON), from which `from_mapping` makes an equal recipe."""
    content: dict[str, Any] = _plain(recipe)
    del content["name"]
    return content


def _value(text: str) -> Any:
    """`text` as a TOML value; anything that is none (8/255, cosine) is a string."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _apply(content: dict[str, Any], settings: Iterable[str]) -> None:
    for setting in settings:
        key, equals, text = setting.partition("=")
        table, dot, entry = key.strip().partition(".")
        if not equals or not dot or not entry:
            raise InputError(f"--set {setting!r} is not of the form table.key=value")
        if table in content and not isinstance(content[table], dict):
            raise InputError(f"--set {setting!r}: {table!r} is not a table")
        content.setdefault(table, {})[entry] = _value(text.strip())


def find(name: str, settings: Iterable[str] = ()) -> Recipe:
    """The recipe called `name` (shipped) or in the file `name` (a path to TOML), with `settings` applied.

    Args:
        name: a name out of `names()`, or a path that ends in .toml.
        settings: entries "table.key=value", later ones win.

    Raises:
        InputError: no such recipe, not TOML, or a refused entry.
    """
    path = Path(name)
    if path.suffix == ".toml" or "/" in name:
        try:
            text, label = path.read_text(encoding="utf-8"), path.stem
        except FileNotFoundError:
            raise InputError(f"no recipe file {name}") from None
        except UnicodeDecodeError:
            raise InputError(f"{name}: not a TOML file (it is not text)") from None
    else:
        label = known(name, "recipe", names())
        text = files("armor.recipes").joinpath(f"{label}.toml").read_text(encoding="utf-8")
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{name}: not valid TOML ({error})") from None
    _apply(content, settings)
    return from_mapping(content, label)
