"""Whether what is committed beside the pages (evidence, recorded outputs, pictures) still belongs to the code.

Something stale ends the build with a sentence that says what to run. `ARMOR_DOCS_DRAFT=1` builds all the same, for who
is at work on the code: then every page carries a banner, and what is stale says so where it is shown.
"""

import hashlib
import json
import os
from functools import cache
from typing import Any

from companion import DOCS, ROOT

__all__ = ["banner", "is_draft", "require", "stale", "warning"]


def is_draft() -> bool:
    """Whether a draft was asked for. Raises `SystemExit` for a value of ARMOR_DOCS_DRAFT other than 0 and 1."""
    value = os.environ.get("ARMOR_DOCS_DRAFT", "")
    if value not in {"", "0", "1"}:
        raise SystemExit(f"ARMOR_DOCS_DRAFT is 1 for a draft, or 0, not {value!r}")
    return value == "1"


@cache
def stale() -> dict[str, str]:
    """A sentence for each thing that is not of the present code, by what it is about: `evidence`, `pictures`, or
    `recorded NAME`."""
    found = {"evidence": _evidence(), "pictures": _pictures()}
    from companion import record

    for name in record.names():
        entry = record.load(name)
        then = f"run `make docs-record ARGS={name}`" + (f" (it needs {entry.needs})" if entry.needs else "")
        changed = [file for file, digest in entry.digests().items() if digest != entry.made[file]]
        if entry.hash != (now := entry.current()):
            found[f"recorded {name}"] = (
                f"docs/recorded/{name}.toml shows the output of code with the hash {entry.hash or '(none)'}, the present one "
                f"is {now}: {then}"
            )
        elif changed:
            found[f"recorded {name}"] = (
                f"{changed[0]} is not the file that docs/recorded/{name}.toml describes: {then}"
            )
    return {key: sentence for key, sentence in found.items() if sentence}


def require() -> None:
    """End the build where something is stale and no draft was asked for; raises `SystemExit`."""
    if stale() and not is_draft():
        raise SystemExit(
            "\n".join(stale().values())
            + "\n`make docs-record` makes everything anew that is stale; `ARMOR_DOCS_DRAFT=1 make docs` builds a draft."
        )


def banner() -> str:
    """HTML at the head of every page of a draft; empty where nothing is stale."""
    if not stale():
        return ""
    return f"<strong>Draft.</strong> Not of the present code: {', '.join(stale())}."


def warning(key: str) -> str:
    """Markdown that stands beside what is stale in a draft; empty where it is not."""
    return f"```{{warning}}\n{stale()[key]}.\n```\n\n" if key in stale() else ""


def _evidence() -> str:
    from companion.evidence import FILE, faults

    found = faults()
    return f"{FILE.relative_to(ROOT)}: {found}: run `make docs-record ARGS=evidence`" if found else ""


def _pictures() -> str:
    from companion import images

    file = DOCS / "pictures" / "images.json"
    made: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")).get("made", {})
    then = "run `make docs-pictures` (it needs CIFAR-10 in $ARMOR_DATA)"
    for name, digest in sorted(made.get("pictures", {}).items()):
        path = file.parent / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            return f"docs/pictures/{name} is not the picture that images.json describes: {then}"
    if extra := {path.name for path in file.parent.glob("*.png")} - set(made.get("pictures", {})):
        return f"docs/pictures/{min(extra)} is described by nothing in images.json: {then}"
    if made.get("code") != (now := images.code()):
        return f"docs/pictures were made by code with the hash {made.get('code', '(none)')}, the present one is {now}: {then}"
    return ""
