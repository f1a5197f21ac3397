"""Certificates: proved intervals are accepted, tampered fields rejected, the formulas hold by themselves."""

import copy
import json
import math
import subprocess
import sys
from fractions import Fraction
from functools import cache
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from flint import arb, ctx, fmpq
from hypothesis import given
from hypothesis import strategies as st

from verification.certificate.checker import PRECISION, Rejected, bounds, check
from verification.certificate.formulas import PARAMETERS, formula
from verification.instance import from_mapping
from verification.solve import divergence, dro

SPECS: list[dict[str, str]] = [
    {"name": "kl"},
    {"name": "reverse_kl"},
    {"name": "alpha", "alpha": "5/2"},
    {"name": "alpha", "alpha": "1/2"},
    {"name": "alpha", "alpha": "-3/2"},
    {"name": "pearson"},
    {"name": "neyman"},
    {"name": "tv"},
    {"name": "hellinger"},
    {"name": "js"},
    {"name": "triangular"},
    {"name": "jeffreys"},
    {"name": "cvar", "beta": "3/10"},
    {"name": "renyi", "alpha": "5/2"},
    {"name": "renyi", "alpha": "1/2"},
    {"name": "none"},
]
IDS = [" ".join(spec.values()) for spec in SPECS]
BASE: dict[str, Any] = {
    "cost": [
        [0, "0.7", None, "2.1"],
        ["0.7", 0, "0.4", "1.3"],
        [None, "0.4", 0, "0.9"],
        ["2.1", "1.3", "0.9", 0],
    ],
    "p": ["1/3", "1/6", "1/2", 0],
    "q": ["0.1", "0.3", "0.35", "0.25"],
    "phi": ["0.2", "1.3", "-0.6", "2.5"],
    "epsilon": "0.15",
    "kappa": "0.1",
}  # fmt: skip


def certificate(kind: str, spec: dict[str, str], support: str = "reference") -> Any:
    instance = from_mapping(BASE | {"divergence": spec, "support": support})
    solution = divergence(instance) if kind == "divergence" else dro(instance)
    assert solution.gap <= 1e-9 * max(1.0, abs(solution.value))
    # What the checker sees is what a file holds.
    return json.loads(json.dumps(solution.certificate()))


@pytest.mark.parametrize("support", ["reference", "space"])
@pytest.mark.parametrize("kind", ["divergence", "dro"])
@pytest.mark.parametrize("spec", SPECS, ids=IDS)
def test_catalogue_is_certified_and_accepted(spec: dict[str, str], kind: str, support: str) -> None:
    verdict = check(certificate(kind, spec, support))
    assert verdict.accepted, verdict.reason
    assert verdict.grade == "enclosed"
    assert verdict.width <= 1e-9 * max(1.0, abs(verdict.lower))


def moved(text: str, by: Fraction) -> str:
    value = Fraction(text) + by
    return f"{value.numerator}/{value.denominator}"


def tampered(good: Any) -> list[tuple[str, Any]]:
    """One copy per field, each changed for the worse."""
    result: list[tuple[str, Any]] = []

    def change(name: str, action: Any) -> None:
        bad = copy.deepcopy(good)
        action(bad)
        result.append((name, bad))

    data = good["instance"]
    step = Fraction(1, 10**6)
    for name in ("p", "q"):
        if name in data:
            for k in range(4):
                change(f"{name}[{k}]", lambda c, n=name, k=k: c["instance"][n].__setitem__(
                    k, moved(c["instance"][n][k], step)))  # fmt: skip
    for entry in good["lower" if good["kind"] == "dro" else "upper"]["plan"]:
        i, j, _ = entry
        index = good["lower" if good["kind"] == "dro" else "upper"]["plan"].index(entry)
        side = "lower" if good["kind"] == "dro" else "upper"
        change(f"plan mass {i},{j}", lambda c, s=side, k=index: c[s]["plan"][k].__setitem__(
            2, moved(c[s]["plan"][k][2], step)))  # fmt: skip
        change(f"negative mass {i},{j}", lambda c, s=side, k=index: c[s]["plan"][k].__setitem__(
            2, "-" + c[s]["plan"][k][2]))  # fmt: skip
        change(f"index of {i},{j}", lambda c, s=side, k=index: c[s]["plan"][k].__setitem__(0, 7))
        change(f"arc cost {i},{j}", lambda c, i=i, j=j: c["instance"]["cost"][i].__setitem__(
            j, moved(c["instance"]["cost"][i][j], step)))  # fmt: skip
        change(f"infinite arc {i},{j}", lambda c, i=i, j=j: c["instance"]["cost"][i].__setitem__(j, None))
    change("claimed lower", lambda c: c["claim"].__setitem__("lower", moved(c["claim"]["lower"], step)))
    change("claimed upper", lambda c: c["claim"].__setitem__("upper", moved(c["claim"]["upper"], -step)))
    change("claimed lower inf", lambda c: c["claim"].__setitem__("lower", "inf"))
    change("claim missing", lambda c: c.pop("claim"))
    change("instance missing", lambda c: c.pop("instance"))
    change("lower missing", lambda c: c.pop("lower"))
    change("upper missing", lambda c: c.pop("upper"))
    change("format", lambda c: c.__setitem__("format", "armor-d-certificate 2"))
    change("kind", lambda c: c.__setitem__("kind", "dro" if c["kind"] == "divergence" else "divergence"))
    change("divergence", lambda c: c["instance"].__setitem__("divergence", {"name": "js"}))
    change("unknown divergence", lambda c: c["instance"].__setitem__("divergence", {"name": "k"}))
    change("unknown field", lambda c: c["instance"].__setitem__("comment", "0"))
    change("support", lambda c: c["instance"].__setitem__("support", "elsewhere"))
    change("number", lambda c: c["instance"]["p"].__setitem__(0, 0.25))
    change("nan", lambda c: c["instance"]["p"].__setitem__(0, "nan"))
    change("negative cost", lambda c: c["instance"]["cost"][0].__setitem__(1, "-1"))
    change("ragged cost", lambda c: c["instance"]["cost"][0].append("1"))
    if good["kind"] == "divergence":
        for k, value in enumerate(data["q"]):
            if Fraction(value) > 0:
                # On its own a price may only fall: raised, it breaks the optimal transform elsewhere.
                change(f"price {k}", lambda c, k=k: c["lower"]["g"].__setitem__(
                    k, moved(c["lower"]["g"][k], -step)))  # fmt: skip
                change(f"raised price {k}", lambda c, k=k: c["lower"]["g"].__setitem__(
                    k, moved(c["lower"]["g"][k], step)))  # fmt: skip
                change(f"infinite price {k}", lambda c, k=k: c["lower"]["g"].__setitem__(k, "-inf"))
    else:
        change("smaller epsilon", lambda c: c["instance"].__setitem__(
            "epsilon", moved(c["instance"]["epsilon"], -step)))  # fmt: skip
        change("larger epsilon", lambda c: c["instance"].__setitem__(
            "epsilon", moved(c["instance"]["epsilon"], step)))  # fmt: skip
        change("negative epsilon", lambda c: c["instance"].__setitem__("epsilon", "-1"))
        for by in (Fraction(1, 100), Fraction(-1, 100)):
            change(f"rho {by}", lambda c, by=by: c["upper"].__setitem__("rho", moved(c["upper"]["rho"], by)))
            change(f"lambda {by}", lambda c, by=by: c["upper"].__setitem__(
                "lambda", moved(c["upper"]["lambda"], by)))  # fmt: skip
        change("kappa", lambda c: c["instance"].__setitem__("kappa", moved(c["instance"]["kappa"], step)))
        change("negative kappa", lambda c: c["instance"].__setitem__("kappa", "-1"))
        worst = max(good["lower"]["plan"], key=lambda entry: Fraction(entry[2]))[1]
        change("smaller loss", lambda c: c["instance"]["phi"].__setitem__(
            worst, moved(c["instance"]["phi"][worst], -step)))  # fmt: skip
        change("larger loss", lambda c: c["instance"]["phi"].__setitem__(
            worst, moved(c["instance"]["phi"][worst], step)))  # fmt: skip
    return result


@pytest.mark.parametrize("kind", ["divergence", "dro"])
@pytest.mark.parametrize("name", ["kl", "pearson", "hellinger"])
def test_every_tampered_field_is_rejected(kind: str, name: str) -> None:
    good = certificate(kind, {"name": name})
    accepted = [field for field, bad in tampered(good) if check(bad).accepted]
    assert check(good).accepted
    assert accepted == []


@pytest.mark.parametrize("bad", [None, 3, [], "x", {}, {"format": "armor-d-certificate 1"}])
def test_what_is_no_certificate_is_rejected(bad: Any) -> None:
    verdict = check(bad)
    assert not verdict.accepted
    assert verdict.grade == "none"


@cache
def shared(name: str) -> Any:
    return certificate("dro", {"name": name}, "space")


@given(
    name=st.sampled_from(["kl", "tv", "hellinger", "pearson"]),
    lam=st.fractions(min_value=0, max_value=10),
    rho=st.fractions(min_value=-5, max_value=5),
)
def test_no_multipliers_prove_less_than_the_truth(name: str, lam: Fraction, rho: Fraction) -> None:
    """Weak duality: whatever the multipliers, the upper bound stays above the proved lower bound."""
    bad = shared(name) | {"upper": {"lambda": str(lam), "rho": str(rho)}}
    with ctx.workprec(PRECISION):
        try:
            low, high = bounds(bad)
        except Rejected:  # the recession constraint of T7 is violated: nothing is proved
            return
        assert not high < low


@pytest.mark.parametrize(
    "spec", [s for s in SPECS if s["name"] != "renyi"], ids=lambda s: " ".join(s.values())
)
def test_conjugate_table_is_the_supremum(spec: dict[str, str]) -> None:
    """f*(y) of the checker's table against `sup_t {t y - f(t)}` over a grid, and attained at the best t."""
    with ctx.workprec(PRECISION):
        table = formula(spec)
        low, high = table.domain
        exact = [Fraction(2.0 ** (k / 12)) for k in range(-240, 241)]
        grid = [fmpq(t.numerator, t.denominator) for t in exact] + [low] + ([] if high is None else [high])
        values = [(t, table.information([fmpq(1)], [t], fmpq(0))) for t in grid]
        finite = [(t, v) for t, v in values if v.is_finite()]
        for y in [fmpq(k, 8) for k in range(-24, 12, 3)]:
            if not bool(arb(y) < table.recession):
                continue
            star = float(table.dual([fmpq(1)], [y]))
            best = max(float(arb(t * y) - v) for t, v in finite)
            assert best <= star + 1e-12
            assert star - best < 2e-3 * max(1.0, abs(star))


@pytest.mark.parametrize("alpha", ["5/2", "1/2"])
def test_renyi_table(alpha: str) -> None:
    """`R_alpha(P||eta)` against its definition in mpmath, and Fenchel-Young for `J`."""
    table = formula({"name": "renyi", "alpha": alpha})
    a = mp.mpf(Fraction(alpha).numerator) / Fraction(alpha).denominator
    p, eta = [fmpq(1, 3), fmpq(2, 3)], [fmpq(1, 5), fmpq(4, 5)]
    pairs = list(zip(p, eta, strict=True))
    terms = [(mp.mpf(int(w.p)) / int(w.q)) ** a * (mp.mpf(int(e.p)) / int(e.q)) ** (1 - a) for w, e in pairs]
    expected = mp.log(sum(terms)) / (a * (a - 1))
    assert abs(float(table.information(p, eta, fmpq(0))) - float(expected)) < 1e-12
    rng = np.random.default_rng(1)
    for _ in range(50):
        y = [fmpq(-int(v), 1000) for v in rng.integers(1, 4000, size=2)]
        mean = sum((arb(e * v) for e, v in zip(eta, y, strict=True)), arb(0))
        gain = mean - table.information(p, eta, fmpq(0))
        assert float(table.dual(p, y)) >= float(gain) - 1e-12  # Lambda[h] = inf_rho rho + J(h - rho)


def test_parameters_out_of_range_are_refused() -> None:
    bad: list[dict[str, str]] = [
        {"name": "alpha", "alpha": "1"},
        {"name": "cvar", "beta": "2"},
        {"name": "renyi", "alpha": "0"},
        {"name": "kl", "alpha": "2"},
        {"name": "alpha"},
        {"name": "unheard of"},
    ]
    for spec in bad:
        with pytest.raises(ValueError, match=r"."):
            formula(spec)
    assert set(PARAMETERS) >= {"kl", "renyi", "none"}


def test_checker_imports_neither_solver_nor_symbolic_layer() -> None:
    code = (
        "import sys, verification.certificate.checker\n"
        "bad = {'sympy', 'cvxpy', 'scipy', 'numpy', 'torch', 'theory', 'armor'} & set(sys.modules)\n"
        "sys.exit(repr(bad) if bad else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_checker_core_is_below_200_lines() -> None:
    import verification.certificate.checker as core

    with open(core.__file__, encoding="utf-8") as stream:
        assert sum(1 for _ in stream) < 200


def test_infinite_and_empty_values_are_certified() -> None:
    blocked = from_mapping({"divergence": "kl", "cost": [[0, None], [None, 0]], "p": [1, 0], "q": [0, 1],
                            "support": "space"})  # fmt: skip
    solution = divergence(blocked)
    assert solution.lower == math.inf
    assert check(solution.certificate()).accepted
    dear = from_mapping({"divergence": "kl", "cost": [[1, 2], [2, 3]], "p": [0.5, 0.5], "phi": [1, 2],
                         "epsilon": 0.1, "support": "reference"})  # fmt: skip
    empty = dro(dear)
    assert empty.upper == -math.inf
    assert check(empty.certificate()).accepted
    forged = copy.deepcopy(dict(empty.certificate()))
    forged["instance"] = dict(forged["instance"]) | {"epsilon": "5"}
    assert not check(forged).accepted


def test_an_infinite_value_keeps_its_infinite_lower_end() -> None:
    mapping = {
        "divergence": {"name": "kl"},
        "cost": [[0, None], [None, 0]],
        "p": [1, 0],
        "q": [0.5, 0.5],
        "support": "reference",
    }
    verdict = check(divergence(from_mapping(mapping)).certificate())
    assert verdict.accepted
    assert (verdict.lower, verdict.upper, verdict.width) == (math.inf, math.inf, 0.0)
