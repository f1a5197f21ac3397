"""Plain convolutional networks: the paper's MNIST network, and one of the same shape for any image size."""

from torch import Tensor, nn

from armor.models.normalise import Normalise

__all__ = ["Cnn"]


class Cnn(nn.Module):
    """Convolutions w, w (stride 2), 2w, 2w (stride 2), all 3 × 3, padding 1, ReLU; then hidden–classes.

    With w = 32, hidden = 100 on 28 × 28 grey images this is the MNIST network of the paper: 3136–100–10.

    Args:
        normalise: per-channel normalisation of the pixels.
        num_classes: number of logits.
        channels, side: shape of the images.
        width: channels w of the first two convolutions.
        hidden: width of the fully connected layer.
    """

    def __init__(
        self,
        normalise: Normalise,
        num_classes: int,
        *,
        channels: int,
        side: int,
        width: int = 32,
        hidden: int = 100,
    ) -> None:
        super().__init__()
        self.normalise = normalise
        small = ((side + 1) // 2 + 1) // 2
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, 3, 1, 1), nn.ReLU(),
            nn.Conv2d(width, width, 3, 2, 1), nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, 1, 1), nn.ReLU(),
            nn.Conv2d(2 * width, 2 * width, 3, 2, 1), nn.ReLU(),
            nn.Flatten(),
            nn.Linear(2 * width * small * small, hidden), nn.ReLU(),
            nn.Linear(hidden, num_classes),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, num_classes)."""
        logits: Tensor = self.layers(self.normalise(x))
        return logits
