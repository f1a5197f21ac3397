"""`armor reproduce` and paired evaluation from the command line, on a tiny data set."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import tiny_cifar

from armor.cli.main import main
from armor.data import cifar10
from armor.recipes import tables

PARTS = tiny_cifar.files(per_batch=24)
TINY = tables.Scale(
    {
        "cifar": (
            "model.name=cnn-small", "training.epochs=1", "training.batch=16", "data.validation=20",
            "validation.images=20", "validation.steps=1", "training.precision=float32",
            "training.layout=contiguous",
        ),
    },
    {"cifar": 1}, (0,), {"cifar": "fgsm"}, 30, False, False,
)  # fmt: skip
ROWS = 4  # of the table that is computed here


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cifar10, "LAYOUT", tiny_cifar.layout_of(PARTS))
    monkeypatch.setitem(tables.SCALES, "smoke", TINY)
    tiny_cifar.write_folder(tmp_path, PARTS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_whole_table_is_computed_once_and_collected(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["reproduce", "cifar10-duals", "--data", str(tiny), "--device", "cpu"]
    assert main([*words, "--collect"]) == 0
    assert "Not computed yet" in capsys.readouterr().out
    assert main(words) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("# cifar10-duals, scale smoke")
    assert "Not computed yet" not in printed.out
    assert printed.out.count(" fgsm ") == ROWS
    root = tiny / "runs/reproduce/cifar10-duals-smoke"
    assert (root / "table.md").read_text() == printed.out
    assert {"table.png", "table.json"} <= {p.name for p in root.iterdir()}
    assert main(words) == 0  # nothing left to train
    again = capsys.readouterr()
    assert again.out == printed.out
    assert "row 1" not in again.err
    (root / "cifar10-trades-kl-learned-seed0/evaluation.json").unlink()
    assert main(words) == 0
    assert f"row 3 of {ROWS}" in capsys.readouterr().err
    _paired_with_record_and_checkpoint(tiny, root, capsys)
    _stronger_evaluation(words, root, capsys)


def _paired_with_record_and_checkpoint(tiny: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other, folder = root / "cifar10-trades-seed0", str(root / "cifar10-trades-kl-exact-seed0")
    more = ["--data", str(tiny), "--n", "30", "--attack", "fgsm", "--json"]
    found = []
    for against in (other / "evaluation.json", other, other / "best.pt"):
        assert main(["evaluate", folder, *more, "--against", str(against)]) == 0
        found.append(json.loads(capsys.readouterr().out)["against"])
    assert set(found[0]) == {"natural", "fgsm"}
    assert 0 <= found[0]["fgsm"]["p_value"] <= 1
    assert found[0] == found[1] == found[2]
    assert main(["evaluate", folder, *more[:-1], "--against", str(other)]) == 0
    assert "exact McNemar test" in capsys.readouterr().out


def _stronger_evaluation(words: list[str], root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """More attacks than were asked for before: the models and old answers stay, the new attack comes."""
    before = {p: p.stat().st_mtime_ns for p in root.glob("*/best.pt")}
    folder = root / "cifar10-trades-seed0"
    old = json.loads((folder / "evaluation.json").read_text())
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(tables.SCALES, "smoke", replace(TINY, attacks={"cifar": "fgsm,pgd1@20"}))
        assert main([*words, "--collect"]) == 0
        assert (
            "Not computed yet (without pgd1@20 at its radius 8/255): cifar10-trades-seed0"
            in capsys.readouterr().out
        )
        assert main([*words, "--jobs", "1"]) == 0
    assert " pgd1@20 | 20 | " in capsys.readouterr().out
    assert {p: p.stat().st_mtime_ns for p in root.glob("*/best.pt")} == before
    new = json.loads((folder / "evaluation.json").read_text())
    assert new["right"]["fgsm"] == old["right"]["fgsm"]
    assert not list(root.glob("*/*.partial"))


def test_listed_commands_are_the_rows(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "cifar10", "--list", "--data", "somewhere"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 13
    for line in lines:
        train, evaluate = line.split(" && ")
        assert shlex.split(train)[:2] == ["armor", "train"]
        assert shlex.split(evaluate)[:2] == ["armor", "evaluate"]
        assert "somewhere" in train
    assert not (tiny / "runs").exists()


@pytest.mark.skipif(shutil.which("xargs") is None, reason="this machine has no xargs")
def test_the_example_of_the_help_runs_the_listed_commands(
    tiny: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--data", "a folder's data", "--out", "an out folder", "--list"]
    assert main(["reproduce", "cifar10", *words]) == 0
    listed = capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["reproduce", "--help"])
    told = capsys.readouterr().out.splitlines()
    examples = [line.split(" | ", 1)[1] for line in told if "full --list |" in line]
    assert len(examples) == 2
    (tiny / "bin").mkdir()
    stand_in = tiny / "bin" / "armor"
    code = "import json, sys\nsys.stdout.write(json.dumps(sys.argv[1:]) + '\\n')\n"
    stand_in.write_text(f"#!{sys.executable}\n{code}")
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tiny / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "3")
    expected = [shlex.split(part)[1:] for line in listed.splitlines() for part in line.split(" && ")]
    for example, wanted in zip(examples, (expected, expected[4:6]), strict=True):
        ran = subprocess.run(example, shell=True, input=listed, capture_output=True, text=True, check=True)
        assert sorted(json.loads(line) for line in ran.stdout.splitlines()) == sorted(wanted)


@pytest.mark.skipif(
    shutil.which("xargs") is None or shutil.which("timeout") is None,
    reason="this machine has no xargs or timeout",
)
def test_the_loop_of_the_docs_ends_though_a_row_fails(tmp_path: Path) -> None:
    """What ran out of time comes again, what failed does not."""
    page = (Path(__file__).parents[2] / "docs/results/full_length.md").read_text(encoding="utf-8")
    (loop,) = (line.removeprefix("$ ") for line in page.splitlines() if line.startswith("$ while "))
    assert "timeout 600 " in loop
    rows = [
        "echo good >> log; echo '{\"a\": 1}'",
        "echo diverged >> log && exit 1",
        "echo bad >> log; exit 2",
        "echo slow >> log; [ -e begun ] || { touch begun; exec sleep 60; } && echo 'it''s done' >> log",
    ]
    (tmp_path / "rows").write_text("".join(row + "\n" for row in rows))
    subprocess.run(
        loop.replace("timeout 600 ", "timeout 2 "), shell=True, cwd=tmp_path, check=True, timeout=50
    )
    assert sorted((tmp_path / "log").read_text().splitlines()) == [
        "bad", "diverged", "good", "its done", "slow", "slow",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["cifar-10"], "'cifar10'"),
        (["cifar10", "--scale", "smok"], "'smoke'"),
        (["cifar10", "--jobs", "0"], "--jobs 0"),
        (["cifar10", "--data", "nowhere"], "nowhere does not exist"),
    ],
)
def test_bad_input(tiny: Path, capsys: pytest.CaptureFixture[str], words: list[str], expected: str) -> None:
    try:
        code = main(["reproduce", *words])
    except SystemExit as end:
        code = int(end.code or 0)
    assert code == 2
    assert expected in capsys.readouterr().err
    assert not (tiny / "runs").exists()
