"""What a data set is to the trainer: arrays of bytes, integer labels, and its published constants."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from armor.errors import InputError

__all__ = ["Arrays", "ImageData", "Reader", "digest"]


@dataclass(frozen=True)
class Arrays:
    """Images (N, C, H, W) uint8 and labels (N,) int64, in the official order."""

    x_train: NDArray[np.uint8]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.uint8]
    y_test: NDArray[np.int64]


@dataclass(frozen=True)
class Reader:
    """One data set: its constants and how its files are found and read.

    Attributes:
        name: name in recipes ("cifar10"); title: name for people ("CIFAR-10").
        classes: names of the classes, by label.
        shape: (channels, height, width).
        mean, std: per channel, of the training pixels in [0, 1].
        locate: folder or file given by the user -> the file or folder to read, None when there is nothing.
        read: that file or folder -> the arrays, every file checked against its published md5.
        slow: whether reading takes seconds, so that the decoded arrays are worth a cache.
        expects: what `locate` looks for, in words for a message.
        binary: whether the samples are binary features, whose number (the channels) only the file tells.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    locate: Callable[[Path], Path | None]
    read: Callable[[Path], Arrays]
    slow: Callable[[Path], bool]
    expects: str
    binary: bool = False

    def fitted(self, arrays: Arrays) -> "Reader":
        """This reader with the shape that the arrays have, where only they tell it."""
        if not self.binary:
            return self
        features = arrays.x_train.shape[1]
        return replace(self, shape=(features, 1, 1), mean=(0.0,) * features, std=(1.0,) * features)


@dataclass(frozen=True)
class ImageData:
    """A data set in memory, with the file or folder it came from."""

    reader: Reader
    arrays: Arrays
    source: Path

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.reader.classes)


def digest(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> str:
    """SHA-256 of images (N, ...) with their labels (N,): what tells one file of a data set from another."""
    found = hashlib.sha256(repr((images.shape, str(labels.dtype))).encode())
    found.update(np.ascontiguousarray(images).data)
    found.update(np.ascontiguousarray(labels).data)
    return found.hexdigest()


def checked(
    images: NDArray[np.uint8], labels: NDArray[np.int64], classes: int, source: str
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The pair itself, after checking that it fits together and that every label names a class.

    Raises:
        InputError: counts differ or a label lies outside 0 … classes − 1.
    """
    if images.shape[0] != labels.shape[0] or images.shape[0] == 0:
        raise InputError(f"{source}: {images.shape[0]} images but {labels.shape[0]} labels")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        raise InputError(f"{source}: label {low if low < 0 else high} outside 0..{classes - 1}")
    return images, labels
