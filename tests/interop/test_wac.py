"""wac on the same documents: those of our vectors, and those that we make of what was inferred."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.components import assemble, wasm_tools
from tests.interop.conftest import execute, peer
from tests.shared import vectors
from tests.vectors.test_compose import Case, cases
from tests.vectors.test_wac import GOOD, case, component_type, components, composed
from tests.wac import emitted
from tests.wit import assert_same, binary_package
from wpkg.component.read import read_component
from wpkg.wit.errors import Source
from wpkg.wit.parser import parse_document
from wpkg.workflow.compose_files import plan_command

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.interop.conftest import Done

pytestmark = pytest.mark.interop


def by_wac(folder: Path, document: str, packages: Mapping[str, bytes], wit: Sequence[str] = ()) -> bytes:
    """What wac composes, valid."""
    done = run_wac(folder, document, packages, wit)
    assert done.code == 0, done.out
    data = (folder / "out.wasm").read_bytes()
    wasm_tools("validate", "--features", "all", data=data)
    return data


def run_wac(folder: Path, document: str, packages: Mapping[str, bytes], wit: Sequence[str], *options: str) -> Done:
    """What wac says, which composes to `out.wasm`."""
    (folder / "app.wac").write_text(document)
    for name, data in packages.items():
        file = in_deps(folder, name, ".wasm")
        file.write_bytes(data)
    for text in wit:
        identity = str(parse_document(Source("", text)).id)
        file = in_deps(folder, identity, ".wasm")
        file.write_bytes(binary_package(text, *(w for w in wit if w != text)))
        options = (*options, "--dep", f"{identity.partition('@')[0]}={file}")  # for those named without a version
    return execute(folder, peer("wac"), "compose", *options, "-o", "out.wasm", "app.wac")


def in_deps(folder: Path, package: str, suffix: str) -> Path:
    path = folder / "deps" / package.replace(":", "/").replace("@", "/")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(path.name + suffix)


@pytest.mark.parametrize("name", [name for name in GOOD if "wac" not in case(name)])
def test_a_document_composed_by_both_has_one_wit(name: str, tmp_path: Path) -> None:
    given = case(name)
    theirs = by_wac(tmp_path, given["document"], components(given), given.get("wit", ()))
    ours = composed(given, given["document"])
    left, right = component_type(theirs), component_type(ours)
    assert_same(left, right)
    assert list(left.exports) == list(right.exports)
    assert left.import_attributes == right.import_attributes


@pytest.mark.parametrize("name", [name for name in GOOD if "wac" in case(name)])
def test_what_is_beyond_wac(name: str, tmp_path: Path) -> None:
    """When it no longer is, it belongs to the others."""
    given = case(name)
    assert len({"wac-says", "wac-gives", "wac-invalid"} & given.keys()) == 1
    done = run_wac(tmp_path, given["document"], components(given), given.get("wit", ()))
    if "wac-says" in given:
        assert done.code != 0
        assert re.search(given["wac-says"], done.out) is not None, done.out
        return
    assert done.code == 0, done.out
    data = (tmp_path / "out.wasm").read_bytes()
    if "wac-invalid" in given:
        with pytest.raises(AssertionError, match=given["wac-invalid"]):
            wasm_tools("validate", "--features", "all", data=data)
        return
    theirs = component_type(data)
    assert list(theirs.exports) == given["wac-gives"]
    with pytest.raises(AssertionError):
        assert_same(theirs, component_type(composed(given, given["document"])))


def test_dependencies_that_wac_imports_are_no_component(tmp_path: Path) -> None:
    """`--import-dependencies` is not in wpkg, because what it makes is not valid any more."""
    given = case("export-under-the-name-that-was-accessed")
    done = run_wac(tmp_path, given["document"], components(given), (), "--import-dependencies")
    assert done.code == 0, done.out
    with pytest.raises(AssertionError, match="unlocked-dep=<a:b>. is not a valid extern name"):
        wasm_tools("validate", "--features", "all", data=(tmp_path / "out.wasm").read_bytes())


# What wac does not compose of what can be written down, and what it says.
BEYOND_WAC = {"resources-and-aliases": "is from an interface without an identifier"}


@pytest.mark.parametrize("name", sorted(BEYOND_WAC))
def test_a_plan_that_is_beyond_wac(name: str, tmp_path: Path) -> None:
    """When it no longer is, it belongs to the others."""
    command = Case.read(vectors("compose") / name).command()
    text, packages = emitted(plan_command(command), {file.name: file.path.read_bytes() for file in command.files})
    with pytest.raises(AssertionError, match=BEYOND_WAC[name]):
        by_wac(tmp_path, text, packages)


@pytest.mark.parametrize("name", [name for name in cases("expected.wit.json") if name not in BEYOND_WAC])
def test_a_plan_as_a_document_is_composed_by_wac(name: str, tmp_path: Path) -> None:
    command = Case.read(vectors("compose") / name).command()
    plan = plan_command(command)
    files = {file.name: file.path.read_bytes() for file in command.files}
    text, packages = emitted(plan, files)
    theirs = read_component(memoryview(by_wac(tmp_path, text, packages)))
    assert_same(theirs, read_component(memoryview(assemble(plan, files))))
