"""What a client may rely on about tags and referrers, with and without a socket."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from registry_shim.limits import MAX_MANIFEST_SIZE
from tests.shim.wire import (
    EMPTY_JSON,
    UNKNOWN,
    UNKNOWN_DIGEST,
    InProcessClient,
    image,
    push_blob,
    push_manifest,
    put,
)
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import Digest
from wpkg.oci.manifest import IMAGE_INDEX, Index, Manifest

if TYPE_CHECKING:
    from pathlib import Path

    from registry_shim.store.store import Store
    from tests.shim.wire import Client


class TestReferrers:
    def listed(self, client: Client, repository: str, digest: str, query: str = "") -> list[dict[str, Any]]:
        answer = client.send("GET", f"/v2/{repository}/referrers/{digest}{query}")
        assert (answer.status, answer.headers["content-type"]) == (200, IMAGE_INDEX)
        assert answer.json.keys() == {"schemaVersion", "mediaType", "manifests"}
        assert (answer.json["schemaVersion"], answer.json["mediaType"]) == (2, IMAGE_INDEX)
        has_filter = "artifactType=" in query
        assert answer.headers.get("oci-filters-applied") == ("artifactType" if has_filter else None)
        manifests: list[dict[str, Any]] = answer.json["manifests"]
        return manifests

    def test_with_and_without_filter(self, client: Client, repository: str) -> None:
        subject = push_manifest(client, repository, "v1")
        notes = {"k": "v", "org.opencontainers.image.ref.name": "not-a-tag", "ü": "☃"}
        signature = push_manifest(
            client,
            repository,
            subject=subject.descriptor,
            artifact_type="application/vnd.sig+json",
            annotations=notes,
        )
        plain = push_manifest(client, repository, subject=subject.descriptor)
        expected = {
            signature.digest: {
                **signature.descriptor.to_json(),
                "artifactType": "application/vnd.sig+json",
                "annotations": notes,
            },
            plain.digest: {**plain.descriptor.to_json(), "artifactType": EMPTY_JSON.media_type},
        }
        everything = self.listed(client, repository, subject.digest)
        assert {item["digest"]: item for item in everything} == expected
        for spelling in ("application/vnd.sig+json", "application%2Fvnd.sig%2Bjson"):
            found = self.listed(client, repository, subject.digest, f"?artifactType={spelling}")
            assert found == [expected[signature.digest]]
        assert self.listed(client, repository, subject.digest, "?artifactType=application/none") == []
        assert client.send("GET", f"/v2/{repository}/tags/list").json["tags"] == ["v1"]

    def test_of_a_subject_that_is_not_there(self, client: Client, repository: str) -> None:
        push_blob(client, repository, b"{}")
        data = Manifest(EMPTY_JSON, (), subject=UNKNOWN).encode()
        answer = put(client, repository, "v1", data)
        assert (answer.status, answer.headers["oci-subject"]) == (201, str(UNKNOWN.digest))
        assert [item["digest"] for item in self.listed(client, repository, str(UNKNOWN.digest))] == [
            str(Digest.of(data))
        ]

    def test_an_index_with_a_subject(self, client: Client, repository: str) -> None:
        subject = push_manifest(client, repository)
        whole = json.loads(Index((), {"k": "v"}).encode())
        whole["subject"] = subject.descriptor.to_json()
        data = json.dumps(whole).encode()
        answer = put(client, repository, "v1", data, IMAGE_INDEX)
        assert (answer.status, answer.headers["oci-subject"]) == (201, subject.digest)
        expected = {**Descriptor.of(IMAGE_INDEX, data).to_json(), "annotations": {"k": "v"}}
        assert self.listed(client, repository, subject.digest) == [expected]
        whole["artifactType"] = "application/vnd.bundle"
        assert put(client, repository, "v2", json.dumps(whole).encode(), IMAGE_INDEX).status == 201
        found = self.listed(client, repository, subject.digest, "?artifactType=application/vnd.bundle")
        assert len(found) == 1

    def test_go_with_their_manifest(self, client: Client, repository: str) -> None:
        subject = push_manifest(client, repository)
        referrer = push_manifest(client, repository, "sig", subject=subject.descriptor)
        assert client.send("DELETE", f"/v2/{repository}/manifests/sig").status == 202
        assert len(self.listed(client, repository, subject.digest)) == 1
        assert client.send("DELETE", f"/v2/{repository}/manifests/{referrer.digest}").status == 202
        assert self.listed(client, repository, subject.digest) == []

    def test_of_whatever_is_unknown_are_none(self, client: Client, repository: str) -> None:
        push_manifest(client, repository)
        for name in (repository, f"{repository}/none"):
            for digest in (UNKNOWN_DIGEST, str(Digest.of(b"", "sha512")), "blake3:00", "x+y:A=_-"):
                assert self.listed(client, name, digest) == []

    @pytest.mark.parametrize("text", ["latest", "sha256:00", f"sha256:{'A' * 64}", "sha256", ":", "%2e%2e", "A:0"])
    def test_of_what_is_no_digest(self, client: Client, repository: str, text: str) -> None:
        answer = client.send("GET", f"/v2/{repository}/referrers/{text}")
        assert (answer.status, answer.code) == (400, "DIGEST_INVALID")


class TestPagesOfReferrers:
    """More than fits into an index that clients read comes in pages."""

    @pytest.mark.parametrize("query", ["", "?artifactType=application/vnd.sig+json"])
    def test_come_once_each(self, client: Client, repository: str, query: str) -> None:
        subject = push_manifest(client, repository)
        filler = "☃" * 400_000  # 1.2 MB: three to a page
        pushed = {
            push_manifest(
                client,
                repository,
                subject=subject.descriptor,
                artifact_type="application/vnd.sig+json",
                annotations={"filler": filler, "number": str(number)},
            ).digest
            for number in range(8)
        }
        other = push_manifest(client, repository, subject=subject.descriptor).digest
        found: list[str] = []
        sizes: list[int] = []
        target = f"/v2/{repository}/referrers/{subject.digest}{query}"
        while target:
            assert len(sizes) < 10
            answer = client.send("GET", target)
            assert answer.status == 200
            assert len(answer.body) <= MAX_MANIFEST_SIZE
            assert ("oci-filters-applied" in answer.headers) == bool(query)
            page = [item["digest"] for item in answer.json["manifests"]]
            found += page
            sizes.append(len(page))
            link = answer.headers.get("link", "")
            assert not link or link.endswith('>; rel="next"')
            target = link[1 : link.index(">")] if link else ""
        assert sorted(found) == sorted(pushed if query else pushed | {other})
        assert len(sizes) >= 3
        assert sizes[0] >= 3

    def test_after_what_is_no_digest(self, client: Client, repository: str) -> None:
        push_manifest(client, repository)
        answer = client.send("GET", f"/v2/{repository}/referrers/{UNKNOWN_DIGEST}?last=x")
        assert (answer.status, answer.code) == (400, "DIGEST_INVALID")


class TestTags:
    tags = ("0", "A", "Z", "_", "a", "a.b", "b", "latest", "v1", "v10", "v2")

    def page(self, client: Client, target: str) -> tuple[list[str], str | None]:
        answer = client.send("GET", target)
        assert answer.status == 200
        link = answer.headers.get("link")
        if link is not None:
            assert link.startswith("</v2/")
            assert link.endswith('>; rel="next"')
            link = link[1 : link.index(">")]
        return answer.json["tags"], link

    @pytest.fixture
    def tagged(self, client: Client, repository: str) -> str:
        push_blob(client, repository, b"{}")
        for tag in reversed(self.tags):
            assert put(client, repository, tag, image()).status == 201
        return f"/v2/{repository}/tags/list"

    def test_all_in_order(self, client: Client, tagged: str, repository: str) -> None:
        answer = client.send("GET", tagged)
        assert answer.json == {"name": repository, "tags": list(self.tags)}
        assert "link" not in answer.headers

    @pytest.mark.parametrize("n", [1, 2, 3, 10, 11, 12, 10**9, 10**40, "9" * 5000], ids=lambda n: str(n)[:12])
    def test_pages(self, client: Client, tagged: str, n: int | str) -> None:
        found: list[str] = []
        target: str | None = f"{tagged}?n={n}"
        while target is not None:
            tags, target = self.page(client, target)
            found += tags
            assert len(tags) == n or target is None
        assert found == list(self.tags)

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("last=a.b", ["b", "latest", "v1", "v10", "v2"]),
            ("last=c", ["latest", "v1", "v10", "v2"]),
            ("last=v2", []),
            ("last=~", []),
            ("last=", list(tags)),
            ("n=2&last=v1", ["v10", "v2"]),
            ("n=1&last=v1", ["v10"]),
            ("n=0", []),
            ("n=0&last=a", []),
            ("last=%FF%00..%2F", []),  # what is not UTF-8 sorts behind every tag
        ],
    )
    def test_positions(self, client: Client, tagged: str, query: str, expected: list[str]) -> None:
        tags, link = self.page(client, f"{tagged}?{query}")
        assert tags == expected
        assert (link is not None) == (query == "n=1&last=v1")

    @pytest.mark.parametrize("n", ["-1", "abc", "", "1.5", "+1", "0x1", "%D9%A1", "1%20"])
    def test_bad_numbers(self, client: Client, tagged: str, n: str) -> None:
        answer = client.send("GET", f"{tagged}?n={n}")
        assert (answer.status, answer.code) == (400, "SIZE_INVALID")

    def test_of_no_repository(self, client: Client, repository: str) -> None:
        answer = client.send("GET", f"/v2/{repository}/tags/list")
        assert (answer.status, answer.code) == (404, "NAME_UNKNOWN")

    def test_of_a_repository_without_tags(self, client: Client, repository: str) -> None:
        push_manifest(client, repository)
        assert client.send("GET", f"/v2/{repository}/tags/list").json["tags"] == []


class TestCatalog:
    def test_has_what_was_pushed(self, client: Client, repository: str) -> None:
        push_manifest(client, repository, "v1")
        answer = client.send("GET", "/v2/_catalog")
        assert answer.json.keys() == {"repositories"}
        assert repository in answer.json["repositories"]
        assert client.send("HEAD", "/v2/_catalog").status == 200

    def test_in_pages(self, store: Store, root: Path) -> None:
        client = InProcessClient(store, str(root))
        assert client.send("GET", "/v2/_catalog").json == {"repositories": []}
        names = ["a", "a-b", "a/b", "a/blobs", "a0", "b/index.json", "c"]  # in the order of ASCII
        for name in names:
            push_manifest(client, name)
        assert client.send("GET", "/v2/_catalog").json["repositories"] == names
        for n in (1, 2, 3, 7, 8):
            found, target = [], f"/v2/_catalog?n={n}"
            while target:
                answer = client.send("GET", target)
                assert len(answer.json["repositories"]) <= n
                found += answer.json["repositories"]
                link = answer.headers.get("link", "")
                assert link == "" or (link.startswith("</v2/_catalog?n=") and link.endswith('>; rel="next"'))
                target = link[1:].partition(">")[0]
            assert found == names
        assert client.send("GET", "/v2/_catalog?last=a/b").json["repositories"] == names[3:]
        assert client.send("GET", "/v2/_catalog?n=0").json["repositories"] == []
        for bad in ("-1", "x", "1.5", ""):
            answer = client.send("GET", f"/v2/_catalog?n={bad}")
            assert (answer.status, answer.code) == (400, "SIZE_INVALID")
        # CVE-2023-2253: a number costs nothing, however large it is.
        assert client.send("GET", f"/v2/_catalog?n={'9' * 30}").json["repositories"] == names
