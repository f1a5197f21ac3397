"""Fully connected network for feature vectors, the shape of A. Al-Dujaili et al. (arXiv 1801.02950)."""

from torch import Tensor, nn

from armor.models.normalise import Normalise

__all__ = ["Mlp"]


class Mlp(nn.Module):
    """Samples (B, D, 1, 1) to logits (B, num_classes) through three hidden layers with ReLU.

    Args:
        normalise: per-feature normalisation, the identity for binary features.
        num_classes: number of logits. features: D, of all channels and pixels together.
        hidden: width of the hidden layers.
    """

    def __init__(self, normalise: Normalise, num_classes: int, *, features: int, hidden: int = 300) -> None:
        super().__init__()
        self.normalise = normalise
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(features, hidden), nn.ReLU(),
            nn.Linear(hidden, hidden), nn.ReLU(),
            nn.Linear(hidden, hidden), nn.ReLU(),
            nn.Linear(hidden, num_classes),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, num_classes)."""
        logits: Tensor = self.layers(self.normalise(x))
        return logits
