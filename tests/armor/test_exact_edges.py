"""Balls and barriers at their very edge, and costs beyond single precision, in every geometry."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from armor.errors import InputError
from armor.exact import Status, divergence, divergences
from armor.exact.clouds import BoxGeometry, WideGeometry, pairwise, point_geometry
from armor.exact.costs import point_cost
from armor.exact.device import DeviceGeometry


def lattice(seed, n, m, dimension):
    """Points on multiples of 0.1, which no double is: distances lie at an edge of 0.2 to rounding."""
    rng = np.random.default_rng(seed)
    sparse = rng.random((n, dimension)) < min(1.0, 3 / dimension)
    x = 0.1 * rng.integers(0, 3, (n, dimension)) * sparse
    y = x[rng.integers(0, n, m)].copy()
    for _ in range(2):
        y[np.arange(m), rng.integers(0, dimension, m)] += 0.1 * rng.integers(-1, 2, m)
    return x, y


def whole(values):
    """Doubles as whole multiples of 2^-120, exactly."""
    return np.vectorize(lambda v: int(Fraction(v) * 2**120), otypes=[object])(values)


def rational(x, y, norm, edge, closed):
    """Which pairs are inside, with the coordinates as the rationals they are."""
    d = np.abs(whole(x)[:, None] - whole(y)[None])
    radius = int(whole(edge))
    z = {1: lambda: d.sum(axis=2), 2: lambda: (d * d).sum(axis=2), "inf": lambda: d.max(axis=2)}[norm]()
    limit = radius * radius if norm == 2 else radius
    return (z <= limit if closed else z < limit).astype(bool)


@pytest.mark.parametrize("norm", [1, 2, "inf"])
@pytest.mark.parametrize("kind", ["radius", "barrier"])
@pytest.mark.parametrize(
    ("n", "m", "dimension"), [(60, 50, 3), (310, 300, 2), (210, 200, 12), (210, 200, 20)], ids=str
)
def test_an_edge_is_decided_as_rationals_decide_it(norm, kind, n, m, dimension):
    edge = 0.1 if norm == "inf" else 0.2
    edge = edge if kind == "radius" else np.nextafter(edge, 1.0)  # a barrier does not hold its edge
    x, y = lattice(3, n, m, dimension)
    rule = point_cost({"norm": norm, kind: edge})
    inside = rational(x, y, norm, edge, kind == "radius")
    near = np.abs(pairwise(point_cost({"norm": norm}), x, y) - edge) < 1e-14
    assert near.sum() > 50  # the case is met
    assert inside[near].any()
    assert kind == "barrier" or not inside[near].all()
    geometry = point_geometry(x, y, rule)
    assert type(geometry).__name__ == {60: "SmallCloud", 310: "BoxGeometry", 210: "WideGeometry"}[n]
    device = DeviceGeometry(torch.device("cpu"), x=x, y=y, cost=rule)
    everything = np.divmod(np.arange(n * m), m)
    for place in (geometry, device):
        np.testing.assert_array_equal(np.isfinite(place.arcs(*everything)).reshape(n, m), inside)
        found = np.zeros((n, m), dtype=bool)
        found[place.finite_arcs(n * m)] = True
        np.testing.assert_array_equal(found, inside)
        rows, _, _ = place.row_best(np.zeros(m), 1)
        np.testing.assert_array_equal(np.unique(rows), np.flatnonzero(inside.any(axis=1)))


def test_a_ball_of_radius_zero_holds_equal_points_alone():
    """Also where the square of a difference vanishes."""
    x = np.random.default_rng(0).random((40, 3))
    y = x.copy()
    x[:, 0] = 0.0
    y[:, 0] = np.where(np.arange(40) % 2, 1e-200, 0.0)
    finite = np.isfinite(
        point_geometry(x, y, point_cost({"norm": 2, "radius": 0})).arcs(*[np.arange(40)] * 2)
    )
    np.testing.assert_array_equal(finite, np.arange(40) % 2 == 0)


@pytest.mark.parametrize(
    ("size", "cost"),
    [
        (1e20, {"norm": 2, "power": 2, "scale": 1e-40}),
        (1e-22, {"norm": 2, "power": 2, "scale": 1e44}),
        (1e-24, {"norm": 2, "power": 1, "scale": 1e24}),
        (1e20, {"norm": 1, "power": 1, "scale": 1e-20}),
        (1.0, {"norm": 2, "power": 1, "scale": 1e-44}),
    ],
    ids=str,
)
def test_points_beyond_single_precision_have_the_value_of_their_matrix(size, cost):
    """The float32 bounds of many dimensions are stored in a unit of their own."""
    rng = np.random.default_rng(2)
    x, y = size * rng.normal(size=(220, 12)), size * (rng.normal(size=(215, 12)) + 0.3)
    assert isinstance(point_geometry(x, y, point_cost(cost)), WideGeometry)
    points = divergence("kl", cost, x=x, y=y)
    matrix = divergence("kl", pairwise(point_cost(cost), x, y))
    assert points.status.converged
    assert points.lower <= matrix.upper * (1 + 1e-13)
    assert matrix.lower <= points.upper * (1 + 1e-13)


def test_enormous_costs_are_bounded_and_not_called_infinite():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(220, 12)), rng.normal(size=(215, 12))
    solution = divergence("kl", {"norm": 2, "power": 2, "scale": 1e40}, x=x, y=y)
    assert solution.status is not Status.INFEASIBLE
    assert 0 <= solution.lower <= solution.upper < 1e43


def test_vanishing_points_are_refused():
    x = 1e-150 * np.random.default_rng(0).random((30, 2))
    with pytest.raises(InputError, match="where squares vanish"):
        divergence("kl", x=x, y=x)


def test_boxes_that_only_tie_are_not_needed():
    """A hard ball's row has its least cost in the first boxes looked at."""
    rng = np.random.default_rng(1)
    x, y = rng.random((2000, 2)), rng.random((2000, 2))
    geometry = point_geometry(x, y, point_cost({"norm": 2, "radius": 0.5}))
    assert isinstance(geometry, BoxGeometry)
    asked = []
    tile = geometry._tile
    geometry._tile = lambda box, chosen: asked.append(len(chosen)) or tile(box, chosen)
    _, _, values = geometry.row_best(np.zeros(2000), 1)
    assert not values.any()
    assert np.median(asked) <= 4
    assert sum(asked) < 0.1 * len(geometry._rows) * len(geometry._columns) + 2 * len(geometry._rows)


@pytest.mark.parametrize("stop", ["progress", "rounds"])
def test_nothing_is_called_converged_without_an_upper_bound(stop):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(1000, 2)), rng.normal(size=(1000, 2))

    def interrupt(_):
        raise KeyboardInterrupt

    given = {"progress": interrupt} if stop == "progress" else {"rounds": 0}
    solution = divergence("kl", x=x, y=y, **given)
    assert solution.upper == np.inf
    assert solution.status is (Status.INTERRUPTED if stop == "progress" else Status.ROUND_LIMIT)


@pytest.mark.parametrize("scale", [1e16, 1e20, 1e100])
def test_a_batch_calls_nothing_converged_without_an_upper_bound(scale):
    batch = divergences("kl", scale * np.random.default_rng(0).random((6, 8, 8)))
    assert np.isfinite(batch.upper).all()
    gap = batch.upper - batch.lower
    np.testing.assert_array_equal(batch.converged, gap <= 1e-8 * batch.upper)


@pytest.mark.parametrize("side", ["p", "q"])
def test_a_batch_with_a_vanishing_weight_is_solved_one_by_one(side):
    weights = np.full((3, 8), 1e-200)
    weights[:, 0] = 1 - 7e-200
    cost = np.random.default_rng(0).random((3, 8, 8))
    batch = divergences("kl", cost, **{side: weights})
    assert batch.one_by_one == 3
    for b in range(3):
        one = divergence("kl", cost[b], **{side: weights[b]})
        assert (batch.lower[b], batch.upper[b]) == (one.lower, one.upper)


def test_a_batch_refuses_finite_costs_that_would_overflow():
    cost = np.ones((2, 3, 3))
    cost[1, 2, 0] = 1e200
    with pytest.raises(InputError, match=r"cost\[1, 2, 0\] = 1e\+200 is beyond"):
        divergences("kl", cost)
