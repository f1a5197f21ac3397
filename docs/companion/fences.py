"""Every block of code on a page says how it was checked: live, recorded, or not run and why.

A plain fence may hold text (```` ```text ````): a diagram, a layout of files, a statement. Code in one, and code that is
merely indented, ends the build.
"""

from collections.abc import Iterator
from pathlib import Path

from markdown_it import MarkdownIt

from companion import DOCS

__all__ = ["check", "plain"]

# The derivations are written by the code and compared with it; the other folder is made by the build.
_OTHERS = ("generated", "derivations")


def plain(text: str) -> Iterator[tuple[int, str]]:
    """Line and language ("" for none) of each block of code that is neither a directive nor marked as text."""
    for token in MarkdownIt().parse(text):
        word = token.info.split()[0] if token.info.strip() else ""
        if token.type == "code_block" or (
            token.type == "fence" and word != "text" and not word.startswith("{")
        ):
            yield (token.map or [0])[0] + 1, word


def check(folder: Path = DOCS) -> None:
    """Raise `SystemExit` that names every such block in a page under `folder`."""
    wrong = [
        f"{path.relative_to(folder)}:{line}: a block of code ({word or 'no language'}) that is neither live, recorded nor "
        "marked as not run: write {live}, {live-shell}, {recorded} or {not-run}, or `text` for what is no code"
        for path in sorted(folder.rglob("*.md"))
        if path.relative_to(folder).parts[0] not in _OTHERS
        for line, word in plain(path.read_text(encoding="utf-8"))
    ]
    if wrong:
        raise SystemExit("\n".join(wrong))
