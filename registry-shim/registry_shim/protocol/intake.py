"""Bodies of requests, taken piece by piece.

An `Intake` is used by one thread at a time: `take` for every piece, `finish` once for the response, `close`
in every case. Without `finish`, `close` leaves what a client that went away needs to go on, and publishes
nothing.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

from registry_shim.errors import BlobTooLarge
from registry_shim.protocol.messages import ErrorCode, Refusal, bad_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from registry_shim.protocol.messages import Response
    from registry_shim.store.uploads import Upload, Uploads


class Intake(Protocol):
    """Something that takes a body."""

    def take(self, piece: bytes) -> None:
        """Take the next bytes. Raises: Refusal."""

    def finish(self) -> Response:
        """The response to the whole body. Raises: WpkgError."""

    def close(self) -> None:
        """Let go of what is held."""


class SmallIntake:
    """A body that is kept in memory, up to `limit` bytes, and then answered by `answer`."""

    def __init__(self, limit: int, answer: Callable[[bytes], Response]) -> None:
        self._limit = limit
        self._answer = answer
        self._data = bytearray()

    def take(self, piece: bytes) -> None:
        """Take the next bytes. Raises: Refusal when there are too many."""
        if len(self._data) + len(piece) > self._limit:
            raise too_large(self._limit)
        self._data += piece

    def finish(self) -> Response:
        """The response to the whole body. Raises: WpkgError."""
        return self._answer(bytes(self._data))

    def close(self) -> None:
        """Let go of the bytes."""
        self._data = bytearray()


class UploadIntake:
    """A body that goes to an upload session, which the request holds until `close`.

    `size` is what the request said the body would have; another one is refused and leaves the session as it
    was. `answer` may end the session. A session that only this request can know, `is_private`, ends with it.
    """

    def __init__(
        self,
        uploads: Uploads,
        upload: Upload,
        answer: Callable[[], Response],
        *,
        size: int | None = None,
        is_private: bool = False,
    ) -> None:
        self._uploads = uploads
        self._upload = upload
        self._answer = answer
        self._start = upload.offset
        self._size = size  # bytes
        self._is_private = is_private

    def take(self, piece: bytes) -> None:
        """Add the next bytes to the session.

        Raises: Refusal when there are more than was said, BlobTooLarge, NoSpaceLeft.
        """
        if self._size is not None and self._upload.offset + len(piece) - self._start > self._size:
            raise self._wrong_size()
        try:
            self._uploads.check_size(self._upload.offset + len(piece))
        except BlobTooLarge:
            self._upload.rewind(self._start)
            raise
        self._uploads.check_space(len(piece))
        self._upload.append(piece)

    def finish(self) -> Response:
        """The response to the whole body. Raises: WpkgError."""
        if self._size is not None and self._upload.offset - self._start != self._size:
            raise self._wrong_size()
        return self._answer()

    def close(self) -> None:
        """Let others have the session, as far as it still exists."""
        if self._is_private:
            self._uploads.drop(self._upload)
        else:
            self._uploads.release(self._upload)

    def _wrong_size(self) -> Refusal:
        self._upload.rewind(self._start)
        return bad_request(ErrorCode.SIZE_INVALID, f"the body does not have the {self._size} bytes announced")


def too_large(limit: int) -> Refusal:
    """The refusal of a manifest over the limit (distribution-spec v1.1.1, "Pushing Manifests")."""
    return Refusal(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        ErrorCode.SIZE_INVALID,
        f"a manifest may have {limit} bytes, this one has more",
    )
