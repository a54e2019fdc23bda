"""`wpkg targets` as a person or a program meets it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.components import from_wit
from tests.packages import publish_package
from tests.shim_process import running_shim
from wpkg.cli.main import run
from wpkg.names.package_name import PackageName
from wpkg.registry.client import RegistryClient

if TYPE_CHECKING:
    from pathlib import Path

WIT = """package acme:app@1.0.0;
interface log { write: func(line: string); }
world plugin {
  import log;
  export run: func() -> u32;
}
world bare { }
"""
LIB = WIT.partition("world")[0]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WPKG_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "wit").mkdir()
    (tmp_path / "wit" / "app.wit").write_text(WIT)
    good = "import acme:app/log@1.0.0; export run: func() -> u32;"
    (tmp_path / "good.wasm").write_bytes(from_wit(good, LIB))
    (tmp_path / "bad.wasm").write_bytes(from_wit("import clock: func() -> u64; export run: func() -> string;"))
    return tmp_path


def typed(capture: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capture.readouterr()
    code = run(["targets", *arguments])
    captured = capture.readouterr()
    return code, captured.out, captured.err


def test_a_component_that_conforms(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    arguments = ("good.wasm", "--wit", "wit", "--world", "plugin")
    assert typed(capfd, *arguments) == (0, "good.wasm conforms to acme:app/plugin@1.0.0\n", "")
    code, out, _ = typed(capfd, *arguments, "--json")
    assert code == 0
    assert json.loads(out) == {
        "schema": "wpkg.targets/1",
        "component": "good.wasm",
        "world": "acme:app/plugin@1.0.0",
        "imports": [{"name": "acme:app/log@1.0.0", "world": "acme:app/log@1.0.0"}],
        "exports": [{"name": "run", "world": "run"}],
    }


def test_a_component_that_does_not(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    arguments = ("bad.wasm", "--wit", "wit/app.wit", "--world", "acme:app/plugin")
    assert typed(capfd, *arguments) == (
        4,
        "",
        (
            "error: bad.wasm does not conform to the world 'acme:app/plugin@1.0.0'\n"
            "hint: 2 differences; build it for this world, or name another one\n"
            "    import 'clock': the world does not import it\n"
            "    export 'run': result: wanted u32, given string\n"
        ),
    )
    code, out, _ = typed(capfd, *arguments, "--json")
    error: dict[str, Any] = json.loads(out)["error"]
    assert (code, error["exit"], error["code"]) == (4, 4, "does-not-conform")
    assert [(f["difference"], f["name"]) for f in error["findings"]] == [
        ("extra-import", "clock"),
        ("export-mismatch", "run"),
    ]
    assert error["findings"][1] | {"path": ["result"], "wanted": "u32", "given": "string"} == error["findings"][1]


def test_an_error_in_wit_shows_the_line(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "wit" / "app.wit").write_text(WIT.replace("import log;", "import lgo;"))
    arguments = ("good.wasm", "--wit", "wit")
    assert typed(capfd, *arguments) == (
        2,
        "",
        (
            "error: wit/app.wit:4:10: there is no interface 'lgo' in package 'acme:app@1.0.0'\n"
            "hint: did you mean 'log'?\n"
            "      import lgo;\n"
            "             ^^^\n"
        ),
    )
    error = json.loads(typed(capfd, *arguments, "--json")[1])["error"]
    assert (error["file"], error["line"], error["column"]) == ("wit/app.wit", 4, 10)


@pytest.mark.parametrize(
    ("arguments", "first", "hint"),
    [
        (["good.wasm", "--wit", "wit"], "error: package 'acme:app@1.0.0' has several worlds: 'bare', 'plugin'", "hint: say --world bare"),
        (["good.wasm", "--wit", "wit", "--world", "plugn"], "error: there is no world 'plugn'", "hint: did you mean 'plugin'?"),
        (["good.wasm", "--wit", "none"], "error: none is not there, a WIT file or folder is needed", None),
        (["good.wasm", "--wit", "good.wasm"], "error: good.wasm: it is a component, not a WIT package", None),
        (["none.wasm", "--wit", "wit", "--world", "bare"], "error: none.wasm is not there, a component file is needed", None),
        (["wit/app.wit", "--wit", "wit", "--world", "bare"], "error: wit/app.wit: it is text, not a binary component", "hint: "),
        (["good.wasm"], "error: missing option '--wit'", "hint: wpkg targets --help"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence_a_hint_and_two(
    folder: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], first: str, hint: str | None
) -> None:
    code, out, err = typed(capfd, *arguments)
    assert (code, out) == (2, "")
    lines = err.splitlines()
    assert lines[0] == first
    assert hint is None or lines[1].startswith(hint)


def test_a_feature_switches_imports_on(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    gated = WIT.replace("  import log;", "  @unstable(feature = clock) import clock: func() -> u64; import log;")
    (folder / "wit" / "app.wit").write_text(gated.replace("-> u32", "-> string"))
    arguments = ("bad.wasm", "--wit", "wit", "--world", "plugin")
    assert typed(capfd, *arguments)[0] == 4
    assert typed(capfd, *arguments, "--feature", "clock")[0] == 0


def test_what_is_published_can_be_checked(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with running_shim(folder / "registry") as address:
        data = (folder / "good.wasm").read_bytes()
        publish_package(RegistryClient(), address, PackageName.parse("acme:good"), data)
        (folder / "wasmcloud.toml").write_text(
            f'name = "x"\nversion = "1.0.0"\n[registries]\nacme = "{address}/demo"\n'
        )
        for subject in ("acme:good@1.0.0", f"{address}/demo/acme/good:1.0.0"):
            code, out, err = typed(capfd, subject, "--wit", "wit", "--world", "plugin")
            assert (code, out) == (0, f"{subject} conforms to acme:app/plugin@1.0.0\n")
            assert "was not verified" in err
        code, _, err = typed(capfd, "acme:good@1.0.0", "--wit", "wit", "--world", "bare")
        assert (code, err.splitlines()[1]) == (
            4,
            "error: acme:good@1.0.0 does not conform to the world 'acme:app/bare@1.0.0'",
        )
        code, out, _ = typed(capfd, "acme:good@1.0.1", "--wit", "wit", "--world", "bare", "--json")
        assert (code, json.loads(out)["error"]["code"]) == (6, "not-found")
