"""Exact `D^c(Q‖P)` with its gap: a structured interior-point solver in NumPy and SciPy (no torch)."""

from armor.exact.api import divergence
from armor.exact.batch import BatchSolution, divergences
from armor.exact.costs import PointCost, point_cost
from armor.exact.multilevel import Progress
from armor.exact.solution import Method, Solution, Status
from armor.exact.worst_case import DroSolution, dro

__all__ = [
    "BatchSolution",
    "DroSolution",
    "Method",
    "PointCost",
    "Progress",
    "Solution",
    "Status",
    "divergence",
    "divergences",
    "dro",
    "point_cost",
]
