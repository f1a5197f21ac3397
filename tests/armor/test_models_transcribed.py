"""Residual networks against their published forward passes, written out again in plain functions.

The transcriptions read nothing but a state dict. Wide ones have the real depth at a small width; their wide
form is the same code at another width, by the parameter counts in `test_models.py`.
"""

from collections.abc import Callable
from typing import TypeAlias

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from armor.models import ModelSpec, create
from armor.models.normalise import Normalise
from armor.models.wideresnet import WideResNet

State: TypeAlias = dict[str, Tensor]
Forward: TypeAlias = Callable[[State, Tensor, bool], Tensor]

MEAN, STD = (0.5, 0.375, 0.25), (0.25, 0.1875, 0.3125)  # dyadic: the model holds them in float32
CLASSES = 7


def _norm(state: State, name: str, x: Tensor, training: bool) -> Tensor:
    """Batch norm as torch's layer does it by default; in training the state's running statistics follow."""
    mean, var = state[f"{name}.running_mean"], state[f"{name}.running_var"]
    weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
    return F.batch_norm(x, mean, var, weight, bias, training=training, momentum=0.1, eps=1e-5)


def _stem(state: State, x: Tensor) -> Tensor:
    shift = torch.tensor(MEAN, dtype=x.dtype).view(3, 1, 1)
    scale = torch.tensor(STD, dtype=x.dtype).view(3, 1, 1)
    return F.conv2d((x - shift) / scale, state["conv1.weight"], stride=1, padding=1)


def _wide(depth: int) -> Forward:
    """As models/wideresnet.py of the TRADES repository, without dropout."""

    def block(state: State, at: str, x: Tensor, stride: int, training: bool) -> Tensor:
        equal = f"{at}.convShortcut.weight" not in state
        out = F.relu(_norm(state, f"{at}.bn1", x, training))
        if not equal:
            x = out
        out = F.conv2d(out, state[f"{at}.conv1.weight"], stride=stride, padding=1)
        out = F.relu(_norm(state, f"{at}.bn2", out, training))
        out = F.conv2d(out, state[f"{at}.conv2.weight"], stride=1, padding=1)
        return out + (x if equal else F.conv2d(x, state[f"{at}.convShortcut.weight"], stride=stride))

    def forward(state: State, x: Tensor, training: bool) -> Tensor:
        out = _stem(state, x)
        for group, stride in (("block1", 1), ("block2", 2), ("block3", 2)):
            for k in range((depth - 4) // 6):
                out = block(state, f"{group}.layer.{k}", out, stride if k == 0 else 1, training)
        out = F.avg_pool2d(F.relu(_norm(state, "bn1", out, training)), 8).flatten(1)
        return F.linear(out, state["fc.weight"], state["fc.bias"])

    return forward


def _preact(state: State, x: Tensor, training: bool) -> Tensor:
    """K. He et al., *Identity Mappings*: activation first; with the last batch norm of Rice et al."""
    out = _stem(state, x)
    for layer, first in (("layer1", 1), ("layer2", 2), ("layer3", 2), ("layer4", 2)):
        for k in range(2):
            at, stride = f"{layer}.{k}", first if k == 0 else 1
            begin = out
            out = F.relu(_norm(state, f"{at}.bn1", begin, training))
            if f"{at}.shortcut.0.weight" in state:
                begin = F.conv2d(out, state[f"{at}.shortcut.0.weight"], stride=stride)
            out = F.conv2d(out, state[f"{at}.conv1.weight"], stride=stride, padding=1)
            out = F.relu(_norm(state, f"{at}.bn2", out, training))
            out = F.conv2d(out, state[f"{at}.conv2.weight"], stride=1, padding=1) + begin
    out = F.avg_pool2d(F.relu(_norm(state, "bn", out, training)), 4).flatten(1)
    return F.linear(out, state["linear.weight"], state["linear.bias"])


def _resnet(state: State, x: Tensor, training: bool) -> Tensor:
    """K. He et al., *Deep Residual Learning*: activation last, batch norm on the shortcut too."""
    out = F.relu(_norm(state, "bn1", _stem(state, x), training))
    for layer, first in (("layer1", 1), ("layer2", 2), ("layer3", 2), ("layer4", 2)):
        for k in range(2):
            at, stride = f"{layer}.{k}", first if k == 0 else 1
            beside = out
            out = F.conv2d(beside, state[f"{at}.conv1.weight"], stride=stride, padding=1)
            out = F.relu(_norm(state, f"{at}.bn1", out, training))
            out = F.conv2d(out, state[f"{at}.conv2.weight"], stride=1, padding=1)
            out = _norm(state, f"{at}.bn2", out, training)
            if f"{at}.shortcut.0.weight" in state:
                beside = F.conv2d(beside, state[f"{at}.shortcut.0.weight"], stride=stride)
                beside = _norm(state, f"{at}.shortcut.1", beside, training)
            out = F.relu(out + beside)
    out = F.avg_pool2d(out, 4).flatten(1)
    return F.linear(out, state["linear.weight"], state["linear.bias"])


def _named(name: str) -> nn.Module:
    return create(ModelSpec(name, CLASSES, (3, 32, 32), MEAN, STD))


def _wide_model(depth: int, width: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return WideResNet(Normalise(MEAN, STD), CLASSES, depth=depth, width=width)


NETWORKS: dict[str, tuple[Callable[[], nn.Module], Forward]] = {
    "wideresnet-28-2": (lambda: _wide_model(28, 2), _wide(28)),
    "wideresnet-34-2": (lambda: _wide_model(34, 2), _wide(34)),
    "wideresnet-10-1": (lambda: _wide_model(10, 1), _wide(10)),  # the first block has no shortcut to learn
    "preactresnet18": (lambda: _named("preactresnet18"), _preact),
    "resnet18": (lambda: _named("resnet18"), _resnet),
}


def _scattered(model: nn.Module) -> nn.Module:
    """Batch norms with parameters and statistics of their own, as training leaves them; in float64."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                assert module.running_mean is not None
                assert module.running_var is not None
                module.weight.uniform_(0.6, 1.2, generator=generator)
                module.bias.uniform_(-0.3, 0.3, generator=generator)
                module.running_mean.uniform_(-0.3, 0.3, generator=generator)
                module.running_var.uniform_(0.7, 1.5, generator=generator)
    return model.double()


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_forward_pass_is_the_published_one(name: str, training: bool) -> None:
    build, published = NETWORKS[name]
    model = _scattered(build()).train(training)
    state = {key: value.clone() for key, value in model.state_dict().items()}
    weights = {key: value.requires_grad_() for key, value in state.items() if key.endswith("weight")}
    x = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(6), dtype=torch.float64)
    expected = published(state, x, training)
    logits = model(x)
    assert logits.shape == (2, CLASSES)
    assert torch.allclose(logits, expected, rtol=1e-9, atol=1e-9 * float(expected.detach().abs().max()))
    (logits[0, 0] - logits[1, 1]).backward()
    gradients = torch.autograd.grad(expected[0, 0] - expected[1, 1], list(weights.values()))
    for (key, parameter), theirs in zip(
        ((k, p) for k, p in model.named_parameters() if k.endswith("weight")), gradients, strict=True
    ):
        assert parameter.grad is not None
        scale = float(theirs.abs().max())
        assert torch.allclose(parameter.grad, theirs, rtol=1e-7, atol=1e-7 * scale), key
    after = model.state_dict()
    for key in (k for k in after if k.endswith(("running_mean", "running_var"))):
        assert torch.allclose(after[key], state[key], rtol=1e-9, atol=1e-12), key
    if not training:  # and without a graph, batch norm folded into the convolutions
        with torch.no_grad():
            assert torch.allclose(model(x), expected, rtol=1e-9, atol=1e-9 * float(expected.abs().max()))


@pytest.mark.parametrize("name", ["wideresnet-28-10", "wideresnet-34-10"])
def test_the_wide_networks_by_name_have_that_depth_and_width(name: str) -> None:
    depth, width = (int(part) for part in name.split("-")[1:])
    with torch.device("meta"):
        expected = _wide_model(depth, width).state_dict()
    found = create(ModelSpec(name, CLASSES, (3, 32, 32), MEAN, STD)).state_dict()
    assert {k: v.shape for k, v in found.items()} == {k: v.shape for k, v in expected.items()}
