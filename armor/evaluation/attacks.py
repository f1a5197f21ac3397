"""Attacks by name: `fgsm`, `pgd20` (20 steps), `pgd50x5` (5 restarts), `cw30` (margin), `autoattack`."""

import re
from dataclasses import dataclass
from fractions import Fraction

from armor.errors import InputError
from armor.naming import nearest

__all__ = ["AttackSpec", "parse"]

_NAMES = ("fgsm", "pgd20", "pgd50", "pgd50x5", "cw30", "autoattack")
_ASCENT = re.compile(r"(pgd|cw)(\d{1,5})(?:x(\d{1,4}))?")


@dataclass(frozen=True)
class AttackSpec:
    """One attack of an evaluation.

    Attributes:
        name: as given. kind: "fgsm", "pgd", "cw" or "autoattack".
        norm: "linf". radius: exact, in units of the pixel range [0, 1].
        steps, restarts: of the gradient ascent (FGSM: 1 and 1; AutoAttack has its own: None).
    """

    name: str
    kind: str
    norm: str
    radius: Fraction
    steps: int | None
    restarts: int | None

    @property
    def step(self) -> Fraction:
        """Size of one step: the whole radius for FGSM, a quarter of it otherwise."""
        return self.radius if self.kind == "fgsm" else self.radius / 4


def parse(names: str, *, norm: str, radius: Fraction) -> tuple[AttackSpec, ...]:
    """The attacks in a comma-separated list; an empty list is fine (natural accuracy alone).

    Raises:
        InputError: unknown attack (the nearest known one is named), norm or radius that cannot be.
    """
    if norm != "linf":
        raise InputError(f"norm {norm!r} is not supported; linf is")
    if not 0 < radius <= 1:
        raise InputError(f"radius {radius} is outside (0, 1], the range of a pixel")
    return tuple(_one(name.strip(), norm, radius) for name in names.split(",") if name.strip())


def _one(name: str, norm: str, radius: Fraction) -> AttackSpec:
    if name == "fgsm":
        return AttackSpec(name, "fgsm", norm, radius, 1, 1)
    if name == "autoattack":
        return AttackSpec(name, "autoattack", norm, radius, None, None)
    match = _ASCENT.fullmatch(name)
    if match is None:
        raise InputError(f"unknown attack {name!r}{nearest(name, _NAMES)}")
    steps, restarts = int(match[2]), int(match[3] or 1)
    if steps < 1 or restarts < 1:
        raise InputError(f"attack {name!r} needs at least one step and one restart")
    return AttackSpec(name, match[1], norm, radius, steps, restarts)
