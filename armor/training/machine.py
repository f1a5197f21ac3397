"""The machine that a figure belongs to, in words."""

import platform
from pathlib import Path

import torch

__all__ = ["described"]


def _processor() -> str:
    """The processor's model, as the system names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def described(device: torch.device) -> str:
    """The device and torch's version, as in "AMD EPYC, torch 2.13.0+cpu"."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    return f"{name}, torch {torch.__version__}"
