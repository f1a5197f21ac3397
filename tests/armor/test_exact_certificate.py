"""Large certificates: written from a solution, graded without a solver, refused after a change."""

import numpy as np
import pytest

from armor.errors import InputError
from armor.exact import divergence
from armor.exact.certificate import large_certificate, save_certificate
from verification.certificate.archive import load_large

large = pytest.importorskip("verification.certificate.large")

SPECS = ["kl", "hellinger", "tv", "neyman", {"name": "renyi", "alpha": 2.5}, {"name": "cvar", "beta": 0.4}]


def _certificate(spec, support, dimension=2, n=160, m=140):
    rng = np.random.default_rng(0)
    x, y = rng.random((n, dimension)), rng.random((m, dimension)) * 0.8 + 0.3
    p, q = rng.dirichlet(np.full(n, 3.0)), rng.dirichlet(np.full(m, 3.0))
    solution = divergence(spec, "sqeuclidean", p, q, x=x, y=y, support=support)
    return solution, large_certificate(solution, spec, "sqeuclidean", p, q, x=x, y=y, support=support)


@pytest.mark.parametrize("support", ["space", "reference"])
@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_accepted_and_narrow(spec, support, tmp_path):
    solution, fields = _certificate(spec, support)
    save_certificate(tmp_path / "c.npz", fields)
    verdict = large.check_large(load_large(tmp_path / "c.npz"))
    assert verdict.accepted, verdict.reason
    assert verdict.grade == "enclosed"
    assert verdict.width <= 2e-9
    assert verdict.lower <= solution.upper
    assert solution.lower <= verdict.upper


def test_wide_points_and_matrices():
    solution, fields = _certificate("kl", "space", dimension=50)
    verdict = large.check_large(fields)
    assert verdict.accepted
    assert verdict.width <= 2e-8 * solution.value
    cost = np.random.default_rng(1).random((30, 20))
    p, q = np.full(30, 1 / 30), np.full(20, 1 / 20)
    matrix = divergence("kl", cost, p, q)
    fields = large_certificate(matrix, "kl", cost, p, q, support="space")
    assert large.check_large(fields).accepted


CHANGES = {
    "format": lambda v: v + "x",
    "divergence": lambda v: v.replace("hellinger", "kl"),
    "support": lambda _: "reference",
    "cost": lambda v: v.replace("1.0", "0.9"),
    "x": lambda v: v + 0.01,
    "y": lambda v: v * 1.01,
    "p": lambda v: np.roll(v, 1),
    "q": lambda v: np.roll(v, 1),
    "g": lambda v: v - 0.01 * np.arange(len(v)) / len(v),
    "rows": lambda v: np.roll(v, 1),
    "columns": lambda v: np.roll(v, 1),
    "mass": lambda v: np.roll(v, 1),
    "singular": lambda v: v + 1e-6,
    "claim": lambda v: v + np.array([1e-6, 0.0]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_refused_after_any_field_was_changed(name):
    _, fields = _certificate("hellinger", "space")
    assert set(CHANGES) == set(fields)
    assert large.check_large(fields).accepted
    changed = {**fields, name: CHANGES[name](fields[name])}
    if name == "support":  # the same witness may prove the other mode only if it creates no mass
        changed["singular"] = np.where(np.arange(len(fields["singular"])) == 0, 1e-3, 0.0)
    verdict = large.check_large(changed)
    assert not verdict.accepted
    assert verdict.reason
    without = {key: value for key, value in fields.items() if key != name}
    assert not large.check_large(without).accepted


def test_the_lower_bound_is_evaluated_not_trusted():
    """A claim narrower than the witnesses prove is refused at both ends."""
    _, fields = _certificate("kl", "space")
    low, high = fields["claim"]
    for claim in ([low + 1e-9, high + 1e-9], [low - 1e-9, high - 1e-9]):
        assert not large.check_large({**fields, "claim": np.array(claim)}).accepted


def test_what_cannot_be_certified_is_said():
    rng = np.random.default_rng(2)
    cost = rng.random((5, 4))
    p, q = np.full(5, 0.2), np.full(4, 0.25)
    with pytest.raises(InputError, match="catalogue"):
        large_certificate(divergence("kl", cost, p, q), {"f": "t*log(t)"}, cost, p, q, support="space")
    with pytest.raises(InputError, match="pure transport"):
        large_certificate(divergence("none", cost, p, q), "none", cost, p, q, support="space")
    x = rng.random((5, 2))
    ball = divergence("hellinger", {"norm": 2, "radius": 3.0}, x=x, y=x, support="space")
    with pytest.raises(InputError, match="power"):
        large_certificate(ball, "hellinger", {"norm": 2, "radius": 3.0}, p, p, x=x, y=x, support="space")
