"""Two workers under torchrun train what one would, resume exactly, and refuse what they cannot share."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tiny_cifar
import torch

from armor import data, recipes
from armor.data import cifar10
from armor.models import create
from armor.training.audit import replay
from armor.training.checkpoint import load, model_spec
from armor.training.run import train
from armor.training.workers import pool_batchnorm

PARTS = tiny_cifar.files(per_batch=24)
SETTINGS = [
    "data.validation=20", "validation.images=20", "validation.steps=2", "validation.every=1",
    "training.batch=16", "training.epochs=4", "data.limit=16",  # a step an epoch
    "training.precision=float32", "training.layout=contiguous", "training.threads=1",
    "model.name=resnet-small", "attack.steps=2", "optimizer.lr=0.05",
]  # fmt: skip
WORKER = """
import sys
sys.path.insert(0, {helpers!r})
import tiny_cifar
from armor.data import cifar10
from armor.training import trainer
cifar10.LAYOUT = tiny_cifar.layout_of(tiny_cifar.files(per_batch=24))
step = trainer.Trainer._step
def stopping(self, *arguments):
    step(self, *arguments)
    if self.state.step == {stop}:
        self.hooks = trainer.Hooks(stop=lambda: self.workers.rank == 1)  # one of them is told to stop
trainer.Trainer._step = stopping
if {drift}:
    import dataclasses
    from armor.objectives.kl import KL
    right, fit = KL.__call__, trainer.Trainer.fit
    def drifting(self, *arguments):
        solution = right(self, *arguments)
        return dataclasses.replace(solution, value=0.9999 * solution.value)
    def noted(self):
        KL.__call__ = drifting  # right in the pre-flight, wrong from then on
        fit(self)
    trainer.Trainer.fit = noted
from armor.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def _torchrun(
    folder: Path, source: Path, settings: list[str], *more: str, stop: int = -1, drift: bool = False
) -> str:
    script = folder.parent / "worker.py"
    helpers = str(Path(tiny_cifar.__file__).parent)
    script.write_text(WORKER.format(helpers=helpers, stop=stop, drift=drift))
    words = ["train", "cifar10-smoke", "--data", str(source), "--out", str(folder), "--device", "cpu", *more]
    done = subprocess.run(
        [
            sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
            str(script), *words, *(word for setting in settings for word in ("--set", setting)),
        ],
        capture_output=True, text=True, timeout=300, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert (done.returncode == 0) == (stop < 0 and not drift), done.stderr
    return done.stdout + done.stderr


def test_pooled_batch_statistics_are_those_of_the_whole_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers with equal shares, so that every sum over the workers is twice one's own."""
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda tensor: tensor.mul_(2))
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    x = torch.randn(2, 3, 1, 1, generator=torch.Generator().manual_seed(0))
    whole = torch.nn.BatchNorm2d(3)
    pooled = torch.nn.Sequential(torch.nn.BatchNorm2d(3))
    pool_batchnorm(pooled)
    assert torch.allclose(pooled(x), whole(torch.cat([x, x]))[:2], atol=1e-6)
    for name, value in whole.named_buffers():  # few samples: the unbiased variance is 4/3 of the biased one
        assert torch.allclose(pooled[0].get_buffer(name), value, rtol=1e-6), name


@pytest.mark.parametrize(
    "more",
    [
        ["method.loss=trades", "attack.start=gaussian", "method.natural=0.3", "awp.gamma=0.005"],
        ["method.loss=pgd", "dual.mode=carried", "training.swa=1"],
    ],
)
def test_two_workers_train_what_one_does_and_resume_exactly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: list[str]
) -> None:
    monkeypatch.setattr(cifar10, "LAYOUT", tiny_cifar.layout_of(PARTS))
    images = data.load("cifar10", tiny_cifar.write_folder(tmp_path / "data", PARTS))
    settings = [*SETTINGS, *more]
    said = _torchrun(tmp_path / "two", images.source, settings)
    spoken = [line for line in said.splitlines() if line.startswith("resnet-small, ")]
    assert len(spoken) == 1  # one of them speaks
    assert spoken[0].endswith("2 workers")
    alone = train(
        recipes.find("cifar10-smoke", settings), images, tmp_path / "one", device=torch.device("cpu")
    )
    one, two = load(tmp_path / "one" / "last.pt"), load(tmp_path / "two" / "last.pt")
    before = create(model_spec(one, tmp_path), seed=0).state_dict()
    assert one["model"].keys() == two["model"].keys()
    names = [name for name, value in before.items() if value.is_floating_point()]
    moved, apart = (
        torch.cat([(one["model"][name] - other[name]).flatten() for name in names])
        for other in (before, two["model"])
    )
    # Sums in another order, through signs of gradients and the steps of the run.
    assert float(apart.norm()) < 0.02 * float(moved.norm())
    # The first step is the same up to rounding; from then on a sign of a gradient may hang on it.
    for epoch, (mine, theirs) in enumerate(zip(alone.history, two["history"], strict=True)):
        for key in ("loss", "lambda", "largest_weight"):
            assert mine[key] == pytest.approx(theirs[key], rel=5e-2 if epoch else 1e-6), key
    _torchrun(tmp_path / "parts", images.source, settings, stop=3)
    assert load(tmp_path / "parts" / "last.pt")["step"] == 3
    _torchrun(tmp_path / "parts", images.source, settings, "--resume")
    parts = load(tmp_path / "parts" / "last.pt")
    assert all(torch.equal(parts["model"][name], value) for name, value in two["model"].items())
    assert repr(parts["method"]) == repr(two["method"])


def test_a_batch_that_cannot_be_shared_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from armor.errors import InputError
    from armor.training.workers import Workers

    monkeypatch.setattr(cifar10, "LAYOUT", tiny_cifar.layout_of(PARTS))
    images = data.load("cifar10", tiny_cifar.write_folder(tmp_path / "data", PARTS))
    recipe = recipes.find("cifar10-smoke", [*SETTINGS, "training.batch=15"])
    with pytest.raises(InputError, match="15 images cannot be shared evenly by 2 workers"):
        train(recipe, images, tmp_path / "run", device=torch.device("cpu"), workers=Workers(0, 2))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "more",
    [
        ["method.loss=pgd", "method.kappa=0.1"],
        pytest.param(
            ["method.loss=udr", "attack.cost=soft-ball", "attack.start=none"], marks=pytest.mark.slow
        ),
        pytest.param(["dual.mode=learned", "dual.rho=2.3"], marks=pytest.mark.slow),
        pytest.param(["dual.mode=carried"], marks=pytest.mark.slow),
    ],
)
def test_an_audit_judges_the_batch_of_all_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: list[str]
) -> None:
    pytest.importorskip("flint", reason="the extra `verify` is not installed")
    monkeypatch.setattr(cifar10, "LAYOUT", tiny_cifar.layout_of(PARTS))
    images = data.load("cifar10", tiny_cifar.write_folder(tmp_path / "data", PARTS))
    settings = [*SETTINGS, "training.epochs=2", *more]
    assert "audit       2 batches" in _torchrun(tmp_path / "two", images.source, settings, "--audit", "1")
    train(
        recipes.find("cifar10-smoke", settings), images, tmp_path / "one", device=torch.device("cpu"),
        audit_every=1,
    )  # fmt: skip
    first, second = (
        [json.loads(line) for line in (tmp_path / name / "audit.jsonl").read_text().splitlines()]
        for name in ("one", "two")
    )
    assert [record["step"] for record in second] == [1, 2]
    for key in ("value", "lower", "upper"):  # the first step's numbers are those of one worker
        assert second[0][key] == pytest.approx(first[0][key], rel=1e-5), key


def test_a_breach_stops_all_workers_and_saves_the_whole_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("flint", reason="the extra `verify` is not installed")
    monkeypatch.setattr(cifar10, "LAYOUT", tiny_cifar.layout_of(PARTS))
    images = data.load("cifar10", tiny_cifar.write_folder(tmp_path / "data", PARTS))
    said = _torchrun(tmp_path / "two", images.source, SETTINGS, "--audit", "1", drift=True)
    assert said.count("audit breach at step 1") == 2  # each worker ends of itself
    saved = load(tmp_path / "two" / "breach.pt")
    assert saved["x"].shape == saved["moved"].shape == (16, 3, 32, 32)
    assert saved["losses"].shape == saved["weights"].shape == saved["y"].shape == (16,)
    then, now = replay(tmp_path / "two" / "breach.pt")
    assert then.reason
    assert now.reason == ""
