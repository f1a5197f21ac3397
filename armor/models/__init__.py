"""Image classifiers: images (B, C, H, W) in [0, 1] to logits, the normalisation inside the model.

`create` builds one by name with weights drawn from a generator; it never touches the global random state.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from armor.models.cnn import Cnn
from armor.models.mlp import Mlp
from armor.models.normalise import Normalise
from armor.models.preactresnet import PreActResNet18
from armor.models.resnet import ResNet
from armor.models.wideresnet import WideResNet
from armor.naming import known

__all__ = ["ModelSpec", "create", "names"]


@dataclass(frozen=True)
class ModelSpec:
    """What is needed to build a model again; plain values, so that a checkpoint can hold it.

    Attributes:
        name: architecture, one of `names()`.
        num_classes: number of logits.
        shape: (channels, height, width) of the images.
        mean, std: per-channel normalisation of the pixels in [0, 1].
    """

    name: str
    num_classes: int
    shape: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]


_Factory = Callable[[Normalise, int, tuple[int, int, int]], nn.Module]


def _resnet(normalise: Normalise, classes: int, shape: tuple[int, int, int], **options: object) -> nn.Module:
    return ResNet(normalise, classes, channels=shape[0], **options)  # type: ignore[arg-type]


def _preact(normalise: Normalise, classes: int, shape: tuple[int, int, int]) -> nn.Module:
    return PreActResNet18(normalise, classes, channels=shape[0])


def _wide(normalise: Normalise, classes: int, shape: tuple[int, int, int], depth: int) -> nn.Module:
    return WideResNet(normalise, classes, channels=shape[0], depth=depth, width=10)


def _cnn(normalise: Normalise, classes: int, shape: tuple[int, int, int], hidden: int) -> nn.Module:
    return Cnn(normalise, classes, channels=shape[0], side=shape[1], hidden=hidden)


def _mlp(normalise: Normalise, classes: int, shape: tuple[int, int, int]) -> nn.Module:
    return Mlp(normalise, classes, features=shape[0] * shape[1] * shape[2])


_MODELS: Mapping[str, _Factory] = {
    "resnet18": _resnet,
    "preactresnet18": _preact,
    "wideresnet-28-10": partial(_wide, depth=28),
    "wideresnet-34-10": partial(_wide, depth=34),
    "resnet-small": partial(_resnet, widths=(32, 64, 128), blocks=(1, 1, 1), stem_stride=2),
    "cnn-small": partial(_cnn, hidden=128),
    "cnn-mnist": partial(_cnn, hidden=100),
    "mlp": _mlp,
}


def names() -> tuple[str, ...]:
    """Names of all architectures."""
    return tuple(_MODELS)


def _initialise(model: nn.Module, generator: torch.Generator) -> None:
    """He initialisation of convolutions, uniform of fan-in for linear layers, all from `generator`."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu", generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            bound = module.in_features**-0.5
            nn.init.uniform_(module.weight, -bound, bound, generator=generator)
            nn.init.uniform_(module.bias, -bound, bound, generator=generator)


def create(spec: ModelSpec, *, seed: int = 0) -> nn.Module:
    """The model of `spec`, on the CPU, in float32, with weights drawn from `seed`.

    Raises:
        InputError: unknown architecture.
    """
    factory = _MODELS[known(spec.name, "model", names())]
    # torch's layers draw their default weights from the global state, which belongs to the caller.
    with torch.random.fork_rng(devices=[]):
        model = factory(Normalise(spec.mean, spec.std), spec.num_classes, spec.shape)
    _initialise(model, torch.Generator().manual_seed(seed))
    return model
