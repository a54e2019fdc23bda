"""Third-party test data, which lies beside the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

VECTORS = Path(__file__).resolve().parents[2] / "shared" / "vectors"


def vectors(folder: str) -> Path:
    """A folder of vectors. Where they are missing: a failure in CI, elsewhere a skip that says so."""
    path = VECTORS / folder
    if path.is_dir():
        return path
    reason = f"the third-party vectors are not at {path}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
