"""From a method's name to the method: what a recipe writes down."""

__all__ = ["method", "names"]

import difflib
from typing import Any

from armor.errors import InputError
from armor.methods.base import Method
from armor.methods.mart import Mart
from armor.methods.pgd import Pgd
from armor.methods.trades import Trades
from armor.methods.udr import Udr
from armor.transport import Ascent, FlipAscent, SoftAscent

_METHODS: dict[str, type[Method]] = {"pgd": Pgd, "trades": Trades, "mart": Mart, "udr": Udr}


def names() -> tuple[str, ...]:
    """The methods known by name."""
    return tuple(_METHODS)


def method(name: str, transport: Ascent | SoftAscent | FlipAscent, **options: Any) -> Method:
    """Build a method: `method("trades", pgd(8/255, step=2/255, steps=10), beta=6, objective=...)`.

    transport: a hard-ball attack, but for "udr" one with a soft cost (`SoftAscent`, `FlipAscent`).
    options: `objective`, `natural_weight`, `batchnorm` for all; `beta` for trades and mart; `attack`,
    `complement_shift`, `weight_shift` for mart; `mu`, `rounds` for udr, which needs an objective.

    Raises `armor.errors.InputError` for unknown names and a transport that does not fit.
    """
    if name not in _METHODS:
        close = difflib.get_close_matches(name, names(), n=1, cutoff=0.3)
        hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(names())}"
        raise InputError(f"unknown method {name!r}; {hint}")
    if isinstance(transport, Ascent) == (name == "udr"):
        wanted = "a soft cost (SoftAscent, FlipAscent)" if name == "udr" else "a hard ball (Ascent)"
        raise InputError(f"the method {name!r} needs a transport with {wanted}, not {transport!r}")
    try:
        return _METHODS[name](transport, **options)
    except TypeError as error:
        raise InputError(f"the method {name!r} does not accept these options: {error}") from None
