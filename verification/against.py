"""Holds foreign code against certified intervals: `armor verify --against module:function`.

The function takes one instance, as keyword arguments, and returns its claim as a float:

```python
def solve(*, kind, divergence, cost, p, q, phi, epsilon, kappa, support) -> float: ...
```

`kind` is "divergence" (D^c(Q‖P): `q (m,)` is given, `phi`, `epsilon` are None) or "dro" (the DRO value:
`phi (m,)`, `epsilon`, `kappa` are given, `q` is None). `cost` is `(n, m)` float64 with inf, `p` is `(n,)`;
`divergence` the specification, such as `{"name": "kl"}`. Raising `NotImplementedError` skips an instance.
"""

import importlib
import json
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from theory.errors import InputError
from verification.generate import COSTS, draw, radius
from verification.instance import from_mapping
from verification.matrix.cells import kappa_value, seed_of
from verification.matrix.members import Member, members

__all__ = ["Finding", "as_json", "as_text", "holds", "load", "run"]

TOLERANCE = 1e-6  # relative, or absolute where |value| < 1
KINDS = ("divergence", "dro")


@dataclass(frozen=True)
class Finding:
    """One claim of foreign code; `error`: how far outside the interval, over `max(1, |value|)`.

    `outcome` is "agrees", "off", "not finite", "raises" or "declined".
    """

    kind: str
    divergence: str
    cost: str
    support: str
    lower: float
    upper: float
    claim: float | None
    error: float | None
    outcome: str
    note: str
    seconds: float


def load(target: str) -> Callable[..., float]:
    """The function that `module:function` names; raises `InputError` when there is none."""
    module, _, name = target.partition(":")
    if not module or not name:
        raise InputError(f"--against takes module:function, not {target!r}")
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ImportError as error:
        raise InputError(f"cannot import {module!r} of --against {target!r}: {error}") from None
    if not callable(found):
        raise InputError(f"the module {module!r} has no function {name!r}")
    return found  # type: ignore[no-any-return]


def _instance(kind: str, member: Member, cost: str, support: str, seed: int, points: int) -> dict[str, Any]:
    rng = seed_of(f"against/{kind}/{member.label}/{cost}/{support}", seed)
    penalised = (list(COSTS).index(cost) + (support == "space")) % 2 == 1
    kappa = kappa_value("k+", rng) if kind == "dro" and penalised else 0.0
    mapping = draw(rng, member.spec, cost, support, n=points, epsilon=radius(rng), kappa=kappa).mapping
    drop = ("phi", "epsilon", "kappa") if kind == "divergence" else ("q",)
    return {key: value for key, value in mapping.items() if key not in drop}


def _call(
    function: Callable[..., float], kind: str, mapping: Mapping[str, Any]
) -> tuple[float | None, str, str, float]:
    instance = from_mapping(mapping)
    begin = time.perf_counter()
    try:
        with redirect_stdout(sys.stderr):  # what foreign code prints must not end up in our JSON
            value = function(
                kind=kind,
                divergence=dict(mapping["divergence"]),
                cost=np.array(instance.cost),
                p=np.array(instance.p),
                q=None if instance.q is None else np.array(instance.q),
                phi=None if instance.phi is None else np.array(instance.phi),
                epsilon=instance.epsilon,
                kappa=instance.kappa,
                support=instance.support,
            )
        claim = float(value)
    except NotImplementedError as error:
        return None, "declined", str(error), time.perf_counter() - begin
    except (Exception, SystemExit) as error:  # a finding, not a failure of ours
        return None, "raises", f"{type(error).__name__}: {error}", time.perf_counter() - begin
    return claim, "", "", time.perf_counter() - begin


def _judge(
    kind: str, member: Member, cost: str, mapping: Mapping[str, Any], function: Callable[..., float]
) -> Finding:
    from verification import solve
    from verification.certificate import checker

    solution = getattr(solve, kind)(from_mapping(mapping))
    verdict = checker.check(solution.certificate())
    lower, upper = float(verdict.lower), float(verdict.upper)
    if upper == math.inf and lower > 1e308:
        lower = math.inf
    claim, outcome, note, seconds = _call(function, kind, mapping)
    error: float | None = None
    if claim is not None:
        scale = max(1.0, abs(lower)) if math.isfinite(lower) else 1.0
        error = 0.0 if claim in (lower, upper) else max(lower - claim, claim - upper, 0.0) / scale
        finite = math.isfinite(claim) or claim == lower
        outcome = "not finite" if not finite else ("agrees" if error <= TOLERANCE else "off")
    return Finding(
        kind, member.label, cost, str(mapping["support"]), lower, upper, claim, error, outcome, note, seconds
    )


def run(
    target: str, *, seed: int = 0, full: bool = False, only: Sequence[str] = (), points: int = 5
) -> tuple[Finding, ...]:
    """Run foreign code over kinds × divergences × costs × supports, on instances of `points` points.

    `only` restricts by the labels of divergences, costs, supports and kinds, as `--only` does.
    """
    if not 2 <= points <= 500:
        raise InputError(f"--points must be between 2 and 500, but is {points}")
    function = load(target)
    axes = {"kind": KINDS, "divergence": tuple(m.label for m in members()), "cost": tuple(COSTS)}
    axes["support"] = ("reference", "space")
    wanted: dict[str, set[str]] = {}
    labels = {name: [m.label for m in members() if m.name == name] for name in {m.name for m in members()}}
    for token in only:
        if token in labels:
            wanted.setdefault("divergence", set()).update(labels[token])
            continue
        axis = next((name for name, values in axes.items() if token in values), None)
        if axis is None:
            raise InputError(
                f"unknown value {token!r} in --only for --against: no kind, divergence, cost or support"
            )
        wanted.setdefault(axis, set()).add(token)
    findings = []
    for kind in KINDS:
        for member in members():
            for k, cost in enumerate(COSTS):
                if not full and not wanted and k % 2:
                    continue
                for support in axes["support"]:
                    place = {"kind": kind, "divergence": member.label, "cost": cost, "support": support}
                    if all(place[name] in values for name, values in wanted.items()):
                        mapping = _instance(kind, member, cost, support, seed, points)
                        findings.append(_judge(kind, member, cost, mapping, function))
    return tuple(findings)


def holds(findings: Sequence[Finding]) -> bool:
    """Whether something was claimed and every claim agrees."""
    claims = [each for each in findings if each.outcome != "declined"]
    return bool(claims) and all(each.outcome == "agrees" for each in claims)


def as_text(findings: Sequence[Finding]) -> str:
    """A line per kind and divergence: how many agree, how far the rest is off, and the time per call."""
    outcomes = ("agrees", "off", "not finite", "raises", "declined")
    lines = [
        f"{'':34}" + "".join(f"{name:>12}" for name in outcomes) + f"{'worst error':>13}{'ms a call':>11}"
    ]
    for kind in KINDS:
        for label in dict.fromkeys(each.divergence for each in findings):
            group = [each for each in findings if (each.kind, each.divergence) == (kind, label)]
            if not group:
                continue
            counts = [sum(each.outcome == name for each in group) for name in outcomes]
            errors = [each.error for each in group if each.error is not None and math.isfinite(each.error)]
            called = [each.seconds for each in group if each.outcome != "declined"]
            worst = f"{max(errors):.1e}" if errors else ""
            pace = f"{1000 * sum(called) / len(called):.1f}" if called else ""
            cells = "".join(f"{count or '':>12}" for count in counts)
            lines.append(f"{kind + ' ' + label:34}{cells}{worst:>13}{pace:>11}")
    worst_cases = sorted((each for each in findings if each.error), key=lambda each: -(each.error or 0.0))
    for each in [item for item in worst_cases if item.outcome == "off"][:5]:
        where = f"{each.kind}/{each.divergence}/{each.cost}/{each.support}"
        lines.append(
            f"  off: {where}: claims {each.claim:.9g}, the value lies in [{each.lower:.9g}, {each.upper:.9g}]"
        )
    for each in [item for item in findings if item.outcome == "raises"][:3]:
        lines.append(f"  raises: {each.kind}/{each.divergence}/{each.cost}/{each.support}: {each.note}")
    total = sum(each.outcome == "agrees" for each in findings)
    lines.append(f"{'AGREES' if holds(findings) else 'FALLS SHORT'}: {total} of {len(findings)} claims agree")
    return "\n".join(lines)


def as_json(findings: Sequence[Finding]) -> str:
    """The findings as JSON; what is not finite is text."""

    def clean(value: object) -> object:
        return str(value) if isinstance(value, float) and not math.isfinite(value) else value

    rows = [{key: clean(value) for key, value in asdict(each).items()} for each in findings]
    return json.dumps({"schema": 1, "holds": holds(findings), "findings": rows}, indent=1, ensure_ascii=False)
