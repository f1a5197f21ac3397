"""What every objective must satisfy: a divergence added to the catalogue is tested without a new line.

Against the exact solver of the verification layer (T6, T7), with witnesses judged by formulas of their own
(T11), and for the relations that need no other program (T12, T13, T20, T22).
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

import armor
from armor.objectives import Objective, Status, names
from armor.objectives.arrays import torch_ops
from armor.preflight.witness import evaluate

PARAMETERS: dict[str, tuple[Mapping[str, float], ...]] = {
    "alpha": ({"alpha": 6.0}, {"alpha": 1.5}, {"alpha": 0.5}, {"alpha": -1.0}),
    "renyi": ({"alpha": 1.25}, {"alpha": 2.95}, {"alpha": 0.4}),
    "cvar": ({"beta": 0.3},),
}
SPECS: list[dict[str, object]] = [
    {"name": name, **parameters} for name in names() for parameters in PARAMETERS.get(name, ({},))
]
EXPRESSIONS: list[dict[str, object]] = [{"f": "(sqrt(t)-1)**2"}, {"f": "Max(t-1,0)**2+Abs(t-1)"}]
STEEP: list[dict[str, object]] = [
    *({"name": "alpha", "alpha": a} for a in (-20.0, -5.0, 10.0)),
    *({"name": "renyi", "alpha": a} for a in (10.0, 100.0)),
]
SMOOTH = [s for s in SPECS if s["name"] not in ("tv", "cvar", "none")]
ALL = SPECS + EXPRESSIONS
KAPPAS = (0.0, 0.125, 2.0)
QUICK = settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
THOROUGH = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def _name(spec: Mapping[str, object]) -> str:
    return "-".join(map(str, spec.values()))


def every(specs: list[dict[str, object]]) -> Any:
    return pytest.mark.parametrize("spec", specs, ids=_name)


@st.composite
def problems(draw: st.DrawFn, *, costly: bool = True) -> dict[str, Any]:
    """Dyadic data: losses with ties and outliers, integer weights, costs below the radius (or infinite)."""
    n = draw(st.integers(1, 7))
    scale = draw(st.sampled_from([2.0**-8, 1.0, 2.0**8]))
    losses = [scale * k / 16 for k in draw(st.lists(st.integers(-64, 64), min_size=n, max_size=n))]
    if draw(st.booleans()):
        losses[0] = scale * 1024.0
    weights = draw(st.lists(st.integers(1, 9), min_size=n, max_size=n))
    epsilon = 2.0 ** draw(st.integers(-20, 2))
    costs = None
    if costly and draw(st.booleans()):
        # At most half of the radius: the untransported re-weighting stays feasible for every divergence.
        costs = [epsilon * k / 32 for k in draw(st.lists(st.integers(0, 16), min_size=n, max_size=n))]
    return {
        "losses": losses,
        "weights": weights,
        "costs": costs,
        "epsilon": epsilon,
        "kappa": draw(st.sampled_from(KAPPAS)),
    }


def _tensors(problem: Mapping[str, Any]) -> tuple[Tensor, Tensor | None, Tensor]:
    losses = torch.tensor(problem["losses"], dtype=torch.float64)
    costs = None if problem["costs"] is None else torch.tensor(problem["costs"], dtype=torch.float64)
    return losses, costs, torch.tensor(problem["weights"], dtype=torch.float64)


def _objective(spec: Mapping[str, object], problem: Mapping[str, Any]) -> Objective:
    return armor.objective(spec, epsilon=problem["epsilon"], kappa=problem["kappa"])


def _scale(problem: Mapping[str, Any]) -> float:
    losses = problem["losses"]
    return max(map(abs, losses)) + max(losses) - min(losses) + problem["kappa"]


def _exact(spec: Mapping[str, object], problem: Mapping[str, Any]) -> Any:
    from verification.instance import from_mapping
    from verification.solve import dro

    n, total = len(problem["losses"]), sum(problem["weights"])
    costs = problem["costs"] or [0.0] * n
    return dro(
        from_mapping(
            {
                "divergence": dict(spec),
                "cost": [
                    [costs[i] if i == j and costs[i] < math.inf else None for j in range(n)] for i in range(n)
                ],
                "p": [f"{k}/{total}" for k in problem["weights"]],
                "phi": problem["losses"],
                "epsilon": problem["epsilon"],
                "kappa": problem["kappa"],
                "support": "reference",
            }
        )
    )


def _check_against_exact(spec: Mapping[str, object], problem: Mapping[str, Any]) -> None:
    solution = _objective(spec, problem)(*_tensors(problem))
    exact = _exact(spec, problem)
    tolerance = 1e-9 * _scale(problem)
    assert exact.upper - exact.lower <= tolerance
    assert exact.lower - tolerance <= float(solution.value) <= exact.upper + tolerance
    assert solution.status.ok
    assert abs(float(solution.gap)) <= tolerance


@every(SPECS)
@QUICK
@given(problem=problems())
def test_the_value_is_the_exact_solvers(spec: dict[str, object], problem: dict[str, Any]) -> None:
    """T6, T7 (T8, T9, T10): inside the proved interval, to 1e-9 of the losses' scale."""
    _check_against_exact(spec, problem)


@pytest.mark.slow
@every(SPECS)
@THOROUGH
@given(problem=problems())
def test_the_value_is_the_exact_solvers_on_many(spec: dict[str, object], problem: dict[str, Any]) -> None:
    """The same on 150 instances per divergence."""
    _check_against_exact(spec, problem)


@every(SPECS)
def test_infinite_costs_block_their_samples(spec: dict[str, object]) -> None:
    """T6: data, not large numbers: a sample that reaches nothing carries no mass, or no mass fits at all."""
    problem = {
        "losses": [0.5, 4.0, 1.25, 2.0],
        "weights": [3, 1, 2, 2],
        "costs": [0.0, math.inf, 0.015625, 0.0],
        "epsilon": 4.0,
        "kappa": 0.125,
    }
    solution = _objective(spec, problem)(*_tensors(problem))
    exact = _exact(spec, problem)
    if exact.upper == -math.inf:
        assert solution.status is Status.INFEASIBLE
        assert float(solution.value) == -math.inf
        return
    assert exact.lower - 1e-8 <= float(solution.value) <= exact.upper + 1e-8
    assert solution.status.ok
    assert float(solution.weights[1]) == 0.0


@every(ALL)
def test_a_cost_that_all_pay_up_to_the_radius(spec: dict[str, object]) -> None:
    """T7: at the radius itself only what costs nothing is left, with more nothing is."""
    problem = {"losses": [0.5, 4.0, 1.25], "weights": [3, 1, 4], "epsilon": 0.25, "kappa": 0.125}
    problem["costs"] = [0.25] * 3
    solution, exact = _objective(spec, problem)(*_tensors(problem)), _exact(spec, problem)
    assert solution.status.ok
    assert exact.lower - 1e-8 <= float(solution.value) <= exact.upper + 1e-8
    problem["costs"] = [0.2501] * 3
    above = _objective(spec, problem)(*_tensors(problem))
    assert above.status is Status.INFEASIBLE
    assert float(above.value) == -math.inf


@every(ALL)
@settings(QUICK, max_examples=15)
@given(problem=problems())
def test_the_witnesses_meet_at_the_value(spec: dict[str, object], problem: dict[str, Any]) -> None:
    """T7, T11: (lambda, rho) and the weights give the value, by independent formulas."""
    losses, costs, weights = _tensors(problem)
    solution = _objective(spec, problem)(losses, costs, weights)
    lam, rho = float(solution.lam), float(solution.rho)
    seen = evaluate(
        spec,
        losses.numpy(),
        None if costs is None else costs.numpy(),
        weights.numpy(),
        problem["epsilon"],
        problem["kappa"],
        lam,
        rho,
        solution.weights.numpy(),
    )
    scale = _scale(problem)
    cancel = 1e-14 * (lam + abs(rho)) * (1 + math.log1p(lam))
    assert lam >= 0
    assert seen.mass == pytest.approx(1, abs=1e-13)
    assert seen.spent <= problem["epsilon"] * (1 + 1e-6) + 1e-12
    assert seen.primal == pytest.approx(
        float(solution.value), abs=1e-9 * scale + 1e-6 * lam * problem["epsilon"]
    )
    assert seen.dual == pytest.approx(float(solution.value), abs=1e-9 * scale + cancel)


@every(ALL)
@settings(QUICK, max_examples=10)
@given(problem=problems(), a=st.sampled_from([2.0**-6, 3.0, 64.0]), b=st.sampled_from([-100.0, 0.5]))
def test_equivariance(spec: dict[str, object], problem: dict[str, Any], a: float, b: float) -> None:
    """T20: `V_{a kappa}(a l + b) = a V_kappa(l) + b`, lambda scales, and the order of the samples is
    nothing.
    """
    losses, costs, weights = _tensors(problem)
    base = _objective(spec, problem)(losses, costs, weights)
    moved = armor.objective(spec, epsilon=problem["epsilon"], kappa=a * problem["kappa"])
    other = moved(a * losses + b, costs, weights)
    flipped = _objective(spec, problem)(
        losses.flip(0), None if costs is None else costs.flip(0), weights.flip(0)
    )
    tolerance = 1e-9 * (a * _scale(problem) + abs(b))
    assert float(other.value) == pytest.approx(a * float(base.value) + b, abs=tolerance)
    assert float(flipped.value) == pytest.approx(float(base.value), abs=1e-9 * _scale(problem))


@every(ALL)
@settings(QUICK, max_examples=10)
@given(problem=problems(costly=False))
def test_splitting_a_sample_changes_nothing(spec: dict[str, object], problem: dict[str, Any]) -> None:
    """T20: copies that share a sample's mass leave the value."""
    losses, _, weights = _tensors(problem)
    objective = _objective(spec, problem)
    whole = objective(losses, None, weights)
    parts = objective(
        torch.cat([losses, losses[:1]]),
        None,
        torch.cat([0.25 * weights[:1], weights[1:], 0.75 * weights[:1]]),
    )
    assert float(parts.value) == pytest.approx(float(whole.value), abs=1e-9 * _scale(problem))


@every(ALL)
@settings(QUICK, max_examples=10)
@given(problem=problems(costly=False))
def test_order(spec: dict[str, object], problem: dict[str, Any]) -> None:
    """T13: between mean and maximum, nondecreasing and concave in epsilon."""
    losses, _, weights = _tensors(problem)
    mean, top = float((weights * losses).sum() / weights.sum()), max(problem["losses"])
    values = []
    for factor in (0.5, 1.0, 1.5):
        objective = armor.objective(spec, epsilon=factor * problem["epsilon"], kappa=problem["kappa"])
        values.append(float(objective(losses, None, weights).value))
    tolerance = 1e-9 * _scale(problem)
    assert all(mean - tolerance <= v <= top + tolerance for v in values)
    assert values[0] <= values[1] + tolerance
    assert values[1] <= values[2] + tolerance
    assert values[1] >= 0.5 * (values[0] + values[2]) - tolerance


@every(ALL)
@settings(QUICK, max_examples=8)
@given(problem=problems())
def test_sensitivities(spec: dict[str, object], problem: dict[str, Any]) -> None:
    """T22: lambda is a supergradient of the value in epsilon, and kappa only clamps mu."""
    losses, costs, weights = _tensors(problem)
    epsilon, kappa = problem["epsilon"], problem["kappa"]
    solution = _objective(spec, problem)(losses, costs, weights)
    tolerance = 1e-9 * _scale(problem)
    for factor in (0.75, 1.25):
        other = armor.objective(spec, epsilon=factor * epsilon, kappa=kappa)(losses, costs, weights)
        bound = float(solution.value) + float(solution.lam) * (factor - 1) * epsilon
        assert float(other.value) <= bound + tolerance
    free = armor.objective(spec, epsilon=epsilon, kappa=0.0)(losses, costs, weights)
    if float(solution.lam) > 0:
        # The clamp is idle: the whole radius is spent at either penalty.
        assert float(solution.value) == pytest.approx(
            float(free.value) - kappa * epsilon, abs=1e-8 * _scale(problem)
        )
    else:
        assert (
            float(free.lam) <= kappa * (1 + 1e-9) or float(free.value) - float(solution.value) >= -tolerance
        )


@every(SMOOTH)
def test_derivatives_by_finite_differences(spec: dict[str, object]) -> None:
    """T12: first and second derivatives where the optimum is smooth."""
    generator = torch.Generator().manual_seed(5)
    losses = torch.rand(4, generator=generator, dtype=torch.float64).requires_grad_()
    costs = (0.02 * torch.rand(4, generator=generator, dtype=torch.float64)).requires_grad_()
    for epsilon, kappa in ((0.1, 0.1), (300.0, 0.5)):
        objective = armor.objective(spec, epsilon=epsilon, kappa=kappa)
        assert torch.autograd.gradcheck(lambda x, c, o=objective: o(x, c).value, (losses, costs))
        assert torch.autograd.gradgradcheck(lambda x, c, o=objective: o(x, c).value, (losses, costs))


@pytest.mark.parametrize("name", ["tv", "cvar", "none"])
def test_kinks_have_a_first_derivative_and_refuse_a_wrong_second(name: str) -> None:
    spec = {"name": name, **PARAMETERS.get(name, ({},))[0]}
    generator = torch.Generator().manual_seed(6)
    losses = torch.rand(6, generator=generator, dtype=torch.float64).requires_grad_()
    costs = (0.02 * torch.rand(6, generator=generator, dtype=torch.float64)).requires_grad_()
    objective = armor.objective(spec, epsilon=0.1, kappa=0.05)
    assert torch.autograd.gradcheck(lambda x, c: objective(x, c).value, (losses, costs))
    assert torch.autograd.gradgradcheck(lambda x: objective(x).value, (losses,))
    (gradient,) = torch.autograd.grad(objective(losses, costs).value, losses, create_graph=True)
    with pytest.raises(RuntimeError, match="kinks"):
        gradient.square().sum().backward()


@every(ALL + STEEP)
@pytest.mark.parametrize("epsilon", [1e-12, 1e-3, 0.3, 1e6])
@pytest.mark.parametrize("kappa", [0.0, 0.5])
def test_extremes(spec: dict[str, object], epsilon: float, kappa: float) -> None:
    """One sample, equal losses, an outlier of 1e6, a masked infinity, bf16: finite, certified, said."""
    objective = armor.objective(spec, epsilon=epsilon, kappa=kappa)
    single = objective(torch.tensor([2.5], dtype=torch.float64))
    equal = objective(torch.full((9,), 2.5, dtype=torch.float64))
    for solution in (single, equal):
        assert solution.status.ok
        assert float(solution.value) == pytest.approx(2.5, abs=1e-12)
    outlier = torch.rand(32, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    outlier[3] = 1e6
    solution = objective(outlier)
    assert solution.status.ok
    assert abs(float(solution.gap)) <= 1e-9 * 2e6
    masked = torch.cat([outlier[:8], torch.tensor([math.inf], dtype=torch.float64)])
    weights = torch.ones(9, dtype=torch.float64)
    weights[8] = 0.0
    assert float(objective(masked, None, weights).value) == pytest.approx(
        float(objective(outlier[:8]).value), rel=1e-12
    )
    half = torch.randn(32, generator=torch.Generator().manual_seed(2)).bfloat16()
    assert float(objective(half).value) == float(objective(half.double()).value.float())


@every(ALL)
def test_the_device_path_agrees(spec: dict[str, object]) -> None:
    """The fixed-budget torch solver (accelerators, compiled code), here on the CPU, against the NumPy one."""
    generator = torch.Generator().manual_seed(4)
    losses = torch.randn(3, 16, generator=generator, dtype=torch.float64)
    weights = torch.rand(3, 16, generator=generator, dtype=torch.float64)
    for epsilon, kappa in ((1e-6, 0.0), (0.1, 0.2), (0.1, 0.0)):
        objective = armor.objective(spec, epsilon=epsilon, kappa=kappa)
        host = objective(losses, None, weights)
        device = objective._prepare_and_solve(torch_ops, losses, None, weights, epsilon, kappa)
        assert torch.allclose(device.value.squeeze(-1), host.value, rtol=0, atol=1e-9)
        assert bool((device.status <= int(Status.INACTIVE)).all())
        assert host.value.shape == (3,)
        for k in range(3):
            alone = objective(losses[k], None, weights[k])
            assert float(alone.value) == pytest.approx(float(host.value[k]), abs=1e-12)


@settings(QUICK, max_examples=8)
@given(problem=problems(costly=True))
def test_kl_equals_the_conic_program(problem: dict[str, Any]) -> None:
    """T6 as CVXPY sees it: maximise over re-weightings, no duality involved."""
    cp = pytest.importorskip("cvxpy")
    problem = {**problem, "epsilon": max(problem["epsilon"], 2.0**-8)}
    losses, scale = np.array(problem["losses"]), _scale(problem) + 2.0**-20
    costs = np.array(problem["costs"] or [0.0] * losses.size)
    p = np.array(problem["weights"]) / sum(problem["weights"])
    w = cp.Variable(losses.size, nonneg=True)
    spent = cp.sum(cp.rel_entr(w, p)) + costs @ w
    goal = cp.Maximize((losses / scale) @ w - problem["kappa"] / scale * spent)
    value = cp.Problem(goal, [cp.sum(w) == 1, spent <= problem["epsilon"]]).solve(solver=cp.CLARABEL)
    solution = _objective({"name": "kl"}, problem)(*_tensors(problem))
    assert float(solution.value) == pytest.approx(scale * value, abs=1e-6 * scale)
