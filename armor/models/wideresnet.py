"""WideResNet-d-k (S. Zagoruyko, N. Komodakis, arXiv 1605.07146), module names of the TRADES code."""

from torch import Tensor, nn
from torch.nn import functional as F

from armor.models.layers import conv_norm, pooled
from armor.models.normalise import Normalise

__all__ = ["WideResNet"]


class _WideBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.convShortcut = None if inputs == outputs else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        active = F.relu(self.bn1(x))
        shortcut = x if self.convShortcut is None else self.convShortcut(active)
        result: Tensor = self.conv2(F.relu(conv_norm(self.conv1, self.bn2, active))) + shortcut
        return result


class _Stage(nn.Module):
    def __init__(self, count: int, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        blocks = [_WideBlock(outputs if k else inputs, outputs, 1 if k else stride) for k in range(count)]
        self.layer = nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layer(x)
        return out


class WideResNet(nn.Module):
    """Images (B, C, H, W) in [0, 1] to logits (B, num_classes).

    Args:
        normalise: per-channel normalisation of the pixels.
        num_classes: number of logits.
        channels: channels of the images.
        depth: 6n + 4 layers.
        width: factor k on the channels 16, 32, 64.
    """

    def __init__(
        self, normalise: Normalise, num_classes: int, *, channels: int = 3, depth: int = 34, width: int = 10
    ) -> None:
        super().__init__()
        count = (depth - 4) // 6
        self.normalise = normalise
        self.conv1 = nn.Conv2d(channels, 16, 3, 1, 1, bias=False)
        self.block1 = _Stage(count, 16, 16 * width, 1)
        self.block2 = _Stage(count, 16 * width, 32 * width, 2)
        self.block3 = _Stage(count, 32 * width, 64 * width, 2)
        self.bn1 = nn.BatchNorm2d(64 * width)
        self.fc = nn.Linear(64 * width, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, num_classes)."""
        out = self.block3(self.block2(self.block1(self.conv1(self.normalise(x)))))
        logits: Tensor = self.fc(pooled(F.relu(self.bn1(out))))
        return logits
