"""Asking a service what it holds, from inside the program: manifests, small blobs, referrers.

Asking the service instead of the store means that whatever the service does for others (fetching from upstream,
checking what is on disk, hiding what a caller may not see) it does here as well.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from registry_shim.errors import EvidenceUnavailable, TryLater
from registry_shim.protocol.messages import BlobSlice, Request, Response
from registry_shim.protocol.registry import exchange
from wpkg.errors import RegistryError
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import Digest
from wpkg.oci.manifest import MAX_MANIFEST_SIZE, Index, MalformedManifest, read_manifest
from wpkg.oci.referrers import MAX_REFERRERS

if TYPE_CHECKING:
    from registry_shim.protocol.intake import Intake
    from registry_shim.protocol.messages import Headers
    from registry_shim.protocol.service import Service

MAX_PAGES = 64  # of referrers
_NEXT = re.compile(r'<([^>?]*)\??([^>]*)>\s*;\s*rel="?next"?')


class NotHere(RegistryError):
    """The registry does not have what was asked for, which may come later."""


class Heard:
    """A `Service` for one question, which remembers the warnings that came with its answers."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.warnings: Headers = ()  # each once

    def begin(self, request: Request) -> Response | Intake:
        """See Service. Raises: WpkgError."""
        response = self._service.begin(request)
        if isinstance(response, Response):
            warnings = (header for header in response.headers if header[0].lower() == "warning")
            self.warnings += tuple(header for header in warnings if header not in self.warnings)
        return response

    def is_immediate(self, request: Request) -> bool:
        """See Service."""
        return self._service.is_immediate(request)


def head(service: Service, repository: str, reference: str) -> Descriptor | None:
    """What a tag or digest names, None when it names nothing. Raises: EvidenceUnavailable."""
    response = exchange(service, Request("HEAD", f"/v2/{repository}/manifests/{reference}"))
    if response.status == HTTPStatus.NOT_FOUND:
        return None
    headers = {name.lower(): value for name, value in response.headers}
    if response.status != HTTPStatus.OK or "docker-content-digest" not in headers:
        raise _unavailable(response, f"asked what {reference} names")
    return Descriptor(
        headers.get("content-type", ""),
        Digest.parse(headers["docker-content-digest"]),
        int(headers.get("content-length", 0)),
    )


def fetch_manifest(service: Service, repository: str, digest: Digest) -> bytes:
    """The bytes of a manifest; whether they are those of `digest` is for the caller to check.

    Raises: NotHere, EvidenceUnavailable.
    """
    return _fetch(service, f"/v2/{repository}/manifests/{digest}", f"manifest {digest.short}", MAX_MANIFEST_SIZE)


def fetch_blob(service: Service, repository: str, blob: Descriptor) -> bytes:
    """The bytes of a small blob, likewise. Raises: NotHere, EvidenceUnavailable."""
    return _fetch(service, f"/v2/{repository}/blobs/{blob.digest}", f"blob {blob.digest.short}", blob.size)


def list_referrers(service: Service, repository: str, subject: Digest) -> list[Descriptor]:
    """The manifests whose subject is `subject`. Raises: EvidenceUnavailable."""
    found: list[Descriptor] = []
    path, query = f"/v2/{repository}/referrers/{subject}", ""
    for _ in range(MAX_PAGES):
        response = exchange(service, Request("GET", path, query))
        try:
            index = read_manifest(_body(response, MAX_MANIFEST_SIZE)) if response.status == HTTPStatus.OK else None
        except MalformedManifest:
            index = None
        if not isinstance(index, Index):
            raise _unavailable(response, "asked for the referrers")
        found += index.manifests
        link = next((_NEXT.search(value) for name, value in response.headers if name.lower() == "link"), None)
        if link is None or len(found) > MAX_REFERRERS:
            return found
        path, query = link[1], link[2]
    raise EvidenceUnavailable("the list of referrers does not end")


def _fetch(service: Service, path: str, what: str, limit: int) -> bytes:
    response = exchange(service, Request("GET", path))
    data = _body(response, limit)
    if response.status == HTTPStatus.NOT_FOUND:
        raise NotHere(f"{what} is not here")
    if response.status != HTTPStatus.OK:
        raise _unavailable(response, f"asked for {what}")
    return data


def _unavailable(response: Response, asked: str) -> EvidenceUnavailable:
    message = f"{asked}, the registry answered {response.status}"
    if response.status not in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        return EvidenceUnavailable(message)
    retry_after = next((value for name, value in response.headers if name.lower() == "retry-after"), None)
    return TryLater(message, response.status, retry_after)


def _body(response: Response, limit: int) -> bytes:
    """At most `limit` bytes and one more, which tells that there are too many; closes what is open."""
    body = response.body
    if isinstance(body, BlobSlice):
        try:
            return body.blob.read(body.offset, min(body.length, limit + 1))
        finally:
            body.blob.close()
    return body[: limit + 1]
