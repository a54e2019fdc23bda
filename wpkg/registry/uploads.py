"""Pushing a blob (distribution-spec v1.1.1, "Pushing blobs"): mounted, whole, or in chunks where that is refused.

An upload that fails in a way that may pass starts again from its beginning; one in chunks goes on where its
session stands. What a session says of itself is believed only where it fits what was sent: some say less than
they have.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from wpkg.errors import InvalidInput, RegistryError
from wpkg.oci.digest import ContentMismatch
from wpkg.registry.errors import Unauthorized, UnexpectedAnswer, Unreachable
from wpkg.registry.origins import follow
from wpkg.registry.patience import PASSING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from wpkg.oci.descriptor import Descriptor
    from wpkg.registry.auth import Access
    from wpkg.registry.transport import Answer, Transport

PIECE = 1024 * 1024  # bytes read and sent at a time
CHUNK_SIZE = 16 * 1024 * 1024  # bytes of a PATCH, unless a registry wants more
MAX_CHUNK_SIZE = 1024 * 1024 * 1024  # bytes; a registry that wants more gets this

_OCTETS = {"Content-Type": "application/octet-stream"}
# Answers to a whole blob that mean: too much at once.
_TOO_MUCH = frozenset({HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.METHOD_NOT_ALLOWED})
_SESSION_GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
_RANGE = re.compile(r"(?:bytes=)?0-(\d{1,19})", re.ASCII)


class _Interrupted(Exception):
    """The upload broke off in a way that may go better; `cause` is raised when it does not."""

    def __init__(self, cause: RegistryError, asked: float | None = None) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.asked = asked  # seconds that the registry asks to wait


class _Body:
    """Bytes `start` to `end` of a source, opened anew each time they are sent."""

    def __init__(self, source: Callable[[], BinaryIO], start: int, end: int, what: str) -> None:
        self._source = source
        self._start = start
        self._end = end
        self._what = what

    def __len__(self) -> int:
        return self._end - self._start

    def __iter__(self) -> Iterator[bytes]:
        left = len(self)
        try:
            with self._source() as file:
                if self._start:
                    file.seek(self._start)
                while left:
                    piece = file.read(min(PIECE, left))
                    if not piece:
                        raise ContentMismatch(f"{self._what}: the file became shorter while it was being sent")
                    left -= len(piece)
                    yield piece
        except OSError as error:
            reason = (error.strerror or type(error).__name__).lower()
            raise InvalidInput(f"{self._what}: cannot read what is to be sent: {reason}") from error


class BlobUpload:
    """The upload of one blob to `url`, the repository's `blobs/` folder."""

    def __init__(
        self,
        transport: Transport,
        url: str,
        blob: Descriptor,
        source: Callable[[], BinaryIO],
        access: Access,
        what: str,
    ) -> None:
        self._transport = transport
        self._url = url
        self._blob = blob
        self._source = source
        self._access = access
        self._what = what

    def run(self, mount_from: str | None = None, mount_access: Access | None = None) -> bool:
        """Whether bytes had to be sent; `mount_from` is a repository of this registry that may have them."""
        if self._is_there():
            return False
        session = None
        if mount_from is not None and mount_access is not None:
            session = self._mount(mount_from, mount_access)
            if session is not None and session.status == HTTPStatus.CREATED:
                return False
        attempt = 0
        while True:
            try:
                if not self._send_whole(session or self._start()):
                    self._send_chunks()
            except _Interrupted as broken:
                if not self._transport.patience.is_willing(attempt, broken.asked):
                    raise broken.cause from None
                self._transport.patience.wait(attempt, broken.asked)
                attempt, session = attempt + 1, None
                if self._is_there():
                    return True
            else:
                return True

    def _is_there(self) -> bool:
        answer = self._transport.request(
            "HEAD", self._url + str(self._blob.digest), self._what, access=self._access
        )
        answer.close()
        return answer.status == HTTPStatus.OK

    def _mount(self, repository: str, access: Access) -> Answer | None:
        """The answer that says that it is there now or that opened a session instead, None for others."""
        url = (
            f"{self._url}uploads/?mount={quote(str(self._blob.digest), safe='')}&from={quote(repository, safe='')}"
        )
        try:
            answer = self._transport.request("POST", url, self._what, access=access)
        except Unauthorized:
            return None
        answer.close()
        is_session = answer.status == HTTPStatus.ACCEPTED and answer.header("Location") is not None
        return answer if is_session or answer.status == HTTPStatus.CREATED else None

    def _start(self) -> Answer:
        """The answer that opens a session."""
        url = self._url + "uploads/"
        if self._blob.digest.algorithm != "sha256":
            url += f"?digest-algorithm={self._blob.digest.algorithm}"
        answer = self._transport.request("POST", url, self._what, access=self._access)
        if answer.status != HTTPStatus.ACCEPTED or answer.header("Location") is None:
            raise answer.error()
        answer.close()
        return answer

    def _send_whole(self, session: Answer) -> bool:
        """Whether the registry took it; not when it is too much for it at once."""
        body = _Body(self._source, 0, self._blob.size, self._what) if self._blob.size else b""
        answer = self._request("PUT", self._closing(self._location(session)), _OCTETS, body)
        if answer.status in _TOO_MUCH and self._blob.size > PIECE:
            answer.close()
            return False
        self._check_stored(answer)
        return True

    def _send_chunks(self) -> None:
        """The blob in a new session, chunk by chunk."""
        session = self._start()
        url = self._location(session)
        size = _chunk_size(session)
        at, attempt = 0, 0
        while at < self._blob.size:
            end = min(at + size, self._blob.size)
            headers = {**_OCTETS, "Content-Range": f"{at}-{end - 1}"}
            try:
                answer = self._request("PATCH", url, headers, _Body(self._source, at, end, self._what))
                if answer.status == HTTPStatus.ACCEPTED:
                    answer.close()
                    url, at, attempt = self._location(answer, url), end, 0
                    continue
                if answer.status != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    raise answer.error()
                asked = None
                cause: RegistryError = UnexpectedAnswer(
                    f"{self._what}: the registry refuses bytes {at} to {end - 1}"
                )
                answer.close()
            except _Interrupted as broken:
                asked, cause = broken.asked, broken.cause
            if not self._transport.patience.is_willing(attempt, asked):
                raise cause
            self._transport.patience.wait(attempt, asked)
            attempt += 1
            url, at = self._where_it_stands(url, at, end)
        self._check_stored(self._request("PUT", self._closing(url), _OCTETS, b""))

    def _where_it_stands(self, url: str, start: int, end: int) -> tuple[str, int]:
        """Where to go on in a session in which the chunk from `start` to `end` broke off."""
        answer = self._transport.request("GET", url, self._what, access=self._access)
        answer.close()
        if answer.status in _SESSION_GONE:
            raise _Interrupted(UnexpectedAnswer(f"{self._what}: the registry has forgotten the upload"))
        if answer.status != HTTPStatus.NO_CONTENT:
            raise answer.error()
        match = _RANGE.fullmatch((answer.header("Range") or "").strip())
        stored = int(match[1]) + 1 if match else start
        return self._location(answer, url), stored if start <= stored <= end else start

    def _request(self, method: str, url: str, headers: dict[str, str], body: _Body | bytes) -> Answer:
        """An answer that does not ask to try again. Raises: _Interrupted."""
        try:
            answer = self._transport.request(
                method, url, self._what, headers, body, access=self._access, repeatable=False
            )
        except Unreachable as error:
            if error.is_passing:
                raise _Interrupted(error) from error
            raise
        if answer.status in PASSING or answer.status in _SESSION_GONE:
            raise _Interrupted(answer.error(), answer.asked_to_wait)
        return answer

    def _check_stored(self, answer: Answer) -> None:
        if answer.status != HTTPStatus.CREATED:
            raise answer.error()
        answer.close()
        said = answer.header("Docker-Content-Digest")
        if said is not None and said != str(self._blob.digest):
            raise UnexpectedAnswer(f"{self._what}: the registry stored it as {said[:200]}")

    def _location(self, answer: Answer, otherwise: str = "") -> str:
        location = answer.header("Location")
        return follow(answer.url, location, self._what) if location is not None else otherwise

    def _closing(self, url: str) -> str:
        """`url`, which may have a query of its own, with the digest that closes the session."""
        return url + ("&" if urlsplit(url).query else "?") + f"digest={quote(str(self._blob.digest), safe='')}"


def _chunk_size(session: Answer) -> int:
    """The bytes of a chunk: ours, or the least that the registry takes."""
    least = session.header("OCI-Chunk-Min-Length") or ""
    wanted = int(least) if least.isascii() and least.isdecimal() and len(least) < 19 else 0  # noqa: PLR2004
    return min(max(CHUNK_SIZE, wanted), MAX_CHUNK_SIZE)
