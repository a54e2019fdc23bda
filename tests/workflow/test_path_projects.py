"""Projects that a project depends on by path are built when they are needed, and not again when nothing changed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.components import world as world_of
from tests.fakes.world import fake_world
from tests.wit import binary_package
from tests.workflow.conftest import PLATFORM, component
from wpkg.errors import InvalidInput, LockOutOfDate, WpkgError
from wpkg.workflow.build import build
from wpkg.workflow.fetch import fetch
from wpkg.workflow.local import CircularDependency, DependencyNotBuilt
from wpkg.workflow.lock import lock
from wpkg.workflow.push import DependencyNotPublished, push
from wpkg.workflow.raw_build import BuildFailed
from wpkg.workflow.world import Finished

if TYPE_CHECKING:
    from pathlib import Path

    from tests.workflow.conftest import Company

COMPONENTS = {
    "app": "import one: func(); import two: func(); export main: func();",
    "one": "import base: func(); export one: func();",
    "two": "import base: func(); export two: func();",
    "base": "export base: func();",
}


def by_path(*names: str, **more: str) -> str:
    lines = [f'"pay:{name}" = {{ path = "../{name}"{more.get(name, "")} }}\n' for name in names]
    return "[dependencies]\n" + "".join(lines)


def diamond(company: Company) -> Path:
    """app needs one and two, and both need base."""
    company.sources |= {name: component(world) for name, world in COMPONENTS.items()}
    company.project("base", "1.0.0")
    company.project("one", extra=by_path("base"))
    company.project("two", extra=by_path("base"))
    return company.project("app", extra=by_path("two", "one"))


def built_again(company: Company, root: Path) -> list[str]:
    company.programs.ran.clear()
    build(company.world(), root, compose=True)
    return [line.removeprefix("make ") for line in company.programs.ran]


def touch(file: Path) -> None:
    os.utime(file, ns=(0, file.stat().st_mtime_ns + 1_000_000_000))


def test_each_is_built_once_after_what_it_needs(company: Company) -> None:
    root = diamond(company)
    built = build(company.world(), root, compose=True)
    assert company.programs.ran == ["make base", "make two", "make one", "make app"]
    assert [file.path.name for file in built.local] == ["base.wasm", "two.wasm", "one.wasm"]
    assert all(file.changed for file in built.local)
    assert built.composed is not None
    assert world_of(built.composed.path.read_bytes()) == ["export main: func()"]
    assert "Building one (make one)" in company.notes.lines


def test_without_composing_they_are_built_too(company: Company) -> None:
    root = diamond(company)
    build(company.world(), root, compose=False)
    assert company.programs.ran == ["make base", "make two", "make one", "make app"]
    assert not (root / "wpkg.lock").exists()  # nobody had to know what is published


def test_what_did_not_change_is_not_built_again(company: Company) -> None:
    root = diamond(company)
    first = build(company.world(), root, compose=True)
    assert built_again(company, root) == ["app"]
    again = build(company.world(), root, compose=True)
    assert [file.changed for file in again.local] == [False, False, False]
    assert again.plan is None
    assert first.composed is not None
    assert again.composed is not None
    assert again.composed == type(again.composed)(
        again.composed.path, first.composed.digest, first.composed.size, changed=False
    )


@pytest.mark.parametrize("name", ["wasmcloud.toml", "src/lib.py", "src/more/deep.py"])
def test_one_whose_files_changed_is_built_again(company: Company, name: str) -> None:
    root = diamond(company)
    file = root.parent / "one" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    build(company.world(), root, compose=True)
    assert built_again(company, root) == ["app"]
    touch(file)
    company.sources["one"] = component("import base: func(); export one: func(); export more: func();")
    before = (root / "build" / "app.composed.wasm").read_bytes()
    assert built_again(company, root) == ["one", "app"]
    assert company.sources["one"] in (root / "build" / "app.composed.wasm").read_bytes()
    assert (root / "build" / "app.composed.wasm").read_bytes() != before
    assert built_again(company, root) == ["app"]


def test_a_file_that_comes_or_goes_is_a_change(company: Company) -> None:
    root = diamond(company)
    build(company.world(), root, compose=True)
    new = root.parent / "base" / "new.py"
    new.touch()
    assert built_again(company, root) == ["base", "app"]
    new.unlink()
    assert built_again(company, root) == ["base", "app"]


def test_what_a_build_leaves_is_no_source(company: Company) -> None:
    root = diamond(company)
    build(company.world(), root, compose=True)
    base = root.parent / "base"
    for folder in (".git", "target", "node_modules", "src/__pycache__", "build"):
        (base / folder).mkdir(parents=True, exist_ok=True)
        (base / folder / "x").touch()
    (base / "nested").mkdir()
    (base / "nested" / "wasmcloud.toml").touch()  # another project, which has nothing to do with this one
    assert built_again(company, root) == ["app"]


def test_what_the_project_names_elsewhere_is_a_source(company: Company) -> None:
    root = diamond(company)
    base, shared = root.parent / "base", company.folder / "shared"
    for name in ("wit", "sources", "script.py", "unnamed"):
        (shared / name).mkdir(parents=True) if "." not in name else (shared / name).touch()
        if "." not in name:
            (shared / name / "x").touch()
    file = base / "wasmcloud.toml"
    text = file.read_text().replace('"make base"', '"make base --in=../../shared/sources ../../shared/script.py"')
    file.write_text('wit = "../../shared/wit"\n' + text)
    build(company.world(), root, compose=True)
    assert built_again(company, root) == ["app"]
    for changed in ("wit/x", "sources/x", "script.py"):
        touch(shared / changed)
        assert [line.split()[0] for line in built_again(company, root)] == ["base", "app"], changed
    touch(shared / "unnamed" / "x")
    assert built_again(company, root) == ["app"]


def test_a_tool_that_was_replaced_builds_again(company: Company) -> None:
    root = diamond(company)
    tool = company.folder / "bin" / "make"
    tool.parent.mkdir()
    tool.touch(0o755)
    world = company.world(PATH=str(tool.parent))
    build(world, root, compose=True)
    company.programs.ran.clear()
    touch(tool)
    build(world, root, compose=True)
    assert company.programs.ran == ["make base", "make two", "make one", "make app"]


def test_a_component_that_was_changed_by_hand_is_made_again(company: Company) -> None:
    root = diamond(company)
    build(company.world(), root, compose=True)
    path = root.parent / "two" / "build" / "two.wasm"
    path.write_bytes(path.read_bytes() + b"\0\1\0")
    assert built_again(company, root) == ["two", "app"]
    assert path.read_bytes() == company.sources["two"]


def test_what_was_built_by_itself_is_not_built_again(company: Company) -> None:
    root = diamond(company)
    for name in ("base", "one", "two"):
        build(company.world(), root.parent / name, compose=False)
    assert built_again(company, root) == ["app"]


def test_a_change_during_the_build_is_not_lost(company: Company) -> None:
    root = diamond(company)
    source = root.parent / "base" / "lib.py"
    source.touch()
    make = company.programs.known["make"]

    def edited_meanwhile(words: list[str], folder: Path) -> Finished:
        if words[1] == "base":
            touch(source)
        return make(words, folder)

    company.programs.known["make"] = edited_meanwhile  # type: ignore[assignment]
    build(company.world(), root, compose=True)
    company.programs.known["make"] = make
    assert built_again(company, root) == ["base", "app"]


def test_no_build_builds_nothing(company: Company) -> None:
    root = diamond(company)
    (root / "build").mkdir()
    (root / "build" / "app.wasm").write_bytes(company.sources["app"])
    with pytest.raises(DependencyNotBuilt, match="pay:base 1.0.0 has not been built") as caught:
        build(company.world(), root, compose=True, run_command=False)
    assert caught.value.hint == f"run 'wpkg build -C {root.parent / 'base'}'"
    assert company.programs.ran == []


def test_a_build_that_fails_is_named_and_nothing_after_it_is_run(company: Company) -> None:
    root = diamond(company)
    make = company.programs.known["make"]
    company.programs.known["make"] = lambda words, folder: (
        Finished(2, "no\n") if words[1] == "two" else make(words, folder)
    )
    with pytest.raises(BuildFailed, match=r"^pay:two \(../two\): 'make two' failed with status 2:\nno"):
        build(company.world(), root, compose=True)
    assert company.programs.ran == ["make base", "make two"]
    company.programs.known["make"] = make
    assert built_again(company, root) == ["two", "one", "app"]


def test_one_without_a_command_is_taken_as_it_is(company: Company) -> None:
    root = diamond(company)
    file = root.parent / "base" / "wasmcloud.toml"
    file.write_text(file.read_text().replace('build_command = "make base"\n', ""))
    with pytest.raises(BuildFailed, match=r"^pay:base \(../base\): component.build_command is missing"):
        build(company.world(), root, compose=True)
    (root.parent / "base" / "build").mkdir(exist_ok=True)
    (root.parent / "base" / "build" / "base.wasm").write_bytes(company.sources["base"])
    assert built_again(company, root) == ["two", "one", "app"]


def test_circles_are_refused_with_the_way_around(company: Company) -> None:
    root = diamond(company)
    company.project("base", "1.0.0", extra=by_path("one"))
    said = r"in a circle: pay:base \(../base\) → pay:one \(../one\) → pay:base \(../base\)$"
    for act in (
        lambda: build(company.world(), root, compose=False),
        lambda: lock(company.world(), root),
    ):
        with pytest.raises(CircularDependency, match=said) as caught:
            act()
        assert caught.value.exit_code == 2
    assert company.programs.ran == []
    company.project("base", "1.0.0", extra=by_path("base"))
    with pytest.raises(CircularDependency, match=r"circle: pay:base \(../base\) → pay:base"):
        lock(company.world(), root)


def test_projects_that_are_linked_at_run_time_may_need_each_other(company: Company) -> None:
    root = diamond(company)
    company.project("base", "1.0.0", extra=by_path("app", app=', link = "runtime"'))
    build(company.world(), root, compose=True)
    assert company.programs.ran == ["make base", "make two", "make one", "make app"]


def test_what_is_only_linked_at_run_time_is_built_as_well(company: Company) -> None:
    company.sources |= {"app": component("import bill: func();"), "bill": component("export bill: func();")}
    company.project("bill")
    root = company.project("app", extra=by_path("bill", bill=', link = "runtime"'))
    build(company.world(), root, compose=False)
    assert company.programs.ran == ["make bill", "make app"]


WORKSPACE = '[workspace]\nmembers = ["*"]\n[registries]\npay = "127.0.0.1:5000/demo"\n'


def in_workspace(company: Company) -> Path:
    root = diamond(company)
    (root.parent / "wasmcloud.toml").write_text(WORKSPACE)
    for file in root.parent.glob("*/wasmcloud.toml"):
        file.write_text(file.read_text().replace('[registries]\npay = "127.0.0.1:5000/demo"\n', ""))
    return root


def test_members_of_a_workspace_are_built_for_each_other(company: Company) -> None:
    root = in_workspace(company)
    built = build(company.world(), root, compose=True)
    assert company.programs.ran == ["make base", "make two", "make one", "make app"]
    assert built.composed is not None
    text = (root.parent / "wpkg.lock").read_text()
    assert [line for line in text.splitlines() if line.startswith("source")] == [
        'source = "path:base"',
        'source = "path:one"',
        'source = "path:two"',
    ]
    assert built_again(company, root) == ["app"]
    build(company.world(), root, compose=True, locked=True)


def platform(company: Company) -> Path:
    """A project that makes a WIT package."""
    company.sources["platform"] = binary_package(PLATFORM)
    root = company.project("platform")
    file = root / "wasmcloud.toml"
    file.write_text(file.read_text().replace('type = "component"', 'type = "wit"'))
    return root


def test_interfaces_of_a_project_are_there_before_what_is_built_against_them(company: Company) -> None:
    """The WIT package is built, then written to wit/deps, then the project is built; so also further away."""
    company.sources |= {"near": component("export near: func();"), "far": component("import near: func();")}
    root = platform(company).parent
    wit = '[dependencies]\n"pay:platform" = { path = "../platform", kind = "wit" }\n'
    company.project("near", extra=wit)
    far = company.project("far", extra=by_path("near"))
    make = company.programs.known["make"]

    def looking(words: list[str], folder: Path) -> Finished:
        if words[1] == "near":
            assert (folder / "wit" / "deps" / "pay-platform-0.1.0" / "package.wit").is_file()
        return make(words, folder)

    company.programs.known["make"] = looking  # type: ignore[assignment]
    build(company.world(), far, compose=True)
    assert company.programs.ran == ["make platform", "make near", "make far"]
    assert (root / "near" / "wpkg.lock").is_file()  # its own, which far has nothing to do with
    assert built_again(company, far) == ["far"]
    (root / "near" / "wpkg.lock").unlink()
    with pytest.raises(LockOutOfDate, match=r"^pay:near \(../near\): wpkg.lock is out of date"):
        build(company.world(), far, compose=True, locked=True)


def test_interfaces_that_are_not_built_yet_are_no_reason_not_to_fetch(company: Company) -> None:
    root = platform(company).parent
    company.sources["app"] = component("export main: func();")
    app = company.project("app", extra='[dependencies]\n"pay:platform" = { path = "../platform", kind = "wit" }\n')
    fetch(company.world(), app)
    assert company.notes.warnings == [
        "warning: pay:platform 0.1.0 (../platform) is not built yet, so it is not in wit/deps; 'wpkg build' builds it"
    ]
    build(company.world(), app, compose=False)
    written = app / "wit" / "deps" / "pay-platform-0.1.0" / "package.wit"
    assert written.is_file()
    (root / "platform" / "build" / "platform.wasm").unlink()
    fetch(company.world(), app)
    assert written.is_file()  # what is known of it is not thrown away


def test_a_path_that_leads_to_another_package_stops_before_anything_is_run(company: Company) -> None:
    root = diamond(company)
    file = root / "wasmcloud.toml"
    file.write_text(file.read_text().replace('"pay:one" = { path = "../one" }', '"pay:one" = { path = "../two" }'))
    with pytest.raises(InvalidInput, match="the project at ../two is pay:two, not pay:one"):
        build(company.world(), root, compose=False)
    assert company.programs.ran == []


def test_where_there_is_too_much_to_look_at_it_is_built(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    root = diamond(company)
    build(company.world(), root, compose=True)
    monkeypatch.setattr("wpkg.workflow.source_files.MAX_FILES", 0)
    for _ in range(2):
        assert built_again(company, root) == ["base", "two", "one", "app"]


def test_links_in_a_circle_are_followed_once(company: Company) -> None:
    root = diamond(company)
    (root.parent / "base" / "src" / "deep").mkdir(parents=True)
    (root.parent / "base" / "src" / "deep" / "up").symlink_to("..", target_is_directory=True)
    linked = company.folder / "linked"
    linked.mkdir()
    (linked / "file").touch()
    (root.parent / "base" / "src" / "linked").symlink_to(linked, target_is_directory=True)
    build(company.world(), root, compose=True)
    assert built_again(company, root) == ["app"]
    touch(linked / "file")
    assert built_again(company, root) == ["base", "app"]


def test_a_record_that_is_damaged_or_old_is_no_reason_to_leave_a_build_out(company: Company) -> None:
    """One of before has no sources in it."""
    root = diamond(company)
    build(company.world(), root, compose=True)
    record = root.parent / "base" / "build" / ".wpkg" / "build.json"
    text = record.read_text()
    assert '"sources"' in text
    for damaged in (text[:-1], text.replace('"sources"', '"source"')):
        record.write_text(damaged)
        assert built_again(company, root) == ["base", "app"]


def test_a_path_that_leads_nowhere_is_said_as_when_locking(company: Company) -> None:
    root = diamond(company)
    (root.parent / "one" / "wasmcloud.toml").unlink()
    with pytest.raises(WpkgError, match="pay:one: there is neither a component file nor a project at ../one"):
        build(fake_world(company.folder / "x"), root, compose=False)


def test_what_others_could_not_get_is_not_needed_by_what_is_pushed(company: Company) -> None:
    company.sources |= {"app": component("import base: func();"), "base": component("export base: func();")}
    base = company.project("base", "1.0.0")
    root = company.project("app", extra=by_path("base"))
    build(company.world(), root, compose=True)
    with pytest.raises(InvalidInput, match="pay:base has a path and no version, so nobody else could get it"):
        push(company.world(), root, None)
    root = company.project("app", extra=by_path("base", base=', version = "1"'))
    build(company.world(), root, compose=True)
    nowhere = "pay:base 1 is not published, so nobody else could get what pay:app needs"
    with pytest.raises(
        DependencyNotPublished, match=rf"{nowhere} \(in 127.0.0.1:5000/demo/pay/base: nothing\)"
    ) as caught:
        push(company.world(), root, None)
    assert (caught.value.exit_code, caught.value.hint) == (3, f"publish it first: wpkg push -C {root / '../base'}")
    company.project("base", "2.0.0")
    push(company.world(), base, None)
    company.project("base", "1.0.0")
    with pytest.raises(DependencyNotPublished, match=rf"{nowhere} .*base: 2.0.0\)"):
        push(company.world(), root, None)
    assert company.repository("app") not in {where for where, _ in company.registry.manifests}
    push(company.world(), base, None)
    raw, _ = push(company.world(), root, None).artifacts
    assert [str(needed.requirement) for needed in raw.publication.record.dependencies] == ["1"]
