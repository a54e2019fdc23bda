"""The WIT of whatever can be read: printed, or refused with a sentence; without a note it means the same again.

Longer: WPKG_FUZZ_SECONDS=600 pytest tests/property/test_printer.py
"""

from __future__ import annotations

import subprocess
import sys
import time
from functools import cache
from typing import TYPE_CHECKING

import pytest
from hypothesis import given

from tests.components import WASM_TOOLS, wasm_tools
from tests.property.mutation import mutated, seeded
from tests.property.test_composer import GRAPHS, QUICK, composed, parts_of
from tests.property.test_reader_fuzz import SECONDS, SEED, seeds
from tests.unit.wit.cases import LIB, VALID
from tests.vectors.test_ascription import read_back
from tests.wit import assert_same, binary_package, packages
from wpkg.component.read import read_definition
from wpkg.errors import WpkgError
from wpkg.wit.text import WitText, wit_text

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.xdist_group("composer")

MAX_SECONDS_EACH = 4.0  # to read and to print; the work budget alone takes a fraction of one


def shown(data: bytes) -> WitText | WpkgError:
    """The text, or the error instead; any other exception is a bug and passes through."""
    view = memoryview(data)
    start = time.process_time()
    try:
        read = read_definition(view)
        found = wit_text(view, read)
    except WpkgError as error:
        assert error.exit_code == 2
        assert str(error).isprintable()
        return error
    assert time.process_time() - start < MAX_SECONDS_EACH, "it took too long"
    assert wit_text(view, read) == found
    assert all(note.isprintable() for note in found.notes)
    return found


def check_means_the_same(data: bytes, found: WitText) -> None:
    """A text without a note is read as the type that it was made from."""
    read = read_definition(memoryview(data))
    if not found.notes and not read.is_wit_package:
        assert_same(packages(found.text).world("root").type, read_back(read.type))


@cache
def all_seeds() -> tuple[bytes, ...]:
    """Components of many kinds, and WIT packages in binary form."""
    worlds = ("transitive imports", "types of a world", "inline interfaces", "labels", "every type", "async")
    return (*seeds(), *(binary_package(*VALID[case]) for case in worlds), binary_package(LIB))


def test_mutated_components_are_printed_or_refused() -> None:
    random = seeded(SEED)
    end = time.monotonic() + SECONDS
    printed = 0
    while time.monotonic() < end:
        data = mutated(random.choice(all_seeds()), random.choice(all_seeds()), random)
        try:
            found = shown(data)
            if isinstance(found, WitText):
                printed += 1
                check_means_the_same(data, found)
        except BaseException:
            sys.stderr.write(f"input: {data.hex()}\n")
            raise
    assert printed > 5 * SECONDS


def test_what_mutation_starts_from_means_the_same() -> None:
    found = {data: shown(data) for data in all_seeds()}
    texts = {data: text for data, text in found.items() if isinstance(text, WitText)}
    assert len(texts) == len(found)
    assert len([text for text in texts.values() if not text.notes]) > 250
    for data, text in texts.items():
        check_means_the_same(data, text)


@pytest.mark.parametrize("seed", range(8))
def test_generated_packages_and_worlds_print_as_with_wasm_tools(seed: int, tmp_path: Path) -> None:
    """WIT that wasm-tools made up, as a package and as a component."""
    random = seeded(SEED + seed)
    components = 0
    for _ in range(10):  # not every seed makes a world that can be embedded
        done = subprocess.run(
            [WASM_TOOLS, "wit-smith"], input=random.randbytes(2000), capture_output=True, check=False
        )
        if done.returncode:
            continue
        check_as_theirs(done.stdout)
        path = tmp_path / "package.wasm"
        path.write_bytes(done.stdout)
        words = [WASM_TOOLS, "component", "embed", "--dummy", str(path)]
        module = subprocess.run(words, capture_output=True, check=False)
        if module.returncode == 0:
            check_as_theirs(wasm_tools("component", "new", data=module.stdout))
            components += 1
    assert components > 0


def check_as_theirs(data: bytes) -> None:
    found = shown(data)
    assert isinstance(found, WitText)
    assert found.text == wasm_tools("component", "wit", data=data).decode()
    check_means_the_same(data, found)


@QUICK
@given(GRAPHS)
def test_compositions_print_as_with_wasm_tools(seeds: list[int]) -> None:
    data = composed(parts_of(seeds), f"c{seeds[0]}")
    if data is not None:
        check_as_theirs(data)
