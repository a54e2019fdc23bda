"""Real components, built once by the worker that has their group, composed by the command and run by wasmtime."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from wasmtime import Config, Engine, Store, WasiConfig
from wasmtime.component import Component, Linker

from tests.components import wasm_tools
from tests.real.toolchains import HERE, from_core, from_python
from tests.sample.conftest import Answer, wpkg

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class Workshop:
    """A folder of components, where `wpkg compose` is typed."""

    folder: Path

    def typed(self, *arguments: str) -> Answer:
        """`wpkg compose` with these arguments."""
        return wpkg(self.folder, self.folder, "compose", *arguments)

    def composed(self, root: str, *dependencies: str, options: tuple[str, ...] = ()) -> Path:
        """What the command makes of these, valid to wasm-tools."""
        with_ = [word for name in dependencies for word in ("--with", name)]
        answer = self.typed(root, *with_, *options, "-o", "composed.wasm")
        assert answer.code == 0, answer.err
        made = self.folder / "composed.wasm"
        wasm_tools("validate", "--features", "all", str(made))
        return made


class Running:
    """An instance of a component in a host that has WASI, and whatever `define` adds."""

    def __init__(self, path: Path, define: Callable[[Linker], None] | None = None) -> None:
        config = Config()
        config.cranelift_opt_level = "none"  # 18 MB are compiled in two thirds of the time
        engine = Engine(config)
        self._store = Store(engine)
        self._store.set_wasi(WasiConfig())
        linker = Linker(engine)
        linker.add_wasip2()
        if define is not None:
            define(linker)
        self._instance = linker.instantiate(self._store, Component.from_file(engine, str(path)))

    def call(self, interface: str, name: str, *arguments: object) -> Any:
        """What a function of an exported interface returns."""
        owner = self._instance.get_export_index(self._store, interface)
        assert owner is not None, f"{interface} is not exported"
        index = self._instance.get_export_index(self._store, name, owner)
        assert index is not None, f"{interface} has no {name}"
        function = self._instance.get_func(self._store, index)
        assert function is not None
        result = function(self._store, *arguments)
        function.post_return(self._store)
        return result


@pytest.fixture(scope="session")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Python: accounts, teller. Core modules: rates, fees, limits, desk."""
    folder, source = tmp_path_factory.mktemp("bank"), HERE / "bank-ledger"
    for name in ("rates", "fees", "limits", "desk"):
        from_core(source, name, folder)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: from_python(source, name, folder), ("accounts", "teller")))
    return Workshop(folder)
