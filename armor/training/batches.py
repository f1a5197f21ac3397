"""Batches of an epoch from images that lie on the device: no worker processes, no state."""

from collections.abc import Iterator

import torch
from torch import Tensor

from armor.data import ImageData
from armor.data.augment import Augmentation
from armor.data.keys import permutation, seed_of
from armor.data.splits import Split, split
from armor.errors import InputError
from armor.training.workers import ALONE, Workers

__all__ = ["Batches"]

_ORDER = 0x0DE2


class Batches:
    """The training and validation images of a run on its device.

    Args:
        data: the data set.
        validation: images put aside; selecting: how many of them are looked at, balanced over the classes as
        all of them are, 0 for all. limit: training images kept, 0 for all.
        batch: batch size; an incomplete last batch of an epoch is left out.
        seed: of the order and of the augmentation.
        augment: what is done to a training image.
        device: where the images lie, as bytes.
        workers: who takes which share of a batch.

    Raises:
        InputError: fewer training images than one batch, or a batch that the workers cannot share evenly.
    """

    def __init__(
        self,
        data: ImageData,
        *,
        validation: int,
        selecting: int = 0,
        limit: int,
        batch: int,
        seed: int,
        augment: Augmentation,
        device: torch.device,
        workers: Workers = ALONE,
    ) -> None:
        if batch % workers.world:
            raise InputError(f"a batch of {batch} images cannot be shared evenly by {workers.world} workers")
        labels = torch.from_numpy(data.arrays.y_train)
        parts: Split = split(labels, validation, limit or None)
        images = torch.from_numpy(data.arrays.x_train)
        if parts.train.numel() < batch:
            raise InputError(f"a batch of {batch} images does not fit {parts.train.numel()} training images")
        self.index = parts.train.to(device)
        self.images = images[parts.train].to(device)
        self.labels = labels[parts.train].to(device)
        held = split(labels, min(selecting or validation, validation)).validation
        self.x_validation = images[held].to(device).float().div_(255)
        self.y_validation = labels[held].to(device)
        self.batch, self.seed, self.augment = batch, seed, augment
        self.share, self.rank = batch // workers.world, workers.rank

    @property
    def per_epoch(self) -> int:
        """Steps in an epoch."""
        return self.index.numel() // self.batch

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Images (B, C, H, W) in [0, 1], labels (B,) and places among the training images (B,).

        This worker's share, of the steps `start` … of epoch `epoch` (from 0).
        """
        order = permutation(seed_of(self.seed, _ORDER, epoch), self.index.numel(), self.index.device)
        for step in range(start, self.per_epoch):
            first = step * self.batch + self.rank * self.share
            rows = order[first : first + self.share]
            images = self.augment(self.images[rows], self.index[rows], seed=self.seed, epoch=epoch)
            yield images.float().div_(255), self.labels[rows], rows
