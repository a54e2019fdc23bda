"""A registry that asks to wait is not failing: who asks the mirror is told the same, or has what is here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest

from registry_shim.upstream.source import LONGEST_PAUSE
from tests.fakes import fault_proxy as faults
from tests.shim.upstream.conftest import TTL, Clock
from tests.shim.wire import push_blob, push_manifest

if TYPE_CHECKING:
    from tests.fakes.fault_proxy import FaultProxy
    from tests.shim.wire import InProcessClient, SocketClient

CODES = {429: "TOOMANYREQUESTS", 503: "UNSUPPORTED"}
TARGETS = ["manifests/v1", "manifests/{digest}", "blobs/{blob}", "tags/list", "referrers/{digest}"]


@pytest.mark.parametrize("status", CODES)
@pytest.mark.parametrize("what", TARGETS)
def test_whoever_asks_is_asked_to_wait(
    upstream: SocketClient, mirror: InProcessClient, proxy: FaultProxy, name: str, what: str, status: int
) -> None:
    digest = push_manifest(upstream, name, "v1").digest
    target = f"/v2/m/{name}/{what}".format(digest=digest, blob=push_blob(upstream, name, b"a blob").digest)
    proxy.on("GET|HEAD", "/v2/", faults.status(status, Retry_After="30"))
    answer = mirror.send("GET", target)
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (status, CODES[status], "30")
    assert answer.json["errors"][0]["message"] == f"{proxy.address}, which this mirrors, asks to wait"
    head = mirror.send("HEAD", target)
    assert (head.status, head.headers["retry-after"]) == (status, "30")


def test_a_blob_that_is_refused_when_it_is_fetched(
    upstream: SocketClient, mirror: InProcessClient, proxy: FaultProxy, name: str
) -> None:
    """As ghcr.io does, whose blobs come from elsewhere (WebAssembly/WASI#886)."""
    blob = push_blob(upstream, name, b"a blob")
    proxy.on("GET", "/blobs/", faults.status(503, Retry_After="9"))
    answer = mirror.send("GET", f"/v2/m/{name}/blobs/{blob.digest}")
    assert (answer.status, answer.headers["retry-after"]) == (503, "9")
    proxy.forget_rules()
    assert mirror.send("GET", f"/v2/m/{name}/blobs/{blob.digest}").body == b"a blob"


@pytest.mark.parametrize("said", [None, "soon"])
def test_without_a_time_none_is_made_up(
    upstream: SocketClient, mirror: InProcessClient, proxy: FaultProxy, name: str, said: str | None
) -> None:
    push_manifest(upstream, name, "v1")
    headers = {"Retry_After": said} if said is not None else {}
    proxy.on("GET|HEAD", "/v2/", faults.status(429, **headers))
    answer = mirror.send("GET", f"/v2/m/{name}/manifests/v1")
    assert (answer.status, "retry-after" in answer.headers) == (429, False)
    proxy.forget_rules()
    assert mirror.send("GET", f"/v2/m/{name}/manifests/v1").status == 200


def test_a_date_is_passed_on_in_seconds(mirror: InProcessClient, proxy: FaultProxy, name: str) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    proxy.on("GET|HEAD", "/v2/", faults.status(429, Retry_After=date))
    assert 90 <= int(mirror.send("GET", f"/v2/m/{name}/manifests/v1").headers["retry-after"]) <= 100


def test_until_then_it_is_left_alone(
    upstream: SocketClient, mirror: InProcessClient, proxy: FaultProxy, name: str, clock: Clock
) -> None:
    push_manifest(upstream, name, "v1")
    target = f"/v2/m/{name}/manifests/v1"
    proxy.on("GET|HEAD", "/v2/", faults.status(429, Retry_After="30"))
    assert mirror.send("GET", target).status == 429
    assert len(proxy.seen) == 1  # the mirror itself does not wait for so long
    proxy.forget_rules()
    clock.now += 20
    answer = mirror.send("GET", target)
    assert (answer.status, answer.headers["retry-after"]) == (429, "10")
    assert len(proxy.seen) == 1
    clock.now += 10
    assert mirror.send("GET", target).status == 200


def test_a_day_is_not_believed(
    upstream: SocketClient, mirror: InProcessClient, proxy: FaultProxy, name: str, clock: Clock
) -> None:
    push_manifest(upstream, name, "v1")
    proxy.on("GET|HEAD", "/v2/", faults.status(503, Retry_After="86400"), 1)
    assert mirror.send("GET", f"/v2/m/{name}/manifests/v1").headers["retry-after"] == "86400"
    clock.now += LONGEST_PAUSE
    assert mirror.send("GET", f"/v2/m/{name}/manifests/v1").status == 200


def test_a_moment_is_waited_for(
    upstream: SocketClient, mirror: InProcessClient, proxy: FaultProxy, name: str
) -> None:
    push_manifest(upstream, name, "v1")
    proxy.on("GET|HEAD", "/v2/", faults.status(429, Retry_After="1"), 1)
    assert mirror.send("GET", f"/v2/m/{name}/manifests/v1").status == 200


@pytest.mark.parametrize("status", CODES)
def test_what_is_here_is_served(
    upstream: SocketClient, mirror: InProcessClient, proxy: FaultProxy, name: str, clock: Clock, status: int
) -> None:
    pushed = push_manifest(upstream, name, "v1")
    targets = [f"/v2/m/{name}/{what.format(digest=pushed.digest)}" for what in ("manifests/v1", "tags/list")]
    targets.append(f"/v2/m/{name}/referrers/{pushed.digest}")
    before = [mirror.send("GET", target).body for target in targets]
    proxy.on("GET|HEAD", "/v2/", faults.status(status, Retry_After="30"))
    clock.now += TTL
    for target, body in zip(targets, before, strict=True):
        answer = mirror.send("GET", target)
        assert (answer.status, answer.body) == (200, body)
        assert answer.headers["warning"].startswith(f'299 - "{proxy.address}, which this mirrors, asks to wait;')
