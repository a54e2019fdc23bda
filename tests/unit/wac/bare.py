"""A syntax tree without the places where it stood."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from wpkg.wit.errors import Source, Span


def bare(value: Any) -> Any:
    """`value` as nested tuples, in which spans and sources are left out."""
    if isinstance(value, Struct) and not isinstance(value, Span):
        fields = {name: bare(getattr(value, name)) for name in value.__struct_fields__}
        fields.pop("span", None)
        return (type(value).__name__, fields)
    if isinstance(value, tuple):
        return tuple(map(bare, value))
    if isinstance(value, Mapping):
        return {key: bare(item) for key, item in value.items()}
    return None if isinstance(value, Span | Source) else value
