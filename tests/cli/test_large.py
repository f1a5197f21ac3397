"""Large instances from `.npz` archives: solved, certified, graded, and a changed certificate refused."""

import json

import numpy as np
import pytest

from armor.cli.main import main


@pytest.fixture
def instance(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.random((260, 2)), rng.random((240, 2)) + 0.2
    path = tmp_path / "instance.npz"
    np.savez(
        path,
        divergence='{"name": "hellinger"}',
        cost='{"norm": 2, "power": 2, "scale": 3}',
        support="space",
        x=x,
        y=y,
        p=rng.dirichlet(np.full(260, 3.0)),
        q=rng.dirichlet(np.full(240, 3.0)),
        phi=np.sin(7 * y[:, 0]),
        epsilon=0.05,
    )
    return path


def test_divergence_and_its_certificate(instance, tmp_path, capsys):
    proof = tmp_path / "proof.npz"
    assert main(["divergence", str(instance), "--json", "--certificate", str(proof)]) == 0
    solved = json.loads(capsys.readouterr().out)
    assert solved["rigorous"] is True
    assert solved["gap"] <= 1e-8 * solved["value"]
    assert sum(solved["weights"]) + sum(solved["singular"]) == pytest.approx(1, abs=1e-12)
    assert main(["check", str(proof), "--json"]) == 0
    graded = json.loads(capsys.readouterr().out)
    assert graded["accepted"] is True
    assert graded["grade"] == "enclosed"
    assert (graded["lower"], graded["upper"]) == (solved["lower"], solved["upper"])
    with np.load(proof) as archive:
        content = dict(archive)
    content["mass"] = content["mass"] * 1.001
    np.savez(proof, **content)
    assert main(["check", str(proof)]) == 1
    assert "rejected" in capsys.readouterr().out


def test_dro(instance, capsys):
    assert main(["dro", str(instance), "--json"]) == 0
    solved = json.loads(capsys.readouterr().out)
    assert solved["lower"] <= solved["value"] <= solved["upper"]
    assert solved["gap"] <= 2e-8
    assert sum(solved["worst_case"]) == pytest.approx(1, abs=1e-12)


def test_what_is_missing_is_one_sentence(instance, tmp_path, capsys):
    with np.load(instance) as archive:
        content = dict(archive)
    del content["q"]
    np.savez(instance, **content)
    assert main(["divergence", str(instance)]) == 2
    assert "'q' is missing" in capsys.readouterr().err
    assert main(["check", str(instance)]) == 2
    assert "format" in capsys.readouterr().err
    (tmp_path / "torn.npz").write_bytes(b"PK\x03\x04 torn")
    assert main(["check", str(tmp_path / "torn.npz")]) == 2
    assert "torn.npz" in capsys.readouterr().err
