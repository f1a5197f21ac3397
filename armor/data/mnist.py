"""MNIST: 60,000 + 10,000 grey images of 28 × 28, ten digits.

Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, *Gradient-based learning applied to document recognition*,
1998.
"""

from armor.data import idx
from armor.data.dataset import Reader

__all__ = ["MD5", "READER"]

MD5 = {  # of the unpacked files
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}

READER = Reader(
    name="mnist",
    title="MNIST",
    classes=tuple("0123456789"),
    shape=(1, 28, 28),
    mean=(0.1307,),
    std=(0.3081,),
    locate=lambda root: idx.locate(root, "MNIST"),
    read=lambda place: idx.read(place, MD5, 10, "MNIST"),
    slow=lambda _place: False,
    expects="MNIST/raw/ with the four gzipped IDX files",
)
