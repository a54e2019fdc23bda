"""`-v`: what satisfies each import, and each request, on stderr; and what stderr never has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.components import from_text, from_wit
from tests.serving import Reply, serving
from wpkg.cli.main import run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("root.wasm").write_bytes(from_wit("import f: func(); export run: func();"))
    Path("dep.wasm").write_bytes(from_wit("export f: func();"))
    return tmp_path


def test_what_satisfies_each_import_is_said(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = ["compose", "root.wasm", "--with", "dep.wasm", "-o", "out.wasm"]
    assert run(words) == 0
    plain = capfd.readouterr()
    assert plain.err == ""
    assert run([*words, "-v"]) == 0
    more = capfd.readouterr()
    assert more.out == plain.out
    assert "root.wasm  f       dep.wasm      same name" in more.err.splitlines()
    assert run([*words, "-v", "--json"]) == 0
    as_json = capfd.readouterr()
    assert json.loads(as_json.out)["path"] == "out.wasm"
    assert as_json.err == more.err
    assert (folder / "out.wasm").is_file()


def elsewhere(path: str, _headers: object) -> Reply:
    """A registry that keeps its manifests at an address with a secret in it."""
    if "secret" in path:
        return Reply(404, b"{}")
    return Reply(307, headers={"Location": "/kept/elsewhere?signature=secret"})


def test_each_request_is_said_without_what_may_be_a_secret(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving(elsewhere) as address:
        reference = f"{address}/a/b:1"
        assert run(["inspect", reference]) == 6
        assert "GET" not in capfd.readouterr().err
        assert run(["inspect", reference, "-v"]) == 6
        lines = capfd.readouterr().err.splitlines()
    assert lines[:2] == [
        f"GET http://{address}/v2/a/b/manifests/1 307",
        f"GET http://{address}/kept/elsewhere 404",
    ]
    assert not any("secret" in line for line in lines)
    assert folder.is_dir()


def test_a_name_of_64_kb_does_not_hide_the_sentence(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    long = "a" + "-b" * 32000
    (folder / "root.wasm").write_bytes(
        from_text(f'(component (import "{long}" (func $f)) (export "run" (func $f)))')
    )
    (folder / "dep.wasm").write_bytes(
        from_text(f'(component (import "g" (func $g (param "x" u8))) (export "{long}" (func $g)))')
    )
    words = ["compose", "root.wasm", "--with", "dep.wasm", "-o", "out.wasm"]
    assert run(words) == 4
    first, _ = capfd.readouterr().err.splitlines()
    assert first.startswith("error: 'dep.wasm' exports 'a-b-b-b-")
    assert first.endswith("imports it: no parameter 'x': wanted nothing, given one") or "parameter 'x'" in first
    assert len(first) < 1000
    assert run([*words, "--json"]) == 4
    assert json.loads(capfd.readouterr().out)["error"]["import"] == long
