"""T5: the transport step in closed form."""

from functools import cache

from theory.costs import COSTS
from theory.derivation import Formula, Step
from theory.fdivergence import FDivergence
from theory.quadratic import QUADRATIC
from theory.renyi import Renyi
from theory.statement import ForRenyi, Statement

_CHECKED = [(cost, cache(cost.check)) for cost in (*COSTS, *QUADRATIC)]  # none depends on the divergence


def _steps(_: FDivergence | Renyi) -> tuple[Step, ...]:
    return tuple(
        Step(
            rf"${cost.formula}$: the gain $\varphi^c_\mu(x) - \varphi(x)$ is",
            Formula(cost.gain),
            cost.name,
            cost.grade,
            check,
        )
        for cost, check in _CHECKED
    )


STATEMENT = Statement(
    "T5",
    "Transport step, closed forms",
    (
        r"$\mu = \lambda + \kappa > 0$, $X = \mathbb{R}^d$; linear $\varphi = \langle a, \cdot "
        r"\rangle$ unless said otherwise",
        r"for $q < 1$ the supremum is $\infty$; for $q = 1$ it is finite only if $\|a\|_* \le \mu L$",
        r"quadratic losses: $h > 0$, $s = y - x$, $|a|_{(1)} \ge |a|_{(2)} \ge \dots$; $m$ is the largest "
        r"number of "
        r"entries that lie above the level they give",
        r"labels: $c = \infty$ when they differ, so the label never moves; any cost matrix: a "
        r"maximum over columns",
    ),
    Formula(r"\varphi^c_\mu(x) = \sup_y \{ \varphi(y) - \mu c(x, y) \}"),
    "arXiv 2309.03791; UDR for the soft ball",
    _steps,
    renyi=ForRenyi(_steps),
    involves_divergence=False,
)
