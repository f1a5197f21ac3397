"""Names given by a user: the known one, or an error that suggests the nearest."""

import difflib
from collections.abc import Iterable

from armor.errors import InputError

__all__ = ["known", "nearest"]


def nearest(name: str, among: Iterable[str]) -> str:
    """The end of a message: which of the known names is nearest to `name`, or nothing when there is none."""
    near = difflib.get_close_matches(name, list(among), 1, 0.0)
    return f"; the nearest known one is {near[0]!r}" if near else ""


def known(name: str, what: str, among: Iterable[str]) -> str:
    """`name` itself if it is `among` the known ones.

    Raises:
        InputError: it is not; the message names the nearest known `what`.
    """
    choices = list(among)
    if name not in choices:
        raise InputError(f"unknown {what} {name!r}{nearest(name, choices)}")
    return name
