"""A policy holds for what is mirrored: its signatures are fetched like everything else."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from registry_shim.gate.gate import Gate
from registry_shim.gate.policy_file import PolicyFile
from registry_shim.gate.waiting import WAITING_FILE, WaitingTags
from tests.fakes import fault_proxy as faults
from tests.shim.gate.conftest import REGISTRY, component, sign, write_policy
from tests.shim.upstream.conftest import Clock, mirror_of
from tests.shim.wire import InProcessClient, put

if TYPE_CHECKING:
    from pathlib import Path

    from registry_shim.store.store import Store
    from tests.fakes.fault_proxy import FaultProxy
    from tests.shim.wire import SocketClient


@pytest.fixture
def gated(proxy: FaultProxy, store: Store, root: Path, clock: Clock, tmp_path: Path) -> InProcessClient:
    mirror = mirror_of(proxy, store, clock)
    policy = PolicyFile(write_policy(tmp_path))
    gate = Gate(mirror, policy, WaitingTags(root / WAITING_FILE), REGISTRY, clock, lambda: date(2026, 11, 26))
    return InProcessClient(store, str(root), gate)


def standing(gated: InProcessClient, name: str) -> tuple[int, str]:
    answer = gated.send("GET", f"/v2/m/{name}/manifests/1.0.0")
    return answer.status, "" if answer.status == 200 else answer.json["errors"][0].get("detail", {})["reason"]


@pytest.mark.parametrize(
    ("key", "expected"),
    [("acme", (200, "")), (None, (403, "unsigned")), ("stranger", (403, "signature wrong"))],
)
def test_what_the_policy_says(
    upstream: SocketClient, gated: InProcessClient, name: str, key: str | None, expected: tuple[int, str]
) -> None:
    pushed = component(upstream, name)
    assert put(upstream, name, "1.0.0", pushed.data).status == 201
    if key is not None:
        sign(upstream, pushed, key, name)
    assert standing(gated, name) == expected


def test_signatures_that_cannot_be_asked_for_are_not_missing(
    upstream: SocketClient, gated: InProcessClient, proxy: FaultProxy, name: str
) -> None:
    pushed = component(upstream, name)
    assert put(upstream, name, "1.0.0", pushed.data).status == 201
    proxy.on("GET", "/referrers/", faults.status(503))
    assert standing(gated, name) == (403, "could not check")
