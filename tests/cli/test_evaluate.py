"""`armor evaluate` from the command line, on a tiny data set."""

import json
from pathlib import Path
from typing import Any

import pytest
import tiny_cifar
import torch

from armor.cli.main import main
from armor.data import cifar10, load
from armor.evaluation import evaluate as evaluation
from armor.evaluation import measure
from armor.evaluation.record import read_record
from armor.models import ModelSpec, create

PARTS = tiny_cifar.files(per_batch=24)


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("evaluate")
    tiny_cifar.write_folder(root, PARTS)
    settings = [
        "data.validation=20", "validation.images=20", "validation.steps=2", "training.batch=16",
        "training.epochs=6", "training.precision=float32", "training.layout=contiguous",
        "model.name=cnn-small", "attack.steps=1", "attack.radius=2/255", "optimizer.lr=0.05",
        "augment.flip=false",
    ]  # fmt: skip
    words = ["train", "cifar10-smoke", "--data", str(root), "--out", str(root / "run"), "--device", "cpu"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cifar10, "LAYOUT", tiny_cifar.layout_of(PARTS))
        assert main([*words, *(w for s in settings for w in ("--set", s))]) == 0
    return root


@pytest.fixture
def words(run_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    monkeypatch.setattr(cifar10, "LAYOUT", tiny_cifar.layout_of(PARTS))
    capsys.readouterr()
    return ["evaluate", str(run_folder / "run" / "best.pt"), "--data", str(run_folder), "--device", "cpu"]


def test_json_as_the_design_says(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    more = ["--attack", "fgsm,pgd5x2", "--radius", "8/255", "--norm", "linf", "--json"]
    outputs = []
    for _ in range(2):
        assert main([*words, *more]) == 0
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]
    found = json.loads(outputs[0])
    assert set(found) == {"n", "natural", "attacks", "preflight"}
    assert found["n"] == 40  # the whole test set
    assert found["preflight"]["outcome"] == "holds"
    assert [a["name"] for a in found["attacks"]] == ["fgsm", "pgd5x2"]
    assert found["attacks"][1] | {"accuracy": 0, "interval": 0} == {
        "name": "pgd5x2", "norm": "linf", "radius": 8 / 255, "steps": 5, "restarts": 2,
        "accuracy": 0, "interval": 0,
    }  # fmt: skip
    for entry in (found["natural"], *found["attacks"]):
        assert entry["interval"][0] <= entry["accuracy"] <= entry["interval"][1]
        assert entry["accuracy"] <= found["natural"]["accuracy"]


def test_the_table_holds_the_preflight_and_every_attack(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--attack", "pgd3", "--radius", "0.02", "--n", "30"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("pre-flight  holds") for line in lines)
    assert any("the first 30 of 40" in line for line in lines)
    assert any(line.split()[:4] == ["pgd3", "linf", "1/50", "3"] for line in lines)


def test_the_folder_of_a_run_means_its_best(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--attack", "", "--json"]) == 0
    file = capsys.readouterr().out
    words[1] = str(Path(words[1]).parent)
    assert main([*words, "--attack", "", "--json"]) == 0
    assert capsys.readouterr().out == file


def test_a_foreign_state_dict(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = create(ModelSpec("resnet-small", 10, (3, 32, 32), (0.0,) * 3, (1.0,) * 3), seed=1)
    state = {f"module.{k}": v for k, v in model.state_dict().items() if not k.startswith("normalise")}
    torch.save({"state_dict": state}, tmp_path / "theirs.pt")
    words[1] = str(tmp_path / "theirs.pt")
    assert main([*words, "--model", "resnet-small", "--attack", "fgsm", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["preflight"] is None
    assert main([*words, "--attack", "fgsm"]) == 2
    assert "--model" in capsys.readouterr().err
    assert main([*words, "--model", "resnet18", "--attack", "fgsm"]) == 2
    assert "weights of another model" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (["--attack", "pdg20"], "'pgd20'"),
        (["--attack", "rfgsm50"], "'rfgsm50' does not fit CIFAR-10"),
        (["--attack", "fgsm@41"], "'fgsm@41' exceeds the 40 images"),
        (["--attack", "fgsm,fgsm"], "named twice"),
        (["--resume"], "--resume needs the --record"),
        (["--record", "/"], "--record / is a folder"),
        (["--against", "/nowhere/a.json"], "no evaluation at /nowhere/a.json"),
        (["--against", "/nowhere/a.pt"], "no checkpoint at /nowhere/a.pt"),
        (["--radius", "8/0"], "radius = '8/0'"),
        (["--radius", "eight"], "radius = 'eight'"),
        (["--radius", "-1"], "radius -1"),
        (["--radius", "1e-400"], "radius = '1e-400' is too small"),
        (["--norm", "l7"], "norm 'l7'"),
        (["--n", "0"], "--n 0"),
        (["--n", "41"], "--n 41"),
        (["--batch", "0"], "--batch 0"),
        (["--seed", "-1"], "--seed -1"),
        (["--seed", "100000000000000000000000"], "--seed 100000000000000000000000 is outside"),
        (["--dataset", "cifar100"], "100 classes"),
        (["--dataset", "mnist"], "was trained on cifar10"),
        (["--dataset", "imagenet"], "unknown data set 'imagenet'"),
        (["--model", "resnet18"], "cnn-small, not of resnet18"),
        (["--data", "/nowhere"], "/nowhere does not exist"),
    ],
)
def test_bad_input_is_one_sentence(
    words: list[str], capsys: pytest.CaptureFixture[str], more: list[str], expected: str
) -> None:
    assert main([*words, *more]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert expected in printed.err
    assert len(printed.err.strip().splitlines()) == 1


@pytest.mark.parametrize("damage", ["missing", "truncated", "text"])
def test_unreadable_checkpoints(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    path = tmp_path / "x.pt"
    if damage == "truncated":
        path.write_bytes(Path(words[1]).read_bytes()[:5000])
    elif damage == "text":
        path.write_text("hello")
    words[1] = str(path)
    assert main(words) == 2
    printed = capsys.readouterr().err
    assert str(path) in printed
    assert len(printed.strip().splitlines()) == 1


def test_an_interrupted_evaluation_goes_on_where_it_was(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    record = tmp_path / "e.json"
    more = ["--attack", "fgsm,pgd4", "--batch", "15", "--record"]
    assert main([*words, *more, str(tmp_path / "whole.json")]) == 0
    attacked = []
    real = measure.correct_under

    def counted(*args: Any, **options: Any) -> torch.Tensor:
        attacked.append((options["kind"], options["first"]))
        if len(attacked) == 5:
            raise KeyboardInterrupt
        return real(*args, **options)

    monkeypatch.setattr(evaluation, "correct_under", counted)
    assert main([*words, *more, str(record), "--resume"]) == 130
    assert not record.exists()
    assert (tmp_path / "e.json.partial").exists()
    assert main([*words, *more, str(record), "--resume"]) == 0
    assert attacked == [
        ("fgsm", 0), ("fgsm", 1), ("fgsm", 2), ("pgd", 0), ("pgd", 1), ("pgd", 1), ("pgd", 2),
    ]  # fmt: skip
    assert record.read_text() == (tmp_path / "whole.json").read_text()
    assert not (tmp_path / "e.json.partial").exists()
    assert main([*words, *more, str(record), "--resume"]) == 0  # nothing is left
    assert len(attacked) == 7
    assert main([*words, *more, str(record), "--resume", "--seed", "1"]) == 0  # another evaluation
    assert len(attacked) == 13
    (tmp_path / "e.json.partial").write_text("{")
    assert main([*words, *more, str(record), "--resume", "--seed", "2"]) == 0
    assert len(attacked) == 19
    capsys.readouterr()


def test_a_record_loses_nothing(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    record, old = tmp_path / "e.json", tmp_path / "e.json.old"
    more = [*words, "--record", str(record), "--n", "20", "--attack"]
    assert main([*more, "fgsm,pgd3"]) == 0
    first = read_record(record)
    text = record.read_text()
    capsys.readouterr()
    assert main([*more, "pgd2"]) == 2  # refused before anything is attacked or read
    assert capsys.readouterr().err == (
        f"armor: {record} exists already: go on with it by --resume, or name another --record\n"
    )
    assert record.read_text() == text
    assert main([*more, "pgd2,fgsm", "--resume", "--json"]) == 0
    assert [a["name"] for a in json.loads(capsys.readouterr().out)["attacks"]] == ["pgd2", "fgsm"]
    added = read_record(record)
    assert [entry["name"] for entry in added.result["attacks"]] == ["pgd3", "pgd2", "fgsm"]
    assert all((added.right[name] == first.right[name]).all() for name in first.right)
    assert added.result["machine"] == first.result["machine"]
    assert not old.exists()
    text = record.read_text()
    assert main([*more, "fgsm", "--radius", "1/255", "--resume"]) == 0  # the same name, another ball
    assert [entry["name"] for entry in read_record(record).result["attacks"]] == ["pgd3", "pgd2", "fgsm"]
    assert old.read_text() == text
    text = record.read_text()
    assert main([*more, "fgsm", "--resume", "--seed", "1"]) == 0  # another evaluation
    assert [entry["name"] for entry in read_record(record).result["attacks"]] == ["fgsm"]
    assert (tmp_path / "e.json.old2").read_text() == text
    _unfinished_attacks_stay(more, record, monkeypatch, capsys)


def _unfinished_attacks_stay(
    more: list[str], record: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What an interruption has left of an attack is there when another one has been added meanwhile."""
    real, attacked = measure.correct_under, []

    def counted(*args: Any, **options: Any) -> torch.Tensor:
        attacked.append(options["first"])
        if len(attacked) == 3:
            raise KeyboardInterrupt
        return real(*args, **options)

    monkeypatch.setattr(evaluation, "correct_under", counted)
    record.unlink()
    assert main([*more, "pgd4", "--batch", "5"]) == 130
    capsys.readouterr()
    assert main([*more, "pgd4", "--batch", "5"]) == 2
    assert f"{record}.partial exists already" in capsys.readouterr().err
    assert main([*more, "fgsm", "--batch", "5", "--resume"]) == 0
    assert main([*more, "pgd4", "--batch", "5", "--resume"]) == 0
    assert attacked == [0, 1, 2, 0, 1, 2, 3, 2, 3]
    assert [entry["name"] for entry in read_record(record).result["attacks"]] == ["fgsm", "pgd4"]
    assert not record.with_name("e.json.partial").exists()


def test_binary_features_by_rfgsm(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["data", "make", "malware", "--data", str(tmp_path), "--samples", "1600", "--features", "64"])
        == 0
    )
    settings = [
        "data.validation=40", "validation.images=40", "validation.steps=2", "training.batch=32",
        "training.epochs=8", "training.precision=float32", "training.layout=contiguous", "attack.steps=2",
    ]  # fmt: skip
    folder = str(tmp_path / "run")
    words = ["train", "malware", "--data", str(tmp_path), "--out", folder, "--device", "cpu"]
    assert main([*words, *(w for s in settings for w in ("--set", s))]) == 0
    capsys.readouterr()
    words = ["evaluate", folder, "--data", str(tmp_path), "--attack"]
    assert main([*words, "rfgsm10x3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    natural, attacked = found["natural"]["accuracy"], found["attacks"][0]["accuracy"]
    assert natural > 0.6
    assert attacked < natural
    assert found["attacks"][0]["norm"] == "flips"
    share = load("malware", tmp_path).arrays.y_test.mean()  # of the malicious ones
    for name, accuracy in (("natural", natural), ("rfgsm10x3", attacked)):
        missed, alarms = found["rates"][name]["false_negatives"], found["rates"][name]["false_positives"]
        assert share * missed + (1 - share) * alarms == pytest.approx(1 - accuracy)
    assert main([*words, "rfgsm5,rfgsm5-malicious", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["rates"]
    assert found["rfgsm5-malicious"]["false_positives"] == found["natural"]["false_positives"]
    assert found["rfgsm5-malicious"]["false_negatives"] == found["rfgsm5"]["false_negatives"]
    assert main([*words, "rfgsm5-malicious"]) == 0
    assert "false negatives" in capsys.readouterr().out
    assert main([*words, "pgd5"]) == 2
    assert "'pgd5' does not fit" in capsys.readouterr().err
    _answers_stay_with_their_images(tmp_path, folder, settings, capsys)


def _answers_stay_with_their_images(
    root: Path, run: str, settings: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A data set of the user's own has no fixed content: other samples in it are other images."""
    size = ["--samples", "1600", "--features", "64", "--seed", "7"]
    assert main(["data", "make", "malware", "--data", str(root / "two"), *size]) == 0
    one, two = (["evaluate", run, "--attack", "rfgsm5", "--data", str(d)] for d in (root, root / "two"))
    record = ["--record", str(root / "r.json")]
    capsys.readouterr()
    assert main([*one, *record]) == 0
    capsys.readouterr()
    assert main([*two, "--against", str(root / "r.json")]) == 2
    assert "others than those of the record" in capsys.readouterr().err
    outputs = []
    for more in ([], [*record, "--resume"]):
        assert main([*two, "--json", *more]) == 0
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]
    words = ["train", "malware", "--out", run, "--resume", "--device", "cpu", "--data"]
    words = [*words, str(root / "two"), *(w for s in settings for w in ("--set", s))]
    assert main(words) == 2
    assert "was trained on other images than those given" in capsys.readouterr().err
    words[words.index(str(root / "two"))] = str(root)
    assert main(words) == 0
