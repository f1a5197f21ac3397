"""A training run from a recipe to its folder: pre-flight, arithmetic, loop, result."""

import copy
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from armor.data import ImageData, digest
from armor.data.augment import Augmentation
from armor.errors import InputError
from armor.files import remove_leftovers, write_atomically
from armor.methods import Method, Udr
from armor.models import ModelSpec, create
from armor.objectives import Objective
from armor.objectives.pooling import Pooled
from armor.preflight import run as preflight
from armor.recipes import Recipe, to_mapping
from armor.training.arithmetic import LOGITS, Arithmetic, Cast, choose, threads
from armor.training.audit import Audit
from armor.training.backends import searched_convolutions
from armor.training.batches import Batches
from armor.training.build import make_method, make_objective, make_spec
from armor.training.metrics import Board
from armor.training.state import State, fresh, resume
from armor.training.trainer import Hooks, Trainer, best_record
from armor.training.workers import ALONE, Workers, unpool_batchnorm

_OWN = re.compile(
    r"((last|best|breach)\.pt|(metrics|audit)\.jsonl|metrics\.csv|(recipe|breach)\.json|[a-z]+\.png)"
)
_SHEET = 256  # images among which the contact sheet chooses

__all__ = ["Outcome", "device_of", "train"]


@dataclass(frozen=True)
class Outcome:
    """A finished run.

    Attributes:
        folder: its files: `best.pt`, `last.pt`, `metrics.jsonl` and `.csv`, `recipe.json` and the pictures
            `curves.png`, `reweighting.png`, `contact.png`.
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
        InputError: the folder holds something, and `again` is not set or there is no run to continue.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; a run needs a folder (--out)")
    last = folder / "last.pt"
    if folder.is_dir() and any(folder.iterdir()) and not again:
        what = "holds a run already: continue it with --resume, or" if last.exists() else "is not empty:"
        raise InputError(f"{folder} {what} train into another folder (--out)")
    if folder.is_dir():
        remove_leftovers(folder, _OWN)
    if last.exists():
        return last
    # A run killed before its first checkpoint has left its recipe and TensorBoard's folder at most.
    early = ("recipe.json", "tensorboard")
    if folder.is_dir() and (strange := [p for p in folder.iterdir() if p.name not in early]):
        raise InputError(
            f"{folder} holds no run to resume, but {strange[0].name}: give another folder (--out)"
        )
    folder.mkdir(parents=True, exist_ok=True)
    described = json.dumps({"name": recipe.name, **to_mapping(recipe)}, indent=2)
    write_atomically(folder / "recipe.json", described.encode())
    return None


def _preflight(
    recipe: Recipe,
    method: Method,
    device: torch.device,
    workers: Workers,
    arithmetic: Arithmetic | None = None,
) -> dict[str, Any]:
    """Outcome of the pre-flight of what the method's steps call, as plain values.

    The objective runs outside the network's precision and is not compiled itself: what the recipe's choice
    of either changes is where its losses come from. arithmetic: the network's, None before it is known.
    """
    if method.objective is None:
        return {"outcome": "not applicable", "reason": "the recipe takes the plain mean of the losses"}
    instances = recipe.method.instances
    report = preflight(
        method.objective,
        device=device,
        dtype=LOGITS,
        network=arithmetic is not None and arithmetic.compiled,
        world_size=workers.world,
        soft=isinstance(method, Udr) and isinstance(method.objective, Objective | Pooled),
        instances=Path(instances) if instances else None,
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
    workers: Workers = ALONE,
    tensorboard: bool = False,
) -> Outcome:
    """Train `recipe` on `data` into `folder`.

    Args:
        recipe: what to do. data: the images. folder: of the run. device: where to train.
        again: continue the run that `folder` holds (bit for bit on the CPU).
        audit_every: steps between two audits of the objective, 0 for none.
        hooks: progress reports. workers: who shares the work; all call this alike, the first one writes.
        tensorboard: whether to write event files too (extra `tensorboard`).

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
        selecting=recipe.validation.images,
        limit=recipe.data.limit,
        batch=recipe.training.batch,
        seed=recipe.training.seed,
        augment=Augmentation(recipe.augment.crop, recipe.augment.flip, recipe.augment.cutout),
        device=device,
        workers=workers,
    )
    method = make_method(recipe, batches.index.numel(), pooled=workers.several)
    checked = _preflight(recipe, method, device, workers)  # a refusal leaves no folder
    last = _prepared(folder, recipe, again, workers)
    trained_on = digest(data.arrays.x_train, data.arrays.y_train)
    if last is not None:
        state = resume(last, recipe, spec, method, device, batches.per_epoch, trained_on)
        state.preflight = checked
        hooks.line(f"resuming at step {state.step} of {batches.per_epoch * recipe.training.epochs}")
    else:
        if again:
            hooks.line(f"nothing to resume in {folder}: a new run begins")
        state = _start(recipe, spec, method, device, checked, batches.per_epoch, workers)
        state.data = trained_on
    if state.arithmetic.compiled:
        state.preflight = _preflight(recipe, method, device, workers, state.arithmetic)
    exact = method.exact_objective
    audit = None
    if audit_every and exact is None:
        hooks.line("nothing to audit: the recipe takes the plain mean of the losses")
    elif audit_every:
        described = {"name": recipe.name, "content": to_mapping(recipe)}
        audit = Audit(method, audit_every, folder, spec, described, workers=workers)
        audit.resume(state.step)
    board = Board(folder / "tensorboard", len(state.history)) if tensorboard and workers.first else None
    trainer = Trainer(recipe, state, batches, folder, hooks, audit, workers, board)
    shared = f", {workers.world} workers" if workers.several else ""
    hooks.line(f"{spec.name}, {batches.index.numel()} images, {device}, {state.arithmetic}{shared}")
    with threads(state.arithmetic.threads), searched_convolutions(device):
        trainer.fit()
        if workers.first:
            _draw(recipe, data, trainer)
    if board is not None:
        board.close()
    return Outcome(
        folder,
        state.history,
        best_record(state.history),
        state.preflight,
        state.arithmetic,
        trainer.seconds(),
        audit,
    )


def _draw(recipe: Recipe, data: ImageData, trainer: Trainer) -> None:
    """The run's pictures: learning curves, re-weighting, and the images that the adversary cares for most."""
    from armor.evaluation.plots import learning_curves
    from armor.training.pictures import Noted, contact_sheet, histograms

    state, batches, title = trainer.state, trainer.batches, recipe.title or recipe.name
    learning_curves(state.history, title, trainer.folder / "curves.png")
    histograms(state.history, title, trainer.folder / "reweighting.png")
    if data.reader.binary:
        return
    # The first training images as they are, under the published network; nobody else's losses are pooled.
    method = make_method(recipe, batches.index.numel())
    method.load_state_dict(state.method.state_dict())
    method.to(batches.images.device)
    x = batches.images[:_SHEET].float().div(255)
    y = batches.labels[:_SHEET]
    network = copy.deepcopy(state.candidate)
    unpool_batchnorm(network)
    model = Cast(network, trainer.eager).eval()
    generator = torch.Generator().manual_seed(recipe.training.seed)
    moved = method.attack(model, x, y, generator)
    with torch.no_grad():
        result = method.loss(model, x, y, moved, observe=False)
    weights = None if result.solution is None else result.solution.weights
    noted = Noted(x, result.x, weights, y, result.adversarial_logits.argmax(1), data.reader.classes)
    contact_sheet(noted, f"{title}: of {y.numel()} training images", trainer.folder / "contact.png")


def _prepared(folder: Path, recipe: Recipe, again: bool, workers: Workers) -> Path | None:
    """`prepare_folder` by the first worker; what it finds or refuses counts for all."""
    found: Path | InputError | None = None
    if workers.first:
        try:
            found = prepare_folder(folder, recipe, again=again)
        except InputError as error:
            found = error
    found = workers.agree(found)
    if isinstance(found, InputError):
        raise found
    return found


def _start(
    recipe: Recipe,
    spec: ModelSpec,
    method: Method,
    device: torch.device,
    checked: dict[str, Any],
    per_epoch: int,
    workers: Workers,
) -> State:
    model = create(spec, seed=recipe.training.seed).to(device)
    chosen = recipe.training
    arithmetic = None
    if workers.first:
        arithmetic = choose(
            model,
            spec.shape,
            chosen.batch // workers.world,
            chosen.precision,
            chosen.layout,
            chosen.threads,
            compilation=chosen.compile,
            passes=per_epoch * chosen.epochs * recipe.attack.rounds * (recipe.attack.steps + 2),
        )
    arithmetic = workers.agree(arithmetic)
    return fresh(recipe, spec, model, method, arithmetic, checked, per_epoch)
