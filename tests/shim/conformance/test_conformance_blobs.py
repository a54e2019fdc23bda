"""What the official suite checks of blobs, group by group under its names, once per algorithm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.shim.conformance.pushing import (
    SMALLEST_CHUNK,
    WAYS,
    at_once,
    many_chunks,
    many_chunks_and_put,
    path_of,
    post_put,
    start,
    streamed,
)
from tests.shim.wire import closing
from wpkg.oci.digest import Digest

if TYPE_CHECKING:
    from tests.shim.conformance.pushing import Push
    from tests.shim.wire import Answer, SocketClient

pytestmark = pytest.mark.parametrize("algorithm", ["sha256", "sha512"])

LENGTH = 3 * SMALLEST_CHUNK - 5  # bytes: two chunks and one that is shorter


def content(repository: str, length: int = LENGTH) -> bytes:
    """Bytes that no other test pushes."""
    return (repository.encode() * (length // len(repository) + 1))[:length]


def check(client: SocketClient, repository: str, data: bytes, digest: Digest, answer: Answer) -> None:
    """The blob is published, read in every way, and gone at once when it is deleted."""
    assert answer.status == 201, answer.body
    assert answer.headers.get("docker-content-digest", str(digest)) == str(digest)
    assert client.send("GET", path_of(answer)).body == data
    target = f"/v2/{repository}/blobs/{digest}"
    for method in ("HEAD", "GET"):
        got = client.send(method, target)
        assert (got.status, got.body) == (200, data if method == "GET" else b"")
        assert got.headers["content-length"] == str(len(data))
        assert got.headers["docker-content-digest"] == str(digest)
    delete(client, target)


def delete(client: SocketClient, target: str) -> None:
    assert client.send("DELETE", target).status == 202
    for method in ("HEAD", "GET"):
        assert client.send(method, target).status == 404


def test_get_missing(client: SocketClient, repository: str, algorithm: str) -> None:
    target = f"/v2/{repository}/blobs/{Digest.of(content(repository), algorithm)}"
    for method in ("HEAD", "GET", "DELETE"):
        assert client.send(method, target).status == 404


@pytest.mark.parametrize("way", WAYS)
def test_push(client: SocketClient, repository: str, algorithm: str, way: str) -> None:
    data = content(repository)
    digest = Digest.of(data, algorithm)
    check(client, repository, data, digest, WAYS[way](client, repository, data, digest))


@pytest.mark.parametrize("data", [b"", b"{}"], ids=["empty", "emptyJSON"])
@pytest.mark.parametrize("way", ["post only", "post+put", "stream"])
def test_small(client: SocketClient, repository: str, algorithm: str, way: str, data: bytes) -> None:
    digest = Digest.of(data, algorithm)
    check(client, repository, data, digest, WAYS[way](client, repository, data, digest))


def test_empty_without_a_length(client: SocketClient, repository: str, algorithm: str) -> None:
    digest = Digest.of(b"", algorithm)
    answer = client.send("PUT", closing(path_of(start(client, repository)), digest), iter([]))
    check(client, repository, b"", digest, answer)


class TestMount:
    @pytest.mark.parametrize("source", ["&from={}/a", ""], ids=["mount", "mount anonymous"])
    def test_what_is_there(self, client: SocketClient, repository: str, algorithm: str, source: str) -> None:
        data = content(repository)
        digest = Digest.of(data, algorithm)
        assert post_put(client, f"{repository}/a", data, digest).status == 201
        query = f"mount={digest}{source.format(repository)}"
        answer = client.send("POST", f"/v2/{repository}/b/blobs/uploads/?{query}")
        check(client, f"{repository}/b", data, digest, answer)
        assert client.send("GET", f"/v2/{repository}/a/blobs/{digest}").body == data
        delete(client, f"/v2/{repository}/a/blobs/{digest}")

    @pytest.mark.parametrize("source", ["&from={}/a", ""], ids=["mount missing", "mount missing anonymous"])
    def test_what_is_not(self, client: SocketClient, repository: str, algorithm: str, source: str) -> None:
        data = content(repository)
        digest = Digest.of(data, algorithm)
        query = f"mount={digest}{source.format(repository)}"
        opened = client.send("POST", f"/v2/{repository}/b/blobs/uploads/?{query}")
        assert opened.status == 202
        answer = client.send("PUT", closing(path_of(opened), digest), data)
        check(client, f"{repository}/b", data, digest, answer)


def test_post_cancel(client: SocketClient, repository: str, algorithm: str) -> None:
    data = content(repository)
    digest = Digest.of(data, algorithm)
    location = path_of(start(client, repository))
    assert client.send("DELETE", location).status == 204
    assert client.send("GET", location).status == 404
    assert client.send("PUT", closing(location, digest), data).status == 404
    assert client.send("HEAD", f"/v2/{repository}/blobs/{digest}").status == 404


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-9", 0, 9),
        ("bytes=10-499", 10, 499),
        (f"bytes=0-{LENGTH - 1}", 0, LENGTH - 1),
        ("bytes=500-", 500, LENGTH - 1),
        (f"bytes=500-{LENGTH + 500}", 500, LENGTH - 1),
        ("bytes=-500", LENGTH - 500, LENGTH - 1),
        (f"bytes=-{LENGTH + 1}", 0, LENGTH - 1),
    ],
)
def test_range_requests(
    client: SocketClient, repository: str, algorithm: str, text: str, first: int, last: int
) -> None:
    data = content(repository)
    digest = Digest.of(data, algorithm)
    assert at_once(client, repository, data, digest).status == 201
    got = client.send("GET", f"/v2/{repository}/blobs/{digest}", headers={"Range": text})
    assert (got.status, got.body) == (206, data[first : last + 1])
    assert got.headers["content-range"] == f"bytes {first}-{last}/{LENGTH}"
    assert got.headers["content-length"] == str(last - first + 1)


@pytest.mark.parametrize("text", ["bytes=500-0", f"bytes={LENGTH}-{LENGTH + 9}", f"bytes={LENGTH}-"])
def test_ranges_without_a_byte(client: SocketClient, repository: str, algorithm: str, text: str) -> None:
    data = content(repository)
    digest = Digest.of(data, algorithm)
    assert at_once(client, repository, data, digest).status == 201
    assert client.send("GET", f"/v2/{repository}/blobs/{digest}", headers={"Range": text}).status == 416


@pytest.mark.parametrize(
    "push",
    [at_once, post_put, many_chunks, many_chunks_and_put, streamed],
    ids=["post only", "post+put", "chunked", "chunked and put chunk", "stream"],
)
def test_bad_digest(client: SocketClient, repository: str, algorithm: str, push: Push) -> None:
    data = content(repository)
    promised, real = Digest.of(b"something else", algorithm), Digest.of(data, algorithm)
    answer = push(client, repository, data, promised)
    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
    for digest in (promised, real):
        assert client.send("HEAD", f"/v2/{repository}/blobs/{digest}").status == 404


@pytest.mark.parametrize("digest", ["{}:baddigeststring", "{}:", "{}", "{}:" + "Z" * 64])
def test_invalid_digest_format(client: SocketClient, repository: str, algorithm: str, digest: str) -> None:
    location = closing(path_of(start(client, repository)), digest.format(algorithm))
    assert client.send("PUT", location, content(repository)).status == 400
    assert client.send("GET", f"/v2/{repository}/blobs/{digest.format(algorithm)}").status in (400, 404)
