"""The archive of a large certificate: arrays of doubles and texts in an `.npz` file, read without pickle.

Fields: `format`, `divergence` (JSON text; a user's `f` with its limits), `support`, `cost` (a matrix, or with
points `x`, `y` the JSON text of `{"norm", "power", "scale"}`, perhaps with `"radius"`, `"tau"`,
`"barrier"`), `p`, `q` (weights, divided by their exact sums), the prices `g`, the plan's `rows`, `columns`,
`mass`, the `singular` masses, and the `claim` (lower, upper).
"""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["FIELDS", "FORMAT", "SLACK", "described", "load_large", "real"]

FORMAT = "armor-d-certificate 1 large"
FIELDS = {
    "format",
    "divergence",
    "support",
    "cost",
    "p",
    "q",
    "g",
    "rows",
    "columns",
    "mass",
    "singular",
    "claim",
}
SLACK = 1e-11  # relative mass that a column of the plan may be off; the rest is put exactly on one entry


def load_large(path: Path) -> dict[str, Any]:
    """The arrays and texts of a large certificate, read without pickle.

    Raises:
        OSError: the file cannot be opened.
        ValueError: the file is not such an archive.
    """
    with path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            raise ValueError("it is no zip archive")
        file.seek(0)
        try:
            with np.load(file, allow_pickle=False) as archive:
                content = {name: archive[name] for name in archive.files}
        except Exception:  # one wrong byte of it makes zip, zlib or NumPy raise nearly anything
            raise ValueError("the archive is damaged, or holds something else than arrays") from None
    return {name: str(v) if v.dtype.kind == "U" and v.ndim == 0 else v for name, v in content.items()}


def described(fields: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The object that a field holds as JSON text.

    Raises:
        ValueError: the field is no such text.
    """
    text = fields[name]
    if not isinstance(text, str):
        raise ValueError(f"the {name} is not a text")
    try:
        content = json.loads(text)
    except RecursionError:
        raise ValueError(f"the {name} is nested too deeply") from None
    except ValueError:  # also a number of more digits than Python reads
        raise ValueError(f"the {name} is not valid JSON") from None
    if not isinstance(content, dict):
        raise ValueError(f"the {name} is not an object")
    return content


def real(rule: Mapping[str, Any], key: str) -> float:
    """A number of a cost, "inf" allowed as text.

    Raises:
        ValueError: it is missing, or no number that a double can hold.
    """
    value = rule.get(key)
    if value == "inf":
        return float("inf")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"the cost's {key} is not a number")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"the cost's {key} is beyond the doubles") from None
