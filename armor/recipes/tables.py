"""The tables of `armor reproduce`: which recipes make which rows, and what each scale changes."""

from dataclasses import dataclass

from armor.naming import known

__all__ = ["SCALES", "Row", "Scale", "rows", "tables"]


@dataclass(frozen=True)
class Scale:
    """How much is computed: settings on top of each recipe, seeds, and the evaluation.

    `faithful` says whether the numbers can be held against published ones.
    """

    settings: tuple[str, ...]
    seeds: tuple[int, ...]
    attacks: str
    images: int | None
    faithful: bool


SCALES = {
    "smoke": Scale(
        (
            "model.name=resnet-small",
            "data.limit=2000",
            "training.epochs=12",
            "training.batch=64",
            "attack.steps=3",
            "attack.step=4/255",
            "attack.schedule=constant",
            "optimizer.lr=0.1",
            "schedule.name=cyclic",
            "schedule.milestones=[]",
            "schedule.warmup=0.2",
            "validation.every=4",
            "validation.images=500",
        ),
        (0,),
        "pgd20",
        1000,
        False,
    ),
    "cpu": Scale(
        (
            "model.name=resnet-small",
            "training.epochs=10",
            "attack.steps=2",
            "attack.step=6/255",
            "attack.schedule=constant",
            "optimizer.lr=0.2",
            "optimizer.nesterov=true",
            "schedule.name=cyclic",
            "schedule.milestones=[]",
            "schedule.warmup=0.2",
            "validation.every=2",
        ),
        (0, 1, 2),
        "fgsm,pgd20",
        None,
        False,
    ),
    "full": Scale((), (0, 1, 2), "pgd20,autoattack", None, True),
}


@dataclass(frozen=True)
class _Entry:
    """A row before scale and seed: label, recipe, the recipe it is compared with, changes and their tag."""

    label: str
    recipe: str
    against: str | None
    tag: str = ""
    settings: tuple[str, ...] = ()


def _methods(
    data: str, suffix: str = "", tag: str = "", settings: tuple[str, ...] = ()
) -> tuple[_Entry, ...]:
    found = []
    for title, name in (("PGD", "pgd"), ("TRADES", "trades"), ("MART", "mart")):
        plain = f"{data}-{name}"
        found.append(_Entry(title + suffix, plain, None, tag, settings))
        found.append(_Entry(f"{title} + ARMOR-KL{suffix}", f"{plain}-kl", plain, tag, settings))
    return tuple(found)


_TABLES: dict[str, tuple[_Entry, ...]] = {
    "cifar10": _methods("cifar10"),
    # The published scripts train at one radius and evaluate at another; here each row has one, and both are
    # run.
    "cifar100": (
        *_methods("cifar100", " (8/255)"),
        *_methods("cifar100", " (0.01)", "-r001", ("attack.radius=0.01", "attack.step=0.0025")),
    ),
}


@dataclass(frozen=True)
class Row:
    """One training run of a table.

    Attributes:
        label: of the row. recipe, seed: what to train. settings: changes to the recipe, seed included.
        folder: of the run, below the table's folder. baseline: folder of the run it is compared with, same
        seed. attacks, images: the evaluation (None: the whole test set). radius: of the recipe, as text.
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


def tables() -> tuple[str, ...]:
    """Names of the tables."""
    return tuple(_TABLES)


def rows(table: str, scale: str) -> tuple[Row, ...]:
    """All runs of a table at a scale.

    Raises:
        InputError: unknown table or scale.
    """
    from armor.recipes import find

    entries = _TABLES[known(table, "table", tables())]
    chosen = SCALES[known(scale, "scale", SCALES)]
    found = []
    for seed in chosen.seeds:
        for entry in entries:
            settings = (*chosen.settings, *entry.settings, f"training.seed={seed}")
            end = f"{entry.tag}-seed{seed}"
            found.append(
                Row(
                    label=entry.label,
                    recipe=entry.recipe,
                    seed=seed,
                    settings=settings,
                    folder=entry.recipe + end,
                    baseline=None if entry.against is None else entry.against + end,
                    attacks=chosen.attacks,
                    images=chosen.images,
                    radius=str(find(entry.recipe, settings).attack.radius),
                )
            )
    return tuple(found)
