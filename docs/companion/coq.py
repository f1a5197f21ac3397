"""The machine-checked theorems: which statement each belongs to, and its text from the Coq source."""

import json
import re
from collections.abc import Mapping
from functools import cache

from companion import ROOT

__all__ = ["text_of", "theorems"]

FORMAL = ROOT / "theory" / "formal"


@cache
def theorems() -> tuple[Mapping[str, str], ...]:
    """`theorems.json`: statement, theorem, module and one line of English each."""
    return tuple(json.loads((FORMAL / "theorems.json").read_text(encoding="utf-8")))


def text_of(entry: Mapping[str, str]) -> str:
    """The statement of a theorem as its source has it, from the keyword to `Proof.`; "" where it is made
    otherwise (by a functor or a definition).
    """
    source = (FORMAL / f"{entry['module']}.v").read_text(encoding="utf-8")
    found = re.search(
        rf"^(?:Theorem|Lemma|Corollary|Fact|Proposition|Remark)\s+{re.escape(entry['theorem'])}\b.*?\.(?=\s*\n\s*Proof|\s+Proof)",
        source,
        re.MULTILINE | re.DOTALL,
    )
    return found.group(0) if found else ""
