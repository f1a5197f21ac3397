"""Per-sample losses against float64 transcriptions that share no code with them (T17)."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from armor.errors import InputError
from armor.losses import boosted_cross_entropy, cross_entropy, kl_divergence, margin, mart, trades


def _softmax(z: list[float]) -> list[float]:
    top = max(z)
    e = [math.exp(v - top) for v in z]
    return [v / math.fsum(e) for v in e]


def _kl(a: list[float], b: list[float]) -> float:
    p, q = _softmax(a), _softmax(b)
    return math.fsum(x * math.log(x / y) for x, y in zip(p, q, strict=True) if x > 0)


def _complement(p: list[float], k: int) -> float:
    return math.fsum(v for i, v in enumerate(p) if i != k)


def _mart(nat: list[float], adv: list[float], y: int, beta: float, one: float, one_w: float) -> float:
    p, f = _softmax(adv), _softmax(nat)
    runner_up = max((k for k in range(len(p)) if k != y), key=lambda k: p[k])
    rest = _complement(p, runner_up) + one
    return -math.log(p[y]) - math.log(rest) + beta * _kl(nat, adv) * (_complement(f, y) + one_w)


logits = st.lists(st.floats(-12, 12), min_size=3, max_size=6)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_losses_equal_their_transcriptions(data: st.DataObject) -> None:
    nat = data.draw(logits)
    adv = data.draw(st.lists(st.floats(-12, 12), min_size=len(nat), max_size=len(nat)))
    y = data.draw(st.integers(0, len(nat) - 1))
    beta = data.draw(st.floats(0, 20))
    a = torch.tensor([nat], dtype=torch.float64)
    b = torch.tensor([adv], dtype=torch.float64)
    label = torch.tensor([y])
    p = _softmax(nat)
    close = {"rel_tol": 1e-10, "abs_tol": 1e-12}
    assert math.isclose(cross_entropy(a, label).item(), -math.log(p[y]), **close)
    assert math.isclose(
        margin(a, label).item(), max(v for k, v in enumerate(nat) if k != y) - nat[y], **close
    )
    assert math.isclose(kl_divergence(a, b).item(), _kl(nat, adv), **close)
    assert math.isclose(trades(a, b, label, beta).item(), -math.log(p[y]) + beta * _kl(nat, adv), **close)
    assert math.isclose(mart(a, b, label, beta).item(), _mart(nat, adv, y, beta, 0.0, 0.0), **close)
    shifted = mart(a, b, label, beta, complement_shift=1e-4, weight_shift=1e-7).item()
    assert math.isclose(shifted, _mart(nat, adv, y, beta, 1e-4, 1e-7), **close)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_logits_lose_only_their_own_rounding(dtype: torch.dtype) -> None:
    """Losses of rounded logits equal the float64 losses of the same rounded logits."""
    generator = torch.Generator().manual_seed(0)
    nat = (10 * torch.randn(64, 10, generator=generator)).to(dtype)
    adv = (10 * torch.randn(64, 10, generator=generator)).to(dtype)
    y = torch.randint(0, 10, (64,), generator=generator)
    for low, exact in (
        (cross_entropy(nat, y), cross_entropy(nat.double(), y)),
        (trades(nat, adv, y, 6.0), trades(nat.double(), adv.double(), y, 6.0)),
        (mart(nat, adv, y, 6.0), mart(nat.double(), adv.double(), y, 6.0)),
    ):
        assert low.dtype == torch.float32
        assert torch.allclose(low.double(), exact, rtol=3e-6, atol=1e-6)


def test_complements_do_not_round_to_zero() -> None:
    """At a logit gap of 60 the probability of one class is 1 in float64, its complement is not 0."""
    z = torch.tensor([[60.0, 0.0, 0.0]])
    y = torch.tensor([1])
    assert math.isclose(boosted_cross_entropy(z, y).item(), 60.0 + 60.0 - math.log(2.0), rel_tol=1e-6)
    assert math.isclose(
        boosted_cross_entropy(z, y, complement_shift=1e-4).item(), 60.0 - math.log(1e-4), rel_tol=1e-5
    )


def test_kl_near_equality_keeps_value_and_gradient_in_single_precision() -> None:
    generator = torch.Generator().manual_seed(3)
    a = torch.randn(16, 10, generator=generator)
    b = (a + 1e-4 * torch.randn(16, 10, generator=generator)).requires_grad_()
    exact_b = b.detach().double().requires_grad_()
    value, exact = kl_divergence(a, b), kl_divergence(a.double(), exact_b)
    assert torch.allclose(value.double(), exact, rtol=2e-2)
    (grad,) = torch.autograd.grad(value.sum(), b)
    (exact_grad,) = torch.autograd.grad(exact.sum(), exact_b)
    assert torch.allclose(grad.double(), exact_grad, rtol=2e-2, atol=1e-7)


def _smoothed(z: list[float], y: int, s: float) -> float:
    p = _softmax(z)
    return -(1 - s) * math.log(p[y]) - s / len(p) * math.fsum(math.log(v) for v in p)


def test_label_smoothing_reaches_every_cross_entropy() -> None:
    """`-(1 - s) log f_y - (s/K) sum log f_k`, in plain cross-entropy, TRADES and MART alike."""
    nat, adv, y, s = [0.5, -1.0, 2.0, 0.25], [1.5, 0.75, -0.5, 1.0], 2, 0.3
    a, b, label = (
        torch.tensor([nat], dtype=torch.float64),
        torch.tensor([adv], dtype=torch.float64),
        torch.tensor([y]),
    )
    close = {"rel_tol": 1e-12}
    assert math.isclose(cross_entropy(a, label, s).item(), _smoothed(nat, y, s), **close)
    expected = _smoothed(nat, y, s) + 2.0 * _kl(nat, adv)
    assert math.isclose(trades(a, b, label, 2.0, s).item(), expected, **close)
    expected = _mart(nat, adv, y, 2.0, 0.0, 0.0) + math.log(_softmax(adv)[y]) + _smoothed(adv, y, s)
    assert math.isclose(mart(a, b, label, 2.0, smoothing=s).item(), expected, **close)


@pytest.mark.parametrize("gap", [0.9, 1.1, 50.0, 200.0])
def test_kl_far_apart_keeps_value_and_gradient_in_single_precision(gap: float) -> None:
    """Where q is much larger than p the untaken branch must not overflow into the gradient."""
    a = torch.tensor([[gap, 0.0, 0.0]], requires_grad=True)
    b = torch.tensor([[0.0, gap, 0.0]], requires_grad=True)
    value, exact = kl_divergence(a, b), kl_divergence(a.double(), b.double())
    p, q = _softmax(a[0].tolist()), _softmax(b[0].tolist())
    assert math.isclose(exact.item(), _kl(a[0].tolist(), b[0].tolist()), rel_tol=1e-9)
    assert math.isclose(value.item(), exact.item(), rel_tol=1e-5)
    of_a, gradient = torch.autograd.grad(value.sum(), (a, b))
    ratios = [math.log(u / v) - exact.item() for u, v in zip(p, q, strict=True)]
    assert of_a[0].tolist() == pytest.approx(
        [u * r for u, r in zip(p, ratios, strict=True)], rel=1e-4, abs=1e-5
    )
    assert gradient[0].tolist() == pytest.approx([v - u for u, v in zip(p, q, strict=True)], abs=1e-5)


def test_gradients_by_finite_differences() -> None:
    generator = torch.Generator().manual_seed(1)
    a = torch.randn(3, 4, generator=generator, dtype=torch.float64).requires_grad_()
    b = torch.randn(3, 4, generator=generator, dtype=torch.float64).requires_grad_()
    y = torch.tensor([0, 2, 3])
    assert torch.autograd.gradcheck(lambda u, v: trades(u, v, y, 2.0), (a, b))
    assert torch.autograd.gradcheck(lambda u, v: mart(u, v, y, 2.0), (a, b))
    assert torch.autograd.gradcheck(
        lambda u, v: mart(u, v, y, 2.0, complement_shift=1e-4, weight_shift=1e-7), (a, b)
    )
    assert torch.autograd.gradcheck(lambda u: margin(u, y), (a,))


def test_bad_input_names_the_value() -> None:
    z, y = torch.zeros(2, 3), torch.zeros(2, dtype=torch.int64)
    with pytest.raises(InputError, match="-1"):
        trades(z, z, y, -1.0)
    with pytest.raises(InputError, match="nan"):
        mart(z, z, y, math.nan)
    with pytest.raises(InputError, match=r"\(2, 1\)"):
        cross_entropy(torch.zeros(2, 1), y)
    with pytest.raises(InputError, match=r"\(3,\)"):
        margin(z, torch.zeros(3, dtype=torch.int64))
    with pytest.raises(InputError, match=r"label 3 .* 3 classes"):
        cross_entropy(z, torch.tensor([0, 3]))
    with pytest.raises(InputError, match="label -1"):
        mart(z, z, torch.tensor([0, -1]), 1.0)
    with pytest.raises(InputError, match="float32"):
        margin(z, torch.zeros(2))
    with pytest.raises(InputError, match=r"smoothing .* not 1\.5"):
        trades(z, z, y, 1.0, 1.5)
    with pytest.raises(InputError, match=r"-0\.5"):
        boosted_cross_entropy(z, y, complement_shift=-0.5)
