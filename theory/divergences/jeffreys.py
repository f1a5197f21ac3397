"""Jeffreys' divergence: KL both ways."""

import sympy as sp

from theory.member import Member
from theory.symbols import t

MEMBER = Member(
    title="Jeffreys divergence",
    f=lambda: (t - 1) * sp.log(t),
    gauge="f'(1) = 0",
    source="Jeffreys (1946)",
)
