"""One namespace for NumPy and torch, so that every solver is written once.

NumPy serves tensors on the CPU, where eager torch spends its time on dispatch; torch serves accelerators
and `torch.compile`. Reductions run over the last axis and keep it, so problems batch over leading axes.
"""

__all__ = ["Array", "Ops", "numpy_ops", "torch_ops"]

from types import SimpleNamespace
from typing import Any, TypeAlias

import numpy as np
import torch

Array: TypeAlias = Any  # numpy.ndarray or torch.Tensor, never mixed
Ops: TypeAlias = Any

numpy_ops: Ops = SimpleNamespace(
    name="numpy",
    eager=True,  # looking at a value costs nothing, so loops may stop early
    exp=np.exp,
    expm1=np.expm1,
    log=np.log,
    log1p=np.log1p,
    sqrt=np.sqrt,
    abs=np.abs,
    where=np.where,
    minimum=np.minimum,
    maximum=np.maximum,
    isfinite=np.isfinite,
    isnan=np.isnan,
    sum=lambda x: np.add.reduce(x, -1, keepdims=True),
    max=lambda x: np.maximum.reduce(x, -1, keepdims=True),
    min=lambda x: np.minimum.reduce(x, -1, keepdims=True),
    all=lambda x: np.logical_and.reduce(x, -1, keepdims=True),
    any=lambda x: np.logical_or.reduce(x, -1, keepdims=True),
    full_like=lambda x, v: np.full_like(x, v),
    sort=lambda x: np.sort(x, -1),
    argsort=lambda x: np.argsort(x, -1, kind="stable"),
    take=lambda x, i: np.take_along_axis(x, i, -1),
    cumsum=lambda x: np.cumsum(x, -1),
    done=lambda x: bool(x.all()),
)

torch_ops: Ops = SimpleNamespace(
    name="torch",
    eager=False,  # never look at a value: that is a host synchronisation
    exp=torch.exp,
    expm1=torch.expm1,
    log=torch.log,
    log1p=torch.log1p,
    sqrt=torch.sqrt,
    abs=torch.abs,
    where=torch.where,
    minimum=lambda x, y: torch.clamp(x, max=y),
    maximum=lambda x, y: torch.clamp(x, min=y),
    isfinite=torch.isfinite,
    isnan=torch.isnan,
    sum=lambda x: torch.sum(x, -1, keepdim=True),
    max=lambda x: torch.amax(x, -1, keepdim=True),
    min=lambda x: torch.amin(x, -1, keepdim=True),
    all=lambda x: torch.all(x, -1, keepdim=True),
    any=lambda x: torch.any(x, -1, keepdim=True),
    full_like=lambda x, v: torch.full_like(x, v),
    sort=lambda x: torch.sort(x, -1).values,
    argsort=lambda x: torch.argsort(x, dim=-1, stable=True),
    take=lambda x, i: torch.take_along_dim(x, i, -1),
    cumsum=lambda x: torch.cumsum(x, -1),
    done=lambda _: False,
)
