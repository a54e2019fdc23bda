"""Commands in a folder inside a project are about that project; what is typed is meant from where one is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.cli.test_path_transcripts import member
from tests.cli.test_transcripts import Terminal, registry, terminal  # noqa: F401, TC001 - fixtures
from wpkg.workflow import opened
from wpkg.workflow.opened import find_root

LIB = "export help: func();"
APP = "import help: func(); export go: func();"


@pytest.fixture
def below(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> Terminal:  # noqa: F811
    """Somebody in a folder of an application, in a workspace with a published library; nothing is added yet."""
    root = terminal.folder
    assert terminal.type("key", "generate", "--output", "us").code == 0
    (root / "ws").mkdir()
    (root / "ws" / "wasmcloud.toml").write_text(
        '[workspace]\nmembers = ["parts/*"]\n[registries]\nt = "dir:./vendor"\n'
    )
    member(root / "ws" / "parts", "lib", LIB)
    app = member(root / "ws" / "parts", "app", APP)
    assert terminal.type("build", "-C", "ws/parts/lib").code == 0
    assert terminal.type("push", "-C", "ws/parts/lib", "--key", "../../../us.key").code == 0
    (app / "src" / "deep").mkdir(parents=True)
    monkeypatch.chdir(app / "src" / "deep")
    return terminal


def test_everyday_commands(below: Terminal) -> None:
    app = below.folder / "ws" / "parts" / "app"
    assert below.type("add", "t:lib").out.startswith("added t:lib 0.1.0")
    assert '"t:lib" = "^0.1.0"' in (app / "wasmcloud.toml").read_text()
    assert (below.folder / "ws" / "wpkg.lock").is_file()
    for command in ("lock --check", "fetch --offline", "outdated", "update"):
        done = below.type(*command.split())
        assert done.code == 0, (command, done.err)
    assert below.type("tree").out == "t:app 0.1.0\n└── t:lib 0.1.0\n\nt:lib 0.1.0\n"
    assert "t:app 0.1.0" in below.type("why", "t:lib").out
    built = below.type("build", "--compose")
    assert [line.split()[:2] for line in built.out.splitlines()] == [
        ["raw", "../../build/app.wasm"],
        ["composed", "../../build/app.composed.wasm"],
    ]
    assert (app / "build" / "app.composed.wasm").is_file()
    assert "t:lib" in below.type("graph", "--format", "mermaid").out
    pushed = below.type("push", "--key", "../../../../../us.key")
    assert pushed.code == 0, pushed.err
    assert below.type("verify", "t:app@0.1.0", "--key", "../../../../../us.pub").code == 0
    assert below.type("remove", "t:lib").code == 0
    assert "t:lib" not in (app / "wasmcloud.toml").read_text()
    assert [path.name for path in Path().iterdir()] == []


def test_what_is_typed_is_meant_from_here(below: Terminal) -> None:
    here = below.folder / "ws" / "parts" / "app" / "src" / "deep"
    file = here.parents[1] / "wasmcloud.toml"
    plain = file.read_text()
    assert below.type("pull", "t:lib@0.1.0").out.startswith("lib.wasm  sha256:")
    assert (here / "lib.wasm").is_file()
    assert below.type("inspect", "lib.wasm").code == 0
    assert below.type("verify", "lib.wasm", "--key", "../../../../../us.pub").code == 0

    assert below.type("copy", "t:lib@0.1.0", "dir:./copied/lib").code == 0
    assert (here / "copied" / "lib" / "index.json").is_file()
    assert below.type("inspect", "dir:copied/lib:0.1.0").code == 0

    assert below.type("add", "t:lib", "--oci", "dir:copied/lib").code == 0
    assert '"t:lib" = {version = "^0.1.0", oci = "dir:./src/deep/copied/lib"}' in file.read_text()
    file.write_text(plain)
    assert below.type("add", "t:lib", "--path", "../../../lib").code == 0
    assert '"t:lib" = {path = "../lib"}' in file.read_text()
    file.write_text(plain)
    assert below.type("add", "x:lib", "--path", "lib.wasm").code == 0
    assert '"x:lib" = {path = "src/deep/lib.wasm"}' in file.read_text()
    file.write_text(plain)
    assert below.type("add", "x:lib", "--path", str(here / "lib.wasm"), "-C", str(file.parent)).code == 0
    assert '"x:lib" = {path = "src/deep/lib.wasm"}' in file.read_text()

    assert below.type("key", "generate", "--output", "mine").code == 0
    assert (here / "mine.pub").is_file()
    assert below.type("key", "show", "mine.pub").code == 0
    assert below.type("init", "t:another").code == 0
    assert (here / "wasmcloud.toml").is_file()


def test_what_is_run_and_composed(below: Terminal) -> None:
    assert below.type("add", "t:lib").code == 0
    assert below.type("build", "--compose").code == 0
    called = below.type("call", "go")
    assert (called.code, "`unreachable` instruction executed" in called.err) == (1, True)  # it was found, and ran
    Path("it.wac").write_text("package t:composed; let l = new t:lib {}; export l.help;\n")
    composed = below.type("compose", "it.wac", "-o", "out.wasm")
    assert composed.code == 0, composed.err
    assert Path("out.wasm").is_file()


def test_rules_of_the_project_hold_below_it(below: Terminal) -> None:
    (below.folder / "ws" / "wasmcloud.toml").write_text(
        '[workspace]\nmembers = ["parts/*"]\n[registries]\nt = "dir:./vendor"\n'
        '[trust]\nversion = 1\n[trust.keys.us]\npath = "us.pub"\n[[trust.rule]]\nmatch = "**"\nsigners = ["us"]\n'
    )
    shutil.copy(below.folder / "us.pub", below.folder / "ws" / "us.pub")
    assert below.type("verify", "t:lib@0.1.0").code == 0
    assert below.type("key", "generate", "--output", "other").code == 0
    shutil.copy("other.pub", below.folder / "ws" / "us.pub")
    assert below.type("verify", "t:lib@0.1.0").code == 5
    assert below.type("pull", "t:lib@0.1.0").code == 5


def test_between_the_members_the_workspace_is_meant(below: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    assert below.type("add", "t:lib").code == 0
    monkeypatch.chdir(below.folder / "ws" / "parts")
    assert below.type("lock", "--check").out == "wpkg.lock is up to date (1 package)\n"
    pushing = below.type("push", "--unsigned")
    assert pushing.code == 2
    assert pushing.err == (
        "error: ../wasmcloud.toml is a workspace and no project itself\nhint: name a member with -C: app, lib\n"
    )


def test_the_nearest_is_meant(tmp_path: Path) -> None:
    inner = tmp_path / "outer" / "inner"
    (inner / "deep").mkdir(parents=True)
    assert find_root(inner) == inner
    (tmp_path / "outer" / "wasmcloud.toml").touch()
    assert find_root(inner) == tmp_path / "outer"
    (inner / "wasmcloud.toml").touch()
    assert find_root(inner / "deep") == inner


def test_where_there_is_none(terminal: Terminal) -> None:  # noqa: F811
    assert terminal.type("tree").err == (
        "error: there is no wasmcloud.toml in . or above it\n"
        "hint: run 'wpkg init' there, or name the folder with -C\n"
    )


def test_a_file_above_that_somebody_else_put_there_says_nothing(
    below: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who can write to a folder above could have commands run, and say who is to be trusted."""
    app = below.folder / "ws" / "parts" / "app"
    monkeypatch.setattr(opened, "_owner", lambda path: 12345 if path == app / "wasmcloud.toml" else os.geteuid())
    refused = below.type("build")
    assert refused.code == 2
    assert refused.err == (
        f"error: {app}/wasmcloud.toml belongs to somebody else, and . has none\n"
        f"hint: where you trust it, name its folder: -C {app}\n"
    )
    assert below.type("pull", "t:lib@0.1.0").code == 2
    assert not (app / "build").exists()
    assert below.type("build", "-C", str(app)).code == 0
    # Where everything is of one person, as in a folder that a container was given, it is theirs.
    monkeypatch.setattr(opened, "_owner", lambda _: 12345)
    assert below.type("build").code == 0


def test_nor_does_a_workspace_of_somebody_else(below: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would say where packages come from and who is to be trusted."""
    home = below.folder / "ws"
    monkeypatch.setattr(opened, "_owner", lambda path: 12345 if path == home / "wasmcloud.toml" else os.geteuid())
    for options in ([], ["-C", "../.."]):
        refused = below.type("lock", *options)
        assert refused.code == 2
        assert f"error: {home}/wasmcloud.toml takes " in refused.err
        assert " into its workspace, and belongs to somebody else\n" in refused.err
    assert not (home / "wpkg.lock").exists()
    assert below.type("lock", "-C", str(home)).code == 0


def test_what_is_built_is_built_wherever_one_stands(below: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is composed again because another folder is the working folder."""
    app = below.folder / "ws" / "parts" / "app"
    with (below.folder / "ws" / "wasmcloud.toml").open("a") as file:
        file.write(
            '[trust]\nversion = 1\n[trust.keys.us]\npath = "us.pub"\n[[trust.rule]]\nmatch = "**"\nsigners = ["us"]\n'
        )
    shutil.copy(below.folder / "us.pub", below.folder / "ws" / "us.pub")
    assert below.type("add", "t:lib").code == 0
    assert "Composing" in below.type("build", "--compose").err
    for folder in (app, app / "src", below.folder / "ws" / "parts"):
        monkeypatch.chdir(folder)
        again = below.type("build", "--compose", *(["-C", "app"] if folder.name == "parts" else []))
        assert again.code == 0, again.err
        assert "Composing" not in again.err
