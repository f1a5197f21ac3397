"""Running a fused kernel in Triton's interpreter: what the interpreted tests share."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import strategies as st
from torch import Tensor

from armor.objectives import Objective, Solution, fused


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
