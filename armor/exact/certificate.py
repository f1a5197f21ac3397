"""Writes large certificates: exact doubles in an `.npz` archive that `armor check` grades without any
solver.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from armor.errors import InputError, require
from armor.exact.costs import PointCost, point_cost
from armor.exact.members import Spec, member
from armor.exact.solution import Solution
from armor.files import replacing

__all__ = ["cost_text", "large_certificate", "save_certificate"]


def large_certificate(
    solution: Solution,
    spec: Spec,
    cost: ArrayLike | str | Mapping[str, object] | PointCost | None,
    p: ArrayLike,
    q: ArrayLike,
    *,
    support: str,
    x: ArrayLike | None = None,
    y: ArrayLike | None = None,
) -> dict[str, Any]:
    """The certificate of a solution: its data, its witnesses, and the interval that the checker proves
    from them.

    Arguments as given to `armor.divergence`; needs the extra `verify`.

    Raises:
        InputError: an infinite value, or witnesses that the checker rejects.
    """
    require("flint")
    from verification.certificate.archive import FORMAT
    from verification.certificate.build import stated
    from verification.certificate.checker import Rejected
    from verification.certificate.large import proved_interval

    named: Mapping[str, object] = {"name": spec} if isinstance(spec, str) else spec
    if not np.isfinite(solution.upper):
        raise InputError(f"there is nothing to certify: {solution.explanation or solution.status.value}")
    which = member(spec)
    fields: dict[str, Any] = {
        "format": FORMAT,
        "divergence": json.dumps(stated({key: str(value) for key, value in named.items()})),
        "support": support,
        "p": np.asarray(p, dtype=np.float64),
        "q": np.asarray(q, dtype=np.float64),
        "singular": solution.singular,
    }
    if x is not None and y is not None:
        fields["cost"] = cost_text(point_cost("sqeuclidean" if cost is None else cost))  # type: ignore[arg-type]
        fields["x"], fields["y"] = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    elif cost is None:
        raise InputError("give the cost matrix that was solved with, or the points x and y")
    else:
        fields["cost"] = np.asarray(cost, dtype=np.float64)
    plan = solution.plan.tocoo()
    used = plan.data > 0
    fields["rows"] = plan.row[used].astype(np.int64)
    fields["columns"] = plan.col[used].astype(np.int64)
    fields["mass"] = plan.data[used]
    g = solution.potentials
    limit = which.recession + which.slope_shift
    if np.isfinite(limit):
        # The checker compares exactly: stay an ulp below f'(inf), and so must the transform in mode
        # "reference".
        over = max(0.0, float(np.max(g if support == "space" else solution.row_potentials)) - limit)
        g = g - over - 1e-14 * max(1.0, abs(limit), float(np.max(np.abs(g))))
    fields["g"] = g
    try:
        fields["claim"] = np.array(proved_interval(fields))
    except Rejected as error:
        raise InputError(f"the checker rejects these witnesses: {error}") from None
    return fields


def cost_text(rule: PointCost) -> str:
    """A cost between points as a certificate states it."""
    norm = "inf" if rule.norm == np.inf else rule.norm
    shape = {key: value for key in ("radius", "tau", "barrier") if (value := getattr(rule, key)) is not None}
    return json.dumps({"norm": norm, "power": rule.power, "scale": rule.scale, **shape})


def save_certificate(path: Path, fields: Mapping[str, Any]) -> None:
    """Write a large certificate: `.npz`, compressed, no pickle. An older one stays until this is whole."""
    arrays = {key: np.asarray(value) for key, value in fields.items()}
    with replacing(path) as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
