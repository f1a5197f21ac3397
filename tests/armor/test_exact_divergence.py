"""D^c by the structured solver: against CVXPY, against planted optima, and the bracket's own promises."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import linprog

sys.path.insert(0, str(Path(__file__).parent))
from exact_reference import LINEAR, RENYI, SMOOTH, label, planted, primal

from armor.errors import InputError
from armor.exact import Method, Status, divergence
from armor.exact.api import _status
from armor.exact.clouds import WideGeometry, point_geometry
from armor.exact.costs import TIE, point_cost
from armor.exact.geometry import MatrixGeometry, differences_cost
from armor.exact.interior import ArcResult
from armor.exact.linear import ArcGraph
from armor.exact.members import member
from armor.exact.multilevel import Bracket
from armor.exact.primal import best_primal

ALL = [*SMOOTH, *LINEAR, *RENYI]


def dual_by_hand(spec, cost, p, q, g, support):
    """q·g - Σ p f*(g^c) for smooth f-divergences, in the solver's own gauge."""
    which = member(spec)
    h = np.max(np.where(np.isfinite(cost), g[None, :] - cost, -np.inf), axis=1)
    used = p > 0
    if support == "space" and np.isfinite(which.recession):
        assert np.max(g[q > 0]) <= which.recession + 1e-9
    value = np.where(np.isfinite(h[used]), which.conjugate(np.maximum(h[used], -1e300)), -which.at_zero)
    positive = q > 0
    return float(q[positive] @ g[positive] - p[used] @ value)


def check(spec, cost, p, q, support, solution):
    """Feasible witnesses whose value is what the solution says."""
    assert solution.lower <= solution.upper == solution.value
    plan = solution.plan.toarray()
    assert (plan >= 0).all()
    np.testing.assert_allclose(plan.sum(axis=0) + solution.singular, q, atol=1e-12)
    assert np.isfinite(cost[plan > 0]).all()
    if support == "reference":
        assert not solution.singular.any()
    which = member(spec)
    if which.alpha is None:
        used = p > 0
        information = (
            float(p[used] @ which.value(solution.eta[used] / p[used])) if which.name != "none" else 0.0
        )
        if not which.segments or which.name == "tv":
            singular = which.recession * solution.singular.sum() if solution.singular.any() else 0.0
            total = information + singular + float(np.sum(plan[plan > 0] * cost[plan > 0]))
            np.testing.assert_allclose(total, solution.value, rtol=1e-10, atol=1e-13)
        g = solution.potentials - which.slope_shift
        assert dual_by_hand(spec, cost, p, q, g, support) >= solution.lower - 1e-9 * max(
            1.0, abs(solution.lower)
        )


@st.composite
def instances(draw, largest=40):
    """Costs with infinities, weights with zeros, any shape."""
    n, m = draw(st.integers(1, largest)), draw(st.integers(1, largest))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    cost = rng.random((n, m)) * 10.0 ** draw(st.floats(-2, 1))
    if draw(st.booleans()):
        cost = np.round(cost, 1)  # ties
    if draw(st.booleans()):
        cost[rng.random((n, m)) < draw(st.floats(0, 0.6))] = np.inf
    p, q = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m))
    for weights in (p, q):
        if draw(st.booleans()) and len(weights) > 1:
            weights[rng.random(len(weights)) < 0.3] = 0
            if not weights.any():
                weights[0] = 1.0
        weights /= weights.sum()
    return cost, p, q


@pytest.mark.parametrize("support", ["space", "reference"])
@pytest.mark.parametrize("spec", ALL, ids=label)
def test_agrees_with_cvxpy(spec, support):
    rng = np.random.default_rng(3)
    n, m = 12, 9
    cost = rng.random((n, m)) * 2
    p, q = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m))
    solution = divergence(spec, cost, p, q, support=support)
    assert solution.status is Status.CONVERGED
    assert solution.relative_gap <= 1e-8
    check(spec, cost, p, q, support, solution)
    assert solution.value == pytest.approx(primal(spec, cost, p, q, support), rel=2e-6, abs=1e-8)


@settings(max_examples=60, deadline=None)
@given(instances(), st.sampled_from(ALL), st.sampled_from(["space", "reference"]))
def test_bracket_holds_and_closes(instance, spec, support):
    cost, p, q = instance
    solution = divergence(spec, cost, p, q, support=support)
    assert solution.status.converged, solution.status
    if np.isfinite(solution.value):
        check(spec, cost, p, q, support, solution)
    else:
        assert solution.explanation


@settings(max_examples=60, deadline=None)
@given(instances(), st.sampled_from(ALL), st.sampled_from(["space", "reference"]))
def test_brackets_meet_the_proved_intervals_of_the_cvxpy_programs(instance, spec, support):
    """Clarabel's witnesses, polished and evaluated in balls: intervals that are proved and 1e-9 narrow."""
    from verification.instance import from_mapping
    from verification.solve import divergence as proved

    cost, p, q = instance
    solution = divergence(spec, cost, p, q, support=support)
    named = {"name": spec} if isinstance(spec, str) else spec
    data = {"divergence": named, "cost": cost, "p": p, "q": q, "support": support}
    interval = proved(from_mapping(data))
    if not np.isfinite(interval.value):
        assert solution.value == interval.value
        return
    room = 1e-14 * max(1.0, interval.value)  # the weights' last digits, which the two divide differently
    assert interval.upper - interval.lower <= 1e-9 * max(1.0, interval.value)
    assert solution.upper - solution.lower <= 1e-8 * max(1e-4, solution.value)
    assert interval.lower - room <= solution.upper
    assert solution.lower <= interval.upper + room


@pytest.mark.parametrize("spec", SMOOTH, ids=label)
@pytest.mark.parametrize("size", [(30, 20), (300, 240)])
def test_planted_optimum(spec, size):
    rng = np.random.default_rng(11)
    instance = planted(spec, *size, rng)
    solution = divergence(spec, instance.cost, instance.p, instance.q, support="reference")
    assert solution.status.converged
    assert solution.lower - 1e-12 <= instance.value <= solution.upper + 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("spec", ["kl", "hellinger", "pearson", {"name": "alpha", "alpha": 2.5}], ids=label)
def test_planted_optimum_large(spec):
    instance = planted(spec, 2000, 1600, np.random.default_rng(12))
    solution = divergence(spec, instance.cost, instance.p, instance.q, support="reference")
    assert solution.status is Status.CONVERGED
    assert solution.lower - 1e-12 <= instance.value <= solution.upper + 1e-12


def test_total_variation_is_truncated_transport():
    """T25: TV^c is plain transport at min(c, 1), by another solver (HiGHS on the full linear program)."""
    from scipy import sparse
    from scipy.optimize import linprog

    rng = np.random.default_rng(5)
    n = 60
    x, y = rng.random((n, 2)), rng.random((n, 2)) + 0.2
    cost = 4 * np.sum((x[:, None] - y[None]) ** 2, axis=2)
    p, q = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(n))
    both = sparse.vstack([sparse.kron(sparse.eye(n), np.ones(n)), sparse.kron(np.ones(n), sparse.eye(n))])
    for support, truncated in (
        ("space", np.minimum(cost, 1)),
        ("reference", np.minimum(cost, 1 + cost.min(axis=0))),
    ):
        lp = linprog(truncated.ravel(), A_eq=both, b_eq=np.concatenate([p, q]), method="highs")
        solution = divergence("tv", cost, p, q, support=support)
        assert solution.value == pytest.approx(lp.fun, rel=1e-7)


@pytest.mark.parametrize(
    "spec", ["kl", "hellinger", "tv", {"name": "cvar", "beta": 0.4}, RENYI[0]], ids=label
)
def test_levels_agree_with_all_arcs(spec, monkeypatch):
    rng = np.random.default_rng(8)
    x, y = rng.random((320, 2)), rng.random((280, 2)) * 0.9 + 0.2
    priced = divergence(spec, x=x, y=y, support="space")
    assert priced.method is Method.MULTILEVEL
    monkeypatch.setattr("armor.exact.multilevel._DIRECT", 10**6)
    whole = divergence(spec, x=x, y=y, support="space")
    assert whole.method is Method.DENSE
    assert max(priced.lower, whole.lower) <= min(priced.upper, whole.upper)
    assert priced.status is Status.CONVERGED


@pytest.mark.parametrize("dimension", [1, 3, 40])
@pytest.mark.parametrize("cost", ["euclidean", {"norm": 1}, {"norm": "inf", "power": 3, "scale": 5}])
def test_points_equal_their_matrix(dimension, cost):
    rng = np.random.default_rng(9)
    x, y = rng.random((330, dimension)), rng.random((310, dimension)) + 0.1
    difference = x[:, None] - y[None]
    order = {"euclidean": 2}.get(cost) if isinstance(cost, str) else float(cost["norm"])
    z = np.linalg.norm(difference, ord=order, axis=2)
    matrix = z if isinstance(cost, str) else cost.get("scale", 1) * z ** cost.get("power", 1)
    points, full = divergence("kl", x=x, y=y, cost=cost), divergence("kl", matrix)
    assert points.status is Status.CONVERGED
    assert full.status is Status.CONVERGED
    assert max(points.lower, full.lower) <= min(points.upper, full.upper) * (1 + 1e-13)


def two_clusters(n, dimension):
    """Clusters ten apart, within which a ball of radius 3.1 reaches everything: masses, points, weights."""
    rng = np.random.default_rng(n)
    x, y = rng.random((n, dimension)), rng.random((n + 17, dimension))
    x[: n // 2] += 10
    y[: n // 3] += 10
    q = rng.dirichlet(np.full(len(y), 2.0))
    return x, y, q, np.array([n // 2, n - n // 2]) / n, np.array([q[: n // 3].sum(), q[n // 3 :].sum()])


@pytest.mark.parametrize(("n", "dimension"), [(190, 2), (330, 2), (330, 9)])
@pytest.mark.parametrize("spec", ["kl", "pearson", "tv"])
def test_balls_that_overlap_leave_the_divergence_of_the_clusters(n, dimension, spec):
    """Ties between arcs of cost 0 are broken by distance, so that few arcs do, in every geometry."""
    x, y, q, p_mass, q_mass = two_clusters(n, dimension)
    seen = []
    solution = divergence(
        spec, x=x, y=y, cost={"norm": 2, "radius": 3.1}, q=q, support="space", progress=seen.append
    )
    t = q_mass / p_mass
    f = {"kl": t * np.log(t), "pearson": (t - 1) ** 2, "tv": abs(t - 1) / 2}[spec]
    assert solution.status.converged
    assert solution.lower - 1e-15 <= p_mass @ f <= solution.upper + 1e-15
    assert max(step.arcs for step in seen) < 40 * (n + len(y))


@pytest.mark.parametrize(
    "cost", ["sqeuclidean", {"norm": 1}, {"norm": 2, "radius": 1.4}, {"norm": 2, "barrier": 1.4}]
)
def test_least_reduced_costs_in_many_dimensions_are_exact(cost):
    """Prices that single precision cannot tell apart: a value that is only near would unsettle a bound."""
    rng = np.random.default_rng(5)
    x = rng.random((300, 9))
    y = np.repeat(rng.random((40, 9)), 8, axis=0)
    g = 3 + 1e-9 * rng.random(len(y))
    rule = point_cost(cost)
    geometry = point_geometry(x, y, rule)
    assert isinstance(geometry, WideGeometry)
    for part, values, reduced in (
        (geometry, g, differences_cost(rule, x, y) - g),
        (geometry.transpose(), g[:300], differences_cost(rule, y, x) - g[:300]),
    ):
        rows, columns, least = part.row_best(values, 1)
        expected = reduced.min(axis=1)
        np.testing.assert_array_equal(rows, np.flatnonzero(np.isfinite(expected)))
        np.testing.assert_allclose(least, expected[rows], rtol=0, atol=1e-13)
        np.testing.assert_allclose(reduced[rows, columns], least, rtol=0, atol=1e-13)


def test_a_ball_interrupted_after_its_softened_start_keeps_an_honest_bracket():
    """Potentials of the softened cost are no potentials of the ball until they are moved by what it adds."""
    x, y, q, p_mass, q_mass = two_clusters(330, 2)
    first = []

    def stop(step):
        if step.rows == 330 and step.round == 1:
            first.append(step)
            if len(first) == 2:
                raise KeyboardInterrupt

    solution = divergence("kl", x=x, y=y, cost={"norm": 2, "radius": 3.1}, q=q, progress=stop)
    assert solution.status is Status.INTERRUPTED
    assert 0 < solution.lower <= q_mass @ np.log(q_mass / p_mass) + 1e-14
    assert solution.lower < solution.upper


def test_a_softened_cost_is_finite_and_below_a_little_inside_the_ball():
    z = np.array([0.0, 0.5, 1.0, 1.5, 100.0])
    for rule in (
        point_cost({"norm": 2, "radius": 1.0}),
        point_cost({"norm": 2, "barrier": 1.2, "scale": 3.0}),
    ):
        soft, hard = rule.soft()([z]), rule([z])
        inside = np.isfinite(hard)
        assert np.isfinite(soft).all()
        assert (np.diff(soft) > 0).all()
        assert (soft[inside] <= hard[inside] + TIE).all()
        assert not rule.soft().may_be_infinite
        assert rule.soft().soft() is rule.soft() or rule.soft().soft() == rule.soft()
    np.testing.assert_array_equal(point_cost({"norm": 2, "radius": 0.0}).soft()([z[:1]]), [0.0])


@pytest.mark.parametrize(
    ("cost", "support"),
    [
        ({"norm": 2, "radius": 0.15}, "space"),
        ({"norm": "inf", "barrier": 0.3}, "space"),
        ({"tau": 0.1, "radius": 0.05}, "reference"),
    ],
)
def test_transport_costs_of_the_paper(cost, support):
    rng = np.random.default_rng(10)
    x = rng.random((400, 2))
    y = np.clip(x + rng.uniform(-0.05, 0.05, x.shape), 0, 1)
    q = rng.dirichlet(np.full(400, 3.0))
    solution = divergence("hellinger", x=x, y=y, cost=cost, q=q, support=support)
    assert solution.status.converged
    assert 0 < solution.value < 1


def test_equal_distributions_give_zero():
    rng = np.random.default_rng(1)
    x = rng.random((300, 2))
    solution = divergence("kl", x=x, y=x, cost="sqeuclidean")
    assert solution.status is Status.CONVERGED_ABSOLUTE
    assert 0 <= solution.lower <= solution.upper <= 1e-11


@pytest.mark.parametrize("alpha", [0.5, 2.5])
def test_renyi_is_infinite_where_everything_would_be_created(alpha):
    """Unlike an f-divergence with finite `f(0)` and `f'(∞)`, which then is `f(0) + f'(∞)`."""
    nothing = np.full((3, 2), np.inf)
    solution = divergence({"name": "renyi", "alpha": alpha}, nothing, support="space")
    assert np.isinf(solution.value)
    assert "finite" in solution.explanation
    assert divergence("hellinger", nothing, support="space").value == pytest.approx(2.0)


def test_infeasible_input_is_explained():
    cost = np.array([[0.0, np.inf], [1.0, np.inf]])
    solution = divergence("kl", cost, [0.5, 0.5], [0.5, 0.5])
    assert solution.status is Status.INFEASIBLE
    assert solution.value == np.inf
    assert "column 1" in solution.explanation
    assert divergence("tv", cost, [0.5, 0.5], [0.5, 0.5], support="space").value == pytest.approx(0.5)
    assert divergence("none", np.array([[0.0, np.inf], [0.0, 1.0]]), [0.9, 0.1], [0.5, 0.5]).value == np.inf
    row = divergence("reverse_kl", np.array([[0.0], [np.inf]]), [0.5, 0.5], [1.0], support="space")
    assert row.value == np.inf
    assert "row 1" in row.explanation


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"spec": "kl", "cost": [[0.0, -1.0]]}, "cost[0, 1] = -1"),
        ({"spec": "kl", "cost": [[0.0, np.nan]]}, "cost[0, 1] = nan"),
        ({"spec": "kl", "cost": [[0.0]], "p": [0.5]}, "p sums to 0.5"),
        ({"spec": "kl", "cost": [[0.0, 1.0]], "q": [1.5, -0.5]}, "q[1] = -0.5"),
        ({"spec": "kl", "cost": [[0.0, 1.0]], "q": [1.0]}, "q has 1 weights for 2 points"),
        ({"spec": "hellinger", "cost": [[0.0]]}, "support"),
        ({"spec": "kl", "cost": [[0.0]], "support": "both"}, "'both'"),
        ({"spec": "kul", "cost": [[0.0]]}, "'kul'"),
        ({"spec": {"name": "cvar", "beta": 2}, "cost": [[0.0]]}, "not 2"),
        ({"spec": "kl", "x": [[0.0]], "y": [[0.0, 1.0]]}, "1 coordinates"),
        ({"spec": "kl", "x": [[0.0]], "y": [[0.0]], "cost": "manhattan"}, "'manhattan'"),
        ({"spec": {"f": "abs(t-1)"}, "cost": [[0.0]], "support": "space"}, "kinks"),
        ({"spec": {"f": "t*log(t)", "x": 1}, "cost": [[0.0]]}, "given by its f"),
        ({"spec": {"f": 3}, "cost": [[0.0]]}, "given by its f"),
        ({"spec": None, "cost": [[0.0]]}, "not None"),
        ({"spec": {"name": "alpha", "alpha": None}, "cost": [[0.0]]}, "not None"),
        ({"spec": "kl", "cost": [[0.0]], "tolerance": None}, "not None"),
        ({"spec": "kl", "cost": [[0.0]], "tolerance": float("nan")}, "not nan"),
        ({"spec": "kl", "cost": [[0.0]], "seed": -1}, "not -1"),
        ({"spec": "kl", "cost": [[0.0]], "progress": 3}, "must be a function, not 3"),
        ({"spec": "kl", "cost": [[1j]]}, "cost must be an array of real numbers"),
        ({"spec": "kl", "cost": [[0.0], [0.0, 1.0]]}, "cost must be an array of real numbers"),
        ({"spec": "kl", "cost": [[0.0]], "device": 3}, "device"),
        ({"spec": "kl", "cost": [[0.0]], "rounds": "a"}, "not 'a'"),
        *(
            ({"spec": "kl", "x": [[0.0]], "y": [[0.0]], "cost": cost}, words)
            for cost, words in (
                ({"radius": 1, "barrier": 2}, "'barrier' takes no 'radius'"),
                ({"barrier": 2, "power": 2}, "'barrier' takes no 'power'"),
                ({"radius": 1, "scale": 2}, "'radius' takes no 'scale'"),
                ({"tau": 1, "power": 2}, "'tau' takes no 'power'"),
                ({"tau": 1, "norm": "inf"}, "not 'inf'"),
                ({"norm": None}, "not None"),
                ({"power": "5/0"}, "not '5/0'"),
            )
        ),
    ],
)
def test_bad_input_names_the_value(arguments, words):
    with pytest.raises(InputError) as caught:
        divergence(**arguments)
    assert words in str(caught.value)


def test_interrupted_solve_returns_its_bracket():
    rng = np.random.default_rng(2)
    x, y = rng.random((900, 2)), rng.random((900, 2)) + 0.3

    def stop(progress):
        if progress.rows == 900:
            raise KeyboardInterrupt

    solution = divergence("kl", x=x, y=y, progress=stop)
    assert solution.status is Status.INTERRUPTED
    assert 0 < solution.lower < solution.upper < np.inf
    done = divergence("kl", x=x, y=y)
    assert solution.lower <= done.upper
    assert done.lower <= solution.upper


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("spec", ["kl", "hellinger", {"name": "alpha", "alpha": -1.5}], ids=label)
def test_hard_data(spec, scale):
    """Duplicates, far clusters and weights down to 1e-12, at three scales of the cost."""
    rng = np.random.default_rng(4)
    x = np.concatenate([rng.random((150, 2)), rng.random((50, 2)) + 30])
    x = np.concatenate([x, x[:60]])
    y = np.concatenate([rng.random((180, 2)) + 0.2, rng.random((60, 2)) + 29.5])
    p, q = 10.0 ** rng.uniform(-12, 0, len(x)), 10.0 ** rng.uniform(-12, 0, len(y))
    solution = divergence(
        spec,
        x=x,
        y=y,
        p=p / p.sum(),
        q=q / q.sum(),
        cost={"norm": 2, "power": 2, "scale": scale},
        support="space",
    )
    assert solution.status.converged


def tv_program(cost, p, q):
    """T25: total variation on the space is transport at the price `min(c, 1)`; HiGHS, weights scaled up."""
    n, m = cost.shape
    rows = sparse.kron(sparse.identity(n), np.ones((1, m)))
    columns = sparse.kron(np.ones((1, n)), sparse.identity(m))
    masses = m * np.concatenate([p, q])[:-1]
    matrix = sparse.vstack([rows, columns]).tocsr()[:-1]
    return linprog(np.minimum(cost, 1).ravel(), A_eq=matrix, b_eq=masses, method="highs-ds").fun / m


@pytest.mark.parametrize("seed", range(4))
def test_total_variation_of_uneven_weights_on_few_arcs(seed):
    """Where the interior point gets nowhere the simplex method takes over."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(120, 1)), rng.normal(size=(115, 1))
    p, q = 10.0 ** rng.uniform(-12, 0, 120), 10.0 ** rng.uniform(-12, 0, 115)
    p, q = p / p.sum(), q / q.sum()
    cost = np.where(np.abs(x - y.T) <= 0.2, 0.0, np.inf)
    solution = divergence("tv", {"radius": 0.2}, p, q, x=x, y=y, support="space")
    assert solution.status.converged
    assert solution.value == pytest.approx(tv_program(cost, p, q), abs=2e-6)
    cost[np.argmin(np.abs(x - y.T), axis=0), np.arange(115)] = 0.0  # every column is reached
    reference = divergence("tv", cost, p, q, support="reference")
    assert reference.status.converged
    space = divergence("tv", cost, p, q, support="space")
    assert reference.upper >= space.lower
    assert reference.value <= space.value + 1e-8  # mass beyond a row's own costs what mass outside does


def test_what_counts_as_converged_near_zero():
    bracket = Bracket(rounds=1)
    assert _status(0.0, 5e-9, 1e-8, bracket, 60) is Status.STALLED
    assert _status(0.0, 5e-13, 1e-8, bracket, 60) is Status.CONVERGED_ABSOLUTE
    assert _status(1.0, 1 + 5e-9, 1e-8, bracket, 60) is Status.CONVERGED
    assert _status(1.0, 1 + 5e-8, 1e-8, bracket, 1) is Status.ROUND_LIMIT
    assert _status(0.0, np.inf, 1e-8, Bracket(interrupted=True), 60) is Status.INTERRUPTED


@pytest.mark.parametrize("space", [True, False])
def test_a_column_that_a_vertex_leaves_out_is_served(space):
    """A column below the simplex method's tolerance may come back empty, and its price would be missing."""
    p, q = np.array([0.5, 0.5]), np.array([0.5, 0.5 - 1e-11, 1e-11])
    cost = np.array([0.0, 0.3, 0.9, 0.2, 0.0, 0.7])
    graph = ArcGraph(2, 3, *np.divmod(np.arange(6), 3))
    x = np.array([0.5, 0.0, 0.0, 0.0, 0.5 - 1e-11, 0.0])
    result = ArcResult(x, np.zeros(3), np.zeros(2), np.zeros(3), cost, 0.0, 0.0, 1, True)
    found = best_primal(member("tv"), p, q, MatrixGeometry(cost.reshape(2, 3)), graph, cost, result, space)
    served = np.bincount(found.columns, found.x, minlength=3) + found.singular
    np.testing.assert_allclose(served, q, rtol=1e-15, atol=0)
    assert found.value > 0
    assert (found.singular[2] > 0) == space
