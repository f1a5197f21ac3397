"""A training step of ARMOR-TRADES against the same step written as the published scripts write it."""

__all__ = ["Row", "machine", "run"]

import copy
import os
import platform
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from armor.bench.baselines import kl_bisection
from armor.bench.memory import peak
from armor.data import load
from armor.data.augment import Augmentation
from armor.data.keys import generator_for, permutation
from armor.evaluation.measure import correct, correct_under
from armor.methods import method
from armor.models import ModelSpec, create
from armor.objectives import objective
from armor.training.arithmetic import Arithmetic, Cast, choose, threads
from armor.transport import pgd

EPSILON, KAPPA, BETA, NATURAL = 0.02, 0.1, 19.0, 0.5
RADIUS, STEP, STEPS = 0.031, 0.007, 10
_MEAN, _STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


@dataclass(frozen=True)
class Row:
    """One comparison; `ratio` is the median over alternating runs, > 1 where ours is better.

    For shares, memory and accuracy `ratio` is None or baseline over ours (memory).
    """

    what: str
    model: str
    batch: int
    baseline: float | None
    ours: float
    ratio: float | None
    precision: str


def machine() -> dict[str, str]:
    """What the figures were taken on."""
    name = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").is_file():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), name)
    return {"processor": name, "cores": str(os.cpu_count()), "torch": str(torch.__version__)}


def run(
    *,
    repeats: int = 3,
    sizes: tuple[int, ...] = (128,),
    device: str = "cpu",
    data: str | None = None,
    model: str = "resnet18",
    steps: int = 60,
) -> Iterator[Row]:
    """Measure; yields a row as soon as it is known.

    Args:
        repeats: pairs of steps timed. sizes: batch sizes. device: cpu or cuda.
        data: folder of CIFAR-10; without it noise of the same shape serves, and no accuracy is compared.
        model: the network of the timed steps. steps: training steps before accuracies are compared (with a
            small network and batches of 32), 0 for no comparison.
    """
    images, labels, test = _images(data)
    for batch in sizes:
        yield from _speed(model, batch, images, labels, torch.device(device), repeats)
    if device != "cpu":
        yield _epoch(model, images, labels, torch.device(device))
    if test is not None and steps:
        yield from _accuracy(images, labels, test, steps, torch.device(device))


def _images(data: str | None) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor] | None]:
    data = data or os.environ.get("ARMOR_DATA")
    if data is None:
        rng = np.random.default_rng(0)
        pixels = torch.from_numpy(rng.integers(0, 256, (2000, 3, 32, 32), dtype=np.uint8))
        return pixels, torch.arange(2000) % 10, None
    arrays = load("cifar10", data).arrays
    x, y = torch.from_numpy(arrays.x_train), torch.from_numpy(arrays.y_train)
    held = torch.from_numpy(arrays.x_test[:1000]).float().div(255), torch.from_numpy(arrays.y_test[:1000])
    return x, y, held


class _PerImage(Dataset[tuple[Tensor, int]]):
    """Augments image by image, as the transforms of the published scripts do."""

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self.images, self.labels = images, labels
        self.generator = torch.Generator().manual_seed(0)

    def __len__(self) -> int:
        return self.labels.numel()

    def __getitem__(self, at: int) -> tuple[Tensor, int]:
        image = F.pad(self.images[at], (4, 4, 4, 4))
        top, left = torch.randint(0, 9, (2,), generator=self.generator).tolist()
        image = image[:, top : top + 32, left : left + 32]
        if torch.rand(1, generator=self.generator) < 0.5:
            image = image.flip(2)
        return image.float().div(255), int(self.labels[at])


class Published:
    """The published way: float32, `f(x)` evaluated anew in every step of the attack with the whole graph, the
    dual by SciPy's bisection on the host, images augmented one by one by a loader.
    """

    def __init__(
        self, network: nn.Module, images: Tensor, labels: Tensor, batch: int, device: torch.device
    ) -> None:
        self.network = network.to(device)
        self.device = device
        self.optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=3.5e-3)
        self.loader = DataLoader(
            _PerImage(images, labels), batch, shuffle=True, generator=torch.Generator().manual_seed(0)
        )
        self.batches = iter(self.loader)
        self.generator = torch.Generator(device).manual_seed(0)

    def fetch(self) -> tuple[Tensor, Tensor]:
        """The next batch on the device."""
        try:
            x, y = next(self.batches)
        except StopIteration:
            self.batches = iter(self.loader)
            x, y = next(self.batches)
        return x.to(self.device), y.to(self.device)

    def step(self, x: Tensor, y: Tensor) -> None:
        """One update."""
        network = self.network
        network.eval()
        moved = x + 0.001 * torch.randn(x.shape, device=self.device, generator=self.generator)
        for _ in range(STEPS):
            moved.requires_grad_()
            divergence = F.kl_div(network(moved).log_softmax(1), network(x).softmax(1), reduction="sum")
            (gradient,) = torch.autograd.grad(divergence, [moved])
            moved = moved.detach() + STEP * gradient.detach().sign()
            moved = torch.min(torch.max(moved, x - RADIUS), x + RADIUS).clamp(0.0, 1.0)
        network.train()
        self.optimizer.zero_grad()
        natural, adversarial = network(x), network(moved.detach())
        divergences = F.kl_div(adversarial.log_softmax(1), natural.softmax(1), reduction="none").sum(1)
        losses = F.cross_entropy(natural, y, reduction="none") + BETA * divergences
        _, weights = kl_bisection(losses.detach().double().cpu().numpy(), EPSILON, KAPPA)
        robust = (torch.from_numpy(weights).to(losses) * losses).sum()
        loss = NATURAL * F.cross_entropy(natural, y) + (1 - NATURAL) * robust
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        loss.item()  # for the log, as the scripts do


class Ours:
    """This package's step, on images that lie on the device."""

    def __init__(
        self,
        network: nn.Module,
        images: Tensor,
        labels: Tensor,
        batch: int,
        device: torch.device,
        arithmetic: Arithmetic,
    ) -> None:
        self.network = network.to(device)
        self.model = Cast(self.network, arithmetic)
        self.images, self.labels, self.batch = images.to(device), labels.to(device), batch
        self.order = permutation(0, labels.numel(), device)
        self.augment, self.done = Augmentation(4, True), 0
        self.optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=3.5e-3)
        attack = pgd(RADIUS, step=STEP, steps=STEPS, start="gaussian", keep="last")
        dual = objective("kl", epsilon=EPSILON, kappa=KAPPA)
        self.method = method("trades", attack, beta=BETA, objective=dual, natural_weight=NATURAL)
        self.generator = generator_for(device).manual_seed(0)

    def fetch(self) -> tuple[Tensor, Tensor]:
        """The next batch."""
        size = self.labels.numel() // self.batch
        epoch, at = divmod(self.done, size)
        rows = self.order[at * self.batch : (at + 1) * self.batch]
        self.done += 1
        images = self.augment(self.images[rows], rows, seed=0, epoch=epoch).float().div_(255)
        return self.model.place(images), self.labels[rows]

    def step(self, x: Tensor, y: Tensor) -> None:
        """One update."""
        self.model.train()
        result = self.method.step(self.model, x, y, self.generator)
        self.optimizer.zero_grad(set_to_none=True)
        result.loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()


def _seconds(action: Callable[[], object], device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    begin = time.perf_counter()
    action()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - begin


def _peak(
    published: bool, model: str, batch: int, images: Tensor, labels: Tensor, device: str, chosen: Arithmetic
) -> float | None:
    """MB that one step takes at most beyond what is held before it; None where that cannot be known.

    On a CPU to be called in a process of its own: what an earlier step has given back stays resident.
    """
    place = torch.device(device)
    with threads(chosen.threads):
        side = _both(model, batch, images, labels, place, chosen)[0 if published else 1]
        x, y = side.fetch()
        if place.type == "cuda":
            torch.cuda.reset_peak_memory_stats(place)
            held = torch.cuda.memory_allocated(place)
            side.step(x, y)
            return (torch.cuda.max_memory_allocated(place) - held) / 1e6
        return peak(lambda: side.step(x, y))


def _both(
    model: str, batch: int, images: Tensor, labels: Tensor, device: torch.device, arithmetic: Arithmetic
) -> tuple[Published, Ours]:
    spec = ModelSpec(model, 10, (3, 32, 32), _MEAN, _STD)
    network = create(spec)
    return (
        Published(copy.deepcopy(network), images, labels, batch, device),
        Ours(network, images, labels, batch, device, arithmetic),
    )


def _speed(
    model: str, batch: int, images: Tensor, labels: Tensor, device: torch.device, repeats: int
) -> Iterator[Row]:
    spec = ModelSpec(model, 10, (3, 32, 32), _MEAN, _STD)
    count = torch.get_num_threads() if device.type == "cpu" else 0
    best = choose(create(spec).to(device), spec.shape, batch, "auto", "auto", count)
    plain = Arithmetic("float32", "contiguous", best.threads)
    with threads(best.threads):
        theirs, fast = _both(model, batch, images, labels, device, best)
        same = Ours(copy.deepcopy(fast.network), images, labels, batch, device, plain)
        sides = (theirs, fast, same)
        loading: list[list[float]] = [[], [], []]
        stepping: list[list[float]] = [[], [], []]
        for _ in range(repeats):
            for k, side in enumerate(sides):
                got: list[tuple[Tensor, Tensor]] = []
                loading[k].append(_seconds(lambda side=side, got=got: got.append(side.fetch()), device))  # type: ignore[misc]
                stepping[k].append(_seconds(lambda side=side, got=got: side.step(*got[0]), device))  # type: ignore[misc]
    whole = [[a + b for a, b in zip(*pair, strict=True)] for pair in zip(loading, stepping, strict=True)]
    names = ("float32", str(best), "float32")
    for k, what in ((1, "images per second, whole step"), (2, "the same, both in float32")):
        ratio = median(a / b for a, b in zip(whole[0], whole[k], strict=True))
        yield Row(what, model, batch, batch / median(whole[0]), batch / median(whole[k]), ratio, names[k])
    shares = [median(a / b for a, b in zip(loading[k], whole[k], strict=True)) for k in (0, 1)]
    yield Row("loader's share of the step", model, batch, shares[0], shares[1], None, names[1])
    # The first 2,000 images are enough for one batch, and quickly sent.
    few = (model, batch, images[: max(2000, batch)], labels[: max(2000, batch)], str(device), best)
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
        theirs_mb, ours_mb = (pool.submit(_peak, published, *few).result() for published in (True, False))
    if theirs_mb is not None and ours_mb is not None:
        yield Row(
            "peak memory of a step, MB", model, batch, theirs_mb, ours_mb, theirs_mb / ours_mb, names[1]
        )


def _epoch(model: str, images: Tensor, labels: Tensor, device: torch.device) -> Row:
    """Seconds of an epoch of PGD-10 adversarial training on 50,000 images, from 60 steps after 20."""
    spec = ModelSpec(model, 10, (3, 32, 32), _MEAN, _STD)
    network = create(spec).to(device)
    best = choose(network, spec.shape, 128, "auto", "auto", compilation="auto", passes=10**9)
    side = Ours(network, images, labels, 128, device, best)
    side.method = method(
        "pgd",
        pgd(8 / 255, step=2 / 255, steps=10, keep="last"),
        objective=objective("kl", epsilon=EPSILON, kappa=KAPPA),
    )

    def steps(count: int) -> None:
        for _ in range(count):
            side.step(*side.fetch())

    steps(20)
    seconds = _seconds(lambda: steps(60), device) / 60 * (50_000 // 128)
    return Row("seconds of a PGD-10 epoch", model, 128, None, seconds, None, str(best))


def _accuracy(
    images: Tensor, labels: Tensor, test: tuple[Tensor, Tensor], steps: int, device: torch.device
) -> Iterator[Row]:
    """Both ways train the same network from the same weights; percent right on 1,000 test images."""
    spec = ModelSpec("resnet-small", 10, (3, 32, 32), _MEAN, _STD)
    count = torch.get_num_threads() if device.type == "cpu" else 0
    best = choose(create(spec).to(device), spec.shape, 32, "auto", "auto", count)
    with threads(best.threads):
        both = _both("resnet-small", 32, images, labels, device, best)
        for side in both:
            for _ in range(steps):
                side.step(*side.fetch())
        x, y = (part.to(device) for part in test)
        attack = pgd(RADIUS, step=RADIUS / 4, steps=10)
        networks = [Cast(side.network.eval(), Arithmetic()).eval() for side in both]
        natural = [100 * float(correct(network, x, y).double().mean()) for network in networks]
        robust = [100 * float(correct_under(n, attack, x, y).double().mean()) for n in networks]
    for what, (theirs, ours) in (("natural", natural), ("PGD-10", robust)):
        yield Row(f"{what} accuracy, %, {steps} steps", "resnet-small", 32, theirs, ours, None, str(best))
