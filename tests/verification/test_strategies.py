"""The public strategies give what they promise, and the exact solvers agree with the known optima."""

import json
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.errors import InputError
from verification import solve, strategies
from verification.certificate import checker
from verification.generate import COSTS, Known, cost_matrix, draw, known_dro, radii, weights
from verification.instance import from_mapping

SMOOTH = ("kl", "pearson")


@given(st.integers(1, 9).flatmap(strategies.distributions))
def test_distributions_sum_to_exactly_one(mass: list[float]) -> None:
    assert sum(map(Fraction, mass)) == 1
    assert min(mass) >= 0


@pytest.mark.parametrize("family", sorted(COSTS))
def test_costs_are_costs_of_one_space(family: str) -> None:
    @settings(max_examples=20, deadline=None)
    @given(strategies.costs(5, family))
    def check(cost: list[list[float | None]]) -> None:
        assert all(row[i] == 0 for i, row in enumerate(cost))
        assert all(value is None or value >= 0 for row in cost for value in row)

    check()


def test_families_have_their_character() -> None:
    rng = np.random.default_rng(0)
    grid = rng.uniform(-1, 1, (12, 2))
    ball = cost_matrix(rng, "hard_ball", grid)
    assert set(np.unique(ball)) == {0.0, np.inf}
    assert np.array_equal(ball, ball.T)
    flips = cost_matrix(rng, "one_way_flips", grid)
    assert np.isinf(flips).any()
    assert not np.array_equal(flips, flips.T)
    assert np.isfinite(cost_matrix(rng, "power", grid)).all()
    assert np.isinf(cost_matrix(rng, "reweighting", grid)).sum() == 12 * 11
    with pytest.raises(InputError, match="unknown cost 'ball'"):
        cost_matrix(rng, "ball", grid)


@settings(max_examples=60, deadline=None)
@given(strategies.instances())
def test_instances_are_read_without_a_change(mapping: dict[str, object]) -> None:
    instance = from_mapping(json.loads(json.dumps(mapping)))
    assert instance.notes == ()
    assert instance.same_space
    assert instance.epsilon == mapping["epsilon"]


@pytest.mark.parametrize("name", SMOOTH)
def test_known_divergence_is_optimal(name: str) -> None:
    @settings(max_examples=15, deadline=None)
    @given(strategies.solved_divergences(name))
    def check(problem: Known) -> None:
        found = solve.divergence(from_mapping(problem.mapping))
        assert found.lower - 1e-9 <= problem.value <= found.upper + 1e-9

    check()


@pytest.mark.parametrize("name", SMOOTH)
def test_known_dro_is_optimal(name: str) -> None:
    @settings(max_examples=25, deadline=None)
    @given(strategies.solved_dros(name))
    def check(problem: Known) -> None:
        found = solve.dro(from_mapping(problem.mapping))
        assert checker.check(found.certificate()).accepted
        scale = max(1.0, abs(problem.value))
        assert found.lower - 1e-9 * scale <= problem.value <= found.upper + 1e-9 * scale

    check()


@pytest.mark.parametrize("beta", ["1/4", "1/2"])
@given(st.data())
@settings(max_examples=20)
def test_known_instances_of_a_bounded_domain_are_valid(beta: str, data: st.DataObject) -> None:
    spec = {"name": "cvar", "beta": beta}
    known = data.draw(strategies.solved_divergences(spec))
    found = solve.divergence(from_mapping(known.mapping))
    assert found.lower - 1e-9 <= known.value <= found.upper + 1e-9
    known = data.draw(strategies.solved_dros(spec))
    found_dro = solve.dro(from_mapping(known.mapping))
    assert found_dro.lower - 1e-9 <= known.value <= found_dro.upper + 1e-9


def test_a_domain_of_one_point_has_no_random_instance() -> None:
    with pytest.raises(InputError, match="random densities do not fall into the domain"):
        known_dro(np.random.default_rng(0), {"name": "none"}, *strategies._curves({"name": "none"}))


def test_a_radius_that_does_not_bind_needs_a_penalty() -> None:
    with pytest.raises(InputError, match="needs kappa > 0, not 0"):
        known_dro(np.random.default_rng(0), {"name": "kl"}, np.abs, np.abs, binding=False)


def test_a_radius_that_binds_needs_two_points() -> None:
    with pytest.raises(InputError, match="at least two points to move to, not m = 1"):
        known_dro(np.random.default_rng(0), {"name": "kl"}, np.abs, np.abs, m=1)


@pytest.mark.parametrize("seed", range(20))
def test_a_known_ball_is_larger_than_a_point(seed: int) -> None:
    def f(t: np.ndarray) -> np.ndarray:
        return (t - 1) ** 2

    def slope(t: np.ndarray) -> np.ndarray:
        return 2 * (t - 1)

    problem = known_dro(np.random.default_rng(seed), {"name": "pearson"}, f, slope, n=1, m=2)
    phi = problem.mapping["phi"]
    assert isinstance(phi, list)
    assert problem.value > min(phi)
    found = solve.dro(from_mapping(problem.mapping))
    assert found.lower - 1e-9 <= problem.value <= found.upper + 1e-9


def test_generation_is_a_function_of_the_generator_alone() -> None:
    first, second = (draw(np.random.default_rng(3), {"name": "kl"}, "power", "space") for _ in range(2))
    assert first == second
    assert first != draw(np.random.default_rng(4), {"name": "kl"}, "power", "space")


def test_radii_cover_the_range() -> None:
    found = radii(np.random.default_rng(0), 6)
    assert found[0] == 1e-6
    assert found[-1] == 16.0
    assert 0.19 <= found[-2] <= 2.0
    assert len(found) == 6


def test_weights_with_zeros_and_a_tiny_one() -> None:
    mass = weights(np.random.default_rng(0), 6, zeros=2, tiny=True)
    assert sum(map(Fraction, mass.tolist())) == 1
    assert (mass == 0).sum() == 2
    assert math.isclose(mass[mass > 0].min(), 2.0**-30)
    with pytest.raises(InputError, match="leave none of 2 positive"):
        weights(np.random.default_rng(0), 2, zeros=2)
