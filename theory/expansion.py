"""Expansion of products and powers, except where it would write out what nobody can read."""

from typing import Any

import sympy as sp

__all__ = ["expand", "expandable"]

_MAX_POWER = 64


def expandable(expression: Any) -> bool:
    """Whether no power above 64 of a sum occurs, which expansion would turn into that many terms."""
    powers = (e for e in expression.atoms(sp.Pow) if e.base.is_Add and e.exp.is_Integer)
    return all(abs(e.exp) <= _MAX_POWER for e in powers)


def expand(expression: Any) -> Any:
    """`sympy.expand` of an expandable expression; any other as it is."""
    return sp.expand(expression) if expandable(expression) else expression
