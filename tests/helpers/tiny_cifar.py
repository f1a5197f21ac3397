"""A tiny synthetic CIFAR-10 in the official layouts: same pickle opcodes, archive, packed form."""

import hashlib
import io
import json
import lzma
import struct
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from armor.data.cifar10 import LAYOUT
from armor.data.layout import Layout

FOLDER = LAYOUT.folder
Bytes = NDArray[np.uint8]


def images(count: int, seed: int) -> tuple[Bytes, list[int]]:
    """Images (count, 3, 32, 32) that a small network can tell apart: a bright square where the class says."""
    rng = np.random.default_rng(seed)
    labels = [k % 10 for k in range(count)]
    pixels = rng.integers(0, 60, (count, 3, 32, 32), dtype=np.uint8)
    for k, label in enumerate(labels):
        row, column = divmod(label, 4)
        pixels[k, label % 3, 4 + 8 * row : 12 + 8 * row, 8 * column : 8 * column + 8] += 180
    return pixels, labels


def _text(value: bytes) -> bytes:
    return b"U" + bytes([len(value)]) + value


def _integer(value: int) -> bytes:
    return b"K" + bytes([value]) if value < 256 else b"M" + struct.pack("<H", value)


def batch_parts(pixels: Bytes, labels: list[int], label_key: bytes = b"labels") -> tuple[bytes, bytes, bytes]:
    """Head, pixel block and tail of a batch file, with the opcodes of the official Python 2 pickles."""
    rows = pixels.reshape(len(labels), -1)
    head = b"\x80\x02}(" + _text(b"batch_label") + _text(b"tiny batch") + _text(label_key) + b"]("
    head += b"".join(_integer(v) for v in labels) + b"e" + _text(b"data")
    head += b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + _text(b"b") + b"\x87R"
    head += (
        b"(K\x01" + _integer(rows.shape[0]) + _integer(rows.shape[1]) + b"\x86cnumpy\ndtype\n" + _text(b"u1")
    )
    head += b"K\x00K\x01\x87R(K\x03" + _text(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
    body = rows.tobytes()
    return head + b"T" + struct.pack("<I", len(body)), body, b"tbu."


def meta() -> bytes:
    """A batches.meta of the official form."""
    return b"\x80\x02}(" + _text(b"num_cases_per_batch") + _integer(40) + b"u."


def files(per_batch: int = 40, test: int = 40) -> dict[str, tuple[bytes, bytes, bytes]]:
    """Name -> head, pixels and tail of every file."""
    out = {f"data_batch_{k}": batch_parts(*images(per_batch, k)) for k in range(1, 6)}
    out["test_batch"] = batch_parts(*images(test, 99))
    out["batches.meta"] = (meta(), b"", b"")
    return out


def layout_of(parts: dict[str, tuple[bytes, bytes, bytes]]) -> Layout:
    """CIFAR-10's layout with the md5 of these files instead of the official ones."""
    return replace(LAYOUT, files={name: hashlib.md5(b"".join(p)).hexdigest() for name, p in parts.items()})


def write_folder(root: Path, parts: dict[str, tuple[bytes, bytes, bytes]]) -> Path:
    """The unpacked official folder under `root`."""
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, p in parts.items():
        (folder / name).write_bytes(b"".join(p))
    return folder


def write_archive(root: Path, parts: dict[str, tuple[bytes, bytes, bytes]]) -> Path:
    """The authors' archive under `root`."""
    path = root / LAYOUT.archive
    with tarfile.open(path, "w:gz") as archive:
        for name, p in parts.items():
            data = b"".join(p)
            member = tarfile.TarInfo(f"{FOLDER}/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def _xz(data: bytes) -> Bytes:
    return np.frombuffer(lzma.compress(data, format=lzma.FORMAT_XZ), np.uint8)


def encode_pixels(pixels: Bytes) -> bytes:
    """Residual stream of images (N, 3, 32, 32), pixel by pixel as the layout's description says."""
    out = []
    planes = pixels.astype(int)
    for channel in (1, 0, 2):
        plane = planes[:, channel] - (planes[:, 1] if channel != 1 else 0)
        guess = np.zeros_like(plane)
        for i in range(32):
            for j in range(32):
                if i and j:
                    w, n, nw = plane[:, i, j - 1], plane[:, i - 1, j], plane[:, i - 1, j - 1]
                    high, low = np.maximum(w, n), np.minimum(w, n)
                    guess[:, i, j] = np.where(nw >= high, low, np.where(nw <= low, high, w + n - nw))
                elif i or j:
                    guess[:, i, j] = plane[:, i, j - 1] if j else plane[:, i - 1, j]
        residual = (plane - guess + 128) % 256 - 128
        out.append(np.where(residual >= 0, 2 * residual, -2 * residual - 1).astype(np.uint8))
    return lzma.compress(np.stack(out).tobytes(), format=lzma.FORMAT_XZ)


def write_packed(root: Path, parts: dict[str, tuple[bytes, bytes, bytes]], folder: str = FOLDER) -> Path:
    """The packed `.npz` under `root`."""
    arrays: dict[str, Bytes] = {}
    aux, index = b"", []
    for name, (head, body, tail) in parts.items():
        places = [[len(aux), len(head)]]
        aux += head
        entry: dict[str, object] = {"path": f"{folder}/{name}"}
        if body:
            places.append([len(aux), len(tail)])
            aux += tail
            key = f"{name}.px0"
            arrays[key] = np.frombuffer(
                encode_pixels(np.frombuffer(body, np.uint8).reshape(-1, 3, 32, 32)), np.uint8
            )
            entry["pixels"] = [key]
        entry["aux"] = places
        index.append(entry)
    path = root / LAYOUT.packed
    np.savez(path, index=_xz(json.dumps({"files": index}).encode()), aux=_xz(aux), **arrays)
    return path
