"""The tables of `armor reproduce`: which recipes make which rows, and what each scale changes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from armor.naming import known

if TYPE_CHECKING:
    from armor.recipes import Recipe

__all__ = ["SCALES", "Row", "Scale", "rows", "tables"]


@dataclass(frozen=True)
class Scale:
    """How much is computed: settings on top of each recipe, seeds, and the evaluation.

    Attributes:
        settings: by family of tables, "cifar" or "mnist".
        steps: of the training attack, by family, of a size to reach half as far again as the radius; a
        family that is missing keeps those of its recipes.
        seeds: one run each. attacks: of the evaluation, by family; images: how many (None: the whole test
        set).
        faithful: whether the numbers can be held against published ones.
        controls: whether every control row runs, or only that of TRADES with ARMOR-KL.
    """

    settings: Mapping[str, tuple[str, ...]]
    steps: Mapping[str, int]
    seeds: tuple[int, ...]
    attacks: Mapping[str, str]
    images: int | None
    faithful: bool
    controls: bool


_SMALL = (
    "model.name=resnet-small",
    "optimizer.nesterov=true",
    "optimizer.weight_decay=5e-4",
    "schedule.name=cyclic",
    "schedule.milestones=[]",
    "schedule.warmup=0.2",
    # The same arithmetic for all rows: what a probe finds fastest can differ from run to run.
    "training.precision=bfloat16",
    "training.layout=channels_last",
    "training.threads=1",
)

SCALES = {
    "smoke": Scale(
        {
            "cifar": (
                *_SMALL, "data.limit=2000", "training.epochs=5", "training.batch=64", "optimizer.lr=0.1",
                "validation.every=5", "validation.images=250",
            ),
            "mnist": (
                "data.limit=2000", "training.epochs=10", "validation.every=5", "validation.images=500",
            ),
        },
        {"cifar": 2, "mnist": 5}, (0,), {"cifar": "pgd20", "mnist": "pgd20"}, 500, False, False,
    ),
    "cpu": Scale(
        {
            "cifar": (
                *_SMALL, "data.limit=6000", "training.epochs=4", "optimizer.lr=0.2", "validation.images=500",
            ),
            "mnist": ("data.limit=10000", "training.epochs=6", "validation.images=500"),
        },
        {"cifar": 2, "mnist": 5}, (0, 1, 2),
        dict.fromkeys(("cifar", "mnist"), "pgd10,cw10,autoattack@200"), 1000, False, True,
    ),
    # What is published for MNIST is FGSM and PGD-40.
    "full": Scale(
        {"cifar": (), "mnist": ()}, {}, (0, 1, 2),
        {"cifar": "fgsm,pgd20,autoattack", "mnist": "fgsm,pgd40,autoattack"}, None, True, True,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class _Entry:
    """A row before scale and seed: label, recipe, the row it is compared with, changes and their tag.

    `extra`: a row that only a scale with all controls computes.
    """

    label: str
    recipe: str
    against: str | None
    tag: str = ""
    settings: tuple[str, ...] = ()
    extra: bool = False


# The paper's rows differ from the plain method in more than the re-weighting: in the shares of the losses
# (TRADES, MART), in what the attack maximises (MART), in the radius (UDR). For each loss that is not the
# plain one a control row has it without the re-weighting, so that one can tell which makes a difference.
_CONTROLS: dict[str, dict[str, tuple[str, ...]]] = {
    "cifar10": {"udr": ("KL",), "trades": ("KL",), "mart": ("KL",)},
    "cifar100": {"udr": ("alpha",), "trades": ("KL", "alpha"), "mart": ("KL", "alpha")},
}


def _control(label: str, entry: _Entry, *, extra: bool) -> _Entry:
    """`entry` without its re-weighting."""
    return replace(
        entry,
        label=label,
        tag=f"-none{entry.tag}",
        settings=("method.divergence=none", *entry.settings),
        extra=extra,
    )


def _cifar(data: str, suffix: str = "", tag: str = "", settings: tuple[str, ...] = ()) -> tuple[_Entry, ...]:
    found = []
    for title, name in (("PGD", "pgd"), ("UDR", "udr"), ("TRADES", "trades"), ("MART", "mart")):
        plain = f"{data}-{name}"
        found.append(_Entry(title + suffix, plain, None, tag, settings))
        armor = {
            divergence: _Entry(
                f"{title} + ARMOR-{divergence}{suffix}",
                f"{plain}-{divergence.lower()}",
                plain + tag,
                tag,
                settings,
            )
            for divergence in ("KL", "alpha")
        }
        what = "radius" if name == "udr" else "loss"
        for divergence in _CONTROLS[data].get(name, ()):
            label = f"{title}, {what} of the ARMOR-{divergence} row{suffix}"
            extra = (name, divergence) != ("trades", "KL")
            found.append(_control(label, armor[divergence], extra=extra))
        found += armor.values()
    return tuple(found)


def _duals() -> tuple[_Entry, ...]:
    """TRADES without ARMOR and with ARMOR-KL, the three duals apart; nothing else differs.

    The loss is that of plain TRADES, so that re-weighting alone makes the difference. epsilon and kappa are
    the paper's. The learned dual starts at rho = log 10, the loss of a network that knows nothing, with a
    rate at which it can travel as far as it may need to within a short run.
    """
    plain, recipe = "cifar10-trades", "cifar10-trades-kl"
    loss = ("method.beta=6", "method.natural=0")
    # Carried from the first batch on, the multipliers of a network that knows nothing (all its losses nearly
    # equal, lambda close to 0) blow up the second batch; after 16 batches they serve.
    carried = ("dual.mode=carried", "dual.every=16")
    learned = ("dual.mode=learned", "dual.lr=0.02", "dual.lam=2", "dual.rho=2.3")
    return (
        _Entry("TRADES", plain, None, "", ("method.beta=6",)),
        _Entry("TRADES + ARMOR-KL, exact dual", recipe, plain, "-exact", loss),
        _Entry("TRADES + ARMOR-KL, learned dual", recipe, plain, "-learned", (*loss, *learned)),
        _Entry("TRADES + ARMOR-KL, carried dual", recipe, plain, "-carried", (*loss, *carried)),
    )


def _mnist(data: str) -> tuple[_Entry, ...]:
    settings = (f"data.name={data}",)
    plain = _Entry("PGD", "mnist-pgd", None, "", settings)
    rows = (
        ("ARMOR-KL", "mnist-kl"),
        ("ARMOR-KL + natural", "mnist-kl-nat"),
        ("ARMOR-alpha 5", "mnist-alpha"),
        ("ARMOR-alpha 3 + natural", "mnist-alpha-nat"),
        ("ARMOR-Rényi 1.25", "mnist-renyi"),
        ("ARMOR-Rényi 2.95 + natural", "mnist-renyi-nat"),
    )
    found = [plain]
    for label, recipe in rows:
        entry = _Entry(label, recipe, "mnist-pgd", "", settings)
        if recipe != "mnist-renyi":  # which is plain PGD without its re-weighting
            found.append(_control(f"loss and cost of the {label} row", entry, extra=True))
        found.append(entry)
    return tuple(found)


_TABLES: dict[str, tuple[str, tuple[_Entry, ...]]] = {
    "cifar10": ("cifar", _cifar("cifar10")),
    "cifar10-duals": ("cifar", _duals()),
    # The published scripts train at one radius and evaluate at another; here each row has one, and both are
    # run.
    "cifar100": (
        "cifar",
        (
            *_cifar("cifar100", " (8/255)"),
            *_cifar("cifar100", " (0.01)", "-r001", ("attack.radius=0.01",)),
        ),
    ),
    "mnist": ("mnist", _mnist("mnist")),
    "fashion_mnist": ("mnist", _mnist("fashion_mnist")),
}


@dataclass(frozen=True)
class Row:
    """One training run of a table.

    Attributes:
        label: of the row. recipe, seed: what to train. settings: changes to the recipe, seed included.
        folder: of the run, below the table's folder. baseline: folder of the run it is compared with, same
        seed. attacks, images: the evaluation (None: the whole test set). radius: of the recipe, as text.
        control: folder of the run that differs from it in the re-weighting alone, if the table has one.
    """

    label: str
    recipe: str
    seed: int
    settings: tuple[str, ...]
    folder: str
    baseline: str | None
    attacks: str
    images: int | None
    radius: str
    control: str | None = None


def tables() -> tuple[str, ...]:
    """Names of the tables."""
    return tuple(_TABLES)


def _steps(recipe: str, settings: tuple[str, ...], count: int | None) -> tuple[str, ...]:
    """Settings that fit the attack to its radius: `count` steps, or as many as the recipe has."""
    from armor.recipes import find

    base, chosen = find(recipe).attack, find(recipe, settings).attack
    share = chosen.radius / base.radius
    found: tuple[str, ...] = () if share == 1 else (f"attack.tau={base.tau * share}",)
    if count is not None:
        step = chosen.radius * Fraction(3, 2) / count
        return (*found, f"attack.steps={count}", f"attack.step={step}", "attack.schedule=constant")
    return found if share == 1 else (*found, f"attack.step={base.step * share}")


def _without_reweighting(recipe: "Recipe") -> str:
    """All that training depends on but the divergence, as text: equal for a row and its control."""
    from armor.recipes import to_mapping

    content = to_mapping(replace(recipe, title=""))
    del content["method"]["divergence"]
    if recipe.attack.cost == "ball":  # then the attack knows of no multiplier
        del content["method"]["epsilon"], content["method"]["kappa"], content["dual"]
    if recipe.method.loss not in ("trades", "mart"):
        del content["method"]["beta"]
    return json.dumps(content, sort_keys=True)


def _with_controls(found: Sequence[tuple[Row, "Recipe"]]) -> tuple[Row, ...]:
    """The rows, each that re-weights with the one that differs from it in nothing else."""
    plain = {_without_reweighting(r): row.folder for row, r in found if r.method.divergence == "none"}
    return tuple(
        row if r.method.divergence == "none" else replace(row, control=plain.get(_without_reweighting(r)))
        for row, r in found
    )


def rows(table: str, scale: str) -> tuple[Row, ...]:
    """All runs of a table at a scale, seed by seed.

    Raises:
        InputError: unknown table or scale.
    """
    from armor.recipes import find

    family, entries = _TABLES[known(table, "table", tables())]
    chosen = SCALES[known(scale, "scale", SCALES)]
    count = chosen.steps.get(family)
    found = []
    for seed in chosen.seeds:
        for entry in entries:
            if entry.extra and not chosen.controls:
                continue
            settings = (*chosen.settings[family], *entry.settings)
            settings = (*settings, *_steps(entry.recipe, settings, count), f"training.seed={seed}")
            recipe = find(entry.recipe, settings)
            row = Row(
                label=entry.label,
                recipe=entry.recipe,
                seed=seed,
                settings=settings,
                folder=f"{entry.recipe}{entry.tag}-seed{seed}",
                baseline=None if entry.against is None else f"{entry.against}-seed{seed}",
                attacks=chosen.attacks[family],
                images=chosen.images,
                radius=str(recipe.attack.radius),
            )
            found.append((row, recipe))
    return _with_controls(found)
