"""docs/trust.md: every command in it, in order, in one shell, against a registry."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.test_transcripts import PROJECT
from tests.fakes.sigstore.attach import sign_keyless
from tests.fakes.sigstore.instance import Sigstore
from tests.interop.conftest import peer
from tests.shim_process import running_shim
from tests.workflow.conftest import HARNESS, VALIDATOR, Company, component
from wpkg.registry.client import RegistryClient

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[2] / "docs" / "trust.md"
_BLOCK = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(address: str) -> Iterator[tuple[str, str, str]]:
    """Language, argument and text of each block of the page."""
    for language, argument, text in _BLOCK.findall(PAGE.read_text()):
        yield language, argument, text.replace("127.0.0.1:5000", address)


def release_keyless(folder: Path, address: str) -> None:
    """What the page says that a workflow has done: pay:audit, signed without a key."""
    company = Company(folder / "workflow", RegistryClient(), address)  # type: ignore[arg-type]
    company.sources["audit"] = company.sources["harness"]
    company.publish("audit", unsigned=True)
    sigstore = Sigstore()
    sign_keyless(company.world("workflow"), company.repository("audit").at(tag="0.1.0"), sigstore)
    (folder / "trusted_root.json").write_bytes(sigstore.trusted_root())


@pytest.mark.parametrize("with_cosign", [False, pytest.param(True, marks=pytest.mark.interop)])
def test_the_page_can_be_followed(tmp_path: Path, *, with_cosign: bool) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    if with_cosign:
        path = f"{Path(peer('cosign-v3')).parent}:{path}"
    environment = {"PATH": path, "HOME": str(tmp_path), "TUF_ROOT": str(tmp_path), "TUF_MIRROR": str(tmp_path)}
    with running_shim(tmp_path / "registry") as address:
        for name, world in (("harness", HARNESS), ("validator", VALIDATOR)):
            folder = tmp_path / name
            folder.mkdir()
            (folder / "wasmcloud.toml").write_text(PROJECT.format(name=name, registry=address))
            (tmp_path / f"{name}.wasm").write_bytes(component(world))
        release_keyless(tmp_path, address)
        script, ran = ["set -e"], 0
        for language, argument, text in blocks(address):
            if language == "toml":
                script.append(f"cat >> {argument} <<'END'\n{text}END")
            elif argument != "cosign" or with_cosign:
                assert language == "sh"
                script.append(text)
                ran += text.count("\n")
        (tmp_path / "follow").write_text("\n".join(script))
        done = subprocess.run(
            ["bash", "-x", "follow"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert ran >= 22
        assert "pay:harness@0.1.0: verified" in done.stdout
        assert "found by the cache, as pay:validator 0.1.0" in done.stdout
        assert "its signatures are those that the cache remembers; the registry was not asked" in done.stdout
        composed = (tmp_path / "validator" / "build" / "validator.composed.wasm").read_bytes()
        assert (tmp_path / "deploy.wasm").read_bytes() == composed
        refused = subprocess.run(
            ["wpkg", "verify", f"{address}/demo/pay/validator:0.1.0", "--key", "reviewer.pub"],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (tmp_path / "audit.wasm").read_bytes() == component(HARNESS)
        assert "signed by audit-release (https://token.box.example https://forge.example/" in done.stdout
        assert (refused.returncode, "is not trusted" in refused.stderr) == (5, True), refused.stderr
