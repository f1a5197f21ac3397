"""The table that `armor evaluate` prints."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from armor.evaluation.compare import Paired, shown_p
from armor.evaluation.evaluate import Evaluation
from armor.evaluation.sanity import Check
from armor.evaluation.subject import Subject
from armor.training.preflight_line import preflight_line

__all__ = ["error_rates", "render", "render_paired", "render_rates", "render_sanity"]


def render(result: Evaluation, subject: Subject, title: str, total: int) -> str:
    """Where the model comes from, its pre-flight, and one line per attack with its 95 % Wilson interval."""
    which = "all" if result.n == total else f"the first {result.n}"
    head = [
        ("model", subject.described),
        ("pre-flight", preflight_line(subject.preflight)),
        ("images", f"{which} of {total} test images of {title}"),
    ]
    lines = [f"{name:<12}{value}" for name, value in head]
    lines.append("")
    width = max([12, *(len(attack.spec.name) + 2 for attack in result.attacks)])
    titles = f"{'attack':<{width}}{'norm':<6}{'radius':<8}{'steps':>6}{'restarts':>10}{'accuracy':>11}"
    lines.append(f"{titles}   95 % interval")
    rows = [("natural", "", "", "", "", result.natural)]
    for attack in result.attacks:
        spec = attack.spec
        steps = "" if spec.steps is None else str(spec.steps)
        restarts = "" if spec.restarts is None else str(spec.restarts)
        rows.append((spec.name, spec.norm, str(spec.radius), steps, restarts, attack.accuracy))
    for name, norm, radius, steps, restarts, seen in rows:
        share, low, high = (100 * v for v in (seen.accuracy, seen.low, seen.high))
        entry = f"{name:<{width}}{norm:<6}{radius:<8}{steps:>6}{restarts:>10}{share:>9.2f} %"
        lines.append(f"{entry}   {low:.2f} … {high:.2f} %")
    return "\n".join(lines)


def error_rates(result: Evaluation, y: Tensor) -> dict[str, dict[str, float | None]]:
    """False negatives and positives of two classes, natural and by attack; label 1 is the positive one.

    A share is None where the test set has no sample of its class.
    """
    found = {}
    seen = {"natural": result.right, **{attack.spec.name: attack.right for attack in result.attacks}}
    for name, right in seen.items():
        labels = y[: right.numel()]
        shares = [(~right[labels == k]).double().mean().item() if bool((labels == k).any()) else None
                  for k in (1, 0)]  # fmt: skip
        found[name] = {"false_negatives": shares[0], "false_positives": shares[1]}
    return found


def render_rates(rates: Mapping[str, Mapping[str, float | None]]) -> str:
    """One line per attack."""
    width = max(12, *(len(name) for name in rates))
    lines = ["", f"{'attack':<{width}}{'false negatives':>17}{'false positives':>17}"]
    for name, seen in rates.items():
        shares = ["-" if share is None else f"{100 * share:.2f} %" for share in seen.values()]
        lines.append(f"{name:<{width}}" + "".join(f"{share:>17}" for share in shares))
    return "\n".join(lines)


def render_paired(paired: Mapping[str, Paired], against: str) -> str:
    """One line per attack: how the accuracies differ on the same images, and whether chance explains it."""
    lines = ["", f"against {against}, image by image (bootstrap 95 % interval, exact McNemar test):"]
    for name, seen in paired.items():
        low, high = 100 * seen.low, 100 * seen.high
        chance = "" if seen.p_value is None else f", {shown_p(seen.p_value)}"
        lines.append(
            f"{name:<15} {100 * seen.difference:+.2f} points [{low:+.2f}, {high:+.2f}]{chance} "
            f"(right here alone: {seen.only_first}, there alone: {seen.only_second})"
        )
    return "\n".join(lines)


def render_sanity(checks: Sequence[Check]) -> str:
    """One line per check."""
    lines = ["", "signs of masked gradients:"]
    lines += [f"{'holds' if check.holds else 'FAILS':<7}{check.name}: {check.detail}" for check in checks]
    return "\n".join(lines)
