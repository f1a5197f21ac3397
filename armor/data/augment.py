"""Random crop, flip and cutout on the device that holds the images, keyed by (seed, epoch, index)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from armor.data.keys import bits, seed_of
from armor.errors import InputError

__all__ = ["Augmentation"]

_STREAM = 0xA06


@dataclass(frozen=True)
class Augmentation:
    """What is done to a training image.

    Attributes:
        crop: zero padding in pixels before a random crop back to the size, 0 … 8 (0: none).
        flip: whether a horizontal flip with probability ½ is applied.
        cutout: side of a black square at a random place, 0 … 16 pixels (0: none).
    """

    crop: int = 4
    flip: bool = True
    cutout: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.crop <= 8:
            raise InputError(f"crop padding {self.crop} outside 0..8")
        if not 0 <= self.cutout <= 16:
            raise InputError(f"cutout side {self.cutout} outside 0..16")

    def __call__(self, images: Tensor, index: Tensor, *, seed: int, epoch: int) -> Tensor:
        """Augmented copies of `images` (B, C, H, W) uint8, whose places in the training set are `index` (B,).

        The result depends on (seed, epoch, index) alone: neither on the batch nor on the device.
        """
        if not (self.crop or self.flip or self.cutout):
            return images
        count, _, height, width = images.shape
        device = images.device
        key = bits(seed_of(seed, _STREAM, epoch), index)
        span = 2 * self.crop + 1
        top, left = key % span, (key >> 10) % span
        rows = top[:, None] + torch.arange(height, device=device)
        columns = torch.arange(width, device=device).expand(count, width)
        if self.flip:
            mirror = ((key >> 20) & 1).bool()
            columns = torch.where(mirror[:, None], columns.flip(1), columns)
        columns = columns + left[:, None]
        pad = self.crop
        source = torch.nn.functional.pad(images, (pad, pad, pad, pad)) if pad else images
        batch = torch.arange(count, device=device)[:, None, None]
        out = source.permute(0, 2, 3, 1)[batch, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
        if self.cutout:
            y0 = (key >> 24) % height - self.cutout // 2
            x0 = (key >> 34) % width - self.cutout // 2
            dy = torch.arange(height, device=device) - y0[:, None]
            dx = torch.arange(width, device=device) - x0[:, None]
            hole = ((dy >= 0) & (dy < self.cutout))[:, :, None] & ((dx >= 0) & (dx < self.cutout))[:, None, :]
            out = out.masked_fill(hole[:, None], 0)
        return out.contiguous()
