"""From C source to a loaded library, kept in the user's cache.

`ARMOR_NATIVE=0` turns compilation off; `ARMOR_CACHE` names another folder than `~/.cache/armor-d`; `CC`
names the compiler. Nothing fails here: without a compiler or a writable cache the answer is None. A library
ends with the SHA-256 of what stands before it, so that a damaged one is built anew: mapping it could end the
process.
"""

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

__all__ = ["allowed", "enabled", "library"]

# Contraction and vectorisation change rounding only; no option lets the compiler assume that all is finite.
_FLAGS = (
    "-O3",
    "-std=gnu11",
    "-shared",
    "-fPIC",
    "-fopenmp-simd",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffp-contract=fast",
)
_SECONDS = 120
_DIGEST = 32  # bytes


def allowed() -> bool:
    """Whether the user leaves room for compiled solvers, here or on a device."""
    return os.environ.get("ARMOR_NATIVE", "1") != "0"


def enabled() -> bool:
    """Whether kernels may be compiled at all."""
    return allowed() and _compiler() is not None


@functools.cache
def _compiler() -> str | None:
    for name in (os.environ.get("CC"), "cc", "gcc", "clang"):
        found = shutil.which(name) if name else None
        if found:
            return found
    return None


@functools.cache
def _machine() -> str:
    """What `-march=native` depends on, and the compiler's version."""
    lines: list[str] = [platform.machine(), platform.processor(), platform.platform()]
    try:
        text = Path("/proc/cpuinfo").read_text()
        lines += sorted({line for line in text.splitlines() if line.startswith(("flags", "model name"))})
    except OSError:
        pass
    compiler = _compiler()
    if compiler is not None:
        shown = subprocess.run([compiler, "--version"], capture_output=True, check=False, timeout=_SECONDS)
        lines.append(shown.stdout.decode(errors="replace"))
    return "\n".join(lines)


def _folder() -> Path:
    chosen = os.environ.get("ARMOR_CACHE")
    if chosen:
        return Path(chosen) / "native"
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "armor-d" / "native"


def _own(path: Path) -> bool:
    """Whether nobody but this user can have written the file."""
    if not hasattr(os, "getuid"):
        return True
    info = path.stat()
    return info.st_uid == os.getuid() and not info.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def library(source: str) -> ctypes.CDLL | None:
    """The library compiled from `source`, or None."""
    if not enabled():
        return None
    return _library(source)


@functools.lru_cache(maxsize=128)
def _library(source: str) -> ctypes.CDLL | None:
    try:
        folder = _folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _own(folder):
            return None
        key = hashlib.sha256("\0".join((source, *_FLAGS, _machine())).encode()).hexdigest()[:32]
        built = folder / f"{key}.so"
        if not _sound(built):
            _compile(source, built)
        return ctypes.CDLL(str(built)) if _sound(built) else None
    except (OSError, RuntimeError, subprocess.SubprocessError):
        return None


def _sound(built: Path) -> bool:
    """Whether the library is there, this user's own, and as it was written."""
    if not built.is_file() or not _own(built):
        return False
    content = built.read_bytes()
    return hashlib.sha256(content[:-_DIGEST]).digest() == content[-_DIGEST:]


def _compile(source: str, target: Path) -> None:
    """Write `target` at once or not at all; first for this very processor."""
    compiler = _compiler()
    assert compiler is not None
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        text, output = Path(scratch) / "kernel.c", Path(scratch) / "kernel.so"
        text.write_text(source)
        for extra in (
            ["-march=native", "-mprefer-vector-width=512", str(text), "-lm"],
            ["-march=native", str(text), "-lm"],
            [str(text), "-lm"],
        ):
            command = [compiler, *_FLAGS, *extra, "-o", str(output)]
            done = subprocess.run(command, capture_output=True, check=False, timeout=_SECONDS)
            if done.returncode == 0:
                content = output.read_bytes()
                output.write_bytes(content + hashlib.sha256(content).digest())  # loaders ignore what follows
                output.chmod(0o700)
                output.replace(target)
                return
