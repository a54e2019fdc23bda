"""What a component is, seen from its bytes: imports, exports, WIT, the components in it."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.component.describe import Extern, described
from wpkg.component.nesting import Contents, contents_of, read_parts
from wpkg.component.read import read_definition
from wpkg.errors import RegistryError
from wpkg.oci.digest import Digest, check_content
from wpkg.wit.text import wit_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry_shim.protocol.messages import Content

MAX_LOOKED_INTO = 256 * 1024 * 1024  # bytes of a component; a larger one is served and not looked into


class TooLarge(RegistryError):
    """A component has more bytes than are looked into."""


class Look(Struct, frozen=True):
    """What is in a component or WIT package. `notes` say what the WIT cannot."""

    is_wit_package: bool
    imports: tuple[Extern, ...]
    exports: tuple[Extern, ...]
    wit: str
    notes: tuple[str, ...]
    tree: Contents[Digest]


class Names(Struct, frozen=True):
    """What a component imports and exports; nothing for a WIT package, which only describes."""

    imports: tuple[str, ...]
    exports: tuple[str, ...]


def look_into(blob: Content, digest: Digest) -> Look:
    """Everything about a component. Raises: WpkgError when it is none, or damaged."""
    with _verified(blob, digest) as data:
        read = read_definition(data)
        wit = wit_text(data, read)
        return Look(
            read.is_wit_package,
            () if read.is_wit_package else described(read.type.imports),
            () if read.is_wit_package else described(read.type.exports),
            wit.text,
            wit.notes,
            contents_of(data, read_parts(data, read.definition), Digest.of),
        )


def read_names(blob: Content, digest: Digest) -> Names:
    """Only the names; costs a pass over the component and the reading of its types. Raises: WpkgError."""
    with _verified(blob, digest) as data:
        read = read_definition(data)
        if read.is_wit_package:
            return Names((), ())
        return Names(tuple(read.type.imports), tuple(read.type.exports))


@contextmanager
def _verified(blob: Content, digest: Digest) -> Iterator[memoryview]:
    """The bytes of a blob, known to be those of `digest`. Raises: TooLarge, ContentMismatch."""
    if blob.size > MAX_LOOKED_INTO:
        raise TooLarge(f"it has {blob.size} bytes, and only components of up to {MAX_LOOKED_INTO} are looked into")
    mapping = blob.map() if blob.size else None
    try:
        with memoryview(mapping if mapping is not None else b"") as data:
            check_content(data, digest, None, "the stored component")
            yield data
    finally:
        if mapping is not None:
            # The traceback of an error may hold a part of it, and lets go of it when the error is dealt with.
            with suppress(BufferError):
                mapping.close()
