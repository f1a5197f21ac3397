"""The HTML report: one file with its styles, script and data inside, and no request to anywhere."""

import html
import json
from importlib.resources import files

from verification.matrix.report import as_mapping, as_text
from verification.matrix.runner import Run

__all__ = ["as_html"]


def as_html(run: Run) -> str:
    """The report of `run` as a self-contained page."""
    template = (files("verification.matrix") / "template.html").read_text(encoding="utf-8")
    # "</" would end the script element that carries the data; JSON allows the escape.
    data = json.dumps(as_mapping(run), ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace(
        "</", "<\\/"
    )
    return template.replace("__TEXT__", html.escape(as_text(run))).replace("__DATA__", data)
