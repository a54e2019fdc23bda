"""Other clients get back what we push, and we what they push."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.components import WASM_TOOLS, from_wit, wasm_tools, wit, world
from tests.interop.conftest import Publication, execute, peer, publish, python_program
from tests.unit.wit.cases import LIB
from tests.wit import binary_package
from tests.workflow.conftest import Company
from wpkg.registry.client import RegistryClient
from wpkg.workflow.add import Wanted, add
from wpkg.workflow.build import build
from wpkg.workflow.inspect import inspect
from wpkg.workflow.pull import pull

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def published(tmp_path: Path, shim: str) -> Publication:
    return publish(tmp_path, shim)


def composed(published: Publication) -> bytes:
    return published.pushed.artifacts[-1].publication.path.read_bytes()


def test_wash_pulls_what_we_push_byte_for_byte(published: Publication) -> None:
    wash = [python_program("wash"), "--non-interactive", "oci", "pull", "--insecure"]
    for reference in (published.reference, f"{published.pushed.repository}:0.1.0"):
        done = execute(published.folder, *wash, reference, "pulled.wasm")
        assert done.code == 0, done.out
        assert (published.folder / "pulled.wasm").read_bytes() == composed(published)
    raw = execute(published.folder, *wash, f"{published.pushed.repository}:0.1.0_raw", "raw.wasm")
    assert raw.code == 0, raw.out
    assert (published.folder / "raw.wasm").read_bytes() == published.company.sources["validator"]


def test_we_pull_and_inspect_what_wash_pushes(tmp_path: Path, shim: str) -> None:
    component = from_wit("export run: func(message: string);")
    (tmp_path / "their.wasm").write_bytes(component)
    reference = f"{shim}/their/component:0.1.0"
    done = execute(
        tmp_path, python_program("wash"), "--non-interactive", "oci", "push", "--insecure", reference, "their.wasm"
    )
    assert done.code == 0, done.out
    world_ = Company(tmp_path, RegistryClient(), shim).world()  # type: ignore[arg-type]
    assert pull(world_, tmp_path, reference, tmp_path / "pulled.wasm").verification is None
    assert (tmp_path / "pulled.wasm").read_bytes() == component
    found = inspect(world_, tmp_path, reference)
    assert [extern.name for extern in found.exports] == ["run"]
    assert found.claims == ()


def test_we_compose_with_what_wash_pushes(tmp_path: Path, shim: str) -> None:
    """An artifact that knows nothing of wpkg is a dependency like any other."""
    company = Company(tmp_path, RegistryClient(), shim)  # type: ignore[arg-type]
    (tmp_path / "harness.wasm").write_bytes(company.sources["harness"])
    reference = f"{shim}/by-wash/pay/harness:0.1.0"
    done = execute(
        tmp_path,
        python_program("wash"),
        "--non-interactive",
        "oci",
        "push",
        "--insecure",
        reference,
        "harness.wasm",
    )
    assert done.code == 0, done.out
    root = company.project("validator")
    file = root / "wasmcloud.toml"
    file.write_text(file.read_text().replace(f"{shim}/demo", f"{shim}/by-wash"))
    add(company.world(), root, [Wanted.parse("pay:harness@^0.1")])
    built = build(company.world(), root, compose=True)
    assert built.composed is not None
    assert world(built.composed.path.read_bytes()) == [
        "import sys:io/streams@0.2.0",
        "export run: func(message: string)",
    ]


def test_oras_py_pulls_what_we_push(published: Publication) -> None:
    script = (
        "import sys, oras.client; "
        "print(oras.client.OrasClient(hostname=sys.argv[1].split('/')[0], insecure=True).pull(sys.argv[1], outdir='out')[0])"
    )
    done = execute(
        published.folder, python_program("python"), "-c", script, f"{published.pushed.repository}:0.1.0"
    )
    assert done.code == 0, done.out
    assert (published.folder / "out" / "validator.wasm").read_bytes() == composed(published)


@pytest.mark.interop
def test_oras_pulls_and_discovers(tmp_path: Path, address: str) -> None:
    published = publish(tmp_path, address)
    oras = peer("oras")
    done = execute(published.folder, oras, "pull", "--plain-http", "-o", "out", published.reference)
    assert done.code == 0, done.out
    assert (published.folder / "out" / "validator.wasm").read_bytes() == composed(published)
    found = execute(published.folder, oras, "discover", "--plain-http", "--format", "json", published.reference)
    kinds = [
        referrer["artifactType"]
        for referrer in json.loads(found.out).get("referrers", json.loads(found.out).get("manifests"))
    ]
    assert len(kinds) >= 2
    assert set(kinds) == {"application/vnd.dev.sigstore.bundle.v0.3+json"}


@pytest.mark.interop
def test_crane_reads_manifest_and_tags(published: Publication) -> None:
    crane = peer("crane")
    manifest = execute(published.folder, crane, "manifest", "--insecure", published.reference)
    assert manifest.out.encode() == published.pushed.artifacts[-1].publication.artifact.manifest_bytes
    tags = execute(published.folder, crane, "ls", "--insecure", str(published.pushed.repository))
    assert [tag for tag in tags.out.split() if not tag.startswith("sha256-")] == ["0.1.0", "0.1.0_raw"]


@pytest.mark.interop
def test_wkg_pulls_what_we_push(published: Publication) -> None:
    registry = published.pushed.repository.registry
    done = execute(
        published.folder, peer("wkg"), "oci", "pull", "--insecure", registry, f"{published.pushed.repository}:0.1.0",
        "-o", "pulled.wasm",
    )  # fmt: skip
    assert done.code == 0, done.out
    assert (published.folder / "pulled.wasm").read_bytes() == composed(published)


@pytest.mark.interop
def test_we_inspect_a_wit_package_that_wkg_pushes(tmp_path: Path, shim: str) -> None:
    (tmp_path / "lib.wasm").write_bytes(binary_package(LIB))
    reference = f"{shim}/by-wkg/lib:1.0.0"
    pushed = execute(tmp_path, peer("wkg"), "oci", "push", "--insecure", shim, reference, "lib.wasm")
    assert pushed.code == 0, pushed.out
    found = inspect(Company(tmp_path, RegistryClient(), shim).world(), tmp_path, reference)  # type: ignore[arg-type]
    assert found.kind == "wit"
    assert found.wit.text == wasm_tools("component", "wit", str(tmp_path / "lib.wasm")).decode()


@pytest.mark.interop
def test_skopeo_copies_it_to_a_layout_without_changing_a_byte(published: Publication) -> None:
    source = f"docker://{published.pushed.repository}:0.1.0"
    done = execute(
        published.folder,
        peer("skopeo"),
        "--insecure-policy",
        "copy",
        "--src-tls-verify=false",
        source,
        "oci:layout:0.1.0",
    )
    assert done.code == 0, done.out
    index = json.loads((published.folder / "layout" / "index.json").read_text())
    assert index["manifests"][0]["digest"] == published.reference.partition("@")[2]


@pytest.mark.interop
def test_wac_composes_the_same_world(published: Publication) -> None:
    folder = published.folder
    for name, data in published.company.sources.items():
        (folder / f"{name}.wasm").write_bytes(data)
    done = execute(folder, peer("wac"), "plug", "harness.wasm", "--plug", "validator.wasm", "-o", "wac.wasm")
    assert done.code == 0, done.out
    assert wit((folder / "wac.wasm").read_bytes()) == wit(composed(published))


def test_wasm_tools_composes_the_same_world(published: Publication) -> None:
    folder = published.folder
    for name, data in published.company.sources.items():
        (folder / f"{name}.wasm").write_bytes(data)
    done = execute(
        folder, WASM_TOOLS, "compose", "-q", "harness.wasm", "-d", "validator.wasm", "-o", "theirs.wasm"
    )
    assert done.code == 0, done.out
    assert wit((folder / "theirs.wasm").read_bytes()) == wit(composed(published))
    assert world(composed(published)) == ["import sys:io/streams@0.2.0", "export run: func(message: string)"]
