"""Weight perturbation, averages, decay groups, smoothing, low precision: each against its definition."""

import copy
import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from armor import recipes
from armor.losses import cross_entropy, mart, trades
from armor.methods import method
from armor.models import ModelSpec, create
from armor.training import arithmetic
from armor.training.arithmetic import Arithmetic, Cast, choose
from armor.training.average import EpochAverage, estimate_statistics
from armor.training.perturb import perturbed
from armor.training.state import fresh
from armor.transport import pgd

SPEC = ModelSpec("resnet-small", 10, (3, 32, 32), (0.5,) * 3, (0.25,) * 3)


def _batch(n: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(3)
    return torch.rand(n, 3, 32, 32, generator=g), torch.randint(0, 10, (n,), generator=g)


def test_perturbed_weights_are_the_published_ones_and_come_back_bit_for_bit() -> None:
    """The published code: a copy takes one SGD step, its displacement is scaled to gamma times each norm."""
    model, (x, y) = create(SPEC).train(), _batch()
    before = copy.deepcopy(model.state_dict())
    proxy = copy.deepcopy(model)
    (-F.cross_entropy(proxy(x), y)).backward()
    torch.optim.SGD(proxy.parameters(), lr=0.01).step()
    expected = {}
    for name, old in model.named_parameters():
        diff = dict(proxy.named_parameters())[name].detach() - old.detach()
        if old.ndim > 1:
            expected[name] = old.detach() + 5e-3 * old.detach().norm() / (diff.norm() + 1e-20) * diff
    with perturbed(model, lambda: F.cross_entropy(model(x), y), 5e-3):
        now = dict(model.named_parameters())
        for name, value in expected.items():
            moved = (value - before[name]).norm()
            assert float((now[name].detach() - value).norm()) < 2e-3 * float(moved), name
            assert math.isclose(
                float((now[name].detach() - before[name]).norm() / before[name].norm()), 5e-3, rel_tol=1e-3
            )
        raised = F.cross_entropy(model(x), y)
        assert raised > F.cross_entropy(proxy(x), y)
        raised.backward()
    after = model.state_dict()
    for name, p in model.named_parameters():
        assert torch.equal(after[name], before[name])
        assert p.grad is not None


def test_the_perturbation_leaves_batch_statistics_alone_and_averages_over_workers() -> None:
    model, (x, y) = create(SPEC).train(), _batch()
    before = copy.deepcopy(model.state_dict())
    seen: list[int] = []
    with perturbed(model, lambda: F.cross_entropy(model(x), y), 0.01, lambda g: seen.append(len(g))):
        pass
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert seen == [sum(p.ndim > 1 for p in model.parameters())]


def test_the_epoch_average_is_the_mean_and_its_statistics_those_of_the_images() -> None:
    models = [create(SPEC, seed=k) for k in range(4)]
    average = EpochAverage(models[0], 2)
    assert [average.update(m, k + 1) for k, m in enumerate(models)] == [False, True, True, True]
    mean = torch.stack([m.conv1.weight.detach() for m in models[1:]]).mean(0)  # type: ignore[union-attr]
    assert torch.allclose(average.model.conv1.weight, mean, atol=1e-6)  # type: ignore[union-attr,arg-type]
    x, _ = _batch(16)
    estimate_statistics(Cast(average.model, Arithmetic()), [x[:8], x[8:]])
    norm = average.model.bn1
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.momentum == 0.1
    assert not average.model.training
    with torch.no_grad():
        parts = [average.model.conv1(average.model.normalise(p)) for p in (x[:8], x[8:])]  # type: ignore[operator]
    expected = torch.stack([p.mean((0, 2, 3)) for p in parts]).mean(0)
    assert torch.allclose(norm.running_mean, expected, atol=1e-5)  # type: ignore[arg-type]


def test_decay_groups_spare_one_dimensional_parameters() -> None:
    recipe = recipes.find("cifar10-smoke", ["optimizer.decay_all=false", "optimizer.weight_decay=0.01"])
    m = method("pgd", pgd(0.03, step=0.01, steps=1))
    groups = fresh(recipe, SPEC, create(SPEC), m, Arithmetic(), {}).optimizer.param_groups
    assert [group["weight_decay"] for group in groups] == [0.01, 0.0]
    assert all(p.ndim > 1 for p in groups[0]["params"])
    assert all(p.ndim <= 1 for p in groups[1]["params"])
    assert sum(len(group["params"]) for group in groups) == len(list(create(SPEC).parameters()))


def test_smoothing_is_the_cross_entropy_of_smoothed_labels_in_every_loss() -> None:
    g = torch.Generator().manual_seed(1)
    natural, moved = (torch.randn(6, 10, generator=g, dtype=torch.float64) for _ in range(2))
    y = torch.arange(6)
    target = 0.8 * F.one_hot(y, 10).double() + 0.02
    by_hand = -(target * moved.log_softmax(1)).sum(1)
    assert torch.allclose(cross_entropy(moved, y, 0.2), by_hand)
    shift = by_hand - cross_entropy(moved, y)
    assert torch.allclose(mart(natural, moved, y, 6.0, smoothing=0.2) - mart(natural, moved, y, 6.0), shift)
    other = cross_entropy(natural, y, 0.2) - cross_entropy(natural, y)
    assert torch.allclose(trades(natural, moved, y, 6.0, 0.2) - trades(natural, moved, y, 6.0), other)
    model, (x, labels) = create(SPEC).eval(), _batch()
    m = method("pgd", pgd(0.03, step=0.01, steps=1), smoothing=0.2, natural_weight=0.5)
    result = m.step(model, x, labels, torch.Generator().manual_seed(0))
    expected = 0.5 * F.cross_entropy(model(x), labels, label_smoothing=0.2) + 0.5 * F.cross_entropy(
        model(result.x), labels, label_smoothing=0.2
    )
    assert torch.allclose(result.loss, expected, atol=1e-6)


@pytest.mark.parametrize("name", ["pgd", "trades", "mart"])
def test_smoothing_reaches_the_robust_losses_of_every_method(name: str) -> None:
    model, (x, y) = create(SPEC).eval(), _batch()
    options = {} if name == "pgd" else {"beta": 6.0}
    m = method(name, pgd(0.03, step=0.01, steps=1), smoothing=0.2, **options)
    result = m.step(model, x, y, torch.Generator().manual_seed(0))
    with torch.no_grad():
        natural, moved = model(x), model(result.x)
    smoothed = natural if name == "trades" else moved  # of TRADES the natural term is the cross-entropy
    wanted = F.cross_entropy(smoothed, y, reduction="none", label_smoothing=0.2)
    if name != "pgd":
        plain = trades(natural, moved, y, 6.0) if name == "trades" else mart(natural, moved, y, 6.0)
        wanted = wanted + plain - F.cross_entropy(smoothed, y, reduction="none")
    assert torch.allclose(result.losses, wanted, rtol=1e-4)


def test_small_gradients_of_perturbed_weights_do_not_vanish_in_float16() -> None:
    """A loss whose gradient is below float16 moves the weights only when it is scaled, then all the way."""
    weight = nn.Linear(4, 3, bias=False)
    before = weight.weight.detach().clone()

    def loss() -> torch.Tensor:
        return 1e-8 * weight.weight.half().float().sum()  # the gradient passes through float16

    moved = []
    for scale in (1.0, 65536.0, 1e30):
        with perturbed(weight, loss, 0.1, scale=scale):
            moved.append(float((weight.weight.detach() - before).norm() / before.norm()))
        assert torch.equal(weight.weight, before)
    assert moved[0] == 0.0
    assert moved[1] == pytest.approx(0.1, rel=1e-5)
    assert moved[2] == 0.0  # overflowed: left alone


def _confident() -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    """A network whose answers are so sure that float16 cannot hold the gradient of their loss."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        model[1].weight.copy_(0.005 * torch.randn(3, 12, generator=generator))
        model[1].bias.copy_(torch.tensor([14.0, 0.0, 0.0]))
    x = torch.rand(5, 3, 2, 2, generator=generator)
    return model, x, torch.zeros(5, dtype=torch.int64)


def _gradient(network: nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    leaf = x.clone().requires_grad_()
    loss = F.cross_entropy(network(leaf), y, reduction="sum")
    return torch.autograd.grad(loss, leaf)[0]


def test_an_attack_on_a_float16_network_sees_small_gradients_in_their_size() -> None:
    model, x, y = _confident()
    low, exact = Cast(model, Arithmetic("float16")), Cast(model, Arithmetic())
    expected = _gradient(exact, x, y)
    assert float(_gradient(low, x, y).abs().max()) == 0.0  # unscaled: the parameters' gradients are wanted
    model.requires_grad_(False)
    found = _gradient(low, x, y)
    assert found.dtype == torch.float32
    assert float((found != 0).double().mean()) > 0.9
    # Numbers of 11 bits, weights and gradients, whose products cancel: a five-hundredth of the largest.
    assert float((found - expected).abs().max()) <= 2.0**-9 * float(expected.abs().max())


def test_a_gradient_that_grows_beyond_float16_stays_finite_and_points_there() -> None:
    model, x, y = _confident()
    model.requires_grad_(False)
    with torch.no_grad():
        model[1].weight.mul_(1e5)
        model[1].bias.zero_()
    expected = _gradient(Cast(model, Arithmetic()), x, y)
    found = _gradient(Cast(model, Arithmetic("float16")), x, y)
    assert bool(found.isfinite().all())
    wrong = torch.where(expected.abs() > 1e-6 * expected.abs().max(), found.sign() != expected.sign(), False)
    assert float(wrong.double().mean()) < 0.1


def test_training_attacks_in_float16_move_confident_images() -> None:
    model, x, y = _confident()
    x = 0.5 * x + 0.25  # a step away from the ends of the box
    expected = _gradient(Cast(model, Arithmetic()), x, y).sign()
    m = method("pgd", pgd(0.1, step=0.1, steps=1, start="none", keep="last"))
    low = Cast(model, Arithmetic("float16"))
    moved = m.attack(low, x, y, torch.Generator().manual_seed(0)).x
    assert float(((moved - x).sign() == expected).double().mean()) > 0.9
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_only_the_gradients_of_attacks_in_float16_are_scaled() -> None:
    model, x, y = _confident()
    model[1].bias.data.zero_()
    x = x.half().float()
    parameter = model[1].weight
    with torch.autocast("cpu", torch.float16):
        expected = torch.autograd.grad(F.cross_entropy(model(x).float(), y), parameter)[0]
    leaf = x.clone().requires_grad_()
    low = Cast(model, Arithmetic("float16"))
    for images in (x, leaf):
        assert torch.equal(torch.autograd.grad(F.cross_entropy(low(images), y), parameter)[0], expected)
    model.requires_grad_(False)
    for precision, kind in (("float32", None), ("bfloat16", torch.bfloat16)):
        with torch.autocast("cpu", kind, enabled=kind is not None):
            logits = model(leaf)
        wanted = torch.autograd.grad(F.cross_entropy(logits.float(), y, reduction="sum"), leaf)[0]
        assert torch.equal(_gradient(Cast(model, Arithmetic(precision)), x, y), wanted)


@pytest.mark.parametrize("factor", [1e-6, 1.0, 100.0, 1e5])
def test_a_loss_of_any_size_keeps_its_gradient_in_float16(factor: float) -> None:
    """A power of two per sample: what is divided by it again is what it was, whatever the loss's unit."""
    model, x, y = _confident()
    model.requires_grad_(False)
    leaf = x.clone().requires_grad_()
    found = []
    for precision in ("float32", "float16"):
        low = Cast(model, Arithmetic(precision))
        loss = factor * F.cross_entropy(low(leaf), y, reduction="sum")
        found.append(torch.autograd.grad(loss, leaf)[0] / factor)
    assert float((found[1] - found[0]).norm() / found[0].norm()) < 0.02


def test_a_loss_that_is_no_number_has_no_gradient_in_float16_either() -> None:
    model, x, y = _confident()
    model.requires_grad_(False)
    leaf = x.clone().requires_grad_()
    losses = F.cross_entropy(Cast(model, Arithmetic("float16"))(leaf), y, reduction="none")
    scale = torch.ones(len(y)).index_fill(0, torch.tensor([0]), math.nan)
    gradient = torch.autograd.grad((scale * losses).sum(), leaf)[0]
    assert bool(gradient[0].isnan().any())
    assert bool(gradient[1:].isfinite().all())


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_batch_statistics_stay_accurate_in_low_precision(precision: str) -> None:
    """32 images of 32 × 32 pixels: 32,768 terms around 3, of which sums in bfloat16 would keep two digits."""
    network = nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8))
    nn.init.constant_(network[0].bias, 3.0)  # type: ignore[arg-type]
    x, _ = _batch(32)
    Cast(network, Arithmetic(precision, "channels_last")).train()(x)
    norm = network[1]
    assert isinstance(norm, nn.BatchNorm2d)
    low = Arithmetic(precision).low
    with torch.no_grad(), torch.autocast("cpu", low):
        out = network[0](x).double()  # what the normalisation is given, rounded as it is
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.running_mean.dtype == norm.running_var.dtype == torch.float32
    assert torch.allclose(norm.running_mean.double(), 0.1 * out.mean((0, 2, 3)), rtol=2e-5)
    variance = 0.9 + 0.1 * out.var((0, 2, 3))
    assert torch.allclose(norm.running_var.double(), variance, atol=2e-6)


@pytest.mark.parametrize(("passes", "pays"), [(7_900, False), (8_100, True)])
def test_compilation_must_pay_for_the_four_graphs_of_a_run(
    passes: int, pays: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A graph takes 1,000 s to compile and saves half a second of each pass: 8,000 passes earn four."""
    clock = [0.0]
    compiled: list[bool] = []

    def take(network: Cast, *_: torch.Tensor) -> float:
        seconds = 0.5 if network.arithmetic.compiled else 1.0
        first = network.arithmetic.compiled and not any(compiled)
        compiled.append(network.arithmetic.compiled)
        clock[0] += 1000.0 if first else seconds
        return seconds

    monkeypatch.setattr(arithmetic, "_pass", take)
    monkeypatch.setattr(arithmetic, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    model = create(ModelSpec("mlp", 2, (8, 1, 1), (0.0,) * 8, (1.0,) * 8))
    settled = ("float32", "contiguous", 1)
    found = choose(model, (8, 1, 1), 16, *settled, compilation="auto", passes=passes)
    assert any(compiled)
    assert found.compiled == pays


def test_compilation_is_tried_only_where_it_can_pay() -> None:
    model = create(ModelSpec("mlp", 2, (8, 1, 1), (0.0,) * 8, (1.0,) * 8))
    settled = ("float32", "contiguous", 1)
    assert not choose(model, (8, 1, 1), 16, *settled, compilation="auto", passes=100).compiled
    assert choose(model, (8, 1, 1), 16, *settled, compilation="always", passes=1).compiled
    assert not choose(model, (8, 1, 1), 16, *settled, compilation="never", passes=10**9).compiled
