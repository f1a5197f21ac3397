"""Compiled kernels, built on first use where there is a C compiler; without one NumPy does the work."""

from armor.native.build import library

__all__ = ["library"]
