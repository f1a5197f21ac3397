"""The standard AutoAttack (F. Croce, M. Hein, arXiv 2003.01690), by the optional package `pyautoattack`."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from armor.errors import InputError, require
from armor.transport import attack_mode

__all__ = ["autoattack_survivors"]

_NORMS = {"linf": "Linf"}
_LOGGER = "auto-attack"


class _Relay(logging.Handler):
    def __init__(self, note: Callable[[str], object]) -> None:
        super().__init__(logging.DEBUG)
        self.note = note

    def emit(self, record: logging.LogRecord) -> None:
        self.note(record.getMessage())


@contextmanager
def _listening(note: Callable[[str], object]) -> Iterator[None]:
    """Pass the package's progress, which it reports at DEBUG only, to `note`; put the logger back then."""
    logger, relay = logging.getLogger(_LOGGER), _Relay(note)
    level, propagate = logger.level, logger.propagate
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.addHandler(relay)
    try:
        yield
    finally:
        logger.removeHandler(relay)
        logger.setLevel(level)
        logger.propagate = propagate


def autoattack_survivors(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    norm: str,
    radius: float,
    seed: int = 0,
    batch: int = 250,
    note: Callable[[str], object] = lambda _text: None,
) -> Tensor:
    """Which images (N,) the model still gets right under the standard AutoAttack.

    The package seeds the global random state; it is forked here and put back.

    Args:
        model: logits of images in [0, 1], in evaluation mode. x, y: images (N, C, H, W) and labels (N,).
        norm: "linf". radius: of the ball. seed: of all its random choices. batch: images at a time.
        note: receives its progress messages.

    Raises:
        InputError: fewer than four classes, which its targeted attacks need.
        MissingExtraError: the package is not installed.
    """
    package = require("pyautoattack")
    with torch.no_grad():
        logits = model(x[:1])
    if logits.shape[1] < 4:
        raise InputError(f"autoattack needs at least four classes, this model has {logits.shape[1]}")
    # torch.manual_seed, which it calls, seeds every CUDA device, wherever the images are.
    devices = list(range(torch.cuda.device_count()))
    with torch.random.fork_rng(devices=devices), _listening(note), attack_mode(model):
        attack = package.AutoAttack(
            model, norm=_NORMS[norm], eps=radius, seed=seed, version="standard", device=x.device
        )
        moved, _ = attack.run_standard_evaluation(x, y, batch_size=batch)
    if float((moved - x).abs().max()) > radius * (1 + 1e-5) + 1e-6:
        raise AssertionError("AutoAttack returned images outside the ball")
    survivors = []
    with torch.no_grad():
        for images, labels, natural in zip(
            torch.split(moved, batch), torch.split(y, batch), torch.split(x, batch), strict=True
        ):
            survivors.append((model(images).argmax(1) == labels) & (model(natural).argmax(1) == labels))
    return torch.cat(survivors)
