"""`armor divergence`: report, JSON, infinite values, certificate, exit codes."""

import json
from pathlib import Path

import numpy as np
import pytest

from armor.cli.main import main

KEYS = {
    *("value", "lower", "upper", "rigorous", "lambda", "rho"),
    *("weights", "singular", "worst_case", "seconds", "status"),
}


def test_json_has_the_documented_keys(instances: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["divergence", str(instances / "hellinger_space.json"), "--json"]) == 0
    fields = json.loads(capsys.readouterr().out)
    assert set(fields) >= KEYS
    assert fields["lambda"] is None
    assert fields["rho"] is None
    assert fields["upper"] - fields["lower"] <= 1e-9
    assert fields["worst_case"] == pytest.approx([0.25, 0.25, 0.5])
    assert fields["singular"][2] > 0
    assert sum(fields["weights"]) + sum(fields["singular"]) == pytest.approx(1)


def test_infinity_is_a_value(instances: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["divergence", str(instances / "cvar_infinite.json"), "--json"]) == 0
    fields = json.loads(capsys.readouterr().out)
    assert fields["value"] == fields["lower"] == fields["upper"] == "inf"
    assert fields["weights"] is None
    assert fields["status"] == "infinite"
    assert main(["divergence", str(instances / "cvar_infinite.json")]) == 0
    assert "D^c is infinite" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["kl_three_points", "pearson_hard_ball", "hellinger_space", "tv_points",
                                  "renyi_rectangular", "cvar_infinite"])  # fmt: skip
def test_certificate_round_trip(
    name: str, instances: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    proof = tmp_path / "proof.json"
    assert main(["divergence", str(instances / f"{name}.json"), "--certificate", str(proof)]) == 0
    assert main(["check", str(proof)]) == 0
    assert "accepted: D^c(Q||P)" in capsys.readouterr().out


def test_npz_and_many_points(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "i.npz"
    weights = {"p": np.full(30, 1 / 30), "q": np.full(20, 0.05)}
    points = {"x": rng.normal(size=(30, 2)), "y": rng.normal(size=(20, 2))}
    np.savez(path, divergence="kl", cost="sqeuclidean", support="reference", **weights, **points)
    assert main(["divergence", str(path)]) == 0
    out = capsys.readouterr().out
    assert "30 x 20" in out
    assert "rescaled exactly to 1" in out
    assert "more points" in out


def test_missing_q_is_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "i.json"
    path.write_text('{"divergence": "kl", "cost": [[0]], "p": [1], "support": "space"}')
    assert main(["divergence", str(path)]) == 2
    assert "the field 'q' is missing" in capsys.readouterr().err


def test_help_holds_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("divergence", "dro", "check"):
        with pytest.raises(SystemExit) as caught:
            main([command, "--help"])
        assert caught.value.code == 0
        assert f"armor {command} " in capsys.readouterr().out
