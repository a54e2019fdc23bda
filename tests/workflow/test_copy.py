"""Copies: everything that belongs to an artifact, unchanged, the tag last, between all kinds of repositories."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

import pytest

from tests.fakes.registry import MemoryRegistry
from tests.fakes.world import fake_world
from wpkg.errors import InvalidInput, RegistryError
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.manifest import EMPTY_CONFIG, EMPTY_CONFIG_BYTES, IMAGE_INDEX, IMAGE_MANIFEST, Index, Manifest
from wpkg.oci.reference import Reference, Repository
from wpkg.oci.referrers import build_referrer
from wpkg.registry.layout import LayoutRegistry
from wpkg.registry.router import Router
from wpkg.workflow.copy import copy
from wpkg.workflow.pull import pull
from wpkg.workflow.verify import verify

if TYPE_CHECKING:
    from pathlib import Path

    from tests.workflow.conftest import Company
    from wpkg.workflow.world import World

CONFIG = Descriptor.of(EMPTY_CONFIG, EMPTY_CONFIG_BYTES)
SOURCE = Repository.parse("127.0.0.1:5000/demo/tree")
PLACES = ["127.0.0.1:5000/demo/other", "127.0.0.1:5001/demo/tree", "dir:./vendor/tree"]


@pytest.fixture
def network() -> MemoryRegistry:
    return MemoryRegistry()


@pytest.fixture
def world(tmp_path: Path, network: MemoryRegistry) -> World:
    return fake_world(tmp_path, Router(network, LayoutRegistry(tmp_path)))


def put(world: World, repository: Repository, data: bytes) -> Descriptor:
    blob = Descriptor.of("application/wasm", data)
    world.registry.push_blob(repository, blob, lambda: io.BytesIO(data))
    return blob


def tree(world: World, repository: Repository) -> tuple[Descriptor, list[Descriptor]]:
    """An index of two manifests; one has a signature, which has a countersignature. And all that is in it."""
    world.registry.push_blob(repository, CONFIG, lambda: io.BytesIO(EMPTY_CONFIG_BYTES))
    everything: list[Descriptor] = []

    def manifest(data: bytes) -> Descriptor:
        descriptor = Descriptor.of(IMAGE_MANIFEST, data)
        world.registry.push_manifest(repository, data, IMAGE_MANIFEST)
        everything.append(descriptor)
        return descriptor

    children = [manifest(Manifest(CONFIG, (put(world, repository, name),)).encode()) for name in (b"one", b"two")]
    signature = manifest(build_referrer(children[0], "a/b", put(world, repository, b"signature"), {}).encode())
    manifest(build_referrer(signature, "a/c", put(world, repository, b"countersignature"), {"k": "v"}).encode())
    index = Index(tuple(children)).encode()
    world.registry.push_manifest(repository, index, IMAGE_INDEX, "1.0.0")
    everything.append(Descriptor.of(IMAGE_INDEX, index))
    return everything[-1], everything


@pytest.mark.parametrize("place", PLACES)
def test_an_index_with_all_that_refers_to_it(world: World, place: str) -> None:
    top, everything = tree(world, SOURCE)
    target = Repository.parse(place)
    (copied,) = copy(world, SOURCE.at(tag="1.0.0"), Reference(target))
    assert copied.reference == target.at(tag="1.0.0", digest=top.digest)
    assert (copied.manifests, copied.blobs) == (5, 5)
    assert world.registry.resolve(target.at(tag="1.0.0")) == top.digest
    for descriptor in everything:
        there = world.registry.fetch_manifest(target.at(digest=descriptor.digest))
        assert there == world.registry.fetch_manifest(SOURCE.at(digest=descriptor.digest))
    (signature,) = world.registry.list_referrers(target, everything[0].digest)
    assert signature.artifact_type == "a/b"
    (counter,) = world.registry.list_referrers(target, signature.digest)
    assert (counter.artifact_type, counter.annotations) == ("a/c", {"k": "v"})


@pytest.mark.parametrize("place", PLACES)
def test_without_referrers(world: World, place: str) -> None:
    _, everything = tree(world, SOURCE)
    target = Repository.parse(place)
    (copied,) = copy(world, SOURCE.at(tag="1.0.0"), Reference(target, "new"), referrers=False)
    assert copied.manifests == 3
    assert list(world.registry.list_tags(target)) == ["new"]
    assert list(world.registry.list_referrers(target, everything[0].digest)) == []


def test_back_from_a_folder_the_same_bytes(world: World, network: MemoryRegistry) -> None:
    tree(world, SOURCE)
    folder, back = Repository.parse("dir:a/b"), Repository.parse("127.0.0.1:5002/back")
    copy(world, SOURCE.at(tag="1.0.0"), Reference(folder))
    copy(world, folder.at(tag="1.0.0"), Reference(back))
    for kind in (network.blobs, network.manifests):
        assert {k[1]: v for k, v in kind.items() if k[0] == SOURCE} == {
            k[1]: v for k, v in kind.items() if k[0] == back
        }


def test_a_second_copy_sends_nothing(world: World) -> None:
    tree(world, SOURCE)
    target = Reference.parse("dir:./vendor")
    assert copy(world, SOURCE.at(tag="1.0.0"), target)[0].blobs_sent == 5
    assert copy(world, SOURCE.at(tag="1.0.0"), target)[0].blobs_sent == 0


def test_all_tags_but_those_that_list_referrers(world: World) -> None:
    top, _ = tree(world, SOURCE)
    index = world.registry.fetch_manifest(SOURCE.at(tag="1.0.0")).data
    for tag in ("2.0.0", "sha256-" + "0" * 64, "sha256-" + "0" * 64 + ".sig"):
        world.registry.push_manifest(SOURCE, index, IMAGE_INDEX, tag)
    copied = copy(world, Reference(SOURCE), Reference.parse("dir:./vendor"), all_tags=True)
    assert [item.reference.tag for item in copied] == ["1.0.0", "2.0.0", "sha256-" + "0" * 64 + ".sig"]
    assert {item.reference.digest for item in copied} == {top.digest}


def test_what_cosign_2_attached_goes_along(world: World) -> None:
    _, everything = tree(world, SOURCE)
    child = everything[0].digest
    signature = Manifest(CONFIG, (put(world, SOURCE, b"simple signing"),)).encode()
    tag = f"{child.algorithm}-{child.encoded}.sig"
    digest = world.registry.push_manifest(SOURCE, signature, IMAGE_MANIFEST, tag)
    target = Repository.parse("dir:./vendor")
    copy(world, SOURCE.at(tag="1.0.0"), Reference(target))
    assert world.registry.resolve(target.at(tag=tag)) == digest
    assert list(world.registry.list_tags(target)) == ["1.0.0", tag]
    copy(world, SOURCE.at(tag="1.0.0"), Reference.parse("dir:./without"), referrers=False)
    assert list(world.registry.list_tags(Repository.parse("dir:./without"))) == ["1.0.0"]


def test_what_is_damaged_is_not_tagged(world: World, network: MemoryRegistry) -> None:
    tree(world, SOURCE)
    network.blobs[SOURCE, Descriptor.of("x/y", b"two").digest] = b"tow"
    with pytest.raises(RegistryError, match="does not match its digest"):
        copy(world, SOURCE.at(tag="1.0.0"), Reference.parse("dir:./vendor"))
    assert world.registry.resolve(Reference.parse("dir:./vendor:1.0.0")) is None


@pytest.mark.parametrize(
    ("source", "target", "all_tags", "said"),
    [
        ("a.b/c", "a.b/d", False, "names no tag"),
        ("a.b/c:1", "a.b/d@sha256:" + "0" * 64, False, "which a copy cannot choose"),
        ("a.b/c:1", "a.b/d", True, "without tag or digest"),
        ("a.b/c", "a.b/d:1", True, "without tag or digest"),
    ],
)
def test_what_cannot_be_meant(world: World, source: str, target: str, all_tags: bool, said: str) -> None:  # noqa: FBT001
    with pytest.raises(InvalidInput, match=said):
        copy(world, Reference.parse(source), Reference.parse(target), all_tags=all_tags)


def test_an_air_gapped_site_verifies_and_pulls_from_its_folder(company: Company, tmp_path: Path) -> None:
    company.publish("harness")
    registry = Router(company.registry, LayoutRegistry(tmp_path))
    company.registry = registry  # type: ignore[assignment]
    key = company.key_file(company.platform_key, "platform.pub")
    copy(company.world(), company.repository("harness").at(tag="0.1.0"), Reference.parse("dir:./site/pay/harness"))
    verified = verify(company.world("site"), tmp_path, "dir:site/pay/harness:0.1.0", [key])
    assert verified.verification.state == "verified"
    pulled = pull(company.world("site"), tmp_path, "dir:site/pay/harness:0.1.0", tmp_path / "out.wasm", [key])
    assert hashlib.sha256(pulled.path.read_bytes()).digest() == hashlib.sha256(company.sources["harness"]).digest()
