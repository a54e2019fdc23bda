"""A policy holds for what is mirrored: its signatures are fetched like everything else."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from registry_shim.gate.gate import Gate
from registry_shim.gate.policy_file import PolicyFile
from registry_shim.gate.verdicts import UNCHECKED_SECONDS
from registry_shim.gate.waiting import WAITING_FILE, WaitingTags
from tests.fakes import fault_proxy as faults
from tests.shim.gate.conftest import REGISTRY, component, sign, write_policy
from tests.shim.upstream.conftest import TTL, Clock, mirror_of
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


def test_a_tag_that_cannot_be_asked_for_is_shown_with_a_warning(
    upstream: SocketClient, gated: InProcessClient, proxy: FaultProxy, name: str, clock: Clock
) -> None:
    pushed = component(upstream, name)
    put(upstream, name, "1.0.0", pushed.data)
    sign(upstream, pushed, "acme", name)
    target = f"/v2/m/{name}/manifests/1.0.0"
    assert "warning" not in gated.send("GET", target).headers
    proxy.on("GET|HEAD", "/v2/", faults.status(502))
    clock.now += TTL
    for method in ("GET", "HEAD"):
        answer = gated.send(method, target)
        assert (answer.status, answer.headers["docker-content-digest"]) == (200, pushed.digest)
        assert answer.headers["warning"].startswith(f'299 - "{proxy.address}, which this mirrors, answered with')
        assert answer.headers["warning"].count("299 -") == 1
    assert "warning" not in gated.send("GET", f"/v2/m/{name}/manifests/{pushed.digest}").headers


def test_signatures_that_cannot_be_asked_for_again_come_with_a_warning(
    upstream: SocketClient, gated: InProcessClient, proxy: FaultProxy, name: str, clock: Clock
) -> None:
    pushed = component(upstream, name)
    put(upstream, name, "1.0.0", pushed.data)
    sign(upstream, pushed, "acme", name)
    assert standing(gated, name) == (200, "")
    proxy.on("GET", "/referrers/", faults.status(502))
    clock.now += TTL
    assert "warning" in gated.send("GET", f"/v2/m/{name}/manifests/1.0.0").headers


@pytest.mark.parametrize("key", [None, "stranger"])
def test_a_signature_may_have_come_since_it_was_last_asked_for(
    upstream: SocketClient, gated: InProcessClient, proxy: FaultProxy, name: str, clock: Clock, key: str | None
) -> None:
    pushed = component(upstream, name)
    put(upstream, name, "1.0.0", pushed.data)
    if key is not None:
        sign(upstream, pushed, key, name)
    assert standing(gated, name)[1] in ("unsigned", "signature wrong")
    proxy.on("GET", "/referrers/", faults.status(502))
    clock.now += TTL
    assert standing(gated, name) == (403, "could not check")
    sign(upstream, pushed, "acme", name)
    proxy.forget_rules()
    clock.now += UNCHECKED_SECONDS
    assert standing(gated, name) == (200, "")


@pytest.mark.parametrize("status", [429, 503])
def test_a_registry_that_asks_to_wait_does_not_refuse(
    upstream: SocketClient, gated: InProcessClient, proxy: FaultProxy, name: str, status: int
) -> None:
    put(upstream, name, "1.0.0", component(upstream, name).data)
    proxy.on("HEAD", "/manifests/", faults.status(status, Retry_After="30"))
    answer = gated.send("GET", f"/v2/m/{name}/manifests/1.0.0")
    assert (answer.status, answer.headers["retry-after"]) == (status, "30")
