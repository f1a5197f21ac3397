"""The benchmark of the dual solves measures what it says, at equal error of the value."""

import numpy as np
import pytest

from armor.bench.baselines import kl_bisection, kl_bisection_lean
from armor.bench.objectives import run


def test_rows_compare_at_equal_error() -> None:
    rows = list(run(repeats=2, sizes=(128, 16384)))
    assert {(row.name, row.size) for row in rows} == {("kl", 128), ("renyi", 128), ("kl", 16384)}
    for row in rows:
        assert row.ratio > 0
        assert row.ours_ms > 0
        assert row.baseline_ms > 0
        assert abs(row.gap) <= 1e-12
        assert row.error <= max(row.baseline_error, 1e-12)
        assert row.baseline_error <= 1e-6


def test_the_two_forms_of_the_baseline_agree() -> None:
    losses = np.exp(np.random.default_rng(0).normal(size=128))
    (value, weights), (lean, lean_weights) = (f(losses, 0.02, 0.1) for f in (kl_bisection, kl_bisection_lean))
    assert value == pytest.approx(lean, rel=1e-12)
    assert np.allclose(weights, lean_weights, rtol=1e-9)
