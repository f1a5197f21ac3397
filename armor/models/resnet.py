"""ResNets with a CIFAR stem, 3 × 3 without pooling (K. He et al., *Deep Residual Learning*, 1512.03385).

The module names are those of the widespread public CIFAR code (conv1, bn1, layer1.0.conv1 …, shortcut,
linear), so that published checkpoints load by name.
"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from armor.models.layers import conv_norm, pooled
from armor.models.normalise import Normalise

__all__ = ["ResNet"]


class _Block(nn.Module):
    """Two 3 × 3 convolutions with batch norm, and the identity or a 1 × 1 convolution beside them."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(conv_norm(self.conv1, self.bn1, x))
        return F.relu(conv_norm(self.conv2, self.bn2, out) + _beside(self.shortcut, x))


def _beside(shortcut: nn.Sequential, x: Tensor) -> Tensor:
    if not len(shortcut):
        return x
    conv, norm = shortcut
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    return conv_norm(conv, norm, x)


class ResNet(nn.Module):
    """Stages of residual blocks, average pooling, a linear layer: images (B, C, H, W) in [0, 1] to logits.

    Args:
        normalise: per-channel normalisation of the pixels.
        num_classes: number of logits.
        channels: channels of the images.
        widths: channels of each stage; every stage but the first halves the resolution.
        blocks: residual blocks per stage.
        stem_stride: 1, or 2 to work at half resolution from the start (a quarter of the cost).
    """

    def __init__(
        self,
        normalise: Normalise,
        num_classes: int,
        *,
        channels: int = 3,
        widths: Sequence[int] = (64, 128, 256, 512),
        blocks: Sequence[int] = (2, 2, 2, 2),
        stem_stride: int = 1,
    ) -> None:
        super().__init__()
        self.normalise = normalise
        self.conv1 = nn.Conv2d(channels, widths[0], 3, stem_stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.stages = len(widths)
        inputs = widths[0]
        for stage, (width, count) in enumerate(zip(widths, blocks, strict=True), start=1):
            layers: list[nn.Module] = []
            for k in range(count):
                layers.append(_Block(inputs, width, 2 if k == 0 and stage > 1 else 1))
                inputs = width
            self.add_module(f"layer{stage}", nn.Sequential(*layers))
        self.linear = nn.Linear(inputs, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, num_classes)."""
        out = F.relu(conv_norm(self.conv1, self.bn1, self.normalise(x)))
        for stage in range(1, self.stages + 1):
            out = self.get_submodule(f"layer{stage}")(out)
        logits: Tensor = self.linear(pooled(out))
        return logits
