"""Renyi divergences R_alpha(P||eta), convex in eta for every alpha > 0; not f-divergences."""

from theory.member import REACH, Member, Parameter

MEMBER = Member(
    title="Rényi divergence of P from eta",
    f=None,
    gauge="R_alpha(P||eta) = log(sum p^alpha eta^(1 - alpha))/(alpha (alpha - 1))",
    source="Rényi (1961); van Erven and Harremoës (2014); arXiv 2309.03791",
    parameters=(
        Parameter(
            "alpha",
            "a number from 1e-6 to 1000, at least 1e-6 from 1",
            lambda a: REACH <= a <= 1000 and abs(a - 1) >= REACH,
        ),
    ),
)
