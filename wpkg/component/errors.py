"""What can be wrong with a component's bytes."""

from __future__ import annotations

from wpkg.errors import InvalidInput


class MalformedComponent(InvalidInput):
    """Bytes are not a valid component.

    `offset` counts from the start of the outermost component, -1 where no single place is at fault.
    """

    def __init__(self, message: str, offset: int = -1) -> None:
        at = f" (at byte {offset:#x})" if offset >= 0 else ""
        super().__init__(f"malformed component: {message}{at}")
        self.offset = offset


class NotAComponent(InvalidInput):
    """An input is something else than a component; the sentence says what."""


class UnsupportedComponent(InvalidInput):
    """A valid component uses a feature that this version does not read."""
