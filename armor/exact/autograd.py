"""`D^c` as a differentiable torch function (T29, envelope theorem): gradients in cost, points, `p` and
`q`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from armor.errors import InputError
from armor.exact.api import divergence
from armor.exact.costs import PointCost, point_cost
from armor.exact.members import Member, Spec, member
from armor.exact.renyi import renyi_lambda
from armor.exact.solution import Solution

__all__ = ["divergence_tensor"]


class _Envelope(torch.autograd.Function):
    """The value as a function of the arcs' costs, `p` and `q`; first derivatives only."""

    @staticmethod
    def forward(
        ctx: Any,
        value: torch.Tensor,
        costs: torch.Tensor,
        p: torch.Tensor,
        q: torch.Tensor,
        mass: torch.Tensor,
        by_p: torch.Tensor,
        by_q: torch.Tensor,
    ) -> torch.Tensor:
        del costs, p, q
        ctx.save_for_backward(mass, by_p, by_q)
        return value.clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        mass, by_p, by_q = ctx.saved_tensors
        return None, upstream * mass, upstream * by_p, upstream * by_q, None, None, None


def divergence_tensor(
    spec: Spec,
    cost: torch.Tensor | str | Mapping[str, object] | PointCost | None = None,
    p: torch.Tensor | None = None,
    q: torch.Tensor | None = None,
    *,
    x: torch.Tensor | None = None,
    y: torch.Tensor | None = None,
    support: str | None = None,
    tolerance: float = 1e-10,
    **options: Any,
) -> tuple[torch.Tensor, Solution]:
    """`D^c(Q‖P)` as a float64 scalar tensor with gradients, and the `Solution` behind it.

    `∂/∂c_ij = π_ij`, `∂/∂q = g`, `∂/∂p = -f*(g^c)` (T29). `p` and `q` live on the simplex, where a
    gradient is defined
    up to a constant: the ones returned have mean 0, the projection on the tangent space. Points get theirs
        through the
    cost. Where the plan or `g` is not unique the value has a kink, and what comes back is one of its
    (super- or sub-)
    gradients. A second derivative raises. Arguments as in `armor.divergence`, tensors of any device.

    Raises:
        InputError: as `armor.divergence`, and for an infinite value, which has no gradient.
    """
    points = x is not None and y is not None
    first: Any = x if points else cost
    if not isinstance(first, torch.Tensor):
        raise InputError("give a cost tensor, or points x and y as tensors")
    for name, given in (("p", p), ("q", q), ("x", x), ("y", y)):
        if given is not None and not isinstance(given, torch.Tensor):
            raise InputError(f"{name} must be a tensor, not of type {type(given).__name__}")
    device = first.device
    weights = [
        torch.full((size,), 1.0 / size, dtype=torch.float64, device=device) if w is None else w.double()
        for w, size in ((p, first.shape[0]), (q, (y if points else first).shape[0 if points else 1]))  # type: ignore[union-attr]
    ]
    plain = [w.detach().cpu().numpy() for w in weights]
    rule = None
    if points:
        assert x is not None
        assert y is not None
        rule = point_cost("sqeuclidean" if cost is None else cost)  # type: ignore[arg-type]
        solution = divergence(
            spec,
            rule,
            *plain,
            x=x.detach().double().cpu().numpy(),
            y=y.detach().double().cpu().numpy(),
            support=support,
            tolerance=tolerance,
            **options,
        )
    else:
        matrix = first.detach().double().cpu().numpy()
        solution = divergence(spec, matrix, *plain, support=support, tolerance=tolerance, **options)
    if not np.isfinite(solution.value):
        raise InputError(
            f"the value is infinite, so it has no gradient: {solution.explanation or solution.status.value}"
        )
    plan = solution.plan.tocoo()
    i, j = (torch.as_tensor(index.astype(np.int64), device=device) for index in (plan.row, plan.col))
    if rule is not None:
        assert x is not None
        assert y is not None
        costs = _arc_costs(rule, x.double()[i] - y.double()[j])
    else:
        costs = first.double()[i, j]
    which = member(spec)
    by_weights = np.zeros(len(plain[0]))
    if weights[0].requires_grad:
        by_weights = _by_p(which, solution, plain[0], support)
    tensors = [
        torch.as_tensor(a, dtype=torch.float64, device=device)
        for a in (solution.value, plan.data, by_weights, solution.potentials)
    ]
    value, mass, by_p, by_q = tensors
    out: torch.Tensor = _Envelope.apply(  # type: ignore[no-untyped-call]
        value, costs, *weights, mass, by_p - by_p.mean(), by_q - by_q.mean()
    )
    return out, solution


def _by_p(
    which: Member, solution: Solution, p: np.ndarray[Any, Any], support: str | None
) -> np.ndarray[Any, Any]:
    """`-f*(g^c)`; where `p_k = 0` the slope towards `p_k > 0`.

    Raises:
        InputError: a slope that is infinite: mass at such a point would change where η may go or must be,
            and with it the value by more than in proportion.
    """
    h = solution.row_potentials - which.slope_shift
    used = p > 0
    with np.errstate(all="ignore"):
        if which.alpha is not None:
            a = which.alpha
            top = float(np.max(h[used]))
            if support == "space":
                top = max(top, float(np.max(solution.potentials)))
            _, rho = renyi_lambda(a, p[used], h[used], top)
            power = np.where(used, np.maximum(rho - h, 1e-300), rho - h) ** ((a - 1) / a)
            out = np.asarray(power / (p[used] @ power[used]) / (a - 1))
        else:
            h = _below_recession(which, solution, p, h)
            conjugate = which.conjugate(np.where(np.isfinite(h), h, 0.0))
            out = -np.where(np.isfinite(h), conjugate, -which.at_zero)
    bad = np.flatnonzero(~np.isfinite(out))
    if len(bad):
        raise InputError(
            f"the value has no finite slope in p[{bad[0]}] = {p[bad[0]]:g}; detach p or leave it out"
        )
    return out


def _below_recession(
    which: Member, solution: Solution, p: np.ndarray[Any, Any], h: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    """`g^c`, lowered below `f'(∞)` where only points without weight lie above and that costs nothing.

    In mode "reference" the dual asks nothing of `g^c` at such points until they carry weight. Prices that are
    as good and fit then give the slope; if there are none, the value falls at once, and `f*` is infinite.
    """
    limit = which.recession
    h = np.where(p > 0, np.minimum(h, limit), h)
    over = float(np.max(h)) - limit
    if not over > 0:
        return h
    used = (p > 0) & np.isfinite(h)
    lost = over + float(p[used] @ (which.conjugate(h[used] - over) - which.conjugate(h[used])))
    gap = solution.upper - solution.lower
    return np.minimum(h - over, limit) if lost <= gap + 1e-12 * max(1.0, over) else h


def _arc_costs(rule: PointCost, d: torch.Tensor) -> torch.Tensor:
    """The cost of each arc from its differences `(arcs, d)`, differentiable; `∞` cannot occur on the
    plan's arcs.
    """
    size = d.abs()
    if rule.tau is not None:
        return ((size - (rule.radius or 0.0)).clamp(min=0) ** 2).sum(dim=1) / (2 * rule.tau)
    if rule.radius is not None:
        return 0.0 * size.sum(dim=1)
    if rule.norm == 2:
        square = (d * d).sum(dim=1)
        if rule.power == 2 and rule.barrier is None:
            return rule.scale * square
        # at distance 0 the norm has the subgradient 0
        z = torch.where(square > 0, square, torch.ones_like(square)).sqrt() * (square > 0)
    else:
        z = size.sum(dim=1) if rule.norm == 1 else size.amax(dim=1)
    if rule.barrier is not None:
        return rule.scale * z / (1 - z / rule.barrier)
    return rule.scale * (z if rule.power == 1 else z**rule.power)
