"""Image data sets: official files, hash-checked and read without trusting pickles.

`load` finds a data set in a folder (unpacked official files, the authors' archive, or the packed `.npz`),
checks every file against its published md5 and returns the arrays.
"""

import os
from importlib import import_module
from pathlib import Path

from armor.data.dataset import Arrays, ImageData, Reader, digest
from armor.errors import InputError
from armor.naming import known

__all__ = ["Arrays", "ImageData", "Reader", "digest", "load", "names", "reader"]

_NAMES = ("cifar10", "cifar100", "mnist", "fashion_mnist", "malware")


def names() -> tuple[str, ...]:
    """Names of all data sets."""
    return _NAMES


def reader(name: str) -> Reader:
    """The reader of the data set `name`.

    Raises:
        InputError: unknown name; the message gives the nearest known one.
    """
    found = import_module(f"armor.data.{known(name, 'data set', _NAMES)}").READER
    assert isinstance(found, Reader)
    return found


def load(name: str, root: str | Path | None = None, *, cache: bool = True) -> ImageData:
    """Read the data set `name` from `root` (default: the environment variable `ARMOR_DATA`).

    Args:
        name: one of `names()`.
        root: folder that holds the data set, or its archive, packed file or unpacked folder itself.
        cache: whether decoded arrays of a slow source may be kept (see `armor.data.cache`).

    Raises:
        InputError: no path given, nothing found there, or a file that is damaged, truncated or not the
        original.
    """
    found = reader(name)
    given = root if root is not None else os.environ.get("ARMOR_DATA")
    if not given:
        raise InputError(
            f"where is {found.title}? give --data DIR or set ARMOR_DATA (looked for: {found.expects})"
        )
    path = Path(given).expanduser()
    if not path.exists():
        raise InputError(f"the data folder {path} does not exist")
    place = found.locate(path)
    if place is None:
        raise InputError(f"no {found.title} in {path} (looked for: {found.expects})")
    if cache and found.slow(place):
        from armor.data.cache import cached

        return ImageData(found, cached(name, place, lambda: found.read(place)), place)
    arrays = found.read(place)
    return ImageData(found.fitted(arrays), arrays, place)
