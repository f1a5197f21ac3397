"""Scripts in cells: prose in comments, code between them, run while the site is built.

`# %% TITLE` begins a section, comment lines at its head are Markdown, the rest is shown and executed; a further
`# %%` without a title begins another cell of the section. Cells of one script share their names. What a cell
prints is shown under it; a cell that raises stops the build.
"""

import contextlib
import hashlib
import io
import json
import os
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from companion import ROOT

__all__ = ["LIMIT", "Cell", "Stopwatch", "code_state", "run_all"]

LIMIT = 60.0  # seconds a script may take, see `Stopwatch`


@dataclass(frozen=True)
class Cell:
    """One cell: the section that it opens ("" when it goes on with the last), prose, code, what it printed."""

    title: str
    prose: str
    code: str
    output: str = ""


class Stopwatch:
    """Seconds since it was made: wall or processor time (children included), whichever is less, so that a machine that is
    busy with other work makes nothing look slow."""

    def __init__(self) -> None:
        self._begin = self._now()

    @staticmethod
    def _now() -> tuple[float, float]:
        return time.perf_counter(), sum(os.times()[:4])

    @property
    def seconds(self) -> float:
        return min(now - then for now, then in zip(self._now(), self._begin, strict=True))


@cache
def code_state() -> str:
    """Hash of the three packages with their data, and of what makes the pages: what an output depends on beside the
    text of the script."""
    digest = hashlib.sha256()
    for package in ("theory", "verification", "armor", "docs/companion"):
        for path in sorted((ROOT / package).rglob("*")):
            if (
                path.suffix in {".py", ".json", ".toml", ".v", ".c", ".h"}
                and "build" not in path.parts[len(ROOT.parts) :]
            ):
                digest.update(str(path.relative_to(ROOT)).encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


def cells(source: str) -> list[Cell]:
    """The cells of a script, not yet run."""
    found: list[Cell] = []
    for block in source.split("\n# %%")[1:]:
        title, _, body = block.partition("\n")
        lines = body.strip("\n").split("\n")
        head = 0
        while head < len(lines) and lines[head].startswith("#"):
            head += 1
        text = "\n".join(line[1:].removeprefix(" ") for line in lines[:head])
        found.append(Cell(title.strip(), text, "\n".join(lines[head:]).strip("\n")))
    return found


def _run(name: str, source: str) -> tuple[str, float, list[dict[str, str]]]:
    watch = Stopwatch()
    names: dict[str, object] = {"__name__": "__main__"}
    done = []
    for k, cell in enumerate(cells(source)):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            try:
                exec(compile(cell.code, f"{name}, cell {k + 1}", "exec"), names)
            except Exception as error:
                raise SystemExit(f"{name}, cell {k + 1} raised {type(error).__name__}: {error}") from error
        done.append(asdict(Cell(cell.title, cell.prose, cell.code, printed.getvalue().rstrip("\n"))))
    return name, watch.seconds, done


def run_all(paths: Iterable[Path], cache: Path) -> dict[str, list[Cell]]:
    """Run the scripts on two processes; results are kept by text and code state. Keys are file stems."""
    from joblib import Parallel, delayed

    state = code_state()
    done: dict[str, list[Cell]] = {}
    todo = []
    kept = {}
    for path in paths:
        source = path.read_text(encoding="utf-8")
        key = hashlib.sha256((state + source).encode()).hexdigest()[:20]
        kept[path.stem] = cache / f"script-{path.stem}-{key}.json"
        if kept[path.stem].is_file():
            done[path.stem] = [Cell(**cell) for cell in json.loads(kept[path.stem].read_text("utf-8"))]
        else:
            todo.append((path.stem, source))
    cache.mkdir(parents=True, exist_ok=True)
    for name, seconds, found in Parallel(n_jobs=2)(delayed(_run)(*item) for item in todo):
        if seconds > LIMIT:
            raise SystemExit(f"docs/worked/{name}.py took {seconds:.0f} s; a block may take {LIMIT:.0f} s")
        kept[name].write_text(json.dumps(found), encoding="utf-8")
        done[name] = [Cell(**cell) for cell in found]
    return done
