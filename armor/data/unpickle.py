"""A restricted unpickler: containers, bytes, integers and plain uint8 arrays, nothing else.

The official CIFAR files are Python 2 pickles, and a pickle is a program. Here the three numpy names that
those files mention resolve to inert stand-ins of this module; every other name is refused before anything is
called.
"""

import io
import pickle
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from armor.errors import InputError

__all__ = ["loads"]

_MAX_ARRAY_BYTES = 1 << 30


class _Dtype:
    """Stands for `numpy.dtype`: only the one-byte unsigned integer is admitted."""

    def __init__(self, code: object, align: object = False, copy: object = False) -> None:
        del align, copy
        if code not in (b"u1", "u1"):
            raise pickle.UnpicklingError(f"an array of dtype {code!r} where only 'u1' is allowed")

    def __setstate__(self, state: object) -> None:
        del state  # byte order and alignment, without meaning for single bytes


class _Array:
    """Stands for `numpy.ndarray`: keeps what `__setstate__` is given, after checking it against the shape."""

    def __init__(self) -> None:
        self.value: NDArray[np.uint8] = np.empty(0, np.uint8)

    def __setstate__(self, state: object) -> None:
        match state:
            case (int(), tuple() as shape, _Dtype(), bool() | int() as fortran, bytes() as data):
                pass
            case _:
                raise pickle.UnpicklingError(
                    "an array whose state is not (version, shape, dtype, order, bytes)"
                )
        if not all(isinstance(n, int) and n >= 0 for n in shape) or len(shape) > 4:
            raise pickle.UnpicklingError(f"an array of impossible shape {shape!r}")
        size = 1
        for n in shape:
            size *= n
        if size != len(data) or size > _MAX_ARRAY_BYTES:
            raise pickle.UnpicklingError(f"an array of shape {shape!r} with {len(data)} bytes of data")
        order = "F" if fortran else "C"
        self.value = np.frombuffer(data, np.uint8).reshape(shape, order=order)  # type: ignore[call-overload]


class _NdarrayName:
    """Stands for the class `numpy.ndarray` as an argument of `_reconstruct`; cannot be called."""


def _reconstruct(kind: object, shape: object, code: object) -> _Array:
    if kind is not _NdarrayName or shape != (0,) or code not in (b"b", "b"):
        raise pickle.UnpicklingError("an array reconstruction of an unexpected form")
    return _Array()


_NAMES: dict[tuple[str, str], Any] = {
    ("numpy", "dtype"): _Dtype,
    ("numpy", "ndarray"): _NdarrayName,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str, /) -> Any:
        if (module, name) not in _NAMES:
            raise pickle.UnpicklingError(f"the name {module}.{name}, which a data file has no use for")
        return _NAMES[module, name]

    def persistent_load(self, pid: Any) -> NoReturn:
        raise pickle.UnpicklingError(f"the persistent reference {pid!r}")


def _plain(value: object) -> Any:
    if isinstance(value, _Array):
        return value.value
    if isinstance(value, dict):
        return {_plain(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if value is None or isinstance(value, bytes | str | int | float):
        return value
    raise pickle.UnpicklingError(f"a value of type {type(value).__name__}")


def loads(data: bytes, source: str) -> Any:
    """The plain value in the pickle `data`: dicts, lists, bytes, numbers and uint8 arrays.

    Args:
        data: the pickle.
        source: what to call it in messages (a path).

    Raises:
        InputError: the pickle is damaged or mentions anything that a data file has no use for.
    """
    try:
        return _plain(_Unpickler(io.BytesIO(data), encoding="bytes").load())
    except pickle.UnpicklingError as error:
        raise InputError(f"{source}: refused to unpickle it: it holds {error}") from None
    except (
        EOFError,
        IndexError,
        KeyError,
        ValueError,
        TypeError,
        AttributeError,
        MemoryError,
        OverflowError,
    ):
        raise InputError(f"{source}: not a readable pickle (damaged or truncated)") from None
