"""`armor derive`: formats, exit codes, bad input."""

import json

import pytest

from armor.cli.main import main


def _run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    try:
        code = main(["derive", *words])
    except SystemExit as stop:
        code = int(stop.code or 0)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_text_numbers_the_steps_and_shows_their_grades(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "kl")
    assert code == 0
    assert "1. [proved] ✓ elimination of rho" in out
    assert "given:" in out
    assert "cited: Rockafellar" in out
    assert "λε + μ log E_P exp" in out


def test_json_is_complete(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "pearson", "--format", "json", "--only", "T3,T8")
    document = json.loads(out)
    assert code == 0
    assert document["divergence"]["name"] == "pearson"
    first, second = document["derivations"]
    assert [s["grade"] for s in first["steps"]] == ["proved", "cited"]
    assert all(s["outcome"] == "holds" for s in first["steps"])
    assert second["outcome"] == "not applicable"
    assert second["not_applicable"]


def test_markdown_and_latex(capsys: pytest.CaptureFixture[str]) -> None:
    _, markdown, _ = _run(capsys, "kl", "--format", "markdown", "--only", "T8")
    assert markdown.startswith("# Kullback-Leibler divergence\n")
    assert "$$ V = " in markdown
    _, latex, _ = _run(capsys, "kl", "--format", "latex", "--only", "T8")
    assert latex.startswith(r"\documentclass")
    assert latex.count(r"\begin{") == latex.count(r"\end{")


def test_own_function(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "--f", "(sqrt(t) - 1)**2", "--only", "T3")
    assert code == 0
    assert "y/(1 - y) for y < 1" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("kll",), "did you mean 'kl'"),
        ((), "name one divergence"),
        (("kl", "--f", "t*log(t)"), "name one divergence"),
        (("alpha",), "needs 'alpha'"),
        (("alpha", "--alpha", "1"), "outside its range"),
        (("cvar", "--beta", "1.5"), "outside its range"),
        (("kl", "--alpha", "2"), "takes no 'alpha'"),
        (("kl", "--only", "T99"), "unknown statement 'T99'"),
        (("--f", "t**2"), "f(1) = 1"),
    ],
)
def test_bad_input(capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str) -> None:
    code, out, err = _run(capsys, *words)
    assert code == 2
    assert message in err
    assert out == ""
    assert "Traceback" not in err
