"""Large certificates: written from a solution, graded without a solver, refused after a change."""

import itertools
import json
import re
from fractions import Fraction

import numpy as np
import pytest

from armor.errors import InputError
from armor.exact import divergence
from armor.exact.certificate import large_certificate, save_certificate
from verification.certificate.archive import load_large
from verification.certificate.rational import Unfit, rational

large = pytest.importorskip("verification.certificate.large")

SPECS = ["kl", "hellinger", "tv", "neyman", {"name": "renyi", "alpha": 2.5}, {"name": "cvar", "beta": 0.4}]


def _certificate(spec, support, dimension=2, n=160, m=140):
    rng = np.random.default_rng(0)
    x, y = rng.random((n, dimension)), rng.random((m, dimension)) * 0.8 + 0.3
    p, q = rng.dirichlet(np.full(n, 3.0)), rng.dirichlet(np.full(m, 3.0))
    solution = divergence(spec, "sqeuclidean", p, q, x=x, y=y, support=support)
    return solution, large_certificate(solution, spec, "sqeuclidean", p, q, x=x, y=y, support=support)


@pytest.mark.parametrize("support", ["space", "reference"])
@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_accepted_and_narrow(spec, support, tmp_path):
    solution, fields = _certificate(spec, support)
    save_certificate(tmp_path / "c.npz", fields)
    verdict = large.check_large(load_large(tmp_path / "c.npz"))
    assert verdict.accepted, verdict.reason
    assert verdict.grade == "enclosed"
    assert verdict.width <= 2e-9
    assert verdict.lower <= solution.upper
    assert solution.lower <= verdict.upper


def test_wide_points_and_matrices():
    solution, fields = _certificate("kl", "space", dimension=50)
    verdict = large.check_large(fields)
    assert verdict.accepted
    assert verdict.width <= 2e-8 * solution.value
    cost = np.random.default_rng(1).random((30, 20))
    p, q = np.full(30, 1 / 30), np.full(20, 1 / 20)
    matrix = divergence("kl", cost, p, q)
    fields = large_certificate(matrix, "kl", cost, p, q, support="space")
    assert large.check_large(fields).accepted


CHANGES = {
    "format": lambda v: v + "x",
    "divergence": lambda v: v.replace("hellinger", "kl"),
    "support": lambda _: "reference",
    "cost": lambda v: v.replace("1.0", "0.9"),
    "x": lambda v: v + 0.01,
    "y": lambda v: v * 1.01,
    "p": lambda v: np.roll(v, 1),
    "q": lambda v: np.roll(v, 1),
    "g": lambda v: v - 0.01 * np.arange(len(v)) / len(v),
    "rows": lambda v: np.roll(v, 1),
    "columns": lambda v: np.roll(v, 1),
    "mass": lambda v: np.roll(v, 1),
    "singular": lambda v: v + 1e-6,
    "claim": lambda v: v + np.array([1e-6, 0.0]),
}


def refused_after(name, fields):
    """The certificate is refused with the field changed, and without it."""
    changed = {**fields, name: CHANGES[name](fields[name])}
    if name == "support":  # the same witness may prove the other mode only if it creates no mass
        changed["singular"] = np.where(np.arange(len(fields["singular"])) == 0, 1e-3, 0.0)
    verdict = large.check_large(changed)
    assert not verdict.accepted, name
    assert verdict.reason
    without = {key: value for key, value in fields.items() if key != name}
    assert not large.check_large(without).accepted


@pytest.mark.parametrize("name", CHANGES)
def test_refused_after_any_field_was_changed(name):
    _, fields = _certificate("hellinger", "space")
    assert set(CHANGES) == set(fields)
    assert large.check_large(fields).accepted
    refused_after(name, fields)


@pytest.mark.slow
def test_ten_thousand_points_are_accepted_and_refused_after_any_field_was_changed(tmp_path):
    solution, fields = _certificate("hellinger", "space", n=10_000, m=10_000)
    save_certificate(tmp_path / "c.npz", fields)
    read = load_large(tmp_path / "c.npz")
    verdict = large.check_large(read)
    assert verdict.accepted
    assert verdict.width <= 2e-8 * solution.value
    for name in CHANGES:
        refused_after(name, read)
    # One entry suffices, wherever it makes the proof worse ...
    heaviest = int(np.argmax(fields["mass"]))
    for name, place, factor in (
        ("mass", heaviest, 1.01),
        ("g", int(np.argmax(fields["q"])), 0.9),
        ("q", 0, 1.01),
    ):
        changed = read[name].copy()
        changed[place] *= factor
        assert not large.check_large({**read, name: changed}).accepted, name
    # ... while a wider claim is still proved.
    low, high = read["claim"]
    assert large.check_large({**read, "claim": np.array([low - 1e-6, high + 1e-6])}).accepted


def test_the_lower_bound_is_evaluated_not_trusted():
    """A claim narrower than the witnesses prove is refused at both ends."""
    _, fields = _certificate("kl", "space")
    low, high = fields["claim"]
    for claim in ([low + 1e-9, high + 1e-9], [low - 1e-9, high - 1e-9]):
        assert not large.check_large({**fields, "claim": np.array(claim)}).accepted


BALLS = [
    {"norm": 2, "radius": 0.3},
    {"norm": "inf", "radius": 0.2},
    {"norm": 1, "radius": 0.6},
    {"norm": 2, "tau": 0.01, "radius": 0.05},
    {"norm": 2, "tau": 0.1},
    {"norm": 2, "barrier": 0.5, "scale": 2.0},
    {"norm": "inf", "barrier": 0.6, "scale": 1.0},
]
OWN = [{"f": "(sqrt(t)-1)**2"}, {"f": "t*log(t)-t+1+(t-1)**2"}]


@pytest.mark.parametrize(
    ("spec", "cost"),
    [
        *(("kl", cost) for cost in BALLS),
        ("hellinger", {"norm": 2, "radius": 0.15}),  # some rows reach no column
        *((spec, "sqeuclidean") for spec in OWN),
        ("none", "sqeuclidean"),
        ("none", {"norm": 2, "barrier": 5.0}),
        ({"name": "cvar", "beta": 0.97}, "euclidean"),  # most rows at their cap
    ],
    ids=str,
)
@pytest.mark.parametrize("dimension", [2, 20])
def test_every_divergence_and_cost_is_certified(spec, cost, dimension):
    rng = np.random.default_rng(5)
    x = rng.random((150, dimension)) / np.sqrt(dimension / 2)
    y = np.concatenate([x[:60] + 0.01 * rng.standard_normal((60, dimension)), x[20:] - 0.02])
    p, q = rng.dirichlet(np.full(150, 3.0)), rng.dirichlet(np.full(190, 3.0))
    solution = divergence(spec, cost, p, q, x=x, y=y, support="space")
    fields = large_certificate(solution, spec, cost, p, q, x=x, y=y, support="space")
    verdict = large.check_large(fields)
    assert verdict.accepted, verdict.reason
    size = max(verdict.upper, 1e-3)
    assert verdict.width <= 3e-8 * size
    assert verdict.lower <= solution.upper
    assert solution.lower <= verdict.upper
    assert ("assumed: f(t)" in verdict.reason) == (spec in OWN)
    for change in (1e-6 * size, -1e-6 * size):
        assert not large.check_large({**fields, "claim": fields["claim"] + change}).accepted


def exact_cost(cost, x, y):
    """The cost of T5 as a rational, None for infinity."""
    d = [abs(Fraction(b) - Fraction(a)) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    if "tau" in cost:
        zone = Fraction(cost.get("radius", 0.0))
        return sum(max(v - zone, Fraction(0)) ** 2 for v in d) / (2 * Fraction(cost["tau"]))
    z = sum(d) if cost["norm"] == 1 else max(d)
    if "radius" in cost:
        inside = (
            sum(v * v for v in d) <= Fraction(cost["radius"]) ** 2
            if cost["norm"] == 2
            else z <= cost["radius"]
        )
        return Fraction(0) if inside else None
    barrier = Fraction(cost["barrier"])
    return None if z >= barrier else Fraction(cost["scale"]) * z / (1 - z / barrier)


@pytest.mark.parametrize(
    "cost",
    [
        *BALLS[:5],
        {"norm": 1, "barrier": 0.5, "scale": 2.0},
        BALLS[6],
        {"norm": 2, "radius": 0.0},
        {"norm": "inf", "radius": 0.25},
    ],
    ids=str,
)
@pytest.mark.parametrize("dimension", [2, 3, 20])
def test_bounds_of_costs_hold_in_exact_arithmetic(cost, dimension):
    """Also at and next to the edges, where one rounding decides between 0 and infinity."""
    rng = np.random.default_rng(6)
    x = rng.random((16, dimension)) / dimension
    y = x[:, None] * np.ones((1, 3, 1))
    edge = cost.get("radius", cost.get("barrier", 0.0))
    y[:, 0, 0] += edge
    y[:, 1] += edge * rng.standard_normal((16, dimension)) / dimension
    y[:, 2, 0] = np.nextafter(x[:, 0] + edge, np.inf)
    y = y.reshape(48, dimension)
    rule = {"power": 1.0, "scale": 1.0, **cost}
    costs = large._Costs({"cost": json.dumps(rule), "x": x, "y": y})
    lower = np.concatenate([tile for _, tile in costs.lower_tiles()])
    rows, columns = np.divmod(np.arange(16 * 48), 48)
    upper = costs.upper_arcs(rows, columns).reshape(16, 48)
    for i in range(16):
        for j in range(48):
            exact = exact_cost(cost, x[i], y[j])
            if exact is None:
                assert np.isinf(upper[i, j])
            else:
                assert Fraction(lower[i, j]) <= exact
                assert np.isinf(upper[i, j]) or exact <= Fraction(upper[i, j])
    infinite = np.array([[exact_cost(cost, x[i], y[j]) is None for j in range(48)] for i in range(16)])
    if "radius" in cost and "tau" not in cost:
        assert np.array_equal(np.isinf(upper), infinite)  # pairs on the edge are decided exactly
    assert (lower[infinite] > 1e10).sum() >= 0.9 * infinite.sum()


@pytest.mark.parametrize("spec", ["none", {"name": "cvar", "beta": 0.97}], ids=str)
def test_rows_above_their_caps_are_refused_beyond_rounding(spec):
    _, fields = _certificate(spec, "space")
    assert large.check_large(fields).accepted
    mass, rows, columns = fields["mass"].copy(), fields["rows"], fields["columns"]
    cap = fields["p"] / (1.0 if spec == "none" else spec["beta"])
    full = np.bincount(rows, mass, len(cap))[rows] > 0.999 * cap[rows]
    order = np.lexsort((-mass, columns))
    pairs = [(a, b) for a, b in itertools.pairwise(order) if columns[a] == columns[b] and full[a]]
    a, b = max(pairs, key=lambda pair: mass[pair[1]])
    moved = 0.5 * mass[b]  # the column keeps q, row a does not keep its cap
    mass[a], mass[b] = mass[a] + moved, mass[b] - moved
    verdict = large.check_large({**fields, "mass": mass})
    assert not verdict.accepted
    assert "holds more than it may" in verdict.reason


def test_mass_from_nowhere_is_refused_however_wide_the_claim():
    """From a row without weight, and created where η must stay on the support of P."""
    rng = np.random.default_rng(8)
    x, y = rng.random((30, 2)), rng.random((25, 2))
    p, q = np.append(0.0, np.full(29, 1 / 29)), np.full(25, 1 / 25)
    solution = divergence("hellinger", "sqeuclidean", p, q, x=x, y=y, support="reference")
    fields = large_certificate(solution, "hellinger", "sqeuclidean", p, q, x=x, y=y, support="reference")
    fields["claim"] = np.array([0.0, 10.0])
    assert large.check_large(fields).accepted
    k = int(np.argmax(fields["mass"]))
    rows = fields["rows"].copy()
    rows[k] = 0
    verdict = large.check_large({**fields, "rows": rows})
    assert not verdict.accepted
    assert "a row that carries none" in verdict.reason
    mass, created = fields["mass"].copy(), fields["singular"].copy()
    created[fields["columns"][k]] += 0.5 * mass[k]
    mass[k] *= 0.5
    verdict = large.check_large({**fields, "mass": mass, "singular": created})
    assert not verdict.accepted
    assert "singular mass is not allowed" in verdict.reason
    free = large.check_large({**fields, "mass": mass, "singular": created, "support": "space"})
    assert free.accepted, free.reason


def test_the_cost_of_points_is_squared_distance_unless_said():
    x, half = np.array([[0.0], [1.0]]), np.array([0.5, 0.5])
    solution = divergence("kl", None, half, half, x=x, y=x + 0.5)
    fields = large_certificate(solution, "kl", None, half, half, x=x, y=x + 0.5, support="space")
    assert large.check_large(fields).accepted
    assert json.loads(fields["cost"])["power"] == 2
    with pytest.raises(InputError, match="give the cost matrix"):
        large_certificate(solution, "kl", None, half, half, support="space")


def test_what_cannot_be_certified_is_said():
    x = np.array([[0.0], [1.0]])
    half = np.array([0.5, 0.5])
    nowhere = divergence("kl", {"norm": 2, "radius": 0.1}, half, half, x=x, y=x + 0.5, support="reference")
    assert not np.isfinite(nowhere.value)
    with pytest.raises(InputError, match="nothing to certify"):
        large_certificate(
            nowhere, "kl", {"norm": 2, "radius": 0.1}, half, half, x=x, y=x + 0.5, support="reference"
        )


def one_arc(cost, g, claim, divergence="reverse_kl", **points):
    """A certificate of one row and one column, all mass on their arc."""
    return {
        "format": "armor-d-certificate 1 large",
        "divergence": json.dumps({"name": divergence}),
        "support": "reference",
        "cost": cost,
        "p": np.ones(1),
        "q": np.ones(1),
        "g": np.array([g]),
        "rows": np.zeros(1, dtype=np.int64),
        "columns": np.zeros(1, dtype=np.int64),
        "mass": np.ones(1),
        "singular": np.zeros(1),
        "claim": np.array(claim),
        **points,
    }


SQUARES = '{"norm": 2, "power": 2, "scale": 1}'


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        # g - c = -2.2e308 is no double: read as -inf, the row would reach nothing at f*(-inf) = -f(0) = -inf
        (one_arc(np.array([[1e308]]), -1.2e308, [1.5e308, 1.7e308]), "costs are too large"),
        (one_arc(np.array([[1e300]]), -1.797e308, [1e308, 1.7e308]), "g is too large"),
        # the centre of points so far out is no double, and inf - inf no distance
        (
            one_arc(
                SQUARES, 1e300, [1e299, 1e301], "kl", x=np.full((1, 17), 1e308), y=np.full((1, 17), 1e308)
            ),
            "lie too far out",
        ),
    ],
)
def test_what_would_overflow_is_refused_not_read_as_unreachable(fields, words):
    verdict = large.check_large(fields)
    assert not verdict.accepted
    assert words in verdict.reason


def test_a_cost_next_to_a_barrier_stays_finite_from_below():
    """Its bound overflows in doubles: 2^1000 is below it, infinity would be a bound for another arc."""
    rule = {"norm": 1, "power": 1.0, "scale": 1e300, "barrier": 1.0}
    near = np.array([[1 - 2.0**-44]])
    costs = large._Costs({"cost": json.dumps(rule), "x": np.zeros((1, 1)), "y": near})
    ((_, tile),) = costs.lower_tiles()
    assert 1e300 < tile[0, 0] <= 2.0**1000


def test_transforms_are_upper_bounds_in_exact_arithmetic():
    """Of g_j - c_ij in doubles, every other one lies below the exact difference."""
    rng = np.random.default_rng(3)
    cost, g = rng.random((200, 3)) * 10.0 ** rng.integers(-6, 3, (200, 3)), rng.standard_normal(3)
    found = large._transform(large._Costs({"cost": cost}), g, np.ones(200, dtype=bool))
    prices = [Fraction(v) for v in g.tolist()]
    below = 0
    for row, bound in zip(cost.tolist(), found, strict=True):
        exact = max(v - Fraction(c) for v, c in zip(prices, row, strict=True))
        assert Fraction(int(bound.p), int(bound.q)) >= exact
        below += Fraction(float(max(v - c for v, c in zip(g.tolist(), row, strict=True)))) < exact
    assert below > 50


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"divergence": "[" * 100000}, "the divergence is nested too deeply"),
        ({"cost": "[" * 100000}, "the cost is nested too deeply"),
        ({"divergence": "3"}, "the divergence is not an object"),
        ({"divergence": "{"}, "the divergence is not valid JSON"),
        ({"divergence": np.zeros(2)}, "the divergence is not a text"),
        ({"divergence": '{"name": ["kl"]}'}, "unknown divergence \"['kl']\""),
        (
            {"divergence": '{"name": "alpha", "alpha": NaN}'},
            "alpha of alpha is not the text of an exact number",
        ),
        (
            {"divergence": '{"name": "alpha", "alpha": "1e999999999"}'},
            "alpha of alpha is not the text of an exact number",
        ),
        ({"cost": '{"norm": 2, "power": [1], "scale": 1}'}, "the cost's power is not a number"),
        (
            {"cost": f'{{"norm": 2, "power": 2, "scale": 1{"0" * 400}}}'},
            "the cost's scale is beyond the doubles",
        ),
        ({"support": np.array(["reference"])}, "support is not a text"),
    ],
)
def test_reasons_of_rejection_are_sentences(change, reason):
    fields = one_arc(SQUARES, 0.0, [-1.0, 1.0], "kl", x=np.zeros((1, 2)), y=np.zeros((1, 2)))
    assert large.check_large(fields).accepted
    assert large.check_large({**fields, **change}).reason == reason
    if reason.startswith(("the divergence", "the cost")):  # the rest is for the proved checker to judge
        with pytest.raises(Unfit, match=re.escape(reason)):
            rational({**fields, **change})
