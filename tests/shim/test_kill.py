"""`kill -9` while clients push, again and again on the same root: whatever they were told holds, byte for byte.

`WPKG_KILL_ROUNDS` gives another number of rounds; each kills at another moment, every fourth one once more while the
registry recovers.
"""

from __future__ import annotations

import http.client
import itertools
import os
import shutil
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from registry_shim.store.store import Store
from registry_shim.upkeep.orders import ScrubOrder
from registry_shim.upkeep.scrub import scrub
from tests.shim.conftest import new_id
from tests.shim.process import PROGRAM, Served
from tests.shim.wire import EMPTY_JSON, Pushed, SocketClient, closing, push_blob, put, start_upload
from wpkg.oci.digest import Digest
from wpkg.oci.manifest import IMAGE_MANIFEST, Manifest

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = int(os.environ.get("WPKG_KILL_ROUNDS", "10"))
WORKERS = 6
ROUNDS_ON_ONE_ROOT = 10  # which may lie in memory, some megabytes a round
REPOSITORIES = 2  # so that writers meet
CHUNK = 40_000  # bytes


@dataclass
class Ledger:
    """What one client was told, and what it asked for without being told."""

    repository: str
    contents: dict[str, bytes] = field(default_factory=dict)  # by path below the repository
    tags: dict[str, set[str | None]] = field(default_factory=dict)  # what each may name; None for nothing
    sessions: dict[str, tuple[bytes, int]] = field(
        default_factory=dict
    )  # what comes, and how much was acknowledged


def push_until_dead(address: str, root: str, ledger: Ledger, worker: int, told: threading.Semaphore) -> None:
    client = SocketClient(address, root)
    try:
        for number in itertools.count():
            data = f"{ledger.repository} {worker} {number} ".encode() * 500
            if number % 3 == worker % 3:
                data *= 20
                push_in_chunks(client, ledger, data, is_left=number % 2 == 0)
                blob = EMPTY_JSON
            else:
                blob = push_blob(client, ledger.repository, data)
                ledger.contents[f"blobs/{blob.digest}"] = data
            told.release()
            push_blob(client, ledger.repository, b"{}")
            notes = {"by": f"{worker} {number}"}
            pushed = Pushed(Manifest(EMPTY_JSON, (blob,), annotations=notes).encode(), IMAGE_MANIFEST)
            change(client, ledger, f"w{worker}-{number % 7}", pushed)
            ledger.contents[f"manifests/{pushed.digest}"] = pushed.data
            told.release()
            put(client, ledger.repository, "everybodys", pushed.data)
            if number % 2:
                change(client, ledger, f"w{worker}-{number % 7}", None)
    except (OSError, http.client.HTTPException):
        client.close()


def push_in_chunks(client: SocketClient, ledger: Ledger, data: bytes, *, is_left: bool) -> None:
    """Push a blob, or leave its session for later after some chunks."""
    location = start_upload(client, ledger.repository)
    for first in range(0, len(data), CHUNK):
        ledger.sessions[location] = (data, first)
        part = data[first : first + CHUNK]
        chunk_range = {"Content-Range": f"{first}-{first + len(part) - 1}"}
        assert client.send("PATCH", location, part, chunk_range).status == 202
        ledger.sessions[location] = (data, first + len(part))
        if is_left and first > 2 * CHUNK:
            return
    del ledger.sessions[location]  # whether it still exists is uncertain until the answer
    digest = Digest.of(data)
    assert client.send("PUT", closing(location, digest)).status == 201
    ledger.contents[f"blobs/{digest}"] = data


def change(client: SocketClient, ledger: Ledger, tag: str, pushed: Pushed | None) -> None:
    """Point the tag at a manifest, or delete it. Until the answer it may name what it did or what it shall."""
    new = pushed.digest if pushed is not None else None
    ledger.tags[tag] = ledger.tags.get(tag, {None}) | {new}
    if pushed is not None:
        assert put(client, ledger.repository, tag, pushed.data).status == 201
    else:
        assert client.send("DELETE", f"/v2/{ledger.repository}/manifests/{tag}").status == 202
    ledger.tags[tag] = {new}


def kill_in_traffic(root: Path, number: int) -> list[Ledger]:
    """What the clients know when the registry has been killed between or within their requests."""
    served = Served(root)
    ledgers = [Ledger(f"load/n{number}-{worker % REPOSITORIES}") for worker in range(WORKERS)]
    told = threading.Semaphore(0)
    with ThreadPoolExecutor(WORKERS) as pool:
        running = [
            pool.submit(push_until_dead, served.address, str(root), ledger, worker, told)
            for worker, ledger in enumerate(ledgers)
        ]
        for _ in range(20 + number * 7 % 40):
            assert told.acquire(timeout=10)
        threading.Event().wait(number * 13 % 20 / 1000)  # somewhere within a request
        served.process.kill()
        for done in running:
            done.result()
    served.process.communicate()
    return ledgers


def kill_in_recovery(root: Path, number: int) -> None:
    arguments = [PROGRAM, "serve", "--root", str(root), "--port", "0"]
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        threading.Event().wait(0.1 + number * 29 % 400 / 1000)
        process.kill()


def check(client: SocketClient, ledger: Ledger) -> int:
    """How many sessions went on from where they were. Everything acknowledged is there, and nothing half of it."""
    base = f"/v2/{ledger.repository}"
    for target, data in ledger.contents.items():
        assert client.send("GET", f"{base}/{target}").body == data
    for tag, possible in ledger.tags.items():
        head = client.send("HEAD", f"{base}/manifests/{tag}")
        assert head.status in (200, 404)
        assert head.headers.get("docker-content-digest") in possible
    for tag in client.send("GET", f"{base}/tags/list").json["tags"]:
        got = client.send("GET", f"{base}/manifests/{tag}")
        assert (got.status, str(Digest.of(got.body))) == (200, got.headers["docker-content-digest"])
        for named in (got.json["config"], *got.json["layers"]):
            head = client.send("HEAD", f"{base}/blobs/{named['digest']}")
            assert (head.status, head.headers["content-length"]) == (200, str(named["size"]))
    for location, (data, acknowledged) in ledger.sessions.items():
        go_on(client, location, data, acknowledged)
        assert client.send("GET", f"{base}/blobs/{Digest.of(data)}").body == data
    return sum(acknowledged > 0 for _, acknowledged in ledger.sessions.values())


def go_on(client: SocketClient, location: str, data: bytes, acknowledged: int) -> None:
    answer = client.send("GET", location)
    assert answer.status == 204
    last = int(answer.headers["range"].removeprefix("0-"))
    offset = last + 1 if last else 0
    assert acknowledged <= offset <= len(data)
    rest = data[offset:]
    chunk_range = {"Content-Range": f"{offset}-{len(data) - 1}"} if rest else {}
    assert client.send("PUT", closing(location, Digest.of(data)), rest, chunk_range).status == 201


def check_files(directory: Path) -> None:
    """Every file under a digest is that digest's."""
    paths = [path for path in directory.rglob("blobs/*/*") if path.is_file()]
    assert paths
    for path in paths:
        assert Digest.of(path.read_bytes(), path.parent.name).encoded == path.name


def test_killed_in_the_middle_of_traffic(shared_root: Path) -> None:
    root = shared_root / "killed"
    contents = sessions = 0
    deleted = False
    for number in range(ROUNDS):
        ledgers = kill_in_traffic(root, number)
        for repository in {ledger.repository for ledger in ledgers}:
            check_files(root / repository)
        if number % 4 == 3:
            kill_in_recovery(root, number)
        again = Served(root)
        client = SocketClient(again.address, str(root))
        for ledger in ledgers:
            sessions += check(client, ledger)
            contents += len(ledger.contents)
            deleted |= {None} in ledger.tags.values()
        client.close()
        code, _, err = again.stop()
        assert (code, err) == (0, "")
        with Store(root, new_id) as store:
            report = scrub(store, ScrubOrder(), lambda: None)
        assert (report.findings, report.absent) == ((), 0)
        assert report.blobs
        if number % ROUNDS_ON_ONE_ROOT == ROUNDS_ON_ONE_ROOT - 1:
            shutil.rmtree(root)
    assert contents >= 20 * ROUNDS
    assert sessions >= ROUNDS
    assert deleted
