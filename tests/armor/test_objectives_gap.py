"""The gap certifies: it bounds the distance to the optimum also where the search was cut short."""

import pytest
import torch

import armor
from armor.objectives import Objective, Status
from armor.objectives.arrays import torch_ops

SPECS: list[dict[str, object]] = [
    *({"name": name} for name in ("kl", "pearson", "hellinger", "jeffreys", "reverse_kl", "tv", "cvar")),
    *({"name": "alpha", "alpha": a} for a in (-1, 6)),
    *({"name": "renyi", "alpha": a} for a in (0.5, 2.5)),
]
SPECS = [{**s, "beta": 0.3} if s["name"] == "cvar" else s for s in SPECS]


def _id(spec: dict[str, object]) -> str:
    return "-".join(map(str, spec.values()))


def _cut_short(
    objective: Objective, losses: torch.Tensor, costs: torch.Tensor | None
) -> list[tuple[float, ...]]:
    """Value, gap and status after one step: alone, batched, on the device path."""
    objective.iterations = 1
    found = [objective(losses, costs), objective(losses[None], None if costs is None else costs[None])]
    dual = objective._prepare_and_solve(torch_ops, losses, costs, None, objective.epsilon, objective.kappa)
    results = [(float(s.value), float(s.gap), int(s.code.max())) for s in found]
    return [*results, (float(dual.value), float(dual.value - dual.primal), int(dual.status.max()))]


@pytest.mark.parametrize("kappa", [0.0, 0.25])
@pytest.mark.parametrize("costly", [False, True], ids=["free", "costly"])
@pytest.mark.parametrize("spec", SPECS, ids=_id)
def test_the_gap_of_an_unfinished_search_bounds_what_is_missing(
    spec: dict[str, object], costly: bool, kappa: float
) -> None:
    """value - gap is what feasible weights reach: never above the optimum, and the value never below it."""
    draw = torch.Generator().manual_seed(3)
    unfinished = 0
    for epsilon in (1e-3, 0.05, 0.4):
        losses = torch.randn(24, generator=draw, dtype=torch.float64).exp()
        costs = epsilon * torch.rand(24, generator=draw, dtype=torch.float64) if costly else None
        objective = armor.objective(spec, epsilon=epsilon, kappa=kappa)
        best = objective(losses, costs)
        assert best.status.ok
        for value, gap, code in _cut_short(objective, losses, costs):
            assert value >= float(best.value) - 1e-9
            assert value - gap <= float(best.value) + 1e-9
            unfinished += code == int(Status.UNCONVERGED)
            assert gap <= 1e-6 or code == int(Status.UNCONVERGED)
    if spec["name"] not in ("tv", "cvar"):  # kinks are bisected to the end whatever the budget
        assert unfinished > 0


def test_a_search_that_finds_nothing_still_bounds() -> None:
    """By the largest loss, and from below by the cheapest re-weighting: never by what is no number."""
    losses, costs = torch.tensor([[1.25, 0.75], [4491.034104113467, 85378.02840796828]], dtype=torch.float64)
    weights = torch.tensor([1e-30, 1e-9], dtype=torch.float64)
    objective = armor.objective({"name": "alpha", "alpha": 20}, epsilon=131072.0)
    found = objective(losses, costs, reference_weights=weights)
    assert found.status is Status.UNCONVERGED
    assert 0.75 <= float(found.value - found.gap) < float(found.value) <= 1.25


@pytest.mark.parametrize("spec", ["kl", "pearson", "hellinger"])
def test_weights_that_overspend_a_little_are_shrunk_before_they_certify(spec: str) -> None:
    """Many single-precision losses end the compiled search at seven digits of the radius, on either side."""
    seen = []
    for seed in range(12):
        draw = torch.Generator().manual_seed(seed)
        losses = torch.randn(9000, generator=draw).exp()
        objective = armor.objective(spec, epsilon=0.02 * (1 + seed))
        s, rows = objective(losses), objective(losses[None].double())
        assert s.status.ok
        wide = losses.double()
        divergence = _spent(spec, s.weights)
        seen.append(divergence / objective.epsilon - 1)
        reached = float(rows.value)  # to rounding
        assert float(s.gap) >= -1e-14 * float(wide.max())
        assert reached - 1e-6 <= float(s.value) <= reached + 1e-6  # the value is rounded to float32
        # What the gap leaves of the value is within the ball: not above the optimum.
        exact = objective(wide)
        assert float(exact.value) - float(exact.gap) <= reached + 2e-14 * float(wide.max())
    assert max(seen) > 1e-13  # some of them did overspend


def _spent(name: str, w: torch.Tensor) -> float:
    t = w * w.numel()
    terms = {"kl": torch.xlogy(t, t) - t + 1, "pearson": (t - 1) ** 2, "hellinger": (t.sqrt() - 1) ** 2}
    return float(terms[name].mean())


@pytest.mark.parametrize("spec", [s for s in SPECS if s["name"] not in ("tv", "cvar")], ids=_id)
def test_a_penalty_mistaken_for_sufficient_is_not_certified(spec: dict[str, object]) -> None:
    """kappa just below the multiplier: one step may believe that the penalty alone keeps to the radius."""
    draw = torch.Generator().manual_seed(5)
    for epsilon in (1e-3, 0.01, 0.4, 2.0):
        losses = torch.randn(24, generator=draw, dtype=torch.float64).exp()
        losses[0] = 100.0
        free = armor.objective(spec, epsilon=epsilon)(losses)
        for factor in (0.5, 0.8, 0.9, 0.95, 0.97, 0.99, 0.999):
            objective = armor.objective(spec, epsilon=epsilon, kappa=factor * float(free.lam))
            best = objective(losses)
            for value, gap, _ in _cut_short(objective, losses, None):
                assert value >= float(best.value) - 1e-9
                assert value - gap <= float(best.value) + 1e-9
