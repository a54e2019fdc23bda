"""The ways in which a blob comes to a registry, each with what the specification says of its answers.

Distribution-spec v1.1.1, "Pushing blobs"; with what its main branch adds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.shim.wire import closing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.shim.wire import Answer, Client
    from wpkg.oci.digest import Digest

    Push = Callable[[Client, str, bytes, Digest], Answer]  # the answer to what closes the push

SMALLEST_CHUNK = 1024  # bytes, where a registry asks for none


def path_of(answer: Answer) -> str:
    """Where the answer points to; it may say that with a host or without one."""
    parts = urlsplit(answer.location)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def start(client: Client, repository: str) -> Answer:
    answer = client.send("POST", f"/v2/{repository}/blobs/uploads/")
    assert answer.status == 202, answer.body
    return answer


def chunk_size(started: Answer) -> int:
    return max(SMALLEST_CHUNK, int(started.headers.get("oci-chunk-min-length", "0")))


def span(first: int, data: bytes) -> dict[str, str]:
    return {"Content-Range": f"{first}-{first + len(data) - 1}"}


def cut(data: bytes, size: int) -> Iterator[tuple[int, bytes]]:
    return ((first, data[first : first + size]) for first in range(0, len(data), size))


def patch(client: Client, location: str, first: int, data: bytes) -> str:
    """Where the session goes on after a chunk."""
    answer = client.send("PATCH", location, data, span(first, data))
    assert answer.status == 202, answer.body
    assert answer.headers["range"] == f"0-{first + len(data) - 1}"
    return path_of(answer)


def at_once(client: Client, repository: str, data: bytes, digest: Digest) -> Answer:
    return client.send("POST", f"/v2/{repository}/blobs/uploads/?digest={digest}", data)


def post_put(client: Client, repository: str, data: bytes, digest: Digest) -> Answer:
    return client.send("PUT", closing(path_of(start(client, repository)), digest), data)


def streamed(client: Client, repository: str, data: bytes, digest: Digest) -> Answer:
    """Without a length and without ranges, as a client sends what it does not know the end of."""
    answer = client.send("PATCH", path_of(start(client, repository)), iter([data[:1000], data[1000:]]))
    assert answer.status == 202, answer.body
    return client.send("PUT", closing(path_of(answer), digest))


def one_chunk(client: Client, repository: str, data: bytes, digest: Digest) -> Answer:
    location = patch(client, path_of(start(client, repository)), 0, data)
    return client.send("PUT", closing(location, digest))


def many_chunks(client: Client, repository: str, data: bytes, digest: Digest) -> Answer:
    started = start(client, repository)
    location = path_of(started)
    for first, part in cut(data, chunk_size(started)):
        location = patch(client, location, first, part)
    return client.send("PUT", closing(location, digest))


def many_chunks_and_put(client: Client, repository: str, data: bytes, digest: Digest) -> Answer:
    started = start(client, repository)
    location = path_of(started)
    *parts, (last, rest) = cut(data, chunk_size(started))
    for first, part in parts:
        location = patch(client, location, first, part)
    return client.send("PUT", closing(location, digest), rest, span(last, rest))


def out_of_order(client: Client, repository: str, data: bytes, digest: Digest) -> Answer:
    location, rest, last = _misordered(client, repository, data)
    return client.send("PUT", closing(patch(client, location, last, rest), digest))


def out_of_order_and_put(client: Client, repository: str, data: bytes, digest: Digest) -> Answer:
    location, rest, last = _misordered(client, repository, data)
    for first in (0, last + 1):
        refused = client.send("PUT", closing(location, digest), rest, span(first, rest))
        assert refused.status == 416
        location = ask(client, location, last)
    return client.send("PUT", closing(location, digest), rest, span(last, rest))


def _misordered(client: Client, repository: str, data: bytes) -> tuple[str, bytes, int]:
    """A session that lacks the last chunk, after chunks that came too early and twice; the chunk; where it begins."""
    started = start(client, repository)
    location, size = path_of(started), chunk_size(started)
    parts = list(cut(data, size))
    for number, (first, part) in enumerate(parts[:-1]):
        for early, other in parts:
            if early != first:
                assert client.send("PATCH", location, other, span(early, other)).status == 416
                location = ask(client, location, number * size)
        location = patch(client, location, first, part)
    last, rest = parts[-1]
    return location, rest, last


def ask(client: Client, location: str, offset: int) -> str:
    """Where the session goes on, which has `offset` bytes."""
    answer = client.send("GET", location)
    assert answer.status == 204
    assert answer.headers["range"] == f"0-{max(offset - 1, 0)}"
    return path_of(answer)


WAYS: dict[str, Push] = {
    "post only": at_once,
    "post+put": post_put,
    "chunked single": one_chunk,
    "stream": streamed,
    "chunked multi": many_chunks,
    "chunked multi and put chunk": many_chunks_and_put,
    "chunked out-of-order": out_of_order,
    "chunked out-of-order and put chunk": out_of_order_and_put,
}
