"""The one table of a reproduction: accuracies over seeds, and each row paired with its baseline."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from armor.evaluation.compare import Paired, compare
from armor.evaluation.intervals import wilson
from armor.evaluation.record import Record, read_record
from armor.recipes.tables import Row

__all__ = ["Entry", "Table", "collect"]


@dataclass(frozen=True)
class Entry:
    """Accuracy of one row under one attack ("natural" included), over its seeds.

    Attributes:
        label, attack: which. seeds: how many runs there are. n: images per run.
        accuracy: mean over the seeds. lowest, highest: over the seeds.
        interval: Wilson, 95 %, of all answers together (it leaves out how runs with other seeds would
        differ). paired: comparison with the baseline row, the answers of equal seeds side by side; None
        without one.
    """

    label: str
    attack: str
    seeds: int
    n: int
    accuracy: float
    lowest: float
    highest: float
    interval: tuple[float, float]
    paired: Paired | None

    def to_mapping(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            "label": self.label,
            "attack": self.attack,
            "seeds": self.seeds,
            "n": self.n,
            "accuracy": self.accuracy,
            "lowest": self.lowest,
            "highest": self.highest,
            "interval": list(self.interval),
            "paired": None if self.paired is None else self.paired.to_mapping(),
        }


@dataclass(frozen=True)
class Table:
    """What has been computed so far of a table; `missing` are the folders of runs without an evaluation."""

    title: str
    entries: tuple[Entry, ...]
    missing: tuple[str, ...]

    def markdown(self) -> str:
        """The table for people."""
        lines = [f"# {self.title}", ""]
        lines.append("| row | attack | seeds | accuracy | over seeds | 95 % interval | against baseline |")
        lines.append("| --- | --- | ---: | ---: | --- | --- | --- |")
        for e in self.entries:
            low, high = (100 * v for v in e.interval)
            paired = ""
            if e.paired is not None:
                a, b = 100 * e.paired.low, 100 * e.paired.high
                paired = f"{100 * e.paired.difference:+.2f} [{a:+.2f}, {b:+.2f}], p = {e.paired.p_value:.2g}"
            lines.append(
                f"| {e.label} | {e.attack} | {e.seeds} | {100 * e.accuracy:.2f} % "
                f"| {100 * e.lowest:.2f} … {100 * e.highest:.2f} | {low:.2f} … {high:.2f} | {paired} |"
            )
        if self.missing:
            lines += ["", f"Not computed yet: {', '.join(self.missing)}."]
        return "\n".join(lines) + "\n"


def _entry(label: str, attack: str, records: Sequence[Record], baselines: Sequence[Record]) -> Entry:
    right = [record.right[attack] for record in records]
    shares = [float(bits.mean()) for bits in right]
    together = np.concatenate(right)
    paired = None
    if baselines and all(attack in b.right for b in baselines):
        paired = compare(together, np.concatenate([b.right[attack] for b in baselines]))
    return Entry(
        label,
        attack,
        len(records),
        right[0].size,
        float(np.mean(shares)),
        min(shares),
        max(shares),
        wilson(int(together.sum()), together.size),
        paired,
    )


def collect(title: str, rows: Sequence[Row], root: Path) -> Table:
    """Make the table from the evaluations found below `root`; what is missing is named, not guessed."""
    found: dict[str, Record] = {}
    missing = []
    for row in rows:
        path = root / row.folder / "evaluation.json"
        if path.is_file():
            found[row.folder] = read_record(path)
        else:
            missing.append(row.folder)
    entries = []
    for label in dict.fromkeys(row.label for row in rows):
        mine = [row for row in rows if row.label == label and row.folder in found]
        for attack in dict.fromkeys(name for row in mine for name in found[row.folder].right):
            runs = [row for row in mine if attack in found[row.folder].right]
            records = [found[row.folder] for row in runs]
            complete = all(row.baseline is not None and row.baseline in found for row in runs)
            baselines = [found[row.baseline] for row in runs if row.baseline] if complete else []
            entries.append(_entry(label, attack, records, baselines))
    return Table(title, tuple(entries), tuple(missing))
