"""Status codes of the dual solvers: tensors on the device, sentences on the host."""

__all__ = ["Status"]

from enum import IntEnum


class Status(IntEnum):
    """What the solver found; the integer travels as a tensor, the sentence is read when somebody asks."""

    INTERIOR = 0
    INACTIVE = 1
    UNCONVERGED = 2
    INFEASIBLE = 3
    NOT_FINITE = 4
    BAD_WEIGHTS = 5
    BAD_MULTIPLIER = 6

    @property
    def sentence(self) -> str:
        """What happened and what to do about it."""
        return _SENTENCES[self]

    @property
    def ok(self) -> bool:
        """True when value, multipliers and weights are an optimum up to the reported gap."""
        return self in (Status.INTERIOR, Status.INACTIVE)

    def __str__(self) -> str:
        return self.sentence


_SENTENCES = {
    Status.INTERIOR: "optimal: the radius is used up and its multiplier is positive",
    Status.INACTIVE: (
        "optimal: the radius is not binding, its multiplier is zero; a larger epsilon changes nothing"
    ),
    Status.UNCONVERGED: (
        "the iteration budget ran out before the multipliers settled: read the gap before using the value, "
        "and raise iterations"
    ),
    Status.INFEASIBLE: (
        "no re-weighting of these transported points fits the radius: their transport costs alone exceed "
        "epsilon; add the untransported points as candidates or raise epsilon"
    ),
    Status.NOT_FINITE: (
        "a loss of positive reference weight is not finite: find the sample before training on"
    ),
    Status.BAD_WEIGHTS: "the reference weights are negative, not finite or sum to zero: no distribution",
    Status.BAD_MULTIPLIER: "the given mu is not a finite number of at least kappa: no bound is known there",
}
