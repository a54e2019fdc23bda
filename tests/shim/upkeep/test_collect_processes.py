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
            assert done.stderr == f"error: '{grace}' is not a length of time\nhint: write it as 12h, 30d or 8w\n"

    @pytest.mark.parametrize("every", ["0", "0h"])
    def test_every_moment(self, littered: Path, every: str) -> None:
        done = run("serve", "--root", str(littered), "--port", "0", "--gc-every", every)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("error: nothing can be done every 0 seconds\nhint: --gc-every")

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

    def test_every_so_often_damage_is_logged(self, littered: Path) -> None:
        served = Served(littered, "--gc-every", "1s", "--gc-grace", "1h")
        for path in (littered / "a/b/blobs/sha256").iterdir():
            if b"layers" in path.read_bytes():
                path.write_bytes(b"")
        assert served.process.stderr is not None
        told = served.process.stderr.readline()
        assert "WARNING nothing can safely be removed from a/b: the stored manifest sha256:" in told
        assert str(littered) not in told
        assert served.stop()[0] == 0

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


class Promises:
    """How long a client takes between being told of a blob and naming it. Beyond the grace it may be told no."""

    def __init__(self) -> None:
        self._told = time.monotonic()
        self.is_kept = True

    def told(self) -> None:
        """An answer has come: what was told before had to hold until then."""
        self.is_kept &= time.monotonic() - self._told < GRACE - 0.2
        self._told = time.monotonic()


def push_for_a_while(address: str, root: str, worker: int, ends: float) -> tuple[int, int]:
    """How often all that was acknowledged could be used, and how often after asking for it again."""
    client = SocketClient(address, root)
    used = asked = 0
    for number in itertools.count():
        if time.monotonic() > ends:
            break
        promises = Promises()
        is_slow = number % 5 == 0
        layer = f"layer {worker} {number}".encode() * 100
        described = push_blob(client, "a/b", layer)
        promises.told()
        if is_slow:
            # Longer in all than the grace, and never longer than that without asking.
            time.sleep(GRACE * 0.6)
            is_here = client.send("HEAD", f"/v2/a/b/blobs/{described.digest}").status == 200
            promises.told()
            assert is_here or not promises.is_kept
            time.sleep(GRACE * 0.6)
        config = push_blob(client, "a/b", b"{}")
        data = Manifest(config, (described,), annotations={"number": f"{worker} {number}"}).encode()
        status = put(client, "a/b", f"w{worker}-{number % 3}", data).status
        promises.told()
        assert status == 201 or not promises.is_kept
        used += status == 201
        asked += status == 201 and is_slow
    client.close()
    return used, asked


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
        used, asked = (sum(numbers) for numbers in zip(*(done.result() for done in running), strict=True))
    left = len(list((root / "a/b/blobs/sha256").iterdir()))
    assert served.stop() == (0, "", "")
    assert commands >= 2
    assert used >= 20
    assert asked
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
