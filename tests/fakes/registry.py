"""A registry in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import Digest, check_content
from wpkg.oci.manifest import Manifest, read_manifest
from wpkg.oci.referrers import describe_referrer
from wpkg.registry.errors import NotFound
from wpkg.registry.interface import FetchedManifest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import BinaryIO

    from wpkg.oci.reference import Reference, Repository


class MemoryRegistry:
    """All repositories of all registries. `requests` counts what was asked; contents may be tampered with."""

    def __init__(self) -> None:
        self.blobs: dict[tuple[Repository, Digest], bytes] = {}
        self.manifests: dict[tuple[Repository, Digest], tuple[str, bytes]] = {}
        self.tags: dict[tuple[Repository, str], Digest] = {}
        self.requests: list[tuple[str, str]] = []
        self.log: list[str] = []  # what was stored, in order

    def _asked(self, method: str, what: object) -> None:
        self.requests.append((method, str(what)))

    def list_tags(self, repository: Repository) -> list[str]:
        self._asked("list_tags", repository)
        if all(known != repository for known, _ in (*self.manifests, *self.blobs)):
            raise NotFound(f"tags of {repository}: not found")
        return sorted(tag for known, tag in list(self.tags) if known == repository)

    def resolve(self, reference: Reference) -> Digest | None:
        self._asked("resolve", reference)
        return self._find(reference)

    def _find(self, reference: Reference) -> Digest | None:
        digest = reference.digest
        if digest is None:
            digest = self.tags.get((reference.repository, reference.tag or ""))
        return digest if digest is not None and (reference.repository, digest) in self.manifests else None

    def fetch_manifest(self, reference: Reference) -> FetchedManifest:
        self._asked("fetch_manifest", reference)
        digest = self._find(reference)
        if digest is None:
            raise NotFound(f"manifest {reference}: not found")
        media_type, data = self.manifests[reference.repository, digest]
        check_content(data, digest, None, f"manifest {reference}")
        return FetchedManifest(Descriptor(media_type, digest, len(data)), data)

    def fetch_blob(self, repository: Repository, blob: Descriptor) -> bytes:
        self._asked("fetch_blob", blob.digest)
        return self._blob(repository, blob)

    def download_blob(
        self, repository: Repository, blob: Descriptor, sink: Callable[[memoryview], object]
    ) -> None:
        self._asked("download_blob", blob.digest)
        data = self.blobs.get((repository, blob.digest), b"")
        half = len(data) // 2
        sink(memoryview(data)[:half])
        sink(memoryview(data)[half:])
        self._blob(repository, blob)

    def _blob(self, repository: Repository, blob: Descriptor) -> bytes:
        data = self.blobs.get((repository, blob.digest))
        what = f"blob {blob.digest} of {repository}"
        if data is None:
            raise NotFound(f"{what}: not found")
        check_content(data, blob.digest, blob.size, what)
        return data

    def list_referrers(self, repository: Repository, subject: Digest) -> list[Descriptor]:
        self._asked("list_referrers", subject)
        found = []
        for (known, digest), (media_type, data) in list(self.manifests.items()):
            manifest = read_manifest(data) if known == repository else None
            if isinstance(manifest, Manifest) and manifest.subject and manifest.subject.digest == subject:
                found.append(describe_referrer(manifest, Descriptor(media_type, digest, len(data))))
        return found

    def push_blob(
        self,
        repository: Repository,
        blob: Descriptor,
        source: Callable[[], BinaryIO],
        origin: Repository | None = None,
    ) -> bool:
        self._asked("push_blob", blob.digest)
        if origin is not None and origin.registry == repository.registry and (origin, blob.digest) in self.blobs:
            self.blobs.setdefault((repository, blob.digest), self.blobs[origin, blob.digest])
            return False
        if (repository, blob.digest) in self.blobs:
            return False
        with source() as file:
            data = file.read()
        check_content(data, blob.digest, blob.size, "upload")
        self.blobs[repository, blob.digest] = data
        self.log.append(f"blob {blob.media_type}")
        return True

    def push_manifest(
        self, repository: Repository, data: bytes, media_type: str, tag: str | None = None
    ) -> Digest:
        digest = Digest.of(data)
        self._asked("push_manifest", tag or digest)
        self.manifests[repository, digest] = (media_type, data)
        manifest = read_manifest(data)
        kind = "referrer" if isinstance(manifest, Manifest) and manifest.subject else "manifest"
        self.log.append(f"tag {tag}" if tag is not None else kind)
        if tag is not None:
            self.tags[repository, tag] = digest
        return digest

    def search(self, registry: str, parameters: Sequence[tuple[str, str]]) -> bytes:
        self._asked("search", (registry, *parameters))
        raise NotFound(f"search in {registry}: not found")  # as with every registry but registry-shim

    def package_metadata(self, registry: str) -> bytes | None:
        self._asked("package metadata", registry)
        return None
