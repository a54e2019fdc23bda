"""Which gated items are there (WIT.md, "Feature Gates")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.names.version import Version
from wpkg.wit.errors import InvalidGate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wpkg.wit.errors import Span
    from wpkg.wit.syntax import Gate, Ident, PackageId


class Gates(Struct, frozen=True):
    """The gates of one package: its version, and the features that are on."""

    package: PackageId
    features: frozenset[str]

    def admit(self, gate: Gate, span: Span) -> bool:
        """Whether the item at `span` is there: unstable ones are when their feature is on.

        Raises: InvalidGate for a version that the package does not have yet.
        """
        if gate.unstable is not None:
            return gate.unstable in self.features
        if gate.since is not None:
            if not self.package.version:
                raise InvalidGate(
                    f"@since stands in package '{self.package}', which has no version",
                    span,
                    advice=f"write 'package {self.package}@{gate.since};'",
                )
            if gate.since > Version.parse(self.package.version):
                raise InvalidGate(f"@since {gate.since} in package '{self.package}', which is older", span)
        return True

    def check_withheld(self, members: Iterable[tuple[Gate, Ident]], container: Ident) -> None:
        """What is in an item that is not there, is not there either. Raises: InvalidGate."""
        for gate, name in members:
            if self.admit(gate, name.span):
                raise InvalidGate(
                    f"'{container.name}' is @unstable, and '{name.name}' in it is not",
                    name.span,
                    advice="what is inside a gated item has the same gate",
                )
