"""Figures of the committed results that other pages quote."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from companion import DOCS
from companion.text import table

__all__ = ["fragments"]

FILE = DOCS / "results" / "cifar10_duals.json"
# The rows quoted, and the attacks from the weakest to the strongest.
ROWS = ("TRADES", "TRADES + ARMOR-KL, exact dual")
ATTACKS = {"pgd10": "PGD-10", "cw10": "CW-10", "autoattack@200": "AutoAttack"}


def _entries() -> Mapping[tuple[str, str], Mapping[str, Any]]:
    found = json.loads(FILE.read_text(encoding="utf-8"))
    return {(entry["label"], entry["attack"]): entry for entry in found["entries"]}


def _percent(entry: Mapping[str, Any]) -> str:
    low, high = entry["interval"]
    return f"{entry['accuracy']:.1%} [{low:.1%}, {high:.1%}]"


def _attacks() -> Iterator[str]:
    entries = _entries()
    yield table(
        ["row", *(f"{words} ({entries[ROWS[0], name]['n']} images)" for name, words in ATTACKS.items())],
        [[row, *(_percent(entries[row, name]) for name in ATTACKS)] for row in ROWS],
    )


def fragments() -> dict[str, str]:
    """Name and Markdown of each fragment; `KeyError` when a quoted row has left the results."""
    return {"attacks": "\n".join(_attacks()) + "\n"}
