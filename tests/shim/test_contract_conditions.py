"""What a client may rely on about conditions, with and without a socket."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.shim.wire import (
    UNKNOWN_DIGEST,
    Answer,
    SocketClient,
    image,
    push_blob,
    push_manifest,
)
from wpkg.oci.digest import Digest
from wpkg.oci.manifest import IMAGE_MANIFEST

if TYPE_CHECKING:
    from pathlib import Path

    from tests.shim.process import Served
    from tests.shim.wire import Client


def put_if(
    client: Client, repository: str, reference: str, number: int, name: str, condition: str
) -> tuple[Answer, str]:
    """The answer to another manifest under the reference, and its digest."""
    data = image(annotations={"number": str(number)})
    headers = {"Content-Type": IMAGE_MANIFEST, name: condition}
    return client.send("PUT", f"/v2/{repository}/manifests/{reference}", data, headers), str(Digest.of(data))


class TestWriting:
    def test_a_tag_that_names_what_it_must(self, client: Client, repository: str) -> None:
        first = push_manifest(client, repository, "v1")
        shown = client.send("HEAD", f"/v2/{repository}/manifests/v1").headers["etag"]
        assert shown == f'"{first.digest}"'
        answer, second = put_if(client, repository, "v1", 2, "If-Match", shown)
        assert (answer.status, answer.headers["etag"]) == (201, f'"{second}"')
        late, third = put_if(client, repository, "v1", 3, "If-Match", shown)
        assert (late.status, late.code, late.headers["etag"]) == (412, "DENIED", f'"{second}"')
        assert client.send("HEAD", f"/v2/{repository}/manifests/v1").headers["docker-content-digest"] == second
        assert client.send("HEAD", f"/v2/{repository}/manifests/{third}").status == 404

    @pytest.mark.parametrize(
        ("name", "condition", "when_there", "when_not"),
        [
            ("If-Match", "*", 201, 412),
            ("If-Match", '"{}"', 201, 412),
            ("If-Match", f'"{UNKNOWN_DIGEST}" ,"{{}}"', 201, 412),
            ("If-Match", f'"{UNKNOWN_DIGEST}"', 412, 412),
            ("If-Match", 'W/"{}"', 412, 412),  # a weak tag is no promise about bytes
            ("If-None-Match", "*", 412, 201),
            ("If-None-Match", '"{}"', 412, 201),
            ("If-None-Match", f'"{UNKNOWN_DIGEST}"', 201, 201),
        ],
    )
    def test_kinds(
        self, client: Client, repository: str, name: str, condition: str, when_there: int, when_not: int
    ) -> None:
        digest = push_manifest(client, repository, "there").digest
        for reference, status in (("there", when_there), ("not", when_not)):
            answer, written = put_if(client, repository, reference, 2, name, condition.format(digest))
            assert answer.status == status
            head = client.send("HEAD", f"/v2/{repository}/manifests/{reference}")
            before = digest if reference == "there" else None
            assert head.headers.get("docker-content-digest") == (written if status == 201 else before)

    @pytest.mark.parametrize("condition", ["", "sha256:00", '"a" "b"', '"a",', "*, *", '"ü"'])
    @pytest.mark.parametrize("name", ["If-Match", "If-None-Match"])
    def test_malformed(self, client: Client, repository: str, name: str, condition: str) -> None:
        push_manifest(client, repository, "v1")
        answer, written = put_if(client, repository, "v1", 2, name, condition)
        assert (answer.status, answer.code) == (400, "UNSUPPORTED")
        assert client.send("HEAD", f"/v2/{repository}/manifests/{written}").status == 404

    def test_tags_beside_a_digest_are_all_written_or_none(self, client: Client, repository: str) -> None:
        push_manifest(client, repository, "old")
        data = image(annotations={"new": ""})
        target = f"/v2/{repository}/manifests/{Digest.of(data)}"
        headers = {"Content-Type": IMAGE_MANIFEST, "If-None-Match": "*"}
        assert client.send("PUT", f"{target}?tag=new&tag=old", data, headers).status == 412
        assert client.send("GET", f"/v2/{repository}/tags/list").json["tags"] == ["old"]
        assert client.send("PUT", f"{target}?tag=new", data, headers).status == 201
        # Of the tags: that the digest is here now is no reason against another one.
        assert client.send("PUT", f"{target}?tag=newer", data, headers).status == 201

    def test_a_digest(self, client: Client, repository: str) -> None:
        push_blob(client, repository, b"{}")
        digest = str(Digest.of(image(annotations={"number": "1"})))
        assert put_if(client, repository, digest, 1, "If-None-Match", "*")[0].status == 201
        assert put_if(client, repository, digest, 1, "If-None-Match", "*")[0].status == 412

    def test_deletes(self, client: Client, repository: str) -> None:
        digest = push_manifest(client, repository, "v1").digest
        for reference in ("v1", digest):
            target = f"/v2/{repository}/manifests/{reference}"
            assert client.send("DELETE", target, headers={"If-Match": f'"{UNKNOWN_DIGEST}"'}).status == 412
            assert client.send("HEAD", target).status == 200
            assert client.send("DELETE", target, headers={"If-Match": f'"{digest}"'}).status == 202
            assert client.send("HEAD", target).status == 404


class TestReading:
    def test_what_the_client_has(self, client: Client, repository: str) -> None:
        pushed = push_manifest(client, repository, "v1")
        blob = push_blob(client, repository, b"some bytes").digest
        for target, digest in (
            ("manifests/v1", pushed.digest),
            (f"manifests/{pushed.digest}", pushed.digest),
            (f"blobs/{blob}", str(blob)),
        ):
            for method in ("GET", "HEAD"):
                for condition in ("*", f'"{digest}"', f'W/"{digest}"', f'"x", "{digest}"'):
                    answer = client.send(
                        method, f"/v2/{repository}/{target}", headers={"If-None-Match": condition}
                    )
                    assert (answer.status, answer.body) == (304, b"")
                    assert answer.headers["etag"] == f'"{digest}"'
                    assert answer.headers["docker-content-digest"] == digest
                for condition in (f'"{UNKNOWN_DIGEST}"', digest, ""):
                    headers = {"If-None-Match": condition}
                    assert client.send(method, f"/v2/{repository}/{target}", headers=headers).status == 200
                assert client.send(method, f"/v2/{repository}/{target}", headers={"If-Match": '"x"'}).status == 412
                headers = {"If-Match": f'"{digest}"'}
                assert client.send(method, f"/v2/{repository}/{target}", headers=headers).status == 200


def test_of_many_writers_one_wins_each_round(shared_server: Served, shared_root: Path, repository: str) -> None:
    """Each adds itself to what it has read, and reads again when somebody was faster: nobody's change is lost."""
    client = SocketClient(shared_server.address, str(shared_root))
    push_blob(client, repository, b"{}")
    target = f"/v2/{repository}/manifests/list"
    start = image(annotations={})
    assert client.send("PUT", target, start, {"Content-Type": IMAGE_MANIFEST}).status == 201

    def add(writer: int) -> int:
        own = SocketClient(shared_server.address, str(shared_root))
        refusals = 0
        while True:
            got = own.send("GET", target)
            data = image(annotations={**got.json["annotations"], f"writer-{writer}": ""})
            headers = {"Content-Type": IMAGE_MANIFEST, "If-Match": got.headers["etag"]}
            status = own.send("PUT", target, data, headers).status
            if status == 201:
                own.close()
                return refusals
            assert status == 412
            refusals += 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(add, range(24))) > 0
    assert len(client.send("GET", target).json["annotations"]) == 24
    client.close()
