"""Registries that lie: whatever they send, nothing unverified comes out of the client."""

from __future__ import annotations

import gzip
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from wpkg.errors import RegistryError
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import ContentMismatch
from wpkg.oci.manifest import (
    EMPTY_CONFIG,
    EMPTY_CONFIG_BYTES,
    IMAGE_INDEX,
    IMAGE_MANIFEST,
    Index,
    MalformedManifest,
    Manifest,
)
from wpkg.oci.reference import Repository
from wpkg.oci.referrers import MAX_REFERRERS
from wpkg.registry.client import RegistryClient
from wpkg.registry.errors import Unauthorized, UnexpectedAnswer, Unreachable
from wpkg.registry.patience import Patience
from wpkg.registry.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG = Descriptor.of(EMPTY_CONFIG, EMPTY_CONFIG_BYTES)
BLOB = b"component" * 500
LAYER = Descriptor.of("application/wasm", BLOB)
MANIFEST = Manifest(CONFIG, (LAYER,)).encode()
DIGEST = Descriptor.of(IMAGE_MANIFEST, MANIFEST).digest


@dataclass
class Liar:
    """A server that says what it is told to, whatever it is asked."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    chunked: bool = False  # without a Content-Length
    cut: int = 0  # bytes of the body that are promised and not sent
    seen: list[tuple[str, str | None]] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)  # what came with each request
    address: str = ""

    @property
    def repository(self) -> Repository:
        return Repository.parse(f"{self.address}/a/b")


def hasty_client() -> RegistryClient:
    """A client that tries again without waiting."""
    return RegistryClient(Transport(patience=Patience(sleep=lambda _: None)))


@pytest.fixture
def liar() -> Iterator[Liar]:
    said = Liar()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            said.seen.append((self.path, self.headers.get("Accept-Encoding")))
            said.authorizations.append(self.headers.get("Authorization"))
            self.send_response(said.status)
            self.send_header("Connection", "close")
            for name, value in said.headers.items():
                self.send_header(name, value)
            sent = said.body[: len(said.body) - said.cut]
            if said.chunked:
                self.send_header("Transfer-Encoding", "chunked")
                end = b"" if said.cut else b"\r\n0\r\n\r\n"
                sent = b"%x\r\n" % len(said.body) + sent + end
            else:
                self.send_header("Content-Length", str(len(said.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(sent)
            self.close_connection = True

        do_GET = do_HEAD = do_PUT = do_POST = _answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        said.address = f"127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield said
        server.shutdown()
        thread.join()


def test_a_manifest_that_is_not_what_its_digest_says(liar: Liar) -> None:
    liar.body, liar.headers = MANIFEST + b" ", {"Content-Type": IMAGE_MANIFEST}
    with pytest.raises(ContentMismatch, match="does not match its digest"):
        hasty_client().fetch_manifest(liar.repository.at(digest=DIGEST))


def test_a_manifest_by_tag_whose_announced_digest_is_another(liar: Liar) -> None:
    liar.body, liar.headers = MANIFEST + b" ", {"Docker-Content-Digest": str(DIGEST)}
    with pytest.raises(ContentMismatch, match="the registry says that its digest is"):
        hasty_client().fetch_manifest(liar.repository.at(tag="1"))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (BLOB[:-1], "bytes, its descriptor says"),
        (BLOB + b"!", "longer than"),
        (b"X" + BLOB[1:], "does not match its digest"),
    ],
)
def test_a_blob_that_is_shorter_longer_or_other(liar: Liar, body: bytes, said: str) -> None:
    liar.body = body
    with pytest.raises(ContentMismatch, match=said):
        hasty_client().fetch_blob(liar.repository, LAYER)


def test_a_connection_that_breaks_off(liar: Liar) -> None:
    liar.body, liar.cut = BLOB, 100
    with pytest.raises(RegistryError):
        hasty_client().fetch_blob(liar.repository, LAYER)


def test_encoded_content_is_neither_asked_for_nor_decoded(liar: Liar) -> None:
    liar.body, liar.headers = gzip.compress(BLOB), {"Content-Encoding": "gzip"}
    with pytest.raises(UnexpectedAnswer, match="encoded content"):
        hasty_client().fetch_blob(liar.repository, LAYER)
    assert liar.seen[0][1] == "identity"


def test_a_login_page_with_status_200(liar: Liar) -> None:
    liar.body, liar.headers = b"<html>please log in</html>", {"Content-Type": "text/html"}
    client = hasty_client()
    with pytest.raises(RegistryError):
        client.list_tags(liar.repository)
    with pytest.raises(RegistryError):
        client.fetch_blob(liar.repository, LAYER)


def test_an_endless_manifest_is_cut_off(liar: Liar) -> None:
    liar.body = b" " * (5 * 1024 * 1024)
    with pytest.raises(UnexpectedAnswer, match="longer than"):
        hasty_client().fetch_manifest(liar.repository.at(tag="1"))


def test_more_referrers_than_can_be_looked_at_are_refused(liar: Liar) -> None:
    many = Index(tuple(Descriptor.of(IMAGE_MANIFEST, str(i).encode()) for i in range(MAX_REFERRERS + 1)))
    liar.body, liar.headers = many.encode(), {"Content-Type": IMAGE_INDEX}
    with pytest.raises(UnexpectedAnswer, match="more than 64"):
        hasty_client().list_referrers(liar.repository, DIGEST)


@pytest.mark.parametrize("status", [403, 404, 418])
def test_an_error_whose_body_is_nested_deeply(liar: Liar, status: int) -> None:
    liar.status, liar.body = status, b"[" * 60_000
    with pytest.raises(RegistryError):
        hasty_client().list_tags(liar.repository)


def test_what_a_registry_says_is_one_line(liar: Liar) -> None:
    said = {"code": "DENIED", "message": "no\nerror:\r\tforged", "detail": {"reason": "x", "hint": "do\nthis"}}
    liar.status, liar.body = 403, json.dumps({"errors": [said]}).encode()
    with pytest.raises(Unauthorized, match=r"\(DENIED: no error: forged\)$") as caught:
        hasty_client().list_tags(liar.repository)
    assert caught.value.hint == "do this"


def test_a_manifest_of_two_types(liar: Liar) -> None:
    """CVE-2021-41190: what one client takes for an index is no image for another."""
    liar.body, liar.headers = MANIFEST, {"Content-Type": f"{IMAGE_INDEX}; charset=utf-8"}
    for reference in (liar.repository.at(tag="1"), liar.repository.at(digest=DIGEST)):
        with pytest.raises(MalformedManifest, match="it says that it is .*image.manifest"):
            hasty_client().fetch_manifest(reference)
    liar.headers = {"Content-Type": f"{IMAGE_MANIFEST}; charset=utf-8"}
    assert hasty_client().fetch_manifest(liar.repository.at(tag="1")).data == MANIFEST
    liar.headers = {}
    assert hasty_client().fetch_manifest(liar.repository.at(tag="1")).data == MANIFEST


def test_a_blob_of_unknown_length(liar: Liar) -> None:
    liar.chunked = True
    liar.body = b"some"
    with pytest.raises(UnexpectedAnswer, match="does not say it"):
        hasty_client().find_blob_size(liar.repository, DIGEST)


def test_a_body_in_chunks_without_a_length(liar: Liar) -> None:
    liar.chunked, liar.body = True, BLOB
    assert hasty_client().fetch_blob(liar.repository, LAYER) == BLOB
    liar.cut = 1
    with pytest.raises(Unreachable, match="broke off"):
        hasty_client().fetch_blob(liar.repository, LAYER)


def test_pages_of_referrers_are_not_read_when_there_are_too_many(liar: Liar) -> None:
    many = Index(tuple(Descriptor.of(IMAGE_MANIFEST, str(i).encode()) for i in range(MAX_REFERRERS + 1)))
    link = f'</v2/a/b/referrers/{DIGEST}?last=x>; rel="next"'
    liar.body, liar.headers = many.encode(), {"Content-Type": IMAGE_INDEX, "Link": link}
    with pytest.raises(UnexpectedAnswer, match="more than 64"):
        hasty_client().list_referrers(liar.repository, DIGEST)
    assert len(liar.seen) == 1


def test_tags_without_end_are_given_up(liar: Liar, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wpkg.registry.client.MAX_TAGS", 5)
    liar.body = json.dumps({"name": "a/b", "tags": ["1.0.0", "1.0.1"]}).encode()
    liar.headers = {"Link": '</v2/a/b/tags/list?last=1.0.0>; rel="next"'}
    with pytest.raises(UnexpectedAnswer, match="more than 5$"):
        hasty_client().list_tags(liar.repository)


@pytest.mark.parametrize("body", [b'{"name":"a/b","tags":null}', b'{"name":"a/b"}'])
def test_no_tags_may_be_said_in_many_ways(liar: Liar, body: bytes) -> None:
    liar.body = body
    assert hasty_client().list_tags(liar.repository) == []


def test_a_next_page_on_another_host_is_not_followed(liar: Liar) -> None:
    liar.body = json.dumps({"name": "a/b", "tags": ["1.0.0"]}).encode()
    liar.headers = {"Link": '<http://127.0.0.2:1/v2/a/b/tags/list>; rel="next"'}
    with pytest.raises(UnexpectedAnswer, match="on another host"):
        hasty_client().list_tags(liar.repository)


def test_pages_without_end_are_given_up(liar: Liar, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wpkg.registry.client.MAX_PAGES", 5)
    liar.body = json.dumps({"name": "a/b", "tags": ["1.0.0"]}).encode()
    liar.headers = {"Link": '</v2/a/b/tags/list?last=1.0.0>; rel="next"'}
    with pytest.raises(UnexpectedAnswer, match="more than 5 pages"):
        hasty_client().list_tags(liar.repository)


def test_redirects_without_end_are_given_up(liar: Liar) -> None:
    liar.status, liar.headers = 307, {"Location": "/again"}
    with pytest.raises(UnexpectedAnswer, match="more than 5 redirects"):
        hasty_client().fetch_blob(liar.repository, LAYER)


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://x/y", "http:"])
def test_a_location_that_leads_nowhere(liar: Liar, location: str) -> None:
    liar.status, liar.headers = 307, {"Location": location}
    with pytest.raises((UnexpectedAnswer, Unreachable)):
        hasty_client().fetch_blob(liar.repository, LAYER)


def test_a_registry_that_wants_credentials_is_said_to(liar: Liar) -> None:
    liar.status = 401
    liar.body = json.dumps({"errors": [{"code": "UNAUTHORIZED", "message": "log in"}]}).encode()
    with pytest.raises(Unauthorized, match=r"status 401 \(UNAUTHORIZED: log in\)") as caught:
        hasty_client().list_tags(liar.repository)
    assert caught.value.hint == f"log in with 'wpkg login {liar.address}'"


def test_a_failing_registry_is_not_an_empty_one(liar: Liar) -> None:
    """Looking up signatures that fails is not the same as there being none."""
    liar.status = 503
    with pytest.raises(UnexpectedAnswer, match="status 503"):
        hasty_client().list_referrers(liar.repository, DIGEST)


def test_a_registry_on_this_machine_is_not_asked_through_a_proxy(
    liar: Liar, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    liar.body = b'{"tags": ["1.0.0"]}'
    assert hasty_client().list_tags(liar.repository) == ["1.0.0"]


def test_a_password_in_netrc_is_not_sent(liar: Liar, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    from pathlib import Path

    netrc = Path(str(tmp_path)) / "netrc"
    netrc.write_text("machine 127.0.0.1 login u password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    liar.body = b"{}"
    hasty_client().list_tags(liar.repository)
    assert liar.authorizations == [None]


def test_a_password_in_an_address_is_not_sent(liar: Liar) -> None:
    transport = Transport(patience=Patience(sleep=lambda _: None))
    answer = transport.request("GET", f"http://u:secret@{liar.address}/v2/", "a page that a registry links to")
    answer.close()
    assert liar.authorizations == [None]
