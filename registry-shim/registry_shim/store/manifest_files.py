"""The bytes of manifests, which lie among the blobs: verified whenever they are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry_shim.errors import DamagedStore
from registry_shim.limits import CHUNK_SIZE, MAX_MANIFEST_SIZE
from registry_shim.store.disk import write_new_file
from wpkg.oci.digest import ContentMismatch, Verifier, check_content

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from registry_shim.store.blobs import BlobFile, Blobs
    from registry_shim.store.catalog import Entry
    from wpkg.oci.digest import Digest


@dataclass(frozen=True, slots=True)
class StoredManifest:
    """A manifest with its bytes, verified when they were read."""

    entry: Entry
    data: bytes


class ManifestFiles:
    """Manifests by digest. `temporary` names files that do not exist yet."""

    def __init__(self, blobs: Blobs, temporary: Callable[[], Path]) -> None:
        self._blobs = blobs
        self._temporary = temporary

    def read(self, digest: Digest, size: int) -> bytes:
        """The bytes of a manifest. Raises: DamagedStore when they are lost or others."""
        return _read_verified(self._blobs.open, digest, size)

    def show(self, digest: Digest, size: int) -> bytes:
        """The same for a client, see `Blobs.show`. Raises: DamagedStore."""
        return _read_verified(self._blobs.show, digest, size)

    def open(self, digest: Digest, size: int) -> BlobFile:
        """For a client as a file, to be closed by the caller; verified, and held nowhere. Raises: DamagedStore."""
        blob = _get(self._blobs.show, digest, size)
        try:
            verifier = Verifier(digest, size, f"the stored manifest {digest}")
            for position in range(0, blob.size, CHUNK_SIZE):
                verifier.update(blob.read(position, CHUNK_SIZE))
            verifier.finish()
        except BaseException as error:
            blob.close()
            if isinstance(error, ContentMismatch):
                raise _damaged(digest) from error
            raise
        return blob

    def write(self, digest: Digest, data: bytes) -> None:
        """Have `data`, whose digest this is; durably, and in place of anything else under it."""
        blob = self._blobs.show(digest)
        if blob is not None:
            try:
                if blob.size == len(data) and blob.read(0, len(data)) == data:
                    return
            finally:
                blob.close()
        temporary = self._temporary()
        write_new_file(temporary, data)
        self._blobs.adopt(temporary, digest)


def _get(get: Callable[[Digest], BlobFile | None], digest: Digest, size: int) -> BlobFile:
    blob = get(digest) if size <= MAX_MANIFEST_SIZE else None
    if blob is None:
        raise DamagedStore(f"the stored manifest {digest} is missing or too long")
    return blob


def _read_verified(get: Callable[[Digest], BlobFile | None], digest: Digest, size: int) -> bytes:
    blob = _get(get, digest, size)
    try:
        data = blob.read(0, size + 1)
    finally:
        blob.close()
    try:
        check_content(data, digest, size, f"the stored manifest {digest}")
    except ContentMismatch as error:
        raise _damaged(digest) from error
    return data


def _damaged(digest: Digest) -> DamagedStore:
    return DamagedStore(f"the stored manifest {digest} does not match its digest")
