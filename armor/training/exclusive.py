"""One process per run folder: two that go on with the same run would overwrite each other's checkpoints."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from armor.errors import InputError

__all__ = ["exclusive"]


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold `folder` until the end of the block or of the process, however it ends.

    A folder that is not there is made, and removed again if it stays empty. Where the system or the file
    system offers no locks nothing is held.

    Raises:
        InputError: another process holds it, or it cannot be made.
    """
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InputError(f"{folder} is a file or below one; a run needs a folder (--out)") from None
    except OSError as error:
        raise InputError(f"{folder} cannot be made: {error.strerror}") from None
    try:
        with _held(folder):
            yield
    finally:
        with suppress(OSError):  # not empty: the run is there
            for place in made:
                place.rmdir()


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    try:
        import fcntl
    except ImportError:  # no such locks on this system
        yield
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"another process trains into {folder}: let it end first, or stop it") from None
        except OSError:
            pass  # nor on this file system
        yield
    finally:
        os.close(handle)
