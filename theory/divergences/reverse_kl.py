"""Reverse Kullback-Leibler divergence (the limit of alpha as alpha -> 0)."""

import sympy as sp

from theory.member import Member
from theory.symbols import t

MEMBER = Member(
    title="reverse Kullback-Leibler divergence",
    f=lambda: -sp.log(t),
    gauge="f'(1) = -1",
    source="arXiv 2309.03791; D_f(Q||P) = KL(P||Q)",
)
