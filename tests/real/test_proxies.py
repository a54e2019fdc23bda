"""wasi:http proxies in a chain: every link imports and exports wasi:http/incoming-handler; served by wash.

The gates are made for wasi:http 0.2.0, the component in Python at the end for 0.2.4, and componentize-py's own
libraries for 0.2.9: the host is asked for one wasi:http.
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

from tests.components import world
from tests.interop.conftest import python_program
from tests.real.conftest import Workshop
from tests.real.toolchains import HERE, from_core, from_python
from tests.sample.conftest import wpkg

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

pytestmark = [pytest.mark.sample, pytest.mark.xdist_group("proxies")]

SOURCE = HERE / "http-proxies"
HANDLER = "wasi:http/incoming-handler@0.2.0"
SECONDS = 180  # until wash has compiled a component of 18 MB
GATES = {"staff": ("/staff", 403), "long": ("/staff/long", 414)}  # refused paths, and with what


@pytest.fixture(scope="session")
def proxies(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    folder = tmp_path_factory.mktemp("proxies")
    text = (SOURCE / "gate.wat").read_text()
    for name, (path, status) in GATES.items():
        from_core(SOURCE, name, folder, text.format(path=path, status=status), "gate")
    from_core(SOURCE, "teapot", folder)
    return Workshop(folder)


@pytest.fixture(scope="session")
def greeter(proxies: Workshop) -> Path:
    """The one in Python, beside the others."""
    return from_python(SOURCE, "greeter", proxies.folder)


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


def test_requests_go_through_every_link_to_the_one_that_answers(
    proxies: Workshop, greeter: Path, tmp_path: Path
) -> None:
    made = chained(proxies, "staff.wasm", "long.wasm", greeter.name)
    asked = [line for line in world(made.read_bytes()) if "wasi:http" in line or "wasi:io/streams" in line]
    assert asked == ["import wasi:io/streams@0.2.9", "import wasi:http/types@0.2.9", f"export {HANDLER}"]
    with served(made, tmp_path) as port:
        assert answer(port, "/menu?of=today") == (200, "hello from /menu?of=today")
        assert answer(port, "/staff/room") == (403, "")


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


ISOLATED = """name = "greeter"
version = "0.1.0"
language = "python"
type = "component"
[component]
build_artifact = "greeter.wasm"
[composition]
output = "isolated.wasm"
[capabilities]
deny = ["wasi:sockets/*", "wasi:filesystem/*"]
denied = "error"
"""


def test_what_is_denied_inside_is_not_missed_by_the_host(proxies: Workshop, greeter: Path, tmp_path: Path) -> None:
    """wash has sockets and files, and is not asked for them; the component answers all the same."""
    (proxies.folder / "wasmcloud.toml").write_text(ISOLATED)
    built = wpkg(proxies.folder, proxies.folder, "build", "--compose", "--no-build")
    assert built.code == 0, built.err
    made = proxies.folder / "isolated.wasm"
    before, after = world(greeter.read_bytes()), world(made.read_bytes())
    denied = {line for line in before if "wasi:sockets/" in line or "wasi:filesystem/" in line}
    assert len(denied) > 5
    assert set(before) - set(after) == denied
    with served(made, tmp_path) as port:
        assert answer(port, "/menu") == (200, "hello from /menu")
