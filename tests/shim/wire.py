"""Talking to a registry, over a socket or without one; and things to push.

Every answer is checked for what holds for all of them: the shape of errors, and that no path of the server
is in them.
"""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from registry_shim.protocol.messages import BlobSlice, ErrorCode, Request
from registry_shim.protocol.registry import Registry, exchange
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import Digest
from wpkg.oci.manifest import EMPTY_CONFIG, IMAGE_INDEX, IMAGE_MANIFEST, Index, Manifest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from registry_shim.protocol.service import Service
    from registry_shim.store.store import Store

EMPTY_JSON = Descriptor.of(EMPTY_CONFIG, b"{}")
UNKNOWN = Descriptor.of("application/octet-stream", b"nobody pushed this")
UNKNOWN_DIGEST = str(UNKNOWN.digest)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]  # by lower-case name
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["errors"][0]["code"])

    @property
    def location(self) -> str:
        return self.headers["location"]


def check_error(answer: Answer, method: str, root: str) -> None:
    assert root.encode() not in answer.body
    assert not any(root in value for value in answer.headers.values())
    if answer.status >= 400 and method != "HEAD":
        assert answer.headers["content-type"].partition(";")[0] == "application/json"
        assert answer.json.keys() == {"errors"}
        assert answer.json["errors"]
        for error in answer.json["errors"]:
            assert error.keys() <= {"code", "message", "detail"}
            assert error["code"] in set(ErrorCode)
            assert error["message"]
    if method == "HEAD":
        assert answer.body == b""


class Client(Protocol):
    def send(
        self,
        method: str,
        target: str,
        body: bytes | Iterable[bytes] = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer: ...


class InProcessClient:
    """No socket: the protocol over a store."""

    def __init__(self, store: Store, root: str, service: Service | None = None) -> None:
        self._registry: Service = service or Registry(store)
        self._root = root

    def send(
        self,
        method: str,
        target: str,
        body: bytes | Iterable[bytes] = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        path, _, query = target.partition("?")
        given = {name.lower(): value for name, value in (headers or {}).items()}
        if isinstance(body, bytes):
            given.setdefault("content-length", str(len(body)))
            body = [body]
        response = exchange(self._registry, Request(method, path, query, given), body)
        part = response.body
        if isinstance(part, BlobSlice):
            data = part.blob.read(part.offset, part.length)
            part.blob.close()
        else:
            data = part
        answer = Answer(response.status, {n.lower(): v for n, v in response.headers}, data)
        if method == "HEAD":  # what carries it cuts a body off
            answer.body = b""
        elif "content-length" in answer.headers:
            assert answer.headers["content-length"] == str(len(data))
        check_error(answer, method, self._root)
        return answer


class SocketClient:
    """One kept connection."""

    def __init__(self, address: str, root: str) -> None:
        parts = urlsplit(address)
        self.connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        self._root = root

    def send(
        self,
        method: str,
        target: str,
        body: bytes | Iterable[bytes] = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        given = dict(headers or {})
        if isinstance(body, bytes) and (body or method in ("POST", "PUT", "PATCH")):
            given.setdefault("Content-Length", str(len(body)))
        is_chunked = not isinstance(body, bytes)
        self.connection.request(method, target, body or None, given, encode_chunked=is_chunked)
        response = self.connection.getresponse()
        answer = Answer(response.status, {n.lower(): v for n, v in response.getheaders()}, response.read())
        check_error(answer, method, self._root)
        return answer

    def close(self) -> None:
        self.connection.close()


@dataclass
class Pushed:
    """A manifest that was pushed."""

    data: bytes
    media_type: str
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        self.digest = str(Digest.of(self.data))

    @property
    def descriptor(self) -> Descriptor:
        return Descriptor.of(self.media_type, self.data)


def push_blob(client: Client, repository: str, data: bytes) -> Descriptor:
    descriptor = Descriptor.of("application/octet-stream", data)
    answer = client.send("POST", f"/v2/{repository}/blobs/uploads/?digest={descriptor.digest}", data)
    assert answer.status == 201, answer.body
    return descriptor


def put(client: Client, repository: str, reference: str, data: bytes, media_type: str = IMAGE_MANIFEST) -> Answer:
    return client.send("PUT", f"/v2/{repository}/manifests/{reference}", data, {"Content-Type": media_type})


def push_manifest(
    client: Client,
    repository: str,
    reference: str | None = None,
    *,
    subject: Descriptor | None = None,
    artifact_type: str | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Pushed:
    """Push a manifest with its empty config; by digest when there is no reference."""
    push_blob(client, repository, b"{}")
    data = Manifest(EMPTY_JSON, (), subject, artifact_type, annotations or {}).encode()
    pushed = Pushed(data, IMAGE_MANIFEST)
    answer = put(client, repository, reference or pushed.digest, data)
    assert answer.status == 201, answer.body
    return pushed


def push_index(client: Client, repository: str, reference: str, children: Iterable[Descriptor]) -> Pushed:
    pushed = Pushed(Index(tuple(children)).encode(), IMAGE_INDEX)
    answer = put(client, repository, reference, pushed.data, IMAGE_INDEX)
    assert answer.status == 201, answer.body
    return pushed


def start_upload(client: Client, repository: str) -> str:
    answer = client.send("POST", f"/v2/{repository}/blobs/uploads/")
    assert answer.status == 202, answer.body
    return answer.location


def closing(location: str, digest: Digest | str) -> str:
    return f"{location}{'&' if '?' in location else '?'}digest={digest}"


def image(**members: Any) -> bytes:
    """An image manifest whose config is the empty one, with other members replaced; None leaves one out."""
    whole: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": IMAGE_MANIFEST,
        "config": EMPTY_JSON.to_json(),
        "layers": [],
        **members,
    }
    return json.dumps({name: value for name, value in whole.items() if value is not None}).encode()
