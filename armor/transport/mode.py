"""The state of the model during an attack, and its exact restoration."""

__all__ = ["attack_mode"]

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from armor.errors import InputError
from armor.models.folding import folds_kept

MODES = ("eval", "batch", "train")


@contextmanager
def attack_mode(model: nn.Module, batchnorm: str = "eval") -> Iterator[None]:
    """Freeze the parameters (no graph for their gradients) and set the normalisation for the attack.

    batchnorm: "eval": running statistics, dropout off (the published TRADES and MART attacks);
    "batch": as the model stands, but the running statistics keep their values;
    "train": as the model stands, so the attack's passes move the running statistics.
    Weights rest meanwhile, so what is made of them alone is made once (`armor.models.folding`).
    Modes, `requires_grad` flags and (but for "train") buffers are restored; gradients are never touched.
    """
    if batchnorm not in MODES:
        raise InputError(f"batchnorm must be one of {', '.join(MODES)}, not {batchnorm!r}")
    modules = list(model.modules())
    training = [module.training for module in modules]
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    norms = [m for m in modules if isinstance(m, _NormBase) and m.track_running_stats and m.training]
    saved = (
        [[b.detach().clone() for b in m.buffers(recurse=False)] for m in norms]
        if batchnorm == "batch"
        else []
    )
    for parameter in trainable:
        parameter.requires_grad_(False)
    if batchnorm == "eval":
        model.eval()
    try:
        with folds_kept():
            yield
    finally:
        for module, flag in zip(modules, training, strict=True):
            module.training = flag
        for parameter in trainable:
            parameter.requires_grad_(True)
        for norm, buffers in zip(norms, saved, strict=False):
            for buffer, value in zip(norm.buffers(recurse=False), buffers, strict=True):
                buffer.copy_(value)
