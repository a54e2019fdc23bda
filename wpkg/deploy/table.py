"""What a platform provides: data of one release, in a TOML file of this package.

`host` has what a host implements itself, `service` what a provider or plugin does. A service that `calls` is bound
to an export: it calls the component. A version is one, or the beginning of several (`0.2`); '' is for none.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from msgspec import Struct, field

from wpkg.documents.toml_table import Table
from wpkg.names.interface_pattern import InterfacePattern, first_match

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wpkg.names.extern_name import InterfaceName


class Entry(Struct, frozen=True):
    """Interfaces in certain versions."""

    interfaces: tuple[InterfacePattern, ...]
    versions: tuple[str, ...]

    def is_about(self, interface: InterfaceName) -> bool:
        """Whether it is one of the interfaces, in whatever version."""
        return first_match(self.interfaces, interface.unversioned) is not None

    def has(self, interface: InterfaceName) -> bool:
        """Whether it is one of the interfaces, in one of the versions."""
        return self.is_about(interface) and any(_is_within(interface.version, v) for v in self.versions)


class Service(Entry, frozen=True):
    """A provider or plugin."""

    name: str = ""
    image: str | None = None  # with a tag: what it is by digest is asked when it is needed
    calls: bool = False
    config: Mapping[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()  # keys of its configuration that only the project can know
    config_of_component: bool = False  # whether its configuration belongs to the component
    allowed_hosts: bool = False  # whether it reaches only hosts that are listed


class HostTable(Struct, frozen=True):
    """Everything that a release provides."""

    release: str
    as_of: str
    host: tuple[Entry, ...]
    services: tuple[Service, ...]

    @property
    def has_providers(self) -> bool:
        """Whether services are images that are deployed beside the components."""
        return any(service.image is not None for service in self.services)

    def is_provided(self, interface: InterfaceName) -> bool:
        """Whether the host implements it itself."""
        return any(entry.has(interface) for entry in self.host)

    def service(self, interface: InterfaceName, *, calls: bool) -> Service | None:
        """What serves an import, or `calls` an export."""
        return next((s for s in self.services if s.calls is calls and s.has(interface)), None)

    def other_versions(self, interface: InterfaceName) -> tuple[str, ...]:
        """In which versions it is known, where it is not known in that of `interface`."""
        found = [v for entry in (*self.host, *self.services) if entry.is_about(interface) for v in entry.versions]
        return tuple(dict.fromkeys(version or "none" for version in found))


def _is_within(version: str, known: str) -> bool:
    return version == known or (known.count(".") == 1 and version.startswith(f"{known}."))


def read_table(text: str) -> HostTable:
    """The table in `text`. Raises: InvalidInput."""
    document = Table(tomllib.loads(text))
    document.only(("release", "as-of", "host", "service"))
    return HostTable(
        document.required_text("release"),
        document.required_text("as-of"),
        tuple(Entry(*_entry(table)) for table in document.tables("host")),
        tuple(_service(table) for table in document.tables("service")),
    )


def _entry(table: Table) -> tuple[tuple[InterfacePattern, ...], tuple[str, ...]]:
    return tuple(map(InterfacePattern.parse, table.texts("interfaces") or ())), table.texts("versions") or ()


def _service(table: Table) -> Service:
    config = table.table("config")
    return Service(
        *_entry(table),
        name=table.required_text("name"),
        image=table.text("image"),
        calls=table.flag("calls"),
        config=dict(config.all_texts()) if config is not None else {},
        required=table.texts("required") or (),
        config_of_component=table.flag("config-of-component"),
        allowed_hosts=table.flag("allowed-hosts"),
    )
