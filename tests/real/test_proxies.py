"""wasi:http proxies in a chain: every link imports and exports wasi:http/incoming-handler; served by wash.

With a component in Python at the end, that is the sample (tests/sample/test_web.py): gates for wasi:http 0.2.0, a
harness for 0.2.4, and componentize-py's own libraries for 0.2.9, of which the host is asked for one wasi:http.
"""

from __future__ import annotations

import http.client
import itertools
import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.interop.conftest import python_program
from tests.real.conftest import Workshop
from tests.real.toolchains import HERE, from_core

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

pytestmark = [pytest.mark.sample, pytest.mark.xdist_group("proxies")]

SOURCE = HERE / "http-proxies"
HANDLER = "wasi:http/incoming-handler@0.2.0"
SECONDS = 60
GATES = {"staff": ("/staff", 403), "long": ("/staff/long", 414)}  # refused paths, and with what


@pytest.fixture(scope="session")
def proxies(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    folder = tmp_path_factory.mktemp("proxies")
    text = (SOURCE / "gate.wat").read_text()
    for name, (path, status) in GATES.items():
        from_core(SOURCE, name, folder, text.format(path=path, status=status), "gate")
    from_core(SOURCE, "teapot", folder)
    return Workshop(folder)


def chained(proxies: Workshop, *links: str) -> Path:
    """The links in this order; without being told, each gate could have any other one behind it."""
    uses = [f"{one} / {HANDLER}={other}" for one, other in itertools.pairwise(links)]
    return proxies.composed(*links, options=tuple(word for use in uses for word in ("--use", use)))


@contextmanager
def served(
    component: Path, folder: Path, components: Sequence[object] = (), interfaces: Sequence[object] = ()
) -> Iterator[int]:
    """The port where wash serves it, with other `components` beside it, and the host's `interfaces` as configured."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    shutil.copy(component, folder / "component.wasm")
    (folder / ".wash").mkdir()
    development = {
        "address": f"127.0.0.1:{port}",
        "components": list(components),
        "host_interfaces": list(interfaces),
    }
    config = {"build": {"command": "true", "component_path": "component.wasm"}, "dev": development}
    (folder / ".wash" / "config.yaml").write_text(yaml.safe_dump(config))
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        **{f"XDG_{what}_HOME": str(folder / what) for what in ("CONFIG", "CACHE", "DATA")},
    }
    log = folder / "log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [python_program("wash"), "--non-interactive", "dev"],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as wash,
    ):
        try:
            end = time.monotonic() + SECONDS
            while b"listening for HTTP requests" not in log.read_bytes():
                assert wash.poll() is None, log.read_text()
                assert time.monotonic() < end, log.read_text()
                time.sleep(0.05)
            yield port
        finally:
            wash.terminate()
            wash.wait(timeout=20)


def answer(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize(("links", "status"), [(("staff", "long"), 403), (("long", "staff"), 414)])
def test_the_order_of_the_links_is_the_one_that_is_wired(
    proxies: Workshop, tmp_path: Path, links: tuple[str, str], status: int
) -> None:
    """Both gates refuse this path; the first one that is asked does."""
    made = chained(proxies, *(f"{name}.wasm" for name in (*links, "teapot")))
    with served(made, tmp_path) as port:
        assert answer(port, "/staff/long/way") == (status, "")
        assert answer(port, "/") == (418, "")


def test_a_chain_that_nobody_wired_is_a_question(proxies: Workshop) -> None:
    arguments = [word for name in ("long", "teapot") for word in ("--with", f"{name}.wasm")]
    refused = proxies.typed("staff.wasm", *arguments, "-o", "unwired.wasm")
    assert refused.code == 4
    assert f"import '{HANDLER}' of 'staff.wasm' is exported by several components" in refused.err
    assert not (proxies.folder / "unwired.wasm").exists()
