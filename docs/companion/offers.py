"""The certificates offered on the statements' pages, as data: instances, and what their proved intervals imply.

Every consequence is linear in the certified values: a reader repeats it with the numbers that `armor check` prints.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import acos, comb, exp, log, pi, sin, sqrt
from typing import Any

from companion import ROOT

__all__ = ["OFFERS", "Claim", "Offer", "load"]

Number = int | float | Fraction


@dataclass(frozen=True)
class Claim:
    """`words` follow if `sum coefficient * value - constant` is positive, or at most `within` away from 0.

    `terms`: file -> coefficient.
    """

    words: str
    terms: Mapping[str, Number]
    constant: Number = 0
    within: float | None = None


@dataclass(frozen=True)
class Offer:
    """`files`: name -> ("divergence" or "dro", instance or a file of the repository)."""

    files: Mapping[str, tuple[str, Mapping[str, Any] | str]]
    claims: Sequence[Claim]


SAME = 1e-8  # what two sides of an equation may differ by: the widths of their intervals


def load(data: Mapping[str, Any] | str) -> Any:
    """The instance of a file's entry."""
    from verification import instance

    return instance.load(ROOT / data) if isinstance(data, str) else instance.from_mapping(data)


def _rigid(size: int) -> list[list[int | None]]:
    return [[0 if i == j else None for j in range(size)] for i in range(size)]


def _times(cost: Sequence[Sequence[str | int]], factor: Fraction) -> list[list[str]]:
    return [[str(Fraction(entry) * factor) for entry in row] for row in cost]


# Three points on a line with their squared distances, moved and re-weighted in most instances below.
LINE: list[list[str | int]] = [[0, "1/5", "4/5"], ["1/5", 0, "1/5"], ["4/5", "1/5", 0]]
P, Q, PHI = ["1/2", "3/10", "1/5"], ["1/5", "3/10", "1/2"], [0, 1, 3]
KL, NONE, TV, PEARSON = ({"name": name} for name in ("kl", "none", "tv", "pearson"))
THIRDS = ["1/3"] * 3
MOVED = "tests/data/moved_and_reweighted.json"


def _dc(
    divergence: Mapping[str, Any], cost: Any, p: Any = None, q: Any = None, support: str = "reference"
) -> Any:
    """An instance of D^c."""
    return "divergence", {
        "divergence": divergence,
        "cost": cost,
        "p": p or P,
        "q": q or Q,
        "support": support,
    }


def _dro(
    divergence: Mapping[str, Any],
    cost: Any,
    epsilon: str | int,
    p: Any = None,
    phi: Any = None,
    kappa: str | int = 0,
) -> Any:
    """An instance of the DRO value, mode "reference"."""
    data = {"divergence": divergence, "cost": cost, "p": p or P, "phi": phi or PHI}
    return "dro", {**data, "epsilon": epsilon, "kappa": kappa, "support": "reference"}


def _coin(divergence: Mapping[str, Any], epsilon: str | int, p: Any = None) -> Any:
    """A coin with losses 0 and 1 that nothing moves."""
    return _dro(divergence, _rigid(2), epsilon, p or ["3/4", "1/4"], [0, 1])


def _root(of: Callable[[float], float], low: float, high: float) -> float:
    from scipy.optimize import brentq

    return float(brentq(of, low, high, xtol=1e-15, rtol=1e-15))


def _kl_coin(epsilon: float) -> float:
    """The worst probability of heads, 1/4 under P, in the KL ball."""
    return _root(lambda v: v * log(4 * v) + (1 - v) * log((1 - v) / 0.75) - epsilon, 0.25, 1 - 1e-15)


def _dual_of_moved(lam: float) -> float:
    """T8's dual function of the README's four points at `lam`."""
    p, phi = (0.4, 0.3, 0.2, 0.1), (0.0, 1.0, 4.0, 3.0)
    lifted = [max(phi[j] - lam * (i - j) ** 2 for j in range(4)) for i in range(4)]
    return lam / 4 + lam * log(sum(m * exp(h / lam) for m, h in zip(p, lifted, strict=True)))


# T12: losses (0, 1, 3) that move along DIRECTION; the gradient is the mean of DIRECTION under the worst case.
DIRECTION, STEP = (1, -1, 2), Fraction(1, 100)


def _along(sign: int) -> list[str]:
    return [str(loss + sign * STEP * slope) for loss, slope in zip(PHI, DIRECTION, strict=True)]


def _worst_mean(of: Sequence[float]) -> float:
    """The mean of `of` under the exponential weights that spend KL radius 1/10 on three equal losses (0, 1, 3)."""

    def weights(lam: float) -> list[float]:
        raw = [exp((loss - 3) / lam) for loss in PHI]
        return [w / sum(raw) for w in raw]

    lam = _root(lambda v: sum(w * log(3 * w) for w in weights(v) if w > 0) - 0.1, 0.1, 100)
    return sum(w * g for w, g in zip(weights(lam), of, strict=True))


def _batches(size: int) -> dict[str, Fraction]:
    """How often a batch of a coin with P(heads) = 3/4 shows each share of heads: file -> probability.

    The shares 0 and 1 have the values 0 and 1, which go into the constant.
    """
    chance = {k: comb(size, k) * Fraction(3**k, 4**size) for k in range(1, size)}
    return {f"heads_{k}_of_{size}": c for k, c in chance.items()}


def _all_heads(size: int) -> Fraction:
    return Fraction(3**size, 4**size)


def _expansion(epsilon: float, order: int) -> float:
    """T19 for KL on (P, PHI)."""
    p = [0.5, 0.3, 0.2]
    mean = sum(m * loss for m, loss in zip(p, PHI, strict=True))
    var, third = (sum(m * (loss - mean) ** k for m, loss in zip(p, PHI, strict=True)) for k in (2, 3))
    return mean + sqrt(2 * var * epsilon) + (third / (3 * var) * epsilon if order == 2 else 0.0)


def _neg(terms: Mapping[str, Number]) -> dict[str, Number]:
    return {name: -c for name, c in terms.items()}


def _convexity(name: str, divergence: Mapping[str, Any]) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """T14: two pairs (P, Q) and their midpoint."""
    ends = {
        "one": (["1/100", "99/100"], ["1/1000", "999/1000"]),
        "two": (["999/1000", "1/1000"], ["1/1000", "999/1000"]),
        "middle": (["1009/2000", "991/2000"], ["1/1000", "999/1000"]),
    }
    return {f"{name}_{end}": _dc(divergence, _rigid(2), p, q) for end, (p, q) in ends.items()}


_TWO = _dc(KL, [[0, "1/2"], ["1/2", 0]], ["1/2", "1/2"], ["1/4", "3/4"], "space")
_KEPT = 1 / (1 + exp(-0.5))  # T1 by hand: re-weight the second point to this, move the rest
_TWO_BY_HAND = log(2) + (1 - _KEPT) * log(1 - _KEPT) + _KEPT * log(_KEPT) + 0.5 * (0.75 - _KEPT)
_NARROW = {"divergence": KL, "cost": [[0, "1/5"], ["1/5", 0]], "p": ["1/2", "1/2"], "q": ["1/5", "4/5"]}
_STRIP = [[0, 1, 2], [1, 0, 1], [2, 1, 0]]
_SQUARES = [[0, 1, 4], [1, 0, 1], [4, 1, 0]]
_MIDDLE = ["3/10", "3/10", "2/5"]
_BALL = [[0, 0, None], [0, 0, 0], [None, 0, 0]]
_MULTIPLIER = sqrt(1.29 / 0.1) / 2  # T22: Pearson on (P, PHI), whose variance is 1.29, at radius 1/10
_CVAR, _ALL = {"name": "cvar", "beta": "1/2"}, {"name": "cvar", "beta": 1}
_RENYI = {"name": "renyi", "alpha": "5/2"}
_ADDED = [["0", "1", "1", "2"], ["1", "0", "2", "1"], ["1", "2", "0", "1"], ["2", "1", "1", "0"]]
_TWICE = {"p": ["1/4"] * 4, "q": ["1/64", "7/64", "7/64", "49/64"]}
_ONCE = {"p": ["1/2", "1/2"], "q": ["1/8", "7/8"]}
_UNIT = [[0, 1], [1, 0]]
_SHIFT = Fraction(1, 1000)  # T29: mass of Q moved from the first point to the third


def _shifted(sign: int) -> list[str]:
    return [str(Fraction(Q[0]) - sign * _SHIFT), Q[1], str(Fraction(Q[2]) + sign * _SHIFT)]


# T17: two samples of label 0 with three classes; the adversary moves every logit by -2, 0 or 2, all by the same
# rule of the hard ball. A state of the doubled space is (logits, moved logits), cost 0 inside the ball of its sample.
_NATURAL = ((1.0, 0.0, -1.0), (0.0, 0.5, -0.5))
_MOVES = ((0, 0, 0), *product((-2, 2), repeat=3))
_Logits = Sequence[float]


def _softmax(logits: _Logits) -> list[float]:
    weights = [exp(v) for v in logits]
    return [w / sum(weights) for w in weights]


def _divergence(natural: _Logits, moved: _Logits) -> float:
    return sum(f * log(f / g) for f, g in zip(_softmax(natural), _softmax(moved), strict=True))


def _cross_entropy(natural: _Logits, moved: _Logits) -> float:
    del natural
    return -log(_softmax(moved)[0])


def _trades(natural: _Logits, moved: _Logits) -> float:
    return -log(_softmax(natural)[0]) + 6 * _divergence(natural, moved)


def _mart(natural: _Logits, moved: _Logits) -> float:
    margin = -log(1 - max(_softmax(moved)[1:]))
    return (
        _cross_entropy(natural, moved) + margin + 6 * _divergence(natural, moved) * (1 - _softmax(natural)[0])
    )


def _reach(natural: _Logits) -> list[list[float]]:
    return [[v + step for v, step in zip(natural, move, strict=True)] for move in _MOVES]


_Loss = Callable[[_Logits, _Logits], float]


def _doubled(loss: _Loss) -> Any:
    """The DRO value on the doubled space: rows are the samples, columns all states that either can reach."""
    phi = [loss(natural, moved) for natural in _NATURAL for moved in _reach(natural)]
    cost = [[0 if j // len(_MOVES) == i else None for j in range(len(phi))] for i in range(2)]
    return _dro(KL, cost, "1/10", ["1/2", "1/2"], phi)


def _attacked(loss: _Loss, sought: _Loss) -> Any:
    """Re-weighting alone of the losses at the points where `sought` is largest."""
    found = [max(_reach(natural), key=lambda moved: sought(natural, moved)) for natural in _NATURAL]
    phi = [loss(natural, moved) for natural, moved in zip(_NATURAL, found, strict=True)]
    return _dro(KL, _rigid(2), "1/10", ["1/2", "1/2"], phi)


OFFERS: Mapping[str, Offer] = {
    "T1": Offer({"": _TWO}, [Claim("the value by hand", {"": 1}, _TWO_BY_HAND, SAME)]),
    "T2": Offer(
        {"": _TWO, "not_attained": _dc(KL, _rigid(2), ["1/2", "1/2"], [1, 0], "space")},
        [
            Claim("dual equals primal: the value by hand", {"": 1}, _TWO_BY_HAND, SAME),
            Claim(r"the supremum that is not attained is $\log2$", {"not_attained": 1}, log(2), SAME),
        ],
    ),
    "T3": Offer(
        {
            name: _dro(spec, _rigid(3), 100, THIRDS, PHI, 1)
            for name, spec in (("kl", KL), ("cvar", _CVAR), ("tv", TV))
        },
        [
            Claim(
                r"the ball of radius 100 is idle, so the value with $\kappa=1$ is $\Lambda[h]$: $\log\frac{1+e+e^3}3$ for KL",
                {"kl": 1},
                log((1 + exp(1) + exp(3)) / 3),
                SAME,
            ),
            Claim(r"$\tfrac73$ for CVaR at level $\tfrac12$", {"cvar": 1}, Fraction(7, 3), SAME),
            Claim(r"$\tfrac73$ for total variation", {"tv": 1}, Fraction(7, 3), SAME),
        ],
    ),
    "T4": Offer(
        {"": _dro(TV, _rigid(4), "1/10", ["1/4"] * 4, [0, 1, 2, 3])},
        [Claim(r"the value of $Q^*=(.15,.25,.25,.35)$", {"": 1}, Fraction(9, 5), SAME)],
    ),
    "T5": Offer(
        {"": _dro(NONE, [[0, "1/4", 1, "9/4", 4]], 100, [1], [0, "3/2", 3, "9/2", 6], 1)},
        [
            Claim(
                r"one point, $\varphi(y)=3y$, $c=y^2$, $y\in\{0,\tfrac12,\dots,2\}$, an idle ball and $\kappa=1$: the value is "
                r"$\varphi^c_1(0)=\tfrac94$, form (b)",
                {"": 1},
                Fraction(9, 4),
                SAME,
            )
        ],
    ),
    "T6": Offer(
        {"": ("dro", MOVED)}, [Claim(r"the dual function at $\lambda=3$", {"": 1}, _dual_of_moved(3.0), SAME)]
    ),
    "T7": Offer(
        {"": _coin({"name": "hellinger"}, "1/2")},
        [
            Claim(
                r"by hand $\sin^2(\tfrac\pi6+\arccos\tfrac34)$ (the ball is $\sqrt{\tfrac34(1-v)}+\sqrt{\tfrac14v}\ge\tfrac34$)",
                {"": 1},
                sin(pi / 6 + acos(0.75)) ** 2,
                SAME,
            )
        ],
    ),
    "T8": Offer(
        {"": _coin(KL, "1/2"), "past_the_threshold": _coin(KL, "7/5")},
        [
            Claim(r"the root of $v\log4v+(1-v)\log\tfrac{4(1-v)}3=\tfrac12$", {"": 1}, _kl_coin(0.5), SAME),
            Claim(
                r"$\tfrac75\ge\log4$, so $\lambda^*=0$ and heads alone is the worst case",
                {"past_the_threshold": 1},
                1,
                SAME,
            ),
        ],
    ),
    "T9": Offer(
        {
            "": _coin({"name": "alpha", "alpha": 2}, "1/10"),
            "clamped": _coin({"name": "alpha", "alpha": 2}, 2),
        },
        [
            Claim(
                r"$m+\sigma\sqrt{2\varepsilon}$ while no density is clamped",
                {"": 1},
                0.25 + sqrt(3 / 16 * 0.2),
                SAME,
            ),
            Claim(
                r"for $\varepsilon=2$ one is, and $m+\sigma\sqrt{2\varepsilon}$ is too much",
                {"clamped": -1},
                -(0.25 + sqrt(3 / 16 * 4)),
            ),
        ],
    ),
    "T10": Offer(
        {"": _coin({"name": "renyi", "alpha": 2}, "1/5", ["1/2", "1/2"])},
        [
            Claim(
                r"by hand $\tfrac12(1+\sqrt{1-e^{-2\varepsilon}})$",
                {"": 1},
                (1 + sqrt(1 - exp(-0.4))) / 2,
                SAME,
            )
        ],
    ),
    "T11": Offer(
        {"": ("dro", MOVED), "past_the_threshold": _coin(KL, "7/5")},
        [
            Claim(
                r"the plan in the file is the worst case: what it earns is the dual bound at $\lambda=3$",
                {"": 1},
                _dual_of_moved(3.0),
                SAME,
            ),
            Claim(
                r"at $\lambda^*=0$ the worst case is $P(\cdot\mid\operatorname{argmax})$, which earns 1",
                {"past_the_threshold": 1},
                1,
                SAME,
            ),
        ],
    ),
    "T12": Offer(
        {
            "at": _dro(KL, _rigid(3), "1/10", THIRDS),
            "forward": _dro(KL, _rigid(3), "1/10", THIRDS, _along(1)),
            "back": _dro(KL, _rigid(3), "1/10", THIRDS, _along(-1)),
        },
        [
            Claim(
                r"the value is convex in the losses, so quotients to both sides enclose the derivative along $(1,-1,2)$. "
                r"The forward one lies above $E_{Q^*}$ of that direction",
                {"forward": 1 / STEP, "at": -1 / STEP},
                _worst_mean(DIRECTION),
            ),
            Claim(
                "the backward one below",
                {"at": -1 / STEP, "back": 1 / STEP},
                -_worst_mean(DIRECTION),
            ),
        ],
    ),
    "T13": Offer(
        {
            "both": _dro(KL, LINE, "1/10"),
            "weights_only": _dro(KL, _rigid(3), "1/10"),
            "transport": _dro(NONE, LINE, "1/10"),
            "dc": _dc(KL, LINE),
            "d": _dc(KL, _rigid(3)),
            "c": _dc(NONE, LINE),
        },
        [
            Claim("both ways together gain more than re-weighting alone", {"both": 1, "weights_only": -1}),
            Claim("and more than transport alone", {"both": 1, "transport": -1}),
            Claim(r"$D^c<D$ here", {"d": 1, "dc": -1}),
            Claim(r"$D^c<C$ here", {"c": 1, "dc": -1}),
        ],
    ),
    "T14": Offer(
        {**_convexity("kl", KL), **_convexity("renyi", _RENYI)},
        [
            Claim(
                "KL: the middle lies below the mean of the ends",
                {"kl_one": Fraction(1, 2), "kl_two": Fraction(1, 2), "kl_middle": -1},
            ),
            Claim(
                r"Rényi with $\alpha=\tfrac52$: it lies *above*, a proof that joint convexity fails",
                {"renyi_middle": 1, "renyi_one": Fraction(-1, 2), "renyi_two": Fraction(-1, 2)},
            ),
        ],
    ),
    "T15": Offer(
        {
            "d": _dc(KL, _rigid(3)),
            "c": _dc(NONE, LINE),
            "r_100": _dc(KL, _times(LINE, Fraction(100))),
            "r_001": _dc(KL, _times(LINE, Fraction(1, 1000))),
            "cvar_r_001": _dc(_CVAR, _times(LINE, Fraction(1, 1000))),
        },
        [
            Claim(r"at $r=100$ the value is $D$", {"r_100": 1, "d": -1}, 0, SAME),
            Claim(r"at $r=0.001$, divided by $r$, it is nearly $C$", {"c": 1, "r_001": -1000}, 0, 1e-3),
            Claim("for CVaR it is not: it falls short of $C$", {"c": 1, "cvar_r_001": -1000}),
        ],
    ),
    "T16": Offer(
        {
            "weights_only": _dro(KL, _rigid(3), "1/10"),
            "transport": _dro(NONE, LINE, "1/10"),
            "r_100": _dro(KL, _times(LINE, Fraction(100)), "1/10"),
            "r_001": _dro(KL, _times(LINE, Fraction(1, 1000)), "1/10000"),
            "cvar_r_001": _dro(_CVAR, _times(LINE, Fraction(1, 1000)), "1/10000"),
        },
        [
            Claim(
                r"radius $\varepsilon$, $r=100$: re-weighting alone, nearly",
                {"r_100": 1, "weights_only": -1},
                0,
                1e-2,
            ),
            Claim(
                r"radius $r\varepsilon$, $r=0.001$: transport alone, nearly",
                {"r_001": 1, "transport": -1},
                0,
                2e-2,
            ),
            Claim("for CVaR it is not", {"cvar_r_001": 1, "transport": -1}, Fraction(1, 10)),
        ],
    ),
    "T17": Offer(
        {
            "trades": _doubled(_trades),
            "trades_attacked": _attacked(_trades, _divergence),
            "mart": _doubled(_mart),
            "mart_attacked": _attacked(_mart, _cross_entropy),
            "cvar_1": _dro(_ALL, _SQUARES, "1/10"),
            "transport": _dro(NONE, _SQUARES, "1/10"),
            "tiny_radius": _dro(KL, _BALL, "1/10000000"),
        },
        [
            Claim(
                "TRADES on the doubled space is re-weighting of its losses at the points of largest KL, which its own attack seeks",
                {"trades": 1, "trades_attacked": -1},
                0,
                SAME,
            ),
            Claim(
                "MART on the doubled space is more than its losses give at the points of largest cross-entropy, which its "
                "published attack seeks",
                {"mart": 1, "mart_attacked": -1},
            ),
            Claim(r"CVaR with $\beta=1$ is OT-DRO", {"cvar_1": 1, "transport": -1}, 0, SAME),
            Claim(
                r"hard ball, $\varepsilon=10^{-7}$: the mean adversarial loss $2$ of plain adversarial training, nearly",
                {"tiny_radius": 1},
                2,
                1e-3,
            ),
        ],
    ),
    "T18": Offer(
        {
            "kl": _dc(KL, _UNIT, ["1/2", "1/2"], ["2/5", "3/5"]),
            "hard_ball": _dc(KL, [[0, 0], [0, 0]], ["1/2", "1/2"], ["2/5", "3/5"]),
            "cvar": _dc(_CVAR, _UNIT, ["1/2", "1/2"], ["2/5", "3/5"]),
        },
        [
            Claim(r"$D^c>0$ for $Q\ne P$", {"kl": 1}),
            Claim(
                r"with a hard ball, in which $c=0$ off the diagonal, it is 0 for $Q\ne P$",
                {"hard_ball": 1},
                0,
                SAME,
            ),
            Claim("with CVaR too", {"cvar": 1}, 0, SAME),
        ],
    ),
    "T19": Offer(
        {"": _dro(KL, _rigid(3), "1/10000")},
        [
            Claim(
                r"the second-order expansion, up to $10\,\varepsilon^{3/2}$",
                {"": 1},
                _expansion(1e-4, 2),
                10 * 1e-6,
            ),
            Claim("the first-order one lies below", {"": 1}, _expansion(1e-4, 1)),
        ],
    ),
    "T20": Offer(
        {
            "one": _dro({"name": "hellinger"}, LINE, "1/10", None, [0, 1, 3], "1/4"),
            "scaled": _dro({"name": "hellinger"}, LINE, "1/10", None, [3, 13, 33], "5/2"),
            "kappa_kept": _dro({"name": "hellinger"}, LINE, "1/10", None, [3, 13, 33], "1/4"),
        },
        [
            Claim(r"$V_{10\kappa}(10\varphi+3)=10\,V_\kappa(\varphi)+3$", {"scaled": 1, "one": -10}, 3, 1e-7),
            Claim(r"with $\kappa$ left as it is, it is more", {"kappa_kept": 1, "one": -10}, 3),
        ],
    ),
    "T21": Offer(
        {
            "data_set": _coin(KL, "1/10", ["1/4", "3/4"]),
            "heads_1_of_2": _coin(KL, "1/10", ["1/2", "1/2"]),
        },
        [
            Claim(
                r"batches of two are all tails, mixed or all heads with probabilities $\tfrac1{16},\tfrac6{16},\tfrac9{16}$ "
                "and values 0, the second file's, 1: their mean lies below the value of the data set",
                {"data_set": 1, **_neg(_batches(2))},
                _all_heads(2),
            )
        ],
    ),
    "T22": Offer(
        {
            "at": _dro(PEARSON, _rigid(3), "1/10"),
            "more": _dro(PEARSON, _rigid(3), "11/100"),
            "less": _dro(PEARSON, _rigid(3), "9/100"),
            "penalty": _dro(PEARSON, _rigid(3), "1/10", None, None, 1),
        },
        [
            Claim(
                r"the value is concave in $\varepsilon$, so quotients to both sides enclose the slope. By hand "
                r"$\lambda^*=\sigma/(2\sqrt\varepsilon)$, which lies above the one to the right",
                {"more": -100, "at": 100},
                -_MULTIPLIER,
            ),
            Claim("and below the one to the left", {"at": 100, "less": -100}, _MULTIPLIER),
            Claim(
                r"$\kappa=1<\lambda^*_0$ leaves the ball used up: $V_1=V_0-\varepsilon$",
                {"penalty": 1, "at": -1},
                Fraction(-1, 10),
                SAME,
            ),
        ],
    ),
    "T23": Offer(
        {
            "data_set": _coin(KL, "1/10", ["1/4", "3/4"]),
            "heads_1_of_2": _coin(KL, "1/10", ["1/2", "1/2"]),
            "heads_1_of_3": _coin(KL, "1/10", ["2/3", "1/3"]),
            "heads_2_of_3": _coin(KL, "1/10", ["1/3", "2/3"]),
        },
        [
            Claim(
                r"$E\,V(P_B)$ from $B=1$ (it is $\tfrac34$) to $B=2$",
                _batches(2),
                Fraction(3, 4) - _all_heads(2),
            ),
            Claim(
                r"from $B=2$ to $B=3$",
                {**_batches(3), **_neg(_batches(2))},
                _all_heads(2) - _all_heads(3),
            ),
            Claim(r"from $B=3$ to the data set", {"data_set": 1, **_neg(_batches(3))}, _all_heads(3)),
        ],
    ),
    "T24": Offer(
        {
            "metric": _dc(KL, _STRIP),
            "to_middle": _dc(KL, _STRIP, P, _MIDDLE),
            "onward": _dc(NONE, _STRIP, _MIDDLE, Q),
            "squares": _dc(KL, _SQUARES, [1, 0, 0], [0, 0, 1]),
            "squares_to_middle": _dc(KL, _SQUARES, [1, 0, 0], [0, 1, 0]),
            "squares_onward": _dc(NONE, _SQUARES, [0, 1, 0], [0, 0, 1]),
        },
        [
            Claim(r"a metric: $D^c(Q\|P)<D^c(Q'\|P)+C(Q',Q)$", {"to_middle": 1, "onward": 1, "metric": -1}),
            Claim(
                "squared distances, which break the triangle inequality: the opposite",
                {"squares": 1, "squares_to_middle": -1, "squares_onward": -1},
            ),
        ],
    ),
    "T25": Offer(
        {
            "tv": _dc(TV, [[0, "1/2", 3], ["1/2", 0, 2], [3, 2, 0]], ["1/2", "1/2", 0], Q, "space"),
            "truncated": _dc(NONE, [[0, "1/2", 1], ["1/2", 0, 1], [1, 1, 0]], ["1/2", "1/2", 0], Q),
        },
        [Claim(r"$\mathrm{TV}^c=C_{\min(c,1)}$", {"tv": 1, "truncated": -1}, 0, SAME)],
    ),
    "T26": Offer(
        {
            "before": _dc(KL, [[0, "1/5", "2/5"], ["1/5", 0, "1/5"], ["2/5", "1/5", 0]]),
            "merged": ("divergence", {**_NARROW, "support": "reference"}),
            "stretched": _dc(KL, [[0, "3/5", "6/5"], ["3/5", 0, "3/5"], ["6/5", "3/5", 0]]),
        },
        [
            Claim("merging two points loses", {"before": 1, "merged": -1}),
            Claim("a map that lengthens distances gains", {"stretched": 1, "before": -1}),
        ],
    ),
    "T27": Offer(
        {
            "kl": _dc(KL, _UNIT, **_ONCE),
            "kl_product": _dc(KL, _ADDED, **_TWICE),
            "tv": _dc(TV, _UNIT, **_ONCE),
            "tv_product": _dc(TV, _ADDED, **_TWICE),
        },
        [
            Claim("KL adds", {"kl_product": 1, "kl": -2}, 0, SAME),
            Claim("total variation of the product is strictly smaller", {"tv": 2, "tv_product": -1}),
        ],
    ),
    "T28": Offer(
        {
            "pearson": _dc({"name": "pearson"}, LINE),
            "alpha_2": _dc({"name": "alpha", "alpha": 2}, _times(LINE, Fraction(1, 2))),
            "hellinger": _dc({"name": "hellinger"}, LINE),
            "alpha_half": _dc({"name": "alpha", "alpha": "1/2"}, _times(LINE, Fraction(2))),
        },
        [
            Claim(r"Pearson $=2\,\alpha(2)$, the cost halved", {"pearson": 1, "alpha_2": -2}, 0, SAME),
            Claim(
                r"Hellinger $=\tfrac12\,\alpha(\tfrac12)$, the cost doubled",
                {"hellinger": 1, "alpha_half": Fraction(-1, 2)},
                0,
                SAME,
            ),
        ],
    ),
    "T29": Offer(
        {
            "at": _dc(KL, _rigid(3)),
            "more": _dc(KL, _rigid(3), P, _shifted(1)),
            "less": _dc(KL, _rigid(3), P, _shifted(-1)),
            "line": _dc(KL, LINE),
            "line_more": _dc(KL, LINE, P, _shifted(1)),
        },
        [
            Claim(
                r"$D^c$ is convex in $Q$, so quotients to both sides, moving 0.001 of mass from the first point to the third, "
                r"enclose the slope. Where nothing moves $g^*=\log\tfrac qp$ by hand, and $g^*_3-g^*_1=2\log\tfrac52$ lies below "
                "the forward one",
                {"more": 1 / _SHIFT, "at": -1 / _SHIFT},
                2 * log(2.5),
            ),
            Claim("and above the backward one", {"at": -1 / _SHIFT, "less": 1 / _SHIFT}, -2 * log(2.5)),
            Claim(
                r"where the way over the middle point is used, the slope is the price of that way, $\tfrac15+\tfrac15$",
                {"line_more": 1 / _SHIFT, "line": -1 / _SHIFT},
                Fraction(2, 5),
                SAME,
            ),
        ],
    ),
}
