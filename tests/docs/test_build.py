"""The site's build in a copy of the repository: whole, and with one thing spoilt, which has to end it.

Slow: every case starts Sphinx, which derives what the changed code derives.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COPIED = (
    "theory",
    "verification",
    "armor",
    "docs",
    "tests/data",
    "README.md",
    "CHANGELOG.md",
    "pyproject.toml",
)

pytest.importorskip("furo", reason="the site needs the extra docs")
pytestmark = pytest.mark.slow


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The repository without what a build made."""
    skipped = shutil.ignore_patterns("generated", "build", "__pycache__")
    for name in COPIED:
        source, target = ROOT / name, tmp_path / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=skipped)
        else:
            shutil.copy(source, target)
    return tmp_path


def _build(copy: Path, draft: bool = True) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(copy), str(copy / "docs")])}
    environment["ARMOR_DOCS_DRAFT"] = "1" if draft else "0"
    command = [
        "-m",
        "sphinx",
        "-q",
        "-W",
        "--keep-going",
        "-b",
        "html",
        "-d",
        "doctrees",
        "docs",
        "build/html",
    ]
    return subprocess.run(
        [sys.executable, *command], cwd=copy, env=environment, capture_output=True, text=True, check=False
    )


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, (file, old)
    file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        pytest.param(
            "theory/divergences/kl.py", "t * sp.log(t)", "t * sp.log(t) + 1 - t",
            r"docs/derivations/kl.md is not what the code derives", id="another gauge of KL",
        ),
        pytest.param(
            "theory/statements/t08_dro_kl.py", "best = mu * (sp.log(m) - 1)", "best = mu * (sp.log(m) + 1)",
            r"docs/derivations/kl.md is not what the code derives", id="a wrong step: its identity fails",
        ),
        pytest.param(
            "theory/statements/t08_dro_kl.py", r'M e^{-\rho/\mu - 1} \} = \mu \log M"',
            r'M e^{-\rho/\mu - 1} \} = \mu \log M + 1"',
            r"docs/derivations/kl.md is not what the code derives", id="a step that says something else",
        ),
        pytest.param(
            "docs/worked/t08.py", "import brentq\n", "import brentq\n\nassert brentq is None\n",
            r"t08, cell 1 raised AssertionError", id="a worked instance that does not hold",
        ),
    ],
)  # fmt: skip
def test_a_change_ends_the_build(copy: Path, file: str, old: str, new: str, said: str) -> None:
    _replace(copy / file, old, new)
    ended = _build(copy)
    assert ended.returncode != 0
    assert re.search(said, ended.stderr), ended.stderr[-2000:]
    assert not (copy / "build" / "html" / "index.html").exists()


def test_stale_evidence_ends_a_build_that_is_no_draft(copy: Path) -> None:
    file = copy / "verification" / "mutants.py"
    file.write_text(file.read_text(encoding="utf-8") + "\nCHANGED = 1\n", encoding="utf-8")
    ended = _build(copy, draft=False)
    assert ended.returncode != 0
    assert "docs/evidence/verify.json.gz: it was recorded for code with the hash" in ended.stderr
    assert "Traceback" not in ended.stderr
