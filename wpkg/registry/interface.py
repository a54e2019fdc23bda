"""What a registry can do for us. The HTTP client, the offline stand-in and the tests' fake all do it.

Every method may be called from several threads at once, and raises RegistryError. Whatever returns bytes has
verified them against digest and size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import BinaryIO

    from wpkg.oci.descriptor import Descriptor
    from wpkg.oci.digest import Digest
    from wpkg.oci.reference import Reference, Repository

MAX_SMALL_BLOB = 4 * 1024 * 1024  # bytes; configs and bundles


class FetchedManifest(Struct, frozen=True):
    """A manifest's bytes with the descriptor that they have."""

    descriptor: Descriptor
    data: bytes


class Registry(Protocol):
    """Repositories of blobs, manifests and tags."""

    def list_tags(self, repository: Repository) -> Sequence[str]:
        """All tags, all pages. Raises: NotFound when there is no such repository."""

    def resolve(self, reference: Reference) -> Digest | None:
        """The digest of the manifest that `reference` names now, None when there is none."""

    def fetch_manifest(self, reference: Reference) -> FetchedManifest:
        """The manifest that `reference` names. Raises: NotFound, ContentMismatch."""

    def fetch_blob(self, repository: Repository, blob: Descriptor) -> bytes:
        """A small blob as a whole. Raises: NotFound, ContentMismatch."""

    def download_blob(
        self, repository: Repository, blob: Descriptor, sink: Callable[[memoryview], object]
    ) -> None:
        """Pass a blob to `sink`, chunk by chunk; it is good only when this returns.

        Raises: NotFound, ContentMismatch.
        """

    def list_referrers(self, repository: Repository, subject: Digest) -> Sequence[Descriptor]:
        """The manifests that say `subject` is theirs. Only their digest and size are to be believed."""

    def push_blob(
        self,
        repository: Repository,
        blob: Descriptor,
        source: Callable[[], BinaryIO],
        origin: Repository | None = None,
    ) -> bool:
        """Whether the blob had to be sent; `source` opens it from its start and may be called again.

        `origin` has it already: where that is in the same registry, nothing need be sent.
        """

    def push_manifest(
        self, repository: Repository, data: bytes, media_type: str, tag: str | None = None
    ) -> Digest:
        """Store a manifest, by its digest or under `tag`, and list it as a referrer of its subject."""


class SearchableRegistry(Registry, Protocol):
    """A `Registry` that may know what is in components, and where else packages are."""

    def search(self, registry: str, parameters: Sequence[tuple[str, str]]) -> bytes:
        """The JSON that the search of `registry` ('host' or 'host:port') answers. Raises: NotFound without one."""

    def package_metadata(self, registry: str) -> bytes | None:
        """The `/.well-known/wasm-pkg/registry.json` of `registry`, None where it has none."""
