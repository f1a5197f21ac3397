"""Hypothesis strategies for DRO problems on finite spaces: public, to test your own code with.

```python
from hypothesis import given
from verification import strategies

@given(strategies.instances())
def test_mine(instance):                 # a mapping in the instance format: JSON-able, every number exact
    assert my_dro(instance) <= max(instance["phi"])

@given(strategies.solved_dros("kl"))
def test_against_the_truth(problem):     # the optimum is known because its multipliers were chosen first
    assert abs(my_dro(problem.mapping) - problem.value) < 1e-7
```

All numbers are dyadic rationals, so that weights sum to exactly 1 and JSON, float64 and exact rationals
agree.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from theory.errors import InputError
from verification.generate import COSTS, SUPPORTS, Known, cost_matrix, known_divergence, known_dro

__all__ = [
    "costs",
    "distributions",
    "divergences",
    "instances",
    "losses",
    "points",
    "radii",
    "solved_divergences",
    "solved_dros",
]

_UNIT = 1024
# Representative parameters; every other member of the catalogue has none.
_PARAMETERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "alpha": ("alpha", ("-1", "0.5", "2.5", "6")),
    "cvar": ("beta", ("0.25", "1/2")),
}


@st.composite
def distributions(draw: DrawFn, n: int, *, zeros: bool = True, tiny: bool = True) -> list[float]:
    """`n` dyadic weights summing to exactly 1: some zero if `zeros`, one as small as 2^-40 if `tiny`.

    Shrinks towards equal weights on few points.
    """
    counts = draw(st.lists(st.integers(0 if zeros else 1, 8), min_size=n, max_size=n))
    if not any(counts):
        counts[0] = 1
    share = _UNIT // sum(counts)
    parts = [count * share for count in counts]
    parts[int(np.argmax(parts))] += _UNIT - sum(parts)
    mass = [part / _UNIT for part in parts]
    if tiny and n > 1 and draw(st.booleans()):
        largest, other = int(np.argmax(mass)), draw(st.integers(0, n - 1))
        if other != largest:
            small = 2.0 ** -draw(st.integers(12, 40))
            mass[largest] += mass[other] - small
            mass[other] = small
    return mass


def losses(n: int, *, ties: bool = True) -> SearchStrategy[list[float]]:
    """`n` losses in [-8, 8], multiples of 1/64; with `ties` often equal to one another."""
    grid = st.integers(-512, 512).map(lambda k: k / 64)
    if not ties:
        return st.lists(grid, min_size=n, max_size=n, unique=True)
    few = st.lists(grid, min_size=1, max_size=3).flatmap(
        lambda values: st.lists(st.sampled_from(values), min_size=n, max_size=n)
    )
    return st.one_of(st.lists(grid, min_size=n, max_size=n), few)


@st.composite
def points(draw: DrawFn, n: int, *, dimension: int = 2, duplicates: bool = True) -> list[list[float]]:
    """`n` points of `[-1, 1]^d` on a grid of 1/64, some of them equal if `duplicates`."""
    coordinate = st.integers(-64, 64).map(lambda k: k / 64)
    point = st.lists(coordinate, min_size=dimension, max_size=dimension)
    found = draw(st.lists(point, min_size=n, max_size=n))
    if duplicates and n > 1 and draw(st.booleans()):
        found[draw(st.integers(1, n - 1))] = list(found[0])
    return found


@st.composite
def costs(draw: DrawFn, n: int, family: str | None = None) -> list[list[float | None]]:
    """An `n × n` cost matrix with zero diagonal, `None` for infinity.

    `family` is one of T5's ("hard_ball", "power", "soft_ball", "barrier", "one_way_flips", "label_rigid",
    "matrix", "reweighting"), by default any. "matrix" and "one_way_flips" are not symmetric.
    """
    if family is not None and family not in COSTS:
        raise InputError(f"unknown cost {family!r}; known are {', '.join(COSTS)}")
    chosen = family or draw(st.sampled_from(sorted(COSTS)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    cost = cost_matrix(rng, chosen, np.array(draw(points(n))))
    return [[None if np.isinf(value) else float(value) for value in row] for row in cost]


def radii(*, zero: bool = False) -> SearchStrategy[float]:
    """Radii over twelve orders of magnitude, 1e-9 to 1e3; with `zero` also 0."""
    digits = st.tuples(st.integers(10, 99), st.integers(-9, 2))
    spread = digits.map(lambda pair: float(f"{pair[0] / 10}e{pair[1]}"))
    return st.one_of(st.just(0.0), spread) if zero else spread


def divergences() -> SearchStrategy[dict[str, object]]:
    """Specifications of the f-divergences in the catalogue, families at representative parameters."""
    from theory.catalogue import names

    specs: list[dict[str, object]] = []
    for name in names():
        parameter, values = _PARAMETERS.get(name, ("", ()))
        specs += [{"name": name, parameter: value} for value in values] or [{"name": name}]
    return st.sampled_from(specs)


@st.composite
def instances(
    draw: DrawFn,
    *,
    divergence: Mapping[str, object] | None = None,
    family: str | None = None,
    support: str | None = None,
    penalty: bool = True,
    min_points: int = 1,
    max_points: int = 6,
) -> dict[str, Any]:
    """A whole instance on one space, in the instance format, with `p`, `q`, `phi`, `epsilon` and `kappa`.

    Includes single points, zero and tiny weights, ties, duplicated points and infinite costs.
    """
    n = draw(st.integers(min_points, max_points))
    return {
        "divergence": dict(divergence) if divergence is not None else draw(divergences()),
        "cost": draw(costs(n, family)),
        "p": draw(distributions(n)),
        "q": draw(distributions(n)),
        "phi": draw(losses(n)),
        "epsilon": draw(radii()),
        "kappa": draw(st.sampled_from([0.0, 2.0**-6, 0.25, 1.0, 4.0])) if penalty else 0.0,
        "support": support or draw(st.sampled_from(SUPPORTS)),
    }


def _curves(spec: Mapping[str, object]) -> tuple[Any, Any]:
    from theory.catalogue import divergence
    from theory.numeric import callables

    made = callables(divergence(dict(spec)), "numpy")
    return made.f, made.f_prime


def _specification(divergence: str | Mapping[str, object]) -> dict[str, object]:
    return {"name": divergence} if isinstance(divergence, str) else dict(divergence)


@st.composite
def solved_divergences(draw: DrawFn, divergence: str | Mapping[str, object] = "kl") -> Known:
    """A `D^c` instance with its optimal value and plan (T1, T2), up to the rounding of the cost (1e-14 or
    so).
    """
    spec = _specification(divergence)
    f, slope = _curves(spec)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, m = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    return known_divergence(rng, spec, f, slope, n=n, m=m)


@st.composite
def solved_dros(draw: DrawFn, divergence: str | Mapping[str, object] = "kl") -> Known:
    """A DRO instance with its optimal value and plan (T7, T11), radius binding or not, up to rounding."""
    spec = _specification(divergence)
    f, slope = _curves(spec)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kappa = draw(st.sampled_from([0.0, 0.125, 1.0]))
    binding = kappa == 0 or draw(st.booleans())
    n, m = draw(st.integers(1, 6)), draw(st.integers(2 if binding else 1, 6))
    return known_dro(rng, spec, f, slope, n=n, m=m, kappa=kappa, binding=binding)
