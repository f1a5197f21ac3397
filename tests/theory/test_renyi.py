"""The contract of the Renyi divergences, which have a conjugate of their own and no f."""

from itertools import pairwise
from math import exp, inf, log

import mpmath as mp
import numpy as np
import pytest

from theory.catalogue import any_divergence
from theory.evidence import Outcome
from theory.finite import Finite
from theory.renyi import Renyi
from theory.statement import derive

_P, _H = (0.4, 0.25, 0.35), (0.2, 1.1, -0.3)
_ALPHAS = ("1/1000", "1/2", "999999/1000000", "1000001/1000000", "5/2", "40")


def _renyi(alpha: object) -> Renyi:
    found = any_divergence({"name": "renyi", "alpha": alpha})
    assert isinstance(found, Renyi)
    return found


def _laws(count: int) -> list[tuple[float, ...]]:
    rng = np.random.default_rng(20230915)
    return [tuple(map(float, row)) for row in rng.dirichlet((0.8, 0.8, 0.8), size=count) * 0.9997 + 1e-4]


class TestRenyi:
    """What a divergence with a conjugate satisfies; every alpha of the range, close to its ends."""

    @pytest.mark.parametrize("alpha", _ALPHAS)
    def test_value_against_fifty_digits(self, alpha: str) -> None:
        d = _renyi(alpha)
        with mp.workdps(50):
            a = mp.mpf(int(d.alpha.p)) / int(d.alpha.q)
            for eta in _laws(5):
                exact = mp.log(
                    sum(mp.mpf(p) * (mp.mpf(e) / mp.mpf(p)) ** (1 - a) for p, e in zip(_P, eta, strict=True))
                    / sum(mp.mpf(p) for p in _P)
                ) / (a * (a - 1))
                assert d.value(_P, eta) == pytest.approx(float(exact), rel=1e-9, abs=1e-13)

    @pytest.mark.parametrize("alpha", _ALPHAS)
    def test_fenchel_young_with_equality_at_the_weights(self, alpha: str) -> None:
        """E_eta[h] - R(P||eta) <= Lambda[h] for every eta, with equality at the worst one."""
        d = _renyi(alpha)
        found = d.reweight(_P, _H)
        assert found.primal == pytest.approx(found.dual, abs=1e-8)
        for eta in (_P, *_laws(20)):
            value = sum(e * h for e, h in zip(eta, _H, strict=True)) - d.value(_P, eta)
            assert value <= found.dual + 1e-9

    @pytest.mark.parametrize("alpha", _ALPHAS)
    def test_conjugate_is_a_translation_and_monotone(self, alpha: str) -> None:
        d = _renyi(alpha)
        base = d.reweight(_P, _H).dual
        assert d.reweight(_P, [h + 2.5 for h in _H]).dual == pytest.approx(base + 2.5, abs=1e-8)
        assert d.reweight(_P, [0.2, 1.3, -0.3]).dual >= base
        assert d.reweight(_P, [0.7] * 3).dual == pytest.approx(0.7, abs=1e-8)  # Lambda of a constant

    @pytest.mark.parametrize("alpha", ["1/2", "5/2"])
    def test_singular_mass_where_a_high_point_is_out_of_reach(self, alpha: str) -> None:
        near, far = (_renyi(alpha).reweight(_P, _H, ceiling=c) for c in (max(_H), 5.0))
        assert near.singular == 0
        assert far.singular > 0.05
        assert far.primal == pytest.approx(far.dual, abs=1e-8)
        assert far.dual > near.dual + 0.1

    def test_infinite_for_alpha_above_one_where_mass_vanishes(self) -> None:
        assert _renyi("5/2").value((0.5, 0.5), (1.0, 0.0)) == inf
        assert _renyi("1/2").value((0.5, 0.5), (1.0, 0.0)) == pytest.approx(-4 * log(2**-0.5))

    @pytest.mark.parametrize("alpha", [0.1, 0.25, 0.75])
    def test_a_vanishing_weight_is_the_limit_of_small_ones(self, alpha: float) -> None:
        d, p = _renyi(alpha), (0.3, 0.3, 0.4)
        exact = log(0.3**alpha * 0.6 ** (1 - alpha) + 0.4**alpha * 0.4 ** (1 - alpha)) / (alpha * (alpha - 1))
        assert d.value(p, (0.6, 0.0, 0.4)) == pytest.approx(exact, rel=1e-12)
        assert d.value(p, (0.6, 1e-300, 0.4)) == pytest.approx(exact, rel=1e-9)

    def test_ordered_in_alpha_as_power_means(self) -> None:
        """alpha R_alpha rises with alpha: it is log of a power mean of dP/d eta."""
        for eta in _laws(10):
            values = [float(_renyi(a).alpha) * _renyi(a).value(_P, eta) for a in _ALPHAS]
            assert all(x <= y + 1e-9 for x, y in pairwise(values))

    def test_tends_to_reverse_kl(self) -> None:
        reverse = Finite(any_divergence("reverse_kl"), _P)
        for eta in _laws(5):
            for alpha in _ALPHAS[2:4]:
                assert _renyi(alpha).value(_P, eta) == pytest.approx(
                    reverse.divergence_from(eta), rel=1e-4, abs=1e-9
                )

    @pytest.mark.parametrize("alpha", ["1/1000", "9/10", "11/10", "20"])
    def test_dual_formulas_hold_over_the_range(self, alpha: str) -> None:
        for item in derive({"name": "renyi", "alpha": alpha}, ["T2", "T3", "T4", "T6", "T10", "T11"]):
            assert item.outcome is Outcome.HOLDS, [(r.number, r.detail) for r in item.run_checks()]


def test_hard_ball_of_renyi_is_one_of_alpha() -> None:
    """T28: the Renyi-a ball of radius eps is an alpha-(1-a) ball, of radius (e^(a(a-1) eps) - 1)/(a(a-1))."""
    rigid = [[0.0 if i == j else inf for j in range(3)] for i in range(3)]
    for a in (0.5, 2.5):
        eps = 0.15
        one = Finite(_renyi(a), _P).dro(_H, rigid, eps, 0.0)
        radius = (exp(a * (a - 1) * eps) - 1) / (a * (a - 1))
        other = Finite(any_divergence({"name": "alpha", "alpha": 1 - a}), _P).dro(_H, rigid, radius, 0.0)
        assert one.upper == pytest.approx(other.lower, abs=1e-8)
