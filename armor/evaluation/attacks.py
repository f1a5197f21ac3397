"""Attacks by name.

`fgsm`, `pgd20` (20 steps), `pgd50x5` (5 restarts), `cw30` (margin), `autoattack`; on binary features
`rfgsm50`, and `rfgsm50-malicious`, which attacks the malicious samples only.
`NAME@200` attacks the first 200 samples only.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

from armor.data.malware import MALICIOUS
from armor.errors import InputError
from armor.naming import nearest

__all__ = ["AttackSpec", "parse"]

_NAMES = ("fgsm", "pgd20", "pgd50", "pgd50x5", "cw30", "autoattack", "rfgsm50", "rfgsm50-malicious")
_ASCENT = re.compile(r"(pgd|cw|rfgsm)(\d{1,5})(?:x(\d{1,4}))?")
_ONE_SIDED = "-malicious"
_FEWER = re.compile(r"(.*)@(\d{1,9})")


@dataclass(frozen=True)
class AttackSpec:
    """One attack of an evaluation.

    Attributes:
        name: as given. kind: "fgsm", "pgd", "cw", "autoattack" or "rfgsm".
        norm: "linf", or "flips" for rFGSM. radius: exact, in units of the pixel range [0, 1]; rFGSM, which
        may switch on any feature, has none: 1.
        steps, restarts: of the gradient ascent (FGSM: 1 and 1; AutoAttack has its own: None).
        images: only the first so many (None: all of the evaluation).
        only: label of the samples that are attacked (None: all).
    """

    name: str
    kind: str
    norm: str
    radius: Fraction
    steps: int | None
    restarts: int | None
    images: int | None = None
    only: int | None = None

    @property
    def step(self) -> Fraction:
        """Size of one step: the whole radius for FGSM, a quarter of it otherwise."""
        return self.radius if self.kind == "fgsm" else self.radius / 4

    @property
    def stream(self) -> str:
        """What names its random starts: the same on fewer samples."""
        return self.name.partition("@")[0].removesuffix(_ONE_SIDED)

    def count(self, n: int) -> int:
        """How many of `n` images it attacks."""
        return n if self.images is None else min(n, self.images)


def parse(names: str, *, norm: str, radius: Fraction) -> tuple[AttackSpec, ...]:
    """The attacks in a comma-separated list; an empty list is fine (natural accuracy alone).

    Raises:
        InputError: unknown attack (the nearest known one is named), one named twice, norm or radius that
        cannot be.
    """
    if norm != "linf":
        raise InputError(f"norm {norm!r} is not supported; linf is")
    if not 0 < radius <= 1:
        raise InputError(f"radius {radius} is outside (0, 1], the range of a pixel")
    found = tuple(_one(name.strip(), norm, radius) for name in names.split(",") if name.strip())
    for index, spec in enumerate(found):
        if any(spec.name == other.name for other in found[:index]):
            raise InputError(f"attack {spec.name!r} is named twice")
    return found


def _one(name: str, norm: str, radius: Fraction) -> AttackSpec:
    fewer = _FEWER.fullmatch(name)
    base, images = (fewer[1], int(fewer[2])) if fewer else (name, None)
    if images == 0:
        raise InputError(f"attack {name!r} needs at least one image")
    if base == "fgsm":
        return AttackSpec(name, "fgsm", norm, radius, 1, 1, images)
    if base == "autoattack":
        return AttackSpec(name, "autoattack", norm, radius, None, None, images)
    match = _ASCENT.fullmatch(base.removesuffix(_ONE_SIDED))
    one_sided = base.endswith(_ONE_SIDED)
    if match is None or (one_sided and match[1] != "rfgsm"):
        raise InputError(f"unknown attack {name!r}{nearest(base, _NAMES)}")
    steps, restarts = int(match[2]), int(match[3] or 1)
    if steps < 1 or restarts < 1:
        raise InputError(f"attack {name!r} needs at least one step and one restart")
    if match[1] == "rfgsm":
        only = MALICIOUS if one_sided else None
        return AttackSpec(name, "rfgsm", "flips", Fraction(1), steps, restarts, images, only)
    return AttackSpec(name, match[1], norm, radius, steps, restarts, images)
