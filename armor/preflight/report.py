"""What the pre-flight found, for the checkpoint and for the reader."""

__all__ = ["Check", "PreflightRefusal", "PreflightReport"]

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Check:
    """One statement on one instance.

    statement: T-id.  grade: "enclosed" against a certified interval, "bracketed" against the objective's own
    witnesses evaluated apart.  outcome: "holds" or "fails".  detail: the numbers, as a sentence.
    """

    instance: str
    statement: str
    subject: str
    grade: str
    outcome: str
    detail: str


@dataclass(frozen=True)
class PreflightReport:
    """Outcome of one pre-flight.

    dual: "exact", or what was measured besides: "at a given mu", "learned", "carried".
    compile: whether the objective was compiled; network: whether its losses came out of a compiled network.
    instances_sha256: of the instance file.  code_sha256: of the objectives' source files and the versions
    they ran under.  seconds: measuring; compile_seconds: compilation, apart.
    """

    outcome: str
    grade: str
    objective: Mapping[str, Any]
    dual: str
    device: str
    dtype: str
    compile: bool
    network: bool
    world_size: int
    source: str
    instances: int
    checks: int
    failures: tuple[Check, ...]
    instances_sha256: str
    code_sha256: str
    seconds: float
    compile_seconds: float

    @property
    def passed(self) -> bool:
        """Whether every check holds."""
        return self.outcome == "holds"

    def to_mapping(self) -> dict[str, Any]:
        """The report as JSON data."""
        return asdict(self)

    def sentence(self) -> str:
        """One line for a terminal."""
        where = f"{self.instances} certified instances on {self.device}, {self.dtype} losses"
        mode = ", compiled" if self.compile else ", of a compiled network" if self.network else ""
        mode += f", {self.world_size} workers" if self.world_size > 1 else ""
        mode += "" if self.dual == "exact" else f", dual {self.dual}"
        if self.passed:
            return (
                f"pre-flight holds: {self.checks} checks, {where}{mode}, {self.seconds:.2f} s ({self.grade})"
            )
        return f"pre-flight refused: {len(self.failures)} of {self.checks} checks fail, {where}{mode}"


class PreflightRefusal(RuntimeError):
    """The objective failed: the message names statement and instance, `report` has the rest."""

    def __init__(self, report: PreflightReport) -> None:
        first = report.failures[0]
        super().__init__(
            f"{report.sentence()}; first: {first.statement} ({first.subject}) fails on instance "
            f"{first.instance}: {first.detail}"
        )
        self.report = report
