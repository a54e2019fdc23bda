"""Blobs and the upload sessions that they come by.

Distribution-spec v1.1.1, "Pulling blobs", "Pushing blobs", "Mounting a blob from another repository",
"Deleting Blobs"; with 416 on a closing PUT and the cancelling of sessions from its main branch.
"""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from registry_shim.errors import UnknownUpload
from registry_shim.protocol.conditions import answer_condition, entity_tag
from registry_shim.protocol.intake import UploadIntake
from registry_shim.protocol.messages import (
    BINARY,
    BlobSlice,
    ErrorCode,
    Headers,
    Refusal,
    Response,
    bad_request,
    not_found,
)
from registry_shim.protocol.ranges import (
    MalformedRange,
    UnsatisfiableRange,
    read_content_range,
    read_range,
    received,
)
from registry_shim.protocol.routes import read_computed_digest, read_digest
from registry_shim.store.uploads import DEFAULT_ALGORITHM

if TYPE_CHECKING:
    from registry_shim.protocol.messages import Content, Request
    from registry_shim.protocol.ranges import ByteRange
    from registry_shim.protocol.routes import Route
    from registry_shim.store.repository import Repository
    from registry_shim.store.store import Store
    from registry_shim.store.uploads import Upload, Uploads
    from wpkg.oci.digest import Digest

ALGORITHMS = ("sha256", "sha512")


def get_blob(store: Store, route: Route, request: Request) -> Response:
    """The blob or the part of it that was asked for. Its bytes are not verified: the client does that."""
    digest = read_digest(route.item)
    repository = store.find(route.repository)
    blob = repository.blobs.show(digest) if repository is not None and digest is not None else None
    if blob is None or digest is None:
        raise _unknown_blob(route)
    return answer_blob(request, digest, blob)


def answer_blob(request: Request, digest: Digest, blob: Content) -> Response:
    """The blob or the part of it that was asked for; `blob` is closed, or goes with the response."""
    try:
        response, offset, length = describe_blob(request, digest, blob.size)
    except BaseException:
        blob.close()
        raise
    if request.method == "HEAD" or response.status == HTTPStatus.NOT_MODIFIED:
        blob.close()
        return response
    return Response(response.status, response.headers, BlobSlice(blob, offset, length))


def describe_blob(request: Request, digest: Digest, size: int) -> tuple[Response, int, int]:
    """The answer without its body, and which bytes that has: from where, and how many. Raises: Refusal."""
    etag = entity_tag(digest)
    identity: Headers = (("Docker-Content-Digest", str(digest)), ("ETag", etag))
    known = answer_condition(request, digest, identity)
    part = _requested_part(request, etag, size)
    if known is not None:
        return known, 0, 0
    offset, length = (part.first, part.length) if part is not None else (0, size)
    headers: Headers = (
        ("Content-Type", BINARY),
        ("Content-Length", str(length)),
        *identity,
        ("Accept-Ranges", "bytes"),
    )
    if part is None:
        return Response(HTTPStatus.OK, headers), offset, length
    headers = (*headers, ("Content-Range", f"bytes {part}/{size}"))
    return Response(HTTPStatus.PARTIAL_CONTENT, headers), offset, length


def _requested_part(request: Request, etag: str, size: int) -> ByteRange | None:
    wanted = request.headers.get("range")
    # A range of other bytes than these is not wanted (RFC 9110 section 13.1.5).
    if wanted is None or request.headers.get("if-range", etag) != etag:
        return None
    try:
        return read_range(wanted, size)
    except UnsatisfiableRange as error:
        raise Refusal(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            ErrorCode.SIZE_INVALID,
            str(error),
            headers=(("Content-Range", f"bytes */{size}"),),
        ) from error


def delete_blob(store: Store, route: Route, _request: Request) -> Response:
    """The confirmation that the blob is no more. Content that is a manifest is deleted as one."""
    digest = read_digest(route.item)
    with store.holding(route.repository) as repository:
        if repository is None or digest is None:
            raise _unknown_blob(route)
        if repository.find(digest) is not None:
            raise Refusal(
                HTTPStatus.METHOD_NOT_ALLOWED,
                ErrorCode.UNSUPPORTED,
                f"{digest} is a manifest; delete it under /manifests/",
                headers=(("Allow", "GET, HEAD"),),
            )
        if not repository.remove_blob(digest):
            raise _unknown_blob(route)
    return Response(HTTPStatus.ACCEPTED)


def start_upload(store: Store, route: Route, request: Request) -> Response | UploadIntake:
    """A new session, a mounted blob, or the intake of a blob that comes with this very request."""
    mounted = request.parameter("mount")
    if mounted is not None:
        digest = read_computed_digest(mounted)
        if store.mount(digest, request.parameter("from"), route.repository, request.may_read):
            return _created(route, digest)
    elif (text := request.parameter("digest")) is not None:
        digest = read_computed_digest(text)
        with store.creating(route.repository) as repository:
            _check_length(request, repository.uploads, 0)
            upload = repository.uploads.start(digest.algorithm)
        return UploadIntake(
            repository.uploads,
            upload,
            partial(_commit, repository, upload, route, digest),
            is_private=True,
        )
    algorithm = request.parameter("digest-algorithm") or DEFAULT_ALGORITHM
    if algorithm not in ALGORITHMS:
        raise bad_request(ErrorCode.DIGEST_INVALID, "only the algorithms sha256 and sha512 are supported")
    with store.creating(route.repository) as repository:
        upload = repository.uploads.start(algorithm)
        repository.uploads.release(upload)
    return Response(HTTPStatus.ACCEPTED, _progress(route, upload.session, 0))


def get_upload(store: Store, route: Route, _request: Request) -> Response:
    """How far the session is."""
    offset = _repository_of(store, route).uploads.offset(route.item)
    return Response(HTTPStatus.NO_CONTENT, _progress(route, route.item, offset))


def continue_upload(store: Store, route: Route, request: Request) -> UploadIntake:
    """The intake of a chunk, or of a stream without a `Content-Range`."""
    uploads = _repository_of(store, route).uploads
    upload = uploads.hold(route.item)
    try:
        size = _announced_size(route, request, upload)
        _check_length(request, uploads, upload.offset)
    except BaseException:
        uploads.release(upload)
        raise

    def answer() -> Response:
        return Response(HTTPStatus.ACCEPTED, _progress(route, upload.session, upload.offset))

    return UploadIntake(uploads, upload, answer, size=size)


def close_upload(store: Store, route: Route, request: Request) -> UploadIntake:
    """The intake of the last chunk, of the whole blob, or of nothing; then the blob is there."""
    digest = read_computed_digest(request.parameter("digest"))
    repository = _repository_of(store, route)
    upload = repository.uploads.hold(route.item)
    try:
        size = _announced_size(route, request, upload)
        _check_length(request, repository.uploads, upload.offset)
        upload.hash_with(digest.algorithm)
    except BaseException:
        repository.uploads.release(upload)
        raise
    return UploadIntake(repository.uploads, upload, partial(_commit, repository, upload, route, digest), size=size)


def cancel_upload(store: Store, route: Route, _request: Request) -> Response:
    """The confirmation that the session is no more."""
    uploads = _repository_of(store, route).uploads
    uploads.drop(uploads.hold(route.item))
    return Response(HTTPStatus.NO_CONTENT)


def _check_length(request: Request, uploads: Uploads, offset: int) -> None:
    """Nothing, where the body may come after `offset` bytes; refused before it is sent, it need not be.

    Raises: BlobTooLarge, NoSpaceLeft.
    """
    text = request.headers.get("content-length", "")
    length = int(text) if text.isascii() and text.isdecimal() else 0
    uploads.check_size(offset + length)
    uploads.check_space(length)


def _announced_size(route: Route, request: Request, upload: Upload) -> int | None:
    """How many bytes the body must have, None where nothing was said. Raises: Refusal."""
    text = request.headers.get("content-range")
    if text is None:
        return None
    try:
        chunk = read_content_range(text)
    except MalformedRange as error:
        raise bad_request(ErrorCode.BLOB_UPLOAD_INVALID, str(error)) from error
    except UnsatisfiableRange as error:
        raise _out_of_order(route, upload) from error
    if chunk.first != upload.offset:
        raise _out_of_order(route, upload)
    return chunk.length


def _out_of_order(route: Route, upload: Upload) -> Refusal:
    """The refusal of a chunk; it says where to go on, which saves the client the question."""
    return Refusal(
        HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
        ErrorCode.BLOB_UPLOAD_INVALID,
        f"the next chunk of this session begins at byte {upload.offset}",
        headers=_progress(route, upload.session, upload.offset),
    )


def _commit(repository: Repository, upload: Upload, route: Route, digest: Digest) -> Response:
    repository.commit(upload, digest)
    return _created(route, digest)


def _created(route: Route, digest: Digest) -> Response:
    return Response(
        HTTPStatus.CREATED,
        (
            ("Location", f"/v2/{route.repository}/blobs/{digest}"),
            ("Docker-Content-Digest", str(digest)),
        ),
    )


def _progress(route: Route, session: str, offset: int) -> Headers:
    return (
        ("Location", f"/v2/{route.repository}/blobs/uploads/{session}"),
        ("Range", received(offset)),
    )


def _repository_of(store: Store, route: Route) -> Repository:
    repository = store.find(route.repository)
    if repository is None:
        raise UnknownUpload("there is no such upload session in this repository")
    return repository


def _unknown_blob(route: Route) -> Refusal:
    return not_found(ErrorCode.BLOB_UNKNOWN, f"{route.item} is not a blob of this repository")
