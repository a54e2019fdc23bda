"""The client of OCI registries (distribution-spec v1.1.1 with its main branch of 2026-07)."""

from __future__ import annotations

import threading
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import ContentMismatch, Digest, InvalidDigest, Verifier, check_content
from wpkg.oci.manifest import (
    IMAGE_INDEX,
    IMAGE_MANIFEST,
    MAX_MANIFEST_SIZE,
    Index,
    MalformedManifest,
    read_manifest,
)
from wpkg.oci.referrers import MAX_REFERRERS, describe_referrer, referrers_tag
from wpkg.registry.auth import Access
from wpkg.registry.bodies import MAX_LIST_SIZE, declared_type, is_index, read_index, read_list
from wpkg.registry.credentials import Credential, Credentials
from wpkg.registry.errors import NotFound, UnexpectedAnswer
from wpkg.registry.fallback import FallbackIndex
from wpkg.registry.headers import parse_next_link
from wpkg.registry.interface import MAX_SMALL_BLOB, FetchedManifest
from wpkg.registry.origins import DOCKER_HUB, next_page
from wpkg.registry.patience import NOT_NOW
from wpkg.registry.resume import download
from wpkg.registry.transport import Answer, Transport
from wpkg.registry.uploads import BlobUpload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import BinaryIO

    from wpkg.oci.reference import Reference, Repository

MAX_PAGES = 1000  # of a tag list or of referrers
MAX_TAGS = 1_000_000  # of a repository
MAX_METADATA_SIZE = 64 * 1024  # bytes of a registry.json

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
_ACCEPT_MANIFESTS = (
    f"{IMAGE_MANIFEST}, {IMAGE_INDEX}, application/vnd.docker.distribution.manifest.v2+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json"
)


class RegistryClient:
    """A `Registry` over HTTP. Safe for several threads at once."""

    def __init__(self, transport: Transport | None = None) -> None:
        self._transport = transport or Transport()
        self._metadata: dict[str, bytes | None] = {}
        self._metadata_lock = threading.Lock()

    # --- reading -----------------------------------------------------------------------------------

    def list_tags(self, repository: Repository) -> list[str]:
        """See Registry."""
        what = f"tags of {repository}"
        tags: list[str] = []
        for page in self._pages(repository, "tags/list", what, {}):
            if page.status != HTTPStatus.OK:
                raise page.error()
            tags += read_list(page, what).texts("tags")
            if len(tags) > MAX_TAGS:
                raise UnexpectedAnswer(f"{what}: there are more than {MAX_TAGS}")
        return tags

    def resolve(self, reference: Reference) -> Digest | None:
        """See Registry. Asks with HEAD; where that says no digest, the manifest is fetched and hashed."""
        what = f"manifest {reference}"
        answer = self._manifest_request("HEAD", reference, what)
        answer.close()  # an answer to HEAD has no body
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        if answer.status in NOT_NOW:
            raise answer.error()
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
        return self._read_fetched(self._manifest_request("GET", reference, what), reference)

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
        url = self._url(repository, "blobs", str(blob.digest))
        download(self._transport, url, _access(repository), verifier, sink)

    def find_blob_size(self, repository: Repository, digest: Digest) -> int | None:
        """How many bytes the registry says that a blob has, None for no such blob. With HEAD, or else GET."""
        what = f"size of blob {digest} of {repository}"
        url = self._url(repository, "blobs", str(digest))
        for method in ("HEAD", "GET"):
            answer = self._transport.request(method, url, what, access=_access(repository))
            size = answer.header("Content-Length") or ""
            if answer.status == HTTPStatus.NOT_FOUND or (answer.status == HTTPStatus.OK and size.isdecimal()):
                answer.close()
                return int(size) if answer.status == HTTPStatus.OK else None
            if answer.status in NOT_NOW:
                break
            if method == "HEAD":
                answer.close()
        if answer.status == HTTPStatus.OK:
            answer.close()
            raise UnexpectedAnswer(f"{what}: the registry does not say it")
        raise answer.error()

    def list_referrers(self, repository: Repository, subject: Digest) -> list[Descriptor]:
        """See Registry. From the API where there is one, else from the index under the referrers tag."""
        what = f"referrers of {subject.short} in {repository}"
        found: list[Descriptor] = []
        has_api = False
        for page in self._pages(repository, f"referrers/{subject}", what, {"Accept": IMAGE_INDEX}):
            if not is_index(page):
                page.refuse_web_page()
                page.close()
                # Who has sent a page has the API: what cannot be had of it now is not what is not there.
                if page.status in _NO_REFERRERS_API and not has_api:
                    index = self._fallback_index(repository, subject)
                    found = list(index.manifests)
                    break
                raise page.error()
            has_api = True
            index = read_index(page.body(MAX_LIST_SIZE), what)
            found += index.manifests
            if len(found) > MAX_REFERRERS:
                break
        if len(found) > MAX_REFERRERS:
            raise UnexpectedAnswer(
                f"{what}: there are more than {MAX_REFERRERS}, which is more than can be looked at",
                hint="nothing is trusted of what is not looked at; let its owner remove what nobody needs",
            )
        return found

    def search(self, registry: str, parameters: Sequence[tuple[str, str]]) -> bytes:
        """See SearchableRegistry. It is an API of registry-shim's, of which others know nothing."""
        what = f"search in {registry}"
        url = f"{self._transport.base_url(registry)}/api/v1/search?{urlencode(parameters)}"
        access = Access(registry)
        # Where something is open to everybody, a search asks nobody who they are, and finds only that. This asks.
        self._transport.request("GET", f"{self._transport.base_url(registry)}/v2/", what, access=access).close()
        answer = self._transport.request("GET", url, what, {"Accept": "application/json"}, access=access)
        if answer.status != HTTPStatus.OK:
            raise answer.error()
        return answer.body(MAX_LIST_SIZE)

    def package_metadata(self, registry: str) -> bytes | None:
        """See SearchableRegistry. Asked once, and without credentials: it is the same for everybody."""
        with self._metadata_lock:
            if registry not in self._metadata:
                self._metadata[registry] = self._fetch_metadata(registry)
            return self._metadata[registry]

    def _fetch_metadata(self, registry: str) -> bytes | None:
        url = f"{self._transport.base_url(registry)}/.well-known/wasm-pkg/registry.json"
        answer = self._transport.request(
            "GET", url, f"registry.json of {registry}", {"Accept": "application/json"}
        )
        if answer.status == HTTPStatus.NOT_FOUND:
            answer.close()
            return None
        if answer.status != HTTPStatus.OK:
            raise answer.error()
        return answer.body(MAX_METADATA_SIZE)

    def _fallback_index(self, repository: Repository, subject: Digest) -> Index:
        """The referrers index of a registry without the API; empty when there is none."""
        return self._read_fallback(repository, subject)[0]

    def _read_fallback(self, repository: Repository, subject: Digest) -> tuple[Index, str | None]:
        """The index under the referrers tag, and its ETag.

        Some registries answer with the subject itself; whatever is no index counts as none.
        """
        reference = repository.at(tag=referrers_tag(subject))
        answer = self._manifest_request("GET", reference, f"manifest {reference}")
        try:
            fetched = self._read_fetched(answer, reference)
        except NotFound:
            return Index(()), None
        try:
            document = read_manifest(fetched.data)
        except MalformedManifest as error:
            raise error.within(f"manifest {reference}") from None
        is_index = isinstance(document, Index) and fetched.descriptor.digest != subject
        return document if isinstance(document, Index) and is_index else Index(()), answer.header("ETag")

    # --- writing -----------------------------------------------------------------------------------

    def push_blob(
        self,
        repository: Repository,
        blob: Descriptor,
        source: Callable[[], BinaryIO],
        origin: Repository | None = None,
    ) -> bool:
        """See Registry. Mounted from `origin` where that is in the same registry, else sent."""
        what = f"upload of {blob.digest.short} to {repository}"
        upload = BlobUpload(
            self._transport,
            self._url(repository, "blobs") + "/",
            blob,
            source,
            _access(repository, "pull,push"),
            what,
        )
        if origin is None or origin.registry != repository.registry or origin == repository:
            return upload.run()
        return upload.run(_path(origin), _access(repository, "pull,push", also=origin))

    def push_manifest(
        self, repository: Repository, data: bytes, media_type: str, tag: str | None = None
    ) -> Digest:
        """See Registry."""
        digest = Digest.of(data)
        reference = repository.at(tag=tag) if tag is not None else repository.at(digest=digest)
        answer = self._put_manifest(reference, data, media_type, {})
        if answer.status != HTTPStatus.CREATED:
            raise answer.error()
        answer.close()
        said = answer.header("Docker-Content-Digest")
        if said is not None and said != str(digest):
            raise UnexpectedAnswer(
                f"upload of manifest {reference}: the registry stored it as {said[:200]}, it is {digest}"
            )
        manifest = read_manifest(data)
        if manifest.subject is not None and answer.header("OCI-Subject") is None:
            subject = manifest.subject.digest
            index = FallbackIndex(
                f"{repository}",
                lambda: self._read_fallback(repository, subject),
                lambda index, etag: self._write_fallback(repository, subject, index, etag),
                self._transport.patience,
            )
            index.enter(describe_referrer(manifest, Descriptor(media_type, digest, len(data))))
        return digest

    def _write_fallback(self, repository: Repository, subject: Digest, index: Index, etag: str | None) -> bool:
        """Whether the index was stored; not when somebody else has changed it since it was read."""
        condition = {"If-Match": etag} if etag is not None else {}
        reference = repository.at(tag=referrers_tag(subject))
        answer = self._put_manifest(reference, index.encode(), IMAGE_INDEX, condition)
        if answer.status == HTTPStatus.PRECONDITION_FAILED:
            answer.close()
            return False
        if answer.status != HTTPStatus.CREATED:
            raise answer.error()
        answer.close()
        return True

    # --- requests ----------------------------------------------------------------------------------

    def _url(self, repository: Repository, *parts: str) -> str:
        return "/".join((self._transport.base_url(repository.registry), "v2", _path(repository), *parts))

    def _manifest_request(self, method: str, reference: Reference, what: str) -> Answer:
        url = self._url(reference.repository, "manifests", reference.wire)
        headers = {"Accept": _ACCEPT_MANIFESTS}
        return self._transport.request(method, url, what, headers, access=_access(reference.repository))

    def _put_manifest(
        self, reference: Reference, data: bytes, media_type: str, condition: dict[str, str]
    ) -> Answer:
        return self._transport.request(
            "PUT",
            self._url(reference.repository, "manifests", reference.wire),
            f"upload of manifest {reference}",
            {"Content-Type": media_type, **condition},
            data,
            access=_access(reference.repository, "pull,push"),
        )

    def _read_fetched(self, answer: Answer, reference: Reference) -> FetchedManifest:
        """The manifest in an answer, verified by the digest that was asked for, or else by the one it names."""
        what = f"manifest {reference}"
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
                raise ContentMismatch(f"{what}: the registry says that its digest is {said[:200]}, it is {digest}")
        media_type = (answer.header("Content-Type") or "").partition(";")[0].strip()
        declared = declared_type(data)
        if media_type and declared not in ("", media_type):
            # distribution-spec v1.1.1, "Pulling manifests"; CVE-2021-41190
            raise MalformedManifest(f"{what}: it says that it is {declared}, the registry that it is {media_type}")
        return FetchedManifest(Descriptor(media_type, digest, len(data)), data)

    def _pages(self, repository: Repository, path: str, what: str, headers: dict[str, str]) -> Iterator[Answer]:
        """Each page of a list, by its `Link` to the next one, which must be on the same host."""
        url = self._url(repository, path)
        for _ in range(MAX_PAGES):
            answer = self._transport.request("GET", url, what, headers, access=_access(repository))
            yield answer
            link = parse_next_link(answer.header("Link") or "")
            if link is None:
                return
            url = next_page(answer.url, link, what)
        raise UnexpectedAnswer(f"{what}: there are more than {MAX_PAGES} pages")


def real_transport(
    environment: Mapping[str, str], warn: Callable[[str], object], detail: Callable[[str], object] | None = None
) -> Transport:
    """HTTP with the credentials and the settings of one user; `detail` is told of each request.

    `WPKG_INSECURE_REGISTRIES` lists registries that plain http is spoken with, as host or host:port.
    """
    return Transport(Credentials(environment, warn).find, warn, _plain_http(environment), detail=detail)


def _plain_http(environment: Mapping[str, str]) -> frozenset[str]:
    listed = environment.get("WPKG_INSECURE_REGISTRIES", "").split(",")
    return frozenset(name.strip() for name in listed if name.strip())


def check_login(registry: str, credential: Credential, environment: Mapping[str, str]) -> None:
    """Nothing when `registry` accepts a credential, or wants none. Raises: Unauthorized, RegistryError."""
    what = f"login at {registry}"
    transport = Transport(lambda _registry, _path: credential, plain_http=_plain_http(environment))
    url = transport.base_url(registry) + "/v2/"
    answer = transport.request("GET", url, what, access=Access(registry, only_as_user=True))
    if answer.status != HTTPStatus.OK:
        raise answer.error()
    answer.close()


def _path(repository: Repository) -> str:
    """The repository's path; on Docker Hub, names without a slash are in `library/`."""
    is_official = repository.registry in DOCKER_HUB and "/" not in repository.path
    return f"library/{repository.path}" if is_official else repository.path


def _access(repository: Repository, actions: str = "pull", also: Repository | None = None) -> Access:
    scopes = [f"repository:{_path(repository)}:{actions}"]
    if also is not None:
        scopes.append(f"repository:{_path(also)}:pull")
    return Access(repository.registry, tuple(scopes), repository.path)
