"""What a client may rely on about manifests, with and without a socket."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from registry_shim.limits import MAX_MANIFEST_SIZE
from tests.shim.wire import (
    EMPTY_JSON,
    UNKNOWN,
    UNKNOWN_DIGEST,
    image,
    push_blob,
    push_index,
    push_manifest,
    put,
)
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import Digest
from wpkg.oci.manifest import IMAGE_INDEX, IMAGE_MANIFEST, Index

if TYPE_CHECKING:
    from tests.shim.wire import Client

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_MANIFEST_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"


class TestPush:
    def test_by_tag_and_by_digest(self, client: Client, repository: str) -> None:
        push_blob(client, repository, b"{}")
        data = b"  " + image(strange=1.50) + b"\n\n"  # bytes that no writer of ours would produce
        digest = str(Digest.of(data))
        for reference in (digest, "v1", "v1", "Latest_2.0-x"):
            answer = put(client, repository, reference, data)
            assert answer.status == 201
            assert answer.location == f"/v2/{repository}/manifests/{digest}"
            assert answer.headers["docker-content-digest"] == digest
            assert "oci-subject" not in answer.headers
        for reference in (digest, "v1", "Latest_2.0-x", digest.replace(":", "%3A")):
            for method in ("GET", "HEAD"):
                got = client.send(method, f"/v2/{repository}/manifests/{reference}")
                assert (got.status, got.body) == (200, data if method == "GET" else b"")
                assert got.headers["content-type"] == IMAGE_MANIFEST
                assert got.headers["content-length"] == str(len(data))
                assert got.headers["docker-content-digest"] == digest
                assert got.headers["etag"] == f'"{digest}"'

    def test_by_sha512(self, client: Client, repository: str) -> None:
        push_blob(client, repository, b"{}")
        digest = Digest.of(image(), "sha512")
        answer = put(client, repository, str(digest), image())
        assert (answer.status, answer.headers["docker-content-digest"]) == (201, str(digest))
        assert client.send("GET", f"/v2/{repository}/manifests/{digest}").body == image()

    @pytest.mark.parametrize(
        ("sent", "declared", "served"),
        [
            (IMAGE_MANIFEST, None, IMAGE_MANIFEST),
            (f"{IMAGE_MANIFEST}; charset=utf-8", IMAGE_MANIFEST, IMAGE_MANIFEST),
            ("", IMAGE_MANIFEST, IMAGE_MANIFEST),
            (DOCKER_MANIFEST, DOCKER_MANIFEST, DOCKER_MANIFEST),
        ],
    )
    def test_the_type_is_the_one_pushed(
        self, client: Client, repository: str, sent: str, declared: str | None, served: str
    ) -> None:
        push_blob(client, repository, b"{}")
        assert put(client, repository, "v1", image(mediaType=declared), sent).status == 201
        assert client.send("GET", f"/v2/{repository}/manifests/v1").headers["content-type"] == served

    def test_a_tag_moves(self, client: Client, repository: str) -> None:
        first = push_manifest(client, repository, "v1", annotations={"n": "1"})
        second = push_manifest(client, repository, "v1", annotations={"n": "2"})
        assert client.send("GET", f"/v2/{repository}/manifests/v1").body == second.data
        assert client.send("GET", f"/v2/{repository}/manifests/{first.digest}").body == first.data
        assert client.send("GET", f"/v2/{repository}/tags/list").json["tags"] == ["v1"]

    def test_without_content_length(self, client: Client, repository: str) -> None:
        push_blob(client, repository, b"{}")
        headers = {"Content-Type": IMAGE_MANIFEST}
        target = f"/v2/{repository}/manifests/v1"
        assert client.send("PUT", target, iter([image()[:50], image()[50:]]), headers).status == 201
        assert client.send("GET", target).body == image()

    def test_under_a_wrong_digest(self, client: Client, repository: str) -> None:
        push_blob(client, repository, b"{}")
        for wrong in (UNKNOWN_DIGEST, str(Digest.of(b"x", "sha512"))):
            answer = put(client, repository, wrong, image())
            assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
            assert client.send("GET", f"/v2/{repository}/manifests/{wrong}").status == 404

    @pytest.mark.parametrize(
        "text", ["sha256:baddigeststring", f"sha256:{'A' * 64}", f"md5:{'0' * 32}", "sha256:", ":"]
    )
    def test_under_what_is_no_digest(self, client: Client, repository: str, text: str) -> None:
        answer = put(client, repository, text, image())
        assert (answer.status, answer.code) == (400, "DIGEST_INVALID")

    @pytest.mark.parametrize(
        ("media_type", "data"),
        [
            (IMAGE_INDEX, image()),
            (IMAGE_INDEX, image(mediaType=None)),
            (IMAGE_INDEX, image(mediaType=None, manifests=[])),
            (IMAGE_MANIFEST, image(manifests=[])),
            (IMAGE_MANIFEST, image(config=None, layers=None, manifests=[])),
            (IMAGE_MANIFEST, Index(()).encode()),
            (DOCKER_MANIFEST, image()),
            ("application/json", image()),
            (IMAGE_INDEX, b'{"schemaVersion":2}'),
            (IMAGE_MANIFEST, b""),
            (IMAGE_MANIFEST, b"nonsense"),
            (IMAGE_MANIFEST, b"\xff\xfe"),
            (IMAGE_MANIFEST, b"[]"),
            (IMAGE_MANIFEST, b"[" * 100_000),
            (IMAGE_MANIFEST, image()[:-1] + b',"layers":[]}'),
            (IMAGE_MANIFEST, image(schemaVersion=1)),
            (IMAGE_MANIFEST, image(schemaVersion=None)),
            (IMAGE_MANIFEST, image(config=None)),
            (IMAGE_MANIFEST, image(layers=[{}])),
            (IMAGE_MANIFEST, image(layers=[{**EMPTY_JSON.to_json(), "size": -1}])),
            (IMAGE_MANIFEST, image(layers=[{**EMPTY_JSON.to_json(), "size": 2.0}])),
            (IMAGE_MANIFEST, image(layers=[{**EMPTY_JSON.to_json(), "size": 10**30}])),
            (IMAGE_MANIFEST, image(layers=[{**EMPTY_JSON.to_json(), "digest": "sha256:../../x"}])),
            (IMAGE_MANIFEST, image(config={**EMPTY_JSON.to_json(), "data": "e30"})),
            (IMAGE_MANIFEST, image(config={**EMPTY_JSON.to_json(), "data": 1})),
            (IMAGE_MANIFEST, image(config={**EMPTY_JSON.to_json(), "data": "W10="})),
            (IMAGE_MANIFEST, image(layers=[EMPTY_JSON.to_json(), {**EMPTY_JSON.to_json(), "data": "e30K"}])),
            (IMAGE_MANIFEST, image(subject={**EMPTY_JSON.to_json(), "data": ""})),
            (IMAGE_MANIFEST, image(subject={"digest": "x"})),
            (IMAGE_MANIFEST, image(annotations={"a": 1})),
            (IMAGE_MANIFEST, image(annotations={"a": "\ud800"})),
            (IMAGE_MANIFEST, image(artifactType="\udfff")),
            ("nonsense", image(mediaType=None)),
            ("", image(mediaType=None)),
        ],
    )
    def test_malformed_or_of_two_meanings(
        self, client: Client, repository: str, media_type: str, data: bytes
    ) -> None:
        push_blob(client, repository, b"{}")
        answer = put(client, repository, "v1", data, media_type)
        assert (answer.status, answer.code) == (400, "MANIFEST_INVALID")
        assert client.send("GET", f"/v2/{repository}/manifests/v1").status == 404

    def test_with_content_in_it(self, client: Client, repository: str) -> None:
        push_blob(client, repository, b"{}")
        data = image(config={**EMPTY_JSON.to_json(), "data": "e30="}, annotations={"data": "no base64"})
        assert put(client, repository, "v1", data).status == 201
        assert client.send("GET", f"/v2/{repository}/manifests/v1").body == data

    def test_of_another_type_than_it_says(self, client: Client, repository: str) -> None:
        answer = put(client, repository, "v1", image(), DOCKER_MANIFEST)
        told = answer.json["errors"][0]["message"]
        assert told == f"its mediaType is '{IMAGE_MANIFEST}', but it was sent as '{DOCKER_MANIFEST}'"

    @pytest.mark.parametrize("extra", [0, 1, 1024 * 1024])
    @pytest.mark.parametrize("is_streamed", [False, True])
    def test_size_limit(self, client: Client, repository: str, extra: int, *, is_streamed: bool) -> None:
        push_blob(client, repository, b"{}")
        data = image()
        data += b" " * (MAX_MANIFEST_SIZE + extra - len(data))
        body = (data[i : i + 65536] for i in range(0, len(data), 65536)) if is_streamed else data
        target = f"/v2/{repository}/manifests/v1"
        answer = client.send("PUT", target, body, {"Content-Type": IMAGE_MANIFEST})
        if extra:
            assert (answer.status, answer.code) == (413, "SIZE_INVALID")
            assert client.send("GET", target).status == 404
        else:
            assert answer.status == 201
            assert client.send("GET", target).body == data


class TestTagsBesideADigest:
    @pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
    def test_are_written_and_named(self, client: Client, repository: str, algorithm: str) -> None:
        push_blob(client, repository, b"{}")
        digest = Digest.of(image(), algorithm)
        tags = [f"v{number}" for number in range(12)]
        query = "&".join(f"tag={tag}" for tag in [*tags, "v0"])
        answer = put(client, repository, f"{digest}?{query}", image())
        assert answer.status == 201
        assert answer.headers["oci-tag"].split(", ") == tags
        assert answer.headers["docker-content-digest"] == str(digest)
        assert client.send("GET", f"/v2/{repository}/tags/list").json["tags"] == sorted(tags)
        for tag in tags:
            got = client.send("GET", f"/v2/{repository}/manifests/{tag}")
            assert (got.body, got.headers["docker-content-digest"]) == (image(), str(digest))

    @pytest.mark.parametrize("bad", ["", ".", "a+b", "a%2Fb", "a" * 129])
    def test_one_that_is_none_refuses_all(self, client: Client, repository: str, bad: str) -> None:
        push_blob(client, repository, b"{}")
        digest = Digest.of(image())
        answer = put(client, repository, f"{digest}?tag=good&tag={bad}", image())
        assert (answer.status, answer.code) == (400, "NAME_INVALID")
        for reference in ("good", str(digest)):
            assert client.send("GET", f"/v2/{repository}/manifests/{reference}").status == 404

    def test_none_are_named_where_the_path_has_the_tag(self, client: Client, repository: str) -> None:
        push_blob(client, repository, b"{}")
        answer = put(client, repository, "v1?tag=v2", image())
        assert answer.status == 201
        assert "oci-tag" not in answer.headers
        assert client.send("GET", f"/v2/{repository}/tags/list").json["tags"] == ["v1"]


class TestReferences:
    """What a manifest names has to be there before it."""

    @pytest.mark.parametrize(
        "members",
        [
            {"config": UNKNOWN.to_json()},
            {"layers": [EMPTY_JSON.to_json(), UNKNOWN.to_json()]},
            {"layers": [{**UNKNOWN.to_json(), "urls": []}]},
        ],
    )
    def test_missing_blob(self, client: Client, repository: str, members: dict[str, Any]) -> None:
        push_blob(client, repository, b"{}")
        push_blob(client, f"{repository}/other", b"nobody pushed this")
        answer = put(client, repository, "v1", image(**members))
        assert (answer.status, answer.code) == (400, "MANIFEST_BLOB_UNKNOWN")
        assert answer.json["errors"][0]["detail"] == {"digest": str(UNKNOWN.digest)}
        assert client.send("GET", f"/v2/{repository}/manifests/v1").status == 404

    @pytest.mark.parametrize(
        "layer",
        [
            {**UNKNOWN.to_json(), "urls": ["https://example.com/layer"]},
            {
                **UNKNOWN.to_json(),
                "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
            },
            {
                **UNKNOWN.to_json(),
                "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
            },
        ],
    )
    def test_blob_that_lies_elsewhere(self, client: Client, repository: str, layer: dict[str, Any]) -> None:
        push_blob(client, repository, b"{}")
        assert put(client, repository, "v1", image(layers=[layer])).status == 201

    def test_missing_manifest_of_an_index(self, client: Client, repository: str) -> None:
        child = push_manifest(client, f"{repository}/other")
        data = Index((child.descriptor,)).encode()
        answer = put(client, repository, "v1", data, IMAGE_INDEX)
        assert (answer.status, answer.code) == (400, "MANIFEST_BLOB_UNKNOWN")
        push_blob(client, repository, child.data)  # the bytes as a blob are not the manifest
        assert put(client, repository, "v1", data, IMAGE_INDEX).code == "MANIFEST_BLOB_UNKNOWN"

    def test_nested_indexes(self, client: Client, repository: str) -> None:
        child = push_manifest(client, repository)
        blob = push_blob(client, repository, b"an index may list blobs")
        inner = push_index(client, repository, "inner", [child.descriptor, blob])
        outer = push_index(client, repository, "outer", [inner.descriptor, child.descriptor])
        empty = push_index(client, repository, "empty", [])
        for pushed in (child, inner, outer, empty):
            got = client.send("GET", f"/v2/{repository}/manifests/{pushed.digest}")
            assert (got.body, got.headers["content-type"]) == (pushed.data, pushed.media_type)

    def test_older_names_of_the_types(self, client: Client, repository: str) -> None:
        push_blob(client, repository, b"{}")
        data = image(mediaType=DOCKER_MANIFEST)
        assert put(client, repository, "one", data, DOCKER_MANIFEST).status == 201
        child = Descriptor.of(DOCKER_MANIFEST, data).to_json()
        data = json.dumps({"schemaVersion": 2, "mediaType": DOCKER_MANIFEST_LIST, "manifests": [child]}).encode()
        assert put(client, repository, "list", data, DOCKER_MANIFEST_LIST).status == 201


class TestDelete:
    def test_of_a_tag_leaves_the_manifest(self, client: Client, repository: str) -> None:
        pushed = push_manifest(client, repository, "v1")
        put(client, repository, "v2", pushed.data)
        target = f"/v2/{repository}/manifests/v1"
        assert client.send("DELETE", target).status == 202
        for method in ("GET", "HEAD", "DELETE"):
            assert client.send(method, target).status == 404
        for reference in (pushed.digest, "v2"):
            assert client.send("GET", f"/v2/{repository}/manifests/{reference}").body == pushed.data
        assert client.send("GET", f"/v2/{repository}/tags/list").json["tags"] == ["v2"]

    def test_of_a_manifest_takes_its_tags(self, client: Client, repository: str) -> None:
        pushed = push_manifest(client, repository, "v1")
        put(client, repository, "v2", pushed.data)
        other = push_manifest(client, repository, "v3", annotations={"other": ""})
        assert client.send("DELETE", f"/v2/{repository}/manifests/{pushed.digest}").status == 202
        for reference in (pushed.digest, "v1", "v2"):
            for method in ("GET", "HEAD", "DELETE"):
                answer = client.send(method, f"/v2/{repository}/manifests/{reference}")
                assert answer.status == 404
                assert method == "HEAD" or answer.code == "MANIFEST_UNKNOWN"
        assert client.send("GET", f"/v2/{repository}/tags/list").json["tags"] == ["v3"]
        assert client.send("GET", f"/v2/{repository}/manifests/{other.digest}").status == 200
        assert put(client, repository, "v1", pushed.data).status == 201
        assert client.send("GET", f"/v2/{repository}/manifests/v1").body == pushed.data


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_unknown_manifests(client: Client, repository: str, method: str) -> None:
    push_manifest(client, repository, "v1")
    for name in (repository, f"{repository}/none"):
        for reference in ("v2", UNKNOWN_DIGEST, f"blake3:{'0' * 64}", str(EMPTY_JSON.digest)):
            answer = client.send(method, f"/v2/{name}/manifests/{reference}")
            assert answer.status == 404
            assert method == "HEAD" or answer.code == "MANIFEST_UNKNOWN"
