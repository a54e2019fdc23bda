"""Locks of wkg and wash, `wkg.lock` and `wasmcloud.lock` (wasm-pkg-core 0.16 `lock.rs`): read, never written.

They pin WIT packages by version and by the digest of the package without its manifest. What they say of registries
are names that mean something else on another machine, so where packages come from is not taken from there.
"""

from __future__ import annotations

import tomllib

from wpkg.documents.toml_table import Table
from wpkg.errors import InvalidInput
from wpkg.names.package_name import PackageName
from wpkg.names.pin import Pin
from wpkg.names.version import Version
from wpkg.oci.digest import Digest

WKG_LOCKS = ("wkg.lock", "wasmcloud.lock")
_FORMAT = 1


class InvalidWkgLock(InvalidInput):
    """A file is not a lock of wkg's format."""


def read_wkg_lock(text: str) -> dict[Pin, Digest]:
    """The versions that a lock of wkg's pins, and the digests of their packages. Raises: InvalidInput."""
    try:
        document = Table(tomllib.loads(text), fault=InvalidWkgLock)
    except tomllib.TOMLDecodeError as error:
        raise InvalidWkgLock(f"not valid TOML: {error}") from error
    if not document.values:
        return {}  # wash leaves an empty file where there is nothing to lock
    if document.values.get("version") != _FORMAT:
        raise InvalidWkgLock(f"it has format version {document.values.get('version')}, version {_FORMAT} is read")
    return {
        Pin(package.parsed("name", PackageName.parse), version.parsed("version", Version.parse)): version.parsed(
            "digest", Digest.parse
        )
        for package in (*document.tables("packages"), *document.tables("package"))
        for version in (*package.tables("versions"), *package.tables("version"))
    }
