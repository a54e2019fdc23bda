"""The client of OCI registries (distribution-spec v1.1.1 with its main branch of 2026-07)."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from wpkg.documents.strict_json import InvalidJson, Members, load_json
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import ContentMismatch, Digest, InvalidDigest, Verifier, check_content
from wpkg.oci.manifest import (
    IMAGE_INDEX,
    IMAGE_MANIFEST,
    MAX_MANIFEST_SIZE,
    Index,
    MalformedManifest,
    Manifest,
    read_manifest,
)
from wpkg.oci.referrers import MAX_REFERRERS, describe_referrer, merge_referrer, referrers_tag
from wpkg.registry.errors import NotFound, UnexpectedAnswer
from wpkg.registry.interface import FetchedManifest
from wpkg.registry.transport import Answer, Transport, base_url, follow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from wpkg.oci.reference import Reference, Repository

MAX_PAGES = 1000  # of a tag list or of referrers
MAX_LIST_SIZE = 8 * 1024 * 1024  # bytes of one page
MAX_SMALL_BLOB = 4 * 1024 * 1024  # bytes; configs and bundles
FALLBACK_ATTEMPTS = 5  # to put an entry into a referrers index that others write to as well

# 200 with something else than an index is what some registries answer to paths that they do not know.
_NO_REFERRERS_API = frozenset(
    {
        HTTPStatus.OK,
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.NOT_ACCEPTABLE,
    }
)
_ACCEPT_MANIFESTS = f"{IMAGE_MANIFEST}, {IMAGE_INDEX}"
_NEXT_LINK = re.compile(r'<([^>]*)>\s*;\s*rel="?next"?')


class RegistryClient:
    """A `Registry` over HTTP. Safe for several threads at once."""

    def __init__(self, transport: Transport | None = None) -> None:
        self._transport = transport or Transport()

    # --- reading -----------------------------------------------------------------------------------

    def list_tags(self, repository: Repository) -> list[str]:
        """See Registry."""
        what = f"tags of {repository}"
        tags: list[str] = []
        for page in self._pages(_url(repository, "tags", "list"), what, {}):
            if page.status != HTTPStatus.OK:
                raise page.error()
            tags += _read_list(page, what).texts("tags")
        return tags

    def resolve(self, reference: Reference) -> Digest | None:
        """See Registry. Asks with HEAD; where that says no digest, the manifest is fetched and hashed."""
        what = f"manifest {reference}"
        answer = self._manifest_request("HEAD", reference, what)
        answer.close()
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        digest = answer.header("Docker-Content-Digest")
        if answer.status == HTTPStatus.OK and digest is not None:
            try:
                return Digest.parse(digest)
            except InvalidDigest as error:
                raise UnexpectedAnswer(f"{what}: the registry says that its digest is '{digest[:100]}'") from error
        try:
            return self.fetch_manifest(reference).descriptor.digest
        except NotFound:
            return None

    def fetch_manifest(self, reference: Reference) -> FetchedManifest:
        """See Registry."""
        what = f"manifest {reference}"
        answer = self._manifest_request("GET", reference, what)
        if answer.status != HTTPStatus.OK:
            raise answer.error()
        data = answer.body(MAX_MANIFEST_SIZE)
        digest = reference.digest
        if digest is not None:
            check_content(data, digest, None, what)
        else:
            digest = Digest.of(data)
            said = answer.header("Docker-Content-Digest")
            if said is not None and said.startswith("sha256:") and said != str(digest):
                raise ContentMismatch(f"{what}: the registry says that its digest is {said}, it is {digest}")
        media_type = (answer.header("Content-Type") or "").partition(";")[0].strip()
        return FetchedManifest(Descriptor(media_type, digest, len(data)), data)

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
        answer = self._transport.request("GET", _url(repository, "blobs", str(blob.digest)), what)
        if answer.status != HTTPStatus.OK:
            raise answer.error()
        for chunk in answer.chunks():
            verifier.update(chunk)
            sink(memoryview(chunk))
        verifier.finish()

    def list_referrers(self, repository: Repository, subject: Digest) -> list[Descriptor]:
        """See Registry. From the API where there is one, else from the index under the referrers tag."""
        what = f"referrers of {subject.short} in {repository}"
        found: list[Descriptor] = []
        for page in self._pages(_url(repository, "referrers", str(subject)), what, {"Accept": IMAGE_INDEX}):
            if not _is_index(page):
                page.close()
                if page.status in _NO_REFERRERS_API:
                    index = self._fallback_index(repository, subject)
                    found = list(index.manifests)
                    break
                raise page.error()
            index = _read_index(page.body(MAX_LIST_SIZE), what)
            found += index.manifests
        if len(found) > MAX_REFERRERS:
            raise UnexpectedAnswer(
                f"{what}: there are more than {MAX_REFERRERS}, which is more than can be looked at"
            )
        return found

    def _fallback_index(self, repository: Repository, subject: Digest) -> Index:
        """The referrers index of a registry without the API; empty when there is none.

        Some registries answer with the subject itself; whatever is no index counts as none.
        """
        try:
            fetched = self.fetch_manifest(repository.at(tag=referrers_tag(subject)))
        except NotFound:
            return Index(())
        document = read_manifest(fetched.data)
        return document if isinstance(document, Index) and fetched.descriptor.digest != subject else Index(())

    # --- writing -----------------------------------------------------------------------------------

    def push_blob(self, repository: Repository, blob: Descriptor, source: Callable[[], BinaryIO]) -> bool:
        """See Registry. Monolithic: POST, then PUT."""
        what = f"upload of {blob.digest.short} to {repository}"
        answer = self._transport.request("HEAD", _url(repository, "blobs", str(blob.digest)), what)
        answer.close()
        if answer.status == HTTPStatus.OK:
            return False
        answer = self._transport.request("POST", _url(repository, "blobs", "uploads") + "/", what)
        location = answer.header("Location")
        if answer.status != HTTPStatus.ACCEPTED or location is None:
            raise answer.error()
        answer.close()
        url = follow(answer.url, location, what)
        url += ("&" if urlsplit(url).query else "?") + f"digest={quote(str(blob.digest), safe='')}"
        with source() as file:
            answer = self._transport.request(
                "PUT",
                url,
                what,
                {"Content-Type": "application/octet-stream"},
                file if blob.size else b"",
            )
        if answer.status != HTTPStatus.CREATED:
            raise answer.error()
        answer.close()
        return True

    def push_manifest(
        self, repository: Repository, data: bytes, media_type: str, tag: str | None = None
    ) -> Digest:
        """See Registry."""
        digest = Digest.of(data)
        reference = repository.at(tag=tag) if tag is not None else repository.at(digest=digest)
        what = f"upload of manifest {reference}"
        answer = self._transport.request(
            "PUT", _url(repository, "manifests", reference.wire), what, {"Content-Type": media_type}, data
        )
        if answer.status != HTTPStatus.CREATED:
            raise answer.error()
        answer.close()
        said = answer.header("Docker-Content-Digest")
        if said is not None and said != str(digest):
            raise UnexpectedAnswer(f"{what}: the registry stored it as {said}, it is {digest}")
        manifest = read_manifest(data)
        if (
            isinstance(manifest, Manifest)
            and manifest.subject is not None
            and answer.header("OCI-Subject") is None
        ):
            entry = describe_referrer(manifest, Descriptor(media_type, digest, len(data)))
            self._list_by_tag(repository, manifest.subject.digest, entry)
        return digest

    def _list_by_tag(self, repository: Repository, subject: Digest, entry: Descriptor) -> None:
        """Enter a referrer into the index under the referrers tag, and see that it stays there."""
        for _ in range(FALLBACK_ATTEMPTS):
            index = self._fallback_index(repository, subject)
            if any(known.digest == entry.digest for known in index.manifests):
                return
            data = merge_referrer(index, entry).encode()
            self.push_manifest(repository, data, IMAGE_INDEX, referrers_tag(subject))
        if all(known.digest != entry.digest for known in self._fallback_index(repository, subject).manifests):
            raise UnexpectedAnswer(
                f"referrer {entry.digest.short} was entered into the index of {repository} {FALLBACK_ATTEMPTS} "
                "times and is not there: others keep overwriting it",
                hint="try again",
            )

    # --- requests ----------------------------------------------------------------------------------

    def _manifest_request(self, method: str, reference: Reference, what: str) -> Answer:
        url = _url(reference.repository, "manifests", reference.wire)
        return self._transport.request(method, url, what, {"Accept": _ACCEPT_MANIFESTS})

    def _pages(self, url: str, what: str, headers: dict[str, str]) -> Iterator[Answer]:
        """Each page of a list, by its `Link` to the next one, which must be on the same host."""
        for _ in range(MAX_PAGES):
            answer = self._transport.request("GET", url, what, headers)
            yield answer
            link = _NEXT_LINK.search(answer.header("Link") or "")
            if link is None:
                return
            following = follow(answer.url, link[1], what)
            if urlsplit(following)[:2] != urlsplit(answer.url)[:2]:
                raise UnexpectedAnswer(f"{what}: the next page is said to be on another host")
            url = following
        raise UnexpectedAnswer(f"{what}: there are more than {MAX_PAGES} pages")


def _url(repository: Repository, *parts: str) -> str:
    return "/".join((base_url(repository.registry), "v2", repository.path, *parts))


def _is_index(answer: Answer) -> bool:
    media_type = (answer.header("Content-Type") or "").partition(";")[0].strip()
    return answer.status == HTTPStatus.OK and media_type == IMAGE_INDEX


def _read_list(answer: Answer, what: str) -> Members:
    try:
        return Members(load_json(answer.body(MAX_LIST_SIZE)))
    except InvalidJson as error:
        raise UnexpectedAnswer(f"{what}: {error}") from error


def _read_index(data: bytes, what: str) -> Index:
    index = read_manifest(data)
    if not isinstance(index, Index):
        raise MalformedManifest(f"{what}: the answer is not an index")
    return index
