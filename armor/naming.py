"""Names given by a user: the known one, or an error that suggests the nearest."""

import difflib
from collections.abc import Iterable

from armor.errors import InputError

__all__ = ["known"]


def known(name: str, what: str, among: Iterable[str]) -> str:
    """`name` itself if it is `among` the known ones.

    Raises:
        InputError: it is not; the message names the nearest known `what`.
    """
    choices = list(among)
    if name not in choices:
        near = difflib.get_close_matches(name, choices, 1, 0.0)
        hint = f"; the nearest known one is {near[0]!r}" if near else ""
        raise InputError(f"unknown {what} {name!r}{hint}")
    return name
