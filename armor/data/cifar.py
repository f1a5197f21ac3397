"""What CIFAR-10 and CIFAR-100 share: where their files are found, and how one batch file is parsed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from armor.data.dataset import checked
from armor.data.layout import Layout, read_archive, read_folder
from armor.data.packed import read_packed
from armor.data.unpickle import loads
from armor.errors import InputError

__all__ = ["expects", "is_slow", "locate", "parse_batch", "read_files"]


def locate(root: Path, layout: Layout) -> Path | None:
    """The unpacked folder, the packed `.npz` or the archive at `root` (a folder, or one of these itself)."""
    if root.is_file():
        return root if root.name in (layout.packed, layout.archive) else None
    if root.name == layout.folder and root.is_dir():
        return root
    for name in (layout.folder, layout.packed, layout.archive):
        if (root / name).exists():
            return root / name
    return None


def read_files(place: Path, layout: Layout) -> dict[str, bytes]:
    """The original files at a place that `locate` returned, checked."""
    if place.is_dir():
        return read_folder(place, layout)
    return read_packed(place, layout) if place.suffix == ".npz" else read_archive(place, layout)


def is_slow(place: Path) -> bool:
    """Only the packed layout takes seconds to decode."""
    return place.suffix == ".npz"


def expects(layout: Layout) -> str:
    """What `locate` looks for, in words."""
    return f"{layout.folder}/, {layout.packed} or {layout.archive}"


def parse_batch(data: bytes, source: str, label_key: bytes, classes: int) -> tuple[Any, Any]:
    """Images (N, 3, 32, 32) uint8 and labels (N,) int64 of one original batch file.

    Raises:
        InputError: the content is not a batch of 32 × 32 RGB images with labels below `classes`.
    """
    content = loads(data, source)
    if not isinstance(content, Mapping) or b"data" not in content or label_key not in content:
        raise InputError(f"{source}: not a CIFAR batch (no 'data' and {label_key.decode()!r} in it)")
    images, labels = content[b"data"], content[label_key]
    if not isinstance(images, np.ndarray) or images.ndim != 2 or images.shape[1] != 3 * 32 * 32:
        raise InputError(f"{source}: its images are not rows of 3072 bytes")
    if not isinstance(labels, list) or not all(isinstance(v, int) for v in labels):
        raise InputError(f"{source}: its labels are not a list of integers")
    pixels: NDArray[np.uint8] = np.array(images).reshape(-1, 3, 32, 32)
    return checked(pixels, np.asarray(labels, np.int64), classes, source)
