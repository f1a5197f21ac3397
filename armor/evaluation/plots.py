"""Pictures as files: learning curves of a run, accuracies of a table."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from armor.evaluation.compare import Paired
from armor.evaluation.table import Entry, Table
from armor.files import replacing

__all__ = ["learning_curves", "table_plot"]


def _write(figure: Figure, path: Path) -> None:
    with replacing(path) as stream:
        figure.savefig(stream, format="png", dpi=120)


def learning_curves(history: Sequence[dict[str, Any]], title: str, path: Path) -> None:
    """Loss and accuracies by epoch, from the records of a run, as a PNG at `path`."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    losses, accuracies = figure.subplots(1, 2)
    epochs = [record["epoch"] for record in history]
    losses.plot(epochs, [record["loss"] for record in history], marker=".", label="training loss")
    losses.set(xlabel="epoch", ylabel="objective", title=title)
    accuracies.plot(
        epochs, [100 * r["adversarial_accuracy"] for r in history], marker=".", label="training, adversarial"
    )
    seen = [record for record in history if record["validation"]]
    for key, label in (("natural", "validation, natural"), ("robust", "validation, attacked")):
        values = [100 * record["validation"][key] for record in seen]
        accuracies.plot([record["epoch"] for record in seen], values, marker="o", label=label)
    accuracies.set(xlabel="epoch", ylabel="accuracy (%)", ylim=(0, 100))
    accuracies.legend(fontsize=8)
    _write(figure, path)


def table_plot(table: Table, path: Path) -> None:
    """Accuracy of every row under every attack, and its differences to other rows, as a PNG at `path`.

    The differences are to the baseline and, where that is not the same, to the row that lacks the
    re-weighting alone.
    """
    labels = list(dict.fromkeys(entry.label for entry in table.entries))
    attacks = list(dict.fromkeys(entry.attack for entry in table.entries))
    beside: list[tuple[str, Callable[[Entry], Paired | None]]] = [("to the baseline", lambda e: e.paired)]
    if table.controlled:
        beside.append(("by the re-weighting alone", lambda e: e.alone))
    figure = Figure(figsize=(7 + 4 * len(beside), 1.6 + 0.42 * len(labels)), layout="constrained")
    left, *others = figure.subplots(1, 1 + len(beside), sharey=True)
    for k, attack in enumerate(attacks):
        shift = 0.16 * (k - (len(attacks) - 1) / 2)
        mine = [entry for entry in table.entries if entry.attack == attack]
        points = [(e.accuracy, *e.interval) for e in mine]
        _bars(left, points, [labels.index(e.label) + shift for e in mine], f"C{k}", attack)
        for axes, (_, which) in zip(others, beside, strict=True):
            pairs = [(labels.index(e.label) + shift, p) for e in mine if (p := which(e)) is not None]
            points = [(p.difference, p.low, p.high) for _, p in pairs]
            _bars(axes, points, [place for place, _ in pairs], f"C{k}", attack)
            for place, paired in pairs:
                if len(paired.by_seed) > 1:
                    differences = [100 * d for d in paired.by_seed]
                    axes.plot(differences, [place] * len(differences), "x", color=f"C{k}", markersize=4)
    left.set(yticks=range(len(labels)), yticklabels=labels, xlabel="accuracy (%)")
    crosses = "; x: one seed" if max((e.seeds for e in table.entries), default=1) > 1 else ""
    for axes, (title, _) in zip(others, beside, strict=True):
        axes.set(xlabel=f"difference {title} (points{crosses})")
        axes.axvline(0, color="black", linewidth=0.8)
    left.invert_yaxis()
    for axes in (left, *others):
        axes.grid(axis="x", alpha=0.3)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=6, fontsize=8)
    figure.suptitle(f"{table.title}, 95 % intervals", fontsize=10)
    _write(figure, path)


def _bars(
    axes: Axes, points: Sequence[tuple[float, float, float]], places: Sequence[float], color: str, label: str
) -> None:
    """Points (middle, low, high) in per cent with their intervals, at heights `places`."""
    errors = [
        [max(0.0, 100 * (middle - low)) for middle, low, _ in points],
        [max(0.0, 100 * (high - middle)) for middle, _, high in points],
    ]
    middles = [100 * middle for middle, _, _ in points]
    axes.errorbar(middles, places, xerr=errors, fmt="o", markersize=3, capsize=2, color=color, label=label)
