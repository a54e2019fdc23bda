"""wpkg at a registry-shim with passwords, rules and TLS: from login to push and pull, and what goes wrong."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest

from tests.certificates import write_certificate
from tests.cli.test_registries import Terminal, project
from tests.cli.test_registries import terminal as terminal  # noqa: PLC0414 - a fixture
from tests.shim.auth.people import PASSWORDS, htpasswd, write_files
from tests.shim.process import Served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOST = "registry.test"


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Its address under a name that is not this machine's, so that wpkg insists on TLS; its certificate is trusted."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    resolve = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *rest, **named: resolve("127.0.0.1" if host == HOST else host, *rest, **named),
    )
    passwords, rules = write_files(tmp_path)
    certificate, key = write_certificate(tmp_path, host=HOST)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    served = Served(
        tmp_path / "registry",
        *("--tls-cert", str(certificate), "--tls-key", str(key)),
        *("--htpasswd", str(passwords), "--access", str(rules), "--name", HOST),
    )
    yield f"{HOST}:{served.address.rpartition(':')[2]}"
    code, _, err = served.stop()
    assert code == 0
    assert "Traceback" not in err


def log_in(terminal: Terminal, registry: str, name: str) -> None:
    terminal.done("login", registry, "-u", name, "--password-stdin", stdin=f"{PASSWORDS[name]}\n".encode())


def built(terminal: Terminal, registry: str, prefix: str) -> None:
    """A project whose namespace is at `prefix` of the registry."""
    project(terminal, "harness")
    file = terminal.folder / "harness" / "wasmcloud.toml"
    file.write_text(file.read_text().replace("dir:../vendor", f"{registry}/{prefix}"))
    terminal.done("build", "-C", "harness")


def one_sentence(err: str) -> str:
    """The only error line, after which there are only hints."""
    assert err.count("error: ") == 1
    _, _, told = err.partition("error: ")
    first, *rest = told.splitlines()
    assert all(line.startswith("hint: ") for line in rest), err
    return first


def test_from_login_to_pull(terminal: Terminal, registry: str) -> None:
    built(terminal, registry, "acme")
    reference = f"{registry}/acme/pay/harness:0.1.0"
    code, _, err = terminal.type("push", "-C", "harness", "--unsigned")
    assert (code, f"hint: log in with 'wpkg login {registry}'" in err) == (6, True), err
    log_in(terminal, registry, "alice")
    terminal.done("push", "-C", "harness", "--unsigned")
    terminal.done("pull", reference, "-o", "mine.wasm")
    log_in(terminal, registry, "bob")
    terminal.done("pull", reference, "-o", "his.wasm")
    pulled = (terminal.folder / "his.wasm").read_bytes()
    assert (
        pulled == (terminal.folder / "harness.wasm").read_bytes() == (terminal.folder / "mine.wasm").read_bytes()
    )
    terminal.done("logout", registry)
    assert terminal.type("pull", reference, "-o", "no.wasm")[0] == 6
    assert not (terminal.folder / "no.wasm").exists()


def test_who_may_read_may_not_push(terminal: Terminal, registry: str) -> None:
    built(terminal, registry, "acme")
    log_in(terminal, registry, "bob")
    code, _, err = terminal.type("push", "-C", "harness", "--unsigned")
    assert code == 6
    assert "bob may not push acme/pay/harness" in one_sentence(err)
    assert f"'wpkg login {registry}' replaces it" in err


def test_without_login_what_is_open(terminal: Terminal, registry: str) -> None:
    built(terminal, registry, "open")
    log_in(terminal, registry, "ci")
    terminal.done("push", "-C", "harness", "--unsigned")
    terminal.done("logout", registry)
    terminal.done("pull", f"{registry}/open/pay/harness:0.1.0", "-o", "app.wasm")
    assert (terminal.folder / "app.wasm").read_bytes() == (terminal.folder / "harness.wasm").read_bytes()
    assert terminal.type("push", "-C", "harness", "--unsigned", "--force")[0] == 6


def test_a_wrong_password(terminal: Terminal, registry: str) -> None:
    code, out, err = terminal.type("login", registry, "-u", "alice", "--password-stdin", stdin=b"hunter2\n")
    assert (code, out) == (6, "")
    assert "hunter2" not in err
    one_sentence(err)
    assert not (terminal.folder / "home/.docker").exists()


def test_a_password_that_was_right(terminal: Terminal, registry: str, tmp_path: Path) -> None:
    built(terminal, registry, "acme")
    log_in(terminal, registry, "alice")
    (tmp_path / "htpasswd").write_text(htpasswd({**PASSWORDS, "alice": "looking glass"}))
    code, _, err = terminal.type("push", "-C", "harness", "--unsigned")
    assert code == 6
    assert "the name or the password is wrong" in one_sentence(err)
    assert f"the stored login 'alice' for {registry} is not accepted for this" in err
    assert "wonder" not in err


def test_the_search_finds_what_one_may_read(terminal: Terminal, registry: str) -> None:
    for prefix, name in (("acme", "alice"), ("open", "ci")):
        if prefix == "acme":
            built(terminal, registry, prefix)
        else:
            file = terminal.folder / "harness" / "wasmcloud.toml"
            file.write_text(file.read_text().replace(f"{registry}/acme", f"{registry}/{prefix}"))
        log_in(terminal, registry, name)
        terminal.done("push", "-C", "harness", "--unsigned")

    def found() -> list[str]:
        text = terminal.done("search", "--imports", "pay:platform/validation", "--registry", registry, "--json")
        return [result["repository"] for result in json.loads(text)["results"]]

    log_in(terminal, registry, "bob")
    assert found() == [f"{registry}/acme/pay/harness", f"{registry}/open/pay/harness"]
    terminal.done("logout", registry)
    assert found() == [f"{registry}/open/pay/harness"]


def test_a_certificate_that_nobody_vouches_for(
    terminal: Terminal, registry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    code, _, err = terminal.type("login", registry, "-u", "alice", "--password-stdin", stdin=b"wonder land\n")
    assert code == 6
    assert "its TLS certificate is not valid" in one_sentence(err)
    assert "SSL_CERT_FILE=FILE" in err
