"""What is decided about a composition before it is planned."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - as Choice
from typing import TYPE_CHECKING, Any, Self

import msgspec
from msgspec import Struct

from wpkg.errors import InvalidInput
from wpkg.names.choice import Choice  # noqa: TC001 - what is recorded is read back by its types

if TYPE_CHECKING:
    from wpkg.compose.furnish import Decided
    from wpkg.compose.links import Contract
    from wpkg.workflow.document import OpenedDocument


class UnknownDecision(InvalidInput):
    """A record of decisions holds one that this version does not know."""


class Decisions(Struct, frozen=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """What provenance records, so that anybody can decide the same again.

    Each decision under its name here, of types that are there when it runs.
    """

    root: str | None = None
    choices: tuple[Choice, ...] = ()
    share_modules: bool = False
    no_imports: bool = False
    chain: tuple[str, ...] = ()
    by_document: bool = False  # which provenance has besides
    instances: Mapping[str, str] = {}  # of the document -> the names of their components

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

    @property
    def wiring(self) -> Wiring:
        """The wiring that follows from them, but for the document."""
        return Wiring(self.root, self.choices, self.share_modules, self.no_imports, self.chain)


class Wiring(Struct, frozen=True):
    """The decisions; all of it can be left to inference."""

    root: str | None = None
    choices: tuple[Choice, ...] = ()
    share_modules: bool = False
    no_imports: bool = False  # nothing may be left to the host
    chain: tuple[str, ...] = ()  # middleware, the outermost first
    contracts: tuple[Contract, ...] = ()  # what is linked at run time, which changes nothing in the result
    decided: Decided | None = None  # about imports that would be left to the host: components are generated
    document: OpenedDocument | None = None  # which decides everything but what is linked

    @property
    def decisions(self) -> Decisions:
        """What of it is recorded; what was generated is recorded as components."""
        return Decisions(
            self.root,
            self.choices,
            self.share_modules,
            self.no_imports,
            self.chain,
            by_document=self.document is not None,
            instances=self.document.instances if self.document is not None else {},
        )
