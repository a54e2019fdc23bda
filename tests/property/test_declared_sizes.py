"""Sizes and counts that a file declares, each as large as it can be: refused, and nothing is allocated by them."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import pytest

from tests.property.test_component import real
from wpkg.component.errors import MalformedComponent, UnsupportedComponent
from wpkg.component.read import read_component
from wpkg.component.sections import COMPONENT_PREAMBLE, leb, section
from wpkg.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST = 4 << 20  # bytes; reading the component itself takes a tenth of it
LARGEST = b"\xff\xff\xff\xff\x0f"  # 4,294,967,295
PLAUSIBLE = leb(50_000_000)  # a size that an allocation would not fail at


@pytest.fixture
def allocated() -> Iterator[None]:
    """What is allocated at any moment of a test stays small."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MOST


@pytest.mark.usefixtures("allocated")
@pytest.mark.parametrize("size", [LARGEST, PLAUSIBLE], ids=["4 GB", "50 MB"])
def test_a_large_number_anywhere_in_a_component_allocates_nothing(size: bytes) -> None:
    """In place of each byte of one that has nearly everything, which every count and length of it is among."""
    data = real()
    for at in range(len(COMPONENT_PREAMBLE), len(data), 3):
        try:
            read_component(memoryview(data[:at] + size + data[at + 1 :]))
        except InvalidInput:
            continue


@pytest.mark.usefixtures("allocated")
@pytest.mark.parametrize("size", [LARGEST, PLAUSIBLE], ids=["4 GB", "50 MB"])
@pytest.mark.parametrize("identifier", range(0x0D))
def test_a_section_and_what_it_holds_cannot_be_larger_than_the_file(identifier: int, size: bytes) -> None:
    with pytest.raises(MalformedComponent, match="ends beyond the file"):
        read_component(memoryview(COMPONENT_PREAMBLE + bytes([identifier]) + size))
    if identifier in (0x02, 0x03, 0x05, 0x06, 0x07, 0x08, 0x0A, 0x0B):
        with pytest.raises(
            (MalformedComponent, UnsupportedComponent), match="cannot fit into what is left|unexpected end"
        ):
            read_component(memoryview(COMPONENT_PREAMBLE + section(identifier, size)))
