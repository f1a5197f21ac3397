"""The page of the objectives names tests that exist, and every test of the contract."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/objectives.md").read_text()
DEFINED = re.compile(r"^def (test_\w+)\(", re.MULTILINE)


def test_every_named_test_exists() -> None:
    everywhere = {
        name for path in (ROOT / "tests").rglob("test_*.py") for name in DEFINED.findall(path.read_text())
    }
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert len(named) >= 15
    assert named <= everywhere
    files = set(re.findall(r"`(tests/[\w/]+\.py)`", PAGE))
    assert len(files) >= 10
    assert all((ROOT / name).is_file() for name in files)


def test_every_property_of_the_contract_is_named_with_its_statement() -> None:
    contract = (ROOT / "tests/contracts/test_objective_contract.py").read_text()
    rows = [line for line in PAGE.splitlines() if line.startswith("| ")]
    for name in DEFINED.findall(contract):
        (row,) = [line for line in rows if f"`{name}`" in line]
        _, _, statement, _, _ = row.split("|")
        assert re.search(r"T\d+", statement), name
