"""One page per member of the catalogue: facts, plots, limits, when to choose it and its trap."""

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from companion import DOCS
from companion.derivations import Documents
from companion.figures import figure, save
from companion.text import escaped, prose, table

__all__ = ["draw", "index", "names", "page"]

Array = NDArray[np.float64]
RADII = (0.01, 0.05, 0.2, 1.0)
LIMITS = (1e-6, 1e-4, 1e-2, 1e-1, 1.0, 10.0)
SAMPLES = 200


def names() -> tuple[str, ...]:
    """Members of the catalogue, as their files are called."""
    from theory.catalogue import names as known

    return known(renyi=True)


def _specs(name: str) -> dict[str, Mapping[str, object]]:
    """The members' derivation pages that belong to this file, with their specification."""
    from theory.documents import members

    return {page: spec for page, spec in members().items() if spec["name"] == name}


def _notes(name: str) -> Mapping[str, str]:
    file = DOCS / "divergences" / "notes.toml"
    found: Mapping[str, Mapping[str, str]] = tomllib.loads(file.read_text(encoding="utf-8"))
    return found.get(name, {})


def _label(spec: Mapping[str, object]) -> str:
    extra = [f"{key} = {value}" for key, value in spec.items() if key != "name"]
    return ", ".join(extra)


def _plain(spec: Mapping[str, object]) -> dict[str, object]:
    """The specification with fractions as floats, as a recipe has them."""
    return {key: value if key == "name" else float(Fraction(str(value))) for key, value in spec.items()}


def _curves(spec: Mapping[str, object]) -> tuple[Array, Array, Array, Array]:
    """Densities and `f`, arguments and `f*`, as they are drawn: NaN where a value is infinite or 6 and more."""
    from theory.catalogue import divergence
    from theory.numeric import callables

    d = divergence(spec)
    fn = callables(d, "numpy")
    top = min(float(d.recession), 2.0) if d.recession.is_finite else 2.0
    t, y = np.linspace(1e-3, 4, 800), np.linspace(-4.0, top, 1600)
    with np.errstate(all="ignore"):
        values, dual = fn.f(t), fn.conjugate(y)
    shown = [np.where(np.isfinite(v) & (v < 6), v, np.nan) for v in (values, dual)]
    return t, shown[0], y, shown[1]


def _range(arguments: Array, values: Array) -> str:
    """`from -4 to 1`: between which arguments a curve is drawn."""
    drawn = arguments[np.isfinite(values)]
    first, last = (round(float(end), 2) + 0.0 for end in (drawn[0], drawn[-1]))  # + 0.0: no "-0"
    return f"from {first:g} to {last:g}"


def _ranges(name: str, which: int) -> str:
    """The range of f (`which` 0) or f* (2) of every member of this file, said once where all are the same."""
    found = {_label(spec): _range(*_curves(spec)[which : which + 2]) for spec in _specs(name).values()}
    if len(set(found.values())) == 1:
        return next(iter(found.values()))
    return ", ".join(f"{text} ({label})" for label, text in found.items())


def _functions(name: str) -> Callable[[Any], None]:
    from theory.catalogue import divergence

    def draw(drawn: Any) -> None:
        left, right = drawn.subplots(1, 2)
        for spec in _specs(name).values():
            d = divergence(spec)
            t, values, y, dual = _curves(spec)
            left.plot(t, values, label=_label(spec))
            right.plot(y, dual, label=_label(spec))
            if d.recession.is_finite:
                right.axvline(float(d.recession), color="#5e5c64", lw=0.8, ls=":")
        left.plot([1], [0], "o", ms=4, color="#5e5c64")
        left.set(title="$f(t)$", xlabel="density $t$")
        if name == "none":  # a point, which gives the axes no range
            left.set(xlim=(0, 4), ylim=(-0.5, 4))
        right.set(title="$f^*(y)$", xlabel="$y$")
        if len(_specs(name)) > 1:
            left.legend()

    return draw


def _renyi(drawn: Any) -> None:
    """In place of f and f*: the divergence of a coin from the fair one, and its conjugate on losses (0, y)."""
    import torch

    import armor

    left, right = drawn.subplots(1, 2)
    v = np.linspace(1e-4, 1 - 1e-4, 801)
    y = torch.linspace(-4, 4, 81, dtype=torch.float64)
    losses = torch.stack([torch.zeros_like(y), y], dim=-1)
    for spec in _specs("renyi").values():
        alpha = float(Fraction(str(spec["alpha"])))
        divergence = np.log(0.5**alpha * ((1 - v) ** (1 - alpha) + v ** (1 - alpha))) / (alpha * (alpha - 1))
        left.plot(v, divergence, label=_label(spec))
        # With an idle ball and kappa = 1 the DRO value is the conjugate (T3).
        conjugate = [
            armor.objective(_plain(spec), epsilon=1e4, kappa=1.0)(pair).value.item() for pair in losses
        ]
        right.plot(y, conjugate, label=_label(spec))
    left.plot(v, -0.5 * np.log(4 * v * (1 - v)), color="#5e5c64", lw=0.8, ls=":", label="reverse KL")
    left.set(title=r"$R_\alpha(P\|(1-v,v))$", xlabel="$v$", ylim=(0, 3))
    right.set(title=r"$\Lambda[(0,y)]$", xlabel="$y$")
    left.legend()


def _weights(name: str) -> Callable[[Any], None]:
    import torch

    import armor

    losses = torch.linspace(0, 1, SAMPLES, dtype=torch.float64)

    def draw(drawn: Any) -> None:
        specs = _specs(name)
        axes = np.atleast_1d(drawn.subplots(1, len(specs), sharey=True))
        for axis, spec in zip(axes, specs.values(), strict=True):
            for epsilon in RADII:
                s = armor.objective(_plain(spec), epsilon=epsilon)(losses)
                axis.plot(losses, s.weights.numpy() * SAMPLES, label=f"$\\varepsilon$ = {epsilon}")
            axis.set(title=_label(spec), xlabel="loss")
            axis.set_ylim(0, 6)
        axes[0].set_ylabel("density of the worst case")
        axes[0].legend()

    return draw


def draw(name: str, folder: Path) -> None:
    """The pictures of one member."""
    save(folder / f"{name}_f.svg", _renyi if name == "renyi" else _functions(name))
    save(folder / f"{name}_weights.svg", _weights(name))


def _limits(name: str) -> Iterator[str]:
    import torch

    import armor

    losses = torch.linspace(0, 1, SAMPLES, dtype=torch.float64)
    rows, tops = [], []
    specs = list(_specs(name).values())
    for spec in specs:
        values = [armor.objective(_plain(spec), epsilon=epsilon)(losses).value.item() for epsilon in LIMITS]
        tops.append(values[-1])
        rows.append([escaped(_label(spec)) or f"`{name}`", *(f"{value:.4f}" for value in values)])
    if name == "none":
        yield (
            f"The DRO value of the same {SAMPLES} losses is their mean for every radius, since a hard ball leaves nothing to "
            "spend. With a soft cost the radius buys movement: ten points on [0, 1], the loss $\\varphi(y)=y$ on the grid up "
            "to 2, $c=(y-x)^2$, certified values that start at the mean and end at the largest loss in reach."
        )
        rows = [["hard ball", *rows[0][1:]], ["squared distance", *_moved_values(spec)]]
    else:
        yield (
            f"The DRO value of the same {SAMPLES} losses (mean 0.5, largest 1) as the radius grows: it starts at the mean "
            "where small re-weightings have a price (not for CVaR) and cannot pass the largest loss. At "
            f"$\\varepsilon$ = {LIMITS[-1]:g} {_end(specs, tops)}."
        )
    yield ""
    yield table(["", *(f"ε = {epsilon:g}" for epsilon in LIMITS)], rows, right=range(1, 1 + len(LIMITS)))


def _end(specs: Sequence[Mapping[str, object]], tops: Sequence[float]) -> str:
    """Where the values stand at the last radius, beside the largest loss 1."""
    short = {_label(spec): top for spec, top in zip(specs, tops, strict=True) if top < 1 - 5e-5}
    if not short:
        return "it is the largest loss"
    where = ", ".join(
        f"{top:.4f}" + (f" ({escaped(label)})" if label else "") for label, top in short.items()
    )
    others = "" if len(short) == len(specs) else ", and the largest loss otherwise"
    return f"it is still below that, {where}{others}"


def _moved_values(spec: Mapping[str, object]) -> list[str]:
    """DRO values of ten points of the line under squared distance."""
    from verification.instance import from_mapping
    from verification.solve import dro

    start, reach = np.linspace(0, 1, 10), np.linspace(0, 2, 181)
    data = {
        "divergence": dict(spec),
        "cost": ((start[:, None] - reach) ** 2).tolist(),
        "p": [Fraction(1, 10)] * 10,
        "phi": reach.tolist(),
        "support": "reference",
    }
    return [f"{dro(from_mapping({**data, 'epsilon': epsilon})).value:.4f}" for epsilon in LIMITS]


def page(name: str, found: Documents, pictures: str) -> str:
    """The page of one member."""
    from importlib import import_module

    specs = _specs(name)
    notes = _notes(name)
    title = import_module(f"theory.divergences.{name}").MEMBER.title
    return "\n".join(_page(name, title, specs, notes, found, pictures)).rstrip() + "\n"


def _plots(name: str, title: str, specs: Mapping[str, Mapping[str, object]], pictures: str) -> Iterator[str]:
    """The figures, with a sentence where a member has no f to draw or one that is hardly a curve."""
    alt = ""
    if name not in ("none", "renyi"):
        alt = (
            f"Two plots: f of the {title}, zero at density 1, over densities {_ranges(name, 0)}, and its convex conjugate f* over y "
            f"{_ranges(name, 2)}."
        )
    ends = " up to $f'(\\infty)$ (dotted)" if name != "renyi" and any(map(_bounded, specs.values())) else ""
    caption = f"$f$, zero at $t=1$, and its conjugate $f^*${ends}."
    if name == "none":
        yield "## One density for every radius"
        yield ""
        yield (
            "$f$ is 0 at $t=1$ and infinite elsewhere: a single point, whose conjugate is $f^*(y)=y$. No density but 1 is "
            "affordable, so the worst-case weights are flat at every radius and all that $\\varepsilon$ buys is transport."
        )
        yield ""
        alt = "Two plots: f is a single point, zero at density 1, and its convex conjugate is the straight line f*(y) = y."
        caption = "$f$, a single point, and its conjugate $f^*(y)=y$."
    if name == "renyi":
        yield "## Why there is no $f$"
        yield ""
        yield (
            "$R_\\alpha(P\\|\\eta)=\\frac1{\\alpha(\\alpha-1)}\\log\\sum_ip_i^\\alpha\\eta_i^{1-\\alpha}$ is the logarithm of a "
            "sum and not a sum over points, so no single function $f$ of the density gives it and there is no $f^*$ to draw. What "
            "takes their place is below: the divergence itself on coins, and its conjugate "
            "$\\Lambda[h]=\\sup_\\eta\\{E_\\eta[h]-R_\\alpha(P\\|\\eta)\\}$, through which [T10](../statements/t10.md) goes. Where nothing "
            "moves, a Rényi ball is a ball of the [alpha divergence](alpha.md) with $1-\\alpha$ and another radius "
            "([T28](../statements/t28.md)), and the weights below are powers of $\\rho-\\ell$ as there."
        )
        yield ""
        alt = (
            "Two plots: the Rényi divergence of a coin (1-v, v) from the fair coin, zero at one half and rising to both sides, and "
            "its convex conjugate on losses 0 and y, which rises from a negative value through zero."
        )
        caption = (
            "A fair coin $P$: $R_\\alpha(P\\|(1-v,v))$ with its limit as $\\alpha\\to1$ (dotted), and the conjugate on the losses "
            "$(0,y)$, mode “reference”."
        )
    yield figure(f"{pictures}/{name}_f.svg", alt, caption)
    falls = "is 1 for every loss" if name == "none" else "never falls with the loss"
    yield figure(
        f"{pictures}/{name}_weights.svg",
        f"Density of the worst-case distribution against the loss, from 0 to 1, for the {title} at four radii; it {falls}.",
        f"Worst-case density of {SAMPLES} equally likely losses between 0 and 1, hard ball, mode “reference”.",
    )


def _page(
    name: str,
    title: str,
    specs: Mapping[str, Mapping[str, object]],
    notes: Mapping[str, str],
    found: Documents,
    pictures: str,
) -> Iterator[str]:
    yield f"(div-{name})="
    yield f"# {escaped(title)}"
    yield ""
    yield (
        f'In an instance or a recipe: `{{"name": "{name}"'
        + "".join(f', "{key}": …' for key in next(iter(specs.values())) if key != "name")
        + "}`."
    )
    yield ""
    for key, heading in (("choose", "When to choose it"), ("trap", "Its trap")):
        yield f"**{heading}.** {prose(notes[key]) if key in notes else 'Nothing is written about it yet.'}"
        yield ""
    documents = [found[key] for key in specs]
    yield from _missing(documents)
    yield "## Facts"
    yield ""
    labels = list(documents[0]["facts"])
    head = ["", *(escaped(_label(spec)) or "value" for spec in specs.values())]
    yield table(
        head,
        [
            [
                escaped(label),
                *(_fact(doc["facts"].get(label)) for doc in documents),
            ]
            for label in labels
        ],
    )
    yield from _plots(name, title, specs, pictures)
    yield "## Limits"
    yield ""
    yield from _limits(name)
    yield "## Derivations"
    yield ""
    for key in specs:
        yield f"- [{escaped(found[key]['divergence']['title'])}](../../derivations/{key}.md)"
    yield ""


def _missing(documents: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Which statements have no derivation for any of these members, if there are any."""
    names = [
        item["statement"]
        for k, item in enumerate(documents[0]["derivations"])
        if all(document["derivations"][k]["not_applicable"] for document in documents)
    ]
    if names:
        links = ", ".join(f"[{name}](../statements/{name.lower()}.md)" for name in names)
        yield f"**Does not apply to it.** {links}, with the reason on each page."
        yield ""


def _bounded(spec: Mapping[str, object]) -> bool:
    from theory.catalogue import divergence

    return bool(divergence(spec).recession.is_finite)


def _fact(value: Mapping[str, str] | None) -> str:
    """A fact in a cell of a table: a formula, or words as they are."""
    if value is None:
        return ""
    return escaped(value["text"]) if value["latex"].startswith(r"\text{") else f"${_cell(value['latex'])}$"


def _cell(latex: str) -> str:
    return " ".join(latex.split()).replace("|", r"\vert ")


def index(found: Documents) -> str:
    """The table of members."""
    rows = []
    for name in names():
        for key in _specs(name):
            facts = found[key]["facts"]
            rows.append(
                [
                    f"[{escaped(found[key]['divergence']['title'])}]({name}.md)",
                    *(
                        f"${_cell(facts[fact]['latex'])}$" if fact in facts else ""
                        for fact in ("f(t)", "f(0+)", "f'(oo)", "f''(1)", "f'''(1)")
                    ),
                ]
            )
    entries = "\n".join(names())
    return (
        "# The divergences\n\n"
        "How the adversary pays for re-weighting. Each page has the plots of $f$, $f^*$ and the worst-case weights, the limits, "
        "when to choose it and its trap; [Choosing](../../choosing.md) compares them.\n\n"
        + table(["divergence", "$f(t)$", "$f(0)$", "$f'(\\infty)$", "$f''(1)$", "$f'''(1)$"], rows)
        + "\n[Your own $f$](../../guide/validate.md) goes the same way.\n\n"
        "```{toctree}\n:hidden:\n\n" + entries + "\n```\n"
    )
