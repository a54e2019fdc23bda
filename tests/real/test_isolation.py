"""A component in Python that tries what it might want of a host: denied inside, answered by constants, or granted.

Everything is done by commands: `wpkg build --compose` makes it, `wpkg call` runs it with wasmtime.
"""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.components import wasm_tools, world
from tests.real.toolchains import HERE, from_python
from tests.sample.conftest import Answer, wpkg

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.sample, pytest.mark.xdist_group("isolation")]

PROJECT = """name = "probe"
version = "0.1.0"
language = "python"
type = "component"
[component]
build_artifact = "probe.wasm"
[composition]
output = "{denied}.wasm"
[composition.config]
currency = "EUR"
limit = "100"
[capabilities]
deny = ["wasi:sockets/*"]
denied = "{denied}"
"""
CONFIG = {"currency": "EUR", "limit": "100"}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the component is, and a composition for each way to deny."""
    made = tmp_path_factory.mktemp("isolation")
    from_python(HERE / "isolated-probe", "probe", made)
    for denied in ("trap", "error"):
        (made / "wasmcloud.toml").write_text(PROJECT.format(denied=denied))
        answer = wpkg(made, made, "build", "--compose", "--no-build")
        assert answer.code == 0, answer.err
        wasm_tools("validate", "--features", "all", str(made / f"{denied}.wasm"))
    return made


@pytest.fixture
def port() -> Iterator[int]:
    """A port where somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def called(
    folder: Path, component: str, function: str, *arguments: object, options: tuple[str, ...] = ()
) -> Answer:
    return wpkg(folder, folder, "call", component, function, json.dumps(arguments), *options)


def result(answer: Answer) -> Any:
    assert answer.code == 0, answer.err
    return json.loads(answer.out)


@pytest.mark.parametrize("denied", ["trap", "error"])
def test_the_composition_asks_no_host_for_sockets_or_configuration(folder: Path, denied: str) -> None:
    imports = [line for line in world((folder / f"{denied}.wasm").read_bytes()) if line.startswith("import")]
    assert any("wasi:filesystem/" in line for line in imports)
    assert not any("wasi:sockets/" in line or "wasi:config/" in line for line in imports)


def test_a_denied_import_traps_when_it_is_called(folder: Path, port: int) -> None:
    answer = called(folder, "trap.wasm", "connect", port)
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.endswith("the component stopped: wasm trap: wasm `unreachable` instruction executed\n")
    assert "Traceback" not in answer.err, "it is not Python that stopped"


def test_a_denied_import_returns_its_error_where_that_was_asked_for(folder: Path, port: int) -> None:
    assert result(called(folder, "error.wasm", "connect", port)) == {"error": "PermissionError"}


@pytest.mark.parametrize("denied", ["trap", "error"])
def test_what_is_not_denied_works_beside_it(folder: Path, denied: str) -> None:
    assert abs(result(called(folder, f"{denied}.wasm", "now")) - time.time()) < 60
    (folder / "note.txt").write_text("here")
    read = called(folder, f"{denied}.wasm", "read", "/files/note.txt", options=("--dir", f"{folder}::/files"))
    assert result(read) == {"ok": "here"}


def test_constants_are_read_back(folder: Path) -> None:
    assert result(called(folder, "trap.wasm", "settings")) == [list(item) for item in sorted(CONFIG.items())]
    assert result(called(folder, "trap.wasm", "setting", "currency")) == "EUR"
    assert result(called(folder, "trap.wasm", "setting", "colour")) is None


def test_a_component_whose_configuration_nobody_provides_is_not_run(folder: Path) -> None:
    answer = called(folder, "probe.wasm", "now")
    assert (answer.code, answer.out) == (1, "")
    assert "probe.wasm imports 'wasi:config/store@0.2.0-rc.1', which only a composition" in answer.err


@pytest.fixture(scope="session")
def open_(folder: Path) -> str:
    """The same component with constants, and nothing denied."""
    (folder / "wasmcloud.toml").write_text(PROJECT.format(denied="open").partition("[capabilities]")[0])
    answer = wpkg(folder, folder, "build", "--compose", "--no-build")
    assert answer.code == 0, answer.err
    return "open.wasm"


def test_the_network_is_closed_even_where_it_is_allowed(folder: Path, open_: str, port: int) -> None:
    """wasmtime's Python package cannot open it; that is said to whoever allows it."""
    plain = called(folder, open_, "connect", port)
    allowed = called(folder, open_, "connect", port, options=("--allow", "wasi:sockets/*"))
    assert result(plain) == result(allowed) == {"error": "PermissionError"}
    assert plain.err == ""
    assert allowed.err == (
        "warning: wasmtime's Python package gives no component the network: its sockets stay closed\n"
    )


def test_folders_and_variables_are_those_that_are_named(folder: Path, open_: str) -> None:
    (folder / "note.txt").write_text("here")
    assert result(called(folder, open_, "read", str(folder / "note.txt"))) == {"error": "FileNotFoundError"}
    assert result(called(folder, open_, "variable", "HOME")) is None
    given = called(folder, open_, "variable", "HOME", options=("--env", "HOME=nowhere"))
    assert result(given) == "nowhere"
