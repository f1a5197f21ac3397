"""Objectives: the worst re-weighting of a batch of losses, solved exactly on its own device."""

from armor.objectives.base import Objective
from armor.objectives.registry import names, objective
from armor.objectives.solution import Solution
from armor.status import Status

__all__ = ["Objective", "Solution", "Status", "names", "objective"]
