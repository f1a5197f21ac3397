"""The DRO solver: closed forms, the traps of the method one by one, and proved intervals at every radius."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory.errors import InputError
from verification.certificate.checker import check
from verification.instance import Instance, from_mapping
from verification.solution import DroSolution, Status
from verification.solve import dro

NARROW = 1e-9
HARD: dict[str, Any] = {  # a hard ball: the second row reaches the high loss, the third only itself
    "divergence": "kl",
    "cost": [[0, 0, None], [0, 0, None], [None, None, 0]],
    "p": [0.25, 0.25, 0.5],
    "phi": [1.0, 2.0, 0.0],
    "support": "reference",
}


def solved(mapping: Mapping[str, Any]) -> DroSolution:
    """The solution, checked for what every solution promises."""
    instance = from_mapping(mapping)
    solution = dro(instance)
    verdict = check(solution.certificate())
    assert verdict.accepted, verdict.reason
    assert solution.gap <= NARROW * max(1.0, abs(solution.value)), solution
    assert solution.status is Status.SOLVED
    assert solution.worst_case is not None
    assert abs(solution.worst_case.sum() - 1) < 1e-12
    assert instance.phi is not None
    return solution


def kl_hard_ball(heights: np.ndarray[Any, Any], p: np.ndarray[Any, Any], epsilon: float) -> float:
    """T8 with a hard ball by a fine search over `log lambda`: an independent, slow twin."""
    grid = np.geomspace(1e-4, 1e4, 200001)
    shifted = (heights - heights.max())[:, None] / grid
    values = grid * epsilon + heights.max() + grid * np.log((p[:, None] * np.exp(shifted)).sum(axis=0))
    return float(min(values.min(), heights.max()))


@pytest.mark.parametrize("epsilon", [1e-6, 1e-3, 0.05, 0.3, 0.69])
def test_kl_hard_ball_equals_its_dual_on_a_grid(epsilon: float) -> None:
    solution = solved(HARD | {"epsilon": epsilon})
    expected = kl_hard_ball(np.array([2.0, 2.0, 0.0]), np.array([0.25, 0.25, 0.5]), epsilon)
    assert solution.value == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("below", [True, False])
def test_lambda_vanishes_iff_epsilon_reaches_minus_log_of_the_argmax(below: bool) -> None:
    """T8: `lambda* = 0` iff `epsilon >= -log P(argmax phi^c)`, here `log 2`; then `Q* = P(.|argmax)`."""
    epsilon = math.log(2) * (0.999 if below else 1.001)
    solution = solved(HARD | {"epsilon": epsilon})
    assert solution.lam is not None
    assert (solution.lam > 0) is below
    if not below:
        assert solution.lam == 0
        assert solution.value == pytest.approx(2.0, abs=1e-12)
        assert solution.weights == pytest.approx([0.5, 0.5, 0.0])


def test_epsilon_zero_is_the_free_transport() -> None:
    solution = solved(HARD | {"epsilon": 0})
    assert solution.value == pytest.approx(0.5 * 2.0, abs=1e-9)
    assert solution.weights == pytest.approx([0.25, 0.25, 0.5])


def test_kappa_beyond_the_multiplier_switches_the_ball_off() -> None:
    """T22: `lambda*_kappa = (lambda*_0 - kappa)_+`."""
    base = {**HARD, "epsilon": 0.1}
    free = solved(base)
    assert free.lam is not None
    for share in (0.25, 0.999, 1.5):
        penalised = solved(base | {"kappa": share * free.lam})
        assert penalised.lam == pytest.approx(max(free.lam * (1 - share), 0.0), abs=1e-9)


@pytest.mark.parametrize("spec", ["tv", "hellinger", "reverse_kl", {"name": "renyi", "alpha": 2.5}])
def test_support_is_never_silent(spec: Any) -> None:
    """Trap 1: a high point that no transport reaches is charged in mode "space" and only there."""
    base = {"divergence": spec, "cost": [[0, 1, None], [1, 0, None], [None, None, 0]], "p": [0.5, 0.5, 0],
            "phi": [0, 1, 9], "epsilon": 0.2}  # fmt: skip
    within = solved(base | {"support": "reference"})
    beyond = solved(base | {"support": "space"})
    assert within.value <= 1.0 + 1e-12
    assert beyond.value > within.value + 0.3
    assert beyond.singular is not None
    assert beyond.singular[2] > 0
    assert within.singular is not None
    assert not within.singular.any()


def test_total_variation_puts_the_rest_on_the_argmax_atom() -> None:
    """T4: `p = 1/4` each, `h = 0..3`, `epsilon = .1`: `Q* = (.15, .25, .25, .35)` in mode "reference"."""
    cost = [[0 if i == j else None for j in range(4)] for i in range(4)]
    for support in ("reference", "space"):
        solution = solved({"divergence": "tv", "cost": cost, "p": [0.25] * 4, "phi": [0, 1, 2, 3],
                           "epsilon": 0.1, "support": support})  # fmt: skip
        assert solution.worst_case == pytest.approx([0.15, 0.25, 0.25, 0.35])
        assert solution.value == pytest.approx(1.8)


def test_cvar_is_the_average_of_the_upper_tail() -> None:
    """T3: the atom at the quantile is split."""
    cost = [[0 if i == j else None for j in range(4)] for i in range(4)]
    solution = solved({"divergence": {"name": "cvar", "beta": 0.4}, "cost": cost, "p": [0.25] * 4,
                       "phi": [0, 1, 2, 3], "epsilon": 0.1, "support": "reference"})  # fmt: skip
    assert solution.value == pytest.approx((0.25 * 3 + 0.15 * 2) / 0.4)
    assert solution.lam == 0


def test_none_is_optimal_transport_dro() -> None:
    """T17: transport only, one row moved as far as the radius pays for."""
    solution = solved({"divergence": "none", "cost": [[0, 2], [2, 0]], "p": [1, 0], "phi": [0, 1],
                       "epsilon": 0.5, "support": "reference"})  # fmt: skip
    assert solution.value == pytest.approx(0.25)
    assert solution.lam == pytest.approx(0.5)


def test_ties_are_mixed_so_that_the_radius_is_spent() -> None:
    """Trap 4: equal losses at different costs; slackness `lambda (K - eps) = 0` holds."""
    base = {"divergence": "kl", "cost": [[0, 1, 2], [1, 0, 1], [2, 1, 0]], "p": ["1/3"] * 3, "phi": [0, 1, 1],
            "support": "reference"}  # fmt: skip
    for epsilon in (1e-6, 0.01, 0.1, 0.2, 0.3):
        solution = solved(base | {"epsilon": epsilon})
        assert solution.lam is not None
        assert solution.plan is not None
        eta = solution.plan.rows()
        spent = float((eta * np.log(np.maximum(3 * eta, 1e-300))).sum()) + float(
            (solution.plan.dense() * np.array(base["cost"])).sum()
        )
        assert solution.lam * abs(spent - epsilon) < 1e-9


@pytest.mark.parametrize("spec", ["kl", "pearson", "tv", "hellinger", {"name": "renyi", "alpha": 0.5}])
@pytest.mark.parametrize("epsilon", [0, 1e-12, 1e-9, 1e-6, 1e-3, 1, 1e3])
def test_twelve_orders_of_magnitude(spec: Any, epsilon: float) -> None:
    """Traps 2, 3 and 9: radii from 0 to far beyond `lambda* = 0`, no multiplier clipped."""
    for kappa in (0, 0.3):
        base = {"divergence": spec, "cost": [[0, 0.5, 1.7], [0.5, 0, 0.4], [1.7, 0.4, 0]],
                "p": [0.5, 0.3, 0.2], "phi": [0.1, 0.9, 1.4], "support": "reference"}  # fmt: skip
        solution = solved(base | {"epsilon": epsilon, "kappa": kappa})
        mean = 0.5 * 0.1 + 0.3 * 0.9 + 0.2 * 1.4
        assert mean - 1e-9 <= solution.value <= 1.4 + 1e-9


def test_degenerate_instances() -> None:
    """Trap 6: one point, P with zeros, duplicated points, equal losses."""
    point = solved(
        {"divergence": "kl", "cost": [[0]], "p": [1], "phi": [3], "epsilon": 0.1, "support": "space"}
    )
    assert point.value == pytest.approx(3)
    flat = solved({"divergence": "kl", "cost": [[0, 1], [1, 0]], "p": [1, 0], "phi": [2, 2], "epsilon": 1,
                   "support": "space"})  # fmt: skip
    assert flat.value == pytest.approx(2)
    once = solved({"divergence": "kl", "cost": [[0, 1], [1, 0]], "p": [0.5, 0.5], "phi": [0, 1],
                   "epsilon": 0.1, "support": "reference"})  # fmt: skip
    twice = solved({"divergence": "kl", "cost": [[0, 1, 1], [1, 0, 0], [1, 0, 0]], "p": [0.5, 0.25, 0.25],
                    "phi": [0, 1, 1], "epsilon": 0.1, "support": "reference"})  # fmt: skip
    assert twice.value == pytest.approx(once.value, abs=1e-12)  # T20


def test_rectangular_costs_and_the_empty_ball() -> None:
    base = {"divergence": "kl", "cost": [[0.2, 1], [0.5, 0.1], [0.3, 0.3]], "p": [0.5, 0.25, 0.25],
            "phi": [0, 1], "support": "reference"}  # fmt: skip
    assert solved(base | {"epsilon": 0.5}).value > 0
    empty = dro(from_mapping(base | {"epsilon": 0.05}))
    assert empty.status is Status.EMPTY
    assert empty.value == -math.inf
    assert empty.plan is None
    assert check(empty.certificate()).accepted


def test_unreachable_rows() -> None:
    """Rows without any finite cost lose their mass, at a finite price or at none."""
    base = {
        "cost": [[None, None], [0, 1]],
        "p": [0.5, 0.5],
        "phi": [0, 1],
        "epsilon": 2,
        "support": "reference",
    }
    assert solved(base | {"divergence": "kl"}).weights == pytest.approx([0, 1])
    gone = dro(from_mapping(base | {"divergence": "reverse_kl"}))
    assert gone.status is Status.EMPTY
    capped = dro(from_mapping(base | {"divergence": {"name": "cvar", "beta": 0.9}}))
    assert capped.status is Status.EMPTY
    assert check(capped.certificate()).accepted


@pytest.mark.parametrize("name", ["kl", "tv", "hellinger", "js", "triangular"])
def test_a_row_that_reaches_nothing_empties_the_ball(name: str) -> None:
    spec = {"divergence": {"name": name}, "cost": [[None, None], [0, 1]], "p": [1, 0], "phi": [1.66, -0.79]}
    found = dro(from_mapping(spec | {"epsilon": 0.1, "support": "reference"}))
    assert found.status is Status.EMPTY
    assert check(found.certificate()).accepted


@pytest.mark.parametrize("field", ["phi", "epsilon"])
def test_missing_field(field: str) -> None:
    mapping = {k: v for k, v in {**HARD, "epsilon": 0.1}.items() if k != field}
    with pytest.raises(InputError, match=f"'{field}' is missing"):
        dro(from_mapping(mapping))


@st.composite
def instances(draw: st.DrawFn) -> Instance:
    n, m = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    weight = st.integers(0, 8)
    raw = draw(st.lists(weight, min_size=n, max_size=n).filter(any))
    entry = st.one_of(st.none(), st.integers(0, 6).map(lambda k: k / 4), st.just(0))
    cost = draw(st.lists(st.lists(entry, min_size=m, max_size=m), min_size=n, max_size=n))
    for row in cost:
        row[draw(st.integers(0, m - 1))] = 0  # no empty ball
    spec = draw(st.sampled_from(["kl", "pearson", "tv", "hellinger", {"name": "cvar", "beta": "1/3"}]))
    return from_mapping(
        {
            "divergence": spec,
            "cost": cost,
            "p": [f"{w}/{sum(raw)}" for w in raw],
            "phi": draw(st.lists(st.integers(-8, 8).map(lambda k: k / 4), min_size=m, max_size=m)),
            "epsilon": draw(st.sampled_from([0, 1e-9, 1e-4, 0.03, 0.4, 2, 50])),
            "kappa": draw(st.sampled_from([0, 0.01, 0.7])),
            "support": draw(st.sampled_from(["space", "reference"])),
        }
    )


@given(instances())
def test_any_small_instance_gets_a_narrow_proved_interval(instance: Instance) -> None:
    solution = dro(instance)
    assert solution.gap <= NARROW * max(1.0, abs(solution.value)), (solution.gap, instance)
    assert check(solution.certificate()).accepted
