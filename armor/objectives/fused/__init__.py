"""The objectives' kernels for CUDA devices: `dispatch` decides and launches, the other modules are Triton's.

They are imported only when a kernel is launched.
"""
