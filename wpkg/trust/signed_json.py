"""JSON on which a signature or a key depends: `wpkg.documents.strict_json`, bounded, without unknown members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wpkg.documents.strict_json import InvalidJson, load_object

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet


def load_signed_json(data: bytes, max_size: int) -> dict[str, Any]:
    """The members of a document of at most `max_size` bytes. Raises: InvalidJson."""
    if len(data) > max_size:
        raise InvalidJson(f"the document has {len(data)} bytes, over the limit of {max_size}")
    return load_object(data)


def refuse_unknown_members(value: Any, where: str, known: AbstractSet[str]) -> None:
    """Nothing, when `value` is an object of `known` members only (or no object). Raises: InvalidJson."""
    if isinstance(value, dict) and (unknown := sorted(value.keys() - known)):
        raise InvalidJson(f"{where} has the unknown member {unknown[0][:80]!a}")
