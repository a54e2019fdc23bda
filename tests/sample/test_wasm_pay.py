"""The demo, end to end, on real components of 18 MB each."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.components import WASM_TOOLS, wasm_tools
from tests.interop.conftest import execute, python_program
from tests.sample.conftest import REPOSITORY, wpkg
from tests.shim_process import running_shim
from tests.vectors.test_ascription import ascribed, complaint, read_back, type_of
from tests.wit import assert_same, packages
from wpkg.oci.digest import Digest
from wpkg.project.lockfile import read_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.sample.conftest import SampleRun

pytestmark = [pytest.mark.sample, pytest.mark.xdist_group("sample")]


def test_the_components_are_of_the_types_that_the_reader_finds(sample: SampleRun) -> None:
    """What componentize-py made, and what was composed of it, exported under our types (test_ascription.py)."""
    found = {path.name: path.read_bytes() for path in (sample.raw, sample.harness, sample.composed)}
    assert complaint(ascribed({name: (data, type_of(data)) for name, data in found.items()})) == ""


def test_their_wit_is_that_of_wasm_tools_and_reads_as_the_same_types(sample: SampleRun, tmp_path: Path) -> None:
    for path in (sample.raw, sample.harness, sample.composed):
        answer = wpkg(tmp_path, tmp_path, "inspect", str(path), "--wit")
        assert (answer.code, answer.err) == (0, "")
        assert answer.out == wasm_tools("component", "wit", str(path)).decode()
        assert_same(packages(answer.out).world("root").type, read_back(type_of(path.read_bytes())))


def test_the_composition_shows_which_components_are_in_it(sample: SampleRun, tmp_path: Path) -> None:
    tree = wpkg(tmp_path, tmp_path, "inspect", str(sample.composed), "--tree", "--json").document["tree"]
    lock = (sample.folder / "usd-validator" / "wpkg.lock").read_text()
    [locked] = read_lock(lock).packages
    assert {part["name"]: part["digest"] for part in tree["components"]} == {
        "wasm-pay:messaging-harness": str(locked.component),
        "wasm-pay:usd-validator": str(Digest.of(sample.raw.read_bytes())),
    }
    assert all(part["modules"]["size"] > 0.99 * part["size"] for part in tree["components"])


def test_it_runs_and_ends_with_an_accepted_and_a_refused_message(sample: SampleRun) -> None:
    assert sample.code == 0, sample.out
    usd, eur = [line for line in sample.out.splitlines() if "->" in line]
    assert usd.endswith("->  accepted")
    assert eur.endswith("->  refused: transaction t-EUR: EUR is refused")


def test_the_composed_component_is_valid_and_has_no_validation_left(sample: SampleRun) -> None:
    done = execute(sample.folder, WASM_TOOLS, "validate", "--features", "all", str(sample.composed))
    assert done.code == 0, done.out
    text = wasm_tools("component", "wit", str(sample.composed)).decode()
    world = text[text.index("world root") :]
    assert "validation" not in world
    assert "import wasi:io/streams@0.2" in world
    assert "export wasmcloud:messaging/handler@0.2.0;" in world


def test_both_components_are_in_it_byte_for_byte(sample: SampleRun) -> None:
    data = sample.composed.read_bytes()
    for path in (sample.raw, sample.harness):
        assert path.read_bytes() in data
        assert path.stat().st_size > 15_000_000


@pytest.fixture
def registry(sample: SampleRun, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A registry with what the sample published, and its folder, free to be tampered with."""
    folder = tmp_path / "registry"
    shutil.copytree(sample.folder / "registry", folder)
    with running_shim(folder) as address:
        yield f"{address}/demo/wasm-pay/usd-validator", folder


def test_composing_and_publishing_again_gives_the_same_digests(sample: SampleRun, tmp_path: Path) -> None:
    """From the built files on, on an empty registry, for another user, in another folder."""
    work = tmp_path / "work"
    for name in ("messaging-harness", "usd-validator"):
        shutil.copytree(sample.folder / name, work / name)
    for name in ("platform", "bank"):
        shutil.copy(sample.folder / f"{name}.key", work)
    (work / "usd-validator" / "wpkg.lock").unlink()
    (work / "usd-validator" / "build" / "usd_validator.composed.wasm").unlink()
    for name in ("messaging-harness", "usd-validator"):
        shutil.rmtree(work / name / "build" / ".wpkg")
    with running_shim(tmp_path / "registry") as address:
        for name in ("messaging-harness", "usd-validator"):
            file = work / name / "wasmcloud.toml"
            file.write_text(file.read_text().replace(sample.digests["registry"], address))
        assert wpkg(work, tmp_path, "push", "-C", "messaging-harness", "--key", "../platform.key").code == 0
        built = wpkg(work, tmp_path, "build", "-C", "usd-validator", "--compose", "--no-build")
        assert built.code == 0, built.err
        pushed = wpkg(work, tmp_path, "push", "-C", "usd-validator", "--key", "../bank.key", "--json")
    assert pushed.code == 0, pushed.err
    found = {artifact["kind"]: artifact["manifest"] for artifact in pushed.document["artifacts"]}
    assert found == {kind: sample.digests[kind] for kind in ("raw", "composed")}


def test_wash_gets_it_back_byte_for_byte(sample: SampleRun, registry: tuple[str, Path], tmp_path: Path) -> None:
    repository, _ = registry
    wash = [python_program("wash"), "--non-interactive", "oci", "pull", "--insecure"]
    for reference, path in (
        (f"{repository}@{sample.digests['composed']}", sample.composed),
        (f"{repository}:0.1.0_raw", sample.raw),
    ):
        done = execute(tmp_path, *wash, reference, "pulled.wasm")
        assert done.code == 0, done.out
        assert (tmp_path / "pulled.wasm").read_bytes() == path.read_bytes()


def flip(path: Path, at: int) -> None:
    """Change one bit of a stored file, hard links or not."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.unlink()
    path.write_bytes(data)


def blob(folder: Path, digest: str) -> Path:
    """Where registry-shim keeps a blob of the validator."""
    algorithm, _, encoded = digest.partition(":")
    return folder / "demo" / "wasm-pay" / "usd-validator" / "blobs" / algorithm / encoded


def test_one_changed_byte_of_a_stored_component_is_refused(
    sample: SampleRun, registry: tuple[str, Path], tmp_path: Path
) -> None:
    repository, folder = registry
    key = ["--key", str(sample.folder / "bank.pub")]
    reference = f"{repository}@{sample.digests['composed']}"
    verified = wpkg(tmp_path, tmp_path, "verify", reference, *key, "--json")
    component = verified.document["component"]
    flip(blob(folder, component), 20_000_000)
    for arguments in (["pull", reference, *key, "-o", "x.wasm"], ["verify", reference, *key]):
        answer = wpkg(tmp_path, tmp_path / "home", *arguments)
        assert answer.code == 6, answer
        assert f"blob {component} of {repository} does not match its digest" in answer.err
    assert not (tmp_path / "x.wasm").exists()


def test_one_changed_byte_of_a_signature_is_refused(
    sample: SampleRun, registry: tuple[str, Path], tmp_path: Path
) -> None:
    repository, folder = registry
    key = ["--key", str(sample.folder / "bank.pub")]
    reference = f"{repository}@{sample.digests['composed']}"
    heads = {
        path: path.read_bytes()[:400] for path in (folder / "demo/wasm-pay/usd-validator/blobs/sha256").iterdir()
    }
    bundles = [path for path, head in heads.items() if b"dsseEnvelope" in head]
    payloads = [path for path, head in heads.items() if head.startswith(b'{"critical"')]
    assert len(bundles) >= 3  # two signatures and at least one provenance
    assert len(payloads) == 2  # the same two signatures under .sig tags
    for path in (*bundles, *payloads):
        flip(path, 200)
    for arguments in (["pull", reference, *key, "-o", "x.wasm"], ["verify", reference, *key]):
        answer = wpkg(tmp_path, tmp_path / "home", *arguments)
        assert answer.code == 5, answer
        assert f"{reference} is not trusted" in answer.err
        assert "does not match its digest" in answer.err
    assert not (tmp_path / "x.wasm").exists()


@pytest.mark.parametrize(
    ("before", "after", "code", "said"),
    [
        ('manifest = "sha256:', 'manifest = "sha256:X', 2, "is not a sha256"),
        (
            'version = "0.1.0"',
            'version = "0.1.1"',
            7,
            "wpkg.lock says that wasm-pay:messaging-harness 0.1.1 has tag 0.1.0",
        ),
        ('kind = "component"', 'kind = "composed"', 7, "has kind composed, but its manifest"),
        ("# Written", "# written", 2, "wpkg.lock is not as wpkg wrote it"),
        (
            "/demo/",
            "/dem0/",
            7,
            "wpkg.lock is out of date: it has wasm-pay:messaging-harness from",
        ),
    ],
)
def test_a_changed_lock_stops_the_build(
    sample: SampleRun, tmp_path: Path, before: str, after: str, code: int, said: str
) -> None:
    project = tmp_path / "usd-validator"
    shutil.copytree(sample.folder / "usd-validator", project)
    shutil.copytree(sample.folder / "author-cache", tmp_path / ".cache" / "wpkg")
    build = ["build", "--compose", "--no-build", "--offline", "--locked"]
    assert wpkg(project, tmp_path, *build).code == 0
    lock = project / "wpkg.lock"
    lock.write_text(lock.read_text().replace(before, after, 1))
    answer = wpkg(project, tmp_path, *build)
    assert answer.code == code, answer
    assert said in answer.err


def test_a_build_where_nothing_changed_does_nothing(sample: SampleRun, tmp_path: Path) -> None:
    project = tmp_path / "usd-validator"
    shutil.copytree(sample.folder / "usd-validator", project)
    shutil.copytree(sample.folder / "author-cache", tmp_path / ".cache" / "wpkg")
    answer = wpkg(project, tmp_path, "build", "--compose", "--no-build", "--offline", "--json")
    assert (answer.document["raw"]["changed"], answer.document["composed"]["changed"]) == (False, False)


def test_the_composition_as_a_document_is_the_same_bytes(sample: SampleRun, tmp_path: Path) -> None:
    project = tmp_path / "usd-validator"
    shutil.copytree(sample.folder / "usd-validator", project)
    shutil.copytree(sample.folder / "author-cache", tmp_path / ".cache" / "wpkg")
    answer = wpkg(project, tmp_path, "graph", "--offline", "--locked", "-o", "app.wac")
    assert answer.code == 0, answer.err
    answer = wpkg(project, tmp_path, "compose", "app.wac", "--offline", "--locked", "-o", "again.wasm")
    assert answer.code == 0, answer.err
    assert (project / "again.wasm").read_bytes() == sample.composed.read_bytes()
    file = project / "wasmcloud.toml"
    file.write_text(file.read_text() + '\n[composition]\ndocument = "app.wac"\n')
    (project / "build" / "usd_validator.composed.wasm").unlink()
    answer = wpkg(project, tmp_path, "build", "--compose", "--no-build", "--offline", "--locked")
    assert answer.code == 0, answer.err
    assert (project / "build" / "usd_validator.composed.wasm").read_bytes() == sample.composed.read_bytes()


def test_the_pictures_in_the_documentation_are_of_this_composition(sample: SampleRun, tmp_path: Path) -> None:
    project = tmp_path / "usd-validator"
    shutil.copytree(sample.folder / "usd-validator", project)
    shutil.copytree(sample.folder / "author-cache", tmp_path / ".cache" / "wpkg")
    draw = ["graph", "--offline", "--locked", "--no-digests"]  # with '-o ../../docs/images/wasm-pay.svg' it is new
    answer = wpkg(project, tmp_path, *draw, "-o", "made.svg")
    assert answer.code == 0, answer.err
    docs = REPOSITORY / "docs"
    assert (docs / "images" / "wasm-pay.svg").read_text() == (project / "made.svg").read_text()
    mermaid = wpkg(project, tmp_path, *draw, "--format", "mermaid").out
    assert f"```mermaid\n{mermaid}```\n" in (docs / "graph.md").read_text()
