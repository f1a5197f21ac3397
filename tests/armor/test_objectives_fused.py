"""The fused kernels: in Triton's interpreter, compiled ahead of time for devices that are not here, on CUDA.

`interpreted_fused.py` and `interpreted_fused_f.py` hold the interpreted tests. None of this needs a GPU but
the tests marked `cuda`.
"""

import importlib.util
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

import armor
from armor.objectives import Objective
from armor.objectives.fused import dispatch as fused

SPECS: list[dict[str, object]] = [
    {"name": "kl"},
    {"name": "renyi", "alpha": 1.25},
    {"name": "alpha", "alpha": 2.5},
    {"name": "hellinger"},
    {"name": "reverse_kl"},
    {"name": "alpha", "alpha": 6},
]
COMPILED = [*SPECS[:3], SPECS[4]]
SPILLING: list[dict[str, object]] = [{"name": "js"}, {"name": "alpha", "alpha": 0.02}]  # a few numbers
COSTLY = ("kl", "reverse_kl", "js")
ROOT = Path(__file__).parents[2]
needs_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="Triton is not installed: `pip install triton`"
)
cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def _interpreted(file: str, *chosen: str) -> None:
    """Run the interpreted tests; on a machine with a GPU they stay on the CPU."""
    words = [sys.executable, "-m", "pytest", "-q", "-W", "ignore", "-p", "no:cacheprovider", *chosen]
    done = subprocess.run(
        [*words, str(ROOT / "tests/armor" / file)],
        env={**os.environ, "TRITON_INTERPRET": "1", "CUDA_VISIBLE_DEVICES": ""},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert re.search(r"\b[1-9]\d* passed", done.stdout)
    assert "skipped" not in done.stdout


FILES = ("interpreted_fused.py", "interpreted_fused_f.py")


@needs_triton
@pytest.mark.parametrize("file", FILES)
def test_the_interpreted_kernels_give_what_the_solvers_give(file: str) -> None:
    _interpreted(file)


@pytest.mark.slow
@needs_triton
@pytest.mark.parametrize("file", FILES)
def test_the_interpreted_kernels_on_many(file: str) -> None:
    _interpreted(file, "-m", "slow")


class _Absent:
    """A device of some capability that is not here, as Triton's compiler asks about it."""

    def __init__(self, capability: int) -> None:
        self.capability = capability

    def get_current_target(self) -> Any:
        from triton.backends.compiler import GPUTarget

        return GPUTarget("cuda", self.capability, 32)

    def get_current_device(self) -> int:
        return self.capability  # what is compiled is kept by this number

    def get_current_stream(self, device: int) -> int:
        return device


class _Compiling:
    """A kernel whose launch ends before the device would be asked to run."""

    def __init__(self, kernel: Any) -> None:
        self.kernel = kernel
        self.built: list[Any] = []

    def __getitem__(self, grid: tuple[int]) -> Any:
        return lambda *given, **named: self.built.append(self.kernel.warmup(*given, grid=grid, **named))


def _check_compiled(
    monkeypatch: pytest.MonkeyPatch, spec: dict[str, object], capability: int, count: int, *, full: bool
) -> None:
    """The very launch of `count` samples, compiled; `full`: with all that a problem may have."""
    import triton
    from triton.runtime import driver

    objective = armor.objective(spec, epsilon=0.1)
    asked = objective._fused(None)
    assert asked is not None
    kernel = _Compiling(fused._kernel("f" if asked.key is not None else asked.name))
    monkeypatch.setattr(fused, "_kernel", lambda _: kernel)
    monkeypatch.setattr(fused, "runs_on", lambda _: True)
    monkeypatch.setattr(Objective, "_quick", lambda *_: None)
    costs, weights = (torch.ones(2, count, dtype=torch.bfloat16) if full else None for _ in range(2))
    radius = torch.full((2, 1), 0.1, dtype=torch.float64)
    monkeypatch.setattr(driver, "_active", _Absent(capability))
    objective.evaluate(
        torch.ones(2, count).requires_grad_(full),
        costs if spec["name"] in COSTLY else None,
        weights,
        radius if full else 0.1,
        radius if full else 0.0,
    )
    assert not fused._refused
    (built,) = kernel.built
    assert f".target sm_{capability}" in built.asm["ptx"]
    assert len(built.asm["cubin"]) > 10_000
    assembler = next(Path(triton.__file__).parent.glob("backends/nvidia/bin/ptxas"))
    architecture = f"sm_{capability}{'a' if capability >= 90 else ''}"
    told = subprocess.run(
        [str(assembler), "-v", f"--gpu-name={architecture}", "-o", os.devnull, "-"],
        input=built.asm["ptx"],
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    spilled = re.search(r"(\d+) bytes spill stores", told)
    assert spilled is not None
    assert int(spilled[1]) <= (160 if spec in SPILLING else 0), told


@pytest.fixture
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Compiled anew, by Triton's own compiler."""
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path_factory.mktemp("triton")))
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)


@needs_triton
@pytest.mark.usefixtures("_own_cache")
@pytest.mark.parametrize(("capability", "count"), [(80, 128), (90, 65_536)])
@pytest.mark.parametrize("spec", COMPILED, ids=lambda s: str(s["name"]))
def test_launches_compile_for_devices_that_are_not_here(
    spec: dict[str, object], capability: int, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To a device's code, with every number of the search in registers."""
    _check_compiled(monkeypatch, spec, capability, count, full=count > 128)


@pytest.mark.slow
@needs_triton
@pytest.mark.usefixtures("_own_cache")
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("count", [128, 1024, 65_536])
@pytest.mark.parametrize("capability", [80, 86, 90])
@pytest.mark.parametrize("spec", [*COMPILED, SPECS[5], *SPILLING], ids=lambda s: str(s["name"]))
def test_every_form_of_the_kernels_compiles(
    spec: dict[str, object], capability: int, count: int, full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    _check_compiled(monkeypatch, spec, capability, count, full=full)


class _Broken:
    def __init__(self) -> None:
        self.tries = 0

    def __getitem__(self, _grid: tuple[int]) -> Any:
        def run(*_: object, **__: object) -> None:
            self.tries += 1
            raise RuntimeError("no such instruction")

        return run


def test_a_kernel_that_fails_is_left_out_after_one_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = _Broken()
    monkeypatch.setattr(fused, "runs_on", lambda _: True)
    monkeypatch.setattr(fused, "_has_triton", lambda: True)
    monkeypatch.setattr(fused, "_kernel", lambda _: broken)
    monkeypatch.setattr(fused, "_refused", set())
    objective = armor.objective("kl", epsilon=0.1)
    losses = torch.arange(6.0).reshape(2, 3)
    with pytest.warns(RuntimeWarning, match="fused kl solver cannot run here.*no such instruction"):
        first = objective(losses)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        second = objective(losses)
    assert broken.tries == 1
    assert first.status.ok
    assert torch.equal(first.value, second.value)
    assert fused.usable(fused.Kernel("power", 2.5), losses, None)  # the others are none the worse for it


def test_running_out_of_memory_is_no_reason_to_give_a_kernel_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(fused, "runs_on", lambda _: True)
    monkeypatch.setattr(fused, "_has_triton", lambda: True)
    monkeypatch.setattr(fused, "_kernel", lambda _: {(2,): full})
    monkeypatch.setattr(fused, "_refused", set())
    losses = torch.arange(6.0).reshape(2, 3)
    with pytest.raises(torch.OutOfMemoryError):
        armor.objective("kl", epsilon=0.1)(losses)
    assert fused.usable(fused.Kernel("kl"), losses, None)


def test_a_capture_that_fails_leaves_the_kernel_for_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused, "runs_on", lambda _: True)
    monkeypatch.setattr(fused, "_has_triton", lambda: True)
    monkeypatch.setattr(fused, "_kernel", lambda _: _Broken())
    monkeypatch.setattr(fused, "_refused", set())
    monkeypatch.setattr(fused, "capturing", lambda _: True)
    with pytest.warns(RuntimeWarning, match="cannot run here"):
        assert armor.objective("kl", epsilon=0.1)(torch.arange(6.0).reshape(2, 3)).status.ok
    assert fused.usable(fused.Kernel("kl"), torch.ones(3), None)


def test_an_opt_out_or_another_device_leaves_the_general_search(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel, losses = fused.Kernel("kl"), torch.ones(3)
    monkeypatch.setattr(fused, "_has_triton", lambda: True)
    monkeypatch.setattr(fused, "_refused", set())
    assert not fused.usable(kernel, losses, None)
    monkeypatch.setattr(fused, "runs_on", lambda _: True)
    assert fused.usable(kernel, losses, None)
    monkeypatch.setenv("ARMOR_NATIVE", "0")
    assert not fused.usable(kernel, losses, None)
    monkeypatch.delenv("ARMOR_NATIVE")
    monkeypatch.setattr(fused, "_has_triton", lambda: False)
    assert not fused.usable(kernel, losses, None)


@cuda
@needs_triton
@pytest.mark.cuda
@pytest.mark.parametrize("spec", SPECS, ids=lambda s: "-".join(map(str, s.values())))
@pytest.mark.parametrize("count", [1, 100, 700, 20_000])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_a_launch_agrees_with_the_eager_search(
    spec: dict[str, object], count: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = torch.Generator(device="cuda").manual_seed(0)
    losses = torch.randn(3, count, generator=generator, device="cuda").to(dtype)
    weights = torch.rand(3, count, generator=generator, device="cuda") + 1e-3
    objective = armor.objective(spec, epsilon=0.1, kappa=0.05)
    found = objective(losses, None, weights)
    assert not fused._refused
    monkeypatch.setenv("ARMOR_NATIVE", "0")
    other = objective(losses, None, weights)
    scale = float(losses.abs().max()) + 1.0
    assert torch.equal(found.code, other.code)
    assert float(found.gap.abs().max()) <= 1e-8 * scale
    torch.testing.assert_close(found.value, other.value, rtol=0, atol=1e-6 * scale)
    torch.testing.assert_close(found.weights, other.weights, rtol=1e-4, atol=1e-9)


@cuda
@needs_triton
@pytest.mark.cuda
@pytest.mark.parametrize("spec", SPECS, ids=lambda s: "-".join(map(str, s.values())))
def test_it_is_one_launch(spec: dict[str, object]) -> None:
    """Counted by the profiler; and nothing waits for the device."""
    losses = torch.randn(128, device="cuda")
    objective = armor.objective(spec, epsilon=0.1, kappa=0.1)
    objective(losses)
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as seen:
            objective(losses)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert sum(event.count for event in seen.key_averages() if event.device_type.name == "CUDA") == 1


@cuda
@needs_triton
@pytest.mark.cuda
@pytest.mark.parametrize("spec", SPECS, ids=lambda s: "-".join(map(str, s.values())))
def test_a_captured_launch_solves_what_it_finds(spec: dict[str, object]) -> None:
    losses = torch.randn(128, device="cuda")
    objective = armor.objective(spec, epsilon=0.1, kappa=0.1)
    objective(losses)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        solution = objective(losses)
    for _ in range(3):
        losses.copy_(torch.randn(128, device="cuda"))
        graph.replay()
        assert solution.status.ok
        assert float(solution.value) == pytest.approx(float(objective(losses.cpu()).value), abs=1e-5)
    assert not fused._refused


@cuda
@needs_triton
@pytest.mark.cuda
@pytest.mark.parametrize("spec", SPECS, ids=lambda s: "-".join(map(str, s.values())))
def test_a_compiled_graph_launches_the_kernel(spec: dict[str, object]) -> None:
    torch._dynamo.reset()
    losses = torch.randn(128, device="cuda").requires_grad_()
    objective = armor.objective(spec, epsilon=0.1, kappa=0.1)
    value = torch.compile(lambda x: objective(x).value, fullgraph=True)(losses)
    plain = objective(losses)
    torch.testing.assert_close(value, plain.value)
    (found,) = torch.autograd.grad(value, losses)
    torch.testing.assert_close(found, plain.weights.float())
    assert not fused._refused


@cuda
@needs_triton
@pytest.mark.cuda
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two CUDA devices")
def test_a_launch_runs_where_its_losses_are() -> None:
    """Also where another device is the current one."""
    losses = torch.randn(128, device="cuda:1")
    objective = armor.objective("kl", epsilon=0.1)
    with torch.cuda.device(0):
        solution = objective(losses)
    assert solution.weights.device == losses.device
    assert float(solution.value) == pytest.approx(float(objective(losses.cpu()).value), abs=1e-5)
    assert not fused._refused
