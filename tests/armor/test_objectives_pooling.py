"""N workers give the one-worker number: value, multipliers, weights and parameter gradients (T21)."""

import pickle
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

import armor
from armor.errors import InputError
from armor.objectives.pooling import Pooled

WORKER = textwrap.dedent(
    """
    import pickle, sys
    from datetime import timedelta
    import torch, torch.distributed as dist
    import armor
    from armor.objectives.pooling import Pooled

    rank, world, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    spec, sizes = eval(sys.argv[4]), eval(sys.argv[5])
    torch.set_num_threads(1)
    store, limit = f"file://{folder}/store", timedelta(seconds=60)
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=world, timeout=limit)
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(sum(sizes), 4, generator=generator, dtype=torch.float64)
    start = sum(sizes[:rank])
    mine = features[start : start + sizes[rank]]
    theta = torch.ones(4, dtype=torch.float64, requires_grad=True)
    pooled = Pooled(armor.objective(spec, epsilon=0.1, kappa=0.05))
    solution = pooled((mine @ theta).square())
    solution.value.backward()
    gradient = torch.zeros(4, dtype=torch.float64) if theta.grad is None else theta.grad
    dist.all_reduce(gradient)
    numbers = [x.item() for x in (solution.value, solution.lam, solution.rho)]
    result = [*numbers, solution.weights, gradient / world]
    with open(f"{folder}/{rank}.pickle", "wb") as file:
        pickle.dump(result, file)
    dist.destroy_process_group()
    """
)


@pytest.mark.parametrize(
    ("spec", "sizes"),
    [
        pytest.param("kl", [7], marks=pytest.mark.slow),
        ("kl", [4, 3]),
        ("kl", [3, 0, 4]),
        pytest.param({"name": "alpha", "alpha": 6}, [2, 4, 1], marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_workers_agree_with_one(tmp_path: Path, spec: object, sizes: list[int]) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(rank), str(len(sizes)), str(tmp_path), repr(spec), repr(sizes)]
        )
        for rank in range(len(sizes))
    ]
    assert [process.wait(timeout=120) for process in processes] == [0] * len(sizes)
    results = [pickle.loads((tmp_path / f"{rank}.pickle").read_bytes()) for rank in range(len(sizes))]

    features = torch.randn(sum(sizes), 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    theta = torch.ones(4, dtype=torch.float64, requires_grad=True)
    alone = armor.objective(spec, epsilon=0.1, kappa=0.05)((features @ theta).square())  # type: ignore[arg-type]
    alone.value.backward()
    assert theta.grad is not None
    for value, lam, rho, _, gradient in results:
        # The value and its multipliers: the same bits, for the pooled vector is the one worker's vector.
        assert (value, lam, rho) == (alone.value.item(), alone.lam.item(), alone.rho.item())
        assert torch.allclose(gradient, theta.grad, rtol=1e-12, atol=1e-14)
    assert torch.equal(torch.cat([r[3] for r in results]), alone.weights)


def test_without_a_process_group_it_says_so() -> None:
    assert not dist.is_initialized()
    with pytest.raises(InputError, match="torchrun"):
        Pooled(armor.objective("kl", epsilon=0.1))
