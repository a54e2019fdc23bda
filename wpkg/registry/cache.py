"""The cache: content by digest, never by name, shared by all projects and processes of a user.

Layout: `blobs/<algorithm>/<hex>`, as in an OCI layout. What is read is verified; what is damaged is thrown away
and counts as not there. Nothing is in its place before it is whole, so processes need no lock between them.
`proofs/<algorithm>-<hex>.json` lists what was known of a manifest's signatures when it was verified last: only
digests of blobs in this cache, verified again whenever they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.documents.strict_json import Members, dump_json, load_json
from wpkg.errors import InvalidInput
from wpkg.oci.digest import ContentMismatch, Digest, Verifier, check_content
from wpkg.registry.disk import replacing, write_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from wpkg.oci.descriptor import Descriptor

CHUNK = 1024 * 1024  # bytes


class Cache:
    """A folder of verified content."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, digest: Digest) -> Path:
        """Where content of `digest` is, or would be. What is there is not verified."""
        return self.root / "blobs" / digest.algorithm / digest.encoded

    def read(self, digest: Digest) -> bytes | None:
        """Small content, verified; None when it is not here."""
        path = self.path(digest)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            check_content(data, digest, None, f"cached {digest}")
        except ContentMismatch:
            path.unlink(missing_ok=True)
            return None
        return data

    def verified_path(self, content: Descriptor) -> Path | None:
        """The file that holds `content`, read through and verified; None when it is not here."""
        path = self.path(content.digest)
        verifier = Verifier(content.digest, content.size, f"cached {content.digest}")
        try:
            with path.open("rb") as file:
                while chunk := file.read(CHUNK):
                    verifier.update(chunk)
            verifier.finish()
        except FileNotFoundError:
            return None
        except ContentMismatch:
            path.unlink(missing_ok=True)
            return None
        return path

    def write(self, digest: Digest, data: bytes) -> None:
        """Keep `data`, whose digest must be `digest`. Raises: ContentMismatch, CannotWrite."""
        check_content(data, digest, None, f"content {digest}")
        write_file(self.path(digest), data)

    def fill(self, content: Descriptor, download: Callable[[Callable[[memoryview], object]], object]) -> Path:
        """The file that holds `content` after `download` has passed every chunk of it to a sink.

        `download` verifies what it passes (as Registry.download_blob does), and raises when it is not `content`;
        then nothing is kept.
        """
        path = self.path(content.digest)
        with replacing(path) as file:
            download(file.write)
        return path

    def proofs(self, manifest: Digest) -> list[Digest] | None:
        """The referrers that were known of `manifest` when it was last verified; None when it never was."""
        try:
            data = self._proofs_path(manifest).read_bytes()
            return [Digest.parse(text) for text in Members(load_json(data)).texts("referrers")]
        except (FileNotFoundError, InvalidInput):
            return None

    def keep_proofs(self, manifest: Digest, referrers: Sequence[Digest]) -> None:
        """Remember which referrers `manifest` has; their content must be in the cache."""
        data = dump_json({"referrers": [str(digest) for digest in referrers]})
        write_file(self._proofs_path(manifest), data)

    def _proofs_path(self, manifest: Digest) -> Path:
        return self.root / "proofs" / f"{manifest.algorithm}-{manifest.encoded}.json"
