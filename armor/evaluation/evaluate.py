"""Natural and robust accuracy of a model on a test set."""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from armor.data.keys import seed_of
from armor.errors import require
from armor.evaluation.attacks import AttackSpec
from armor.evaluation.autoattack import autoattack_survivors
from armor.evaluation.intervals import Accuracy
from armor.evaluation.measure import correct, correct_under
from armor.evaluation.rfgsm import Rfgsm
from armor.training.backends import full_float32
from armor.transport import Transported, fgsm, pgd

__all__ = ["AttackResult", "Evaluation", "evaluate"]


@dataclass(frozen=True)
class AttackResult:
    """Accuracy under one attack; `right` tells it image by image, for paired comparisons."""

    spec: AttackSpec
    accuracy: Accuracy
    right: Tensor


@dataclass(frozen=True)
class Evaluation:
    """What was measured on the first `n` images of the test set."""

    n: int
    natural: Accuracy
    right: Tensor
    attacks: tuple[AttackResult, ...]

    def to_mapping(self, preflight: dict[str, Any] | None) -> dict[str, Any]:
        """The mapping that `armor evaluate --json` prints.

        An attack on fewer images than `n` has its own entry "n".
        """
        return {
            "n": self.n,
            "natural": self.natural.to_mapping(),
            "attacks": [
                {
                    "name": result.spec.name,
                    "norm": result.spec.norm,
                    "radius": float(result.spec.radius),
                    "steps": result.spec.steps,
                    "restarts": result.spec.restarts,
                    **({} if result.accuracy.n == self.n else {"n": result.accuracy.n}),
                    **result.accuracy.to_mapping(),
                }
                for result in self.attacks
            ],
            "preflight": preflight,
        }


def _transport(spec: AttackSpec) -> Callable[..., Transported]:
    if spec.kind == "fgsm":
        return fgsm(float(spec.radius))
    assert spec.steps is not None
    assert spec.restarts is not None
    if spec.kind == "rfgsm":
        return Rfgsm(spec.steps, spec.restarts)
    return pgd(float(spec.radius), step=float(spec.step), steps=spec.steps, restarts=spec.restarts)


def _survivors(
    model: nn.Module,
    spec: AttackSpec,
    x: Tensor,
    y: Tensor,
    *,
    seed: int,
    number: int,
    batch: int,
    note: Callable[[str], object],
) -> Tensor:
    """Which images of batch `number` stay right, (B,)."""
    if spec.kind == "autoattack":
        return autoattack_survivors(
            model,
            x,
            y,
            norm=spec.norm,
            radius=float(spec.radius),
            seed=seed_of(seed, number) % 2**31,
            batch=batch,
            note=note,
        )
    return correct_under(
        model,
        _transport(spec),
        x,
        y,
        kind=spec.kind,
        seed=seed,
        batch=batch,
        first=number,
        only=spec.only,
    )


@full_float32()
def evaluate(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    attacks: Sequence[AttackSpec],
    *,
    seed: int = 0,
    batch: int = 250,
    known: Mapping[str, Tensor] | None = None,
    keep: Callable[[str, Tensor], object] = lambda _name, _right: None,
    tick: Callable[[str, int], object] = lambda _name, _n: None,
    note: Callable[[str], object] = lambda _text: None,
) -> Evaluation:
    """Measure `model` on images x (N, C, H, W) in [0, 1] with labels y (N,).

    The result is a function of the arguments alone, whether or not `known` spared a part of the work; the
    global random state is neither read nor changed. CUDA computes in float32 here, not in TF32.

    Args:
        model: logits; put into evaluation mode for the measurement and back.
        attacks: what to try, each from scratch.
        seed: of all random starts.
        batch: images at a time; with `seed` it fixes the random starts.
        known: by attack, the answers (K,) to the first images of an interrupted evaluation like this one; K a
        multiple of `batch`, or all.
        keep: called after each batch with the attack's name and its answers so far.
        tick: called with the attack's name and the number of images it has just finished.
        note: receives AutoAttack's own messages.
    """
    if any(spec.kind == "autoattack" for spec in attacks):
        require("pyautoattack")  # missed now, not after the other attacks
    was = model.training
    model.eval()
    try:
        right = correct(model, x, y, batch=batch)
        results = []
        for spec in attacks:
            count = spec.count(y.numel())
            done = (known or {}).get(spec.name, torch.zeros(0, dtype=torch.bool)).to(x.device)
            tick(spec.name, done.numel())
            for start in range(done.numel(), count, batch):
                end = min(start + batch, count)
                survivors = _survivors(
                    model,
                    spec,
                    x[start:end],
                    y[start:end],
                    seed=seed_of(seed, zlib.crc32(spec.stream.encode())),
                    number=start // batch,
                    batch=batch,
                    note=note,
                )
                done = torch.cat([done, survivors])
                keep(spec.name, done.cpu())
                tick(spec.name, end - start)
            results.append(AttackResult(spec, Accuracy.of(int(done.sum()), count), done.cpu()))
    finally:
        model.train(was)
    natural = Accuracy.of(int(right.sum()), y.numel())
    return Evaluation(y.numel(), natural, right.cpu(), tuple(results))
