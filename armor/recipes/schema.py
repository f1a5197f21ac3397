# ruff: noqa: RUF009 (the entries are dataclass fields made by functions)
"""What a recipe may say. Every table of the TOML file is one dataclass here, every entry with its range.

Defaults are the settings of the paper's CIFAR-10 TRADES row where it states them.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from armor.data import names as data_names
from armor.recipes.entries import choice, flag, integer, integers, number, rational, specification, text

__all__ = [
    "Attack",
    "Augment",
    "Awp",
    "Data",
    "Dual",
    "Method",
    "Model",
    "Optimizer",
    "Recipe",
    "Schedule",
    "Training",
    "Validation",
]


def _models() -> tuple[str, ...]:
    from armor.models import names

    return names()


@dataclass(frozen=True)
class Data:
    """Which images: `validation` of the training set serve every choice; `limit` = 0 keeps the rest."""

    name: str = choice("cifar10", data_names())
    validation: int = integer(1000, 0, 30_000)
    limit: int = integer(0, 0, 60_000)


@dataclass(frozen=True)
class Augment:
    """Random crop with zero padding, flip, cutout."""

    crop: int = integer(4, 0, 8)
    flip: bool = flag(True)
    cutout: int = integer(0, 0, 16)


@dataclass(frozen=True)
class Model:
    """Which architecture."""

    name: str = choice("resnet18", _models)


@dataclass(frozen=True)
class Method:
    """`natural` · mean natural loss + (1 − `natural`) · dual value over the batch of per-sample losses.

    `divergence = "none"` takes the plain mean, the method without its ARMOR extension. `mart_attack`: MART's
    published attack maximises plain cross-entropy, the exact one the whole loss, as the duality asks.
    `smoothing`: share of the label's mass that the cross-entropy terms spread over all classes.
    `instances`: a file of certified instances for the pre-flight of a divergence that ships none (`armor
    verify --divergence … --preflight FILE`).
    """

    loss: str = choice("trades", ("pgd", "trades", "mart", "udr"))
    beta: float = number(6.0, 0.0, 1000.0)
    mart_attack: str = choice("published", ("published", "exact"))
    divergence: Any = specification("kl")
    epsilon: float = number(0.02, 0.0, 1e6, above=True)
    kappa: float = number(0.0, 0.0, 1e6)
    natural: float = number(0.0, 0.0, 0.999)
    smoothing: float = number(0.0, 0.0, 0.9)
    instances: str = text("")


@dataclass(frozen=True)
class Dual:
    """How lambda and rho are found (T21).

    `exact` solves for them on every batch; `learned` moves them by Adam with the rate `lr`, from `lam` and
    `rho`; `carried` solves on the last known losses of all training samples, every `every` batches.
    """

    mode: str = choice("exact", ("exact", "learned", "carried"))
    lam: float = number(1.0, 0.0, 1e9, above=True)
    rho: float = number(0.0, -1e9, 1e9)
    lr: float = number(1e-3, 0.0, 10.0, above=True)
    every: int = integer(1, 1, 1_000_000)


@dataclass(frozen=True)
class Attack:
    """The training attack: gradient steps of size `step`, pixels in [0, 1].

    `cost` is the transport cost: `ball` (free inside `radius` in `norm`, forbidden beyond), and for `udr` a
    soft one: `soft-ball` (`radius`, `tau`, `scale`), `power` (`scale` ‖y - x‖^`power` in `norm`), `barrier`
    (`scale`, at most `radius` far) or `flips` (`scale` per feature turned from 0 to 1). `radius` is also that
    of the validation attack. `rounds`: transport and multiplier alternate so often in a step of `udr`, which
    starts from the multiplier `dual.lam`. `moves`: whether it moves all samples or, of binary features, the
    malicious ones only (the paper's one-sided `adv_a`). `start` = "gaussian" is the published one of TRADES;
    `batchnorm`: the statistics used while attacking.

    `keep`: the `last` iterate, as published, or the `best` one of a sample (a pass or two more); a soft cost
    always keeps the best. `restarts`: independent runs of which the best counts, for `ball` with `keep` =
    "best". Each needs a random `start`: with several, `uniform` begins a soft cost one `step` away, and
    `flips` begin all but the first of them at `steps`/2 random flips.
    """

    cost: str = choice("ball", ("ball", "soft-ball", "power", "barrier", "flips"))
    norm: str = choice("linf", ("linf", "l2", "l1"))
    radius: Fraction = rational("8/255", "0", "1000")
    tau: Fraction = rational("2/255", "0", "1000")
    scale: float = number(1.0, 0.0, 1e9, above=True)
    power: float = number(2.0, 1.0, 100.0)
    rounds: int = integer(1, 1, 100)
    moves: str = choice("all", ("all", "malicious"))
    step: Fraction = rational("2/255", "0", "1")
    steps: int = integer(10, 1, 1000)
    start: str = choice("uniform", ("uniform", "gaussian", "none"))
    schedule: str = choice("constant", ("constant", "linear", "cosine"))
    keep: str = choice("last", ("last", "best"))
    restarts: int = integer(1, 1, 100)
    batchnorm: str = choice("eval", ("eval", "batch", "train"))


@dataclass(frozen=True)
class Optimizer:
    """Stochastic gradient descent with momentum; `clip` = 0 leaves the gradient's norm alone.

    `decay_all` = false spares biases and normalisation (all parameters of one dimension) the weight decay.
    """

    lr: float = number(0.1, 0.0, 100.0, above=True)
    momentum: float = number(0.9, 0.0, 0.9999)
    nesterov: bool = flag(False)
    weight_decay: float = number(5e-4, 0.0, 1.0)
    clip: float = number(0.0, 0.0, 1e6)
    decay_all: bool = flag(True)


@dataclass(frozen=True)
class Schedule:
    """Learning rate over the run.

    `piecewise` (× `factor` at each of `milestones`, in epochs), `cosine` to zero after `warmup`, `cyclic`
    (linear up during `warmup`, linear down to zero); `warmup` is a fraction of the run.
    """

    name: str = choice("piecewise", ("piecewise", "cosine", "cyclic"))
    milestones: tuple[int, ...] = integers((), 1, 100_000)
    factor: float = number(0.1, 0.0, 1.0, above=True)
    warmup: float = number(0.0, 0.0, 0.99)


@dataclass(frozen=True)
class Training:
    """Length, batch, seed, arithmetic; "auto" and 0 threads are settled by measuring.

    Validated and published is the network itself, or its exponential moving average with decay `ema`, or the
    plain average of its weights after each epoch from number `swa` on (0: none).
    """

    epochs: int = integer(100, 1, 100_000)
    batch: int = integer(128, 2, 65_536)
    seed: int = integer(0, 0, 2**31 - 1)
    precision: str = choice("auto", ("auto", "float32", "bfloat16", "float16"))
    layout: str = choice("auto", ("auto", "contiguous", "channels_last"))
    threads: int = integer(0, 0, 1024)
    compile: str = choice("auto", ("auto", "never", "always"))
    ema: float = number(0.0, 0.0, 0.99999)
    swa: int = integer(0, 0, 100_000)


@dataclass(frozen=True)
class Awp:
    """Adversarial weight perturbation (D. Wu, S. Xia, Y. Wang, arXiv 2004.05884).

    From epoch `start` (from 0) on, the gradient is taken where every weight tensor has moved by `gamma` times
    its own norm along the gradient of the loss; `gamma` = 0 is off.
    """

    gamma: float = number(0.0, 0.0, 1.0)
    start: int = integer(0, 0, 100_000)


@dataclass(frozen=True)
class Validation:
    """Each `every` epochs, PGD with `steps` steps on `images` validation ones, balanced, selects the best.

    `patience` > 0 ends the run early once that many epochs in a row brought no better one.
    """

    every: int = integer(1, 1, 100_000)
    steps: int = integer(10, 1, 1000)
    images: int = integer(1000, 1, 30_000)
    patience: int = integer(0, 0, 100_000)


@dataclass(frozen=True)
class Recipe:
    """A whole run. `name` is the file's stem."""

    name: str
    title: str = ""
    data: Data = field(default_factory=Data)
    augment: Augment = field(default_factory=Augment)
    model: Model = field(default_factory=Model)
    method: Method = field(default_factory=Method)
    dual: Dual = field(default_factory=Dual)
    attack: Attack = field(default_factory=Attack)
    optimizer: Optimizer = field(default_factory=Optimizer)
    schedule: Schedule = field(default_factory=Schedule)
    awp: Awp = field(default_factory=Awp)
    training: Training = field(default_factory=Training)
    validation: Validation = field(default_factory=Validation)
