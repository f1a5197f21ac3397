"""State dicts of other people's code: unwrapped, renamed, their normalisation found or the one asked for."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from armor.errors import InputError

__all__ = ["state_dict_of"]

_WRAPPERS = (
    "state_dict", "model_state_dict", "model", "net", "network", "weights",
    "ema", "ema_state_dict", "model_ema",
)  # fmt: skip
_MEANS, _STDS = ("mean", "mu"), ("std", "sigma")
_COUNTER = "num_batches_tracked"  # of batch norm; torch before 0.4.1 had none, and no answer depends on it
_UNUSED = "sub_block1."  # the published TRADES WideResNet holds this stage and never runs it


def _tensors(content: Mapping[str, Any]) -> dict[str, Tensor] | None:
    if content and all(isinstance(k, str) and isinstance(v, Tensor) for k, v in content.items()):
        return dict(content)
    for key in _WRAPPERS:
        inner = content.get(key)
        if isinstance(inner, Mapping) and (found := _tensors(inner)) is not None:
            return found
    return None


def _renamed(name: str, architecture: str) -> str:
    if architecture.startswith("resnet"):
        name = name.replace(".downsample.", ".shortcut.")
        return "linear." + name[3:] if name.startswith("fc.") else name
    if architecture.startswith("wideresnet") and name.startswith("linear."):
        return "fc." + name[7:]
    return name


def _prefixes(names: Mapping[str, Tensor], anchor: str) -> list[str]:
    """What may precede the network's own names: anything in front of its first weight, shortest first."""
    ends = (name for name in names if name == anchor or name.endswith("." + anchor))
    return sorted((name[: -len(anchor)] for name in ends), key=len)


def _placed(found: Mapping[str, Tensor], prefix: str, architecture: str) -> dict[str, Tensor]:
    return {
        _renamed(name[len(prefix) :], architecture): value
        for name, value in found.items()
        if name.startswith(prefix)
    }


def _constant(rest: Mapping[str, Tensor], names: tuple[str, ...], channels: int) -> str | None:
    """The one tensor of `rest` whose last name says that it is a mean (a deviation) by channel."""
    ends = [k for k, v in rest.items() if k.rpartition(".")[2] in names and v.numel() in (1, channels)]
    return ends[0] if len(ends) == 1 else None


def state_dict_of(
    content: Mapping[str, Any], architecture: str, own: Mapping[str, Tensor], source: str
) -> dict[str, Tensor]:
    """The weights in `content` under the names of this package's `architecture`.

    Undone are known wrappers ("state_dict", "model_ema", …), whatever stands before all names of the network
    (DataParallel's "module.", the compiler's "_orig_mod.", the place in a Sequential, "backbone.") and the
    layer names of torchvision. A normalisation by channel in the file (mean and std, or mu and sigma, as a
    layer before the network or as buffers in it) is taken over; without one `own`'s stays.

    Args:
        content: what the file holds. architecture: name of the model. own: the model's state dict.
        source: path, for messages.

    Raises:
        InputError: there are no weights in it, or a normalisation that divides by zero.
    """
    found = _tensors(content)
    if found is None:
        raise InputError(f"{source}: holds no state dict (named tensors)")
    needed = [key for key in own if not key.startswith("normalise.") and not key.endswith(_COUNTER)]
    candidates = list(_prefixes(found, needed[0])) or [""]
    whole = (p for p in candidates if set(needed) <= _placed(found, p, architecture).keys())
    begins = next(whole, candidates[0])
    state = _placed(found, begins, architecture)
    outside = {name: value for name, value in found.items() if not name.startswith(begins)}
    rest = outside | {name: value for name, value in state.items() if name not in needed}
    taken = {name: value for name, value in state.items() if name in own}
    channels = own["normalise.mean"].numel()
    mean, std = _constant(rest, _MEANS, channels), _constant(rest, _STDS, channels)
    if mean is not None and std is not None:
        # One number stands for all channels.
        for name, key in (("mean", mean), ("std", std)):
            taken[f"normalise.{name}"] = rest.pop(key).reshape(1, -1, 1, 1).expand(1, channels, 1, 1).clone()
        if not bool((taken["normalise.std"] > 0).all()):
            raise InputError(f"{source}: its normalisation {std!r} is not positive")
    for key, value in own.items():
        if key.startswith("normalise.") or key.endswith(_COUNTER):
            taken.setdefault(key, torch.clone(value))
    # Anything else is somebody else's network: whoever loads the weights names what is left over.
    left = {k: v for k, v in rest.items() if k not in taken and not k.startswith(_UNUSED)}
    return taken | left
