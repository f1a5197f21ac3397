"""Small pieces of MyST Markdown: escaped prose, tables, badges."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from companion.evidence import GRADES

__all__ = ["badge", "escaped", "grade_counts", "mathematics", "number", "prose", "table"]

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$])")


def escaped(text: object) -> str:
    """Plain text that Markdown leaves alone."""
    return _SPECIAL.sub(r"\\\1", str(text))


def prose(text: str) -> str:
    """Prose with formulas between `$`, as derivations write it, with typographic quotes and dashes."""
    parts = text.split("$")
    for k, part in enumerate(parts):
        if k % 2:
            parts[k] = mathematics(part)
        else:
            clean = part.replace("``", "“").replace("''", "”").replace("--", "–")
            parts[k] = escaped(clean)
    return "".join(parts)


def mathematics(latex: str) -> str:
    """An inline formula; `|` would end a cell of a table."""
    return "$" + " ".join(latex.split()).replace(r"\|", r"\Vert ").replace("|", r"\vert ") + "$"


def badge(grade: str) -> str:
    """The grade as a coloured word."""
    return f"[{grade}]{{.grade .grade-{grade}}}"


def grade_counts(counts: Mapping[str, int]) -> str:
    """`35 proved, 13 bracketed`, as badges; "none" for nothing."""
    return " ".join(f"{counts[grade]} {badge(grade)}" for grade in GRADES if counts.get(grade)) or "none"


def table(head: Sequence[str], rows: Iterable[Sequence[Any]], right: Sequence[int] = ()) -> str:
    """A pipe table; cells are Markdown already, columns in `right` are aligned to the right."""
    line = [("---:" if k in right else "---") for k in range(len(head))]
    lines = [head, line, *[["" if cell is None else str(cell) for cell in row] for row in rows]]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def number(value: object) -> str:
    """A gap or width as two digits, "0" for zero, blank for what was not measured."""
    if value is None:
        return ""
    if isinstance(value, str):
        return {"inf": "∞", "-inf": "−∞"}.get(value, value)
    return "0" if value == 0 else f"{float(value):.1e}"  # type: ignore[arg-type]
