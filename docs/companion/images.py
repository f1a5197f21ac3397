"""Pictures of real images, committed under `docs/pictures`: `python -m companion.images` makes them again.

Needs CIFAR-10 in `ARMOR_DATA` and the undefended ResNet-18 that the pyautoattack wheel ships (extra `attack`).
Beside the numbers of the pictures `images.json` says what made them: the hash of the code, the data and the network,
and the digest of every file. The build holds code and files against it (`companion.freshness`).
"""

import hashlib
import json
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from companion import DOCS, ROOT
from verification.sources import digest, sources

__all__ = ["FOLDER", "code", "main"]

FOLDER = DOCS / "pictures"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SEARCHED = 120  # the first test images, among which the pictures choose
RADII = (0.01, 0.1, 0.4)


def code() -> str:
    """Hash of the code behind the pictures as it is now."""
    return digest(sources(["companion.images"], (ROOT, DOCS), resolved=["companion"]))


def _weights() -> Path:
    spec = find_spec("pyautoattack")
    if spec is None or spec.origin is None:
        raise SystemExit("the pictures need pyautoattack: pip install armor-d[attack]")
    return Path(spec.origin).parent / "examples" / "model_test.pt"


def _model() -> Any:
    from armor.evaluation.subject import load_subject

    return load_subject(_weights(), architecture="resnet18", dataset=None).model


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _chosen(model: Any, data: Any) -> tuple[Tensor, Tensor]:
    """Eight well classified test images from easy to hard (a saturated loss has no gradient to follow)."""
    x = torch.as_tensor(data.x_test[:SEARCHED]).float() / 255
    y = torch.as_tensor(data.y_test[:SEARCHED]).long()
    with torch.no_grad():
        logits = torch.cat([model(part) for part in x.split(50)])
    losses = torch.nn.functional.cross_entropy(logits, y, reduction="none")
    fit = ((logits.argmax(1) == y) & (losses > 0.002)).nonzero()[:, 0]
    order = fit[losses[fit].argsort()]
    picked = order[torch.linspace(0, len(order) - 1, 8).round().long()]
    return x[picked], y[picked]


def _loss(model: Any, y: Tensor) -> Any:
    return lambda z: torch.nn.functional.cross_entropy(model(z), y, reduction="none")


def _show(axis: Any, image: Tensor, title: str) -> None:
    axis.imshow(image.permute(1, 2, 0).clamp(0, 1).numpy(), interpolation="nearest")
    axis.set_title(title, fontsize=7)
    axis.set_xticks([])
    axis.set_yticks([])


def _costs(model: Any, x: Tensor, y: Tensor) -> dict[str, Any]:
    import matplotlib.pyplot as plt

    from armor.transport import Barrier, NormPower, SoftAscent, SoftBall, attack_mode, pgd

    phi = _loss(model, y)
    attacks = {
        "hard ball 8/255": None,
        "squared distance": SoftAscent(NormPower(4.0, 2), step=0.08, steps=25, rule="unit"),
        "soft ball 4/255": SoftAscent(SoftBall(4 / 255, 2 / 255), step=2e-3, steps=25, rule="sign"),
        "barrier 0.5": SoftAscent(Barrier(2.0, 0.5), step=0.02, steps=25, rule="unit", start=1e-4),
    }
    fig, axes = plt.subplots(2, 5, figsize=(8.2, 3.7), layout="constrained")
    with torch.no_grad():
        _show(axes[0, 0], x[0], f"{CLASSES[y.item()]}, loss {phi(x).item():.4f}")
    axes[1, 0].axis("off")
    numbers = {}
    generator = torch.Generator().manual_seed(0)
    for column, (name, attack) in enumerate(attacks.items(), start=1):
        with attack_mode(model):
            if attack is None:
                moved = pgd(8 / 255, step=2 / 255, steps=20)(phi, x, generator=generator).x
            else:
                moved = attack(phi, x, mu=1.0, generator=generator).x
        with torch.no_grad():
            loss, label = phi(moved).item(), CLASSES[model(moved).argmax(1).item()]
        change = moved - x
        _show(axes[0, column], moved[0], f"{name}\n{label}, loss {loss:.2f}")
        _show(
            axes[1, column],
            0.5 + 10 * change[0],
            f"max {change.abs().max() * 255:.1f}/255, l2 {change.norm():.2f}",
        )
        numbers[name] = {
            "label": label,
            "loss": loss,
            "linf": change.abs().max().item(),
            "l2": change.norm().item(),
        }
    fig.savefig(FOLDER / "costs_cifar10.png", dpi=110, facecolor="white")
    return numbers


def _worst(model: Any, x: Tensor, y: Tensor, epsilon: float) -> tuple[Tensor, Tensor, float, float, float]:
    """The worst case over images of a soft cost: the multiplier at which the budget is used up (T6, T11)."""
    from armor.transport import NormPower, SoftAscent, attack_mode

    attack = SoftAscent(NormPower(40.0, 2), step=0.04, steps=10, rule="unit", schedule="linear")
    phi = _loss(model, y)

    def at(mu: float) -> tuple[Tensor, Tensor, float, float, float]:
        with attack_mode(model):
            moved = attack(phi, x, mu=mu)
        with torch.no_grad():
            losses = phi(moved.x).double()
        assert moved.costs is not None
        costs = moved.costs.double()
        weights = torch.softmax(losses / mu - costs, 0)
        information = (weights * (weights * len(x)).log()).sum().item()
        return moved.x, weights, information, (weights @ costs).item(), (weights @ losses).item()

    low, high = 3.0, 3000.0
    for _ in range(9):
        middle = (low * high) ** 0.5
        _, _, information, transport, _ = at(middle)
        low, high = (middle, high) if information + transport > epsilon else (low, middle)
    return at(high)


def _moved(model: Any, x: Tensor, y: Tensor) -> dict[str, Any]:
    import matplotlib.pyplot as plt

    phi = _loss(model, y)
    fig, axes = plt.subplots(len(RADII) + 1, len(x), figsize=(8.2, 5.0), layout="constrained")
    with torch.no_grad():
        natural = phi(x)
    for k in range(len(x)):
        _show(axes[0, k], x[k], f"{CLASSES[y[k]]}\nweight 1.00")
    axes[0, 0].set_ylabel("P", rotation=0, labelpad=18)
    numbers: dict[str, Any] = {"mean": natural.mean().item()}
    for row, epsilon in enumerate(RADII, start=1):
        moved, weights, information, transport, value = _worst(model, x, y, epsilon)
        with torch.no_grad():
            labels = model(moved).argmax(1)
        for k in range(len(x)):
            _show(axes[row, k], moved[k], f"{CLASSES[labels[k]]}\nweight {weights[k] * len(x):.2f}")
            for side in axes[row, k].spines.values():
                side.set(linewidth=1 + 3 * float(weights[k]) * len(x) ** 0.5, color="#c64600")
        axes[row, 0].set_ylabel(f"ε = {epsilon}", rotation=0, labelpad=24)
        numbers[str(epsilon)] = {
            "value": value, "information": information, "transport": transport,
            "wrong": int((labels != y).sum()), "largest": float(weights.max()) * len(x),
        }  # fmt: skip
    fig.savefig(FOLDER / "moved_cifar10.png", dpi=110, facecolor="white")
    return numbers


def main() -> None:
    """Make the pictures; write their numbers and what made them."""
    import matplotlib

    from armor.data import load
    from armor.training.machine import described

    matplotlib.use("Agg")
    if not os.environ.get("ARMOR_DATA"):
        raise SystemExit("the pictures need CIFAR-10: set ARMOR_DATA to its folder")
    FOLDER.mkdir(exist_ok=True)
    model, data, before = _model(), load("cifar10").arrays, code()
    x, y = _chosen(model, data)
    numbers = {"costs": _costs(model, x[5:6], y[5:6]), "moved": _moved(model, x, y)}
    if code() != before:
        raise SystemExit("the code changed while the pictures were made; make them again")
    searched = data.x_test[:SEARCHED].tobytes() + data.y_test[:SEARCHED].tobytes()
    made = {
        "command": "make docs-pictures",
        "machine": f"{os.cpu_count()} cores of {described(torch.device('cpu'))}",
        "code": before,
        "data": f"the first {SEARCHED} test images and labels of CIFAR-10, SHA-256 {_sha256(searched)}",
        "network": f"model_test.pt of the pyautoattack wheel, SHA-256 {_sha256(_weights().read_bytes())}",
        "pictures": {path.name: _sha256(path.read_bytes()) for path in sorted(FOLDER.glob("*.png"))},
    }
    text = json.dumps({"made": made, **numbers}, indent=1) + "\n"
    (FOLDER / "images.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
