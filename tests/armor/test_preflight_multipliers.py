"""What a run uses besides its objective's optimum is measured too: a given mu, held duals, other workers."""

import dataclasses
import json
import math
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import armor
from armor import preflight, recipes
from armor.errors import InputError
from armor.objectives import CarriedDual, LearnedDual, Objective, Solution, carried, hold
from armor.preflight import PreflightRefusal
from armor.preflight.certified import _shipped
from armor.training import run as training
from armor.training.arithmetic import Arithmetic
from armor.training.build import make_method
from armor.training.workers import ALONE

Spec = Mapping[str, object]
SHIPPED: list[Spec] = [found.divergence for found in _shipped()]
QUICK = ("kl", "alpha-6", "renyi-1.25", "cvar-0.25", "none")
DTYPES = [torch.float32, torch.bfloat16]


def _label(spec: Spec) -> str:
    return "-".join(map(str, spec.values()))


def _objective(spec: Spec | str = "kl") -> Objective:
    return armor.objective(spec, epsilon=0.02, kappa=0.1)


def _tiered(specs: list[Spec]) -> list[Any]:
    return [
        pytest.param(spec, marks=() if _label(spec) in QUICK else pytest.mark.slow, id=_label(spec))
        for spec in specs
    ]


HELD = [spec for spec in SHIPPED if _label(spec) in ("kl", "pearson", "jeffreys", "cvar-0.25")]
HELD += [spec for spec in SHIPPED if spec["name"] == "alpha" and float(str(spec["alpha"])) > 1]


@pytest.mark.parametrize("dtype", [torch.float64, *DTYPES], ids=str)
@pytest.mark.parametrize("spec", _tiered(SHIPPED))
def test_a_right_objective_at_a_given_mu_passes(spec: Spec, dtype: torch.dtype) -> None:
    report = preflight.run(_objective(spec), dtype=dtype, soft=True)
    assert report.passed
    assert report.dual == "at a given mu"
    assert report.checks > preflight.run(_objective(spec), dtype=dtype).checks + 200
    assert report.seconds < 5


@pytest.mark.parametrize("dtype", [torch.float64, *DTYPES], ids=str)
@pytest.mark.parametrize("mode", ["learned", "carried"])
@pytest.mark.parametrize("spec", _tiered(HELD))
def test_a_right_held_dual_passes(spec: Spec, mode: str, dtype: torch.dtype) -> None:
    held = hold(_objective(spec), mode, size=3)
    before = json.dumps({key: str(value) for key, value in held.state_dict().items()})  # type: ignore[union-attr]
    report = preflight.run(held, dtype=dtype)
    assert report.passed
    assert report.dual == mode
    assert report.checks > preflight.run(_objective(spec), dtype=dtype).checks
    # What is measured are twins; the run's own multipliers stay where they were.
    assert before == json.dumps({key: str(value) for key, value in held.state_dict().items()})  # type: ignore[union-attr]


Right = Callable[..., Solution]


def _changed(**changes: Callable[[Solution, float, Objective], Tensor]) -> Callable[..., Solution]:
    """A mutant of `at`: fields of the right solution, changed."""

    def at(right: Right, self: Objective, losses: Tensor, costs: Any, weights: Any, mu: float) -> Solution:
        s = right(self, losses, costs, weights, mu=mu)
        return dataclasses.replace(s, **{name: change(s, mu, self) for name, change in changes.items()})

    return at


def _ample(_: Right, self: Objective, losses: Tensor, costs: Any, weights: Any, mu: float) -> Solution:
    """A large radius in place of none: another problem once divergence and costs exceed it."""
    step = self.evaluate(losses, costs, weights, 1e4, mu)
    lam = torch.as_tensor(mu, dtype=torch.float64) - self.kappa
    value = step.value + (lam * self.epsilon).to(step.value.dtype)
    return dataclasses.replace(step, value=value, lam=lam)


AT: dict[str, Callable[..., Solution]] = {
    "radius dropped": _changed(value=lambda s, _, o: s.value - s.lam * o.epsilon),
    "penalty in the radius": _changed(value=lambda s, _, o: s.value + o.kappa * o.epsilon),
    "lambda is mu": _changed(lam=lambda s, mu, _: torch.full_like(s.lam, mu)),
    "rho shifted": _changed(rho=lambda s, mu, _: s.rho + mu),
    "uniform weights": _changed(weights=lambda s, *_: torch.full_like(s.weights, 1 / s.weights.numel())),
    "no gradient": _changed(value=lambda s, *_: s.value.detach().requires_grad_()),
    "not finite": _changed(value=lambda s, *_: math.nan * s.value),
    "half precision": _changed(value=lambda s, *_: s.value.bfloat16().float()),
    "stale multiplier": lambda right, self, losses, costs, weights, mu: dataclasses.replace(
        right(self, losses, costs, weights, mu=1.1 * mu), lam=torch.tensor(mu - self.kappa).double()
    ),
    "solved instead": lambda right, self, losses, costs, weights, mu: self(losses, costs, weights),  # noqa: ARG005
    "costs dropped": lambda right, self, losses, costs, weights, mu: right(  # noqa: ARG005
        self, losses, None, weights, mu=mu
    ),
    "costs doubled": lambda right, self, losses, costs, weights, mu: right(
        self, losses, None if costs is None else 2 * costs, weights, mu=mu
    ),
    "weights dropped": lambda right, self, losses, costs, weights, mu: right(  # noqa: ARG005
        self, losses, costs, None, mu=mu
    ),
    "ample radius": _ample,
}


@pytest.mark.parametrize("name", AT)
@pytest.mark.parametrize("spec", ["kl", "none", {"name": "alpha", "alpha": 6}], ids=str)
def test_a_broken_dual_function_is_refused(
    spec: Spec | str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if spec == "none" and name in ("rho shifted", "uniform weights"):
        pytest.skip("rho is a convention there, and uniform weights are right but for weighted samples")
    right = Objective.at

    def at(self: Objective, losses: Tensor, costs: Any = None, weights: Any = None, *, mu: float) -> Solution:
        return AT[name](right, self, losses, costs, weights, mu)

    monkeypatch.setattr(Objective, "at", at)
    for dtype in DTYPES:
        assert preflight.run(_objective(spec), dtype=dtype).passed  # its optimum is right
        with pytest.raises(PreflightRefusal, match="at a given mu"):
            preflight.run(_objective(spec), dtype=dtype, soft=True)


def _integrand(**changed: Any) -> Callable[..., Tensor]:
    def mutant(right: Callable[..., Tensor], *arguments: Any, **named: Any) -> Tensor:
        return right(*arguments, **{**named, **changed})

    return mutant


def _argument(index: int, change: Callable[[Any], Any]) -> Callable[..., Tensor]:
    """f, losses, costs, lam, rho: one of them changed."""

    def mutant(right: Callable[..., Tensor], *arguments: Any, **named: Any) -> Tensor:
        given = list(arguments)
        given[index] = change(given[index])
        return right(*given, **named)

    return mutant


INTEGRAND = {
    "radius dropped": _integrand(epsilon=0.0),
    "penalty dropped": _integrand(kappa=0.0),
    "costs dropped": _argument(2, lambda _: None),
    "costs doubled": _argument(2, lambda costs: None if costs is None else 2 * costs),
    "rho shifted": _argument(4, lambda rho: rho + 0.01),
    "losses in bf16": _argument(1, lambda losses: losses.bfloat16().double() * (1 + 2.0**-9)),
}


@pytest.mark.parametrize("name", INTEGRAND)
@pytest.mark.parametrize("mode", ["learned", "carried"])
def test_a_broken_integrand_is_refused(mode: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = carried.integrand
    monkeypatch.setattr(carried, "integrand", lambda *a, **n: INTEGRAND[name](right, *a, **n))
    for dtype in DTYPES:
        assert preflight.run(_objective(), dtype=dtype).passed
        with pytest.raises(PreflightRefusal, match=f"{mode} dual"):
            preflight.run(hold(_objective(), mode, size=3), dtype=dtype)


class _Frozen(LearnedDual):
    """rho without a gradient: it would never move."""

    def forward(self, losses: Tensor, costs: Any = None, weights: Any = None) -> Solution:
        s = super().forward(losses, costs, weights)
        return dataclasses.replace(s, value=s.value - self.rho + self.rho.detach())


class _Forgetful(CarriedDual):
    """The costs of the samples are not remembered."""

    def remember(self, index: Tensor, losses: Tensor, costs: Any = None) -> None:  # noqa: ARG002
        super().remember(index, losses, None)


class _Early(CarriedDual):
    """Solves after every batch, whatever `every` says, so on the first half of the samples alone."""

    def observe(self, index: Tensor, losses: Tensor, costs: Any = None) -> None:
        self.remember(index, losses, costs)
        self.refresh()


class _Half(CarriedDual):
    """Solved on the first batch only, after which lambda and rho stay."""

    def refresh(self) -> Solution:
        known = self.seen.clone()
        self.seen[: known.numel() // 2] = 0.0
        solution = super().refresh()
        self.seen.copy_(known)
        return solution


class _Swapped(CarriedDual):
    """Losses stored in another order than their costs."""

    def remember(self, index: Tensor, losses: Tensor, costs: Any = None) -> None:
        super().remember(index, losses.flip(0), costs)


class _BatchwiseDual(CarriedDual):
    """The batch's own optimum, the very bias that carrying is meant to remove."""

    def forward(self, losses: Tensor, costs: Any = None, weights: Any = None) -> Solution:
        return self.objective(losses, costs, weights)


@pytest.mark.parametrize("kind", [_Frozen, _Forgetful, _Early, _Half, _Swapped, _BatchwiseDual])
def test_a_broken_held_dual_is_refused(kind: type) -> None:
    held = kind(_objective()) if issubclass(kind, LearnedDual) else kind(_objective(), 3)
    for dtype in DTYPES:
        with pytest.raises(PreflightRefusal, match="dual: "):
            preflight.run(held, dtype=dtype)


WORKER = textwrap.dedent(
    """
    import dataclasses, pickle, sys
    import torch, torch.distributed as dist
    import armor
    from armor import preflight
    from armor.objectives import hold, pooling
    from armor.objectives.pooling import Pooled

    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    objective = armor.objective("kl", epsilon=0.02, kappa=0.1)
    gather, wrapped = pooling._Gather.backward, Pooled._solve
    found = []

    def tell(name, held, **options):
        try:
            report = preflight.run(held, **options)
            found.append((name, "holds", report.world_size, report.sentence(), report.seconds))
        except preflight.PreflightRefusal as refusal:
            found.append((name, "refused", refusal.report.world_size, str(refusal), refusal.report.seconds))

    for dtype in (torch.float32, torch.bfloat16):
        tell("right", Pooled(objective), dtype=dtype, soft=True)
    tell("right", Pooled(objective, averaging=False))
    tell("right", hold(objective, "carried", size=3), world_size=2)
    pooling._Gather.backward = staticmethod(lambda ctx, grad: (grad[ctx.slice], None, None, None))
    tell("gradient not scaled", Pooled(objective))
    pooling._Gather.backward = gather
    Pooled._solve = lambda self, solve, *rows: solve(*rows)
    tell("each for itself", Pooled(objective))
    def average(self, solve, *rows):
        right = wrapped(self, solve, *rows)
        total = solve(*rows).value.detach().clone() if rows[0].numel() else 0 * right.value.detach()
        dist.all_reduce(total)
        return dataclasses.replace(right, value=right.value + (total / 2 - right.value).detach())
    Pooled._solve = average
    tell("average of the workers", Pooled(objective))
    Pooled._solve = lambda self, f, losses, costs, p: wrapped(self, f, losses, None, p)
    tell("costs dropped", Pooled(objective))
    def one_wrong(self, *arguments):
        s = wrapped(self, *arguments)
        return s if dist.get_rank() == 0 else dataclasses.replace(s, value=1.01 * s.value)
    Pooled._solve = one_wrong
    tell("wrong on one worker", Pooled(objective))
    with open(f"{sys.argv[1]}/{dist.get_rank()}.pickle", "wb") as file:
        pickle.dump(found, file)
    dist.destroy_process_group()
    """
)


def test_workers_are_measured_together(tmp_path: Path) -> None:
    """What pools the losses is part of what is measured; all workers come to the same end."""
    import pickle

    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*command, str(script), str(tmp_path)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    first, second = (pickle.loads((tmp_path / f"{rank}.pickle").read_bytes()) for rank in range(2))
    assert [entry[:2] for entry in first] == [entry[:2] for entry in second]
    assert len(first) == 9
    for name, outcome, world, said, seconds in first:
        assert outcome == ("holds" if name == "right" else "refused"), (name, said)
        assert world == 2
        assert "2 workers" in said
        assert seconds < 60
        assert (name == "right") or "pooled: " in said


def test_several_workers_need_their_process_group() -> None:
    with pytest.raises(InputError, match="process group"):
        preflight.run(_objective(), world_size=2)


@pytest.mark.slow
def test_losses_of_a_compiled_network_are_measured() -> None:
    """The network compiled, the objective not: what `training.compile` makes of a run."""
    for dtype in DTYPES:
        report = preflight.run(_objective(), dtype=dtype, network=True, soft=True)
        assert report.passed
        assert report.network
        assert "of a compiled network" in report.sentence()


@pytest.mark.parametrize(
    ("settings", "dual"),
    [
        ((), "exact"),
        (("dual.mode=learned",), "learned"),
        (("dual.mode=carried",), "carried"),
        (("method.loss=udr", "attack.cost=soft-ball"), "at a given mu"),
        (("method.loss=udr", "attack.cost=soft-ball", "method.divergence=none"), "at a given mu"),
        (("method.loss=udr", "attack.cost=soft-ball", "dual.mode=learned"), "learned"),
    ],
)
def test_a_run_measures_what_its_recipe_chooses(settings: tuple[str, ...], dual: str) -> None:
    recipe = recipes.find("cifar10-smoke", [*settings])
    outcome = training._preflight(recipe, make_method(recipe, 6), torch.device("cpu"), ALONE)
    assert (outcome["outcome"], outcome["dual"], outcome["dtype"]) == ("holds", dual, "float32")
    assert (outcome["network"], outcome["compile"], outcome["world_size"]) == (False, False, 1)
    json.dumps(outcome)


def test_a_run_with_a_broken_dual_function_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Objective.at

    def at(self: Objective, *rows: Any, mu: float) -> Solution:
        s = right(self, *rows, mu=mu)
        return dataclasses.replace(s, value=s.value - s.lam * self.epsilon)

    monkeypatch.setattr(Objective, "at", at)
    for divergence in ("kl", "none"):
        settings = ["method.loss=udr", "attack.cost=soft-ball", f"method.divergence={divergence}"]
        recipe = recipes.find("cifar10-smoke", settings)
        with pytest.raises(PreflightRefusal, match="at a given mu"):
            training._preflight(recipe, make_method(recipe, 6), torch.device("cpu"), ALONE)


def test_the_networks_compilation_reaches_the_pre_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def noted(held: object, **options: Any) -> Any:
        asked.append((held, options))
        return preflight.run(held, **{**options, "network": False})  # type: ignore[arg-type]

    monkeypatch.setattr(training, "preflight", noted)
    recipe = recipes.find("cifar10-smoke", ["training.precision=bfloat16"])
    method = make_method(recipe, 6)
    for compiled in (False, True):
        training._preflight(
            recipe, method, torch.device("cpu"), ALONE, Arithmetic("bfloat16", compiled=compiled)
        )
    assert [options["network"] for _, options in asked] == [False, True]
    assert all(held is method.objective for held, _ in asked)
