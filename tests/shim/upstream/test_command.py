"""The option --upstream, and with which credentials another registry is asked."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING

import pytest

from registry_shim.upstream.address import Upstream, sort_upstreams
from tests.fakes.fault_proxy import TokenGate, basic_gate, status
from tests.shim.process import Served, run
from tests.shim.wire import SocketClient, push_manifest
from wpkg.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.fault_proxy import FaultProxy


@pytest.mark.parametrize(
    ("text", "upstream", "name", "there"),
    [
        ("https://ghcr.io", Upstream("ghcr.io", is_plain=False, path="", prefix=""), "a/b", "ghcr.io/a/b"),
        ("https://ghcr.io,g", Upstream("ghcr.io", is_plain=False, path="", prefix="g"), "g/a/b", "ghcr.io/a/b"),
        (
            "https://ghcr.io/acme/,g/h",
            Upstream("ghcr.io", is_plain=False, path="acme", prefix="g/h"),
            "g/h/b",
            "ghcr.io/acme/b",
        ),
        ("http://127.0.0.1:5", Upstream("127.0.0.1:5", is_plain=True, path="", prefix=""), "a", "127.0.0.1:5/a"),
        ("http://r.test:5,g", Upstream("r.test:5", is_plain=True, path="", prefix="g"), "g/a", "r.test:5/a"),
    ],
)
def test_what_is_what(text: str, upstream: Upstream, name: str, there: str) -> None:
    assert Upstream.parse(text) == upstream
    assert str(upstream.repository(name)) == there


def test_names_beside_the_prefix_are_not_mirrored() -> None:
    upstream = Upstream.parse("https://ghcr.io,g")
    assert [upstream.repository(name) for name in ("g", "gg/a", "a", "a/g/b")] == [None] * 4


def test_the_longest_prefix_counts() -> None:
    upstreams = [Upstream.parse(f"https://r.test/{n}{p}") for n, p in (("a", ""), ("b", ",x"), ("c", ",x/y"))]
    assert [upstream.path for upstream in sort_upstreams(upstreams)] == ["c", "b", "a"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ghcr.io",
        "ftp://ghcr.io",
        "https://",
        "https://:5",
        "https://user:secret@ghcr.io",
        "https://ghcr.io:x",
        "https://ghcr.io?x",
        "https://ghcr.io#x",
        "https://ghcr.io/A",
        "https://ghcr.io/../x",
        "https://ghcr.io,",
        "https://ghcr.io,A",
        "https://ghcr.io,/x",
        "https://ghcr.io,x/",
        "https://[::zz]",
        "https://localhost:5000",
        "https://127.0.0.1",
    ],
)
def test_what_is_no_upstream(text: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        Upstream.parse(text)
    if text in ("ghcr.io", "https://localhost:5000"):
        done = run("serve", "--root", str(tmp_path), "--port", "0", "--upstream", text)
        assert (done.returncode, done.stdout) == (2, "")
        assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["error", "hint"]


def test_two_for_one_prefix(tmp_path: Path) -> None:
    options = [option for n in "ab" for option in ("--upstream", f"https://{n}.test,x")]
    done = run("serve", "--root", str(tmp_path), "--port", "0", *options)
    assert done.returncode == 2
    assert done.stderr.startswith("error: the prefix 'x' has more than one upstream\n")


@pytest.mark.parametrize("kind", ["basic", "token"])
def test_its_own_credentials_and_not_those_of_its_clients(
    upstream: SocketClient,
    proxy: FaultProxy,
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    if kind == "basic":
        proxy.on(".*", "/v2/", basic_gate("secret"))
    else:
        TokenGate(proxy, "secret")
    pushed = push_manifest(upstream, name, "v1")
    login = base64.b64encode(b"user:secret").decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {proxy.address: {"auth": login}}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    served = Served(tmp_path / "mirror", "--upstream", f"http://{proxy.address},m")
    client = SocketClient(served.address, str(served.root))
    mine = {"Authorization": "Basic bWU6bWluZQ=="}
    assert client.send("GET", f"/v2/m/{name}/manifests/v1", headers=mine).body == pushed.data
    client.close()
    assert mine["Authorization"] not in [request.authorization for request in proxy.seen]
    code, _, log = served.stop()
    assert (code, log) == (0, "")


def test_a_client_is_told_to_wait_and_not_kept_waiting(
    upstream: SocketClient, proxy: FaultProxy, name: str, tmp_path: Path
) -> None:
    push_manifest(upstream, name, "v1")
    proxy.on("GET|HEAD", "/v2/", status(429, Retry_After="9"))
    served = Served(tmp_path / "mirror", "--upstream", f"http://{proxy.address},m")
    client = SocketClient(served.address, str(served.root))
    began = time.monotonic()
    answer = client.send("GET", f"/v2/m/{name}/manifests/v1")
    assert (answer.status, answer.headers["retry-after"]) == (429, "9")
    assert time.monotonic() - began < 9
    client.close()
    assert served.stop()[0] == 0
