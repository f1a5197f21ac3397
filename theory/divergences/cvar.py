"""Indicator of densities bounded by 1/beta: its conjugate expectation is the CVaR (expected shortfall)."""

from typing import Any

import sympy as sp

from theory.member import Member, Parameter
from theory.symbols import t


def _f(beta: Any) -> Any:
    return sp.Piecewise((0, t <= 1 / beta), (sp.oo, True))


MEMBER = Member(
    title="CVaR (density at most 1/beta)",
    f=_f,
    gauge="f'(1) = 0",
    source="Rockafellar and Uryasev (2000)",
    parameters=(Parameter("beta", "a number in (0, 1]", lambda b: 0 < b <= 1),),
)
