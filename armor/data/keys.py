"""Counter-based random bits: a pure function of (seed, epoch, index), the same on every device.

Nothing here has a state, so a resumed run draws exactly what an uninterrupted one would have drawn, whatever
the order of the batches. The mixer is splitmix64 (Steele, Lea, Flood 2014), in wrapping 64-bit integers.
"""

import torch
from torch import Tensor

__all__ = ["bits", "generator_for", "permutation", "seed_of"]

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_M1 = 0xBF58476D1CE4E5B9
_M2 = 0x94D049BB133111EB


def _signed(value: int) -> int:
    """The same 64 bits as a signed integer, which is what a tensor of int64 holds."""
    value &= _MASK
    return value - (1 << 64) if value >> 63 else value


def _mix_int(z: int) -> int:
    z = (z + _GOLDEN) & _MASK
    z = ((z ^ (z >> 30)) * _M1) & _MASK
    z = ((z ^ (z >> 27)) * _M2) & _MASK
    return z ^ (z >> 31)


def _shift(z: Tensor, by: int) -> Tensor:
    """Logical right shift of int64 (torch's is arithmetic)."""
    return (z >> by) & ((1 << (64 - by)) - 1)


def _mix(z: Tensor) -> Tensor:
    z = z + _signed(_GOLDEN)
    z = (z ^ _shift(z, 30)) * _signed(_M1)
    z = (z ^ _shift(z, 27)) * _signed(_M2)
    return z ^ _shift(z, 31)


def seed_of(*parts: int) -> int:
    """A 63-bit seed from integers, for instance (seed, stream, step); distinct parts give unrelated seeds."""
    h = 0
    for part in parts:
        h = _mix_int(h ^ (part & _MASK))
    return h >> 1


def bits(seed: int, index: Tensor) -> Tensor:
    """63 random bits (int64, nonnegative) for each entry of `index` (int64), on its device."""
    return _shift(_mix(_mix(index) ^ _signed(seed_of(seed))), 1)


def permutation(seed: int, n: int, device: torch.device | str = "cpu") -> Tensor:
    """A random order of 0 … n − 1, the same on every device."""
    keys = bits(seed, torch.arange(n, device=device))
    return torch.argsort(keys, stable=True)


def generator_for(device: torch.device) -> torch.Generator:
    """What draws training's random starts: CUDA's own generator, for which no step waits, else the CPU's.

    The two draw different numbers from one seed, as do CUDA devices of different kinds.
    """
    return torch.Generator(device if device.type == "cuda" else "cpu")
