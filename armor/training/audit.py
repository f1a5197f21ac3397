"""The audit: now and then a batch's objective is held against a rigorous interval of the exact solver.

The pre-flight proves the objective on shipped instances before the first step; the audit proves it on the
losses and transport costs that training really meets. It needs the extra `verify`.

What is used of a batch is its own optimum, or the dual function at multipliers from elsewhere (learned,
carried, or those of a soft cost's attack): an upper bound, whose distance from the certified interval is what
these multipliers cost.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from math import isfinite
from pathlib import Path
from typing import Any

from torch import Tensor

from armor.errors import InputError
from armor.files import write_atomically
from armor.methods import Method, StepResult, Udr
from armor.models import ModelSpec
from armor.objectives import CarriedDual, LearnedDual, Objective, Solution, objective
from armor.training.certify import Verdict, instance_of, judge
from armor.training.checkpoint import load, save
from armor.training.workers import ALONE, Workers

__all__ = ["Audit", "AuditBreach", "replay"]

_LOG, _BATCH, _INSTANCE = "audit.jsonl", "breach.pt", "breach.json"


class AuditBreach(Exception):
    """A batch's objective left its interval; the message gives step, numbers and the saved batch."""


@dataclass
class Audit:
    """Checks every `every`-th step into `audit.jsonl`; a breach leaves its batch in the run's folder.

    Attributes:
        method: of the run; its objective is audited. every: steps between two checks. folder: of the run.
        spec, recipe: what the saved batch says about the network and the run.
        records: one per check: step, value used, certified interval, gap (value minus lower end).
        workers: who shares the batches; all call, the first one judges the whole batch, all hear of it.
    """

    method: Method
    every: int
    folder: Path
    spec: ModelSpec
    recipe: Mapping[str, Any]
    records: list[dict[str, Any]] = field(default_factory=list)
    workers: Workers = ALONE

    def resume(self, step: int) -> None:
        """Take up the records of an earlier part of the run, up to the step it goes on from."""
        path = self.folder / _LOG
        if path.is_file():
            earlier = [json.loads(line) for line in path.read_text().splitlines()]
            self.records = [record for record in earlier if record["step"] <= step]

    def __call__(
        self, step: int, result: StepResult, x: Tensor, y: Tensor, weights: Mapping[str, Tensor]
    ) -> None:
        """Check the step number `step` (from 0) if its turn has come.

        x, y, result: this worker's share of the batch; x as it came, before the attack.  weights: the
        network's, saved with a breach.

        Raises:
            AuditBreach: the value is farther from where it must lie than rounding can put it.
        """
        if step % self.every or result.solution is None or self.method.exact_objective is None:
            return
        x, y, result = self._whole(x, y, result)
        outcome: dict[str, Any] | str | Exception = {}
        if self.workers.first:
            try:
                outcome = self._judged(step, x, y, result, weights)
            except Exception as error:  # the others wait for an answer
                outcome = error
        outcome = self.workers.agree(outcome)
        if isinstance(outcome, Exception):
            raise outcome
        if isinstance(outcome, str):
            raise AuditBreach(outcome)
        self.records.append(outcome)
        if self.workers.first:
            lines = "".join(json.dumps(record) + "\n" for record in self.records)
            write_atomically(self.folder / _LOG, lines.encode())

    def _whole(self, x: Tensor, y: Tensor, result: StepResult) -> tuple[Tensor, Tensor, StepResult]:
        """The batch of all workers, in the order in which they pool it, from their equal shares."""
        solution, gather = result.solution, self.workers.gather
        if not self.workers.several or solution is None:
            return x, y, result
        if self._share_by_share():  # each worker's value is the mean over its own samples
            value = solution.value.clone()
            self.workers.average([value])
            solution = replace(solution, value=value)
        return (
            gather(x),
            gather(y),
            replace(
                result,
                x=gather(result.x),
                losses=gather(result.losses),
                costs=None if result.costs is None else gather(result.costs),
                solution=replace(solution, weights=gather(solution.weights)),
            ),
        )

    def _judged(
        self, step: int, x: Tensor, y: Tensor, result: StepResult, weights: Mapping[str, Tensor]
    ) -> dict[str, Any] | str:
        """The record of a whole batch, or what the breach is that it leaves in the folder."""
        held, solution = self.method.exact_objective, result.solution
        assert held is not None
        assert solution is not None
        optimal = self._optimal()
        verdict = judge(
            held,
            result.losses,
            result.costs,
            **_said(solution),
            solve_dtype=solution.weights.dtype,
            optimal=optimal,
        )
        if verdict.reason:
            content = {
                "recipe": dict(self.recipe),
                "model": dict(weights),
                "step": step + 1,
                "objective": held.to_mapping(),
                "optimal": optimal,
                "x": x,
                "y": y,
                "moved": result.x,
                "losses": result.losses,
                "costs": result.costs,
                "weights": solution.weights,
                **_said(solution),
            }
            save(self.folder / _BATCH, content, self.spec)
            described = json.dumps(instance_of(held, result.losses, result.costs), indent=1)
            write_atomically(self.folder / _INSTANCE, described.encode())
            return (
                f"audit breach at step {step + 1}: {verdict.reason}; the batch is saved: "
                f"`armor dro {self.folder / _INSTANCE}` certifies it again, "
                f"armor.training.audit.replay('{self.folder / _BATCH}') judges it again"
            )
        numbers = {**asdict(verdict), "gap": verdict.gap}
        del numbers["reason"]
        # JSON has no infinity: the interval of a batch whose costs exceed the radius is empty.
        finite = {name: value if isfinite(value) else None for name, value in numbers.items()}
        return {"step": step + 1, **finite}

    def _optimal(self) -> bool:
        """Whether the value used is the batch's own optimum."""
        return not (isinstance(self.method, Udr) or self._share_by_share())

    def _share_by_share(self) -> bool:
        """Whether the dual variables come from outside the batch."""
        held = self.method.objective
        return isinstance(held, LearnedDual) or (isinstance(held, CarriedDual) and held.solved)

    @property
    def count(self) -> int:
        """Checks done."""
        return len(self.records)

    @property
    def widest(self) -> float:
        """The widest certified interval met."""
        return max((r["upper"] - r["lower"] for r in self.records if r["lower"] is not None), default=0.0)

    @property
    def largest_gap(self) -> float:
        """The largest distance of a value used from a certified lower bound."""
        return max((r["gap"] for r in self.records if r["gap"] is not None), default=0.0)

    def sentence(self) -> str:
        """One line for the result table."""
        if self._optimal():
            farthest = max((r["outside"] for r in self.records), default=0.0)
            return (
                f"{self.count} batches inside their certified intervals (widest {self.widest:.1e}, "
                f"farthest {farthest:.1e}, as rounding allows)"
            )
        return (
            f"{self.count} batches not below their certified intervals (widest {self.widest:.1e}); "
            f"the multipliers used cost at most {self.largest_gap:.1e}"
        )


def replay(path: Path | str) -> tuple[Verdict, Verdict]:
    """Judge the batch that a breach has saved: what the run's objective said then, and what it says now.

    The second is the batch's own optimum, solved anew on the CPU.

    Raises:
        InputError: no or a damaged file, or one without such a batch.
    """
    path = Path(path)
    content = load(path)
    try:
        described, losses, costs = content["objective"], content["losses"], content["costs"]
        then = {name: float(content[name]) for name in ("value", "lam", "rho")}
        optimal = bool(content["optimal"])
        built: Objective = objective(
            described["divergence"], epsilon=described["epsilon"], kappa=described["kappa"]
        )
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{path} holds no batch of an audit") from None
    found = built(losses, costs)
    return (
        judge(built, losses, costs, **then, solve_dtype=content["weights"].dtype, optimal=optimal),
        judge(built, losses, costs, **_said(found), solve_dtype=found.weights.dtype, optimal=True),
    )


def _said(solution: Solution) -> dict[str, float]:
    return {name: float(getattr(solution, name)) for name in ("value", "lam", "rho")}
