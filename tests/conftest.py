"""Shared test settings: one thread per worker, reproducible Hypothesis, real data only where it lies."""

import os

# Before numpy or torch load: the suite runs several workers, and threads of one would starve the others.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

settings.register_profile(
    "default", deadline=None, derandomize=True, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
# `HYPOTHESIS_PROFILE=explore` draws fresh examples, and more of them.
settings.register_profile(
    "explore", deadline=None, max_examples=1000, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Folder of the real images (`ARMOR_DATA`, else ../shared/data); skips the test where there is none."""
    named = os.environ.get("ARMOR_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no image data at {folder}: set ARMOR_DATA to the folder that holds it")
    return folder


@pytest.fixture(scope="session")
def instances() -> Path:
    """Folder of the example instance files."""
    return ROOT / "tests" / "data"
