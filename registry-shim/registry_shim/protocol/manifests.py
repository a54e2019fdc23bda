"""Manifests and indexes, by tag and by digest.

Distribution-spec v1.1.1, "Pulling manifests", "Pushing Manifests", "Pushing Manifests with Subject",
"Deleting Tags", "Deleting Manifests".
"""

from __future__ import annotations

import re
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from registry_shim.limits import MAX_MANIFEST_SIZE
from registry_shim.protocol.intake import SmallIntake, too_large
from registry_shim.protocol.messages import ErrorCode, Headers, Refusal, Response, bad_request, not_found
from registry_shim.protocol.routes import read_computed_digest, read_reference
from registry_shim.store.documents import read_document
from wpkg.oci.digest import Digest

if TYPE_CHECKING:
    from registry_shim.protocol.messages import Request
    from registry_shim.protocol.routes import Route
    from registry_shim.store.store import Store

# RFC 6838 section 4.2; parameters are cut off before.
_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_MEDIA_TYPE = re.compile(rf"{_NAME}/{_NAME}")


def get_manifest(store: Store, route: Route, request: Request) -> Response:
    """The manifest, byte for byte as it was pushed; verified, also when only its headers are asked for."""
    reference = read_reference(route.item)
    repository = store.find(route.repository)
    manifest = repository.fetch(reference) if repository is not None and reference is not None else None
    if manifest is None:
        raise _unknown_manifest(route)
    headers: Headers = (
        ("Content-Type", manifest.entry.media_type),
        ("Content-Length", str(manifest.entry.size)),
        ("Docker-Content-Digest", str(manifest.entry.digest)),
        ("ETag", f'"{manifest.entry.digest}"'),
    )
    return Response(HTTPStatus.OK, headers, b"" if request.method == "HEAD" else manifest.data)


def put_manifest(store: Store, route: Route, request: Request) -> SmallIntake:
    """The intake of a manifest."""
    reference = read_computed_digest(route.item) if ":" in route.item else read_reference(route.item)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip()
    if media_type and _MEDIA_TYPE.fullmatch(media_type) is None:
        raise bad_request(ErrorCode.MANIFEST_INVALID, "the Content-Type is not a media type")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > MAX_MANIFEST_SIZE:
        raise too_large(MAX_MANIFEST_SIZE)
    if isinstance(reference, Digest):
        answer = partial(_publish, store, route, media_type, reference, ())
    else:
        answer = partial(_publish, store, route, media_type, None, (route.item,))
    return SmallIntake(MAX_MANIFEST_SIZE, answer)


def _publish(
    store: Store, route: Route, media_type: str, promised: Digest | None, tags: tuple[str, ...], data: bytes
) -> Response:
    digest = Digest.of(data, promised.algorithm if promised is not None else "sha256")
    if promised not in (None, digest):
        raise bad_request(
            ErrorCode.DIGEST_INVALID, f"the {len(data)} bytes received have the digest {digest}, not {promised}"
        )
    document = read_document(data, media_type)
    store.obtain(route.repository).publish(document, data, digest, tags)
    headers: Headers = (
        ("Location", f"/v2/{route.repository}/manifests/{digest}"),
        ("Docker-Content-Digest", str(digest)),
    )
    if document.subject is not None:
        # Tells the client that it need not keep a referrers tag.
        headers = (*headers, ("OCI-Subject", str(document.subject)))
    return Response(HTTPStatus.CREATED, headers)


def delete_manifest(store: Store, route: Route, _request: Request) -> Response:
    """The confirmation that the tag, or the manifest with all its tags, is no more."""
    reference = read_reference(route.item)
    repository = store.find(route.repository)
    if repository is None or reference is None:
        raise _unknown_manifest(route)
    is_gone = (
        repository.remove_tag(reference) if isinstance(reference, str) else repository.remove_manifest(reference)
    )
    if not is_gone:
        raise _unknown_manifest(route)
    return Response(HTTPStatus.ACCEPTED)


def _unknown_manifest(route: Route) -> Refusal:
    return not_found(ErrorCode.MANIFEST_UNKNOWN, f"{route.item} is not a manifest or tag of this repository")
