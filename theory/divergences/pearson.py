"""Pearson's chi-squared divergence."""

from theory.member import Member
from theory.symbols import t

MEMBER = Member(
    title="Pearson chi-squared divergence",
    f=lambda: (t - 1) ** 2,
    gauge="f'(1) = 0",
    source="Pearson (1900)",
)
