"""Decoder of the packed `.npz` layout: original files, pixel blocks replaced by compressed residuals.

An `.npz` (stored, no pickles) holds `index` (xz, JSON: the files with size, md5 and offsets), `aux` (xz: the
bytes of each file before and after its pixel block) and, per 10,000 images, one xz stream of residuals.
Pixels are coded as the planes G, R − G, B − G, each predicted by the JPEG-LS median edge detector from its
left, upper and upper-left neighbours; the residual modulo 256 is zig-zag mapped (0, −1, 1, −2, … → 0, 1, 2,
3, …).
"""

import json
import lzma
import os
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from armor.data.layout import Layout, check_md5, looks_like_html
from armor.errors import InputError

__all__ = ["decode_pixels", "read_packed"]

_SIDE = 32
_PLANE = _SIDE * _SIDE
_STREAM_LIMIT = 10_000 * 3 * _PLANE
_TEXT_LIMIT = 1 << 26


def _inflate(blob: bytes, limit: int) -> bytes:
    """Decompress one xz stream of at most `limit` bytes; `ValueError` when it is larger or incomplete."""
    decompressor = lzma.LZMADecompressor(format=lzma.FORMAT_XZ)
    out = decompressor.decompress(blob, max_length=limit + 1)
    if len(out) > limit or not decompressor.eof:
        raise ValueError("incomplete or oversized xz stream")
    return out


def _undo_prediction(residual: NDArray[np.int16], base: NDArray[np.int16] | None) -> NDArray[np.int16]:
    """Plane values (32, 32, N) from residuals (32, 32, N); `base` is the G plane for a difference plane.

    Vectorised over the images, because each pixel needs its three decoded neighbours.
    """
    b = np.empty_like(residual)
    for i in range(_SIDE):
        for j in range(_SIDE):
            if i and j:
                w, n = b[i, j - 1], b[i - 1, j]
                value = w + n
                value -= b[i - 1, j - 1]  # the detector is the median of w, n and w + n − nw
                np.minimum(value, np.maximum(w, n), out=value)
                np.maximum(value, np.minimum(w, n), out=value)
                value += residual[i, j]
            elif i or j:
                value = residual[i, j] + (b[i, j - 1] if j else b[i - 1, j])
            else:
                value = residual[i, j].copy()
            if base is not None:
                value += base[i, j]
            value &= 255
            if base is not None:
                value -= base[i, j]
            b[i, j] = value
    return b


def decode_pixels(stream: bytes) -> NDArray[np.uint8]:
    """Images (N, 3, 32, 32), RGB, from one xz stream of residuals."""
    raw = np.frombuffer(_inflate(stream, _STREAM_LIMIT), np.uint8)
    if raw.size == 0 or raw.size % (3 * _PLANE):
        raise ValueError("a pixel stream of impossible length")
    z = raw.reshape(3, -1, _PLANE)
    count = z.shape[1]
    out = np.empty((count, 3, _PLANE), np.uint8)
    green: NDArray[np.int16] | None = None
    for k, channel in enumerate((1, 0, 2)):
        code = z[k].T.reshape(_SIDE, _SIDE, count).astype(np.int16)
        residual = (code >> 1) ^ -(code & 1)
        plane = _undo_prediction(residual, green)
        if green is None:
            green = plane
        else:
            plane += green
        out[:, channel] = plane.reshape(_PLANE, count).astype(np.uint8).T
    return out.reshape(count, 3, _SIDE, _SIDE)


def _entries(index: Any, layout: Layout) -> dict[str, Any]:
    found = {}
    for entry in index["files"]:
        folder, _, name = str(entry["path"]).rpartition("/")
        if folder == layout.folder:
            found[name] = entry
    missing = [name for name in layout.files if name not in found]
    if missing:
        raise InputError(
            f"its index names no {layout.folder}/{missing[0]}: this is not packed {layout.title}"
        )
    return found


def _slice(aux: bytes, place: Any) -> bytes:
    start, length = int(place[0]), int(place[1])
    if start < 0 or length < 0 or start + length > len(aux):
        raise ValueError("an offset outside the auxiliary block")
    return aux[start : start + length]


def read_packed(path: Path, layout: Layout) -> dict[str, bytes]:
    """The original files of `layout`, rebuilt from the packed file `path` and checked against their md5.

    Raises:
        InputError: the file is damaged, truncated, no packed data set or another one.
    """
    with path.open("rb") as handle:
        if looks_like_html(handle.read(256)):
            raise InputError(f"{path}: this is a web page, not the packed data set (download it again)")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            index = json.loads(_inflate(arrays["index"].tobytes(), _TEXT_LIMIT))
            aux = _inflate(arrays["aux"].tobytes(), _TEXT_LIMIT)
            wanted = _entries(index, layout)
            streams = [key for name in layout.files for key in wanted[name].get("pixels", ())]
            blobs = [arrays[key].tobytes() for key in streams]
        # xz and the array operations release the interpreter lock, so threads use all cores.
        with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
            pixels = dict(zip(streams, pool.map(decode_pixels, blobs), strict=True))
        out = {}
        for name, md5 in layout.files.items():
            entry = wanted[name]
            parts = [_slice(aux, place) for place in entry["aux"]]
            keys = entry.get("pixels", ())
            if len(parts) != (2 if keys else 1):
                raise ValueError("an entry with an unexpected number of blocks")
            body = b"".join(pixels[key].tobytes() for key in keys)
            data = parts[0] + body + (parts[1] if keys else b"")
            check_md5(data, md5, f"{path}: {layout.folder}/{name}")
            out[name] = data
        return out
    except InputError as error:
        message = str(error)
        raise InputError(message if message.startswith(str(path)) else f"{path}: {message}") from None
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, EOFError) as error:
        raise InputError(f"{path}: not a readable packed data set ({error})") from None
    except (lzma.LZMAError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: truncated or damaged ({error})") from None
