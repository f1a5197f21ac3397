"""PreActResNet-18, CIFAR stem (K. He et al., *Identity Mappings in Deep Residual Networks*, 1603.05027).

Module names as in the widespread public CIFAR code; the final batch norm before pooling is optional there,
present here as in the robust-overfitting code of Rice et al. (arXiv 2002.11569).
"""

from torch import Tensor, nn
from torch.nn import functional as F

from armor.models.layers import conv_norm, pooled
from armor.models.normalise import Normalise

__all__ = ["PreActResNet18"]


class _PreActBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.shortcut: nn.Sequential | None = None
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(x))
        shortcut = x if self.shortcut is None else self.shortcut(out)
        result: Tensor = self.conv2(F.relu(conv_norm(self.conv1, self.bn2, out))) + shortcut
        return result


class PreActResNet18(nn.Module):
    """Images (B, C, H, W) in [0, 1] to logits (B, num_classes)."""

    def __init__(self, normalise: Normalise, num_classes: int, *, channels: int = 3) -> None:
        super().__init__()
        self.normalise = normalise
        self.conv1 = nn.Conv2d(channels, 64, 3, 1, 1, bias=False)
        self.layer1 = nn.Sequential(_PreActBlock(64, 64, 1), _PreActBlock(64, 64, 1))
        self.layer2 = nn.Sequential(_PreActBlock(64, 128, 2), _PreActBlock(128, 128, 1))
        self.layer3 = nn.Sequential(_PreActBlock(128, 256, 2), _PreActBlock(256, 256, 1))
        self.layer4 = nn.Sequential(_PreActBlock(256, 512, 2), _PreActBlock(512, 512, 1))
        self.bn = nn.BatchNorm2d(512)
        self.linear = nn.Linear(512, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, num_classes)."""
        out = self.conv1(self.normalise(x))
        out = self.layer4(self.layer3(self.layer2(self.layer1(out))))
        logits: Tensor = self.linear(pooled(F.relu(self.bn(out))))
        return logits
