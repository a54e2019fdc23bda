"""`wpkg build` in the folder of a workspace: every member, in order."""

from __future__ import annotations

import shutil

from tests.cli.test_path_transcripts import member
from tests.cli.test_transcripts import Terminal, registry, terminal  # noqa: F401, TC001 - fixtures
from tests.wit import binary_package

LIB = "import far: func(); export help: func();"
APP = "import help: func(); export go: func();"


def workspace(terminal: Terminal) -> None:  # noqa: F811
    """One in which `app` needs `lib`, which needs `far`, which is no member, and `iface` is a WIT package."""
    root = terminal.folder
    (root / "ws").mkdir()
    (root / "ws" / "wasmcloud.toml").write_text('[workspace]\nmembers = ["parts/*"]\n')
    member(root, "far", "export far: func();")
    far = '"t:far" = { path = "../../../far" }\n'
    member(root / "ws" / "parts", "app", APP, '"t:lib" = { path = "../lib" }\n')
    member(root / "ws" / "parts", "lib", LIB, far)
    iface = member(root / "ws" / "parts", "iface", LIB)
    (iface / "iface.src").write_bytes(binary_package("package t:iface@0.1.0; interface i { f: func(); }"))
    file = iface / "wasmcloud.toml"
    file.write_text(file.read_text().replace('"component"\n', '"wit"\n'))


def test_every_member_is_built_after_what_it_needs(terminal: Terminal) -> None:  # noqa: F811
    workspace(terminal)
    built = terminal.type("build", "--compose", "-C", "ws")
    assert built.code == 0, built.err
    assert [line.split()[1] for line in built.err.splitlines() if "Building" in line] == [
        "far",
        "lib",
        "app",
        "iface",
    ]
    assert [line.split()[:2] for line in built.out.splitlines()] == [
        ["local", "../far/build/far.wasm"],
        ["raw", "parts/lib/build/lib.wasm"],
        ["composed", "parts/lib/build/lib.composed.wasm"],
        ["local", "../far/build/far.wasm"],
        ["raw", "parts/app/build/app.wasm"],
        ["composed", "parts/app/build/app.composed.wasm"],
        ["raw", "parts/iface/build/iface.wasm"],
    ]
    assert (terminal.folder / "ws" / "wpkg.lock").is_file()


def test_again_nothing_is_new_and_json_says_whose_what_is(terminal: Terminal) -> None:  # noqa: F811
    workspace(terminal)
    assert terminal.type("build", "--compose", "-C", "ws").code == 0
    again = terminal.type("build", "--compose", "--locked", "-C", "ws", "--json")
    assert again.document["schema"] == "wpkg.build-workspace/1"
    found = {one["name"]: one for one in again.document["members"]}
    assert list(found) == ["lib", "app", "iface"]
    files = [file for one in found.values() for file in (one["raw"], one["composed"], *one["local"]) if file]
    assert [file["changed"] for file in files] == [False] * len(files)
    assert {file["path"] for file in found["app"]["local"]} == {
        "../far/build/far.wasm",
        "parts/lib/build/lib.wasm",
    }
    assert found["app"]["composed"]["path"] == "parts/app/build/app.composed.wasm"
    assert found["iface"]["composed"] is None


def test_whose_build_fails_is_said_and_what_was_built_stays(terminal: Terminal) -> None:  # noqa: F811
    workspace(terminal)
    (terminal.folder / "ws" / "parts" / "app" / "app.src").unlink()
    failed = terminal.type("build", "-C", "ws")
    assert failed.code == 1
    assert [line for line in failed.err.splitlines() if line.startswith("error: ")] == [
        "error: parts/app: 'cp app.src build/app.wasm' failed with status 1"
    ]
    assert (terminal.folder / "ws" / "parts" / "lib" / "build" / "lib.wasm").is_file()
    assert not (terminal.folder / "ws" / "parts" / "iface" / "build").exists()


def test_a_circle_is_refused_before_anything_is_built(terminal: Terminal) -> None:  # noqa: F811
    workspace(terminal)
    with (terminal.folder / "ws" / "parts" / "lib" / "wasmcloud.toml").open("a") as file:
        file.write('"t:app" = { path = "../app" }\n')
    refused = terminal.type("build", "-C", "ws")
    assert (refused.code, refused.err.splitlines()[0]) == (
        2,
        "error: projects need each other in a circle: parts/app → parts/lib → parts/app",
    )
    assert not list((terminal.folder / "ws").rglob("*.wasm"))


def test_in_the_folder_of_one_that_is_a_project_it_alone_is_built(terminal: Terminal) -> None:  # noqa: F811
    workspace(terminal)
    root = terminal.folder / "ws"
    shutil.copy(root / "parts" / "lib" / "lib.src", root / "top.src")
    text = (
        (root / "parts" / "lib" / "wasmcloud.toml")
        .read_text()
        .replace("lib", "top")
        .partition("[dependencies]")[0]
    )
    (root / "wasmcloud.toml").write_text(text + '[workspace]\nmembers = ["parts/*"]\n')
    built = terminal.type("build", "-C", "ws")
    assert [line.split()[:2] for line in built.out.splitlines()] == [["raw", "build/top.wasm"]]
