"""The Newton system of the arc problem: every way to solve it gives the same step."""

import numpy as np
import pytest

from armor.exact import divergence, thinned
from armor.exact.linear import ArcGraph, _Dense, _factor, _Sparse, entangled, linear_solver
from armor.exact.thinned import ThinnedSolver


def system(seed, n=60, m=50, degree=6, spread=8):
    """Weights over `spread` orders of magnitude on a connected graph, every row with some compliance."""
    rng = np.random.default_rng(seed)
    keys = np.unique(
        np.concatenate(
            [
                np.arange(n) * m + np.arange(n) % m,
                np.arange(m) * m + (np.arange(m) + 1) % m,
                rng.choice(n * m, degree * n, replace=False),
            ]
        )
    )
    graph = ArcGraph(n, m, *np.divmod(keys, m))
    w = 10.0 ** rng.uniform(-spread, 0, graph.count)
    compliance = 10.0 ** rng.uniform(-4, 0, n)
    return graph, w, graph.row_sum(w) + compliance, graph.column_sum(w), rng.standard_normal(n + m)


def full(graph, w, a, b):
    """The matrix written out."""
    out = np.diag(np.concatenate([a, b]))
    out[graph.rows, graph.n + graph.columns] = out[graph.n + graph.columns, graph.rows] = -w
    return out


def backward_error(graph, w, a, b, right, y, g):
    """The residual against the sizes of the matrix, the solution and the right-hand side."""
    matrix, out = full(graph, w, a, b), np.concatenate([y, g])
    size = np.abs(matrix).sum(axis=1).max() * np.abs(out).max() + np.abs(right).max()
    return np.abs(matrix @ out - right).max() / size


@pytest.mark.parametrize("make", [_Dense, _Sparse, None], ids=["dense", "sparse", "thinned"])
@pytest.mark.parametrize("seed", range(4))
def test_every_solver_solves_the_system(make, seed):
    graph, w, a, b, right = system(seed)
    if make is None:
        solver = ThinnedSolver(graph.rows, graph.columns, graph.row_start, graph.m, _factor)
    else:
        solver = make(graph)
    for scale in (1.0, 1e-3):  # the second factorisation has the same pattern and other weights
        assert solver.factorise(scale * w, scale * a, scale * b)
        y, g = solver.solve(right[: graph.n], right[graph.n :])
        assert backward_error(graph, scale * w, scale * a, scale * b, right, y, g) < 1e-11


def test_few_arcs_are_factorised():
    """Most weights are invisible beside the largest of their rows and columns."""
    graph, w, a, b, right = system(0)
    counts = []

    def counting(rows, columns, weights, diagonal):
        counts.append(len(rows))
        return _factor(rows, columns, weights, diagonal)

    solver = ThinnedSolver(graph.rows, graph.columns, graph.row_start, graph.m, counting)
    assert solver.factorise(w, a, b)
    y, g = solver.solve(right[: graph.n], right[graph.n :])
    assert backward_error(graph, w, a, b, right, y, g) < 1e-11
    assert counts[0] < 0.6 * graph.count


def test_more_arcs_are_factorised_where_the_iterations_do_not_suffice(monkeypatch):
    graph, w, a, b, right = system(1)
    counts = []

    def counting(rows, columns, weights, diagonal):
        counts.append(len(rows))
        return _factor(rows, columns, weights, diagonal)

    monkeypatch.setattr(thinned, "_ITERATIONS", 2)
    solver = ThinnedSolver(graph.rows, graph.columns, graph.row_start, graph.m, counting)
    assert solver.factorise(w, a, b)
    y, g = solver.solve(right[: graph.n], right[graph.n :])
    assert backward_error(graph, w, a, b, right, y, g) < 1e-11
    assert len(counts) > 1
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]


def test_a_factorisation_that_fails_is_told():
    graph, w, a, b, _ = system(2)
    solver = ThinnedSolver(graph.rows, graph.columns, graph.row_start, graph.m, lambda *_: None)
    assert not solver.factorise(w, a, b)


def test_a_factor_that_has_lost_everything_ends_the_iterations():
    graph, w, a, b, right = system(3)
    solver = ThinnedSolver(
        graph.rows, graph.columns, graph.row_start, graph.m, lambda *_: lambda vector: np.zeros_like(vector)
    )
    assert solver.factorise(w, a, b)
    y, g = solver.solve(right[: graph.n], right[graph.n :])
    assert not y.any()
    assert not g.any()


def neighbours(points, k=6):
    """The graph of every point's `k` nearest among the same points, shifted by nothing."""
    square = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    near = np.argpartition(square, k, axis=1)[:, :k]
    rows = np.repeat(np.arange(len(points)), k)
    keys = np.unique(rows * len(points) + near.ravel())
    return ArcGraph(len(points), len(points), *np.divmod(keys, len(points)))


def test_many_dimensions_entangle_and_the_plane_does_not():
    rng = np.random.default_rng(0)
    plane, space = (neighbours(rng.random((1100, d))) for d in (2, 30))
    assert not entangled(plane)
    assert isinstance(linear_solver(plane), _Sparse)
    assert entangled(space)
    assert isinstance(linear_solver(space), ThinnedSolver)
    apart = ArcGraph(1100, 1100, np.arange(1100), np.arange(1100))  # nothing but pairs
    assert not entangled(apart)
    hub = np.unique(np.concatenate([plane.rows * 1100 + plane.columns, 7 * 1100 + np.arange(1100)]))
    assert not entangled(
        ArcGraph(1100, 1100, *np.divmod(hub, 1100))
    )  # one row near everything: eliminated last
    many = np.unique(np.concatenate([hub, rng.integers(1100**2, size=30_000)]))
    assert entangled(ArcGraph(1100, 1100, *np.divmod(many, 1100)))


@pytest.mark.parametrize("spec", ["kl", "hellinger", "tv", {"name": "renyi", "alpha": 2.5}], ids=str)
def test_the_value_does_not_depend_on_the_linear_solver(spec, monkeypatch):
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((300, 30)), rng.standard_normal((280, 30)) + 0.2
    p, q = rng.dirichlet(np.full(300, 2.0)), rng.dirichlet(np.full(280, 2.0))
    cost = {"norm": 2, "power": 1, "scale": 0.3}
    plain = divergence(spec, cost, p, q, x=x, y=y, support="space")
    made = []

    def always(graph):
        made.append(ThinnedSolver(graph.rows, graph.columns, graph.row_start, graph.m, _factor))
        return made[-1]

    monkeypatch.setattr("armor.exact.interior.linear_solver", always)
    other = divergence(spec, cost, p, q, x=x, y=y, support="space")
    assert made
    assert other.status.name == plain.status.name == "CONVERGED"
    assert abs(other.value - plain.value) <= 2e-8 * plain.value
