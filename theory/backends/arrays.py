"""NumPy and torch: elementwise over arrays, branches by masks."""

from typing import Any

__all__ = ["NumpyOperations", "TorchOperations"]

_OMEGA_STEPS = 6  # convergence is cubic from a start within 0.6: exact in float64 after four


class _ArrayOperations:
    """What NumPy and torch share; `lib` is the library's module."""

    static = True
    lib: Any

    def __init__(self, lib: Any) -> None:
        self.lib = lib
        self.exp, self.expm1, self.where, self.abs = lib.exp, lib.expm1, lib.where, lib.abs
        self.sin, self.cos, self.tanh, self.sinh, self.cosh = lib.sin, lib.cos, lib.tanh, lib.sinh, lib.cosh

    def nonnegative(self, x: Any) -> Any:
        """x, or the smallest normal number where rounding made it negative (0 would have an infinite
        slope).
        """
        return self.lib.where(x < 0, self.lib.finfo(x.dtype).tiny, x)

    def sqrt(self, x: Any) -> Any:
        return self.lib.sqrt(self.nonnegative(x))

    def log(self, x: Any) -> Any:
        return self.lib.log(self.nonnegative(x))

    def log1p(self, x: Any) -> Any:
        return self.lib.log1p(self.lib.where(x < -1, -1.0, x))

    def pow(self, x: Any, exponent: float) -> Any:
        return self.nonnegative(x) ** exponent

    def power_minus_1(self, x: Any, exponent: float) -> Any:
        """x^a - 1, without cancellation where x^a is near 1."""
        power = exponent * self.log(x)
        near = self.abs(power) < 1
        small = self.expm1(self.where(near, power, 0.0))
        return self.where(near, small, self.pow(self.where(near, 1.0, x), exponent) - 1)

    def reciprocal(self, x: Any) -> Any:
        return 1 / x

    def omega(self, z: Any) -> Any:
        """Wright omega: w + log w = z, by Halley's method on u + e^u = z, u = log w, so that no z is
        special.
        """
        fixed = self.detached(z)
        one = self.lib.ones_like(fixed)
        low = fixed - self.exp(self.lib.minimum(fixed, one)) * 0.4
        u = self.where(fixed < 1, low, self.lib.log(self.lib.maximum(fixed, one)))
        for _ in range(_OMEGA_STEPS):
            w = self.exp(u)
            residual, slope = u + w - fixed, 1 + w
            u = u - residual / (slope - residual * w / (2 * slope))
        # two Newton steps in z itself change nothing but carry its first and second derivative
        for _ in range(2):
            w = self.exp(u)
            u = u - (u + w - z) / (1 + w)
        return self.exp(u)

    def detached(self, x: Any) -> Any:
        """x without its history (NumPy has none)."""
        return x


class NumpyOperations(_ArrayOperations):
    """Operations on NumPy arrays; the caller silences floating-point warnings."""

    def __init__(self) -> None:
        import numpy

        super().__init__(numpy)

    def atan(self, x: Any) -> Any:
        return self.lib.arctan(x)

    def asinh(self, x: Any) -> Any:
        return self.lib.arcsinh(x)

    def as_array(self, x: Any) -> Any:
        array = self.lib.asarray(x)
        return array if array.dtype.kind == "f" else array.astype(self.lib.float64)

    def split(self, value: float, rest: float, x: Any) -> tuple[Any, Any]:
        """A border as high and low part in the type of x (value + rest to about twice the digits)."""
        high = x.dtype.type(value)
        return high, x.dtype.type((value - float(high)) + rest)

    def silent(self) -> Any:
        return self.lib.errstate(all="ignore")


class TorchOperations(_ArrayOperations):
    """Operations on torch tensors; differentiable twice, on any device."""

    def __init__(self) -> None:
        import torch

        super().__init__(torch)
        self.atan, self.asinh = torch.atan, torch.asinh

    def as_array(self, x: Any) -> Any:
        tensor = self.lib.as_tensor(x)
        return tensor if tensor.is_floating_point() else tensor.to(self.lib.get_default_dtype())

    def split(self, value: float, rest: float, x: Any) -> tuple[Any, Any]:
        """A border as high and low part in the type of x."""
        if x.dtype == self.lib.float64:
            return value, rest
        high = float(self.lib.tensor(value, dtype=x.dtype))
        return high, (value - high) + rest

    def detached(self, x: Any) -> Any:
        return x.detach()

    def silent(self) -> Any:
        from contextlib import nullcontext

        return nullcontext()
