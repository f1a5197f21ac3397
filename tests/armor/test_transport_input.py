"""What attacks and methods refuse, each in one sentence that names the value."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import armor
from armor.errors import InputError
from armor.losses import mart, trades
from armor.methods import Pgd, Udr
from armor.methods.base import _check_weights
from armor.transport import L1, L2, Ascent, FlipAscent, Linf, OneSided, SoftAscent, SoftBall, attack_mode

X = torch.rand(4, 3, generator=torch.Generator().manual_seed(0))
Y = torch.tensor([0, 1, 2, 0])
LOGITS = torch.randn(4, 3, generator=torch.Generator().manual_seed(1))
BALL = SoftBall(0.1, 0.1)


def _phi(x: Tensor) -> Tensor:
    return x.sum(1)


def _soft(**given: object) -> SoftAscent:
    return SoftAscent(BALL, **{"step": 0.1, "steps": 2, **given})  # type: ignore[arg-type]


def _hard(**given: object) -> Ascent:
    return Ascent(Linf(0.1), **{"step": 0.1, "steps": 2, "start": "none", **given})  # type: ignore[arg-type]


def _udr(**given: object) -> Udr:
    return Udr(_soft(), **{"objective": armor.objective("kl", epsilon=0.1), **given})  # type: ignore[arg-type]


def _step(weights: Tensor) -> object:
    return Pgd(_hard()).step(nn.Linear(3, 3), X, Y, torch.Generator(), reference_weights=weights)


CASES: list[tuple[Callable[[], object], str]] = [
    (lambda: _soft(steps=2.5), "steps must be a whole number, at least 0, not 2.5"),
    (lambda: _soft(step="a"), "step must be a number, not 'a'"),
    (lambda: _soft(step=0.0), "step must be finite and positive, not 0.0"),
    (lambda: _soft(start=-1.0), "start must be finite and zero or positive, not -1.0"),
    (lambda: _soft(box="ab"), r"an interval \(low, high\), not 'ab'"),
    (lambda: _soft()(_phi, X, mu=-1.0), "mu must be finite and positive, not -1.0"),
    (lambda: _soft()(_phi, X, mu=0.0), "mu must be finite and positive, not 0.0"),
    (lambda: _soft()(_phi, X, mu=torch.tensor(math.nan)), "mu must be finite and positive, not nan"),
    (lambda: FlipAscent(0.1)(_phi, X.round(), mu=-1.0), "mu must be finite and positive, not -1.0"),
    (lambda: FlipAscent(0.1, steps=1.5), "steps of flips must be a whole number"),  # type: ignore[arg-type]
    (lambda: _hard(steps=1.5), "steps must be a whole number, at least 0, not 1.5"),
    (lambda: _hard(steps=True), "steps must be a whole number, at least 0, not True"),
    (lambda: _hard(restarts=1.5), "restarts = 1.5 is not a number of runs"),
    (lambda: _hard()(lambda x: x.sum(1).detach(), X), "carries no gradient"),
    (lambda: Linf("a"), "the radius of a ball must be a number, not 'a'"),  # type: ignore[arg-type]
    (lambda: OneSided(_soft(), torch.ones(4)), "a truth value per sample, not torch.float32"),
    (lambda: OneSided(_soft(), torch.ones(3) > 0)(_phi, X, mu=1.0), "movable holds 3 samples, the batch 4"),
    (lambda: trades(LOGITS, LOGITS, Y, math.inf), "beta of TRADES must be finite and zero or positive"),
    (lambda: mart(LOGITS, LOGITS, Y, "a"), "beta of MART must be a number"),  # type: ignore[arg-type]
    (lambda: _udr(objective=None), "needs an objective for its multiplier, not None"),
    (lambda: _udr(mu="a"), "mu must be a number, not 'a'"),
    (lambda: _udr(rounds=1.5), "rounds must be a whole number, at least 1, not 1.5"),
    (lambda: Udr(_hard(), objective=armor.objective("kl", epsilon=0.1)), "takes no multiplier"),  # type: ignore[arg-type]
    (lambda: Pgd(_hard(), batchnorm="x"), "batchnorm must be one of eval, batch, train, not 'x'"),
    (lambda: Pgd(_hard(), natural_weight="a"), "natural_weight must be a number"),  # type: ignore[arg-type]
    (lambda: _step(torch.ones(3)), r"shape \(4,\), not \(3,\)"),
    (lambda: _step(torch.zeros(4)), "must not all be zero"),
    (lambda: _step(torch.tensor([-1.0, 3.0, 1.0, 1.0])), "finite and not negative"),
]


@pytest.mark.parametrize(("call", "said"), CASES, ids=range(len(CASES)))
def test_it_is_refused_in_one_sentence(call: Callable[[], object], said: str) -> None:
    with pytest.raises(InputError, match=said) as refusal:
        call()
    assert "\n" not in str(refusal.value)


def test_pooled_weights_are_judged_by_all_workers_together() -> None:
    """One that refused alone would leave the others waiting; the pooled solve refuses on all of them."""
    _check_weights(torch.tensor([-1.0, 0.0, 0.0, 0.0]), X, pooled=True)


@pytest.mark.parametrize("ball", [Linf(0.1), L2(0.1), L1(0.1)], ids=repr)
def test_a_worker_without_samples_attacks_nothing(ball: Linf | L2 | L1) -> None:
    moved = Ascent(ball, step=0.1, steps=2)(_phi, X[:0], generator=torch.Generator())
    assert moved.x.shape == (0, 3)


def test_every_kind_of_running_statistics_is_put_back() -> None:
    norm = nn.InstanceNorm1d(3, track_running_stats=True)
    before = norm.state_dict()["running_mean"].clone()
    with attack_mode(norm, "batch"):
        norm(torch.randn(4, 3, 5))
    assert torch.equal(norm.running_mean, before)
