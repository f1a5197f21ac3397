"""The table that a finished run prints."""

from typing import Any

import torch

from armor.recipes import Recipe
from armor.training.preflight_line import preflight_line
from armor.training.run import Outcome

__all__ = ["render"]


def _score(record: dict[str, Any]) -> str:
    seen = record["validation"]
    return (
        f"natural {100 * seen['natural']:.1f} %, {seen['attack']} {100 * seen['robust']:.1f} % "
        f"of {seen['images']} validation images"
    )


def render(recipe: Recipe, outcome: Outcome, device: torch.device) -> str:
    """The table, one fact per line."""
    last, best = outcome.history[-1], outcome.best
    minutes, seconds = divmod(round(outcome.seconds), 60)
    rows = [("recipe", f"{recipe.name}" + (f" ({recipe.title})" if recipe.title else ""))]
    rows.append(("pre-flight", preflight_line(outcome.preflight)))
    if outcome.audit is not None:
        rows.append(("audit", outcome.audit.sentence()))
    if best is not None:
        rows.append(("best epoch", f"{best['epoch']} of {recipe.training.epochs}: {_score(best)}"))
    if last["epoch"] < recipe.training.epochs:
        rows.append(
            ("stopped", f"after epoch {last['epoch']}: {recipe.validation.patience} without a better one")
        )
    if last["validation"] and last is not best:
        rows.append(("last epoch", f"{last['epoch']} of {recipe.training.epochs}: {_score(last)}"))
    rows.append(("training", f"{minutes} min {seconds:02d} s on {device}, {outcome.arithmetic}"))
    rows.append(("checkpoint", str(outcome.folder / "best.pt")))
    return "\n".join(f"{name:<12}{value}" for name, value in rows)
