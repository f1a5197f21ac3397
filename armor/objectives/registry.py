"""From a divergence's name to its objective: the one public entry."""

__all__ = ["names", "objective"]

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from armor.errors import InputError
from armor.objectives.base import Objective
from armor.objectives.kl import KL

_BUILDERS: dict[str, Callable[..., Objective]] = {"kl": KL}


def names() -> tuple[str, ...]:
    """The divergences that `objective` knows by name."""
    return tuple(_BUILDERS)


def objective(
    spec: str | Mapping[str, object],
    *,
    epsilon: float,
    kappa: float = 0.0,
    support: str = "reference",
    iterations: int = 24,
) -> Objective:
    """The distributionally robust objective of a divergence (arXiv 2309.03791; T6 to T10).

    spec:    a name (`"kl"`) or a mapping with parameters (`{"name": "alpha", "alpha": 6}`).
    epsilon: radius of the ball of D^c, in (0, inf).  kappa: penalty, in [0, inf).
    support: only `"reference"` (eta << P) can be trained on.

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
        raise InputError(f"support must be 'reference' (or 'space', outside training), not {support!r}")
    fields: dict[str, Any] = {"name": spec} if isinstance(spec, str) else dict(spec)
    name = fields.pop("name", None)
    if not isinstance(name, str):
        raise InputError(f"a divergence needs a name, such as 'kl', not {spec!r}")
    if name not in _BUILDERS:
        close = difflib.get_close_matches(name, names(), n=1, cutoff=0.3)
        hint = f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(names())}"
        raise InputError(f"unknown divergence {name!r}{hint}")
    try:
        return _BUILDERS[name](epsilon=epsilon, kappa=kappa, iterations=iterations, **fields)
    except TypeError:
        raise InputError(f"the divergence {name!r} takes no parameters {sorted(fields)}") from None
