"""The functions of a divergence as Triton functions, printed from the one SymPy expression."""

__all__ = ["HEAD", "Printed", "numbers_on", "printed"]

import hashlib
import json
import linecache
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from armor.objectives.fdivergence import lowest_place
from armor.objectives.functions import functions
from armor.objectives.fused import operations
from armor.objectives.fused.dispatch import capturing

HEAD = 12  # numbers before the functions' own: f'(1), the series' reach, 8 coefficients, edge, lowest place


@dataclass(frozen=True)
class Printed:
    """One divergence for the kernel.

    functions: `f_value`, `f_slope`, `f_density`, `f_response` of (x, k), compiled by Triton when used.
    numbers: what they and the kernel read from k.  edged: f'(inf) is finite.
    """

    functions: dict[str, Any]
    numbers: tuple[float, ...]
    edged: bool


@lru_cache(maxsize=64)
def printed(key: str) -> Printed | None:
    """The functions of a smooth divergence, its specification as JSON; None where f* has no closed form."""
    from theory.backends.printed import triton_source
    from theory.catalogue import divergence
    from theory.errors import InputError

    spec = json.loads(key)
    f = functions(spec)
    edge = f.recession
    try:
        texts, numbers = triton_source(divergence(spec), HEAD)
    except InputError:
        return None
    edged = edge < math.inf
    ends = (edge, lowest_place(edge)) if edged else (0.0, 0.0)
    parts = {name: _function(name, text) for name, text in texts.items()}
    return Printed(parts, (*f.head, *ends, *numbers), edged)


def _function(name: str, text: str) -> Any:
    """A Triton function of its text, which Triton and tracebacks look up by a made-up file name."""
    file = f"<armor-d {name} {hashlib.sha256(text.encode()).hexdigest()[:16]}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    known: dict[str, Any] = {"tl": tl, "__name__": __name__}
    known |= {operation: getattr(operations, operation) for operation in operations.__all__}
    # Source printed by ourselves from SymPy nodes of known kinds; a user's text never gets here.
    exec(compile(text, file, "exec"), known)
    return triton.jit(known[name])


_sent: dict[tuple[str, torch.device], tuple[Tensor, torch.cuda.Event | None]] = {}


def numbers_on(key: str, device: torch.device) -> Tensor:
    """The numbers of `printed(key)` on a device, sent once, and without waiting for it."""
    known = _sent.get((key, device))
    if known is not None:
        numbers, filled = known
        if filled is not None and not capturing(device):  # a graph may not ask for what is outside it
            if filled.query():  # type: ignore[no-untyped-call]
                _sent[key, device] = numbers, None
            else:  # another stream than this one may be about to fill them
                torch.cuda.current_stream(device).wait_event(filled)
        return numbers
    found = printed(key)
    assert found is not None
    numbers = torch.stack([torch.full((), x, dtype=torch.float64, device=device) for x in found.numbers])
    if not capturing(device):  # a graph's memory is its own
        event = None
        if device.type == "cuda":
            event = torch.cuda.Event()  # type: ignore[no-untyped-call]
            event.record(torch.cuda.current_stream(device))
        _sent[key, device] = numbers, event
    return numbers
