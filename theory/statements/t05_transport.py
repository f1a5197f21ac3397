"""T5: the transport step in closed form."""

from theory.costs import COSTS
from theory.derivation import Formula, Step
from theory.evidence import Grade
from theory.fdivergence import FDivergence
from theory.renyi import Renyi
from theory.statement import Statement

_SAMPLED = ("one-way binary features", "hard ball in the pixel box", "squared distance in the pixel box")


def _steps(_: FDivergence | Renyi) -> tuple[Step, ...]:
    return tuple(
        Step(
            rf"${cost.formula}$: the gain $\varphi^c_\mu(x) - \varphi(x)$ is",
            Formula(cost.gain),
            cost.name,
            Grade.SAMPLED if cost.name in _SAMPLED or "box" in cost.name else Grade.PROVED,
            cost.check,
        )
        for cost in COSTS
    )


STATEMENT = Statement(
    "T5",
    "Transport step, closed forms",
    (
        r"$\mu = \lambda + \kappa > 0$, $X = \mathbb{R}^d$; linear $\varphi = \langle a, \cdot "
        r"\rangle$ unless said otherwise",
        r"for $q < 1$ the supremum is $\infty$; for $q = 1$ it is finite only if $\|a\|_* \le \mu L$",
        r"labels: $c = \infty$ when they differ, so the label never moves; any cost matrix: a "
        r"maximum over columns",
    ),
    Formula(r"\varphi^c_\mu(x) = \sup_y \{ \varphi(y) - \mu c(x, y) \}"),
    "arXiv 2309.03791; UDR for the soft ball",
    _steps,
    renyi=_steps,
)
