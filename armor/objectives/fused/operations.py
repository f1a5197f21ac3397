"""The operations of `theory.printing` in Triton, as `armor/native/elementary.h` has them in C.

`theory/backends/printed.py` prints the functions of a divergence over them. Float64 scalars or tiles.
"""

__all__ = [
    "k_abs", "k_asinh", "k_cosh", "k_exp", "k_expm1", "k_log", "k_log1p", "k_omega", "k_pow",
    "k_power_minus_1", "k_reciprocal", "k_sinh", "k_sqrt", "k_square", "k_tanh",
]  # fmt: skip

import triton
import triton.language as tl

from armor.objectives.fused.elementary import at_least, exp64, expm1_parts, log1p64, log64


@triton.jit
def k_exp(x):
    """exp x."""
    return exp64(x)


@triton.jit
def k_expm1(x):
    """exp(x) - 1."""
    part, scale = expm1_parts(x)
    return part + (scale - 1.0)


@triton.jit
def k_log(x):
    """log x."""
    return log64(x)


@triton.jit
def k_log1p(x):
    """log (1 + x)."""
    return log1p64(x)


@triton.jit
def k_sqrt(x):
    """The root of x, of the smallest normal number below it."""
    return tl.sqrt(at_least(x, 2.2250738585072014e-308))


@triton.jit
def k_pow(x, e):
    """x^e, x > 0."""
    return exp64(e * log64(x))


@triton.jit
def k_power_minus_1(x, e):
    """x^e - 1."""
    return k_expm1(e * log64(x))


@triton.jit
def k_reciprocal(x):
    """1/x."""
    return 1.0 / x


@triton.jit
def k_square(x):
    """x²."""
    return x * x


@triton.jit
def k_abs(x):
    """|x|."""
    return tl.abs(x)


@triton.jit
def k_sinh(x):
    """sinh x."""
    m = k_expm1(tl.abs(x))
    half = 0.5 * (m + m / (m + 1.0))
    return tl.where(x < 0.0, -half, half)


@triton.jit
def k_cosh(x):
    """cosh x."""
    e = exp64(tl.abs(x))
    return 0.5 * (e + 1.0 / e)


@triton.jit
def k_tanh(x):
    """tanh x."""
    m = k_expm1(-2.0 * tl.abs(x))
    size = -m / (m + 2.0)
    return tl.where(x < 0.0, -size, size)


@triton.jit
def k_asinh(x):
    """asinh x."""
    size = tl.abs(x)
    size = log1p64(size + size * size / (1.0 + tl.sqrt(1.0 + size * size)))
    return tl.where(x < 0.0, -size, size)


@triton.jit
def k_omega(z):
    """Wright's omega, `u + e^u = z` in u = log omega: convex, both starts lie right of the root, so Newton
    descends.
    """
    z = tl.where(z < 1e300, z, 1e300)
    u = tl.where(z < 1.0, z, log64(z))
    for _ in tl.static_range(7):
        e = exp64(u)
        u = u - (e + u - z) / (e + 1.0)
    return exp64(u)
