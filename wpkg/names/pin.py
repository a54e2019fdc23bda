"""A package at one version."""

from __future__ import annotations

from typing import Self

from msgspec import Struct

from wpkg.names.package_name import PackageName
from wpkg.names.version import Version


class Pin(Struct, frozen=True, order=True):
    """`ns:name 1.2.3`: what a requirement comes down to. Ordered by name, then by version."""

    name: PackageName
    version: Version

    @classmethod
    def parse(cls, text: str) -> Self:
        """The pin that `text` spells, with a space between. Raises: InvalidName, InvalidVersion."""
        name, _, version = text.partition(" ")
        return cls(PackageName.parse(name), Version.parse(version))

    def __str__(self) -> str:
        return f"{self.name} {self.version}"
