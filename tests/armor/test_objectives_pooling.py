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

# One worker's part; under `torchrun` the environment says who and how many it is.
WORKER = textwrap.dedent(
    """
    import pickle, sys
    import torch, torch.distributed as dist
    import armor
    from armor.objectives.pooling import Pooled

    folder, spec, sizes, rich = sys.argv[1], eval(sys.argv[2]), eval(sys.argv[3]), eval(sys.argv[4])
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    rank, world = dist.get_rank(), dist.get_world_size()
    assert world == len(sizes)
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(sum(sizes), 4, generator=generator, dtype=torch.float64)
    costs = 0.02 * torch.rand(sum(sizes), generator=generator, dtype=torch.float64)
    weights = torch.rand(sum(sizes), generator=generator, dtype=torch.float64)
    mine = slice(start := sum(sizes[:rank]), start + sizes[rank])
    more = (costs[mine], weights[mine]) if rich else ()
    results = []
    for averaging in (True, False):
        pooled = Pooled(armor.objective(spec, epsilon=0.1, kappa=0.05), averaging=averaging)
        theta = torch.ones(4, dtype=torch.float64, requires_grad=True)
        solution = pooled((features[mine] @ theta).square(), *more)
        solution.value.backward()
        gradient = torch.zeros(4, dtype=torch.float64) if theta.grad is None else theta.grad
        dist.all_reduce(gradient)
        at = pooled.at((features[mine] @ theta).square().detach(), *more, mu=0.7)
        numbers = [x.item() for x in (solution.value, solution.lam, solution.rho, at.value)]
        total = pooled.total(solution.weights.sum()).item()
        results.append([*numbers, solution.weights, gradient / (world if averaging else 1), total])
    with open(f"{folder}/{rank}.pickle", "wb") as file:
        pickle.dump(results, file)
    dist.destroy_process_group()
    """
)


@pytest.mark.parametrize(
    ("spec", "sizes", "rich"),
    [
        pytest.param("kl", [7], False, marks=pytest.mark.slow),
        ("kl", [4, 3], True),
        pytest.param("kl", [3, 0, 4], False, marks=pytest.mark.slow),
        ({"name": "alpha", "alpha": 6}, [2, 4, 1], True),
        pytest.param({"name": "renyi", "alpha": 1.25}, [5, 2, 4], True, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_workers_agree_with_one(tmp_path: Path, spec: object, sizes: list[int], rich: bool) -> None:
    """Through torchrun and gloo, with uneven and empty shares, costs and reference weights."""
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        str(len(sizes)),
    ]
    command += [str(script), str(tmp_path), repr(spec), repr(sizes), repr(rich)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    results = [pickle.loads((tmp_path / f"{rank}.pickle").read_bytes()) for rank in range(len(sizes))]

    generator = torch.Generator().manual_seed(0)
    features = torch.randn(sum(sizes), 4, generator=generator, dtype=torch.float64)
    costs = 0.02 * torch.rand(sum(sizes), generator=generator, dtype=torch.float64)
    weights = torch.rand(sum(sizes), generator=generator, dtype=torch.float64)
    more = (costs, weights) if rich else ()
    theta = torch.ones(4, dtype=torch.float64, requires_grad=True)
    objective = armor.objective(spec, epsilon=0.1, kappa=0.05)  # type: ignore[arg-type]
    alone = objective((features @ theta).square(), *more)
    alone.value.backward()
    at = objective.at((features @ theta).square().detach(), *more, mu=0.7)
    assert theta.grad is not None
    for by_averaging in zip(*results, strict=True):  # gradients averaged by a wrapper, or summed
        for value, lam, rho, upper, _, gradient, total in by_averaging:
            # The same bits, for the pooled vector is the one worker's vector.
            assert (value, lam, rho) == (alone.value.item(), alone.lam.item(), alone.rho.item())
            assert upper == at.value.item()
            assert torch.allclose(gradient, theta.grad, rtol=1e-12, atol=1e-14)
            assert total == pytest.approx(1.0, abs=1e-12)
        assert torch.equal(torch.cat([r[4] for r in by_averaging]), alone.weights)


def test_without_a_process_group_it_says_so() -> None:
    assert not dist.is_initialized()
    with pytest.raises(InputError, match="torchrun"):
        Pooled(armor.objective("kl", epsilon=0.1))
