"""Kullback-Leibler divergence (relative entropy)."""

import sympy as sp

from theory.member import Member
from theory.symbols import t

MEMBER = Member(
    title="Kullback-Leibler divergence",
    f=lambda: t * sp.log(t),
    gauge="f'(1) = 1",
    source="Kullback and Leibler (1951); arXiv 2309.03791",
)
