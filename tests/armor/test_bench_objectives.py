"""The benchmark of the dual solves measures what it says, at equal error of the value."""

import copy

import numpy as np
import pytest
import torch

import armor
from armor.bench.baselines import kl_bisection, kl_bisection_lean
from armor.bench.objectives import launch_us, run
from armor.bench.steps import measure, our_step, problem, published_step


def test_rows_compare_at_equal_error() -> None:
    rows = list(run(repeats=2, sizes=(128, 16384)))
    names = {f"{name} {dtype}" for name in ("kl", "renyi") for dtype in ("float64", "float32")}
    assert {(row.name, row.size) for row in rows} == {(name, size) for name in names for size in (128, 16384)}
    for row in rows:
        assert row.ratio > 0
        assert row.ours_ms > 0
        assert row.baseline_ms > 0
        assert row.gap is not None
        assert row.error is not None
        assert row.baseline_error is not None
        assert abs(row.gap) <= 1e-12 + row.size * 2.3e-16  # sums over the batch round
        assert row.error <= max(row.baseline_error, 1e-7 if "float32" in row.name else 1e-12)
        assert row.baseline_error <= 1e-6
        assert row.launch_us is None  # of CUDA devices


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_launch_on_cuda_has_a_time_of_its_own() -> None:
    time = launch_us(armor.objective("kl", epsilon=0.02), torch.randn(128, device="cuda"), 3)
    assert time is not None
    assert time > 0


def test_steps_of_training_are_compared_side_by_side() -> None:
    rows = list(measure(repeats=1, batch=4, model="cnn-mnist", attack_steps=1))
    assert [row.name for row in rows] == ["step kl", "step trades", "step trades, bfloat16 autocast"]
    for row in rows:
        assert row.ratio == pytest.approx(row.baseline_ms / row.ours_ms)
        assert row.memory is not None
        assert 0.01 < row.memory < 5


@pytest.mark.parametrize(("attack_steps", "allowed"), [(0, 1e-5), (2, 1e-2)])
def test_our_trades_step_is_the_transcribed_one(attack_steps: int, allowed: float) -> None:
    """Same model, same start of the attack: the same loss and gradient, whatever each recomputes.

    With attack steps to within the few pixels whose gradient is zero up to rounding: its sign is then a toss.
    """
    x, y, model, _ = problem(4, "cnn-mnist", "cpu")
    loss, gradient = {}, {}
    for name, step in (("ours", our_step), ("theirs", published_step)):
        twin = copy.deepcopy(model)
        loss[name] = float(step(twin, x, y, attack_steps))
        gradient[name] = torch.cat([p.grad.flatten() for p in twin.parameters() if p.grad is not None])
    assert loss["ours"] == pytest.approx(loss["theirs"], rel=1e-5)
    assert float((gradient["ours"] - gradient["theirs"]).norm()) <= allowed * float(gradient["theirs"].norm())


def test_the_two_forms_of_the_baseline_agree() -> None:
    losses = np.exp(np.random.default_rng(0).normal(size=128))
    (value, weights), (lean, lean_weights) = (f(losses, 0.02, 0.1) for f in (kl_bisection, kl_bisection_lean))
    assert value == pytest.approx(lean, rel=1e-12)
    assert np.allclose(weights, lean_weights, rtol=1e-9)
