"""What each transport cost lets the adversary do to a point in the plane."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from companion.figures import COLOURS, save

__all__ = ["draw"]

Array = NDArray[np.float64]
MULTIPLIERS = (4.0, 2.0, 1.0, 0.5, 0.25)
SLOPE = np.array([1.0, 0.6])  # of the linear loss
BEND = 0.25  # of its concave part, so that every maximum is attained


def _norm(dx: Array, dy: Array) -> Array:
    return np.hypot(dx, dy)


def _beyond(dx: Array, dy: Array) -> Array:
    return np.maximum(np.abs(dx) - 0.5, 0) ** 2 + np.maximum(np.abs(dy) - 0.5, 0) ** 2


PLANE: dict[str, Callable[[Array, Array], Array]] = {
    "hard ball": lambda dx, dy: np.where(np.maximum(np.abs(dx), np.abs(dy)) <= 0.7, 0.0, np.inf),
    r"$L\|y-x\|_2$": _norm,
    r"$L\|y-x\|_2^2$": lambda dx, dy: _norm(dx, dy) ** 2,
    "soft ball": lambda dx, dy: _beyond(dx, dy) * 2,
    "barrier": lambda dx, dy: np.where(
        _norm(dx, dy) < 1.2, _norm(dx, dy) / np.maximum(1 - _norm(dx, dy) / 1.2, 1e-9), np.inf
    ),
    "labels held": lambda dx, dy: np.where(dx < 0.5, _norm(dx, dy) ** 2, np.inf),
}


def _plane(drawn: Any) -> None:
    axis = np.linspace(-1.6, 2.0, 181)
    dx, dy = np.meshgrid(axis, axis)
    loss = SLOPE[0] * dx + SLOPE[1] * dy - BEND * (dx**2 + dy**2)
    for panel, (name, cost_of) in zip(
        drawn.subplots(2, 3, sharex=True, sharey=True).flat, PLANE.items(), strict=True
    ):
        cost = cost_of(dx, dy)
        panel.contourf(dx, dy, np.isfinite(cost), levels=[0.5, 1.5], colors=["#99c1f1"], alpha=0.35)
        finite = np.where(np.isfinite(cost), cost, np.nan)
        panel.contour(dx, dy, finite, levels=[0.1, 0.25, 0.5, 1, 2, 4], colors="#1a5fb4", linewidths=0.6)
        for k, mu in enumerate(MULTIPLIERS):
            gain = np.where(np.isfinite(cost), loss - mu * finite, -np.inf)
            best = np.unravel_index(np.argmax(gain), gain.shape)
            panel.annotate(
                "",
                (axis[best[1]], axis[best[0]]),
                (0, 0),
                arrowprops={"arrowstyle": "->", "color": COLOURS[1], "lw": 1},
            )
            panel.plot(axis[best[1]], axis[best[0]], "o", ms=2 + k, color=COLOURS[1])
        panel.plot(0, 0, "o", ms=5, color="black")
        panel.set(title=name, aspect="equal")


def _flips(drawn: Any) -> None:
    axis = drawn.subplots()
    corners = [(0, 0), (1, 0), (0, 1), (1, 1)]
    for x, y in corners:
        axis.plot(x, y, "o", ms=9, color="black")
    for a, b in ((0, 1), (0, 2), (1, 3), (2, 3)):
        axis.annotate(
            "",
            corners[b],
            corners[a],
            arrowprops={"arrowstyle": "-|>", "color": COLOURS[1], "shrinkA": 8, "shrinkB": 8, "lw": 2},
        )
    axis.annotate(
        "",
        corners[3],
        corners[0],
        arrowprops={
            "arrowstyle": "-|>",
            "color": COLOURS[0],
            "shrinkA": 8,
            "shrinkB": 8,
            "lw": 1.2,
            "ls": "--",
        },
    )
    axis.text(0.52, 0.42, "2L", color=COLOURS[0])
    axis.text(0.45, -0.12, "L", color=COLOURS[1])
    axis.text(-0.12, 0.48, "L", color=COLOURS[1])
    axis.set(
        xlim=(-0.3, 1.3),
        ylim=(-0.25, 1.25),
        xlabel="feature 1",
        ylabel="feature 2",
        xticks=[0, 1],
        yticks=[0, 1],
    )
    axis.set_aspect("equal")


def draw(folder: Path) -> None:
    """Both pictures of the plane."""
    save(folder / "costs_plane.svg", _plane, 7.2, 5.0)
    save(folder / "costs_flips.svg", _flips, 3.4, 3.0)
