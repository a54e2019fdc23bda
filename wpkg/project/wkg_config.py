"""What wkg's `config.toml` and a registry's `registry.json` say about where packages are (wasm-pkg-tools 0.16).

It is read for one question, in which repository a package is. How a registry is spoken with, wpkg takes from
elsewhere (docs/registries.md). Protocols other than OCI are refused, never passed over: the package is there, and
nowhere else.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

from msgspec import Struct, field

from wpkg.documents.strict_json import Members, load_json
from wpkg.documents.toml_table import Table
from wpkg.errors import InvalidInput, WpkgError
from wpkg.names.package_name import PackageName
from wpkg.oci.reference import REGISTRY, Repository

if TYPE_CHECKING:
    from collections.abc import Mapping

BUILT_IN = {"wasi": "wasi.dev", "ba": "bytecodealliance.org"}  # what wkg knows without being told

_HOST = re.compile(REGISTRY)
_SPEAKING = ("auth", "protocol", "accept_invalid_certificates", "extra_root_certificates")


class InvalidWkgConfig(InvalidInput):
    """wkg's configuration, or a registry's, does not say where packages are, or says what wpkg cannot do."""


class Metadata(Struct, frozen=True):
    """Where the packages of a registry are: `<registry>/<prefix><namespace>/<name>`."""

    protocol: str = "oci"
    registry: str | None = None  # None: the registry that was asked
    prefix: str = ""


class WkgPlace(Struct, frozen=True):
    """What the packages of a namespace are looked up in. Without `metadata`, the host itself is to be asked."""

    host: str
    metadata: Metadata | None = None
    ignored: tuple[str, ...] = ()  # settings for the host that wpkg has its own for

    def repository(self, package: PackageName, metadata: Metadata) -> Repository:
        """The repository of `package` by `metadata`. Raises: InvalidWkgConfig."""
        if metadata.protocol != "oci":
            raise InvalidWkgConfig(
                f"{package} is in '{self.host}', which is no OCI registry: "
                f"its protocol is '{metadata.protocol[:40]}', which wpkg does not speak",
                hint=f"to take it from elsewhere, say so in wasmcloud.toml:\n[registries]\n"
                f'{package.namespace} = "registry.example.com/prefix"',
            )
        where = metadata.registry or self.host
        return Repository.parse(f"{where}/{metadata.prefix}{package.namespace}/{package.name}")


class WkgConfig(Struct, frozen=True):
    """A `config.toml`, read. Without one, what is built into wkg."""

    default: str | None = None
    namespaces: Mapping[str, WkgPlace] = field(default_factory=dict)
    packages: Mapping[PackageName, WkgPlace] = field(default_factory=dict)
    protocols: Mapping[str, str] = field(default_factory=dict)  # of hosts that have settings
    settings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # that wpkg does not act on, by host

    def place(self, package: PackageName) -> WkgPlace | None:
        """Where `package` is: by its own line, its namespace's, the default, what is built in; else None."""
        place = self.packages.get(package) or self.namespaces.get(package.namespace)
        if place is None:
            host = self.default or BUILT_IN.get(package.namespace)
            if host is None:
                return None
            place = WkgPlace(host)
        metadata = place.metadata
        protocol = self.protocols.get(place.host, "oci")
        if protocol != "oci":
            metadata = Metadata(protocol)
        return WkgPlace(place.host, metadata, self.settings.get(place.host, ()))


def read_wkg_config(text: str) -> WkgConfig:
    """The configuration that `text` is. Raises: InvalidInput."""
    try:
        document = Table(tomllib.loads(text), fault=InvalidWkgConfig)
    except tomllib.TOMLDecodeError as error:
        raise InvalidWkgConfig(f"not valid TOML: {error}") from error
    document.only(("default_registry", "namespace_registries", "package_registry_overrides", "registry"))
    namespaces = _places(document, "namespace_registries")
    packages = {}
    for key, place in _places(document, "package_registry_overrides").items():
        try:
            packages[PackageName.parse(key)] = place
        except WpkgError as error:
            raise error.within("package_registry_overrides") from None
    protocols, settings = {}, {}
    for host, table in _tables(document, "registry"):
        protocols[host] = _backend(table)
        oci = table.table("oci")
        settings[host] = tuple(key for key in _SPEAKING if oci is not None and key in oci)
    default = document.parsed("default_registry", _host) if "default_registry" in document else None
    return WkgConfig(default, namespaces, packages, protocols, settings)


def read_registry_metadata(data: bytes) -> Metadata:
    """What a `registry.json` says. Raises: InvalidJson, InvalidWkgConfig."""
    document = Members(load_json(data))
    oci = document.optional_object("oci")
    if oci is not None:
        registry, prefix = oci.optional_text("registry"), oci.optional_text("namespacePrefix")
    else:  # the form before wasm-pkg-tools 0.4
        registry, prefix = document.optional_text("ociRegistry"), document.optional_text("ociNamespacePrefix")
    others = [name for name in ("warg", "local") if name in document]
    if "wargUrl" in document:
        others.append("warg")
    says_oci = oci is not None or registry is not None
    protocol = document.optional_text("preferredProtocol") or _only(others, says_oci=says_oci)
    return Metadata(protocol, _checked(registry), prefix or "")


def _only(others: list[str], *, says_oci: bool) -> str:
    """The protocol where none is preferred: OCI, unless another one is all there is."""
    return others[0] if others and not says_oci else "oci"


def _places(document: Table, key: str) -> dict[str, WkgPlace]:
    table = document.table(key)
    if table is None:
        return {}
    found = {}
    for name, value in table.items():
        if isinstance(value, str):
            found[name] = WkgPlace(table.parsed(name, _host))
            continue
        value.only(("registry", "metadata"))
        metadata = value.table("metadata")
        if metadata is None:
            found[name] = WkgPlace(value.parsed("registry", _host))
        else:  # the registry is then a mere name
            found[name] = WkgPlace(value.required_text("registry"), _metadata(metadata))
    return found


def _metadata(table: Table) -> Metadata:
    oci = table.table("oci")
    others = [key for key, value in table.values.items() if isinstance(value, dict) and key != "oci"]
    protocol = table.text("preferredProtocol") or _only(others, says_oci=oci is not None)
    if oci is None:
        return Metadata(protocol)
    registry = oci.parsed("registry", _host) if "registry" in oci else None
    return Metadata(protocol, registry, oci.text("namespacePrefix") or "")


def _tables(document: Table, key: str) -> list[tuple[str, Table]]:
    table = document.table(key)
    found = []
    for name, value in table.items() if table is not None else ():
        if isinstance(value, str):
            raise document.fail(key, f"'{name}' is not a table")
        found.append((name, value))
    return found


def _backend(table: Table) -> str:
    """The protocol of a `[registry.HOST]`: the one it names, else the only one that has settings, else OCI."""
    chosen = table.text("default") or table.text("type")
    backends = [key for key, value in table.values.items() if isinstance(value, dict)]
    return chosen or _only([key for key in backends if key != "oci"], says_oci="oci" in backends)


def _host(text: str) -> str:
    """`host` or `host:port`. Raises: InvalidWkgConfig."""
    if _HOST.fullmatch(text) is None:
        raise InvalidWkgConfig(f"'{text[:200]}' is not a registry", hint="a registry is 'host' or 'host:port'")
    return text


def _checked(registry: str | None) -> str | None:
    return None if registry is None else _host(registry)
