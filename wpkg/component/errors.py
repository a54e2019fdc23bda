"""What can be wrong with a component's bytes."""

from __future__ import annotations

from wpkg.errors import InvalidInput


class MalformedComponent(InvalidInput):
    """Bytes are not a valid component.

    `offset` counts from the start of the outermost component, -1 where no single place is at fault.
    """

    def __init__(self, message: str, offset: int = -1) -> None:
        message = printable(message)
        at = f" (at byte {offset:#x})" if offset >= 0 else ""
        super().__init__(f"malformed component: {message}{at}")
        self.offset = offset
        self._message = message

    def at(self, offset: int) -> MalformedComponent:
        """The same, said of the place `offset`, unless it says a place already."""
        return self if self.offset >= 0 else MalformedComponent(self._message, offset)


class NotAComponent(InvalidInput):
    """An input is something else than a component; the sentence says what."""


class UnsupportedComponent(InvalidInput):
    """A valid component uses a feature that this version does not read."""


def printable(text: str) -> str:
    """`text` with what does not print written as an escape: names come from the file and go to a terminal."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


MAX_QUOTED = 80  # characters of a name that are shown


def quoted(text: str) -> str:
    """`text` in quotes for a sentence: short, and harmless to a terminal whatever it holds."""
    shown = text if len(text) <= MAX_QUOTED else f"{text[:MAX_QUOTED]}…"
    return f"'{printable(shown)}'"
