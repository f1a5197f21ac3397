"""Reading of instance files: JSON whose numbers stay exact, and `.npz` archives read without pickle."""

import json
import re
import zipfile
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from theory.errors import InputError

__all__ = ["Number", "as_double", "as_fraction", "describe", "read"]

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?|[+-]?\d+\s*/\s*\d+")
_LONGEST = 4000  # digits of one number


class Number(str):
    """A JSON number, kept as the text that the file holds so that no digit is lost to a float."""


def describe(value: object) -> str:
    """`value` as a message shows it: short, on one line."""
    text = str(value) if isinstance(value, Number | Fraction) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def as_fraction(value: object, where: str) -> Fraction:
    """The exact rational that `value` denotes.

    Accepts a JSON number, a string such as "1/3" or "0.25", an int, a `Fraction` and a finite float (its
    exact binary value).

    Raises:
        InputError: anything else; the message names `where` and the value.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float | Fraction | np.number):
        raise InputError(f"{where} must be a number, but is {describe(value)}.")
    if isinstance(value, str):
        text = value.strip()
        if len(text) > _LONGEST or not _NUMBER.fullmatch(text):
            raise InputError(f'{where} must be a number such as 0.25 or "1/3", but is {describe(value)}.')
        try:
            return Fraction(text.replace(" ", ""))
        except ZeroDivisionError:
            raise InputError(f"{where} is {describe(value)}, which divides by zero.") from None
    if isinstance(value, np.number):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        raise InputError(f"{where} must be finite, but is {value}.")
    if not isinstance(value, int | float | Fraction):
        raise InputError(f"{where} must be a real number, but is {describe(value)}.")
    return Fraction(value)


def as_double(value: object, where: str) -> float:
    """The double nearest to what `value` denotes, refused when it leaves the range of doubles at either end.

    Raises:
        InputError: as `as_fraction`, and for a number that no double holds.
    """
    exact = as_fraction(value, where)
    try:
        result = float(exact)
    except OverflowError:
        raise InputError(f"{where} is beyond the largest double: {describe(value)}.") from None
    if exact != 0 and abs(result) < 2.3e-308:
        raise InputError(f"{where} is not zero but too small for a double: {describe(value)}.")
    return result


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise InputError(f"the field {key!r} stands twice in the file.")
        result[key] = value
    return result


def _constant(text: str) -> Any:
    raise InputError(f"{text} is not a number of the format (write null for an infinite cost).")


def parse_json(text: str, where: str) -> Any:
    """Parse JSON with exact numbers, refusing duplicate fields, NaN and Infinity."""
    try:
        return json.loads(
            text,
            parse_float=Number,
            parse_int=Number,
            parse_constant=_constant,
            object_pairs_hook=_unique,
        )
    except json.JSONDecodeError as error:
        if not text.strip():
            raise InputError(f"{where} is empty.") from None
        raise InputError(
            f"{where} is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    except RecursionError:
        raise InputError(f"{where} is nested too deeply to be an instance or a certificate.") from None


def _read_npz(path: Path) -> dict[str, Any]:
    result: dict[str, Any] = {}
    try:
        if not zipfile.is_zipfile(path):
            raise zipfile.BadZipFile
        with np.load(path, allow_pickle=False) as archive:
            for key in archive.files:
                array = archive[key]
                if array.dtype.kind in "US" and array.ndim == 0:
                    text = array.item()
                    text = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
                    structured = text.lstrip()[:1] in ("{", '"')
                    result[key] = parse_json(text, f"the field {key!r} of {path}") if structured else text
                elif array.dtype.kind == "b" and array.ndim == 0:
                    result[key] = bool(array)
                elif array.dtype.kind in "iuf":
                    result[key] = array.item() if array.ndim == 0 else array
                else:
                    raise InputError(f"the field {key!r} of {path} has the type {array.dtype}, not numbers.")
    except InputError:
        raise
    except Exception:  # one wrong byte makes zip, zlib or NumPy raise nearly anything
        raise InputError(f"{path} is not a readable .npz archive of numbers and strings.") from None
    return result


def read(path: str | Path) -> Mapping[str, Any]:
    """The fields of a JSON file or an `.npz` archive.

    Raises:
        InputError: not a file, empty, truncated, not JSON, no object at top level, duplicate fields.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"there is no file {str(path)!r}.")
    if not path.is_file():
        raise InputError(f"{str(path)!r} is not a file.")
    if path.suffix == ".npz":
        return _read_npz(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path} is not a text file in UTF-8.") from None
    result = parse_json(text, str(path))
    if not isinstance(result, dict):
        raise InputError(f"{path} must hold a JSON object, but holds {describe(result)}.")
    return result
