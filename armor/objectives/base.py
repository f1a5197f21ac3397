"""What all objectives share: input, backends, gradient; a family adds only its dual solver."""

__all__ = ["Objective", "check_shapes"]

import copy
import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from armor.errors import InputError
from armor.numbers import real, whole
from armor.objectives.arrays import Array, Ops, numpy_ops, torch_ops
from armor.objectives.compiled import Compiled
from armor.objectives.fused.dispatch import Kernel, launch, usable
from armor.objectives.gradient import attach
from armor.objectives.operator import opaque, register
from armor.objectives.solution import Dual, Solution
from armor.status import Status

_HUGE = 1e100


class Objective(ABC):
    """The DRO value of a batch of transported losses, its worst-case distribution and its gradient.

    sup over eta << P of { E_eta[l] - kappa (D(eta‖P) + E_eta[c]) : D(eta‖P) + E_eta[c] <= epsilon }, the
    T6 program with the transport map held at the given points (losses l, costs c): T7, T8 for the families.

    spec:    the divergence as JSON data, `{"name": "kl"}`.
    epsilon: radius, in (0, inf).  kappa: penalty, in [0, inf).
    iterations: budget of the multiplier search; the search never waits for the device.

    Raises `armor.errors.InputError` for a radius or penalty out of range.
    """

    rank_one = False  # whether solutions hold `direction` and `gamma`
    key: str

    def __new__(cls, *_: object, **__: object) -> Self:
        """Any way of making one, copies and pickles among them, gives it a key of its own."""
        made = super().__new__(cls)
        made.key = register(made)
        return made

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "key"}

    def __init__(
        self, spec: Mapping[str, object], *, epsilon: float, kappa: float = 0.0, iterations: int = 24
    ) -> None:
        self.spec = dict(spec)
        self.epsilon = real("epsilon", epsilon, positive=True)
        self.kappa = real("kappa", kappa, positive=False)
        self.iterations = whole("iterations", iterations)

    @property
    def name(self) -> str:
        """Catalogue name of the divergence, or the user's expression."""
        return str(self.spec.get("name", self.spec.get("f", "")))

    def __repr__(self) -> str:
        return f"objective({self.spec}, epsilon={self.epsilon!r}, kappa={self.kappa!r})"

    def to_mapping(self) -> dict[str, Any]:
        """The configuration as JSON data, enough to build the same objective again."""
        return {
            "divergence": dict(self.spec),
            "epsilon": self.epsilon,
            "kappa": self.kappa,
            "support": "reference",
        }

    def replace(self, *, epsilon: float, kappa: float) -> Self:
        """The same divergence and solver at another radius and penalty."""
        twin = copy.copy(self)
        twin.epsilon = real("epsilon", epsilon, positive=True)
        twin.kappa = real("kappa", kappa, positive=False)
        return twin

    @abstractmethod
    def _solve(
        self, xp: Ops, losses: Array, costs: Array | None, p: Array, epsilon: Array, kappa: Array
    ) -> Dual:
        """Solve the dual for float arrays (..., B); `p` sums to one, masked entries hold harmless numbers.

        epsilon and kappa are floats, or arrays (..., 1) of one radius and penalty per problem. The float
        inf as epsilon asks for the step at `mu = kappa` without a radius, its value less the infinite term.
        """

    def __call__(
        self, losses: Tensor, costs: Tensor | None = None, reference_weights: Tensor | None = None
    ) -> Solution:
        """Solve the dual on the losses' own device.

        losses: (..., B), any float dtype.  costs: c(x_i, T(x_i)) in [0, inf], same shape, or None for zero.
        reference_weights: P's masses, same shape, >= 0, scaled to sum 1 (a zero masks its sample, whatever
        its loss holds); None for uniform.  The value has the losses' dtype, at least float32.

        Raises `InputError` for shapes that do not fit and, on the CPU, for bad weights or costs; on an
        accelerator those are reported by `status`, with the value NaN.
        """
        check_shapes(losses, costs, reference_weights)
        return self.evaluate(losses, costs, reference_weights, self.epsilon, self.kappa)

    def at(
        self,
        losses: Tensor,
        costs: Tensor | None = None,
        reference_weights: Tensor | None = None,
        *,
        mu: Tensor | float,
    ) -> Solution:
        """The dual function at a given `mu = lambda + kappa >= kappa`, with rho optimal for it.

        `lambda eps + mu Λ[l/mu - c]`: an upper bound of the value for any lambda >= 0, exact at lambda*.
        What a soft-cost method needs, whose transport was made for this very mu. `gap` is that of the
        re-weighting step alone, which no radius bounds; derivatives are those at constant mu; else as
        `__call__`.

        mu: a number, or a tensor () or (...) of one per problem; 0 (where kappa is 0) stands for the limit.
        Raises `InputError` for any other mu; on an accelerator that is reported by `status`, the value NaN.
        """
        check_shapes(losses, costs, reference_weights)
        level, known = _multiplier(mu, self.kappa, losses)
        step = self.evaluate(losses, costs, reference_weights, math.inf, level)
        lam = torch.as_tensor(level, dtype=step.lam.dtype, device=step.lam.device) - self.kappa
        lam = lam.squeeze(-1).expand_as(step.lam) if lam.ndim else lam.expand_as(step.lam)
        value, code = step.value + (lam * self.epsilon).to(step.value.dtype), step.code
        if known is not None:
            value = torch.where(known, value, math.nan)
            code = torch.where(known, code, int(Status.BAD_MULTIPLIER))
        return dataclasses.replace(step, value=value, lam=lam, code=code)

    def total(self, part: Tensor) -> Tensor:
        """The sum over the workers, of which there is one here; see `pooling.Pooled`."""
        return part

    def evaluate(
        self,
        losses: Tensor,
        costs: Tensor | None,
        reference_weights: Tensor | None,
        epsilon: float | Tensor,
        kappa: float | Tensor,
    ) -> Solution:
        """`__call__` with a radius and a penalty per problem: floats, or float64 tensors (..., 1).

        The pre-flight solves all its instances so, in one call; ranges are the caller's business.
        """
        if isinstance(epsilon, float) and isinstance(kappa, float):
            quick = self._quick(losses, costs, reference_weights, epsilon, kappa)
            if quick is not None:
                return quick
        fused = None if torch.compiler.is_compiling() else self._fused(costs)
        if fused is not None and usable(fused, losses, costs):
            launched = self._launched(fused, losses, costs, reference_weights, epsilon, kappa)
            if launched is not None:
                return launched
        wide = torch.float64 if losses.device.type != "mps" else torch.float32
        with torch.no_grad():
            solve = partial(opaque, self) if torch.compiler.is_compiling() else self.solve_dual
            dual = solve(
                losses.detach().to(wide),
                None if costs is None else costs.detach().to(losses.device, wide),
                None if reference_weights is None else reference_weights.detach().to(losses.device, wide),
                epsilon.to(losses.device, wide) if isinstance(epsilon, Tensor) else epsilon,
                kappa.to(losses.device, wide) if isinstance(kappa, Tensor) else kappa,
            )
            value = dual.value.squeeze(-1)
            gap = value - dual.primal.squeeze(-1)
            lam = torch.clamp(dual.mu - kappa, min=0.0)
        out_dtype = torch.float64 if losses.dtype == torch.float64 else torch.float32
        value = value.to(out_dtype)
        if _needs_gradient(losses, costs):
            value = attach(losses, costs, value, dual, lam > 0)
        return Solution(
            value=value,
            lam=lam.squeeze(-1),
            rho=dual.rho.squeeze(-1),
            weights=dual.weights,
            gap=gap,
            code=dual.status.squeeze(-1),
            iterations=dual.iterations,
        )

    def solve_dual(
        self,
        losses: Tensor,
        costs: Tensor | None,
        weights: Tensor | None,
        epsilon: float | Tensor,
        kappa: float | Tensor,
    ) -> Dual:
        """The dual's solution in tensors, from detached ones: NumPy on the CPU, else a kernel or torch."""
        given = (losses, costs, weights, epsilon, kappa)
        fused = self._fused(costs)
        if fused is not None and usable(fused, losses, costs):
            found = launch(fused, *given, 4 * self.iterations, twice=True)
            if found is not None and found[1] is not None:
                return found[1]
        if losses.device.type != "cpu":
            return self._prepare_and_solve(torch_ops, *given)
        raw = [x.numpy() if isinstance(x, Tensor) else x for x in given]
        with np.errstate(all="ignore"):
            return _to_torch(self._prepare_and_solve(numpy_ops, *raw))

    def differentiable_twice(self, costs: Tensor | None) -> bool:
        """Whether the solution carries what a second derivative needs."""
        del costs
        return True

    def _compiled(self) -> Compiled | None:
        """The family's compiled solver, None where it has none."""
        return None

    def _fused(self, costs: Tensor | None) -> Kernel | None:
        """The family's kernel for CUDA devices, None where it has none for such a problem."""
        del costs
        return None

    def _launched(
        self,
        kernel: Kernel,
        losses: Tensor,
        costs: Tensor | None,
        weights: Tensor | None,
        epsilon: float | Tensor,
        kappa: float | Tensor,
    ) -> Solution | None:
        """The solution by one launch, differentiable; None where the kernel failed."""
        needed = _needs_gradient(losses, costs)
        with torch.no_grad():
            found = launch(
                kernel,
                losses.detach(),
                None if costs is None else costs.detach(),
                None if weights is None else weights.detach(),
                epsilon,
                kappa,
                4 * self.iterations,
                twice=needed,
            )
        if found is None:
            return None
        solution, dual = found
        if dual is None:
            return solution
        value = attach(losses, costs, solution.value, dual, solution.lam.unsqueeze(-1) > 0)
        return dataclasses.replace(solution, value=value)

    def _quick(
        self,
        losses: Tensor,
        costs: Tensor | None,
        weights: Tensor | None,
        epsilon: float,
        kappa: float,
    ) -> Solution | None:
        """One batch on the CPU by compiled code; None where that does not apply or declines."""
        if losses.ndim != 1 or losses.device.type != "cpu" or torch.compiler.is_compiling():
            return None
        solver = self._compiled()
        if solver is None or (costs is not None and not solver.costs):
            return None
        needed = _needs_gradient(losses, costs)
        with torch.no_grad():
            found = solver(losses, costs, weights, epsilon, kappa, self.iterations, second=needed)
        if found is None:
            return None
        solution, dual = found
        value = solution.value if losses.dtype == torch.float64 else solution.value.float()
        if dual is not None:
            value = attach(losses, costs, value, dual, solution.lam.unsqueeze(0) > 0)
        elif value is solution.value:
            return solution
        return dataclasses.replace(solution, value=value)

    def _in_range(
        self, xp: Ops, losses: Array, costs: Array | None, p: Array, epsilon: Array, kappa: Array
    ) -> Dual:
        """`_solve`, of losses whose squares would overflow in units of the largest of them (T20)."""
        size = xp.maximum(xp.max(losses), -xp.min(losses))
        huge = size > _HUGE
        if xp.done(~huge):
            return self._solve(xp, losses, costs, p, epsilon, kappa)
        unit = xp.where(huge, size, 1.0)
        penalty = kappa / (unit if losses.ndim > 1 else unit[0])  # one batch takes a number
        dual = self._solve(xp, losses / unit, costs, p, epsilon, penalty)
        return dataclasses.replace(
            dual,
            value=dual.value * unit,
            mu=dual.mu * unit,
            rho=dual.rho * unit,
            primal=dual.primal * unit,
        )

    def _prepare_and_solve(
        self,
        xp: Ops,
        losses: Array,
        costs: Array | None,
        weights: Array | None,
        epsilon: Array,
        kappa: Array,
    ) -> Dual:
        if weights is None:
            p = xp.full_like(losses, 1.0 / losses.shape[-1])
            live = None
            bad = None
        else:
            total = xp.sum(weights)
            bad = ~((total > 0) & xp.isfinite(total) & (xp.min(weights) >= 0))
            if xp.eager and bad.any():
                raise InputError(_describe_bad("reference_weights", weights, "a distribution after scaling"))
            p = xp.where(bad, 1.0 / losses.shape[-1], weights / total)
            live = p > 0
        if costs is not None:
            wrong = xp.isnan(costs) | (costs < 0)
            if live is not None:
                wrong = wrong & live
                costs = xp.where(live, costs, 0.0)
            if xp.eager and wrong.any():
                raise InputError(_describe_bad("costs", costs, "transport costs in [0, inf]"))
            live = (costs < math.inf) if live is None else live & (costs < math.inf)
        finite = xp.isfinite(losses)
        if live is not None:
            finite = finite | ~live
            # A masked or unreachable sample takes the smallest finite number at hand: it carries no mass.
            floor = xp.min(xp.where(live & xp.isfinite(losses), losses, math.inf))
            losses = xp.where(live, losses, xp.where(xp.isfinite(floor), floor, 0.0))
        fine = xp.all(finite)
        if not xp.eager or not fine.all():
            losses = xp.where(xp.isfinite(losses), losses, 0.0)
        dual = self._in_range(xp, losses, costs, p, epsilon, kappa)
        if xp.eager and fine.all():
            return dual
        status = xp.where(fine, dual.status, int(Status.NOT_FINITE))
        if bad is not None:
            status = xp.where(bad, int(Status.BAD_WEIGHTS), status)
            fine = fine & ~bad
        if costs is not None:
            sane = ~xp.any(wrong)
            status = xp.where(sane, status, int(Status.NOT_FINITE))
            fine = fine & sane
        return Dual(
            value=xp.where(fine, dual.value, math.nan),
            mu=xp.where(fine, dual.mu, math.nan),
            rho=xp.where(fine, dual.rho, math.nan),
            weights=xp.where(fine, dual.weights, math.nan),
            primal=xp.where(fine, dual.primal, math.nan),
            status=status,
            iterations=dual.iterations,
            curvature=dual.curvature,
            direction=dual.direction,
            gamma=dual.gamma,
            twice=dual.twice,
        )


def _needs_gradient(losses: Tensor, costs: Tensor | None) -> bool:
    return torch.is_grad_enabled() and (losses.requires_grad or (costs is not None and costs.requires_grad))


def _to_torch(dual: Dual) -> Dual:
    def tensor(x: Array) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(x))

    return Dual(
        value=tensor(dual.value),
        mu=tensor(dual.mu),
        rho=tensor(dual.rho),
        weights=tensor(dual.weights),
        primal=tensor(dual.primal),
        status=tensor(dual.status),
        iterations=dual.iterations,
        curvature=tensor(dual.curvature),
        direction=None if dual.direction is None else tensor(dual.direction),
        gamma=None if dual.gamma is None else tensor(dual.gamma),
        twice=dual.twice,
    )


def _multiplier(mu: Tensor | float, kappa: float, losses: Tensor) -> tuple[Tensor | float, Tensor | None]:
    """mu as `Objective.evaluate` takes it; and where it may be used (...), if only the device knows."""
    wanted = f"mu must be finite and at least kappa = {kappa!r}"
    if not isinstance(mu, Tensor):
        if isinstance(mu, bool) or not isinstance(mu, (int, float)):
            raise InputError(f"mu must be a number or a tensor, not {mu!r}")
        if not kappa <= mu < math.inf:
            raise InputError(f"{wanted}, not {mu!r}")
        return float(mu), None
    if mu.ndim and mu.shape != losses.shape[:-1]:
        raise InputError(f"mu has shape {tuple(mu.shape)}, the problems {tuple(losses.shape[:-1])}")
    mu = mu.detach()
    good = (mu >= kappa) & torch.isfinite(mu)
    if mu.device.type == "cpu" and not torch.compiler.is_compiling():
        if not bool(good.all()):
            raise InputError(f"{wanted}, not {mu[~good].flatten()[0].item()!r}")
        if not mu.ndim:
            return float(mu), None
    wide = torch.where(good, mu, 1.0 + kappa).unsqueeze(-1)
    return (wide if mu.ndim else wide.squeeze(-1)), good.to(losses.device)


def check_shapes(losses: Tensor, costs: Tensor | None, weights: Tensor | None) -> None:
    """Raise `InputError` unless these are real tensors of one shape, the losses floating-point, not empty."""
    if not isinstance(losses, Tensor) or not losses.is_floating_point():
        kind = losses.dtype if isinstance(losses, Tensor) else type(losses).__name__
        raise InputError(f"losses must be a floating-point tensor, not {kind}")
    if losses.ndim == 0 or losses.shape[-1] == 0:
        raise InputError(
            f"losses must hold at least one sample along the last axis, not shape {tuple(losses.shape)}"
        )
    for name, x in (("costs", costs), ("reference_weights", weights)):
        if x is None:
            continue
        if not isinstance(x, Tensor) or x.is_complex():
            kind = x.dtype if isinstance(x, Tensor) else type(x).__name__
            raise InputError(f"{name} must be a tensor of real numbers, not {kind}")
        if x.shape != losses.shape:
            raise InputError(f"{name} has shape {tuple(x.shape)}, the losses have {tuple(losses.shape)}")


def _describe_bad(name: str, x: Array, wanted: str) -> str:
    flat = np.ravel(x)
    wrong = flat[~(flat >= 0) | ~np.isfinite(flat)]
    seen = f"{float(wrong[0])!r}" if wrong.size else "all zeros" if not flat.any() else "a sum that overflows"
    return f"{name} must be {wanted}, but holds {seen}"
