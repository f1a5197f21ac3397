"""Natural and robust accuracy of a model on a test set."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from armor.data.keys import seed_of
from armor.errors import require
from armor.evaluation.attacks import AttackSpec
from armor.evaluation.autoattack import autoattack_survivors
from armor.evaluation.intervals import Accuracy
from armor.evaluation.measure import correct, correct_under
from armor.transport import Ascent, fgsm, pgd

__all__ = ["AttackResult", "Evaluation", "evaluate"]


@dataclass(frozen=True)
class AttackResult:
    """Accuracy under one attack; `right` tells it image by image (N,), for paired comparisons."""

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
        """The mapping that `armor evaluate --json` prints."""
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
                    **result.accuracy.to_mapping(),
                }
                for result in self.attacks
            ],
            "preflight": preflight,
        }


def _transport(spec: AttackSpec) -> Ascent:
    if spec.kind == "fgsm":
        return fgsm(float(spec.radius))
    assert spec.steps is not None
    assert spec.restarts is not None
    return pgd(float(spec.radius), step=float(spec.step), steps=spec.steps, restarts=spec.restarts)


def evaluate(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    attacks: Sequence[AttackSpec],
    *,
    seed: int = 0,
    batch: int = 250,
    tick: Callable[[str, int], object] = lambda _name, _n: None,
    note: Callable[[str], object] = lambda _text: None,
) -> Evaluation:
    """Measure `model` on images x (N, C, H, W) in [0, 1] with labels y (N,).

    The result is a function of the arguments alone; the global random state is neither read nor changed.

    Args:
        model: logits; put into evaluation mode for the measurement and back.
        attacks: what to try, each from scratch.
        seed: of all random starts.
        batch: images at a time; with `seed` it fixes the random starts.
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
        for number, spec in enumerate(attacks):
            own = seed_of(seed, number)
            if spec.kind == "autoattack":
                survivors = autoattack_survivors(
                    model,
                    x,
                    y,
                    norm=spec.norm,
                    radius=float(spec.radius),
                    seed=own % 2**31,
                    batch=batch,
                    note=note,
                )
                tick(spec.name, y.numel())
            else:
                survivors = correct_under(
                    model,
                    _transport(spec),
                    x,
                    y,
                    kind=spec.kind,
                    seed=own,
                    batch=batch,
                    tick=lambda done, name=spec.name: tick(name, done),  # type: ignore[misc]
                )
            counted = Accuracy.of(int(survivors.sum()), y.numel())
            results.append(AttackResult(spec, counted, survivors.cpu()))
    finally:
        model.train(was)
    natural = Accuracy.of(int(right.sum()), y.numel())
    return Evaluation(y.numel(), natural, right.cpu(), tuple(results))
