"""Jensen-Shannon divergence: the mean of the KL divergences to the midpoint."""

import sympy as sp

from theory.member import Member
from theory.symbols import t

MEMBER = Member(
    title="Jensen-Shannon divergence",
    f=lambda: (t * sp.log(t) - (1 + t) * sp.log((1 + t) / 2)) / 2,
    gauge="f'(1) = 0",
    source="Lin (1991)",
)
