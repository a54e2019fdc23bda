"""`wpkg search` as a person or a program meets it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.shim_process import running_shim
from tests.workflow.conftest import Company
from wpkg.cli.main import run
from wpkg.registry.client import RegistryClient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("search")
    with running_shim(folder / "root") as address:
        company = Company(folder, RegistryClient(), address)  # type: ignore[arg-type]
        company.publish("harness")
        company.publish("harness", "0.1.1")
        yield address


def test_hits(address: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = [
        "search",
        "-C",
        str(tmp_path),
        "--imports",
        "pay:platform/validation@0.1.3",
        "--exports",
        "run",
        "harness",
    ]
    assert run([*words, "--registry", address]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.splitlines() == [
        "pay:harness 0.1.1 (component)",
        f"  {address}/demo/pay/harness:0.1.1",
        "  exports run",
        "  imports pay:platform/validation@0.1.0",
        "  also 0.1.0",
    ]


def test_as_json(address: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["search", "-C", str(tmp_path), "--exports", "run", "--registry", address, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["registry"], document["complete"]) == ("wpkg.search/1", address, True)
    (result,) = document["results"]
    assert result["matches"] == {"imports": [], "exports": ["run"]}
    assert [version["tag"] for version in result["versions"]] == ["0.1.1", "0.1.0"]


def test_no_hits(address: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["search", "-C", str(tmp_path), "nothing-like-it", "--registry", address]) == 0
    out, err = capsys.readouterr()
    assert (out, err.strip()) == ("", f"Found nothing in {address}")


def test_what_goes_wrong(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["search", "-C", str(tmp_path), "x"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "error: nothing says which registry to search",
        "hint: name one with --registry HOST",
    ]
    assert run(["search", "-C", str(tmp_path), "x", "--registry", "127.0.0.1:1"]) == 6
    assert "cannot reach 127.0.0.1:1" in capsys.readouterr().err
