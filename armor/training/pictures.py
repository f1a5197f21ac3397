"""Pictures of a finished run: its re-weighting over the epochs, and the images that it concerned most."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from armor.files import replacing
from armor.training.trace import EDGES

__all__ = ["Noted", "contact_sheet", "histograms"]

_SHOWN = 10


def _write(figure: Figure, path: Path) -> None:
    with replacing(path) as stream:
        figure.savefig(stream, format="png", dpi=110)


def histograms(history: Sequence[dict[str, Any]], title: str, path: Path) -> None:
    """Lambda by epoch with its quartiles, and the histograms of lambda and of the weights in three epochs."""
    known = [record for record in history if record.get("lambda_quantiles")]
    if not known:
        return
    figure = Figure(figsize=(13, 3.6), layout="constrained")
    left, centre, right = figure.subplots(1, 3)
    epochs = [record["epoch"] for record in known]
    low, first, middle, third, high = zip(*(r["lambda_quantiles"] for r in known), strict=True)
    left.fill_between(epochs, low, high, alpha=0.15, color="C0", label="all steps")
    left.fill_between(epochs, first, third, alpha=0.35, color="C0", label="half of the steps")
    left.plot(epochs, middle, marker=".", color="C0", label="median")
    left.set(xlabel="epoch", ylabel="λ")
    figure.suptitle(title, fontsize=10)
    left.legend(fontsize=8)
    for record in {r["epoch"]: r for r in (known[0], known[len(known) // 2], known[-1])}.values():
        low, high = record["lambda_quantiles"][0], record["lambda_quantiles"][-1]
        if record.get("lambda_histogram") and high > low:  # older records have none
            steps = record["lambda_histogram"]
            edges = [low + (high - low) * k / len(steps) for k in range(len(steps) + 1)]
            centre.stairs([100 * c / sum(steps) for c in steps], edges, label=f"epoch {record['epoch']}")
            centre.legend(fontsize=8)
        counts = record["weight_histogram"]
        right.stairs(
            [100 * c / max(1, sum(counts)) for c in counts[1:-1]], EDGES, label=f"epoch {record['epoch']}"
        )
    centre.set(xlabel="λ", ylabel="steps (%)")
    right.axvline(1.0, color="grey", linewidth=0.8)
    right.set(xscale="log", xlabel="weight of a sample / (1/B)", ylabel="samples (%)")
    right.set_xscale("log", base=2)
    right.legend(fontsize=8)
    _write(figure, path)


class Noted:
    """A batch under the adversary.

    x, moved: (B, C, H, W) in [0, 1]; weights: (B,) masses, None without re-weighting; y, seen: (B,) labels
    and answers at `moved`; classes: names.
    """

    def __init__(
        self,
        x: Tensor,
        moved: Tensor,
        weights: Tensor | None,
        y: Tensor,
        seen: Tensor,
        classes: Sequence[str],
    ) -> None:
        self.x, self.moved, self.y, self.seen = x.cpu(), moved.cpu(), y.cpu(), seen.cpu()
        self.weights = None if weights is None else weights.cpu()
        self.classes = classes

    @property
    def distance(self) -> Tensor:
        """‖x' − x‖₂, (B,)."""
        found: Tensor = torch.linalg.vector_norm((self.moved - self.x).flatten(1), dim=1)
        return found


def contact_sheet(noted: Noted, title: str, path: Path) -> None:
    """The most re-weighted and the most moved samples: original, moved, displacement (grey is none)."""
    blocks: list[tuple[str, Tensor]] = []
    if noted.weights is not None:
        blocks.append(("most re-weighted", noted.weights * noted.y.numel()))
    blocks.append(("most moved", noted.distance))
    count = min(_SHOWN, noted.y.numel())
    figure = Figure(figsize=(1.05 * count + 1.2, 4.3 * len(blocks)), layout="constrained")
    figure.suptitle(title, fontsize=10)
    grid = figure.subplots(3 * len(blocks), count, squeeze=False)
    largest = float((noted.moved - noted.x).abs().max()) or 1.0
    for block, (name, score) in enumerate(blocks):
        sign = "×" if block == 0 and noted.weights is not None else ""
        for column, k in enumerate(torch.argsort(score, descending=True, stable=True)[:count].tolist()):
            displacement = 0.5 + 0.5 * (noted.moved[k] - noted.x[k]) / largest
            for row, image in enumerate((noted.x[k], noted.moved[k], displacement)):
                axes = grid[3 * block + row][column]
                shown = image.permute(1, 2, 0) if image.shape[0] == 3 else image[0]
                axes.imshow(shown.numpy(), cmap="gray", vmin=0.0, vmax=1.0, interpolation="nearest")
                axes.set(xticks=[], yticks=[])
                if column == 0:
                    label = (name, "moved", f"difference, ±{largest:.3f}")[row]
                    axes.set_ylabel(label, fontsize=7)
            truth, answer = (noted.classes[int(labels[k])] for labels in (noted.y, noted.seen))
            grid[3 * block][column].set_title(f"{sign}{float(score[k]):.2f}\n{truth}", fontsize=7)
            grid[3 * block + 1][column].set_title(f"read as {answer}", fontsize=6)
    _write(figure, path)
