"""`armor train` from the command line, on a tiny data set."""

from pathlib import Path

import pytest
import tiny_cifar

from armor.cli.main import main
from armor.data import cifar10
from armor.training.exclusive import exclusive

PARTS = tiny_cifar.files(per_batch=24)
SETTINGS = [
    "data.validation=20", "validation.images=20", "validation.steps=2", "training.batch=16",
    "training.epochs=2",
    "training.precision=float32", "training.layout=contiguous", "model.name=cnn-small", "attack.steps=1",
]  # fmt: skip


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cifar10, "LAYOUT", tiny_cifar.layout_of(PARTS))
    tiny_cifar.write_folder(tmp_path, PARTS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ARMOR_DATA", raising=False)
    return tmp_path


def _train(*words: str, settings: list[str] = SETTINGS) -> int:
    return main(["train", *words, "--device", "cpu", *(w for s in settings for w in ("--set", s))])


def test_a_run_prints_its_result_and_can_be_resumed(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _train("cifar10-smoke", "--data", str(tiny)) == 0
    printed = capsys.readouterr()
    rows = dict(line.split(maxsplit=1) for line in printed.out.splitlines())
    assert set(rows) >= {"recipe", "pre-flight", "best", "training", "checkpoint"}
    assert rows["pre-flight"].startswith("holds")
    assert rows["checkpoint"] == str(Path("runs/cifar10-smoke/best.pt"))
    assert "epoch   2/2" in printed.err
    assert (tiny / "runs/cifar10-smoke/best.pt").is_file()
    assert _train("cifar10-smoke", "--data", str(tiny)) == 2
    assert "--resume" in capsys.readouterr().err
    assert _train("cifar10-smoke", "--data", str(tiny), "--resume") == 0


def test_two_processes_do_not_write_into_one_folder(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Locks are told apart by the opened folder, so that this process can stand for the other one."""
    words = ("cifar10-smoke", "--data", str(tiny), "--out", "one/run")
    assert _train(*words, "--set", "method.divergence=cvar") == 2  # refused before anything is written
    assert not (tiny / "one").exists()
    with exclusive(tiny / "one/run"):
        assert _train(*words) == 2
        assert "another process trains into one/run" in capsys.readouterr().err
        assert not list((tiny / "one/run").iterdir())
    assert _train(*words) == 0
    before = {path.name: path.read_bytes() for path in (tiny / "one/run").iterdir()}
    with exclusive(tiny / "one/run"):
        assert _train(*words, "--resume") == 2
    assert before == {path.name: path.read_bytes() for path in (tiny / "one/run").iterdir()}
    (tiny / "file").touch()
    assert _train(*words[:-1], "file") == 2
    assert "file is a file" in capsys.readouterr().err


def test_data_from_the_environment_and_a_recipe_file(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARMOR_DATA", str(tiny))
    (tiny / "own.toml").write_text('title = "mine"\n[method]\nloss = "mart"\ndivergence = "none"\n')
    assert _train("own.toml", "--out", "elsewhere", settings=[*SETTINGS, "training.epochs=1"]) == 0
    assert (tiny / "elsewhere/best.pt").is_file()


def test_the_list_of_recipes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--list"]) == 0
    assert "cifar10-smoke" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["cifar10-smok", "--data", "."], "'cifar10-smoke'"),
        (["cifar10-smoke"], "ARMOR_DATA"),
        (["cifar10-smoke", "--data", "nowhere"], "nowhere does not exist"),
        (["cifar10-smoke", "--data", ".", "--set", "training.epoch=3"], "'training.epochs'"),
        (["cifar10-smoke", "--data", ".", "--set", "method.epsilon=0"], "method.epsilon = 0"),
        (["cifar10-smoke", "--data", ".", "--set", "method.divergence=kll"], "kll"),
        (["cifar10-smoke", "--data", ".", "--device", "gpu"], "'gpu'"),
        (["cifar10-smoke", "--data", ".", "--set", "training.batch=200"], "200"),
        ([], "which recipe"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(
    tiny: Path, capsys: pytest.CaptureFixture[str], words: list[str], expected: str
) -> None:
    more = [] if not words else ["--set", "data.validation=20", "--set", "validation.images=20"]
    assert main(["train", *words, *more]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert expected in printed.err
    assert len(printed.err.strip().splitlines()) == 1
    assert not (tiny / "runs").exists()


def test_a_damaged_archive_stops_the_run(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tiny / tiny_cifar.FOLDER / "data_batch_1"
    path.write_bytes(path.read_bytes()[:-10])
    assert _train("cifar10-smoke", "--data", str(tiny)) == 2
    printed = capsys.readouterr().err
    assert "data_batch_1" in printed
    assert "Traceback" not in printed
    assert not (tiny / "runs").exists()


def test_divergence_is_exit_one(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wild = ["optimizer.lr=100", "optimizer.momentum=0.99", "schedule.warmup=0", "training.epochs=20"]
    assert _train("cifar10-smoke", "--data", str(tiny), settings=[*SETTINGS, *wild]) == 1
    assert "lower optimizer.lr" in capsys.readouterr().err


def test_a_refused_preflight_is_exit_one(
    tiny: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import dataclasses

    from armor.objectives.kl import KL

    original = KL.__call__

    def mutant(self: KL, *arguments: object, **named: object) -> object:
        solution = original(self, *arguments, **named)  # type: ignore[arg-type]
        return dataclasses.replace(solution, value=solution.value * 1.001)

    monkeypatch.setattr(KL, "__call__", mutant)
    assert _train("cifar10-smoke", "--data", str(tiny)) == 1
    assert "pre-flight" in capsys.readouterr().err
    assert not (tiny / "runs").exists()


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["train", "--help"])
    assert caught.value.code == 0
    assert "armor train cifar10-smoke" in capsys.readouterr().out
