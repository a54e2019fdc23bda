"""wasmtime, from the extra `wpkg[run]`: a component run with what it may have, and nothing else.

WASI 0.2 is linked as a component asks for it, and is empty unless something is granted: no folder is open, no
variable is set; sockets stay closed (`allowed_in_vain`). `wasi:http`, which can reach out, is linked only where it
is allowed. Whatever else a component imports has to come from a composition.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wpkg.errors import InvalidInput, NotTrusted, WpkgError
from wpkg.names.extern_name import parse_extern_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from wasmtime import Store, WasiConfig, WasmtimeError
    from wasmtime.component import Func, Instance, Linker

    from wpkg.component.types import ComponentType

_WASI_PACKAGES = frozenset({"cli", "clocks", "filesystem", "io", "random", "sockets"})
_WASI_SERIES = "0.2."
_LARGE = 4_000_000  # bytes; what is larger is compiled fast instead of well, and kept in wasmtime's own cache


class HostMissing(WpkgError):
    """The program that runs components is not installed."""


class ImportMissing(WpkgError):
    """A component imports what the host does not have."""


class NotAllowed(NotTrusted):
    """A component asks for what it may not have."""


class Trapped(WpkgError):
    """A component stopped in the middle."""


class Exited(Exception):
    """A component ended the run, with a status: 0 where all went well."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Grants(Struct, frozen=True):
    """What a run may have.

    Of the name of an import: `allows`, whether what it reaches out to may be reached; `refuses`, whether it must
    not be there at all, even with nothing behind it; `advice`, how to allow it.
    """

    allows: Callable[[str], bool]
    refuses: Callable[[str], bool]
    advice: Callable[[str], str]
    folders: tuple[tuple[Path, str], ...] = ()  # on this machine, and what the component calls it
    variables: Mapping[str, str] = {}


class Started(Struct, frozen=True):
    """An instance of a component."""

    store: Store
    instance: Instance

    def function(self, interface: str | None, name: str) -> Func:
        """A function that the component exports, directly or in `interface`."""
        owner = self.instance.get_export_index(self.store, interface) if interface is not None else None
        index = self.instance.get_export_index(self.store, name, owner)
        found = self.instance.get_func(self.store, index) if index is not None else None
        if found is None:
            raise AssertionError(f"{interface}#{name} is in the component's type and not in its instance")
        return found

    def call(self, function: Func, arguments: Sequence[Any]) -> Any:
        """What it returns. Raises: Trapped, Exited."""
        from wasmtime import WasmtimeError

        try:
            result = function(self.store, *arguments)
            function.post_return(self.store)
        except WasmtimeError as error:
            raise _fault(error) from error
        return result


def start(
    name: str,
    path: Path,
    component: ComponentType,
    grants: Grants,
    arguments: Sequence[str],
    *,
    quiet_stdout: bool,
) -> Started:
    """An instance of the component in `path`. With `quiet_stdout`, what it prints goes to stderr.

    Raises: HostMissing, ImportMissing, NotAllowed, Trapped, Exited, InvalidInput.
    """
    check_imports(name, component, grants)
    try:
        from wasmtime import Config, Engine, Store, WasmtimeError
        from wasmtime.component import Component, Linker
    except ImportError as error:
        raise HostMissing(
            "wasmtime, which runs components, is not installed", hint="pip install 'wpkg[run]'"
        ) from error
    config = Config()
    if path.stat().st_size > _LARGE:
        config.cranelift_opt_level = "none"
        with suppress(WasmtimeError):  # where there is no place for a cache, it is compiled each time
            config.cache = True
    engine = Engine(config)
    store = Store(engine)
    store.set_wasi(_wasi(name, grants, arguments, quiet_stdout=quiet_stdout))
    linker = _linker(Linker(engine), store, component)
    try:
        loaded = Component.from_file(engine, str(path))
    except WasmtimeError as error:
        raise InvalidInput(f"wasmtime does not take it: {_sentence(error)}").within(name) from error
    try:
        return Started(store, linker.instantiate(store, loaded))
    except WasmtimeError as error:
        raise _fault(error) from error


def _linker(linker: Linker, store: Store, component: ComponentType) -> Linker:
    linker.add_wasip2()
    if any(_wasi_package(name) == "http" for name in component.imports):
        linker.add_wasi_http()
        store.set_wasi_http()
    return linker


def _wasi(name: str, grants: Grants, arguments: Sequence[str], *, quiet_stdout: bool) -> WasiConfig:
    from wasmtime import WasiConfig

    wasi = WasiConfig()
    wasi.argv = [name, *arguments]
    wasi.env = list(grants.variables.items())
    for folder, guest in grants.folders:
        wasi.preopen_dir(str(folder), guest)
    wasi.inherit_stderr()
    if quiet_stdout:
        wasi.stdout_custom = lambda data: os.write(2, data)
    else:
        wasi.inherit_stdin()
        wasi.inherit_stdout()
    return wasi


def allowed_in_vain(component: ComponentType, grants: Grants) -> list[str]:
    """Imports that are allowed and stay closed.

    wasmtime has TCP and UDP switched off, and its Python package (50.0) has no switch.
    """
    return [name for name in component.imports if _wasi_package(name) == "sockets" and grants.allows(name)]


def check_imports(name: str, component: ComponentType, grants: Grants) -> None:
    """Raises: ImportMissing, NotAllowed, for all imports at once."""
    missing = [imported for imported in component.imports if not _is_ours(imported)]
    if missing:
        raise ImportMissing(
            f"{name} imports {_quoted(missing)}, which only a composition or another host can provide",
            hint="compose it with a component that exports this, with 'wpkg compose' or 'wpkg build --compose'",
        )
    refused = [
        imported
        for imported in component.imports
        if grants.refuses(imported) or (_wasi_package(imported) == "http" and not grants.allows(imported))
    ]
    if refused:
        raise NotAllowed(
            f"{name} imports {_quoted(refused)}, which it may not have", hint=grants.advice(refused[0])
        )


def _is_ours(imported: str) -> bool:
    package = _wasi_package(imported)
    return package == "http" or package in _WASI_PACKAGES


def _wasi_package(imported: str) -> str | None:
    """The package of WASI 0.2 that an import is of; None for any other."""
    parsed = parse_extern_name(imported)
    if parsed is None or parsed.namespace != "wasi" or not parsed.version.startswith(_WASI_SERIES):
        return None
    return parsed.package


def _fault(error: WasmtimeError) -> Exited | Trapped:
    """Why a component stopped."""
    from wasmtime import ExitTrap

    if isinstance(error, ExitTrap):
        return Exited(error.code)
    return Trapped(f"the component stopped: {_sentence(error)}")


def _sentence(error: WasmtimeError) -> str:
    """The innermost cause: what is around it are frames, which say nothing to whoever has no source."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    number, colon, cause = lines[-1].partition(": ") if "Caused by:" in lines else ("", "", "")
    return cause if colon and number.isdigit() else lines[-1] if "Caused by:" in lines else lines[0]


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
