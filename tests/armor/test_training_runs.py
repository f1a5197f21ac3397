"""Whole runs on a tiny data set: exact resume, a kill at any moment, randomness, divergence, pre-flight."""

import dataclasses
import errno
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tiny_cifar
import torch

from armor import data, recipes
from armor.data import cifar10
from armor.errors import InputError
from armor.preflight import PreflightRefusal
from armor.training import trainer as trainer_module
from armor.training.checkpoint import load
from armor.training.run import device_of, train
from armor.training.trainer import Diverged, Hooks, Stopped

PARTS = tiny_cifar.files(per_batch=24)
CPU = torch.device("cpu")
SETTINGS = [
    "data.validation=20", "validation.images=20", "validation.steps=2", "validation.every=1",
    "training.batch=16", "training.epochs=3", "training.precision=float32", "training.layout=contiguous",
    "model.name=cnn-small", "attack.steps=2", "optimizer.lr=0.05", "schedule.warmup=0.2",
]  # fmt: skip


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> data.ImageData:
    monkeypatch.setattr(cifar10, "LAYOUT", tiny_cifar.layout_of(PARTS))
    return data.load("cifar10", tiny_cifar.write_folder(tmp_path / "data", PARTS))


def _recipe(*more: str) -> recipes.Recipe:
    return recipes.find("cifar10-smoke", [*SETTINGS, *more])


def _stopper(after: int) -> Hooks:
    count = iter(range(1, 10_000))
    return Hooks(stop=lambda: next(count) == after)


def _same(one: Path, two: Path) -> None:
    a, b = load(one), load(two)
    for key in ("model", "average", "method"):
        assert a.get(key, {}).keys() == b.get(key, {}).keys()
        for name, value in a.get(key, {}).items():
            tensor = isinstance(value, torch.Tensor)
            same = torch.equal(value, b[key][name]) if tensor else value == b[key][name]
            assert same, f"{key} {name}"
    assert a.get("scaler") == b.get("scaler")
    assert repr(a.get("dual_optimizer")) == repr(b.get("dual_optimizer"))
    timeless = [
        [
            {k: v for k, v in record.items() if k not in ("seconds", "images_per_second")}
            for record in c["history"]
        ]
        for c in (a, b)
    ]
    assert timeless[0] == timeless[1]


@pytest.mark.parametrize(
    ("after", "more"),
    [
        (1, ()),
        (5, ("optimizer.nesterov=false", "training.ema=0.9")),
        (6, ("method.loss=trades", "attack.start=gaussian", "optimizer.clip=1.0")),
        (9, ("model.name=resnet-small", "method.divergence=none")),
        (
            8,
            (
                "model.name=resnet-small",
                "awp.gamma=0.01",
                "awp.start=1",
                "training.swa=2",
                "optimizer.decay_all=false",
                "method.smoothing=0.1",
            ),
        ),
        (5, ("training.precision=float16", "optimizer.clip=1.0", "dual.mode=learned")),
        (5, ("dual.mode=learned", "dual.lr=0.05", "method.kappa=0.1")),
        (8, ("dual.mode=carried", "method.loss=mart", "method.divergence={name='alpha', alpha=6}")),
        (7, ("method.loss=udr", "attack.cost=soft-ball", "attack.rounds=2", "method.kappa=0.1")),
        (
            4,
            (
                "method.loss=udr",
                "attack.cost=power",
                "attack.norm=l2",
                "attack.power=1.5",
                "attack.start=none",
                "dual.mode=learned",
            ),
        ),
    ],
)
def test_a_resumed_run_equals_the_uninterrupted_one(
    images: data.ImageData, tmp_path: Path, after: int, more: tuple[str, ...]
) -> None:
    recipe = _recipe(*more)
    whole = train(recipe, images, tmp_path / "whole", device=CPU)
    with pytest.raises(Stopped):
        train(recipe, images, tmp_path / "parts", device=CPU, hooks=_stopper(after))
    stopped = load(tmp_path / "parts" / "last.pt")
    assert stopped["step"] == after
    with pytest.raises(Stopped):
        train(recipe, images, tmp_path / "parts", device=CPU, again=True, hooks=_stopper(4))
    parts = train(recipe, images, tmp_path / "parts", device=CPU, again=True)
    _same(tmp_path / "whole" / "last.pt", tmp_path / "parts" / "last.pt")
    _same(tmp_path / "whole" / "best.pt", tmp_path / "parts" / "best.pt")
    assert whole.best is not None
    assert parts.best is not None
    assert whole.best["epoch"] == parts.best["epoch"]


KILLED = """
import sys
sys.path.insert(0, {helpers!r})
import tiny_cifar
from pathlib import Path
from armor.data import cifar10
from armor.training import trainer
cifar10.LAYOUT = tiny_cifar.layout_of(tiny_cifar.files(per_batch=24))
trainer._SAVE_SECONDS = 0.0  # a checkpoint after every step, so that the kill also meets half-written ones
from armor.cli.main import main
sys.exit(main({words!r}))
"""


@pytest.mark.parametrize("step", [3, 10])
def test_a_run_killed_at_any_moment_goes_on_exactly(
    images: data.ImageData, tmp_path: Path, step: int
) -> None:
    recipe = _recipe("training.epochs=4")
    settings = [word for setting in [*SETTINGS, "training.epochs=4"] for word in ("--set", setting)]
    folder = tmp_path / "killed"
    words = [
        "train",
        "cifar10-smoke",
        "--data",
        str(images.source),
        "--out",
        str(folder),
        "--device",
        "cpu",
        *settings,
    ]
    script = KILLED.format(helpers=str(Path(tiny_cifar.__file__).parent), words=words)
    process = subprocess.Popen(
        [sys.executable, "-c", script], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    reached = -1
    while reached < step and time.monotonic() < deadline and process.poll() is None:
        if (folder / "last.pt").exists():
            reached = int(load(folder / "last.pt")["step"])
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.returncode == -signal.SIGKILL
    killed = load(folder / "last.pt")
    assert 0 < killed["step"] < 24
    train(recipe, images, folder, device=CPU, again=True)
    train(recipe, images, tmp_path / "whole", device=CPU)
    _same(tmp_path / "whole" / "last.pt", folder / "last.pt")


def test_training_touches_no_global_randomness_and_no_gradients_of_others(
    images: data.ImageData, tmp_path: Path
) -> None:
    import random

    import numpy as np

    states = torch.random.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    train(_recipe("training.epochs=1", "training.precision=auto"), images, tmp_path / "run", device=CPU)
    assert torch.equal(states[0], torch.random.get_rng_state())
    assert states[1] == random.getstate()
    assert states[2] == np.random.get_state()[1].tolist()  # noqa: NPY002
    assert torch.is_grad_enabled()


def test_the_tiny_task_is_learned_and_the_best_epoch_published(
    images: data.ImageData, tmp_path: Path
) -> None:
    recipe = _recipe("training.epochs=12", "attack.radius=2/255", "attack.step=1/255", "augment.flip=false")
    outcome = train(recipe, images, tmp_path / "run", device=CPU)
    assert outcome.best is not None
    assert outcome.best["validation"]["natural"] >= 0.8
    assert outcome.best["validation"]["robust"] == max(r["validation"]["robust"] for r in outcome.history)
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == list(range(1, 13))
    best = load(tmp_path / "run" / "best.pt")
    assert best["history"][-1]["epoch"] == outcome.best["epoch"]
    assert "optimizer" not in best
    assert sorted(os.listdir(tmp_path / "run")) == [
        "best.pt",
        "contact.png",
        "curves.png",
        "last.pt",
        "metrics.csv",
        "metrics.jsonl",
        "recipe.json",
        "reweighting.png",
    ]


def test_the_preflight_is_in_the_checkpoint(images: data.ImageData, tmp_path: Path) -> None:
    train(_recipe("training.epochs=1"), images, tmp_path / "run", device=CPU)
    found = load(tmp_path / "run" / "best.pt")["preflight"]
    assert found["outcome"] == "holds"
    assert found["objective"]["epsilon"] == _recipe().method.epsilon
    assert len(found["instances_sha256"]) == 64


def test_a_wrong_objective_never_trains(
    images: data.ImageData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from armor.objectives.kl import KL

    original = KL.__call__

    def mutant(self: KL, *arguments: object, **named: object) -> object:
        solution = original(self, *arguments, **named)  # type: ignore[arg-type]
        return dataclasses.replace(solution, value=solution.value * 1.001)

    monkeypatch.setattr(KL, "__call__", mutant)
    with pytest.raises(PreflightRefusal):
        train(_recipe(), images, tmp_path / "run", device=CPU)
    assert not (tmp_path / "run").exists()


def test_divergence_is_recognised_and_explained(images: data.ImageData, tmp_path: Path) -> None:
    recipe = _recipe(
        "optimizer.lr=100.0", "optimizer.momentum=0.99", "schedule.warmup=0.0", "training.epochs=20"
    )
    with pytest.raises(Diverged) as caught:
        train(recipe, images, tmp_path / "run", device=CPU)
    message = str(caught.value)
    assert "not finite" in message
    assert "lower optimizer.lr" in message
    state = load(tmp_path / "run" / "last.pt")["model"]
    assert all(bool(torch.isfinite(v).all()) for v in state.values())


@pytest.mark.parametrize("mode", ["exact", "learned", "carried"])
@pytest.mark.parametrize("loss", ["pgd", "trades", "mart", "udr"])
def test_every_method_trains_with_every_kind_of_dual(
    images: data.ImageData, tmp_path: Path, loss: str, mode: str
) -> None:
    recipe = _recipe(
        f"method.loss={loss}", f"dual.mode={mode}", "dual.lr=0.1", "dual.lam=2.0", "training.epochs=1",
        "method.epsilon=0.05", *(["attack.cost=soft-ball"] if loss == "udr" else []),
    )  # fmt: skip
    outcome = train(recipe, images, tmp_path / "run", device=CPU)
    held = load(tmp_path / "run" / "last.pt")["method"]
    assert outcome.preflight["outcome"] == "holds"
    assert outcome.history[0]["lambda"] > 0
    if mode == "learned":  # it moved, by Adam with a rate of 0.1 in six steps
        assert 1e-3 < abs(float(held["log_lam"]) - math.log(2.0)) < 1.0
        assert abs(float(held["rho"])) > 1e-3
    if mode == "carried":
        assert int(held["seen"].sum()) == 96  # six batches of sixteen
        assert bool((held["losses"][held["seen"] > 0] > 0).all())


def test_a_taken_folder_and_another_recipe_are_refused(images: data.ImageData, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    train(_recipe("training.epochs=1"), images, folder, device=CPU)
    before = (folder / "last.pt").read_bytes()
    with pytest.raises(InputError, match="--resume"):
        train(_recipe("training.epochs=1"), images, folder, device=CPU)
    with pytest.raises(InputError, match=r"training\.epochs = 2, it was 1"):
        train(_recipe("training.epochs=2"), images, folder, device=CPU, again=True)
    with pytest.raises(InputError, match="another model"):
        train(_recipe("model.name=resnet-small"), images, folder, device=CPU, again=True)
    assert (folder / "last.pt").read_bytes() == before
    (folder / "last.pt").write_bytes(before[:1000])
    with pytest.raises(InputError, match="damaged or truncated"):
        train(_recipe("training.epochs=1"), images, folder, device=CPU, again=True)
    stray = tmp_path / "stray"
    stray.mkdir()
    (stray / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        train(_recipe(), images, stray, device=CPU)
    with pytest.raises(InputError, match="is a file"):
        train(_recipe(), images, stray / "notes.txt", device=CPU)


def test_early_stopping_counts_epochs_without_a_better_one(images: data.ImageData, tmp_path: Path) -> None:
    recipe = _recipe("optimizer.lr=1e-9", "training.epochs=8", "validation.patience=2")
    outcome = train(recipe, images, tmp_path / "run", device=CPU)
    assert outcome.best is not None
    assert outcome.best["epoch"] == 1  # of equals the earliest
    assert len(outcome.history) == 3
    assert len(train(recipe, images, tmp_path / "run", device=CPU, again=True).history) == 3


def test_a_full_disk_stops_the_run_and_leaves_the_last_good_checkpoint(
    images: data.ImageData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, calls = os.fsync, iter(range(1, 10_000))

    def full(descriptor: int) -> None:
        if next(calls) > 12:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        original(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    monkeypatch.setattr(trainer_module, "_SAVE_SECONDS", 0.0)  # a checkpoint after every step
    folder = tmp_path / "run"
    with pytest.raises(
        InputError, match=r"last\.pt cannot be written: No space left on device; what was there"
    ):
        train(_recipe(), images, folder, device=CPU)
    kept = load(folder / "last.pt")
    assert kept["step"] == 4
    assert not [name for name in os.listdir(folder) if name.startswith(".")]
    monkeypatch.undo()
    monkeypatch.setattr(cifar10, "LAYOUT", tiny_cifar.layout_of(PARTS))
    train(_recipe(), images, folder, device=CPU, again=True)
    train(_recipe(), images, tmp_path / "whole", device=CPU)
    _same(tmp_path / "whole" / "last.pt", folder / "last.pt")


def test_resuming_without_a_run_begins_one_and_says_so(images: data.ImageData, tmp_path: Path) -> None:
    said: list[str] = []
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "recipe.json").write_text("{}")  # killed before its first checkpoint
    (folder / ".last.pt.k3_0ab9z.part").write_bytes(b"half")
    (folder / "tensorboard").mkdir()  # it comes before the first checkpoint
    train(_recipe("training.epochs=1"), images, folder, device=CPU, again=True, hooks=Hooks(line=said.append))
    assert said[0] == f"nothing to resume in {folder}: a new run begins"
    assert not (folder / ".last.pt.k3_0ab9z.part").exists()
    (folder / ".last.pt.k3_0ab9z.part").write_bytes(b"half")
    (folder / ".mine.1").write_text("kept")
    train(_recipe("training.epochs=1"), images, folder, device=CPU, again=True)
    assert not (folder / ".last.pt.k3_0ab9z.part").exists()
    assert (folder / ".mine.1").exists()
    stray = tmp_path / "stray"
    stray.mkdir()
    (stray / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"no run to resume, but notes\.txt"):
        train(_recipe(), images, stray, device=CPU, again=True)
    assert os.listdir(stray) == ["notes.txt"]


def test_resuming_a_finished_run_only_reports(images: data.ImageData, tmp_path: Path) -> None:
    recipe = _recipe("training.epochs=1")
    first = train(recipe, images, tmp_path / "run", device=CPU)
    before = (tmp_path / "run" / "last.pt").read_bytes()
    told = (tmp_path / "run" / "metrics.jsonl").read_text()
    # Killed between its last checkpoint and the metrics, it lacks them.
    (tmp_path / "run" / "metrics.jsonl").unlink()
    (tmp_path / "run" / "metrics.csv").unlink()
    again = train(recipe, images, tmp_path / "run", device=CPU, again=True)
    assert again.history == first.history
    assert (tmp_path / "run" / "metrics.jsonl").read_text() == told
    assert (tmp_path / "run" / "metrics.csv").is_file()
    assert (tmp_path / "run" / "last.pt").read_bytes() == before


def test_devices() -> None:
    assert device_of("cpu") == CPU
    with pytest.raises(InputError, match="unknown device 'gpu'"):
        device_of("gpu")
    if not torch.cuda.is_available():
        assert device_of(None) == CPU
        with pytest.raises(InputError, match="0 CUDA devices"):
            device_of("cuda")


def test_the_save_interval_is_a_minute() -> None:
    assert trainer_module._SAVE_SECONDS == 60.0
