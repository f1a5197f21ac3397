"""The committed result of `armor verify` that the pages show."""

import gzip
import json
from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import Any

from companion import DOCS

__all__ = ["GRADES", "cells_of", "grades", "is_current", "result"]

GRADES = ("formal", "proved", "enclosed", "bracketed", "sampled", "cited")
FILE = DOCS / "evidence" / "verify.json.gz"


@cache
def result() -> Mapping[str, Any]:
    """`docs/evidence/verify.json.gz`: what `armor verify --full --json-file` wrote, compressed."""
    found: Mapping[str, Any] = json.loads(gzip.decompress(FILE.read_bytes()))
    return found


def is_current() -> bool:
    """Whether the result belongs to the present code and packages."""
    from verification.matrix.cache import code_hash

    return bool(result()["code"] == code_hash())


def cells_of(statement: str) -> list[Mapping[str, Any]]:
    """The cells of one statement."""
    return [cell for cell in result()["cells"] if cell["cell"].split("/")[0] == statement]


def grades(cells: list[Mapping[str, Any]]) -> Counter[str]:
    """Cells that hold, by grade."""
    return Counter(cell["grade"] for cell in cells if cell["outcome"] == "holds" and cell["grade"])
