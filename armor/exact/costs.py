"""Transport costs between points, as functions of the coordinatewise differences (T5).

All of them grow with every `|y_k - x_k|`, which is what lets boxes of points be skipped: the cost of the
gap between
two boxes bounds every cost between their points from below.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from armor.errors import InputError
from armor.numbers import ratio

__all__ = ["LARGEST", "TIE", "PointCost", "point_cost", "read_number"]

Array = NDArray[np.float64]

_U = 2.0**-53
TIE = 1e-2  # of a softened ball: what its cost grows by up to the radius, which puts near points first
_WALL = 10.0  # and what it grows by over each further radius
_BEND = 0.9  # share of a barrier from which its softened form goes on along the tangent
# What a cost of each shape may say besides: the first that is there counts.
_SHAPES = {"barrier": ("norm", "scale"), "tau": ("norm", "radius"), "radius": ("norm",)}
LARGEST = 1e150  # finite costs beyond it would overflow in products


@dataclass(frozen=True)
class PointCost:
    """`scale · ψ(‖y - x‖)^power`, `ψ` the identity, a hard ball, a soft ball or a barrier.

    Attributes:
        norm: 1, 2 or inf.
        radius: hard ball `0` inside, `∞` outside; for `tau` the dead zone of the soft ball.
        tau: soft ball `(1/2τ) Σ_k (|y_k - x_k| - radius)²_+`.
        barrier: `δ` of `z/(1 - z/δ)`, `∞` from `δ` on.
        softened: a finite stand-in for a hard ball or a barrier (`soft`).
    """

    norm: float = 2.0
    power: float = 2.0
    scale: float = 1.0
    radius: float | None = None
    tau: float | None = None
    barrier: float | None = None
    softened: bool = False

    @property
    def edge(self) -> float | None:
        """The length at which the cost becomes infinite."""
        if not self.may_be_infinite:
            return None
        return self.radius if self.radius is not None else self.barrier

    def __call__(self, differences: Iterable[Array]) -> Array:
        """The cost for one array of differences per coordinate (at an edge to rounding: `edges.settle`)."""
        return self.finish(self.accumulate(differences))

    def accumulate(self, differences: Iterable[Array]) -> Array:
        """What `finish` takes, for one array of differences per coordinate."""
        total: Array | None = None
        for d in differences:
            part = np.abs(d) if self.norm != 2 or self.tau is not None else d * d
            if self.tau is not None:
                part = np.maximum(part - (self.radius or 0.0), 0.0) ** 2
            if total is None:
                total = part
            elif self.norm == np.inf and self.tau is None:
                np.maximum(total, part, out=total)
            else:
                total += part
        assert total is not None
        return total

    def finish(self, total: Array) -> Array:
        """The cost from the accumulated norm (norm 2: from its square; soft ball: from the sum of
        squares).
        """
        if self.tau is not None:
            return total / (2 * self.tau)
        if self.norm == 2 and self.power == 2 and self.radius is None and self.barrier is None:
            return total if self.scale == 1 else total * self.scale
        return self.of_length(np.sqrt(total) if self.norm == 2 else total)

    def of_length(self, z: Array) -> Array:
        """The cost from the norm; not for a soft ball."""
        if self.radius is not None:
            if self.softened:
                t = z / max(self.radius, 1e-300)
                with np.errstate(over="ignore"):
                    return np.minimum(TIE * t * t + _WALL * np.maximum(t - 1, 0.0), LARGEST)
            return np.where(z <= self.radius, 0.0, np.inf)
        if self.barrier is not None:
            inside = z < self.barrier
            if self.softened:
                bend = np.minimum(z, _BEND * self.barrier)
                slope = 1 / (1 - bend / self.barrier) ** 2
                return self.scale * (bend / (1 - bend / self.barrier) + slope * (z - bend))
            return np.where(inside, self.scale * z / (1 - np.where(inside, z, 0.0) / self.barrier), np.inf)
        return self.scale * (z if self.power == 1 else z**self.power)

    def rounding(self, size: Array, dimension: int) -> Array:
        """By how much computed costs of at most `size` can be off, with room to spare.

        The norm is right to `(dimension + 8) u` of itself, in any order of summation. A power multiplies
        that; so does a barrier, by `1/(1 - z/δ) = 1 + c/(scale δ)`; a soft ball takes `radius` off, whose
        rounding counts against what is left.
        """
        error = 2 * (dimension + 8) * _U * size
        if self.tau is not None:
            off = _U * (self.radius or 0.0)
            return error + off * np.sqrt(2 * dimension * size / self.tau) + dimension * off**2 / self.tau
        if self.barrier is not None:
            return error * (1 + size / (self.scale * self.barrier))
        return error * max(1.0, self.power)

    @property
    def may_be_infinite(self) -> bool:
        """Whether some finite distance has an infinite cost."""
        return (
            not self.softened and self.tau is None and (self.radius is not None or self.barrier is not None)
        )

    @property
    def flat(self) -> bool:
        """Whether all finite costs are 0, so that they do not tell arcs apart."""
        return self.may_be_infinite and self.radius is not None

    def soft(self) -> PointCost:
        """The same with a finite cost beyond the ball or barrier and, in a ball, a small one that grows: for
        starting guesses only.
        """
        return replace(self, softened=True) if self.may_be_infinite else self

    @property
    def euclidean(self) -> bool:
        """Whether it is a function of the Euclidean distance (then a matrix product gives all of them)."""
        return self.norm == 2 and self.tau is None


def read_number(value: object, what: str) -> float:
    """A number, or the text of one such as "5/2".

    Raises:
        InputError: it is neither, or beyond the doubles.
    """
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, float) and not np.isfinite(plain):
        return plain
    try:
        return float(ratio(plain, what))
    except (InputError, OverflowError):
        raise InputError(f"{what} must be a number, not {value!r}") from None


def point_cost(spec: str | Mapping[str, object] | PointCost) -> PointCost:
    """`"sqeuclidean"`, `"euclidean"`, `{"norm": 1 | 2 | "inf", "power": q, "scale": L}`, with `"radius"`,
    `"tau"` or `"barrier"`.

    Raises:
        InputError: an unknown name, or a parameter out of range.
    """
    if isinstance(spec, PointCost):
        return spec
    if isinstance(spec, str):
        if spec == "sqeuclidean":
            return PointCost()
        if spec == "euclidean":
            return PointCost(power=1.0)
        raise InputError(
            f"unknown cost {spec!r}; known are 'sqeuclidean', 'euclidean' and {{'norm': …, 'power': …}}"
        )
    if not isinstance(spec, Mapping):
        raise InputError(f"a cost between points is a name or a mapping, not {spec!r}")
    unknown = sorted(str(key) for key in set(spec) - {"norm", "power", "scale", "radius", "tau", "barrier"})
    if unknown:
        raise InputError(f"unknown key {unknown[0]!r} in the cost")
    for shape, others in _SHAPES.items():
        if shape in spec:
            foreign = sorted(set(spec) - {shape, *others})
            if foreign:
                raise InputError(f"a cost with {shape!r} takes no {foreign[0]!r}")
            break
    given = spec.get("norm", 2)
    norm = np.inf if given == "inf" else read_number(given, "the cost's norm")
    if "tau" in spec and norm != 2:
        raise InputError(f"a cost with 'tau' sums squares, so its norm is 2, not {given!r}")
    if norm not in (1.0, 2.0, np.inf):
        raise InputError(f"the cost's norm must be 1, 2 or 'inf', not {spec.get('norm')!r}")
    numbers: dict[str, float] = {}
    for key in ("power", "scale", "radius", "tau", "barrier"):
        if key in spec:
            value = read_number(spec[key], f"the cost's {key}")
            if not (value > 0 or (key == "radius" and value == 0)) or not np.isfinite(value):
                raise InputError(f"the cost's {key} must be positive and finite, not {spec[key]!r}")
            numbers[key] = value
    return PointCost(
        norm=norm,
        power=numbers.get("power", 1.0),
        scale=numbers.get("scale", 1.0),
        radius=numbers.get("radius"),
        tau=numbers.get("tau"),
        barrier=numbers.get("barrier"),
    )
