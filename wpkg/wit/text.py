"""The WIT of a component or WIT package, as text: recovered, documented, printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from wpkg.component.custom import custom_section
from wpkg.errors import InvalidInput
from wpkg.wit.package_docs import SECTION_NAME, read_package_docs, with_docs
from wpkg.wit.printer import print_document
from wpkg.wit.recover import recover_component, recover_wit_package
from wpkg.wit.syntax import Document

if TYPE_CHECKING:
    from wpkg.component.read import Read
    from wpkg.wit.syntax import PackageId


class WitText(Struct, frozen=True):
    """A WIT document, and in `notes` what it does not say although the component does, a sentence each."""

    text: str
    notes: tuple[str, ...]


def wit_text(data: memoryview, read: Read) -> WitText:
    """The WIT of what was `read` from `data`, with docs where there are any.

    Raises: NotAComponent, NamelessType, MalformedComponent when it is too large.
    """
    document, notes = _document(data, read)
    return WitText(print_document(document), notes)


class PackageText(Struct, frozen=True):
    """One WIT package as a file of its own."""

    id: PackageId
    text: str


def package_texts(data: memoryview, read: Read) -> tuple[PackageText, ...]:
    """The WIT package that was `read` from `data`, and behind it those that it shows parts of.

    Raises: as `wit_text`.
    """
    document, _ = _document(data, read)
    others = (Document(document.source, each.id, each.items, (), each.docs) for each in document.nested)
    return tuple(
        PackageText(each.id, print_document(each))
        for each in (replace(document, nested=()), *others)
        if each.id is not None
    )


def _document(data: memoryview, read: Read) -> tuple[Document, tuple[str, ...]]:
    recovered = recover_wit_package(read.type) if read.is_wit_package else recover_component(read.type)
    document, notes = recovered.document, recovered.notes
    section = custom_section(data, read.definition, SECTION_NAME)
    if section is not None:
        try:
            document = with_docs(document, read_package_docs(section))
        except InvalidInput as error:  # docs are no reason to show nothing
            notes = (*notes, str(error))
    return document, notes
