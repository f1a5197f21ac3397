"""Numbers that people give: exact from text (`8/255` is no nearest float of somebody's), and in range."""

import math
import re
from fractions import Fraction
from numbers import Integral, Real

from armor.errors import InputError

__all__ = ["ratio", "real", "whole"]

# An exponent of four digits or more would spell out thousands of digits.
_HUGE = re.compile(r"[eE][+-]?\d{4}|\d{400}")


def ratio(value: object, what: str) -> Fraction:
    """The exact number in `value`: text such as "8/255", "0.031" or "1e-2", or an int or a finite float.

    A float counts by its shortest decimal form (0.031 is 31/1000).

    Raises:
        InputError: no number; the message names `what` and the value.
    """
    try:
        if isinstance(value, bool) or not isinstance(value, str | int | float | Fraction):
            raise ValueError
        if isinstance(value, str) and _HUGE.search(value):
            raise ValueError
        return Fraction(repr(value) if isinstance(value, float) else value)
    except (ValueError, ZeroDivisionError):
        raise InputError(f"{what} = {value!r} is not a number such as 8/255 or 0.031") from None


def real(name: str, value: object, *, positive: bool) -> float:
    """`value` as a float.

    Raises:
        InputError: no number, not finite, negative or, if `positive`, zero.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InputError(f"{name} must be a number, not {value!r}")
    low = "positive" if positive else "zero or positive"
    try:
        number = float(value)
    except OverflowError:
        raise InputError(f"{name} must be finite and {low}, not beyond the largest float") from None
    if not math.isfinite(number) or number < 0 or (positive and number == 0):
        raise InputError(f"{name} must be finite and {low}, not {value!r}")
    return number


def whole(name: str, value: object, *, least: int = 1) -> int:
    """`value` as an int.

    Raises:
        InputError: no whole number, or one below `least`.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < least:
        raise InputError(f"{name} must be a whole number, at least {least}, not {value!r}")
    return int(value)
