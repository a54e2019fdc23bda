"""What oras-py does wrong, each by its name, and that wpkg does not. Written against oras-py 0.2.43.

Defects that another file looks at from all sides are here once more in one line, so that the list is complete.
"""

from __future__ import annotations

import gzip
import io
import json
from typing import TYPE_CHECKING

import pytest

from tests.contract.credentials.conftest import SECRET, Known
from tests.contract.credentials.test_credentials_stay_home import secrets_seen_by
from tests.fakes.fault_proxy import FaultProxy, Reply, TokenGate, basic_gate, fault_proxy, status
from wpkg.errors import InvalidInput
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import ContentMismatch, Digest, InvalidDigest
from wpkg.oci.manifest import EMPTY_CONFIG, EMPTY_CONFIG_BYTES, IMAGE_INDEX, IMAGE_MANIFEST, Index, Manifest
from wpkg.oci.reference import Reference, Repository
from wpkg.oci.referrers import build_referrer
from wpkg.registry.client import RegistryClient
from wpkg.registry.credentials import Credential
from wpkg.registry.disk import replacing
from wpkg.registry.errors import Unauthorized, UnexpectedAnswer
from wpkg.registry.layout import LayoutRegistry
from wpkg.registry.patience import Patience
from wpkg.registry.transport import CONNECT_TIMEOUT, READ_TIMEOUT, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from registry_shim.pytest_plugin import StartRegistry

CONFIG = Descriptor.of(EMPTY_CONFIG, EMPTY_CONFIG_BYTES)
BLOB = b"component" * 1000
LAYER = Descriptor.of("application/wasm", BLOB)


@pytest.fixture(scope="module")
def shim(registry_shim_factory: StartRegistry) -> str:
    return registry_shim_factory().host


@pytest.fixture
def proxy(shim: str) -> Iterator[FaultProxy]:
    with fault_proxy(shim) as proxy:
        yield proxy


@pytest.fixture
def stranger(shim: str) -> Iterator[FaultProxy]:
    with fault_proxy(shim) as proxy:
        yield proxy


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def client(waits: list[float]) -> RegistryClient:
    return RegistryClient(Transport(patience=Patience(sleep=waits.append)))


def here(proxy: FaultProxy, path: str) -> Repository:
    return Repository(proxy.address, f"oras/{path}")


def known(proxy: FaultProxy) -> Known:
    return Known(proxy.address, Credential("user", SECRET))


def test_01_content_is_not_checked(proxy: FaultProxy, client: RegistryClient) -> None:
    proxy.on("GET", "/blobs/", lambda r, f: Reply(200, {}, BLOB[:-1] + b"!"))
    proxy.on("GET", "/manifests/", lambda r, f: Reply(200, {"Content-Type": IMAGE_MANIFEST}, b"{}"))
    with pytest.raises(ContentMismatch):
        client.fetch_blob(here(proxy, "a"), LAYER)
    with pytest.raises(ContentMismatch):
        client.fetch_manifest(here(proxy, "a").at(digest=LAYER.digest))


def test_02_gzip_is_asked_for_and_decoded_without_a_limit(
    proxy: FaultProxy, client: RegistryClient, tmp_path: Path
) -> None:
    bomb = gzip.compress(bytes(200_000_000), 1)
    proxy.on("GET", "/blobs/", lambda r, f: Reply(200, {"Content-Encoding": "gzip"}, bomb))
    with pytest.raises(UnexpectedAnswer, match="encoded content"), replacing(tmp_path / "out") as file:
        client.download_blob(here(proxy, "a"), LAYER, file.write)
    assert list(tmp_path.iterdir()) == []
    assert proxy.seen[0].headers["accept-encoding"] == "identity"


def test_03_a_wrong_password_is_tried_for_two_minutes_and_503_never_again(
    proxy: FaultProxy, client: RegistryClient, waits: list[float]
) -> None:
    proxy.on("GET", "/tags/", status(401))
    with pytest.raises(Unauthorized):
        client.list_tags(here(proxy, "a"))
    assert (waits, len(proxy.seen)) == ([], 1)
    proxy.on("GET", "/tags/", status(503, Retry_After="3"), 1, first=True)
    with pytest.raises(Unauthorized):
        client.list_tags(here(proxy, "a"))
    assert waits == [3.0]


def test_04_there_are_no_timeouts(client: RegistryClient) -> None:
    assert client._transport._timeouts == (CONNECT_TIMEOUT, READ_TIMEOUT)


def test_05_a_stale_token_is_sent_again_and_one_token_is_for_everything(proxy: FaultProxy) -> None:
    gate = TokenGate(proxy, SECRET)
    client = known(proxy).client()
    for path in ("a", "b"):
        client.resolve(here(proxy, path).at(tag="1"))
    assert len(gate.tokens) == 2
    gate.expire()
    assert client.resolve(here(proxy, "a").at(tag="1")) is None


def test_06_a_token_goes_to_any_host(proxy: FaultProxy, stranger: FaultProxy) -> None:
    TokenGate(proxy, SECRET)
    client = known(proxy).client()
    client.resolve(here(proxy, "a").at(tag="1"))
    client.resolve(here(stranger, "a").at(tag="1"))
    proxy.on(
        "POST", "/uploads/", lambda r, f: Reply(202, {"Location": f"http://{stranger.address}/up"}), first=True
    )
    stranger.on("PUT", "/up", lambda r, f: Reply(201))
    client.push_blob(here(proxy, "a"), LAYER, lambda: io.BytesIO(BLOB))
    assert len(stranger.seen) >= 2
    assert secrets_seen_by(stranger) == []


def test_07_a_password_goes_to_any_realm(proxy: FaultProxy, stranger: FaultProxy) -> None:
    gate = TokenGate(stranger)
    client = known(proxy).client()
    client.resolve(here(stranger, "a").at(tag="1"))
    assert all(r.authorization in (None, f"Bearer {gate.tokens[0]}") for r in stranger.seen)
    gate.realm = "https://elsewhere.example.com/token"
    proxy.on(".*", "/", lambda r, f: Reply(401, {"WWW-Authenticate": f'Bearer realm="{gate.realm}",service="x"'}))
    with pytest.raises(Unauthorized, match="does not belong to it"):
        client.list_tags(here(proxy, "a"))


def test_08_a_basic_challenge_is_taken_for_an_address(proxy: FaultProxy) -> None:
    proxy.on(".*", "/", basic_gate(SECRET))
    assert known(proxy).client().resolve(here(proxy, "a").at(tag="1")) is None


def test_09_only_one_file_of_credentials_is_known() -> None:
    """See tests/unit/registry/test_credentials.py: podman's files, helpers, identity tokens, keys of all ages."""
    from wpkg.registry.credentials import Credentials

    files = [str(file) for file in Credentials({"HOME": "/h", "REGISTRY_AUTH_FILE": "/f"}, print)._files()]
    assert files == ["/f", "/h/.config/containers/auth.json", "/h/.docker/config.json"]


def test_10_archives_are_unpacked_wherever_they_say() -> None:
    """Nothing is ever unpacked: the client knows no archives."""
    import wpkg.registry.client
    import wpkg.registry.layout

    for module in (wpkg.registry.client, wpkg.registry.layout):
        assert not {"tarfile", "zipfile", "shutil"} & set(vars(module))


def test_11_a_digest_is_a_path_in_a_layout(tmp_path: Path) -> None:
    with pytest.raises(InvalidDigest):
        Digest.parse("sha256:../../../x")
    registry, repository = LayoutRegistry(tmp_path), Repository.parse("dir:a")
    registry.push_manifest(repository, Index(()).encode(), IMAGE_INDEX, "1")
    (tmp_path / "a/index.json").write_text(
        json.dumps({"manifests": [{"mediaType": "x", "digest": "sha256:../../../x", "size": 1}]})
    )
    with pytest.raises(Exception, match="not a sha256 or sha512 digest"):
        registry.list_tags(repository)


@pytest.mark.parametrize("text", ["Foo", "../etc", "r.io/a?x=1", "ubuntu", "r.io/A", "r.io/../etc"])
def test_12_references_are_guessed(text: str) -> None:
    with pytest.raises(InvalidInput):
        Reference.parse(text)
    assert Reference.parse("localhost/foo:1").repository == Repository("localhost", "foo")


def test_13_a_manifest_is_written_anew_before_it_is_pushed(proxy: FaultProxy, client: RegistryClient) -> None:
    repository = here(proxy, "exact")
    data = b'{ "mediaType" : "' + IMAGE_INDEX.encode() + b'" , "schemaVersion":2,"manifests":[ ] }\n'
    digest = client.push_manifest(repository, data, IMAGE_INDEX, "1")
    assert digest == Digest.of(data)
    assert client.fetch_manifest(repository.at(tag="1")).data == data
    proxy.on("PUT", "/manifests/", lambda r, f: Reply(201, {"Docker-Content-Digest": str(Digest.of(b"other"))}))
    with pytest.raises(UnexpectedAnswer, match="stored it as"):
        client.push_manifest(repository, data, IMAGE_INDEX, "1")


def test_14_there_are_no_referrers_and_no_artifact_types(proxy: FaultProxy, client: RegistryClient) -> None:
    repository = here(proxy, "referrers")
    client.push_blob(repository, CONFIG, lambda: io.BytesIO(EMPTY_CONFIG_BYTES))
    subject = Descriptor.of(IMAGE_MANIFEST, Manifest(CONFIG, (CONFIG,)).encode())
    data = build_referrer(subject, "application/x.test", CONFIG, {"k": "v"}).encode()
    client.push_manifest(repository, data, IMAGE_MANIFEST)
    (found,) = client.list_referrers(repository, subject.digest)
    assert (found.artifact_type, found.annotations) == ("application/x.test", {"k": "v"})


def test_15_downloads_are_not_atomic_and_clients_not_for_threads(
    proxy: FaultProxy, client: RegistryClient, tmp_path: Path
) -> None:
    """For threads see test_threads.py."""
    target = tmp_path / "out"
    target.write_bytes(b"what was there")
    proxy.on("GET", "/blobs/", lambda r, f: Reply(200, {}, BLOB[:100]))
    with pytest.raises(ContentMismatch), replacing(target) as file:
        client.download_blob(here(proxy, "a"), LAYER, file.write)
    assert target.read_bytes() == b"what was there"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/up?x=1&x=2&y=&z", "/up?x=1&x=2&y=&z&digest="),
        ("up/relative?_state=a%2Fb%3D", "/v2/oras/location/blobs/uploads/up/relative?_state=a%2Fb%3D&digest="),
        ("?only=query", "/v2/oras/location/blobs/uploads/?only=query&digest="),
    ],
)
def test_16_an_upload_location_is_taken_apart(
    proxy: FaultProxy, client: RegistryClient, location: str, expected: str
) -> None:
    proxy.on("POST", "/uploads/", lambda r, f: Reply(202, {"Location": location}))
    proxy.on("PUT", "/up", lambda r, f: Reply(201))
    client.push_blob(here(proxy, "location"), LAYER, lambda: io.BytesIO(BLOB))
    (put,) = proxy.asked("PUT")
    assert put.path.startswith(expected)
    assert put.body == BLOB
