"""Tests that share something heavy are run by one worker."""

from __future__ import annotations

import os

import pytest


@pytest.mark.xdist_group("together")
def test_a_worker_knows_the_group_of_a_test(request: pytest.FixtureRequest) -> None:
    assert request.node.nodeid.endswith("@together") == ("PYTEST_XDIST_WORKER" in os.environ)
