"""Checkpoints: tensors and plain containers, written whole or not at all, read without running code."""

import hashlib
import io
import pickle
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from armor.errors import InputError
from armor.files import write_atomically
from armor.models import ModelSpec, create

__all__ = ["FORMAT", "load", "load_weights", "model_spec", "rebuild", "save"]

FORMAT = "armor-checkpoint"
VERSION = 1


def _feed(digest: "hashlib._Hash", value: object) -> None:
    if isinstance(value, torch.Tensor):
        digest.update(f"tensor {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    elif isinstance(value, Mapping):
        digest.update(f"mapping {len(value)}".encode())
        for key, item in value.items():
            digest.update(repr(key).encode())
            _feed(digest, item)
    elif isinstance(value, list | tuple):
        digest.update(f"sequence {len(value)}".encode())
        for item in value:
            _feed(digest, item)
    else:
        digest.update(repr(value).encode())


def _digest(content: Mapping[str, Any]) -> str:
    """SHA-256 of everything in a checkpoint but the digest itself: torch does not check what it reads."""
    digest = hashlib.sha256()
    _feed(digest, {key: value for key, value in content.items() if key != "digest"})
    return digest.hexdigest()


def save(path: Path, content: Mapping[str, Any], spec: ModelSpec) -> None:
    """Write a checkpoint: `content` (tensors, plain containers), the model's description, the format."""
    described = {**asdict(spec), "shape": list(spec.shape), "mean": list(spec.mean), "std": list(spec.std)}
    # Serialised first: torch reports a full disk as an internal error, a plain file as what it is.
    buffer = io.BytesIO()
    whole = {"format": FORMAT, "version": VERSION, "spec": described, **content}
    torch.save({**whole, "digest": _digest(whole)}, buffer)
    write_atomically(path, buffer.getvalue())


def load(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """The content of a file of tensors and plain containers (a checkpoint, or somebody's state dict).

    Raises:
        InputError: missing, damaged, truncated, or holding anything else than tensors and plain containers.
    """
    if not path.is_file():
        raise InputError(f"no checkpoint at {path}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's remarks on odd pickles; what is wrong is said below
            content = torch.load(path, map_location=device, weights_only=True)
    except pickle.UnpicklingError:
        raise InputError(
            f"{path}: not a checkpoint of tensors and plain containers (damaged, or it would run code)"
        ) from None
    except (
        RuntimeError,
        EOFError,
        ValueError,
        KeyError,
        IndexError,
        TypeError,
        AttributeError,
        OSError,
    ) as error:
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise InputError(f"{path}: damaged or truncated checkpoint ({reason})") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds a {type(content).__name__}, not a checkpoint")
    if content.get("format") == FORMAT and content.get("version") != VERSION:
        raise InputError(
            f"{path}: checkpoint version {content.get('version')!r}, this program reads {VERSION}"
        )
    if content.get("format") == FORMAT:
        try:
            intact = content.get("digest") == _digest(content)
        except (RuntimeError, NotImplementedError, TypeError):  # tensors without plain storage
            intact = False
        if not intact:
            raise InputError(f"{path}: damaged checkpoint, its content does not match its digest")
    return content


def model_spec(content: Mapping[str, Any], path: Path) -> ModelSpec:
    """The description of the model in a checkpoint that `load` returned.

    Raises:
        InputError: it is no checkpoint of this program.
    """
    try:
        if content["format"] != FORMAT:
            raise KeyError
        spec = content["spec"]
        shape = tuple(int(n) for n in spec["shape"])
        return ModelSpec(
            str(spec["name"]),
            int(spec["num_classes"]),
            (shape[0], shape[1], shape[2]),
            tuple(float(v) for v in spec["mean"]),
            tuple(float(v) for v in spec["std"]),
        )
    except (KeyError, TypeError, ValueError, IndexError):
        raise InputError(
            f"{path}: no checkpoint of this program; for a bare state dict name its architecture (--model)"
        ) from None


def load_weights(model: nn.Module, state: object, path: Path, name: str) -> None:
    """Put the tensors of `state` into `model`, all of them or none.

    Raises:
        InputError: a tensor is missing, left over, of another shape or not finite; the message names the
        first.
    """
    own = model.state_dict()
    if not isinstance(state, Mapping):
        raise InputError(f"{path}: holds no weights")
    for key, value in own.items():
        if key not in state:
            raise InputError(f"{path}: weights of another model: {name} needs {key!r}, which is not there")
        found = state[key]
        shape = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
        if shape != tuple(value.shape):
            needed = tuple(value.shape)
            raise InputError(f"{path}: weights of another model: {key!r} is {shape}, {name} needs {needed}")
        if not bool(torch.isfinite(found).all()):
            raise InputError(f"{path}: {key!r} holds numbers that are not finite")
    extra = next((key for key in state if key not in own), None)
    if extra is not None:
        raise InputError(f"{path}: weights of another model: {name} has no {extra!r}")
    model.load_state_dict(dict(state))


def rebuild(content: Mapping[str, Any], path: Path) -> tuple[nn.Module, ModelSpec]:
    """The model of a checkpoint, with its weights, in evaluation mode on the CPU."""
    spec = model_spec(content, path)
    model = create(spec)
    load_weights(model, content.get("model"), path, spec.name)
    return model.eval(), spec
