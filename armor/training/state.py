"""Everything that a run must remember to go on exactly where it was, and its two checkpoints."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from armor.errors import InputError
from armor.methods import Method
from armor.models import ModelSpec, create
from armor.recipes import Recipe, from_mapping, to_mapping
from armor.training.arithmetic import Arithmetic
from armor.training.average import EpochAverage, StepAverage
from armor.training.checkpoint import load, load_weights, model_spec, save
from armor.training.trace import Trace

__all__ = ["SUMS", "State", "fresh", "resume"]

# What is summed over the steps of an epoch, on the device, so that no step waits for the host.
SUMS = ("loss", "adversarial", "natural", "lambda", "largest_weight", "gap", "unconverged")


@dataclass
class State:
    """A run between two steps.

    Attributes:
        spec, model, optimizer, average: the network, its updates, its moving average (None without).
        scaler: of float16 gradients, None in other precisions.
        method, dual_optimizer: the loss with what its dual variables remember, and what moves learned ones.
        arithmetic: what was chosen before the first step.
        preflight: its outcome, as plain values. data: SHA-256 of the training images and labels.
        step: steps done. epochs: epochs whose steps are done and whose average is formed.
        trace: lambda and weights of the steps done in the current epoch.
        sums: (len(SUMS),) float64, over the steps done in the current epoch.
        history: one record per finished epoch.
        seconds: spent in earlier parts of the run.
    """

    spec: ModelSpec
    model: nn.Module
    optimizer: torch.optim.SGD
    average: StepAverage | EpochAverage | None
    method: Method
    dual_optimizer: torch.optim.Adam | None
    scaler: torch.amp.GradScaler | None
    arithmetic: Arithmetic
    preflight: dict[str, Any]
    sums: Tensor
    trace: Trace
    step: int = 0
    epochs: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    data: str | None = None

    @property
    def candidate(self) -> nn.Module:
        """The network that is validated and published: the average, once there is one."""
        if self.average is None or (isinstance(self.average, EpochAverage) and not self.averaged):
            return self.model
        return self.average.model

    @property
    def averaged(self) -> int:
        """Epochs in the plain average so far."""
        if not isinstance(self.average, EpochAverage):
            return 0
        return max(0, self.epochs - self.average.start + 1)

    def finite(self) -> bool:
        """Whether all weights and batch statistics are finite; nothing else is ever saved."""
        return all(bool(torch.isfinite(v).all()) for v in self.model.state_dict().values())

    def _common(self, recipe: Recipe) -> dict[str, Any]:
        return {
            "recipe": {"name": recipe.name, "content": to_mapping(recipe)},
            "preflight": self.preflight,
            "arithmetic": asdict(self.arithmetic),
            "data": self.data,
            "history": self.history,
            "step": self.step,
            "torch": str(torch.__version__),
        }

    def save_last(self, path: Path, recipe: Recipe, seconds: float) -> None:
        """Write the checkpoint from which the run can go on."""
        content = self._common(recipe) | {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "method": self.method.state_dict(),
            "sums": self.sums,
            "trace": self.trace.state_dict(),
            "seconds": seconds,
        }
        if self.average is not None and self.candidate is self.average.model:
            content["average"] = self.average.model.state_dict()
        if self.scaler is not None:
            content["scaler"] = self.scaler.state_dict()
        if self.dual_optimizer is not None:
            content["dual_optimizer"] = self.dual_optimizer.state_dict()
        save(path, content, self.spec)

    def save_best(self, path: Path, recipe: Recipe) -> None:
        """Write the weights to publish, without what only a resumed run needs."""
        save(path, self._common(recipe) | {"model": self.candidate.state_dict()}, self.spec)


def _optimizer(recipe: Recipe, model: nn.Module) -> torch.optim.SGD:
    chosen = recipe.optimizer
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups: list[dict[str, Any]] = [{"params": parameters}]
    if not chosen.decay_all:
        groups = [
            {"params": [p for p in parameters if p.ndim > 1]},
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ]
    return torch.optim.SGD(
        groups,
        lr=chosen.lr,
        momentum=chosen.momentum,
        nesterov=chosen.nesterov,
        weight_decay=chosen.weight_decay,
    )


def _average(recipe: Recipe, model: nn.Module) -> StepAverage | EpochAverage | None:
    if recipe.training.swa:
        return EpochAverage(model, recipe.training.swa)
    return StepAverage(model, recipe.training.ema) if recipe.training.ema else None


def fresh(
    recipe: Recipe,
    spec: ModelSpec,
    model: nn.Module,
    method: Method,
    arithmetic: Arithmetic,
    preflight: dict[str, Any],
    per_epoch: int = 1,
) -> State:
    """The state before the first step, on the model's device; `per_epoch`: steps of an epoch."""
    device = next(model.parameters()).device
    model.to(memory_format=arithmetic.memory_format)  # type: ignore[call-overload]
    method.to(device)
    learned = method.dual_parameters()
    return State(
        spec=spec,
        model=model,
        optimizer=_optimizer(recipe, model),
        average=_average(recipe, model),
        method=method,
        dual_optimizer=torch.optim.Adam(learned, lr=recipe.dual.lr) if learned else None,
        scaler=torch.amp.GradScaler(device.type) if arithmetic.precision == "float16" else None,
        arithmetic=arithmetic,
        preflight=preflight,
        sums=torch.zeros(len(SUMS), dtype=torch.float64, device=device),
        trace=Trace(per_epoch, device),
    )


def _difference(old: Any, new: Any, key: str = "") -> str:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in new:
            if old.get(name) != new[name]:
                return _difference(old.get(name), new[name], f"{key}.{name}" if key else name)
    return f"{key} = {new!r}, it was {old!r}"


def resume(
    path: Path,
    recipe: Recipe,
    spec: ModelSpec,
    method: Method,
    device: torch.device,
    per_epoch: int,
    data: str | None = None,
) -> State:
    """The state in the checkpoint at `path`; `method` gets its dual variables back.

    data: SHA-256 of the training images and labels at hand.

    Raises:
        InputError: no or a damaged checkpoint, one of another recipe, model or training data; the message
        names the first difference.
    """
    content = load(path, device)
    if model_spec(content, path) != spec:
        found = model_spec(content, path)
        what = f"{found.name} with {found.num_classes} classes"
        raise InputError(f"{path} is a checkpoint of another model: {what}, not {spec.name}")
    try:
        # Entries that a later version added take their defaults, which is what the run was trained with.
        saved = to_mapping(from_mapping(content["recipe"]["content"], recipe.name))
        if saved != to_mapping(recipe):
            raise InputError(
                f"{path} belongs to another recipe: {_difference(saved, to_mapping(recipe))}; "
                "resume with the same one, or train into another folder (--out)"
            )
        trained_on = content.get("data")
        if None not in (data, trained_on) and trained_on != data:  # older checkpoints do not tell
            raise InputError(
                f"{path} was trained on other images than those given (SHA-256 {trained_on:.12} against "
                f"{data:.12}): give the same data (--data), or train into another folder (--out)"
            )
        arithmetic = Arithmetic(**content["arithmetic"])
        state = fresh(
            recipe, spec, create(spec).to(device), method, arithmetic, dict(content["preflight"]), per_epoch
        )
        load_weights(state.model, content["model"], path, spec.name)
        if state.average is not None and ("average" in content or isinstance(state.average, StepAverage)):
            load_weights(state.average.model, content["average"], path, spec.name)
        state.optimizer.load_state_dict(content["optimizer"])
        method.load_state_dict(content["method"])
        if state.dual_optimizer is not None:
            state.dual_optimizer.load_state_dict(content["dual_optimizer"])
        if state.scaler is not None:
            state.scaler.load_state_dict(content["scaler"])
        sums = content["sums"]  # of an older run perhaps, which counted less
        state.sums[: sums.numel()].copy_(sums)
        if "trace" in content:  # older checkpoints have none
            state.trace.load_state_dict(content["trace"])
        state.step = int(content["step"])
        state.history = list(content["history"])
        state.epochs = len(state.history)
        state.seconds = float(content["seconds"])
        state.data = data
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: no checkpoint to resume from ({type(error).__name__}: {error})") from None
    return state
