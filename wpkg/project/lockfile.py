"""`wpkg.lock`: what was resolved, pinned by digest (docs/lock-format.md).

The same resolution gives the same bytes, and only those bytes are a lock: a file that differs from what wpkg would
write of its own content was edited, and is refused. No timestamps, no absolute paths, line feeds only.
"""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.documents.toml_table import Table
from wpkg.errors import InvalidInput, WpkgError
from wpkg.names.package_name import PackageName
from wpkg.names.pin import Pin
from wpkg.names.version import Version
from wpkg.oci.digest import Digest
from wpkg.oci.reference import Repository

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from wpkg.names.requirement import Requirement

LOCK_FILE = "wpkg.lock"
LOCK_VERSION = 1
_REGISTRY = "oci://"
_PATH = "path:"
_HEADER = "# Written by wpkg. Edit wasmcloud.toml instead, then run 'wpkg lock'.\n"
_KEYS = (
    "name",
    "version",
    "kind",
    "source",
    "tag",
    "manifest",
    "component",
    "size",
    "dependencies",
    "imports",
    "signers",
)
_LOCAL_KEYS = ("name", "version", "kind", "source", "component", "size", "dependencies")
_RESTORE = f"restore {LOCK_FILE} from version control; 'wpkg lock' after removing it pins everything anew"
_CONFLICT_MARKERS = ("<<<<<<< ", "=======\n", ">>>>>>> ")


class InvalidLockFile(InvalidInput):
    """`wpkg.lock` is not a lock of a format that this version reads."""


class LockedPackage(Struct, frozen=True):
    """One pinned package of a registry."""

    name: PackageName
    version: Version
    kind: str  # 'component' | 'composed' | 'raw' | 'wit'
    source: Repository
    tag: str
    manifest: Digest
    component: Digest
    size: int  # bytes of the component
    dependencies: tuple[Pin, ...] = ()
    signers: tuple[str, ...] = ()  # key hints that were verified when it was pinned, sorted
    imports: tuple[str, ...] | None = None  # what it asks for; None for a WIT package, and in locks of before

    @property
    def pin(self) -> Pin:
        """Its name and version."""
        return Pin(self.name, self.version)

    def encode(self, several: Collection[PackageName] = ()) -> str:
        """The `[[package]]` table; names that are among `several` are written with their version."""
        lines = [
            *_head(self.pin, self.kind, ("" if self.source.is_folder else _REGISTRY) + str(self.source)),
            f"tag = {_text(self.tag)}",
            f"manifest = {_text(str(self.manifest))}",
            f"component = {_text(str(self.component))}",
            f"size = {self.size}",
            *_array("dependencies", [_short(pin, several) for pin in sorted(self.dependencies)]),
            *(_array("imports", sorted(self.imports)) if self.imports is not None else ()),
            *_array("signers", sorted(self.signers)),
        ]
        return "\n".join(lines) + "\n"


class LocalPackage(Struct, frozen=True):
    """A dependency on this disk. A file is pinned by digest; a project is whatever it builds."""

    name: PackageName
    version: Version
    kind: str
    path: str  # from the lock's folder, with forward slashes
    component: Digest | None = None  # None for a project
    size: int | None = None  # bytes of the component
    dependencies: tuple[Pin, ...] = ()

    @property
    def pin(self) -> Pin:
        """Its name and version."""
        return Pin(self.name, self.version)

    def encode(self, several: Collection[PackageName] = ()) -> str:
        """The `[[package]]` table; names that are among `several` are written with their version."""
        lines = _head(self.pin, self.kind, _PATH + self.path)
        if self.component is not None:
            lines += [f"component = {_text(str(self.component))}", f"size = {self.size}"]
        lines += _array("dependencies", [_short(pin, several) for pin in sorted(self.dependencies)])
        return "\n".join(lines) + "\n"


class Lock(Struct, frozen=True):
    """A lock file: what comes from registries, and what is on this disk."""

    packages: tuple[LockedPackage, ...]
    local: tuple[LocalPackage, ...] = ()

    def encode(self) -> str:
        """The file's text: packages by name, then version."""
        ordered = sorted(self.all, key=lambda package: package.pin)
        several = {name for name, count in Counter(p.name for p in ordered).items() if count > 1}
        tables = [package.encode(several) for package in ordered]
        return _HEADER + "\n".join([f"version = {LOCK_VERSION}\n", *tables])

    @property
    def all(self) -> tuple[LockedPackage | LocalPackage, ...]:
        """Every package, wherever it is."""
        return (*self.packages, *self.local)

    def at(self, pin: Pin) -> LockedPackage | LocalPackage | None:
        """What is locked of a name and version."""
        return next((package for package in self.all if package.pin == pin), None)

    def named(self, name: PackageName) -> list[LockedPackage | LocalPackage]:
        """Every version that is locked of a package, the highest first."""
        return sorted((p for p in self.all if p.name == name), key=lambda p: p.version, reverse=True)

    def meeting(self, name: PackageName, requirement: Requirement) -> LockedPackage | LocalPackage | None:
        """What meets a requirement: the highest locked version that satisfies it."""
        return next((p for p in self.named(name) if requirement.matches(p.version)), None)

    def met_by(self, name: PackageName, requirement: Requirement | None) -> LockedPackage | LocalPackage | None:
        """What meets a dependency, which has no requirement where its path says enough."""
        return self.meeting(name, requirement) if requirement is not None else next(iter(self.named(name)), None)


def read_lock(text: str) -> Lock:
    """The lock that `text` holds. Raises: InvalidInput."""
    if text.count("\r\n") == text.count("\n"):  # as git hands it out where it is told to
        text = text.replace("\r\n", "\n")
    if any(line.startswith(_CONFLICT_MARKERS) for line in text.splitlines(keepends=True)):
        raise InvalidLockFile(
            f"{LOCK_FILE} has conflict markers of a merge",
            hint=f"take either side of {LOCK_FILE} as a whole, then run 'wpkg lock' to bring it up to date",
        )
    try:
        lock = _lock(Table(tomllib.loads(text), fault=InvalidLockFile))
    except tomllib.TOMLDecodeError as error:
        raise InvalidLockFile(f"not valid TOML: {error}", hint=_RESTORE).within(LOCK_FILE) from error
    except WpkgError as error:
        raise error.within(LOCK_FILE) from None
    if lock.encode() != text:
        raise InvalidLockFile(f"{LOCK_FILE} is not as wpkg wrote it: it was edited or damaged", hint=_RESTORE)
    return lock


def _lock(document: Table) -> Lock:
    version = document.values.get("version")
    if version != LOCK_VERSION:
        raise InvalidLockFile(
            f"it has format version {version}, this wpkg reads version {LOCK_VERSION}", hint="use a newer wpkg"
        )
    document.only(("version", "package"))
    tables = document.tables("package")
    versions: dict[PackageName, list[Version]] = {}
    for table in tables:
        versions.setdefault(table.parsed("name", PackageName.parse), []).append(
            table.parsed("version", Version.parse)
        )
    packages = [_package(table, versions) for table in tables]
    return Lock(
        tuple(package for package in packages if isinstance(package, LockedPackage)),
        tuple(package for package in packages if isinstance(package, LocalPackage)),
    )


def _package(table: Table, versions: Mapping[PackageName, Sequence[Version]]) -> LockedPackage | LocalPackage:
    name, version = table.parsed("name", PackageName.parse), table.parsed("version", Version.parse)
    kind = table.required_text("kind")
    dependencies = tuple(_full(table, text, versions) for text in table.texts("dependencies") or ())
    source = table.required_text("source")
    if source.startswith(_PATH):
        table.only(_LOCAL_KEYS)
        pinned = "component" in table
        return LocalPackage(
            name=name,
            version=version,
            kind=kind,
            path=source.removeprefix(_PATH),
            component=table.parsed("component", Digest.parse) if pinned else None,
            size=table.count("size", default=-1, least=0) if pinned else None,
            dependencies=dependencies,
        )
    table.only(_KEYS)
    if not source.startswith((_REGISTRY, "dir:")):
        raise table.fail("source", f"it begins with none of '{_REGISTRY}', 'dir:' and '{_PATH}'")
    repository = Repository.parse(source.removeprefix(_REGISTRY))
    if repository.is_folder and (repository.path.startswith("/") or source.startswith(_REGISTRY)):
        raise table.fail("source", "the path of a layout in a lock is relative to the project")
    return LockedPackage(
        name=name,
        version=version,
        kind=kind,
        source=repository,
        tag=table.required_text("tag"),
        manifest=table.parsed("manifest", Digest.parse),
        component=table.parsed("component", Digest.parse),
        size=table.count("size", default=-1, least=0),
        dependencies=dependencies,
        signers=table.texts("signers") or (),
        imports=table.texts("imports"),
    )


def _full(table: Table, text: str, versions: Mapping[PackageName, Sequence[Version]]) -> Pin:
    """What an entry of `dependencies` means. Raises: InvalidLockFile when that is not in the lock."""
    if " " in text:
        pin: Pin | None = Pin.parse(text)
    else:
        name = PackageName.parse(text)
        pin = Pin(name, versions[name][0]) if len(versions.get(name, ())) == 1 else None
    if pin is None or pin.version not in versions.get(pin.name, ()):
        raise table.fail("dependencies", f"it names '{text}', which is not one package of the lock")
    return pin


def _short(pin: Pin, several: Collection[PackageName]) -> str:
    """How a dependency is written: by name where that is enough, as cargo does it."""
    return str(pin) if pin.name in several else str(pin.name)


def _head(pin: Pin, kind: str, source: str) -> list[str]:
    return [
        "[[package]]",
        f"name = {_text(str(pin.name))}",
        f"version = {_text(str(pin.version))}",
        f"kind = {_text(kind)}",
        f"source = {_text(source)}",
    ]


def _text(value: str) -> str:
    """A TOML basic string: JSON's, but for DEL, which only TOML wants escaped (toml.io v1.0.0, "String")."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _array(key: str, values: Sequence[str]) -> list[str]:
    """An array with one item a line, so that a merge sees single items."""
    if not values:
        return [f"{key} = []"]
    return [f"{key} = [", *(f"    {_text(value)}," for value in values), "]"]
