"""Decoded arrays kept as plain `.npy`, so that a slow source is decoded once.

Entries are named by the sha256 of their source file and carry the sha256 of every array: a changed source or
a damaged entry is decoded again, never trusted. The folder is `$ARMOR_CACHE`, by default `armor-d` in the
user's cache folder; `ARMOR_CACHE=off` keeps nothing.
"""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np

from armor.data.dataset import Arrays

__all__ = ["cached", "folder"]

_SCHEMA = 1
_NAMES = tuple(f.name for f in fields(Arrays))


def folder() -> Path | None:
    """The cache folder, or None when `ARMOR_CACHE` turns it off."""
    chosen = os.environ.get("ARMOR_CACHE")
    if chosen is not None and chosen.strip().lower() in ("", "off", "0", "no"):
        return None
    if chosen is not None:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "armor-d"


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _load(entry: Path) -> Arrays | None:
    try:
        digests = json.loads((entry / "sha256.json").read_text())
        if any(_digest(entry / f"{name}.npy") != digests[name] for name in _NAMES):
            return None
        return Arrays(**{name: np.load(entry / f"{name}.npy", allow_pickle=False) for name in _NAMES})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _store(entry: Path, arrays: Arrays) -> None:
    """Write all files into a new folder, then rename it: another process sees a whole entry or none."""
    entry.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=entry.parent))
    try:
        digests = {}
        for name in _NAMES:
            np.save(fresh / f"{name}.npy", getattr(arrays, name), allow_pickle=False)
            digests[name] = _digest(fresh / f"{name}.npy")
        (fresh / "sha256.json").write_text(json.dumps(digests))
        shutil.rmtree(entry, ignore_errors=True)
        fresh.rename(entry)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def cached(name: str, source: Path, decode: Callable[[], Arrays]) -> Arrays:
    """The arrays of `source`: from the cache, else from `decode()`, whose result is then kept if possible."""
    root = folder()
    if root is None:
        return decode()
    entry = root / f"{name}-v{_SCHEMA}-{_digest(source)[:32]}"
    arrays = _load(entry)
    if arrays is None:
        arrays = decode()
        # A full disk or a read-only home costs the cache, never the run.
        with contextlib.suppress(OSError):
            _store(entry, arrays)
    return arrays
