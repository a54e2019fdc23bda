"""Third-party test data, which lies beside the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"
VECTORS = SHARED / "vectors"


def vectors(folder: str) -> Path:
    """A folder of vectors. Where they are missing: a failure in CI, elsewhere a skip that says so."""
    return _there(VECTORS / folder, "vectors")


def schema(name: str) -> Path:
    """A published schema, the same way."""
    return _there(SHARED / "schemas" / name, "schemas")


def _there(path: Path, what: str) -> Path:
    if path.exists():
        return path
    reason = f"the third-party {what} are not at {path}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
