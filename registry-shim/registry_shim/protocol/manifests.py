"""Manifests and indexes, by tag and by digest.

Distribution-spec v1.1.1, "Pulling manifests", "Pushing Manifests", "Pushing Manifests with Subject",
"Deleting Tags", "Deleting Manifests"; with tags beside a digest from its main branch. Conditions apply to the tags
that a request writes, or else to the digest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from registry_shim.limits import IMMEDIATE_READ_SIZE, MAX_MANIFEST_SIZE
from registry_shim.protocol.conditions import answer_condition, entity_tag, read_conditions
from registry_shim.protocol.intake import SmallIntake, too_large
from registry_shim.protocol.messages import (
    BlobSlice,
    ErrorCode,
    Headers,
    Refusal,
    Response,
    bad_request,
    echo,
    not_found,
)
from registry_shim.protocol.routes import read_computed_digest, read_reference
from registry_shim.store.documents import check_embedded, read_document
from wpkg.oci.digest import Digest
from wpkg.oci.reference import is_tag

if TYPE_CHECKING:
    from registry_shim.protocol.conditions import Conditions
    from registry_shim.protocol.messages import Request
    from registry_shim.protocol.routes import Route
    from registry_shim.store.catalog import Entry
    from registry_shim.store.repository import Repository
    from registry_shim.store.store import Store

# RFC 6838 section 4.2; parameters are cut off before.
_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_MEDIA_TYPE = re.compile(rf"{_NAME}/{_NAME}")


def get_manifest(store: Store, route: Route, request: Request) -> Response:
    """The manifest, byte for byte as it was pushed; verified, also when only its headers are asked for."""
    reference = read_reference(route.item)
    repository = store.find(route.repository)
    entry = repository.find(reference) if repository is not None and reference is not None else None
    if repository is None or entry is None:
        raise _unknown_manifest(route)
    headers: Headers = (
        ("Content-Type", entry.media_type),
        ("Content-Length", str(entry.size)),
        ("Docker-Content-Digest", str(entry.digest)),
        ("ETag", entity_tag(entry.digest)),
    )
    known = answer_condition(request, entry.digest, headers[2:])
    body = _read_verified(repository, entry)
    if body is None:
        raise _unknown_manifest(route)
    if known is None and request.method != "HEAD":
        return Response(HTTPStatus.OK, headers, body)
    if isinstance(body, BlobSlice):
        body.blob.close()
    return known or Response(HTTPStatus.OK, headers)


def _read_verified(repository: Repository, entry: Entry) -> bytes | BlobSlice | None:
    """The manifest's bytes; those of a long one as a file, so that many of them need no memory.

    None when it has been removed meanwhile.
    """
    if entry.size <= IMMEDIATE_READ_SIZE:
        return repository.show(entry)
    blob = repository.open(entry)
    return BlobSlice(blob, 0, entry.size) if blob is not None else None


def put_manifest(store: Store, route: Route, request: Request) -> SmallIntake:
    """The intake of a manifest."""
    reference = read_computed_digest(route.item) if ":" in route.item else read_reference(route.item)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip()
    if media_type and _MEDIA_TYPE.fullmatch(media_type) is None:
        raise bad_request(ErrorCode.MANIFEST_INVALID, "the Content-Type is not a media type")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > MAX_MANIFEST_SIZE:
        raise too_large(MAX_MANIFEST_SIZE)
    promised = reference if isinstance(reference, Digest) else None
    tags = _read_tags(request) if promised is not None else (route.item,)
    push = Push(media_type, promised, tags, read_conditions(request))
    return SmallIntake(MAX_MANIFEST_SIZE, partial(_publish, store, route, push))


@dataclass(frozen=True, slots=True)
class Push:
    """What a request says of the manifest that it brings."""

    media_type: str  # '' for unknown
    digest: Digest | None  # that it promises
    tags: tuple[str, ...]
    conditions: Conditions


def _read_tags(request: Request) -> tuple[str, ...]:
    """The tags that come with a manifest pushed by digest, each once. Raises: Refusal."""
    tags = tuple(dict.fromkeys(request.parameters("tag")))
    for tag in tags:
        if not is_tag(tag):
            raise bad_request(ErrorCode.NAME_INVALID, f"{echo(tag)} is not a tag")
    return tags


def _publish(store: Store, route: Route, push: Push, data: bytes) -> Response:
    promised = push.digest
    digest = Digest.of(data, promised.algorithm if promised is not None else "sha256")
    if promised not in (None, digest):
        raise bad_request(
            ErrorCode.DIGEST_INVALID, f"the {len(data)} bytes received have the digest {digest}, not {promised}"
        )
    document = read_document(data, push.media_type)
    check_embedded(data)
    with store.creating(route.repository) as repository:
        repository.uploads.check_space(len(data))
        repository.publish(document, data, digest, push.tags, push.conditions.check)
    headers: Headers = (
        ("Location", f"/v2/{route.repository}/manifests/{digest}"),
        ("Docker-Content-Digest", str(digest)),
        ("ETag", entity_tag(digest)),
    )
    if promised is not None and push.tags:
        headers = (*headers, ("OCI-Tag", ", ".join(push.tags)))
    if document.subject is not None:
        # Tells the client that it need not keep a referrers tag.
        headers = (*headers, ("OCI-Subject", str(document.subject)))
    return Response(HTTPStatus.CREATED, headers)


def delete_manifest(store: Store, route: Route, request: Request) -> Response:
    """The confirmation that the tag, or the manifest with all its tags, is no more."""
    reference = read_reference(route.item)
    with store.holding(route.repository) as repository:
        if repository is None or reference is None:
            raise _unknown_manifest(route)
        check = read_conditions(request).check
        is_gone = (
            repository.remove_tag(reference, check)
            if isinstance(reference, str)
            else repository.remove_manifest(reference, check)
        )
    if not is_gone:
        raise _unknown_manifest(route)
    return Response(HTTPStatus.ACCEPTED)


def _unknown_manifest(route: Route) -> Refusal:
    return not_found(ErrorCode.MANIFEST_UNKNOWN, f"{route.item} is not a manifest or tag of this repository")
