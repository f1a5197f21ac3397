"""Every derivation as `armor derive --format json` gives it, and its page against the committed one."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from companion import DOCS, ROOT

__all__ = ["Documents", "documents", "grades_of", "of_statement"]

Documents = Mapping[str, Mapping[str, Any]]


def _one(name: str) -> tuple[str, str, str]:
    from theory.catalogue import any_divergence
    from theory.documents import members, page
    from theory.render import render

    text, derivations = page(name)
    return name, text, render(any_divergence(members()[name]), derivations, "json")


def _sources() -> str:
    digest = hashlib.sha256()
    for path in sorted((ROOT / "theory").rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def documents(cache: Path) -> Documents:
    """The derivations of every member of the catalogue, by page name; derived once per state of `theory`.

    Raises `SystemExit` when a committed page under `docs/derivations` differs from what the code derives.
    """
    from joblib import Parallel, delayed

    from theory.documents import members

    kept = cache / f"derivations-{_sources()}.json"
    if kept.is_file():
        found = json.loads(kept.read_text(encoding="utf-8"))
    else:
        found = Parallel(n_jobs=2)(delayed(_one)(name) for name in members())
        cache.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(found), encoding="utf-8")
    for name, text, _ in found:
        golden = DOCS / "derivations" / f"{name}.md"
        if not golden.is_file() or golden.read_text(encoding="utf-8") != text:
            raise SystemExit(
                f"docs/derivations/{name}.md is not what the code derives. If the change is meant, run "
                "`python -m theory.documents docs/derivations` and review the difference."
            )
    return {name: json.loads(document) for name, _, document in found}


def of_statement(found: Documents, statement: str) -> dict[str, Mapping[str, Any]]:
    """The derivation of one statement for every member, applicable or not, in the order of the catalogue."""
    return {
        name: item
        for name, document in found.items()
        for item in document["derivations"]
        if item["statement"] == statement
    }


def grades_of(item: Mapping[str, Any]) -> Counter[str]:
    """Steps of one derivation by grade."""
    return Counter(step["grade"] for step in item["steps"])
