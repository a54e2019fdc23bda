"""The everyday commands as people and programs meet them, on a registry that gives tags away in pages."""

from __future__ import annotations

import io
import tomllib
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.cli.paging import paged
from tests.cli.test_transcripts import Terminal, registry, terminal  # noqa: F401, TC001 - fixtures
from tests.components import from_wit, world
from wpkg.names.package_name import PackageName
from wpkg.names.pin import Pin
from wpkg.names.requirement import Requirement
from wpkg.oci.artifact import WASM_LAYER, PackageRecord, PublishedDependency, WasmConfig, build_artifact
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.reference import Repository
from wpkg.registry.client import RegistryClient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PUBLISHED = {
    "t:app 1.0.0": {"t:lib": "^1"},
    "t:app 1.1.0": {"t:lib": "^1.1"},
    "t:app 1.2.0": {"t:lib": "^1.1", "t:log": "0.2"},
    "t:app 2.0.0": {"t:lib": "^2"},
    "t:lib 1.0.0": {},
    "t:lib 1.1.0": {},
    "t:lib 1.1.1": {},
    "t:lib 1.2.0-rc.1": {},
    "t:lib 2.0.0": {},
    "t:log 0.2.0": {},
    "t:old 1.0.0": {"t:lib": "~1.0"},
}
OTHER_TAGS = ["latest", "sha256-0000", "1.9.0_raw", "nightly.1"]


def publish(address: str, text: str, needs: dict[str, str], *tags: str, data: bytes = b"") -> None:
    pin = Pin.parse(text)
    content = data or b"\0asm\x0d\0\x01\0" + text.encode()
    repository = Repository.parse(f"{address}/demo/{pin.name.namespace}/{pin.name.name}")
    needed = tuple(PublishedDependency(PackageName.parse(n), Requirement.parse(r)) for n, r in needs.items())
    component = Descriptor.of(WASM_LAYER, content)
    record = PackageRecord(pin.name, pin.version, "component", needed)
    artifact = build_artifact(component, WasmConfig(record, (), ()))
    client = RegistryClient()
    client.push_blob(repository, component, partial(io.BytesIO, content))
    client.push_blob(repository, artifact.config, partial(io.BytesIO, artifact.config_bytes))
    for tag in tags or (pin.version.tag,):
        client.push_manifest(repository, artifact.manifest_bytes, artifact.manifest.media_type, tag)


@pytest.fixture(scope="module")
def pages(registry: str) -> Iterator[tuple[str, list[str]]]:  # noqa: F811
    for text, needs in PUBLISHED.items():
        publish(registry, text, needs)
    publish(registry, "t:lib 1.0.0", {}, *OTHER_TAGS)
    publish(registry, "t:vee 1.0.0", {}, "v1.0.0")
    publish(registry, "t:vee 1.1.0+b.2", {}, "1.1.0_b.2")
    with paged(registry) as found:
        yield found


@pytest.fixture
def at(terminal: Terminal, pages: tuple[str, list[str]]) -> Terminal:  # noqa: F811
    """The terminal, in an empty project."""
    write(terminal.folder, pages[0], "")
    return terminal


def write(folder: Path, address: str, dependencies: str, name: str = "shop") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "wasmcloud.toml").write_text(
        f'# kept\nname = "{name}"\nversion = "0.1.0"\nlanguage = "python"\ntype = "component"\n'
        f'[package]\nname = "my:{name}"\n[registries]\nt = "{address}/demo"  # kept too\n'
        f"[dependencies]  # what it needs\n{dependencies}"
    )
    return folder


def versions(folder: Path) -> list[str]:
    lock = tomllib.loads((folder / "wpkg.lock").read_text())
    return [f"{p['name']} {p['version']}" for p in lock["package"]]


def test_the_whole_list_of_tags_is_read(at: Terminal, pages: tuple[str, list[str]]) -> None:
    """wkg reads the first page only."""
    pages[1].clear()
    assert at.type("add", "t:lib").out.startswith("added t:lib 2.0.0 (sha256:")
    assert len([path for path in pages[1] if "/tags/list" in path]) == 5  # of nine tags, each page once
    pages[1].clear()
    assert at.type("update", "t:lib", "--precise", "2.0.0").code == 0
    assert len([path for path in pages[1] if "/tags/list" in path]) == 5


def test_a_version_is_a_tag_with_v_before_it_or_an_underscore_for_the_plus(at: Terminal) -> None:
    assert at.type("add", "t:vee@=1.0.0").code == 0
    assert tomllib.loads((at.folder / "wpkg.lock").read_text())["package"][0]["tag"] == "v1.0.0"
    assert at.type("update").code == 0
    assert at.type("add", "t:vee@1").code == 0
    assert at.type("update").out.startswith("updated t:vee 1.0.0 -> 1.1.0+b.2")


def test_add_remove_and_what_only_the_removed_needed(at: Terminal) -> None:
    before = (at.folder / "wasmcloud.toml").read_text()
    added = at.type("add", "t:app@1", "t:old")
    assert [line.split(" (")[0] for line in added.out.splitlines()] == [
        "added t:app 1.0.0",
        "added t:lib 1.0.0",
        "added t:old 1.0.0",
    ]
    text = (at.folder / "wasmcloud.toml").read_text()
    assert text == before + '"t:app" = "1"\n"t:old" = "^1.0.0"\n'
    assert at.type("lock", "--check").out == "wpkg.lock is up to date (3 packages)\n"
    tried = at.type("remove", "t:app", "--dry-run", "--json")
    assert [change["name"] for change in tried.document["changes"]] == ["t:app"]
    assert (at.folder / "wasmcloud.toml").read_text() == text
    assert (
        at.type("remove", "t:app", "t:old").out
        == "removed t:app 1.0.0\nremoved t:lib 1.0.0\nremoved t:old 1.0.0\n"
    )
    assert (at.folder / "wasmcloud.toml").read_text() == before
    assert versions_or_none(at.folder) == []


def versions_or_none(folder: Path) -> list[str]:
    return [p["name"] for p in tomllib.loads((folder / "wpkg.lock").read_text()).get("package", [])]


def test_versions_on_two_lines_stand_side_by_side(at: Terminal, pages: tuple[str, list[str]]) -> None:
    write(at.folder, pages[0], '"t:app" = "2"\n"t:lib" = "1"\n')
    assert at.type("lock").code == 0
    assert versions(at.folder) == ["t:app 2.0.0", "t:lib 1.1.1", "t:lib 2.0.0"]
    first = (at.folder / "wpkg.lock").read_bytes()
    assert b'"t:lib 2.0.0",' in first
    assert at.type("tree").out == "my:shop 0.1.0\n├── t:app 2.0.0\n│   └── t:lib 2.0.0\n└── t:lib 1.1.1\n"
    write(at.folder, pages[0], '"t:lib" = "1"\n"t:app" = "2"\n')
    (at.folder / "wpkg.lock").unlink()
    assert at.type("lock").code == 0
    assert (at.folder / "wpkg.lock").read_bytes() == first


def test_tree_why_and_outdated_say_what_the_lock_has(at: Terminal, pages: tuple[str, list[str]]) -> None:
    write(at.folder, pages[0], '"t:app" = "=1.1.0"\n"t:lib" = "<1.1.1"\n')
    assert at.type("lock").code == 0
    assert at.type("tree").out == "my:shop 0.1.0\n├── t:app 1.1.0\n│   └── t:lib 1.1.0\n└── t:lib 1.1.0\n"
    assert at.type("tree", "--depth", "1").out == "my:shop 0.1.0\n├── t:app 1.1.0\n└── t:lib 1.1.0\n"
    assert at.type("tree", "--invert", "t:lib").out == (
        "t:lib 1.1.0\n├── my:shop 0.1.0\n└── t:app 1.1.0\n    └── my:shop 0.1.0\n"
    )
    document = at.type("tree", "--json").document
    assert (document["schema"], document["roots"][0]["dependencies"][0]) == (
        "wpkg.tree/1",
        {"name": "t:app", "version": "1.1.0", "requirement": "=1.1.0"},
    )
    assert [p["name"] for p in document["packages"]] == ["t:app", "t:lib"]
    why = at.type("why", "t:lib")
    assert why.out == (
        "t:lib 1.1.0\n    my:shop 0.1.0 requires t:lib 1.1.0 (<1.1.1)\n"
        "    my:shop 0.1.0 requires t:app 1.1.0 → t:lib 1.1.0 (=1.1.0)\n"
    )
    assert at.type("why", "t:lib", "--json").document["packages"][0]["paths"] == [
        ["my:shop 0.1.0", "t:lib 1.1.0"],
        ["my:shop 0.1.0", "t:app 1.1.0", "t:lib 1.1.0"],
    ]
    pages[1].clear()
    outdated = at.type("outdated")
    assert outdated.out == (
        "package  locked  compatible  newest  needed by\n"
        "t:app    1.1.0   1.1.0       2.0.0   the project\n"
        "t:lib    1.1.0   1.1.0       2.0.0   the project\n"
    )
    assert all("/tags/list" in path for path in pages[1])
    for arguments in (["tree"], ["why", "t:lib"], ["lock", "--check"], ["lock"]):
        assert at.type(*arguments, "--offline").code == 0


def test_update_takes_what_is_admitted_and_no_more(at: Terminal, pages: tuple[str, list[str]]) -> None:
    write(at.folder, pages[0], '"t:app" = "1"\n"t:lib" = "=1.1.0"\n')
    assert at.type("lock").code == 0
    assert versions(at.folder) == ["t:app 1.2.0", "t:lib 1.1.0", "t:log 0.2.0"]
    down = at.type("update", "t:app", "--precise", "1.0.0")
    assert down.out.splitlines()[0].startswith("downgraded t:app 1.2.0 -> 1.0.0 (sha256:")
    assert down.out.splitlines()[1] == "removed t:log 0.2.0"
    write(at.folder, pages[0], '"t:app" = "1"\n"t:lib" = "1"\n')
    assert at.type("lock").out == "wpkg.lock is up to date (2 packages)\n"
    before = (at.folder / "wpkg.lock").read_bytes()
    tried = at.type("update", "--dry-run")
    assert "updated t:lib 1.1.0 -> 1.1.1" in tried.out
    assert "warning: nothing was written" in tried.err
    assert (at.folder / "wpkg.lock").read_bytes() == before
    assert [line.split(" (")[0] for line in at.type("update", "t:lib").out.splitlines()] == [
        "updated t:lib 1.1.0 -> 1.1.1"
    ]
    assert versions(at.folder) == ["t:app 1.0.0", "t:lib 1.1.1"]
    everything = at.type("update", "--json").document
    assert everything["schema"] == "wpkg.update/1"
    assert [
        (c["name"], (c["before"] or {}).get("version"), c["after"]["version"]) for c in everything["changes"]
    ] == [
        ("t:app", "1.0.0", "1.2.0"),
        ("t:log", None, "0.2.0"),
    ]
    assert at.type("update").out == "nothing newer is admitted\n"


def test_a_locked_version_that_is_gone_is_missed(at: Terminal, registry: str) -> None:  # noqa: F811
    """wkg resolves anew in silence, and takes another one."""
    import requests

    publish(registry, "t:gone 1.0.0", {})
    publish(registry, "t:gone 1.1.0", {})
    write(at.folder, registry, '"t:gone" = "1"\n')
    assert at.type("lock").code == 0
    before = (at.folder / "wpkg.lock").read_bytes()
    requests.delete(f"http://{registry}/v2/demo/t/gone/manifests/1.1.0", timeout=10).raise_for_status()
    lost = at.type("lock")
    assert (lost.code, lost.out) == (6, "")
    assert f"error: t:gone 1.1.0 is locked, and {registry}/demo/t/gone has no tag 1.1.0 any more" in lost.err
    assert "hint: ask whoever publishes it; 'wpkg update t:gone' takes another version" in lost.err
    assert (at.folder / "wpkg.lock").read_bytes() == before
    lowered = at.type("update", "t:gone")
    assert lowered.code == 7
    assert "t:gone 1.1.0 is locked, and the registry has nothing newer than 1.0.0 now" in lowered.err
    assert at.type("update", "t:gone", "--precise", "1.0.0").code == 0
    assert versions(at.folder) == ["t:gone 1.0.0"]


ERRORS = [
    (["add", "t:app@3"], 3, "error: no version of t:app fits: the project requires 3 (published: 2.0.0, 1.2.0, 1.1.0, 1.0.0)", 'hint: to take the newest version, write "t:app" = "^2.0.0" in wasmcloud.toml'),
    (["add", "t:old", "t:lib@~1.1"], 3, "error: no version of t:lib fits: t:old 1.0.0 requires ~1.0 and the project requires ~1.1 (published: 2.0.0, 1.2.0-rc.1, 1.1.1, 1.1.0, 1.0.0)", "hint: loosen one of these requirements in wasmcloud.toml:"),
    (["add", "my:shop"], 2, "error: my:shop is this project itself", None),
    (["add", "t:app", "--oci", "x.io/y", "--path", "z"], 2, 'error: wasmcloud.toml: dependencies."t:app".path: it cannot stand beside oci', None),
    (["add", "t:app", "t:lib", "--path", "z"], 2, "error: --oci and --path say where one package is; add one at a time", None),
    (["add", "t:here", "--path", "z"], 2, "error: t:here: there is neither a component file nor a project at z", "hint: correct its path in wasmcloud.toml"),
    (["add", "t:lib@1", "--wit"], 6, "error: ", "hint: give t:lib no kind in wasmcloud.toml"),
    (["remove", "t:lub"], 2, "error: t:lub is not a dependency of shop", "hint: did you mean 't:lib'?"),
    (["remove", "x:y"], 2, "error: x:y is not a dependency of shop", "hint: its dependencies: t:lib"),
    (["remove", "xy"], 2, "error: 'xy' is not a package name", None),
    (["update", "t:lub"], 2, "error: nothing here needs t:lub", "hint: did you mean 't:lib'?"),
    (["update", "--precise", "1.0.0"], 2, "error: --precise names the version of one package", "hint: wpkg update ns:name --precise 1.2.3"),
    (["update", "t:lib", "--precise", "9.0.0"], 3, "error: t:lib 9.0.0 is not published", "hint: the newest versions of t:lib: 2.0.0, 1.2.0-rc.1, 1.1.1, 1.1.0, 1.0.0"),
    (["update", "t:lib", "--precise", "2.0.0"], 3, "error: t:lib 2.0.0 is not what the requirements lead to: the project requires =1.0.0", "hint: loosen them"),
    (["update", "--precise", "x", "t:lib"], 2, "error: 'x' is not a version", None),
    (["tree", "--invert", "t:lub"], 2, "error: t:lub is not in the lock", "hint: did you mean 't:lib'?"),
    (["why", "t:lib@2.0.0"], 2, "error: t:lib@2.0.0 is not in the lock", "hint: it is locked at 1.0.0"),
    (["tree", "--depth", "-1"], 2, "error: invalid value for '--depth'", "hint: wpkg tree --help"),
    (["outdated", "--offline"], 6, "error: the list of versions in ", "hint: run the command once without --offline"),
    (["tree", "-C", "stale"], 7, "error: wpkg.lock is out of date: there is no lock file", "hint: run 'wpkg lock' and commit the result"),
    (["lock", "-C", "newer"], 2, "error: wpkg.lock: it has format version 2, this wpkg reads version 1", "hint: use a newer wpkg"),
    (["lock", "-C", "merged"], 2, "error: wpkg.lock has conflict markers of a merge", "hint: take either side of wpkg.lock as a whole, then run 'wpkg lock'"),
    (["lock", "--frozen", "-C", "stale"], 7, "error: wpkg.lock is out of date: there is no lock file", None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code", "first", "hint"), ERRORS, ids=[" ".join(case[0]) for case in ERRORS]
)
def test_errors_are_one_sentence_a_hint_and_a_code(
    at: Terminal, pages: tuple[str, list[str]], arguments: list[str], code: int, first: str, hint: str | None
) -> None:
    write(at.folder, pages[0], '"t:lib" = "=1.0.0"\n')
    assert at.type("lock").code == 0
    for name, text in (("stale", None), ("newer", "version = 2\n"), ("merged", "<<<<<<< HEAD\nversion = 1\n")):
        other = write(at.folder / name, pages[0], '"t:lib" = "1"\n')
        if text is not None:
            (other / "wpkg.lock").write_text(text)
    before = {path: path.read_bytes() for path in at.folder.glob("w*")}
    outcome = at.type(*arguments)
    lines = [line for line in outcome.err.splitlines() if not line.startswith(" ")]
    assert (outcome.code, outcome.out) == (code, ""), outcome
    assert lines[0].startswith(first), outcome.err
    if hint is not None:
        assert lines[1].startswith(hint), outcome.err
    assert {path: path.read_bytes() for path in at.folder.glob("w*")} == before
    document = at.type(*arguments, "--json").document
    assert document["error"]["exit"] == code


def test_projects_of_a_workspace_share_a_lock(at: Terminal, pages: tuple[str, list[str]]) -> None:
    root = at.folder
    (root / "wasmcloud.toml").write_text(
        f'[workspace]\nmembers = ["parts/*"]\n[registries]\nt = "{pages[0]}/demo"\n'
    )
    (root / "parts").mkdir()
    for name, dependencies in (
        ("one", '"t:lib" = "1"\n"my:two" = { path = "../two" }\n'),
        ("two", '"t:lib" = "=1.1.0"\n'),
    ):
        folder = write(root / "parts" / name, pages[0], dependencies, name)
        file = folder / "wasmcloud.toml"
        file.write_text(file.read_text().replace(f'[registries]\nt = "{pages[0]}/demo"  # kept too\n', ""))
    assert at.type("lock", "-C", "parts/one").code == 0
    assert versions(root) == ["my:two 0.1.0", "t:lib 1.1.0"]
    assert 'source = "path:parts/two"' in (root / "wpkg.lock").read_text()
    assert not list((root / "parts").glob("*/wpkg.lock"))
    for place in (".", "parts/one", "parts/two"):
        assert at.type("lock", "--check", "-C", place).code == 0
    assert at.type("tree").out == (
        "my:one 0.1.0\n├── my:two 0.1.0 (parts/two)\n│   └── t:lib 1.1.0\n└── t:lib 1.1.0\n\nmy:two 0.1.0 (*)\n"
    )
    added = at.type("add", "-C", "parts/two", "t:log")
    assert (added.code, added.out.split(" (")[0]) == (0, "added t:log 0.2.0")
    assert '"t:log" = "^0.2.0"' in (root / "parts" / "two" / "wasmcloud.toml").read_text()
    conflict = at.type("add", "-C", "parts/two", "t:lib@~1.0")
    assert conflict.code == 0  # one of the line is found for both
    assert versions(root)[1:] == ["t:lib 1.0.0", "t:log 0.2.0"]
    outcome = at.type("add", "t:app")
    assert (outcome.code, outcome.err.splitlines()[0]) == (
        2,
        "error: wasmcloud.toml is a workspace and no project itself",
    )
    assert outcome.err.splitlines()[1] == "hint: name a member with -C: parts/one, parts/two"
    text = (root / "wasmcloud.toml").read_text()
    (root / "wasmcloud.toml").write_text(text + 'v = "dir:./vendor"\n')
    assert at.type("lock", "--check").code == 0
    with (root / "parts" / "one" / "wasmcloud.toml").open("a") as appended:
        appended.write('[registries]\nt = "x.io"\n')
    refused = at.type("lock")
    assert refused.code == 2
    assert "parts/one: wasmcloud.toml: registries: the members of a workspace share one" in refused.err


def test_dependencies_on_this_disk(at: Terminal, pages: tuple[str, list[str]]) -> None:
    root = at.folder
    write(root / "near", pages[0], '"t:lib" = "1"\n', "near")
    added = at.type("add", "my:near", "--path", "near")
    assert added.out.splitlines()[0] == "added my:near 0.1.0 (near)"
    assert '"my:near" = {path = "near"}' in (root / "wasmcloud.toml").read_text()
    assert versions(root) == ["my:near 0.1.0", "t:lib 1.1.1"]
    assert at.type("add", "t:file", "--path", "harness.wasm").code == 0
    assert at.type("lock", "--check").code == 0
    (root / "harness.wasm").write_bytes((root / "validator.wasm").read_bytes())
    changed = at.type("lock", "--check")
    assert changed.code == 7
    assert "t:file at harness.wasm is not what it pins" in changed.err
    assert at.type("lock").out.startswith("changed t:file 0.0.0 (harness.wasm)")
    write(root / "near", pages[0], '"t:log" = "0.2"\n', "near")
    assert "does not pin t:log" in at.type("lock", "--check").err
    write(root / "near", pages[0], "", "far")
    wrong = at.type("lock")
    assert (wrong.code, wrong.err.splitlines()[1]) == (2, "error: the project at near is my:far, not my:near")


LIB = "package t:lib@{0}; interface api {{ f: func() -> {1}; }}"
LIB1, LIB2 = LIB.format("1.0.0", "u32"), LIB.format("2.0.0", "string")
MID = "package t:mid@1.0.0; interface run { go: func(); }"


def test_both_versions_are_composed_and_so_is_what_is_on_this_disk(at: Terminal, registry: str) -> None:  # noqa: F811
    """The project needs t:lib 2, a project beside it t:lib 1: each is connected with the one that it needs."""
    root = at.folder
    publish(registry, "t:two 1.0.0", {}, data=from_wit("export t:lib/api@1.0.0;", LIB1))
    publish(registry, "t:two 2.0.0", {}, data=from_wit("export t:lib/api@2.0.0;", LIB2))
    write(root / "mid", registry, '"t:two" = "1"\n', "mid")
    write(root, registry, '"t:two" = "2"\n"my:mid" = { path = "mid" }\n')
    (root / "build").mkdir()
    imports = "import t:lib/api@2.0.0; import t:mid/run@1.0.0; export main: func();"
    (root / "build" / "shop.wasm").write_bytes(from_wit(imports, LIB2, MID))
    assert at.type("lock").code == 0
    assert versions(root) == ["my:mid 0.1.0", "t:two 1.0.0", "t:two 2.0.0"]
    early = at.type("build", "--compose", "--no-build")
    assert early.code == 1
    assert "error: my:mid 0.1.0 has not been built: there is no " in early.err
    assert "hint: run 'wpkg build -C mid'" in early.err
    (root / "mid" / "build").mkdir()
    mid = from_wit("import t:lib/api@1.0.0; export t:mid/run@1.0.0;", LIB1, MID)
    (root / "mid" / "build" / "mid.wasm").write_bytes(mid)
    plan = at.type("build", "--compose", "--no-build", "--plan", "--json").document
    assert {(i["component"], i["import"], i["satisfied-by"]) for i in plan["imports"]} == {
        ("my:mid", "t:lib/api@1.0.0", "t:two@1.0.0"),
        ("my:shop", "t:lib/api@2.0.0", "t:two@2.0.0"),
        ("my:shop", "t:mid/run@1.0.0", "my:mid"),
    }
    assert at.type("build", "--compose", "--no-build").code == 0
    assert world((root / "build" / "shop.composed.wasm").read_bytes()) == ["export main: func()"]
    file = root / "wasmcloud.toml"
    file.write_text(file.read_text().replace("[registries]\n", f'[registries]\nmy = "{registry}/demo"\n'))
    refused = at.type("push", "--unsigned")
    assert refused.code == 2
    assert "error: my:mid has a path and no version, so nobody else could get it" in refused.err
