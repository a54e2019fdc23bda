"""`registry-shim gc`, as its users run it: alone, beside a running registry and its clients, and killed."""

from __future__ import annotations

import itertools
import json
import random
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from registry_shim.store.store import Store
from tests.shim.conftest import new_id
from tests.shim.process import PROGRAM, Served, run
from tests.shim.upkeep.conftest import Kept, age
from tests.shim.wire import EMPTY_JSON, Pushed, SocketClient, push_blob, put
from wpkg.oci.digest import Digest
from wpkg.oci.manifest import IMAGE_MANIFEST, Manifest

if TYPE_CHECKING:
    from pathlib import Path

GRACE = 2  # seconds
TRAFFIC_SECONDS = 3 * GRACE


def push_image(client: SocketClient, repository: str, tag: str, layer: bytes) -> Pushed:
    push_blob(client, repository, b"{}")
    described = push_blob(client, repository, layer)
    pushed = Pushed(Manifest(EMPTY_JSON, (described,)).encode(), IMAGE_MANIFEST)
    assert put(client, repository, tag, pushed.data).status == 201
    return pushed


@pytest.fixture
def littered(tmp_path: Path) -> Path:
    """A root that was served, where the tag v1 has moved from one manifest to another, long ago."""
    served = Served(tmp_path / "root")
    client = SocketClient(served.address, str(served.root))
    for layer in (b"first layer", b"second layer"):
        push_image(client, "a/b", "v1", layer)
    client.close()
    assert served.stop() == (0, "", "")
    age(served.root)
    return served.root


def check_whole(root: Path, tags: dict[str, int]) -> None:
    """Every repository has so many tags, and whatever they lead to is there and right."""
    with Store(root, new_id) as store:
        report = Kept(store, root).scrub()
        assert (report.findings, report.absent) == ((), 0)
        for path, number in tags.items():
            repository = store.find(path)
            assert repository is not None
            assert len(repository.tags()) == number
            assert all(repository.fetch(tag) is not None for tag in repository.tags())


class TestAlone:
    def test_removes_and_says_what(self, littered: Path) -> None:
        first = Digest.of(b"first layer")
        dry = run("gc", str(littered), "--dry-run")
        assert (dry.returncode, dry.stderr) == (0, "")
        size = sum(path.stat().st_size for path in (littered / "a/b/blobs/sha256").iterdir())
        done = run("gc", str(littered))
        assert (done.returncode, done.stderr) == (0, "")
        freed = size - sum(path.stat().st_size for path in (littered / "a/b/blobs/sha256").iterdir())
        assert done.stdout == (
            f"a/b: 1 manifest, 1 blob, 0 uploads, {freed} bytes\n"
            f"removed 1 manifest, 1 blob, 0 uploads of 1 repository; that freed {freed} bytes of disk\n"
        )
        assert dry.stdout == done.stdout.replace("removed", "would remove").replace("freed", "frees")
        assert not (littered / "a/b/blobs/sha256" / first.encoded).exists()
        check_whole(littered, {"a/b": 1})

    def test_for_programs(self, littered: Path) -> None:
        done = run("gc", str(littered), "--json", "--grace", "1h")
        assert (done.returncode, done.stderr) == (0, "")
        document = json.loads(done.stdout)
        (one,) = document.pop("repositories")
        assert document.keys() == {"schema", "is_dry_run", "grace", "seen", "freed"}
        assert (document["schema"], document["grace"], document["is_dry_run"]) == (
            "registry-shim.gc/1",
            3600,
            False,
        )
        assert one["blobs"] == [str(Digest.of(b"first layer"))]
        assert one["size"] == document["freed"]

    def test_the_young_stay(self, littered: Path) -> None:
        assert run("gc", str(littered), "--grace", "7d").stdout.startswith(
            "removed 0 manifests, 0 blobs, 0 uploads"
        )
        kept = run("gc", str(littered), "--keep-untagged")
        assert kept.stdout.startswith("removed 0 manifests, 0 blobs, 0 uploads of 1 repository")

    def test_damage_is_told(self, littered: Path) -> None:
        (littered / "a/b/index.json").write_bytes(b"{")
        done = run("gc", str(littered))
        assert done.returncode == 6
        assert done.stdout.startswith(
            "a/b: the index of this repository is damaged or missing\nremoved 0 manifests"
        )
        assert done.stderr == (
            "error: nothing can safely be removed from 1 damaged repository\nhint: registry-shim scrub DIR\n"
        )
        assert run("gc", str(littered), "--json").returncode == 6


class TestRefusals:
    @pytest.mark.parametrize("grace", ["", "1", "-1h", "soon", "1h30m"])
    def test_bad_durations(self, littered: Path, grace: str) -> None:
        for arguments in (("gc", str(littered), "--grace"), ("serve", "--root", str(littered), "--gc-every")):
            done = run(*arguments, grace)
            assert (done.returncode, done.stdout) == (2, "")
            assert done.stderr == (
                f"error: '{grace}' is not a span of time\n"
                "hint: write a number and s, m, h or d, as in 30m, 24h or 7d\n"
            )

    @pytest.mark.parametrize("command", ["gc", "scrub"])
    def test_no_registry(self, tmp_path: Path, command: str) -> None:
        (tmp_path / "file").touch()
        for name, said in (("none", "is not a directory"), ("file", "is not a directory"), ("", "is no registry")):
            done = run(command, str(tmp_path / name))
            assert (done.returncode, done.stdout) == (2, "")
            assert done.stderr.startswith(f"error: '{tmp_path / name}' {said}")
            assert done.stderr.splitlines()[1] == "hint: give the directory of 'registry-shim serve --root'"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]
        as_json = run(command, str(tmp_path / "none"), "--json")
        assert (as_json.returncode, as_json.stderr) == (2, "")
        error = json.loads(as_json.stdout)["error"]
        assert (error["code"], error["exit"]) == ("no-registry", 2)

    def test_wrong_usage(self) -> None:
        for arguments in (["gc"], ["scrub"], ["gc", "a", "b"], ["scrub", "a", "--grace", "1h"]):
            assert run(*arguments).returncode == 2


class TestBesideARunningRegistry:
    def test_the_registry_does_it(self, littered: Path) -> None:
        served = Served(littered)
        client = SocketClient(served.address, str(littered))
        alone = run("gc", str(littered), "--dry-run")
        done = run("gc", str(littered))
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == alone.stdout.replace("would remove", "removed").replace("frees", "freed")
        assert done.stdout.startswith("a/b: 1 manifest, 1 blob")
        assert client.send("HEAD", f"/v2/a/b/blobs/{Digest.of(b'first layer')}").status == 404
        push_image(client, "a/b", "v2", b"first layer")
        assert client.send("GET", "/v2/a/b/tags/list").json["tags"] == ["v1", "v2"]
        client.close()
        assert served.stop() == (0, "", "")
        assert not (littered / ".control").exists()
        check_whole(littered, {"a/b": 2})

    def test_every_so_often(self, littered: Path) -> None:
        served = Served(littered, "--gc-every", "1s", "--gc-grace", "1h")
        layer = littered / "a/b/blobs/sha256" / Digest.of(b"first layer").encoded
        for _ in range(200):
            if not layer.exists():
                break
            time.sleep(0.05)
        assert not layer.exists()
        assert served.stop() == (0, "", "")
        check_whole(littered, {"a/b": 1})

    def test_in_a_directory_with_a_long_name(self, tmp_path: Path) -> None:
        root = tmp_path.joinpath(*["a" * 60] * 3) / "root"
        served = Served(root)
        assert (root / ".control").stat().st_mode & 0o777 == 0o600
        assert run("gc", str(root)).returncode == 0
        assert served.stop() == (0, "", "")

    def test_a_killed_one_leaves_no_obstacle(self, littered: Path) -> None:
        killed = Served(littered)
        killed.process.kill()
        killed.process.communicate()
        assert (littered / ".control").exists()
        assert run("gc", str(littered), "--dry-run").stdout.startswith("a/b: 1 manifest")
        again = Served(littered)
        assert run("gc", str(littered)).stdout.startswith("a/b: 1 manifest")
        assert again.stop() == (0, "", "")

    def test_a_process_that_takes_no_orders(self, littered: Path) -> None:
        with Store(littered, new_id):
            done = run("gc", str(littered))
        assert (done.returncode, done.stdout) == (6, "")
        assert done.stderr.startswith(f"error: another process has '{littered}' and takes no orders: ")


def push_for_a_while(address: str, root: str, worker: int, ends: float) -> tuple[int, int]:
    """How often what was acknowledged could be used, and how often it took too long to tell."""
    client = SocketClient(address, root)
    used = late = 0
    for number in itertools.count():
        if time.monotonic() > ends:
            break
        layer = f"layer {worker} {number}".encode() * 100
        common = b"layer of everybody %d" % (number % 5)
        begun = time.monotonic()
        config, first = push_blob(client, "a/b", b"{}"), push_blob(client, "a/b", layer)
        head = client.send("HEAD", f"/v2/a/b/blobs/{Digest.of(common)}")
        second = push_blob(client, "a/b", common) if head.status == 404 else None
        if number % 10 == 0:
            time.sleep(GRACE / 3)  # a client that takes its time, within what it was promised
        layers = (first, second or Pushed(common, first.media_type).descriptor)
        data = Manifest(config, layers, annotations={"number": f"{worker} {number}"}).encode()
        answer = put(client, "a/b", f"w{worker}-{number % 3}", data)
        if time.monotonic() - begun < GRACE - 0.5:
            assert answer.status == 201, answer.body
            used += 1
        else:
            late += 1
    client.close()
    return used, late


def test_clients_push_while_it_collects(shared_root: Path) -> None:
    """Whoever is told that a blob is here can name it within the grace; tags move, and what they leave goes."""
    root = shared_root / "traffic"
    served = Served(root, "--gc-every", "1s", "--gc-grace", f"{GRACE}s")
    ends = time.monotonic() + TRAFFIC_SECONDS
    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(push_for_a_while, served.address, str(root), worker, ends) for worker in range(3)]
        commands = 0
        while time.monotonic() < ends:
            assert run("gc", str(root), "--grace", f"{GRACE}s").returncode == 0
            commands += 1
        used = sum(done.result()[0] for done in running)
    left = len(list((root / "a/b/blobs/sha256").iterdir()))
    assert served.stop() == (0, "", "")
    assert commands >= 2
    assert used >= 20
    assert left < 2 * used  # each brought a manifest and a layer
    check_whole(root, {"a/b": 9})


@pytest.mark.parametrize("is_served", [False, True])
def test_killed_while_it_collects(shared_root: Path, *, is_served: bool) -> None:
    """`kill -9` when part of it has gone: what is kept is whole, and the next one takes the rest."""
    root = shared_root / f"collected{is_served}"
    served = Served(root)
    client = SocketClient(served.address, str(root))
    for number in range(240):
        push_image(client, f"r/{number % 3}", f"v{number % 12}", b"layer %d" % number)
    client.close()
    served.stop()
    age(root)
    directories = [root / f"r/{number}/blobs/sha256" for number in range(3)]

    def count() -> int:
        return sum(1 for directory in directories for _ in directory.iterdir())

    choose = random.Random(1)
    kills = 0
    for _ in range(5):
        before = count()
        server = Served(root) if is_served else None
        collecting = subprocess.Popen(
            [PROGRAM, "gc", str(root), "--grace", "1h"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        victim = server.process if server is not None else collecting
        while count() == before and collecting.poll() is None:
            pass
        threading.Event().wait(choose.random() * 0.004)
        victim.kill()
        _, told = collecting.communicate()
        if server is not None:
            server.process.communicate()
            assert b"Traceback" not in told
        kills += collecting.returncode != 0
        check_whole(root, dict.fromkeys(("r/0", "r/1", "r/2"), 4))
        if count() == 27:
            break
    assert run("gc", str(root), "--grace", "1h").returncode == 0
    assert count() == 3 * (1 + 4 + 4)
    assert kills


def test_the_waiting_tags_of_a_gate_are_kept(littered: Path) -> None:
    named = subprocess.run(
        [PROGRAM, "gc", str(littered), "--dry-run", "--json"], capture_output=True, text=True, check=True
    )
    (digest,) = json.loads(named.stdout)["repositories"][0]["manifests"]
    row = {"repository": "a/b", "tag": "v2", "manifest": digest, "instead": ""}
    (littered / ".waiting.json").write_text(json.dumps({"waiting": [row]}))
    assert run("gc", str(littered)).stdout.startswith("removed 0 manifests, 0 blobs")
