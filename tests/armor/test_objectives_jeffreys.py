"""Jeffreys' own density against the one the symbolic layer derives."""

import numpy as np
import torch

from armor.objectives.arrays import numpy_ops, torch_ops
from armor.objectives.functions import functions
from armor.objectives.jeffreys import _density, _response


def test_density_and_response_equal_the_derived_ones() -> None:
    derived = functions({"name": "jeffreys"})
    y = np.concatenate([-np.logspace(-12, 12, 121), [0.0], np.logspace(-12, 2, 71)])
    y = y[y > -500.0]  # below, the derived (f*)'' is not a number
    density, response = derived.density["numpy"](y), derived.response["numpy"](y)
    assert np.allclose(_density(numpy_ops, y), density, rtol=1e-13, atol=0)
    assert np.allclose(_response(numpy_ops, y), response, rtol=1e-12, atol=0)
    assert np.isfinite(_response(numpy_ops, -np.logspace(3, 12, 10))).all()
    tensor = torch.from_numpy(y)
    assert np.allclose(_density(torch_ops, tensor).numpy(), density, rtol=1e-13, atol=0)
    assert np.allclose(_response(torch_ops, tensor).numpy(), response, rtol=1e-12, atol=0)
