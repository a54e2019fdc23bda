"""Projects that need each other by path, and registries in folders, as a person meets them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.test_transcripts import Terminal, registry, terminal  # noqa: F401, TC001 - fixtures
from tests.components import from_wit
from tests.wit import binary_package

if TYPE_CHECKING:
    from pathlib import Path

RULE = """[trust]
version = 1
[trust.keys.us]
path = "us.pub"
[[trust.rule]]
match = "**"
signers = ["us"]
"""
PROJECT = """name = "{name}"
version = "0.1.0"
language = "other"
type = "component"
[component]
build_command = "cp {name}.src build/{name}.wasm"
[package]
name = "t:{name}"
[dependencies]
"""


def member(folder: Path, name: str, world: str, dependencies: str = "") -> Path:
    root = folder / name
    root.mkdir(parents=True)
    (root / "wasmcloud.toml").write_text(PROJECT.format(name=name) + dependencies)
    (root / f"{name}.src").write_bytes(from_wit(world))
    return root


def test_a_project_beside_it_is_built_first_and_said_so(terminal: Terminal) -> None:  # noqa: F811
    root = terminal.folder
    (root / "wasmcloud.toml").write_text('[workspace]\nmembers = ["parts/*"]\n')
    member(root / "parts", "lib", "export help: func();")
    app = member(
        root / "parts", "app", "import help: func(); export go: func();", '"t:lib" = { path = "../lib" }\n'
    )
    built = terminal.type("build", "--compose", "-C", "parts/app")
    assert built.code == 0
    assert [line for line in built.err.splitlines() if "Building" in line] == [
        "    Building lib (cp lib.src build/lib.wasm)",
        "    Building app (cp app.src build/app.wasm)",
    ]
    lines = built.out.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["local", "../lib/build/lib.wasm"],
        ["raw", "build/app.wasm"],
        ["composed", "build/app.composed.wasm"],
    ]
    again = terminal.type("build", "--compose", "-C", "parts/app", "--json")
    assert "Building lib" not in again.err
    assert [(file["path"], file["changed"]) for file in again.document["local"]] == [
        ("../lib/build/lib.wasm", False)
    ]
    (app / "build" / "app.composed.wasm").unlink()
    (root / "parts" / "lib" / "build" / "lib.wasm").unlink()
    refused = terminal.type("build", "--compose", "-C", "parts/app", "--no-build")
    assert refused.code == 1
    assert refused.err.splitlines()[-2:] == [
        "error: t:lib 0.1.0 has not been built: there is no ../lib/build/lib.wasm",
        "hint: run 'wpkg build -C ../lib'",
    ]


def test_a_circle_is_shown(terminal: Terminal) -> None:  # noqa: F811
    member(terminal.folder, "one", "export one: func();", '"t:two" = { path = "../two" }\n')
    member(terminal.folder, "two", "export two: func();", '"t:one" = { path = "../one" }\n')
    for command in (("build",), ("lock",), ("build", "--compose")):
        refused = terminal.type(*command, "-C", "one")
        assert (refused.code, refused.out) == (2, "")
        assert refused.err.splitlines()[-2:] == [
            "error: projects need each other in a circle: t:two (../two) → t:one (.) → t:two (../two)",
            'hint: remove one of these dependencies, or give it link = "runtime"',
        ]


@pytest.fixture
def vendored(terminal: Terminal) -> Terminal:  # noqa: F811
    """A workspace whose registry is a folder, signed there by one of its members and needed by another."""
    root = terminal.folder
    (root / "ws").mkdir()
    (root / "ws" / "wasmcloud.toml").write_text(
        f'[workspace]\nmembers = ["parts/*"]\n[registries]\nt = "dir:./vendor"\n{RULE}'
    )
    for name in ("ws/us", "us"):
        assert terminal.type("key", "generate", "--output", name).code == 0
    member(root / "ws" / "parts", "lib", "export help: func();")
    member(root / "ws" / "parts", "app", "import help: func(); export go: func();")
    assert terminal.type("build", "-C", "ws/parts/lib").code == 0
    pushed = terminal.type("push", "-C", "ws/parts/lib", "--key", "../../us.key")
    assert pushed.out.startswith("dir:./vendor/t/lib:0.1.0@sha256:"), pushed.err
    return terminal


@pytest.mark.parametrize(
    ("folder", "options"),
    [
        ("ws/parts/app", []),
        ("ws", ["-C", "parts/app"]),
        ("ws/parts", ["-C", "app"]),
        ("home", ["-C", "/ws/parts/app"]),
    ],
)
def test_a_folder_is_meant_from_the_file_that_names_it(
    vendored: Terminal, monkeypatch: pytest.MonkeyPatch, folder: str, options: list[str]
) -> None:
    """Wherever the command is run: the layout is found, and the lock, the rules and the output say the same."""
    root = vendored.folder
    options = [text.replace("/ws/", f"{root}/ws/") for text in options]
    (root / folder).mkdir(exist_ok=True)
    monkeypatch.chdir(root / folder)
    added = vendored.type("add", "t:lib", "--offline", *options)
    assert (added.code, added.out.split(" (")[0]) == (0, "added t:lib 0.1.0"), added.err
    assert 'source = "dir:./vendor/t/lib"' in (root / "ws" / "wpkg.lock").read_text()
    assert sorted(path.name for path in (root / "ws").rglob("vendor")) == ["vendor"]
    for command in (("lock", "--check"), ("lock",), ("fetch",), ("outdated",), ("build", "--compose"), ("tree",)):
        done = vendored.type(*command, "--offline", *options)
        assert done.code == 0, done.err
    assert (root / "ws" / "parts" / "app" / "build" / "app.composed.wasm").is_file()
    pulled = vendored.type("pull", "t:lib", "-o", "out.wasm", *options)
    assert "from dir:./vendor/t/lib:0.1.0@sha256:" in pulled.out
    # What is typed is meant from where it is typed, and is the same place with the same rules.
    for typed in ("dir:../../vendor/t/lib:0.1.0", f"dir:{root}/ws/parts/app/../../vendor/t/lib:0.1.0"):
        verified = vendored.type("inspect", typed, *options)
        assert verified.code == 0, verified.err
    assert vendored.type("verify", "dir:../../vendor/t/lib:0.1.0", *options).code == 0
    (root / "ws" / "us.pub").write_text((root / "us.pub").read_text())
    assert vendored.type("verify", "dir:../../vendor/t/lib:0.1.0", *options).code == 5


def test_copies_are_where_they_are_typed(vendored: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    root = vendored.folder
    monkeypatch.chdir(root / "ws" / "parts" / "app")
    copied = vendored.type("copy", "t:lib@0.1.0", "dir:./here")
    assert copied.out.startswith("dir:./parts/app/here:0.1.0@sha256:"), copied.err
    assert (root / "ws" / "parts" / "app" / "here" / "index.json").is_file()
    assert vendored.type("copy", "--all-tags", "dir:here", "dir:../../again").code == 0
    assert (root / "ws" / "again" / "index.json").is_file()


def test_the_repository_of_a_member_s_dependency_is_meant_from_its_own_file(vendored: Terminal) -> None:
    root = vendored.folder
    assert vendored.type("copy", "-C", "ws", "t:lib@0.1.0", "dir:./parts/app/own/lib").code == 0
    file = root / "ws" / "parts" / "app" / "wasmcloud.toml"
    added = vendored.type("add", "-C", "ws/parts/app", "u:lib", "--oci", "dir:./own/lib")
    assert added.code == 6
    assert "says that it is t:lib 0.1.0, not u:lib 0.1.0" in added.err  # it was found, and read
    file.write_text(file.read_text() + '"t:lib" = { version = "0.1", oci = "dir:./own/lib" }\n')
    assert vendored.type("lock", "-C", "ws/parts/app").code == 0
    assert 'source = "dir:./parts/app/own/lib"' in (root / "ws" / "wpkg.lock").read_text()
    assert vendored.type("lock", "--check", "-C", "ws").code == 0


def test_a_project_beside_it_has_folders_of_its_own(terminal: Terminal) -> None:  # noqa: F811
    """What is built for another project takes its interfaces from where its own file says."""
    root = terminal.folder
    iface = member(root / "far" / "parts", "iface", "export i: func();")
    (iface / "iface.src").write_bytes(binary_package("package t:iface@0.1.0; interface i { f: func(); }"))
    file = iface / "wasmcloud.toml"
    file.write_text(
        file.read_text().replace('"component"\n', '"wit"\n') + '[registries]\nt = "dir:../../vendor"\n'
    )
    assert terminal.type("build", "-C", "far/parts/iface").code == 0
    assert terminal.type("push", "-C", "far/parts/iface", "--unsigned").code == 0
    lib = member(root / "far", "lib", "export help: func();", '"t:iface" = { version = "0.1", kind = "wit" }\n')
    with (lib / "wasmcloud.toml").open("a") as appended:
        appended.write('[registries]\nt = "dir:../vendor"\n')
    member(root, "app", "import help: func(); export go: func();", '"t:lib" = { path = "../far/lib" }\n')
    built = terminal.type("build", "--compose", "-C", "app", "--offline")
    assert built.code == 0, built.err
    assert (lib / "wit" / "deps" / "t-iface-0.1.0" / "package.wit").is_file()
    assert 'source = "dir:../vendor/t/iface"' in (lib / "wpkg.lock").read_text()


def test_a_workspace_that_is_no_project_is_enough_for_what_is_about_packages(vendored: Terminal) -> None:
    assert vendored.type("add", "-C", "ws/parts/app", "t:lib").code == 0
    for command in (
        ("fetch",),
        ("fetch", "--dry-run"),
        ("pull", "t:lib", "-o", "one.wasm"),
        ("pull", "t:lib@0.1.0", "-o", "two.wasm"),
        ("inspect", "t:lib@0.1.0"),
        ("verify", "t:lib"),
        ("verify", "one.wasm"),
        ("lock", "--check"),
        ("outdated",),
        ("tree",),
        ("why", "t:lib"),
    ):
        done = vendored.type(*command, "-C", "ws")
        assert done.code == 0, (command, done.err)
    (vendored.folder / "ws" / "us.pub").write_bytes((vendored.folder / "us.pub").read_bytes())
    assert vendored.type("verify", "-C", "ws", "t:lib").code == 5
    assert vendored.type("pull", "-C", "ws", "t:lib", "-o", "three.wasm").code == 5
    assert vendored.type("fetch", "-C", "ws").code == 5
