"""How far a right objective may be from the certified interval: rounding, and nothing else.

Let `S = max|l| + (max l - min l) + kappa + 1/2 (mu - kappa) eps` bound every term of the dual value (with
`mu - kappa = lambda*` its last term is a share of the value itself), `u` the unit roundoff of the solver's
arithmetic and `u_out` that of the returned value.

* The losses are dyadic, so exact in every dtype: no input error.
* A sum of B products of relative error at most 4u each (exp, log and power of the libraries) has relative
  error at most `(B + 8) u` to first order, in any order of summation; the logarithm or root that follows
  turns it into an absolute error of `(B + 8) u` of a term that is itself at most S; a handful of further
  operations on terms bounded by S adds `16 u S`. Together `(B + 24) u S`.
* The value is the dual at the returned multipliers, an upper bound off by the gap, which is second order in
  the multiplier's error; the solver stops at `1e-10 S` in float64 and `1e-5 S` in float32.
* The result is rounded once: `u_out |value|`.
"""

__all__ = ["rounding_bound", "unit_roundoff"]

import torch

_STOP = {torch.float64: 1e-10, torch.float32: 1e-5}


def unit_roundoff(dtype: torch.dtype) -> float:
    """Half of the distance between 1 and the next number of `dtype`."""
    return float(torch.finfo(dtype).eps) / 2


def rounding_bound(
    losses: tuple[float, ...],
    value: float,
    *,
    epsilon: float,
    kappa: float,
    lam: float,
    solve_dtype: torch.dtype,
    value_dtype: torch.dtype,
) -> float:
    """Largest distance that rounding alone may put between the returned value and the exact one."""
    scale = max(map(abs, losses)) + (max(losses) - min(losses)) + kappa + 0.5 * lam * epsilon
    arithmetic = (len(losses) + 24) * unit_roundoff(solve_dtype)
    return (arithmetic + _STOP[solve_dtype]) * scale + unit_roundoff(value_dtype) * abs(value)
