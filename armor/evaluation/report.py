"""The table that `armor evaluate` prints."""

from collections.abc import Mapping, Sequence

from armor.evaluation.compare import Paired
from armor.evaluation.evaluate import Evaluation
from armor.evaluation.sanity import Check
from armor.evaluation.subject import Subject
from armor.training.preflight_line import preflight_line

__all__ = ["render", "render_paired", "render_sanity"]


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
    titles = f"{'attack':<12}{'norm':<6}{'radius':<8}{'steps':>6}{'restarts':>10}{'accuracy':>11}"
    lines.append(f"{titles}   95 % interval")
    rows = [("natural", "", "", "", "", result.natural)]
    for attack in result.attacks:
        spec = attack.spec
        steps = "" if spec.steps is None else str(spec.steps)
        restarts = "" if spec.restarts is None else str(spec.restarts)
        rows.append((spec.name, spec.norm, str(spec.radius), steps, restarts, attack.accuracy))
    for name, norm, radius, steps, restarts, seen in rows:
        share, low, high = (100 * v for v in (seen.accuracy, seen.low, seen.high))
        entry = f"{name:<12}{norm:<6}{radius:<8}{steps:>6}{restarts:>10}{share:>9.2f} %"
        lines.append(f"{entry}   {low:.2f} … {high:.2f} %")
    return "\n".join(lines)


def render_paired(paired: Mapping[str, Paired], against: str) -> str:
    """One line per attack: how the accuracies differ on the same images, and whether chance explains it."""
    lines = ["", f"against {against}, image by image (bootstrap 95 % interval, exact McNemar test):"]
    for name, seen in paired.items():
        low, high = 100 * seen.low, 100 * seen.high
        lines.append(
            f"{name:<12}{100 * seen.difference:+.2f} points [{low:+.2f}, {high:+.2f}], "
            f"p = {seen.p_value:.2g} (right here alone: {seen.only_first}, there alone: {seen.only_second})"
        )
    return "\n".join(lines)


def render_sanity(checks: Sequence[Check]) -> str:
    """One line per check."""
    lines = ["", "signs of masked gradients:"]
    lines += [f"{'holds' if check.holds else 'FAILS':<7}{check.name}: {check.detail}" for check in checks]
    return "\n".join(lines)
