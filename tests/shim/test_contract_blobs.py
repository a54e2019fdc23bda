"""What a client may rely on about blobs, with and without a socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.shim.wire import UNKNOWN_DIGEST, closing, push_blob, push_manifest, start_upload
from wpkg.oci.digest import Digest

if TYPE_CHECKING:
    from tests.shim.wire import Client

DATA = bytes(range(256)) * 4  # 1024 bytes, no two neighbouring kilobytes-worth of offsets alike
LONG = DATA * 3000  # 3 MB: several pieces on their way


@pytest.mark.parametrize("data", [b"", b"{}", DATA, LONG], ids=["empty", "empty object", "short", "long"])
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
class TestPush:
    def check(self, client: Client, repository: str, digest: Digest, data: bytes) -> None:
        got = client.send("GET", f"/v2/{repository}/blobs/{digest}")
        assert (got.status, got.body) == (200, data)

    def test_in_one_request(self, client: Client, repository: str, data: bytes, algorithm: str) -> None:
        digest = Digest.of(data, algorithm)
        answer = client.send("POST", f"/v2/{repository}/blobs/uploads/?digest={digest}", data)
        assert answer.status == 201
        assert answer.location == f"/v2/{repository}/blobs/{digest}"
        assert answer.headers["docker-content-digest"] == str(digest)
        self.check(client, repository, digest, data)

    def test_post_and_put(self, client: Client, repository: str, data: bytes, algorithm: str) -> None:
        digest = Digest.of(data, algorithm)
        answer = client.send("PUT", closing(start_upload(client, repository), digest), data)
        assert (answer.status, answer.headers["docker-content-digest"]) == (201, str(digest))
        self.check(client, repository, digest, data)

    def test_streamed(self, client: Client, repository: str, data: bytes, algorithm: str) -> None:
        digest = Digest.of(data, algorithm)
        pieces = [data[i : i + 100_000] for i in range(0, len(data), 100_000)]
        patched = client.send("PATCH", start_upload(client, repository), iter(pieces))
        assert patched.status == 202
        assert patched.headers["range"] == f"0-{max(len(data) - 1, 0)}"
        assert client.send("PUT", closing(patched.location, digest)).status == 201
        self.check(client, repository, digest, data)

    def test_in_chunks_the_last_one_with_the_put(
        self, client: Client, repository: str, data: bytes, algorithm: str
    ) -> None:
        digest = Digest.of(data, algorithm)
        location = start_upload(client, repository)
        half = len(data) // 2
        for start, end in ((0, half),) if half else ():
            chunk_range = {"Content-Range": f"{start}-{end - 1}"}
            answer = client.send("PATCH", location, data[start:end], chunk_range)
            assert (answer.status, answer.headers["range"]) == (202, f"0-{end - 1}")
            location = answer.location
        last = {"Content-Range": f"{half}-{len(data) - 1}"} if data else {}
        assert client.send("PUT", closing(location, digest), data[half:], last).status == 201
        self.check(client, repository, digest, data)


def test_head_says_what_get_sends(client: Client, repository: str) -> None:
    digest = push_blob(client, repository, DATA).digest
    head = client.send("HEAD", f"/v2/{repository}/blobs/{digest}")
    got = client.send("GET", f"/v2/{repository}/blobs/{digest}")
    assert (head.status, head.body, got.body) == (200, b"", DATA)
    for name, value in {
        "content-length": "1024",
        "content-type": "application/octet-stream",
        "docker-content-digest": str(digest),
        "accept-ranges": "bytes",
        "etag": f'"{digest}"',
    }.items():
        assert head.headers[name] == got.headers[name] == value


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("bytes=0-0", (0, 0)),
        ("bytes=0-99", (0, 99)),
        ("bytes=100-199", (100, 199)),
        ("bytes=1000-", (1000, 1023)),
        ("bytes=1000-5000", (1000, 1023)),
        ("bytes=1023-1023", (1023, 1023)),
        ("bytes=-24", (1000, 1023)),
        ("bytes=-9999", (0, 1023)),
        ("bytes=0-999999999999999999", (0, 1023)),
    ],
)
def test_ranges(client: Client, repository: str, text: str, part: tuple[int, int]) -> None:
    digest = push_blob(client, repository, DATA).digest
    for method in ("GET", "HEAD"):
        answer = client.send(method, f"/v2/{repository}/blobs/{digest}", headers={"Range": text})
        assert answer.status == 206
        assert answer.headers["content-range"] == f"bytes {part[0]}-{part[1]}/1024"
        assert answer.headers["content-length"] == str(part[1] - part[0] + 1)
        assert answer.headers["docker-content-digest"] == str(digest)
        assert answer.body == (DATA[part[0] : part[1] + 1] if method == "GET" else b"")


@pytest.mark.parametrize("text", ["bytes=1024-", "bytes=1024-2000", "bytes=500-0", "bytes=-0"])
def test_ranges_without_a_byte(client: Client, repository: str, text: str) -> None:
    digest = push_blob(client, repository, DATA).digest
    answer = client.send("GET", f"/v2/{repository}/blobs/{digest}", headers={"Range": text})
    assert (answer.status, answer.headers["content-range"]) == (416, "bytes */1024")


@pytest.mark.parametrize(
    "text", ["bytes=", "bytes=a-b", "bytes=1", "items=0-1", "bytes=0-1,5-6", f"bytes=0-{'9' * 5000}", "bytes=--1"]
)
def test_ranges_that_are_ignored(client: Client, repository: str, text: str) -> None:
    digest = push_blob(client, repository, DATA).digest
    answer = client.send("GET", f"/v2/{repository}/blobs/{digest}", headers={"Range": text})
    assert (answer.status, answer.body) == (200, DATA)


def test_a_range_of_another_content_is_not_wanted(client: Client, repository: str) -> None:
    digest = push_blob(client, repository, DATA).digest
    wanted = {"Range": "bytes=0-1", "If-Range": '"sha256:other"'}
    assert client.send("GET", f"/v2/{repository}/blobs/{digest}", headers=wanted).body == DATA
    wanted["If-Range"] = f'"{digest}"'
    assert client.send("GET", f"/v2/{repository}/blobs/{digest}", headers=wanted).body == DATA[:2]


def test_a_range_across_pieces_of_a_long_blob(client: Client, repository: str) -> None:
    digest = push_blob(client, repository, LONG).digest
    wanted = {"Range": "bytes=1048000-2999999"}
    answer = client.send("GET", f"/v2/{repository}/blobs/{digest}", headers=wanted)
    assert (answer.status, answer.body) == (206, LONG[1048000:3000000])


class TestWrongDigest:
    """Bytes that are not the digest's are never published, whichever way they come."""

    wrong = Digest.of(b"something else")

    def check(self, client: Client, repository: str) -> None:
        for digest in (self.wrong, Digest.of(DATA)):
            assert client.send("GET", f"/v2/{repository}/blobs/{digest}").status == 404

    def test_in_one_request(self, client: Client, repository: str) -> None:
        answer = client.send("POST", f"/v2/{repository}/blobs/uploads/?digest={self.wrong}", DATA)
        assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
        self.check(client, repository)

    def test_post_and_put(self, client: Client, repository: str) -> None:
        location = start_upload(client, repository)
        answer = client.send("PUT", closing(location, self.wrong), DATA)
        assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
        self.check(client, repository)
        assert client.send("GET", location).status == 404  # the session is gone

    @pytest.mark.parametrize("headers", [{}, {"Content-Range": "0-1023"}], ids=["streamed", "chunk"])
    @pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
    def test_patch_and_put(self, client: Client, repository: str, headers: dict[str, str], algorithm: str) -> None:
        location = client.send("PATCH", start_upload(client, repository), DATA, headers).location
        answer = client.send("PUT", closing(location, Digest.of(b"something else", algorithm)))
        assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
        self.check(client, repository)

    def test_last_chunk_with_the_put(self, client: Client, repository: str) -> None:
        location = client.send("PATCH", start_upload(client, repository), DATA[:512]).location
        answer = client.send("PUT", closing(location, self.wrong), DATA[512:])
        assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
        self.check(client, repository)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "sha256",
            "sha256:zz",
            f"sha256:{'0' * 63}",
            f"sha256:{'A' * 64}",
            f"sha512:{'0' * 64}",
            f"md5:{'0' * 32}",
            f"blake3:{'0' * 64}",
            "sha256%3Azz",
            "../../etc/passwd",
        ],
    )
    def test_what_is_no_digest_keeps_the_session(self, client: Client, repository: str, text: str) -> None:
        answer = client.send("POST", f"/v2/{repository}/blobs/uploads/?digest={text}", DATA)
        assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
        location = client.send("PATCH", start_upload(client, repository), DATA).location
        answer = client.send("PUT", closing(location, text))
        assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
        assert client.send("PUT", closing(location, Digest.of(DATA))).status == 201

    def test_a_put_without_digest(self, client: Client, repository: str) -> None:
        location = start_upload(client, repository)
        answer = client.send("PUT", location, DATA)
        assert (answer.status, answer.code) == (400, "DIGEST_INVALID")


class TestSessions:
    def test_status(self, client: Client, repository: str) -> None:
        location = start_upload(client, repository)
        assert client.send("GET", location).headers["range"] == "0-0"
        client.send("PATCH", location, DATA)
        answer = client.send("GET", location)
        assert (answer.status, answer.location, answer.headers["range"]) == (204, location, "0-1023")

    @pytest.mark.parametrize("chunk_range", ["0-511", "511-1022", "513-1024", "1024-2000", "9-3"])
    @pytest.mark.parametrize("method", ["PATCH", "PUT"])
    def test_out_of_order(self, client: Client, repository: str, chunk_range: str, method: str) -> None:
        """Overlap, gap, repetition: 416, and the session stays at its byte."""
        location = client.send("PATCH", start_upload(client, repository), DATA[:512]).location
        target = closing(location, Digest.of(DATA)) if method == "PUT" else location
        answer = client.send(method, target, DATA[512:], {"Content-Range": chunk_range})
        assert (answer.status, answer.code) == (416, "BLOB_UPLOAD_INVALID")
        assert (answer.location, answer.headers["range"]) == (location, "0-511")
        assert client.send("GET", location).headers["range"] == "0-511"
        last = {"Content-Range": "512-1023"}
        assert client.send("PUT", closing(location, Digest.of(DATA)), DATA[512:], last).status == 201

    @pytest.mark.parametrize("chunk_range", ["bytes 0-1023", "0", "-5", "a-b", f"0-{'9' * 5000}"])
    def test_malformed_content_range(self, client: Client, repository: str, chunk_range: str) -> None:
        location = start_upload(client, repository)
        answer = client.send("PATCH", location, DATA, {"Content-Range": chunk_range})
        assert (answer.status, answer.code) == (400, "BLOB_UPLOAD_INVALID")
        assert client.send("GET", location).headers["range"] == "0-0"

    @pytest.mark.parametrize("chunk_range", ["512-1000", "512-2000"])
    @pytest.mark.parametrize("is_streamed", [False, True])
    def test_content_range_of_another_length(
        self, client: Client, repository: str, chunk_range: str, *, is_streamed: bool
    ) -> None:
        location = client.send("PATCH", start_upload(client, repository), DATA[:512]).location
        body = iter([DATA[512:600], DATA[600:]]) if is_streamed else DATA[512:]
        answer = client.send("PATCH", location, body, {"Content-Range": chunk_range})
        assert (answer.status, answer.code) == (400, "SIZE_INVALID")
        assert client.send("GET", location).headers["range"] == "0-511"
        answer = client.send("PUT", closing(location, Digest.of(DATA)), DATA[512:])
        assert answer.status == 201

    def test_cancelled(self, client: Client, repository: str) -> None:
        location = client.send("PATCH", start_upload(client, repository), DATA).location
        assert client.send("DELETE", location).status == 204
        for method in ("GET", "PATCH", "DELETE"):
            answer = client.send(method, location, DATA if method == "PATCH" else b"")
            assert (answer.status, answer.code) == (404, "BLOB_UPLOAD_UNKNOWN")
        answer = client.send("PUT", closing(location, Digest.of(DATA)), DATA)
        assert (answer.status, answer.code) == (404, "BLOB_UPLOAD_UNKNOWN")

    def test_over_when_the_blob_is_there(self, client: Client, repository: str) -> None:
        location = start_upload(client, repository)
        assert client.send("PUT", closing(location, Digest.of(DATA)), DATA).status == 201
        assert client.send("GET", location).code == "BLOB_UPLOAD_UNKNOWN"

    @pytest.mark.parametrize("session", ["0" * 32, "..", "%2e%2e%2findex.json", "x", "A" * 32, "tmp-0"])
    def test_unknown(self, client: Client, repository: str, session: str) -> None:
        start_upload(client, repository)
        for name in (repository, f"{repository}/none"):
            target = f"/v2/{name}/blobs/uploads/{session}"
            for method in ("GET", "PATCH", "DELETE"):
                answer = client.send(method, target)
                assert (answer.status, answer.code) == (404, "BLOB_UPLOAD_UNKNOWN")
            answer = client.send("PUT", closing(target, Digest.of(DATA)), DATA)
            assert (answer.status, answer.code) == (404, "BLOB_UPLOAD_UNKNOWN")

    def test_belongs_to_its_repository(self, client: Client, repository: str) -> None:
        location = start_upload(client, repository)
        start_upload(client, f"{repository}/other")
        foreign = location.replace(repository, f"{repository}/other")
        assert client.send("PATCH", foreign, DATA).code == "BLOB_UPLOAD_UNKNOWN"

    def test_announced_algorithm(self, client: Client, repository: str) -> None:
        uploads = f"/v2/{repository}/blobs/uploads/"
        location = client.send("POST", f"{uploads}?digest-algorithm=sha512").location
        answer = client.send("PUT", closing(location, Digest.of(DATA, "sha512")), DATA)
        assert answer.status == 201
        assert client.send("POST", f"{uploads}?digest-algorithm=md5").code == "DIGEST_INVALID"


class TestMount:
    def mount(self, repository: str, digest: object, source: str) -> str:
        return f"/v2/{repository}/blobs/uploads/?mount={digest}&from={source}"

    def test_shares_the_blob(self, client: Client, repository: str) -> None:
        digest = push_blob(client, f"{repository}/a", DATA).digest
        answer = client.send("POST", self.mount(f"{repository}/b", digest, f"{repository}/a"))
        assert (answer.status, answer.headers["docker-content-digest"]) == (201, str(digest))
        assert client.send("GET", answer.location).body == DATA
        assert client.send("DELETE", f"/v2/{repository}/a/blobs/{digest}").status == 202
        assert client.send("GET", f"/v2/{repository}/b/blobs/{digest}").body == DATA

    def test_twice(self, client: Client, repository: str) -> None:
        digest = push_blob(client, f"{repository}/a", DATA).digest
        for _ in range(2):
            answer = client.send("POST", self.mount(f"{repository}/b", digest, f"{repository}/a"))
            assert answer.status == 201

    @pytest.mark.parametrize("source", ["{}/none", "{}/a", "..", "A"])
    def test_what_is_not_there_opens_a_session(self, client: Client, repository: str, source: str) -> None:
        push_blob(client, f"{repository}/a", DATA)
        target = self.mount(f"{repository}/b", UNKNOWN_DIGEST, source.format(repository))
        answer = client.send("POST", target)
        assert (answer.status, answer.headers["range"]) == (202, "0-0")
        assert client.send("PUT", closing(answer.location, Digest.of(DATA)), DATA).status == 201

    def test_without_a_source(self, client: Client, repository: str) -> None:
        data = repository.encode()  # that no other repository has
        digest = Digest.of(data)
        target = f"/v2/{repository}/b/blobs/uploads/?mount={digest}"
        answer = client.send("POST", target)
        assert (answer.status, answer.headers["range"]) == (202, "0-0")
        push_blob(client, f"{repository}/a", data)
        for _ in range(2):
            answer = client.send("POST", target)
            assert (answer.status, answer.headers["docker-content-digest"]) == (201, str(digest))
            assert answer.location == f"/v2/{repository}/b/blobs/{digest}"
            assert client.send("GET", answer.location).body == data

    def test_a_source_that_lacks_it_is_not_replaced_by_another(self, client: Client, repository: str) -> None:
        digest = push_blob(client, f"{repository}/a", DATA).digest
        push_blob(client, f"{repository}/c", b"something")
        answer = client.send("POST", self.mount(f"{repository}/b", digest, f"{repository}/c"))
        assert answer.status == 202

    def test_of_no_digest(self, client: Client, repository: str) -> None:
        answer = client.send("POST", self.mount(repository, "sha256:zz", repository))
        assert (answer.status, answer.code) == (400, "DIGEST_INVALID")


class TestDelete:
    def test_is_gone_at_once(self, client: Client, repository: str) -> None:
        target = f"/v2/{repository}/blobs/{push_blob(client, repository, DATA).digest}"
        assert client.send("DELETE", target).status == 202
        for method in ("GET", "DELETE"):
            answer = client.send(method, target)
            assert (answer.status, answer.code) == (404, "BLOB_UNKNOWN")

    def test_of_a_manifest_is_not_of_a_blob(self, client: Client, repository: str) -> None:
        pushed = push_manifest(client, repository, "v1")
        answer = client.send("DELETE", f"/v2/{repository}/blobs/{pushed.digest}")
        assert (answer.status, answer.code) == (405, "UNSUPPORTED")
        assert client.send("GET", f"/v2/{repository}/manifests/v1").body == pushed.data


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_unknown_blobs(client: Client, repository: str, method: str) -> None:
    push_blob(client, repository, b"something")
    for name in (repository, f"{repository}/none"):
        for digest in (UNKNOWN_DIGEST, f"blake3:{'0' * 64}"):
            answer = client.send(method, f"/v2/{name}/blobs/{digest}")
            assert answer.status == 404
            assert method == "HEAD" or answer.code == "BLOB_UNKNOWN"


@pytest.mark.parametrize("text", ["sha256:zz", "latest", f"sha256:{'A' * 64}", "%2e%2e", "..", "%00"])
def test_blobs_by_what_is_no_digest(client: Client, repository: str, text: str) -> None:
    push_blob(client, repository, b"something")
    answer = client.send("GET", f"/v2/{repository}/blobs/{text}")
    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")


def test_a_blob_is_seen_in_its_repository_only(client: Client, repository: str) -> None:
    digest = push_blob(client, f"{repository}/a", DATA).digest
    push_blob(client, f"{repository}/b", b"something")
    assert client.send("GET", f"/v2/{repository}/b/blobs/{digest}").status == 404
