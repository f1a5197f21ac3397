"""D^c between the CIFAR-10 test images and their adversarial, re-weighted version: what was moved, what was
re-weighted, where the budget went.

    python docs/examples/cifar10_two_sample.py --data DIR [--n 10000] [--out docs/examples]

A small network is trained for a few passes over part of the training images, PGD moves every test image
inside a ball of radius 8/255, and the moved images get weights `∝ exp(loss/temperature)`: the shape of the
worst case of T11. `armor.divergence`, knowing nothing of all this, finds the cheapest way from the uniform
distribution on the test images to that cloud. Writes three pictures and prints the figures in their captions.
"""

import argparse
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from armor.data import load
from armor.exact import Progress, divergence

CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
RADIUS, TEMPERATURE, SCALE = 8 / 255, 2.0, 0.1


def train(images: torch.Tensor, labels: torch.Tensor, passes: int, generator: torch.Generator) -> nn.Module:
    """A small convolutional network, plain training."""
    net = nn.Sequential(
        nn.Conv2d(3, 32, 3, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 3, 2, 1), nn.ReLU(),
        nn.Conv2d(64, 64, 3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(1024, 10),
    )  # fmt: skip
    optimiser = torch.optim.Adam(net.parameters(), 2e-3)
    for _ in range(passes):
        for batch in torch.randperm(len(images), generator=generator).split(128):
            optimiser.zero_grad()
            functional.cross_entropy(net(images[batch] - 0.5), labels[batch]).backward()
            optimiser.step()
    return net.eval()


def attack(
    net: nn.Module, x: torch.Tensor, y: torch.Tensor, steps: int = 5
) -> tuple[torch.Tensor, torch.Tensor]:
    """PGD in the max norm inside [0, 1]; the moved images and their losses."""
    moved, losses = [], []
    for images, labels in zip(x.split(500), y.split(500), strict=True):
        z = images.clone()
        for _ in range(steps):
            z.requires_grad_(True)
            (g,) = torch.autograd.grad(functional.cross_entropy(net(z - 0.5), labels, reduction="sum"), z)
            z = (z.detach() + RADIUS / 3 * g.sign()).clamp(images - RADIUS, images + RADIUS).clamp(0, 1)
        with torch.no_grad():
            losses.append(functional.cross_entropy(net(z - 0.5), labels, reduction="none"))
        moved.append(z)
    return torch.cat(moved), torch.cat(losses)


def show(path: Path, rows: list[np.ndarray], titles: list[list[str]], names: list[str]) -> None:
    """A grid of images, one row per array `(k, 3, 32, 32)`."""
    figure, axes = plt.subplots(len(rows), len(rows[0]), figsize=(1.15 * len(rows[0]), 1.35 * len(rows)))
    for line, images, texts, name in zip(axes, rows, titles, names, strict=True):
        for axis, image, text in zip(line, images, texts, strict=True):
            axis.imshow(np.clip(image, 0, 1).transpose(1, 2, 0))
            axis.set_title(text, fontsize=7)
            axis.set_xticks([])
            axis.set_yticks([])
        line[0].set_ylabel(name, fontsize=7)
    figure.tight_layout(pad=0.3)
    figure.savefig(path, dpi=90)
    plt.close(figure)


def main() -> None:
    """Train, attack, solve, draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=None, help="folder of data sets (default: ARMOR_DATA)")
    parser.add_argument("--n", type=int, default=10_000, help="test images")
    parser.add_argument("--train", type=int, default=20_000, help="training images")
    parser.add_argument("--passes", type=int, default=4)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    data = load("cifar10", given.data).arrays
    images = [
        torch.as_tensor(a, dtype=torch.float32) / 255
        for a in (data.x_train[: given.train], data.x_test[: given.n])
    ]
    labels = [
        torch.as_tensor(a, dtype=torch.int64) for a in (data.y_train[: given.train], data.y_test[: given.n])
    ]
    net = train(images[0], labels[0], given.passes, generator)
    moved, losses = attack(net, images[1], labels[1])
    n = len(moved)
    p = np.full(n, 1 / n)
    tilt = torch.exp(losses.clamp(max=8.0).double() / TEMPERATURE).numpy()
    q = tilt / tilt.sum()
    x, y = (a.reshape(n, -1).double().numpy() for a in (images[1], moved))

    def progress(step: Progress) -> None:
        print(
            f"  {step.rows} images, round {step.round}: [{step.lower:.8g}, {step.upper:.8g}]", file=sys.stderr
        )

    cost = {"norm": 2, "power": 2, "scale": SCALE}
    s = divergence("kl", cost, p, q, x=x, y=y, progress=progress)
    ratio = s.eta / p
    plan = s.plan.tocoo()
    away = plan.row != plan.col
    squares = ((x - y) ** 2).sum(axis=1)
    parts = zip(np.array_split(plan.row, 64), np.array_split(plan.col, 64), strict=True)
    apart = np.concatenate([((x[rows] - y[columns]) ** 2).sum(axis=1) for rows, columns in parts])
    local = np.bincount(plan.row, plan.data * SCALE * apart, minlength=n)
    spent = p * (ratio * np.log(np.where(ratio > 0, ratio, 1)) - ratio + 1)
    print(f"{n} images, network right on {100 * accuracy(net, images[1], labels[1]):.1f} %, under attack on "
          f"{100 * accuracy(net, moved, labels[1]):.1f} %")  # fmt: skip
    print(
        f"D^c(Q||P) = {s.value:.9f} in [{s.lower:.12f}, {s.upper:.12f}] ({s.seconds:.1f} s, {s.status.name})"
    )
    print(f"transport {s.transport:.6f}, re-weighting {s.value - s.transport:.6f}")
    print(f"mass that reaches another image's adversarial copy: {plan.data[away].sum():.2e}")
    largest = np.flatnonzero(away)[np.argsort(-plan.data[away])[:3]]
    for k in largest[plan.data[largest] > 1e-3 / n]:
        i, j = plan.row[k], plan.col[k]
        print(f"  from image {i} to the copy of image {j}: {plan.data[k]:.2e}, squared distance {apart[k]:.2f} "
              f"(its own image: {squares[j]:.2f})")  # fmt: skip
    print(f"KL of the weights alone (every image kept at its own copy): {float(q @ np.log(q / p)):.6f}, "
          f"transport alone {SCALE * float(q @ squares):.6f}")  # fmt: skip

    top = np.argsort(-local)[:10]
    destination = np.array([plan.col[plan.row == i][np.argmax(plan.data[plan.row == i])] for i in top])
    change = 0.5 + 8 * (moved[destination].numpy() - images[1][top].numpy())
    show(
        given.out / "cifar10_moved.png",
        [images[1][top].numpy(), moved[destination].numpy(), change],
        [
            [CLASSES[int(labels[1][i])] for i in top],
            [f"cost {local[i] / s.eta[i]:.2f}" for i in top],
            ["8 x"] * 10,
        ],
        ["from", "to", "difference"],
    )
    order = np.argsort(-ratio)
    show(
        given.out / "cifar10_reweighted.png",
        [images[1][order[:10]].numpy(), images[1][order[-10:][::-1].copy()].numpy()],
        [[f"x {ratio[i]:.3g}" for i in part] for part in (order[:10], order[-10:][::-1].copy())],
        ["most", "least"],
    )
    figure, axis = plt.subplots(figsize=(6.5, 2.8))
    by_class = [np.bincount(labels[1].numpy(), part, minlength=10) for part in (local, spent)]
    axis.bar(CLASSES, by_class[0], label="transport")
    axis.bar(CLASSES, by_class[1], bottom=by_class[0], label="re-weighting")
    axis.set_ylabel("part of D^c")
    axis.tick_params(axis="x", rotation=45)
    axis.legend(ncols=2, loc="lower left", bbox_to_anchor=(0, 1), frameon=False)
    figure.tight_layout()
    figure.savefig(given.out / "cifar10_budget.png", dpi=90)


def accuracy(net: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """Share of right answers."""
    with torch.no_grad():
        return float(
            torch.cat([net(part - 0.5).argmax(dim=1) for part in x.split(1000)]).eq(y).double().mean()
        )


if __name__ == "__main__":
    main()
