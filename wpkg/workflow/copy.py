"""Copy artifacts between registries and layouts, unchanged: blobs, manifests, referrers, and the tag last.

Whoever sees the tag at the target sees everything that belongs to it. A copy that broke off is made whole by
doing it again: what is there already is not sent twice.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.errors import InvalidInput, WpkgError
from wpkg.oci.manifest import Index, Manifest, read_manifest
from wpkg.oci.reference import Reference
from wpkg.oci.referrers import is_referrers_tag, referrers_tag
from wpkg.registry.disk import replacing
from wpkg.workflow.parallel import in_parallel
from wpkg.workflow.watched import WatchedFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from typing import BinaryIO

    from wpkg.oci.descriptor import Descriptor
    from wpkg.oci.digest import Digest
    from wpkg.oci.reference import Repository
    from wpkg.registry.interface import FetchedManifest
    from wpkg.workflow.parallel import Stop
    from wpkg.workflow.world import World

PARALLEL_BLOBS = 3
WORTH_WATCHING = 1024 * 1024  # bytes of a blob
COSIGN_TAGS = ("sig", "att", "sbom")
MAX_DEPTH = 16  # of indexes in indexes and referrers of referrers


class CopiedArtifact(Struct, frozen=True):
    """One artifact at the target."""

    reference: Reference  # with the digest, and the tag where it has one
    manifests: int  # what belongs to it, referrers included
    blobs: int
    blobs_sent: int  # the others were there already


def copy(
    world: World, source: Reference, target: Reference, *, referrers: bool = True, all_tags: bool = False
) -> list[CopiedArtifact]:
    """Copy what `source` names to `target`, whose tag is that of the source where it has none; digests stay.

    With `all_tags`, every tag of the source's repository but those that only list referrers.

    Raises: RegistryError, InvalidInput.
    """
    if all_tags:
        if (source.tag, source.digest, target.tag, target.digest) != (None, None, None, None):
            raise InvalidInput("with --all-tags, source and target are repositories, without tag or digest")
        tags = world.registry.list_tags(source.repository)
        return [
            _copy_one(world, source.repository.at(tag=tag), target.repository.at(tag=tag), referrers=referrers)
            for tag in tags
            if not is_referrers_tag(tag)  # what it lists is copied with its subject
        ]
    if source.tag is None and source.digest is None:
        raise InvalidInput(f"'{source}' names no tag", hint=f"add one, {source}:1.0.0, or copy with --all-tags")
    if target.digest is not None and target.digest != source.digest:
        raise InvalidInput(f"'{target}' names a digest, which a copy cannot choose")
    tag = target.tag or (None if target.digest is not None else source.tag)
    return [_copy_one(world, source, Reference(target.repository, tag), referrers=referrers)]


def _copy_one(world: World, source: Reference, target: Reference, *, referrers: bool) -> CopiedArtifact:
    world.reporter.status("Copying", f"{source} to {target}")
    fetched = world.registry.fetch_manifest(source)
    copier = _Copier(world, source.repository, target.repository, referrers=referrers)
    copier.copy(fetched, 0)
    if target.tag is not None:
        descriptor = fetched.descriptor
        world.registry.push_manifest(target.repository, fetched.data, descriptor.media_type, target.tag)
    return CopiedArtifact(
        target.pinned(fetched.descriptor.digest), len(copier.manifests), len(copier.blobs), copier.sent
    )


class _Copier:
    """Copies manifests by digest, each after what it refers to, and then what refers to it."""

    def __init__(self, world: World, source: Repository, target: Repository, *, referrers: bool) -> None:
        self._registry = world.registry
        self._reporter = world.reporter
        self._source = source
        self._target = target
        self._referrers = referrers
        self.manifests: set[Digest] = set()
        self.blobs: set[Digest] = set()
        self.sent = 0

    def copy(self, fetched: FetchedManifest, depth: int) -> None:
        """Copy one manifest and all that belongs to it."""
        descriptor = fetched.descriptor
        if descriptor.digest in self.manifests:
            return
        if depth > MAX_DEPTH:
            raise InvalidInput(f"{self._source}: manifests refer to each other more than {MAX_DEPTH} deep")
        self.manifests.add(descriptor.digest)
        try:
            manifest = read_manifest(fetched.data, descriptor.media_type)
        except WpkgError as error:
            raise error.within(f"{self._source}@{descriptor.digest}") from None
        if isinstance(manifest, Index):
            for child in manifest.manifests:
                self.copy(self._fetch(child.digest), depth + 1)
        else:
            self._copy_blobs(manifest)
        self._registry.push_manifest(self._target, fetched.data, descriptor.media_type)
        if self._referrers:
            if manifest.subject is None:
                self._copy_cosign_tags(descriptor.digest, depth)
            for referrer in self._registry.list_referrers(self._source, descriptor.digest):
                self.copy(self._fetch(referrer.digest), depth + 1)

    def _copy_cosign_tags(self, subject: Digest, depth: int) -> None:
        """What cosign 2 attaches to `subject` under tags made from its digest."""
        for tag in (f"{referrers_tag(subject)}.{kind}" for kind in COSIGN_TAGS):
            digest = self._registry.resolve(self._source.at(tag=tag))
            if digest is not None:
                fetched = self._fetch(digest)
                self.copy(fetched, depth + 1)
                self._registry.push_manifest(self._target, fetched.data, fetched.descriptor.media_type, tag)

    def _fetch(self, digest: Digest) -> FetchedManifest:
        return self._registry.fetch_manifest(self._source.at(digest=digest))

    def _copy_blobs(self, manifest: Manifest) -> None:
        wanted = {blob.digest: blob for blob in (manifest.config, *manifest.layers)}
        new = [blob for digest, blob in wanted.items() if digest not in self.blobs]
        self.blobs.update(wanted)
        self.sent += sum(in_parallel(self._copy_blob, new, PARALLEL_BLOBS))

    def _copy_blob(self, blob: Descriptor, stop: Stop) -> bool:
        """Whether it had to be sent; it is only fetched when it is."""
        with tempfile.TemporaryDirectory(prefix="wpkg-") as folder, ExitStack() as sending:
            file = Path(folder, "blob")
            watched: WatchedFile | None = None

            def fetched() -> BinaryIO:
                nonlocal watched
                if watched is None:
                    self._fetch_blob(blob, file, stop)
                    advance = sending.enter_context(self._progress("Pushing", blob))
                    watched = WatchedFile(file, _unless(stop, advance))
                return watched.open()

            return self._registry.push_blob(self._target, blob, fetched, self._source)

    def _fetch_blob(self, blob: Descriptor, file: Path, stop: Stop) -> None:
        with self._progress("Fetching", blob) as progress, replacing(file, durable=False) as whole:
            advance = _unless(stop, progress)

            def take(chunk: memoryview) -> None:
                whole.write(chunk)
                advance(chunk.nbytes)

            self._registry.download_blob(self._source, blob, take)

    def _progress(self, verb: str, blob: Descriptor) -> AbstractContextManager[Callable[[int], object]]:
        """Nothing is said of what takes no time."""
        if blob.size < WORTH_WATCHING:
            return nullcontext(lambda _: None)
        return self._reporter.progress(verb, f"{blob.digest.short}", blob.size)


def _unless(stop: Stop, advance: Callable[[int], object]) -> Callable[[int], object]:
    """`advance`, which raises Stopped once the rest is not wanted any more."""

    def go_on(count: int) -> None:
        stop.check()
        advance(count)

    return go_on
