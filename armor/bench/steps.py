"""Whole training steps, side by side: what an objective costs, and TRADES against its published form."""

__all__ = ["StepRow", "measure", "our_step", "problem", "published_step"]

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from armor.bench.memory import peak
from armor.methods import Method, method
from armor.models import ModelSpec, create
from armor.objectives import objective
from armor.training.arithmetic import Cast, choose
from armor.transport import pgd

_RADIUS, _STEP, _BETA = 8 / 255, 2 / 255, 6.0
Step = Callable[[nn.Module, Tensor, Tensor, int], Tensor]


@dataclass(frozen=True)
class StepRow:
    """Alternating runs: medians in milliseconds; `ratio`: baseline over ours, its median; memory: ours over
    baseline.
    """

    name: str
    batch: int
    baseline: str
    baseline_ms: float
    ours_ms: float
    ratio: float
    memory: float | None


def problem(batch: int, model: str, device: str) -> tuple[Tensor, Tensor, nn.Module, ModelSpec]:
    """Random images and labels, and a fresh model."""
    shape = (1, 28, 28) if model == "cnn-mnist" else (3, 32, 32)
    spec = ModelSpec(model, 10, shape, (0.5,) * shape[0], (0.25,) * shape[0])
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(batch, *shape, generator=generator).to(device)
    y = torch.randint(0, 10, (batch,), generator=generator).to(device)
    return x, y, create(spec, seed=0).to(device).train(), spec


def published_step(model: nn.Module, x: Tensor, y: Tensor, attack_steps: int) -> Tensor:
    """TRADES' step as it was published: `f(x)` anew in every attack step, graphs for the parameters too."""
    kl = nn.KLDivLoss(reduction="sum")
    model.eval()
    generator = torch.Generator().manual_seed(1)
    moved = x.detach() + 0.001 * torch.randn(x.shape, generator=generator).to(x)
    for _ in range(attack_steps):
        moved.requires_grad_()
        with torch.enable_grad():
            loss = kl(F.log_softmax(model(moved), dim=1), F.softmax(model(x), dim=1))
        gradient = torch.autograd.grad(loss, [moved])[0]
        moved = moved.detach() + _STEP * torch.sign(gradient.detach())
        moved = torch.min(torch.max(moved, x - _RADIUS), x + _RADIUS)
        moved = torch.clamp(moved, 0.0, 1.0)
    model.train()
    logits = model(x)
    natural = F.cross_entropy(logits, y)
    robust: Tensor = kl(F.log_softmax(model(moved), dim=1), F.softmax(model(x), dim=1)) / x.size(0)
    whole = natural + _BETA * robust
    whole.backward()  # type: ignore[no-untyped-call]
    return whole.detach()


def _trades(attack_steps: int, **options: Any) -> Method:
    attack = pgd(_RADIUS, step=_STEP, steps=attack_steps, start="gaussian", keep="last")
    return method("trades", attack, beta=_BETA, **options)


def _step(model: nn.Module, x: Tensor, y: Tensor, built: Method) -> Tensor:
    result = built.step(model, x, y, torch.Generator().manual_seed(1))
    result.loss.backward()  # type: ignore[no-untyped-call]
    return result.loss.detach()


def our_step(model: nn.Module, x: Tensor, y: Tensor, attack_steps: int) -> Tensor:
    """The same step by `armor.methods`."""
    return _step(model, x, y, _trades(attack_steps))


def _armor_step(model: nn.Module, x: Tensor, y: Tensor, attack_steps: int) -> Tensor:
    return _step(model, x, y, _trades(attack_steps, objective=objective("kl", epsilon=0.02, kappa=0.1)))


def _seconds(step: Step, model: nn.Module, x: Tensor, y: Tensor, attack_steps: int) -> float:
    model.zero_grad(set_to_none=True)
    begin = time.perf_counter()
    step(model, x, y, attack_steps)
    if x.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - begin


def _peak(step: str, batch: int, model: str, device: str, attack_steps: int) -> float | None:
    """Peak memory of one step beyond the loaded model, in MB; on the CPU that of a fresh process."""
    x, y, network, _ = problem(batch, model, device)
    network = _as(step, network, x)
    x = network.place(x) if isinstance(network, Cast) else x
    _STEPS[step](network, x[:2], y[:2], 1)  # loads what is loaded once
    network.zero_grad(set_to_none=True)
    if device != "cpu":
        torch.cuda.reset_peak_memory_stats()
        held = torch.cuda.memory_allocated()
        _STEPS[step](network, x, y, attack_steps)
        return (torch.cuda.max_memory_allocated() - held) / 1e6
    return peak(lambda: _STEPS[step](network, x, y, attack_steps))


_STEPS: dict[str, Step] = {
    "published": published_step,
    "ours": our_step,
    "armor": _armor_step,
    "cast": our_step,
}


def _as(step: str, network: nn.Module, x: Tensor) -> nn.Module:
    """The network in the arithmetic of a step: where cast, bfloat16 in the faster layout, as in training."""
    if step != "cast":
        return network
    count = torch.get_num_threads() if x.device.type == "cpu" else 0
    _, *shape = x.shape
    chosen = choose(network, (shape[0], shape[1], shape[2]), x.shape[0], "bfloat16", "auto", count)
    return Cast(network, chosen)


def _memory(step: str, batch: int, model: str, device: str, attack_steps: int) -> float | None:
    if device != "cpu":
        return _peak(step, batch, model, device, attack_steps)
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_peak, step, batch, model, device, attack_steps).result()


def measure(
    *,
    repeats: int = 6,
    batch: int = 64,
    model: str = "resnet-small",
    attack_steps: int = 10,
    device: str = "cpu",
) -> Iterator[StepRow]:
    """Compare the steps; the optimiser's update, the same on both sides, is left out."""
    x, y, network, _ = problem(batch, model, device)
    for name, ours, baseline, label in (
        ("step kl", "armor", "ours", "the same step with the plain mean"),
        ("step trades", "ours", "published", "TRADES as published, float32"),
        ("step trades, bfloat16 autocast", "cast", "published", "TRADES as published, float32"),
    ):
        models = [_as(which, copy.deepcopy(network), x) for which in (baseline, ours)]
        runs = []
        for _ in range(repeats + 1):  # the first warms up
            runs.append(
                [
                    _seconds(
                        _STEPS[which], twin, twin.place(x) if isinstance(twin, Cast) else x, y, attack_steps
                    )
                    for which, twin in zip((baseline, ours), models, strict=True)
                ]
            )
        times = np.array(runs[1:]) * 1e3
        peaks = [_memory(which, batch, model, device, attack_steps) for which in (ours, baseline)]
        yield StepRow(
            name,
            batch,
            label,
            float(np.median(times[:, 0])),
            float(np.median(times[:, 1])),
            float(np.median(times[:, 0] / times[:, 1])),
            None if peaks[0] is None or peaks[1] is None else peaks[0] / peaks[1],
        )
