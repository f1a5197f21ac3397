"""`armor verify` from the outside: output, files, exit codes and bad input."""

import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from armor.cli.main import main

QUICK = ["--jobs", "1", "--cache"]


@pytest.fixture
def cache(tmp_path: Path) -> list[str]:
    return [*QUICK, str(tmp_path / "cache.jsonl")]


def test_a_choice_prints_its_table_and_verdict(cache: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--only", "T8,kl,hard_ball,reference", *cache]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[-1].startswith("ALL HOLD: ")
    assert "T8" in out
    assert "enclosed" in out
    assert "cells" in err


def test_json_goes_to_stdout_and_to_files(
    cache: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, page = tmp_path / "r.json", tmp_path / "r.html"
    words = [
        "verify",
        "--only",
        "T7,pearson,power,k0",
        "--json",
        "--json-file",
        str(file),
        "--html",
        str(page),
    ]
    assert main([*words, *cache]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data == json.loads(file.read_text())
    assert data["holds"] is True
    cell = data["cells"][0]
    assert cell["outcome"] == "holds"
    assert cell["numbers"]["lower"] <= cell["numbers"]["upper"]
    assert cell["reproduce"].startswith(f"armor verify --only {cell['cell']} --seed 0")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache.jsonl", "r.html", "r.json"]


class _Resources(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [f"{tag} {k}={v}" for k, v in attrs if k in ("src", "href", "action", "data") and v]


def test_the_page_asks_nobody_for_anything(cache: list[str], tmp_path: Path) -> None:
    page = tmp_path / "r.html"
    assert main(["verify", "--only", "T3,kl", "--html", str(page), *cache]) == 0
    text = page.read_text()
    parser = _Resources()
    parser.feed(text)
    assert parser.found == []
    assert text.count("url(") == text.count("url(#")  # references inside the page only
    assert "@import" not in text
    assert "fetch(" not in text
    assert "__DATA__" not in text


def test_list_prints_ids(cache: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--only", "T8,verification", "--list", *cache]) == 0
    lines = capsys.readouterr().out.split()
    assert lines
    assert all(line.startswith("T8/kl/") for line in lines)


@pytest.mark.parametrize(
    ("words", "fragment"),
    [
        (["--only", "pearsn"], "'pearson'"),
        (["--only", ","], "names no cell"),
        (["--only", "T3,hard_ball"], "leaves no cell"),
        (["--seed", "-1"], "--seed must be at least 0, but is -1"),
        (["--jobs", "-3"], "--jobs must be at least 1, but is -3"),
        (["--f", "t**2"], "f"),
        (["--only", "T3,kl", "--html", "/nowhere/r.html"], "'/nowhere'"),
        (["--seed", "many"], "many"),
        (["--f", " "], "--f is empty"),
        (["--html", "."], "cannot write '.': it is a folder"),
        (["--f", "t*log(t)", "--divergence", "kl", "--preflight", "x.json"], "exclude each other"),
        (["--against", "math:fabs", "--f", "t*log(t)"], "--f does not go with --against"),
    ],
)
def test_bad_input_is_one_sentence(words: list[str], fragment: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "armor.cli.main", "verify", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert fragment in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


def test_a_failing_cell_gives_exit_one_and_the_command_that_repeats_it(
    cache: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from verification import mutant_formulas
    from verification.matrix import runner

    plain = runner.execute
    monkeypatch.setattr(
        runner, "execute", lambda *a, **k: plain(*a, **{**k, "formulas": mutant_formulas.RadiusDropped})
    )
    assert main(["verify", "--only", "T7/kl/power/space/k0/verification", *cache]) == 1
    out = capsys.readouterr().out
    assert "armor verify --only T7/kl/power/space/k0/verification --seed 0" in out
    assert out.splitlines()[-1].startswith("FALLS SHORT: 0 of 1 cell hold")


def test_certified_instances_show_their_progress(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from verification import preflight

    batches = preflight._batches
    monkeypatch.setattr(preflight, "_batches", lambda rng: list(batches(rng))[:3])
    assert main(["verify", "--divergence", "kl", "--preflight", str(tmp_path / "kl.json")]) == 0
    printed = capsys.readouterr()
    assert "14 certified instances" in printed.out
    assert "14/14 instances" in printed.err
