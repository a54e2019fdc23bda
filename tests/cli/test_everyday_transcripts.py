"""What a user of cargo or uv types on an ordinary day, and what wpkg has to say to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.test_dependency_transcripts import at, pages, versions, write  # noqa: F401 - fixtures
from tests.cli.test_transcripts import Terminal, registry, terminal  # noqa: F401, TC001 - fixtures

if TYPE_CHECKING:
    from pathlib import Path


def project_file(at: Terminal) -> str:  # noqa: F811
    with (at.folder / "wasmcloud.toml").open(newline="") as file:
        return file.read()


def test_another_requirement_of_a_dependency_is_said(at: Terminal) -> None:  # noqa: F811
    first = at.type("add", "t:log")
    assert "Adding t:log ^0.2.0\n" in first.err
    again = at.type("add", "t:log@0.2")
    assert (again.code, again.out) == (0, "the lock is as it was\n")
    assert "Adding t:log 0.2 instead of ^0.2.0\n" in again.err
    assert '"t:log" = "0.2"' in project_file(at)
    assert "Adding t:log 0.2\n" in at.type("add", "t:log@0.2").err


def test_what_is_built_does_not_count_in_a_requirement(at: Terminal) -> None:  # noqa: F811
    added = at.type("add", "t:vee@=1.1.0+b.1")
    assert (added.code, versions(at.folder)) == (0, ["t:vee 1.1.0+b.2"])
    assert "warning: t:vee =1.1.0+b.1: what stands after '+' does not count in a requirement" in added.err
    assert "does not count" not in at.type("add", "t:vee@=1.1.0").err


def test_what_was_removed_and_stays_locked_is_said(at: Terminal) -> None:  # noqa: F811
    assert at.type("add", "t:old", "t:lib@1").code == 0
    removed = at.type("remove", "t:lib")
    assert (removed.code, removed.out) == (0, "t:lib 1.0.0 stays locked for t:old 1.0.0\n")
    assert '"t:lib"' not in project_file(at)
    assert versions(at.folder) == ["t:lib 1.0.0", "t:old 1.0.0"]


@pytest.mark.parametrize(
    ("words", "said", "hint"),
    [
        (["t:log", "t:lib", "t:log@0.2"], "t:log is named twice", "a package has one requirement"),
        (["./x.wasm"], "'./x.wasm' says where something is", "wpkg add namespace:name --path ./x.wasm"),
        (["../other"], "'../other' says where something is", "wpkg add namespace:name --path ../other"),
        (["a.test/t/lib:1.0.0"], "'a.test/t/lib:1.0.0' says where", "namespace:name --oci a.test/t/lib:1.0.0"),
    ],
)
def test_what_cannot_be_added(at: Terminal, words: list[str], said: str, hint: str) -> None:  # noqa: F811
    before = project_file(at)
    refused = at.type("add", *words)
    assert (refused.code, refused.out) == (2, "")
    assert f"error: {said}" in refused.err
    assert hint in refused.err
    assert project_file(at) == before
    assert not (at.folder / "wpkg.lock").exists()


def test_line_ends_stay_what_they_are(at: Terminal) -> None:  # noqa: F811
    file = at.folder / "wasmcloud.toml"
    assert at.type("add", "t:log").code == 0
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    for words in (("add", "t:lib", "t:old"), ("add", "t:lib@1", "--link", "runtime"), ("remove", "t:log")):
        assert at.type(*words).code == 0
        assert file.read_bytes().count(b"\n") == file.read_bytes().count(b"\r\n")
    assert project_file(at).endswith('"t:lib" = {version = "1", link = "runtime"}\r\n"t:old" = "^1.0.0"\r\n')
    lock = at.folder / "wpkg.lock"
    lock.write_bytes(lock.read_bytes().replace(b"\n", b"\r\n"))
    for line in ("lock --check", "fetch --locked", "tree", "lock"):
        assert at.type(*line.split()).code == 0
    assert b"\r\n" in lock.read_bytes()  # nothing changed, so nothing was written
    assert at.type("remove", "t:old").code == 0
    assert b"\r" not in lock.read_bytes()


@pytest.mark.parametrize("name", ["wasmcloud.toml", "wpkg.lock"])
def test_a_file_that_is_read_only_stays_as_it_is(at: Terminal, name: str) -> None:  # noqa: F811
    assert at.type("add", "t:log").code == 0
    (at.folder / name).chmod(0o444)
    before = {path.name: path.read_bytes() for path in at.folder.glob("w*")}
    refused = at.type("add", "t:lib")
    assert (refused.code, refused.out) == (1, "")
    assert f"error: cannot write {name}: it is read-only" in refused.err
    assert {path.name: path.read_bytes() for path in at.folder.glob("w*")} == before


def test_a_folder_can_be_named_before_the_command(at: Terminal, pages: tuple[str, list[str]]) -> None:  # noqa: F811
    write(at.folder / "sub", pages[0], "", "inner")
    write(at.folder / "sub" / "deep", pages[0], "", "innermost")
    assert at.type("-C", "sub", "add", "t:log").code == 0
    assert at.type("-C", "sub", "tree").out.splitlines()[0] == "my:inner 0.1.0"
    assert at.type("-C", "sub", "lock", "-C", "deep").code == 0
    assert at.type("-C", "sub/deep", "tree").out == "my:innermost 0.1.0\n"
    assert at.type("tree").code == 0  # nobody stays there
    refused = at.type("-C", "nowhere", "tree")
    assert (refused.code, refused.err) == (2, "error: there is no folder nowhere\n")


def workspace(root: Path, address: str) -> None:
    (root / "wasmcloud.toml").write_text(f'[workspace]\nmembers = ["*"]\n[registries]\nt = "{address}/demo"\n')
    for name, needed in (("one", "1"), ("two", "2"), ("three", "1")):
        file = write(root / name, address, f'"t:lib" = "{needed}"\n', name) / "wasmcloud.toml"
        file.write_text(file.read_text().replace(f'[registries]\nt = "{address}/demo"  # kept too\n', ""))


def test_members_on_different_tracks(at: Terminal, pages: tuple[str, list[str]]) -> None:  # noqa: F811
    workspace(at.folder, pages[0])
    assert at.type("lock").code == 0
    assert versions(at.folder) == ["t:lib 1.1.1", "t:lib 2.0.0"]
    assert at.type("outdated").out.splitlines()[1].split() == ["t:lib", "1.1.1", "1.1.1", "2.0.0", "one,", "three"]
    assert at.type("update", "t:lib", "--precise", "1.0.0").out.startswith("downgraded t:lib 1.1.1 -> 1.0.0")
    removed = at.type("remove", "-C", "one", "t:lib")
    assert removed.out == (
        "t:lib 2.0.0 stays locked for another member of the workspace\n"
        "t:lib 1.0.0 stays locked for another member of the workspace\n"
    )
    assert at.type("add", "-C", "one", "t:lib@~1.1").code == 0  # one version of the line will do for both
    refused = at.type("add", "-C", "three", "t:lib@=1.0.0")
    assert refused.code == 3
    assert refused.err.splitlines()[-4:] == [
        "error: no version of t:lib fits: one requires ~1.1 and three requires =1.0.0 (published: 2.0.0, 1.2.0-rc.1, 1.1.1, 1.1.0, 1.0.0)",
        "hint: loosen one of these requirements in wasmcloud.toml:",
        '    "t:lib" = "=1.0.0"  # three',
        '    "t:lib" = "~1.1"  # one',
    ]
