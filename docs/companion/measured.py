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


def _control() -> Iterator[str]:
    """Of the smoke table: TRADES as published, with the loss of the ARMOR row alone, and with its re-weighting too."""
    lines = (DOCS / "results" / "smoke.md").read_text(encoding="utf-8").split("\n")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| TRADES")]
    found = {(row[0], row[1]): row for row in rows}
    names = ("TRADES", "TRADES, loss of the ARMOR-KL row", "TRADES + ARMOR-KL")
    yield table(
        ["row", *(f"{attack} ({found[names[0], attack][2]} images)" for attack in ("natural", "pgd20"))],
        [
            [
                name,
                *(f"{found[name, attack][4]} [{found[name, attack][6]}]" for attack in ("natural", "pgd20")),
            ]
            for name in names
        ],
    )


def fragments() -> dict[str, str]:
    """Name and Markdown of each fragment; `KeyError` when a quoted row has left the results."""
    return {"attacks": "\n".join(_attacks()) + "\n", "control": "\n".join(_control()) + "\n"}
