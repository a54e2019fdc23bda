import os
import socket
import time
from pathlib import Path

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import store


class Probe(exports.Probe):
    def now(self) -> int:
        return int(time.time())

    def setting(self, key: str) -> str | None:
        return store.get(key)

    def settings(self) -> list[tuple[str, str]]:
        return store.get_all()

    def connect(self, port: int) -> None:
        try:
            with socket.socket() as client:
                client.connect(("127.0.0.1", port))
        except OSError as error:
            raise Err(type(error).__name__) from error

    def read(self, path: str) -> str:
        try:
            return Path(path).read_text()
        except OSError as error:
            raise Err(type(error).__name__) from error

    def variable(self, name: str) -> str | None:
        return os.environ.get(name)
