"""What names, tags and paths may be, with and without a socket."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING

import pytest

from tests.shim.wire import (
    EMPTY_JSON,
    UNKNOWN_DIGEST,
    closing,
    image,
    push_manifest,
    start_upload,
)
from wpkg.oci.digest import Digest

if TYPE_CHECKING:
    from tests.shim.process import Served
    from tests.shim.wire import Client


@pytest.mark.parametrize(
    "tag", ["", ".", "..", ".a", "-a", "a" * 129, "a+b", "a%2fb", "a%00", "%FF", "%C3%BC", "a%20b"]
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_bad_tags(client: Client, repository: str, tag: str, method: str) -> None:
    answer = client.send(method, f"/v2/{repository}/manifests/{tag}", image() if method == "PUT" else b"")
    assert (answer.status, answer.code) == (400, "NAME_INVALID")


def test_the_longest_tag(client: Client, repository: str) -> None:
    push_manifest(client, repository, "a" * 128)
    assert client.send("GET", f"/v2/{repository}/manifests/{'a' * 128}").status == 200


BAD_NAMES = [
    "",
    "A",
    "Abc/x",
    "..",
    "../x",
    "x/..",
    "x/../y",
    ".",
    "x/./y",
    "x//y",
    "/x",
    "x/",
    "-x",
    "x-",
    "x..y",
    "x___y",
    "_x",
    "_uploads",
    "x/_blobs",
    "x%2fy",
    "x%2Fy",
    "%2e%2e/x",
    "%2e%2e%2fx",
    "x%00",
    "%00",
    "x%0a",
    "%C3%BC",
    "x+y",
    "x:y",
    "x%3Ay",
    "~x",
    ".lock",
    "a" * 256,
    "a/" * 127 + "ab",
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_bad_names(client: Client, name: str) -> None:
    digest = EMPTY_JSON.digest
    requests = [
        ("GET", "manifests/v1"),
        ("PUT", "manifests/v1"),
        ("GET", f"blobs/{digest}"),
        ("POST", "blobs/uploads/"),
        ("POST", f"blobs/uploads/?digest={digest}"),
        ("PUT", f"blobs/uploads/{'0' * 32}?digest={digest}"),
        ("GET", "tags/list"),
        ("GET", f"referrers/{digest}"),
    ]
    for method, rest in requests:
        answer = client.send(method, f"/v2/{name}/{rest}", b"{}" if method != "GET" else b"")
        assert (answer.status, answer.code) == (400, "NAME_INVALID"), (method, rest)


@pytest.mark.parametrize(
    "suffix",
    [
        "a/manifests/b",
        "blobs/uploads",
        "blobs",
        "index.json",
        "index.log",
        "oci-layout",
        "blobs/sha256",
        "manifests/latest",
        "tags/list",
        "referrers",
        "uploads",
        "v2/v2",
        "a__b/c.d/e-f/g--h",
    ],
)
def test_names_that_look_like_something_else(client: Client, repository: str, suffix: str) -> None:
    """Beside and below repositories whose own files have these names."""
    parent = push_manifest(client, repository, "v1", annotations={"of": "the parent"})
    name = f"{repository}/{suffix}"
    child = push_manifest(client, name, "v1", annotations={"of": suffix})
    location = client.send("PATCH", start_upload(client, name), b"12").location
    assert client.send("PUT", closing(location, Digest.of(b"1234")), b"34").status == 201
    for path, pushed in ((repository, parent), (name, child)):
        assert client.send("GET", f"/v2/{path}/manifests/v1").body == pushed.data
        assert client.send("GET", f"/v2/{path}/tags/list").json == {"name": path, "tags": ["v1"]}
        assert client.send("GET", f"/v2/{path}/blobs/{EMPTY_JSON.digest}").body == b"{}"


def test_the_longest_name(client: Client) -> None:
    name = "a" * 200 + "/" + "b" * 54
    pushed = push_manifest(client, name, "v1")
    assert client.send("GET", f"/v2/{name}/manifests/v1").body == pushed.data


class TestElsewhere:
    def test_support(self, client: Client) -> None:
        for target in ("/v2/", "/v2"):
            answer = client.send("GET", target)
            assert (answer.status, answer.json) == (200, {})

    @pytest.mark.parametrize(
        "target",
        [
            "/v2/x",
            "/v2//",
            "/v2/_catalog/",
            "/v2/_catalog/x",
            "/v2/x/manifests",
            "/v2/x/tags",
            "/v2/x/tags/other",
            "/v2/x/blobs/uploads/y/z",
            "/v2/../v2/x/manifests/y/z",
            "/v2/../etc/passwd",
            "/v2/%2e%2e/%2e%2e/etc/passwd",
            "/v2/%00",
        ],
    )
    @pytest.mark.parametrize("method", ["GET", "PUT"])
    def test_nothing(self, client: Client, target: str, method: str) -> None:
        answer = client.send(method, target)
        assert (answer.status, answer.code) == (404, "UNSUPPORTED")

    @pytest.mark.parametrize("target", ["/v1/", "/etc/passwd", "/..", "/%2e%2e/%2e%2e/etc/passwd"])
    @pytest.mark.parametrize(("method", "status"), [("GET", 404), ("PUT", 405)])
    def test_nothing_beside_the_registry(
        self, shared_server: Served, target: str, method: str, status: int
    ) -> None:
        """There the page answers, for people; it gives no file of the machine either."""
        connection = http.client.HTTPConnection(shared_server.address.removeprefix("http://"), timeout=10)
        connection.request(method, target)
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("content-type")) == (status, "text/html; charset=utf-8")
        assert b"root:" not in answer.read()
        connection.close()

    @pytest.mark.parametrize(
        ("target", "allowed"),
        [
            ("/v2/", "GET, HEAD"),
            ("/v2/_catalog", "GET, HEAD"),
            ("/v2/x/manifests/v1", "GET, HEAD, PUT, DELETE"),
            (f"/v2/x/blobs/{UNKNOWN_DIGEST}", "GET, HEAD, DELETE"),
            ("/v2/x/blobs/uploads/", "POST"),
            (f"/v2/x/blobs/uploads/{'0' * 32}", "GET, PATCH, PUT, DELETE"),
            ("/v2/x/tags/list", "GET, HEAD"),
            (f"/v2/x/referrers/{UNKNOWN_DIGEST}", "GET, HEAD"),
        ],
    )
    def test_wrong_methods(self, client: Client, target: str, allowed: str) -> None:
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FROBNICATE"):
            answer = client.send(method, target)
            if method in allowed.split(", "):
                assert answer.status != 405
            else:
                assert (answer.status, answer.headers["allow"]) == (405, allowed)
                assert method == "HEAD" or answer.code == "UNSUPPORTED"
