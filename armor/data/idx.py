"""The IDX files of MNIST and Fashion-MNIST, gzipped or not.

The md5 checked is that of the *unpacked* file: mirrors and distributions repack the gzip layer with other
headers.
"""

import gzip
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from armor.data.dataset import Arrays, checked
from armor.data.layout import check_md5, looks_like_html
from armor.errors import InputError

__all__ = ["STEMS", "locate", "parse_idx", "read"]

STEMS = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def _file(folder: Path, stem: str) -> Path | None:
    for name in (stem + ".gz", stem):
        if (folder / name).is_file():
            return folder / name
    return None


def locate(root: Path, folder: str) -> Path | None:
    """The folder with the IDX files: `root`/`folder`/raw, `root`/`folder`, or `root` when it is named so."""
    places = [root / folder / "raw", root / folder]
    if folder in (root.name, root.parent.name):
        places += [root / "raw", root]
    return next((p for p in places if any(_file(p, stem) for stem in STEMS)), None)


def parse_idx(data: bytes, source: str) -> NDArray[np.uint8]:
    """The array of an IDX file of unsigned bytes.

    Raises:
        InputError: wrong magic number, or a length that does not fit the header.
    """
    if len(data) < 4 or data[:3] != b"\0\0\x08" or not 1 <= data[3] <= 4:
        raise InputError(f"{source}: not an IDX file of bytes (it begins with {data[:4]!r})")
    start = 4 + 4 * data[3]
    if len(data) < start:
        raise InputError(f"{source}: truncated inside its header")
    shape = tuple(int(n) for n in np.frombuffer(data[4:start], ">u4"))
    size = 1
    for n in shape:
        size *= n
    if len(data) - start != size:
        raise InputError(f"{source}: {len(data) - start} bytes of data where its header says {size}")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def _content(path: Path) -> bytes:
    data = path.read_bytes()
    if looks_like_html(data[:256]):
        raise InputError(f"{path}: this is a web page, not the data file (download it again)")
    if path.suffix != ".gz":
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path}: truncated or damaged ({error})") from None


def read(place: Path, md5: Mapping[str, str], classes: int, title: str) -> Arrays:
    """All four files under `place`; images get a channel axis: (N, 1, 28, 28).

    Args:
        place: folder that `locate` returned.
        md5: file stem -> md5 of the unpacked file.
        classes: number of classes.
        title: name of the data set, for messages.
    """
    arrays = {}
    for stem in STEMS:
        path = _file(place, stem)
        if path is None:
            raise InputError(f"{place / stem}.gz: missing file of {title}")
        data = _content(path)
        check_md5(data, md5[stem], str(path))
        arrays[stem] = parse_idx(data, str(path))
    out = []
    for images, labels in (STEMS[:2], STEMS[2:]):
        if arrays[images].ndim != 3 or arrays[labels].ndim != 1:
            raise InputError(f"{place}: {images} or {labels} has the wrong number of dimensions")
        pixels = arrays[images][:, None].copy()
        out.append(checked(pixels, arrays[labels].astype(np.int64), classes, f"{place}: {images}"))
    return Arrays(*out[0], *out[1])
