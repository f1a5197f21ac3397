"""What is recorded beside the pages, made anew: `python -m companion.record [NAME...]`, by `make docs-record ARGS=NAME`.

NAME is `evidence` (the full matrix), `pictures` (of real images), or a file of `docs/recorded`; without a name,
everything that is stale. A recorded output carries the hash of its command and of everything that the command may
load or read (`verification.sources`), found from the command itself: nobody lists files.
"""

import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from companion import DOCS, ROOT
from verification.sources import digest, sources

__all__ = ["Recorded", "behind", "load", "names"]

_PROGRAM = re.compile(
    r"(?<![\w./-])(?:armor (?P<word>[a-z]+)|python3? -m (?P<module>[a-z_.]+)|python3? (?P<script>[\w./-]+\.py))(?=\s|$)"
)


def behind(command: str, roots: tuple[Path, ...] = (ROOT, DOCS)) -> dict[str, Path]:
    """The files behind a shell command: what `armor WORD`, `python -m MODULE` and `python SCRIPT.py` in it may load.

    Raises `SystemExit` for a command that names no program of ours, or one that is not there.
    """
    found: dict[str, Path] = {}
    for match in _PROGRAM.finditer(command):
        word, module, script = match["word"], match["module"], match["script"]
        entries = ["armor.cli.main", f"armor.cli.{word}"] if word else [module] if module else []
        scripts = [roots[0] / script] if script else []
        try:
            found |= sources(entries, roots, resolved=["armor.cli"], scripts=scripts)
        except (ValueError, OSError) as error:
            raise SystemExit(f"`{command}`: {error}") from None
    if not found:
        raise SystemExit(f"`{command}` names no program of this project, so no code could be held against it")
    return dict(sorted(found.items()))


@dataclass(frozen=True)
class Recorded:
    """One recorded command; `needs` says what it takes beside the code, `made` holds the SHA-256 of files that it writes
    and a page shows, by their names below the root of the repository."""

    name: str
    command: str
    machine: str = ""
    needs: str = ""
    output: str = ""
    hash: str = ""
    made: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """Its file."""
        return DOCS / "recorded" / f"{self.name}.toml"

    def files(self) -> dict[str, Path]:
        """The code behind it."""
        return behind(self.command)

    def current(self) -> str:
        """The hash of the code behind it as it is now."""
        whole = self.command + "|" + digest(self.files())
        return hashlib.sha256(whole.encode()).hexdigest()[:16]

    def digests(self) -> dict[str, str]:
        """`made` of the files as they are now; "" for one that is missing."""
        files = {name: ROOT / name for name in self.made}
        return {
            name: hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
            for name, path in files.items()
        }

    def text(self) -> str:
        """The content of its file."""
        made = "".join(f"{json.dumps(name)} = {json.dumps(digest)}\n" for name, digest in self.made.items())
        lines = [
            f"{key} = {json.dumps(getattr(self, key), ensure_ascii=False)}"
            for key in ("machine", "needs", "hash")
        ]
        return (
            f"command = '''{self.command}'''\n"
            + "\n".join(lines)
            + f"\noutput = '''\n{self.output}\n'''\n"
            + (f"\n[made]\n{made}" if made else "")
        )


def names() -> list[str]:
    """All recorded outputs."""
    return sorted(path.stem for path in (DOCS / "recorded").glob("*.toml"))


def load(name: str) -> Recorded:
    """The recorded output `name`."""
    path = DOCS / "recorded" / f"{name}.toml"
    if not path.is_file():
        raise SystemExit(f"no docs/recorded/{name}.toml (known: {', '.join(names())})")
    try:
        return Recorded(name, **tomllib.loads(path.read_text(encoding="utf-8")))
    except (TypeError, tomllib.TOMLDecodeError) as error:
        raise SystemExit(f"{path.relative_to(ROOT)}: {error}") from None


def _put(path: Path, content: bytes) -> None:
    new = path.with_suffix(".new")
    new.write_bytes(content)
    new.replace(path)


def _run(name: str, command: str) -> str:
    """Standard output of a command run in an empty folder where `docs` and `tests` are at hand."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    python = os.pathsep.join([str(ROOT), str(DOCS)])
    environment = {**os.environ, "PATH": path, "NO_COLOR": "1", "COLUMNS": "110", "PYTHONPATH": python}
    if data := os.environ.get("ARMOR_DATA"):
        environment["ARMOR_DATA"] = str(Path(data).expanduser().resolve())
    print(f"{name}: {command}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        for each in ("docs", "tests"):
            (Path(folder) / each).symlink_to(ROOT / each)
        ended = subprocess.run(
            ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
    if ended.returncode != 0:
        raise SystemExit(f"{name}: `{command}` ended with {ended.returncode}: {ended.stderr[-500:]}")
    return ended.stdout


def record(name: str) -> None:
    """Run the command and keep its standard output, the machine and the hash."""
    import torch

    from armor.training.machine import described

    found = load(name)
    before = found.current()
    output = _run(name, found.command).rstrip().replace("'''", "' ' '")
    if found.current() != before:
        raise SystemExit(f"{name}: the code changed while `{found.command}` ran; nothing was recorded")
    machine = f"{os.cpu_count()} cores of {described(torch.device('cpu'))}"
    new = replace(found, machine=machine, hash=before, output=output, made=found.digests())
    _put(found.path, new.text().encode())


def evidence() -> None:
    """Run the full matrix and keep its result; refused where it is not the whole, or not everything holds."""
    from companion.evidence import FILE, faults

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "verify.json"
        _run("evidence", f"armor verify --full --json-file {file} --cache {folder}/cells.jsonl")
        found: Mapping[str, object] = json.loads(file.read_text(encoding="utf-8"))
        if wrong := faults(found):
            raise SystemExit(f"evidence: {wrong}; nothing was recorded")
        FILE.parent.mkdir(exist_ok=True)
        _put(FILE, gzip.compress(file.read_bytes(), mtime=0))


def main(wanted: list[str]) -> None:
    """Record what is named, or all that is stale; the pictures last, since they need data."""
    from companion.freshness import stale
    from companion.images import main as pictures

    todo = wanted or [key.removeprefix("recorded ") for key in stale()]
    if not todo:
        print("everything recorded is of the present code")
    for name in sorted(todo, key=lambda name: name == "pictures"):
        {"evidence": evidence, "pictures": pictures}.get(name, lambda name=name: record(name))()


if __name__ == "__main__":
    main(sys.argv[1:])
