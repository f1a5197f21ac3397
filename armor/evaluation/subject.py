"""What is evaluated: a checkpoint of a run, or somebody else's weights."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from armor.data import reader as data_reader
from armor.errors import InputError
from armor.models import ModelSpec, create
from armor.models.foreign import state_dict_of
from armor.training.arithmetic import Arithmetic, Cast
from armor.training.checkpoint import FORMAT, load, load_weights, model_spec

__all__ = ["Subject", "file_digest", "load_subject"]

_NORMALISATION = ("normalise.mean", "normalise.std")


@dataclass(frozen=True)
class Subject:
    """A model to evaluate.

    Attributes:
        model: in evaluation mode, float32, on the CPU. spec: its description.
        dataset: name of the data set it belongs to.
        digest: SHA-256 of its file, marked where it was given another normalisation.
        preflight: the outcome in its checkpoint, None for a foreign one.
        described: one line for people.
    """

    model: nn.Module
    spec: ModelSpec
    dataset: str
    digest: str
    preflight: dict[str, Any] | None
    described: str


def load_subject(
    path: Path,
    *,
    architecture: str | None,
    dataset: str | None,
    normalise: bool = False,
    paired: bool = False,
) -> Subject:
    """Read the model at `path` (a checkpoint, or the folder of a run, whose best one is meant).

    Args:
        path: where. architecture: of a bare state dict.
        dataset: its data set, by default that of the recipe, for foreign weights CIFAR-10.
        normalise: whether a bare state dict without a normalisation of its own wants pixels normalised by the
        mean and deviation of its data set; otherwise it gets them as they are, in [0, 1].
        paired: whether it is one of two, and `architecture` and `normalise` may be meant for the other.

    Raises:
        InputError: no readable model there, or not of this architecture or data set.
    """
    if path.is_dir():
        path = path / "best.pt"
    content = load(path)
    if content.get("format") == FORMAT:
        if paired:
            architecture = None
        elif normalise:
            raise InputError(f"{path} holds its own normalisation: --normalise is for bare state dicts")
        return _own(content, path, architecture, dataset)
    if architecture is None:
        raise InputError(f"{path} is a bare state dict: name its architecture (--model resnet18)")
    name = dataset or "cifar10"
    found = data_reader(name)
    if found.binary:
        raise InputError(f"{path} is a bare state dict: how many features it takes, only a checkpoint tells")
    channels = found.shape[0]
    mean, std = (found.mean, found.std) if normalise else ((0.0,) * channels, (1.0,) * channels)
    spec = ModelSpec(architecture, len(found.classes), found.shape, mean, std)
    model = create(spec)
    state = state_dict_of(content, architecture, model.state_dict(), str(path))
    own = any(not torch.equal(state[key], model.state_dict()[key]) for key in _NORMALISATION)
    if own and normalise:
        raise InputError(f"{path} holds its own normalisation: --normalise is for one without")
    load_weights(model, state, path, architecture)
    pixels = "its own normalisation" if own else f"the normalisation of {found.title}"
    pixels = pixels if own or normalise else "pixels in [0, 1] as they are"
    described = f"{path} ({architecture}, foreign weights, {pixels})"
    digest = file_digest(path) + ("-normalised" if normalise else "")  # other answers than those without
    return Subject(Cast(model, Arithmetic()).eval(), spec, name, digest, None, described)


def file_digest(path: Path) -> str:
    """SHA-256 of the file at `path`, as the conditions of an evaluation name its model."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _own(content: dict[str, Any], path: Path, architecture: str | None, dataset: str | None) -> Subject:
    spec = model_spec(content, path)
    if architecture is not None and architecture != spec.name:
        raise InputError(f"{path} is a checkpoint of {spec.name}, not of {architecture} (--model)")
    try:
        recipe = content["recipe"]
        trained_on = str(recipe["content"]["data"]["name"])
        history = content["history"]
        layout = str(content["arithmetic"]["layout"])
        preflight = dict(content["preflight"])
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{path}: its checkpoint lacks the recipe, history or pre-flight") from None
    name = dataset or trained_on
    found = data_reader(name)
    shape = spec.shape if found.binary else found.shape  # the number of features is the file's
    if shape != spec.shape or len(found.classes) != spec.num_classes:
        raise InputError(
            f"{path} was trained on {trained_on} ({spec.num_classes} classes, images {spec.shape}); "
            f"{found.title} has {len(found.classes)} classes and images {found.shape}"
        )
    model = create(spec)
    load_weights(model, content.get("average", content["model"]), path, spec.name)
    epoch = f"epoch {history[-1]['epoch']}" if history else "before the first epoch"
    described = f"{path} ({spec.name}, recipe {recipe['name']}, {epoch})"
    # Always float32, whatever the training ran in; the layout only changes the speed.
    return Subject(
        Cast(model, Arithmetic("float32", layout)).eval(), spec, name, file_digest(path), preflight, described
    )
