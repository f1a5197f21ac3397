"""Certificates behind the worked instances: written, re-checked by the checker that imports no solver, offered as
files.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from companion import ROOT

__all__ = ["Offered", "offer"]

# Statement -> instance: either a file of the test data or the data itself; D^c or the DRO value.
_COIN = {
    "divergence": {"name": "kl"}, "cost": [[0, None], [None, 0]], "p": ["3/4", "1/4"], "phi": [0, 1],
    "epsilon": "1/2", "kappa": 0, "support": "reference",
}  # fmt: skip
_TWO = {
    "divergence": {"name": "kl"}, "cost": [[0, "1/2"], ["1/2", 0]], "p": ["1/2", "1/2"], "q": ["1/4", "3/4"],
    "support": "space",
}  # fmt: skip
_MOVED = "tests/data/moved_and_reweighted.json"
OFFERS: Mapping[str, tuple[str, Any]] = {
    "T1": ("divergence", _TWO),
    "T2": ("divergence", _TWO),
    "T6": ("dro", _MOVED),
    "T7": ("dro", {**_COIN, "divergence": {"name": "hellinger"}}),
    "T8": ("dro", _COIN),
    "T9": ("dro", {**_COIN, "divergence": {"name": "alpha", "alpha": "5/2"}}),
    "T10": ("dro", {**_COIN, "divergence": {"name": "renyi", "alpha": 2}}),
    "T11": ("dro", _MOVED),
}


@dataclass(frozen=True)
class Offered:
    """A certificate file and what re-checking it printed."""

    file: str
    command: str
    verdict: str


def offer(folder: Path) -> dict[str, Offered]:
    """Write the certificates and re-check each; `SystemExit` when the checker rejects one."""
    from verification import solve
    from verification.certificate import checker
    from verification.instance import from_mapping, load

    folder.mkdir(parents=True, exist_ok=True)
    done = {}
    for statement, (kind, data) in OFFERS.items():
        instance = load(ROOT / data) if isinstance(data, str) else from_mapping(data)
        solution = getattr(solve, kind)(instance)
        file = folder / f"{statement.lower()}_certificate.json"
        file.write_text(json.dumps(solution.certificate(), indent=1), encoding="utf-8")
        verdict = checker.check(json.loads(file.read_text(encoding="utf-8")))
        if not verdict.accepted:
            raise SystemExit(f"the checker rejects {file.name}: {verdict.reason}")
        text = f"accepted, {verdict.grade}: [{verdict.lower:.16g}, {verdict.upper:.16g}], width {verdict.width:.1e}"
        done[statement] = Offered(file.name, f"armor check {file.name}", text)
    return done
