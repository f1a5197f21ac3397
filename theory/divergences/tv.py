"""Total variation distance."""

import sympy as sp

from theory.member import Member
from theory.symbols import t

MEMBER = Member(
    title="total variation",
    f=lambda: sp.Abs(t - 1) / 2,
    gauge="0 is a subgradient at t = 1",
    source="sup over events of |Q(A) - P(A)|",
)
