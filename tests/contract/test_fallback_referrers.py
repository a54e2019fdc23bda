"""Referrers on registries without the API: several processes enter theirs at once, and all of them are there."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fakes import fault_proxy as faults
from tests.fakes.fault_proxy import FaultProxy, Reply, fault_proxy
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.manifest import EMPTY_CONFIG, EMPTY_CONFIG_BYTES, IMAGE_INDEX, IMAGE_MANIFEST, Index, Manifest
from wpkg.oci.reference import Repository
from wpkg.oci.referrers import build_referrer, referrers_tag
from wpkg.registry.client import RegistryClient
from wpkg.registry.errors import UnexpectedAnswer
from wpkg.registry.fallback import ATTEMPTS
from wpkg.registry.patience import Patience
from wpkg.registry.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from registry_shim.pytest_plugin import StartRegistry

PROCESSES = 6
EACH = 2
CONFIG = Descriptor.of(EMPTY_CONFIG, EMPTY_CONFIG_BYTES)
MANIFEST = Manifest(CONFIG, (CONFIG,)).encode()
SUBJECT = Descriptor.of(IMAGE_MANIFEST, MANIFEST)

# What each process does; its arguments: repository, its number, how many referrers.
ATTACH = """
import io, sys
from tests.contract.test_fallback_referrers import CONFIG, EMPTY_CONFIG_BYTES, IMAGE_MANIFEST, SUBJECT, referrer
from wpkg.oci.reference import Repository
from wpkg.registry.client import RegistryClient
repository, client = Repository.parse(sys.argv[1]), RegistryClient()
client.push_blob(repository, CONFIG, lambda: io.BytesIO(EMPTY_CONFIG_BYTES))
print("ready", flush=True)
sys.stdin.readline()
for i in range(int(sys.argv[3])):
    client.push_manifest(repository, referrer(f"{sys.argv[2]}-{i}"), IMAGE_MANIFEST)
"""


def referrer(name: str) -> bytes:
    return build_referrer(SUBJECT, "application/x.test", CONFIG, {"name": name}).encode()


def attach_concurrently(repository: Repository) -> list[str]:
    """The names in the index after several processes have each attached some."""
    client = RegistryClient()
    client.push_blob(repository, CONFIG, lambda: io.BytesIO(EMPTY_CONFIG_BYTES))
    client.push_manifest(repository, MANIFEST, IMAGE_MANIFEST, "1.0.0")
    running = [
        subprocess.Popen(
            [sys.executable, "-c", ATTACH, str(repository), str(number), str(EACH)],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in running:
        process.communicate(timeout=100)
        assert process.returncode == 0
    found = client.list_referrers(repository, SUBJECT.digest)
    assert {item.artifact_type for item in found} == {"application/x.test"}
    return sorted(item.annotations["name"] for item in found)


EXPECTED = sorted(f"{number}-{i}" for number in range(PROCESSES) for i in range(EACH))


@pytest.fixture(scope="module")
def shim(registry_shim_factory: StartRegistry) -> str:
    return registry_shim_factory().host


@pytest.fixture
def old(shim: str) -> Iterator[FaultProxy]:
    """A registry of before 1.1."""
    with fault_proxy(shim) as proxy:
        proxy.on("GET", "/referrers/", faults.without_referrers)
        yield proxy


def hide_subject(proxy: FaultProxy, *, conditions: bool) -> None:
    """No answer says that subjects are known; without `conditions`, If-Match is not known either."""

    def put(request: faults.Request, forward: Callable[[], Reply]) -> Reply:
        if not conditions:
            request.headers.pop("if-match", None)
        return faults.without_referrers(request, forward)

    proxy.on("PUT", "/manifests/", put)


@pytest.mark.parametrize("conditions", [True, False])
def test_concurrent_writers_lose_nothing(old: FaultProxy, conditions: bool) -> None:  # noqa: FBT001
    hide_subject(old, conditions=conditions)
    repository = Repository.parse(f"{old.address}/concurrent/{'with' if conditions else 'without'}-conditions")
    assert attach_concurrently(repository) == EXPECTED
    assert any("if-match" in r.headers for r in old.asked("PUT", "/manifests/sha256-")) or not conditions


@pytest.mark.interop
def test_concurrent_writers_lose_nothing_on_docker_registry(tmp_path: Path) -> None:
    from tests.interop.conftest import running_docker_registry

    with running_docker_registry(tmp_path) as address:
        assert attach_concurrently(Repository.parse(f"{address}/concurrent/x")) == EXPECTED


def quick() -> RegistryClient:
    return RegistryClient(Transport(patience=Patience(sleep=lambda _: None)))


def push_subject(repository: Repository) -> None:
    quick().push_blob(repository, CONFIG, lambda: io.BytesIO(EMPTY_CONFIG_BYTES))
    quick().push_manifest(repository, MANIFEST, IMAGE_MANIFEST)


def test_an_entry_that_others_overwrite_is_entered_again(old: FaultProxy) -> None:
    hide_subject(old, conditions=False)
    repository = Repository.parse(f"{old.address}/over/written")
    push_subject(repository)
    tag = referrers_tag(SUBJECT.digest)
    seen = iter(range(100))

    def overwritten(request: faults.Request, forward: Callable[[], Reply]) -> Reply:
        """The first two times, another writer comes after us."""
        reply = forward()
        if next(seen) < 2:
            other = Index((Descriptor(IMAGE_MANIFEST, SUBJECT.digest, SUBJECT.size),)).encode()
            old.forward(faults.Request("PUT", request.path, {"content-type": IMAGE_INDEX}, other))
        return reply

    old.on("PUT", tag, overwritten, first=True)
    digest = quick().push_manifest(repository, referrer("mine"), IMAGE_MANIFEST)
    assert {item.digest for item in quick().list_referrers(repository, SUBJECT.digest)} == {digest, SUBJECT.digest}


def test_an_index_that_never_keeps_an_entry_is_an_error(old: FaultProxy) -> None:
    hide_subject(old, conditions=False)
    repository = Repository.parse(f"{old.address}/never/kept")
    push_subject(repository)
    tag = referrers_tag(SUBJECT.digest)
    old.on("PUT", tag, lambda r, f: Reply(201), first=True)
    with pytest.raises(UnexpectedAnswer, match="others keep overwriting it"):
        quick().push_manifest(repository, referrer("mine"), IMAGE_MANIFEST)
    assert len(old.asked("PUT", tag)) == ATTEMPTS


def test_entries_of_others_stay_with_their_annotations(old: FaultProxy) -> None:
    hide_subject(old, conditions=True)
    repository = Repository.parse(f"{old.address}/of/others")
    push_subject(repository)
    first = quick().push_manifest(repository, referrer("first"), IMAGE_MANIFEST)
    second = quick().push_manifest(repository, referrer("second"), IMAGE_MANIFEST)
    again = quick().push_manifest(repository, referrer("first"), IMAGE_MANIFEST)
    assert again == first
    found = quick().list_referrers(repository, SUBJECT.digest)
    assert [(item.digest, item.annotations) for item in found] == [
        (first, {"name": "first"}),
        (second, {"name": "second"}),
    ]
