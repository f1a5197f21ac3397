"""The one table of a reproduction: accuracies over seeds, and each row paired with its baseline."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from armor.errors import InputError
from armor.evaluation.attacks import parse
from armor.evaluation.compare import Paired, compare, shown_p
from armor.evaluation.intervals import wilson
from armor.evaluation.record import Record, read_record
from armor.evaluation.subject import file_digest
from armor.numbers import ratio
from armor.recipes import Recipe, find, from_mapping
from armor.recipes.tables import Row
from armor.training.trainer import finished

__all__ = ["NOT_BEGUN", "Entry", "Table", "collect", "is_done"]

NOT_BEGUN = "not begun"


@dataclass(frozen=True)
class Entry:
    """Accuracy of one row under one attack ("natural" included), over its seeds.

    Attributes:
        label, attack: which. seeds: how many runs there are. n: images per run.
        accuracy: mean over the seeds. lowest, highest: over the seeds.
        interval: Wilson, 95 %, of the mean accuracy on `n` images (runs on the same images do not count as
        more images).
        paired: comparison with the baseline row, the runs of equal seeds side by side; None without one.
        alone: the same with the row that differs in the re-weighting alone.
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
    alone: Paired | None = None

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
            "alone": None if self.alone is None else self.alone.to_mapping(),
        }


def _paired(paired: Paired | None) -> str:
    if paired is None:
        return " | "
    images = f"{100 * paired.difference:+.2f} [{100 * paired.low:+.2f}, {100 * paired.high:+.2f}]"
    if paired.p_value is not None:
        return f"{images}, {shown_p(paired.p_value)} | "
    seeds = " ".join(f"{100 * d:+.1f}" for d in paired.by_seed)
    if paired.seeds_low is None or paired.seeds_high is None:
        return f"{images} | {seeds}"
    return f"{images} | {seeds} [{100 * paired.seeds_low:+.2f}, {100 * paired.seeds_high:+.2f}]"


@dataclass(frozen=True)
class Table:
    """What has been computed so far of a table.

    Attributes:
        title: of it. entries: its lines. controlled: whether some row is compared with another one than its
        baseline to see what the re-weighting alone does.
        missing: folders of runs without a whole evaluation, and why.
        machines: what the evaluations ran on, in words.
        seconds: of training, by run, shortest first; what else the machine did meanwhile is not known here.
    """

    title: str
    entries: tuple[Entry, ...]
    missing: Mapping[str, str]
    machines: tuple[str, ...] = ()
    seconds: tuple[float, ...] = ()
    controlled: bool = False

    def markdown(self) -> str:
        """The table for people."""
        lines = [f"# {self.title}", ""]
        more = ("| re-weighting alone, points | by seed ", "| --- | --- ") if self.controlled else ("", "")
        lines.append(
            "| row | attack | images | seeds | accuracy | over seeds | 95 % interval "
            f"| against baseline, points | by seed {more[0]}|"
        )
        lines.append(f"| --- | --- | ---: | ---: | ---: | --- | --- | --- | --- {more[1]}|")
        for e in self.entries:
            low, high = (100 * v for v in e.interval)
            lines.append(
                f"| {e.label} | {e.attack} | {e.n} | {e.seeds} | {100 * e.accuracy:.2f} % "
                f"| {100 * e.lowest:.2f} … {100 * e.highest:.2f} | {low:.2f} … {high:.2f} "
                f"| {_paired(e.paired)} |" + (f" {_paired(e.alone)} |" if self.controlled else "")
            )
        lines += [
            "",
            "Intervals are 95 %: of an accuracy Wilson's over the images, of a difference the bootstrap over "
            "the images (p: McNemar's exact test), by seed Student's t over the seeds, where they differ.",
        ]
        if self.controlled:
            lines.append(
                "Re-weighting alone: against the row that differs in nothing else, where this table has it "
                "(the baseline itself, or the one with the loss, cost or radius of the row)."
            )
        if self.machines:
            lines += ["", f"Evaluated on {'; '.join(self.machines)}."]
        if self.seconds:
            lines += [
                "",
                f"{len(self.seconds)} runs, trained in {self.seconds[0] / 60:.1f} to "
                f"{self.seconds[-1] / 60:.1f} minutes each.",
            ]
        for reason in dict.fromkeys(self.missing.values()):
            folders = [folder for folder, why in self.missing.items() if why == reason]
            lines += ["", f"Not computed yet ({reason}): {', '.join(folders)}."]
        return "\n".join(lines) + "\n"


def _against(attack: str, records: Sequence[Record], others: Sequence[Record | None]) -> Paired | None:
    """The runs that have another one beside them, compared with it."""
    pairs = [
        (mine.right[attack], other.right[attack])
        for mine, other in zip(records, others, strict=True)
        if other is not None and attack in other.right
    ]
    return compare(*(np.stack(side) for side in zip(*pairs, strict=True))) if pairs else None


def _entry(
    label: str,
    attack: str,
    records: Sequence[Record],
    baselines: Sequence[Record | None],
    controls: Sequence[Record | None],
) -> Entry:
    right = np.stack([record.right[attack] for record in records])
    shares, n = right.mean(1), right.shape[1]
    return Entry(
        label,
        attack,
        len(records),
        n,
        float(shares.mean()),
        float(shares.min()),
        float(shares.max()),
        wilson(right.sum() / len(records), n),
        _against(attack, records, baselines),
        _against(attack, records, controls),
    )


def _same_recipe(folder: Path, recipe: Recipe) -> bool:
    """Whether the run in `folder` is one of `recipe`; entries that came later count with their defaults."""
    try:
        content = json.loads((folder / "recipe.json").read_text(encoding="utf-8"))
        del content["name"]
        return from_mapping(content, recipe.name) == recipe
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False  # unreadable, or refused (InputError is a ValueError)


def _history(folder: Path) -> list[dict[str, Any]]:
    """The records of the epochs of the run in `folder`."""
    try:
        lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        return [dict(json.loads(line)) for line in lines]
    except (OSError, ValueError, TypeError):
        return []


def _look(row: Row, root: Path) -> tuple[Record | None, str | None]:
    """What the evaluation of `row` below `root` says about the finished run, and what it lacks.

    Answers of other weights, to other images or in another ball are left out.
    """
    folder, recipe = root / row.folder, find(row.recipe, row.settings)
    if not (folder / "recipe.json").is_file():
        return None, NOT_BEGUN
    if not _same_recipe(folder, recipe):
        return None, "a run of another recipe is in its folder"
    history = _history(folder)
    if not finished(history, recipe):
        return None, f"its training stands after epoch {len(history)} of {recipe.training.epochs}"
    path, best = folder / "evaluation.json", folder / "best.pt"
    if not path.is_file() or not best.is_file():
        return None, "not evaluated"
    try:
        record = read_record(path)
    except InputError as error:
        return None, f"unreadable: {error}"
    conditions = record.result.get("conditions") or {}
    if conditions.get("model") != file_digest(best):
        return None, "evaluated with other weights than those of its best.pt"
    if not {"images", "total"} <= set(conditions):  # of an older version
        return None, "evaluated, but the record does not tell on which images"
    n, wanted = record.result["n"], row.images or conditions["total"]
    if n != wanted:
        return None, f"evaluated on {n} images, not on {wanted}"
    entries = {entry["name"]: entry for entry in record.result["attacks"]}
    right = {"natural": record.right["natural"]}
    lacks = []
    for spec in parse(row.attacks, norm="linf", radius=ratio(row.radius, "radius")):
        entry = entries.get(spec.name, {})
        if (entry.get("norm"), entry.get("radius")) == (spec.norm, float(spec.radius)):
            right[spec.name] = record.right[spec.name]
        else:
            lacks.append(spec.name)
    missing = f"without {', '.join(lacks)} at its radius {row.radius}" if lacks else None
    return Record(record.result, right), missing


def is_done(row: Row, root: Path) -> bool:
    """Whether `row` below `root` is trained to its end and evaluated: all its attacks, images, its radius."""
    return _look(row, root)[1] is None


def _check_images(found: Mapping[str, Record]) -> None:
    """Refuse to put answers to different images side by side."""
    seen: dict[str, str] = {}
    for folder, record in found.items():
        seen.setdefault(str(record.result["conditions"]["images"]), folder)
    if len(seen) > 1:
        first, second, *_ = seen.values()
        raise InputError(
            f"{second} was evaluated on other images than {first}: evaluate both on the same data"
        )


def collect(title: str, rows: Sequence[Row], root: Path) -> Table:
    """Make the table from the evaluations found below `root`; what is missing is named, not guessed.

    Raises:
        InputError: two of the records are of different images.
    """
    found: dict[str, Record] = {}
    missing: dict[str, str] = {}
    for row in rows:
        record, lacks = _look(row, root)
        if record is not None:
            found[row.folder] = record
        if lacks is not None:
            missing[row.folder] = lacks
    _check_images(found)
    entries = []
    for label in dict.fromkeys(row.label for row in rows):
        mine = [row for row in rows if row.label == label and row.folder in found]
        for attack in dict.fromkeys(name for row in mine for name in found[row.folder].right):
            runs = [row for row in mine if attack in found[row.folder].right]
            records = [found[row.folder] for row in runs]
            baselines = [found.get(row.baseline) if row.baseline else None for row in runs]
            controls = [found.get(row.control) if row.control else None for row in runs]
            entries.append(_entry(label, attack, records, baselines, controls))
    machines = dict.fromkeys(r.result.get("machine") for r in found.values())
    seconds = sorted(s for folder in found if (s := _seconds(root / folder)) is not None)
    controlled = any(row.control not in (None, row.baseline) for row in rows)
    return Table(title, tuple(entries), missing, tuple(m for m in machines if m), tuple(seconds), controlled)


def _seconds(folder: Path) -> float | None:
    """Seconds of training that the metrics of the run in `folder` tell."""
    try:
        return float(_history(folder)[-1]["seconds"])
    except (ValueError, KeyError, TypeError, IndexError):
        return None
