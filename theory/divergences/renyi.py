"""Renyi divergences R_alpha(P||eta), convex in eta for every alpha > 0; not f-divergences."""

from theory.member import Member, Parameter

MEMBER = Member(
    title="Renyi divergence of P from eta",
    f=None,
    gauge="R_alpha(P||eta) = log(sum p^alpha eta^(1 - alpha))/(alpha (alpha - 1))",
    source="Renyi (1961); van Erven and Harremoes (2014); arXiv 2309.03791",
    parameters=(Parameter("alpha", "a number > 0 other than 1", lambda a: a > 0 and a != 1),),
)
