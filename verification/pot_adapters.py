"""POT's solvers as claims for `armor verify --against verification.pot_adapters:NAME`, with NAME one of `mm`,
`mm_penalised`, `lbfgsb`, `lbfgsb_penalised`, `sinkhorn`, `sinkhorn_fine`, `exact_transport`.

POT (Python Optimal Transport) has no call for D^c. The nearest is unbalanced transport with one marginal
relaxed by `reg_m` and the other hard (`reg_m = inf`); `reg_m = 1` on the rows is the divergence's weight.
"""

import math
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory.errors import InputError

try:  # at import, so that no call pays for it
    import ot
except ImportError:
    ot = None

__all__ = [
    "exact_transport",
    "lbfgsb",
    "lbfgsb_penalised",
    "mm",
    "mm_penalised",
    "sinkhorn",
    "sinkhorn_fine",
]

Array = NDArray[np.float64]
_BIG = 1e6  # POT has no infinite costs


def _pot() -> Any:
    if ot is None:
        raise InputError("POT is not installed: pip install pot")
    return ot


def _value(plan: Array, cost: Array, p: Array, q: Array) -> float:
    """The primal value of a plan whose columns are scaled to `q` (T1); NaN stays NaN."""
    columns = plan.sum(axis=0)
    with np.errstate(all="ignore"):
        scaled = plan * np.divide(q, columns, out=np.full_like(q, math.nan), where=columns > 0)
        rows = scaled.sum(axis=1)
        entropy = np.where(rows > 0, rows * np.log(rows / p), 0.0)
        return float(entropy.sum() + (scaled * cost).sum())


def _claim(solve: Callable[[Array, Array, Array], Any], options: Mapping[str, Any]) -> float:
    """Run one of POT's solvers on the rows and columns that carry mass, and evaluate its plan."""
    q = options["q"]
    asked = options["kind"] == "divergence" and options["divergence"].get("name") == "kl"
    if not asked or options["support"] != "reference" or q is None:
        raise NotImplementedError('POT: D^c for KL in mode "reference" only')
    rows, columns = options["p"] > 0, q > 0
    cost = np.where(np.isinf(options["cost"]), _BIG, options["cost"])[np.ix_(rows, columns)]
    p, q = options["p"][rows], q[columns]
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what POT warns of shows in its values
        plan = np.asarray(solve(p, q, cost))
    return _value(plan, cost, p, q)


def mm(**options: Any) -> float:
    """`ot.unbalanced.mm_unbalanced`, rows relaxed by KL, columns hard (`reg_m = inf`)."""
    return _claim(partial(_mm, columns=math.inf), options)


def mm_penalised(**options: Any) -> float:
    """`ot.unbalanced.mm_unbalanced` with a penalty of 100 on the columns, not hard."""
    return _claim(partial(_mm, columns=1e2), options)


def lbfgsb(**options: Any) -> float:
    """`ot.unbalanced.lbfgsb_unbalanced` without regularisation, rows relaxed by KL, columns hard."""
    return _claim(partial(_lbfgsb, columns=math.inf), options)


def lbfgsb_penalised(**options: Any) -> float:
    """`ot.unbalanced.lbfgsb_unbalanced` with a penalty of 1e4 on the columns, not hard."""
    return _claim(partial(_lbfgsb, columns=1e4), options)


def sinkhorn(**options: Any) -> float:
    """`ot.unbalanced.sinkhorn_unbalanced` at entropic regularisation 1e-2."""
    return _claim(partial(_sinkhorn, entropic=1e-2), options)


def sinkhorn_fine(**options: Any) -> float:
    """`ot.unbalanced.sinkhorn_unbalanced` at entropic regularisation 1e-3."""
    return _claim(partial(_sinkhorn, entropic=1e-3), options)


def _mm(p: Array, q: Array, cost: Array, columns: float) -> Any:
    options: dict[str, Any] = {"reg_m": (1.0, columns), "div": "kl", "numItermax": 10000, "stopThr": 1e-15}
    return _pot().unbalanced.mm_unbalanced(p, q, cost, **options)


def _lbfgsb(p: Array, q: Array, cost: Array, columns: float) -> Any:
    options: dict[str, Any] = {"reg_div": "kl", "regm_div": "kl", "numItermax": 10000, "stopThr": 1e-15}
    return _pot().unbalanced.lbfgsb_unbalanced(p, q, cost, reg=0.0, reg_m=(1.0, columns), **options)


def _sinkhorn(p: Array, q: Array, cost: Array, entropic: float) -> Any:
    options: dict[str, Any] = {"reg_m": (1.0, math.inf), "method": "sinkhorn", "numItermax": 10000}
    return _pot().unbalanced.sinkhorn_unbalanced(p, q, cost, reg=entropic, **options)


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
    """`ot.emd`: exact, for transport without re-weighting (`"none"`)."""
    del support
    if kind != "divergence" or divergence.get("name") != "none" or q is None:
        raise NotImplementedError("POT's network simplex: transport only")
    plan = np.asarray(_pot().emd(p, q, np.where(np.isinf(cost), _BIG, cost)))
    used = plan > 0
    return float((plan[used] * cost[used]).sum())
