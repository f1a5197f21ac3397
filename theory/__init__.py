"""Symbolic layer: divergences, costs and statements T1-T29 derived and checked with SymPy.

Public names load on first use (PEP 562).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from theory.catalogue import divergence as divergence
    from theory.catalogue import names as names
    from theory.errors import InputError as InputError
    from theory.evidence import Grade as Grade
    from theory.evidence import Outcome as Outcome
    from theory.fdivergence import FDivergence as FDivergence
    from theory.numeric import callables as callables
    from theory.statement import derive as derive

_PUBLIC = {
    "FDivergence": "theory.fdivergence",
    "Grade": "theory.evidence",
    "InputError": "theory.errors",
    "Outcome": "theory.evidence",
    "callables": "theory.numeric",
    "divergence": "theory.catalogue",
    "derive": "theory.statement",
    "names": "theory.catalogue",
}
__all__ = ["FDivergence", "Grade", "InputError", "Outcome", "callables", "derive", "divergence", "names"]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'theory' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
