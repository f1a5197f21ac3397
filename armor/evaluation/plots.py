"""Pictures as files: learning curves of a run, accuracies of a table."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from armor.evaluation.table import Table
from armor.training.checkpoint import write_atomically

__all__ = ["learning_curves", "table_plot"]


def _write(figure: Figure, path: Path) -> None:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    write_atomically(path, buffer.getvalue())


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
    """Accuracy of every row under every attack, and its difference to the baseline, as a PNG at `path`."""
    labels = list(dict.fromkeys(entry.label for entry in table.entries))
    attacks = list(dict.fromkeys(entry.attack for entry in table.entries))
    figure = Figure(figsize=(11, 1.6 + 0.42 * len(labels)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for k, attack in enumerate(attacks):
        shift = 0.16 * (k - (len(attacks) - 1) / 2)
        mine = [entry for entry in table.entries if entry.attack == attack]
        points = [(e.accuracy, *e.interval) for e in mine]
        _bars(left, points, [labels.index(e.label) + shift for e in mine], f"C{k}", attack)
        pairs = [(e, e.paired) for e in mine if e.paired is not None]
        points = [(p.difference, p.low, p.high) for _, p in pairs]
        _bars(right, points, [labels.index(e.label) + shift for e, _ in pairs], f"C{k}", attack)
        for entry, paired in pairs:
            if len(paired.by_seed) > 1:
                place = [labels.index(entry.label) + shift] * len(paired.by_seed)
                right.plot([100 * d for d in paired.by_seed], place, "x", color=f"C{k}", markersize=4)
    left.set(yticks=range(len(labels)), yticklabels=labels, xlabel="accuracy (%)")
    right.set(xlabel="difference to the baseline (points; x: one seed)")
    right.axvline(0, color="black", linewidth=0.8)
    left.invert_yaxis()
    for axes in (left, right):
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
