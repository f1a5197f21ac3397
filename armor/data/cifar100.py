"""CIFAR-100: 50,000 + 10,000 RGB images of 32 × 32, 100 fine classes.

Source: A. Krizhevsky, *Learning Multiple Layers of Features from Tiny Images*, technical report, 2009.
"""

from pathlib import Path

from armor.data import cifar
from armor.data.dataset import Arrays, Reader
from armor.data.layout import Layout

__all__ = ["LAYOUT", "READER"]

LAYOUT = Layout(
    name="cifar100",
    title="CIFAR-100",
    folder="cifar-100-python",
    files={
        "train": "16019d7e3df5f24257cddd939b257f8d",
        "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
        "meta": "7973b15100ade9c7d40fb424638fde48",
    },
    archive="cifar-100-python.tar.gz",
    packed="cifar-100.npz",
    url="https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
    archive_md5="eb9058c3a382ffc7106e4002c42a8d85",
)

_CLASSES = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can
castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin
elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster
man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck
pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk
skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger
tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""


def _read(place: Path) -> Arrays:
    files = cifar.read_files(place, LAYOUT)
    classes = len(READER.classes)
    x_train, y_train = cifar.parse_batch(files["train"], f"{place}: train", b"fine_labels", classes)
    x_test, y_test = cifar.parse_batch(files["test"], f"{place}: test", b"fine_labels", classes)
    return Arrays(x_train, y_train, x_test, y_test)


READER = Reader(
    name="cifar100",
    title="CIFAR-100",
    classes=tuple(_CLASSES.split()),
    shape=(3, 32, 32),
    mean=(0.5071, 0.4865, 0.4409),
    std=(0.2673, 0.2564, 0.2762),
    locate=lambda root: cifar.locate(root, LAYOUT),
    read=_read,
    slow=cifar.is_slow,
    expects=cifar.expects(LAYOUT),
)
