"""Who gets what: 401 without a password, 403 with one that does not suffice, and nothing is told either way."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import bcrypt
import pytest

from registry_shim.auth.credentials import Credentials, Verifier, read_credentials
from registry_shim.limits import MAX_PASSWORD_CHECKS, REMEMBERED_PASSWORDS
from registry_shim.protocol.messages import Request
from tests.shim.auth.conftest import As
from tests.shim.auth.people import PASSWORDS, RULES, basic, hash_of, htpasswd
from tests.shim.wire import (
    UNKNOWN_DIGEST,
    InProcessClient,
    closing,
    push_blob,
    push_manifest,
    put,
    start_upload,
)
from wpkg.oci.digest import Digest

if TYPE_CHECKING:
    from pathlib import Path

    from registry_shim.auth.auth import Auth
    from registry_shim.store.store import Store

HASHES = {name: hash_of(password).encode() for name, password in PASSWORDS.items()}


class Counted:
    """The real bcrypt, and how often it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        real = bcrypt.checkpw

        def check(password: bytes, hashed: bytes) -> bool:
            self.count += 1
            return real(password, hashed)

        monkeypatch.setattr(bcrypt, "checkpw", check)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(monkeypatch)


def test_clients_find_out_at_the_root(store: Store, auth: Auth) -> None:
    asked = As(store, auth, None).send("GET", "/v2/")
    assert (asked.status, asked.code) == (401, "UNAUTHORIZED")
    assert asked.headers["www-authenticate"] == 'Basic realm="registry-shim"'
    assert As(store, auth, None).send("HEAD", "/v2/").status == 401
    for name in PASSWORDS:
        assert As(store, auth, name).send("GET", "/v2/").status == 200


REQUESTS = [
    ("GET", "manifests/v1", "read"),
    ("HEAD", "manifests/v1", "read"),
    ("GET", f"manifests/{UNKNOWN_DIGEST}", "read"),
    ("GET", f"blobs/{UNKNOWN_DIGEST}", "read"),
    ("HEAD", f"blobs/{UNKNOWN_DIGEST}", "read"),
    ("GET", "tags/list", "read"),
    ("GET", f"referrers/{UNKNOWN_DIGEST}", "read"),
    ("POST", "blobs/uploads/", "push"),
    ("GET", f"blobs/uploads/{'0' * 32}", "push"),
    ("PATCH", f"blobs/uploads/{'0' * 32}", "push"),
    ("PUT", f"blobs/uploads/{'0' * 32}", "push"),
    ("DELETE", f"blobs/uploads/{'0' * 32}", "push"),
    ("PUT", "manifests/v2", "push"),
    ("POST", "manifests/v2", "push"),
    ("TRACE", "tags/list", "push"),
    ("DELETE", "manifests/v1", "delete"),
    ("DELETE", f"manifests/{UNKNOWN_DIGEST}", "delete"),
    ("DELETE", f"blobs/{UNKNOWN_DIGEST}", "delete"),
]
MAY = {
    ("acme/app", None): "",
    ("acme/app", "bob"): "read",
    ("acme/app", "alice"): "read push delete",
    ("open/app", None): "read",
    ("open/app", "alice"): "read",
    ("open/app", "ci"): "read push",
    ("open/secret", None): "",
    ("open/secret", "alice"): "",
    ("open/secret", "bob"): "read",
}


@pytest.mark.parametrize(("repository", "user"), MAY)
@pytest.mark.parametrize(("method", "path", "right"), REQUESTS)
def test_every_request_needs_its_right(
    store: Store,
    auth: Auth,
    owner: InProcessClient,
    repository: str,
    user: str | None,
    method: str,
    path: str,
    right: str,
) -> None:
    target = f"/v2/{repository}/{path}"
    client = As(store, auth, user)
    before = client.send(method, target)
    push_manifest(owner, repository, "v1")
    answer = client.send(method, target)
    if right in MAY[repository, user].split():
        assert answer.status not in (401, 403)
        return
    assert answer.status == (401 if user is None else 403)
    assert ("www-authenticate" in answer.headers) is (user is None)
    # Whether something is there is nobody's business who may not read it.
    assert (before.status, before.headers, before.body) == (answer.status, answer.headers, answer.body)
    if method != "HEAD":
        assert answer.code == ("UNAUTHORIZED" if user is None else "DENIED")
    assert owner.send("GET", f"/v2/{repository}/tags/list").json["tags"] == ["v1"]


def test_who_may_push_can(store: Store, auth: Auth) -> None:
    pushed = push_manifest(As(store, auth, "ci"), "open/app", "v1")
    assert As(store, auth, None).send("GET", "/v2/open/app/manifests/v1").body == pushed.data
    told = As(store, auth, "ci").send("DELETE", "/v2/open/app/manifests/v1")
    assert told.json["errors"][0]["message"] == "ci may not delete from open/app"
    assert put(As(store, auth, "bob"), "open/app", "v1", pushed.data).status == 403


@pytest.mark.parametrize("target", ["/v2/", "/v2/open/app/tags/list", "/v2/acme/app/tags/list", "/v2/nonsense"])
@pytest.mark.parametrize(
    "header",
    [
        basic("alice", "wrong")["Authorization"],
        basic("alice", "")["Authorization"],
        basic("nobody", "wonder land")["Authorization"],
        "Basic",
        "Basic !!!",
        "Basic YWxpY2U=",  # alice
        "Basic OndvbmRlciBsYW5k",  # :wonder land
        "Basic YWxpY2U6AA==",  # alice:\0
        "Basic /zr/",
        "Bearer abc",
        "Digest username=alice",
        "",
        f"{basic('alice')['Authorization']}, {basic('bob')['Authorization']}",
    ],
)
def test_wrong_credentials_are_refused_everywhere(
    store: Store, auth: Auth, owner: InProcessClient, target: str, header: str
) -> None:
    push_manifest(owner, "open/app", "v1")
    answer = InProcessClient(store, "/nowhere", auth).send("GET", target, headers={"Authorization": header})
    assert (answer.status, answer.code) == (401, "UNAUTHORIZED")
    assert answer.headers["www-authenticate"].startswith("Basic ")
    assert b"wonder" not in answer.body


def test_reading_the_header() -> None:
    assert read_credentials(basic("bob")["Authorization"]) == Credentials("bob", "büro:7")
    assert read_credentials(basic("bob")["Authorization"].replace("Basic ", "bASIC  ")) == Credentials(
        "bob", "büro:7"
    )


class TestMounts:
    def mount(self, client: As, target: str, digest: Digest, source: str | None) -> int:
        query = f"mount={digest}" + (f"&from={source}" if source is not None else "")
        return client.send("POST", f"/v2/{target}/blobs/uploads/?{query}").status

    @pytest.mark.parametrize("source", ["open/secret", None])
    def test_nothing_comes_from_where_the_caller_may_not_read(
        self, store: Store, auth: Auth, owner: InProcessClient, source: str | None
    ) -> None:
        digest = push_blob(owner, "open/secret", b"what nobody else may know").digest
        alice = As(store, auth, "alice")
        assert self.mount(alice, "acme/app", digest, source) == 202  # as for what is not there
        assert self.mount(alice, "acme/app", Digest.of(b"not there"), source) == 202
        assert alice.send("HEAD", f"/v2/acme/app/blobs/{digest}").status == 404

    @pytest.mark.parametrize("source", ["open/app", None])
    def test_from_where_the_caller_may_read_it_comes(
        self, store: Store, auth: Auth, owner: InProcessClient, source: str | None
    ) -> None:
        push_blob(owner, "open/secret", b"both have it")
        digest = push_blob(owner, "open/app", b"both have it").digest
        alice = As(store, auth, "alice")
        assert self.mount(alice, "acme/app", digest, source) == 201
        assert alice.send("GET", f"/v2/acme/app/blobs/{digest}").body == b"both have it"

    def test_from_repositories_that_are_not_in_memory_either(
        self, store: Store, auth: Auth, owner: InProcessClient
    ) -> None:
        digest = push_blob(owner, "open/secret", b"what nobody else may know").digest
        store._repositories.clear()  # as after a restart
        assert self.mount(As(store, auth, "alice"), "acme/app", digest, None) == 202
        store._repositories.clear()
        assert (
            self.mount(As(store, auth, "alice"), "acme/app", push_blob(owner, "acme/b", b"b").digest, None) == 201
        )

    def test_the_target_needs_a_push(self, store: Store, auth: Auth, owner: InProcessClient) -> None:
        digest = push_blob(owner, "open/app", b"x").digest
        assert self.mount(As(store, auth, "bob"), "acme/app", digest, "open/app") == 403


class TestPasswordsAreCheckedOnce:
    def test_right_ones(self, store: Store, auth: Auth, counted: Counted) -> None:
        for _ in range(5):
            assert As(store, auth, "alice").send("GET", "/v2/").status == 200
        assert counted.count == 1

    def test_wrong_ones(self, store: Store, auth: Auth, counted: Counted) -> None:
        for _ in range(5):
            assert As(store, auth, "alice", "wrong").send("GET", "/v2/").status == 401
        assert counted.count == 1

    def test_for_nobody_as_long_as_for_somebody(self, store: Store, auth: Auth, counted: Counted) -> None:
        assert As(store, auth, "nobody", "x").send("GET", "/v2/").status == 401
        assert counted.count == 1

    def test_the_stand_in_opens_nothing(self, store: Store, auth: Auth) -> None:
        for password in PASSWORDS.values():
            assert As(store, auth, "nobody", password).send("GET", "/v2/").status == 401

    def test_a_changed_password_counts_at_once(self, store: Store, auth: Auth, files: tuple[Path, Path]) -> None:
        assert As(store, auth, "alice").send("GET", "/v2/").status == 200
        files[0].write_text(htpasswd({**PASSWORDS, "alice": "looking glass"}))
        assert As(store, auth, "alice").send("GET", "/v2/").status == 401
        assert As(store, auth, "alice", "looking glass").send("GET", "/v2/").status == 200
        files[0].write_text(htpasswd({name: PASSWORDS[name] for name in ("bob", "ci")}))
        assert As(store, auth, "alice", "looking glass").send("GET", "/v2/").status == 401

    def test_is_immediate_only_when_nothing_has_to_be_checked(self, store: Store, auth: Auth) -> None:
        headers = {name.lower(): value for name, value in basic("alice").items()}
        request = Request("GET", "/v2/", "", headers)
        assert not auth.is_immediate(request)
        auth.begin(request)
        assert auth.is_immediate(request)
        assert not auth.is_immediate(Request("GET", "/v2/x/tags/list", "", headers))
        assert auth.is_immediate(Request("GET", "/v2/"))

    def test_only_so_many_are_remembered(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bcrypt, "checkpw", lambda password, hashed: False)
        verifier = Verifier(b"secret")
        for number in range(REMEMBERED_PASSWORDS + 10):
            verifier.is_right(HASHES, Credentials("alice", str(number)))
        assert len(verifier._known) == REMEMBERED_PASSWORDS

    def test_long_passwords_are_those_of_htpasswd(self) -> None:
        """bcrypt reads 72 bytes; the library raises for more, htpasswd cuts them off."""
        long = "0123456789" * 8
        hashes = {"alice": bcrypt.hashpw(long.encode()[:72], bcrypt.gensalt(4))}
        assert Verifier(b"s").is_right(hashes, Credentials("alice", long))
        assert not Verifier(b"s").is_right(hashes, Credentials("alice", long[:71]))

    def test_nothing_of_a_password_is_kept(self) -> None:
        verifier = Verifier(b"secret")
        verifier.is_right(HASHES, Credentials("alice", "wonder land"))
        assert "wonder" not in repr(vars(verifier))


def test_guessing_leaves_threads_for_others(monkeypatch: pytest.MonkeyPatch, store: Store, auth: Auth) -> None:
    """As many checks as may be are under way: others get 429, and whoever is known goes on."""
    assert As(store, auth, "alice").send("GET", "/v2/").status == 200
    started, finish = threading.Semaphore(0), threading.Event()

    def slow(password: bytes, hashed: bytes) -> bool:
        started.release()
        finish.wait(10)
        return False

    monkeypatch.setattr(bcrypt, "checkpw", slow)

    def guess(number: int) -> int:
        return As(store, auth, "bob", f"guess {number}").send("GET", "/v2/").status

    with ThreadPoolExecutor(MAX_PASSWORD_CHECKS) as pool:
        guesses = [pool.submit(guess, number) for number in range(MAX_PASSWORD_CHECKS)]
        for _ in guesses:
            assert started.acquire(timeout=10)
        turned_away = As(store, auth, "bob", "another").send("GET", "/v2/")
        assert (turned_away.status, turned_away.code) == (429, "TOOMANYREQUESTS")
        assert turned_away.headers["retry-after"] == "1"
        assert As(store, auth, "alice").send("GET", "/v2/").status == 200
        finish.set()
        assert [one.result() for one in guesses] == [401] * MAX_PASSWORD_CHECKS
    assert As(store, auth, "bob", "another").send("GET", "/v2/").status == 401


def test_one_check_for_those_who_ask_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    verifier, real, count = Verifier(b"secret"), bcrypt.checkpw, 0
    waiting = threading.Event()

    def slow(password: bytes, hashed: bytes) -> bool:
        nonlocal count
        count += 1
        waiting.wait(0.2)
        return real(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", slow)
    with ThreadPoolExecutor(MAX_PASSWORD_CHECKS) as pool:
        asked: list[Any] = [
            pool.submit(verifier.is_right, HASHES, Credentials("ci", "robot")) for _ in range(MAX_PASSWORD_CHECKS)
        ]
        assert all(one.result() for one in asked)
    assert count == 1


def test_files_that_break_let_nobody_in(store: Store, auth: Auth, files: tuple[Path, Path]) -> None:
    files[1].write_text("nonsense")
    for user in (None, "alice"):
        answer = As(store, auth, user).send("GET", "/v2/open/app/tags/list")
        assert (answer.status, answer.code) == (503, "DENIED")
        assert str(files[1]) not in answer.body.decode()
    files[1].write_text(RULES)
    files[0].write_text("nonsense")
    assert As(store, auth, "alice").send("GET", "/v2/").status == 503
    files[0].write_text(htpasswd())
    assert As(store, auth, "alice").send("GET", "/v2/").status == 200


def test_a_page_of_another_site_changes_nothing(store: Store, auth: Auth, owner: InProcessClient) -> None:
    """A browser sends along the password that it remembers."""
    digest = push_blob(owner, "open/app", b"x").digest
    alice = As(store, auth, "alice")
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 201), ("none", 201)):
        answer = alice.send(
            "POST", f"/v2/acme/app/blobs/uploads/?mount={digest}&from=open/app", headers={"Sec-Fetch-Site": site}
        )
        assert answer.status == status
    assert alice.send("GET", "/v2/", headers={"Sec-Fetch-Site": "cross-site"}).status == 200


def test_uploads_are_those_who_push(store: Store, auth: Auth) -> None:
    location = start_upload(As(store, auth, "ci"), "open/app")
    assert As(store, auth, "bob").send("GET", location).status == 403
    assert As(store, auth, None).send("PATCH", location, b"x").status == 401
    assert As(store, auth, "ci").send("PUT", closing(location, Digest.of(b"x")), b"x").status == 201
