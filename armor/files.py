"""Files that a reader sees as the old ones or as the whole new ones, never in part."""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from armor.errors import InputError

__all__ = ["check_target", "remove_leftovers", "replacing", "write_atomically"]

_SUFFIX = ".part"


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
        InputError: as `check_target`; or the disk is full or fails, which leaves what was there before.
    """
    check_target(path)
    name = None
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=_SUFFIX)
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)
        os.replace(name, path)
    except BaseException as error:
        if name is not None:
            with suppress(OSError):
                Path(name).unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        kept = "; what was there before is intact" if path.exists() else ""
        raise InputError(f"{path} cannot be written: {error.strerror or error}{kept}") from None
    if hasattr(os, "O_DIRECTORY"):  # the new name, too, is to outlast a crash
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write_atomically(path: Path, content: bytes | str) -> None:
    """Replace `path` by `content` (text as UTF-8); raises as `replacing`."""
    with replacing(path) as stream:
        stream.write(content.encode() if isinstance(content, str) else content)


def remove_leftovers(folder: Path, names: re.Pattern[str]) -> None:
    """Delete what `replacing` had begun in `folder` for files called `names` when its process was killed."""
    for path in folder.glob(f".*{_SUFFIX}"):
        name, dot, _ = path.name.removesuffix(_SUFFIX)[1:].rpartition(".")
        if dot and names.fullmatch(name):
            path.unlink(missing_ok=True)
