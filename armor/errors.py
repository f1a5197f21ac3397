"""Errors that the production layer raises for bad input or an unfit environment."""

__all__ = ["InputError", "MissingExtraError", "NotANumberError", "missing_extra", "require"]

import importlib
from types import ModuleType


class InputError(ValueError):
    """Input that cannot be used; its message is one sentence that names the offending value."""


class NotANumberError(InputError):
    """A loss that is not finite; while training this means that the run diverged."""


class MissingExtraError(InputError):
    """An optional package is absent; the message names the extra that brings it."""


# What brings an optional package; several extras may, the first is the one to name.
_EXTRAS = {
    "cvxpy": "verify",
    "clarabel": "verify",
    "highspy": "verify",
    "flint": "verify",
    "hypothesis": "verify",
    "joblib": "verify",
    "scipy": "verify",
    "numpy": "verify",
    "torch": "train",
    "matplotlib": "train",
    "tqdm": "train",
    "pyautoattack": "attack",
    "tensorboard": "tensorboard",
}


def missing_extra(error: ModuleNotFoundError) -> MissingExtraError | None:
    """The sentence for an absent optional package; None when the missing module is none of them."""
    package = (error.name or "").split(".")[0]
    if package not in _EXTRAS:
        return None
    return MissingExtraError(
        f"this needs the package {package!r}, which is not installed: "
        f"pip install 'armor-d[{_EXTRAS[package]}]'"
    )


def require(module: str) -> ModuleType:
    """Import an optional `module`, or raise `MissingExtraError` naming the extra that installs it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise missing_extra(error) or error from None
