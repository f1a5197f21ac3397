"""Where a data set's original files come from: unpacked folder, the authors' archive, packed `.npz`.

All three give the same thing, the bytes of the original files, each checked against its published md5, so
that one parser per data set follows.
"""

import hashlib
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from armor.errors import InputError

__all__ = ["Layout", "check_md5", "looks_like_html", "read_archive", "read_folder"]

_ARCHIVE_MEMBER_LIMIT = 1 << 28  # bytes; the largest original file is 155 MB


@dataclass(frozen=True)
class Layout:
    """The published files of one data set.

    Attributes:
        name: the name that recipes use, for instance "cifar10".
        title: the name that people use.
        folder: the folder of the original files.
        files: file name inside `folder` -> md5 of the original file (lower-case hex).
        archive: name of the authors' archive.
        packed: name of the packed `.npz`.
        url: the authors' address of the archive.
        archive_md5: published md5 of the archive.
    """

    name: str
    title: str
    folder: str
    files: Mapping[str, str]
    archive: str
    packed: str
    url: str
    archive_md5: str


def looks_like_html(head: bytes) -> bool:
    """Whether a file that begins with `head` is a web page (what a failed download often saves)."""
    start = head.lstrip().lower()
    return start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml", b"<meta"))


def check_md5(data: bytes, md5: str, source: str) -> None:
    """Raise `InputError` unless the md5 of `data` is `md5`."""
    found = hashlib.md5(data, usedforsecurity=False).hexdigest()
    if found != md5:
        if looks_like_html(data[:256]):
            raise InputError(f"{source}: this is a web page, not the data file (download it again)")
        raise InputError(f"{source}: damaged or not the original file (md5 {found}, expected {md5})")


def read_folder(folder: Path, layout: Layout) -> dict[str, bytes]:
    """The original files of `layout` under `folder`, checked."""
    out = {}
    for name, md5 in layout.files.items():
        path = folder / name
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise InputError(f"{path}: missing file of {layout.title}") from None
        check_md5(data, md5, str(path))
        out[name] = data
    return out


def read_archive(path: Path, layout: Layout) -> dict[str, bytes]:
    """The original files of `layout` from the tar archive `path`, checked; nothing is written to disk.

    What counts are the published md5 of the files in it: an archive that lacks bytes after the last of them
    (the checksum of gzip, padding of tar) is accepted.
    """
    with path.open("rb") as handle:
        head = handle.read(256)
    if looks_like_html(head):
        raise InputError(f"{path}: this is a web page, not the archive (download it again)")
    if not head.startswith(b"\x1f\x8b"):
        raise InputError(f"{path}: not a gzip archive (it begins with {head[:4]!r})")
    out: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r|gz") as archive:
            for member in archive:
                place = PurePosixPath(member.name)
                if place.parent.name != layout.folder or place.name not in layout.files:
                    continue
                handle_ = archive.extractfile(member) if member.isreg() else None
                if handle_ is None or member.size > _ARCHIVE_MEMBER_LIMIT:
                    raise InputError(f"{path}: its member {member.name} is no data file")
                out[place.name] = handle_.read()
                if len(out[place.name]) != member.size:
                    raise InputError(f"{path}: the archive is truncated or damaged (in {member.name})")
    except (EOFError, tarfile.TarError, zlib.error, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise InputError(f"{path}: the archive is truncated or damaged ({error})") from None
    for name, md5 in layout.files.items():
        if name not in out:
            raise InputError(
                f"{path}: the archive holds no {layout.folder}/{name} (truncated, or another archive)"
            )
        check_md5(out[name], md5, f"{path}: {layout.folder}/{name}")
    return out
