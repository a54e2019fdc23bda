"""The registry inside of a program: it is there for a block, and leaves nothing behind."""

from __future__ import annotations

import gc
import inspect
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import registry_shim
from registry_shim import serving
from registry_shim.errors import CannotListen, RootInUse, UnusableRoot
from registry_shim.inprocess import ServeOptions
from registry_shim.main import run
from tests.shim.process import Served
from tests.shim.wire import SocketClient, push_blob, push_manifest
from wpkg.errors import InvalidInput

if TYPE_CHECKING:
    from registry_shim import ServedRegistry


def open_files() -> set[str]:
    gc.collect()
    return {os.readlink(path) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()}  # noqa: PTH115


def tags(registry: ServedRegistry, name: str) -> list[str]:
    client = SocketClient(registry.url, str(registry.root))
    try:
        found: list[str] = client.send("GET", f"/v2/{name}/tags/list").json["tags"]
        return found
    finally:
        client.close()


def push(registry: ServedRegistry, name: str, tag: str) -> None:
    client = SocketClient(registry.url, str(registry.root))
    push_manifest(client, name, tag)
    client.close()


def test_is_there_and_then_is_not() -> None:
    before = threading.enumerate(), open_files()
    with serving() as registry:
        assert registry.url == f"http://{registry.host}"
        assert registry.host.startswith("127.0.0.1:")
        push(registry, "a/b", "v1")
        assert tags(registry, "a/b") == ["v1"]
        client = SocketClient(registry.url, str(registry.root))
        assert b"a/b" in client.send("GET", "/").body
        client.close()
        root = registry.root
        assert root.is_dir()
    assert not root.exists()
    after = threading.enumerate(), open_files()
    assert after[0] == before[0]
    assert {name for name in after[1] - before[1] if str(root) in name or "socket" in name} == set()
    with pytest.raises(ConnectionRefusedError):
        SocketClient(registry.url, str(root)).send("GET", "/v2/")


def test_what_it_keeps_is_a_root_like_any_other(tmp_path: Path) -> None:
    with serving(tmp_path / "root") as registry:
        push(registry, "a/b", "v1")
    with serving(str(tmp_path / "root")) as registry:
        assert tags(registry, "a/b") == ["v1"]
        push(registry, "a/b", "v2")
    assert b'"v2"' in (tmp_path / "root/a/b/index.json").read_bytes()
    served = Served(tmp_path / "root")
    client = SocketClient(served.address, str(served.root))
    assert client.send("GET", "/v2/a/b/tags/list").json["tags"] == ["v1", "v2"]
    client.close()
    assert served.stop() == (0, "", "")


def test_several_at_once_and_many_clients() -> None:
    with serving() as one, serving() as two:
        assert one.url != two.url
        assert one.root != two.root

        def work(number: int) -> bytes:
            client = SocketClient((one, two)[number % 2].url, str(one.root))
            blob = push_blob(client, "a/b", b"x" * 100_000 * number)
            data = client.send("GET", f"/v2/a/b/blobs/{blob.digest}").body
            client.close()
            return data

        with ThreadPoolExecutor(8) as pool:
            assert [len(data) for data in pool.map(work, range(16))] == [100_000 * n for n in range(16)]


def test_takes_the_options_of_the_command(tmp_path: Path) -> None:
    with serving(sparse=True, host="127.0.0.2", gc_every=3600) as registry:
        assert registry.host.startswith("127.0.0.2:")
        push(registry, "a/b", "v1")
    (tmp_path / "policy.toml").write_text("[trust]\nversion = 1\n")
    with serving(policy=tmp_path / "policy.toml", name="registry.test") as registry:
        push(registry, "a/b", "v1")
        client = SocketClient(registry.url, str(registry.root))
        assert client.send("GET", "/v2/a/b/manifests/v1").code == "DENIED"
        client.close()


def test_has_every_option_of_the_command() -> None:
    parameters = inspect.signature(run).parameters.keys() - {"root", "announce", "register"}
    assert set(ServeOptions.__annotations__) == parameters


def test_what_goes_wrong_is_raised_where_it_was_started(tmp_path: Path) -> None:
    before = threading.enumerate()
    (tmp_path / "file").touch()
    with pytest.raises(UnusableRoot), serving(tmp_path / "file"):
        pass
    with pytest.raises(InvalidInput), serving(policy=tmp_path / "none.toml"):
        pass
    with serving(tmp_path / "root") as registry:
        with pytest.raises(RootInUse), serving(tmp_path / "root"):
            pass
        port = int(registry.host.partition(":")[2])
        with pytest.raises(CannotListen), serving(port=port):
            pass
    assert threading.enumerate() == before


class Mishap(Exception):
    pass


def test_ends_when_the_block_fails() -> None:
    before = threading.enumerate()
    roots = []

    def fail() -> None:
        with serving() as registry:
            push(registry, "a/b", "v1")
            roots.append(registry.root)
            raise Mishap

    with pytest.raises(Mishap):
        fail()
    assert threading.enumerate() == before
    assert [root.exists() for root in roots] == [False]


def test_only_what_is_offered() -> None:
    assert not hasattr(registry_shim, "nonsense")
    assert registry_shim.ServedRegistry.__name__ == "ServedRegistry"


def test_a_program_without_warnings_and_signals_left_alone() -> None:
    """Development mode tells of files and threads that are left; an interrupt is the program's own."""
    program = """
import os, signal, urllib.request
from registry_shim import serving
try:
    with serving() as registry:
        urllib.request.urlopen(registry.url + "/v2/").close()
        os.kill(os.getpid(), signal.SIGINT)
        signal.pause()
except KeyboardInterrupt:
    print("interrupted", os.path.exists(registry.root))
"""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stderr, done.stdout, done.returncode) == ("", "interrupted False\n", 0)


def test_is_loaded_when_it_is_asked_for() -> None:
    program = (
        "import sys, registry_shim, registry_shim.pytest_plugin; heavy = {'uvicorn', 'registry_shim.main', 'msgspec'}"
        "; print(sorted(heavy & sys.modules.keys())); registry_shim.serving; print('uvicorn' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\nTrue\n"
