"""Switches of the CUDA libraries, read where they count; they exist without CUDA too."""

import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import tiny_cifar
import torch
from torch import Tensor, nn

from armor import data, recipes
from armor.data import cifar10
from armor.evaluation.attacks import parse
from armor.evaluation.evaluate import evaluate
from armor.evaluation.sanity import sanity
from armor.training import arithmetic, run
from armor.training.arithmetic import choose
from armor.training.backends import searched_convolutions
from armor.training.trainer import Trainer

CUDA, CPU = torch.device("cuda"), torch.device("cpu")


@pytest.fixture(params=[("high", True), ("medium", True), ("highest", False)], ids=str)
def switches(request: pytest.FixtureRequest) -> Iterator[tuple[str, bool]]:
    """Two switches as somebody may have them; afterwards as they were."""
    before = _read()
    _set(*request.param)
    yield request.param
    _set(*before)


def _set(products: str, convolutions: bool) -> None:
    torch.set_float32_matmul_precision(products)
    torch.backends.cudnn.allow_tf32 = convolutions


def _read() -> tuple[str, bool]:
    return torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32


def _full() -> bool:
    """Whether float32 is float32, by the switches of this torch."""
    cudnn = torch.backends.cudnn
    new = [torch.backends.cuda.matmul, *(getattr(cudnn, name, None) for name in ("conv", "rnn"))]
    if all(hasattr(library, "fp32_precision") for library in new):
        return all(library.fp32_precision == "ieee" for library in new)  # type: ignore[union-attr]
    return _read() == ("highest", False)


class Watching(nn.Module):
    """Two classes by the mean pixel; notes the switches of every pass, and fails at pass number `fails`."""

    def __init__(self, fails: int = 0) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0))
        self.seen: list[bool] = []
        self.fails = fails

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(_full())
        if len(self.seen) == self.fails:
            raise RuntimeError("in the middle")
        mean = self.scale * (x.flatten(1).mean(1) - 0.5)
        return torch.stack([-mean, mean], 1)


def test_an_evaluation_computes_in_full_float32(switches: tuple[str, bool]) -> None:
    x = torch.rand(6, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    y = (x.flatten(1).mean(1) > 0.5).long()
    attacks = parse("fgsm,pgd2", norm="linf", radius=Fraction(1, 50))
    model = Watching()
    evaluate(model, x, y, attacks, batch=3)
    assert len(model.seen) > 6
    assert all(model.seen)
    assert _read() == switches
    model = Watching()
    sanity(model, x, y, Fraction(1, 50))
    assert all(model.seen)
    assert _read() == switches
    with pytest.raises(RuntimeError, match="in the middle"):
        evaluate(Watching(fails=3), x, y, attacks, batch=3)
    assert _read() == switches


@pytest.mark.skipif(
    not hasattr(torch.backends.cuda.matmul, "fp32_precision"), reason="switches of torch 2.9 and later"
)
@pytest.mark.parametrize("switch", ["cuda.matmul", "cudnn", "cudnn.conv"])
def test_the_newer_switches_are_put_back_too(switch: str) -> None:
    """In a process of its own: torch refuses to tell the older ones afterwards."""
    text = f"""
import torch
from armor.training.backends import full_float32
b = torch.backends
read = lambda: [x.fp32_precision for x in (b.cuda.matmul, b.cudnn.conv, b.cudnn.rnn)]
b.{switch}.fp32_precision = "tf32"
before = read()
assert "tf32" in before
with full_float32():
    assert read() == ["ieee"] * 3
assert read() == before
"""
    subprocess.run([sys.executable, "-c", text], check=True)


def test_cudnn_searches_on_cuda_and_only_inside() -> None:
    assert torch.backends.cudnn.benchmark is False
    with searched_convolutions(CPU):
        assert torch.backends.cudnn.benchmark is False
    with searched_convolutions(CUDA):
        assert torch.backends.cudnn.benchmark is True
    with pytest.raises(RuntimeError, match="in the middle"), searched_convolutions(CUDA):
        _fail()
    assert torch.backends.cudnn.benchmark is False


def _fail() -> None:
    raise RuntimeError("in the middle")


def test_training_lets_cudnn_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the CPU taken for CUDA by the switch alone."""
    parts = tiny_cifar.files(per_batch=24)
    monkeypatch.setattr(cifar10, "LAYOUT", tiny_cifar.layout_of(parts))
    images = data.load("cifar10", tiny_cifar.write_folder(tmp_path / "data", parts))
    settings = [
        "data.validation=20", "validation.images=20", "validation.steps=1", "training.batch=32",
        "training.epochs=1", "training.precision=float32", "training.layout=contiguous", "attack.steps=1",
        "model.name=cnn-small", "method.divergence=none", "training.threads=1", "training.compile=never",
    ]  # fmt: skip
    real, step, seen, asked = searched_convolutions, Trainer._step, [], []

    def searched(device: torch.device) -> Any:
        asked.append(device)
        return real(CUDA)

    def watched(self: Trainer, *args: Any) -> None:
        seen.append(torch.backends.cudnn.benchmark)
        step(self, *args)

    monkeypatch.setattr(run, "searched_convolutions", searched)
    monkeypatch.setattr(Trainer, "_step", watched)
    run.train(recipes.find("cifar10-smoke", settings), images, tmp_path / "run", device=CPU)
    assert asked == [CPU]
    assert seen == [True] * 3
    assert torch.backends.cudnn.benchmark is False


def test_float16_is_tried_where_bfloat16_is_only_emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A card that says yes to bfloat16 when its emulation counts, as V100 and T4 do."""
    candidates: list[str] = []

    def fastest(_model: nn.Module, offered: list[arithmetic.Arithmetic], *_rest: Tensor) -> Any:
        candidates.extend(c.precision for c in offered)
        return offered[0]

    supported = lambda including_emulation=True: including_emulation  # noqa: E731
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    monkeypatch.setattr(arithmetic, "_fastest", fastest)
    monkeypatch.setattr(arithmetic, "model_device", lambda _model: torch.device("meta", 0))
    choose(nn.Linear(1, 1), (1, 1, 1), 2, "auto", "contiguous")
    assert candidates == ["float32", "bfloat16"]
    candidates.clear()
    monkeypatch.setattr(arithmetic, "_native_bfloat16", lambda _device: False)
    choose(nn.Linear(1, 1), (1, 1, 1), 2, "auto", "contiguous")
    assert candidates == ["float32", "float16"]
    monkeypatch.undo()
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    assert not arithmetic._native_bfloat16(CUDA)
    assert arithmetic._native_bfloat16(CPU)
