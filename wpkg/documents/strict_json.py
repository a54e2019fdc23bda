"""JSON as this project reads and writes it.

Reading is strict: one value, no duplicate keys, no NaN, no number beyond the range of a double, no text that is
not Unicode, bounded nesting. What a signature or digest covers must have one meaning only.
Writing is canonical: compact, in the key order given, so that equal values give equal bytes.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Never

from wpkg.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
MAX_INTEGER_DIGITS = 20  # 64-bit sizes and more; longer ones are an attack on the parser


class InvalidJson(InvalidInput):
    """A document is not the JSON that it must be."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidJson(f"the member '{twice}' occurs twice")
    return members


def _constant(text: str) -> Never:
    raise InvalidJson(f"{text} is not JSON")


def _integer(text: str) -> int:
    if len(text) > MAX_INTEGER_DIGITS:
        raise InvalidJson("an integer has too many digits")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise InvalidJson(f"{text[:40]} is beyond the range of numbers")
    return value


def load_json(data: bytes) -> Any:
    """The value of a whole JSON document in UTF-8. Raises: InvalidJson."""
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_pairs,
            parse_constant=_constant,
            parse_int=_integer,
            parse_float=_float,
        )
        if _SURROGATE.search(data):
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise InvalidJson("the document holds half of a surrogate pair, which is no text") from error
    except UnicodeDecodeError as error:
        raise InvalidJson("the document is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise InvalidJson(f"the document is not JSON: {error.msg} at byte {error.pos}") from error
    except RecursionError as error:
        raise InvalidJson("the document is nested too deeply") from error
    return value


def load_object(data: bytes) -> dict[str, Any]:
    """The members of a document that is a JSON object. Raises: InvalidJson."""
    value = load_json(data)
    if not isinstance(value, dict):
        raise InvalidJson("the document is not a JSON object")
    return value


def dump_json(value: Mapping[str, Any]) -> bytes:
    """`value` as compact UTF-8 JSON, members in the order given."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


class Members:
    """Typed access to the members of one JSON object; every mistake names where it is.

    `where` is the path of the object from the document's root, '' for the root itself.
    """

    def __init__(self, members: object, where: str = "") -> None:
        if not isinstance(members, dict):
            raise InvalidJson(f"{where or 'the document'} is not an object")
        self._members: dict[str, Any] = members
        self._where = where

    def _path(self, key: str) -> str:
        return f"{self._where}.{key}" if self._where else key

    def _typed(self, key: str, kind: type | tuple[type, ...], name: str) -> Any:
        value = self._members.get(key)
        if not isinstance(value, kind) or isinstance(value, bool):
            fault = "is missing" if value is None else f"is not {name}"
            raise InvalidJson(f"{self._path(key)} {fault}")
        return value

    def text(self, key: str) -> str:
        """A string member that must be there."""
        return str(self._typed(key, str, "a string"))

    def optional_text(self, key: str) -> str | None:
        """A string member, None when absent or null."""
        return None if self._members.get(key) is None else self.text(key)

    def size(self, key: str) -> int:
        """A non-negative integer member that must be there."""
        value = int(self._typed(key, int, "an integer"))
        if value < 0:
            raise InvalidJson(f"{self._path(key)} is negative")
        return value

    def objects(self, key: str) -> list[Members]:
        """The objects of an array member; none when it is absent or null."""
        if self._members.get(key) is None:
            return []
        items = self._typed(key, list, "an array")
        return [Members(item, f"{self._path(key)}[{i}]") for i, item in enumerate(items)]

    def object(self, key: str) -> Members:
        """An object member that must be there."""
        return Members(self._typed(key, dict, "an object"), self._path(key))

    def optional_object(self, key: str) -> Members | None:
        """An object member, None when absent or null."""
        return None if self._members.get(key) is None else self.object(key)

    def texts(self, key: str) -> tuple[str, ...]:
        """The strings of an array member; none when it is absent or null."""
        if self._members.get(key) is None:
            return ()
        items = self._typed(key, list, "an array")
        if not all(isinstance(item, str) for item in items):
            raise InvalidJson(f"{self._path(key)} is not an array of strings")
        return tuple(items)

    def text_map(self, key: str) -> dict[str, str]:
        """The members of an object of strings; none when it is absent or null."""
        if self._members.get(key) is None:
            return {}
        members = self._typed(key, dict, "an object")
        if not all(isinstance(value, str) for value in members.values()):
            raise InvalidJson(f"{self._path(key)} is not an object of strings")
        return dict(members)

    def raw(self, key: str) -> Any:
        """Whatever the member holds, None when absent."""
        return self._members.get(key)

    def __contains__(self, key: str) -> bool:
        return key in self._members
