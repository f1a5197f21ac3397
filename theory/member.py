"""What one file of `theory/divergences` states: f, its parameters and their range, gauge and source."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy as sp

__all__ = ["REACH", "Member", "Parameter"]

REACH = sp.Rational(1, 10**6)  # orders are kept that far from 0 and 1, where doubles lose the divergence


@dataclass(frozen=True)
class Parameter:
    """A real parameter: its name, the range in words and as a test on an exact rational."""

    name: str
    range: str
    admits: Callable[[Any], bool]


@dataclass(frozen=True)
class Template:
    """f with a parameter left symbolic: `expr` in t and `symbol`, whose assumptions fix the regime.

    `value` is the symbol's number; `original` writes the symbol through the public parameter (b = alpha - 1).
    """

    expr: Any
    symbol: Any
    value: Any
    original: Any


@dataclass(frozen=True)
class Member:
    """A divergence or, with parameters, a family: `f` maps parameter values (exact rationals) to an
    expression in t.
    """

    title: str
    f: Callable[..., Any] | None
    gauge: str
    source: str
    parameters: tuple[Parameter, ...] = ()
    template: Callable[..., Template] | None = None
