"""A mirror gives what the registry has, asks for it once, and goes on without it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from registry_shim.store.store import Store
from registry_shim.upstream.source import OUTAGE_SECONDS
from tests.fakes import fault_proxy as faults
from tests.shim.conftest import new_id
from tests.shim.upstream.conftest import TTL, Clock, check_clean, mirror_of
from tests.shim.wire import (
    EMPTY_JSON,
    UNKNOWN_DIGEST,
    InProcessClient,
    push_blob,
    push_index,
    push_manifest,
    put,
    start_upload,
)
from wpkg.oci.digest import Digest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.fault_proxy import FaultProxy
    from tests.shim.wire import Answer, SocketClient

DATA = b"what a mirror has never seen"


class TestReading:
    def test_all_of_it_byte_for_byte(
        self, upstream: SocketClient, mirror: InProcessClient, name: str, root: Path
    ) -> None:
        pushed = push_manifest(upstream, name, "v1", annotations={"a": "b"})
        blob = push_blob(upstream, name, DATA)
        for method in ("HEAD", "GET"):
            for target in ("manifests/v1", f"manifests/{pushed.digest}", f"blobs/{blob.digest}", "tags/list"):
                got = mirror.send(method, f"/v2/m/{name}/{target}")
                want = upstream.send(method, f"/v2/{name}/{target}")
                assert got.status == 200
                assert got.body == want.body.replace(name.encode(), f"m/{name}".encode())
                for header in ("content-type", "docker-content-digest", "etag"):
                    assert got.headers.get(header) == want.headers.get(header)
                assert "warning" not in got.headers
        check_clean(root)

    def test_indexes_and_sha512(self, upstream: SocketClient, mirror: InProcessClient, name: str) -> None:
        child = push_manifest(upstream, name)
        index = push_index(upstream, name, "all", [child.descriptor])
        assert mirror.send("GET", f"/v2/m/{name}/manifests/all").body == index.data
        assert mirror.send("GET", f"/v2/m/{name}/manifests/{child.digest}").body == child.data
        digest = Digest.of(DATA, "sha512")
        location = start_upload(upstream, name)
        assert upstream.send("PUT", f"{location}?digest={digest}", DATA).status == 201
        assert mirror.send("GET", f"/v2/m/{name}/blobs/{digest}").body == DATA

    def test_ranges_and_conditions(self, upstream: SocketClient, mirror: InProcessClient, name: str) -> None:
        blob = push_blob(upstream, name, DATA)
        target = f"/v2/m/{name}/blobs/{blob.digest}"
        assert mirror.send("HEAD", target, headers={"Range": "bytes=1-2"}).status == 206
        part = mirror.send("GET", target, headers={"Range": "bytes=5-10"})
        assert (part.status, part.body) == (206, DATA[5:11])
        assert mirror.send("GET", target, headers={"Range": "bytes=900-"}).status == 416
        assert mirror.send("GET", target, headers={"If-None-Match": f'"{blob.digest}"'}).status == 304

    def test_an_empty_blob(self, upstream: SocketClient, mirror: InProcessClient, name: str) -> None:
        blob = push_blob(upstream, name, b"")
        answer = mirror.send("GET", f"/v2/m/{name}/blobs/{blob.digest}")
        assert (answer.status, answer.body) == (200, b"")

    @pytest.mark.parametrize(
        ("target", "code"),
        [
            ("manifests/v9", "MANIFEST_UNKNOWN"),
            (f"manifests/{UNKNOWN_DIGEST}", "MANIFEST_UNKNOWN"),
            (f"blobs/{UNKNOWN_DIGEST}", "BLOB_UNKNOWN"),
            (f"blobs/blake3:{'0' * 64}", "BLOB_UNKNOWN"),
            ("tags/list", "NAME_UNKNOWN"),
        ],
    )
    def test_what_is_not_there(
        self, mirror: InProcessClient, name: str, root: Path, target: str, code: str
    ) -> None:
        answer = mirror.send("GET", f"/v2/m/{name}/{target}")
        assert (answer.status, answer.code) == (404, code)
        assert not (root / "m").exists()

    def test_nothing_is_remembered_of_what_was_not_there(
        self, upstream: SocketClient, mirror: InProcessClient, name: str
    ) -> None:
        assert mirror.send("GET", f"/v2/m/{name}/manifests/v1").status == 404
        pushed = push_manifest(upstream, name, "v1")
        assert mirror.send("GET", f"/v2/m/{name}/manifests/v1").body == pushed.data


class TestAskingOnce:
    def test_a_second_pull_asks_nothing(
        self, upstream: SocketClient, mirror: InProcessClient, proxy: FaultProxy, name: str, clock: Clock
    ) -> None:
        pushed = push_manifest(upstream, name, "v1")
        targets = ["manifests/v1", f"manifests/{pushed.digest}", f"blobs/{EMPTY_JSON.digest}"]
        for target in targets:
            mirror.send("GET", f"/v2/m/{name}/{target}")
        assert len(proxy.asked("GET", "/blobs/")) == 1
        assert len(proxy.asked("GET", "/manifests/")) == 1
        proxy.seen.clear()
        clock.now = TTL - 1
        for target in targets:
            assert mirror.send("GET", f"/v2/m/{name}/{target}").status == 200
        assert proxy.seen == []
        clock.now = TTL + 1
        for target in targets:
            assert mirror.send("GET", f"/v2/m/{name}/{target}").status == 200
        assert [(request.method, request.path) for request in proxy.seen] == [("HEAD", f"/v2/{name}/manifests/v1")]

    def test_head_of_a_blob_fetches_none(
        self, upstream: SocketClient, mirror: InProcessClient, proxy: FaultProxy, name: str
    ) -> None:
        blob = push_blob(upstream, name, DATA)
        answer = mirror.send("HEAD", f"/v2/m/{name}/blobs/{blob.digest}")
        assert (answer.status, answer.headers["content-length"]) == (200, str(len(DATA)))
        assert proxy.asked("GET") == []

    @pytest.mark.parametrize("size", [len(DATA), 6 * 1024 * 1024])
    def test_many_at_once_are_one(
        self, upstream: SocketClient, mirror: InProcessClient, proxy: FaultProxy, name: str, size: int
    ) -> None:
        data = DATA.ljust(size)
        pushed = push_manifest(upstream, name, "v1")
        blob = push_blob(upstream, name, data)
        proxy.on("GET|HEAD", "/v2/", lambda _, forward: replace(forward(), pause=0.3))
        with ThreadPoolExecutor(20) as pool:
            targets = [f"/v2/m/{name}/blobs/{blob.digest}", f"/v2/m/{name}/manifests/v1"] * 10
            answers = list(pool.map(lambda target: mirror.send("GET", target), targets))
        assert [answer.body for answer in answers] == [data, pushed.data] * 10
        assert sorted((request.method, request.path.split("/")[-2]) for request in proxy.seen) == [
            ("GET", "blobs"),
            ("GET", "manifests"),
            ("HEAD", "blobs"),
            ("HEAD", "manifests"),
        ]

    def test_a_registry_that_does_not_answer_head(
        self, upstream: SocketClient, mirror: InProcessClient, proxy: FaultProxy, name: str
    ) -> None:
        proxy.on("HEAD", "/v2/", faults.status(405))
        pushed = push_manifest(upstream, name, "v1")
        for target, data in (("manifests/v1", pushed.data), (f"blobs/{EMPTY_JSON.digest}", b"{}")):
            assert mirror.send("GET", f"/v2/m/{name}/{target}").body == data


class TestChanges:
    def test_a_tag_that_moves(
        self, upstream: SocketClient, mirror: InProcessClient, proxy: FaultProxy, name: str, clock: Clock
    ) -> None:
        first = push_manifest(upstream, name, "v1", annotations={"n": "1"})
        target = f"/v2/m/{name}/manifests/v1"
        assert mirror.send("GET", target).body == first.data
        second = push_manifest(upstream, name, "v1", annotations={"n": "2"})
        assert mirror.send("GET", target).body == first.data
        clock.now += TTL
        assert mirror.send("GET", target).body == second.data
        put(upstream, name, "v1", first.data)
        clock.now += TTL
        proxy.seen.clear()
        assert mirror.send("GET", target).body == first.data
        assert proxy.asked("GET") == []  # its manifest was here

    def test_a_tag_that_goes(
        self, upstream: SocketClient, mirror: InProcessClient, name: str, clock: Clock
    ) -> None:
        pushed = push_manifest(upstream, name, "v1")
        assert mirror.send("GET", f"/v2/m/{name}/manifests/v1").status == 200
        assert upstream.send("DELETE", f"/v2/{name}/manifests/v1").status == 202
        clock.now += TTL
        assert mirror.send("GET", f"/v2/m/{name}/manifests/v1").status == 404
        assert mirror.send("GET", f"/v2/m/{name}/manifests/{pushed.digest}").status == 200

    def test_tags_are_those_upstream(
        self, upstream: SocketClient, mirror: InProcessClient, name: str, clock: Clock
    ) -> None:
        for tag in ("v3", "v1", "v2"):
            push_manifest(upstream, name, tag)
        listed = mirror.send("GET", f"/v2/m/{name}/tags/list")
        assert listed.json == {"name": f"m/{name}", "tags": ["v1", "v2", "v3"]}
        page = mirror.send("GET", f"/v2/m/{name}/tags/list?n=1&last=v1")
        assert page.json["tags"] == ["v2"]
        assert page.headers["link"] == f'</v2/m/{name}/tags/list?n=1&last=v2>; rel="next"'
        push_manifest(upstream, name, "v4")
        clock.now += TTL
        assert mirror.send("GET", f"/v2/m/{name}/tags/list?last=v3").json["tags"] == ["v4"]


class TestOutage:
    def down(self, proxy: FaultProxy) -> None:
        proxy.seen.clear()
        proxy.on(".*", "", faults.reset_at_once, first=True)

    def test_what_was_pulled_is_served(
        self, upstream: SocketClient, mirror: InProcessClient, proxy: FaultProxy, name: str, clock: Clock
    ) -> None:
        pushed = push_manifest(upstream, name, "v1")
        targets = {
            "manifests/v1": pushed.data,
            "tags/list": None,
            f"referrers/{pushed.digest}": None,
            f"manifests/{pushed.digest}": pushed.data,
            f"blobs/{EMPTY_JSON.digest}": b"{}",
        }
        before = {target: mirror.send("GET", f"/v2/m/{name}/{target}") for target in targets}
        self.down(proxy)
        clock.now += TTL
        for target, data in targets.items():
            answer = mirror.send("GET", f"/v2/m/{name}/{target}")
            assert (answer.status, answer.body) == (200, before[target].body), target
            assert data is None or answer.body == data
            if "sha256:" not in target:
                assert answer.headers["warning"].startswith(f'299 - "{proxy.address}, which this mirrors, cannot')
            elif "referrers" not in target:
                assert "warning" not in answer.headers

    def test_what_was_not_is_a_failure_and_not_a_404(
        self, upstream: SocketClient, mirror: InProcessClient, proxy: FaultProxy, name: str, root: Path
    ) -> None:
        pushed = push_manifest(upstream, name, "v1")
        self.down(proxy)
        for target in (
            "manifests/v1",
            f"manifests/{pushed.digest}",
            f"blobs/{EMPTY_JSON.digest}",
            "tags/list",
            f"referrers/{pushed.digest}",
        ):
            answer = mirror.send("GET", f"/v2/m/{name}/{target}")
            assert (answer.status, answer.code) == (502, "UNSUPPORTED"), target
        check_clean(root)

    def test_it_is_not_asked_by_every_request(
        self, upstream: SocketClient, mirror: InProcessClient, proxy: FaultProxy, name: str, clock: Clock
    ) -> None:
        push_manifest(upstream, name, "v1")
        self.down(proxy)
        for _ in range(5):
            assert mirror.send("GET", f"/v2/m/{name}/manifests/v1").status == 502
        assert len(proxy.seen) == 2  # the client tries twice
        proxy.forget_rules()
        clock.now += OUTAGE_SECONDS
        assert mirror.send("GET", f"/v2/m/{name}/manifests/v1").status == 200

    def test_after_a_restart(self, upstream: SocketClient, proxy: FaultProxy, name: str, tmp_path: Path) -> None:
        pushed = push_manifest(upstream, name, "v1")
        push_manifest(upstream, name, "v2")
        referrer = push_manifest(upstream, name, subject=pushed.descriptor, artifact_type="a/b")

        def ask() -> list[Answer]:
            with Store(tmp_path / "again", new_id) as store:
                client = InProcessClient(store, str(tmp_path), mirror_of(proxy, store, Clock()))
                targets = ("manifests/v1", f"referrers/{pushed.digest}", "tags/list")
                return [client.send("GET", f"/v2/m/{name}/{target}") for target in targets]

        ask()
        self.down(proxy)
        manifest, referrers, tags = ask()
        assert manifest.body == pushed.data
        assert [item["digest"] for item in referrers.json["manifests"]] == [referrer.digest]
        assert tags.json["tags"] == ["v1"]
        assert all("warning" in answer.headers for answer in (manifest, referrers, tags))


class TestWhatIsGoneHere:
    def test_is_fetched_again_however_lately_it_was_asked_for(
        self, upstream: SocketClient, mirror: InProcessClient, store: Store, name: str
    ) -> None:
        """As after `scrub --repair`, which withdraws what is damaged."""
        pushed = push_manifest(upstream, name, "v1")
        signature = push_manifest(upstream, name, subject=pushed.descriptor, artifact_type="a/b")
        tag, referrers = f"/v2/m/{name}/manifests/v1", f"/v2/m/{name}/referrers/{pushed.digest}"
        assert mirror.send("GET", tag).body == pushed.data
        assert len(mirror.send("GET", referrers).json["manifests"]) == 1
        repository = store.find(f"m/{name}")
        assert repository is not None
        for one in (pushed, signature):
            assert repository.remove_manifest(Digest.parse(one.digest))
        assert mirror.send("GET", tag).body == pushed.data
        assert [one["digest"] for one in mirror.send("GET", referrers).json["manifests"]] == [signature.digest]


class TestCatalog:
    def test_is_what_has_been_asked_for(
        self, upstream: SocketClient, proxy: FaultProxy, store: Store, root: Path, name: str, clock: Clock
    ) -> None:
        """Also where every name is one of the upstream's."""
        push_manifest(upstream, name, "v1")
        mirror = InProcessClient(store, str(root), mirror_of(proxy, store, clock, prefix=""))
        assert mirror.send("GET", "/v2/_catalog").json == {"repositories": []}
        assert mirror.send("GET", f"/v2/{name}/manifests/v1").status == 200
        assert mirror.send("GET", "/v2/_catalog").json == {"repositories": [name]}
        assert proxy.asked("GET", "_catalog") == []


class TestWriting:
    @pytest.mark.parametrize(
        ("method", "target"),
        [
            ("PUT", "manifests/v1"),
            ("DELETE", "manifests/v1"),
            ("DELETE", f"blobs/{EMPTY_JSON.digest}"),
            ("POST", "blobs/uploads/"),
            ("POST", f"blobs/uploads/?digest={EMPTY_JSON.digest}"),
            ("POST", f"blobs/uploads/?mount={EMPTY_JSON.digest}&from=x"),
            ("PATCH", f"blobs/uploads/{'0' * 32}"),
            ("GET", f"blobs/uploads/{'0' * 32}"),
        ],
    )
    def test_is_refused(
        self,
        upstream: SocketClient,
        mirror: InProcessClient,
        proxy: FaultProxy,
        name: str,
        method: str,
        target: str,
    ) -> None:
        push_manifest(upstream, name, "v1")
        mirror.send("GET", f"/v2/m/{name}/manifests/v1")
        proxy.seen.clear()
        answer = mirror.send(method, f"/v2/m/{name}/{target}")
        assert (answer.status, answer.code) == (405, "UNSUPPORTED")
        assert proxy.seen == []

    def test_elsewhere_it_is_a_registry_like_any_other(
        self, mirror: InProcessClient, proxy: FaultProxy, name: str
    ) -> None:
        for other in (name, "m", f"mm/{name}"):
            pushed = push_manifest(mirror, other, "v1")
            assert mirror.send("GET", f"/v2/{other}/manifests/v1").body == pushed.data
            assert mirror.send("GET", f"/v2/{other}/manifests/v2").status == 404
        assert proxy.seen == []
