"""What a person decided about a composition."""

from __future__ import annotations

from typing import Any, Self

import msgspec
from msgspec import Struct

from wpkg.errors import InvalidInput
from wpkg.names.choice import Choice  # noqa: TC001 - what is recorded is read back by its types


class UnknownDecision(InvalidInput):
    """A record of decisions holds one that this version does not know."""


class Wiring(Struct, frozen=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """The decisions; all of it can be left to inference.

    Provenance records each of them under its name here, so that anybody can decide the same again: whatever is
    decided about a composition is a field of this class, of types that are there when it runs.
    """

    root: str | None = None
    choices: tuple[Choice, ...] = ()
    share_modules: bool = False
    no_imports: bool = False  # nothing may be left to the host

    def record(self) -> dict[str, Any]:
        """What differs from leaving everything to inference, as JSON."""
        recorded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return recorded

    @classmethod
    def read(cls, recorded: object) -> Self:
        """The decisions in what `record` has returned. Raises: UnknownDecision."""
        try:
            return msgspec.convert(recorded, cls, strict=True)
        except msgspec.ValidationError as error:
            raise UnknownDecision(f"{str(error)[:1].lower()}{str(error)[1:]}") from error
