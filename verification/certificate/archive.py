"""The archive of a large certificate: arrays of doubles and texts in an `.npz` file, read without pickle.

Fields: `format`, `divergence` (JSON text; a user's `f` with its limits), `support`, `cost` (a matrix, or with
points `x`, `y` the JSON text of `{"norm", "power", "scale"}`, perhaps with `"radius"`, `"tau"`,
`"barrier"`), `p`, `q` (weights, divided by their exact sums), the prices `g`, the plan's `rows`, `columns`,
`mass`, the `singular` masses, and the `claim` (lower, upper).
"""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["FIELDS", "FORMAT", "SLACK", "load_large"]

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
        ValueError: the file is not such an archive.
    """
    if not zipfile.is_zipfile(path):
        raise ValueError("it is no zip archive")
    with np.load(path, allow_pickle=False) as archive:
        content = {name: archive[name] for name in archive.files}
    return {name: str(v) if v.dtype.kind == "U" and v.ndim == 0 else v for name, v in content.items()}
