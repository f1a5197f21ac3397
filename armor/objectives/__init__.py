"""Objectives: the worst re-weighting of a batch of losses, solved exactly on its own device."""

from armor.objectives.base import Objective
from armor.objectives.carried import DUAL_MODES, CarriedDual, LearnedDual, hold
from armor.objectives.registry import names, objective
from armor.objectives.solution import Solution
from armor.status import Status

__all__ = [
    "DUAL_MODES",
    "CarriedDual",
    "LearnedDual",
    "Objective",
    "Solution",
    "Status",
    "hold",
    "names",
    "objective",
]
