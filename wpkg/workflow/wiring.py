"""What is decided about a composition before it is planned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from wpkg.compose.furnish import Decided
    from wpkg.compose.links import Contract
    from wpkg.names.choice import Choice
    from wpkg.workflow.document import OpenedDocument


class Wiring(Struct, frozen=True):
    """The decisions; all of it can be left to inference."""

    root: str | None = None
    choices: tuple[Choice, ...] = ()
    share_modules: bool = False
    no_imports: bool = False  # nothing may be left to the host
    chain: tuple[str, ...] = ()  # middleware, the outermost first
    contracts: tuple[Contract, ...] = ()  # what is linked at run time
    decided: Decided | None = None  # about imports that would be left to the host
    document: OpenedDocument | None = None  # which decides everything
