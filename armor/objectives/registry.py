"""From a divergence's name to its objective: the one public entry."""

__all__ = ["names", "objective"]

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from armor.errors import InputError
from armor.objectives.base import Objective
from armor.objectives.cvar import CVaR
from armor.objectives.fdivergence import FDivergenceObjective
from armor.objectives.jeffreys import Jeffreys
from armor.objectives.kl import KL
from armor.objectives.renyi import Renyi
from armor.objectives.transport_only import TransportOnly
from armor.objectives.tv import TotalVariation

_OWN_CLASS: dict[str, Callable[..., Objective]] = {
    "kl": KL,
    "jeffreys": Jeffreys,
    "tv": TotalVariation,
    "cvar": CVaR,
    "renyi": Renyi,
    "none": TransportOnly,
}
_PARAMETERS = {"cvar": ("beta",), "renyi": ("alpha",)}


def names() -> tuple[str, ...]:
    """The divergences that `objective` knows by name: the catalogue, and Rényi."""
    from theory.catalogue import names as catalogue

    return tuple(sorted({*_OWN_CLASS, *catalogue()}))


def objective(
    spec: str | Mapping[str, object],
    *,
    epsilon: float,
    kappa: float = 0.0,
    support: str = "reference",
    iterations: int = 24,
) -> Objective:
    """The distributionally robust objective of a divergence (arXiv 2309.03791; T6 to T10).

    spec:    a name (`"kl"`), a mapping with parameters (`{"name": "alpha", "alpha": 6}`), or a user's
             own convex expression in t (`{"f": "(sqrt(t)-1)**2"}`), derived by the symbolic layer.
    epsilon: radius of the ball of D^c, in (0, inf).  kappa: penalty, in [0, inf).
    support: only `"reference"` (eta << P) can be trained on.
    iterations: budget of the multiplier search; enough for rounding accuracy, the gap says if it was not.

    Raises `armor.errors.InputError` for an unknown name, a parameter out of range or `support="space"`.

    >>> import torch
    >>> s = objective("kl", epsilon=0.02)(torch.tensor([0.1, 0.4, 2.0], dtype=torch.float64))
    >>> bool(s.gap < 1e-12), s.status.name
    (True, 'INTERIOR')
    """
    if support == "space":
        raise InputError(
            "support='space' cannot be trained: its adversary may put mass on points of the sample space "
            "that no sample of the batch reaches; use support='reference'"
        )
    if support != "reference":
        raise InputError(
            f"support must be 'reference', not {support!r}: eta << P is what a batch can express"
        )
    if not isinstance(spec, (str, Mapping)):
        raise InputError(f"a divergence is a name, such as 'kl', or a mapping with one, not {spec!r}")
    fields: dict[str, Any] = {"name": spec} if isinstance(spec, str) else dict(spec)
    common: dict[str, Any] = {"epsilon": epsilon, "kappa": kappa, "iterations": iterations}
    if set(fields) == {"f"}:
        return FDivergenceObjective(fields, **common)
    name = fields.get("name")
    if not isinstance(name, str):
        raise InputError(f"a divergence needs a name, such as 'kl', or an expression 'f', not {spec!r}")
    if name in _OWN_CLASS:
        parameters = {key: value for key, value in fields.items() if key != "name"}
        own = _PARAMETERS.get(name, ())
        for key in own:
            if key not in parameters:
                raise InputError(f"the divergence {name!r} needs its parameter {key}")
        strange = {key: value for key, value in parameters.items() if key not in own}
        if strange:
            raise InputError(f"the divergence {name!r} does not take the parameters {strange}")
        return _OWN_CLASS[name](**parameters, **common)
    known = names()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.3)
        hint = f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(known)}"
        raise InputError(f"unknown divergence {name!r}{hint}")
    return FDivergenceObjective(fields, **common)
