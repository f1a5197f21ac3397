"""The training benchmark: both sides do the same mathematics, and its rows are filled."""

import torch

from armor.bench import training
from armor.training.arithmetic import Arithmetic


def test_both_ways_take_the_same_step() -> None:
    """From the same weights, images and start of the attack the updated weights agree."""
    images, labels, _ = training._images(None)
    cpu = torch.device("cpu")
    theirs, ours = training._both("cnn-small", 16, images, labels, cpu, Arithmetic())
    x, y = theirs.fetch()
    before = [p.detach().clone() for p in theirs.network.parameters()]
    theirs.generator.manual_seed(7)
    ours.generator.manual_seed(7)
    theirs.step(x, y)
    ours.step(x, y)
    moves = [
        torch.cat(
            [(p.detach() - old).flatten() for p, old in zip(side.network.parameters(), before, strict=True)]
        )
        for side in (theirs, ours)
    ]
    # The attack takes signs of gradients that begin near zero, so some pixels go the other way by rounding.
    assert float((moves[0] - moves[1]).norm()) < 0.1 * float(moves[0].norm())


def test_rows() -> None:
    rows = list(training.run(repeats=1, sizes=(16,), model="cnn-small", steps=0))
    found = {row.what: row for row in rows}
    speed = found["images per second, whole step"]
    assert speed.ours > 0
    assert speed.ratio is not None
    assert abs(speed.ratio - speed.ours / speed.baseline) < 1e-9  # type: ignore[operator]
    assert 0 < found["loader's share of the step"].ours < 1
    assert found["peak memory of a step, MB"].ours > 0
