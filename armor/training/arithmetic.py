"""In which precision and memory layout the network runs: as the recipe says, or the fastest one measured.

Which is fastest differs between devices by a factor of ten and cannot be guessed (`channels_last` quarters
the speed of ResNet-18 in float32 on one CPU and is the best choice in bfloat16 on the same one).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import product
from statistics import median

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from armor.training.scaling import Scale

__all__ = ["LOGITS", "Arithmetic", "Cast", "choose", "threads"]

LOGITS = torch.float32  # in which the network hands its logits over, and so the dtype of the losses

_ROUNDS = 8
_SECONDS = 5.0
_WORTH = 1800.0  # seconds of a run below which compiling is not even tried
_GRAPHS = 4


@dataclass(frozen=True)
class Arithmetic:
    """How the network is computed.

    Attributes:
        precision: "float32", "bfloat16" or "float16" (autocast; weights, batch statistics, losses and updates
            stay float32; float16 gradients are scaled).
        layout: "contiguous" or "channels_last".
        threads: CPU threads (None: as the process has them). They fix the order of sums, so the same number
            is needed to resume bit for bit.
        compiled: whether torch.compile generates the network's code.
    """

    precision: str = "float32"
    layout: str = "contiguous"
    threads: int | None = None
    compiled: bool = False

    def __str__(self) -> str:
        count = "" if self.threads is None else f", {self.threads} thread{'s' * (self.threads > 1)}"
        return f"{self.precision}, {self.layout}{', compiled' if self.compiled else ''}{count}"

    @property
    def low(self) -> torch.dtype | None:
        """The dtype of autocast, None without."""
        return {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(self.precision)

    @property
    def memory_format(self) -> torch.memory_format:
        """The layout as torch names it."""
        return torch.channels_last if self.layout == "channels_last" else torch.contiguous_format


class Cast(nn.Module):
    """Runs a model in the given arithmetic; logits come back in float32. Parameters are the model's own.

    In float16 the gradient in the images, while no parameter asks for one, is scaled inside the network only.
    """

    def __init__(self, model: nn.Module, arithmetic: Arithmetic) -> None:
        super().__init__()
        self.model = model.to(memory_format=arithmetic.memory_format)  # type: ignore[call-overload]
        self.arithmetic = arithmetic
        self.training = model.training
        # In a tuple: it shares the model's parameters and is no submodule of its own.
        run: Callable[[Tensor], Tensor] = torch.compile(self.model) if arithmetic.compiled else self.model
        self._run = (run,)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, classes), float32, of images x (B, C, H, W) in [0, 1]."""
        low = self.arithmetic.low
        # Of the parameters, where they are trained, a GradScaler scales the gradients.
        attacked = low is torch.float16 and x.requires_grad and not self._trainable()
        scale = Scale()
        if attacked:
            x = scale.undo(x)
        with torch.autocast(x.device.type, low, enabled=low is not None):
            logits: Tensor = self._run[0](self.place(x))
        logits = logits.to(LOGITS)
        return scale.enlarge(logits) if attacked else logits

    def _trainable(self) -> bool:
        return any(parameter.requires_grad for parameter in self.model.parameters())

    def place(self, x: Tensor) -> Tensor:
        """`x` in the network's layout: an attack that begins there need not change it in every step."""
        return x.contiguous(memory_format=self.arithmetic.memory_format)


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _pass(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """Seconds of one forward and backward pass."""
    _synchronise(x.device)
    start = time.perf_counter()
    loss = F.cross_entropy(model(x), y)
    torch.autograd.grad(loss, [p for p in model.parameters() if p.requires_grad])
    _synchronise(x.device)
    return time.perf_counter() - start


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Let torch use `count` CPU threads inside (None: as it is), and as many as before afterwards."""
    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _fastest(model: nn.Module, candidates: Sequence[Arithmetic], x: Tensor, y: Tensor) -> Arithmetic:
    """The candidate with the smallest median time of a pass.

    They take turns, so that other load disturbs all alike. The median, not the minimum: on a machine shared
    with others two threads are sometimes lucky and mostly wait for each other. Hopeless ones drop out early.
    """
    taken: dict[Arithmetic, list[float]] = {candidate: [] for candidate in candidates}
    running = list(candidates)
    began = time.perf_counter()
    for turn in range(1 + _ROUNDS):
        for candidate in running:
            with threads(candidate.threads):
                taken[candidate].append(_pass(Cast(model, candidate), x, y))
            if turn == 1:
                del taken[candidate][0]  # it warmed up
        middle = {candidate: median(taken[candidate]) for candidate in running}
        margin = 4 if turn == 0 else 2
        running = [candidate for candidate in running if middle[candidate] <= margin * min(middle.values())]
        if len(running) == 1 or (turn and time.perf_counter() - began > _SECONDS):
            break
    return min(running, key=lambda candidate: median(taken[candidate]))


def _compiled_if_faster(
    model: nn.Module, eager: Arithmetic, x: Tensor, y: Tensor, passes: float
) -> Arithmetic:
    """`eager`, or the same compiled if measured to win back its compilation within `passes` passes."""
    with threads(eager.threads):
        plain = Cast(model, eager)
        usual = median(_pass(plain, x, y) for _ in range(3))
        if usual * passes < _WORTH:
            return eager
        twin = replace(eager, compiled=True)
        cast = Cast(model, twin)
        try:
            began = time.perf_counter()
            _pass(cast, x, y)
            spent = time.perf_counter() - began
        except Exception:  # no compiler, or one that fails: whatever it is, there is a way without it
            return eager
        rounds = [(_pass(plain, x, y), _pass(cast, x, y)) for _ in range(_ROUNDS)]
    gained = median(a for a, _ in rounds) - median(b for _, b in rounds)
    # The attack and the validation compile graphs of their own.
    return twin if gained > 0.03 * usual and gained * passes > _GRAPHS * spent else eager


def model_device(model: nn.Module) -> torch.device:
    """Where the model's weights are."""
    return next(model.parameters()).device


def _native_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is the low precision to try: float16 is where a card can but emulate it (V100, T4)."""
    return device.type != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False)


def choose(
    model: nn.Module,
    shape: tuple[int, int, int],
    batch: int,
    precision: str,
    layout: str,
    threads_asked: int = 0,
    *,
    compilation: str = "never",
    passes: int = 0,
) -> Arithmetic:
    """Settle "auto": the fastest of the admitted combinations for this model on the device of its weights.

    Args:
        model: the network; its batch statistics are put back afterwards.
        shape: (channels, height, width) of the images.
        batch: batch size of the run (on a CPU at most 32 images are measured).
        precision: "auto", "float32", "bfloat16" or "float16".
        layout: "auto", "contiguous" or "channels_last".
        threads_asked: CPU threads, 0 for one or all that torch has, whichever is faster at present.
        compilation: "never", "always", or "auto": where a compiler is found and the run is long enough to pay
            for it, whichever is measured to be faster.
        passes: forward and backward passes of the run.
    """
    low = "bfloat16" if _native_bfloat16(model_device(model)) else "float16"
    precisions = ("float32", low) if precision == "auto" else (precision,)
    layouts = ("contiguous", "channels_last") if layout == "auto" else (layout,)
    device = model_device(model)
    counts: tuple[int | None, ...] = (None,)
    if device.type == "cpu":
        counts = (threads_asked,) if threads_asked else tuple(sorted({torch.get_num_threads(), 1}))
    candidates = [Arithmetic(*chosen) for chosen in product(precisions, layouts, counts)]
    if len(candidates) == 1 and compilation == "never":
        return candidates[0]
    count = min(batch, 32) if device.type == "cpu" else batch
    x = torch.linspace(0, 1, count * shape[0] * shape[1] * shape[2], device=device).view(count, *shape)
    y = torch.zeros(count, dtype=torch.int64, device=device)
    before = {name: value.clone() for name, value in model.named_buffers()}
    training = model.training
    model.train()
    chosen = candidates[0] if len(candidates) == 1 else _fastest(model, candidates, x, y)
    if compilation == "always":
        chosen = replace(chosen, compiled=True)
    elif compilation == "auto":
        chosen = _compiled_if_faster(model, chosen, x, y, passes * batch / count)
    model.train(training)
    with torch.no_grad():
        for name, value in model.named_buffers():
            value.copy_(before[name])
    return chosen
