"""Publish: raw and composed component, signatures, provenance; the tag last.

Order: blobs, manifest by digest, signature and provenance as referrers, read back and verified as anybody else
would, and only then the tags. Nobody who goes by tag ever sees an artifact without its proof.
"""

from __future__ import annotations

import io
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.errors import NoSolution, WpkgError
from wpkg.names.version import Version
from wpkg.oci.artifact import WasmConfig
from wpkg.registry.errors import NotFound
from wpkg.workflow.ahead import Ahead
from wpkg.workflow.attach import published_as, sign_release
from wpkg.workflow.opened import open_project
from wpkg.workflow.places import package_repository
from wpkg.workflow.publication import Publication, prepare
from wpkg.workflow.release import Release
from wpkg.workflow.watched import WatchedFile

if TYPE_CHECKING:
    from pathlib import Path

    from wpkg.names.package_name import PackageName
    from wpkg.oci.reference import Repository
    from wpkg.trust.keys import PrivateKey
    from wpkg.trust.policy import Format
    from wpkg.trust.statement import Published, Statement
    from wpkg.workflow.opened import OpenedProject
    from wpkg.workflow.world import World


class VersionExists(WpkgError):
    """A version is published already, with other content."""


class DependencyNotPublished(NoSolution):
    """What a project has by its path is nowhere where others could have it from."""


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


def push(
    world: World,
    root: Path,
    key: PrivateKey | None,
    formats: tuple[Format, ...] = ("bundle", "legacy"),
    *,
    force: bool = False,
) -> Pushed:
    """Publish the project in `root`, signed with `key`; unsigned where that is None.

    Raises: NotBuilt, VersionExists, DependencyNotPublished, RegistryError, LockOutOfDate, NotTrusted,
    InvalidInput.
    """
    opened = open_project(root)
    package = opened.project.published_name
    repository = package_repository(world, opened, package)
    publications = prepare(world, opened)
    _check_obtainable(world, opened)
    there = [world.registry.resolve(repository.at(tag=publication.tag)) for publication in publications]
    for publication, digest in zip(publications, there, strict=True):
        if digest not in (None, publication.artifact.manifest.digest) and not force:
            raise VersionExists(
                f"{repository}:{publication.tag} is published already, with other content ({digest})",
                hint="raise the version in wasmcloud.toml; --force replaces what is published",
            )
    with Ahead() as ahead:
        tasks = [
            ahead.announce(partial(_push_untagged, world, repository, publication, key, formats))
            for publication in publications
        ]
        attested = [task.result() for task in tasks]
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


def _check_obtainable(world: World, opened: OpenedProject) -> None:
    """Nothing when what the project has by path is published too.

    Raises: DependencyNotPublished, RegistryError.
    """
    for dependency in opened.project.dependencies:
        requirement = dependency.requirement
        if dependency.path is None or requirement is None or dependency.kind == "wit":
            continue
        repository = package_repository(world, opened, dependency.name)
        try:
            tags = world.registry.list_tags(repository)
        except NotFound:
            tags = ()
        versions = sorted((v for v in map(Version.from_tag, tags) if v is not None), reverse=True)
        if not any(requirement.matches(version) for version in versions):
            found = ", ".join(map(str, versions[:8])) or "nothing"
            raise DependencyNotPublished(
                f"{dependency.name} {requirement} is not published, so nobody else could get what "
                f"{opened.project.published_name} needs (in {repository}: {found})",
                hint=f"publish it first: wpkg push -C {opened.root / dependency.path}",
            )


def _push_untagged(
    world: World,
    repository: Repository,
    publication: Publication,
    key: PrivateKey | None,
    formats: tuple[Format, ...],
) -> tuple[str, ...]:
    """Everything of one artifact but its tag; the predicate types of what was attested."""
    artifact = publication.artifact
    component = artifact.component
    with Ahead() as ahead:
        opening = partial(io.BytesIO, artifact.config_bytes)
        config = ahead.announce(partial(world.registry.push_blob, repository, artifact.config, opening))
        with world.reporter.progress("Pushing", f"{repository}:{publication.tag}", component.size) as advance:
            world.registry.push_blob(repository, component, WatchedFile(publication.path, advance).open)
        config.result()
    world.registry.push_manifest(repository, artifact.manifest_bytes, artifact.manifest.media_type)
    if key is None:
        return ()
    release = Release(
        repository.at(tag=publication.tag, digest=artifact.manifest.digest),
        artifact.manifest,
        artifact.component,
        WasmConfig(publication.record, (), ()),
    )
    statements = _attestations(publication, published_as(release))
    sign_release(world, release, key, formats, statements)
    return tuple(statement.predicate_type for statement in statements)


def _attestations(publication: Publication, published: Published) -> list[Statement]:
    """What is said besides the signature: where it comes from, and what is in it."""
    from wpkg.trust.statement import CYCLONEDX, SLSA_PROVENANCE, Statement

    said = ((SLSA_PROVENANCE, publication.provenance), (CYCLONEDX, publication.sbom))
    return [Statement(published.subjects, kind, predicate) for kind, predicate in said if predicate is not None]
