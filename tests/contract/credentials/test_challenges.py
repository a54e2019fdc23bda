"""Challenges are answered, tokens renewed, and logins checked."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.contract.credentials.conftest import BLOB, LAYER, SECRET, Known, fetch
from tests.fakes.fault_proxy import FaultProxy, Reply, TokenGate, basic_gate, status
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.reference import Repository
from wpkg.registry.client import check_login
from wpkg.registry.credentials import Credential
from wpkg.registry.errors import AskedToWait, Unauthorized, UnexpectedAnswer


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
