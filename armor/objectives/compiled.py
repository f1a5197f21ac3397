"""The compiled solver of one batch on the CPU: where it covers a case, it answers in microseconds.

It runs the method of `reweighting.py` in C (`armor/native/solver.c`), with the functions of the divergence
printed from the symbolic layer; it certifies its own answer by the primal-dual gap and declines otherwise,
whereupon the general solver takes over.
"""

__all__ = ["Compiled", "compiled"]

import ctypes
import threading
from collections.abc import Sequence
from importlib import resources

import torch
from torch import Tensor

from armor.native import library
from armor.objectives.solution import Dual, Solution
from armor.status import Status

_CODES = {status: torch.tensor(int(status)) for status in (Status.INTERIOR, Status.INACTIVE)}
_DOUBLE, _SINGLE = torch.float64, torch.float32


class _Memory(threading.local):
    size = -1
    work = torch.empty(0, dtype=_DOUBLE)


_MEMORY = _Memory()


class Compiled:
    """One family's solver; `costs`: whether it takes transport costs."""

    def __init__(
        self, kernel: ctypes.CDLL, constants: Sequence[float], *, costs: bool, rank_one: bool
    ) -> None:
        self.costs, self.rank_one = costs, rank_one
        self._constants = tuple(constants)
        self._function = kernel.armor_solve
        pointer, number = ctypes.c_void_p, ctypes.c_double
        self._function.argtypes = [
            ctypes.c_long,
            pointer,
            ctypes.c_int,
            pointer,
            pointer,
            number,
            number,
            ctypes.c_int,
            *[pointer] * 6,
        ]
        self._function.restype = ctypes.c_int
        self._array = ctypes.c_double * max(len(self._constants), 2)

    def __call__(
        self,
        losses: Tensor,
        costs: Tensor | None,
        weights: Tensor | None,
        epsilon: float,
        kappa: float,
        iterations: int,
        *,
        second: bool,
    ) -> tuple[Solution, Dual | None] | None:
        """Solve for losses (B,); `second`: with what a second derivative needs.  None where it declines."""
        n = losses.shape[0]
        single = losses.dtype == _SINGLE
        if not single and losses.dtype != _DOUBLE:
            losses, single = losses.to(_SINGLE), True
        losses = losses.contiguous()
        if costs is not None:
            costs = costs.to(_DOUBLE).contiguous()
        if weights is not None:
            weights = weights.to(_DOUBLE).contiguous()
        if _MEMORY.size < n:
            _MEMORY.size, _MEMORY.work = n, torch.empty(6 * n + 64, dtype=_DOUBLE)
        w = torch.empty(n, dtype=_DOUBLE)
        out = torch.empty(6, dtype=_DOUBLE)
        s = torch.empty(n, dtype=_DOUBLE) if second else None
        v = torch.empty(n, dtype=_DOUBLE) if second and self.rank_one else None
        constants = self._array(*self._constants)  # a copy: the solver keeps numbers of the batch there too
        code = self._function(
            n,
            losses.data_ptr(),
            single,
            None if weights is None else weights.data_ptr(),
            None if costs is None else costs.data_ptr(),
            epsilon,
            kappa,
            iterations,
            constants,
            _MEMORY.work.data_ptr(),
            w.data_ptr(),
            None if s is None else s.data_ptr(),
            None if v is None else v.data_ptr(),
            out.data_ptr(),
        )
        if code < 0:
            return None
        value, lam, rho, gap, gamma, mu = out.unbind()
        status = _CODES[Status.INACTIVE if code & 1 else Status.INTERIOR]
        solution = Solution(value, lam, rho, w, gap, status, code >> 1)
        if s is None:
            return solution, None
        return solution, Dual(
            value=value,
            mu=mu.unsqueeze(0),
            rho=rho,
            weights=w,
            primal=value,
            status=status,
            iterations=code >> 1,
            curvature=s,
            direction=v,
            gamma=None if v is None else gamma.unsqueeze(0),
        )


def compiled(family: str, functions: str = "", constants: Sequence[float] = ()) -> Compiled | None:
    """The solver of "KL", "RENYI", or "F" with the C text of its functions; None without a compiler."""
    folder = resources.files("armor.native")
    elementary, solver = ((folder / name).read_text() for name in ("elementary.h", "solver.c"))
    kernel = library(f"{elementary}\n{functions}\n#define FAMILY_{family}\n{solver}")
    if kernel is None:
        return None
    return Compiled(kernel, constants, costs=family != "RENYI", rank_one=family == "RENYI")
