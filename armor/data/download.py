"""Downloads of the original files: resumable, checked by hash, in place only when whole."""

import hashlib
import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from armor.data import cifar10, cifar100, fashion_mnist, mnist
from armor.data.layout import looks_like_html
from armor.errors import InputError

__all__ = ["Remote", "fetch", "remotes"]

_CHUNK = 1 << 20
_TIMEOUT = 60.0

_MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"
_FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
# md5 of the gzipped files as their authors publish them
_MNIST_GZ = {
    "train-images-idx3-ubyte": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte": "ec29112dd5afa0611ce80d1b7f02629c",
}
_FASHION_GZ = {
    "train-images-idx3-ubyte": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte": "bb300cfdad3c16e7a12a480ee83cd310",
}


@dataclass(frozen=True)
class Remote:
    """One file to download: its address, its place below the data folder, the md5 its authors publish."""

    url: str
    place: str
    md5: str


def remotes(name: str) -> tuple[Remote, ...]:
    """The files of the data set `name` (one that `armor.data.names()` lists)."""
    if name == "mnist":
        assert _MNIST_GZ.keys() == mnist.MD5.keys()
        return tuple(Remote(f"{_MNIST}{s}.gz", f"MNIST/raw/{s}.gz", md5) for s, md5 in _MNIST_GZ.items())
    if name == "fashion_mnist":
        assert _FASHION_GZ.keys() == fashion_mnist.MD5.keys()
        return tuple(
            Remote(f"{_FASHION}{s}.gz", f"FashionMNIST/raw/{s}.gz", md5) for s, md5 in _FASHION_GZ.items()
        )
    if name == "malware":
        raise InputError(
            "binary features have no address to download from: bring a file, or write synthetic ones "
            "(armor data make malware)"
        )
    layout = {"cifar10": cifar10.LAYOUT, "cifar100": cifar100.LAYOUT}[name]
    return (Remote(layout.url, layout.archive, layout.archive_md5),)


def _md5(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def fetch(
    remote: Remote, root: Path, tick: Callable[[int, int | None], object] = lambda _n, _of: None
) -> Path:
    """Download `remote` below `root`, going on where an earlier attempt ended; a verified file is left alone.

    Args:
        remote: what. root: the data folder, made if missing.
        tick: called with (bytes there, bytes in all or None) now and then.

    Returns:
        the path of the verified file.

    Raises:
        InputError: no connection, the server refuses, the disk is full or the transfer broke off (the part
        stays for the next attempt), or what arrived is not the published file (it is deleted).
    """
    target = root / remote.place
    if target.is_file() and _md5(target) == remote.md5:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    try:
        _transfer(remote, part, tick)
    except urllib.error.HTTPError as error:
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise InputError(f"{remote.url}: the server answers {error.code} {error.reason}") from None
    except (
        urllib.error.URLError,
        http.client.HTTPException,
        TimeoutError,
        ConnectionError,
        ssl.SSLError,
    ) as error:
        reason = getattr(error, "reason", error)
        there = f"; {part.stat().st_size} bytes are kept, run again to resume" if part.exists() else ""
        raise InputError(f"{remote.url}: the download failed ({reason}){there}") from None
    except OSError as error:  # the disk's
        raise InputError(f"{part} cannot be written: {error.strerror or error}") from None
    found = _md5(part)
    if found != remote.md5:
        with part.open("rb") as handle:
            page = looks_like_html(handle.read(256))
        part.unlink()
        what = "a web page arrived instead of the data" if page else f"md5 {found}, expected {remote.md5}"
        raise InputError(f"{remote.url}: not the published file ({what}); nothing was kept")
    part.replace(target)
    return target


def _transfer(remote: Remote, part: Path, tick: Callable[[int, int | None], object]) -> None:
    start = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "armor-d", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    request = urllib.request.Request(remote.url, headers=headers)
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as reply:
        resumed = reply.status == http.HTTPStatus.PARTIAL_CONTENT
        place = str(reply.headers.get("Content-Range", ""))
        if not resumed or (start and place.startswith("bytes 0-")):
            resumed, start = False, 0  # the server knows no ranges, or answers another: from the beginning
        elif not place.startswith(f"bytes {start}-"):
            part.unlink()
            raise urllib.error.URLError(f"the server resumes at another place than asked ({place!r})")
        length = reply.headers.get("Content-Length")
        total = None if length is None else start + int(length)
        done = start
        with part.open("ab" if resumed else "wb") as file:
            while block := reply.read(_CHUNK):
                file.write(block)
                done += len(block)
                tick(done, total)
        if total is not None and done < total:
            raise urllib.error.URLError(f"the connection ended after {done} of {total} bytes")
