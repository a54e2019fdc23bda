"""`dir:` repositories: OCI image layouts on disk (image-spec v1.1.1 `image-layout.md`).

A repository is one folder with `oci-layout`, `index.json` and `blobs/`, as oras, skopeo and registry-shim keep it.
A tag is the annotation `org.opencontainers.image.ref.name` of a line in `index.json`; a manifest without a tag has
a line without it. Referrers are found by the subject that they name.

Content appears whole, by rename. `index.json` is replaced by one writer at a time. Nothing read is believed before
it has been verified. What a running registry-shim has not yet put into `index.json` is not seen.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any, BinaryIO

from wpkg.documents.strict_json import InvalidJson, Members, dump_json, load_json, load_object
from wpkg.errors import RegistryError, WpkgError
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import ContentMismatch, Digest, InvalidDigest, Verifier, check_content
from wpkg.oci.manifest import IMAGE_MANIFEST, MAX_MANIFEST_SIZE, Index, read_manifest
from wpkg.oci.referrers import MAX_REFERRERS, describe_referrer
from wpkg.registry.bodies import declared_type
from wpkg.registry.disk import CannotWrite, exclusive_access, replacing, write_file
from wpkg.registry.errors import NotFound, UnexpectedAnswer
from wpkg.registry.interface import MAX_SMALL_BLOB, FetchedManifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from wpkg.oci.reference import Reference, Repository

TAG = "org.opencontainers.image.ref.name"
CHUNK = 1024 * 1024  # bytes
MAX_INDEX_SIZE = 64 * 1024 * 1024  # bytes of index.json

_LAYOUT = dump_json({"imageLayoutVersion": "1.0.0"})
_EMPTY_INDEX = Index(()).encode()


class DamagedLayout(RegistryError):
    """A folder is not the OCI layout that it has to be."""


class LayoutRegistry:
    """A `Registry` of folders. What is relative is relative to `base`."""

    def __init__(self, base: Path) -> None:
        self._base = base

    # --- reading -----------------------------------------------------------------------------------

    def list_tags(self, repository: Repository) -> list[str]:
        """See Registry."""
        return sorted({tag for line in self._lines(repository) if (tag := line.annotations.get(TAG))})

    def resolve(self, reference: Reference) -> Digest | None:
        """See Registry."""
        try:
            line = self._line(reference)
        except NotFound:
            return None
        return line.digest

    def fetch_manifest(self, reference: Reference) -> FetchedManifest:
        """See Registry."""
        line = self._line(reference)
        what = f"manifest {reference}"
        with self._open(reference.repository, line.digest, what) as file:
            data = file.read(MAX_MANIFEST_SIZE + 1)
        if len(data) > MAX_MANIFEST_SIZE:
            raise UnexpectedAnswer(f"{what}: it is longer than {MAX_MANIFEST_SIZE} bytes")
        check_content(data, line.digest, None, what)
        return FetchedManifest(
            Descriptor(line.media_type or declared_type(data) or IMAGE_MANIFEST, line.digest, len(data)), data
        )

    def fetch_blob(self, repository: Repository, blob: Descriptor) -> bytes:
        """See Registry."""
        if blob.size > MAX_SMALL_BLOB:
            raise ContentMismatch(
                f"blob {blob.digest} of {repository} is said to have {blob.size} bytes, "
                f"over the limit of {MAX_SMALL_BLOB}"
            )
        data = bytearray()
        self.download_blob(repository, blob, data.extend)
        return bytes(data)

    def download_blob(
        self, repository: Repository, blob: Descriptor, sink: Callable[[memoryview], object]
    ) -> None:
        """See Registry."""
        what = f"blob {blob.digest} of {repository}"
        verifier = Verifier(blob.digest, blob.size, what)
        with self._open(repository, blob.digest, what) as file:
            while chunk := file.read(CHUNK):
                verifier.update(chunk)
                sink(memoryview(chunk))
        verifier.finish()

    def list_referrers(self, repository: Repository, subject: Digest) -> list[Descriptor]:
        """See Registry. Reads every manifest that has a line; one that is damaged is an error, not absent."""
        found: dict[Digest, Descriptor] = {}
        try:
            lines = self._lines(repository)
        except NotFound:
            return []
        for digest in dict.fromkeys(line.digest for line in lines):
            try:
                fetched = self.fetch_manifest(repository.at(digest=digest))
            except NotFound as error:
                raise DamagedLayout(f"{repository}: its index.json lists {digest}, which is not there") from error
            try:
                manifest = read_manifest(fetched.data)
            except WpkgError:
                continue  # something else than a manifest refers to nothing
            if manifest.subject is not None and manifest.subject.digest == subject:
                found[digest] = describe_referrer(manifest, fetched.descriptor)
        if len(found) > MAX_REFERRERS:
            raise UnexpectedAnswer(
                f"referrers of {subject.short} in {repository}: there are more than {MAX_REFERRERS}, "
                "which is more than can be looked at"
            )
        return list(found.values())

    # --- writing -----------------------------------------------------------------------------------

    def push_blob(
        self,
        repository: Repository,
        blob: Descriptor,
        source: Callable[[], BinaryIO],
        origin: Repository | None = None,
    ) -> bool:
        """See Registry. Linked from `origin` where that is a folder too, once its content has been verified."""
        folder = self._made(repository)
        path = _blob_path(folder, blob.digest)
        if self._holds(repository, blob):
            return False
        if origin is not None and origin.is_folder and self._holds(origin, blob):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(_blob_path(self._folder(origin), blob.digest), path)
            except OSError:
                pass  # another file system, or one without links: it is copied
            else:
                return False
        verifier = Verifier(blob.digest, blob.size, f"blob {blob.digest} for {repository}")
        with source() as file, replacing(path) as target:
            while chunk := file.read(CHUNK):
                verifier.update(chunk)
                target.write(chunk)
            verifier.finish()
        return True

    def push_manifest(
        self, repository: Repository, data: bytes, media_type: str, tag: str | None = None
    ) -> Digest:
        """See Registry."""
        digest = Digest.of(data)
        folder = self._made(repository)
        write_file(_blob_path(folder, digest), data)
        manifest = read_manifest(data, media_type)
        described = describe_referrer(manifest, Descriptor(media_type, digest, len(data)))
        artifact_type = described.artifact_type if manifest.subject is not None else None
        with exclusive_access(folder):
            known = self._lines(repository)
            index = load_object((folder / "index.json").read_bytes())
            lines = index.get("manifests") or []
            if tag is not None:
                lines = list(_kept_lines(lines, digest, tag))
            elif any(line.digest == digest for line in known):
                return digest
            annotations = {TAG: tag} if tag is not None else {}
            described = Descriptor(media_type, digest, len(data), annotations, artifact_type)
            write_file(folder / "index.json", dump_json({**index, "manifests": [*lines, described.to_json()]}))
        return digest

    # --- the folder --------------------------------------------------------------------------------

    def _folder(self, repository: Repository) -> Path:
        return self._base / repository.path

    def _made(self, repository: Repository) -> Path:
        """The folder of a repository, with an empty layout in it where there was none."""
        folder = self._folder(repository)
        if folder.exists() and not folder.is_dir():
            raise CannotWrite(f"{folder} is not a folder")
        if not (folder / "oci-layout").exists():
            with exclusive_access(folder):
                if not (folder / "index.json").exists():
                    write_file(folder / "index.json", _EMPTY_INDEX)
                (folder / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
                write_file(folder / "oci-layout", _LAYOUT)
        return folder

    def _lines(self, repository: Repository) -> list[Descriptor]:
        """What `index.json` lists. Raises: NotFound, DamagedLayout."""
        folder = self._folder(repository)
        if not (folder / "oci-layout").is_file():
            raise NotFound(f"{repository}: there is no OCI layout in {folder}")
        try:
            with (folder / "index.json").open("rb") as file:
                data = file.read(MAX_INDEX_SIZE + 1)
            return [Descriptor.read(line) for line in Members(load_json(data)).objects("manifests")]
        except OSError as error:
            reason = (error.strerror or type(error).__name__).lower()
            raise DamagedLayout(f"{repository}: cannot read its index.json: {reason}") from error
        except (InvalidJson, InvalidDigest) as error:
            raise DamagedLayout(f"{repository}: its index.json is malformed: {error}") from error

    def _line(self, reference: Reference) -> Descriptor:
        """What `reference` names, its media type '' where no line says. Raises: NotFound, DamagedLayout."""
        repository, digest = reference.repository, reference.digest
        for line in self._lines(repository):
            if line.digest == digest if digest is not None else line.annotations.get(TAG) == reference.wire:
                return line
        if digest is not None and _blob_path(self._folder(repository), digest).is_file():
            return Descriptor("", digest, 0)  # below an index
        raise NotFound(f"manifest {reference}: not found")

    def _open(self, repository: Repository, digest: Digest, what: str) -> BinaryIO:
        """A blob's file. Raises: NotFound, DamagedLayout."""
        path = _blob_path(self._folder(repository), digest)
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe must not keep us waiting
        except FileNotFoundError:
            raise NotFound(f"{what}: not found") from None
        except OSError as error:
            reason = (error.strerror or type(error).__name__).lower()
            raise DamagedLayout(f"{what}: cannot read {path}: {reason}") from error
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise DamagedLayout(f"{what}: {path} is not a file")
        return os.fdopen(handle, "rb", buffering=0)

    def _holds(self, repository: Repository, blob: Descriptor) -> bool:
        """Whether the whole of `blob` is there, every byte looked at."""
        try:
            self.download_blob(repository, blob, len)
        except (NotFound, ContentMismatch):
            return False
        return True


def _blob_path(folder: Path, digest: Digest) -> Path:
    return folder / "blobs" / digest.algorithm / digest.encoded


def _kept_lines(lines: list[dict[str, Any]], digest: Digest, tag: str) -> Iterator[dict[str, Any]]:
    """The lines of an index that stay when `tag` is to name `digest`, as they are.

    What the tag named before keeps a line without it; a line of `digest` without a tag is not needed.
    """
    for line in lines:
        annotations = line.get("annotations") or {}
        if annotations.get(TAG) == tag:
            others = {key: value for key, value in annotations.items() if key != TAG}
            kept = {**line, "annotations": others}
        else:
            kept = line
        if kept["digest"] != str(digest) or TAG in (kept.get("annotations") or {}):
            yield kept
