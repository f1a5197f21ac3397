"""The validation split: a fixed, class-balanced part of the training data, never of the test data.

Every choice that a run makes (best epoch, early stopping) is made on it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from armor.data.keys import permutation
from armor.errors import InputError

__all__ = ["SPLIT_SEED", "Split", "split"]

SPLIT_SEED = 20230917  # the same images for every run, seed and method, so that runs compare


@dataclass(frozen=True)
class Split:
    """Indices into the official training set (int64, ascending)."""

    train: Tensor
    validation: Tensor


def split(labels: Tensor, count: int, limit: int | None = None) -> Split:
    """Take `count` validation images, balanced over the classes; of the others keep `limit`, balanced too.

    Args:
        labels: (N,) int64 labels of the training set.
        count: size of the validation split, 0 … N − 1.
        limit: how many of the remaining images to train on (None: all).

    Raises:
        InputError: more images asked for than there are.
    """
    total = labels.numel()
    if not 0 <= count < total:
        raise InputError(f"a validation split of {count} images does not fit a training set of {total}")
    if limit is not None and not 1 <= limit <= total - count:
        raise InputError(
            f"{limit} training images asked for, but {total - count} remain beside the validation split"
        )
    order = permutation(SPLIT_SEED, total)
    # Rank of every image within its class, in random order; sorting by rank interleaves the classes evenly.
    shuffled = labels.cpu()[order]
    by_class = torch.argsort(shuffled, stable=True)
    counts = torch.bincount(shuffled)
    starts = torch.cumsum(counts, 0) - counts
    rank = torch.empty(total, dtype=torch.int64)
    rank[by_class] = torch.arange(total) - starts[shuffled[by_class]]
    balanced = order[torch.argsort(rank, stable=True)]
    end = total if limit is None else count + limit
    return Split(balanced[count:end].sort().values, balanced[:count].sort().values)
