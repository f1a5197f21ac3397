"""The machine-checked theorems: which statement each belongs to, and its text from the Coq source."""

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from companion import ROOT

__all__ = ["shown", "text_of", "theorems"]

FORMAL = ROOT / "theory" / "formal"


@cache
def theorems() -> tuple[Mapping[str, Any], ...]:
    """`theorems.json`: statement, theorem, module, one line of English, closed type, premises and axioms each."""
    return tuple(json.loads((FORMAL / "theorems.json").read_text(encoding="utf-8")))


def shown(entry: Mapping[str, Any]) -> Iterator[str]:
    """A theorem as its source states it, with the premises that its section adds, and the axioms it rests on."""
    text = text_of(entry)
    if text:
        yield "```coq"
        yield text
        yield "```"
    premises = ", ".join(f"`{premise}`" for premise in entry["hypotheses"])
    yield f"Premises, those of its section included: {premises or 'none'}. Closed:"
    yield ""
    yield "```coq"
    yield from textwrap.wrap(
        entry["type"], 118, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
    yield "```"
    yield ""
    axioms = ", ".join(f"`{name.rpartition('.')[2]}`" for name in entry["assumptions"])
    yield f"Axioms: {axioms or 'none'}."
    yield ""


def text_of(entry: Mapping[str, Any]) -> str:
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
