"""The gate and the tools that people have: oras and crane push and pull, cosign signs."""

from __future__ import annotations

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
        code, out = cosign(
            tmp_path,
            "sign",
            "--key",
            "cosign.key",
            "--yes",
            "--use-signing-config=false",
            "--tlog-upload=false",
            "--allow-http-registry",
            by_digest,
        )
        assert code == 0, out
        assert execute(tmp_path, crane, "ls", f"{address}/acme/app").out.split() == ["1.0.0", "other"]
        done = execute(tmp_path, oras, "pull", "--plain-http", "-o", "out", tagged)
        assert done.code == 0, done.out
        assert (tmp_path / "out/a.txt").read_text() == "content"
        assert execute(tmp_path, crane, "digest", tagged).out.strip() == digest
    finally:
        assert served.stop()[0] == 0
