"""Signatures and attestations written beside an artifact: as referrers, and under cosign's `.sig` tag.

Signing is deterministic, so that signing the same again changes nothing. What was written is read back and
verified as anybody else would, before the caller goes on.
"""

from __future__ import annotations

import io
import time
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from wpkg.errors import RegistryError
from wpkg.names.pin import Pin
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.manifest import EMPTY_CONFIG, EMPTY_CONFIG_BYTES, IMAGE_MANIFEST
from wpkg.registry.errors import NotFound
from wpkg.workflow.ahead import Ahead
from wpkg.workflow.evidence import fetch_evidence
from wpkg.workflow.trusting import expect, verify_evidence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wpkg.oci.manifest import Manifest
    from wpkg.oci.reference import Reference, Repository
    from wpkg.trust.keys import PrivateKey
    from wpkg.trust.policy import Format
    from wpkg.trust.statement import Published, Statement
    from wpkg.trust.verification import Verification
    from wpkg.workflow.evidence import Evidence
    from wpkg.workflow.release import Release
    from wpkg.workflow.world import World

ATTEMPTS = 8  # to add a signature to a tag that others write to as well
LONGEST_PAUSE = 0.2  # seconds between two of them
TITLE = "org.opencontainers.image.title"


class NotReadBack(RegistryError):
    """A registry took a signature and does not give it back."""


def published_as(release: Release, named: Pin | None = None) -> Published:
    """What statements about `release` name: what its config says that it is, else what it is `named`."""
    from wpkg.trust.statement import Published

    record = release.config.record
    pin = Pin(record.package, record.version) if record is not None else named
    repository = release.reference.repository
    return Published(
        repository,
        release.manifest.digest,
        release.component.annotations.get(TITLE) or f"{repository.path.rpartition('/')[2]}.wasm",
        release.component.digest,
        pin.name if pin is not None else None,
        pin.version if pin is not None else None,
        release.kind if pin is not None else None,
    )


def sign_release(
    world: World,
    release: Release,
    key: PrivateKey,
    formats: Sequence[Format],
    attestations: Sequence[Statement] = (),
    named: Pin | None = None,
) -> None:
    """Sign `release` in each of the formats, attach the attestations, and see that all of it is there.

    It is signed as what its config says that it is, else as what it is `named`.

    Raises: RegistryError, NotReadBack.
    """
    from wpkg.trust.statement import signature_statement

    published = published_as(release, named)
    signatures = [signature_statement(published)] if "bundle" in formats else []
    attach_statements(world, release, key, [*signatures, *attestations])
    if "legacy" in formats:
        attach_legacy(world, release, key, published)
    evidence = fetch_evidence(world, release, legacy="legacy" in formats)
    for form in formats:
        _check_signed(release, evidence, key, form, published)
    _check_attested(release, evidence, key, attestations)


def attest_release(world: World, release: Release, key: PrivateKey, statement: Statement) -> None:
    """Attach a signed statement to `release`, and see that it is there. Raises: RegistryError, NotReadBack."""
    attach_statements(world, release, key, [statement])
    _check_attested(release, fetch_evidence(world, release), key, [statement])


def attach_statements(world: World, release: Release, key: PrivateKey, statements: Sequence[Statement]) -> None:
    """Sign `statements` and push them as referrers of `release`. Signing the same again changes nothing.

    One manifest after the other: where the registry has no referrers API, they share an index.
    """
    from wpkg.trust.bundle import BUNDLE_V03, build_bundle_referrer, sign_statement

    repository = release.reference.repository
    bundles = [sign_statement(key, statement) for statement in statements]
    blobs = [(BUNDLE_V03, bundle) for bundle in bundles]
    push_small_blobs(world, repository, [(EMPTY_CONFIG, EMPTY_CONFIG_BYTES), *blobs] if blobs else [])
    for statement, bundle in zip(statements, bundles, strict=True):
        referrer = build_bundle_referrer(release.manifest, bundle, statement.predicate_type)
        world.registry.push_manifest(repository, referrer.encode(), referrer.media_type)


def attach_legacy(world: World, release: Release, key: PrivateKey, published: Published) -> None:
    """Sign `release`, as `published`, under its `.sig` tag, after the signatures that are there already.

    Others may write to the tag at the same time and registries have no way to say so: it is read again, after a
    pause that differs between writers, until the signature stays.

    Raises: RegistryError, NotReadBack, InvalidLegacySignature.
    """
    from wpkg.trust.legacy import (
        IMAGE_CONFIG,
        SIMPLE_SIGNING,
        SimpleSigning,
        add_signature,
        legacy_tag,
        sign_payload,
    )

    repository = release.reference.repository
    payload = SimpleSigning(
        _signed_reference(published), str(release.manifest.digest), published.annotations
    ).encode()
    layer = sign_payload(key, payload)
    signatures = repository.at(tag=legacy_tag(release.manifest.digest))
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(LONGEST_PAUSE * world.random_bytes(1)[0] / 255)
        manifest, config = _present_signatures(world, signatures)
        if manifest is not None and layer in manifest.layers:
            return
        document, config = add_signature(layer, manifest, config)
        push_small_blobs(world, repository, [(SIMPLE_SIGNING, payload), (IMAGE_CONFIG, config)])
        world.registry.push_manifest(repository, document, IMAGE_MANIFEST, signatures.tag)
    raise NotReadBack(
        f"a signature was written to {signatures} {ATTEMPTS} times and is not there: others keep overwriting it",
        hint="try again",
    )


def _signed_reference(published: Published) -> str:
    """The repository, with the tag that belongs to the version where that is known."""
    version = published.version
    if version is None:
        return str(published.repository)
    return f"{published.repository}:{version.raw_tag if published.kind == 'raw' else version.tag}"


def _present_signatures(world: World, signatures: Reference) -> tuple[Manifest | None, bytes | None]:
    """The manifest under a `.sig` tag and its config; None where there is no such tag."""
    from wpkg.trust.legacy import MAX_CONFIG_SIZE, InvalidLegacySignature, read_legacy_manifest

    try:
        fetched = world.registry.fetch_manifest(signatures)
    except NotFound:
        return None, None
    manifest = read_legacy_manifest(fetched.data)
    if manifest.config.size > MAX_CONFIG_SIZE:
        raise InvalidLegacySignature(f"the config of {signatures} has {manifest.config.size} bytes")
    return manifest, world.registry.fetch_blob(signatures.repository, manifest.config)


def push_small_blobs(world: World, repository: Repository, blobs: Sequence[tuple[str, bytes]]) -> None:
    """Blobs by media type, in `repository`; several at once. Raises: RegistryError."""
    with Ahead() as ahead:
        tasks = [
            ahead.announce(
                partial(world.registry.push_blob, repository, Descriptor.of(kind, data), partial(io.BytesIO, data))
            )
            for kind, data in blobs
        ]
        for task in tasks:
            task.result()


def _check_signed(
    release: Release, evidence: Evidence, key: PrivateKey, form: Format, published: Published
) -> None:
    """See that a stranger with our public key would be satisfied by a signature in `form`. Raises: NotReadBack."""
    verification = _seen_by_strangers(release, evidence, key, form, published)
    if verification.state != "verified":
        raise _not_read_back(release, str(verification.error_for("the artifact")))


def _check_attested(
    release: Release, evidence: Evidence, key: PrivateKey, attestations: Sequence[Statement]
) -> None:
    """See that a stranger with our public key would find all of `attestations`. Raises: NotReadBack."""
    found = _seen_by_strangers(release, evidence, key, "bundle", published_as(release)).attestations
    for statement in attestations:
        if all(statement != known.statement for known in found.get(statement.predicate_type, ())):
            raise _not_read_back(release, f"there is no {statement.predicate_type}")


def _seen_by_strangers(
    release: Release, evidence: Evidence, key: PrivateKey, form: Format, published: Published
) -> Verification:
    from wpkg.trust.policy import TrustPolicy

    policy = TrustPolicy.of_keys({"the signing key": key.public}, (form,))
    legacy = evidence.legacy if form == "legacy" else None
    expected = expect(release, published.package, published.version)
    return verify_evidence(release, replace(evidence, legacy=legacy), policy, expected)


def _not_read_back(release: Release, why: str) -> NotReadBack:
    return NotReadBack(
        f"{release.reference.repository} took what was signed about {release.manifest.digest.short} and does not "
        f"give it back; nothing was tagged ({why})",
        hint="try again; if it happens again, the registry does not keep referrers",
    )
