"""`armor check`: acceptance, rejection, bad files; no solver and no symbolic layer loaded."""

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from armor.cli.main import main


@pytest.fixture
def proof(instances: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    path = tmp_path / "proof.json"
    assert main(["dro", str(instances / "pearson_hard_ball.json"), "--certificate", str(path)]) == 0
    capsys.readouterr()
    return path


def test_json_verdict(proof: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(proof), "--json"]) == 0
    fields = json.loads(capsys.readouterr().out)
    assert fields["accepted"] is True
    assert fields["grade"] == "enclosed"
    assert fields["kind"] == "dro"
    assert fields["width"] <= 1e-9


def test_a_better_claim_is_rejected(proof: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = json.loads(proof.read_text())
    content["claim"]["upper"] = str(Fraction(content["claim"]["upper"]) - Fraction(1, 10**9))
    proof.write_text(json.dumps(content))
    assert main(["check", str(proof)]) == 1
    assert capsys.readouterr().out.startswith("rejected: ")
    assert main(["check", str(proof), "--json"]) == 1
    fields = json.loads(capsys.readouterr().out)
    assert fields["accepted"] is False
    assert fields["lower"] is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not valid JSON"),
        ("[" * 100000, "nested too deeply"),
        ("[]", "is not a certificate"),
        ('{"p": [1]}', "no field 'format'"),
        ('{"format": "a", "format": "b"}', "'format' stands twice"),
    ],
)
def test_no_certificate_is_exit_2(
    content: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "c.json"
    path.write_text(content)
    assert main(["check", str(path)]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"lower": 3}, "plan is not an object"),
        ({"upper": 3}, "a field has the wrong form"),
        ({"kind": []}, "a field has the wrong form"),
        ({"instance": 3}, "instance is not an object"),
        ({"lower": {"plan": 3}}, "a field has the wrong form"),
        ({"lower": {"plan": [[0, 0]]}}, "the plan has an entry that is no triple"),
        ({"claim": {"lower": [], "upper": "1"}}, "a field has the wrong form"),
        ({"claim": {"lower": "9" * 5000, "upper": "1"}}, "lower is not the text of an exact number"),
    ],
)
def test_reasons_of_rejection_are_sentences(
    change: dict[str, object], reason: str, proof: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    proof.write_text(json.dumps({**json.loads(proof.read_text()), **change}))
    assert main(["check", str(proof)]) == 1
    assert capsys.readouterr().out == f"rejected: {reason}\n"


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (3, "the divergence is not an object"),
        ({"name": ["kl"]}, "unknown divergence ['kl']"),
        ({"name": "alpha", "alpha": "1/0"}, "alpha of alpha is not the text of an exact number"),
        ({"name": "alpha", "alpha": "1e999999999"}, "alpha of alpha is not the text of an exact number"),
    ],
)
def test_divergences_that_are_none_are_named(
    spec: object, reason: str, proof: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = json.loads(proof.read_text())
    content["instance"]["divergence"] = spec
    proof.write_text(json.dumps(content))
    assert main(["check", str(proof)]) == 1
    assert capsys.readouterr().out == f"rejected: {reason}\n"


def test_any_wrong_byte_of_an_archive_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The packers and NumPy raise what they like: zlib errors, unknown methods, shapes beyond memory."""
    path = tmp_path / "c.npz"
    np.savez_compressed(path, format="armor-d-certificate 1 large", p=np.arange(40.0), support="space")
    sound = path.read_bytes()
    codes = set()
    for place in range(len(sound)):
        for flip in (0x01, 0x40, 0xFF):
            path.write_bytes(sound[:place] + bytes([sound[place] ^ flip]) + sound[place + 1 :])
            codes.add(main(["check", str(path)]))
            out, err = capsys.readouterr()
            assert (out + err).count("\n") == 1
    assert codes == {1, 2}


def test_missing_file_and_folder_are_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path / "none.json")]) == 2
    assert main(["check", str(tmp_path)]) == 2
    assert "is not a file" in capsys.readouterr().err


def test_truncated_certificate_is_exit_2(proof: Path, capsys: pytest.CaptureFixture[str]) -> None:
    proof.write_text(proof.read_text()[:-40])
    assert main(["check", str(proof)]) == 2
    assert "not valid JSON" in capsys.readouterr().err


def test_no_solver_is_loaded(proof: Path) -> None:
    code = (
        "import sys\n"
        "from armor.cli.main import main\n"
        f"code = main(['check', {str(proof)!r}])\n"
        "bad = {'torch', 'cvxpy', 'sympy', 'scipy', 'theory.catalogue'} & set(sys.modules)\n"
        "sys.exit(repr(bad) if bad else code)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, stdout=subprocess.DEVNULL)


def _checker() -> Path:
    return Path(__file__).resolve().parents[2] / "theory" / "formal" / "build" / "armor-formal"


def test_formal_without_the_program_says_how_to_build_it(
    proof: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if _checker().exists():
        pytest.skip("the proved checker is built here")
    assert main(["check", str(proof), "--formal"]) == 2
    assert "make formal" in capsys.readouterr().err


def test_formal_accepts_and_rejects(proof: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not _checker().exists():
        pytest.skip("the proved checker is not built here: make formal")
    assert main(["check", str(proof), "--formal"]) == 0
    assert "formal: " in capsys.readouterr().out
    certificate = json.loads(proof.read_text())
    certificate["claim"]["upper"] = str(Fraction(certificate["claim"]["upper"]) - Fraction(1, 1000))
    proof.write_text(json.dumps(certificate))
    assert main(["check", str(proof), "--formal"]) == 1
    assert capsys.readouterr().out.startswith("rejected")
