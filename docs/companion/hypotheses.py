"""What each hypothesis of a statement is for: `docs/worked/hypotheses.toml`, held against the statements' data."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from companion import DOCS
from companion.scripts import cells
from companion.text import prose

__all__ = ["Purpose", "label", "purposes", "section"]

FILE = DOCS / "worked" / "hypotheses.toml"
SORTS = {
    "shown": "Shown with numbers",
    "harmless": "Harmless to drop",
    "convention": "A convention",
}


@dataclass(frozen=True)
class Purpose:
    """A hypothesis, of which sort it is, why, and the sections (statement, title) that show what it does."""

    hypothesis: str
    sort: str
    why: str
    see: tuple[tuple[str, str], ...]


@cache
def _file() -> Mapping[str, list[Mapping[str, Any]]]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


@cache
def _titles(statement: str) -> tuple[str, ...]:
    """The sections of a statement's worked script, in order."""
    source = (DOCS / "worked" / f"t{int(statement[1:]):02d}.py").read_text(encoding="utf-8")
    return tuple(cell.title for cell in cells(source) if cell.title)


def label(statement: str, title: str) -> str:
    """The target of a section; `SystemExit` when the worked instance has no such section."""
    titles = _titles(statement)
    if title not in titles:
        raise SystemExit(f"{FILE.name}: the worked instance of {statement} has no section {title!r}")
    return f"{statement.lower()}-section-{titles.index(title) + 1}"


def purposes(statement: str, hypotheses: Sequence[str]) -> tuple[Purpose, ...]:
    """One entry per hypothesis; `SystemExit` when the file does not fit the statement's data."""
    entries = _file().get(statement, [])
    if len(entries) != len(hypotheses):
        raise SystemExit(
            f"{FILE.name}: {statement} has {len(hypotheses)} hypotheses, {len(entries)} of them are explained"
        )
    found = []
    for entry, hypothesis in zip(entries, hypotheses, strict=True):
        if entry["given"] not in hypothesis:
            raise SystemExit(f"{FILE.name}: {statement}: {entry['given']!r} is not in {hypothesis!r}")
        see = []
        for name in entry.get("see", []):
            head, _, title = name.partition(": ")
            elsewhere = head[:1] == "T" and head[1:].isdigit()
            see.append((head, title) if elsewhere else (statement, name))
        if entry["sort"] not in SORTS or (entry["sort"] == "shown") != bool(see):
            raise SystemExit(
                f"{FILE.name}: {statement}: sort {entry['sort']!r} does not fit the sections {see}"
            )
        found.append(Purpose(hypothesis, entry["sort"], entry["why"], tuple(see)))
    return tuple(found)


def section(statement: str, hypotheses: Sequence[str]) -> Iterator[str]:
    """The section of a statement's page that says what every hypothesis is for."""
    yield "## What each hypothesis is for"
    yield ""
    for purpose in purposes(statement, hypotheses):
        links = [
            f"[{'' if owner == statement else f'{owner}: '}{prose(title)}](#{label(owner, title)})"
            for owner, title in purpose.see
        ]
        shown = f" {', '.join(links)}." if links else ""
        yield f"- {prose(purpose.hypothesis)}\\"
        yield f"  *{SORTS[purpose.sort]}.* {prose(purpose.why)}{shown}"
    yield ""
