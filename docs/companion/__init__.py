"""The Sphinx extension behind the companion: pages generated from the code, and blocks that run in the build."""

from importlib import import_module
from pathlib import Path
from typing import Any

__all__ = ["DOCS", "GENERATED", "ROOT", "setup"]

DOCS = Path(__file__).resolve().parent.parent
ROOT = DOCS.parent
GENERATED = DOCS / "generated"


def _generate(app: Any, config: Any) -> None:
    freshness = import_module("companion.freshness")
    import_module("companion.fences").check()
    freshness.require()
    config.html_theme_options["announcement"] = freshness.banner()
    # Pages are read again when the code or the draft switch changed, not only when their text did.
    config.companion_state = f"{import_module('companion.scripts').code_state()}|{freshness.banner()}"
    import_module("companion.generate").write(Path(app.outdir).parent / "cache")


def _check(app: Any, exception: BaseException | None) -> None:
    if exception is None and app.builder.name == "html":
        import_module("companion.site").check(Path(app.outdir))


def setup(app: Any) -> dict[str, object]:
    """Register the directives, write the generated pages before reading, check the site after writing."""
    import_module("companion.katex").prepare()
    import_module("companion.blocks").register(app)
    app.add_config_value("companion_state", "", "env", (str,))
    app.connect("config-inited", _generate, priority=100)
    app.connect("source-read", import_module("companion.gallery").describe)
    app.connect("build-finished", _check, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
