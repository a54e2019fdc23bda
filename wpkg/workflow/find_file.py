"""Where a component file is published, found by its digest: in the project's lock, else in the cache.

Registries cannot be asked by the digest of a layer. The cache is not taken at its word: it says where to look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct
from msgspec.structs import replace

from wpkg.errors import InvalidInput, WpkgError
from wpkg.oci.artifact import wasm_layer
from wpkg.oci.digest import Digest
from wpkg.oci.manifest import read_manifest
from wpkg.registry.mapping import mapped
from wpkg.workflow.locate import Located, workspace_here

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wpkg.workflow.release import Release
    from wpkg.workflow.world import World


class FoundFile(Struct, frozen=True):
    """A file, and where what has its digest is published."""

    file: Path
    digest: Digest
    by: Literal["lock", "cache"]
    places: tuple[Located, ...]  # at least one; several where the same was fetched from several repositories


def digest_of(file: Path) -> Digest:
    """The digest of a file. Raises: InvalidInput."""
    try:
        with mapped(file) as data:
            return Digest.of(data)
    except OSError as error:
        raise InvalidInput(f"cannot read {file}: {(error.strerror or '').lower()}") from error


def find_file(world: World, root: Path, file: Path) -> FoundFile:
    """Where the component in `file` is published, by the lock of the project in `root`, else by what was fetched.

    Raises: InvalidInput, with what to give instead; CacheUnusable.
    """
    digest = digest_of(file)
    opened = workspace_here(root)
    lock = opened.lock if opened is not None else None
    for package in lock.packages if lock is not None else ():
        if package.component == digest:
            reference = package.source.at(tag=package.tag, digest=package.manifest)
            return FoundFile(file, digest, "lock", (Located(reference, package.name, package.version),))
    if places := tuple(_fetched_before(world, digest)):
        return FoundFile(file, digest, "cache", places)
    pinned = "there is no wpkg.lock" if lock is None else "wpkg.lock does not pin it"
    raise InvalidInput(
        f"nothing says where {file} comes from: {pinned}, and the cache knows no signature of {digest}",
        hint=f"name what it was pulled from, or a bundle: wpkg verify {file} --bundle FILE --key FILE",
    )


def _fetched_before(world: World, component: Digest) -> Iterator[Located]:
    """The artifacts with `component` whose signatures the cache remembers, by repository."""
    for manifest in world.cache.proven():
        data = world.cache.peek(manifest)
        if data is None:
            continue
        try:
            layer = wasm_layer(read_manifest(data))
        except WpkgError:
            continue  # some other artifact that somebody has verified
        if layer.digest == component:
            for repository in world.cache.repositories(manifest):
                yield Located(repository.at(digest=manifest))


def named_by_itself(located: Located, release: Release) -> Located:
    """`located` as the package that `release` says to be, where nothing else has said which one is meant."""
    record = release.config.record
    if located.package is not None or record is None:
        return located
    return replace(located, package=record.package, version=record.version, raw=record.kind == "raw")
