"""What is printed about a divergence before its derivations."""

import sympy as sp

from theory.derivation import Formula
from theory.fdivergence import FDivergence
from theory.render.plain import piecewise_text
from theory.renyi import Renyi

__all__ = ["facts"]


def facts(d: FDivergence | Renyi) -> tuple[tuple[str, Formula | str], ...]:
    """Label and formula or prose: f, its borders, f*, (f*)', the derivatives at 1, the gauge."""
    ends = (("gauge", d.gauge), ("source", d.source))
    if isinstance(d, Renyi):
        return (("alpha", Formula(sp.latex(d.alpha), str(d.alpha))), *ends)

    def shown(expression: object) -> Formula:
        return Formula(sp.latex(expression), piecewise_text(expression))

    conjugate, slope = (d.conjugate, d.conjugate_prime) if d.closed_form else (None, None)
    none, undefined = "no closed form; computed with an enclosure", "undefined"
    return (
        ("f(t)", shown(d.f)),
        ("f(0+)", shown(d.f_at_zero)),
        ("f'(0+)", shown(d.slope_at_zero)),
        ("f'(oo)", shown(d.recession)),
        ("f*(y)", none if conjugate is None else shown(conjugate)),
        ("(f*)'(y)", none if slope is None else shown(slope)),
        ("f''(1)", undefined if d.second_at_one is None else shown(d.second_at_one)),
        ("f'''(1)", undefined if d.third_at_one is None else shown(d.third_at_one)),
        ("strictly convex at 1", "yes" if d.strictly_convex_at_one else "no"),
        *ends,
    )
