"""The alpha (Cressie-Read) family; its regimes alpha < 0, 0 < alpha < 1 and alpha > 1 differ in f(0) and
f'(oo).
"""

from typing import Any

import sympy as sp

from theory import symbols
from theory.member import REACH, Member, Parameter, Template
from theory.symbols import t

_B = sp.Symbol("b", positive=True)


def _f(alpha: Any) -> Any:
    return (t**alpha - 1) / (alpha * (alpha - 1))


def _template(alpha: Any) -> Template:
    """alpha as 1 + b, 1/(1 + b) or -b with b > 0, so that signs of exponents are known."""
    if alpha > 1:
        return Template(_f(1 + _B), _B, alpha - 1, symbols.alpha - 1)
    if alpha > 0:
        return Template(
            (1 + _B) ** 2 * (1 - t ** (1 / (1 + _B))) / _B, _B, 1 / alpha - 1, 1 / symbols.alpha - 1
        )
    return Template((t**-_B - 1) / (_B * (_B + 1)), _B, -alpha, -symbols.alpha)


MEMBER = Member(
    title="alpha divergence",
    f=_f,
    gauge="f'(1) = 1/(alpha - 1)",
    source="Cressie and Read (1984); arXiv 2309.03791",
    template=_template,
    parameters=(
        Parameter(
            "alpha",
            "a number of size 1e-6 to 1000, at least 1e-6 from 1",
            lambda a: REACH <= abs(a) <= 1000 and abs(a - 1) >= REACH,
        ),
    ),
)
