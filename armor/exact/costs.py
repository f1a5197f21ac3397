"""Transport costs between points, as functions of the coordinatewise differences (T5).

All of them grow with every `|y_k - x_k|`, which is what lets boxes of points be skipped: the cost of the
gap between
two boxes bounds every cost between their points from below.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from armor.errors import InputError

__all__ = ["LARGEST", "PointCost", "point_cost", "read_number"]

Array = NDArray[np.float64]

LARGEST = 1e150  # finite costs beyond it would overflow in products


@dataclass(frozen=True)
class PointCost:
    """`scale · ψ(‖y - x‖)^power`, `ψ` the identity, a hard ball, a soft ball or a barrier.

    Attributes:
        norm: 1, 2 or inf.
        radius: hard ball `0` inside, `∞` outside; for `tau` the dead zone of the soft ball.
        tau: soft ball `(1/2τ) Σ_k (|y_k - x_k| - radius)²_+`.
        barrier: `δ` of `z/(1 - z/δ)`, `∞` from `δ` on.
    """

    norm: float = 2.0
    power: float = 2.0
    scale: float = 1.0
    radius: float | None = None
    tau: float | None = None
    barrier: float | None = None

    def __call__(self, differences: Iterable[Array]) -> Array:
        """The cost for one array of differences per coordinate."""
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
        return self.finish(total)

    def finish(self, total: Array) -> Array:
        """The cost from the accumulated norm (norm 2: from its square; soft ball: from the sum of
        squares).
        """
        if self.tau is not None:
            return total / (2 * self.tau)
        if self.norm == 2 and self.power == 2 and self.radius is None and self.barrier is None:
            return total if self.scale == 1 else total * self.scale
        z = np.sqrt(total) if self.norm == 2 else total
        if self.radius is not None:
            return np.where(z <= self.radius, 0.0, np.inf)
        if self.barrier is not None:
            inside = z < self.barrier
            return np.where(inside, self.scale * z / (1 - np.where(inside, z, 0.0) / self.barrier), np.inf)
        return self.scale * (z if self.power == 1 else z**self.power)

    @property
    def may_be_infinite(self) -> bool:
        """Whether some finite distance has an infinite cost."""
        return self.tau is None and (self.radius is not None or self.barrier is not None)

    @property
    def euclidean(self) -> bool:
        """Whether it is a function of the Euclidean distance (then a matrix product gives all of them)."""
        return self.norm == 2 and self.tau is None


def read_number(value: object, what: str) -> float:
    """A number, or the text of one.

    Raises:
        InputError: it is neither.
    """
    try:
        return float(str(value))
    except ValueError:
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
    unknown = sorted(set(spec) - {"norm", "power", "scale", "radius", "tau", "barrier"})
    if unknown:
        raise InputError(f"unknown key {unknown[0]!r} in the cost")
    norm = read_number(spec.get("norm", 2), "the cost's norm")
    if norm not in (1.0, 2.0, np.inf):
        raise InputError(f"the cost's norm must be 1, 2 or 'inf', not {spec.get('norm')!r}")
    numbers: dict[str, float] = {}
    for key in ("power", "scale", "radius", "tau", "barrier"):
        if key in spec:
            value = read_number(spec[key], f"the cost's {key}")
            if not (value > 0 or (key == "radius" and value == 0)) or not np.isfinite(value):
                raise InputError(f"the cost's {key} must be positive and finite, not {spec[key]!r}")
            numbers[key] = value
    return PointCost(norm=norm, **{"power": 1.0, **numbers})
