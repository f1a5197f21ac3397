"""The fused kernel of smooth f-divergences in Triton's interpreter, and the functions printed for it.

`test_objectives_fused.py` runs this file in a process of its own, like `interpreted_fused.py`.
"""

import json
import math
import os
from dataclasses import replace

import numpy as np
import pytest
import torch
import triton
import triton.language as tl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from interpreted_kernels import (
    check,
    every,
    extremes,
    launched,
    problems,
    tensors_on_the_cpu_are_the_kernels_business,  # noqa: F401 - a fixture, for all of these tests
)
from torch import Tensor

import armor
from armor import preflight
from armor.objectives import Objective, Status
from armor.objectives.arrays import numpy_ops
from armor.objectives.fdivergence import FDivergenceObjective
from armor.objectives.functions import functions
from armor.objectives.fused import dispatch as fused
from armor.objectives.fused import operations
from armor.objectives.fused.printed import numbers_on, printed
from armor.objectives.solution import Dual

if os.environ.get("TRITON_INTERPRET") != "1":
    pytest.skip("run by test_objectives_fused.py", allow_module_level=True)

SPECS: list[dict[str, object]] = [
    {"name": "reverse_kl"},
    {"name": "alpha", "alpha": 6},
    {"name": "js"},
    {"name": "triangular"},
    {"name": "jeffreys"},
    {"f": "exp(t) - E*t"},
]
OF_POWERS: list[dict[str, object]] = [  # which without costs have a kernel of their own
    *({"name": name} for name in ("pearson", "neyman", "hellinger")),
    *({"name": "alpha", "alpha": a} for a in (1.5, 0.5, -1.5)),
]
ALL = [*SPECS, *OF_POWERS, *({"name": "alpha", "alpha": a} for a in (1.02, 10, 40, 0.02, -9.0))]
TWO = settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
TEN = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
MANY = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(autouse=True)
def _no_other_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FDivergenceObjective, "_powers", lambda _: None)


def general(objective: Objective, losses: Tensor, costs: Tensor | None, weights: Tensor | None) -> Dual:
    """The solver of the CPU."""
    given = (None if x is None else x.numpy() for x in (losses, costs, weights))
    with np.errstate(all="ignore"):
        return objective._prepare_and_solve(numpy_ops, *given, objective.epsilon, objective.kappa)


@every(SPECS)
@TWO
@given(data=st.data())
def test_the_value_is_the_exact_solvers(spec: dict[str, object], data: st.DataObject) -> None:
    """T6, T7: inside the proved interval, with masses of a distribution and a closed gap."""
    check(spec, data.draw(problems(costly=True)), general, exact=True)


@pytest.mark.slow
@every(OF_POWERS)
@TEN
@given(data=st.data())
def test_the_value_is_the_exact_solvers_for_powers(spec: dict[str, object], data: st.DataObject) -> None:
    check(spec, data.draw(problems(costly=True)), general, exact=True)


@pytest.mark.slow
@every(ALL)
@MANY
@given(data=st.data())
def test_the_value_is_the_solvers_on_many(spec: dict[str, object], data: st.DataObject) -> None:
    """With samples out of reach, and of tiny or no mass."""
    problem = data.draw(problems(costly=True))
    n = len(problem["losses"])
    few = st.sampled_from([0, 1, 1, 3, 1e-6])
    problem["weights"] = [1, *data.draw(st.lists(few, min_size=n - 1, max_size=n - 1))]
    if problem["costs"] is not None and data.draw(st.booleans()):
        problem["costs"][-1] = math.inf
    check(spec, problem, general, exact=False)


@every(SPECS)
@pytest.mark.parametrize("kappa", [pytest.param(0.0, marks=pytest.mark.slow), 0.3])
def test_multipliers_and_weights_are_those_of_the_cpu(spec: dict[str, object], kappa: float) -> None:
    generator = torch.Generator().manual_seed(3)
    losses, weights = (torch.rand(20, generator=generator, dtype=torch.float64) for _ in range(2))
    weights[::7] = 0.0
    for epsilon, costly in ((1e-6, True), (0.05, False), (0.6, True)):
        costs = 0.2 * epsilon * torch.rand(20, generator=generator, dtype=torch.float64) if costly else None
        objective = armor.objective(spec, epsilon=epsilon, kappa=kappa)
        found, other = launched(objective, losses, costs, weights), general(objective, losses, costs, weights)
        assert int(found.code) == other.status.item()
        np.testing.assert_allclose(float(found.value), other.value.item(), rtol=0, atol=1e-12)
        np.testing.assert_allclose(float(found.rho), other.rho.item(), rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(float(found.lam) + kappa, other.mu.item(), rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(found.weights.numpy(), other.weights, rtol=1e-6, atol=1e-9)
    dual = objective.solve_dual(losses, costs, weights, epsilon, kappa)
    np.testing.assert_allclose(dual.curvature.numpy(), other.curvature, rtol=1e-5, atol=1e-9)


@every([SPECS[i] for i in (0, 1, 3)])
def test_extremes(spec: dict[str, object]) -> None:
    extremes(spec, 1e-3)


@pytest.mark.slow
@every(ALL)
@pytest.mark.parametrize("epsilon", [1e-12, 1e-6, 0.3, 1e6])
def test_more_extremes(spec: dict[str, object], epsilon: float) -> None:
    extremes(spec, epsilon)


@every(SPECS[:1])
def test_bad_input_is_reported_by_status(spec: dict[str, object]) -> None:
    """No number where there is none."""
    objective = armor.objective(spec, epsilon=0.1, kappa=0.1)
    losses = torch.tensor([[1.0, 2.0, 4.0]] * 6, dtype=torch.float64)
    losses[1, 0], losses[2, 2] = math.nan, math.inf
    weights, costs = torch.ones_like(losses), torch.zeros_like(losses)
    weights[3, 1], weights[4], costs[5, 0] = -1.0, 0.0, -1.0
    found = launched(objective, losses, costs, weights)
    bad = [Status.NOT_FINITE] * 2 + [Status.BAD_WEIGHTS] * 2 + [Status.NOT_FINITE]
    assert found.code.tolist() == [Status.INTERIOR, *bad]
    assert found.value.isnan().tolist() == [False, *[True] * 5]
    assert bool(found.weights[1:].isnan().all())


@every([{"name": "js"}, {"name": "reverse_kl"}])
def test_costs_that_leave_nothing_or_block_some(spec: dict[str, object]) -> None:
    """A sample out of reach pays f(0): finitely much for Jensen-Shannon, infinitely for reverse KL."""
    objective = armor.objective(spec, epsilon=0.2, kappa=0.1)
    losses = torch.tensor([[1.0, 2.0, 4.0, 3.0]] * 4, dtype=torch.float64)
    costs = torch.zeros_like(losses)
    costs[1, 2], costs[2], costs[3] = math.inf, math.inf, 0.75
    found, other = launched(objective, losses, costs), general(objective, losses, costs, None)
    blocked = Status.INTERIOR if spec["name"] == "js" else Status.INFEASIBLE
    codes = [Status.INTERIOR, blocked, Status.INFEASIBLE, Status.INFEASIBLE]
    assert found.code.tolist() == other.status[:, 0].tolist() == codes
    np.testing.assert_allclose(found.value.numpy(), other.value[:, 0], rtol=0, atol=1e-12)
    if blocked is Status.INTERIOR:
        assert float(found.weights[1, 2]) == 0.0
        np.testing.assert_allclose(found.weights[:2].numpy(), other.weights[:2], rtol=1e-6, atol=1e-9)


def test_radii_and_penalties_per_problem() -> None:
    """Tensors of radii and penalties, as a compiled pre-flight passes them; broadcast leading axes."""
    losses = torch.randn(2, 1, 9, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    epsilon = torch.tensor([[1e-3], [0.7]], dtype=torch.float64)
    kappa = torch.tensor([[0.0], [0.25]], dtype=torch.float64)
    objective = armor.objective("reverse_kl", epsilon=1.0)
    found = objective.evaluate(losses, None, None, epsilon, kappa)
    assert found.value.shape == (2, 2)
    for i in range(2):
        for k in range(2):
            alone = objective.replace(epsilon=float(epsilon[k, 0]), kappa=float(kappa[k, 0]))(losses[i, 0])
            assert float(found.value[i, k]) == float(alone.value)
            assert float(found.lam[i, k]) == float(alone.lam)


@every([SPECS[0], SPECS[2], {"name": "pearson"}])
@pytest.mark.parametrize("costly", [False, True])
def test_the_step_at_a_given_mu(spec: dict[str, object], costly: bool) -> None:
    """`at`, its limit at 0 among them, against the general search."""
    generator = torch.Generator().manual_seed(8)
    losses = torch.randn(9, generator=generator, dtype=torch.float64)
    costs = 0.1 * torch.rand(9, generator=generator, dtype=torch.float64) if costly else None
    objective = armor.objective(spec, epsilon=0.1)
    for mu in (0.0, 0.7, torch.tensor(0.7, dtype=torch.float64)):
        found = objective.at(losses, costs, mu=mu)
        assert found.status.ok
        fused._refused.add(objective.name)
        try:
            other = objective.at(losses[None], None if costs is None else costs[None], mu=float(mu))
        finally:
            fused._refused.clear()
        assert float(found.value) == pytest.approx(float(other.value[0]), abs=1e-12)
        torch.testing.assert_close(found.weights, other.weights[0], rtol=1e-6, atol=1e-9)


@pytest.mark.slow
@every([{"name": "reverse_kl"}, {"name": "alpha", "alpha": 2.5}])
def test_derivatives_by_finite_differences(spec: dict[str, object]) -> None:
    """T12: what a kernel leaves for the second derivative is right."""
    generator = torch.Generator().manual_seed(5)
    losses = torch.rand(3, generator=generator, dtype=torch.float64).requires_grad_()
    costs = (0.02 * torch.rand(3, generator=generator, dtype=torch.float64)).requires_grad_()
    objective = armor.objective(spec, epsilon=0.1, kappa=0.1)
    assert torch.autograd.gradcheck(lambda *x: objective(*x).value, [losses, costs])
    assert torch.autograd.gradgradcheck(lambda *x: objective(*x).value, [losses, costs])


@pytest.mark.parametrize(
    ("spec", "losses", "weights", "epsilon"),
    [
        ({"name": "alpha", "alpha": 10}, [0.75, 1.0, 1.25], [5, 5, 5], 0.25),
        ({"name": "alpha", "alpha": 20}, [1.5, 0.5], [2, 2], 1.0),
        ({"name": "reverse_kl"}, [0.25, 1.0, 1.5, 0.75, 0.0], [1e-12, 1e-12, 1, 1e-12, 1e-12], 1.0),
        ({"name": "triangular"}, [0.0, 1.75, 1.5], [5, 1e-12, 2], 1.0),
    ],
    ids=lambda x: x.get("name") if isinstance(x, dict) else None,
)
def test_where_the_mass_or_the_budget_jumps(
    spec: dict[str, object], losses: list[float], weights: list[float], epsilon: float
) -> None:
    """Between two neighbouring multipliers: both ends are mixed."""
    problem = {"losses": losses, "weights": weights, "costs": None, "epsilon": epsilon, "kappa": 0.0}
    check(spec, problem, general, exact=False)


@pytest.mark.slow
def test_ends_are_mixed_up_to_the_whole_radius() -> None:
    """Not up to what of it the cheapest costs leave: that would prove 6e-12 less here."""
    losses, costs, weights = torch.tensor(
        [[0.25, 2e-6, 0.5, 1e-6, 0.75], [2.06, 0.659, 2.92, 0.163, 3.925], [1e-9, 1e-30, 1e-9, 1e-30, 1e-30]],
        dtype=torch.float64,
    )
    found = launched(armor.objective({"name": "alpha", "alpha": 20}, epsilon=4.0), losses, costs, weights)
    assert abs(float(found.gap)) <= 1e-14


@every(SPECS)
def test_a_search_cut_short_bounds_from_both_sides(
    spec: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However few steps it had for rho: the value is a dual one, its gap reaches down to a primal one."""
    losses = torch.rand(12, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    objective = armor.objective(spec, epsilon=0.2)
    whole = objective._fused(None)
    assert whole is not None
    best = float(objective.at(losses, mu=0.3).value)
    above = []
    for inner in range(1, 9):
        monkeypatch.setattr(objective, "_fused", lambda _, steps=inner: replace(whole, inner=steps))
        found = objective.at(losses, mu=0.3)
        if math.isfinite(float(found.gap)):
            above.append(float(found.value) - best)
            assert -1e-14 <= above[-1] <= float(found.gap) + 1e-14
    assert max(above) > 1e-13  # so that the term for lacking mass counts


def test_a_row_of_several_tiles() -> None:
    generator = torch.Generator().manual_seed(10)
    losses = torch.randn(600, generator=generator, dtype=torch.float64).exp()
    weights = torch.rand(600, generator=generator, dtype=torch.float64)
    objective = armor.objective("reverse_kl", epsilon=0.1)
    found, other = launched(objective, losses, None, weights), general(objective, losses, None, weights)
    assert found.status.ok
    assert float(found.value) == pytest.approx(other.value.item(), abs=1e-11)
    np.testing.assert_allclose(found.weights.numpy(), other.weights, rtol=1e-6, atol=1e-12)


def test_losses_whose_range_overflows_are_never_optimal() -> None:
    x = torch.tensor([1e308, -1e308, 0.0], dtype=torch.float64)
    with np.errstate(all="ignore"):
        assert launched(armor.objective("js", epsilon=0.1), x).status == Status.UNCONVERGED


def test_what_no_kernel_covers_is_left_to_the_general_search() -> None:
    """Kinks, and an f whose conjugate has no closed form."""
    assert armor.objective("tv", epsilon=0.1)._fused(None) is None
    kernel = armor.objective({"f": "cosh(t-1) - 1 + (t-1)**4"}, epsilon=0.1)._fused(None)
    assert kernel is not None
    assert not fused.usable(kernel, torch.ones(3), None)


@pytest.mark.slow
@every(SPECS[:3])
@pytest.mark.parametrize("compiled", [False, True])
def test_the_preflight_accepts_the_kernel(spec: dict[str, object], compiled: bool) -> None:
    assert preflight.run(armor.objective(spec, epsilon=0.1, kappa=0.1), compile=compiled).outcome == "holds"


@triton.jit
def _apply(x, k, out, function: tl.constexpr, N: tl.constexpr):  # type: ignore[no-untyped-def]
    at = tl.arange(0, N)
    tl.store(out + at, function(tl.load(x + at), k))


@every(ALL)
def test_the_printed_functions_are_those_of_numpy(spec: dict[str, object]) -> None:
    """f, f' and the derivatives of f*, inside their domains and beyond."""
    key, known = json.dumps(spec, sort_keys=True), functions(spec)
    source = printed(key)
    assert source is not None
    generator = torch.Generator().manual_seed(0)
    t = torch.empty(512, dtype=torch.float64).uniform_(-6, 4, generator=generator).exp()
    t[0], t[1] = 0.0, 1.0
    with np.errstate(all="ignore"):
        inside = torch.where(t > 0, t, 2.0)
        y = torch.from_numpy(known.slope["numpy"](inside.numpy()))
        y[2], y[3] = known.slope_at_one - 47.3, min(known.recession, known.slope_at_one) + 2.0
        for name, x, function in (
            ("f_value", t, known.f),
            ("f_slope", inside, known.slope),
            ("f_density", y, known.density),
            ("f_response", y, known.response),
        ):
            out = torch.empty_like(t)
            _apply[(1,)](x, numbers_on(key, x.device), out, source.functions[name], N=512)
            wanted = torch.from_numpy(function["numpy"](x.numpy()))
            held = wanted.abs() < 1e100  # exponentials saturate, poles are the kernel's own business
            assert int(held.sum()) > 300
            torch.testing.assert_close(out[held], wanted[held], rtol=2e-9, atol=1e-13)


@triton.jit
def _operation(x, out, function: tl.constexpr, N: tl.constexpr):  # type: ignore[no-untyped-def]
    at = tl.arange(0, N)
    tl.store(out + at, function(tl.load(x + at)))


@pytest.mark.parametrize("name", ["sinh", "cosh", "tanh", "asinh", "expm1", "log1p", "sqrt"])
def test_the_operations(name: str) -> None:
    generator = torch.Generator().manual_seed(11)
    x = torch.empty(256, dtype=torch.float64).uniform_(-40, 3, generator=generator).exp()
    for at in (x, -x) if name not in ("log1p", "sqrt") else (x,):
        out = torch.empty_like(at)
        _operation[(1,)](at, out, getattr(operations, f"k_{name}"), N=256)
        torch.testing.assert_close(out, getattr(torch, name)(at), rtol=2e-15, atol=0)


def test_wrights_omega() -> None:
    """`u + log u` is the argument."""
    z = torch.linspace(-30.0, 700.0, 256, dtype=torch.float64)
    out = torch.empty_like(z)
    _operation[(1,)](z, out, operations.k_omega, N=256)
    torch.testing.assert_close(out + torch.log(out), z, rtol=1e-14, atol=1e-14)
