"""ARMOR_D: adversarial training with optimal-transport-regularized divergences (arXiv 2309.03791).

Public names load on first use (PEP 562), so that `import armor` and the commands
that need no torch stay quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from armor.exact import divergence as divergence
    from armor.objectives import objective as objective

__all__ = ["__version__", "divergence", "objective"]
__version__ = "0.1.0"

_PUBLIC = {"divergence": "armor.exact", "objective": "armor.objectives"}


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'armor' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
