"""T1, T2, T6 and T7 as convex programs against the certified intervals, per divergence and support."""

from typing import Any

import cvxpy as cp
import numpy as np
import pytest
import sympy as sp

from theory.catalogue import divergence as symbolic
from theory.errors import InputError
from theory.symbols import t
from verification import generate
from verification.instance import from_mapping
from verification.programs.bracket import bracket_divergence, bracket_dro
from verification.programs.exact import dro_dual, dro_primal, dual, primal
from verification.programs.translate import UntranslatableError, translate
from verification.solve import divergence, dro

SPECS: list[Any] = [
    "kl", "reverse_kl", "pearson", "neyman", "tv", "hellinger", "js", "triangular", "none",
    {"name": "alpha", "alpha": "2.5"}, {"name": "alpha", "alpha": "0.5"}, {"name": "alpha", "alpha": "-1.5"},
    {"name": "cvar", "beta": "0.3"},
]  # fmt: skip
BASE: dict[str, Any] = {
    "cost": [[0, 0.7, None, 2.1], [0.7, 0, 0.4, 1.3], [1.5, 0.4, 0, 0.9], [2.1, 1.3, 0.9, 0]],
    "p": [0.3, 0.2, 0.5, 0],
    "q": [0.1, 0.3, 0.35, 0.25],
    "phi": [0.2, 1.3, -0.6, 2.5],
    "epsilon": 0.15,
    "kappa": 0.1,
}
AGREE = 1e-7  # what a conic solver's own objective is good for


@pytest.mark.parametrize("support", ["reference", "space"])
@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_programs_agree_with_the_certified_interval(spec: Any, support: str) -> None:
    instance = from_mapping(BASE | {"divergence": spec, "support": support})
    certified = divergence(instance)
    assert primal(instance).objective == pytest.approx(certified.value, abs=AGREE)
    assert dual(instance).objective == pytest.approx(certified.value, abs=AGREE)
    robust = dro(instance)
    assert dro_primal(instance).objective == pytest.approx(robust.value, abs=AGREE)
    assert dro_dual(instance).objective == pytest.approx(robust.value, abs=AGREE)


QUICK = ["kl", "tv", "none", "hellinger", {"name": "cvar", "beta": "0.3"}]


@pytest.mark.parametrize("support", ["reference", "space"])
@pytest.mark.parametrize(
    "spec", [s if s in QUICK else pytest.param(s, marks=pytest.mark.slow) for s in SPECS], ids=str
)
def test_the_programs_witnesses_alone_prove_an_interval(spec: Any, support: str) -> None:
    """Repaired witnesses of T1 with T2, and of T6 with T7, enclose what the solvers enclose."""
    instance = from_mapping(BASE | {"divergence": spec, "support": support})
    for bracket, solve in ((bracket_divergence, divergence), (bracket_dro, dro)):
        lower, upper = bracket(instance)
        certified = solve(instance)
        assert lower <= certified.upper
        assert certified.lower <= upper
        assert upper - lower < 1e-7


def test_jeffreys_by_tangents_where_no_atom_is_known() -> None:
    """The conjugate of Jeffreys needs Lambert's W: tangents stand in and settle on the same value."""
    instance = from_mapping(BASE | {"divergence": "jeffreys", "support": "reference"})
    certified = divergence(instance)
    assert primal(instance).objective == pytest.approx(certified.value, abs=AGREE)
    assert dual(instance).objective == pytest.approx(certified.value, abs=AGREE)


def test_witnesses_are_what_the_program_found() -> None:
    instance = from_mapping(BASE | {"divergence": "kl", "support": "reference"})
    witness = primal(instance)
    assert instance.q is not None
    assert witness.x.sum(axis=0) == pytest.approx(instance.q, abs=1e-8)
    assert (witness.x[np.isinf(instance.cost)] == 0).all()
    robust = dro(instance)
    multipliers = dro_dual(instance)
    assert multipliers.lam == pytest.approx(robust.lam, abs=1e-3)
    assert multipliers.rho == pytest.approx(robust.rho, abs=1e-3)


def test_named_solver_and_bad_input() -> None:
    instance = from_mapping(BASE | {"divergence": "pearson", "support": "reference"})
    assert primal(instance, solver="SCS").objective == pytest.approx(divergence(instance).value, abs=1e-3)
    with pytest.raises(InputError, match="NOSUCH"):
        primal(instance, solver="NOSUCH")
    with pytest.raises(InputError, match="renyi"):
        dual(from_mapping(BASE | {"divergence": {"name": "renyi", "alpha": 2}, "support": "reference"}))
    blocked = {"divergence": "kl", "cost": [[0, None]], "p": [1], "q": [0.5, 0.5], "support": "space"}
    with pytest.raises(InputError, match="no point"):
        primal(from_mapping(blocked))
    with pytest.raises(InputError, match="'phi' is missing"):
        dro_primal(from_mapping(blocked))


SMOOTH = [s for s in SPECS if s not in ("tv", "none") and not isinstance(s, dict)]


@pytest.mark.parametrize("spec", SMOOTH)
@pytest.mark.parametrize("scale", [1.0, 0.4])
def test_translation_equals_the_expression(spec: str, scale: float) -> None:
    """Value of the translated `scale f(x/scale)` at fixed points, plain and homogeneous."""
    f = symbolic(spec).f
    points = np.array([0.2, 1.0, 2.5])
    x = cp.Variable(3)
    s = 1.0 if scale == 1.0 else cp.Variable(3)
    expression, constraints = translate(f, t, x, s)
    constraints += [x == points] + ([] if scale == 1.0 else [s == scale])
    problem = cp.Problem(cp.Minimize(cp.sum(expression)), constraints)
    problem.solve(solver="CLARABEL")
    expected = sum(scale * float(f.subs(t, v / scale)) for v in points)
    assert problem.value == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("text", ["-t**2", "sin(t)", "sqrt(t)", "log(t)", "-t*log(t)", "(t-1)**3"])
def test_what_is_not_convex_is_refused_by_name(text: str) -> None:
    with pytest.raises(UntranslatableError, match="term"):
        translate(sp.sympify(text, locals={"t": t}), t, cp.Variable(2))


@pytest.mark.parametrize("support", ["reference", "space"])
@pytest.mark.parametrize("alpha", ["0.5", "2.5"])
def test_the_primal_programs_of_renyi_agree_with_the_certified_interval(alpha: str, support: str) -> None:
    spec = {"name": "renyi", "alpha": alpha}
    instance = from_mapping(BASE | {"divergence": spec, "support": support})
    assert primal(instance).objective == pytest.approx(divergence(instance).value, abs=1e-6)
    assert dro_primal(instance).objective == pytest.approx(dro(instance).value, abs=1e-6)
    with pytest.raises(InputError, match="solve its primal"):
        dual(instance)


def test_programs_of_two_hundred_points_agree_with_the_certified_interval() -> None:
    rng = np.random.default_rng(0)
    points = np.round(rng.normal(size=(2, 200, 2)) * 256) / 256
    cost = ((points[0][:, None, :] - points[1][None, :, :]) ** 2).sum(axis=2)
    p, q = (generate.weights(rng, 200) for _ in range(2))
    mapping = {"divergence": "kl", "cost": cost.tolist(), "p": p.tolist(), "q": q.tolist(), "epsilon": 0.125}
    mapping |= {"phi": (np.round(rng.normal(size=200) * 256) / 256).tolist(), "kappa": 0.0}
    instance = from_mapping(mapping | {"support": "reference"})
    certified, robust = divergence(instance).value, dro(instance).value
    assert primal(instance).objective == pytest.approx(certified, abs=AGREE)
    assert dual(instance).objective == pytest.approx(certified, abs=AGREE)
    assert dro_primal(instance).objective == pytest.approx(robust, abs=AGREE)
    assert dro_dual(instance).objective == pytest.approx(robust, abs=AGREE)
