"""Finished cells on disk: one JSON line each, keyed by task, seed, effort and a hash of the code that made
it.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from functools import lru_cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from verification.sources import digest, sources

__all__ = ["Cache", "code_hash", "code_meaning", "default_path"]

_PACKAGES = ("theory", "verification", "armor")
_NUMERICS = ("numpy", "scipy", "cvxpy", "clarabel", "highspy", "python-flint", "sympy", "mpmath", "torch")


@lru_cache
def code_hash() -> str:
    """SHA-256 over the sources of the three packages and the versions of what they compute with."""
    digest = hashlib.sha256()
    for package in _PACKAGES:
        spec = find_spec(package)
        for root in spec.submodule_search_locations or () if spec else ():
            for path in sorted(Path(root).rglob("*.py")):
                digest.update(str(path.relative_to(root)).encode())
                digest.update(path.read_bytes())
    for name in _NUMERICS:
        try:
            digest.update(f"{name}=={metadata.version(name)}".encode())
        except metadata.PackageNotFoundError:
            digest.update(f"{name} absent".encode())
    return digest.hexdigest()[:16]


@lru_cache
def code_meaning() -> str:
    """Digest of everything that `armor verify` may load or read, comments and docstrings left out, and of no
    package but ours: equal on two machines that hold the same sources. A report carries it, so that whoever
    shows the report can tell whether it is one of the present code. (`code_hash` is stricter: a cell that is
    taken over from another run must have been computed by the very same software.)
    """
    return digest(sources(["armor.cli.main", "armor.cli.verify"], resolved=["armor.cli"]))


def default_path() -> Path:
    """`$XDG_CACHE_HOME/armor-d/verify.jsonl`, by default under `~/.cache`."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "armor-d" / "verify.jsonl"


class Cache:
    """An append-only file of finished tasks. A line is written by one `write` call, so an interruption
    leaves at most one damaged last line, which loading skips; two runs may append to the same file.
    """

    def __init__(self, path: Path, resume: bool) -> None:
        self.path = path
        self._found = self._load() if resume else {}

    @staticmethod
    def key(task: str, seed: int, effort: str) -> str:
        return f"{task}|{seed}|{effort}|{code_hash()}"

    def _load(self) -> dict[str, Mapping[str, object]]:
        found: dict[str, Mapping[str, object]] = {}
        try:
            text = self.path.read_text(encoding="utf-8")
        except (FileNotFoundError, UnicodeDecodeError):
            return found
        for line in text.splitlines():
            try:
                record = json.loads(line)
                found[record["key"]] = record["result"]
            except (ValueError, TypeError, KeyError):
                continue
        return found

    def get(self, key: str) -> Mapping[str, object] | None:
        return self._found.get(key)

    def put(self, key: str, result: Mapping[str, object]) -> None:
        """Append one finished task."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps({"key": key, "result": result}, allow_nan=True) + "\n"
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(handle, line.encode())
        finally:
            os.close(handle)
