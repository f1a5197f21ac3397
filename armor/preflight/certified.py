"""Certified instances: the data files, each with the rigorous interval of its DRO value."""

__all__ = ["Certified", "InstanceSet", "find"]

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from armor.errors import InputError

SCHEMA = 1


@dataclass(frozen=True)
class Certified:
    """One instance: losses at the transported samples, and the interval that holds the DRO value."""

    id: str
    losses: tuple[float, ...]
    costs: tuple[float, ...] | None
    weights: tuple[float, ...] | None
    epsilon: float
    kappa: float
    lower: float
    upper: float


@dataclass(frozen=True)
class InstanceSet:
    """All instances of one divergence; `sha256` of the file they were read from."""

    divergence: Mapping[str, object]
    instances: tuple[Certified, ...]
    sha256: str
    source: str


def find(spec: Mapping[str, object], path: Path | None = None) -> InstanceSet:
    """The certified instances of a divergence: of `path`, or those shipped with the package.

    Raises `InputError` when there are none, or the file is damaged or belongs to another divergence.
    """
    if path is not None:
        try:
            found = _parse(path.read_bytes(), str(path))
        except OSError as error:
            raise InputError(f"cannot read the certified instances {path}: {error.strerror}") from None
        if _key(found.divergence) != _key(spec):
            raise InputError(f"{path} certifies {dict(found.divergence)}, not {dict(spec)}")
        return found
    for candidate in _shipped():
        if _key(candidate.divergence) == _key(spec):
            return candidate
    raise InputError(
        f"no certified instances of {dict(spec)} are shipped: write them with "
        "`armor verify --preflight FILE` and name that file"
    )


@lru_cache(maxsize=1)
def _shipped() -> tuple[InstanceSet, ...]:
    folder = resources.files("armor.preflight") / "instances"
    if not folder.is_dir():
        return ()
    files = sorted(
        (entry for entry in folder.iterdir() if entry.name.endswith(".json")), key=lambda e: e.name
    )
    return tuple(_parse(entry.read_bytes(), entry.name) for entry in files)


def _parse(data: bytes, source: str) -> InstanceSet:
    try:
        content = json.loads(data)
        if content["schema"] != SCHEMA:
            raise InputError(f"{source} has schema {content['schema']!r}, this version reads {SCHEMA}")
        instances = tuple(_instance(entry, source) for entry in content["instances"])
        divergence = dict(content["divergence"])
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{source} is not a file of certified instances: {error!r}") from None
    if not instances:
        raise InputError(f"{source} holds no instances")
    return InstanceSet(divergence, instances, hashlib.sha256(data).hexdigest(), source)


def _instance(entry: Mapping[str, Any], source: str) -> Certified:
    def row(name: str) -> tuple[float, ...] | None:
        values = entry.get(name)
        return None if values is None else tuple(_number(v) for v in values)

    losses = row("losses")
    if not losses or entry.get("support", "reference") != "reference":
        raise InputError(f"{source}: instance {entry.get('id')!r} has no losses or another support")
    found = Certified(
        id=str(entry["id"]),
        losses=losses,
        costs=row("costs"),
        weights=row("weights"),
        epsilon=_number(entry["epsilon"]),
        kappa=_number(entry["kappa"]),
        lower=_number(entry["value"]["lower"]),
        upper=_number(entry["value"]["upper"]),
    )
    if not found.lower <= found.upper:
        raise InputError(f"{source}: the interval [{found.lower}, {found.upper}] of {found.id} is empty")
    return found


def _number(value: object) -> float:
    """A JSON number, null (infinite cost), "inf", or an exact fraction such as "1/3"."""
    if value is None:
        return math.inf
    if isinstance(value, str):
        return float(value) if "inf" in value else float(Fraction(value))
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"not a number: {value!r}")
    return float(value)


def _key(spec: Mapping[str, object]) -> tuple[tuple[str, object], ...]:
    def normal(value: object) -> object:
        if isinstance(value, (int, float)):
            return float(value)
        try:
            return float(Fraction(str(value)))
        except ValueError:
            return str(value).replace(" ", "")

    return tuple(sorted((name, normal(value)) for name, value in spec.items()))
