"""The divergence axis of the matrix: every member of theory's catalogue, at representative parameters."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from theory.catalogue import divergence, names
from theory.errors import InputError

if TYPE_CHECKING:
    from theory.fdivergence import FDivergence

__all__ = ["Member", "members"]

# Where a family changes its nature: alpha at 0 and 1 (recession, domain of the conjugate), Rényi on either
# side of 1.
_PARAMETERS: Mapping[str, tuple[dict[str, object], ...]] = {
    "alpha": ({"alpha": 2.5}, {"alpha": 0.5}, {"alpha": -1}),
    "cvar": ({"beta": 0.25},),
    "renyi": ({"alpha": 0.5}, {"alpha": 2.5}),
}
_NOT_F = ("renyi", "none")


@dataclass(frozen=True)
class Member:
    """One divergence of the matrix: the `label` used in cell ids and the `spec` used in instances."""

    label: str
    spec: Mapping[str, object] = field(hash=False)

    @property
    def name(self) -> str:
        return str(self.spec.get("name", self.label))

    @property
    def is_f_divergence(self) -> bool:
        return self.name not in _NOT_F

    @cached_property
    def divergence(self) -> "FDivergence":
        """The symbolic divergence; `InputError` for Rényi, which is none."""
        if not self.is_f_divergence:
            raise InputError(f"{self.label} is not an f-divergence")
        return divergence(dict(self.spec))

    @property
    def parameter(self) -> float:
        """The one parameter of a family, as a float."""
        return float(next(str(value) for key, value in self.spec.items() if key not in ("name", "f")))

    @cached_property
    def recession(self) -> float:
        """`f'(∞)`, possibly inf; 0 for Rényi, whose singular mass is free; inf for transport only."""
        if self.is_f_divergence:
            return float(self.divergence.recession)
        return 0.0 if self.name == "renyi" else math.inf

    @cached_property
    def bounded_domain(self) -> bool:
        """Whether `f` is infinite beyond some `t` (CVaR)."""
        return self.is_f_divergence and bool(self.divergence.domain[1].is_finite)

    @cached_property
    def single_valued(self) -> bool:
        """Whether `∂f*` has one element everywhere inside its domain: `f` is affine nowhere."""
        return self.is_f_divergence and not any(piece.affine for piece in self.divergence.pieces)

    @cached_property
    def curvature(self) -> float | None:
        """`f''(1)`, or None where `f` is not twice differentiable at 1."""
        return _float(self.divergence.second_at_one)

    @cached_property
    def third(self) -> float | None:
        """`f'''(1)`, or None where `f` is not three times differentiable at 1."""
        return _float(self.divergence.third_at_one)

    @cached_property
    def strictly_convex(self) -> bool:
        """Whether `f` is strictly convex at 1 (T15, T17, T18); Rényi and transport behave as if it were."""
        return not self.is_f_divergence or bool(self.divergence.strictly_convex_at_one)


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


def _labelled(name: str) -> list[Member]:
    parameters = _PARAMETERS.get(name)
    if parameters is None:
        return [Member(name, {"name": name})]
    return [
        Member("_".join([name, *map(str, choice.values())]), {"name": name, **choice})
        for choice in parameters
    ]


@lru_cache
def members(expression: str | None = None) -> tuple[Member, ...]:
    """The catalogue as an axis, or the one member `user` for a user's `f`; a new catalogue entry joins by
    itself.
    """
    if expression is not None:
        return (Member("user", {"f": expression}),)
    # Rényi is no f-divergence; the instance format and the solvers know it all the same.
    known = sorted({*names(), "renyi"})
    return tuple(member for name in known for member in _labelled(name))
