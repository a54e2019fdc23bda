"""`wpkg fetch` as processes of their own: many at once, killed at any point, without a network."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.packages import project_that_pins, publish_package, publish_packages
from tests.shim_process import running_shim
from wpkg.names.package_name import PackageName
from wpkg.registry.client import RegistryClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wpkg.oci.digest import Digest

WPKG = str(Path(sys.executable).with_name("wpkg"))
# All 200 take minutes; .ci/run asks for them.
KILL_ROUNDS = int(os.environ.get("WPKG_KILL_ROUNDS", "20"))
# Loaded by every Python that has it on its path: the audit events of sockets end the process (PEP 578).
GUARD = """
import os, sys
def watch(event, arguments):
    if event.startswith("socket."):
        os.write(2, f"a socket was used: {event}\\n".encode())
        os._exit(99)
sys.addaudithook(watch)
"""


class User:
    """Somebody with a home and a cache."""

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir(exist_ok=True)

    @property
    def cache(self) -> Path:
        return self.home / "cache"

    def environment(self, **more: str) -> dict[str, str]:
        kept = {"PATH": os.environ["PATH"], "HOME": str(self.home), "WPKG_CACHE_DIR": str(self.cache)}
        return {**kept, **more}

    def start(self, root: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [WPKG, *arguments],
            cwd=root,
            env=self.environment(**environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, root: Path, *arguments: str, **environment: str) -> tuple[int, str, str]:
        with self.start(root, *arguments, **environment) as process:
            out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def verified(self, root: Path) -> Any:
        """What `cache verify` says, when it finds nothing wrong."""
        code, out, err = self.run(root, "cache", "verify", "--json")
        assert code == 0, (out, err)
        return json.loads(out)

    def leftovers(self) -> list[str]:
        partial = self.cache / "partial"
        return sorted(path.name for path in partial.iterdir()) if partial.is_dir() else []

    def has_begun(self, digest: Digest) -> bool:
        """Whether some of a download is on disk."""
        try:
            return (self.cache / "partial" / f"sha256-{digest.encoded}").stat().st_size > 0
        except FileNotFoundError:
            return False


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_shim(tmp_path_factory.mktemp("registry")) as address:
        yield address


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, registry: str) -> Path:
    """A project that pins 12 packages of 300 kB."""
    pins = publish_packages(RegistryClient(), registry, 12, 300_000, "few")
    return project_that_pins(tmp_path_factory.mktemp("app"), registry, pins)


@pytest.fixture
def user(tmp_path: Path) -> User:
    return User(tmp_path / "home")


def test_sixteen_at_once_fill_one_empty_cache(user: User, project: Path) -> None:
    processes = [user.start(project, "fetch", "--locked", "--json") for _ in range(16)]
    outcomes = [(*process.communicate(timeout=120), process.returncode) for process in processes]
    for out, err, code in outcomes:
        assert code == 0, err
        assert len(json.loads(out)["packages"]) == 12
        assert "damaged" not in err
    assert user.verified(project) == {"schema": "wpkg.cache.verify/1", "files": 36, "damaged": []}
    assert user.leftovers() == []


def test_a_fetch_can_be_killed_at_any_point(user: User, project: Path) -> None:
    chance = random.Random(20261126)
    started = time.monotonic()
    assert user.run(project, "fetch", "--locked", "-q")[0] == 0
    whole = time.monotonic() - started
    interrupted = 0
    for _ in range(KILL_ROUNDS):
        assert user.run(project, "cache", "prune", "--all", "-q")[0] == 0
        process = user.start(project, "fetch", "--locked", "-q")
        # Most of a run is starting up, which leaves nothing to interrupt.
        time.sleep(whole * chance.uniform(0.3, 1.1))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        interrupted += bool(user.leftovers())
        before = user.verified(project)["files"]
        code, out, err = user.run(project, "fetch", "--locked", "--json")
        assert code == 0, err
        assert "damaged" not in err
        packages = json.loads(out)["packages"]
        assert len(packages) == 12
        assert user.verified(project)["files"] == 36 >= before
        assert user.leftovers() == []
    print(f"{KILL_ROUNDS} rounds, {interrupted} in the middle of a download")


def test_killed_in_the_middle_of_a_download(user: User, project: Path, registry: str) -> None:
    """What the rounds above leave to chance: there is half a file when the process dies."""
    pin = publish_package(
        RegistryClient(), registry, PackageName.parse("big:one"), random.Random(1).randbytes(80_000_000)
    )
    root = project_that_pins(user.home / "app", registry, [pin])
    process = user.start(root, "fetch", "--locked", "-q")
    deadline = time.monotonic() + 60
    while not user.has_begun(pin.component):
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert user.leftovers() == [f"sha256-{pin.component.encoded}"]
    assert not (user.cache / "blobs" / "sha256" / pin.component.encoded).exists()
    assert user.verified(root)["files"] == 2
    code, out, _ = user.run(root, "cache", "prune", "--json")
    assert (code, json.loads(out)["leftovers"], user.leftovers()) == (0, 1, [])
    assert user.run(root, "fetch", "--locked", "-q")[0] == 0
    assert user.verified(root)["files"] == 3


def test_memory_does_not_grow_with_the_component(user: User, registry: str) -> None:
    pin = publish_package(
        RegistryClient(), registry, PackageName.parse("big:two"), random.Random(2).randbytes(100_000_000)
    )
    root = project_that_pins(user.home / "app", registry, [pin])
    # The peak of this process: getrusage would tell that of whoever started it, where that is higher.
    code = (
        "import sys; from wpkg.cli.main import run; code = run(sys.argv[1:]);"
        "print([line for line in open('/proc/self/status') if line.startswith('VmHWM')]); sys.exit(code)"
    )
    words = [sys.executable, "-c", code, "fetch", "--locked"]
    done = subprocess.run(words, cwd=root, env=user.environment(), capture_output=True, text=True, check=True)
    assert "1 of them fetched (100.0 MB)" in done.stdout
    peak = re.search(r"VmHWM:\\t *([0-9]+) kB", done.stdout)
    assert peak is not None
    assert int(peak[1]) < 60 << 10  # KiB


@pytest.fixture
def guard(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "guard").mkdir()
    (tmp_path / "guard" / "sitecustomize.py").write_text(GUARD)
    return {"PYTHONPATH": str(tmp_path / "guard")}


OFFLINE = [
    ["fetch", "--frozen"],
    ["fetch", "--offline"],
    ["fetch"],  # nothing that would have to be asked is missing
    ["fetch", "--dry-run"],
    ["lock", "--check", "--offline"],
    ["cache", "list"],
    ["cache", "verify"],
]


@pytest.mark.parametrize("arguments", OFFLINE, ids=" ".join)
def test_with_a_warm_cache_no_socket_is_opened(
    user: User, project: Path, guard: dict[str, str], arguments: list[str]
) -> None:
    """wkg lists tags even when everything is locked and cached (facts: "no offline with warm cache")."""
    assert user.run(project, "fetch", "--locked", "-q")[0] == 0
    code, _, err = user.run(project, *arguments, **guard)
    assert (code, "socket" in err) == (0, False), err


def test_the_guard_notices_a_socket(user: User, project: Path, guard: dict[str, str]) -> None:
    code, _, err = user.run(project, "fetch", "--locked", **guard)
    assert code == 99
    assert "a socket was used" in err


def test_offline_with_a_cold_cache_opens_none_either_and_says_what_is_missing(
    user: User, project: Path, guard: dict[str, str]
) -> None:
    code, _, err = user.run(project, "fetch", "--frozen", **guard)
    assert code == 6
    first = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(first) == 1
    assert first[0].startswith("error: few:p000 1.0.0: manifest ")
    assert "is not in the cache, and --offline forbids to ask the registry" in first[0]
