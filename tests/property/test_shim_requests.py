"""Whatever is asked of registry-shim: an answer of the protocol, and nothing of the machine it runs on.

The store behind it is real. What is refused has an error body of the specification, which the client of these tests
checks with every answer; nothing is answered with a failure of the server.
"""

from __future__ import annotations

import contextlib
import socket
import string
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from registry_shim.protocol.messages import Refusal, Request
from registry_shim.protocol.ranges import (
    MalformedRange,
    UnsatisfiableRange,
    read_content_range,
    read_range,
    received,
)
from registry_shim.protocol.registry import Registry
from registry_shim.protocol.routes import Endpoint, find_route
from registry_shim.store.store import Store
from registry_shim.upstream.address import Upstream
from registry_shim.upstream.namespaces import Namespaces
from registry_shim.upstream.pull_through import PullThrough
from registry_shim.upstream.source import Source
from tests.shim.conftest import MEMORY, new_id
from tests.shim.wire import EMPTY_JSON, UNKNOWN_DIGEST, InProcessClient, image, push_manifest, start_upload
from wpkg.errors import InvalidInput
from wpkg.oci.digest import Digest
from wpkg.oci.manifest import IMAGE_MANIFEST
from wpkg.oci.reference import is_repository_path, is_tag
from wpkg.registry.client import RegistryClient

if TYPE_CHECKING:
    from collections.abc import Iterator

QUICK = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

# Pieces of paths and headers that make texts which are nearly right.
PIECES = [
    *"/?&=%.:_-+~\\\"'<>;, \t\n\x00\x7fé",
    "//",
    "..",
    "%2e%2e",
    "%2f",
    "%00",
    "%",
    "%zz",
    "%FF",
    "/v2/",
    "v2",
    "a",
    "a/b",
    "A",
    "_uploads",
    "blobs",
    "uploads",
    "manifests",
    "tags/list",
    "_catalog",
    "referrers",
    "index.json",
    "index.log",
    ".lock",
    "etc/passwd",
    "latest",
    "v1",
    "0" * 32,
    str(EMPTY_JSON.digest),
    UNKNOWN_DIGEST,
    "sha256:",
    "sha512:" + "0" * 128,
    "md5:0",
    "a" * 256,
    "9" * 30,
]
NEARLY = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
# A path and a header are Latin-1 when they come from a connection.
WIRE = st.one_of(NEARLY, st.text(st.characters(max_codepoint=255), max_size=60))
SEGMENTS = st.sampled_from(
    [
        "manifests/{}",
        "blobs/{}",
        "blobs/uploads/{}",
        "blobs/uploads/",
        "tags/list",
        "referrers/{}",
    ]
)
METHODS = st.sampled_from(["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"])
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "range",
            "if-range",
            "content-range",
            "content-type",
            "content-length",
            "if-match",
            "if-none-match",
            "accept",
        ]
    ),
    WIRE,
    max_size=4,
)
PARAMETERS = st.lists(
    st.tuples(
        st.sampled_from(["digest", "mount", "from", "n", "last", "artifactType", "tag", "digest-algorithm", "ns"]),
        WIRE,
    ),
    max_size=4,
).map(lambda pairs: "&".join(f"{name}={value}" for name, value in pairs))
BODIES = st.sampled_from([b"", b"{}", b"nonsense", b'{"schemaVersion":2}', b"[" * 10_000, b"\xff\xfe"])


@pytest.fixture(scope="module")
def client() -> Iterator[InProcessClient]:
    with (
        tempfile.TemporaryDirectory(prefix="secret-", dir=MEMORY if MEMORY.is_dir() else None) as root,
        Store(Path(root), new_id) as store,
    ):
        client = InProcessClient(store, root)
        push_manifest(client, "a", "v1")
        push_manifest(client, "a/b", "latest")
        yield client


@given(METHODS, WIRE, PARAMETERS, HEADERS, BODIES)
@example("GET", "/v2/%2e%2e/tags/list", "", {}, b"")
@example("GET", "/v2/a/tags/list", "n=-1", {}, b"")
@example("GET", "/v2/a/tags/list", "n=²", {}, b"")
@QUICK
def test_any_path(
    client: InProcessClient, method: str, path: str, query: str, headers: dict[str, str], body: bytes
) -> None:
    answer = client.send(method, f"{path.replace('?', '')}?{query}", body, headers)
    assert answer.status < 500


@given(METHODS, st.sampled_from(["a", "a/b", "none", "A", "x//y"]), SEGMENTS, WIRE, PARAMETERS, HEADERS, BODIES)
@QUICK
def test_any_item_of_any_endpoint(
    client: InProcessClient,
    method: str,
    name: str,
    rest: str,
    item: str,
    query: str,
    headers: dict[str, str],
    body: bytes,
) -> None:
    target = f"/v2/{name}/{rest.format(item.replace('?', ''))}?{query}"
    assert client.send(method, target, body, headers).status < 500


@pytest.fixture(scope="module")
def mirror() -> Iterator[InProcessClient]:
    """Of a registry that nobody can reach."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"127.0.0.1:{closed.getsockname()[1]}"
    source = Source(Upstream.parse(f"http://{address}"), RegistryClient(), lambda: 0.0)
    with (
        tempfile.TemporaryDirectory(prefix="secret-", dir=MEMORY if MEMORY.is_dir() else None) as root,
        Store(Path(root), new_id) as store,
    ):
        through = PullThrough(Registry(store), store, [source], 60.0, lambda: 0.0)
        yield InProcessClient(store, root, Namespaces(through, [source.upstream], "a"))
        assert {path.name for path in Path(root).iterdir()} == {".lock"}


@given(METHODS, st.sampled_from(["a", "a/b", "A"]), SEGMENTS, WIRE, PARAMETERS, HEADERS)
@QUICK
def test_any_item_of_a_mirror(
    mirror: InProcessClient,
    method: str,
    name: str,
    rest: str,
    item: str,
    query: str,
    headers: dict[str, str],
) -> None:
    answer = mirror.send(method, f"/v2/{name}/{rest.format(item.replace('?', ''))}?{query}", b"", headers)
    assert 400 <= answer.status < 500 or answer.status == 502


@given(
    st.one_of(NEARLY, st.text(max_size=40)), st.sampled_from(["", "https://", "http://r.test/", "https://r.test,"])
)
@example("[::zz]", "https://")
@example("r.test:99999", "https://")
def test_any_upstream(text: str, start: str) -> None:
    with contextlib.suppress(InvalidInput):
        upstream = Upstream.parse(start + text)
        assert is_repository_path(upstream.path or "a")
        assert is_repository_path(upstream.prefix or "a")


NAMES = st.one_of(
    WIRE,
    st.lists(st.sampled_from(["a", "..", ".", "A", "", "_uploads", "%2e", "b", "blobs"]), min_size=1).map(
        "/".join
    ),
)


@given(NAMES)
@example("..")
@example("a/../../b")
@QUICK
def test_only_a_name_makes_a_repository(client: InProcessClient, name: str) -> None:
    name = name.replace("?", "")
    answer = client.send("PUT", f"/v2/{name}/manifests/v1", b"nonsense", {"Content-Type": IMAGE_MANIFEST})
    started = client.send("POST", f"/v2/{name}/blobs/uploads/")
    if is_repository_path(name):
        assert (answer.code, started.status) == ("MANIFEST_INVALID", 202)
    else:
        assert (answer.status, started.status) in {(400, 400), (400, 404), (404, 400), (404, 404)}
        assert "NAME_INVALID" in {answer.code, started.code}


@given(WIRE)
@example(".lock")
@example("%2e%2e")
@QUICK
def test_only_a_tag_tags(client: InProcessClient, text: str) -> None:
    text = text.replace("?", "").replace("/", "")
    answer = client.send("PUT", f"/v2/a/manifests/{text}", image(), {"Content-Type": IMAGE_MANIFEST})
    tag = unquote(text)
    assert (answer.status == 201) == (is_tag(tag) or tag == str(Digest.of(image())))
    assert all(is_tag(tag) for tag in client.send("GET", "/v2/a/tags/list").json["tags"])


@given(WIRE, WIRE, PARAMETERS, BODIES)
@QUICK
def test_any_chunk_of_a_session(
    client: InProcessClient, content_range: str, length: str, query: str, body: bytes
) -> None:
    location = start_upload(client, "a")
    headers = {"Content-Range": content_range, "Content-Length": length}
    for method in ("PATCH", "PUT"):
        assert client.send(method, f"{location}?{query}", body, headers).status < 500
    client.send("DELETE", location)


@given(
    st.one_of(st.binary(max_size=200), st.text(max_size=100).map(lambda t: f'{{"config":"{t}"}}'.encode())), WIRE
)
@example(b'{"schemaVersion":2,"config":{},"layers":[],"layers":[]}', IMAGE_MANIFEST)
@example(b"\xef\xbb\xbf{}", IMAGE_MANIFEST)
@QUICK
def test_any_manifest(client: InProcessClient, data: bytes, media_type: str) -> None:
    answer = client.send("PUT", "/v2/a/manifests/any", data, {"Content-Type": media_type})
    assert 400 <= answer.status < 500


@given(WIRE)
@QUICK
def test_a_route_is_a_valid_name_or_a_refusal(path: str) -> None:
    try:
        route = find_route(path)
    except Refusal as refusal:
        assert 400 <= refusal.status < 500
        return
    assert route.endpoint is Endpoint.API or is_repository_path(route.repository)


NAME = st.lists(
    st.sampled_from(["a", "blobs", "uploads", "manifests", "tags", "list", "referrers", "v2"]),
    min_size=1,
    max_size=6,
).map("/".join)


@given(NAME, st.sampled_from(["manifests", "blobs", "referrers"]), st.text(string.ascii_letters, min_size=1))
def test_names_made_of_the_words_of_the_protocol_are_names(name: str, kind: str, item: str) -> None:
    """Only the end of a path tells what it is."""
    route = find_route(f"/v2/{name}/{kind}/{item}")
    if item == "uploads" and kind == "blobs":
        assert route.endpoint is Endpoint.UPLOADS
    elif kind == "blobs" or not f"{name}/".endswith("blobs/uploads/"):
        assert (route.repository, route.item) == (name, item)
    assert find_route(f"/v2/{name}/tags/list").repository == name


@given(WIRE, WIRE)
def test_parameters_of_any_query(query: str, name: str) -> None:
    for value in Request("GET", "/v2/", query).parameters(name):
        assert isinstance(value, str)


RANGES = st.one_of(
    WIRE,
    st.from_regex(r"bytes=\s?[0-9]{0,19}-[0-9]{0,19}", fullmatch=True),
    st.from_regex(r"bytes=[0-9]{1,3}-[0-9]{0,3}(,[0-9]{1,3}-)?", fullmatch=True),
)


@given(RANGES, st.integers(0, 1000))
@example("bytes=0-0", 0)
@example("bytes=-1", 0)
@example("bytes=-0", 5)
@example("bytes=0-²", 5)
@example(f"bytes={'9' * 19}-", 5)
def test_a_range_lies_within_what_there_is(text: str, size: int) -> None:
    try:
        part = read_range(text, size)
    except UnsatisfiableRange:
        return
    if part is not None:
        assert 0 <= part.first <= part.last < size


@given(st.integers(0, 10**18 - 1), st.integers(0, 10**18 - 1), st.integers(1, 10**18 - 1))
def test_ranges_mean_what_rfc_9110_says(first: int, last: int, size: int) -> None:
    def wanted(text: str) -> range | None:
        try:
            part = read_range(text, size)
        except UnsatisfiableRange:
            return None
        assert part is not None
        return range(part.first, part.last + 1)

    assert wanted(f"bytes={first}-") == (range(first, size) or None if first < size else None)
    assert wanted(f"bytes=-{last}") == (range(max(size - last, 0), size) if last else None)
    inside = range(first, min(last, size - 1) + 1)
    assert wanted(f"bytes={first}-{last}") == (inside if first <= last and first < size else None)


@given(st.one_of(WIRE, st.from_regex(r" ?[0-9]{1,19}-[0-9]{1,19}", fullmatch=True)))
def test_a_content_range_is_one_or_is_refused(text: str) -> None:
    try:
        chunk = read_content_range(text)
    except (MalformedRange, UnsatisfiableRange):
        return
    first, _, last = text.strip().partition("-")
    assert 0 <= chunk.first == int(first) <= chunk.last == int(last)


@given(st.integers(1, 10**17))
def test_what_a_session_says_is_read_as_said(offset: int) -> None:
    chunk = read_content_range(received(offset))
    assert (chunk.first, chunk.length) == (0, offset)
