"""`wpkg.lock`: what was resolved, pinned by digest (docs/lock-format.md).

The same resolution gives the same bytes, and only those bytes are a lock: a file that differs from what wpkg would
write of its own content was edited, and is refused. No timestamps, no absolute paths, line feeds only.
"""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.documents.toml_table import Table
from wpkg.errors import InvalidInput, WpkgError
from wpkg.names.package_name import PackageName
from wpkg.names.version import Version
from wpkg.oci.digest import Digest
from wpkg.oci.reference import Repository

if TYPE_CHECKING:
    from collections.abc import Sequence

LOCK_FILE = "wpkg.lock"
LOCK_VERSION = 1
_SOURCE_SCHEME = "oci://"
_HEADER = "# Written by wpkg. Edit wasmcloud.toml instead, then run 'wpkg lock'.\n"
_KEYS = ("name", "version", "kind", "source", "tag", "manifest", "component", "size", "dependencies", "signers")
_CONFLICT_MARKERS = ("<<<<<<< ", "=======\n", ">>>>>>> ")


class InvalidLockFile(InvalidInput):
    """`wpkg.lock` is not a lock of a format that this version reads."""


class LockedPackage(Struct, frozen=True):
    """One pinned package."""

    name: PackageName
    version: Version
    kind: str  # 'component' | 'composed' | 'raw' | 'wit'
    source: Repository
    tag: str
    manifest: Digest
    component: Digest
    size: int  # bytes of the component
    dependencies: tuple[PackageName, ...] = ()
    signers: tuple[str, ...] = ()  # key hints that were verified when it was pinned, sorted

    def encode(self) -> str:
        """The `[[package]]` table."""
        lines = [
            "[[package]]",
            f"name = {_text(str(self.name))}",
            f"version = {_text(str(self.version))}",
            f"kind = {_text(self.kind)}",
            f"source = {_text(('' if self.source.is_folder else _SOURCE_SCHEME) + str(self.source))}",
            f"tag = {_text(self.tag)}",
            f"manifest = {_text(str(self.manifest))}",
            f"component = {_text(str(self.component))}",
            f"size = {self.size}",
            *_array("dependencies", [str(name) for name in sorted(self.dependencies)]),
            *_array("signers", sorted(self.signers)),
        ]
        return "\n".join(lines) + "\n"


class Lock(Struct, frozen=True):
    """A lock file."""

    packages: tuple[LockedPackage, ...]

    def encode(self) -> str:
        """The file's text: packages by name, then version."""
        ordered = sorted(self.packages, key=lambda package: (package.name, package.version))
        return _HEADER + "\n".join([f"version = {LOCK_VERSION}\n", *[package.encode() for package in ordered]])

    def package(self, name: PackageName) -> LockedPackage | None:
        """The pin of `name`, None when it is not locked."""
        return next((package for package in self.packages if package.name == name), None)


def read_lock(text: str) -> Lock:
    """The lock that `text` holds. Raises: InvalidInput."""
    if any(line.startswith(_CONFLICT_MARKERS) for line in text.splitlines(keepends=True)):
        raise InvalidLockFile(
            f"{LOCK_FILE} has conflict markers of a merge",
            hint=f"take either side of {LOCK_FILE}, then run 'wpkg lock' to bring it up to date",
        )
    try:
        lock = _lock(Table(tomllib.loads(text), fault=InvalidLockFile))
    except tomllib.TOMLDecodeError as error:
        raise InvalidLockFile(f"not valid TOML: {error}").within(LOCK_FILE) from error
    except WpkgError as error:
        raise error.within(LOCK_FILE) from None
    if lock.encode() != text:
        raise InvalidLockFile(
            f"{LOCK_FILE} is not as wpkg wrote it: it was edited or damaged",
            hint=f"restore {LOCK_FILE} from version control, or run 'wpkg lock' and look at what changes",
        )
    return lock


def _lock(document: Table) -> Lock:
    version = document.values.get("version")
    if version != LOCK_VERSION:
        raise InvalidLockFile(
            f"it has format version {version}, this wpkg reads version {LOCK_VERSION}", hint="use a newer wpkg"
        )
    document.only(("version", "package"))
    return Lock(tuple(_package(table) for table in document.tables("package")))


def _package(table: Table) -> LockedPackage:
    table.only(_KEYS)
    source = table.required_text("source")
    if not source.startswith((_SOURCE_SCHEME, "dir:")):
        raise table.fail("source", f"it is neither an {_SOURCE_SCHEME} location nor a dir: layout")
    repository = Repository.parse(source.removeprefix(_SOURCE_SCHEME))
    if repository.is_folder and (repository.path.startswith("/") or source.startswith(_SOURCE_SCHEME)):
        raise table.fail("source", "the path of a layout in a lock is relative to the project")
    return LockedPackage(
        name=table.parsed("name", PackageName.parse),
        version=table.parsed("version", Version.parse),
        kind=table.required_text("kind"),
        source=repository,
        tag=table.required_text("tag"),
        manifest=table.parsed("manifest", Digest.parse),
        component=table.parsed("component", Digest.parse),
        size=table.count("size", default=-1, least=0),
        dependencies=tuple(PackageName.parse(name) for name in table.texts("dependencies") or ()),
        signers=table.texts("signers") or (),
    )


def _text(value: str) -> str:
    """A TOML basic string: JSON's, but for DEL, which only TOML wants escaped (toml.io v1.0.0, "String")."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _array(key: str, values: Sequence[str]) -> list[str]:
    """An array with one item a line, so that a merge sees single items."""
    if not values:
        return [f"{key} = []"]
    return [f"{key} = [", *(f"    {_text(value)}," for value in values), "]"]
