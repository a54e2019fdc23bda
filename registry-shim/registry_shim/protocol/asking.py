"""Asking a service what it holds, from inside the program: manifests, small blobs, referrers.

Asking the service instead of the store means that whatever the service does for others (fetching from upstream,
checking what is on disk, hiding what a caller may not see) it does here as well.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from registry_shim.errors import EvidenceUnavailable
from registry_shim.protocol.messages import BlobSlice, Request
from registry_shim.protocol.registry import exchange
from wpkg.errors import RegistryError
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import Digest
from wpkg.oci.manifest import MAX_MANIFEST_SIZE, Index, MalformedManifest, read_manifest
from wpkg.oci.referrers import MAX_REFERRERS

if TYPE_CHECKING:
    from registry_shim.protocol.messages import Response
    from registry_shim.protocol.service import Service

MAX_PAGES = 64  # of referrers
_NEXT = re.compile(r'<([^>?]*)\??([^>]*)>\s*;\s*rel="?next"?')


class NotHere(RegistryError):
    """The registry does not have what was asked for, which may come later."""


def head(service: Service, repository: str, reference: str) -> Descriptor | None:
    """What a tag or digest names, None when it names nothing. Raises: EvidenceUnavailable."""
    response = exchange(service, Request("HEAD", f"/v2/{repository}/manifests/{reference}"))
    if response.status == HTTPStatus.NOT_FOUND:
        return None
    headers = {name.lower(): value for name, value in response.headers}
    if response.status != HTTPStatus.OK or "docker-content-digest" not in headers:
        raise EvidenceUnavailable(f"asked what {reference} names, the registry answered {response.status}")
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
            raise EvidenceUnavailable(f"asked for the referrers, the registry answered {response.status}")
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
        raise EvidenceUnavailable(f"asked for {what}, the registry answered {response.status}")
    return data


def _body(response: Response, limit: int) -> bytes:
    """At most `limit` bytes and one more, which tells that there are too many; closes what is open."""
    body = response.body
    if isinstance(body, BlobSlice):
        try:
            return body.blob.read(body.offset, min(body.length, limit + 1))
        finally:
            body.blob.close()
    return body[: limit + 1]
