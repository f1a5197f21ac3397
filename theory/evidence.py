"""Grades of evidence and outcomes: the one vocabulary in which every layer says how much it knows."""

from enum import Enum

__all__ = ["Grade", "Outcome"]


class Grade(Enum):
    """How strongly a claim is supported, strongest first."""

    FORMAL = "formal"  # machine-checked in Coq, nothing admitted
    PROVED = "proved"  # symbolic identity reduced to zero, hypotheses checked
    ENCLOSED = "enclosed"  # primal and dual witnesses in ball arithmetic
    BRACKETED = "bracketed"  # primal and dual witnesses in float64, gap reported
    SAMPLED = "sampled"  # random instances agree to a tolerance
    CITED = "cited"  # theorem of analysis from the literature, hypotheses listed

    @property
    def rank(self) -> int:
        """0 (formal) to 5 (cited), the numbering of the documentation."""
        return list(Grade).index(self)


class Outcome(Enum):
    """What a check found, apart from the grade it reached."""

    HOLDS = "holds"
    FAILS = "fails"
    VACUOUS = "vacuous"  # the hypotheses were met by no sample
    NOT_APPLICABLE = "not applicable"
    SKIPPED = "skipped"
