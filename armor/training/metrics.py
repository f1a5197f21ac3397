"""A run's metrics as files for other programs: one record per epoch, as JSON lines, CSV and TensorBoard."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from armor.errors import require
from armor.files import write_atomically

__all__ = ["Board", "flat", "write"]


def flat(record: dict[str, Any]) -> dict[str, Any]:
    """The numbers and names of a record in one level: `validation.robust`; lists are left out."""
    found: dict[str, Any] = {}
    for key, value in record.items():
        if isinstance(value, dict):
            found |= {f"{key}.{name}": inner for name, inner in value.items()}
        elif not isinstance(value, list) and key != "validation":
            found[key] = value
    return found


def write(folder: Path, history: Sequence[dict[str, Any]]) -> None:
    """`metrics.jsonl` and `metrics.csv` in `folder`, from all records anew."""
    lines = "".join(json.dumps(record) + "\n" for record in history)
    write_atomically(folder / "metrics.jsonl", lines.encode())
    rows = [flat(record) for record in history]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    buffer = io.StringIO()
    table = csv.DictWriter(buffer, columns, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_atomically(folder / "metrics.csv", buffer.getvalue().encode())


class Board:
    """TensorBoard event files in `folder`, from the records after `epochs` ones.

    Raises `armor.errors.MissingExtraError` without the package `tensorboard`.
    """

    def __init__(self, folder: Path, epochs: int) -> None:
        require("tensorboard")
        from torch.utils.tensorboard import SummaryWriter

        # What a killed run has written beyond the records is dropped.
        self.writer = SummaryWriter(str(folder), purge_step=epochs + 1)

    def add(self, record: dict[str, Any]) -> None:
        """One epoch."""
        for key, value in flat(record).items():
            if isinstance(value, int | float) and key not in ("epoch", "step"):
                self.writer.add_scalar(key.replace(".", "/"), value, record["epoch"])
        self.writer.flush()

    def close(self) -> None:
        """Close the files."""
        self.writer.close()
