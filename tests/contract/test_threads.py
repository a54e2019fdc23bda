"""One client, many threads: nothing is mixed up, and connections are shared."""

from __future__ import annotations

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from wpkg.oci.descriptor import Descriptor
from wpkg.oci.reference import Repository
from wpkg.registry.client import RegistryClient
from wpkg.registry.transport import Transport

if TYPE_CHECKING:
    from registry_shim import ServedRegistry

THREADS = 8
BLOBS = 64


@pytest.mark.parametrize("size", [200, 300_000])
def test_every_thread_gets_what_it_asked_for(registry_shim: ServedRegistry, size: int) -> None:
    contents = {i: str(i).encode().rjust(4, b".") * size for i in range(BLOBS)}
    blobs = {i: Descriptor.of("x/y", data) for i, data in contents.items()}
    repository = Repository.parse(f"{registry_shim.host}/many/threads")
    client = RegistryClient()
    start = threading.Barrier(THREADS)

    def work(number: int) -> None:
        start.wait()
        for i in range(number, BLOBS, THREADS):
            assert client.push_blob(repository, blobs[i], lambda i=i: io.BytesIO(contents[i]))  # type: ignore[misc]
        start.wait()
        for i in range(BLOBS):
            got = bytearray()
            client.download_blob(repository, blobs[(i + number) % BLOBS], got.extend)
            assert got == contents[(i + number) % BLOBS]

    with ThreadPoolExecutor(THREADS) as threads:
        for done in [threads.submit(work, number) for number in range(THREADS)]:
            done.result()


def test_a_later_thread_uses_the_connections_of_an_earlier_one(registry_shim: ServedRegistry) -> None:
    transport = Transport()
    for _ in range(3):
        thread = threading.Thread(
            target=lambda: transport.request("GET", f"http://{registry_shim.host}/v2/", "a look").body(1000)
        )
        thread.start()
        thread.join()
    assert transport._adapter is not None
    (pool,) = transport._adapter.poolmanager.pools._container.values()
    assert (pool.num_connections, pool.num_requests) == (1, 3)
