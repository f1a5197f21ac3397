"""CIFAR-10: 50,000 + 10,000 RGB images of 32 × 32, 10 classes.

Source: A. Krizhevsky, *Learning Multiple Layers of Features from Tiny Images*, technical report, 2009.
"""

from pathlib import Path

import numpy as np

from armor.data import cifar
from armor.data.dataset import Arrays, Reader
from armor.data.layout import Layout

__all__ = ["LAYOUT", "READER"]

LAYOUT = Layout(
    name="cifar10",
    title="CIFAR-10",
    folder="cifar-10-batches-py",
    files={
        "data_batch_1": "c99cafc152244af753f735de768cd75f",
        "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "634d18415352ddfa80567beed471001a",
        "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
        "test_batch": "40351d587109b95175f43aff81a1287e",
        "batches.meta": "5ff9c542aee3614f3951f8cda6e48888",
    },
    archive="cifar-10-python.tar.gz",
    packed="cifar-10.npz",
    url="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    archive_md5="c58f30108f718f92721af3d95e74349a",
)


def _read(place: Path) -> Arrays:
    files = cifar.read_files(place, LAYOUT)
    classes = len(READER.classes)
    parts = [
        cifar.parse_batch(files[name], f"{place}: {name}", b"labels", classes)
        for name in sorted(files)
        if name.startswith("data_batch_")
    ]
    x_test, y_test = cifar.parse_batch(files["test_batch"], f"{place}: test_batch", b"labels", classes)
    x_train, y_train = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Arrays(x_train, y_train, x_test, y_test)


READER = Reader(
    name="cifar10",
    title="CIFAR-10",
    classes=(
        "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
    ),
    shape=(3, 32, 32),
    mean=(0.4914, 0.4822, 0.4465),
    std=(0.2470, 0.2435, 0.2616),
    locate=lambda root: cifar.locate(root, LAYOUT),
    read=_read,
    slow=cifar.is_slow,
    expects=cifar.expects(LAYOUT),
)  # fmt: skip
