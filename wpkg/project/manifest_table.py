"""`[manifest]`: what a deployment needs to know beyond the composition (docs/manifest.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.errors import WpkgError
from wpkg.names.interface_pattern import InterfacePattern
from wpkg.project.capabilities import read_patterns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wpkg.documents.toml_table import Table

_KEYS = ("name", "replicas", "host", "allowed-hosts", "providers", "config")


class ManifestSettings(Struct, frozen=True):
    """The table; all of it can be left out until something cannot be placed without it."""

    name: str | None = None  # of the deployment; by default the project's
    replicas: int = 1
    host: tuple[InterfacePattern, ...] = ()  # what the hosts of this installation provide besides
    allowed_hosts: tuple[str, ...] | None = None  # that may be reached by http; None: nothing is said of it
    providers: tuple[tuple[InterfacePattern, str], ...] = ()  # which image serves an interface, or calls it
    config: tuple[tuple[InterfacePattern, Mapping[str, str]], ...] = ()  # of what serves or calls an interface

    def provider(self, interface: str) -> str | None:
        """The image that is to serve `interface`, or to call it."""
        return next((image for pattern, image in self.providers if pattern.matches(interface)), None)

    def configured(self, interface: str) -> dict[str, str]:
        """What is configured for `interface`."""
        found: dict[str, str] = {}
        for pattern, values in self.config:
            if pattern.matches(interface):
                found |= values
        return found


def read_manifest_settings(table: Table | None) -> ManifestSettings:
    """What `[manifest]` says. Raises: InvalidInput."""
    if table is None:
        return ManifestSettings()
    table.only(_KEYS)
    providers, config = table.table("providers"), table.table("config")
    return ManifestSettings(
        name=table.text("name"),
        replicas=table.count("replicas", 1),
        host=read_patterns(table, "host") or (),
        allowed_hosts=table.texts("allowed-hosts"),
        providers=tuple((_pattern(providers, key), value) for key, value in providers.text_items())
        if providers is not None
        else (),
        config=tuple((_pattern(config, key), _values(config, key)) for key in config.values)
        if config is not None
        else (),
    )


def _pattern(table: Table, key: str) -> InterfacePattern:
    try:
        return InterfacePattern.parse(key)
    except WpkgError as error:
        raise error.within(table.path) from None


def _values(table: Table, key: str) -> dict[str, str]:
    values = table.table(key)
    return dict(values.all_texts()) if values is not None else {}
