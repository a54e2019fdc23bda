"""Blobs of 10 MB, 100 MB and 1 GB pushed and pulled, verified, against oras-py where that can hold them in memory."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from tests.bench.measure import Measured, row, taking_turns
from tests.shim_process import running_shim

if TYPE_CHECKING:
    from pathlib import Path

SIZES = (10_000_000, 100_000_000, 1_000_000_000)
PEERS_UP_TO = 100_000_000  # bytes; oras-py reads a blob whole to push it
RUNS = 3

# Their arguments: registry, repository, file. A push goes to a repository of its own each time: nothing is there.
PUSH = """
import hashlib, sys, uuid
from pathlib import Path
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import Digest
from wpkg.oci.reference import Repository
from wpkg.registry.client import RegistryClient
file = Path(sys.argv[2])
with file.open("rb") as opened:
    digest = Digest("sha256", hashlib.file_digest(opened, "sha256").hexdigest())
repository = Repository.parse(f"{sys.argv[1]}/push/{uuid.uuid4().hex}")
assert RegistryClient().push_blob(repository, Descriptor("x/y", digest, file.stat().st_size), lambda: file.open("rb"))
"""
PULL = """
import sys
from pathlib import Path
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import Digest
from wpkg.oci.reference import Repository
from wpkg.registry.client import RegistryClient
from wpkg.registry.disk import replacing
blob = Descriptor("x/y", Digest.parse(sys.argv[3]), int(sys.argv[4]))
with replacing(Path("ours"), durable=False) as file:
    RegistryClient().download_blob(Repository.parse(f"{sys.argv[1]}/pull/here"), blob, file.write)
"""
ORAS_PUSH = """
import sys, uuid
import oras.oci
from oras.client import OrasClient
client = OrasClient(hostname=sys.argv[1], insecure=True)
layer = oras.oci.NewLayer(sys.argv[2])
client.upload_blob(sys.argv[2], client.get_container(f"{sys.argv[1]}/push/{uuid.uuid4().hex}"), layer)
"""
ORAS_PULL = """
import sys
from oras.client import OrasClient
client = OrasClient(hostname=sys.argv[1], insecure=True)
client.download_blob(client.get_container(f"{sys.argv[1]}/pull/here"), sys.argv[3], "theirs")
"""


def bench(folder: Path) -> None:
    """Bar: at most 60 MB of memory at any size, and not slower than oras-py, which verifies nothing."""
    with running_shim(folder / "registry") as address:
        for size in SIZES:
            _bench_size(folder, address, size)


def _bench_size(folder: Path, address: str, size: int) -> None:
    import hashlib

    from wpkg.oci.descriptor import Descriptor
    from wpkg.oci.digest import Digest
    from wpkg.oci.reference import Repository
    from wpkg.registry.client import RegistryClient

    file = folder / "blob"
    piece = os.urandom(1_000_000)
    with file.open("wb") as opened:
        for index in range(size // len(piece)):
            opened.write(index.to_bytes(4, "big") + piece[4:])
    with file.open("rb") as opened:
        digest = Digest("sha256", hashlib.file_digest(opened, "sha256").hexdigest())
    blob = Descriptor("x/y", digest, size)
    RegistryClient().push_blob(Repository.parse(f"{address}/pull/here"), blob, lambda: file.open("rb"))
    arguments = [address, str(file), str(digest), str(size)]
    for what, ours, theirs in (("push", PUSH, ORAS_PUSH), ("pull", PULL, ORAS_PULL)):
        commands = {"wpkg": [sys.executable, "-c", ours, *arguments]}
        if size <= PEERS_UP_TO:
            commands["oras-py"] = [sys.executable, "-c", theirs, *arguments]
        measured = taking_turns(commands, folder, RUNS)
        _show(f"{what} {size // 1_000_000} MB", measured, size)


def _show(what: str, measured: dict[str, Measured], size: int) -> None:
    ours = measured["wpkg"]
    if "oras-py" in measured:
        row(what, ours, "oras-py", measured["oras-py"], "<= 1.0")
    else:
        rate = size / 1e6 / ours.seconds
        print(
            f"{what:<40}{ours.seconds * 1000:6.0f} ms {ours.resident / 1024:4.0f} MB   {rate:.0f} MB/s   bar <= 60 MB"
        )
