"""State dicts of other people's code: unwrapped, renamed, and without a normalisation of ours."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from armor.errors import InputError

__all__ = ["state_dict_of"]

_WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "ema")
_PREFIXES = ("module.", "model.", "net.", "0.")


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


def state_dict_of(
    content: Mapping[str, Any], architecture: str, channels: int, source: str
) -> dict[str, Tensor]:
    """The weights in `content` under the names of this package's `architecture`.

    Known wrappers ("state_dict", "model", …), the prefixes of DataParallel and Sequential, and the layer
    names of torchvision are undone. Without a normalisation in the file the model gets the identity: it sees
    pixels in [0, 1].

    Args:
        content: what the file holds. architecture: name of the model. channels: of its images.
        source: path, for messages.

    Raises:
        InputError: there are no weights in it.
    """
    found = _tensors(content)
    if found is None:
        raise InputError(f"{source}: holds no state dict (named tensors)")
    for prefix in _PREFIXES * 2:
        if all(name.startswith(prefix) for name in found):
            found = {name.removeprefix(prefix): value for name, value in found.items()}
    state = {_renamed(name, architecture): value for name, value in found.items()}
    state.setdefault("normalise.mean", torch.zeros(1, channels, 1, 1))
    state.setdefault("normalise.std", torch.ones(1, channels, 1, 1))
    return state
