"""A training step on a device that works ahead of the host: nothing is read back, no two devices meet.

The `meta` device stands in for an accelerator, so that this is tested where there is none: its tensors have
shapes, no numbers, so that whatever the host would wait for (`item`, `bool`, a copy to the CPU) raises.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import tiny_cifar
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

import armor
from armor import data, recipes
from armor.data import cifar10
from armor.data.augment import Augmentation
from armor.evaluation.measure import LOSSES, correct_under
from armor.models import create
from armor.objectives import fdivergence, names, renyi
from armor.training.arithmetic import Arithmetic
from armor.training.batches import Batches
from armor.training.build import make_method, make_spec
from armor.training.state import fresh
from armor.training.trainer import Trainer
from armor.transport import pgd

META = torch.device("meta")
PARTS = tiny_cifar.files(per_batch=24)
PARAMETERS = {"alpha": {"alpha": 2.5}, "renyi": {"alpha": 1.25}, "cvar": {"beta": 0.3}}
SETTINGS = (
    "data.name=cifar10", "data.validation=20", "validation.images=20", "training.batch=32",
    "model.name=cnn-small",
    "attack.steps=2",
)  # fmt: skip


class Watch(TorchDispatchMode):
    """Counts what is sent to the device from the host, and all operations."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[int, ...]] = []
        self.operations: Counter[str] = Counter()

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        del types
        out = func(*args, **(kwargs or {}))
        self.operations[str(func)] += 1
        if isinstance(out, Tensor) and out.device == META:
            self.sent += [
                tuple(a.shape) for a in args if isinstance(a, Tensor) and a.ndim and a.device.type == "cpu"
            ]
        return out


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """One step of each search: on a device all steps are alike."""
    monkeypatch.setattr(fdivergence, "_budget", lambda _: (1, 1))
    monkeypatch.setattr(renyi, "_STEPS_ON_DEVICE", 1)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_an_objective_stays_on_its_device(name: str, dtype: torch.dtype) -> None:
    objective = armor.objective(
        {"name": name, **PARAMETERS.get(name, {})}, epsilon=0.1, kappa=0.1, iterations=2
    )
    losses = torch.zeros(16, dtype=dtype, device=META, requires_grad=True)
    costs, weights = torch.zeros(2, 16, device=META)
    mu = torch.zeros((), device=META)
    with Watch() as watch:
        for solution in (
            objective(losses),
            objective(losses, costs, weights),
            objective.at(losses, costs, weights, mu=mu),
        ):
            (gradient,) = torch.autograd.grad(solution.value, losses, create_graph=True)
            found = (solution.lam, solution.rho, solution.weights, solution.gap, solution.code)
            assert {part.device for part in (solution.value, *found)} == {META}
            assert gradient.dtype == dtype
    assert watch.sent == []


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("cifar10-pgd", ()),
        ("cifar10-pgd-kl", ()),
        ("cifar10-pgd-kl", ("attack.norm=l1", "attack.restarts=2", "attack.keep=best")),
        ("cifar10-pgd-kl", ("attack.norm=l2", "attack.batchnorm=train")),
        ("cifar10-trades-kl", ("dual.mode=learned",)),
        ("cifar10-trades-kl", ("dual.mode=carried",)),
        ("cifar10-trades-alpha", ("training.ema=0.9", "optimizer.clip=1")),
        ("cifar10-mart-alpha", ("awp.gamma=0.01",)),
        ("cifar10-udr", ()),
        ("cifar10-udr-kl", ()),
        ("cifar10-udr-alpha", ("method.natural=0.5",)),
        ("cifar10-udr-kl", ("dual.mode=learned",)),
        ("cifar10-udr-kl", ("dual.mode=carried",)),
        ("mnist-kl-nat", ()),
        ("mnist-alpha", ()),
        ("mnist-renyi-nat", ()),
    ],
)
def test_a_training_step_does_not_wait_for_its_device(
    name: str, settings: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trainer's own step, update and sums included; the host draws only the attack's random start."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # unknown on this device
    monkeypatch.setattr(cifar10, "LAYOUT", tiny_cifar.layout_of(PARTS))
    images = data.load("cifar10", tiny_cifar.write_folder(tmp_path / "data", PARTS))
    recipe = recipes.find(name, (*SETTINGS, *settings))
    batches = Batches(
        images, validation=20, limit=0, batch=32, seed=0, augment=Augmentation(4, True, 4), device=META
    )
    spec = make_spec(recipe, images.reader)
    method = make_method(recipe, batches.index.numel())
    if method.exact_objective is not None:
        method.exact_objective.iterations = 2
    state = fresh(recipe, spec, create(spec).to(META), method, Arithmetic(), {}, batches.per_epoch)
    state.step = 1  # every fiftieth step looks whether all is well, the first one too
    trainer = Trainer(recipe, state, batches, tmp_path)
    noise = {(32, 3, 32, 32), (32,), (32, 1)}
    for x, y, index in batches.epoch(0, start=1):
        with Watch() as watch:
            trainer._step(trainer.model.place(x), y, index)
        assert state.step > 1
        assert set(watch.sent) <= noise
        assert len(watch.sent) <= 3 * recipe.attack.restarts * recipe.attack.rounds
        assert sum(watch.operations.values()) > 100
    assert state.sums.device == META


@pytest.mark.parametrize("kind", sorted(LOSSES))
def test_an_attack_of_an_evaluation_does_not_wait_for_its_device(kind: str) -> None:
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 4)).to(META)
    x, y = torch.zeros(6, 3, 2, 2, device=META), torch.zeros(6, dtype=torch.int64, device=META)
    with Watch() as watch:
        right = correct_under(model, pgd(0.1, step=0.05, steps=2, restarts=2), x, y, kind=kind, batch=3)
    assert right.device == META
    assert watch.sent == 4 * [(3, 3, 2, 2)]  # the random starts of two batches
