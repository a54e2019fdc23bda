"""`wpkg verify --recompose` at the command line: exit codes, sentences, and what a program is told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.shim_process import running_shim
from tests.workflow.conftest import TRUST, Company
from wpkg.cli.main import run
from wpkg.registry.client import RegistryClient
from wpkg.workflow.build import build
from wpkg.workflow.push import push

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_same_and_cannot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "DOCKER_CONFIG", "WPKG_CACHE_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    with running_shim(tmp_path / "registry") as address:
        company = Company(tmp_path, RegistryClient(), address)  # type: ignore[arg-type]
        company.publish("harness")
        root = company.project("validator", extra=TRUST + '[dependencies]\n"pay:harness" = "^0.1"\n')
        build(company.world(), root, compose=True)
        push(company.world(), root, company.platform_key)

        def verify(what: str, *words: str) -> tuple[int, str]:
            capsys.readouterr()
            code = run(["verify", what, "--recompose", "-C", str(root), *words])
            return code, capsys.readouterr().out

        code, out = verify("pay:validator@0.1.0")
        assert (code, out.splitlines()[-1]) == (0, "composed again from its provenance: the same, byte for byte")
        code, out = verify("pay:validator@0.1.0", "--json")
        assert (code, json.loads(out)["recomposed"]) == (0, "same")
        code, out = verify("pay:harness@0.1.0", "--json")
        error: dict[str, Any] = json.loads(out)["error"]
        assert (code, error["code"], error["exit"]) == (5, "cannot-recompose", 5)
        assert error["message"].endswith("cannot be composed again: it is not composed, it says 'component'")
