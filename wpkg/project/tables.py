"""Typed access to the tables of a TOML document; every mistake names its key path."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from wpkg.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping


class InvalidProjectFile(InvalidInput):
    """`wasmcloud.toml` does not say what it has to, or says what cannot be."""


class Table:
    """One table. `path` is its key path, '' for the document."""

    def __init__(self, values: Mapping[str, Any], path: str = "") -> None:
        self._values = values
        self.path = path

    def where(self, key: str) -> str:
        """The key path of `key`."""
        shown = key if key.replace("-", "").replace("_", "").isalnum() else f'"{key}"'
        return f"{self.path}.{shown}" if self.path else shown

    def fail(self, key: str, fault: str, hint: str | None = None) -> InvalidProjectFile:
        """The error that says `fault` of `key`."""
        return InvalidProjectFile(f"{self.where(key)} {fault}", hint=hint)

    def only(self, known: Collection[str]) -> None:
        """Raises: InvalidProjectFile for a key that is not among `known`, with the nearest one."""
        for key in self._values:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                hint = f"did you mean '{near[0]}'?" if near else f"known keys: {', '.join(sorted(known))}"
                raise self.fail(key, "is not a key that wpkg knows", hint)

    def text(self, key: str) -> str | None:
        """A string, None when absent."""
        value = self._values.get(key)
        if value is not None and not isinstance(value, str):
            raise self.fail(key, "is not a string")
        return value

    def required_text(self, key: str, hint: str | None = None) -> str:
        """A string that must be there."""
        value = self.text(key)
        if value is None:
            raise self.fail(key, "is missing", hint)
        return value

    def flag(self, key: str) -> bool:
        """A boolean, False when absent."""
        value = self._values.get(key, False)
        if not isinstance(value, bool):
            raise self.fail(key, "is not true or false")
        return value

    def texts(self, key: str) -> tuple[str, ...] | None:
        """An array of strings, None when absent."""
        value = self._values.get(key)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.fail(key, "is not an array of strings")
        return tuple(value)

    def table(self, key: str) -> Table | None:
        """A table, None when absent."""
        value = self._values.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.fail(key, "is not a table")
        return Table(value, self.where(key))

    def text_items(self) -> Iterator[tuple[str, str]]:
        """Every key with its string."""
        for key in self._values:
            yield key, self.required_text(key)

    def items(self) -> Iterator[tuple[str, str | Table]]:
        """Every key with its string or table."""
        for key, value in self._values.items():
            if isinstance(value, dict):
                yield key, Table(value, self.where(key))
            elif isinstance(value, str):
                yield key, value
            else:
                raise self.fail(key, "is neither a string nor a table")

    def __contains__(self, key: str) -> bool:
        return key in self._values

    @property
    def values(self) -> Mapping[str, Any]:
        """The table as it was read."""
        return self._values
