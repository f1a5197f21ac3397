"""What an epoch's re-weighting looked like: lambda of every step, and how often a weight had which size."""

from typing import Any

import torch
from torch import Tensor

from armor.training.workers import Workers

__all__ = ["BINS", "EDGES", "Trace"]

# Edges of the histogram of B w_i, 1 being the weight of a sample that is not re-weighted: half octaves.
EDGES = tuple(2.0 ** (k / 2) for k in range(-16, 17))
BINS = 20  # of equal width, between the smallest and the largest lambda of an epoch


class Trace:
    """Counts on the device, so that no step waits for the host.

    lambdas (steps of an epoch,), counts (len(EDGES) + 1,): below, between and above the edges. float64.
    """

    def __init__(self, steps: int, device: torch.device) -> None:
        self.lambdas = torch.zeros(steps, dtype=torch.float64, device=device)
        self.counts = torch.zeros(len(EDGES) + 1, dtype=torch.float64, device=device)
        self._edges = torch.tensor(EDGES, dtype=torch.float64, device=device)

    def add(self, step: int, lam: Tensor, weights: Tensor, batch: int, workers: Workers) -> None:
        """Note step number `step` of the epoch; weights: (b,) of this worker, masses of a batch."""
        self.lambdas[step] = lam
        place = torch.bucketize(weights.double() * batch, self._edges)
        counts = (place[:, None] == torch.arange(self.counts.numel(), device=place.device)).double().sum(0)
        workers.average([counts])
        self.counts += counts * workers.world

    def close(self) -> dict[str, Any]:
        """Quantiles of lambda (0, ¼, ½, ¾, 1), its histogram, that of the weights, as numbers; then empty.

        The histogram of lambda has `BINS` bins between the first and the last quantile.
        """
        quarters = torch.linspace(0, 1, 5, dtype=torch.float64, device=self.lambdas.device)
        found = {
            "lambda_quantiles": torch.quantile(self.lambdas, quarters).tolist(),
            "lambda_histogram": self._lambdas(),
            "weight_histogram": [round(count) for count in self.counts.tolist()],
        }
        self.lambdas.zero_()
        self.counts.zero_()
        return found

    def _lambdas(self) -> list[int]:
        low, high = self.lambdas.min(), self.lambdas.max()
        width = torch.where(high > low, high - low, 1.0)
        place = ((self.lambdas - low) / width * BINS).long().clamp(0, BINS - 1)
        return torch.bincount(place, minlength=BINS).tolist()

    def state_dict(self) -> dict[str, Tensor]:
        """What a resumed run needs."""
        return {"lambdas": self.lambdas, "counts": self.counts}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Restore `state_dict`."""
        self.lambdas.copy_(state["lambdas"])
        self.counts.copy_(state["counts"])
