"""Squared Hellinger distance (not halved)."""

import sympy as sp

from theory.member import Member
from theory.symbols import t

MEMBER = Member(
    title="squared Hellinger distance",
    f=lambda: (sp.sqrt(t) - 1) ** 2,
    gauge="f'(1) = 0",
    source="Hellinger (1909); sum (sqrt q - sqrt p)^2",
)
