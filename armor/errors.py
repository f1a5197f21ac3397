"""Errors that the production layer raises for bad input or an unfit environment."""

__all__ = ["InputError", "MissingExtraError", "require"]

import importlib
from types import ModuleType


class InputError(ValueError):
    """Input that cannot be used; its message is one sentence that names the offending value."""


class MissingExtraError(InputError):
    """An optional package is absent; the message names the extra that brings it."""


def require(module: str, extra: str) -> ModuleType:
    """Import `module`, or raise `MissingExtraError` naming the extra (`armor-d[extra]`) that installs it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or module
        raise MissingExtraError(
            f"this needs the package {missing!r}, which is not installed: pip install 'armor-d[{extra}]'"
        ) from None
