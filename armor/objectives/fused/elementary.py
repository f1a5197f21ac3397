"""Elementary functions of the fused kernels, in float64 and plain arithmetic.

`armor/native/elementary.h` in Triton: without library calls the kernels compute the same, to rounding, in the
interpreter and on a device. A few ulps; exponentials saturate near 1e304 and vanish below exp(-708).
Arguments are scalars or tiles.
"""

__all__ = ["at_least", "exp64", "expm1_parts", "log1p64", "log64"]

import triton
import triton.language as tl


@triton.jit
def at_least(x, bound):
    """max(x, bound), `bound` where x is NaN: what `tl.maximum` makes of NaN depends on where it runs."""
    return tl.where(x > bound, x, bound)


@triton.jit
def expm1_parts(x):
    """(a, s) with exp(x) = a + s and exp(x) - 1 = a + (s - 1) to a few ulps."""
    x = tl.where(x > -708.0, tl.where(x < 700.0, x, 700.0), -708.0)
    magic = 6755399441055744.0  # 1.5 * 2^52: adding it leaves the nearest whole number in the last bits
    t = x * 1.4426950408889634 + magic
    k = t - magic
    # The upper part of log 2 ends in zeros, so that its multiples are exact with or without fused products.
    r = (x - k * 0.69314718036912381649) - k * 1.90821492927058770002e-10
    s = ((t.to(tl.int64, bitcast=True) + 1023) << 52).to(tl.float64, bitcast=True)
    m = r * 1.6059043836821613e-10 + 2.08767569878681e-09  # 1/13! ... 1/2!
    m = m * r + 2.505210838544172e-08
    m = m * r + 2.7557319223985893e-07
    m = m * r + 2.7557319223985893e-06
    m = m * r + 2.48015873015873e-05
    m = m * r + 1.984126984126984e-04
    m = m * r + 1.3888888888888889e-03
    m = m * r + 8.333333333333333e-03
    m = m * r + 4.1666666666666664e-02
    m = m * r + 1.6666666666666666e-01
    m = m * r + 0.5
    m = m * r * r + r
    gone = x <= -708.0
    return tl.where(gone, 0.0, s * m), tl.where(gone, 0.0, s)


@triton.jit
def exp64(x):
    """exp x."""
    a, s = expm1_parts(x)
    return a + s


@triton.jit
def log64(x):
    """log x; of the smallest normal number for what is below it, of zero too."""
    x = at_least(x, 2.2250738585072014e-308)
    half = 4604544271217802189  # the bits of sqrt(1/2)
    bits = x.to(tl.int64, bitcast=True) - half
    k = (bits >> 52).to(tl.float64)
    m = ((bits & 4503599627370495) + half).to(tl.float64, bitcast=True)
    f = (m - 1.0) / (m + 1.0)
    s = f * f
    p = s * 0.047619047619047616 + 0.05263157894736842  # 1/21 ... 1/3
    p = p * s + 0.058823529411764705
    p = p * s + 0.06666666666666667
    p = p * s + 0.07692307692307693
    p = p * s + 0.09090909090909091
    p = p * s + 0.1111111111111111
    p = p * s + 0.14285714285714285
    p = p * s + 0.2
    p = p * s + 0.3333333333333333
    log = (2.0 * f * s * p + k * 1.90821492927058770002e-10) + (2.0 * f + k * 0.69314718036912381649)
    return tl.where(x < float("inf"), log, x)


@triton.jit
def log1p64(x):
    """log (1 + x); the rounding of 1 + x is made good to first order."""
    u = at_least(1.0 + x, 2.2250738585072014e-308)
    lost = (x - (u - 1.0)) / u
    return log64(u) + tl.where(x < float("inf"), lost, 0.0)
