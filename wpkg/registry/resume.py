"""Downloads that go on where they broke off (RFC 9110 section 14), as long as they get anywhere.

What has come is verified once and kept: the rest is asked for by `Range`, and by `If-Range` where the registry
gave an ETag. A registry that sends all of it again is let do so, and the first bytes are passed over.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from wpkg.registry.errors import UnexpectedAnswer, Unreachable
from wpkg.registry.headers import parse_content_range

if TYPE_CHECKING:
    from collections.abc import Callable

    from wpkg.oci.digest import Verifier
    from wpkg.registry.auth import Access
    from wpkg.registry.transport import Answer, Transport

PROGRESS = 1024 * 1024  # bytes that make another attempt worth as much as the first


def download(
    transport: Transport, url: str, access: Access, verifier: Verifier, sink: Callable[[memoryview], object]
) -> None:
    """Pass the body at `url` to `sink`; when this returns, it is what `verifier` wants.

    Raises: NotFound, ContentMismatch, UnexpectedAnswer, Unreachable, Unauthorized.
    """
    attempt, mark, etag = 0, 0, None
    while True:
        headers = {}
        if verifier.seen:
            headers["Range"] = f"bytes={verifier.seen}-"
            if etag is not None:
                headers["If-Range"] = etag
        answer = transport.request("GET", url, verifier.what, headers, access=access)
        skip = _bytes_to_skip(answer, verifier)
        etag = _strong(answer.header("ETag"))
        try:
            for chunk in answer.chunks():
                passed = memoryview(chunk)[skip:]
                skip = max(0, skip - len(chunk))
                verifier.update(passed)
                sink(passed)
            break
        except Unreachable:
            if verifier.seen == verifier.size:
                break
            if verifier.seen - mark >= PROGRESS:
                attempt = 0
            if not transport.patience.is_willing(attempt, None):
                raise
        transport.patience.wait(attempt)
        attempt, mark = attempt + 1, verifier.seen
    verifier.finish()


def _bytes_to_skip(answer: Answer, verifier: Verifier) -> int:
    """How many bytes of the answer are here already. Raises what the answer means when it is no good."""
    if answer.status == HTTPStatus.OK:
        return verifier.seen
    if answer.status != HTTPStatus.PARTIAL_CONTENT or not verifier.seen:
        raise answer.error()
    said = answer.header("Content-Range") or ""
    found = parse_content_range(said)
    if found is None or found[0] != verifier.seen or found[2] not in (None, verifier.size):
        answer.close()
        raise UnexpectedAnswer(
            f"{verifier.what}: asked to go on at byte {verifier.seen} of {verifier.size}, "
            f"the registry sends '{said[:100]}'"
        )
    return 0


def _strong(etag: str | None) -> str | None:
    """An ETag that `If-Range` may have."""
    return etag if etag is not None and etag.startswith('"') else None
