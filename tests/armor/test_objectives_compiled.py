"""The compiled solver against the general one (T7, T8, T10), where it declines, and what keeps it out."""

import itertools
import math

import pytest
import torch
from torch import Tensor

import armor
from armor.native import library
from armor.native.build import enabled
from armor.objectives import Objective
from armor.status import Status

SPECS: list[dict[str, object]] = [
    *(
        {"name": n}
        for n in ("kl", "reverse_kl", "pearson", "neyman", "hellinger", "js", "triangular", "jeffreys")
    ),
    *({"name": "alpha", "alpha": a} for a in (6, 1.5, 0.5, -1.0)),
    *({"name": "renyi", "alpha": a} for a in (1.25, 2.95, 0.4, 10.0, 0.97, 1.03)),
    {"f": "exp(t) - E*t"},
]
needs_compiler = pytest.mark.skipif(not enabled(), reason="no C compiler: the general solver serves")


def _general(
    objective: Objective, losses: Tensor, weights: Tensor | None, costs: Tensor | None = None
) -> armor.objectives.Solution:
    """A leading axis keeps the compiled solver out."""
    return objective(*(None if x is None else x[None] for x in (losses, costs, weights)))


@needs_compiler
@pytest.mark.parametrize("spec", SPECS, ids=lambda s: "-".join(map(str, s.values())))
def test_it_agrees_with_the_general_solver(spec: dict[str, object]) -> None:
    generator = torch.Generator().manual_seed(0)
    losses = torch.randn(40, generator=generator, dtype=torch.float64)
    weights = torch.rand(40, generator=generator, dtype=torch.float64)
    weights[::7] = 0.0
    answered = 0
    for epsilon, kappa, p in itertools.product((1e-9, 0.05, 0.7), (0.0, 0.2), (None, weights)):
        objective = armor.objective(spec, epsilon=epsilon, kappa=kappa)
        quick = objective._quick(losses, None, p, epsilon, kappa)
        if quick is None:
            continue
        answered += 1
        loose = 2e-3 if epsilon < 1e-6 else 1e-7  # where the search stops: rounding of a tiny divergence
        other = _general(objective, losses, p)
        assert quick.status is other.status
        assert float(quick.value) == pytest.approx(float(other.value), abs=1e-11)
        assert float(quick.lam) == pytest.approx(float(other.lam), rel=loose, abs=1e-9)
        assert torch.allclose(quick.weights, other.weights[0], rtol=loose, atol=1e-9)
        assert abs(float(quick.gap)) <= 1e-9 * 8
    assert answered >= 10


@needs_compiler
@pytest.mark.parametrize(
    "spec", ["kl", "pearson", *({"name": "renyi", "alpha": a} for a in (1.25, 0.4, 3))], ids=str
)
@pytest.mark.parametrize("kappa", [0.1, 300.0])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_large_batch_in_each_precision(
    spec: str | dict[str, object], kappa: float, weighted: bool, dtype: torch.dtype
) -> None:
    """Few samples first, single precision next, float64 last: the certified gap is that of float64."""
    generator = torch.Generator().manual_seed(1)
    losses = torch.randn(16_384, generator=generator, dtype=torch.float64).exp().to(dtype)
    weights = torch.rand(16_384, generator=generator, dtype=torch.float64) if weighted else None
    objective = armor.objective(spec, epsilon=0.1, kappa=kappa)
    quick = objective._quick(losses, None, weights, 0.1, kappa)
    assert quick is not None
    exact = _general(objective, losses.double(), weights)
    scale = float(losses.max())
    assert abs(float(quick.value) - float(exact.value)) <= (1e-7 if dtype == torch.float32 else 1e-12) * scale
    assert float(quick.lam) == pytest.approx(float(exact.lam), rel=1e-4, abs=1e-9)
    assert (float(quick.lam) == 0) == (float(exact.lam) == 0)
    assert float(exact.lam) == 0 or kappa < 300
    assert abs(float(quick.gap)) <= 1e-9 * scale


@needs_compiler
@pytest.mark.parametrize(
    "spec", [s for s in SPECS if s.get("name") != "renyi"], ids=lambda s: "-".join(map(str, s.values()))
)
def test_soft_costs_agree_with_the_general_solver(spec: dict[str, object]) -> None:
    """Costs below and, on average, above the radius; lambda* = 0 and > 0; masked samples; derivatives too."""
    answered = inactive = left = 0
    for seed, (epsilon, kappa, weighted) in enumerate(
        itertools.product((1e-3, 0.05, 0.7), (0.0, 0.2, 3.0), (0, 1))
    ):
        generator = torch.Generator().manual_seed(seed)
        losses, costs, p = (torch.rand(40, generator=generator, dtype=torch.float64) for _ in range(3))
        losses, costs = 3 * losses, costs**2 * epsilon * (3 if seed % 3 == 0 else 1)
        p[::7] = 0.0
        weights = p if weighted else None
        objective = armor.objective(spec, epsilon=epsilon, kappa=kappa)
        sides = [[x.clone().requires_grad_() for x in (losses, costs)] for _ in range(2)]
        quick = objective._quick(sides[0][0], sides[0][1], weights, epsilon, kappa)
        other = _general(objective, sides[1][0], weights, sides[1][1])
        if quick is None:
            left += int(other.status) != int(Status.INFEASIBLE)
            continue
        answered += 1
        inactive += int(float(other.lam.detach()) == 0)
        assert int(quick.status) == int(other.status)
        assert float(quick.value.detach()) == pytest.approx(float(other.value.detach()), abs=1e-11)
        assert float(quick.lam) == pytest.approx(float(other.lam), rel=1e-5, abs=1e-9)
        assert float(quick.rho) == pytest.approx(float(other.rho), rel=1e-5, abs=1e-9)
        assert torch.allclose(quick.weights, other.weights[0], rtol=1e-6, atol=1e-9)
        assert -1e-12 <= float(quick.gap) <= 1e-9
        quick.value.backward()
        other.value.sum().backward()
        for ours, theirs in zip(*sides, strict=True):
            assert ours.grad is not None
            assert theirs.grad is not None
            assert torch.allclose(ours.grad, theirs.grad, rtol=1e-5, atol=1e-9)
    assert answered >= 12
    assert left <= 1  # to the general solver, which is right and slower
    assert inactive >= 2


@needs_compiler
@pytest.mark.parametrize("name", ["pearson", "neyman", "js"])
def test_soft_costs_of_a_large_batch(name: str) -> None:
    generator = torch.Generator().manual_seed(5)
    losses, costs = (torch.rand(9000, generator=generator, dtype=torch.float64) for _ in range(2))
    objective = armor.objective(name, epsilon=0.3, kappa=0.1)
    quick = objective._quick(losses, 0.1 * costs, None, 0.3, 0.1)
    assert quick is not None
    other = _general(objective, losses, None, 0.1 * costs)
    assert float(quick.value) == pytest.approx(float(other.value), abs=1e-9)
    assert -1e-12 <= float(quick.gap) <= 1e-9


@needs_compiler
@pytest.mark.parametrize("alpha", [0.4, 1.25, 6.0])
@pytest.mark.parametrize("epsilon", [1e-3, 0.3, 3.0])
@pytest.mark.parametrize("kappa", [0.0, 1e-3, 5.0])
def test_the_dual_of_renyi_is_its_formula_at_the_multipliers(
    alpha: float, epsilon: float, kappa: float
) -> None:
    """T10 written out anew, at the lambda and rho that come back: the value, and stationary in rho."""
    losses = torch.randn(50, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    quick = armor.objective({"name": "renyi", "alpha": alpha}, epsilon=epsilon, kappa=kappa)._quick(
        losses, None, None, epsilon, kappa
    )
    assert quick is not None
    lam, rho, mu = float(quick.lam), float(quick.rho), float(quick.lam) + kappa

    def dual(at: float) -> float:
        inside = float(((at - losses) ** ((alpha - 1) / alpha)).mean())
        constant = (mu * math.log(mu) - mu * (math.log(alpha) + 1)) / alpha
        return lam * epsilon + at + constant - mu / (alpha - 1) * math.log(inside)

    if mu == 0:  # alpha < 1 and a radius beyond all that re-weighting can spend
        assert float(quick.value) == float(losses.max())
        return
    assert float(quick.value) == pytest.approx(dual(rho), rel=1e-11, abs=1e-11)
    reach = rho - float(losses.max())
    assert dual(rho) <= min(dual(rho + 1e-3 * reach), dual(rho - 1e-3 * reach))


@needs_compiler
def test_what_it_does_not_cover_goes_to_the_general_solver() -> None:
    objective = armor.objective("pearson", epsilon=0.1)
    fine = torch.tensor([1.0, 2.0, 3.0])
    assert objective._quick(fine, None, None, 0.1, 0.0) is not None
    assert objective._quick(fine, torch.zeros(3), None, 0.1, 0.0) is not None
    assert objective._quick(fine, torch.tensor([0.0, 0.0, math.inf]), None, 0.1, 0.0) is None
    assert objective._quick(fine, torch.full((3,), 0.2), None, 0.1, 0.0) is None  # an empty ball
    renyi = armor.objective({"name": "renyi", "alpha": 2.0}, epsilon=0.1)
    assert renyi._quick(fine, torch.zeros(3), None, 0.1, 0.0) is None
    assert objective._quick(torch.tensor([1.0, math.nan]), None, None, 0.1, 0.0) is None
    assert objective._quick(fine, None, torch.tensor([1.0, -1.0, 1.0]), 0.1, 0.0) is None
    assert objective._quick(fine[None], None, None, 0.1, 0.0) is None
    assert armor.objective("tv", epsilon=0.1)._quick(fine, None, None, 0.1, 0.0) is None


def test_a_broken_source_or_an_opt_out_leaves_the_general_solver(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("ARMOR_CACHE", str(tmp_path_factory.mktemp("cache")))
    assert library("this is no C") is None
    monkeypatch.setenv("ARMOR_NATIVE", "0")
    assert library("int answer(void) { return 42; }") is None


@needs_compiler
def test_a_cache_that_others_can_write_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("open")
    monkeypatch.setenv("ARMOR_CACHE", str(folder))
    (folder / "native").mkdir()
    (folder / "native").chmod(0o777)
    assert library("int open_cache(void) { return 1; }") is None
    (folder / "native").chmod(0o700)
    assert library("int closed_cache(void) { return 1; }") is not None


@needs_compiler
@pytest.mark.parametrize("n", [8192, 8200, 8215, 8216])
def test_the_samples_of_a_large_batch_leave_the_rest_alone(n: int) -> None:
    """The first search looks at 2,048 samples and their costs: they once overran the places of the masses."""
    generator = torch.Generator().manual_seed(n)
    losses = torch.randn(n, generator=generator, dtype=torch.float64).requires_grad_()
    costs = 0.1 * torch.rand(n, generator=generator, dtype=torch.float64)
    weights = torch.rand(n, generator=generator, dtype=torch.float64)
    solver = armor.objective("pearson", epsilon=0.5)
    quick, general = solver(losses, costs, weights), solver(losses[None], costs[None], weights[None])
    torch.testing.assert_close(quick.value, general.value[0], rtol=1e-9, atol=0)
    (first,) = torch.autograd.grad(quick.value, losses, create_graph=True)
    (second,) = torch.autograd.grad((first * losses.detach()).sum(), losses)
    (other,) = torch.autograd.grad(general.value[0], losses, create_graph=True)
    (expected,) = torch.autograd.grad((other * losses.detach()).sum(), losses)
    torch.testing.assert_close(second, expected, rtol=1e-5, atol=1e-9)


def _large(kind: str) -> tuple[Tensor, Tensor | None]:
    """Losses of 9,001 samples and their weights, hard for a start from a few of them."""
    generator = torch.Generator().manual_seed(11)
    losses = torch.randn(9001, generator=generator, dtype=torch.float64)
    weights = torch.rand(9001, generator=generator, dtype=torch.float64)
    if kind == "masked":  # the others are moved together, into the memory that the start uses
        return losses, weights * (weights > 0.05)
    if kind == "ties":  # more samples at the top than are taken one by one
        return losses.clamp(max=0.5), None
    if kind == "crowded":  # many different large ones that every so-many-th sample misses
        losses[torch.arange(9001) % 6 != 0] += 4.0
        return losses, None
    if kind == "heavy":  # nearly all mass on the largest
        return losses, torch.where(losses > 2.5, 1.0, 1e-18)
    return losses.sort().values.exp(), weights


@needs_compiler
@pytest.mark.parametrize("kind", ["masked", "ties", "crowded", "heavy", "sorted"])
@pytest.mark.parametrize(
    "spec",
    ["kl", "hellinger", *({"name": "renyi", "alpha": a} for a in (0.4, 1.0 + 1e-7, 1.25, 10.0))],
    ids=str,
)
def test_a_large_batch_whose_few_samples_mislead(spec: str | dict[str, object], kind: str) -> None:
    losses, weights = _large(kind)
    objective = armor.objective(spec, epsilon=0.02)
    quick = objective._quick(losses, None, weights, 0.02, 0.0)
    assert quick is not None
    exact = _general(objective, losses, weights)
    assert float(quick.value) == pytest.approx(float(exact.value), rel=1e-11)
    assert float(quick.lam) == pytest.approx(float(exact.lam), rel=1e-6)
    assert abs(float(quick.gap)) <= 1e-10 * float(losses.max() - losses.min())


@needs_compiler
@pytest.mark.parametrize("alpha", [0.05, 0.4, 1.0 + 1e-7, 1.25, 3.0, 30.0])
@pytest.mark.parametrize("size", [100, 1000, 20_000])
def test_the_masses_of_the_last_step_spend_what_they_are_said_to(alpha: float, size: int) -> None:
    """They come from a series around those of the step before; R of them, summed anew, is the radius."""
    generator = torch.Generator().manual_seed(size)
    losses = torch.randn(size, generator=generator, dtype=torch.float64).exp()
    found = armor.objective({"name": "renyi", "alpha": alpha}, epsilon=0.05)._quick(
        losses, None, None, 0.05, 0.0
    )
    assert found is not None
    assert float(found.lam) > 0
    log_t = (found.weights * size).log()
    rate = 1.0 - alpha
    near_one = torch.special.expm1(rate * log_t).mean()
    spent = float(torch.log1p(near_one)) / (alpha * (alpha - 1.0))
    assert spent == pytest.approx(0.05, rel=1e-8 if abs(rate) < 1e-3 else 1e-12)
    assert float(found.weights.sum()) == pytest.approx(1.0, abs=1e-13)
