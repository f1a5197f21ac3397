"""Costs on an accelerator: tiles in float64 on a torch device; what is sparse stays on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from armor.errors import InputError
from armor.exact.clouds import point_geometry
from armor.exact.costs import PointCost
from armor.exact.edges import arc_costs, edge_width, settle
from armor.exact.geometry import Geometry, MatrixGeometry, Violations, nearest_by_features

__all__ = ["DeviceGeometry", "torch_device"]

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_TILE = 1 << 25  # float64 entries of one tile: 256 MiB


def torch_device(name: str) -> torch.device:
    """The torch device, or `InputError` if this machine has none of that name."""
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"no device {name!r} here: {str(error).splitlines()[0]}") from None
    return device


class DeviceGeometry:
    """A cost matrix, or point clouds whose tiles are computed by differences where they are needed."""

    def __init__(
        self,
        device: torch.device,
        *,
        matrix: torch.Tensor | None = None,
        x: Array | None = None,
        y: Array | None = None,
        cost: PointCost | None = None,
    ) -> None:
        self.device, self._matrix, self._cost = device, matrix, cost
        if matrix is not None:
            self.n, self.m = matrix.shape
        else:
            assert x is not None
            assert y is not None
            self.x, self.y = x, y
            self.n, self.m = len(x), len(y)
            self._tx, self._ty = (torch.as_tensor(v, dtype=torch.float64, device=device) for v in (x, y))
        self._step = max(1, _TILE // max(self.m, 1))
        self.flat = cost is not None and cost.flat

    def rounding(self, size: Array) -> Array:
        return np.zeros_like(size) if self._cost is None else self._cost.rounding(size, self.x.shape[1])

    def _tile(self, start: int) -> torch.Tensor:
        """Costs of some rows to all columns, every difference formed before it is squared."""
        if self._matrix is not None:
            return self._matrix[start : start + self._step]
        assert self._cost is not None
        a, rule = self._tx[start : start + self._step], self._cost
        total: torch.Tensor | None = None
        for k in range(a.shape[1]):
            d = a[:, k, None] - self._ty[None, :, k]
            part = d * d if rule.norm == 2 and rule.tau is None else d.abs()
            if rule.tau is not None:
                part = (part - (rule.radius or 0.0)).clamp_(min=0) ** 2
            if total is None:
                total = part
            elif rule.norm == np.inf and rule.tau is None:
                total = torch.maximum(total, part)
            else:
                total += part
        assert total is not None
        if rule.edge is None:
            return _finish(rule, total)
        z = total.sqrt() if rule.norm == 2 else total
        i, j = torch.nonzero((z - rule.edge).abs() <= edge_width(a.shape[1]) * rule.edge, as_tuple=True)
        if len(i):  # decided exactly, and not on the device
            rows, columns = i.cpu().numpy(), j.cpu().numpy()
            z[i, j] = torch.as_tensor(
                settle(rule, z[i, j].cpu().numpy(), self.x[start + rows], self.y[columns]), device=self.device
            )
        return _of_length(rule, z)

    def whole(self) -> torch.Tensor:
        """The `(n, m)` matrix on the device."""
        if self._matrix is not None:
            return self._matrix
        return torch.cat([self._tile(start) for start in range(0, self.n, self._step)])

    def arcs(self, rows: Index, columns: Index) -> Array:
        if self._matrix is not None:
            i, j = (torch.as_tensor(v, device=self.device) for v in (rows, columns))
            return np.asarray(self._matrix[i, j].cpu().numpy())
        assert self._cost is not None
        out = np.empty(len(rows))
        step = max(1, (1 << 22) // self.x.shape[1])
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            out[part] = arc_costs(self._cost, self.x[rows[part]], self.y[columns[part]])
        return out

    def row_best(self, g: Array, k: int) -> tuple[Index, Index, Array]:
        prices = torch.as_tensor(g, device=self.device)
        rows, columns, values = [], [], []
        for start in range(0, self.n, self._step):
            best, place = torch.topk(
                self._tile(start) - prices, min(k, self.m), dim=1, largest=False, sorted=False
            )
            i, j = torch.nonzero(torch.isfinite(best), as_tuple=True)
            rows.append((i + start).cpu().numpy())
            columns.append(place[i, j].cpu().numpy())
            values.append(best[i, j].cpu().numpy())
        return np.concatenate(rows), np.concatenate(columns), np.concatenate(values)

    def transpose(self) -> DeviceGeometry:
        if self._matrix is not None:
            return DeviceGeometry(self.device, matrix=self._matrix.T)
        return DeviceGeometry(self.device, x=self.y, y=self.x, cost=self._cost)

    def violations(self, h: Array, g: Array, keep: int) -> Violations:
        prices, rows_price = (torch.as_tensor(v, device=self.device) for v in (g, h))
        found: list[tuple[Any, Any, Any]] = []
        for start in range(0, self.n, self._step):
            tile = self._tile(start) - prices
            tile += rows_price[start : start + self._step, None]
            negative = tile < 0
            if int(negative.sum()) > 8 * keep * sum(tile.shape):
                kept = torch.zeros_like(negative)
                for axis in (0, 1):
                    place = torch.topk(tile, min(keep, tile.shape[axis]), dim=axis, largest=False).indices
                    kept.scatter_(axis, place, True)
                negative &= kept
            i, j = torch.nonzero(negative, as_tuple=True)
            found.append(((i + start).cpu().numpy(), j.cpu().numpy(), tile[i, j].cpu().numpy()))
        rows, columns, values = (np.concatenate([part[a] for part in found]) for a in range(3))
        return rows, columns, values

    def landmarks(self, rng: np.random.Generator) -> tuple[Index, Index, Index, Index]:
        if self._matrix is not None:
            return MatrixGeometry(self._matrix.cpu().numpy()).landmarks(rng)
        basis = rng.standard_normal((self.x.shape[1], min(24, self.x.shape[1])))
        rows, row_of = nearest_by_features(self.x @ basis, rng)
        columns, column_of = nearest_by_features(self.y @ basis, rng)
        return rows, row_of, columns, column_of

    def restrict(self, rows: Index, columns: Index) -> Geometry:
        if self._matrix is not None:
            i, j = (torch.as_tensor(v, device=self.device) for v in (rows, columns))
            part = self._matrix[i][:, j]
            if part.numel() <= 1 << 20:
                return MatrixGeometry(part.cpu().numpy())
            return DeviceGeometry(self.device, matrix=part)
        assert self._cost is not None
        if len(rows) * len(columns) <= 1 << 20:
            return point_geometry(self.x[rows], self.y[columns], self._cost)
        return DeviceGeometry(self.device, x=self.x[rows], y=self.y[columns], cost=self._cost)

    def finite_arcs(self, limit: int) -> tuple[Index, Index] | None:
        if self._matrix is None and (
            self._cost is None or (self._cost.radius is None and self._cost.barrier is None)
        ):
            return None
        rows, columns, total = [], [], 0
        for start in range(0, self.n, self._step):
            i, j = torch.nonzero(torch.isfinite(self._tile(start)), as_tuple=True)
            total += len(i)
            if total > limit:
                return None
            rows.append((i + start).cpu().numpy())
            columns.append(j.cpu().numpy())
        return np.concatenate(rows), np.concatenate(columns)

    def soft(self) -> Geometry:
        if self._matrix is not None:
            finite = torch.isfinite(self._matrix)
            if bool(finite.all()):
                return self
            largest = float(self._matrix[finite].max()) if bool(finite.any()) else 0.0
            return DeviceGeometry(self.device, matrix=torch.where(finite, self._matrix, 4 * largest + 10.0))
        assert self._cost is not None
        if self._cost.radius is None and self._cost.barrier is None:
            return self
        return point_geometry(self.x, self.y, self._cost).soft()


def _finish(rule: PointCost, total: torch.Tensor) -> torch.Tensor:
    if rule.tau is not None:
        return total / (2 * rule.tau)
    if rule.norm == 2 and rule.power == 2 and rule.radius is None and rule.barrier is None:
        return total * rule.scale
    return _of_length(rule, total.sqrt() if rule.norm == 2 else total)


def _of_length(rule: PointCost, z: torch.Tensor) -> torch.Tensor:
    if rule.radius is not None:
        return torch.where(z <= rule.radius, 0.0, torch.inf).to(z.dtype)
    if rule.barrier is not None:
        inside = z < rule.barrier
        safe = torch.where(inside, z, torch.zeros_like(z))
        return torch.where(inside, rule.scale * safe / (1 - safe / rule.barrier), torch.inf)
    return rule.scale * (z if rule.power == 1 else z**rule.power)
