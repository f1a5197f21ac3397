"""From a name, or a specification as in an instance file, to a divergence."""

import pkgutil
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache, lru_cache
from importlib import import_module
from typing import Any

from theory.errors import InputError
from theory.fdivergence import FDivergence
from theory.member import Member, Parameter
from theory.renyi import Renyi

__all__ = ["any_divergence", "divergence", "exact", "names"]


@cache
def _known() -> tuple[str, ...]:
    import theory.divergences as package

    return tuple(sorted(m.name for m in pkgutil.iter_modules(package.__path__)))


def names(*, renyi: bool = False) -> tuple[str, ...]:
    """Names of the f-divergences, ascending: the files of `theory/divergences`; with `renyi` that family
    too.
    """
    return tuple(name for name in _known() if renyi or name != "renyi")


def exact(value: object, what: str) -> Any:
    """The exact rational from an int, a decimal or fraction string, or a float (its shortest decimal)."""
    import sympy as sp

    if isinstance(value, bool) or not isinstance(value, int | float | str | sp.Rational):
        raise InputError(f"{what} must be a number, not {value!r}")
    try:
        number = sp.Rational(str(value))
    except (TypeError, ValueError, ZeroDivisionError):
        raise InputError(f"{what} must be a finite number, not {value!r}") from None
    if not number.is_finite:
        raise InputError(f"{what} must be a finite number, not {value!r}")
    return number


def _member(name: str) -> Member:
    if name not in _known():
        near = get_close_matches(name.lower().replace("-", "_"), _known(), n=1, cutoff=0.3)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise InputError(f"unknown divergence {name!r}{hint} (known: {', '.join(_known())})")
    member = import_module(f"theory.divergences.{name}").MEMBER
    assert isinstance(member, Member)
    return member


def _argument(parameter: Parameter, name: str, spec: Mapping[str, object]) -> Any:
    if parameter.name not in spec:
        raise InputError(f"the divergence {name!r} needs {parameter.name!r} ({parameter.range})")
    value = exact(spec[parameter.name], parameter.name)
    if not parameter.admits(value):
        raise InputError(f"{parameter.name} = {spec[parameter.name]} is outside its range: {parameter.range}")
    return value


@lru_cache(maxsize=64)
def _of_expression(text: str) -> FDivergence:
    # Deriving costs half a second and each instance of a file asks for it.
    return FDivergence.from_expression(text)


def any_divergence(spec: str | Mapping[str, object]) -> FDivergence | Renyi:
    """The divergence that `spec` names: "kl", {"name": "alpha", "alpha": 2.5} or {"f": "t*log(t)"}.

    Raises `InputError` for an unknown name (with the nearest known one), a missing or superfluous field,
    a parameter out of its range, or a user's f that violates a hypothesis.
    """
    fields: Mapping[str, object] = {"name": spec} if isinstance(spec, str) else spec
    if not isinstance(fields, Mapping):
        raise InputError(f"a divergence is a name or a mapping with 'name' or 'f', not {spec!r}")
    if "f" in fields:
        text = fields["f"]
        extra = set(fields) - {"f"}
        if not isinstance(text, str) or extra:
            raise InputError(
                f"a divergence given by 'f' takes one expression and nothing else, not {dict(fields)!r}"
            )
        return _of_expression(text)
    name = fields.get("name")
    if not isinstance(name, str):
        raise InputError(f"a divergence needs a 'name' or an 'f', not {dict(fields)!r}")
    member = _member(name)
    extra = set(fields) - {"name", *(p.name for p in member.parameters)}
    if extra:
        raise InputError(f"the divergence {name!r} takes no {sorted(extra)[0]!r}")
    values = {p.name: _argument(p, name, fields) for p in member.parameters}
    spec = {"name": name, **{p.name: fields[p.name] for p in member.parameters}}
    label = ", ".join(f"{k} = {v}" for k, v in values.items())
    title = f"{member.title}, {label}" if label else member.title
    if member.f is None:
        return Renyi(values["alpha"], title, member.gauge, member.source, spec, values)
    return FDivergence(
        name=name,
        title=title,
        f=member.f(**values),
        gauge=member.gauge,
        source=member.source,
        spec=spec,
        parameters=values,
        template=member.template(**values) if member.template else None,
    )


def divergence(spec: str | Mapping[str, object]) -> FDivergence:
    """The f-divergence that `spec` names, as `any_divergence`; `InputError` for Renyi, which is none."""
    found = any_divergence(spec)
    if isinstance(found, Renyi):
        raise InputError(f"{found.name!r} is not an f-divergence: it has no f, only the dual form T10")
    return found
