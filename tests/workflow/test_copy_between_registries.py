"""Copies over HTTP and by folder: to a site without a network and back, broken off and done again."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from registry_shim import serving
from tests.fakes import fault_proxy as faults
from tests.fakes.fault_proxy import FaultProxy, fault_proxy
from tests.fakes.world import fake_world
from tests.interop.conftest import publish
from tests.workflow.test_copy import tree
from wpkg.errors import RegistryError
from wpkg.oci.artifact import wasm_layer
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import Digest
from wpkg.oci.manifest import read_manifest
from wpkg.oci.reference import Reference, Repository
from wpkg.registry.client import RegistryClient
from wpkg.registry.layout import LayoutRegistry
from wpkg.registry.patience import Patience
from wpkg.registry.router import Router
from wpkg.registry.transport import Transport
from wpkg.workflow.copy import copy
from wpkg.workflow.pull import pull
from wpkg.workflow.verify import verify

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from registry_shim.inprocess import ServedRegistry
    from wpkg.workflow.world import World


def world(folder: Path) -> World:
    client = RegistryClient(Transport(patience=Patience(retries=1, sleep=lambda _: None)))
    return fake_world(folder / "user", Router(client, LayoutRegistry(folder)))


def test_through_the_air_gap(tmp_path: Path) -> None:
    """Copied to a folder, packed, carried, unpacked, copied to the registry there; where it came from is gone."""
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    with serving() as registry:
        published = publish(outside, registry.host)
        source = published.pushed.repository.at(tag="0.1.0")
        (carried,) = copy(world(outside), source, Reference.parse("dir:carry"))
    with tarfile.open(tmp_path / "carry.tar", "w") as tar:
        tar.add(outside / "carry", "carry")
    with tarfile.open(tmp_path / "carry.tar") as tar:
        tar.extractall(inside, filter="data")
    key = outside / "bank.pub"
    with serving() as registry:
        target = f"{registry.host}/site/validator"
        (copied,) = copy(world(inside), Reference.parse("dir:carry:0.1.0"), Reference.parse(target))
        assert (copied.manifests, copied.blobs, copied.blobs_sent) == (
            carried.manifests,
            carried.blobs,
            carried.blobs,
        )
        (again,) = copy(world(inside), Reference.parse("dir:carry:0.1.0"), Reference.parse(target))
        assert again.blobs_sent == 0
        found = verify(world(inside), inside, f"{target}:0.1.0", [key])
        assert found.verification.state == "verified"
        assert [one.name for one in found.inputs] == ["pay:harness@0.1.0", "pay:validator@0.1.0"]
        pulled = pull(world(inside), inside, f"{target}:0.1.0", inside / "out.wasm", [key])
        manifest = read_manifest(published.pushed.artifacts[-1].publication.artifact.manifest_bytes)
        assert Digest.of(pulled.path.read_bytes()) == wasm_layer(manifest).digest


@pytest.fixture
def proxy(registry_shim: ServedRegistry) -> Iterator[FaultProxy]:
    with fault_proxy(registry_shim.host) as proxy:
        yield proxy


def sent(proxy: FaultProxy) -> list[bytes]:
    """The blobs that were sent, sorted."""
    return sorted(request.body for request in proxy.asked("PUT", "/blobs/"))


def test_a_copy_that_broke_off_goes_on(proxy: FaultProxy, tmp_path: Path) -> None:
    source = Repository.parse("dir:source")
    tree(world(tmp_path), source)
    target = Repository.parse(f"{proxy.address}/a/b")
    proxy.on("PUT", "/blobs/", lambda request, forward: refuse(request) if request.body == b"two" else forward())
    with pytest.raises(RegistryError, match="status 418"):
        copy(world(tmp_path), source.at(tag="1.0.0"), Reference(target))
    assert world(tmp_path).registry.resolve(target.at(tag="1.0.0")) is None
    before = sent(proxy)
    assert b"one" in before
    assert b"signature" in before  # what belongs to the first goes with it
    proxy.forget_rules()
    proxy.seen.clear()
    (copied,) = copy(world(tmp_path), source.at(tag="1.0.0"), Reference(target))
    assert sent(proxy) == [b"two"]
    assert (copied.blobs, copied.blobs_sent) == (5, 1)
    assert world(tmp_path).registry.resolve(target.at(tag="1.0.0")) == copied.reference.digest


def refuse(_request: faults.Request) -> faults.Reply:
    return faults.Reply(418)


@pytest.mark.parametrize("has_api", [True, False])
def test_a_second_copy_sends_no_blobs_and_the_tag_is_last(
    proxy: FaultProxy,
    tmp_path: Path,
    has_api: bool,  # noqa: FBT001
) -> None:
    if not has_api:
        proxy.on(".*", "/v2/", faults.without_referrers)
    source, target = Repository.parse("dir:source"), Repository.parse(f"{proxy.address}/a/b")
    tree(world(tmp_path), source)
    copy(world(tmp_path), source.at(tag="1.0.0"), Reference(target))
    writes = [request for request in proxy.seen if request.method not in ("GET", "HEAD")]
    assert writes[-1].path == "/v2/a/b/manifests/1.0.0"
    assert [request.path for request in writes].count("/v2/a/b/manifests/1.0.0") == 1
    proxy.seen.clear()
    (again,) = copy(world(tmp_path), source.at(tag="1.0.0"), Reference(target))
    assert again.blobs_sent == 0
    assert [r.path for r in proxy.seen if "/blobs/" in r.path and r.method not in ("GET", "HEAD")] == []


def test_between_two_registries_a_blob_is_read_only_where_it_is_missing(
    proxy: FaultProxy, registry_shim: ServedRegistry, tmp_path: Path
) -> None:
    source, target = Repository.parse(f"{proxy.address}/a/b"), Repository.parse("dir:target")
    there = Repository.parse(f"{registry_shim.host}/a/b")
    tree(world(tmp_path), there)
    blob = Descriptor.of("application/wasm", b"one")
    world(tmp_path).registry.push_blob(target, blob, lambda: io.BytesIO(b"one"))
    copy(world(tmp_path), source.at(tag="1.0.0"), Reference(target))
    fetched = [request.path.rpartition("/")[2] for request in proxy.asked("GET", "/blobs/")]
    assert len(fetched) == len(set(fetched)) == 4
    assert str(blob.digest) not in fetched
