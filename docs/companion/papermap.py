"""Where a statement stands in the paper: `docs/paper_map.toml`."""

import tomllib
from collections.abc import Mapping
from functools import cache
from typing import Any

from companion import DOCS

__all__ = ["place"]

_FIELDS = {"theorem": str, "equation": str, "page": int}


@cache
def _map() -> Mapping[str, Mapping[str, Any]]:
    from theory.statement import statements

    found = tomllib.loads((DOCS / "paper_map.toml").read_text(encoding="utf-8"))
    for name, entry in found.items():
        if name not in statements() or not isinstance(entry, dict):
            raise SystemExit(f"docs/paper_map.toml: {name!r} is not a statement with a table of its own")
        for field, value in entry.items():
            if not isinstance(value, _FIELDS.get(field, type(None))):
                raise SystemExit(
                    f"docs/paper_map.toml: {name}.{field} = {value!r}; the fields are theorem and equation "
                    "(text) and page (a whole number)"
                )
    return found


def place(statement: str) -> str:
    """`Theorem 3.1, equation (12), page 9`, or "number not known here"."""
    entry = _map().get(statement, {})
    parts = [
        entry.get("theorem", ""),
        f"equation {entry['equation']}" if "equation" in entry else "",
        f"page {entry['page']}" if "page" in entry else "",
    ]
    return ", ".join(part for part in parts if part) or "number not known here"
