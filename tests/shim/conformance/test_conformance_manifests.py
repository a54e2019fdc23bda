"""What the official suite checks of manifests, tags and referrers, data set by data set under its names."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

import pytest

from tests.shim.conformance.datasets import DATA_SETS, image
from tests.shim.conformance.pushing import at_once, one_chunk, path_of, post_put, streamed
from tests.shim.wire import UNKNOWN_DIGEST
from wpkg.oci.manifest import IMAGE_INDEX, IMAGE_MANIFEST

if TYPE_CHECKING:
    from typing import Any

    from tests.shim.conformance.datasets import DataSet, Document
    from tests.shim.wire import Answer, SocketClient
    from wpkg.oci.digest import Digest

READABLE = {"Accept": f"{IMAGE_INDEX}, {IMAGE_MANIFEST}"}
WITH_REFERRERS = ["artifacts-with-subject", "index-with-subject", "missing-subject"]


@pytest.fixture(params=DATA_SETS)
def dataset(request: pytest.FixtureRequest) -> DataSet:
    return DATA_SETS[request.param]()


def at(repository: str, reference: object) -> str:
    return f"/v2/{repository}/manifests/{reference}"


def send_manifest(client: SocketClient, repository: str, reference: str, document: Document) -> Answer:
    """As the suite does: without saying how long it is."""
    half = len(document.data) // 2
    body = iter([document.data[:half], document.data[half:]])
    return client.send("PUT", at(repository, reference), body, {"Content-Type": document.media_type})


def check_pushed(client: SocketClient, answer: Answer, document: Document, digest: Digest) -> None:
    assert answer.status == 201, answer.body
    assert answer.headers["docker-content-digest"] == str(digest)
    subject = document.members.get("subject")
    assert answer.headers.get("oci-subject") == (subject["digest"] if subject else None)
    assert client.send("GET", path_of(answer), headers=READABLE).body == document.data


def push(client: SocketClient, repository: str, dataset: DataSet) -> None:
    """Blobs in every way, then manifests by digest, then tags."""
    ways = cycle((post_put, at_once, streamed, one_chunk))
    for digest, data in dataset.blobs.items():
        answer = next(ways)(client, repository, data, digest)
        assert answer.status == 201, answer.body
        assert client.send("GET", path_of(answer)).body == data
    tagged = {tag for tag in dataset.tags if dataset.with_tag_parameters}
    for document in dataset.manifests:
        tags = [tag for tag in tagged if dataset.tags[tag] is document]
        reference = f"{document.digest}?{'&'.join(f'tag={tag}' for tag in tags)}"
        answer = send_manifest(client, repository, reference.rstrip("?"), document)
        check_pushed(client, answer, document, document.digest)
        assert {tag.strip() for tag in answer.headers.get("oci-tag", "").split(",") if tag} == set(tags)
    for tag, document in dataset.tags.items():
        if tag not in tagged:
            answer = send_manifest(client, repository, tag, document)
            check_pushed(client, answer, document, document.digest)


def test_push_and_tag_list(client: SocketClient, repository: str, dataset: DataSet) -> None:
    push(client, repository, dataset)
    listed = client.send("GET", f"/v2/{repository}/tags/list")
    assert listed.status == 200
    assert listed.json == {"name": repository, "tags": sorted(dataset.tags)}
    if len(dataset.tags) > 1:
        first, *others = sorted(dataset.tags)
        assert client.send("GET", f"/v2/{repository}/tags/list?last={first}").json["tags"] == others


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_head_and_pull(client: SocketClient, repository: str, dataset: DataSet, method: str) -> None:
    push(client, repository, dataset)
    names = {str(document.digest): document for document in dataset.manifests} | dataset.tags
    for reference, document in names.items():
        got = client.send(method, at(repository, reference), headers=READABLE)
        assert (got.status, got.body) == (200, document.data if method == "GET" else b"")
        assert got.headers["content-type"] == document.media_type
        assert got.headers["content-length"] == str(len(document.data))
        assert got.headers["docker-content-digest"] == str(document.digest)
    for digest, data in dataset.blobs.items():
        got = client.send(method, f"/v2/{repository}/blobs/{digest}")
        assert (got.status, got.body) == (200, data if method == "GET" else b"")
        assert got.headers["content-length"] == str(len(data))
        assert got.headers["docker-content-digest"] == str(digest)


def listed(client: SocketClient, repository: str, subject: str, query: str = "") -> dict[str, dict[str, Any]]:
    answer = client.send("GET", f"/v2/{repository}/referrers/{subject}{query}")
    assert (answer.status, answer.headers["content-type"]) == (200, IMAGE_INDEX)
    assert (answer.json["schemaVersion"], answer.json["mediaType"]) == (2, IMAGE_INDEX)
    assert answer.headers.get("oci-filters-applied") == ("artifactType" if query else None)
    return {item["digest"]: item for item in answer.json["manifests"]}


def referrers(dataset: DataSet) -> dict[str, dict[str, dict[str, Any]]]:
    """What refers to each subject, as the API lists it."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for document in dataset.manifests:
        if "subject" in document.members:
            of_one = found.setdefault(document.members["subject"]["digest"], {})
            of_one[str(document.digest)] = document.as_referrer()
    return found


@pytest.mark.parametrize("dataset", WITH_REFERRERS, indirect=True)
def test_referrers(client: SocketClient, repository: str, dataset: DataSet) -> None:
    push(client, repository, dataset)
    expected = referrers(dataset)
    assert expected
    for subject, items in expected.items():
        assert listed(client, repository, subject) == items
        for kind in {item["artifactType"] for item in items.values() if "artifactType" in item} | {"a/none"}:
            wanted = {d: item for d, item in items.items() if item.get("artifactType") == kind}
            assert listed(client, repository, subject, f"?artifactType={kind}") == wanted


def test_delete(client: SocketClient, repository: str, dataset: DataSet) -> None:
    """Tags, then manifests from the last to the first, then blobs; each is gone at once and nothing else is."""
    push(client, repository, dataset)
    remaining = referrers(dataset)
    for tag, document in dataset.tags.items():
        delete(client, at(repository, tag))
        assert client.send("HEAD", at(repository, document.digest)).status == 200
    assert client.send("GET", f"/v2/{repository}/tags/list").json["tags"] == []
    for document in reversed(dataset.manifests):
        delete(client, at(repository, document.digest))
        subject = document.members.get("subject")
        if subject:
            del remaining[subject["digest"]][str(document.digest)]
            assert listed(client, repository, subject["digest"]) == remaining[subject["digest"]]
    for digest in dataset.blobs:
        delete(client, f"/v2/{repository}/blobs/{digest}")


def test_delete_of_a_manifest_takes_its_tags(client: SocketClient, repository: str, dataset: DataSet) -> None:
    push(client, repository, dataset)
    for document in {document.digest: document for document in dataset.tags.values()}.values():
        delete(client, at(repository, document.digest))
    for tag in dataset.tags:
        assert client.send("HEAD", at(repository, tag)).status == 404


def delete(client: SocketClient, target: str) -> None:
    assert client.send("DELETE", target).status == 202
    for method in ("HEAD", "GET"):
        assert client.send(method, target).status == 404


def test_bad_digest_image(client: SocketClient, repository: str) -> None:
    """Under digests that are not theirs neither the blobs nor the manifest of an image are taken."""
    dataset = image(has_wrong_digests=True)
    for digest, data in dataset.blobs.items():
        for way in (at_once, post_put, streamed, one_chunk):
            assert way(client, repository, data, digest).status == 400
        assert client.send("HEAD", f"/v2/{repository}/blobs/{digest}").status == 404
    for document in dataset.manifests:
        assert send_manifest(client, repository, str(document.digest), document).status == 400
        assert client.send("HEAD", at(repository, document.digest)).status == 404


class TestErrors:
    def test_ping(self, client: SocketClient) -> None:
        assert client.send("GET", "/v2/").status == 200

    def test_empty_repository(self, client: SocketClient, repository: str) -> None:
        assert client.send("GET", f"/v2/{repository}/tags/list").status in (200, 404)
        assert listed(client, repository, UNKNOWN_DIGEST) == {}

    @pytest.mark.parametrize("reference", ["missing", UNKNOWN_DIGEST, f"sha512:{'0' * 128}"])
    @pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
    def test_missing_manifest(self, client: SocketClient, repository: str, reference: str, method: str) -> None:
        push(client, repository, image())
        assert client.send(method, at(repository, reference)).status == 404

    @pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
    def test_invalid_digest_format(self, client: SocketClient, repository: str, algorithm: str) -> None:
        dataset = image()
        push(client, repository, dataset)
        reference = f"{algorithm}:baddigeststring"
        assert send_manifest(client, repository, reference, dataset.manifests[0]).status == 400
        assert client.send("GET", at(repository, reference)).status in (400, 404)
        assert client.send("GET", f"/v2/{repository}/referrers/{reference}").status == 400
