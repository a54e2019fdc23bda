"""A real host, wash: runs what a WorkloadDeployment says, on this machine, and is asked over HTTP."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from workbench import StepFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workbench import Bench

SECONDS = 600  # for compiling two Python runtimes, on a machine that has other things to do
READY = b"listening for HTTP requests"


def configuration(workload: dict, port: int) -> dict:
    """What wash is told: the components and interfaces of the manifest, the first component as a file.

    The others it pulls from their registry, by the digests of the manifest.
    """
    spec = workload["spec"]["template"]["spec"]
    linked = [{"name": part["name"], "image": part["image"]} for part in spec["components"][1:]]
    return {
        "build": {"command": "true", "component_path": "component.wasm"},
        "dev": {
            "address": f"127.0.0.1:{port}",
            "components": linked,
            "host_interfaces": spec["hostInterfaces"],
            "allow_insecure_registries": True,  # that of this run speaks http
            "wasi_keyvalue_path": "kept",
        },
    }


@contextmanager
def serving(bench: Bench, folder: Path, workload: dict) -> Iterator[int]:
    """The port where wash serves `component.wasm` in `folder`, and the rest of `workload`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "kept").mkdir()
    (folder / ".wash").mkdir()
    (folder / ".wash" / "config.json").write_text(json.dumps(configuration(workload, port), indent=2))
    home = {f"XDG_{what}_HOME": str(folder / what.lower()) for what in ("CONFIG", "CACHE", "DATA")}
    log = folder / "wash.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [str(bench.programs / "wash"), "--non-interactive", "dev"],
            cwd=folder,
            env={**bench.environment("empty"), "HOME": str(folder), **home},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as wash,
    ):
        try:
            end = time.monotonic() + SECONDS
            while READY not in log.read_bytes():
                if wash.poll() is not None or time.monotonic() > end:
                    raise StepFailed(f"wash does not serve it:\n{log.read_text()}")
                time.sleep(0.05)
            yield port
        finally:
            wash.terminate()
            wash.wait(timeout=20)


def ask(port: int, method: str, body: str, headers: dict[str, str]) -> tuple[int, str]:
    """The status and the text of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, "/transactions", body=body, headers=headers)
        response = connection.getresponse()
        return response.status, response.read().decode().strip()
    finally:
        connection.close()
