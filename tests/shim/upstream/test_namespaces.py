"""Names of another registry, as its own clients say them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from registry_shim.auth.guard import Guard
from registry_shim.protocol.messages import Request, Response
from registry_shim.protocol.registry import exchange
from registry_shim.upstream.address import Upstream
from registry_shim.upstream.namespaces import Namespaces
from tests.shim.auth.people import htpasswd
from tests.shim.upstream.conftest import Clock, mirror_of
from tests.shim.wire import InProcessClient, SocketClient, push_blob, push_manifest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from registry_shim.store.store import Store
    from tests.fakes.fault_proxy import FaultProxy
    from tests.shim.process import Served

HERE = "mirror.test"


@pytest.fixture
def upstreams(proxy: FaultProxy) -> list[Upstream]:
    return [Upstream.parse(f"http://{proxy.address},m")]


@pytest.fixture
def named(proxy: FaultProxy, upstreams: list[Upstream], store: Store, root: Path, clock: Clock) -> InProcessClient:
    return InProcessClient(store, str(root), Namespaces(mirror_of(proxy, store, clock), upstreams, HERE))


def test_is_asked_for_there(
    upstream: SocketClient, named: InProcessClient, proxy: FaultProxy, store: Store, name: str
) -> None:
    pushed = push_manifest(upstream, name, "v1")
    blob = push_blob(upstream, name, b"a blob")
    for target in (
        "manifests/v1",
        f"manifests/{pushed.digest}",
        f"blobs/{blob.digest}",
        f"referrers/{pushed.digest}",
    ):
        for method in ("HEAD", "GET"):
            answer = named.send(method, f"/v2/{name}/{target}?ns={proxy.address}")
            assert (answer.status, answer.headers["oci-namespace"]) == (200, proxy.address)
    assert answer.json["manifests"] == []
    assert list(store.paths()) == [f"m/{name}"]
    assert not [request for request in proxy.seen if "ns=" in request.path]


def test_other_parameters_stay(
    upstream: SocketClient, named: InProcessClient, proxy: FaultProxy, name: str
) -> None:
    for tag in ("a", "b", "c"):
        push_manifest(upstream, name, tag)
    answer = named.send("GET", f"/v2/{name}/tags/list?n=1&%6es={proxy.address}&last=a")
    assert answer.json["tags"] == ["b"]
    following = answer.headers["link"][1:].partition(">")[0]
    assert named.send("GET", following).json["tags"] == ["c"]


def test_names_of_others_are_not_taken_for_those_of_one(
    upstream: SocketClient, proxy: FaultProxy, store: Store, root: Path, clock: Clock, name: str
) -> None:
    """Where every name is one of the upstream's, quay.io's would be those of docker.io."""
    push_manifest(upstream, name, "v1")
    everything = Upstream.parse(f"http://{proxy.address}")
    client = InProcessClient(store, str(root), Namespaces(mirror_of(proxy, store, clock, ""), [everything], HERE))
    answer = client.send("GET", f"/v2/{name}/manifests/v1?ns=quay.io")
    assert (answer.status, answer.code, "oci-namespace" in answer.headers) == (404, "NAME_UNKNOWN", False)
    assert proxy.seen == []
    assert client.send("GET", f"/v2/{name}/manifests/v1?ns={proxy.address}").status == 200


def test_what_is_this_registry_s_own(named: InProcessClient) -> None:
    pushed = push_manifest(named, "own", "v1")
    for query in ("", "?ns=", f"?ns={HERE}"):
        answer = named.send("GET", f"/v2/own/manifests/v1{query}")
        assert (answer.body, "oci-namespace" in answer.headers) == (pushed.data, False)
    assert named.send("GET", f"/v2/?ns={HERE}x").status == 200
    # Where something is written says only the path.
    assert named.send("DELETE", "/v2/own/manifests/v1?ns=quay.io").status == 202
    assert named.send("GET", "/v2/A/manifests/v1?ns=quay.io").code == "NAME_INVALID"


def test_rules_go_by_the_name_here(
    upstream: SocketClient,
    proxy: FaultProxy,
    upstreams: list[Upstream],
    store: Store,
    root: Path,
    clock: Clock,
    name: str,
    tmp_path: Path,
) -> None:
    push_manifest(upstream, name, "v1")
    (tmp_path / "htpasswd").write_text(htpasswd())
    (tmp_path / "rules").write_text(
        'version = 1\n[[rule]]\nprefix = ""\nread = ["anonymous"]\n[[rule]]\nprefix = "m"\nread = ["bob"]\n'
    )
    guard = Guard(tmp_path / "htpasswd", tmp_path / "rules", b"secret")
    client = InProcessClient(
        store, str(root), Namespaces(guard.before(mirror_of(proxy, store, clock)), upstreams, HERE)
    )
    assert client.send("GET", f"/v2/{name}/manifests/v1?ns={proxy.address}").status == 401
    assert proxy.seen == []


@pytest.mark.parametrize(
    ("registry", "repository", "here"),
    [
        ("r.test", "acme/app/x", "acme/x"),  # of the smaller part
        ("r.test", "acme/other", "r/acme/other"),
        ("r.test", "acme/app", "r/acme/app"),  # the part itself has no name there
        ("docker.io", "library/alpine", "hub/library/alpine"),
        ("index.docker.io", "library/alpine", "hub/library/alpine"),
        ("r.test:443", "acme/app/x", None),
        ("other.test", "x", None),
    ],
)
def test_which_upstream(registry: str, repository: str, here: str | None) -> None:
    texts = ("https://r.test,r", "https://r.test/acme/app,acme", "https://registry-1.docker.io,hub")
    asked: list[str] = []

    class Asked:
        def begin(self, request: Request) -> Response:
            asked.append(request.path)
            return Response(200)

        def is_immediate(self, request: Request) -> bool:
            raise NotImplementedError

    service = Namespaces(Asked(), [Upstream.parse(text) for text in texts], HERE)
    response = exchange(service, Request("GET", f"/v2/{repository}/tags/list", f"ns={registry}"))
    assert response.status == (200 if here else 404)
    assert asked == ([f"/v2/{here}/tags/list"] if here else [])


def test_the_command_understands_it(
    upstream: SocketClient, there: str, name: str, serve: Callable[..., Served]
) -> None:
    pushed = push_manifest(upstream, name, "v1")
    served = serve("--upstream", f"http://{there},m")
    client = SocketClient(served.address, str(served.root))
    answer = client.send("GET", f"/v2/{name}/manifests/v1?ns={there}")
    assert (answer.body, answer.headers["oci-namespace"]) == (pushed.data, there)
    assert client.send("GET", f"/v2/{name}/manifests/v1").status == 404
    client.close()
    assert served.stop() == (0, "", "")
