"""`--audit`: right runs pass whatever holds their multipliers; a wrong objective stops, its batch saved."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import tiny_cifar
import torch

from armor import data, recipes
from armor.cli.main import main
from armor.data import cifar10
from armor.errors import InputError
from armor.objectives import Solution, carried, objective
from armor.objectives.kl import KL
from armor.preflight import PreflightRefusal
from armor.training.audit import AuditBreach, replay
from armor.training.certify import judge
from armor.training.checkpoint import load
from armor.training.run import train
from armor.training.trainer import Hooks, Stopped, Trainer

pytest.importorskip("flint", reason="the extra `verify` is not installed")

PARTS = tiny_cifar.files(per_batch=24)
SETTINGS = [
    "data.validation=20", "validation.images=20", "validation.steps=1", "training.batch=16",
    "training.epochs=1", "training.precision=float32", "training.layout=contiguous", "model.name=cnn-small",
    "attack.steps=1",
]  # fmt: skip
SOFT = ("method.loss=udr", "attack.cost=soft-ball")


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> data.ImageData:
    monkeypatch.setattr(cifar10, "LAYOUT", tiny_cifar.layout_of(PARTS))
    return data.load("cifar10", tiny_cifar.write_folder(tmp_path / "data", PARTS))


def _train(images: data.ImageData, folder: Path, *more: str, **options: Any) -> Any:
    recipe = recipes.find("cifar10-smoke", [*SETTINGS, *more])
    return train(recipe, images, folder, device=torch.device("cpu"), **options)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ((), "inside their certified intervals"),
        (("method.divergence={name='renyi', alpha=1.25}", "method.kappa=0.1"), "inside"),
        ((*SOFT, "attack.rounds=2", "method.kappa=0.1"), "not below"),
        ((*SOFT, "method.divergence=none"), "not below"),
        (("dual.mode=learned", "method.divergence={name='alpha', alpha=6}"), "multipliers used cost"),
        (("dual.mode=carried",), "multipliers used cost"),
        (("method.loss=udr", "attack.cost=power", "dual.mode=learned"), "not below"),
    ],
)
def test_right_runs_are_certified(
    images: data.ImageData, tmp_path: Path, more: tuple[str, ...], said: str
) -> None:
    """T6, T7: an optimum lies in its interval, a dual value at other multipliers not below it."""
    outcome = _train(images, tmp_path / "run", *more, audit_every=2)
    assert outcome.audit.count == 3
    assert outcome.audit.widest < 1e-9
    assert said in outcome.audit.sentence()
    records = [json.loads(line) for line in (tmp_path / "run/audit.jsonl").read_text().splitlines()]
    assert [record["step"] for record in records] == [1, 3, 5]
    for record in records:
        assert record["gap"] == record["value"] - record["lower"]
        assert record["lower"] - 1e-6 <= record["value"]
        assert ("inside" not in said) or record["value"] <= record["upper"] + 1e-6
    assert not (tmp_path / "run/breach.pt").exists()


def test_a_resumed_run_keeps_its_audits(images: data.ImageData, tmp_path: Path) -> None:
    count = iter(range(100))
    with pytest.raises(Stopped):
        _train(
            images, tmp_path / "run", audit_every=1, again=True, hooks=Hooks(stop=lambda: next(count) == 2)
        )
    assert _train(images, tmp_path / "run", audit_every=1, again=True).audit.count == 6


def test_the_plain_mean_has_nothing_to_audit(images: data.ImageData, tmp_path: Path) -> None:
    lines: list[str] = []
    outcome = _train(
        images, tmp_path / "run", "method.divergence=none", audit_every=1, hooks=Hooks(line=lines.append)
    )
    assert outcome.audit is None
    assert any("nothing to audit" in line for line in lines)


def _drift(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A KL objective that is right in the pre-flight and 0.1 per mille too low once training is under way."""
    original, fit = getattr(KL, name), Trainer.fit
    begun: list[bool] = []

    def drifting(self: KL, *arguments: Any, **named: Any) -> Solution:
        solution = original(self, *arguments, **named)
        return dataclasses.replace(solution, value=solution.value * 0.9999) if begun else solution

    def noted(self: Trainer) -> None:
        begun.append(True)
        fit(self)

    monkeypatch.setattr(KL, name, drifting)
    monkeypatch.setattr(Trainer, "fit", noted)


def test_a_breach_saves_its_batch_for_replay(
    images: data.ImageData,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _drift(monkeypatch, "__call__")
    run = tmp_path / "wrong"
    with pytest.raises(
        AuditBreach, match=r"step 1: .* outside its certified interval .*breach\.pt"
    ) as caught:
        _train(images, run, audit_every=2)
    monkeypatch.undo()
    saved = load(run / "breach.pt")  # tensors and plain containers alone
    assert saved["x"].shape == saved["moved"].shape == (16, 3, 32, 32)
    assert float((saved["moved"] - saved["x"]).abs().max()) == pytest.approx(8 / 255, abs=1e-6)
    assert saved["step"] == 1
    assert set(saved["model"]) == set(load(run / "last.pt")["model"])
    then, now = replay(run / "breach.pt")
    assert str(then.value) in str(caught.value)
    assert then.value < then.lower
    assert then.reason
    assert now.reason == ""
    assert now.lower == then.lower
    # The documented command certifies the same batch.
    assert main(["dro", str(run / "breach.json"), "--json"]) == 0
    certified = json.loads(capsys.readouterr().out)
    assert certified["lower"] == pytest.approx(now.lower, abs=1e-12)
    # The run itself can go on from its checkpoint.
    assert (run / "last.pt").is_file()


def test_a_soft_costs_bound_that_is_none_is_a_breach(
    images: data.ImageData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _drift(monkeypatch, "at")
    with pytest.raises(AuditBreach, match="rounding explains"):
        _train(images, tmp_path / "wrong", *SOFT, audit_every=1)
    then, now = replay(tmp_path / "wrong/breach.pt")
    assert then.reason
    assert now.reason == ""
    assert load(tmp_path / "wrong/breach.pt")["costs"].shape == (16,)


def test_a_held_dual_that_forgets_the_radius_is_a_breach(
    images: data.ImageData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The value stays above the batch's optimum; its formula gives it away."""
    original = carried.integrand

    def forgetful(*arguments: Any, **named: Any) -> torch.Tensor:
        return original(*arguments, **{**named, "epsilon": 0.0})

    fit = Trainer.fit

    def broken_since_the_preflight(trainer: Trainer) -> None:
        monkeypatch.setattr(carried, "integrand", forgetful)
        fit(trainer)

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "fit", broken_since_the_preflight)
        with pytest.raises(AuditBreach, match="dual value"):
            _train(images, tmp_path / "wrong", "dual.mode=learned", audit_every=1)
    with pytest.raises(PreflightRefusal, match="learned dual: value"):  # before a run it is found out earlier
        _train(images, tmp_path / "refused", "dual.mode=learned", audit_every=1)


def test_the_command_stops_with_one_sentence(
    images: data.ImageData,  # noqa: ARG001
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    chosen = [word for setting in SETTINGS for word in ("--set", setting)]
    words = ["train", "cifar10-smoke", "--data", str(tmp_path / "data"), "--device", "cpu", *chosen]
    assert main([*words, "--out", str(tmp_path / "right"), "--audit", "2"]) == 0
    assert "audit       3 batches inside" in capsys.readouterr().out
    _drift(monkeypatch, "__call__")
    assert main([*words, "--out", str(tmp_path / "wrong"), "--audit", "2"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = [line for line in printed.err.splitlines() if line.startswith("armor: ")]
    assert "audit breach at step" in line
    assert str(tmp_path / "wrong/breach.pt") in line
    assert "Traceback" not in printed.err


def test_a_file_without_a_batch_is_refused(images: data.ImageData, tmp_path: Path) -> None:
    _train(images, tmp_path / "run")
    with pytest.raises(InputError, match="no batch of an audit"):
        replay(tmp_path / "run/last.pt")
    with pytest.raises(InputError, match="no checkpoint at"):
        replay(tmp_path / "absent.pt")


@pytest.mark.parametrize("optimal", [True, False])
@pytest.mark.parametrize("off", [1e-3, -1e-3])
def test_a_value_on_either_side_of_its_interval_is_judged(off: float, optimal: bool) -> None:
    """An optimum must not lie above its interval either; a dual value must equal its formula."""
    losses = torch.tensor([0.5, 1.25, 3.0, 0.125, 2.5], dtype=torch.float64)
    held = objective("kl", epsilon=0.1, kappa=0.05)
    found = held(losses)
    said = {"lam": float(found.lam), "rho": float(found.rho), "optimal": optimal}
    right, wrong = (judge(held, losses, None, value=float(found.value) + by, **said) for by in (0.0, off))
    assert right.reason == ""
    assert right.outside <= 1e-9
    assert wrong.outside == pytest.approx(1e-3, abs=1e-9)
    assert ("outside its certified" if optimal else "") in wrong.reason
    assert wrong.reason
