"""Many dimensions: what float32 stores is below every cost, and what it cannot tell apart is computed."""

import numpy as np
import pytest

from armor.exact.clouds import WideGeometry, point_geometry
from armor.exact.costs import point_cost
from armor.exact.geometry import differences_cost


def wide(cost, dimension=40, n=230, m=220, offset=0.0, seed=0):
    """Clouds of a few hundred points; `offset` makes their norms large beside their distances."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, dimension)), rng.normal(size=(m, dimension))
    x[::2] += offset
    y[::2] += offset
    y[:40] = x[:40] * (1 + 1e-6)
    rule = point_cost(cost)
    geometry = point_geometry(x, y, rule)
    assert isinstance(geometry, WideGeometry)
    return geometry, differences_cost(rule, x, y)


@pytest.mark.parametrize(
    "cost",
    [
        "sqeuclidean",
        "euclidean",
        {"norm": 1},
        {"norm": "inf", "power": 3},
        {"norm": 2, "barrier": 9.0},
        {"tau": 0.1, "radius": 0.2},
        {"norm": 2, "power": 2, "scale": 1e60},
    ],
    ids=str,
)
@pytest.mark.parametrize("offset", [0.0, 300.0])
@pytest.mark.parametrize("dimension", [9, 40, 700])
def test_stored_bounds_are_below_every_cost(cost, offset, dimension):
    geometry, exact = wide(cost, dimension, offset=offset)
    stored = geometry._stored.astype(np.float64) * geometry._unit
    assert (stored <= exact).all()
    assert np.isfinite(stored).any()
    if offset == 0 and not isinstance(cost, dict):  # and not far below
        assert np.median(exact - stored) < 1e-3 * np.median(exact)


@pytest.mark.parametrize("cost", ["sqeuclidean", {"norm": 1}], ids=str)
def test_the_least_of_columns_that_tie_in_float32_is_the_exact_one(cost):
    geometry, exact = wide(cost)
    rng = np.random.default_rng(1)
    for row in range(40):
        # all columns tie for this row, at prices whose own rounding in float32 is far larger
        g = 1e4 + exact[row] + 1e-9 * rng.random(220)
        rows, columns, values = geometry.row_best(g, 1)
        reduced = exact - g
        assert list(rows) == list(range(230))
        np.testing.assert_allclose(values, reduced.min(axis=1), rtol=0, atol=1e-11)
        assert reduced[row, columns[row]] <= reduced[row].min() + 1e-11


@pytest.mark.parametrize("keep", [1, 2])
def test_what_thinning_leaves_out_is_still_bounded(keep):
    """The worst violation of every row and column is at most what is returned for it."""
    geometry, exact = wide("sqeuclidean")
    rng = np.random.default_rng(2)
    for row in range(0, 40, 4):
        g = exact[row] + 1e-8 * rng.random(220)
        h = -(exact - g).min(axis=1) - 60.0  # most arcs of the other rows are violated by far
        h[row] = -1e-9
        i, _, values = geometry.violations(h, g, keep)
        reduced = h[:, None] + exact - g
        assert (reduced < 0).sum() > 8 * keep * (230 + 220)  # so that the tile is thinned
        worst = np.full(230, np.inf)
        np.minimum.at(worst, i, values)
        assert (worst <= np.where(reduced.min(axis=1) < 0, reduced.min(axis=1), np.inf) + 1e-12).all()
