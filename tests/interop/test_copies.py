"""Artifacts with their signatures go between our tools and others', over registries and folders, unchanged."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from tests.fakes.world import fake_world
from tests.interop.conftest import Publication, execute, peer, publish, running_docker_registry
from tests.interop.token_server import token_server
from wpkg.oci.reference import Reference, Repository
from wpkg.registry.client import RegistryClient, check_login
from wpkg.registry.credentials import Credential, Credentials
from wpkg.registry.errors import Unauthorized
from wpkg.registry.layout import LayoutRegistry
from wpkg.registry.router import Router
from wpkg.registry.transport import Transport
from wpkg.workflow.copy import copy
from wpkg.workflow.verify import verify

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wpkg.workflow.verify_inputs import ComposedInput
    from wpkg.workflow.world import World

pytestmark = pytest.mark.interop

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
# bcrypt of 'pass word', as htpasswd -B makes it
HTPASSWD = "user:$2b$04$UWnS3VYItYYJn9IS/cNYSuorqyAkAGwj5vE5.jnDDHHNXZEkAHcYy\n"


@pytest.fixture
def published(tmp_path: Path, address: str) -> Publication:
    """On a registry with the referrers API, and on one without."""
    return publish(tmp_path, address)


def world(folder: Path, client: RegistryClient | None = None) -> World:
    return fake_world(folder / "user", Router(client or RegistryClient(), LayoutRegistry(folder)))


def tagged(published: Publication) -> Reference:
    return published.pushed.repository.at(tag="0.1.0")


def attached(published: Publication) -> int:
    """How many bundles push has attached to what runs."""
    subject = published.pushed.artifacts[-1].publication.artifact.manifest.digest
    return len(RegistryClient().list_referrers(published.pushed.repository, subject))


def verified_inputs(published: Publication, reference: str) -> tuple[ComposedInput, ...]:
    """What was composed, by the provenance of a copy whose signature holds."""
    found = verify(world(published.folder), published.folder, reference, [published.folder / "bank.pub"])
    assert found.verification.state == "verified"
    return found.inputs


def test_a_folder_we_wrote_is_read_by_oras(published: Publication) -> None:
    copy(world(published.folder), tagged(published), Reference.parse("dir:./layout"))
    oras = peer("oras")
    fetched = execute(published.folder, oras, "manifest", "fetch", "--oci-layout", "layout:0.1.0")
    assert fetched.out.encode() == published.pushed.artifacts[-1].publication.artifact.manifest_bytes
    found = execute(published.folder, oras, "discover", "--oci-layout", "--format", "json", "layout:0.1.0")
    document = json.loads(found.out)
    listed = document.get("referrers", document.get("manifests"))
    assert [item["artifactType"] for item in listed].count(BUNDLE) == attached(published)
    assert execute(published.folder, oras, "pull", "--oci-layout", "-o", "out", "layout:0.1.0").code == 0


def test_a_folder_that_oras_wrote_is_read_by_us(published: Publication, address: str) -> None:
    done = execute(
        published.folder, peer("oras"), "cp", "-r", "--from-plain-http", "--to-oci-layout",
        str(tagged(published)), "layout:0.1.0",
    )  # fmt: skip
    assert done.code == 0, done.out
    assert verified_inputs(published, "dir:layout:0.1.0")
    back = Repository.parse(f"{address}/back/by-oras")
    (copied,) = copy(world(published.folder), Reference.parse("dir:layout:0.1.0"), Reference(back))
    assert f"{published.pushed.repository}@{copied.reference.digest}" == published.reference
    assert verified_inputs(published, f"{back}:0.1.0")


def test_skopeo_reads_and_writes_our_folders(published: Publication) -> None:
    folder, skopeo = published.folder, peer("skopeo")
    copy(world(folder), tagged(published), Reference.parse("dir:./ours"))
    done = execute(folder, skopeo, "--insecure-policy", "copy", "oci:ours:0.1.0", "oci:theirs:0.1.0")
    assert done.code == 0, done.out
    digest = published.reference.partition("@")[2]
    assert str(LayoutRegistry(folder).resolve(Reference.parse("dir:theirs:0.1.0"))) == digest
    copy(world(folder), Reference.parse("dir:theirs:0.1.0"), Reference.parse("dir:again"))
    assert str(LayoutRegistry(folder).resolve(Reference.parse("dir:again:0.1.0"))) == digest


def test_crane_copies_what_we_pushed_and_we_read_it(published: Publication, address: str) -> None:
    target = f"{address}/by-crane/{published.folder.name.replace('_', '-').lower()}:0.1.0"
    done = execute(published.folder, peer("crane"), "copy", "--insecure", str(tagged(published)), target)
    assert done.code == 0, done.out
    digest = RegistryClient().resolve(Reference.parse(target))
    assert str(digest) == published.reference.partition("@")[2]


def test_oras_copies_what_we_copied(published: Publication, address: str) -> None:
    """registry -> (wpkg) -> registry -> (oras) -> registry: signature and provenance hold at the end."""
    name = published.folder.name.replace("_", "-").lower()
    ours, theirs = f"{address}/ours/{name}:0.1.0", f"{address}/theirs/{name}:0.1.0"
    copy(world(published.folder), tagged(published), Reference.parse(ours))
    done = execute(
        published.folder, peer("oras"), "cp", "-r", "--from-plain-http", "--to-plain-http", ours, theirs
    )
    assert done.code == 0, done.out
    assert verified_inputs(published, theirs) == verified_inputs(published, ours)


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[str]:
    """docker-registry with htpasswd."""
    (tmp_path / "htpasswd").write_text(HTPASSWD)
    auth = f"auth: {{htpasswd: {{realm: here, path: {tmp_path}/htpasswd}}}}\n"
    with running_docker_registry(tmp_path, auth) as address:
        yield address


def test_a_registry_with_passwords(tmp_path: Path, shim: str, closed: str) -> None:
    published = publish(tmp_path, shim)
    credential = Credential("user", "pass word")
    check_login(closed, credential, {})
    with pytest.raises(Unauthorized):
        check_login(closed, Credential("user", "wrong"), {})
    target = Reference.parse(f"{closed}/copied/here:0.1.0")
    with pytest.raises(Unauthorized):
        copy(world(tmp_path), tagged(published), target)
    client = RegistryClient(Transport(lambda registry, _path: credential if registry == closed else None))
    (copied,) = copy(world(tmp_path, client), tagged(published), target)
    assert copied.manifests > attached(published) >= 2
    again = Reference.parse(f"{closed}/copied/there:0.1.0")
    (mounted,) = copy(world(tmp_path, client), target, again)
    assert mounted.blobs_sent == 0
    Credentials({"HOME": str(tmp_path), "DOCKER_CONFIG": str(tmp_path)}, print).store(closed, credential)
    found = execute(tmp_path, peer("oras"), "discover", "--plain-http", "--format", "json", str(again))
    document = json.loads(found.out)
    assert len(document.get("referrers", document.get("manifests"))) == attached(published)


def test_a_registry_with_tokens(tmp_path: Path, shim: str) -> None:
    """Tokens that it verifies itself: per repository, anonymous for what is public, renewed when they end."""
    published = publish(tmp_path, shim)
    credential = Credential("user", "pass word")
    with (
        token_server(tmp_path, "pass word", life=4) as (server, auth),
        running_docker_registry(tmp_path, auth) as address,
    ):
        client = RegistryClient(Transport(lambda registry, _path: credential if registry == address else None))
        check_login(address, credential, {})
        with pytest.raises(Unauthorized):
            check_login(address, Credential("user", "wrong"), {})
        for place in ("public/app", "closed/app"):
            (copied,) = copy(
                world(tmp_path, client), tagged(published), Reference.parse(f"{address}/{place}:0.1.0")
            )
            assert copied.manifests > attached(published) >= 2
        before = len(server.seen)
        time.sleep(4.5)
        (mounted,) = copy(
            world(tmp_path, client),
            Reference.parse(f"{address}/closed/app:0.1.0"),
            Reference.parse(f"{address}/closed/again"),
        )
        assert mounted.blobs_sent == 0
        assert len(server.seen) > before
        anybody = RegistryClient()
        assert anybody.resolve(Reference.parse(f"{address}/public/app:0.1.0")) == copied.reference.digest
        with pytest.raises(Unauthorized) as caught:
            anybody.list_tags(Repository.parse(f"{address}/closed/app"))
        assert caught.value.hint == f"log in with 'wpkg login {address}'"
