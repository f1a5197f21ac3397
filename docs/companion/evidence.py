"""The committed result of `armor verify` that the pages show."""

import gzip
import json
from collections import Counter
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from typing import Any

from companion import DOCS

__all__ = ["FILE", "GRADES", "cells_of", "faults", "grades", "other_versions", "result"]

GRADES = ("formal", "proved", "enclosed", "bracketed", "sampled", "cited")
FILE = DOCS / "evidence" / "verify.json.gz"


@cache
def result() -> Mapping[str, Any]:
    """`docs/evidence/verify.json.gz`: what `armor verify --full --json-file` wrote, compressed."""
    found: Mapping[str, Any] = json.loads(gzip.decompress(FILE.read_bytes()))
    return found


def faults(found: Mapping[str, Any] | None = None) -> str:
    """What keeps a result (by default the committed one) from being shown as that of the present code; "" for none."""
    from verification.matrix.cache import code_meaning

    found = result() if found is None else found
    if found["effort"] != "full" or found["interrupted"]:
        return "it is not the result of a whole `armor verify --full`"
    if not found["holds"]:
        return f"not everything holds in it ({found['verdict']})"
    if skipped := [cell["cell"] for cell in found["cells"] if cell["outcome"] == "skipped"]:
        return f"{len(skipped)} cells were skipped, {skipped[0]} among them (`make formal` first, for those of Coq)"
    if found.get("sources") != (now := code_meaning()):
        return f"it was recorded for code with the hash {found.get('sources', '(none)')}, the present one is {now}"
    return ""


def other_versions() -> list[str]:
    """Packages whose version here is another than where the result was computed, as `numpy 2.1.0 (here 2.2.0)`."""
    differing = []
    for name, version in result()["versions"].items():
        if name != "python":
            try:
                here = metadata.version(name)
            except metadata.PackageNotFoundError:
                here = "absent"
            if here != version:
                differing.append(f"{name} {version} (here {here})")
    return differing


def cells_of(statement: str) -> list[Mapping[str, Any]]:
    """The cells of one statement."""
    return [cell for cell in result()["cells"] if cell["cell"].split("/")[0] == statement]


def grades(cells: list[Mapping[str, Any]]) -> Counter[str]:
    """Cells that hold, by grade."""
    return Counter(cell["grade"] for cell in cells if cell["outcome"] == "holds" and cell["grade"])
