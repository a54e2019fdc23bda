"""What was acknowledged is there again after the process ended, however it ended."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.shim.wire import (
    SocketClient,
    closing,
    push_manifest,
    put,
    start_upload,
)
from wpkg.oci.digest import Digest
from wpkg.oci.manifest import IMAGE_MANIFEST

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.shim.process import Served


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
