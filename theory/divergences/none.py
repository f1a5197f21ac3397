"""No re-weighting: the indicator of t = 1, which leaves optimal transport alone."""

import sympy as sp

from theory.member import Member
from theory.symbols import t

MEMBER = Member(
    title="no re-weighting (optimal transport only)",
    f=lambda: sp.Piecewise((0, sp.Eq(t, 1)), (sp.oo, True)),
    gauge="every gauge",
    source="T17: D = oo unless eta = P",
)
