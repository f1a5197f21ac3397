"""The formal layer of the matrix: the theorems that a statement names, asked of the compiled Coq library.

A cell holds when every theorem that covers its divergence exists there, closed under the allowed axioms, and
no source admits anything. What Coq printed is kept by the content of the compiled files, so that it is asked
once.
"""

import contextlib
import hashlib
import importlib.util
import json
import math
import os
import shutil
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO

from theory.evidence import Grade
from verification.matrix.cache import default_path
from verification.matrix.cells import NONE, Check, Context, InapplicableCell, SkipCell
from verification.matrix.theory_layer import derivation_of, derived_statements

__all__ = ["formal_checks", "prepare"]


def _folder() -> Path:
    found = importlib.util.find_spec("theory")
    places = [Path(root) / "formal" for root in found.submodule_search_locations or ()] if found else []
    for place in places:
        if (place / "theorems.json").is_file() and (place / "assumptions.py").is_file():
            return place
    raise SkipCell("the Coq sources are not part of this installation")


@lru_cache
def _script(folder: Path) -> ModuleType:
    """`assumptions.py` of the Coq sources, which are no Python package."""
    spec = importlib.util.spec_from_file_location("armor_d_assumptions", folder / "assumptions.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _compiled(folder: Path) -> str:
    """The digest of the compiled library; `SkipCell` where it is missing or older than its sources."""
    listed = (folder / "theorems.json").read_bytes()
    modules = {each["module"] for each in json.loads(listed)}
    digest = hashlib.sha256(listed)
    sources = sorted(path for path in folder.glob("*.v") if path.stem != "Extraction")
    for source in sources:
        library = source.with_suffix(".vo")
        if not library.is_file():
            if source.stem not in modules:
                continue
            raise SkipCell("the proofs are not compiled: make formal")
        if library.stat().st_mtime < source.stat().st_mtime:
            raise SkipCell(f"the compiled proofs are older than {source.name}: make formal")
        digest.update(library.read_bytes())
    return digest.hexdigest()[:16]


def _record(known: str) -> Path:
    """Where the answers about the library with this digest are kept."""
    return default_path().parent / f"formal-{known}.json"


def prepare(stream: TextIO) -> None:
    """Ask Coq in this process if nobody did yet, so that no two workers ask at once; half a minute, once."""
    with contextlib.suppress(SkipCell):
        folder = _folder()
        if not _record(_compiled(folder)).is_file() and shutil.which("coqtop") is not None:
            print("asking Coq about its theorems (once per compiled library)", file=stream, flush=True)
        _answers()


@lru_cache
def _answers() -> tuple[dict[str, dict[str, Any]], frozenset[str], tuple[str, ...]]:
    """What Coq says of each theorem (by qualified name), the allowed axioms, and the holes in the sources."""
    folder = _folder()
    script = _script(folder)
    listed = json.loads((folder / "theorems.json").read_text(encoding="utf-8"))
    record = _record(_compiled(folder))
    answers: list[dict[str, Any]]
    try:
        answers = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        if shutil.which("coqtop") is None:
            raise SkipCell("Coq is not installed, and nobody asked it about these proofs before") from None
        answers = script.ask(listed)
        record.parent.mkdir(parents=True, exist_ok=True)
        part = record.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps(answers), encoding="utf-8")
        part.replace(record)
    holes = [
        f"{source.name} contains {word}"
        for source in sorted(folder.glob("*.v"))
        for word in script.holes(source.read_text(encoding="utf-8"))
    ]
    table = {f"ArmorD.{each['module']}.{each['theorem']}": each for each in answers}
    return table, frozenset(script.ALLOWED), tuple(holes)


def _run(context: Context) -> None:
    derivation = derivation_of(context)
    if not derivation.formal:
        raise InapplicableCell("no machine-checked theorem covers this divergence")
    table, allowed, holes = _answers()
    listing = [f"{name}: {table.get(name, {}).get('says', 'not listed')}" for name in derivation.formal]
    numbers = {"listing": listing, "steps": {"formal": len(derivation.formal)}}
    context.tried += 1
    context.claim(
        f"no source admits anything{': ' + '; '.join(holes) if holes else ''}",
        math.inf if holes else 0.0,
        0.0,
        Grade.FORMAL,
        numbers,
    )
    for name in derivation.formal:
        answer = table.get(name, {"error": "theorems.json does not list it"})
        extra = sorted(set(answer.get("assumptions", ())) - allowed)
        wrong = answer.get("error") or (f"it assumes {', '.join(extra)}" if extra else "")
        words = f"{name} is a theorem of the compiled library" + (f": {wrong}" if wrong else "")
        context.claim(words, math.inf if wrong else 0.0, 0.0, Grade.FORMAL, numbers)


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
        for number, title, formal in derived_statements()
        if formal
    )
