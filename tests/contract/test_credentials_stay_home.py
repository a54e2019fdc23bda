"""Challenges are answered, tokens renewed, and nothing secret is told to anybody it is not for."""

from __future__ import annotations

import base64
import io
import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.fakes.fault_proxy import FaultProxy, Reply, TokenGate, basic_gate, fault_proxy, redirected, status
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.manifest import IMAGE_INDEX, Index
from wpkg.oci.reference import Repository
from wpkg.registry.client import RegistryClient, check_login
from wpkg.registry.credentials import Credential
from wpkg.registry.errors import AskedToWait, Unauthorized, UnexpectedAnswer
from wpkg.registry.patience import Patience
from wpkg.registry.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from registry_shim.pytest_plugin import StartRegistry
    from tests.fakes.fault_proxy import Request

SECRET = "hunter2-hunter2"
BLOB = b"component" * 1000
LAYER = Descriptor.of("application/wasm", BLOB)


@pytest.fixture(scope="module")
def shim(registry_shim_factory: StartRegistry) -> str:
    address = registry_shim_factory().host
    RegistryClient().push_blob(Repository.parse(f"{address}/a/b"), LAYER, lambda: io.BytesIO(BLOB))
    return address


@pytest.fixture
def proxy(shim: str) -> Iterator[FaultProxy]:
    with fault_proxy(shim) as proxy:
        yield proxy


@pytest.fixture
def stranger(shim: str) -> Iterator[FaultProxy]:
    """Another host, which serves the same."""
    with fault_proxy(shim) as proxy:
        yield proxy


@pytest.fixture
def repository(proxy: FaultProxy) -> Repository:
    return Repository.parse(f"{proxy.address}/a/b")


class Known:
    """Credentials of the proxy, and whom they were asked for."""

    def __init__(self, registry: str, credential: Credential | None) -> None:
        self.registry = registry
        self.credential = credential
        self.warnings: list[str] = []

    def client(self) -> RegistryClient:
        patience = Patience(retries=1, sleep=lambda _: None)
        return RegistryClient(Transport(self.find, self.warnings.append, patience=patience))

    def find(self, registry: str, path: str) -> Credential | None:
        return self.credential if registry == self.registry else None


@pytest.fixture
def known(proxy: FaultProxy) -> Known:
    return Known(proxy.address, Credential("user", SECRET))


def fetch(client: RegistryClient, repository: Repository) -> None:
    assert client.fetch_blob(repository, LAYER) == BLOB


# --- answers to challenges -------------------------------------------------------------------------


def test_basic(proxy: FaultProxy, known: Known, repository: Repository) -> None:
    proxy.on(".*", "/v2/", basic_gate(SECRET))
    client = known.client()
    fetch(client, repository)
    fetch(client, repository)
    assert [r.authorization is not None for r in proxy.seen] == [False, True, True]


def test_a_token_with_a_password(proxy: FaultProxy, known: Known, repository: Repository) -> None:
    TokenGate(proxy, SECRET)
    client = known.client()
    fetch(client, repository)
    fetch(client, repository)
    assert len(proxy.asked("GET", "^/token")) == 1
    (asked,) = proxy.asked("GET", "^/token")
    assert "service=here" in asked.path
    assert "scope=repository%3Aa%2Fb%3Apull" in asked.path
    assert all(SECRET not in (r.authorization or "") for r in proxy.asked("GET", "/v2/"))


def test_an_anonymous_token(proxy: FaultProxy, repository: Repository) -> None:
    TokenGate(proxy)
    fetch(Known("nobody", None).client(), repository)
    (asked,) = proxy.asked("GET", "^/token")
    assert asked.authorization is None


def test_a_stale_token_is_renewed_once_and_a_body_sent_again(
    proxy: FaultProxy, known: Known, repository: Repository
) -> None:
    gate = TokenGate(proxy, SECRET)
    client = known.client()
    fetch(client, repository)
    gate.expire()
    fetch(client, repository)
    other = Descriptor.of("x/y", repr(repository).encode())
    client.push_blob(repository, Descriptor.of("x/y", b"first"), lambda: io.BytesIO(b"first"))
    proxy.on("PUT", "/v2/", status(500), 0)
    gate.expire()
    client.push_blob(repository, other, lambda: io.BytesIO(repr(repository).encode()))
    assert client.fetch_blob(repository, other) == repr(repository).encode()
    assert len(gate.tokens) == len(proxy.asked("GET", "^/token"))


def test_a_token_that_is_never_good_ends_in_one_error(
    proxy: FaultProxy, known: Known, repository: Repository
) -> None:
    gate = TokenGate(proxy, SECRET)
    proxy.on(
        ".*",
        "/v2/",
        lambda r, f: Reply(401, {"WWW-Authenticate": f'Bearer realm="{gate.realm}",service="x"'}),
        first=True,
    )
    with pytest.raises(Unauthorized, match="status 401") as caught:
        known.client().fetch_blob(repository, LAYER)
    assert "the stored login 'user'" in (caught.value.hint or "")
    assert len(proxy.seen) == 3


def test_a_token_is_not_used_up_to_its_last_second(
    proxy: FaultProxy, known: Known, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    TokenGate(proxy, SECRET, life=100)
    client = known.client()
    now = 0.0
    client._transport._authorizer._clock = lambda: now
    fetch(client, repository)
    now = 89.0
    fetch(client, repository)
    assert len(proxy.asked("GET", "^/token")) == 1
    now = 91.0
    fetch(client, repository)
    assert len(proxy.asked("GET", "^/token")) == 2


def test_many_threads_ask_for_one_token(proxy: FaultProxy, known: Known, repository: Repository) -> None:
    TokenGate(proxy, SECRET)
    client = known.client()
    with ThreadPoolExecutor(8) as threads:
        for done in [threads.submit(fetch, client, repository) for _ in range(16)]:
            done.result()
    assert len(proxy.asked("GET", "^/token")) == 1


def test_more_rights_are_asked_for_when_they_are_needed(
    proxy: FaultProxy, known: Known, repository: Repository
) -> None:
    gate = TokenGate(proxy, SECRET)
    said = f'Bearer realm="{gate.realm}",scope="repository:a/b:admin",error="insufficient_scope"'
    client = known.client()
    fetch(client, repository)
    proxy.on("GET", "/v2/", status(403, WWW_Authenticate=said), 1, first=True)
    fetch(client, repository)
    assert "repository%3Aa%2Fb%3Aadmin" in proxy.asked("GET", "^/token")[-1].path


def test_an_identity_token_goes_to_the_token_server_only(
    proxy: FaultProxy, known: Known, repository: Repository
) -> None:
    known.credential = Credential("<token>", SECRET, "identity")
    TokenGate(proxy)
    fetch(known.client(), repository)
    (asked,) = proxy.asked("POST", "^/token")
    assert b"grant_type=refresh_token" in asked.body
    assert f"refresh_token={SECRET}".encode() in asked.body
    assert SECRET not in asked.path
    assert all(SECRET not in str(r) for r in proxy.seen if r is not asked)


def test_a_refused_password_does_not_hide_what_is_public(
    proxy: FaultProxy, known: Known, repository: Repository
) -> None:
    TokenGate(proxy)
    proxy.on("GET", "^/token", status(401), 1, first=True)
    client = known.client()
    fetch(client, repository)
    client.resolve(Repository(repository.registry, "c/d").at(tag="1"))
    assert known.warnings == [f"{proxy.address} refuses the stored login; going on without it"]
    assert [r.authorization is not None for r in proxy.asked("GET", "^/token")] == [True, False, False]
    proxy.on("GET", "^/token", status(401), first=True)
    with pytest.raises(Unauthorized, match="refused with status 401"):
        known.client().push_blob(repository, Descriptor.of("x/y", b"new"), lambda: io.BytesIO(b"new"))


def test_a_bearer_token_is_sent_as_it_is(proxy: FaultProxy, known: Known, repository: Repository) -> None:
    known.credential = Credential("", "token-0", "bearer")
    gate = TokenGate(proxy)
    gate.tokens.append("token-0")
    fetch(known.client(), repository)
    assert proxy.asked("GET", "^/token") == []


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"token": 1}', b'{"token": "a\\nb"}', b"<html>", b" " * 200_000]
)
def test_a_token_server_that_talks_nonsense(
    proxy: FaultProxy, known: Known, repository: Repository, body: bytes
) -> None:
    proxy.on(".*", "^/token", lambda r, f: Reply(200, {}, body))
    TokenGate(proxy, SECRET)
    with pytest.raises(UnexpectedAnswer):
        known.client().fetch_blob(repository, LAYER)


def test_mounting_is_given_up_where_the_other_repository_is_closed(
    proxy: FaultProxy, known: Known, repository: Repository
) -> None:
    TokenGate(proxy, SECRET)
    proxy.on("POST", "mount=", status(401), first=True)
    other = Repository(repository.registry, "c/d")
    assert known.client().push_blob(other, LAYER, lambda: io.BytesIO(BLOB), repository) is True
    assert len(proxy.asked("POST", "mount=")) >= 1


# --- login -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["basic", "bearer"])
def test_a_login_is_checked(proxy: FaultProxy, scheme: str) -> None:
    if scheme == "basic":
        proxy.on(".*", "/v2/", basic_gate(SECRET))
    else:
        TokenGate(proxy, SECRET)
    check_login(proxy.address, Credential("user", SECRET), {})
    with pytest.raises(Unauthorized) as caught:
        check_login(proxy.address, Credential("user", "wrong-password"), {})
    assert "wrong-password" not in f"{caught.value} {caught.value.hint}"


# --- where secrets must not go ---------------------------------------------------------------------


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


def test_a_token_server_that_is_busy_is_asked_again(
    proxy: FaultProxy, known: Known, repository: Repository
) -> None:
    TokenGate(proxy, SECRET)
    proxy.on("GET|POST", "^/token", status(503), 1, first=True)
    assert known.client().fetch_blob(repository, LAYER) == BLOB
    assert len(proxy.asked("GET", "^/token")) == 2


def test_a_token_server_that_stays_busy_says_until_when(
    proxy: FaultProxy, known: Known, repository: Repository
) -> None:
    TokenGate(proxy, SECRET)
    proxy.on("GET|POST", "^/token", status(429, Retry_After="30"), first=True)
    with pytest.raises(AskedToWait, match="answered with status 429") as caught:
        known.client().fetch_blob(repository, LAYER)
    assert (caught.value.seconds, len(proxy.asked("GET", "^/token"))) == (30, 2)


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
