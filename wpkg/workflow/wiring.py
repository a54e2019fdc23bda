"""What a person decided about a composition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from wpkg.names.choice import Choice
    from wpkg.workflow.document import OpenedDocument


class Wiring(Struct, frozen=True):
    """The decisions; all of it can be left to inference."""

    root: str | None = None
    choices: tuple[Choice, ...] = ()
    share_modules: bool = False
    no_imports: bool = False  # nothing may be left to the host
    document: OpenedDocument | None = None  # which decides everything
