"""One line about the pre-flight that a checkpoint carries."""

from collections.abc import Mapping
from typing import Any

__all__ = ["preflight_line"]


def preflight_line(outcome: Mapping[str, Any] | None) -> str:
    """The line; None is a model that this program has not trained."""
    if outcome is None:
        return "none: these weights come from elsewhere"
    if outcome.get("outcome") == "not applicable":
        return f"not applicable: {outcome.get('reason', 'no reason given')}"
    sentence = str(outcome.get("sentence", "unreadable")).removeprefix("pre-flight ")
    digest = str(outcome.get("instances_sha256", ""))[:12]
    return f"{sentence}, instances {digest}"
