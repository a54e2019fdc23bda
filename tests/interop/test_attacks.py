"""Attacks on a real registry without the referrers API, whose index of referrers anybody with access may rewrite."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.interop.conftest import Publication, publish
from tests.interop.test_cosign_questions import attach, bundle_of, raw_release
from wpkg.errors import WpkgError
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.manifest import IMAGE_INDEX, IMAGE_MANIFEST, Index, read_manifest
from wpkg.oci.reference import Reference
from wpkg.oci.referrers import MAX_REFERRERS, referrers_tag
from wpkg.registry.client import RegistryClient
from wpkg.trust.bundle import sign_statement
from wpkg.trust.statement import SLSA_PROVENANCE, Statement
from wpkg.workflow.attach import published_as
from wpkg.workflow.release import Release, fetch_release
from wpkg.workflow.sign import sign
from wpkg.workflow.verify import verify

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytestmark = pytest.mark.interop


@pytest.fixture
def published(tmp_path: Path, docker_registry: str) -> Publication:
    return publish(tmp_path, docker_registry, unsigned=True)


def index_of(release: Release) -> Index:
    repository = release.reference.repository
    fetched = RegistryClient().fetch_manifest(repository.at(tag=referrers_tag(release.manifest.digest)))
    index = read_manifest(fetched.data)
    assert isinstance(index, Index)
    return index


def rewrite_index(release: Release, entries: Sequence[Descriptor]) -> None:
    tag = referrers_tag(release.manifest.digest)
    data = Index(tuple(entries)).encode()
    RegistryClient().push_manifest(release.reference.repository, data, IMAGE_INDEX, tag)


def refused(published: Publication, release: Release, reason: str, code: int = 5, key: str = "bank.pub") -> None:
    world, folder = published.company.world("c"), published.folder
    with pytest.raises(WpkgError, match=reason) as caught:
        verify(world, folder, str(release.reference), [folder / key])
    assert caught.value.exit_code == code


def accepted(published: Publication, release: Release) -> None:
    world, folder = published.company.world("c"), published.folder
    found = verify(world, folder, str(release.reference), [folder / "bank.pub"])
    assert found.verification.state == "verified"


def test_signed_by_a_stranger_only(published: Publication) -> None:
    release = raw_release(published)
    sign(published.company.world(), published.folder, str(release.reference), published.company.stranger_key)
    refused(published, release, "it is signed by a key that the rule does not name")


def test_only_provenance_by_the_right_key(published: Publication) -> None:
    release = raw_release(published)
    statement = Statement(published_as(release).subjects, SLSA_PROVENANCE)
    attach(release, json.loads(sign_statement(published.key, statement)))
    refused(published, release, "an attestation by 'bank.pub', which is not a signature")


def test_an_entry_with_the_wrong_artifact_type_does_not_hide_a_signature(published: Publication) -> None:
    release = raw_release(published)
    attach(release, bundle_of(published, release))
    (entry,) = index_of(release).manifests
    wrong = Descriptor(
        entry.media_type, entry.digest, entry.size, artifact_type="application/vnd.oci.empty.v1+json"
    )
    rewrite_index(release, [wrong])
    accepted(published, release)


def test_a_signature_is_replayed_by_the_index_of_another_artifact(published: Publication) -> None:
    release = raw_release(published)
    composed = fetch_release(published.company.world("r"), Reference.parse(published.reference))
    attach(composed, bundle_of(published, composed))
    rewrite_index(release, index_of(composed).manifests)
    refused(published, release, "its manifest refers to another artifact")


def test_the_index_is_an_image_manifest(published: Publication) -> None:
    release = raw_release(published)
    attach(release, bundle_of(published, release))
    accepted(published, release)
    client, repository = RegistryClient(), release.reference.repository
    data = client.fetch_manifest(release.reference).data
    client.push_manifest(repository, data, IMAGE_MANIFEST, referrers_tag(release.manifest.digest))
    refused(published, release, "is not signed")


def test_the_index_is_deleted(published: Publication) -> None:
    release = raw_release(published)
    attach(release, bundle_of(published, release))
    rewrite_index(release, [])
    refused(published, release, "is not signed")


def test_the_index_has_more_entries_than_are_looked_at(published: Publication) -> None:
    """The good signature is among them; cutting the list off would let an attacker choose what is seen."""
    release = raw_release(published)
    attach(release, bundle_of(published, release))
    for number in range(MAX_REFERRERS):
        changed: dict[str, Any] = bundle_of(published, release)
        changed["verificationMaterial"]["publicKey"]["hint"] = str(number)
        attach(release, changed)
    assert len(index_of(release).manifests) == MAX_REFERRERS + 1
    refused(published, release, f"there are more than {MAX_REFERRERS}", code=6)


def test_a_member_of_the_bundle_occurs_twice(published: Publication) -> None:
    release = raw_release(published)
    text = json.dumps(bundle_of(published, release))
    twice = text.replace('{"mediaType"', '{"mediaType": "application/json", "mediaType"', 1)
    assert twice != text
    attach(release, twice.encode())
    refused(published, release, "the member 'mediaType' occurs twice")
