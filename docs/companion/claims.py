"""The paper's public claims on the reviewer's page: how each stands, and the walk down to a certificate."""

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from companion import DOCS, hypotheses
from companion.certificates import Offered
from companion.coq import theorems
from companion.evidence import cells_of, grades
from companion.text import badge, grade_counts, mathematics, table

__all__ = ["claims", "fragments"]


def claims() -> Sequence[Mapping[str, Any]]:
    """`docs/claims.toml`; `SystemExit` where it names a statement or theorem that does not exist, or lacks a field."""
    from theory.statement import statements

    found: list[Mapping[str, Any]] = tomllib.loads((DOCS / "claims.toml").read_text("utf-8"))["claim"]
    owner = {entry["theorem"]: entry["statement"] for entry in theorems()}
    for claim in found:
        if set(claim) != {"words", "statements", "formal", "stands"} or not set(claim["statements"]) <= set(
            statements()
        ):
            raise SystemExit(
                f"claims.toml: words, statements (known ones), formal and stands are needed: {claim}"
            )
        shown, proved = {owner.get(name) for name in claim["formal"]}, set(owner.values())
        if shown != proved & set(claim["statements"]) or "Coq" in claim["stands"]:
            raise SystemExit(
                "claims.toml: formal names theorems of theorems.json, at least one of each statement that has some, and stands "
                f"leaves Coq to it: {claim}"
            )
    return found


def _cell(markdown: str) -> str:
    """Markdown whose formulas do not end a cell of a table."""
    return "".join(mathematics(part) if k % 2 else part for k, part in enumerate(markdown.split("$")))


def _formal(names: Sequence[str]) -> str:
    return f"; in Coq: {', '.join(f'`{name}`' for name in names)}" if names else ""


def _link(statement: str) -> str:
    return f"[{statement}](generated/statements/{statement.lower()}.md)"


def fragments(offered: Mapping[str, Offered]) -> dict[str, str]:
    """The table of the claims, and that of the walks."""
    standing, walks = [], []
    for claim in claims():
        names = claim["statements"]
        proved = sum(entry["statement"] in names for entry in theorems())
        counts = grade_counts(grades([cell for name in names for cell in cells_of(name)]))
        formal = f"{proved} {badge('formal')} theorems, " if proved else ""
        standing.append(
            [
                _cell(claim["words"]),
                ", ".join(map(_link, names)),
                _cell(claim["stands"]) + _formal(claim["formal"]),
                f"{formal}cells: {counts}",
            ]
        )
        for k, name in enumerate(names):
            by_hand = hypotheses.label(name, "An instance to redo by hand")
            first = offered[name].certificates[0]
            walks.append(
                [
                    _cell(claim["words"]) if k == 0 else "",
                    _link(name),
                    f"[by hand](#{by_hand})",
                    f"{{download}}`{first.file} <generated/certificates/{first.file}>`",
                    f"`{first.command}` → `[{float(first.lower):.9g}, {float(first.upper):.9g}]`",
                ]
            )
    return {
        "claims": table(["claim", "statement", "how it stands", "evidence"], standing),
        "walks": table(["claim", "1. statement", "2. instance", "3. certificate", "4. re-check"], walks),
    }
