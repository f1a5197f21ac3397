"""Pictures as files: learning curves of a run, accuracies of a table."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
    """Accuracy of every row under every attack with its 95 % interval, as a PNG at `path`."""
    labels = list(dict.fromkeys(entry.label for entry in table.entries))
    attacks = list(dict.fromkeys(entry.attack for entry in table.entries))
    figure = Figure(figsize=(8, 1.2 + 0.45 * len(labels)), layout="constrained")
    axes = figure.subplots()
    for k, attack in enumerate(attacks):
        mine = [entry for entry in table.entries if entry.attack == attack]
        places = [labels.index(entry.label) + 0.12 * (k - (len(attacks) - 1) / 2) for entry in mine]
        middle = [100 * entry.accuracy for entry in mine]
        errors = [
            [max(0.0, 100 * (entry.accuracy - entry.interval[0])) for entry in mine],
            [max(0.0, 100 * (entry.interval[1] - entry.accuracy)) for entry in mine],
        ]
        axes.errorbar(middle, places, xerr=errors, fmt="o", capsize=3, label=attack)
    axes.set(yticks=range(len(labels)), yticklabels=labels, xlabel="accuracy (%)", title=table.title)
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    axes.legend(fontsize=8)
    _write(figure, path)
