"""Nothing trains unproved: an objective is measured on certified instances before its first step."""

from armor.preflight.certified import Certified, InstanceSet, find
from armor.preflight.report import Check, PreflightRefusal, PreflightReport
from armor.preflight.rounding import rounding_bound
from armor.preflight.runner import run

__all__ = [
    "Certified",
    "Check",
    "InstanceSet",
    "PreflightRefusal",
    "PreflightReport",
    "find",
    "rounding_bound",
    "run",
]
