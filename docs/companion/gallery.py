"""What the gallery of tutorials leaves out: words for its pictures, and running again when the code changed.

A tutorial says what its picture shows in a comment `# alt: ...` (lines that follow, also comments, belong to it).
"""

import re
import shutil
from pathlib import Path
from typing import Any

from companion import DOCS, GENERATED

__all__ = ["alt", "describe", "forget"]

_THUMB = re.compile(
    r"(\.\. image:: /generated/tutorials/images/thumb/sphx_glr_(\w+)_thumb\.png\n\s+:alt:)[^\n]*"
)
_IMAGE = re.compile(r"(\.\. image-sg:: /generated/tutorials/images/sphx_glr_\w+\.png\n\s+:alt:)[^\n]*")


def alt(script: Path) -> str:
    """What the picture of a tutorial shows, from the script. Raises `SystemExit` where it does not say."""
    found = re.search(r"^# alt: (.*(?:\n# .*)*)", script.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise SystemExit(
            f"docs/tutorials/{script.name} does not say what its picture shows: add a comment `# alt: ...`"
        )
    return " ".join(found[1].replace("\n# ", " ").split())


def describe(app: Any, docname: str, source: list[str]) -> None:
    """Put the words on the pictures of the gallery and of its pages, as they are read."""
    del app
    folder, _, name = docname.rpartition("/")
    if folder != "generated/tutorials":
        return
    here = DOCS / "tutorials"
    source[0] = _THUMB.sub(lambda found: f"{found[1]} {alt(here / f'{found[2]}.py')}", source[0])
    if (here / f"{name}.py").is_file():
        source[0] = _IMAGE.sub(lambda found: f"{found[1]} {alt(here / f'{name}.py')}", source[0])


def forget() -> None:
    """Have every tutorial run again: the gallery looks at its text alone, not at the code that it calls."""
    shutil.rmtree(GENERATED / "tutorials", ignore_errors=True)
