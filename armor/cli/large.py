"""`armor divergence` and `armor dro` on instances too large for the small solver: the structured one."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from armor.cli.intervals import solution_json, write_json
from armor.errors import InputError

__all__ = ["large_instance", "run_divergence", "run_dro"]

_COMFORTABLE = 40_000  # arcs up to which the small solver and its exact certificates are quick
_AS_TEXT = 1_000_000  # costs up to which a certificate may be JSON
_FIELDS = ("divergence", "cost", "x", "y", "p", "q", "phi", "epsilon", "kappa", "support", "same_space")


def large_instance(path: Path) -> dict[str, Any] | None:
    """The fields of an instance with more than 200 × 200 arcs as arrays of doubles; None for a smaller one.

    Raises:
        InputError: the file cannot be read, a field is unknown, missing or no number.
    """
    from verification.fileformat import describe, read

    fields = dict(read(path))
    for key in fields:
        if key not in _FIELDS:
            return None  # the small reader says what is wrong
    if any(key not in fields for key in ("divergence", "p", "support", "cost")):
        return None
    columns = fields.get("q") if fields.get("q") is not None else fields.get("phi")
    if columns is None or _size(fields["p"]) * _size(columns) <= _COMFORTABLE:
        return None
    from verification.instance import read_divergence

    if fields["support"] not in ("space", "reference"):
        raise InputError(f'support must be "space" or "reference", but is {describe(fields["support"])}.')
    out: dict[str, Any] = {"divergence": read_divergence(fields["divergence"]), "support": fields["support"]}
    for key in ("x", "y", "p", "q", "phi"):
        if fields.get(key) is not None:
            out[key] = _array(fields[key], key)
    if "x" in out:
        from verification.points import read_law

        out.setdefault("y", out["x"])
        out["cost"] = read_law(fields["cost"]).fields()
    elif "y" in out:
        raise InputError("the field 'x' is missing: 'y' alone does not give the points that carry p.")
    elif isinstance(fields["cost"], str | Mapping):
        raise InputError(f"cost {describe(fields['cost'])} needs the points 'x' (and 'y').")
    else:
        out["cost"] = _array(fields["cost"], "cost")
    for key in ("epsilon", "kappa"):
        if fields.get(key) is not None:
            number = _array(fields[key], key)
            if number.ndim:
                raise InputError(f"{key} must be one number, but has the shape {number.shape}.")
            out[key] = float(number)
    same = fields.get("same_space", False)
    if not isinstance(same, bool):
        raise InputError(f"same_space must be true or false, but is {describe(same)}.")
    if same:
        _same_space(out)
    _columns(out)
    return out


def _columns(fields: Mapping[str, Any]) -> None:
    """What lives on the columns is refused where it is unfit, also where the command has no use for it.

    Raises:
        InputError: `q` is no distribution, a loss is not finite, a radius or penalty is negative.
    """
    from armor.exact.api import read_weights
    from armor.exact.worst_case import read_losses, read_size

    for key in ("x", "y", "cost"):
        if isinstance(fields.get(key), np.ndarray) and fields[key].ndim != 2:
            raise InputError(f"{key} must have 2 dimensions, but has the shape {fields[key].shape}.")
    count = len(fields["y"]) if "y" in fields else fields["cost"].shape[1]
    if "q" in fields:
        read_weights(fields["q"], count, "q")
    if "phi" in fields:
        read_losses(fields["phi"], count)
    for key in ("epsilon", "kappa"):
        if key in fields:
            read_size(fields[key], key)


def _same_space(fields: Mapping[str, Any]) -> None:
    """Rows and columns are one list of points, as the instance states.

    Raises:
        InputError: they are not.
    """
    if "x" in fields:
        if not np.array_equal(fields["x"], fields["y"]):
            raise InputError("same_space is true, but y is not x.")
        return
    cost = fields["cost"]
    if cost.ndim == 2 and cost.shape[0] != cost.shape[1]:
        raise InputError(f"same_space is true, but cost is {cost.shape[0]} x {cost.shape[1]}.")
    if cost.ndim == 2 and np.diagonal(cost).any():
        k = int(np.flatnonzero(np.diagonal(cost))[0])
        raise InputError(f"same_space is true, but cost[{k}][{k}] is {cost[k, k]:g}.")


def _size(values: Any) -> int:
    return len(values) if hasattr(values, "__len__") else 1


def _array(value: Any, name: str) -> np.ndarray[Any, Any]:
    from verification.fileformat import as_double

    if isinstance(value, np.ndarray):
        return np.asarray(value, dtype=np.float64)

    def convert(entry: Any) -> Any:
        if isinstance(entry, list):
            return [convert(e) for e in entry]
        return np.inf if entry is None and name == "cost" else as_double(entry, name)

    entries = convert(value)
    try:
        return np.array(entries, dtype=np.float64)
    except ValueError as error:
        raise InputError(f"{name} is not a rectangular array of numbers: {error}") from None


def _progress(stream: Any) -> Any:
    """Rounds on standard error, where a person watches."""
    if not stream.isatty():
        return None

    def show(progress: Any) -> None:
        print(
            f"  {progress.rows} x {progress.columns}, round {progress.round}: {progress.arcs} arcs, "
            f"[{progress.lower:.10g}, {progress.upper:.10g}]",
            file=stream,
        )

    return show


def _write_text(path: Path, certificate: Mapping[str, Any]) -> None:
    """The certificate as JSON with exact rationals: its data are the doubles that were solved with."""
    from verification.certificate.rational import NotCovered, rational

    try:
        found = rational(certificate)
    except NotCovered as reason:
        raise _archive_only(path, reason) from None
    write_json(path, found.certificate)


def _archive_only(path: Path, reason: Exception) -> InputError:
    return InputError(f"this certificate is an .npz archive, not {path.name!r}: {reason}.")


def _check_text(path: Path, fields: Mapping[str, Any]) -> None:
    """Refuse, before the solve, a certificate that cannot be JSON.

    Raises:
        InputError: its costs are too many, or have no exact rational form.
    """
    from armor.exact.certificate import cost_text
    from armor.exact.costs import point_cost
    from verification.certificate.rational import NotCovered, covered

    n, m = len(fields["p"]), len(fields["q"])
    if n * m > _AS_TEXT:
        raise InputError(f"a certificate of {n} x {m} costs is an .npz archive, not {path.name!r}.")
    if "x" in fields:
        try:
            covered({"cost": cost_text(point_cost(fields["cost"]))})
        except NotCovered as reason:
            raise _archive_only(path, reason) from None


def run_divergence(args: argparse.Namespace, fields: Mapping[str, Any]) -> int:
    """Solve, certify where `armor check` can, print; 0 when the interval is narrow, 1 when it is wide."""
    from armor.exact import divergence
    from armor.exact.certificate import large_certificate, save_certificate

    if "q" not in fields:
        raise InputError("the field 'q' is missing: divergence needs the weights of Q.")
    spec, support = fields["divergence"], fields["support"]
    if args.certificate is not None and args.certificate.suffix != ".npz":
        _check_text(args.certificate, fields)
    points = {key: fields[key] for key in ("x", "y") if key in fields}
    solution = divergence(
        spec,
        fields["cost"],
        fields["p"],
        fields["q"],
        support=support,
        progress=_progress(sys.stderr),
        **points,
    )
    lower, upper, rigorous, note = solution.lower, solution.upper, False, ""
    certificate = None
    try:
        certificate = large_certificate(
            solution, spec, fields["cost"], fields["p"], fields["q"], support=support, **points
        )
        lower, upper = (float(v) for v in certificate["claim"])
        rigorous = True
    except InputError as error:
        if args.certificate is not None:
            raise
        note = f"bracketed in float64, not enclosed: {error}"
    if args.certificate is not None and certificate is not None:
        if args.certificate.suffix == ".npz":
            save_certificate(args.certificate, certificate)
        else:
            _write_text(args.certificate, certificate)
        print(f"certificate written to {args.certificate}", file=sys.stderr)
    n, m = solution.plan.shape
    if args.json:
        print(
            solution_json(
                solution,
                lower=lower,
                upper=upper,
                gap=upper - lower if np.isfinite(upper) else 0.0,
                rigorous=rigorous,
                lam=None,
                rho=None,
                weights=solution.eta,
                worst_case=None,
                notes=[note] if note else [],
            )
        )
    else:
        print("D^c(Q||P), optimal-transport-regularized divergence")
        print(f"  instance     {n} x {m}, support {support}")
        print(f"  method       {solution.method.value}, {solution.rounds} rounds, {solution.seconds:.2f} s")
        print(f"  value        {solution.value:.15g}")
        if np.isfinite(solution.value):
            grade = "enclosed (float64 tiles with a rounding bound, balls)" if rigorous else "bracketed"
            print(f"  interval     [{lower!r}, {upper!r}]\n               width {upper - lower:.1e}, {grade}")
            print(f"  transport    {solution.transport:.15g}, the rest is re-weighting")
            print(f"  created      {solution.singular.sum():.6g} of the mass off the support of P")
        if note or solution.explanation:
            print(f"  note         {note or solution.explanation}")
        print(f"  {solution.status.value}")
    return 0 if solution.status.converged else 1


def run_dro(args: argparse.Namespace, fields: Mapping[str, Any]) -> int:
    """Solve and print; 0 when the interval is narrow, 1 when it is wide."""
    from armor.exact import dro

    for key in ("phi", "epsilon"):
        if key not in fields:
            raise InputError(f"the field {key!r} is missing: dro needs it.")
    if args.certificate is not None:
        raise InputError("certificates of a DRO value are written up to 200 x 200 points only.")
    points = {key: fields[key] for key in ("x", "y") if key in fields}
    solution = dro(
        fields["divergence"],
        fields["phi"],
        fields["epsilon"],
        fields["cost"],
        fields["p"],
        kappa=fields.get("kappa", 0.0),
        support=fields["support"],
        **points,
    )
    if args.json:
        print(
            solution_json(
                solution,
                lower=solution.lower,
                upper=solution.upper,
                gap=solution.gap,
                rigorous=False,
                lam=solution.lam,
                rho=solution.rho,
                weights=solution.weights,
                worst_case=solution.worst_case,
                notes=[],
            )
        )
    else:
        n, m = solution.plan.shape
        print("Worst case of E_Q[phi] - kappa D^c(Q||P) over D^c(Q||P) <= epsilon")
        print(f"  instance     {n} x {m}, support {fields['support']}")
        print(f"  value        {solution.value:.15g}")
        print(f"  interval     [{solution.lower!r}, {solution.upper!r}]")
        print(f"               width {solution.gap:.1e}, bracketed (float64 with a rounding bound)")
        print(f"  lambda*      {solution.lam:.15g}\n  rho*         {solution.rho:.15g}")
        print(f"  {solution.iterations} passes over the costs, {solution.seconds:.2f} s")
        print(f"  {solution.status.value}")
    return 0 if solution.status.converged else 1
