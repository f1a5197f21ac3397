"""The formal layer of the matrix: the theorems that a statement names, as Coq knows them.

A cell holds when every theorem that covers its divergence exists in the compiled library as `theorems.json`
records it, closed under the allowed axioms, no source admits anything, and every definition that the theorems
speak of is as `definitions.json` records it. `make formal` asks Coq and keeps the answers beside the digest
of the compiled files; answers about other files are not read.
"""

import importlib.util
import json
import math
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from theory.render.plain import prose
from verification.matrix.cells import NONE, Check, Context, InapplicableCell, SkipCell
from verification.matrix.theory_layer import derivation_of, derived_statements

__all__ = ["formal_checks"]


def _folder() -> Path:
    found = importlib.util.find_spec("theory")
    places = [Path(root) / "formal" for root in found.submodule_search_locations or ()] if found else []
    for place in places:
        if (place / "theorems.json").is_file() and (place / "assumptions.py").is_file():
            return place
    raise SkipCell("the Coq sources are not part of this installation")


def _script(folder: Path) -> ModuleType:
    """`assumptions.py` of the Coq sources, which are no Python package."""
    spec = importlib.util.spec_from_file_location("armor_d_assumptions", folder / "assumptions.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@lru_cache
def _answers() -> tuple[dict[str, dict[str, Any]], dict[str, str], tuple[str, ...]]:
    """What Coq says of each theorem (by qualified name), what is wrong with some of them, and what is wrong
    with all of them: holes in the sources, changed definitions.
    """
    folder = _folder()
    script = _script(folder)
    try:
        answers, definitions = script.kept(folder)
    except ValueError as error:
        raise SkipCell(str(error)) from None
    holes = [
        f"{source.name} contains {word}"
        for source in sorted(folder.glob("*.v"))
        for word in script.holes(source.read_text(encoding="utf-8"))
    ]
    holes += [
        f"{name} is not as recorded in definitions.json"
        for name in script.weakened(script.recorded_definitions(folder), definitions)
    ]
    recorded = {_name(each): each for each in json.loads((folder / "theorems.json").read_text("utf-8"))}
    table = {_name(each): each for each in answers}
    wrong = {}
    for name, answer in table.items():
        extra = sorted(set(answer.get("assumptions", ())) - script.ALLOWED)
        if "error" in answer:
            wrong[name] = str(answer["error"])
        elif changed := script.differences(recorded.get(name, {}), answer):
            wrong[name] = f"it is not as recorded in theorems.json: {', '.join(changed)}"
        elif extra:
            wrong[name] = f"it assumes {', '.join(extra)}"
    return table, wrong, tuple(holes)


def _name(entry: dict[str, Any]) -> str:
    return f"ArmorD.{entry['module']}.{entry['theorem']}"


def _run(context: Context) -> None:
    derivation = derivation_of(context)
    if not derivation.formal:
        raise InapplicableCell("no machine-checked theorem covers this divergence")
    table, wrong, holes = _answers()
    listing = [f"{name}: {table.get(name, {}).get('says', 'not listed')}" for name in derivation.formal]
    grade = derivation.formal_grade
    numbers = {"listing": listing, "steps": {grade.value: len(derivation.formal)}}
    context.remark = prose(derivation.formal_scope)
    about = f" ({context.remark})" if context.remark else ""
    context.tried += 1
    context.claim(
        "no source admits anything, every definition is as recorded"
        + (f": {'; '.join(holes)}" if holes else ""),
        math.inf if holes else 0.0,
        0.0,
        grade,
        numbers,
    )
    for name in derivation.formal:
        reason = wrong.get(name, "" if name in table else "theorems.json does not list it")
        words = f"{name} is a theorem of the compiled library{about}" + (f": {reason}" if reason else "")
        context.claim(words, math.inf if reason else 0.0, 0.0, grade, numbers)


@lru_cache
def formal_checks() -> tuple[Check, ...]:
    """One check per statement that names machine-checked theorems."""
    return tuple(
        Check(
            number,
            title,
            _run,
            layer="formal",
            costs=(NONE,),
            supports=(NONE,),
            kappas=(NONE,),
            breadth=(1, 1),
            samples=(1, 1),
        )
        for number, title, formal, _ in derived_statements()
        if formal
    )
