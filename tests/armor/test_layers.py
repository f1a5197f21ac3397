"""Folded batch norm and pooling are the layers they stand for, forth and back."""

import copy

import pytest
import torch
from torch import Tensor, nn

from armor.models import ModelSpec, create
from armor.models.layers import conv_norm, pooled
from armor.transport import attack_mode

FOLDED = ("resnet-small", "resnet18", "preactresnet18")


def _pair(bias: bool, seed: int = 0) -> tuple[nn.Conv2d, nn.BatchNorm2d, Tensor]:
    torch_state = torch.random.get_rng_state()
    torch.manual_seed(seed)
    conv, norm = nn.Conv2d(3, 5, 3, stride=2, padding=1, bias=bias).double(), nn.BatchNorm2d(5).double()
    with torch.no_grad():
        for tensor in (norm.weight, norm.bias, norm.running_mean):
            assert tensor is not None
            tensor.copy_(torch.randn(5))
        assert norm.running_var is not None
        norm.running_var.copy_(torch.rand(5) + 0.1)
    x = torch.randn(4, 3, 8, 8, dtype=torch.float64)
    torch.random.set_rng_state(torch_state)
    return conv, norm, x


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("graph", [False, True])
def test_folding_changes_nothing(bias: bool, graph: bool) -> None:
    conv, norm, x = _pair(bias)
    norm.eval()
    for parameter in (*conv.parameters(), *norm.parameters()):
        parameter.requires_grad_(graph)
    leaf, twin = x.clone().requires_grad_(), x.clone().requires_grad_()
    ours, theirs = conv_norm(conv, norm, leaf), norm(conv(twin))
    assert torch.allclose(ours, theirs, rtol=1e-12, atol=1e-12)
    (ours**2).sum().backward()
    (theirs**2).sum().backward()
    assert leaf.grad is not None
    assert twin.grad is not None
    assert torch.allclose(leaf.grad, twin.grad, rtol=1e-10, atol=1e-10)
    assert (norm.weight.grad is not None) == graph


def test_batch_statistics_are_never_folded() -> None:
    conv, norm, x = _pair(False)
    twin = copy.deepcopy(norm)
    for parameter in (*conv.parameters(), *norm.parameters()):
        parameter.requires_grad_(False)
    assert torch.equal(conv_norm(conv, norm, x), twin(conv(x)))
    assert norm.running_mean is not None
    assert twin.running_mean is not None
    assert torch.equal(norm.running_mean, twin.running_mean)
    bare = nn.BatchNorm2d(5, track_running_stats=False).double().eval()
    with torch.no_grad():
        assert torch.equal(conv_norm(conv, bare, x), bare(conv(x)))


@pytest.mark.parametrize("name", FOLDED)
def test_an_attacked_network_is_the_network(name: str) -> None:
    """Frozen (folded) and with its graph (not folded): one function of the images."""
    model = create(ModelSpec(name, 10, (3, 32, 32), (0.5,) * 3, (0.25,) * 3)).double()
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(3, 3, 32, 32, generator=generator, dtype=torch.float64)
    model.train()
    model(x)  # running statistics of their own
    plain, frozen = x.clone().requires_grad_(), x.clone().requires_grad_()
    model.eval()
    logits = model(plain)
    assert logits.requires_grad
    logits.logsumexp(1).sum().backward()
    with attack_mode(model):
        folded = model(frozen)
        folded.logsumexp(1).sum().backward()
    assert torch.allclose(logits, folded, rtol=1e-9, atol=1e-9)
    assert not torch.equal(logits, folded)  # another order of sums: it has been folded
    assert plain.grad is not None
    assert frozen.grad is not None
    assert torch.allclose(plain.grad, frozen.grad, rtol=1e-7, atol=1e-9 * float(plain.grad.abs().max()))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_pooling_is_the_mean(layout: torch.memory_format) -> None:
    x = torch.randn(2, 6, 3, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = x.contiguous(memory_format=layout).requires_grad_()
    assert torch.allclose(pooled(x), x.mean((2, 3)), rtol=1e-12)
    weights = torch.arange(12.0, dtype=torch.float64).view(2, 6)
    (gradient,) = torch.autograd.grad((pooled(x) * weights).sum(), x)
    assert torch.allclose(gradient, (weights / 15)[:, :, None, None].expand(2, 6, 3, 5), rtol=1e-12)
