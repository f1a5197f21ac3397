"""Errors that the symbolic and the verification layer raise for bad input."""

__all__ = ["InputError"]


class InputError(ValueError):
    """Input that cannot be used; its message is one sentence that names the offending value."""
