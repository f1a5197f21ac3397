"""Figures as SVG: one look, deterministic files, and the same file in light and dark (a filter in the style sheet)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["COLOURS", "figure", "save"]

COLOURS = ("#1a5fb4", "#c64600", "#26a269", "#813d9c", "#865e00", "#5e5c64")


def save(path: Path, draw: Callable[[Any], None], width: float = 7.0, height: float = 2.8) -> None:
    """Let `draw` fill a figure of this size (inches) and write it."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    style = {
        "svg.hashsalt": "armor-d",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.prop_cycle": plt.cycler(color=COLOURS),
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        "legend.frameon": False,
        "mathtext.fontset": "cm",
        "figure.max_open_warning": 0,
    }
    with plt.rc_context(style):
        drawn = plt.figure(figsize=(width, height), layout="constrained")
        draw(drawn)
        path.parent.mkdir(parents=True, exist_ok=True)
        drawn.savefig(path, metadata={"Date": None, "Creator": None})
        plt.close(drawn)


def figure(path: str, alt: str, caption: str) -> str:
    """The Markdown of a figure made by `save`; `alt` says what the picture shows to who cannot see it."""
    return f"```{{figure}} {path}\n:alt: {alt}\n:class: plot\n\n{caption}\n```\n"
