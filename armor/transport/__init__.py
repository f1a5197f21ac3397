"""Transport steps: the adversary moves every sample to where `φ - (λ+κ) c` is largest (T5).

A state is a pair (x, y). An attack moves x alone, under a loss `φ(x')` that holds the sample's own label: the
cost of changing y is infinite (T5 f, label rigidity) for every cost here.
"""

from armor.transport.ascent import Ascent, Transported
from armor.transport.balls import Ball, Linf
from armor.transport.costs import Barrier, Cost, Flips, NormPower, SoftBall
from armor.transport.mode import attack_mode
from armor.transport.norm_balls import L1, L2
from armor.transport.one_sided import OneSided
from armor.transport.soft import FlipAscent, SoftAscent

__all__ = [
    "L1",
    "L2",
    "Ascent",
    "Ball",
    "Barrier",
    "Cost",
    "FlipAscent",
    "Flips",
    "Linf",
    "NormPower",
    "OneSided",
    "SoftAscent",
    "SoftBall",
    "Transported",
    "attack_mode",
    "fgsm",
    "pgd",
]


def pgd(
    radius: float,
    *,
    step: float,
    steps: int,
    restarts: int = 1,
    start: str = "uniform",
    keep: str = "best",
    schedule: str = "constant",
    box: tuple[float, float] | None = (0.0, 1.0),
) -> Ascent:
    """Projected sign-gradient ascent on the ℓ∞ ball (a hard ball costs nothing inside: T5 a)."""
    return Ascent(
        Linf(radius),
        step=step,
        steps=steps,
        restarts=restarts,
        start=start,
        keep=keep,
        schedule=schedule,
        box=box,
    )


def fgsm(radius: float, *, box: tuple[float, float] | None = (0.0, 1.0)) -> Ascent:
    """One full sign-gradient step from the sample itself; exact for linear losses."""
    return Ascent(Linf(radius), step=radius, steps=1, start="none", keep="last", box=box)
