"""Projects that need each other by path, and registries in folders, as a person meets them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.cli.test_transcripts import Terminal, registry, terminal  # noqa: F401, TC001 - fixtures
from tests.components import from_wit

if TYPE_CHECKING:
    from pathlib import Path

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
