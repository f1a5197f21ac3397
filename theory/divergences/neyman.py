"""Neyman's chi-squared divergence."""

from theory.member import Member
from theory.symbols import t

MEMBER = Member(
    title="Neyman chi-squared divergence",
    f=lambda: (1 - t) ** 2 / t,
    gauge="f'(1) = 0",
    source="Neyman (1949)",
)
