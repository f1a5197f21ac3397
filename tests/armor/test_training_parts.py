"""The parts of training: schedules, arithmetic, averages, batches, checkpoints."""

import errno
import itertools
import os
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from armor.errors import InputError
from armor.models import ModelSpec, create
from armor.recipes.schema import Optimizer, Schedule
from armor.training import checkpoint
from armor.training.arithmetic import Arithmetic, Cast, choose
from armor.training.average import StepAverage
from armor.training.progress import Progress
from armor.training.schedule import learning_rate
from armor.training.trace import BINS, Trace
from armor.training.workers import ALONE

SPEC = ModelSpec("resnet-small", 10, (3, 32, 32), (0.5,) * 3, (0.25,) * 3)


def _rates(schedule: Schedule, epochs: int = 10, per_epoch: int = 20) -> list[float]:
    optimizer = Optimizer(lr=0.4)
    return [learning_rate(schedule, optimizer, s, per_epoch, epochs) for s in range(epochs * per_epoch)]


def test_piecewise_falls_at_its_milestones() -> None:
    rates = _rates(Schedule("piecewise", (3, 7, 7), 0.1))
    assert rates[0] == rates[59] == 0.4
    assert rates[60] == rates[139] == pytest.approx(0.04)
    assert rates[140] == rates[-1] == pytest.approx(0.0004)


@pytest.mark.parametrize("name", ["cosine", "cyclic"])
@pytest.mark.parametrize("warmup", [0.0, 0.25])
def test_smooth_schedules_rise_and_fall_to_almost_zero(name: str, warmup: float) -> None:
    rates = _rates(Schedule(name, warmup=warmup))
    top = rates.index(max(rates))
    assert top in ((49, 50) if warmup else (0,))
    assert all(0 < rate <= 0.4 for rate in rates)
    assert sorted(rates[:top]) == rates[:top]
    assert sorted(rates[top:], reverse=True) == rates[top:]
    assert rates[-1] < 0.4 / 50


def test_cyclic_is_linear_and_cosine_half_way_down_in_the_middle() -> None:
    cyclic, cosine = _rates(Schedule("cyclic")), _rates(Schedule("cosine"))
    steps = {round(a - b, 12) for a, b in itertools.pairwise(cyclic)}
    assert len(steps) == 1
    assert cosine[100] == pytest.approx(0.2, rel=0.01)


def test_arithmetic_changes_precision_not_the_parameters() -> None:
    model = create(SPEC).eval()
    x = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    exact = Cast(model, Arithmetic())(x)
    low = Cast(model, Arithmetic("bfloat16", "channels_last"))(x)
    assert low.dtype == torch.float32
    assert not torch.equal(low, exact)
    assert torch.allclose(low, exact, atol=0.1)
    assert all(p.dtype == torch.float32 for p in model.parameters())


def test_the_probe_keeps_the_model_and_obeys_the_recipe() -> None:
    model = create(SPEC)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    state = torch.random.get_rng_state()
    before_threads = torch.get_num_threads()
    chosen = choose(model, SPEC.shape, 8, "float32", "auto")
    assert chosen.precision == "float32"
    only = choose(model, SPEC.shape, 8, "bfloat16", "contiguous", 3)
    assert only == Arithmetic("bfloat16", "contiguous", 3)
    assert torch.get_num_threads() == before_threads
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert torch.equal(state, torch.random.get_rng_state())


def test_average_follows_the_weights() -> None:
    model = nn.Linear(2, 2)
    average = StepAverage(model, 0.5)
    start = model.weight.detach().clone()
    with torch.no_grad():
        model.weight += 1.0
    average.update(model, 10_000)
    assert torch.allclose(average.model.weight, start + 0.5)
    average.update(model, 0)  # decay min(0.5, 1/10)
    assert torch.allclose(average.model.weight, start + 0.95)


def test_a_checkpoint_comes_back_equal(tmp_path: Path) -> None:
    model = create(SPEC, seed=5)
    path = tmp_path / "a.pt"
    checkpoint.save(path, {"model": model.state_dict(), "step": 3}, SPEC)
    content = checkpoint.load(path)
    assert checkpoint.model_spec(content, path) == SPEC
    assert content["step"] == 3
    again = create(SPEC, seed=6)
    checkpoint.load_weights(again, content["model"], path, SPEC.name)
    assert all(
        torch.equal(a, b)
        for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True)
    )
    assert os.listdir(tmp_path) == ["a.pt"]


@pytest.mark.parametrize("share", [0.0, 0.2, 0.7, 0.999])
def test_truncated_checkpoints(tmp_path: Path, share: float) -> None:
    path = tmp_path / "a.pt"
    checkpoint.save(path, {"model": create(SPEC).state_dict()}, SPEC)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(InputError) as caught:
        checkpoint.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_checkpoint_that_would_run_code(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str, str]]:
            return open, (str(tmp_path / "executed"), "w")

    path = tmp_path / "a.pt"
    torch.save({"format": checkpoint.FORMAT, "model": Evil()}, path)
    with pytest.raises(InputError, match="would run code"):
        checkpoint.load(path)
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(InputError, match=r"a\.pt"):
        checkpoint.load(path)
    assert not (tmp_path / "executed").exists()


def test_other_files_and_versions(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    with pytest.raises(InputError, match="no checkpoint at"):
        checkpoint.load(path)
    torch.save([1, 2], path)
    with pytest.raises(InputError, match="holds a list"):
        checkpoint.load(path)
    torch.save({"format": checkpoint.FORMAT, "version": 99}, path)
    with pytest.raises(InputError, match="version 99"):
        checkpoint.load(path)
    with pytest.raises(InputError, match="--model"):
        checkpoint.model_spec({"weight": torch.zeros(1)}, path)


@pytest.mark.parametrize("change", ["missing", "extra", "shape", "nan"])
def test_weights_of_another_model_change_nothing(change: str) -> None:
    model = create(SPEC, seed=1)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    state: dict[str, object] = dict(create(SPEC, seed=2).state_dict())
    if change == "missing":
        del state["linear.weight"]
    elif change == "extra":
        state["linear2.weight"] = torch.zeros(2)
    elif change == "nan":
        state["bn1.running_var"] = torch.full_like(before["bn1.running_var"], torch.nan)
    else:
        state["linear.weight"] = torch.zeros(7, 128)
    words = "not finite" if change == "nan" else "weights of another model"
    with pytest.raises(InputError, match=words):
        checkpoint.load_weights(model, state, Path("file.pt"), SPEC.name)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.pt"
    checkpoint.save(path, {"step": 1}, SPEC)

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left on device; what was there before is intact"):
        checkpoint.save(path, {"step": 2}, SPEC)
    monkeypatch.undo()
    assert checkpoint.load(path)["step"] == 1
    assert os.listdir(tmp_path) == ["a.pt"]


def test_the_histogram_of_lambda_counts_every_step_between_its_extremes() -> None:
    trace = Trace(200, torch.device("cpu"))
    lambdas = torch.randn(200, generator=torch.Generator().manual_seed(0), dtype=torch.float64).exp()
    for step, lam in enumerate(lambdas):
        trace.add(step, lam, torch.full((4,), 0.25), 4, ALONE)
    found = trace.close()
    low, *_, high = found["lambda_quantiles"]
    assert (low, high) == (float(lambdas.min()), float(lambdas.max()))
    expected, _ = np.histogram(lambdas.numpy(), bins=BINS, range=(low, high))
    assert found["lambda_histogram"] == expected.tolist()
    assert sum(found["weight_histogram"]) == 800
    trace.add(0, torch.tensor(2.0), torch.full((4,), 0.25), 4, ALONE)
    trace.lambdas.fill_(2.0)
    assert sum(trace.close()["lambda_histogram"]) == 200


@pytest.mark.parametrize("terminal", [False, True])
def test_an_epoch_is_told_with_the_time_left_where_no_bar_shows_it(
    terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    with Progress(5) as progress:
        hooks = progress.hooks(lambda: False)
        hooks.begin(0, 5)
        for left in (3000.0, 12.4, 0.0):
            hooks.epoch("epoch 3/5", left)
    told = [line.rpartition("\r")[2] for line in capsys.readouterr().err.splitlines() if "epoch 3/5" in line]
    expected = ["epoch 3/5  | 50 min left", "epoch 3/5  | 12 s left", "epoch 3/5"]
    assert [line.strip() for line in told] == (["epoch 3/5"] * 3 if terminal else expected)
