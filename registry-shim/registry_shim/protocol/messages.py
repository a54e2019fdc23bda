"""Requests, responses and refusals as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote

from registry_shim.limits import MAX_ECHO_LENGTH, MAX_WARNING_LENGTH
from wpkg.documents.strict_json import dump_json
from wpkg.errors import InvalidInput

if TYPE_CHECKING:
    import mmap
    from collections.abc import Callable, Mapping

JSON = "application/json"
BINARY = "application/octet-stream"

Headers = tuple[tuple[str, str], ...]


class ErrorCode(StrEnum):
    """The codes that an error may have (distribution-spec v1.1.1, "Error Codes")."""

    BLOB_UNKNOWN = "BLOB_UNKNOWN"
    BLOB_UPLOAD_INVALID = "BLOB_UPLOAD_INVALID"
    BLOB_UPLOAD_UNKNOWN = "BLOB_UPLOAD_UNKNOWN"
    DIGEST_INVALID = "DIGEST_INVALID"
    MANIFEST_BLOB_UNKNOWN = "MANIFEST_BLOB_UNKNOWN"
    MANIFEST_INVALID = "MANIFEST_INVALID"
    MANIFEST_UNKNOWN = "MANIFEST_UNKNOWN"
    NAME_INVALID = "NAME_INVALID"
    NAME_UNKNOWN = "NAME_UNKNOWN"
    SIZE_INVALID = "SIZE_INVALID"
    UNAUTHORIZED = "UNAUTHORIZED"
    DENIED = "DENIED"
    UNSUPPORTED = "UNSUPPORTED"
    TOOMANYREQUESTS = "TOOMANYREQUESTS"


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks for, without the body."""

    method: str
    path: str  # as it was sent, still percent-encoded
    query: str = ""  # the same, without '?'
    headers: Mapping[str, str] = field(default_factory=dict)  # by lower-case name
    may_read: Callable[[str], bool] | None = None  # which repositories whoever asks may read; None for all

    def parameters(self, name: str) -> list[str]:
        """The values that the query gives `name`, in order.

        '+' stands for itself: no parameter has spaces, but media types have plus signs, and people type them.
        """
        pairs = (item.partition("=") for item in self.query.split("&"))
        return [unquote(value) for key, _, value in pairs if unquote(key) == name]

    def parameter(self, name: str) -> str | None:
        """The first value that the query gives `name`."""
        return next(iter(self.parameters(name)), None)


class Content(Protocol):
    """The bytes of a blob."""

    size: int  # bytes

    def read(self, offset: int, length: int) -> bytes:
        """At most `length` bytes from `offset`; fewer only at the end."""

    def read_cached(self, offset: int, length: int) -> bytearray | None:
        """All of that, if nothing has to be waited for; else None."""

    def is_cached(self, offset: int, length: int) -> bool:
        """Whether all of that can be sent from the open file, most likely without waiting for the disk."""

    def fileno(self) -> int:
        """The open file, as the system knows it."""

    def map(self) -> mmap.mmap:
        """All of it as memory, to be closed by the caller. Not for size 0."""

    def close(self) -> None:
        """Let go of it; once."""


@dataclass(frozen=True, slots=True)
class BlobSlice:
    """A part of a blob, to be streamed and then closed by whoever sends it."""

    blob: Content
    offset: int  # bytes from the start of the blob
    length: int  # bytes


@dataclass(frozen=True, slots=True)
class Response:
    """What the client is told."""

    status: int
    headers: Headers = ()
    body: bytes | BlobSlice = b""


class Refusal(InvalidInput):
    """A request is answered with an error; `response` is that answer. The message repeats no server path."""

    def __init__(
        self, status: int, error_code: ErrorCode, message: str, *, headers: Headers = (), detail: object = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error_code = error_code
        self.headers = headers
        self.detail = detail

    @property
    def response(self) -> Response:
        """The answer (distribution-spec v1.1.1, "Error Codes")."""
        error: dict[str, Any] = {"code": str(self.error_code), "message": self.message}
        if self.detail is not None:
            error["detail"] = self.detail
        return json_response(self.status, {"errors": [error]}, headers=self.headers)


def json_response(
    status: int, value: Mapping[str, Any], *, media_type: str = JSON, headers: Headers = ()
) -> Response:
    """A response whose body is `value`."""
    return Response(status, (("Content-Type", media_type), *headers), dump_json(value))


def warning(text: str) -> Headers:
    """A `Warning` header (distribution-spec v1.1.1, "Warnings"): one line of ASCII, whatever `text` is."""
    safe = "".join(c if c.isascii() and c.isprintable() else "?" for c in text[:MAX_WARNING_LENGTH])
    quoted = safe.replace("\\", "\\\\").replace('"', '\\"')
    return (("Warning", f'299 - "{quoted}"'),)


def echo(text: str) -> str:
    """What a client sent, quoted and short enough to be repeated in an error."""
    cut = text if len(text) <= MAX_ECHO_LENGTH else f"{text[:MAX_ECHO_LENGTH]}…"
    return f"'{cut}'"


def bad_request(error_code: ErrorCode, message: str) -> Refusal:
    """The refusal of a request that is wrong in itself."""
    return Refusal(HTTPStatus.BAD_REQUEST, error_code, message)


def code_to_wait(status: int) -> ErrorCode:
    """The code of a refusal for now; the specification has one for only one of the two."""
    is_asking_too_much = status == HTTPStatus.TOO_MANY_REQUESTS
    return ErrorCode.TOOMANYREQUESTS if is_asking_too_much else ErrorCode.UNSUPPORTED


def not_found(error_code: ErrorCode, message: str) -> Refusal:
    """The refusal of a request for something that is not here."""
    return Refusal(HTTPStatus.NOT_FOUND, error_code, message)
