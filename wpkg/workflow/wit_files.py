"""WIT packages on disk (WIT.md, "Filesystem structure"): a file, a folder with `deps/`, or a binary package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.errors import InvalidInput, WpkgError
from wpkg.registry.disk import read_bytes
from wpkg.wit.binary import BinaryPackage, read_wit_package
from wpkg.wit.errors import Source
from wpkg.wit.resolve import resolve_packages

if TYPE_CHECKING:
    from pathlib import Path

    from wpkg.wit.packages import WitPackages

MAX_WIT_SIZE = 16 * 1024 * 1024  # bytes of one file
_WASM_MAGIC = b"\0asm"


def read_wit(path: Path, features: frozenset[str] = frozenset()) -> WitPackages:
    """The WIT package at `path` and those that it needs. Raises: InvalidInput."""
    if not path.exists():
        raise InvalidInput(f"{path} is not there, a WIT file or folder is needed")
    if not path.is_dir():
        return resolve_packages(read_wit_file(path), (), features)
    root = read_wit_folder(path)
    if not root:
        raise InvalidInput(
            f"there is no .wit file in {path}", hint="name the folder that holds the package's files"
        )
    dependencies: list[BinaryPackage | tuple[Source, ...]] = []
    if (path / "deps").is_dir():
        for entry in sorted((path / "deps").iterdir()):
            if entry.is_dir():
                dependencies += [files] if (files := read_wit_folder(entry)) else []
            elif entry.suffix in (".wit", ".wasm"):
                dependencies.append(read_wit_file(entry))
            elif entry.suffix == ".wat":
                raise InvalidInput(f"{entry} is text", hint="assemble it with 'wasm-tools parse' to a .wasm file")
    return resolve_packages(root, dependencies, features)


class WitNames(Struct, frozen=True):
    """What a binary WIT package is called, and what is in it."""

    package: str  # `ns:name@version`
    names: tuple[str, ...]  # interfaces and worlds, whole names, sorted
    size: int  # bytes


def read_wit_names(path: Path) -> WitNames:
    """What the binary WIT package at `path` holds. Raises: InvalidInput when it is none."""
    data = _read(path)
    if data[: len(_WASM_MAGIC)] != _WASM_MAGIC:
        raise InvalidInput(
            f"{path} is not a WIT package in binary form",
            hint="make one: wasm-tools component wit --wasm wit -o FILE",
        )
    try:
        package = read_wit_package(str(path), memoryview(data))
    except WpkgError as error:
        raise error.within(str(path)) from None
    return WitNames(package.name, tuple(sorted({*package.interfaces, *package.worlds})), len(data))


def read_wit_folder(folder: Path) -> tuple[Source, ...]:
    """The WIT files of a folder, which are one package; none where it has none. Raises: InvalidInput."""
    return tuple(_source(file, _read(file)) for file in sorted(folder.glob("*.wit")) if file.is_file())


def read_wit_file(path: Path) -> BinaryPackage | tuple[Source, ...]:
    """The WIT package in a file, text or binary. Raises: InvalidInput."""
    data = _read(path)
    if path.suffix != ".wasm" and data[: len(_WASM_MAGIC)] != _WASM_MAGIC:
        return (_source(path, data),)
    try:
        return read_wit_package(str(path), memoryview(data))
    except WpkgError as error:
        raise error.within(str(path)) from None


def _read(path: Path) -> bytes:
    if path.is_file() and path.stat().st_size > MAX_WIT_SIZE:
        raise InvalidInput(f"{path} is larger than {MAX_WIT_SIZE} bytes, which no WIT package is")
    return read_bytes(path)


def _source(path: Path, data: bytes) -> Source:
    try:
        return Source(str(path), data.decode())
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not UTF-8 text (byte {error.start})") from error
