"""The training loop against the same run written out: order, augmentation, attack, update, average."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny_cifar
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from armor import data, recipes
from armor.data import cifar10
from armor.data.augment import Augmentation
from armor.data.keys import permutation, seed_of
from armor.data.splits import split
from armor.models import create
from armor.training import trainer as trainer_module
from armor.training.arithmetic import Cast
from armor.training.average import estimate_statistics
from armor.training.batches import Batches
from armor.training.build import make_spec
from armor.training.checkpoint import load
from armor.training.run import train
from armor.training.trainer import Trainer, best_record

PARTS = tiny_cifar.files(per_batch=24)
CPU = torch.device("cpu")
EPOCHS, BATCH, HELD = 2, 32, 20
SETTINGS = [
    "data.validation=20", "validation.images=20", "validation.steps=2", "validation.every=1",
    "training.batch=32", "training.epochs=2", "training.precision=float32", "training.layout=contiguous",
    "training.seed=5", "training.threads=1", "model.name=cnn-small", "method.divergence=none",
    "attack.steps=2", "attack.radius=8/255", "attack.step=4/255",
]  # fmt: skip
# The streams of randomness, as the numbers they have: changing one changes every published run.
ORDER, ATTACK = 0x0DE2, 0xADE


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> data.ImageData:
    monkeypatch.setattr(cifar10, "LAYOUT", tiny_cifar.layout_of(PARTS))
    return data.load("cifar10", tiny_cifar.write_folder(tmp_path / "data", PARTS))


def _attacked(model: nn.Module, x: Tensor, y: Tensor, radius: float, generator: torch.Generator) -> Tensor:
    step = radius / 2
    start = torch.rand(x.shape, generator=generator) * 2 - 1
    moved = (x + radius * start).clamp(0, 1)
    for _ in range(2):
        leaf = moved.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(F.cross_entropy(model(leaf), y, reduction="none").sum(), leaf)
        moved = torch.minimum(torch.maximum(moved + step * gradient.sign(), x - radius), x + radius)
        moved = moved.clamp(0, 1)
    return moved.detach()


def _by_hand(images: data.ImageData, recipe: recipes.Recipe) -> tuple[nn.Module, nn.Module, list[float]]:
    """Network, its average and the rates of the steps after two epochs, nothing shared with the loop."""
    labels = torch.from_numpy(images.arrays.y_train)
    index = split(labels, HELD).train
    pixels, labels = torch.from_numpy(images.arrays.x_train)[index], labels[index]
    model = create(make_spec(recipe, images.reader), seed=5)
    average = create(make_spec(recipe, images.reader), seed=5)
    velocity = [torch.zeros_like(p) for p in model.parameters()]
    steps, rates, chosen = index.numel() // BATCH, [], recipe.optimizer
    for t in range(EPOCHS * steps):
        epoch, place = divmod(t, steps)
        order = permutation(seed_of(5, ORDER, epoch), index.numel())[place * BATCH : (place + 1) * BATCH]
        augment = Augmentation(4, True, 0)
        x = augment(pixels[order], index[order], seed=5, epoch=epoch).float() / 255
        y = labels[order]
        moved = _attacked(
            model, x, y, float(recipe.attack.radius), torch.Generator().manual_seed(seed_of(5, ATTACK, t))
        )
        model.zero_grad()
        F.cross_entropy(model(moved), y, reduction="none").mean().backward()  # type: ignore[no-untyped-call]
        found = [p.grad for p in model.parameters()]
        gradients = [g for g in found if g is not None]
        assert len(gradients) == len(found)
        norm = torch.stack([g.square().sum() for g in gradients]).sum().sqrt()
        scale = min(1.0, chosen.clip / (float(norm) + 1e-6)) if chosen.clip else 1.0
        rate = chosen.lr * (0.1 if epoch >= 1 else 1.0)  # milestones = [1]
        rates.append(rate)
        with torch.no_grad():
            for p, g, v in zip(model.parameters(), gradients, velocity, strict=True):
                decay = chosen.weight_decay if chosen.decay_all or p.ndim > 1 else 0.0
                g = g * scale + decay * p
                v.mul_(chosen.momentum).add_(g)
                p.sub_(rate * (g + chosen.momentum * v if chosen.nesterov else v))
            keep = min(recipe.training.ema, (1 + t) / (10 + t))
            for a, p in zip(average.parameters(), model.parameters(), strict=True):
                a.copy_(keep * a + (1 - keep) * p)
    return model, average, rates


def _close(state: dict[str, Tensor], model: nn.Module, start: nn.Module) -> None:
    """Equal but for a hundredth of the way from the start: a sign of a gradient may hang on rounding."""
    for name, value in start.named_parameters():
        found, expected = state[name], model.get_parameter(name).detach()
        assert float((found - expected).norm()) <= 1e-2 * float((expected - value.detach()).norm()), name


@pytest.mark.parametrize(
    "more",
    [
        ("optimizer.nesterov=false", "optimizer.weight_decay=0.1", "training.ema=0.9"),
        (
            # A smaller ball: the rounding of the norm alone decides signs of gradients that are nearly zero.
            "attack.radius=1/510",
            "attack.step=1/1020",
            "optimizer.nesterov=true",
            "optimizer.clip=0.5",
            "optimizer.decay_all=false",
            "optimizer.weight_decay=0.1",
        ),
    ],
)
def test_a_run_is_the_loop_written_out(images: data.ImageData, tmp_path: Path, more: tuple[str, ...]) -> None:
    piecewise = (
        "schedule.name=piecewise",
        "schedule.milestones=[1]",
        "schedule.warmup=0.0",
        "optimizer.lr=0.05",
    )
    recipe = recipes.find("cifar10-smoke", [*SETTINGS, *piecewise, *more])
    outcome = train(recipe, images, tmp_path / "run", device=CPU)
    model, average, rates = _by_hand(images, recipe)
    last = load(tmp_path / "run" / "last.pt")
    start = create(make_spec(recipe, images.reader), seed=5)
    _close(last["model"], model, start)
    if recipe.training.ema:
        _close(last["average"], average, start)
    assert rates[2::3] == pytest.approx([0.05, 0.005])
    assert [record["lr"] for record in outcome.history] == pytest.approx(rates[2::3])


def _accuracy(state: dict[str, Tensor], images: data.ImageData, recipe: recipes.Recipe) -> float:
    """Of the published network on the images that `split` puts aside."""
    model = create(make_spec(recipe, images.reader)).eval()
    model.load_state_dict(state)
    labels = torch.from_numpy(images.arrays.y_train)
    held = split(labels, HELD).validation
    with torch.no_grad():
        answers = model(torch.from_numpy(images.arrays.x_train)[held].float() / 255).argmax(1)
    return float((answers == labels[held]).double().mean())


@pytest.mark.parametrize("average", ["training.ema=0.97", "training.swa=2", "training.ema=0"])
def test_what_is_published_was_validated_on_held_out_images(
    images: data.ImageData, tmp_path: Path, average: str
) -> None:
    more = ("optimizer.lr=0.2", "schedule.warmup=0.2", "augment.flip=false", "model.name=resnet-small")
    recipe = recipes.find("cifar10-smoke", [*SETTINGS, *more, "training.epochs=4", average])
    outcome = train(recipe, images, tmp_path / "run", device=CPU)
    best = load(tmp_path / "run" / "best.pt")
    assert outcome.best is not None
    assert best["history"][-1] == outcome.best
    assert outcome.best["validation"]["images"] == HELD
    assert _accuracy(best["model"], images, recipe) == outcome.best["validation"]["natural"]
    last = load(tmp_path / "run" / "last.pt")
    candidate = last.get("average", last["model"])
    assert ("average" in last) == (average != "training.ema=0")
    assert _accuracy(candidate, images, recipe) == outcome.history[-1]["validation"]["natural"]
    if "average" in last:
        assert any(not torch.equal(last["average"][k], last["model"][k]) for k in last["model"])


def test_the_images_that_select_are_the_held_out_ones(
    images: data.ImageData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Natural and attacked; an accuracy alone might come out the same on training images."""
    seen: list[tuple[Tensor, Tensor]] = []
    for name in ("correct", "correct_under"):
        whole = getattr(trainer_module, name)

        def noted(model: nn.Module, *rest: Any, whole: Any = whole, **options: Any) -> Tensor:
            seen.append(rest[-2:])
            answer: Tensor = whole(model, *rest, **options)
            return answer

        monkeypatch.setattr(trainer_module, name, noted)
    train(
        recipes.find("cifar10-smoke", [*SETTINGS, "validation.images=15"]),
        images,
        tmp_path / "run",
        device=CPU,
    )
    labels = torch.from_numpy(images.arrays.y_train)
    held = split(labels, 15).validation
    assert set(held.tolist()) < set(split(labels, HELD).validation.tolist())
    assert int(torch.bincount(labels[held], minlength=10).max()) <= 2  # balanced, as all of them are
    assert len(seen) == 2 * EPOCHS
    for x, y in seen:
        assert torch.equal(x, torch.from_numpy(images.arrays.x_train)[held].float() / 255)
        assert torch.equal(y, labels[held])


def test_the_plain_average_is_published_with_batch_statistics_of_its_own(
    images: data.ImageData, tmp_path: Path
) -> None:
    more = ("optimizer.lr=0.2", "augment.flip=false", "model.name=resnet-small", "training.swa=1")
    recipe = recipes.find("cifar10-smoke", [*SETTINGS, *more])
    train(recipe, images, tmp_path / "run", device=CPU)
    last = load(tmp_path / "run" / "last.pt")
    expected = create(make_spec(recipe, images.reader))
    expected.load_state_dict(last["average"])
    batches = Batches(
        images, validation=HELD, limit=0, batch=BATCH, seed=5, augment=Augmentation(4, False, 0), device=CPU
    )
    estimate_statistics(expected, (x for x, *_ in batches.epoch(EPOCHS - 1)))
    found = 0
    for name, value in expected.state_dict().items():
        if name.endswith(("running_mean", "running_var")):
            found += 1
            assert torch.allclose(last["average"][name], value, rtol=1e-4, atol=1e-6), name
            assert not torch.allclose(last["model"][name], value, rtol=1e-4, atol=1e-6), name
    assert found > 0


def test_weights_are_perturbed_from_the_first_step_of_their_epoch_on(
    images: data.ImageData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    perturbed, real, steps = [], trainer_module.perturbed, Trainer._step

    def watched(model: nn.Module, *args: Any, **options: Any) -> Any:
        perturbed[-1] = True
        return real(model, *args, **options)

    def step(self: Trainer, *args: Any) -> None:
        perturbed.append(False)
        steps(self, *args)

    monkeypatch.setattr(trainer_module, "perturbed", watched)
    monkeypatch.setattr(Trainer, "_step", step)
    settings = [*SETTINGS, "training.epochs=3", "awp.gamma=0.01", "awp.start=1", "validation.every=3"]
    train(recipes.find("cifar10-smoke", settings), images, tmp_path / "run", device=CPU)
    assert perturbed == [False] * 3 + [True] * 6


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_a_float16_network_is_validated_in_float32(
    images: data.ImageData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    seen = []
    real = trainer_module.correct_under

    def watched(model: Cast, *args: Any, **options: Any) -> Tensor:
        seen.append(model.arithmetic.precision)
        return real(model, *args, **options)

    monkeypatch.setattr(trainer_module, "correct_under", watched)
    settings = [*SETTINGS, "training.epochs=1", f"training.precision={precision}", "training.batch=64"]
    outcome = train(recipes.find("cifar10-smoke", settings), images, tmp_path / "run", device=CPU)
    assert outcome.arithmetic.precision == precision
    assert seen == ["float32" if precision == "float16" else precision]


def test_validation_images_are_not_trained_on(images: data.ImageData) -> None:
    batches = Batches(
        images, validation=HELD, limit=0, batch=10, seed=0, augment=Augmentation(0, False, 0), device=CPU
    )
    seen = {bytes(i.mul(255).round().byte().numpy().tobytes()) for x, *_ in batches.epoch(0) for i in x}
    held = {bytes(i.mul(255).round().byte().numpy().tobytes()) for i in batches.x_validation}
    train_images = {i.tobytes() for i in images.arrays.x_train}
    assert len(seen) == 100
    assert len(held) == HELD
    assert not seen & held
    assert seen | held == train_images
    assert not held & {i.tobytes() for i in images.arrays.x_test}


def _record(epoch: int, robust: float, natural: float) -> dict[str, Any]:
    return {"epoch": epoch, "validation": {"robust": robust, "natural": natural}}


def test_the_best_epoch_is_the_most_robust_then_the_most_accurate_then_the_earliest() -> None:
    none = {"epoch": 9, "validation": None}
    assert best_record([_record(1, 0.3, 0.9), _record(2, 0.4, 0.5), none])["epoch"] == 2  # type: ignore[index]
    assert best_record([_record(1, 0.4, 0.5), _record(2, 0.4, 0.6)])["epoch"] == 2  # type: ignore[index]
    assert best_record([_record(1, 0.4, 0.6), _record(2, 0.4, 0.6)])["epoch"] == 1  # type: ignore[index]
    assert best_record([none]) is None


@pytest.mark.parametrize("iterations", [24, 1])
def test_batches_whose_objective_did_not_converge_are_counted_and_said(
    images: data.ImageData,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    iterations: int,
) -> None:
    """An objective that may take one step only, behind a pre-flight that knew a better one."""
    lines: list[str] = []
    settings = [*SETTINGS, "method.divergence=kl", "method.epsilon=0.3", "training.epochs=1"]
    recipe = recipes.find("cifar10-smoke", settings)
    original = Trainer.fit

    def fit(self: Trainer) -> None:
        assert self.method.exact_objective is not None
        self.method.exact_objective.iterations = iterations
        self.hooks = replace(self.hooks, epoch=lambda text, _left: lines.append(text))
        monkeypatch.setattr(self.method.exact_objective, "_compiled", lambda: None)
        original(self)

    monkeypatch.setattr(Trainer, "fit", fit)
    outcome = train(recipe, images, tmp_path / "run", device=CPU)
    assert outcome.history[-1]["unconverged"] == (outcome.history[-1]["step"] if iterations == 1 else 0)
    assert any("did not converge" in line for line in lines) == (iterations == 1)
