"""The fused kernels in Triton's interpreter: the very source that a device compiles, on CPU tensors.

`test_objectives_fused.py` runs this file in a process of its own, since the interpreter must be chosen before
Triton is imported.
"""

import math
import os
from typing import Any

import far_costs
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
from armor.objectives import Objective, Status, base
from armor.objectives.arrays import torch_ops
from armor.objectives.fused import dispatch as fused
from armor.objectives.fused.elementary import exp64, expm1_parts, log1p64, log64
from armor.objectives.solution import Dual

if os.environ.get("TRITON_INTERPRET") != "1":
    pytest.skip("run by test_objectives_fused.py", allow_module_level=True)

SPECS: list[dict[str, object]] = [
    {"name": "kl"},
    *({"name": "renyi", "alpha": a} for a in (1.25, 0.4)),
    *({"name": "alpha", "alpha": a} for a in (1.5, -1.5)),
    {"name": "pearson"},
    {"name": "hellinger"},
]
FAR: list[dict[str, object]] = [
    *({"name": "renyi", "alpha": a} for a in (0.1, 0.97, 1.01, 2.95, 10.0)),
    *({"name": "alpha", "alpha": a} for a in (-9.0, 0.02, 0.85, 1.15, 3.0)),
    {"name": "neyman"},
]
FEW = settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
MANY = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def general(objective: Objective, losses: Tensor, costs: Tensor | None, weights: Tensor | None) -> Dual:
    """The eager search of a device."""
    return objective._prepare_and_solve(torch_ops, losses, costs, weights, objective.epsilon, objective.kappa)


@every(SPECS)
@pytest.mark.parametrize("epsilon", [1e-3, 0.05, 0.5])
def test_a_search_cut_short_bounds_from_both_sides(spec: dict[str, object], epsilon: float) -> None:
    """T7: whatever its steps were, the value is a dual one and the gap reaches down to a feasible one."""
    losses = torch.randn(9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    losses[0] = 30.0
    objective = armor.objective(spec, epsilon=epsilon)
    best, kernel = float(objective(losses).value), objective._fused(None)
    assert kernel is not None
    for steps in range(4):
        found = fused.launch(kernel, losses, None, None, epsilon, 0.0, steps, twice=False)
        assert found is not None
        value, gap = float(found[0].value), float(found[0].gap)
        assert value - gap - 1e-11 <= best <= value + 1e-11


@pytest.mark.parametrize("spec", [{"name": "kl"}, {"name": "reverse_kl"}], ids=lambda s: s["name"])
def test_a_masked_sample_may_hold_anything(spec: dict[str, object]) -> None:
    losses, costs = torch.tensor([[1.0, 2.0, math.nan, 0.5], [0.0, 0.1, math.nan, 0.0]], dtype=torch.float64)
    objective = armor.objective(spec, epsilon=0.3)
    found = launched(objective, losses, costs, torch.tensor([1.0, 1.0, 0.0, 1.0], dtype=torch.float64))
    rest = [0, 1, 3]
    assert found.status.ok
    assert float(found.value) == pytest.approx(float(launched(objective, losses[rest], costs[rest]).value))
    assert float(found.weights[2]) == 0.0


@pytest.mark.parametrize("problem", far_costs.problems(16))
def test_masses_that_costs_hide_are_worth_their_price(problem: far_costs.Problem) -> None:
    """T8: `e^-c` is too small for a float, the weight of the loss that pays for it is not."""
    losses, costs, weights, epsilon, kappa = problem
    found = launched(armor.objective("kl", epsilon=epsilon, kappa=kappa), losses, costs, weights)
    assert found.status.ok
    size = float(losses.abs().max()) + kappa
    assert float(found.value) == pytest.approx(far_costs.value(problem), abs=1e-8 * size)
    assert float(found.weights.sum()) == pytest.approx(1.0, abs=1e-12)


@every(SPECS)
@FEW
@given(data=st.data())
def test_the_value_is_the_exact_solvers(spec: dict[str, object], data: st.DataObject) -> None:
    """T6, T8, T10: inside the proved interval, with masses of a distribution and a closed gap."""
    check(spec, data.draw(problems(costly=spec["name"] == "kl")), general, exact=True)


@pytest.mark.slow
@every(SPECS + FAR)
@MANY
@given(data=st.data())
def test_the_value_is_the_solvers_on_many(spec: dict[str, object], data: st.DataObject) -> None:
    check(spec, data.draw(problems(costly=spec["name"] == "kl")), general, exact=False)


@every(SPECS)
@pytest.mark.parametrize("kappa", [0.0, 0.3])
def test_multipliers_and_weights_are_those_of_the_general_search(
    spec: dict[str, object], kappa: float
) -> None:
    generator = torch.Generator().manual_seed(3)
    losses, weights = (torch.rand(2, 40, generator=generator, dtype=torch.float64) for _ in range(2))
    weights[:, ::7] = 0.0
    for epsilon in (1e-6, 0.05, 0.7):
        costs = 0.2 * epsilon * torch.rand(2, 40, generator=generator, dtype=torch.float64)
        objective = armor.objective(spec, epsilon=epsilon, kappa=kappa)
        given = (losses, costs if spec["name"] == "kl" else None, weights)
        found, other = launched(objective, *given), general(objective, *given)
        assert torch.equal(found.code, other.status.squeeze(-1))
        torch.testing.assert_close(found.value, other.value.squeeze(-1), rtol=0, atol=1e-12)
        torch.testing.assert_close(found.rho, other.rho.squeeze(-1), rtol=1e-6, atol=1e-9)
        torch.testing.assert_close(found.lam + kappa, other.mu.squeeze(-1), rtol=1e-6, atol=1e-9)
        torch.testing.assert_close(found.weights, other.weights, rtol=1e-6, atol=1e-9)


@every(SPECS[:2])
@pytest.mark.parametrize("epsilon", [1e-12, 1e-3, 1e6])
def test_extremes(spec: dict[str, object], epsilon: float) -> None:
    extremes(spec, epsilon)


@pytest.mark.slow
@every(SPECS + FAR)
@pytest.mark.parametrize("epsilon", [1e-12, 1e-6, 1e-3, 0.3, 3.0, 1e3, 1e6])
def test_more_extremes(spec: dict[str, object], epsilon: float) -> None:
    extremes(spec, epsilon)


@every(SPECS)
def test_bad_input_is_reported_by_status(spec: dict[str, object]) -> None:
    """The very codes of the general search, and no number where there is none."""
    objective = armor.objective(spec, epsilon=0.1, kappa=0.1)
    losses = torch.tensor([[1.0, 2.0, 4.0]] * 5, dtype=torch.float64)
    losses[1, 0], losses[2, 2] = math.nan, math.inf
    weights = torch.ones_like(losses)
    weights[3, 1], weights[4] = -1.0, 0.0
    found, other = launched(objective, losses, None, weights), general(objective, losses, None, weights)
    assert found.code.tolist() == other.status.squeeze(-1).tolist()
    assert found.code.tolist()[1:] == [Status.NOT_FINITE] * 2 + [Status.BAD_WEIGHTS] * 2
    assert found.value.isnan().tolist() == [False, True, True, True, True]
    assert bool(found.weights[1:].isnan().all())


def test_costs_that_leave_nothing_or_block_some() -> None:
    objective = armor.objective("kl", epsilon=0.5, kappa=0.1)
    losses = torch.tensor([[1.0, 2.0, 4.0, 3.0]] * 5, dtype=torch.float64)
    costs = torch.zeros_like(losses)
    costs[1, 2], costs[2], costs[3], costs[4, 0] = math.inf, math.inf, 0.75, -1.0
    found, other = launched(objective, losses, costs), general(objective, losses, costs, None)
    codes = [Status.INTERIOR, Status.INTERIOR, Status.INFEASIBLE, Status.INFEASIBLE, Status.NOT_FINITE]
    assert found.code.tolist() == other.status.squeeze(-1).tolist() == codes
    assert found.value[2:4].tolist() == [-math.inf] * 2
    assert float(found.weights[1, 2]) == 0.0
    torch.testing.assert_close(found.value[:2], other.value[:2, 0], rtol=0, atol=1e-12)
    torch.testing.assert_close(found.weights[:2], other.weights[:2])


@every(SPECS)
def test_radii_and_penalties_per_problem(spec: dict[str, object]) -> None:
    """Tensors of radii and penalties, as a compiled pre-flight passes them; broadcast leading axes."""
    losses = torch.randn(3, 1, 9, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    epsilon = torch.tensor([[1e-3], [0.7]], dtype=torch.float64)
    kappa = torch.tensor([[0.0], [0.25]], dtype=torch.float64)
    objective = armor.objective(spec, epsilon=1.0)
    found = objective.evaluate(losses, None, None, epsilon, kappa)
    assert found.value.shape == (3, 2)
    assert found.weights.shape == (3, 2, 9)
    for i in range(3):
        for k in range(2):
            alone = objective.replace(epsilon=float(epsilon[k, 0]), kappa=float(kappa[k, 0]))(losses[i, 0])
            assert float(found.value[i, k]) == float(alone.value)
            assert float(found.lam[i, k]) == float(alone.lam)


@every(SPECS)
def test_the_step_at_a_given_mu(spec: dict[str, object]) -> None:
    """`at`, its limit at 0 among them, against the general search."""
    losses = torch.randn(9, generator=torch.Generator().manual_seed(8), dtype=torch.float64)
    objective = armor.objective(spec, epsilon=0.1)
    for mu in (0.0, 0.7, torch.tensor(0.7, dtype=torch.float64)):
        found = objective.at(losses, mu=mu)
        assert found.status.ok
        fused._refused.update(("kl", "power"))
        try:
            other = objective.at(losses[None], mu=float(mu))
        finally:
            fused._refused.clear()
        assert float(found.value) == pytest.approx(float(other.value[0]), abs=1e-12)
        torch.testing.assert_close(found.weights, other.weights[0], rtol=1e-9, atol=1e-12)


@every([SPECS[i] for i in (0, 1, 4)])
def test_derivatives_by_finite_differences(spec: dict[str, object]) -> None:
    """T12: what a kernel leaves for the second derivative is right."""
    generator = torch.Generator().manual_seed(5)
    inputs = [torch.rand(4, generator=generator, dtype=torch.float64).requires_grad_()]
    if spec["name"] == "kl":
        inputs.append((0.02 * torch.rand(4, generator=generator, dtype=torch.float64)).requires_grad_())
    objective = armor.objective(spec, epsilon=0.1, kappa=0.1)
    assert torch.autograd.gradcheck(lambda *x: objective(*x).value, inputs)
    assert torch.autograd.gradgradcheck(lambda *x: objective(*x).value, inputs)


@every(SPECS)
def test_a_compiled_graph_runs_the_kernel(spec: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    torch._dynamo.reset()
    count = []
    real = fused.launch
    monkeypatch.setattr(base, "launch", lambda *a, **k: (count.append(a), real(*a, **k))[1])
    losses = torch.randn(9, generator=torch.Generator().manual_seed(9), dtype=torch.float64).requires_grad_()
    objective = armor.objective(spec, epsilon=0.1, kappa=0.1)
    value = torch.compile(lambda x: objective(x).value, fullgraph=True, backend="aot_eager")(losses)
    assert len(count) == 1
    plain = objective(losses)
    assert float(value.detach()) == pytest.approx(float(plain.value.detach()), abs=1e-14)
    (gradient,) = torch.autograd.grad(value, losses)
    torch.testing.assert_close(gradient, plain.weights)


@every([SPECS[i] for i in (0, 1, 3)])
@pytest.mark.parametrize("count", [200, fused.LONG + 11])
def test_a_row_of_several_tiles(spec: dict[str, object], count: int) -> None:
    """From `LONG` samples on single precision goes first; the certified gap is that of float64."""
    generator = torch.Generator().manual_seed(10)
    losses = torch.randn(count, generator=generator, dtype=torch.float64).exp()
    weights = torch.rand(count, generator=generator, dtype=torch.float64)
    objective = armor.objective(spec, epsilon=0.1, kappa=0.1)
    found, other = (
        launched(objective, losses.float(), None, weights),
        general(objective, losses.float().double(), None, weights),
    )
    scale = float(losses.max())
    assert found.status.ok
    assert abs(float(found.gap)) <= 1e-9 * scale
    assert float(found.value) == pytest.approx(float(other.value), rel=1e-6)
    assert float(found.lam) + 0.1 == pytest.approx(float(other.mu), rel=1e-6)
    torch.testing.assert_close(found.weights, other.weights, rtol=1e-5, atol=1e-12)


def test_losses_whose_range_overflows_are_never_optimal() -> None:
    x = torch.tensor([1e308, -1e308, 0.0], dtype=torch.float64)
    for spec in SPECS[:2]:
        with np.errstate(all="ignore"):
            s = launched(armor.objective(spec, epsilon=0.1), x)
        assert s.status == Status.UNCONVERGED


def test_what_no_kernel_covers_is_left_to_the_general_search() -> None:
    losses = torch.ones(3)
    for spec, costs, covered in (
        ({"name": "kl"}, torch.zeros(3), True),
        ({"name": "renyi", "alpha": 2.0}, None, True),
        ({"name": "renyi", "alpha": 2.0}, torch.zeros(3), False),
        ({"name": "renyi", "alpha": 100.0}, None, False),
        ({"name": "renyi", "alpha": 1.001}, None, False),
        ({"name": "alpha", "alpha": "5/2"}, None, True),
        ({"name": "tv"}, None, False),
    ):
        kernel = armor.objective(spec, epsilon=0.1)._fused(costs)
        assert (kernel is not None and fused.usable(kernel, losses, costs)) == covered
    kernel = fused.Kernel("kl")
    assert not fused.usable(kernel, torch.ones(fused.LIMIT + 1), None)
    assert not fused.usable(kernel, torch.ones(0, 3), None)


@pytest.mark.slow
@every([*SPECS[:2], {"name": "alpha", "alpha": 2.5}])
@pytest.mark.parametrize("compiled", [False, True])
def test_the_preflight_judges_the_kernels(
    spec: dict[str, object], compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It accepts them, and refuses one whose launch forgets the penalty."""
    objective = armor.objective(spec, epsilon=0.1, kappa=0.1)
    assert preflight.run(objective, compile=compiled).outcome == "holds"
    real = fused.launch

    def forgetful(kernel: fused.Kernel, *given: Any, twice: bool) -> Any:
        losses, costs, weights, epsilon, kappa, steps = given
        return real(kernel, losses, costs, weights, epsilon, 0.0 * kappa, steps, twice=twice)

    monkeypatch.setattr(base, "launch", forgetful)
    with pytest.raises(preflight.PreflightRefusal):
        preflight.run(objective, compile=compiled)


@triton.jit
def _elementary(x, exps, expm1s, logs, log1ps, N: tl.constexpr):  # type: ignore[no-untyped-def]
    at = tl.arange(0, N)
    here = tl.load(x + at)
    part, scale = expm1_parts(here)
    tl.store(exps + at, exp64(here))
    tl.store(expm1s + at, part + (scale - 1.0))
    tl.store(logs + at, log64(here))
    tl.store(log1ps + at, log1p64(here))


def test_the_elementary_functions() -> None:
    """To a few ulps of the library's, over all magnitudes; their ends as documented."""
    generator = torch.Generator().manual_seed(11)
    small = torch.exp(torch.empty(1024, dtype=torch.float64).uniform_(-80, 6, generator=generator))
    for x in (small, -small):
        out = [torch.empty_like(x) for _ in range(4)]
        _elementary[(1,)](x, *out, N=1024)
        torch.testing.assert_close(out[0], torch.exp(x), rtol=1e-15, atol=1e-300)
        torch.testing.assert_close(out[1], torch.expm1(x), rtol=1e-15, atol=0)
    out = [torch.empty_like(small) for _ in range(4)]
    wide = torch.exp(torch.empty(1024, dtype=torch.float64).uniform_(-700, 700, generator=generator))
    _elementary[(1,)](wide, *out, N=1024)
    torch.testing.assert_close(out[2], torch.log(wide), rtol=1e-15, atol=1e-16)
    torch.testing.assert_close(out[3], torch.log1p(wide), rtol=1e-15, atol=0)
    near = -torch.rand(1024, generator=generator, dtype=torch.float64)
    _elementary[(1,)](near, *out, N=1024)
    torch.testing.assert_close(out[3], torch.log1p(near), rtol=4e-16, atol=1e-15)
    ends = torch.tensor([math.inf, -math.inf, math.nan, 0.0], dtype=torch.float64).repeat(256)
    _elementary[(1,)](ends, *out, N=1024)
    assert out[0][:4].tolist()[1] == 0.0
    assert out[0][0] > 1e303
    assert out[2][0] == math.inf
    assert out[2][3] == pytest.approx(math.log(2.2250738585072014e-308))
