"""T12 for autograd: the value's gradient is the worst-case distribution.

`d value / d loss_i = w_i` and `d value / d cost_i = -mu w_i`. For a second derivative the weights and mu
are differentiated through their optimality conditions: with `y_i = (loss_i - rho)/mu - cost_i`,
`s_i = p_i (f*)''(y_i)` and `a_i = y_i + cost_i`, the total mass and the spent budget are conserved,

    dw_i = s_i (x_i - alpha - a_i beta),  x_i = d loss_i / mu - d cost_i,
    sum_i dw_i = 0,   sum_i a_i dw_i = -sum_i w_i d cost_i        (the second only while lambda* > 0),

two linear equations for `alpha = d rho / mu` and `beta = d mu / mu`, diagonal once `a` is centred.
"""

__all__ = ["attach"]

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


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
        a: Tensor,
        free: Tensor,
    ) -> tuple[Tensor, Tensor]:
        mass = s.sum(-1, keepdim=True)
        inverse_mass = torch.where(mass > 0, 1 / mass, 0.0)
        centred = a - (s * a).sum(-1, keepdim=True) * inverse_mass
        spread = (s * centred.square()).sum(-1, keepdim=True)
        free = free & (spread > 0)
        k_mass = -(s * g_weights).sum(-1, keepdim=True) * inverse_mass
        k_budget = torch.where(
            free, (g_mu * mu - (s * centred * g_weights).sum(-1, keepdim=True)) / spread, 0.0
        )
        g_x = s * (g_weights + k_mass + centred * k_budget)
        g_losses = torch.where(mu > 0, g_x / mu, 0.0)
        return g_losses, k_budget * weights - g_x

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
        slope: Tensor,
        free: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        out_value, out_weights, out_mu = value.clone(), weights.clone(), mu.clone()
        # Saved as outputs, so a second backward pass flows into the weights and mu.
        ctx.save_for_backward(out_weights, out_mu, curvature, slope, free)
        ctx.dtypes = (losses.dtype, None if costs is None else costs.dtype)
        ctx.set_materialize_grads(False)
        return out_value, out_weights, out_mu

    @staticmethod
    def backward(ctx: Any, g_value: Tensor | None, g_weights: Tensor | None, g_mu: Tensor | None) -> Any:
        weights, mu, curvature, slope, free = ctx.saved_tensors
        losses_dtype, costs_dtype = ctx.dtypes
        g_losses: Tensor | None = None
        g_costs: Tensor | None = None
        if g_value is not None:
            g_losses = g_value.to(weights.dtype).unsqueeze(-1) * weights
            if costs_dtype is not None:
                g_costs = -mu * g_losses
        if g_weights is not None or g_mu is not None:
            g_w = torch.zeros_like(weights) if g_weights is None else g_weights
            g_m = torch.zeros_like(mu) if g_mu is None else g_mu
            second_losses, second_costs = _Implicit.apply(  # type: ignore[no-untyped-call]
                g_w, g_m, weights, mu, curvature, slope, free
            )
            g_losses = second_losses if g_losses is None else g_losses + second_losses
            if costs_dtype is not None:
                g_costs = second_costs if g_costs is None else g_costs + second_costs
        if g_losses is not None:
            g_losses = g_losses.to(losses_dtype)
        if g_costs is not None:
            g_costs = g_costs.to(costs_dtype)
        return g_losses, g_costs, None, None, None, None, None, None


def attach(
    losses: Tensor,
    costs: Tensor | None,
    value: Tensor,
    weights: Tensor,
    mu: Tensor,
    curvature: Tensor,
    slope: Tensor,
    free: Tensor,
) -> Tensor:
    """`value` (...) as a differentiable function of `losses` and `costs` (..., B).

    weights, curvature, slope: (..., B); mu and free (lambda* > 0): (..., 1), all constants for autograd.
    """
    result: Tensor = _Attach.apply(losses, costs, value, weights, mu, curvature, slope, free)[0]  # type: ignore[no-untyped-call]
    return result
