"""Switches of torch's CUDA libraries, turned for a while and put back."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["full_float32", "searched_convolutions"]


@contextmanager
def full_float32() -> Iterator[None]:
    """Inside, float32 products and convolutions are float32: no TF32, which keeps 10 bits of the mantissa.

    cuDNN uses TF32 by default. Nothing changes on a CPU that computes in float32.
    """
    convolutions, products = torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()
    torch.backends.cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = convolutions
        torch.set_float32_matmul_precision(products)


@contextmanager
def searched_convolutions(device: torch.device) -> Iterator[None]:
    """Inside, cuDNN measures its algorithms for every new shape and takes the fastest (CUDA only).

    Worth it where the same few shapes come again and again, as the batches of a training run do.
    """
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = before or device.type == "cuda"
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before
