"""Certified instances for the pre-flight of training: losses, costs and weights of a batch, with the
rigorous interval of the DRO value. Written here, read by the trainer, which needs no solver then.

An instance is a batch after the adversary's transport: row `i` is moved at cost `c_i` to where its loss is
`ℓ_i`. As a finite space that is a diagonal cost matrix, `∞` elsewhere, in mode "reference". All numbers are
dyadic with at most eight significant bits, so that they are exact in bf16.
"""

import json
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from theory.errors import InputError
from verification.matrix.progress import Progress

__all__ = ["SCHEMA", "as_text", "certificate_of", "instance_of", "write"]

Array = NDArray[np.float64]
SCHEMA = 1
_SEED = 20230903


def _bf16(values: Array) -> Array:
    """The nearest numbers with eight significant bits."""
    mantissa, exponent = np.frexp(values)
    return np.asarray(np.ldexp(np.round(mantissa * 256) / 256, exponent))


def _weights(rng: np.random.Generator, n: int) -> list[str]:
    """Unequal dyadic weights as exact text, one of them 0 where there is room."""
    counts = rng.multinomial(1024 - n, rng.dirichlet(np.ones(n))) + 1
    if n > 3:
        counts[0] += counts[1]
        counts[1] = 0
    return [str(Fraction(int(count), 1024)) for count in counts]


def _batches(rng: np.random.Generator) -> Iterator[tuple[str, Array, Array | None, list[str] | None]]:
    """Name, losses, costs and weights: sizes 1 to 128, ties, outliers, transport costs, unequal weights,
    losses from above 100 to 1e5.
    """
    yield "one", np.array([1.25]), None, None
    yield "pair", np.array([0.25, 1.5]), None, None
    yield "ties", np.array([2.0, 0.5, 2.0, 0.5, 1.0, 2.0]), None, None
    yield "equal", np.full(5, 0.75), None, None
    for n in (4, 16, 64, 128):
        yield f"batch-{n}", _bf16(rng.gamma(2.0, 0.75, n)), None, None
    spread = _bf16(rng.gamma(1.0, 0.25, 32))
    spread[7] = 24.0
    yield "outlier", spread, None, None
    yield "negative", _bf16(rng.normal(-1.0, 2.0, 12)), None, None
    yield "weighted", _bf16(rng.gamma(2.0, 1.0, 8)), None, _weights(rng, 8)
    for n in (3, 24):
        moved = _bf16(rng.gamma(2.0, 1.0, n))
        price = _bf16(rng.exponential(0.02, n))
        price[rng.random(n) < 0.4] = 0.0
        yield f"transport-{n}", moved, price, None
    dear = _bf16(rng.exponential(0.75, 10))
    dear[::3] = 0.0
    yield "transport-dear", _bf16(rng.gamma(2.0, 1.0, 10)), dear, None
    yield (
        "transport-weighted",
        _bf16(rng.gamma(2.0, 1.0, 6)),
        _bf16(rng.exponential(0.01, 6)),
        _weights(rng, 6),
    )
    # Losses above 100, whose exponentials overflow, and so wide that λ* passes 1e4 at moderate radii.
    loud = _bf16(rng.gamma(2.0, 96.0, 24))
    loud[5] = 1024.0
    yield "loud", loud, None, None
    yield "wide", _bf16(rng.gamma(2.0, 2.0**15, 16)), None, None


def _settings(name: str, n: int) -> list[tuple[float, float]]:
    """Radii and penalties: tiny, moderate, beyond the point where `λ* = 0`; without and with penalty."""
    if name == "transport-dear":
        return [(2.0, 0.0), (2.0, 1.0), (16.0, 2.0)]
    if name.startswith("transport"):  # the radius must pay for the transport as well
        return [(0.125, 0.0), (0.5, 0.25), (16.0, 0.0)]
    if name == "loud":
        return [(2.0**-10, 0.0), (0.125, 0.0), (0.125, 64.0), (1.0, 0.0)]
    if name == "wide":
        return [(2.0**-6, 0.0), (2.0**-4, 0.0), (0.125, 0.0), (0.125, 2.0**15)]
    if n == 1:
        return [(0.125, 0.0), (0.125, 0.5)]
    if n >= 64:
        return [(2.0**-6, 0.0), (0.25, 0.125)]
    return [(2.0**-20, 0.0), (2.0**-6, 0.0), (0.25, 0.0), (0.25, 0.5), (64.0, 0.0), (64.0, 0.125)]


def instance_of(entry: Mapping[str, Any], divergence: Mapping[str, object]) -> dict[str, Any]:
    """The finite instance (in the instance format) that an entry of the file stands for."""
    losses = entry["losses"]
    n = len(losses)
    costs = entry["costs"] or [0] * n
    return {
        "divergence": dict(divergence),
        "cost": [[costs[i] if i == j else None for j in range(n)] for i in range(n)],
        "p": entry["weights"] or [f"1/{n}"] * n,
        "phi": losses,
        "epsilon": entry["epsilon"],
        "kappa": entry["kappa"],
        "support": entry["support"],
        "same_space": False,
    }


def certificate_of(entry: Mapping[str, Any], divergence: Mapping[str, object]) -> dict[str, Any]:
    """The full certificate of an entry, for `verification.certificate.checker`; the file leaves the
    instance out.
    """
    from verification.instance import from_mapping, to_mapping

    data = to_mapping(from_mapping(instance_of(entry, divergence)))
    data.pop("same_space")
    return {**entry["certificate"], "instance": data}


def _entry(
    name: str, losses: Array, costs: Array | None, weights: list[str] | None, epsilon: float, kappa: float
) -> dict[str, Any]:
    return {
        "id": f"{name}/eps={epsilon:g}/kappa={kappa:g}",
        "losses": losses.tolist(),
        "costs": None if costs is None else costs.tolist(),
        "weights": weights,
        "epsilon": epsilon,
        "kappa": kappa,
        "support": "reference",
    }


def write(divergence: str | Mapping[str, object], stream: TextIO | None = None) -> dict[str, Any]:
    """The certified instances of a divergence (a name, or a specification), as the mapping of the file.

    stream: where progress goes, None for nowhere.

    Raises `InputError` for a divergence that is not known, or whose values cannot be enclosed.
    """
    from theory.catalogue import divergence as known
    from verification import solve
    from verification.certificate import checker
    from verification.instance import from_mapping

    spec: dict[str, object] = {"name": divergence} if isinstance(divergence, str) else dict(divergence)
    if spec.get("name") not in ("renyi", "none"):
        spec = dict(known(spec).spec)
    rng = np.random.default_rng(_SEED)
    entries = [
        _entry(name, losses, costs, weights, epsilon, kappa)
        for name, losses, costs, weights in _batches(rng)
        for epsilon, kappa in _settings(name, len(losses))
    ]
    progress = None if stream is None else Progress(len(entries), stream, "instance")
    try:
        for entry in entries:
            instance = from_mapping(instance_of(entry, spec))
            certificate = solve.dro(instance).certificate()
            verdict = checker.check(certificate)
            if not verdict.accepted:
                raise InputError(
                    f"the instance {entry['id']} of {spec} could not be certified: {verdict.reason}"
                )
            scale = max(1.0, abs(verdict.lower))
            if not verdict.upper - verdict.lower <= 1e-9 * scale:
                raise InputError(
                    f"the interval of {entry['id']} of {spec} is {verdict.upper - verdict.lower:.1e} wide"
                )
            entry["value"] = {"lower": verdict.lower, "upper": verdict.upper}
            entry["certificate"] = {key: value for key, value in certificate.items() if key != "instance"}
            if progress is not None:
                progress.step(entry["id"])
    finally:
        if progress is not None:
            progress.close()
    return {"schema": SCHEMA, "divergence": spec, "instances": entries}


def as_text(mapping: Mapping[str, Any]) -> str:
    """The file: one instance per line, so that a change shows as a line of a diff."""
    head = json.dumps({key: value for key, value in mapping.items() if key != "instances"})
    lines = ",\n".join(json.dumps(entry, allow_nan=False) for entry in mapping["instances"])
    return f'{head[:-1]}, "instances": [\n{lines}\n]}}\n'
