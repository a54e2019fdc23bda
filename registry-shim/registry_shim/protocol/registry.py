"""The registry: every request to its response.

The table says which methods an endpoint has and who answers them; `refuse` says how each thing that can go
wrong is answered. Nothing else in the program chooses a status for an error.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from registry_shim.errors import (
    BlobTooLarge,
    BusyUpload,
    DamagedStore,
    EvidenceUnavailable,
    MissingContent,
    NoSpaceLeft,
    RulesUnreadable,
    TooManyUploads,
    TryLater,
    UnknownUpload,
)
from registry_shim.protocol.blobs import (
    cancel_upload,
    close_upload,
    continue_upload,
    delete_blob,
    get_blob,
    get_upload,
    start_upload,
)
from registry_shim.protocol.listings import get_api, get_catalog, get_referrers, get_tags
from registry_shim.protocol.manifests import delete_manifest, get_manifest, put_manifest
from registry_shim.protocol.messages import ErrorCode, Refusal, Response, code_to_wait
from registry_shim.protocol.routes import Endpoint, find_route
from wpkg.errors import WpkgError
from wpkg.oci.digest import ContentMismatch
from wpkg.oci.manifest import MalformedManifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from registry_shim.protocol.intake import Intake
    from registry_shim.protocol.messages import Request
    from registry_shim.protocol.routes import Route
    from registry_shim.protocol.service import Service
    from registry_shim.store.store import Store

    Handler = Callable[[Store, Route, Request], Response | Intake]

HANDLERS: dict[Endpoint, dict[str, Handler]] = {
    Endpoint.API: {"GET": get_api, "HEAD": get_api},
    Endpoint.CATALOG: {"GET": get_catalog, "HEAD": get_catalog},
    Endpoint.MANIFEST: {
        "GET": get_manifest,
        "HEAD": get_manifest,
        "PUT": put_manifest,
        "DELETE": delete_manifest,
    },
    Endpoint.BLOB: {"GET": get_blob, "HEAD": get_blob, "DELETE": delete_blob},
    Endpoint.UPLOADS: {"POST": start_upload},
    Endpoint.UPLOAD: {
        "GET": get_upload,
        "PATCH": continue_upload,
        "PUT": close_upload,
        "DELETE": cancel_upload,
    },
    Endpoint.TAGS: {"GET": get_tags, "HEAD": get_tags},
    Endpoint.REFERRERS: {"GET": get_referrers, "HEAD": get_referrers},
}

RETRY_AFTER_SECONDS = 1  # when another request is writing to the same session
MANY_UPLOADS_RETRY_AFTER_SECONDS = 60  # when other sessions have to end first


class Registry:
    """The OCI distribution API over a store. Safe for several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def begin(self, request: Request) -> Response | Intake:
        """The response, or what takes the body and then gives the response. Raises: WpkgError."""
        route = find_route(request.path)
        handlers = HANDLERS[route.endpoint]
        handler = handlers.get(request.method)
        if handler is None:
            raise Refusal(
                HTTPStatus.METHOD_NOT_ALLOWED,
                ErrorCode.UNSUPPORTED,
                f"this is possible here: {', '.join(handlers)}",
                headers=(("Allow", ", ".join(handlers)),),
            )
        return handler(self._store, route, request)

    def is_immediate(self, request: Request) -> bool:
        """Whether `begin` opens at most one file and waits for nobody: reading content by name or digest."""
        if request.method not in ("GET", "HEAD"):
            return False
        try:
            route = find_route(request.path)
        except Refusal:
            return True
        return route.endpoint is Endpoint.API or (
            route.endpoint in (Endpoint.BLOB, Endpoint.MANIFEST) and self._store.is_loaded(route.repository)
        )


def refuse(error: WpkgError) -> Response:
    """How an error is answered."""
    match error:
        case Refusal():
            refusal = error
        case UnknownUpload():
            refusal = Refusal(HTTPStatus.NOT_FOUND, ErrorCode.BLOB_UPLOAD_UNKNOWN, str(error))
        case BusyUpload():
            refusal = Refusal(
                HTTPStatus.TOO_MANY_REQUESTS,
                ErrorCode.TOOMANYREQUESTS,
                str(error),
                headers=(("Retry-After", str(RETRY_AFTER_SECONDS)),),
            )
        case TooManyUploads():
            refusal = Refusal(
                HTTPStatus.TOO_MANY_REQUESTS,
                ErrorCode.TOOMANYREQUESTS,
                str(error),
                headers=(("Retry-After", str(MANY_UPLOADS_RETRY_AFTER_SECONDS)),),
            )
        case BlobTooLarge():
            refusal = Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, ErrorCode.SIZE_INVALID, str(error))
        case NoSpaceLeft():
            refusal = Refusal(HTTPStatus.INSUFFICIENT_STORAGE, ErrorCode.DENIED, str(error))
        case RulesUnreadable():
            refusal = Refusal(HTTPStatus.SERVICE_UNAVAILABLE, ErrorCode.DENIED, str(error))
        case ContentMismatch():
            refusal = Refusal(HTTPStatus.BAD_REQUEST, ErrorCode.DIGEST_INVALID, str(error))
        case MalformedManifest():
            refusal = Refusal(HTTPStatus.BAD_REQUEST, ErrorCode.MANIFEST_INVALID, str(error))
        case MissingContent():
            refusal = Refusal(
                HTTPStatus.BAD_REQUEST,
                ErrorCode.MANIFEST_BLOB_UNKNOWN,
                str(error),
                detail={"digest": str(error.digest)},
            )
        case DamagedStore():
            refusal = Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, ErrorCode.MANIFEST_INVALID, str(error))
        case TryLater():
            headers = (("Retry-After", error.retry_after),) if error.retry_after is not None else ()
            refusal = Refusal(error.status, code_to_wait(error.status), str(error), headers=headers)
        case EvidenceUnavailable():
            refusal = Refusal(HTTPStatus.FORBIDDEN, ErrorCode.DENIED, f"could not check: {error}")
        case _:
            raise error
    return refusal.response


def exchange(service: Service, request: Request, body: Iterable[bytes] = ()) -> Response:
    """The response to a request with the pieces of its body, without a connection between.

    A `BlobSlice` in it is open, and the caller's to close.
    """
    try:
        step = service.begin(request)
        if isinstance(step, Response):
            return step
        try:
            for piece in body:
                step.take(piece)
            return step.finish()
        finally:
            step.close()
    except WpkgError as error:
        return refuse(error)
