"""Fashion-MNIST: 60,000 + 10,000 grey images of 28 × 28, ten kinds of clothing.

Source: H. Xiao, K. Rasul, R. Vollgraf, *Fashion-MNIST*, arXiv 1708.07747, 2017.
"""

from armor.data import idx
from armor.data.dataset import Reader

__all__ = ["MD5", "READER"]

MD5 = {  # of the unpacked files
    "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
    "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
    "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
    "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
}

READER = Reader(
    name="fashion_mnist",
    title="Fashion-MNIST",
    classes=(
        "T-shirt/top", "trouser", "pullover", "dress", "coat",
        "sandal", "shirt", "sneaker", "bag", "ankle boot",
    ),
    shape=(1, 28, 28),
    mean=(0.2860,),
    std=(0.3530,),
    locate=lambda root: idx.locate(root, "FashionMNIST"),
    read=lambda place: idx.read(place, MD5, 10, "Fashion-MNIST"),
    slow=lambda _place: False,
    expects="FashionMNIST/raw/ with the four gzipped IDX files",
)  # fmt: skip
