"""Renders derivations as terminal text, LaTeX, Markdown or JSON."""

from collections.abc import Callable, Sequence

from theory.derivation import Derivation
from theory.errors import InputError
from theory.fdivergence import FDivergence
from theory.renyi import Renyi

__all__ = ["FORMATS", "render"]

FORMATS = ("text", "latex", "markdown", "json")


def render(d: FDivergence | Renyi, derivations: Sequence[Derivation], form: str) -> str:
    """The derivations of `d` in one of `FORMATS`; the checks are run. Raises `InputError` for another
    format.
    """
    if form not in FORMATS:
        raise InputError(f"unknown format {form!r} (known: {', '.join(FORMATS)})")
    from importlib import import_module

    renderer: Callable[[FDivergence | Renyi, Sequence[Derivation]], str] = import_module(
        f"theory.render.{form}"
    ).render
    return renderer(d, derivations)
