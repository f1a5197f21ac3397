"""What an accelerator asks of every objective: one graph, no wait for the device, capture in a CUDA graph."""

import copy
import gc
import pickle

import pytest
import torch
from torch import Tensor

import armor
from armor.objectives import names

PARAMETERS = {"alpha": {"alpha": 2.5}, "renyi": {"alpha": 1.25}, "cvar": {"beta": 0.3}}
SPECS = [{"name": name, **PARAMETERS.get(name, {})} for name in names()]
cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def _name(spec: dict[str, object]) -> str:
    return str(spec["name"])


def _data(*shape: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    losses = torch.randn(shape, generator=generator, dtype=torch.float64)
    costs = 0.1 * torch.rand(shape, generator=generator, dtype=torch.float64)
    weights = torch.rand(shape, generator=generator, dtype=torch.float64)
    weights[..., 0] = 0.0  # a masked sample
    costs[..., 0] = torch.inf
    return losses, costs, weights


@pytest.mark.parametrize("spec", [*SPECS, {"f": "(t-1)**2/2"}], ids=str)
@pytest.mark.parametrize(
    ("shape", "full"), [((9,), False), ((2, 9), True)], ids=["losses", "batched, costs and weights"]
)
def test_every_objective_is_one_graph(spec: dict[str, object], shape: tuple[int, ...], full: bool) -> None:
    """`torch.compile(fullgraph=True)` raises where Python or a host value breaks the graph."""
    torch._dynamo.reset()
    objective = armor.objective(spec, epsilon=1.0, kappa=0.1)
    losses, costs, weights = _data(*shape)
    losses.requires_grad_()
    costs.requires_grad_()
    extra = (costs, weights) if full else (None, None)

    def step(losses: Tensor, costs: Tensor | None, weights: Tensor | None) -> tuple[Tensor, ...]:
        solution = objective(losses, costs, weights)
        bound = objective.at(losses, costs, weights, mu=0.7)
        return solution.value, solution.weights, solution.lam, solution.gap, solution.code, bound.value

    found = torch.compile(step, fullgraph=True, backend="aot_eager")(losses, *extra)
    exact = step(losses, *extra)
    for one, other in zip(found, exact, strict=True):
        assert one.shape == other.shape
        assert one.dtype == other.dtype
        torch.testing.assert_close(one, other, atol=1e-8, rtol=1e-8)
    inputs = (losses, costs) if full else (losses,)
    for one, other in zip(
        torch.autograd.grad(found[0].sum() + found[5].sum(), inputs),
        torch.autograd.grad(exact[0].sum() + exact[5].sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(one, other, atol=1e-7, rtol=1e-7)


@pytest.mark.slow
def test_generated_code_gives_the_same() -> None:
    """Inductor, in single precision, inside a larger graph."""
    torch._dynamo.reset()
    objective = armor.objective("kl", epsilon=0.1)

    def step(logits: Tensor) -> Tensor:
        return objective(torch.logsumexp(logits, 1) - logits[:, 0]).value

    logits = torch.randn(64, 10, generator=torch.Generator().manual_seed(1)).requires_grad_()
    compiled = torch.compile(step, fullgraph=True)(logits)
    (found,) = torch.autograd.grad(compiled, logits)
    (exact,) = torch.autograd.grad(step(logits), logits)
    torch.testing.assert_close(compiled, step(logits))
    torch.testing.assert_close(found, exact)


def test_a_graph_does_not_outlive_or_mix_its_objectives() -> None:
    """Copies and pickles solve for themselves, at their own radius."""
    torch._dynamo.reset()
    losses = _data(9)[0]
    first = armor.objective("kl", epsilon=0.5)
    others = [first.replace(epsilon=0.1, kappa=0.0), copy.deepcopy(first), pickle.loads(pickle.dumps(first))]
    expected = [float(o(losses).value) for o in others]
    keys = {first.key, *(o.key for o in others)}
    assert len(keys) == 4
    del first
    gc.collect()
    for objective, value in zip(others, expected, strict=True):
        found = torch.compile(lambda x, o=objective: o(x).value, fullgraph=True, backend="aot_eager")(losses)
        assert float(found) == pytest.approx(value, abs=1e-12)


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
