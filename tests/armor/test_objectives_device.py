"""What an accelerator asks of every objective: one graph, no wait for the device, capture in a CUDA graph."""

import pytest
import torch
from torch import Tensor

import armor
from armor.objectives import Objective, names

PARAMETERS = {"alpha": {"alpha": 2.5}, "renyi": {"alpha": 1.25}, "cvar": {"beta": 0.3}}
SPECS = [{"name": name, **PARAMETERS.get(name, {})} for name in names()]
cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def _name(spec: dict[str, object]) -> str:
    return str(spec["name"])


def _step(objective: Objective, losses: Tensor) -> tuple[Tensor, Tensor]:
    solution = objective.evaluate(losses, None, None, objective.epsilon, objective.kappa)
    return solution.value, solution.weights


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS, ids=_name)
def test_every_objective_is_one_graph(spec: dict[str, object]) -> None:
    """`torch.compile(fullgraph=True)` raises where Python or a host value breaks the graph."""
    torch._dynamo.reset()
    losses = torch.randn(8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    objective = armor.objective(spec, epsilon=0.1, kappa=0.1, iterations=8)
    compiled = torch.compile(lambda x: _step(objective, x), fullgraph=True, backend="aot_eager")
    value, weights = compiled(losses)
    exact = objective(losses)
    assert float(value) == pytest.approx(float(exact.value), abs=1e-6)
    assert float(weights.sum()) == pytest.approx(1.0, abs=1e-9)


@cuda
@pytest.mark.cuda
@pytest.mark.parametrize("spec", SPECS, ids=_name)
def test_no_objective_waits_for_the_device(spec: dict[str, object]) -> None:
    """Forward and backward under the debug mode that raises on every synchronisation."""
    losses = torch.randn(128, device="cuda").requires_grad_()
    objective = armor.objective(spec, epsilon=0.1, kappa=0.1)
    objective(losses).value.backward()  # constants travel once
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        objective(losses).value.backward()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert losses.grad is not None


@cuda
@pytest.mark.cuda
@pytest.mark.parametrize("spec", SPECS, ids=_name)
def test_every_objective_is_captured_in_a_cuda_graph(spec: dict[str, object]) -> None:
    losses = torch.randn(128, device="cuda")
    objective = armor.objective(spec, epsilon=0.1, kappa=0.1)
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for _ in range(3):
            objective(losses)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        value = objective(losses).value
    losses.copy_(torch.randn(128, device="cuda"))
    graph.replay()
    assert float(value) == pytest.approx(float(objective(losses.cpu().double()).value), abs=1e-5)
