"""A training run from a recipe to its folder: pre-flight, arithmetic, loop, result."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from armor.data import ImageData
from armor.data.augment import Augmentation
from armor.errors import InputError
from armor.methods import Method
from armor.models import ModelSpec, create
from armor.objectives import Objective
from armor.preflight import run as preflight
from armor.recipes import Recipe, to_mapping
from armor.training.arithmetic import Arithmetic, choose, threads
from armor.training.audit import Audit
from armor.training.batches import Batches
from armor.training.build import make_method, make_objective, make_spec
from armor.training.checkpoint import write_atomically
from armor.training.state import State, fresh, resume
from armor.training.trainer import Hooks, Trainer, best_record

__all__ = ["Outcome", "device_of", "train"]


@dataclass(frozen=True)
class Outcome:
    """A finished run.

    Attributes:
        folder: its files: `best.pt`, `last.pt`, `metrics.jsonl`, `recipe.json`.
        history: one record per epoch; best: the one that `best.pt` holds (None without validation).
        preflight: outcome of the pre-flight. arithmetic: precision and layout used.
        seconds: training time, validation included, all parts of a resumed run together.
        audit: what the audits found, None without them.
    """

    folder: Path
    history: list[dict[str, Any]]
    best: dict[str, Any] | None
    preflight: dict[str, Any]
    arithmetic: Arithmetic
    seconds: float
    audit: Audit | None = None


def device_of(name: str | None) -> torch.device:
    """The device called `name` ("cpu", "cuda", "cuda:1"); by default CUDA where there is one, else the CPU.

    Raises:
        InputError: no such device here.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise InputError(f"unknown device {name!r}; known are cpu, cuda, cuda:1, ...") from None
    if device.type not in ("cpu", "cuda"):
        raise InputError(f"device {name!r} is not supported; cpu and cuda are")
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise InputError(f"device {name!r} asked for, but this machine offers {count} CUDA devices")
    return device


def prepare_folder(folder: Path, recipe: Recipe, *, again: bool) -> Path | None:
    """Make the run's folder; returns the checkpoint to resume from, if any.

    Raises:
        InputError: the folder holds something and `again` is not set.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; a run needs a folder (--out)")
    last = folder / "last.pt"
    if folder.is_dir() and any(folder.iterdir()) and not again:
        what = "holds a run already: continue it with --resume, or" if last.exists() else "is not empty:"
        raise InputError(f"{folder} {what} train into another folder (--out)")
    if last.exists():
        return last
    folder.mkdir(parents=True, exist_ok=True)
    described = json.dumps({"name": recipe.name, **to_mapping(recipe)}, indent=2)
    write_atomically(folder / "recipe.json", described.encode())
    return None


def _check_objective(objective: Objective | None, device: torch.device, instances: str) -> dict[str, Any]:
    if objective is None:
        return {"outcome": "not applicable", "reason": "the recipe takes the plain mean of the losses"}
    if objective.name == "none":
        return {"outcome": "not applicable", "reason": "transport only: there is no re-weighting to check"}
    report = preflight(
        objective, device=device, dtype=torch.float32, instances=Path(instances) if instances else None
    )
    return {**report.to_mapping(), "sentence": report.sentence()}


def train(
    recipe: Recipe,
    data: ImageData,
    folder: Path,
    *,
    device: torch.device,
    again: bool = False,
    audit_every: int = 0,
    hooks: Hooks | None = None,
) -> Outcome:
    """Train `recipe` on `data` into `folder`.

    Args:
        recipe: what to do. data: the images. folder: of the run. device: where to train.
        again: continue the run that `folder` holds (bit for bit on the CPU).
        audit_every: steps between two audits of the objective, 0 for none.
        hooks: progress reports.

    Raises:
        InputError: the folder is taken, or its checkpoint belongs to another run.
        armor.preflight.PreflightRefusal: the objective is not the certified one.
        armor.training.audit.AuditBreach: a batch's objective left its certified interval.
        armor.training.trainer.Diverged: a loss or weight stopped being finite.
    """
    hooks = hooks or Hooks()
    spec = make_spec(recipe, data.reader)
    make_objective(recipe)  # what is wrong with it is said before the images are looked at
    batches = Batches(
        data,
        validation=recipe.data.validation,
        limit=recipe.data.limit,
        batch=recipe.training.batch,
        seed=recipe.training.seed,
        augment=Augmentation(recipe.augment.crop, recipe.augment.flip, recipe.augment.cutout),
        device=device,
    )
    method = make_method(recipe, batches.index.numel())
    checked = _check_objective(method.exact_objective, device, recipe.method.instances)
    last = prepare_folder(folder, recipe, again=again)
    if last is not None:
        state = resume(last, recipe, spec, method, device)
        state.preflight = checked
        hooks.line(f"resuming at step {state.step} of {batches.per_epoch * recipe.training.epochs}")
    else:
        state = _start(recipe, spec, method, device, checked, batches.per_epoch * recipe.training.epochs)
    exact = method.exact_objective
    audit = Audit(exact, audit_every) if audit_every and exact is not None else None
    trainer = Trainer(recipe, state, batches, folder, hooks, audit)
    hooks.line(f"{spec.name}, {batches.index.numel()} images, {device}, {state.arithmetic}")
    with threads(state.arithmetic.threads):
        trainer.fit()
    from armor.evaluation.plots import learning_curves

    learning_curves(state.history, recipe.title or recipe.name, folder / "curves.png")
    return Outcome(
        folder,
        state.history,
        best_record(state.history),
        state.preflight,
        state.arithmetic,
        trainer.seconds(),
        audit,
    )


def _start(
    recipe: Recipe, spec: ModelSpec, method: Method, device: torch.device, checked: dict[str, Any], steps: int
) -> State:
    model = create(spec, seed=recipe.training.seed).to(device)
    chosen = recipe.training
    arithmetic = choose(
        model,
        spec.shape,
        chosen.batch,
        chosen.precision,
        chosen.layout,
        chosen.threads,
        compilation=chosen.compile,
        passes=steps * (recipe.attack.steps + 2),
    )
    return fresh(recipe, spec, model, method, arithmetic, checked)
