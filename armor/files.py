"""Files that a reader sees as the old ones or as the whole new ones, never in part."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from armor.errors import InputError

__all__ = ["check_target", "replacing"]


def check_target(path: Path) -> None:
    """Refuse, before any work, a path at which no file can be written.

    Raises:
        InputError: the folder does not exist or may not be written, or `path` is a folder or a device.
    """
    folder = path.parent
    if not folder.is_dir():
        raise InputError(f"cannot write {str(path)!r}: there is no folder {str(folder)!r}.")
    if path.is_dir():
        raise InputError(f"cannot write {str(path)!r}: it is a folder.")
    if path.exists() and not path.is_file():
        raise InputError(f"cannot write {str(path)!r}: it is not a regular file.")
    if not os.access(folder, os.W_OK):
        raise InputError(f"cannot write {str(path)!r}: the folder {str(folder)!r} is not writable.")


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write into, which takes the place of `path` once it is whole and on the disk.

    Raises:
        InputError: as `check_target`.
        OSError: the disk is full.
    """
    check_target(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
