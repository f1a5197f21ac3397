"""The one table of a reproduction: accuracies over seeds, and each row paired with its baseline."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from armor.evaluation.compare import Paired, compare
from armor.evaluation.intervals import wilson
from armor.evaluation.record import Record, read_record
from armor.recipes.tables import Row

__all__ = ["Entry", "Table", "collect", "is_done"]


@dataclass(frozen=True)
class Entry:
    """Accuracy of one row under one attack ("natural" included), over its seeds.

    Attributes:
        label, attack: which. seeds: how many runs there are. n: images per run.
        accuracy: mean over the seeds. lowest, highest: over the seeds.
        interval: Wilson, 95 %, of the mean accuracy on `n` images (runs on the same images do not count as
        more images).
        paired: comparison with the baseline row, the runs of equal seeds side by side; None without one.
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


def _paired(paired: Paired | None) -> str:
    if paired is None:
        return " | "
    images = f"{100 * paired.difference:+.2f} [{100 * paired.low:+.2f}, {100 * paired.high:+.2f}]"
    if paired.p_value is not None:
        return f"{images}, p = {paired.p_value:.2g} | "
    assert paired.seeds_low is not None
    assert paired.seeds_high is not None
    seeds = " ".join(f"{100 * d:+.1f}" for d in paired.by_seed)
    return f"{images} | {seeds} [{100 * paired.seeds_low:+.2f}, {100 * paired.seeds_high:+.2f}]"


@dataclass(frozen=True)
class Table:
    """What has been computed so far of a table.

    Attributes:
        title: of it. entries: its lines. missing: folders of runs without a whole evaluation.
        machines: what the evaluations ran on, in words.
        seconds: of training, by run, shortest first; what else the machine did meanwhile is not known here.
        reason: why something is missing, as " (…)", or nothing.
    """

    title: str
    entries: tuple[Entry, ...]
    missing: tuple[str, ...]
    machines: tuple[str, ...] = ()
    seconds: tuple[float, ...] = ()
    reason: str = ""

    def markdown(self) -> str:
        """The table for people."""
        lines = [f"# {self.title}", ""]
        lines.append(
            "| row | attack | images | seeds | accuracy | over seeds | 95 % interval "
            "| against baseline, points | by seed |"
        )
        lines.append("| --- | --- | ---: | ---: | ---: | --- | --- | --- | --- |")
        for e in self.entries:
            low, high = (100 * v for v in e.interval)
            lines.append(
                f"| {e.label} | {e.attack} | {e.n} | {e.seeds} | {100 * e.accuracy:.2f} % "
                f"| {100 * e.lowest:.2f} … {100 * e.highest:.2f} | {low:.2f} … {high:.2f} "
                f"| {_paired(e.paired)} |"
            )
        lines += [
            "",
            "Intervals are 95 %: of an accuracy Wilson's over the images, of a difference the bootstrap over "
            "the images (p: McNemar's exact test), by seed Student's t over the seeds.",
        ]
        if self.machines:
            lines += ["", f"Evaluated on {'; '.join(self.machines)}."]
        if self.seconds:
            lines += [
                "",
                f"{len(self.seconds)} runs, trained in {self.seconds[0] / 60:.1f} to "
                f"{self.seconds[-1] / 60:.1f} minutes each.",
            ]
        if self.missing:
            lines += ["", f"Not computed yet{self.reason}: {', '.join(self.missing)}."]
        return "\n".join(lines) + "\n"


def _entry(label: str, attack: str, records: Sequence[Record], baselines: Sequence[Record | None]) -> Entry:
    right = np.stack([record.right[attack] for record in records])
    shares, n = right.mean(1), right.shape[1]
    pairs = [
        (mine, other.right[attack])
        for mine, other in zip(right, baselines, strict=True)
        if other is not None and attack in other.right
    ]
    return Entry(
        label,
        attack,
        len(records),
        n,
        float(shares.mean()),
        float(shares.min()),
        float(shares.max()),
        wilson(right.sum() / len(records), n),
        compare(*(np.stack(side) for side in zip(*pairs, strict=True))) if pairs else None,
    )


def _names(row: Row) -> set[str]:
    return {name.strip() for name in row.attacks.split(",") if name.strip()}


def is_done(row: Row, root: Path) -> bool:
    """Whether the evaluation of `row` below `root` holds all its attacks on all its images.

    Raises:
        InputError: what is there is no record.
    """
    path = root / row.folder / "evaluation.json"
    if not path.is_file():
        return False
    record = read_record(path)
    enough = row.images is None or record.result["n"] == row.images
    return enough and _names(row) <= set(record.right)


def collect(title: str, rows: Sequence[Row], root: Path) -> Table:
    """Make the table from the evaluations found below `root`; what is missing is named, not guessed."""
    found: dict[str, Record] = {}
    missing = []
    for row in rows:
        path = root / row.folder / "evaluation.json"
        if path.is_file():
            found[row.folder] = read_record(path)
        if not is_done(row, root):
            missing.append(row.folder)
    entries = []
    for label in dict.fromkeys(row.label for row in rows):
        mine = [row for row in rows if row.label == label and row.folder in found]
        for attack in dict.fromkeys(name for row in mine for name in found[row.folder].right):
            runs = [row for row in mine if attack in found[row.folder].right]
            records = [found[row.folder] for row in runs]
            baselines = [found.get(row.baseline) if row.baseline else None for row in runs]
            entries.append(_entry(label, attack, records, baselines))
    machines = dict.fromkeys(r.result.get("machine") for r in found.values())
    seconds = sorted(s for row in rows if (s := _seconds(root / row.folder)) is not None)
    return Table(title, tuple(entries), tuple(missing), tuple(m for m in machines if m), tuple(seconds))


def _seconds(folder: Path) -> float | None:
    """Seconds of training that the metrics of the run in `folder` tell."""
    try:
        last = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()[-1]
        return float(json.loads(last)["seconds"])
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None
