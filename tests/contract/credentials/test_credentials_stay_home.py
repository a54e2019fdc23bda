"""Nothing secret is told to anybody it is not for."""

from __future__ import annotations

import base64
import io
import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.contract.credentials.conftest import LAYER, SECRET, Known, fetch
from tests.fakes.fault_proxy import FaultProxy, Reply, TokenGate, basic_gate, redirected
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.manifest import IMAGE_INDEX, Index
from wpkg.oci.reference import Repository
from wpkg.registry.errors import Unauthorized, UnexpectedAnswer
from wpkg.registry.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.fault_proxy import Request


def secrets_seen_by(host: FaultProxy) -> list[str]:
    packed = base64.b64encode(f"user:{SECRET}".encode()).decode()
    return [
        f"{r.method} {r.path}"
        for r in host.seen
        if r.authorization is not None or SECRET in str(r) or packed in str(r) or "cookie" in r.headers
    ]


def test_a_redirect_to_another_host_gets_no_credentials(
    proxy: FaultProxy, stranger: FaultProxy, known: Known, repository: Repository
) -> None:
    TokenGate(proxy, SECRET)
    proxy._rules[1].fault = lambda r, f, check=proxy._rules[1].fault: (  # type: ignore[misc]
        redirected(f"http://{stranger.address}")(r, f) if check(r, f).status == 200 else check(r, f)
    )
    fetch(known.client(), repository)
    assert len(stranger.seen) == 1
    assert secrets_seen_by(stranger) == []


@pytest.mark.parametrize("code", [307, 308])
def test_what_is_written_may_be_redirected_and_takes_no_credentials_along(
    proxy: FaultProxy, stranger: FaultProxy, known: Known, repository: Repository, code: int
) -> None:
    """distribution-spec (main of 2026-05): a registry may redirect any request."""

    def elsewhere(request: Request, forward: Callable[[], Reply]) -> Reply:
        reply = basic_gate(SECRET)(request, lambda: Reply(404))
        if reply.status == 401 or request.method not in ("POST", "PUT"):
            return reply
        return Reply(code, {"Location": f"http://{stranger.address}/else{request.path}"})

    proxy.on(".*", "/v2/", elsewhere)
    stranger.on("POST", "/else/", lambda r, f: Reply(202, {"Location": "/up"}))
    stranger.on("PUT", "/", lambda r, f: Reply(201))
    data = os.urandom(100_000)
    new = Descriptor.of("x/y", data)
    assert known.client().push_blob(repository, new, lambda: io.BytesIO(data))
    known.client().push_manifest(repository, Index(()).encode(), IMAGE_INDEX, "v1")
    assert [r.body for r in stranger.asked("PUT")] == [data, Index(()).encode()]
    assert secrets_seen_by(stranger) == []


def test_what_is_written_does_not_become_something_else(
    proxy: FaultProxy, stranger: FaultProxy, known: Known, repository: Repository
) -> None:
    proxy.on("PUT", "/v2/", lambda r, f: Reply(303, {"Location": f"http://{stranger.address}/"}))
    with pytest.raises(UnexpectedAnswer, match="status 303"):
        known.client().push_manifest(repository, Index(()).encode(), IMAGE_INDEX, "v1")
    assert stranger.seen == []


def test_a_challenge_of_another_host_is_not_answered(
    proxy: FaultProxy, stranger: FaultProxy, known: Known, repository: Repository
) -> None:
    proxy.on("GET", "/blobs/", redirected(f"http://{stranger.address}"))
    for gate in (basic_gate(SECRET),):
        stranger.on(".*", "/", gate)
    with pytest.raises(Unauthorized):
        known.client().fetch_blob(repository, LAYER)
    assert secrets_seen_by(stranger) == []


def test_an_upload_location_on_another_host_gets_no_credentials(
    proxy: FaultProxy, stranger: FaultProxy, known: Known, repository: Repository
) -> None:
    proxy.on(
        "POST", "/uploads/", lambda r, f: Reply(202, {"Location": f"http://{stranger.address}/up?x=1&x=2&y="})
    )
    proxy.on(".*", "/v2/", basic_gate(SECRET))
    stranger.on("PUT", "/up", lambda r, f: Reply(201))
    new = Descriptor.of("x/y", b"elsewhere")
    assert known.client().push_blob(repository, new, lambda: io.BytesIO(b"elsewhere"))
    assert secrets_seen_by(stranger) == []
    (put,) = stranger.asked("PUT")
    assert put.path.startswith("/up?x=1&x=2&y=&digest=")


TWO_WAYS = [r"http://{stranger}\@{registry}", r"http://{registry}\@{stranger}", "http://{stranger}@{registry}"]


@pytest.mark.parametrize("spelled", TWO_WAYS)
def test_an_address_that_can_be_read_in_two_ways_leads_where_its_credentials_are_for(
    proxy: FaultProxy, stranger: FaultProxy, known: Known, repository: Repository, spelled: str
) -> None:
    r"""Parsers do not agree whether the host of `http://one\@two/` is one or two."""
    elsewhere = spelled.format(stranger=stranger.address, registry=proxy.address)
    proxy.on("POST", "/uploads/", lambda r, f: Reply(202, {"Location": f"{elsewhere}/up"}))
    proxy.on("PUT", "/up", lambda r, f: Reply(201))
    proxy.on(".*", "/v2/", basic_gate(SECRET))
    stranger.on("PUT", "/up", lambda r, f: Reply(201))
    new = Descriptor.of("x/y", b"elsewhere")
    assert known.client().push_blob(repository, new, lambda: io.BytesIO(b"elsewhere"))
    assert secrets_seen_by(stranger) == []
    assert len(proxy.asked("PUT")) == (0 if elsewhere.endswith(stranger.address) else 1)


def test_such_an_address_does_not_change_where_others_lead(proxy: FaultProxy, stranger: FaultProxy) -> None:
    stranger.on(
        "GET", "/start", lambda r, f: Reply(307, {"Location": rf"http://{stranger.address}\@{proxy.address}/"})
    )
    transport = Transport()
    transport.request("GET", f"http://{stranger.address}/start", "redirect").close()
    transport.request("GET", f"http://{proxy.address}/v2/", "the registry").close()
    assert [request.path for request in stranger.seen] == ["/start"]
    assert [request.path for request in proxy.seen] == ["/", "/v2/"]


def test_a_next_page_of_another_host_is_not_asked_for(
    proxy: FaultProxy, stranger: FaultProxy, known: Known, repository: Repository
) -> None:
    link = f'<http://{stranger.address}/v2/a/b/tags/list>; rel="next"'
    proxy.on("GET", "/tags/", lambda r, f: Reply(200, {"Link": link}, json.dumps({"tags": []}).encode()))
    with pytest.raises(UnexpectedAnswer, match="on another host"):
        known.client().list_tags(repository)
    assert stranger.seen == []


@pytest.mark.parametrize(
    ("realm", "said"),
    [
        ("http://169.254.169.254/token", "an address inside a network"),
        ("http://127.0.0.2:1/token", "an address inside a network"),
        ("http://token.example.com/", "which does not belong to it"),
        ("https://token.example.com/", "which does not belong to it"),
        ("ftp://127.0.0.1/token", "which is no address"),
        ("http://user@127.0.0.1/token", "which is no address"),
        ("registry.example.com", "which is no address"),
    ],
)
def test_a_realm_that_does_not_belong_to_the_registry(
    proxy: FaultProxy, known: Known, repository: Repository, realm: str, said: str
) -> None:
    proxy.on(".*", "/", lambda r, f: Reply(401, {"WWW-Authenticate": f'Bearer realm="{realm}",service="x"'}))
    with pytest.raises(Unauthorized, match=said):
        known.client().fetch_blob(repository, LAYER)


def test_a_token_server_that_redirects_is_not_followed(
    proxy: FaultProxy, stranger: FaultProxy, known: Known, repository: Repository
) -> None:
    proxy.on(".*", "^/token", redirected(f"http://{stranger.address}"))
    TokenGate(proxy, SECRET)
    with pytest.raises(UnexpectedAnswer, match="answered with status 307"):
        known.client().fetch_blob(repository, LAYER)
    assert stranger.seen == []


def test_tokens_of_one_registry_are_not_shown_to_another(
    proxy: FaultProxy, stranger: FaultProxy, known: Known, repository: Repository
) -> None:
    TokenGate(proxy, SECRET)
    client = known.client()
    fetch(client, repository)
    fetch(client, Repository(stranger.address, repository.path))
    assert secrets_seen_by(stranger) == []


def test_cookies_are_not_kept(
    proxy: FaultProxy, stranger: FaultProxy, known: Known, repository: Repository
) -> None:
    proxy.on("GET", "/tags/", lambda r, f: Reply(200, {"Set-Cookie": "session=1; Path=/"}, b'{"tags": []}'))
    client = known.client()
    client.list_tags(repository)
    fetch(client, repository)
    fetch(client, Repository(stranger.address, repository.path))
    assert all("cookie" not in r.headers for r in (*proxy.seen, *stranger.seen))


def test_errors_hold_no_secret(proxy: FaultProxy, known: Known, repository: Repository) -> None:
    TokenGate(proxy, "another")
    with pytest.raises(Unauthorized) as caught:
        known.client().push_blob(repository, Descriptor.of("x/y", b"new"), lambda: io.BytesIO(b"new"))
    assert SECRET not in f"{caught.value!r} {caught.value} {caught.value.hint} {known.credential!r}"


def test_plain_http_is_for_this_machine_and_for_what_was_named() -> None:
    transport = Transport(plain_http=frozenset({"registry.test:5000", "by-host"}))
    assert transport.base_url("localhost:5000") == "http://localhost:5000"
    assert transport.base_url("127.9.9.9") == "http://127.9.9.9"
    assert transport.base_url("[::1]:5000") == "http://[::1]:5000"
    assert transport.base_url("registry.test:5000") == "http://registry.test:5000"
    assert transport.base_url("by-host:1234") == "http://by-host:1234"
    assert transport.base_url("registry.test:5001") == "https://registry.test:5001"
    assert transport.base_url("localhost.example.com") == "https://localhost.example.com"
    assert transport.base_url("docker.io") == "https://registry-1.docker.io"
