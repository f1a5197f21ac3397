"""Recorded outputs: `python -m companion.record NAME...` runs the commands again and writes what they print.

The hash covers the listed Python files without comments, docstrings and layout, and other files byte by byte.
"""

import ast
import hashlib
import os
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from companion import DOCS, ROOT

__all__ = ["Recorded", "load", "names"]


@dataclass(frozen=True)
class Recorded:
    """One recorded command. `files` are globs from the root of the repository; `needs` says what it takes."""

    name: str
    command: str
    machine: str
    needs: str
    files: tuple[str, ...]
    output: str
    hash: str

    @property
    def path(self) -> Path:
        """Its file."""
        return DOCS / "recorded" / f"{self.name}.toml"

    def current(self) -> str:
        """The hash of the code behind it as it is now."""
        digest = hashlib.sha256(self.command.encode())
        for pattern in self.files:
            found = sorted(ROOT.glob(pattern))
            if not found:
                raise SystemExit(f"docs/recorded/{self.name}.toml: no file matches {pattern!r}")
            for path in found:
                digest.update(str(path.relative_to(ROOT)).encode())
                digest.update(_meaning(path))
        return digest.hexdigest()[:16]


def _meaning(path: Path) -> bytes:
    if path.suffix != ".py":
        return path.read_bytes()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            body[0].value.value = ""
    return ast.dump(tree).encode()


def names() -> list[str]:
    """All recorded outputs."""
    return sorted(path.stem for path in (DOCS / "recorded").glob("*.toml"))


def load(name: str) -> Recorded:
    """The recorded output `name`."""
    path = DOCS / "recorded" / f"{name}.toml"
    if not path.is_file():
        raise SystemExit(f"no docs/recorded/{name}.toml (known: {', '.join(names())})")
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    return Recorded(
        name,
        data["command"],
        data["machine"],
        data.get("needs", ""),
        tuple(data["files"]),
        data.get("output", ""),
        data.get("hash", ""),
    )


def record(name: str) -> None:
    """Run the command in the root of the repository and keep its standard output."""
    found = load(name)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path, "NO_COLOR": "1", "COLUMNS": "110", "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        ["bash", "-c", found.command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if ended.returncode != 0:
        raise SystemExit(f"{name}: `{found.command}` ended with {ended.returncode}: {ended.stderr[-500:]}")
    output = ended.stdout.rstrip().replace("'''", "' ' '")
    files = ", ".join(f'"{pattern}"' for pattern in found.files)
    text = (
        f"command = '''{found.command}'''\nmachine = \"{found.machine}\"\nneeds = \"{found.needs}\"\n"
        f"files = [{files}]\nhash = \"{found.current()}\"\noutput = '''\n{output}\n'''\n"
    )
    new = found.path.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    new.replace(found.path)


if __name__ == "__main__":
    for each in sys.argv[1:] or names():
        record(each)
