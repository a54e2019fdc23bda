"""Typed access to the tables of a TOML document; every mistake names the path of its key."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, TypeVar

from wpkg.errors import InvalidInput, WpkgError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

T = TypeVar("T")


class Table:
    """One table. `path` is its key path, '' for the document; errors are of the class `fault`."""

    def __init__(self, values: object, path: str = "", fault: type[InvalidInput] = InvalidInput) -> None:
        self.path = path
        self._fault = fault
        if not isinstance(values, dict):
            raise fault("it is not a table").within(path)
        self.values: Mapping[str, Any] = values

    def where(self, key: str) -> str:
        """The path of `key`; quoted as TOML wants it."""
        shown = key if key.replace("-", "").replace("_", "").isalnum() else f'"{key}"'
        return f"{self.path}.{shown}" if self.path else shown

    def fail(self, key: str, fault: str, hint: str | None = None) -> InvalidInput:
        """The error that says `fault` of `key`, 'it is …'."""
        return self._fault(fault, hint=hint).within(self.where(key))

    def only(self, known: Collection[str], later: Collection[str] = ()) -> None:
        """Raises: for a key that is not among `known`, with the nearest one; for one that is not supported yet."""
        for key in sorted(self.values):
            if key in later:
                raise self.fail(
                    key,
                    "it is not supported by this version of wpkg, which does not ignore it either",
                    "remove it, or use a newer wpkg",
                )
            if key not in known:
                near = difflib.get_close_matches(key, {*known, *later}, n=1)
                hint = f"did you mean '{near[0]}'?" if near else f"known keys: {', '.join(sorted(known))}"
                raise self.fail(key, "it is not a key that wpkg knows", hint)

    def text(self, key: str) -> str | None:
        """A string, None when absent."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, str):
            raise self.fail(key, "it is not a string")
        return value

    def required_text(self, key: str, hint: str | None = None) -> str:
        """A string with content that must be there."""
        value = self.text(key)
        if not value:
            raise self.fail(key, "it is missing" if value is None else "it is empty", hint)
        return value

    def parsed(self, key: str, parse: Callable[[str], T]) -> T:
        """What `parse` makes of a string that must be there; its errors get the key's path."""
        text = self.required_text(key)
        try:
            return parse(text)
        except WpkgError as error:
            raise error.within(self.where(key)) from None

    def word(self, key: str, choices: tuple[str, ...], default: str) -> str:
        """One of `choices`; `default` when absent."""
        value = self.values.get(key, default)
        if value != default and value not in choices:
            raise self.fail(key, f"it is not {' or '.join(repr(choice) for choice in choices)}")
        return str(value)

    def flag(self, key: str) -> bool:
        """A boolean, False when absent."""
        value = self.values.get(key, False)
        if not isinstance(value, bool):
            raise self.fail(key, "it is not true or false")
        return value

    def count(self, key: str, default: int, least: int = 1) -> int:
        """A number of at least `least`; `default` when absent."""
        value = self.values.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise self.fail(key, f"it is not a number of at least {least}")
        return value

    def texts(self, key: str) -> tuple[str, ...] | None:
        """An array of distinct strings, None when absent."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.fail(key, "it is not an array of strings")
        if len(set(value)) != len(value):
            raise self.fail(key, "it names one twice")
        return tuple(value)

    def table(self, key: str) -> Table | None:
        """A table, None when absent."""
        value = self.values.get(key)
        return None if value is None else Table(value, self.where(key), self._fault)

    def tables(self, key: str) -> list[Table]:
        """An array of tables, `[[key]]`; none when absent."""
        value = self.values.get(key, [])
        if not isinstance(value, list):
            raise self.fail(key, f"it is written [[{self.where(key)}]]")
        return [Table(item, f"{self.where(key)}[{i}]", self._fault) for i, item in enumerate(value)]

    def text_items(self) -> Iterator[tuple[str, str]]:
        """Every key with its string."""
        for key in self.values:
            yield key, self.required_text(key)

    def all_texts(self) -> Iterator[tuple[str, str]]:
        """Every key with its string, which may be empty."""
        for key in self.values:
            yield key, self.text(key) or ""

    def items(self) -> Iterator[tuple[str, str | Table]]:
        """Every key with its string or table."""
        for key, value in self.values.items():
            if isinstance(value, str):
                yield key, value
            elif isinstance(value, dict):
                yield key, Table(value, self.where(key), self._fault)
            else:
                raise self.fail(key, "it is neither a string nor a table")

    def __contains__(self, key: str) -> bool:
        return key in self.values
