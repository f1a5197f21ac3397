"""Exact numbers from text: `8/255` is 8/255, not the nearest float of somebody's rounding."""

import re
from fractions import Fraction

from armor.errors import InputError

__all__ = ["ratio"]

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
