"""Publish: raw and composed component, signatures, provenance; the tag last.

Order: blobs, manifest by digest, signature and provenance as referrers, read back and verified as anybody else
would, and only then the tags. Nobody who goes by tag ever sees an artifact without its proof.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.errors import RegistryError, WpkgError
from wpkg.oci.artifact import WasmConfig
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.manifest import EMPTY_CONFIG, EMPTY_CONFIG_BYTES
from wpkg.workflow.opened import open_project
from wpkg.workflow.publication import TITLE, Publication, prepare
from wpkg.workflow.release import Release
from wpkg.workflow.trusting import expect, verify_release

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO

    from wpkg.names.package_name import PackageName
    from wpkg.oci.reference import Repository
    from wpkg.trust.keys import PrivateKey
    from wpkg.trust.statement import Statement
    from wpkg.workflow.world import World


class VersionExists(WpkgError):
    """A version is published already, with other content."""


class NotReadBack(RegistryError):
    """A registry took a signature and does not give it back."""


class PushedArtifact(Struct, frozen=True):
    """One artifact, published."""

    publication: Publication
    attestations: tuple[str, ...]  # predicate types
    was_there: bool  # the tag already had this digest


class Pushed(Struct, frozen=True):
    """What a push has published, the artifact that runs last."""

    package: PackageName
    repository: Repository
    signer: str | None  # hint of the key, None when it was pushed unsigned
    artifacts: tuple[PushedArtifact, ...]


def push(world: World, root: Path, key: PrivateKey | None, *, force: bool = False) -> Pushed:
    """Publish the project in `root`, signed with `key`; unsigned where that is None.

    Raises: NotBuilt, VersionExists, RegistryError, LockOutOfDate, NotTrusted, InvalidInput.
    """
    opened = open_project(root)
    package = opened.project.published_name
    repository = opened.project.registries.repository(package)
    publications = prepare(world, opened)
    there = [world.registry.resolve(repository.at(tag=publication.tag)) for publication in publications]
    for publication, digest in zip(publications, there, strict=True):
        if digest not in (None, publication.artifact.manifest.digest) and not force:
            raise VersionExists(
                f"{repository}:{publication.tag} is published already, with other content ({digest})",
                hint="raise the version in wasmcloud.toml; --force replaces what is published",
            )
    attested = [_push_untagged(world, repository, publication, key) for publication in publications]
    for publication, digest in zip(publications, there, strict=True):
        artifact = publication.artifact
        if digest != artifact.manifest.digest:
            world.registry.push_manifest(
                repository, artifact.manifest_bytes, artifact.manifest.media_type, publication.tag
            )
    return Pushed(
        package,
        repository,
        key.public.hint if key is not None else None,
        tuple(
            PushedArtifact(publication, types, digest == publication.artifact.manifest.digest)
            for publication, types, digest in zip(publications, attested, there, strict=True)
        ),
    )


def _push_untagged(
    world: World, repository: Repository, publication: Publication, key: PrivateKey | None
) -> tuple[str, ...]:
    """Everything of one artifact but its tag; the predicate types of what was attested."""
    artifact = publication.artifact
    world.reporter.status("Pushing", f"{repository}:{publication.tag} ({artifact.component.size / 1e6:.1f} MB)")
    world.registry.push_blob(repository, artifact.component, lambda: publication.path.open("rb"))
    world.registry.push_blob(repository, artifact.config, _opening(artifact.config_bytes))
    world.registry.push_manifest(repository, artifact.manifest_bytes, artifact.manifest.media_type)
    if key is None:
        return ()
    statements = list(_statements(repository, publication))
    for statement in statements:
        attach_statement(world, repository, artifact.manifest, key, statement)
    _check_readable(world, repository, publication, key)
    return tuple(statement.predicate_type for statement in statements[1:])


def _statements(repository: Repository, publication: Publication) -> list[Statement]:
    """What is signed: that it is ours, then where it comes from."""
    from wpkg.trust.statement import Published, provenance_statement, signature_statement

    artifact, record = publication.artifact, publication.record
    published = Published(
        repository=repository,
        manifest=artifact.manifest.digest,
        title=artifact.component.annotations[TITLE],
        component=artifact.component.digest,
        package=record.package,
        version=record.version,
        kind=record.kind,
    )
    statements = [signature_statement(published)]
    if publication.provenance is not None:
        statements.append(provenance_statement(published, publication.provenance))
    return statements


def attach_statement(
    world: World, repository: Repository, subject: Descriptor, key: PrivateKey, statement: Statement
) -> None:
    """Sign `statement` and push it as a referrer of `subject`. Signing the same again changes nothing."""
    from wpkg.trust.bundle import BUNDLE_V03, build_bundle_referrer, sign_statement

    bundle = sign_statement(key, statement)
    referrer = build_bundle_referrer(subject, bundle, statement.predicate_type)
    empty = Descriptor.of(EMPTY_CONFIG, EMPTY_CONFIG_BYTES)
    world.registry.push_blob(repository, empty, _opening(EMPTY_CONFIG_BYTES))
    world.registry.push_blob(repository, Descriptor.of(BUNDLE_V03, bundle), _opening(bundle))
    world.registry.push_manifest(repository, referrer.encode(), referrer.media_type)


def _check_readable(world: World, repository: Repository, publication: Publication, key: PrivateKey) -> None:
    """See that a stranger with our public key would be satisfied. Raises: NotReadBack."""
    from wpkg.trust.policy import TrustPolicy

    artifact, record = publication.artifact, publication.record
    release = Release(
        repository.at(tag=publication.tag, digest=artifact.manifest.digest),
        artifact.manifest,
        artifact.component,
        WasmConfig(record, (), ()),
    )
    policy = TrustPolicy.of_keys({"the signing key": key.public})
    verification = verify_release(world, release, policy, expect(release, record.package, record.version))
    if verification.state != "verified":
        raise NotReadBack(
            f"{repository} took the signature on {artifact.manifest.digest.short} and does not give it back; "
            f"nothing was tagged ({verification.error_for('the artifact')})",
            hint="try again; if it happens again, the registry does not keep referrers",
        )


def _opening(data: bytes) -> Callable[[], BinaryIO]:
    return lambda: io.BytesIO(data)
