"""Other clients at a registry-shim with TLS, passwords and rules: they log in, and meet the same refusals."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.certificates import write_certificate
from tests.interop.conftest import Done, execute, peer
from tests.shim.auth.people import PASSWORDS, basic, write_files
from tests.shim.process import Served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass
class Closed:
    """A registry that asks for passwords, and a folder in which programs trust its certificate."""

    folder: Path
    address: str

    def run(self, *words: str) -> Done:
        return execute(self.folder, *words, SSL_CERT_FILE=str(self.folder / "server.pem"))

    def log_in_by_file(self, name: str) -> None:
        """As docker keeps a login."""
        proof = basic(name)["Authorization"].removeprefix("Basic ")
        (self.folder / "config.json").write_text(json.dumps({"auths": {self.address: {"auth": proof}}}))


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Closed]:
    passwords, rules = write_files(tmp_path)
    certificate, key = write_certificate(tmp_path)
    served = Served(
        tmp_path / "registry",
        *("--tls-cert", str(certificate), "--tls-key", str(key)),
        *("--htpasswd", str(passwords), "--access", str(rules)),
    )
    (tmp_path / "hello.txt").write_text("hello")
    yield Closed(tmp_path, served.address.removeprefix("https://"))
    code, _, err = served.stop()
    assert code == 0
    assert "Traceback" not in err


def oras(closed: Closed, *words: str) -> Done:
    return closed.run(peer("oras"), *words)


def log_in_with_oras(closed: Closed, name: str, password: str) -> Done:
    return oras(closed, "login", closed.address, "-u", name, "-p", password)


@pytest.mark.interop
def test_oras_logs_in_pushes_pulls_and_deletes(closed: Closed) -> None:
    place = f"{closed.address}/acme/text"
    assert oras(closed, "push", f"{place}:1", "hello.txt").code != 0
    wrong = log_in_with_oras(closed, "alice", "wrong")
    assert wrong.code != 0
    assert "401" in wrong.out or "unauthorized" in wrong.out.lower()
    assert log_in_with_oras(closed, "alice", PASSWORDS["alice"]).code == 0
    done = oras(closed, "push", f"{place}:1", "hello.txt")
    assert done.code == 0, done.out
    done = oras(closed, "pull", "-o", "out", f"{place}:1")
    assert done.code == 0, done.out
    assert (closed.folder / "out" / "hello.txt").read_text() == "hello"
    assert log_in_with_oras(closed, "bob", PASSWORDS["bob"]).code == 0
    assert oras(closed, "pull", "-o", "again", f"{place}:1").code == 0
    for refused in (
        oras(closed, "push", f"{place}:2", "hello.txt"),
        oras(closed, "manifest", "delete", "--force", f"{place}:1"),
    ):
        assert refused.code != 0
        assert "bob may not" in refused.out
    assert log_in_with_oras(closed, "alice", PASSWORDS["alice"]).code == 0
    assert oras(closed, "manifest", "delete", "--force", f"{place}:1").code == 0
    assert oras(closed, "pull", "-o", "gone", f"{place}:1").code != 0


@pytest.mark.interop
def test_crane_copies_from_what_it_may_read_to_where_it_may_push(closed: Closed) -> None:
    closed.log_in_by_file("ci")
    done = oras(closed, "push", f"{closed.address}/open/text:1", "hello.txt")
    assert done.code == 0, done.out
    crane = peer("crane")
    (closed.folder / "config.json").unlink()
    assert closed.run(crane, "manifest", f"{closed.address}/open/text:1").code == 0  # open to everybody
    assert closed.run(crane, "cp", f"{closed.address}/open/text:1", f"{closed.address}/acme/text:1").code != 0
    done = closed.run(crane, "auth", "login", closed.address, "-u", "alice", "-p", PASSWORDS["alice"])
    assert done.code == 0, done.out
    done = closed.run(crane, "cp", f"{closed.address}/open/text:1", f"{closed.address}/acme/text:1")
    assert done.code == 0, done.out
    assert (
        closed.run(crane, "digest", f"{closed.address}/acme/text:1").out
        == closed.run(crane, "digest", f"{closed.address}/open/text:1").out
    )
    refused = closed.run(crane, "ls", f"{closed.address}/open/secret")
    assert refused.code != 0
    assert "alice may not read from open/secret" in refused.out


@pytest.mark.interop
def test_crane_and_oras_list_repositories(closed: Closed) -> None:
    """In pages, and each of them what its user may read."""
    closed.log_in_by_file("alice")
    names = [f"acme/text-{number}" for number in range(3)]
    for name in names:
        done = oras(closed, "push", f"{closed.address}/{name}:1", "hello.txt")
        assert done.code == 0, done.out
    closed.log_in_by_file("ci")
    done = oras(closed, "push", f"{closed.address}/open/text:1", "hello.txt")
    assert done.code == 0, done.out
    assert closed.run(peer("crane"), "catalog", closed.address).out.split() == [*names, "open/text"]
    assert oras(closed, "repo", "ls", closed.address).out.split() == [*names, "open/text"]
    (closed.folder / "config.json").unlink()
    assert closed.run(peer("crane"), "catalog", closed.address).code != 0


@pytest.mark.interop
def test_skopeo_logs_in_and_copies(closed: Closed) -> None:
    skopeo = peer("skopeo")
    (closed.folder / "trusted").mkdir()
    (closed.folder / "trusted" / "ca.crt").write_bytes((closed.folder / "server.pem").read_bytes())
    log_in = [skopeo, "login", "--cert-dir", "trusted", "--authfile", "auth.json", "-u", "alice"]
    assert closed.run(*log_in, "-p", "wrong", closed.address).code != 0
    done = closed.run(*log_in, "-p", PASSWORDS["alice"], closed.address)
    assert done.code == 0, done.out
    closed.log_in_by_file("alice")
    done = oras(closed, "push", f"{closed.address}/acme/text:1", "hello.txt")
    assert done.code == 0, done.out
    copy = [skopeo, "--insecure-policy", "copy", "--authfile", "auth.json"]
    source = f"docker://{closed.address}/acme/text:1"
    done = closed.run(*copy, "--src-cert-dir", "trusted", source, "oci:layout:1")
    assert done.code == 0, done.out
    done = closed.run(
        *copy, "--dest-cert-dir", "trusted", "oci:layout:1", f"docker://{closed.address}/acme/copied:1"
    )
    assert done.code == 0, done.out
    refused = closed.run(
        *copy, "--dest-cert-dir", "trusted", "oci:layout:1", f"docker://{closed.address}/open/copied:1"
    )
    assert refused.code != 0
    assert "alice may not push" in refused.out or "denied" in refused.out
