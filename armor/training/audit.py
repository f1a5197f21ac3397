"""The audit: now and then a batch's objective is held against a rigorous interval of the exact solver.

The pre-flight proves the objective on shipped instances before the first step; the audit proves it on the
losses that training really meets. It needs the extra `verify`.
"""

from dataclasses import dataclass

import torch

from armor.methods import StepResult
from armor.objectives import Objective
from armor.preflight import rounding_bound

__all__ = ["Audit", "AuditBreach"]


class AuditBreach(Exception):
    """A batch's objective left its certified interval; the message gives step and numbers."""


@dataclass
class Audit:
    """Checks every `every`-th step (T6, T8: hard ball, support "reference", uniform reference).

    Attributes:
        objective: of the run. every: steps between two checks.
        count: checks done. widest: widest certified interval met; farthest: largest distance of a value from
        its
            interval, within what rounding explains.
    """

    objective: Objective
    every: int
    count: int = 0
    widest: float = 0.0
    farthest: float = 0.0

    def __call__(self, step: int, result: StepResult) -> None:
        """Check the step number `step` (from 0) if its turn has come.

        Raises:
            AuditBreach: the value is farther from the certified interval than rounding can put it.
        """
        if step % self.every or result.solution is None:
            return
        from verification.instance import from_mapping
        from verification.solve import dro

        losses = tuple(result.losses.double().cpu().tolist())
        size = len(losses)
        instance = from_mapping(
            {
                "divergence": dict(self.objective.spec),
                "cost": [[0 if i == j else None for j in range(size)] for i in range(size)],
                "p": [f"1/{size}"] * size,
                "phi": list(losses),
                "epsilon": self.objective.epsilon,
                "kappa": self.objective.kappa,
                "support": "reference",
            }
        )
        certified = dro(instance)
        value = float(result.solution.value)
        bound = rounding_bound(
            losses,
            value,
            epsilon=self.objective.epsilon,
            kappa=self.objective.kappa,
            lam=float(result.solution.lam),
            solve_dtype=result.solution.weights.dtype,
            value_dtype=torch.float64 if result.losses.dtype == torch.float64 else torch.float32,
        )
        outside = max(certified.lower - value, value - certified.upper, 0.0)
        self.count += 1
        self.widest = max(self.widest, certified.upper - certified.lower)
        self.farthest = max(self.farthest, outside)
        if not outside <= bound:
            raise AuditBreach(
                f"audit breach at step {step + 1}: the objective's value {value!r} lies {outside:.3g} "
                f"outside its certified interval [{certified.lower!r}, {certified.upper!r}], "
                f"rounding explains {bound:.3g}"
            )

    def sentence(self) -> str:
        """One line for the result table."""
        return (
            f"{self.count} batches inside their certified intervals (widest {self.widest:.1e}, "
            f"farthest {self.farthest:.1e}, as rounding allows)"
        )
