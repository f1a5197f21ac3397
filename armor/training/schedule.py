"""The learning rate as a function of the step: no state, so a resumed run continues exactly."""

from math import cos, pi

from armor.recipes.schema import Optimizer, Schedule

__all__ = ["learning_rate"]


def learning_rate(schedule: Schedule, optimizer: Optimizer, step: int, per_epoch: int, epochs: int) -> float:
    """Learning rate of step `step` (from 0) in a run of `epochs` epochs of `per_epoch` steps.

    During `warmup` (a fraction of the run) it rises linearly to `optimizer.lr`; then `piecewise` multiplies
    it by `factor` at the start of each milestone epoch, `cosine` lowers it to zero along half a period,
    `cyclic` linearly. The rate is that of the middle of the step, so that no step is taken with rate zero.
    """
    share = (step + 0.5) / (per_epoch * epochs)
    if share < schedule.warmup:
        return optimizer.lr * share / schedule.warmup
    rest = (share - schedule.warmup) / (1.0 - schedule.warmup)
    if schedule.name == "cosine":
        return optimizer.lr * 0.5 * (1.0 + cos(pi * rest))
    if schedule.name == "cyclic":
        return optimizer.lr * (1.0 - rest)
    passed = sum(step // per_epoch >= milestone for milestone in schedule.milestones)
    return float(optimizer.lr * schedule.factor**passed)
