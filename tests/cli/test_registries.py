"""login, logout, copy and dir: as a person or a program meets them."""

from __future__ import annotations

import io
import json
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.components import from_wit
from tests.fakes.fault_proxy import FaultProxy, TokenGate, basic_gate, fault_proxy
from tests.shim_process import running_shim
from wpkg.cli.main import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROJECT = """name = "{name}"
version = "0.1.0"
language = "python"
type = "component"
[component]
build_command = "cp ../{name}.wasm build/{name}.wasm"
build_artifact = "build/{name}.wasm"
[package]
name = "pay:{name}"
[registries]
pay = "dir:../vendor"
"""
PLATFORM = "package pay:platform@0.1.0; interface validation { validate: func(n: u64) -> bool; }"
WORLDS = {
    "harness": "import pay:platform/validation@0.1.0; export run: func(message: string);",
    "validator": "export pay:platform/validation@0.1.0;",
}


@dataclass
class Terminal:
    folder: Path
    capture: pytest.CaptureFixture[str]
    patch: pytest.MonkeyPatch

    def type(self, *arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
        self.capture.readouterr()
        self.patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = run(list(arguments))
        captured = self.capture.readouterr()
        return code, captured.out, captured.err

    def done(self, *arguments: str, stdin: bytes = b"") -> str:
        code, out, err = self.type(*arguments, stdin=stdin)
        assert code == 0, err
        return out

    def document(self, *arguments: str) -> Any:
        return json.loads(self.done(*arguments, "--json"))


@pytest.fixture
def terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    for name in list(os.environ):
        if name.startswith(("WPKG_", "XDG_", "REGISTRY_AUTH", "DOCKER_")) or name == "CI":
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WPKG_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return Terminal(tmp_path, capfd, monkeypatch)


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_shim(tmp_path_factory.mktemp("registry")) as address:
        yield address


@pytest.fixture
def closed(shim: str) -> Iterator[FaultProxy]:
    """A registry that wants a password."""
    with fault_proxy(shim) as proxy:
        yield proxy


def project(terminal: Terminal, name: str, extra: str = "") -> None:
    (terminal.folder / f"{name}.wasm").write_bytes(from_wit(WORLDS[name], PLATFORM))
    (terminal.folder / name / "build").mkdir(parents=True)
    (terminal.folder / name / "wasmcloud.toml").write_text(PROJECT.format(name=name) + extra)


def test_login_push_logout(terminal: Terminal, closed: FaultProxy) -> None:
    TokenGate(closed, "pass word")
    project(terminal, "harness")
    file = terminal.folder / "harness" / "wasmcloud.toml"
    file.write_text(file.read_text().replace("dir:../vendor", f"{closed.address}/login"))
    terminal.done("build", "-C", "harness")
    code, _, err = terminal.type("push", "-C", "harness", "--unsigned")
    assert (code, f"hint: log in with 'wpkg login {closed.address}'" in err) == (6, True), err
    code, _, err = terminal.type("login", closed.address, "-u", "user", "--password-stdin", stdin=b"wrong\n")
    assert code == 6
    assert "wrong" not in err
    assert not (terminal.folder / "home/.docker").exists()
    out = terminal.done("login", closed.address, "-u", "user", "--password-stdin", stdin=b"pass word\n")
    assert out == f"logged in to {closed.address} as user\n"
    kept = terminal.folder / "home/.docker/config.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    terminal.done("push", "-C", "harness", "--unsigned")
    assert terminal.done("logout", closed.address) == f"removed from {kept}\n"
    assert terminal.done("logout", closed.address) == f"there was no login for {closed.address}\n"
    assert terminal.type("pull", f"{closed.address}/login/pay/harness:0.1.0")[0] == 6


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "said"),
    [
        (["not a registry", "-u", "u", "--password-stdin"], b"p", 2, "is not the name of a registry"),
        (["https://ghcr.io", "-u", "u", "--password-stdin"], b"p", 2, "is not the name of a registry"),
        (["ghcr.io", "-u", "u"], b"", 2, "there is no terminal to ask for it"),
        (["ghcr.io", "--password-stdin"], b"p", 2, "a user name is needed"),
        (["ghcr.io", "-u", "u", "--password-stdin"], b"", 2, "a password of one line is needed"),
        (["ghcr.io", "-u", "u", "--password-stdin"], b"a\nb\n", 2, "a password of one line is needed"),
        (["ghcr.io", "-u", "u", "--password-stdin"], b"\xff", 2, "is not UTF-8"),
        (["ghcr.io", "-u", "a:b", "--password-stdin"], b"p", 2, "has no ':' in it"),
        (["ghcr.io", "-u", "u", "--password-stdin", "--offline"], b"p", 6, "--offline"),
        (["ghcr.io", "-u", "u", "--password", "x"], b"", 2, "no such option"),
    ],
)
def test_logins_that_cannot_be(
    terminal: Terminal, arguments: list[str], stdin: bytes, code: int, said: str
) -> None:
    found, out, err = terminal.type("login", *arguments, stdin=stdin)
    assert (found, out) == (code, "")
    assert said in err


def test_a_project_on_a_vendored_layout_works_offline(terminal: Terminal) -> None:
    """Publish to a folder, depend on it, lock, compose: nothing asks a network."""
    project(terminal, "validator")
    terminal.done("build", "-C", "validator", "--offline")
    terminal.done("push", "-C", "validator", "--unsigned", "--offline")
    project(terminal, "harness")
    terminal.done("add", "-C", "harness", "pay:validator@^0.1", "--offline")
    lock = (terminal.folder / "harness/wpkg.lock").read_text()
    assert 'source = "dir:../vendor/pay/validator"' in lock
    terminal.done("build", "-C", "harness", "--compose", "--offline")
    terminal.done("lock", "-C", "harness", "--check", "--offline")
    pulled = terminal.document("pull", "-C", "harness", "pay:validator@0.1.0", "-o", "out.wasm", "--offline")
    assert pulled["reference"].startswith("dir:../vendor/pay/validator:0.1.0@sha256:")


def test_copy_there_and_back(terminal: Terminal, shim: str) -> None:
    project(terminal, "validator")
    terminal.done("build", "-C", "validator")
    terminal.done("push", "-C", "validator", "--unsigned")
    source = "dir:vendor/pay/validator"
    there = terminal.document("copy", f"{source}:0.1.0", f"{shim}/copy/validator")
    (artifact,) = there["artifacts"]
    assert there["schema"] == "wpkg.copy/1"
    assert artifact["reference"].startswith(f"{shim}/copy/validator:0.1.0@sha256:")
    assert artifact["blobs-sent"] == 2
    back = terminal.done("copy", "--all-tags", f"{shim}/copy/validator", "dir:back")
    assert back.startswith("dir:./back:0.1.0@sha256:")
    assert (terminal.folder / "back/index.json").is_file()


def test_copies_that_cannot_be(terminal: Terminal, shim: str) -> None:
    code, out, err = terminal.type("copy", "dir:nothing:1", f"{shim}/copy/x")
    assert (code, out) == (6, "")
    assert "there is no OCI layout in nothing" in err
    (terminal.folder / "file").write_text("x")
    for target in ("dir:file/x:1", "dir:file:1"):
        project_ = terminal.type("copy", f"{shim}/copy/nothing:1", target)
        assert project_[0] == 6


def test_a_registry_that_wants_a_password_of_the_other_kind(terminal: Terminal, closed: FaultProxy) -> None:
    closed.on(".*", "/v2/", basic_gate("p"))
    terminal.done("login", closed.address, "-u", "user", "--password-stdin", stdin=b"p")
    code, _, err = terminal.type("pull", f"{closed.address}/no/such:1")
    assert code == 6
    assert "is not in the registry" in err
