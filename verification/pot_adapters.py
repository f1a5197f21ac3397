"""POT's solvers as claims for `armor verify --against verification.pot_adapters:mm` (`lbfgsb`, `sinkhorn`).

POT (Python Optimal Transport) has no call for D^c. The nearest is unbalanced transport with one marginal
relaxed by `reg_m` and the other hard (`reg_m = inf`); `reg_m = 1` on the rows is the divergence's weight.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory.errors import InputError

__all__ = ["exact_transport", "lbfgsb", "mm", "sinkhorn"]

Array = NDArray[np.float64]
_BIG = 1e6  # POT has no infinite costs


def _pot() -> Any:
    try:
        import ot
    except ImportError:
        raise InputError("POT is not installed: pip install pot") from None
    return ot


def _arguments(
    kind: str, divergence: Mapping[str, object], cost: Array, p: Array, q: Array | None, support: str
) -> tuple[Array, Array, Array]:
    if kind != "divergence" or divergence.get("name") != "kl" or support != "reference" or q is None:
        raise NotImplementedError('POT: D^c for KL in mode "reference" only')
    return np.where(np.isinf(cost), _BIG, cost)[p > 0], p[p > 0], q


def _value(plan: Array, cost: Array, p: Array, q: Array) -> float:
    """The primal value of a plan whose columns are scaled to `q` (T1); NaN stays NaN."""
    columns = plan.sum(axis=0)
    scaled = plan * np.divide(q, columns, out=np.full_like(q, math.nan), where=(columns > 0) | (q == 0))
    rows = scaled.sum(axis=1)
    with np.errstate(all="ignore"):
        entropy = np.where(rows > 0, rows * np.log(rows / p), 0.0)
    return float(entropy.sum() + (scaled * cost).sum())


def mm(
    *,
    kind: str,
    divergence: Mapping[str, object],
    cost: Array,
    p: Array,
    q: Array | None,
    support: str,
    **_: object,
) -> float:
    """`ot.unbalanced.mm_unbalanced`, rows relaxed by KL, columns hard."""
    cost, p, q = _arguments(kind, divergence, cost, p, q, support)
    plan = _pot().unbalanced.mm_unbalanced(
        p, q, cost, reg_m=(1.0, math.inf), div="kl", numItermax=10000, stopThr=1e-15
    )
    return _value(np.asarray(plan), cost, p, q)


def lbfgsb(
    *,
    kind: str,
    divergence: Mapping[str, object],
    cost: Array,
    p: Array,
    q: Array | None,
    support: str,
    **_: object,
) -> float:
    """`ot.unbalanced.lbfgsb_unbalanced` without regularisation, rows relaxed by KL, columns hard."""
    cost, p, q = _arguments(kind, divergence, cost, p, q, support)
    plan = _pot().unbalanced.lbfgsb_unbalanced(
        p,
        q,
        cost,
        reg=0.0,
        reg_m=(1.0, math.inf),
        reg_div="kl",
        regm_div="kl",
        numItermax=10000,
        stopThr=1e-15,
    )
    return _value(np.asarray(plan), cost, p, q)


def sinkhorn(
    *,
    kind: str,
    divergence: Mapping[str, object],
    cost: Array,
    p: Array,
    q: Array | None,
    support: str,
    **_: object,
) -> float:
    """`ot.unbalanced.sinkhorn_unbalanced` at entropic regularisation 1e-2."""
    cost, p, q = _arguments(kind, divergence, cost, p, q, support)
    plan = _pot().unbalanced.sinkhorn_unbalanced(
        p, q, cost, reg=1e-2, reg_m=(1.0, math.inf), method="sinkhorn_stabilized", numItermax=10000
    )
    return _value(np.asarray(plan), cost, p, q)


def exact_transport(
    *,
    kind: str,
    divergence: Mapping[str, object],
    cost: Array,
    p: Array,
    q: Array | None,
    support: str,
    **_: object,
) -> float:
    """`ot.emd2`: exact, for transport without re-weighting (`"none"`)."""
    del support
    if kind != "divergence" or divergence.get("name") != "none" or q is None:
        raise NotImplementedError("POT's network simplex: transport only")
    value = float(_pot().emd2(p, q, np.where(np.isinf(cost), _BIG, cost)))
    return math.inf if value > 0.5 * _BIG * float(min(p[p > 0].min(), q[q > 0].min())) else value
