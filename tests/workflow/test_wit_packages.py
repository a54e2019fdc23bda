"""WIT packages as dependencies and as what a project publishes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.components import wasm_tools
from tests.fakes.world import offline
from tests.wit import binary_package
from tests.workflow.conftest import IO, PLATFORM
from wpkg.errors import InvalidInput, WpkgError
from wpkg.oci.digest import Digest
from wpkg.project.edit import DependencyLine
from wpkg.workflow.add import Wanted, add
from wpkg.workflow.build import build
from wpkg.workflow.lock import lock
from wpkg.workflow.publication import NotBuilt
from wpkg.workflow.published import TagMoved, WrongKind
from wpkg.workflow.push import push
from wpkg.workflow.remove import remove
from wpkg.workflow.wit_deps import HEADER, NotAWitPackage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.workflow.conftest import Company
    from wpkg.workflow.world import Finished

USER = "package pay:api@1.0.0; interface run { use sys:io/streams@0.2.0.{output}; go: func(o: borrow<output>); }"
OTHER = "package pay:more@1.0.0; interface run { use sys:io/poll@0.2.0.{input}; go: func(o: borrow<input>); }"
SYS = "package sys:io@0.2.0; interface streams { resource output; } interface poll { resource input; }"
WIT = DependencyLine(kind="wit")


def publish_wit(company: Company, name: str, version: str, *packages: str) -> None:
    company.sources[name] = binary_package(*packages)
    root = company.project(name, version)
    file = root / "wasmcloud.toml"
    file.write_text(file.read_text().replace('type = "component"', 'type = "wit"'))
    build(company.world("platform"), root, compose=False)
    [artifact] = push(company.world("platform"), root, company.platform_key).artifacts
    assert artifact.publication.record.kind == "wit"


def deps(root: Path) -> dict[str, str]:
    folder = root / "wit" / "deps"
    return {file.parent.name: file.read_text() for file in sorted(folder.glob("*/*.wit"))}


def test_a_wit_package_is_published_locked_and_written_where_a_build_finds_it(company: Company) -> None:
    publish_wit(company, "platform", "0.1.0", PLATFORM)
    root = company.project("validator")
    (root / "wit").mkdir()
    (root / "wit" / "world.wit").write_text(
        "package test:validator; world w { export pay:platform/validation@0.1.0; }"
    )
    outcome = add(company.world(), root, [Wanted.parse("pay:platform@0.1")], WIT)
    assert [(str(p.pin), p.kind) for p in outcome.lock.packages] == [("pay:platform 0.1.0", "wit")]
    assert '"pay:platform" = {version = "0.1", kind = "wit"}' in (root / "wasmcloud.toml").read_text()
    assert list(deps(root)) == ["pay-platform-0.1.0"]
    assert "validate: func(t: transaction) -> bool;" in deps(root)["pay-platform-0.1.0"]
    wasm_tools("component", "wit", str(root / "wit"))
    assert lock(offline(company.world()), root, check=True).changes == ()


def test_a_build_writes_them_first_and_takes_no_part_of_them(company: Company) -> None:
    publish_wit(company, "platform", "0.1.0", PLATFORM)
    root = company.project(
        "validator", extra='[dependencies]\n"pay:platform" = { version = "0.1", kind = "wit" }\n'
    )
    lock(company.world(), root)
    assert deps(root) == {}
    found: list[dict[str, str]] = []
    make = company.programs.known["make"]

    def look_and_make(words: Sequence[str], folder: Path) -> Finished:
        found.append(deps(root))
        return make(words, folder)

    company.programs.known["make"] = look_and_make
    build(company.world(), root, compose=False)
    assert list(found[0]) == ["pay-platform-0.1.0"]
    [artifact] = push(company.world(), root, company.bank_key).artifacts
    assert artifact.publication.record.dependencies == ()


def test_what_a_package_shows_of_others_is_written_beside_it(company: Company) -> None:
    publish_wit(company, "api", "1.0.0", USER, SYS)
    root = company.project("validator")
    (root / "wit").mkdir()
    (root / "wit" / "world.wit").write_text("package t:t; world w { import pay:api/run@1.0.0; }")
    add(company.world(), root, [Wanted.parse("pay:api@1")], WIT)
    assert list(deps(root)) == ["pay-api-1.0.0", "sys-io-0.2.0"]
    wasm_tools("component", "wit", str(root / "wit"))


def test_the_author_s_own_copy_of_another_package_stays(company: Company) -> None:
    publish_wit(company, "api", "1.0.0", USER, SYS)
    root = company.project("validator")
    own = root / "wit" / "deps" / "sys-io-0.2.0" / "io.wit"
    own.parent.mkdir(parents=True)
    own.write_text(SYS)
    (root / "wit" / "world.wit").write_text("package t:t; world w { import pay:api/run@1.0.0; }")
    add(company.world(), root, [Wanted.parse("pay:api@1")], WIT)
    assert deps(root)["sys-io-0.2.0"] == SYS
    wasm_tools("component", "wit", str(root / "wit"))
    remove(company.world(), root, [Wanted.parse("pay:api").name])
    assert deps(root) == {"sys-io-0.2.0": SYS}


def test_two_packages_that_show_different_parts_of_a_third_need_it_as_a_dependency(company: Company) -> None:
    publish_wit(company, "api", "1.0.0", USER, SYS)
    publish_wit(company, "more", "1.0.0", OTHER, SYS)
    root = company.project("validator")
    with pytest.raises(
        InvalidInput, match=r"pay:api 1.0.0 and pay:more 1.0.0 show different parts of sys:io@0.2.0"
    ) as e:
        add(company.world(), root, [Wanted.parse("pay:api@1"), Wanted.parse("pay:more@1")], WIT)
    assert not (root / "wpkg.lock").exists()
    assert not (root / "wit").exists()
    assert e.value.hint == "make it a dependency: wpkg add --wit sys:io@=0.2.0"


@pytest.mark.parametrize(
    ("name", "line", "error", "said"),
    [
        ("platform", DependencyLine(), WrongKind, "is a WIT package, which is not what the project expects"),
        ("harness", WIT, WrongKind, "is a component, which is not what the project expects"),
    ],
)
def test_the_kind_has_to_be_right(
    company: Company, name: str, line: DependencyLine, error: type[WpkgError], said: str
) -> None:
    publish_wit(company, "platform", "0.1.0", PLATFORM)
    company.publish("harness")
    root = company.project("validator")
    before = (root / "wasmcloud.toml").read_bytes()
    with pytest.raises(error, match=said):
        add(company.world(), root, [Wanted.parse(f"pay:{name}@0.1")], line)
    assert (root / "wasmcloud.toml").read_bytes() == before
    assert not (root / "wpkg.lock").exists()


def test_what_is_published_is_what_the_project_says(company: Company) -> None:
    with pytest.raises(NotBuilt, match="is the WIT package sys:io@0.2.0, the project is pay:platform@0.1.0"):
        publish_wit(company, "platform", "0.1.0", IO)
    with pytest.raises(InvalidInput, match="a WIT package is not composed"):
        build(company.world(), company.folder / "projects" / "platform", compose=True)


def test_a_file_of_the_project_is_a_wit_package_too(company: Company) -> None:
    root = company.project("validator")
    (root / "platform.wasm").write_bytes(binary_package(PLATFORM))
    line = DependencyLine(kind="wit", path="platform.wasm")
    add(company.world(), root, [Wanted.parse("pay:platform")], line)
    assert deps(root)["pay-platform-0.1.0"].startswith(HEADER + "package pay:platform@0.1.0;")
    (root / "harness.wasm").write_bytes(company.sources["harness"])
    line = DependencyLine(kind="wit", path="harness.wasm")
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    with pytest.raises(NotAWitPackage, match="pay:harness 0.0.0: it is a component"):
        add(company.world(), root, [Wanted.parse("pay:harness")], line)
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_what_wkg_has_locked_is_where_a_first_lock_begins(company: Company) -> None:
    for version in ("0.1.0", "0.1.1"):
        text = PLATFORM.replace("@0.1.0", f"@{version}")
        publish_wit(company, "platform", version, text)
    old = Digest.of(binary_package(PLATFORM))
    extra = '[dependencies]\n"pay:platform" = { version = "0.1", kind = "wit" }\n'
    root = company.project("validator", extra=extra)
    wkg = (
        'version = 1\n[[packages]]\nname = "pay:platform"\n[[packages.versions]]\n'
        f'requirement = "=0.1.0"\nversion = "0.1.0"\ndigest = "{old}"\n'
    )
    (root / "wkg.lock").write_text(wkg)
    assert [str(p.pin) for p in lock(company.world(), root).lock.packages] == ["pay:platform 0.1.0"]
    (root / "wpkg.lock").unlink()
    (root / "wkg.lock").write_text(wkg.replace(old.encoded, "0" * 64))
    with pytest.raises(
        TagMoved, match="pay:platform 0.1.0 is sha256:.* in .*, and wkg.lock or wasmcloud.lock pins"
    ):
        lock(company.world(), root)
    assert not (root / "wpkg.lock").exists()
    (root / "wkg.lock").unlink()
    assert [str(p.pin) for p in lock(company.world(), root).lock.packages] == ["pay:platform 0.1.1"]
