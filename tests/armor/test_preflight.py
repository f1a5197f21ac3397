"""The pre-flight accepts right objectives in every arithmetic and refuses each broken one."""

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path

import mpmath as mp
import pytest
import torch
from torch import Tensor

import armor
from armor import preflight
from armor.errors import InputError
from armor.objectives import Objective, Solution
from armor.objectives.kl import KL
from armor.preflight import PreflightRefusal
from armor.preflight.formulas import formula
from armor.preflight.runner import code_hash

LOSSES = {
    "plain": ([0.5, 1.25, 3.0, 0.125, 2.5], None, None),
    "weighted": ([0.5, 1.25, 3.0, 0.125], None, [0.5, 0.25, 0.125, 0.125]),
    "costly": ([0.5, 1.25, 3.0, 2.0], [0.0, 0.0078125, 0.03125, 0.015625], None),
    "outlier": ([0.0, 1024.0, 0.5, 0.25, 1.0, 0.75], None, None),
}


def _kl_value(
    losses: list[float], costs: list[float], p: list[float], epsilon: float, kappa: float
) -> mp.mpf:
    """min over mu >= kappa of (mu - kappa) eps + mu log E exp(l/mu - c), by bisection on its derivative."""
    top = max(losses)

    def value(mu: mp.mpf) -> mp.mpf:
        mass = mp.fsum(w * mp.exp((x - top) / mu - c) for w, x, c in zip(p, losses, costs, strict=True))
        return (mu - kappa) * epsilon + top + mu * mp.log(mass)

    low, high = mp.mpf(max(kappa, 1e-6)), mp.mpf(10) ** 9
    if mp.diff(value, low) >= 0:
        return value(low)
    for _ in range(200):
        middle = mp.sqrt(low * high)
        low, high = (low, middle) if mp.diff(value, middle) > 0 else (middle, high)
    return value(low)


@pytest.fixture(scope="module")
def instances(tmp_path_factory: pytest.TempPathFactory) -> Path:
    entries = []
    with mp.workdps(40):
        for name, (losses, costs, weights) in LOSSES.items():
            for epsilon, kappa in ((0.0009765625, 0.0), (0.125, 0.25), (0.125, 0.0), (0.5, 2.0)):
                if costs is not None and epsilon < 0.1:
                    continue
                n = len(losses)
                p = weights or [mp.mpf(1) / n] * n
                value = _kl_value(losses, costs or [0.0] * n, p, epsilon, kappa)
                interval = {
                    "lower": float(value) - 4e-16 * abs(float(value)),
                    "upper": float(value) + 4e-16 * abs(float(value)),
                }
                entries.append(
                    {
                        "id": f"{name}-{epsilon}-{kappa}",
                        "losses": losses,
                        "costs": costs,
                        "weights": weights,
                        "epsilon": epsilon,
                        "kappa": kappa,
                        "support": "reference",
                        "value": interval,
                        "certificate": {},
                    }
                )
    path = tmp_path_factory.mktemp("preflight") / "kl.json"
    path.write_text(json.dumps({"schema": 1, "divergence": {"name": "kl"}, "instances": entries}))
    return path


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_a_right_objective_passes_in_every_dtype(instances: Path, dtype: torch.dtype) -> None:
    report = preflight.run(armor.objective("kl", epsilon=0.02, kappa=0.1), dtype=dtype, instances=instances)
    assert report.passed
    assert report.instances == 15
    assert report.checks >= 5 * 2 * report.instances
    assert report.seconds < 5
    mapping = json.loads(json.dumps(report.to_mapping()))
    assert mapping["outcome"] == "holds"
    assert len(mapping["instances_sha256"]) == len(mapping["code_sha256"]) == 64
    assert mapping["objective"]["epsilon"] == 0.02
    assert "holds" in report.sentence()


class _Mutant(KL):
    """A KL objective with one thing broken."""

    def __init__(self, change: Callable[..., Solution]) -> None:
        super().__init__(epsilon=0.02, kappa=0.1)
        self.change = change

    def evaluate(  # type: ignore[override]
        self, losses: Tensor, costs: Tensor | None, weights: Tensor | None, epsilon: float, kappa: float
    ) -> Solution:
        return self.change(super().evaluate, losses, costs, weights, epsilon, kappa)


def _best_case(solve, losses, costs, weights, epsilon, kappa):  # type: ignore[no-untyped-def]
    s = solve(-losses, costs, weights, epsilon, kappa)
    return dataclasses.replace(s, value=-s.value)


def _kappa_dropped(solve, losses, costs, weights, epsilon, kappa):  # type: ignore[no-untyped-def]  # noqa: ARG001
    return solve(losses, costs, weights, epsilon, 0.0)


def _kappa_twice(solve, losses, costs, weights, epsilon, kappa):  # type: ignore[no-untyped-def]
    return solve(losses, costs, weights, epsilon, 2 * kappa)


def _epsilon_scaled(solve, losses, costs, weights, epsilon, kappa):  # type: ignore[no-untyped-def]
    return solve(losses, costs, weights, 1.01 * epsilon, kappa)


def _clipped(solve, losses, costs, weights, epsilon, kappa):  # type: ignore[no-untyped-def]
    s = solve(losses, costs, weights, epsilon, kappa)
    if float(s.lam) <= 100:
        return s
    mu = 100.0 + kappa
    p = torch.full_like(losses, 1 / losses.numel()) if weights is None else weights / weights.sum()
    value = 100 * epsilon + mu * torch.logsumexp(losses / mu + p.log(), 0)
    return dataclasses.replace(s, value=value, lam=torch.tensor(100.0))


def _base_two(solve, losses, costs, weights, epsilon, kappa):  # type: ignore[no-untyped-def]
    return solve(losses, costs, weights, epsilon * math.log(2), kappa)


def _unnormalised(solve, losses, costs, weights, epsilon, kappa):  # type: ignore[no-untyped-def]
    s = solve(losses, costs, weights, epsilon, kappa)
    return dataclasses.replace(s, weights=s.weights * losses.numel(), value=s.value * losses.numel())


def _weights_ignored(solve, losses, costs, weights, epsilon, kappa):  # type: ignore[no-untyped-def]  # noqa: ARG001
    return solve(losses, costs, None, epsilon, kappa)


def _costs_ignored(solve, losses, costs, weights, epsilon, kappa):  # type: ignore[no-untyped-def]  # noqa: ARG001
    return solve(losses, None, weights, epsilon, kappa)


def _radius_term_dropped(solve, losses, costs, weights, epsilon, kappa):  # type: ignore[no-untyped-def]
    s = solve(losses, costs, weights, epsilon, kappa)
    return dataclasses.replace(s, value=s.value - s.lam * epsilon)


def _uniform_gradient(solve, losses, costs, weights, epsilon, kappa):  # type: ignore[no-untyped-def]
    s = solve(losses, costs, weights, epsilon, kappa)
    return dataclasses.replace(s, value=s.value.detach() + losses.mean() - losses.mean().detach())


def _detached(solve, losses, costs, weights, epsilon, kappa):  # type: ignore[no-untyped-def]
    s = solve(losses, costs, weights, epsilon, kappa)
    return dataclasses.replace(s, value=s.value.detach() + 0.0 * losses.sum())


def _uniform_weights(solve, losses, costs, weights, epsilon, kappa):  # type: ignore[no-untyped-def]
    s = solve(losses, costs, weights, epsilon, kappa)
    return dataclasses.replace(s, weights=torch.full_like(s.weights, 1 / losses.numel()))


def _rho_shifted(solve, losses, costs, weights, epsilon, kappa):  # type: ignore[no-untyped-def]
    s = solve(losses, costs, weights, epsilon, kappa)
    return dataclasses.replace(s, rho=s.rho + s.lam + kappa)


def _half_precision_value(solve, losses, costs, weights, epsilon, kappa):  # type: ignore[no-untyped-def]
    s = solve(losses, costs, weights, epsilon, kappa)
    return dataclasses.replace(s, value=s.value.to(torch.bfloat16).to(s.value.dtype))


MUTANTS = {
    "sign": (_best_case, "T8"),
    "kappa dropped": (_kappa_dropped, "T8"),
    "kappa twice": (_kappa_twice, "T8"),
    "epsilon scaled": (_epsilon_scaled, "T8"),
    "clipped lambda": (_clipped, "T8"),
    "base-2 logarithm": (_base_two, "T8"),
    "unnormalised": (_unnormalised, "T8"),
    "reference weights ignored": (_weights_ignored, "T8"),
    "costs ignored": (_costs_ignored, "T8"),
    "lambda epsilon dropped": (_radius_term_dropped, "T8"),
    "uniform gradient": (_uniform_gradient, "T12"),
    "no gradient": (_detached, "T12"),
    "uniform weights": (_uniform_weights, "T11"),
    "rho shifted": (_rho_shifted, "T8"),
    "value in bf16": (_half_precision_value, "T8"),
}


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize("name", list(MUTANTS))
def test_every_mutant_is_refused(instances: Path, name: str, dtype: torch.dtype) -> None:
    change, statement = MUTANTS[name]
    with pytest.raises(PreflightRefusal, match=statement) as refusal:
        preflight.run(_Mutant(change), dtype=dtype, instances=instances)
    report = refusal.value.report
    assert not report.passed
    assert all(check.outcome == "fails" for check in report.failures)
    assert any(check.statement == statement for check in report.failures)
    assert "instance" in str(refusal.value)


def test_a_float64_value_is_held_to_more_than_float32s_accuracy(instances: Path) -> None:
    """The solver's stop is 1e-10 of the losses' scale in float64: 1e-8 off is broken."""

    def off(solve, losses, costs, weights, epsilon, kappa):  # type: ignore[no-untyped-def]
        s = solve(losses, costs, weights, epsilon, kappa)
        return dataclasses.replace(s, value=s.value + 1e-8 * float(losses.detach().abs().max()))

    with pytest.raises(PreflightRefusal, match="T8"):
        preflight.run(_Mutant(off), dtype=torch.float64, instances=instances)


def test_an_exhausted_budget_is_refused(instances: Path) -> None:
    with pytest.raises(PreflightRefusal) as refusal:
        preflight.run(armor.objective("kl", epsilon=0.02, iterations=1), instances=instances)
    assert {check.statement for check in refusal.value.report.failures} >= {"T8", "T11"}


def test_an_objective_that_raises_is_refused(instances: Path) -> None:
    def raises(*_: object) -> Solution:
        raise ZeroDivisionError("division by zero")

    with pytest.raises(PreflightRefusal, match="ZeroDivisionError: division by zero"):
        preflight.run(_Mutant(raises), instances=instances)


def test_a_value_without_a_gradient_is_refused(instances: Path) -> None:
    def detached(solve, *arguments):  # type: ignore[no-untyped-def]
        return solve(*arguments).detach()

    with pytest.raises(PreflightRefusal, match="raised RuntimeError"):
        preflight.run(_Mutant(detached), instances=instances)


@pytest.mark.slow
def test_a_compiled_objective_that_raises_is_refused(instances: Path) -> None:
    def raises(*_: object) -> Solution:
        raise ZeroDivisionError("division by zero")

    with pytest.raises(PreflightRefusal, match="raised"):
        preflight.run(_Mutant(raises), compile=True, instances=instances)


def test_the_harness_itself_does_not_break_a_right_objective(instances: Path) -> None:
    """The mutant class with nothing changed passes: what refuses the mutants is their mutation."""
    assert preflight.run(_Mutant(lambda solve, *a: solve(*a)), instances=instances).passed


def test_the_code_hash_follows_the_class(instances: Path) -> None:
    right = preflight.run(armor.objective("kl", epsilon=0.02), instances=instances)
    foreign = preflight.run(_Mutant(lambda solve, *a: solve(*a)), instances=instances)
    assert right.code_sha256 != foreign.code_sha256
    assert right.instances_sha256 == foreign.instances_sha256


@pytest.mark.parametrize(
    "file", ["armor/objectives/fused/kl.py", "theory/backends/printed.py", "armor/native/solver.c"]
)
def test_the_code_hash_follows_what_solves(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    objective = armor.objective("kl", epsilon=0.02)
    before = code_hash(objective)
    read = Path.read_bytes
    monkeypatch.setattr(
        Path, "read_bytes", lambda path: read(path) + (b"#" if path.as_posix().endswith(file) else b"")
    )
    assert code_hash(objective) != before


@pytest.mark.slow
def test_a_compiled_objective_passes(instances: Path) -> None:
    report = preflight.run(
        armor.objective("kl", epsilon=0.02, iterations=14), compile=True, instances=instances
    )
    assert report.passed
    assert report.compile


def test_bad_files_are_named(tmp_path: Path, instances: Path) -> None:
    objective: Objective = armor.objective("kl", epsilon=0.02)
    content = json.loads(instances.read_text())
    for change, seen in (
        ({"schema": 9}, "9"),
        ({"instances": []}, "no instances"),
        ({"divergence": {"name": "pearson"}}, "pearson"),
        ({"instances": [{"id": "x"}]}, "x"),
    ):
        path = tmp_path / "bad.json"
        path.write_text(json.dumps({**content, **change}))
        with pytest.raises(InputError, match=seen):
            preflight.run(objective, instances=path)
    path.write_text("{")
    with pytest.raises(InputError, match=r"bad\.json"):
        preflight.run(objective, instances=path)
    with pytest.raises(InputError, match="absent"):
        preflight.run(objective, instances=tmp_path / "absent.json")
    entry = {**content["instances"][0], "losses": [0.1, 0.2]}
    path.write_text(json.dumps({**content, "instances": [entry]}))
    with pytest.raises(InputError, match="bfloat16"):
        preflight.run(objective, dtype=torch.bfloat16, instances=path)


SPECS: list[dict[str, object]] = [
    {"name": n}
    for n in ("kl", "reverse_kl", "pearson", "neyman", "tv", "hellinger", "js", "triangular", "jeffreys")
] + [{"name": "alpha", "alpha": a} for a in (-1.0, 0.5, 2.5, 6.0)]


@pytest.mark.parametrize("spec", SPECS, ids=lambda s: "-".join(map(str, s.values())))
def test_the_formulas_conjugate_is_the_supremum(spec: dict[str, object]) -> None:
    """Fenchel-Young on a dense grid: `f*(y) >= t y - f(t)`, and nearly attained."""
    functions = formula(spec)
    t = torch.logspace(-12, 4, 200_001, dtype=torch.float64).numpy()
    f = functions.f(t)
    reached = 0
    for y in (-7.0, -2.5, -1.0, -0.45, -0.1, 0.2, 0.3):
        star = float(functions.conjugate(torch.tensor([y], dtype=torch.float64).numpy())[0])
        best = float((t * y - f).max())
        if math.isinf(star):
            assert best > 50.0
            continue
        assert star >= best - 1e-9
        reached += star - best < 1e-4
    assert reached >= 3


@pytest.mark.parametrize(
    "spec", [*SPECS, {"name": "cvar", "beta": 0.25}], ids=lambda s: "-".join(map(str, s.values()))
)
def test_the_table_agrees_with_the_symbolic_layer(spec: dict[str, object]) -> None:
    """Two independent writings of f and f*, equal on a grid and infinite at the same places."""
    from theory.catalogue import divergence
    from theory.numeric import callables

    by_hand, derived = formula(spec), callables(divergence(spec), "numpy")
    t = torch.cat([torch.logspace(-6, 3, 60), torch.linspace(0.01, 3.9, 40)]).double().numpy()
    y = torch.cat([torch.linspace(-30, 0.99, 80), torch.linspace(1.01, 4, 30)]).double().numpy()
    for mine, other in ((by_hand.f(t), derived.f(t)), (by_hand.conjugate(y), derived.conjugate(y))):
        assert mine.tolist() == pytest.approx(other.tolist(), rel=1e-9, abs=1e-12)
