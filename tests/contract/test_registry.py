"""What every `Registry` does: the client over HTTP against registry-shim, and the fake that other tests use."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from tests.fakes.registry import MemoryRegistry
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import ContentMismatch, Digest
from wpkg.oci.manifest import EMPTY_CONFIG, EMPTY_CONFIG_BYTES, IMAGE_MANIFEST, Manifest
from wpkg.oci.reference import Repository
from wpkg.oci.referrers import build_referrer, is_referrers_tag
from wpkg.registry.client import RegistryClient
from wpkg.registry.errors import NotFound
from wpkg.registry.layout import LayoutRegistry
from wpkg.registry.router import Router

if TYPE_CHECKING:
    from pathlib import Path

    from registry_shim.pytest_plugin import StartRegistry
    from wpkg.registry.interface import Registry

BLOB = b"component bytes" * 1000
LAYER = Descriptor.of("application/wasm", BLOB)
CONFIG = Descriptor.of(EMPTY_CONFIG, EMPTY_CONFIG_BYTES)
MANIFEST = Manifest(CONFIG, (LAYER,), annotations={"k": "v"}).encode()
SUBJECT = Descriptor.of(IMAGE_MANIFEST, MANIFEST)


@pytest.fixture(scope="module")
def shim_address(registry_shim_factory: StartRegistry) -> str:
    return registry_shim_factory().host


@pytest.fixture(params=["memory", "http", "folder"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def registry(kind: str, tmp_path: Path) -> Registry:
    if kind == "memory":
        return MemoryRegistry()
    return Router(RegistryClient(), LayoutRegistry(tmp_path))


@pytest.fixture
def repository(shim_address: str, kind: str, request: pytest.FixtureRequest) -> Repository:
    if kind == "folder":
        return Repository.parse("dir:./vendor/t/x")
    name = "".join(c if c.isalnum() else "-" for c in request.node.name.lower()).strip("-")
    return Repository.parse(f"{shim_address}/t/{name.replace('--', '-')}")


def push(registry: Registry, repository: Repository, tag: str | None = "1.0.0") -> None:
    registry.push_blob(repository, LAYER, lambda: io.BytesIO(BLOB))
    registry.push_blob(repository, CONFIG, lambda: io.BytesIO(EMPTY_CONFIG_BYTES))
    assert registry.push_manifest(repository, MANIFEST, IMAGE_MANIFEST, tag) == SUBJECT.digest


def test_what_was_pushed_comes_back_byte_for_byte(registry: Registry, repository: Repository) -> None:
    push(registry, repository)
    for reference in (repository.at(tag="1.0.0"), repository.at(digest=SUBJECT.digest)):
        fetched = registry.fetch_manifest(reference)
        assert fetched.data == MANIFEST
        assert fetched.descriptor == Descriptor(IMAGE_MANIFEST, SUBJECT.digest, len(MANIFEST))
    chunks: list[bytes] = []
    registry.download_blob(repository, LAYER, lambda chunk: chunks.append(bytes(chunk)))
    assert b"".join(chunks) == BLOB
    assert registry.fetch_blob(repository, CONFIG) == EMPTY_CONFIG_BYTES


def test_a_blob_is_sent_once(registry: Registry, repository: Repository) -> None:
    once = b"bytes of this test alone: zot has a blob in every repository once it is in one"
    layer = Descriptor.of("application/wasm", once)
    assert registry.push_blob(repository, layer, lambda: io.BytesIO(once)) is True
    assert registry.push_blob(repository, layer, lambda: io.BytesIO(once)) is False


def test_an_empty_blob_can_be_pushed(registry: Registry, repository: Repository) -> None:
    empty = Descriptor.of("x/y", b"")
    registry.push_blob(repository, empty, lambda: io.BytesIO(b""))
    assert registry.fetch_blob(repository, empty) == b""


def test_tags_are_listed_and_resolved(registry: Registry, repository: Repository) -> None:
    push(registry, repository)
    registry.push_manifest(repository, MANIFEST, IMAGE_MANIFEST, "1.0.1")
    assert list(registry.list_tags(repository)) == ["1.0.0", "1.0.1"]
    assert registry.resolve(repository.at(tag="1.0.1")) == SUBJECT.digest
    assert registry.resolve(repository.at(digest=SUBJECT.digest)) == SUBJECT.digest


def test_what_is_not_there_is_not_found(registry: Registry, repository: Repository) -> None:
    nobody = Repository(repository.registry, "./t/nobody" if repository.is_folder else "t/nobody")
    assert registry.resolve(nobody.at(tag="1.0.0")) is None
    with pytest.raises(NotFound):
        registry.fetch_manifest(nobody.at(tag="1.0.0"))
    push(registry, repository)
    assert registry.resolve(repository.at(tag="9.9.9")) is None
    with pytest.raises(NotFound):
        registry.fetch_manifest(repository.at(digest=Digest.of(b"other")))
    with pytest.raises(NotFound):
        registry.fetch_blob(repository, Descriptor.of("x/y", b"other"))


def test_a_repository_that_is_not_there_has_no_tags(registry: Registry, repository: Repository) -> None:
    with pytest.raises(NotFound):
        registry.list_tags(Repository(repository.registry, "./t/nobody" if repository.is_folder else "t/nobody"))


def test_a_blob_of_another_size_than_was_said_is_refused(registry: Registry, repository: Repository) -> None:
    push(registry, repository)
    for size in (LAYER.size - 1, LAYER.size + 1):
        with pytest.raises(ContentMismatch):
            registry.download_blob(repository, Descriptor(LAYER.media_type, LAYER.digest, size), lambda _: None)


def test_referrers_are_listed_with_their_subject_only(registry: Registry, repository: Repository) -> None:
    push(registry, repository)
    assert list(registry.list_referrers(repository, SUBJECT.digest)) == []
    signature = Descriptor.of("application/x.bundle", b"signature")
    registry.push_blob(repository, signature, lambda: io.BytesIO(b"signature"))
    referrer = build_referrer(SUBJECT, "application/x.bundle", signature, {"a": "b"}).encode()
    digest = registry.push_manifest(repository, referrer, IMAGE_MANIFEST)
    registry.push_manifest(repository, referrer, IMAGE_MANIFEST)
    found = registry.list_referrers(repository, SUBJECT.digest)
    assert [(item.digest, item.size) for item in found] == [(digest, len(referrer))]
    assert found[0].artifact_type == "application/x.bundle"
    assert found[0].annotations == {"a": "b"}
    assert list(registry.list_referrers(repository, digest)) == []
    assert [tag for tag in registry.list_tags(repository) if not is_referrers_tag(tag)] == ["1.0.0"]


def test_a_tag_moves_and_what_it_named_stays(registry: Registry, repository: Repository) -> None:
    push(registry, repository)
    other = Manifest(CONFIG, (LAYER,), annotations={"k": "w"}).encode()
    moved = registry.push_manifest(repository, other, IMAGE_MANIFEST, "1.0.0")
    assert registry.resolve(repository.at(tag="1.0.0")) == moved
    assert registry.fetch_manifest(repository.at(digest=SUBJECT.digest)).data == MANIFEST
    assert list(registry.list_tags(repository)) == ["1.0.0"]


def test_a_blob_of_another_repository_is_not_sent_again(registry: Registry, repository: Repository) -> None:
    push(registry, repository)
    other = Repository(repository.registry, repository.path + "-copy")

    def unwanted() -> io.BytesIO:
        raise AssertionError

    assert registry.push_blob(other, LAYER, unwanted, repository) is False
    assert registry.fetch_blob(other, LAYER) == BLOB
