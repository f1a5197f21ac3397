"""Folds of batch norm are made once per attack, are the same numbers, and follow what they are made from."""

import gc
import weakref
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from armor.methods import Method, method
from armor.models import ModelSpec, create
from armor.models.folding import folded, folds_kept
from armor.models.layers import conv_norm
from armor.models.normalise import Normalise
from armor.models.preactresnet import PreActResNet18
from armor.models.wideresnet import WideResNet
from armor.objectives import objective
from armor.training.arithmetic import Arithmetic, Cast
from armor.training.perturb import perturbed
from armor.transport import SoftAscent, SoftBall, attack_mode, mode, pgd

X = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))
Y = torch.arange(4)


def _network(name: str = "resnet-small") -> nn.Module:
    """With running statistics of its own."""
    normalise = Normalise((0.5,) * 3, (0.25,) * 3)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        if name == "wide":
            network: nn.Module = WideResNet(normalise, 10, depth=10, width=2)
        elif name == "preact":
            network = PreActResNet18(normalise, 10)
        else:
            network = create(ModelSpec(name, 10, (3, 16, 16), (0.5,) * 3, (0.25,) * 3))
    network.train()(X)
    return network


def _pair() -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        conv, norm = nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5).eval()
    for parameter in (*conv.parameters(), *norm.parameters()):
        parameter.requires_grad_(False)
    return conv, norm


def _method(name: str) -> Method:
    dual = objective("kl", epsilon=0.1, kappa=0.1)
    if name == "udr":
        attack = SoftAscent(SoftBall(8 / 255, 0.1), step=2 / 255, steps=3)
        return method("udr", attack, objective=dual, rounds=2)
    attack = pgd(8 / 255, step=2 / 255, steps=3)
    return method(name, attack, objective=dual, **({} if name == "pgd" else {"beta": 6.0}))


class _Operators(TorchDispatchMode):
    """Counts what reaches the kernels."""

    def __init__(self) -> None:
        super().__init__()
        self.count: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count[func._overloadpacket.__name__] += 1
        return func(*args, **(kwargs or {}))


@contextmanager
def _anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Attacks inside fold in every pass."""
    with monkeypatch.context() as patch:
        patch.setattr(mode, "folds_kept", nullcontext)
        yield


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("network", ["resnet-small", "preact", "wide"])
@pytest.mark.parametrize("name", ["pgd", "trades", "mart", "udr"])
def test_an_attack_moves_the_images_to_the_same_bits(
    name: str, network: str, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Cast(_network(network), Arithmetic(precision, "channels_last"))
    kept = _method(name).step(model, X, Y, torch.Generator().manual_seed(0))
    model = Cast(_network(network), Arithmetic(precision, "channels_last"))
    with _anew(monkeypatch):
        anew = _method(name).step(model, X, Y, torch.Generator().manual_seed(0))
    assert not torch.equal(kept.x, X)
    assert torch.equal(kept.x, anew.x)
    assert torch.equal(kept.loss, anew.loss)


def test_training_with_perturbed_weights_is_the_same_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights move between an attack and the next one, and forth and back within a step."""

    def weights() -> list[Tensor]:
        model, chosen = _network(), _method("trades")
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for step in range(3):
            moved = chosen.attack(model, X, Y, torch.Generator().manual_seed(step))
            optimizer.zero_grad()
            with perturbed(model, lambda moved=moved: chosen.loss(model, X, Y, moved).loss, 0.01):
                chosen.attack(model, X, Y, torch.Generator().manual_seed(step))
                chosen.loss(model, X, Y, moved).loss.backward()
            optimizer.step()
        return [parameter.detach().clone() for parameter in model.parameters()]

    kept = weights()
    with _anew(monkeypatch):
        anew = weights()
    assert all(torch.equal(a, b) for a, b in zip(kept, anew, strict=True))


@pytest.mark.parametrize("name", ["trades", "udr"])
def test_an_attack_folds_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Cast(_network(), Arithmetic("bfloat16")).train()
    layers = sum(isinstance(module, nn.BatchNorm2d) for module in model.modules())
    with _Operators() as kept:
        _method(name).attack(model, X, Y, torch.Generator().manual_seed(0))
    with _anew(monkeypatch), _Operators() as anew:
        _method(name).attack(model, X, Y, torch.Generator().manual_seed(0))
    passes = anew.count["rsqrt"] // layers
    assert passes >= 5
    assert kept.count["rsqrt"] == layers
    assert kept.count["convolution"] == anew.count["convolution"] == passes * layers
    # Neither is the low copy of a weight and of a bias made again.
    assert anew.count["_to_copy"] - kept.count["_to_copy"] == 2 * layers * (passes - 1)


def _other(old: Tensor) -> nn.Parameter:
    """Another tensor, written to as often as the old one."""
    new = nn.Parameter(2.0 * old, requires_grad=False)
    while new._version < old._version:
        new.mul_(1.0)
    assert new._version == old._version
    return new


def _changes(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> dict[str, Any]:
    assert conv.bias is not None
    assert norm.running_mean is not None
    assert norm.running_var is not None
    return {
        "weight": lambda: conv.weight.add_(0.5),
        "bias": lambda: conv.bias.add_(0.5),
        "scale": lambda: norm.weight.mul_(2.0),
        "shift": lambda: norm.bias.add_(0.5),
        "mean": lambda: norm.running_mean.add_(0.5),
        "variance": lambda: norm.running_var.mul_(2.0),
        "loaded": lambda: norm.load_state_dict({k: v + 1 for k, v in norm.state_dict().items()}),
        "passed": lambda: (norm.train()(3.0 + X[:, :1].repeat(1, 5, 1, 1)), norm.eval()),
        "replaced": lambda: setattr(conv, "weight", _other(conv.weight)),
    }


@pytest.mark.parametrize("what", list(_changes(*_pair())))
def test_a_change_is_seen_at_once(what: str) -> None:
    conv, norm = _pair()
    with folds_kept():
        before = conv_norm(conv, norm, X)
        assert torch.equal(conv_norm(conv, norm, X), before)
        with torch.no_grad():
            _changes(conv, norm)[what]()
        after = conv_norm(conv, norm, X)
    assert not torch.allclose(before, after, rtol=1e-3, atol=1e-3)
    assert torch.equal(after, conv_norm(conv, norm, X))


def test_an_inference_pass_leaves_nothing_that_a_gradient_would_meet() -> None:
    conv, norm = _pair()
    x = X.clone().requires_grad_()
    with folds_kept():
        with torch.inference_mode():
            seen = conv_norm(conv, norm, X).clone()
        out = conv_norm(conv, norm, x)
        out.sum().backward()
    assert torch.equal(out.detach(), seen)
    with torch.inference_mode():
        conv, norm = nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5).eval()
        with folds_kept():
            conv_norm(conv, norm, X)


def test_autocast_is_part_of_what_is_kept() -> None:
    conv, norm = _pair()
    with folds_kept():
        for low in (None, torch.bfloat16, torch.float16, None):
            with torch.autocast("cpu", low, enabled=low is not None):
                weight, bias = folded(conv, norm, X.device)
                assert weight.dtype == bias.dtype == (low or torch.float32)
                assert folded(conv, norm, X.device)[0] is weight
    twice = conv.double(), norm.double()
    with folds_kept(), torch.autocast("cpu", torch.bfloat16):  # which leaves float64 alone
        assert folded(*twice, X.device)[0].dtype == torch.float64


def test_nothing_is_kept_beyond_the_attack() -> None:
    conv, norm = _pair()
    seen: list[weakref.ref[Tensor]] = []

    def attack() -> None:
        with folds_kept():
            weight, _ = folded(conv, norm, X.device)
            with folds_kept():
                assert folded(conv, norm, X.device)[0] is weight
            assert folded(conv, norm, X.device)[0] is weight  # the inner one has not dropped it
            seen.append(weakref.ref(weight))
            del weight
            gc.collect()
            assert seen[0]() is not None
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        attack()
    gc.collect()
    assert seen[0]() is None
    assert folded(conv, norm, X.device)[0] is not folded(conv, norm, X.device)[0]


def test_a_graph_for_a_bias_alone_is_not_lost() -> None:
    conv, norm = _pair()
    norm.bias.requires_grad_(True)
    with folds_kept():
        with torch.no_grad():
            conv_norm(conv, norm, X)
        conv_norm(conv, norm, X).sum().backward()
    assert norm.bias.grad is not None
    assert bool((norm.bias.grad == 4 * 14 * 14).all())


def test_a_compiled_network_follows_its_weights() -> None:
    """Its graph holds the folding itself, in one piece, and works on the weights of the day."""
    model = _network().eval()
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    with torch.no_grad():
        for _ in range(2):
            with attack_mode(model):
                assert torch.equal(compiled(X), model(X))
            for parameter in model.parameters():
                parameter.mul_(1.1)
