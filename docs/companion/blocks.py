"""Blocks that run while the page is read, recorded ones that know when they are out of date, and those not run.

```{live}                      Python; the blocks of one page share their names
```{live-shell}                commands after "$ "; `:exit: 1` when the last one has to end so
```{recorded} NAME             `docs/recorded/NAME.toml`: command, machine, output, hash of the code behind it
```{not-run} LANGUAGE          shown as it stands; `:why:` says under it why the build does not run it

A fence of code that is none of these ends the build (`companion.fences`).
"""

import contextlib
import hashlib
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from companion import DOCS, ROOT
from companion.freshness import require, stale
from companion.record import Recorded, load
from companion.scripts import LIMIT, Stopwatch, code_state

__all__ = ["register"]

_sessions: dict[str, dict[str, object]] = {}
_before: dict[str, str] = {}


class _Block(SphinxDirective):
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {
        "exit": directives.nonnegative_int,
        "hide": directives.flag,
        "head": directives.positive_int,  # lines shown of each command
        "tail": directives.positive_int,
    }

    @property
    def cache(self) -> Path:
        return Path(self.env.app.outdir).parent / "cache"

    def _kept(self, kind: str, text: str, run: Any) -> str:
        """The output of `run`, once for this text, what the page ran before it, and this state of the code."""
        doc = self.env.docname
        before = _before.get(doc, code_state())
        key = hashlib.sha256(f"{kind}|{before}|{text}".encode()).hexdigest()
        _before[doc] = key
        file = self.cache / f"block-{key[:20]}.json"
        if kind == "shell" and file.is_file():
            return str(json.loads(file.read_text(encoding="utf-8")))
        watch = Stopwatch()
        output = run()
        if watch.seconds > LIMIT:
            raise ExtensionError(f"{doc}: a block took more than {LIMIT:.0f} s: {text[:60]!r}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(output), encoding="utf-8")
        return str(output)

    def _show(self, code: str, language: str, output: str, note: str) -> Sequence[nodes.Node]:
        shown: list[nodes.Node] = []
        if code:
            shown.append(nodes.literal_block(code, code, language=language))
        if output:
            shown.append(nodes.literal_block(output, output, language="text"))
        if note:
            paragraph = nodes.paragraph(note, note, classes=["ran"])
            shown.append(paragraph)
        return shown


class Live(_Block):
    """Python that runs in the build."""

    def run(self) -> list[nodes.Node]:
        code = "\n".join(self.content)
        doc = self.env.docname
        names = _sessions.setdefault(doc, {"__name__": "__main__"})
        printed = io.StringIO()

        def execute() -> str:
            with contextlib.redirect_stdout(printed), contextlib.chdir(_scratch(self.cache, doc)):
                try:
                    exec(compile(code, f"{doc}, live block", "exec"), names)
                except Exception as error:
                    raise ExtensionError(
                        f"{doc}: a live block raised {type(error).__name__}: {error}"
                    ) from error
            return printed.getvalue().rstrip("\n")

        output = self._kept("python", code, execute)
        return list(
            self._show(
                "" if "hide" in self.options else code, "python", output, "Run while this page was built."
            )
        )


class LiveShell(_Block):
    """Commands that run in the build."""

    def _part(self, printed: list[str]) -> list[str]:
        head, tail = self.options.get("head", 0), self.options.get("tail", 0)
        if len(printed) <= head + tail or not head + tail:
            return printed
        return [*printed[:head], "  ...", *(printed[-tail:] if tail else [])]

    def run(self) -> list[nodes.Node]:
        text = "\n".join(self.content)
        wanted = self.options.get("exit", 0)

        def execute() -> str:
            lines = []
            commands = [line[2:] for line in self.content if line.startswith("$ ")]
            for k, command in enumerate(commands):
                ended = _shell(command, _scratch(self.cache, self.env.docname))
                expected = wanted if k == len(commands) - 1 else 0
                if ended.returncode != expected:
                    raise ExtensionError(
                        f"{self.env.docname}: `{command}` ended with {ended.returncode}, not {expected}: "
                        f"{ended.stderr.strip()[-600:]}"
                    )
                printed = (ended.stdout + (ended.stderr if expected == 2 else "")).rstrip("\n").split("\n")
                lines.append("\n".join([f"$ {command}", *self._part(printed)]).rstrip("\n"))
            return "\n".join(lines)

        output = self._kept("shell", f"{text}|{self.options}", execute)
        note = "Run while this page was built" + (f"; exit code {wanted}." if wanted else ".")
        return list(self._show(output, "console", "", note))


class ShowRecorded(_Block):
    """The output of a command too long for the build."""

    has_content = False
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        found: Recorded = load(self.arguments[0])
        self.env.note_dependency(str(found.path))
        require()  # it ends the build here too when only this page was read again
        text = f"$ {found.command}\n{found.output}".rstrip("\n")
        key, files = f"recorded {found.name}", found.files()
        if key in stale():
            note = f"Draft: {stale()[key]}."
        else:
            note = (
                f"Recorded on {found.machine}; the {len(files)} files that the command may load or read have the hash "
                f"{found.hash}, checked in this build."
            )
        return list(self._show(text, "console", "", note))


class NotRun(_Block):
    """Code that the build cannot run, with the reason."""

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {"why": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        if not self.options.get("why"):
            raise ExtensionError(f"{self.env.docname}: a block that is not run has to say `:why:`")
        code = "\n".join(self.content)
        shown = list(self._show(code, self.arguments[0], "", ""))
        note = f"Not run in the build: {self.options['why']}."
        parsed = self.parse_text_to_nodes(note)  # links are links, and the check of the site follows them
        for paragraph in parsed:
            if isinstance(paragraph, nodes.Element):
                paragraph["classes"].append("ran")
        return [*shown, *parsed]


def _scratch(cache: Path, doc: str) -> Path:
    """A folder of its own for the page, with the example files at hand."""
    folder = cache.parent / "scratch" / doc.replace("/", "-")
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / "tests"
    if not link.exists():
        link.symlink_to(ROOT / "tests")
    return folder


def _shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path, "NO_COLOR": "1", "COLUMNS": "110"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(DOCS), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=10 * LIMIT,  # a block that hangs; how long one may compute is measured apart
        check=False,
    )


def _docstring(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Docstrings are plain text: their first paragraph as prose, the rest as it stands."""
    del app, what, name, obj, options
    head, _, rest = "\n".join(lines).strip().partition("\n\n")
    shown = [re.sub(r"([\\\\*|_`])", r"\\\1", line) for line in head.split("\n")]
    if rest.strip():
        shown += [
            "",
            ".. code-block:: text",
            "",
            *("   " + line for line in rest.strip("\n").split("\n")),
            "",
        ]
    lines[:] = shown


def register(app: Any) -> None:
    """Make the directives known."""
    app.connect("autodoc-process-docstring", _docstring)
    app.add_directive("live", Live)
    app.add_directive("live-shell", LiveShell)
    app.add_directive("recorded", ShowRecorded)
    app.add_directive("not-run", NotRun)
