"""The D^c solver: closed forms, order, identities, infinite values, proved intervals on random instances."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from theory.errors import InputError
from verification.certificate.checker import check
from verification.instance import Instance, from_mapping
from verification.solution import DivergenceSolution, Status
from verification.solve import divergence

NARROW = 1e-9
FINITE: list[Any] = ["kl", "pearson", "jeffreys", {"name": "alpha", "alpha": 2.5}]
SINGULAR: list[Any] = ["tv", "hellinger", "js", "neyman", "triangular", "reverse_kl",
                       {"name": "alpha", "alpha": 0.5}, {"name": "renyi", "alpha": 2.5}]  # fmt: skip


def solved(mapping: Mapping[str, Any]) -> DivergenceSolution:
    """The solution, checked for what every solution promises."""
    instance = from_mapping(mapping)
    solution = divergence(instance)
    verdict = check(solution.certificate())
    assert verdict.accepted, verdict.reason
    if math.isfinite(solution.value):
        assert solution.gap <= NARROW * max(1.0, abs(solution.value)), solution
        assert solution.worst_case == pytest.approx(instance.q, abs=1e-12)
    return solution


def discrete(n: int) -> list[list[float | None]]:
    return [[0 if i == j else None for j in range(n)] for i in range(n)]


def test_kl_without_transport_is_kl() -> None:
    """T17: `c = inf` off the diagonal gives `D(Q||P)`."""
    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.25, 0.25, 0.5])
    solution = solved({"divergence": "kl", "cost": discrete(3), "p": p, "q": q, "support": "space"} | {
        "p": p.tolist(), "q": q.tolist()})  # fmt: skip
    assert solution.value == pytest.approx(float((q * np.log(q / p)).sum()), abs=1e-12)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("pearson", 0.25 / 0.5 + 0.25 / 0.5 - 0.0),
        ("tv", 0.5),
        ("hellinger", 2 - 2 * math.sqrt(0.5)),
        ("js", None),
        ({"name": "cvar", "beta": 0.5}, 0.0),
        ({"name": "cvar", "beta": 0.75}, math.inf),
        ("reverse_kl", math.inf),
        ("neyman", math.inf),
        ("none", math.inf),
        ({"name": "renyi", "alpha": 2}, math.inf),
        ({"name": "renyi", "alpha": 0.5}, math.log(0.5) * 0.5 / (0.5 * -0.5)),
    ],
)
def test_unattained_supremum(spec: Any, expected: float | None) -> None:
    """T2's example: `P = (1/2, 1/2)`, `Q = (1, 0)`, no transport; prices run off to `-inf` where `q = 0`."""
    solution = solved({"divergence": spec, "cost": discrete(2), "p": [0.5, 0.5], "q": [1, 0],
                       "support": "reference"})  # fmt: skip
    if expected is None:
        expected = 0.25 * (2 * math.log(2) - 3 * math.log(1.5)) + 0.25 * math.log(2)
    if math.isinf(expected):
        assert solution.status is Status.INFINITE
        assert solution.value == math.inf
        assert solution.plan is None
    else:
        assert solution.value == pytest.approx(expected, abs=1e-12)


def test_kl_unattained_supremum_is_log_two() -> None:
    solution = solved(
        {"divergence": "kl", "cost": discrete(2), "p": [0.5, 0.5], "q": [1, 0], "support": "space"}
    )
    assert solution.value == pytest.approx(math.log(2), abs=1e-12)
    assert solution.potential is not None
    assert solution.potential[1] == -math.inf


@pytest.mark.parametrize("spec", SINGULAR)
def test_support_matters(spec: Any) -> None:
    """Trap 1: a point that no cheap transport reaches is created for `f'(inf)` in mode "space" only."""
    base = {"divergence": spec, "cost": [[0, 0.5, 20], [0.5, 0, 20], [20, 20, 0]], "p": [0.5, 0.5, 0],
            "q": [0.25, 0.25, 0.5]}  # fmt: skip
    beyond = solved(base | {"support": "space"})
    within = solved(base | {"support": "reference"})
    assert within.value == pytest.approx(10, abs=0.6)
    assert beyond.value < 3
    assert beyond.singular is not None
    assert beyond.singular[2] > 0.4


@pytest.mark.parametrize("spec", FINITE)
def test_supports_agree_when_no_singular_mass_is_possible(spec: Any) -> None:
    base = {"divergence": spec, "cost": [[0, 1, 2], [1, 0, 1], [2, 1, 0]], "p": [0.5, 0.5, 0],
            "q": [0.25, 0.25, 0.5]}  # fmt: skip
    values = [solved(base | {"support": s}).value for s in ("space", "reference")]
    assert values[0] == pytest.approx(values[1], abs=1e-12)


@pytest.mark.parametrize("spec", [*FINITE, *SINGULAR, "none", {"name": "cvar", "beta": 0.4}])
def test_order_and_zero(spec: Any) -> None:
    """T13: `0 <= D^c <= C(P, Q)`, and `D^c(P||P) = 0`, exactly enclosed."""
    cost = np.array([[0, 0.7, 1.9], [0.4, 0, 0.8], [2.0, 1.1, 0]])
    p, q = [0.6, 0.3, 0.1], [0.1, 0.3, 0.6]
    base = {"divergence": spec, "cost": cost.tolist(), "p": p, "support": "space"}
    sums = np.vstack([np.kron(np.eye(3), np.ones(3)), np.kron(np.ones(3), np.eye(3))])
    transport = linprog(cost.ravel(), A_eq=sums, b_eq=[*p, *q]).fun
    value = solved(base | {"q": q}).value
    assert value <= transport + 1e-12
    assert value > 0
    same = solved(base | {"q": p})
    assert abs(same.value) < 1e-9
    assert same.upper < 1e-9


def test_total_variation_is_a_truncated_transport() -> None:
    """T25: `TV^c = C_min(c,1)(P, Q)` in mode "space"."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(6, 2))
    cost = np.abs(points[:, None] - points[None]).sum(axis=2).round(3)
    p, q = rng.dirichlet(np.ones(6)), rng.dirichlet(np.ones(6))
    p, q = (np.round(v * 1024) / 1024 for v in (p, q))
    p[0] += 1 - p.sum()
    q[0] += 1 - q.sum()
    sums = np.vstack([np.kron(np.eye(6), np.ones(6)), np.kron(np.ones(6), np.eye(6))])
    expected = linprog(np.minimum(cost, 1).ravel(), A_eq=sums, b_eq=[*p, *q]).fun
    solution = solved({"divergence": "tv", "cost": cost.tolist(), "p": p.tolist(), "q": q.tolist(),
                       "support": "space"})  # fmt: skip
    assert solution.value == pytest.approx(expected, abs=1e-12)


def test_identities_between_families() -> None:
    """T28: Pearson is twice alpha(2); Neyman and Hellinger against alpha with the cost scaled alike."""
    base = {"p": [0.5, 0.3, 0.2], "q": [0.2, 0.2, 0.6], "support": "space"}
    cost = np.array([[0, 0.75, 2.0], [0.5, 0, 1.0], [2.0, 1.25, 0]])
    for name, alpha, factor in (("pearson", 2, 2.0), ("neyman", -1, 2.0), ("hellinger", 0.5, 0.5)):
        left = solved(base | {"divergence": name, "cost": cost.tolist()})
        right = solved(
            base | {"divergence": {"name": "alpha", "alpha": alpha}, "cost": (cost / factor).tolist()}
        )
        assert left.value == pytest.approx(factor * right.value, abs=1e-11)


def test_large_plan_of_points() -> None:
    """n = 60 points in the plane: narrow, and Q as asked, zeros in both distributions."""
    rng = np.random.default_rng(2)
    p, q = rng.integers(0, 9, 60), rng.integers(0, 9, 60)
    points = rng.normal(size=(60, 2)).tolist()
    solution = solved({"divergence": "hellinger", "x": points, "cost": "sqeuclidean",
                       "p": [f"{v}/{p.sum()}" for v in p], "q": [f"{v}/{q.sum()}" for v in q],
                       "support": "space"})  # fmt: skip
    assert solution.gap < 1e-11


def test_missing_q() -> None:
    instance = from_mapping({"divergence": "kl", "cost": [[0]], "p": [1], "support": "space"})
    with pytest.raises(InputError, match="'q' is missing"):
        divergence(instance)


@st.composite
def instances(draw: st.DrawFn) -> Instance:
    n, m = draw(st.integers(1, 5)), draw(st.integers(1, 5))

    def weights(size: int) -> list[str]:
        raw = draw(st.lists(st.sampled_from([0, 1, 2, 5, 1000]), min_size=size, max_size=size).filter(any))
        return [f"{w}/{sum(raw)}" for w in raw]

    entry = st.one_of(st.none(), st.integers(0, 12).map(lambda k: k / 4))
    spec = draw(st.sampled_from(["kl", "pearson", "tv", "hellinger", "neyman", "none",
                                 {"name": "cvar", "beta": "1/3"}]))  # fmt: skip
    return from_mapping(
        {
            "divergence": spec,
            "cost": draw(st.lists(st.lists(entry, min_size=m, max_size=m), min_size=n, max_size=n)),
            "p": weights(n),
            "q": weights(m),
            "support": draw(st.sampled_from(["space", "reference"])),
        }
    )


@given(instances())
def test_any_small_instance_gets_a_narrow_proved_interval(instance: Instance) -> None:
    solution = divergence(instance)
    assert check(solution.certificate()).accepted
    assert solution.upper == solution.lower or solution.gap <= NARROW * max(1.0, abs(solution.value)), (
        instance
    )
