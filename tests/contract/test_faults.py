"""Every fault of a registry or network: each operation ends well or in one clear error, with nothing unverified kept."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from tests.fakes import fault_proxy as faults
from tests.fakes.fault_proxy import ALWAYS, FaultProxy, Reply, fault_proxy, status
from wpkg.errors import RegistryError
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import ContentMismatch, Digest
from wpkg.oci.manifest import EMPTY_CONFIG, EMPTY_CONFIG_BYTES, IMAGE_INDEX, IMAGE_MANIFEST, Index, Manifest
from wpkg.oci.reference import Repository
from wpkg.oci.referrers import build_referrer, is_referrers_tag
from wpkg.registry.client import RegistryClient
from wpkg.registry.disk import replacing
from wpkg.registry.errors import AskedToWait, UnexpectedAnswer, Unreachable
from wpkg.registry.patience import Patience
from wpkg.registry.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from registry_shim.pytest_plugin import StartRegistry
    from tests.fakes.fault_proxy import Request

BLOB = bytes(range(256)) * 8 * 1024  # 2 MiB
LAYER = Descriptor.of("application/wasm", BLOB)
CONFIG = Descriptor.of(EMPTY_CONFIG, EMPTY_CONFIG_BYTES)
MANIFEST = Manifest(CONFIG, (LAYER,)).encode()
SUBJECT = Descriptor.of(IMAGE_MANIFEST, MANIFEST)
SIGNATURE = Descriptor.of("a/b", b"signature")
REFERRER = build_referrer(SUBJECT, "a/b", SIGNATURE, {}).encode()

FAULTS = {
    "truncated": faults.truncated,
    "reset midway": faults.reset_midway,
    "reset at once": faults.reset_at_once,
    "reset after it was done": faults.reset_after_done,
    "corrupted": faults.corrupted,
    "longer": faults.longer,
    "gzip": faults.zipped,
    "web page": faults.web_page,
    "other digest": faults.other_digest,
    "slow": faults.slow,
    "429": status(429, Retry_After="1"),
    "503": status(503),
    "408": status(408),
    "403": status(403),
    "418": status(418),
    "redirect to an address inside": faults.redirected("http://169.254.169.254"),
    "redirect nowhere": faults.redirected("gopher://x"),
}


@pytest.fixture(scope="module")
def shim(registry_shim_factory: StartRegistry) -> str:
    return registry_shim_factory().host


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def client(waits: list[float]) -> RegistryClient:
    """One that notes how long it would have waited, and does not wait long for an answer."""
    patience = Patience(sleep=waits.append, chance=lambda: 0.5)
    return RegistryClient(Transport(patience=patience, read_timeout=1.0))


@pytest.fixture
def proxy(shim: str) -> Iterator[FaultProxy]:
    with fault_proxy(shim) as proxy:
        yield proxy


@pytest.fixture
def repository(shim: str, proxy: FaultProxy, request: pytest.FixtureRequest) -> Repository:
    """A repository of this test's own, by way of the proxy."""
    return Repository.parse(f"{proxy.address}/faults/n{abs(hash(request.node.nodeid))}")


def upstream(shim: str, repository: Repository) -> Repository:
    return Repository(shim, repository.path)


@pytest.fixture(scope="module")
def filled(shim: str) -> str:
    """The path of a repository with everything in it."""
    repository = Repository.parse(f"{shim}/faults/filled")
    client = RegistryClient()
    client.push_blob(repository, LAYER, lambda: io.BytesIO(BLOB))
    client.push_blob(repository, CONFIG, lambda: io.BytesIO(EMPTY_CONFIG_BYTES))
    client.push_blob(repository, SIGNATURE, lambda: io.BytesIO(b"signature"))
    client.push_manifest(repository, MANIFEST, IMAGE_MANIFEST, "1.0.0")
    client.push_manifest(repository, REFERRER, IMAGE_MANIFEST)
    return repository.path


@pytest.fixture
def there(proxy: FaultProxy, filled: str) -> Repository:
    """What is filled, by way of the proxy."""
    return Repository(proxy.address, filled)


def pull(client: RegistryClient, repository: Repository, folder: Path) -> None:
    fetched = client.fetch_manifest(repository.at(tag="1.0.0"))
    assert fetched.data == MANIFEST
    with replacing(folder / "component") as file:
        client.download_blob(repository, LAYER, file.write)
    assert (folder / "component").read_bytes() == BLOB


def by_digest(client: RegistryClient, repository: Repository, folder: Path) -> None:
    assert client.fetch_manifest(repository.at(digest=SUBJECT.digest)).data == MANIFEST


def tags(client: RegistryClient, repository: Repository, folder: Path) -> None:
    assert [tag for tag in client.list_tags(repository) if not is_referrers_tag(tag)] == ["1.0.0"]


def referrers(client: RegistryClient, repository: Repository, folder: Path) -> None:
    assert [item.digest for item in client.list_referrers(repository, SUBJECT.digest)] == [
        Descriptor.of(IMAGE_MANIFEST, REFERRER).digest
    ]


def resolve(client: RegistryClient, repository: Repository, folder: Path) -> None:
    assert client.resolve(repository.at(tag="1.0.0")) == SUBJECT.digest


# Without a digest to go by, a registry that answers with well-formed lies is believed: its tag list is its own word.
BELIEVED = {(tags, "corrupted"), (referrers, "corrupted"), (resolve, "other digest")}


@pytest.mark.parametrize("times", [1, ALWAYS])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("operation", [pull, by_digest, tags, referrers, resolve])
def test_reading(
    client: RegistryClient,
    proxy: FaultProxy,
    there: Repository,
    tmp_path: Path,
    operation: Callable[[RegistryClient, Repository, Path], None],
    fault: str,
    times: int,
) -> None:
    proxy.on("GET|HEAD", "/v2/", FAULTS[fault], times)
    folder = tmp_path / "out"
    folder.mkdir()
    try:
        operation(client, there, folder)
    except RegistryError as error:
        assert "\n" not in str(error)
        assert list(folder.iterdir()) == []
    except AssertionError:
        assert (operation, fault) in BELIEVED
        assert list(folder.iterdir()) == []


PASSING = ["truncated", "reset midway", "reset at once", "reset after it was done", "slow", "429", "503", "408"]


@pytest.mark.parametrize("fault", PASSING)
def test_what_passes_does_no_harm_to_a_download(
    client: RegistryClient, proxy: FaultProxy, there: Repository, tmp_path: Path, fault: str
) -> None:
    proxy.on("GET", "/blobs/", FAULTS[fault], 2)
    pull(client, there, tmp_path)
    assert len(proxy.asked("GET", "/blobs/")) == 3


@pytest.mark.parametrize("fault", FAULTS)
def test_what_does_not_pass_is_an_error(
    client: RegistryClient, proxy: FaultProxy, there: Repository, tmp_path: Path, fault: str
) -> None:
    proxy.on("GET", "/blobs/", FAULTS[fault])
    folder = tmp_path / "out"
    if fault == "other digest":
        pull(client, there, folder)  # it is the descriptor that counts
        return
    with pytest.raises(RegistryError) as caught:
        pull(client, there, folder)
    assert "\n" not in str(caught.value)
    assert not folder.exists() or list(folder.iterdir()) == []


def test_a_download_goes_on_where_it_broke_off(
    client: RegistryClient, proxy: FaultProxy, there: Repository, tmp_path: Path
) -> None:
    proxy.on("GET", "/blobs/", faults.truncated, 1)
    pull(client, there, tmp_path)
    first, second = proxy.asked("GET", "/blobs/")
    assert "range" not in first.headers
    assert second.headers["range"] == f"bytes={len(BLOB) // 2}-"
    assert second.headers.get("if-range") in (f'"{LAYER.digest}"', None)  # olareg gives blobs no ETag


def test_what_goes_on_is_tied_to_what_began(
    client: RegistryClient, proxy: FaultProxy, there: Repository, tmp_path: Path
) -> None:
    proxy.on("GET", "/blobs/", faults.truncated, 1)
    pull(client, there, tmp_path)
    assert proxy.asked("GET", "/blobs/")[1].headers["if-range"] == f'"{LAYER.digest}"'


def test_a_registry_without_ranges_sends_all_of_it_again(
    client: RegistryClient, proxy: FaultProxy, there: Repository, shim: str, tmp_path: Path
) -> None:
    proxy.on("GET", "/blobs/", faults.truncated, 1)
    whole = RegistryClient()

    def ignoring(request: faults.Request, forward: Callable[[], faults.Reply]) -> faults.Reply:
        got = bytearray()
        whole.download_blob(Repository(shim, there.path), LAYER, got.extend)
        return faults.Reply(200, {}, bytes(got))

    proxy.on("GET", "/blobs/", ignoring)
    pull(client, there, tmp_path)


@pytest.mark.parametrize("said", ["bytes 0-9/2097152", "bytes 1048576-2097151/9", "", "junk"])
def test_a_rest_that_is_not_the_rest_is_refused(
    client: RegistryClient, proxy: FaultProxy, there: Repository, tmp_path: Path, said: str
) -> None:
    proxy.on("GET", "/blobs/", faults.truncated, 1)
    proxy.on("GET", "/blobs/", lambda request, forward: faults.Reply(206, {"Content-Range": said}, BLOB[:10]))
    with pytest.raises(UnexpectedAnswer, match="asked to go on at byte 1048576"):
        pull(client, there, tmp_path / "out")


def test_retry_after_is_granted_up_to_a_minute(
    client: RegistryClient,
    proxy: FaultProxy,
    there: Repository,
    tmp_path: Path,
    waits: list[float],
) -> None:
    proxy.on("GET", "/tags/", status(429, Retry_After="17"), 1)
    proxy.on("GET", "/tags/", status(503), 1)
    tags(client, there, tmp_path)
    assert waits == [17.0, 0.5]
    proxy.on("GET", "/tags/", status(429, Retry_After="61"))
    with pytest.raises(AskedToWait, match="429") as caught:
        tags(client, there, tmp_path)
    assert caught.value.hint == "it asks to try again in 61 seconds"
    assert (caught.value.status, caught.value.seconds) == (429, 61)
    assert waits == [17.0, 0.5]


@pytest.mark.parametrize("code", [400, 404, 405, 500])
def test_a_page_of_referrers_that_cannot_be_had_is_not_the_absence_of_all(
    client: RegistryClient, proxy: FaultProxy, there: Repository, code: int
) -> None:
    """What the first page lists is not forgotten for a registry without the API (giantswarm/retagger#1239)."""
    listed = Index((Descriptor.of(IMAGE_MANIFEST, b"a signature"),)).encode()

    def first(request: Request, _forward: object) -> Reply:
        link = f'<{request.path}?last=x>; rel="next"'
        return Reply(200, {"Content-Type": IMAGE_INDEX, "Link": link}, listed)

    proxy.on("GET", r"/referrers/[^?]*$", first)
    proxy.on("GET", "/referrers/", status(code))
    with pytest.raises(RegistryError, match=r"referrers of .*: "):
        client.list_referrers(there, Digest.of(b"x"))


def test_waiting_grows_and_ends(
    client: RegistryClient, proxy: FaultProxy, repository: Repository, tmp_path: Path, waits: list[float]
) -> None:
    proxy.on("GET", "/tags/", status(503))
    with pytest.raises(UnexpectedAnswer, match="503"):
        tags(client, repository, tmp_path)
    assert waits == [0.25, 0.5, 1.0, 2.0]


def test_where_nobody_listens_nobody_waits(client: RegistryClient, waits: list[float]) -> None:
    with fault_proxy(None) as gone:
        repository = Repository.parse(f"{gone.address}/a/b")
    with pytest.raises(Unreachable, match="connection refused"):
        client.list_tags(repository)
    assert waits == []


@pytest.mark.parametrize("times", [1, ALWAYS])
@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT"])
@pytest.mark.parametrize("fault", FAULTS)
def test_pushing(
    client: RegistryClient,
    proxy: FaultProxy,
    repository: Repository,
    shim: str,
    fault: str,
    method: str,
    times: int,
) -> None:
    """Whatever happens, what a push says is there is there."""
    proxy.on(method, "/v2/", FAULTS[fault], times)
    try:
        client.push_blob(repository, LAYER, lambda: io.BytesIO(BLOB))
        client.push_blob(repository, CONFIG, lambda: io.BytesIO(EMPTY_CONFIG_BYTES))
        client.push_manifest(repository, MANIFEST, IMAGE_MANIFEST, "1.0.0")
    except RegistryError as error:
        assert "\n" not in str(error)
        assert times == ALWAYS or fault not in PASSING
        return
    if (method, fault) == ("HEAD", "web page"):
        return  # a registry that says of everything that it is there is believed
    there = RegistryClient()
    assert there.fetch_manifest(upstream(shim, repository).at(tag="1.0.0")).data == MANIFEST
    got = bytearray()
    there.download_blob(upstream(shim, repository), LAYER, got.extend)
    assert got == BLOB


def test_a_registry_that_refuses_much_at_once_gets_chunks(
    client: RegistryClient, proxy: FaultProxy, repository: Repository, shim: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wpkg.registry.uploads.CHUNK_SIZE", 512 * 1024)
    limit = 1024 * 1024
    proxy.on(
        "PUT|PATCH",
        "/uploads/",
        lambda request, forward: faults.Reply(413) if len(request.body) > limit else forward(),
    )
    assert client.push_blob(repository, LAYER, lambda: io.BytesIO(BLOB))
    assert len(proxy.asked("PATCH")) == 4
    got = bytearray()
    client.download_blob(upstream(shim, repository), LAYER, got.extend)
    assert got == BLOB


@pytest.mark.parametrize("fault", ["reset at once", "reset after it was done", "503", "slow"])
def test_chunks_go_on_where_the_session_stands(
    client: RegistryClient,
    proxy: FaultProxy,
    repository: Repository,
    shim: str,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
) -> None:
    monkeypatch.setattr("wpkg.registry.uploads.CHUNK_SIZE", 512 * 1024)
    proxy.on("PUT", "/uploads/.*", status(413), 1)
    seen = iter(range(10))
    proxy.on(
        "PATCH",
        "/uploads/",
        lambda request, forward: FAULTS[fault](request, forward) if next(seen) in (1, 3) else forward(),
    )
    assert client.push_blob(repository, LAYER, lambda: io.BytesIO(BLOB))
    got = bytearray()
    client.download_blob(upstream(shim, repository), LAYER, got.extend)
    assert got == BLOB
    assert len(proxy.asked("POST")) == 2


def test_a_source_that_shrinks_is_noticed(client: RegistryClient, repository: Repository) -> None:
    with pytest.raises(ContentMismatch, match="became shorter"):
        client.push_blob(repository, LAYER, lambda: io.BytesIO(BLOB[:-1]))


def test_warnings_are_shown_once(proxy: FaultProxy, there: Repository) -> None:
    said = '299 - "this registry moves \\"soon\\"", 299 - "read only"'
    proxy.on("GET", "/tags/", lambda request, forward: faults.Reply(200, {"Warning": said}, b'{"tags": []}'))
    heard: list[str] = []
    client = RegistryClient(Transport(warn=heard.append))
    for _ in range(3):
        client.list_tags(there)
    assert heard == ['127.0.0.1 says: this registry moves "soon"', "127.0.0.1 says: read only"]
