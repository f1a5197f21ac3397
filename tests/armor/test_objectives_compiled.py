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

SPECS: list[dict[str, object]] = [
    *(
        {"name": n}
        for n in ("kl", "reverse_kl", "pearson", "neyman", "hellinger", "js", "triangular", "jeffreys")
    ),
    *({"name": "alpha", "alpha": a} for a in (6, 1.5, 0.5, -1.0)),
    *({"name": "renyi", "alpha": a} for a in (1.25, 2.95, 0.4)),
    {"f": "exp(t) - E*t"},
]
needs_compiler = pytest.mark.skipif(not enabled(), reason="no C compiler: the general solver serves")


def _general(objective: Objective, losses: Tensor, weights: Tensor | None) -> armor.objectives.Solution:
    """A leading axis keeps the compiled solver out."""
    return objective(losses[None], None, None if weights is None else weights[None])


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
@pytest.mark.parametrize("name", ["kl", "pearson"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_large_batch_in_each_precision(name: str, dtype: torch.dtype) -> None:
    """Few samples first, single precision next, float64 last: the certified gap is that of float64."""
    losses = (
        torch.randn(16_384, generator=torch.Generator().manual_seed(1), dtype=torch.float64).exp().to(dtype)
    )
    objective = armor.objective(name, epsilon=0.1, kappa=0.1)
    quick = objective._quick(losses, None, None, 0.1, 0.1)
    assert quick is not None
    exact = _general(objective, losses.double(), None)
    scale = float(losses.max())
    assert abs(float(quick.value) - float(exact.value)) <= (1e-7 if dtype == torch.float32 else 1e-13) * scale
    assert abs(float(quick.gap)) <= 1e-9 * scale


@needs_compiler
def test_what_it_does_not_cover_goes_to_the_general_solver() -> None:
    objective = armor.objective("pearson", epsilon=0.1)
    fine = torch.tensor([1.0, 2.0, 3.0])
    assert objective._quick(fine, None, None, 0.1, 0.0) is not None
    assert objective._quick(fine, torch.zeros(3), None, 0.1, 0.0) is None
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
