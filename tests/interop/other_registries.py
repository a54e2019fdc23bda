"""Registries that others wrote, as processes of their own on free ports."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


@contextmanager
def running_olareg(program: str, folder: Path) -> Iterator[str]:
    """The address of olareg, which keeps everything in `folder` and lets everything be deleted."""
    port = _free_port()
    words = [program, "serve", "--addr", "127.0.0.1", "--port", str(port), "--dir", str(folder)]
    with _running([*words, "--api-delete", "--api-blob-delete"], port) as address:
        yield address


@contextmanager
def running_zot(program: str, folder: Path) -> Iterator[str]:
    """The address of zot, which keeps everything in `folder`."""
    port = _free_port()
    config = folder / "zot.json"
    config.write_text(
        json.dumps(
            {
                "distSpecVersion": "1.1.1",
                "storage": {"rootDirectory": str(folder / "data")},
                "http": {"address": "127.0.0.1", "port": str(port)},
                "log": {"level": "error"},
            }
        )
    )
    with _running([program, "serve", str(config)], port) as address:
        yield address


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _running(words: Sequence[str], port: int) -> Iterator[str]:
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            for _ in range(200):
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.05)
            yield f"127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(timeout=10)
