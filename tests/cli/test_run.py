"""`wpkg run` as a person meets it: commands that say hello, fail, stop, leave, and want what they may not have."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli import programs
from tests.components import from_wit
from wpkg.cli.main import run

if TYPE_CHECKING:
    from collections.abc import Callable

Typed = tuple[int, str, str]  # exit code, stdout, stderr


@pytest.fixture
def type_(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Typed]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FORCE_COLOR", raising=False)

    def typed(component: bytes, *arguments: str) -> Typed:
        Path("program.wasm").write_bytes(component)
        capfd.readouterr()
        code = run(["run", "program.wasm", *arguments])
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return typed


def test_what_a_command_prints_is_on_stdout(type_: Callable[..., Typed]) -> None:
    assert type_(programs.GREETER) == (0, "hello\n", "")


@pytest.mark.parametrize("component", [programs.FAILS, programs.LEAVES])
def test_its_exit_code_is_passed_on(type_: Callable[..., Typed], component: bytes) -> None:
    assert type_(component) == (1, "", "")


def test_a_trap_is_one_sentence(type_: Callable[..., Typed]) -> None:
    code, out, err = type_(programs.TRAPS)
    assert (code, out) == (1, "")
    assert err == "error: the component stopped: wasm trap: wasm `unreachable` instruction executed\n"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--env", "A=1", "--", "one", "--json"], 0),
        (["--", "one", "two"], 1),  # the variables of this process are not its
        (["--env", "A=1", "--", "one"], 1),
        (["--env", "A=1", "--env", "B=2", "--", "one", "two"], 1),
    ],
)
def test_arguments_and_variables_are_those_that_are_given(
    type_: Callable[..., Typed], arguments: list[str], code: int
) -> None:
    assert "PATH" in os.environ
    assert type_(programs.CRITIC, *arguments) == (code, "", "")


def test_an_import_that_nobody_has_is_one_sentence(type_: Callable[..., Typed]) -> None:
    code, out, err = type_(programs.STRANGER)
    assert (code, out) == (1, "")
    assert err.splitlines()[0] == (
        "error: program.wasm imports 'log', which only a composition or another host can provide"
    )


def test_requests_have_to_be_allowed(type_: Callable[..., Typed]) -> None:
    code, _, err = type_(programs.REQUESTING)
    assert code == 5
    assert err == (
        "error: program.wasm imports 'wasi:http/types@0.2.0', which it may not have\n"
        "hint: allow it with --allow 'wasi:http/types'\n"
    )
    assert type_(programs.REQUESTING, "--allow", "wasi:http/*") == (0, "", "")
    assert type_(programs.REQUESTING, "--allow", "wasi:sockets/*")[0] == 5


def test_what_is_no_command_says_what_to_do(type_: Callable[..., Typed]) -> None:
    code, _, err = type_(programs.CALLED)
    assert (code, err.splitlines()[0]) == (
        2,
        "error: program.wasm is not a command: it does not export wasi:cli/run@0.2",
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--dir", "nowhere"], "there is no folder nowhere"),
        (["--env", "A"], "'A' is not of the form NAME=VALUE"),
        (["--allow", "wasi sockets"], "'wasi sockets' is not a pattern of imports"),
    ],
)
def test_what_cannot_be_given_is_refused(type_: Callable[..., Typed], arguments: list[str], said: str) -> None:
    code, out, err = type_(programs.GREETER, *arguments)
    assert (code, out, err.splitlines()[0]) == (2, "", f"error: {said}")


def test_without_a_component_and_a_project_there_is_nothing_to_run(
    type_: Callable[..., Typed], capfd: pytest.CaptureFixture[str]
) -> None:
    type_(programs.GREETER)
    assert run(["run"]) == 2
    assert "so a component has to be named" in capfd.readouterr().err


@pytest.mark.parametrize("composes", [False, True])
def test_in_a_project_it_is_what_was_built(
    type_: Callable[..., Typed], capfd: pytest.CaptureFixture[str], *, composes: bool
) -> None:
    type_(programs.GREETER)
    text = 'name = "app"\nversion = "0.1.0"\nlanguage = "python"\ntype = "component"\n'
    Path("wasmcloud.toml").write_text(text + ('[dependencies]\n"acme:log" = "1"\n' if composes else ""))
    assert run(["run"]) == 2
    advice = "wpkg build --compose" if composes else "wpkg build"
    assert capfd.readouterr().err.endswith(f"hint: run '{advice}'\n")
    Path("build").mkdir()
    Path("build/app.wasm").write_bytes(programs.TRAPS if composes else programs.GREETER)
    Path("build/app.composed.wasm").write_bytes(programs.GREETER)
    assert run(["run"]) == 0
    assert capfd.readouterr().out == "hello\n"


def test_without_wasmtime_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "program.wasm").write_bytes(programs.GREETER)
    (tmp_path / "wasmtime.py").write_text("raise ImportError('not here')")
    done = subprocess.run(
        [sys.executable, "-c", "from wpkg.cli.main import run; raise SystemExit(run(['run', 'program.wasm']))"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error: wasmtime, which runs components, is not installed\nhint: pip install 'wpkg[run]'\n"
    )


def test_a_component_with_no_exports_is_no_command(type_: Callable[..., Typed]) -> None:
    assert type_(from_wit("import f: func();"))[0] == 2


RULED = """name = "app"
version = "0.1.0"
language = "python"
type = "component"
[component]
build_artifact = "program.wasm"
[capabilities]
"""


@pytest.mark.parametrize(
    ("rules", "arguments", "code"),
    [
        ('allow = ["wasi:http/types"]', [], 0),
        ('allow = ["wasi:cli/*"]', [], 5),
        ('allow = ["wasi:cli/*"]', ["--allow", "wasi:http/*"], 5),  # nobody here may say more than the project
        ('deny = ["wasi:http/*"]', ["--allow", "wasi:http/*"], 5),
        ('deny = ["wasi:sockets/*"]', [], 5),
        ('deny = ["wasi:sockets/*"]', ["--allow", "wasi:http/*"], 0),
        ('deny = ["wasi:http/*"]\n["capabilities"."acme:web"]\nallow = ["wasi:http/*"]', [], 5),
        ('allow = []\n[capabilities."acme:web"]\nallow = ["wasi:http/*"]', [], 0),
    ],
)
def test_the_rules_of_a_project_are_those_of_the_run(
    type_: Callable[..., Typed], capfd: pytest.CaptureFixture[str], rules: str, arguments: list[str], code: int
) -> None:
    type_(programs.REQUESTING)
    Path("wasmcloud.toml").write_text(RULED + rules)
    assert run(["run", *arguments]) == code
    err = capfd.readouterr().err
    assert err.startswith("error: program.wasm imports 'wasi:http/types@0.2.0', which it may not have") == (
        code == 5
    )


def test_what_the_project_does_not_allow_must_not_be_imported(
    type_: Callable[..., Typed], capfd: pytest.CaptureFixture[str]
) -> None:
    type_(programs.GREETER)
    Path("wasmcloud.toml").write_text(RULED + 'allow = ["wasi:io/*"]')
    assert run(["run"]) == 5
    said = capfd.readouterr().err
    assert "'wasi:cli/stdout@0.2.0'" in said
    assert said.endswith('[capabilities]\n    allow = ["wasi:cli/stdout"]\n')
