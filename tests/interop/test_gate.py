"""The gate and the tools that people have: oras and crane push and pull, cosign signs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.interop.conftest import execute, peer
from tests.shim.process import Served

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.interop

POLICY = """
[trust]
version = 1
[trust.keys.ours]
path = "cosign.pub"
[[trust.rule]]
match = "127.0.0.1:*/**"
signers = ["ours"]
"""
PASSWORD = {"COSIGN_PASSWORD": "secret"}


def cosign(folder: Path, *words: str) -> tuple[int, str]:
    done = execute(folder, peer("cosign-v3"), *words, **PASSWORD)
    return done.code, done.out


def sign(folder: Path, *words: str) -> tuple[int, str]:
    """Sign with the options of a person without a network."""
    offline = ("--yes", "--use-signing-config=false", "--tlog-upload=false", "--allow-http-registry")
    return cosign(folder, "sign", "--key", "cosign.key", *offline, *words)


def test_oras_pushes_cosign_signs_and_the_tag_appears(tmp_path: Path) -> None:
    oras, crane = peer("oras"), peer("crane")
    assert cosign(tmp_path, "generate-key-pair")[0] == 0
    (tmp_path / "policy.toml").write_text(POLICY)
    (tmp_path / "a.txt").write_text("content")
    served = Served(tmp_path / "root", "--policy", str(tmp_path / "policy.toml"))
    try:
        address = served.address.removeprefix("http://")
        tagged = f"{address}/acme/app:1.0.0"
        done = execute(tmp_path, oras, "push", "--plain-http", tagged, "a.txt:text/plain")
        assert done.code == 0, done.out
        digest = next(line.split()[-1] for line in done.out.splitlines() if line.startswith("Digest:"))

        done = execute(tmp_path, oras, "pull", "--plain-http", tagged)
        assert done.code != 0
        assert "403" in done.out or "denied" in done.out.lower()
        done = execute(tmp_path, crane, "manifest", tagged)
        assert (done.code != 0, "unsigned: acme/app:1.0.0" in done.out) == (True, True), done.out
        done = execute(tmp_path, crane, "tag", f"{address}/acme/app@{digest}", "other")
        assert (done.code == 0, execute(tmp_path, crane, "ls", f"{address}/acme/app").out) == (True, ""), done.out

        by_digest = f"{address}/acme/app@{digest}"
        code, out = sign(tmp_path, by_digest)
        assert code == 0, out
        assert execute(tmp_path, crane, "ls", f"{address}/acme/app").out.split() == ["1.0.0", "other"]
        done = execute(tmp_path, oras, "pull", "--plain-http", "-o", "out", tagged)
        assert done.code == 0, done.out
        assert (tmp_path / "out/a.txt").read_text() == "content"
        assert execute(tmp_path, crane, "digest", tagged).out.strip() == digest
    finally:
        assert served.stop()[0] == 0


def test_the_command_that_a_refusal_gives_shows_a_component(tmp_path: Path) -> None:
    """`oras` pushes it, so that nothing but the signature says which version it is."""
    oras = peer("oras")
    assert cosign(tmp_path, "generate-key-pair")[0] == 0
    (tmp_path / "policy.toml").write_text(POLICY)
    (tmp_path / "a.wasm").write_bytes(b"\0asm\x0d\0\x01\0")
    (tmp_path / "config.json").write_text('{"architecture": "wasm", "os": "wasip2", "layerDigests": []}')
    served = Served(tmp_path / "root", "--policy", str(tmp_path / "policy.toml"))
    try:
        tagged = f"{served.address.removeprefix('http://')}/acme/app:1.0.0"
        files = ("--config", "config.json:application/vnd.wasm.config.v0+json", "a.wasm:application/wasm")
        assert execute(tmp_path, oras, "push", "--plain-http", tagged, *files).code == 0
        refused = execute(tmp_path, oras, "pull", "--plain-http", tagged)
        command = re.search(r"cosign sign --key KEY (-a \S+) (\S+@sha256:[0-9a-f]{64})", refused.out)
        assert command is not None, refused.out
        code, out = sign(tmp_path, command[2])
        assert code == 0, out
        done = execute(tmp_path, oras, "pull", "--plain-http", tagged)
        assert "signature wrong" in done.out, done.out  # it could be another version of theirs
        code, out = sign(tmp_path, *command[1].split(), command[2])
        assert code == 0, out
        done = execute(tmp_path, oras, "pull", "--plain-http", "-o", "out", tagged)
        assert done.code == 0, done.out
    finally:
        assert served.stop()[0] == 0
