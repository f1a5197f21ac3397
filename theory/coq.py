"""Which machine-checked theorem covers which divergence, and which part of a statement that is: names as in
`theory/formal/theorems.json`.

A qualified name is `ArmorD.<module>.<theorem>`. A theorem about f-divergences covers every closed convex f;
`_NEEDS` holds what some ask for beyond that. That each member of the catalogue is one, finite around 1 and
strictly convex there, is machine-checked too (`FenchelYoung.v`, `catalogue_finite_around_one`,
`<name>_strict`); for a user's own f it is checked in `theory` alone, and the coverage has that grade. Rényi's
divergence and pure transport are no f-divergences of the Coq library: the theorems about them and the
abstract ones cover them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from theory.evidence import Grade
from theory.fdivergence import FDivergence
from theory.renyi import Renyi

__all__ = ["Coverage", "coverage", "covers"]


@dataclass(frozen=True)
class Coverage:
    """The theorems that cover a statement for a divergence.

    `scope` says which part of the statement they are about, in prose with formulas between `$` ("" for all
    of it). `grade` is `FORMAL`, or how it is known that the divergence meets their hypotheses where that is
    not machine-checked.
    """

    theorems: tuple[str, ...] = ()
    scope: str = ""
    grade: Grade = Grade.FORMAL


def _own(d: FDivergence | Renyi) -> bool:
    """Whether the divergence is a user's own f."""
    return "f" in d.spec


def _finite_around_one(d: FDivergence) -> bool:
    return bool(d.domain[0] < 1 < d.domain[1])


def _named(*names: str) -> Callable[[FDivergence], bool]:
    return lambda d: d.name in names


def _finite_inside(d: FDivergence) -> bool:
    """Whether the Coq library has f as one of its members that are finite on (0, oo): all but CVaR."""
    return not _own(d) and d.name != "cvar"


def _at_one_alone(d: FDivergence) -> bool:
    return bool(d.domain[1] == 1)


def _strict(d: FDivergence) -> bool:
    """Whether `strict_at_one` is known: for a member by the theorem `<name>_strict` that T18 names."""
    from theory.statement import statement

    if not d.strictly_convex_at_one:
        return False
    return _own(d) or any(name.endswith(f".{d.name}_strict") for name in statement("T18").formal)


def _vanishes_at_p_alone(d: FDivergence) -> bool:
    """At P alone: by `T18_strict`, or by `only_finite` where D is infinite elsewhere."""
    return _strict(d) or _at_one_alone(d)


_KL = _named("kl")
_NEEDS: dict[str, Callable[[FDivergence], Any]] = {
    "T2_f_strong_duality": _finite_around_one,
    "T2_attained": _finite_inside,
    "T2_catalogue_attained": _finite_inside,
    "T2_f_attained": _finite_inside,
    "T2_cvar_attained": _named("cvar"),
    "T2_not_attained": _KL,
    "T6_zero_not_attained": _KL,
    "T3_strong_duality": _finite_around_one,
    "T3_infimum": _finite_around_one,
    "T3_gibbs": _KL,
    "T7_weak": _finite_around_one,
    "T7_strong_duality": _finite_around_one,
    "T8_weak_duality": _KL,
    "T8_strong_duality": _KL,
    "T8_lambda_zero": _KL,
    "T17_doubled_space": _KL,
    "T17_only_transport": _at_one_alone,
    "T17_cvar_one": _at_one_alone,
    "T17_ot_dro": _at_one_alone,
    "T17_adversarial_training": _vanishes_at_p_alone,
    "T18_strict": _strict,
    "T18_divergence_property": _vanishes_at_p_alone,
    "strict_at_one_member": _strict,
    "T18_cvar": lambda d: d.name == "cvar" and not _at_one_alone(d),
    "T18_strict_iff": _finite_around_one,
    "T18_chord": lambda d: not d.strictly_convex_at_one and not _at_one_alone(d),
    "T28_pearson": _named("pearson"),
    "T28_neyman": _named("neyman"),
    "T28_hellinger": _named("hellinger"),
    "T25_total_variation": _named("tv"),
    "T25_truncated_transport": _named("tv"),
}
_ABOUT_RENYI = {
    "T1_renyi_primal",
    "T1_renyi_primal_dro",
    "T1_renyi_joined",
    "T2_renyi_weak_duality",
    "T2_renyi_strong_duality",
    "T2_renyi_attained",
    "T2_renyi_ray",
    "T2_renyi_idle_infinite",
    "T6_renyi_strong_duality",
    "renyi_young",
    "T10_weak_duality",
    "T10_renyi_weak_duality",
    "T10_renyi_weak_duality_at_zero",
    "T10_renyi_plan_bound",
    "T10_weak_closed",
    "T10_strong_duality",
    "T10_infimum",
    "T10_renyi_strong_duality",
    "T28_renyi_alpha",
}
# Theorems about any closed convex nonnegative divergence that vanishes at P (`renyi_closed`, `renyi_nonneg`,
# `renyi_self`), and those without a hypothesis on the divergence.
_ABSTRACT = {
    "T1_attained",
    "T2_strong_duality",
    "T2_open_weak",
    "T2_attained_finite_cost",
    "T6_weak",
    "T6_strong_duality",
    "T6_infimum",
    "T6_duality",
    "T6_worst_case",
    "T6_zero_limit",
    "T6_zero_ball",
    "one_space_slater",
    "T13_nonneg",
    "T13_le_transport",
    "T13_le_divergence",
    "T13_monotone_eps",
    "T13_monotone_cost",
    "T13_value_monotone_cost",
    "T13_concave_eps",
    "T13_le_reachable",
    "T13_mean_le",
    "T13_mechanisms",
    "T13_hard_ball",
    "T14_convex_in_Q",
    "T17_rigid",
    "T17_transport_step",
    "T20_equivariance",
    "T20_objective",
    "T20_multipliers",
    "T18_zero_cost",
    "T22_kappa_identity",
    "T22_subgradient",
    "T22_multiplier",
    "T22_eps_derivative",
    "T22_kappa_subgradient",
    "T22_kappa_derivative",
    "T24_composition",
    "T24_triangle",
    "T24_lipschitz",
    "T28_scaling",
}


# Pure transport is D = 0 at P and infinite elsewhere: closed, nonnegative (`only_closed`, `only_nonneg`).
_ABOUT_TRANSPORT = {
    "T17_only_transport",
    "T17_ot_dro",
    "T17_adversarial_training",
    "T18_divergence_property",
}


def covers(theorem: str, d: FDivergence | Renyi) -> bool:
    """Whether the hypotheses of the theorem with this qualified name hold for `d`."""
    name = theorem.rsplit(".", 1)[-1]
    if not isinstance(d, FDivergence):
        return name in _ABSTRACT or name in _ABOUT_RENYI
    if d.name == "none":
        return name in _ABSTRACT or name in _ABOUT_TRANSPORT
    if name in _ABOUT_RENYI:
        return False
    if name in _NEEDS:
        return bool(_NEEDS[name](d))
    if name.endswith("_strict"):
        return name == f"{d.name}_strict"
    return True


# What the theorems of a statement leave out, whatever the divergence.
_SCOPE = {
    "T10": "the form in $\\lambda$ and $\\rho$; not that with $\\lambda$ eliminated on a hard ball",
    "T14": "convexity in $Q$ only",
    "T8": "that $\\lambda^*$ is 0 is stated as: the value is the worst case",
    "T17": "the instances on finite spaces; not UDR's ball in $R^d$",
    "T28": "the identity of the functions at $t > 0$, for Rényi of the divergences where $\\eta > 0$; "
    "not that of the balls",
}
# What is left where a theorem does not cover the divergence.
_WITHOUT = {
    "T1": ({"T1_primal", "T1_renyi_primal"}, "that the infimum is attained; not the program"),
    "T2": (
        {"T2_f_strong_duality", "T2_renyi_strong_duality"},
        "duality with $\\Lambda$; the form with $f^*$ at most in its weak direction",
    ),
    "T3": ({"T3_strong_duality"}, "the weak direction only: every $\\rho$ bounds $\\Lambda$"),
    "T7": ({"T7_strong_duality"}, "the weak direction only: every $\\lambda$ and $\\rho$ bound the value"),
    "T28": ({"T28_pearson", "T28_neyman", "T28_hellinger", "T28_renyi_alpha"}, ""),
    "T18": (
        {"T18_divergence_property", "T18_strict_iff"},
        "the counterexample of a cost that vanishes off the diagonal only",
    ),
    "T20": (
        {"T20_splitting"},
        "shifting and scaling of $\\varphi$, with $\\lambda$; not $\\rho$, nor splitting and relabelling",
    ),
}


def _scope(statement: str, covering: Iterable[str]) -> str:
    names = {name.rsplit(".", 1)[-1] for name in covering}
    needed, left = _WITHOUT.get(statement, (names, ""))
    if not needed & names:
        return left
    return _SCOPE.get(statement, "")


def coverage(statement: str, theorems: Iterable[str], d: FDivergence | Renyi) -> Coverage:
    """Those of the `theorems` of a statement that cover `d`, and how much they say."""
    found = tuple(theorem for theorem in theorems if covers(theorem, d))
    scope = _scope(statement, found) if found else ""
    if not found or not isinstance(d, FDivergence) or not _own(d):
        return Coverage(found, scope)
    own = "for every closed convex $f$; that this $f$ is one is not machine-checked"
    return Coverage(found, f"{scope}; {own}" if scope else own, d.check_hypotheses().grade)
