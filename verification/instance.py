"""Finite instances: reference, target, cost, losses and radius, exact and in float64, with their file
format."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from theory.errors import InputError
from verification.fileformat import as_fraction, describe, read
from verification.points import point_costs

__all__ = ["Instance", "from_mapping", "load", "read_divergence", "to_mapping"]

Floats = NDArray[np.float64]
Cost = tuple[tuple[Fraction | None, ...], ...]
Support = Literal["space", "reference"]

_FIELDS = ("divergence", "cost", "x", "y", "p", "q", "phi", "epsilon", "kappa", "support", "same_space")
_TOLERANCE = Fraction(1, 10**9)  # weights whose sum is this near to 1 are rescaled, others refused


@dataclass(frozen=True)
class Instance:
    """One finite problem; rows carry `p`, columns carry `q` and `phi`.

    Attributes:
        divergence: the normalised specification, `{"name": ...}` with exact parameters as text, or `{"f":
            ...}`.
        cost: (n, m) float64, entries in [0, inf].
        p: (n,) weights of the reference, summing to 1 exactly in `p_exact`.
        q: (m,) weights of the target, or None.
        phi: (m,) losses, or None.
        epsilon: radius >= 0, or None.
        kappa: penalty >= 0.
        support: "space" (eta may charge every column's point) or "reference" (eta << P).
        same_space: rows and columns are one list of points: `cost` square with zero diagonal.
        notes: what reading changed, for instance a rescaling of weights.
    """

    divergence: Mapping[str, str]
    p_exact: tuple[Fraction, ...]
    q_exact: tuple[Fraction, ...] | None
    phi_exact: tuple[Fraction, ...] | None
    epsilon_exact: Fraction | None
    kappa_exact: Fraction
    support: Support
    same_space: bool
    cost: Floats
    cost_given: Cost | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()

    @cached_property
    def p(self) -> Floats:
        return _floats(self.p_exact)

    @cached_property
    def q(self) -> Floats | None:
        return None if self.q_exact is None else _floats(self.q_exact)

    @cached_property
    def phi(self) -> Floats | None:
        return None if self.phi_exact is None else _floats(self.phi_exact)

    @property
    def epsilon(self) -> float | None:
        return None if self.epsilon_exact is None else float(self.epsilon_exact)

    @property
    def kappa(self) -> float:
        return float(self.kappa_exact)

    @property
    def shape(self) -> tuple[int, int]:
        """`(n, m)`: rows and columns of the cost."""
        return self.cost.shape[0], self.cost.shape[1]

    @cached_property
    def cost_exact(self) -> Cost:
        """(n, m) exact costs, None for infinity; the doubles themselves unless the file gave decimals."""
        if self.cost_given is not None:
            return self.cost_given
        return tuple(tuple(None if c == np.inf else Fraction(c) for c in row.tolist()) for row in self.cost)

    def __post_init__(self) -> None:
        self.cost.setflags(write=False)


def _floats(values: Sequence[Fraction]) -> Floats:
    result = np.array([float(v) for v in values], dtype=np.float64)
    result.setflags(write=False)
    return result


def _double(value: Fraction, where: str) -> float:
    """`value` as a double, refused when it leaves the range of doubles at either end."""
    try:
        result = float(value)
    except OverflowError:
        raise InputError(f"{where} is beyond the largest double; write null for an infinite cost.") from None
    if value != 0 and abs(result) < 2.3e-308:
        raise InputError(f"{where} is not zero but too small for a double.")
    return result


def _vector(fields: Mapping[str, Any], name: str) -> tuple[Fraction, ...]:
    values = fields[name]
    if isinstance(values, np.ndarray):
        if values.ndim != 1:
            raise InputError(f"{name} must be a list of numbers, but has the shape {values.shape}.")
        values = values.tolist()
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise InputError(f"{name} must be a list of numbers, but is {describe(values)}.")
    if not values:
        raise InputError(f"{name} is an empty list.")
    exact = tuple(as_fraction(v, f"{name}[{k}]") for k, v in enumerate(values))
    for k, v in enumerate(exact):
        _double(v, f"{name}[{k}]")
    return exact


def _weights(fields: Mapping[str, Any], name: str, notes: list[str]) -> tuple[Fraction, ...]:
    exact = _vector(fields, name)
    for k, v in enumerate(exact):
        if v < 0:
            raise InputError(f"{name}[{k}] is the negative weight {describe(float(v))}.")
    total = sum(exact, Fraction(0))
    if abs(total - 1) > _TOLERANCE:
        raise InputError(f"the weights {name} must sum to 1, but sum to {float(total):.12g}.")
    if total != 1:
        notes.append(f"{name} sums to 1 {float(total - 1):+.3g}: rescaled exactly to 1")
        exact = tuple(v / total for v in exact)
    return exact


def _scalar(fields: Mapping[str, Any], name: str) -> Fraction:
    exact = as_fraction(fields[name], name)
    _double(exact, name)
    if exact < 0:
        raise InputError(f"{name} must be at least 0, but is {describe(fields[name])}.")
    return exact


def _exact_cost(rows: Sequence[Any]) -> Cost:
    result = []
    for i, row in enumerate(rows):
        if not isinstance(row, Sequence) or isinstance(row, str):
            raise InputError(f"cost[{i}] must be a list of numbers and nulls, but is {describe(row)}.")
        if len(row) != len(rows[0]):
            raise InputError(f"cost[{i}] has {len(row)} entries where cost[0] has {len(rows[0])}.")
        result.append(
            tuple(None if c is None else as_fraction(c, f"cost[{i}][{j}]") for j, c in enumerate(row))
        )
        for j, c in enumerate(result[-1]):
            if c is not None and c < 0:
                raise InputError(f"cost[{i}][{j}] is the negative cost {describe(row[j])}.")
            if c is not None:
                _double(c, f"cost[{i}][{j}]")
    return tuple(result)


def _matrix_cost(value: Any) -> tuple[Floats, Cost | None]:
    if isinstance(value, np.ndarray):
        if value.ndim != 2 or 0 in value.shape:
            raise InputError(f"cost must be an n x m matrix, but has the shape {value.shape}.")
        cost = np.array(value, dtype=np.float64)
        bad = np.argwhere(~(cost >= 0))
        if len(bad):
            i, j = bad[0]
            kind = "not a number" if np.isnan(cost[i, j]) else f"the negative cost {cost[i, j]}"
            raise InputError(f"cost[{i}][{j}] is {kind}.")
        return cost, None
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise InputError(f"cost must be a matrix (a list of rows), but is {describe(value)}.")
    exact = _exact_cost(value)
    if not exact[0]:
        raise InputError("cost[0] is an empty row.")
    return np.array([[np.inf if c is None else float(c) for c in row] for row in exact]), exact


def _cost(fields: Mapping[str, Any]) -> tuple[Floats, Cost | None]:
    if "x" not in fields and "y" not in fields:
        if isinstance(fields["cost"], str | Mapping):
            raise InputError(f"cost {describe(fields['cost'])} needs the points 'x' (and 'y').")
        return _matrix_cost(fields["cost"])
    if "x" not in fields:
        raise InputError("the field 'x' is missing: 'y' alone does not give the points that carry p.")
    cost = point_costs(fields["x"], fields.get("y"), fields["cost"])
    # The doubles are the data: their shortest decimals are exact and short in a certificate.
    exact = (
        tuple(tuple(None if c == np.inf else Fraction(repr(c)) for c in row) for row in cost.tolist())
        if cost.size <= 10**6
        else None
    )
    return cost, exact


def read_divergence(value: Any) -> Mapping[str, str]:
    """The normalised specification, every parameter as exact text.

    Raises:
        InputError: an unknown name, a foreign or missing parameter, or one out of range.
    """
    from verification.certificate.formulas import PARAMETERS

    if isinstance(value, str):
        value = {"name": value}
    if not isinstance(value, Mapping):
        raise InputError(
            f'divergence must be a name or an object such as {{"name": "kl"}}, but is {describe(value)}.'
        )
    if "f" in value:
        if set(value) != {"f"} or type(value["f"]) is not str:
            raise InputError(f'a divergence given by its f is {{"f": "t*log(t)"}}, but is {describe(value)}.')
        from theory.catalogue import divergence

        divergence({"f": value["f"]})  # raises InputError naming the hypothesis that fails
        return {"f": value["f"]}
    name = value.get("name")
    if type(name) is not str:
        raise InputError(f"divergence needs a 'name' that is a string, but has {describe(name)}.")
    if name not in PARAMETERS:
        near = difflib.get_close_matches(name.lower(), list(PARAMETERS), n=1, cutoff=0.0)
        raise InputError(f"unknown divergence {describe(name)}; the nearest known name is {near[0]!r}.")
    parameter = PARAMETERS[name]
    extra = set(value) - {"name"} - ({parameter[0]} if parameter else set())
    if extra:
        raise InputError(f"divergence {name!r} has no parameter {min(extra, key=str)!r}.")
    if parameter is None:
        return {"name": name}
    key, condition = parameter
    if key not in value:
        raise InputError(f"divergence {name!r} needs the parameter {key!r}: {condition}.")
    a = as_fraction(value[key], f"{key} of {name}")
    inside = {"alpha": a not in (0, 1), "cvar": 0 < a <= 1, "renyi": a > 0 and a != 1}[name]
    if not inside or abs(a) > 1000 or abs(_double(a, key)) < 1e-6:
        raise InputError(f"{key} of {name!r} must be {condition}, but is {describe(value[key])}.")
    return {"name": name, key: str(a)}


def _length(name: str, size: int, shape: tuple[int, ...], axis: str) -> None:
    if size != shape[axis == "columns"]:
        raise InputError(
            f"{name} has {size} entries, but cost is {shape[0]} x {shape[1]}: its {axis} "
            f"are the points of {name}."
        )


def from_mapping(fields: Mapping[str, Any]) -> Instance:
    """The instance that a mapping in the file format describes (numbers may be floats or exact text).

    Raises:
        InputError: one sentence naming the offending field and value.
    """
    for key in fields:
        if key not in _FIELDS:
            near = difflib.get_close_matches(str(key), _FIELDS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(_FIELDS)}."
            raise InputError(f"unknown field {describe(key)}{hint}")
    for key in ("divergence", "cost", "p", "support"):
        if key not in fields:
            choose = ': write "space" or "reference"' if key == "support" else ""
            raise InputError(f"the field {key!r} is missing{choose}.")
    support = fields["support"]
    if type(support) is not str or support not in ("space", "reference"):
        raise InputError(f'support must be "space" or "reference", but is {describe(support)}.')
    notes: list[str] = []
    spec = read_divergence(fields["divergence"])
    cost, exact = _cost(fields)
    p = _weights(fields, "p", notes)
    _length("p", len(p), cost.shape, "rows")
    q = _weights(fields, "q", notes) if fields.get("q") is not None else None
    phi = _vector(fields, "phi") if fields.get("phi") is not None else None
    for name, values in (("q", q), ("phi", phi)):
        if values is not None:
            _length(name, len(values), cost.shape, "columns")
    square = cost.shape[0] == cost.shape[1] and not np.any(np.diag(cost))
    same = fields.get("same_space", square)
    if not isinstance(same, bool):
        raise InputError(f"same_space must be true or false, but is {describe(same)}.")
    if same and not square:
        if cost.shape[0] != cost.shape[1]:
            raise InputError(f"same_space is true, but cost is {cost.shape[0]} x {cost.shape[1]}.")
        k = int(np.flatnonzero(np.diag(cost))[0])
        raise InputError(f"same_space is true, but cost[{k}][{k}] is {cost[k, k]:g}.")
    return Instance(
        divergence=spec,
        p_exact=p,
        q_exact=q,
        phi_exact=phi,
        epsilon_exact=_scalar(fields, "epsilon") if fields.get("epsilon") is not None else None,
        kappa_exact=_scalar(fields, "kappa") if fields.get("kappa") is not None else Fraction(0),
        support=cast(Support, support),
        same_space=same,
        cost=cost,
        cost_given=exact,
        notes=tuple(notes),
    )


def load(path: str | Path) -> Instance:
    """The instance in the JSON or `.npz` file at `path`; raises `InputError` in one sentence."""
    return from_mapping(read(path))


def text(value: Fraction) -> str:
    """Exact text of a rational: a decimal where it has a short one, "numerator/denominator" otherwise."""
    if value.denominator == 1:
        return str(value.numerator)
    short = repr(float(value)) if abs(value) < 1e300 else ""
    return short if short and Fraction(short) == value else f"{value.numerator}/{value.denominator}"


def to_mapping(instance: Instance) -> dict[str, Any]:
    """The instance in the file format, every number as exact text; `from_mapping` inverts it."""
    result: dict[str, Any] = {
        "divergence": dict(instance.divergence),
        "cost": [[None if c is None else text(c) for c in row] for row in instance.cost_exact],
        "p": [text(v) for v in instance.p_exact],
        "support": instance.support,
        "same_space": instance.same_space,
        "kappa": text(instance.kappa_exact),
    }
    if instance.q_exact is not None:
        result["q"] = [text(v) for v in instance.q_exact]
    if instance.phi_exact is not None:
        result["phi"] = [text(v) for v in instance.phi_exact]
    if instance.epsilon_exact is not None:
        result["epsilon"] = text(instance.epsilon_exact)
    return result
