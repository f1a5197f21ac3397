"""Triangular discrimination (Le Cam; Vincze)."""

from theory.member import Member
from theory.symbols import t

MEMBER = Member(
    title="triangular discrimination (Le Cam)",
    f=lambda: (t - 1) ** 2 / (t + 1),
    gauge="f'(1) = 0",
    source="Le Cam (1986); Vincze (1981)",
)
