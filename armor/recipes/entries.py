"""Typed recipe entries: each carries its own check, which names the key and the value that it refuses."""

from collections.abc import Callable
from dataclasses import field
from fractions import Fraction
from math import isfinite
from typing import Any

from armor.errors import InputError
from armor.naming import nearest
from armor.numbers import ratio

__all__ = ["choice", "flag", "integer", "integers", "number", "rational", "specification", "text"]


def _entry(default: Any, read: Callable[[object, str], Any]) -> Any:
    return field(default=default, metadata={"read": read})


def integer(default: int, low: int, high: int) -> Any:
    """An integer in low … high."""

    def read(value: object, key: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise InputError(f"{key} = {value!r} is not an integer in {low}..{high}")
        return value

    return _entry(default, read)


def number(default: float, low: float, high: float, *, above: bool = False) -> Any:
    """A finite number in [low, high], or in (low, high] with `above`."""

    def read(value: object, key: str) -> float:
        good = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
        if not good or not low <= float(value) <= high or (above and float(value) == low):  # type: ignore[arg-type]
            bracket = "(" if above else "["
            raise InputError(f"{key} = {value!r} is not a number in {bracket}{low:g}, {high:g}]")
        return float(value)  # type: ignore[arg-type]

    return _entry(default, read)


def rational(default: str, low: str, high: str) -> Any:
    """An exact number in (low, high], written "8/255" or 0.031."""

    def read(value: object, key: str) -> Fraction:
        found = ratio(value, key)
        if not Fraction(low) < found <= Fraction(high):
            raise InputError(f"{key} = {value!r} is outside ({low}, {high}]")
        if float(found) == 0.0:
            raise InputError(f"{key} = {value!r} is too small: it rounds to zero")
        return found

    return _entry(Fraction(default), read)


def flag(default: bool) -> Any:
    """true or false."""

    def read(value: object, key: str) -> bool:
        if not isinstance(value, bool):
            raise InputError(f"{key} = {value!r} is neither true nor false")
        return value

    return _entry(default, read)


def choice(default: str, among: tuple[str, ...] | Callable[[], tuple[str, ...]]) -> Any:
    """One of a few names; the error suggests the nearest."""

    def read(value: object, key: str) -> str:
        names = among() if callable(among) else among
        if value not in names:
            raise InputError(f"{key} = {value!r} is unknown{nearest(str(value), names)}")
        return str(value)

    return _entry(default, read)


def integers(default: tuple[int, ...], low: int, high: int) -> Any:
    """An increasing list of integers in low … high (an equal pair is allowed)."""

    def read(value: object, key: str) -> tuple[int, ...]:
        good = isinstance(value, list | tuple) and all(
            isinstance(v, int) and not isinstance(v, bool) and low <= v <= high for v in value
        )
        if not good or list(value) != sorted(value):  # type: ignore[call-overload]
            raise InputError(f"{key} = {value!r} is not an increasing list of integers in {low}..{high}")
        return tuple(value)  # type: ignore[arg-type]

    return _entry(default, read)


def specification(default: str) -> Any:
    """A divergence: a name, or a table such as {name = "alpha", alpha = 6}; its owner checks the content."""

    def read(value: object, key: str) -> str | dict[str, Any]:
        if isinstance(value, str) and value:
            return value
        if isinstance(value, dict) and value and all(isinstance(k, str) for k in value):
            return dict(value)
        raise InputError(f"{key} = {value!r} is no name and no table like {{name = 'alpha', alpha = 6}}")

    return _entry(default, read)


def text(default: str) -> Any:
    """Any text."""

    def read(value: object, key: str) -> str:
        if not isinstance(value, str):
            raise InputError(f"{key} = {value!r} is not text")
        return value

    return _entry(default, read)
