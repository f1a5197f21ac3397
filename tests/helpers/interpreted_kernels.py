"""Running a fused kernel in Triton's interpreter: what the interpreted tests share."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import torch
from hypothesis import strategies as st
from torch import Tensor

import armor
from armor.objectives import Objective, Solution, Status
from armor.objectives.fused import dispatch as fused
from armor.objectives.solution import Dual

General = Callable[[Objective, Tensor, Tensor | None, Tensor | None], Dual]  # a solver that is no kernel


def every(specs: list[dict[str, object]]) -> Any:
    return pytest.mark.parametrize("spec", specs, ids=lambda s: "-".join(map(str, s.values())))


@pytest.fixture(autouse=True)
def tensors_on_the_cpu_are_the_kernels_business(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(fused, "runs_on", lambda device: device.type == "cpu")
    monkeypatch.setattr(Objective, "_quick", lambda *_: None)
    yield
    assert not fused._refused


def launched(objective: Objective, *given: Tensor | None) -> Solution:
    """The solution, which must come from a kernel."""
    kernel = objective._fused(given[1] if len(given) > 1 else None)
    assert kernel is not None
    assert isinstance(given[0], Tensor)
    assert fused.usable(kernel, given[0], None)
    return objective(*given)  # type: ignore[arg-type]


@st.composite
def problems(draw: st.DrawFn, *, costly: bool) -> dict[str, Any]:
    """Dyadic data: losses with ties and outliers, integer weights, costs below the radius."""
    n = draw(st.integers(1, 7))
    scale = draw(st.sampled_from([2.0**-8, 1.0, 2.0**8]))
    losses = [scale * k / 16 for k in draw(st.lists(st.integers(-64, 64), min_size=n, max_size=n))]
    if draw(st.booleans()):
        losses[0] = scale * 1024.0
    epsilon = 2.0 ** draw(st.integers(-20, 2))
    costs = None
    if costly and draw(st.booleans()):
        costs = [epsilon * k / 32 for k in draw(st.lists(st.integers(0, 16), min_size=n, max_size=n))]
    return {
        "losses": losses,
        "weights": draw(st.lists(st.integers(1, 9), min_size=n, max_size=n)),
        "costs": costs,
        "epsilon": epsilon,
        "kappa": draw(st.sampled_from([0.0, 0.125, 2.0])),
    }


def exactly(spec: Mapping[str, object], problem: Mapping[str, Any]) -> Any:
    from verification.instance import from_mapping
    from verification.solve import dro

    n, total = len(problem["losses"]), sum(problem["weights"])
    costs = problem["costs"] or [0.0] * n
    return dro(
        from_mapping(
            {
                "divergence": dict(spec),
                "cost": [[costs[i] if i == j else None for j in range(n)] for i in range(n)],
                "p": [f"{k}/{total}" for k in problem["weights"]],
                "phi": problem["losses"],
                "epsilon": problem["epsilon"],
                "kappa": problem["kappa"],
                "support": "reference",
            }
        )
    )


def check(spec: Mapping[str, object], problem: Mapping[str, Any], general: General, *, exact: bool) -> None:
    """As `general` solves it: status, value, a distribution, a closed gap; exact: in the proved interval."""
    objective = armor.objective(spec, epsilon=problem["epsilon"], kappa=problem["kappa"])
    losses, costs, weights = (
        None if problem[k] is None else torch.tensor(problem[k], dtype=torch.float64)
        for k in ("losses", "costs", "weights")
    )
    assert losses is not None
    found = launched(objective, losses, costs, weights)
    other = general(objective, losses, costs, weights)
    assert int(found.code) == int(other.status.item())
    if found.status is Status.INFEASIBLE:
        assert float(found.value) == -math.inf
        return
    scale = float(losses.abs().max() + losses.max() - losses.min()) + problem["kappa"]
    assert found.status.ok
    assert abs(float(found.gap)) <= 1e-9 * scale
    assert float(found.value) == pytest.approx(other.value.item(), abs=1e-9 * scale)
    assert float(found.weights.sum()) == pytest.approx(1.0, abs=1e-13)
    assert bool((found.weights >= 0).all())
    if exact:
        enclosed = exactly(spec, problem)
        assert enclosed.lower - 1e-9 * scale <= float(found.value) <= enclosed.upper + 1e-9 * scale


def extremes(spec: Mapping[str, object], epsilon: float) -> None:
    """One sample, equal losses, an outlier of 1e6, a masked infinity, bf16: finite, certified, said."""
    objective = armor.objective(spec, epsilon=epsilon, kappa=0.5 if epsilon == 1e-3 else 0.0)
    for n in (1, 9):
        even = launched(objective, torch.full((n,), 2.5, dtype=torch.float64))
        assert even.status.ok
        assert float(even.value) == pytest.approx(2.5, abs=1e-12)
    outlier = torch.rand(32, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    outlier[3] = 1e6
    far = launched(objective, outlier)
    assert far.status.ok
    assert abs(float(far.gap)) <= 1e-9 * 2e6
    assert float(outlier.mean()) - 1e-3 <= float(far.value) <= 1e6 + 1e-3
    weights = torch.ones(33, dtype=torch.float64)
    weights[32] = 0.0
    masked = launched(objective, torch.cat([outlier, torch.tensor([math.nan])]), None, weights)
    assert float(masked.value) == pytest.approx(float(far.value), rel=1e-12)
    assert float(masked.weights[32]) == 0.0
    half = torch.randn(32, generator=torch.Generator().manual_seed(2)).bfloat16()
    short, wide = launched(objective, half), launched(objective, half.double())
    assert short.value.dtype == torch.float32
    assert float(short.value) == float(wide.value.float())
    assert float(short.lam) == float(wide.lam)
