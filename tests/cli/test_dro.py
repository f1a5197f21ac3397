"""`armor dro`: report, JSON, certificate, exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from armor.cli.main import main

KEYS = {
    *("value", "lower", "upper", "rigorous", "lambda", "rho"),
    *("weights", "singular", "worst_case", "seconds", "status"),
}


def test_json_has_the_documented_keys(instances: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dro", str(instances / "kl_three_points.json"), "--json"]) == 0
    fields = json.loads(capsys.readouterr().out)
    assert set(fields) >= KEYS
    assert fields["rigorous"] is True
    assert fields["lower"] <= fields["value"] <= fields["upper"]
    assert fields["upper"] - fields["lower"] <= 1e-9
    assert sum(fields["worst_case"]) == pytest.approx(1)
    assert fields["lambda"] == pytest.approx(1.05994731570819)
    assert fields["status"] == "solved"


def test_report_shows_what_a_reviewer_asks_for(instances: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dro", str(instances / "hellinger_space.json")]) == 0
    captured = capsys.readouterr()
    for word in (
        "value",
        "interval",
        "enclosed",
        "lambda*",
        "rho*",
        "Worst-case distribution",
        "created",
        "eta",
    ):
        assert word in captured.out
    assert captured.err == ""


@pytest.mark.parametrize("name", ["kl_three_points", "pearson_hard_ball", "hellinger_space", "tv_points",
                                  "renyi_rectangular", "cvar_infinite"])  # fmt: skip
def test_certificate_round_trip(
    name: str, instances: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    proof = tmp_path / "proof.json"
    assert main(["dro", str(instances / f"{name}.json"), "--certificate", str(proof)]) == 0
    assert main(["check", str(proof)]) == 0
    assert "accepted: DRO value" in capsys.readouterr().out
    assert [p.name for p in tmp_path.iterdir()] == ["proof.json"]


def test_empty_ball_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "i.json"
    path.write_text(json.dumps({"divergence": "kl", "cost": [[1, 2]], "p": [1], "phi": [0, 1], "epsilon": 0.5,
                                "support": "reference"}))  # fmt: skip
    assert main(["dro", str(path)]) == 0
    assert "The ball is empty" in capsys.readouterr().out
    assert main(["dro", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["value"] == "-inf"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"divergence": "kl"}', "the field 'cost' is missing"),
        ('{"divergence": "kl", "cost": [[0]], "p": [1], "support": "space"}', "the field 'phi' is missing"),
        ("not json", "not valid JSON"),
        ('{"divergence": "kll", "cost": [[0]], "p": [1], "support": "space"}', "nearest known name is 'kl'"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(
    content: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "i.json"
    path.write_text(content)
    assert main(["dro", str(path), "--certificate", str(tmp_path / "c.json")]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert not (tmp_path / "c.json").exists()


def test_unwritable_certificate_is_exit_2(
    instances: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(instances / "kl_three_points.json")
    assert main(["dro", file, "--certificate", str(tmp_path / "no" / "c.json")]) == 2
    assert "there is no folder" in capsys.readouterr().err
    assert main(["dro", file, "--certificate", str(tmp_path)]) == 2
    assert "it is a folder" in capsys.readouterr().err


def test_starts_without_torch_and_cvxpy(instances: Path) -> None:
    code = (
        "import sys\n"
        "from armor.cli.main import main\n"
        f"code = main(['dro', {str(instances / 'kl_three_points.json')!r}])\n"
        "bad = {'torch', 'cvxpy'} & set(sys.modules)\n"
        "sys.exit(repr(bad) if bad else code)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, stdout=subprocess.DEVNULL)


def test_the_certificate_never_replaces_the_instance(
    instances: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "instance.json"
    copy.write_text((instances / "kl_three_points.json").read_text())
    before = copy.read_text()
    assert main(["dro", str(copy), "--certificate", str(copy)]) == 2
    assert "the instance file itself" in capsys.readouterr().err
    assert copy.read_text() == before


def test_a_certificate_goes_to_regular_files_only(
    instances: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert main(["dro", str(instances / "kl_three_points.json"), "--certificate", str(pipe)]) == 2
    assert "not a regular file" in capsys.readouterr().err
    assert pipe.is_fifo()
