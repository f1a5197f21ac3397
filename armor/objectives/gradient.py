"""T12 for autograd: the value's gradient is the worst-case distribution.

`d value / d loss_i = w_i` and `d value / d cost_i = -mu w_i`. For a second derivative the weights and mu
are differentiated through their optimality conditions. With `M` the symmetric Jacobian dw/dh of the
re-weighting step, `x = d loss / mu - d cost`, `a = (loss - rho)/mu` and `beta = d mu / mu`,

    dw = M (x - beta a),    a' dw = - w' d cost   (the spent budget stays epsilon, while lambda* > 0).

`M` holds diag(s), the conservation of mass, and for Renyi a rank-one term (`jacobian`).
"""

__all__ = ["attach"]

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from armor.objectives.arrays import torch_ops
from armor.objectives.jacobian import balanced, jacobian
from armor.objectives.solution import Dual


class _Implicit(torch.autograd.Function):
    """The second-order part; a third derivative is refused instead of being silently wrong."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ARG004
        g_weights: Tensor,
        g_mu: Tensor,
        weights: Tensor,
        mu: Tensor,
        s: Tensor,
        losses: Tensor,
        free: Tensor,
        v: Tensor | None,
        gamma: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        live = s > 0
        losses = losses.to(s.dtype)
        top = torch.where(live, losses, -torch.inf).amax(-1, keepdim=True)
        a = torch.where(live, (losses - top) / mu, 0.0)  # up to a constant, which M annihilates
        turned = balanced(torch_ops, s, jacobian(torch_ops, s, v, gamma, a))
        spread = (a * turned).sum(-1, keepdim=True)
        free = free & (spread > 0)
        k = torch.where(free, (g_mu * mu - (g_weights * turned).sum(-1, keepdim=True)) / spread, 0.0)
        g_x = balanced(torch_ops, s, jacobian(torch_ops, s, v, gamma, g_weights)) + k * turned
        g_losses = torch.where(mu > 0, g_x / mu, 0.0)
        return g_losses, k * weights - g_x

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> Any:  # noqa: ARG004
        raise RuntimeError("third derivatives of an objective are not implemented")


class _Attach(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        losses: Tensor,
        costs: Tensor | None,
        value: Tensor,
        weights: Tensor,
        mu: Tensor,
        curvature: Tensor,
        free: Tensor,
        direction: Tensor | None,
        gamma: Tensor | None,
        twice: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        out_value, out_weights, out_mu = value.clone(), weights.clone(), mu.clone()
        # Saved as outputs, so a second backward pass flows into the weights and mu.
        ctx.save_for_backward(out_weights, out_mu, curvature, losses.detach(), free, direction, gamma)
        ctx.dtypes = (losses.dtype, None if costs is None else costs.dtype)
        ctx.twice = twice
        ctx.set_materialize_grads(False)
        return out_value, out_weights, out_mu

    @staticmethod
    def backward(ctx: Any, g_value: Tensor | None, g_weights: Tensor | None, g_mu: Tensor | None) -> Any:
        weights, mu, curvature, losses, free, direction, gamma = ctx.saved_tensors
        losses_dtype, costs_dtype = ctx.dtypes
        g_losses: Tensor | None = None
        g_costs: Tensor | None = None
        if g_value is not None:
            g_losses = g_value.to(weights.dtype).unsqueeze(-1) * weights
            if costs_dtype is not None:
                g_costs = -mu * g_losses
        if g_weights is not None or g_mu is not None:
            if not ctx.twice:
                raise RuntimeError("this divergence has kinks: its objective has no second derivative here")
            g_w = torch.zeros_like(weights) if g_weights is None else g_weights
            g_m = torch.zeros_like(mu) if g_mu is None else g_mu
            second_losses, second_costs = _Implicit.apply(  # type: ignore[no-untyped-call]
                g_w, g_m, weights, mu, curvature, losses, free, direction, gamma
            )
            g_losses = second_losses if g_losses is None else g_losses + second_losses
            if costs_dtype is not None:
                g_costs = second_costs if g_costs is None else g_costs + second_costs
        if g_losses is not None:
            g_losses = g_losses.to(losses_dtype)
        if g_costs is not None:
            g_costs = g_costs.to(costs_dtype)
        return g_losses, g_costs, None, None, None, None, None, None, None, None


class _Envelope(torch.autograd.Function):
    """The first derivative alone: a compiled graph knows no second one, and would trace it all the same."""

    @staticmethod
    def forward(
        ctx: Any, losses: Tensor, costs: Tensor | None, value: Tensor, weights: Tensor, mu: Tensor
    ) -> Tensor:
        ctx.save_for_backward(weights, mu)
        ctx.dtypes = (losses.dtype, None if costs is None else costs.dtype)
        return value.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> Any:
        weights, mu = ctx.saved_tensors
        losses_dtype, costs_dtype = ctx.dtypes
        g_losses = grads[0].to(weights.dtype).unsqueeze(-1) * weights
        g_costs = None if costs_dtype is None else (-mu * g_losses).to(costs_dtype)
        return g_losses.to(losses_dtype), g_costs, None, None, None


def attach(losses: Tensor, costs: Tensor | None, value: Tensor, dual: Dual, free: Tensor) -> Tensor:
    """`value` (...) as a differentiable function of `losses` and `costs` (..., B).

    dual: the solution in tensors, constant for autograd; free: lambda* > 0, (..., 1).
    """
    if torch.compiler.is_compiling():
        first: Tensor = _Envelope.apply(losses, costs, value, dual.weights, dual.mu)  # type: ignore[no-untyped-call]
        return first
    result: Tensor = _Attach.apply(  # type: ignore[no-untyped-call]
        losses,
        costs,
        value,
        dual.weights,
        dual.mu,
        dual.curvature,
        free,
        dual.direction,
        dual.gamma,
        dual.twice,
    )[0]
    return result
