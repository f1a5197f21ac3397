"""Observed orders and chunks of work."""

import math

import pytest

from verification.matrix.rates import least_order, observed_orders
from verification.matrix.runner import _chunks


def test_an_order_is_read_off_two_gaps() -> None:
    assert observed_orders((0.5, 0.25, 0.125), (1.0, 0.5, 0.25), 1e-9) == pytest.approx([1.0, 1.0])
    assert observed_orders((1e-2, 1e-4), (1e-1, 1e-2), 1e-9) == pytest.approx([0.5])
    assert observed_orders((1e-2, 1e-4), (1e-1, 1e-12), 1e-9) == [math.inf]


def test_a_gap_that_stays_has_order_zero_and_falls_short() -> None:
    (order,) = observed_orders((1e-2, 1e-4), (0.3, 0.3), 1e-9)
    assert order == 0.0 < least_order(1.0, 0.5) < 0.5
    assert least_order(0.0, 1.0) == 0.1


def test_one_chunk_holds_one_divergence_and_every_task_is_in_one_chunk() -> None:
    tasks = [("cell", f"T{k}/{name}/-/-/-/theory") for k in range(1, 30) for name in ("kl", "tv", "js")]
    tasks.append(("mutant", "base-two"))
    for jobs in (2, 16):
        chunks = _chunks(tasks, jobs)
        assert sorted(task for chunk in chunks for task in chunk) == sorted(tasks)
        assert all(
            len({name.split("/")[1] for kind, name in chunk if kind == "cell"}) <= 1 for chunk in chunks
        )
        assert chunks[-1] == [("mutant", "base-two")]
