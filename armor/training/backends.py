"""Switches of torch's CUDA libraries, turned for a while and put back."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

__all__ = ["full_float32", "searched_convolutions"]


@contextmanager
def full_float32() -> Iterator[None]:
    """Inside, float32 products and convolutions are float32: no TF32, which keeps 10 bits of the mantissa.

    cuDNN uses TF32 by default. Nothing changes on a CPU that computes in float32.
    """
    libraries = _libraries()
    if libraries:  # the switches from torch 2.9 on, which the older ones refuse to be mixed with
        before = [library.fp32_precision for library in libraries]
        try:
            for library in libraries:
                library.fp32_precision = "ieee"
            yield
        finally:
            for library, precision in zip(libraries, before, strict=True):
                library.fp32_precision = precision
        return
    convolutions, products = torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()
    torch.backends.cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = convolutions
        torch.set_float32_matmul_precision(products)


def _libraries() -> list[Any]:
    """What has a precision of its own for float32; nothing before torch 2.9."""
    cudnn = torch.backends.cudnn
    found = [torch.backends.cuda.matmul, *(getattr(cudnn, name, None) for name in ("conv", "rnn"))]
    return found if all(hasattr(library, "fp32_precision") for library in found) else []


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
