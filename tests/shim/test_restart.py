"""What was acknowledged is there again after the process ended, however it ended."""

from __future__ import annotations

import http.client
import itertools
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.shim.wire import (
    EMPTY_JSON,
    Pushed,
    SocketClient,
    closing,
    push_blob,
    push_manifest,
    put,
    start_upload,
)
from wpkg.oci.digest import Digest
from wpkg.oci.manifest import IMAGE_MANIFEST, Manifest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.shim.process import Served

    Contents = dict[str, bytes]
    Tags = dict[str, str | None]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_everything_is_there_again(serve: Callable[..., Served], number: signal.Signals) -> None:
    served = serve()
    client = SocketClient(served.address, str(served.root))
    subject = push_manifest(client, "a/b", "v1")
    referrer = push_manifest(
        client, "a/b", subject=subject.descriptor, artifact_type="application/vnd.sig", annotations={"k": "v"}
    )
    untagged = push_manifest(client, "a/b", annotations={"un": "tagged"})
    moved = push_manifest(client, "a/b", "moved", annotations={"first": ""})
    put(client, "a/b", "moved", subject.data)
    push_manifest(client, "a/b", "gone")
    client.send("DELETE", "/v2/a/b/manifests/gone")
    location = client.send("PATCH", start_upload(client, "a/b"), b"first, ").location
    cancelled = start_upload(client, "a/b")
    client.send("DELETE", cancelled)
    client.close()
    served.stop(number)

    again = serve()
    client = SocketClient(again.address, str(again.root))
    for reference, pushed in {
        "v1": subject,
        subject.digest: subject,
        "moved": subject,
        moved.digest: moved,
        referrer.digest: referrer,
        untagged.digest: untagged,
    }.items():
        answer = client.send("GET", f"/v2/a/b/manifests/{reference}")
        assert (answer.body, answer.headers["content-type"]) == (pushed.data, IMAGE_MANIFEST)
    assert client.send("GET", "/v2/a/b/tags/list").json["tags"] == ["moved", "v1"]
    for query in ("", "?artifactType=application/vnd.sig"):
        listed = client.send("GET", f"/v2/a/b/referrers/{subject.digest}{query}").json["manifests"]
        assert [(item["digest"], item["annotations"]) for item in listed] == [(referrer.digest, {"k": "v"})]
    assert client.send("GET", location).headers["range"] == "0-6"
    assert client.send("GET", cancelled).status == 404
    last = {"Content-Range": "7-12"}
    assert client.send("PUT", closing(location, Digest.of(b"first, second")), b"second", last).status == 201
    client.close()


def push_until_dead(served: Served, worker: int, acknowledged: threading.Semaphore) -> tuple[Contents, Tags]:
    """What was acknowledged: contents by path, and tags with what they name, None for a deleted one."""
    client = SocketClient(served.address, str(served.root))
    contents: Contents = {}
    tags: Tags = {}
    repository = f"load/r{worker % 2}"
    try:
        for number in itertools.count():
            data = f"{worker} {number} ".encode() * 500
            blob = push_blob(client, repository, data)
            contents[f"blobs/{blob.digest}"] = data
            push_blob(client, repository, b"{}")
            pushed = Pushed(Manifest(EMPTY_JSON, (blob,)).encode(), IMAGE_MANIFEST)
            tag = f"w{worker}-{number % 7}"
            tags.pop(tag, None)  # what it names is uncertain until the answer
            assert put(client, repository, tag, pushed.data).status == 201
            contents[f"manifests/{pushed.digest}"] = pushed.data
            tags[tag] = pushed.digest
            if number % 5 == 0:
                del tags[tag]
                assert client.send("DELETE", f"/v2/{repository}/manifests/{tag}").status == 202
                tags[tag] = None
            acknowledged.release()
    except (OSError, http.client.HTTPException):
        client.close()
    return contents, tags


def test_killed_in_the_middle_of_traffic(serve: Callable[..., Served]) -> None:
    """Clients push, move and delete tags; then `kill -9`. Whatever they were told holds, byte for byte."""
    acknowledged = threading.Semaphore(0)
    served = serve()
    with ThreadPoolExecutor(6) as pool:
        running = [pool.submit(push_until_dead, served, worker, acknowledged) for worker in range(6)]
        for _ in range(60):
            acknowledged.acquire(timeout=10)
        served.process.kill()
        outcomes = [done.result() for done in running]

    again = serve()
    client = SocketClient(again.address, str(again.root))
    assert sum(len(contents) for contents, _ in outcomes) >= 120
    assert any(digest is None for _, tags in outcomes for digest in tags.values())
    for worker, (contents, tags) in enumerate(outcomes):
        base = f"/v2/load/r{worker % 2}"
        for target, data in contents.items():
            assert client.send("GET", f"{base}/{target}").body == data
        for tag, digest in tags.items():
            head = client.send("HEAD", f"{base}/manifests/{tag}")
            assert (head.status, head.headers.get("docker-content-digest")) == (200 if digest else 404, digest)
    client.close()
    check_files(again.root)


def check_files(root: Path) -> None:
    """Every file under a digest is that digest's."""
    paths = [path for path in root.rglob("blobs/*/*") if path.is_file()]
    assert paths
    for path in paths:
        assert Digest.of(path.read_bytes(), path.parent.name).encoded == path.name


def test_tampered_manifest(serve: Callable[..., Served]) -> None:
    """Bad bytes on disk are never served as good: told as a failure of the server, naming the digest."""
    served = serve()
    client = SocketClient(served.address, str(served.root))
    subject = push_manifest(client, "a/b", "v1")
    referrer = push_manifest(client, "a/b", subject=subject.descriptor)
    good = push_manifest(client, "a/b", "good", annotations={"k": "v"})
    client.close()
    served.stop()
    for pushed in (subject, referrer):
        path = served.root / "a/b/blobs/sha256" / pushed.digest.removeprefix("sha256:")
        path.write_bytes(path.read_bytes().replace(b"schemaVersion", b"schemaversion"))

    again = serve()
    client = SocketClient(again.address, str(again.root))
    for target in ("manifests/v1", f"manifests/{subject.digest}", f"referrers/{subject.digest}"):
        named = referrer.digest if target.startswith("referrers") else subject.digest
        answer = client.send("GET", f"/v2/a/b/{target}")
        assert (answer.status, answer.code) == (500, "MANIFEST_INVALID")
        assert named in answer.json["errors"][0]["message"]
        assert client.send("HEAD", f"/v2/a/b/{target}").status == 500
    assert client.send("GET", "/v2/a/b/manifests/good").body == good.data
    assert client.send("GET", "/v2/a/b/tags/list").json["tags"] == ["good", "v1"]
    assert put(client, "a/b", "v1", subject.data).status == 201
    assert client.send("GET", "/v2/a/b/manifests/v1").body == subject.data
    client.close()
    code, _, err = again.stop()
    assert code == 0
    assert f"the stored manifest {subject.digest} does not match its digest" in err
    assert "Traceback" not in err
