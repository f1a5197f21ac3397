"""The worst-case distribution of a small instance in the plane as the radius grows, from certified plans."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from companion.figures import COLOURS, save

__all__ = ["draw"]

Array = NDArray[np.float64]
RADII = (0.02, 0.1, 0.3, 0.8)
HIGHER, LOWER = 2.0, 1.1  # the tops of the two hills, to a thousandth


def _instance() -> tuple[Array, Array]:
    """Twelve data points and the grid of points that they may move to (the data among them)."""
    rng = np.random.default_rng(5)
    points = np.round(
        np.concatenate([rng.normal((-0.9, -0.3), 0.35, (7, 2)), rng.normal((0.8, 0.5), 0.3, (5, 2))]), 3
    )
    axis = np.round(np.linspace(-2, 2, 17), 3)
    grid = np.array([(a, b) for a in axis for b in axis])
    return points, np.concatenate([points, grid])


def _loss(y: Array) -> Array:
    """A hill at (1, 1) and a lower one at (-1.2, 0.8)."""
    first = np.exp(-((y - (1.1, 1.0)) ** 2).sum(-1) / 0.9)
    return np.asarray(np.round(HIGHER * first + LOWER * np.exp(-((y - (-1.2, 0.9)) ** 2).sum(-1) / 0.4), 6))


def _solve(epsilon: float, cost: Array, phi: Array) -> Any:
    from verification.instance import from_mapping
    from verification.solve import dro

    n = len(cost)
    data = {
        "divergence": {"name": "kl"},
        "cost": [[float(c) for c in row] for row in cost],
        "p": [f"1/{n}"] * n,
        "phi": phi.tolist(),
        "epsilon": epsilon,
        "support": "reference",
    }
    return dro(from_mapping(data))


def draw(folder: Path) -> None:
    """The picture, and its numbers beside it."""
    points, columns = _instance()
    cost = np.round(((points[:, None] - columns) ** 2).sum(-1), 6)
    phi = _loss(columns)
    solved = [_solve(epsilon, cost, phi) for epsilon in RADII]

    def picture(drawn: Any) -> None:
        axis = np.linspace(-2, 2, 61)
        fine = np.stack(np.meshgrid(axis, axis), -1)
        for panel, epsilon, s in zip(
            drawn.subplots(2, 2, sharex=True, sharey=True).flat, RADII, solved, strict=True
        ):
            panel.contourf(axis, axis, _loss(fine), levels=12, cmap="Greys", alpha=0.55)
            plan = s.plan.dense()
            panel.scatter(
                *points.T, s=900 / len(points), facecolors="none", edgecolors=COLOURS[0], linewidths=1
            )
            mass = plan.sum(axis=0)
            used = mass > 1e-9
            panel.scatter(*columns[used].T, s=900 * mass[used], color=COLOURS[1], alpha=0.75, linewidths=0)
            for i, j in zip(*np.nonzero(plan > 1e-6), strict=True):
                if cost[i, j] > 0:
                    panel.annotate(
                        "", columns[j], points[i],
                        arrowprops={"arrowstyle": "->", "color": COLOURS[1], "lw": 0.4 + 8 * plan[i, j], "shrinkA": 0, "shrinkB": 0},
                    )  # fmt: skip
            panel.set(title=f"$\\varepsilon$ = {epsilon}: value {s.value:.3f}", aspect="equal")

    save(folder / "moved_plane.svg", picture, 7.0, 6.6)
    rows = []
    n = len(points)
    for epsilon, s in zip(RADII, solved, strict=True):
        plan = s.plan.dense()
        eta = plan.sum(axis=1)
        information = float(np.sum(eta * np.log(np.where(eta > 0, eta * n, 1))))
        rows.append(
            {
                "epsilon": epsilon,
                "lower": s.lower,
                "upper": s.upper,
                "information": information,
                "transport": float((plan * cost).sum()),
                "moved": float(plan[cost > 0].sum()),
                "largest": float(eta.max() * n),
                "hill": float(plan.sum(axis=0)[phi > LOWER].sum()),
            }
        )
    mean = float(phi[:n].mean())
    (folder / "moved_plane.json").write_text(json.dumps({"mean": mean, "rows": rows}), encoding="utf-8")
