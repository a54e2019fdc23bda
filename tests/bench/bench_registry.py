"""registry-shim against Debian's docker-registry in the same run: whole blobs, small ones, manifests, memory.

The server's part is measured by connections that do nothing else; the client's by whole processes of wpkg against
either registry. Ratios are ours to theirs, so that above 1 is faster in a column of rates.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import platform
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.bench_client import PULL, PUSH
from tests.bench.measure import taking_turns
from tests.bench.registries import PEER, Running, running_registries
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import Digest
from wpkg.oci.manifest import EMPTY_CONFIG, IMAGE_MANIFEST, MAX_MANIFEST_SIZE, Manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MB = 1_000_000
SIZES = {"10 MB": 10 * MB, "100 MB": 100 * MB, "1 GB": 1000 * MB}
SMALL = 4096  # bytes
MANY = 200  # blobs, or artifacts
SECONDS = 1.0  # of asking
CLIENTS = 8
TAGS = 10_000
TAGS_AT_ONCE = 100
RUNS = 2  # of what takes less than a second or so
PULLS = 9  # of each blob: half of them are slow on two processors, whoever answers
PIECE = 1 << 20
LOAD = str(Path(__file__).with_name("load.py"))
REPOSITORY = "bench/here"
CONFIG = Descriptor.of(EMPTY_CONFIG, b"{}")


def bench(folder: Path) -> None:
    """Bars: at least docker-registry's throughput, 5 times its small GETs, at most 60 MB of memory."""
    loads = os.getloadavg()
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {loads[0]:.2f} {loads[1]:.2f} {loads[2]:.2f}")
    print(f"{'':<44}{'registry-shim':>16}{PEER:>18}{'ratio':>8}")
    for name, size in SIZES.items():
        file = folder / "blob"
        digest = _write_random(file, size)
        with running_registries(folder) as registries:
            _bench_blob(name, file, digest, registries)
            _bench_client(name, folder, file, digest, registries)
            _show_peaks(f"memory of the server by then, {name}", registries)
        file.unlink()
    with running_registries(folder) as registries:
        _bench_small(registries)
        _bench_publishing(registries)
        _show_peaks("memory of the server by then, small things", registries)
    with running_registries(folder) as registries:
        _bench_long_manifests(registries)
        _show_peaks(f"memory of the server by then, {MAX_MANIFEST_SIZE >> 20} MiB manifests", registries)


# --- whole blobs --------------------------------------------------------------------------------------


def _bench_blob(name: str, file: Path, digest: Digest, registries: Sequence[Running | None]) -> None:
    size = file.stat().st_size
    target = [f"/v2/{REPOSITORY}/blobs/{digest}"]
    megabytes, runs = size / MB, _runs(size)
    _compare(
        f"push {name}", "MB/s", registries, lambda r: megabytes / _timed(lambda: _upload(r, file, digest)), 1, runs
    )
    _compare(
        f"pull {name}",
        "MB/s",
        registries,
        lambda r: megabytes / _timed(lambda: _download(r, digest, size)),
        1,
        PULLS,
    )
    if size <= SIZES["10 MB"]:
        what = f"pull {name}, {CLIENTS} connections"
        _compare(what, "MB/s", registries, lambda r: megabytes * _rate(r, "GET", target, CLIENTS), 1, runs)


def _runs(size: int) -> int:
    return RUNS if size <= SIZES["100 MB"] else 1


def _timed(action: Callable[[], object]) -> float:
    """Seconds."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _upload(registry: Running, file: Path, digest: Digest) -> None:
    """A blob in one piece, its bytes straight from the file. Pushing it again costs the same."""
    with closing(http.client.HTTPConnection(registry.address)) as connection, file.open("rb") as opened:
        location = _start(connection)
        connection.putrequest("PUT", _closing(location, digest), skip_accept_encoding=True)
        connection.putheader("Content-Length", str(file.stat().st_size))
        connection.putheader("Content-Type", "application/octet-stream")
        connection.endheaders()
        connection.sock.sendfile(opened)
        _expect(connection, http.HTTPStatus.CREATED)


def _download(registry: Running, digest: Digest, size: int) -> None:
    """A blob, thrown away as it comes; nothing is hashed."""
    with closing(http.client.HTTPConnection(registry.address)) as connection:
        connection.request("GET", f"/v2/{REPOSITORY}/blobs/{digest}")
        answer = connection.getresponse()
        buffer, seen = memoryview(bytearray(PIECE)), 0
        while count := answer.readinto(buffer):
            seen += count
        if (answer.status, seen) != (http.HTTPStatus.OK, size):
            raise RuntimeError(f"{answer.status}: {seen} of {size} bytes")


def _start(connection: http.client.HTTPConnection) -> str:
    connection.request("POST", f"/v2/{REPOSITORY}/blobs/uploads/", headers={"Content-Length": "0"})
    return _expect(connection, http.HTTPStatus.ACCEPTED)


def _closing(location: str, digest: Digest) -> str:
    target = location[location.index("/v2/") :]
    return f"{target}{'&' if '?' in target else '?'}digest={digest}"


def _expect(connection: http.client.HTTPConnection, status: int) -> str:
    """The Location of the answer."""
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != status:
        raise RuntimeError(f"{answer.status} instead of {status}: {body[:300]!r}")
    return answer.headers["Location"]


# --- the client ---------------------------------------------------------------------------------------


def _bench_client(
    name: str, folder: Path, file: Path, digest: Digest, registries: Sequence[Running | None]
) -> None:
    """Whole processes of wpkg's client. Each registry has the blob already, where the client pulls it."""
    size = file.stat().st_size
    arguments = [str(file), str(digest), str(size)]
    pull = PULL.replace("/pull/here", f"/{REPOSITORY}")
    there = [registry for registry in registries if registry is not None]
    for what, script in ((f"wpkg push {name}", PUSH), (f"wpkg pull {name}", pull)):
        commands = {r.address: [sys.executable, "-c", script, r.address, *arguments] for r in there}
        measured = taking_turns(commands, folder, _runs(size))
        found = [measured[registry.address] if registry is not None else None for registry in registries]
        _row(f"{what}, process", "ms", [m.seconds * 1000 if m is not None else None for m in found])
        _row(
            f"{what}, memory of the client",
            "MB",
            [m.resident / 1024 if m is not None else None for m in found],
            at_most=60,
        )


# --- small things -------------------------------------------------------------------------------------


def _bench_small(registries: Sequence[Running | None]) -> None:
    blobs = [os.urandom(SMALL) for _ in range(MANY)]
    digests = [Digest.of(blob) for blob in blobs]
    _compare(
        f"push {MANY} blobs of {SMALL} B",
        "/s",
        registries,
        lambda r: MANY / _timed(lambda: _push_all(r, blobs)),
        None,
        RUNS,
    )
    targets = [f"/v2/{REPOSITORY}/blobs/{digest}" for digest in digests]
    for clients in (1, CLIENTS):
        what = f"{clients} connection" + "s" * (clients > 1)
        _compare(
            f"GET blobs of {SMALL} B, {what}",
            "/s",
            registries,
            _rate_of("GET", targets, clients),
            5,
        )


def _bench_publishing(registries: Sequence[Running | None]) -> None:
    """One after the other: a layer, and a manifest under a tag of its own."""
    first = _compare(
        f"publish {MANY} artifacts", "/s", registries, lambda r: MANY / _timed(lambda: _publish_all(r, "a"))
    )
    manifest, tag = [f"/v2/{REPOSITORY}/manifests/a0"], f"{CLIENTS} connections"
    for method in ("HEAD", "GET"):
        _compare(
            f"{method} manifest by tag, {tag}",
            "/s",
            registries,
            _rate_of(method, manifest, CLIENTS),
            1,
            RUNS,
        )
    ours = registries[0]
    if ours is not None:
        _tag_often(ours)
        rate = MANY / _timed(lambda: _publish_all(ours, "b"))
        print(f"{f'the same with {TAGS} more tags':<44}{rate:11.0f} /s  {rate / first:30.2f} of before")


def _bench_long_manifests(registries: Sequence[Running | None]) -> None:
    """As long as they may be, by several clients at once."""
    data = _manifest({str(i): "x" * 10_000 for i in range(410)}).ljust(MAX_MANIFEST_SIZE)
    for registry in filter(None, registries):
        with closing(http.client.HTTPConnection(registry.address)) as connection:
            _push(connection, b"{}")
            _put_manifest(connection, "long", data)
    target = [f"/v2/{REPOSITORY}/manifests/long"]
    _compare(
        f"GET {MAX_MANIFEST_SIZE >> 20} MiB manifest, {CLIENTS} connections",
        "MB/s",
        registries,
        lambda r: len(data) / MB * _rate(r, "GET", target, CLIENTS),
    )


def _rate_of(method: str, targets: list[str], clients: int) -> Callable[[Running], float]:
    return lambda registry: _rate(registry, method, targets, clients)


def _rate(registry: Running, method: str, targets: list[str], clients: int) -> float:
    """Answers a second."""
    words = [sys.executable, LOAD, registry.address, str(clients), str(SECONDS), method, *targets]
    return int(subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout) / SECONDS


def _push_all(registry: Running, blobs: Sequence[bytes]) -> None:
    with closing(http.client.HTTPConnection(registry.address)) as connection:
        for blob in blobs:
            _push(connection, blob)


def _push(connection: http.client.HTTPConnection, blob: bytes) -> None:
    """By POST and PUT, which is what every registry knows."""
    location = _start(connection)
    connection.request(
        "PUT", _closing(location, Digest.of(blob)), blob, {"Content-Type": "application/octet-stream"}
    )
    _expect(connection, http.HTTPStatus.CREATED)


def _publish_all(registry: Running, prefix: str) -> None:
    with closing(http.client.HTTPConnection(registry.address)) as connection:
        _push(connection, b"{}")
        for index in range(MANY):
            layer = os.urandom(SMALL)
            _push(connection, layer)
            _put_manifest(connection, f"{prefix}{index}", _manifest({}, Descriptor.of("x/y", layer)))


def _manifest(annotations: dict[str, str], *layers: Descriptor) -> bytes:
    return Manifest(CONFIG, layers, annotations=annotations).encode()


def _put_manifest(connection: http.client.HTTPConnection, reference: str, data: bytes) -> None:
    connection.request("PUT", f"/v2/{REPOSITORY}/manifests/{reference}", data, {"Content-Type": IMAGE_MANIFEST})
    _expect(connection, http.HTTPStatus.CREATED)


def _tag_often(registry: Running) -> None:
    """Many tags on one manifest, in few requests."""
    data = _manifest({"of": "many tags"})
    with closing(http.client.HTTPConnection(registry.address)) as connection:
        for start in range(0, TAGS, TAGS_AT_ONCE):
            tags = "&".join(f"tag=t{index}" for index in range(start, start + TAGS_AT_ONCE))
            _put_manifest(connection, f"{Digest.of(data)}?{tags}", data)


# --- the table ----------------------------------------------------------------------------------------


def _compare(
    what: str,
    unit: str,
    registries: Sequence[Running | None],
    measure: Callable[[Running], float],
    bar: float | None = None,
    runs: int = 1,
) -> float:
    """What ours does, printed beside theirs. They take turns, and the best of the runs counts."""
    found: list[list[float]] = [[] for _ in registries]
    for _ in range(runs):
        for rates, registry in zip(found, registries, strict=True):
            if registry is not None:
                rates.append(measure(registry))
    best = [max(rates, default=None) for rates in found]
    _row(what, unit, best, at_least=bar)
    return best[0] or 0.0


def _show_peaks(what: str, registries: Sequence[Running | None]) -> None:
    _row(
        what,
        "MB",
        [registry.peak() / 1024 if registry is not None else None for registry in registries],
        at_most=60,
    )


def _row(
    what: str,
    unit: str,
    found: Sequence[float | None],
    *,
    at_least: float | None = None,
    at_most: float | None = None,
) -> None:
    ours, theirs = found
    if ours is None:
        raise RuntimeError("registry-shim is always there")
    cells = f"{ours:11.0f} {unit:<4}"
    ratio = f"{ours / theirs:8.2f}" if theirs else f"{'':8}"
    peer = f"{theirs:13.0f} {unit:<4}{ratio}" if theirs is not None else f"{'not run':>18}{ratio}"
    bar = f"   bar >= {at_least:.1f}" if at_least is not None else ""
    bar += f"   bar <= {at_most:.0f} {unit}" if at_most is not None else ""
    print(f"{what:<44}{cells}{peer}{bar}", flush=True)


def _write_random(file: Path, size: int) -> Digest:
    """A file whose megabytes differ, and its digest."""
    piece = os.urandom(MB)
    hashed = hashlib.sha256()
    with file.open("wb") as opened:
        for index in range(size // MB):
            part = index.to_bytes(4, "big") + piece[4:]
            opened.write(part)
            hashed.update(part)
    return Digest("sha256", hashed.hexdigest())
