"""The closure of a program's sources: found statically, it covers what runs really load and open."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from verification.sources import digest, meaning, sources

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("theory", "verification", "armor")

# Runs a program and writes down every Python file that it executes and every other file that it opens (a hash
# over all sources opens them too, which is no dependency).
_WATCHED = """
import atexit, json, runpy, sys
seen = set()
def hook(event, args):
    if event == "open" and isinstance(args[0], str) and not args[0].endswith(".py"):
        seen.add(args[0])
    elif event == "exec" and args[0] is not None:
        seen.add(args[0].co_filename)
sys.addaudithook(hook)
target, report, *sys.argv[1:] = sys.argv[1:]
sys.argv[0] = target
def write():
    with open(report, "w") as file:
        json.dump(sorted(seen), file)
atexit.register(write)
runpy.run_module(target, run_name="__main__")
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    files = {
        "pack/__init__.py": "",
        "pack/main.py": "from pack import used\ndef f():\n    import pack.late\n",
        "pack/used.py": "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    import pack.typing_only\nX = {'a': 'pack.named'}\n",
        "pack/late.py": "from . import near\nfrom .sub import inner\n",
        "pack/near.py": "from pathlib import Path\nF = Path(__file__).parent / 'data'\n",
        "pack/named.py": "def g(name):\n    return __import__(f'pack.family.{name}')\n",
        "pack/family/__init__.py": "",
        "pack/family/one.py": "",
        "pack/sub/__init__.py": "from importlib import import_module\n",
        "pack/sub/inner.py": "import pkgutil\nfrom pack import found\n"
        "A = pkgutil.iter_modules(found.__path__)\n",
        "pack/found/__init__.py": "",
        "pack/found/two.py": "",
        "pack/unused.py": "import pack.typing_only\n",
        "pack/typing_only.py": "",
        "pack/table.toml": "a = 1",
        "pack/data/numbers.json": "1",
        "pack/data/.hidden": "",
        "pack/other/not_asked_for.json": "1",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_what_is_followed_and_what_is_not(tree: Path) -> None:
    left_out = {"unused.py", "typing_only.py", "data/.hidden", "other/not_asked_for.json"}
    every = {path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file()}
    assert set(sources(["pack.main"], [tree])) == every - {f"pack/{name}" for name in left_out}


def test_a_resolved_package_counts_by_what_is_named(tree: Path) -> None:
    (tree / "pack/family/other.py").write_text("", encoding="utf-8")
    found = sources(["pack.main", "pack.family.one"], [tree], resolved=["pack.family"])
    assert "pack/family/one.py" in found
    assert "pack/family/other.py" not in found


def test_a_script_brings_what_it_imports(tree: Path) -> None:
    script = tree / "docs" / "example.py"
    script.parent.mkdir()
    script.write_text("from pack.used import X\n", encoding="utf-8")
    found = sources([], [tree], scripts=[script])
    assert {"docs/example.py", "pack/used.py", "pack/named.py", "pack/family/one.py"} <= set(found)
    assert "pack/late.py" not in found


def test_an_unknown_entry_is_refused(tree: Path) -> None:
    with pytest.raises(ValueError, match=r"no module 'pack\.missing'"):
        sources(["pack.missing"], [tree])


def test_the_digest_follows_meaning(tree: Path) -> None:
    def now() -> str:
        return digest(sources(["pack.main"], [tree]))

    def changed(name: str, text: str) -> bool:
        before = now()
        (tree / name).write_text(text, encoding="utf-8")
        return now() != before

    assert changed("pack/family/one.py", "def f(x: int = 1) -> int:\n    return x\n")
    assert not changed(
        "pack/family/one.py", '"""Words."""\n\n\ndef f(x: int = 1) -> int:  # why\n\n    return x\n'
    )
    assert not changed("pack/family/one.py", 'def f(x: int = 1) -> int:\n    """Words."""\n    return x\n')
    assert changed("pack/family/one.py", "def f(x: int = 2) -> int:\n    return x\n")
    assert changed("pack/family/one.py", "async def f(x: int = 2) -> int:\n    return x\n")
    assert changed("pack/family/three.py", "")
    assert changed("pack/data/numbers.json", "1 ")
    assert not changed("pack/unused.py", "X = 1\n")
    assert not changed("pack/other/not_asked_for.json", "2")


def test_operators_and_constants_count(tmp_path: Path) -> None:
    file = tmp_path / "x.py"
    texts = [
        "a = 1 + 2",
        "a = 1 - 2",
        "a = 1.0 + 2",
        "a = '1' + 2",
        "a = b'1' + 2",
        "a = (1, 2)",
        "a = [1, 2]",
        "del a",
    ]
    seen = set()
    for text in texts:
        file.write_text(text, encoding="utf-8")
        seen.add(meaning(file))
    assert len(seen) == len(texts)


def _loaded(target: str, *words: str, folder: Path) -> set[str]:
    """Files of the three packages that a program loads as modules or opens, by name."""
    report = folder / "report.json"
    ended = subprocess.run(
        [sys.executable, "-c", _WATCHED, target, str(report), *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    paths = {Path(path) for path in json.loads(report.read_text())}
    inside = {path.relative_to(ROOT) for path in paths if path.is_absolute() and path.is_relative_to(ROOT)}
    return {
        path.as_posix()
        for path in inside
        if path.parts[0] in PACKAGES
        and path.suffix != ".pyc"
        and (ROOT / path).is_file()
        and "build" not in path.parts
    }


def test_solving_an_instance_reads_nothing_else(tmp_path: Path) -> None:
    instance = str(ROOT / "tests" / "data" / "moved_and_reweighted.json")
    loaded = _loaded("armor.cli.main", "dro", instance, folder=tmp_path)
    assert {"armor/cli/dro.py", "theory/divergences/kl.py", "verification/solve/__init__.py"} <= loaded
    assert loaded <= set(sources(["armor.cli.main", "armor.cli.dro"], [ROOT], resolved=["armor.cli"]))


@pytest.mark.slow
def test_a_training_run_reads_nothing_else(tmp_path: Path) -> None:
    """The smallest real run: synthetic malware data, one epoch, on the recipe that ships."""
    _loaded("armor.cli.main", "data", "make", "malware", "--data", str(tmp_path), folder=tmp_path)
    limits = ["--set", "training.epochs=1", "--set", "data.limit=256"]
    words = ["train", "malware", "--data", str(tmp_path), "--out", str(tmp_path / "run"), *limits]
    loaded = _loaded("armor.cli.main", *words, folder=tmp_path)
    assert {"armor/training/run.py", "armor/recipes/malware.toml", "armor/preflight/certified.py"} <= loaded
    assert loaded <= set(sources(["armor.cli.main", "armor.cli.train"], [ROOT], resolved=["armor.cli"]))


@pytest.mark.slow
def test_the_matrix_reads_nothing_else(tmp_path: Path) -> None:
    words = [
        "verify",
        "--only",
        "T8,mutants",
        "--jobs",
        "1",
        "--cache",
        str(tmp_path / "cells"),
        "--json-file",
        str(tmp_path / "f"),
    ]
    loaded = _loaded("armor.cli.main", *words, folder=tmp_path)
    assert {
        "theory/formal/theorems.json",
        "theory/formal/assumptions.py",
        "verification/mutants.py",
    } <= loaded
    known = set(sources(["armor.cli.main", "armor.cli.verify"], [ROOT], resolved=["armor.cli"]))
    assert loaded <= known
    assert {
        "theory/statements/t01_primal.py",
        "theory/divergences/renyi.py",
        "verification/matrix/armor_layer.py",
    } <= known
    from verification.matrix.cache import code_meaning

    assert json.loads((tmp_path / "f").read_text())["sources"] == code_meaning()
