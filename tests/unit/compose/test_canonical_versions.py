"""Interfaces under canonical versions, as a toolchain may write them instead of full ones."""

from __future__ import annotations

import pytest

from tests.components import compose, from_text, planned, world
from wpkg.component.definitions import Attribute
from wpkg.component.sections import COMPONENT_PREAMBLE, section
from wpkg.component.write import extern_name
from wpkg.compose.errors import TypeMismatch

STORE = "ns:kv/store"
STORE_TYPE = section(
    0x07, b"\x01\x42\x02\x01\x40\x00\x01\x00\x04\x00\x01f\x01\x00"
)  # (instance (export "f" (func)))


def named_canonically(track: str, rest: str) -> bytes:
    return extern_name(f"{STORE}@{track}", [(Attribute.VERSION_SUFFIX, rest)])


def test_a_canonical_version_goes_with_every_version_of_its_track() -> None:
    """`@1` with the suffix `.0.3` (Explainer, "canonical interface name"), which wasm-tools has no text for yet."""
    imports = STORE_TYPE + section(0x0A, b"\x01" + named_canonically("1", ".0.3") + b"\x05\x00")
    run = section(0x06, b"\x01\x01\x00\x00\x01f") + section(0x0B, b"\x01\x00\x03run\x01\x00\x00")
    root = COMPONENT_PREAMBLE + imports + run
    asks = f'(component (import "{STORE}@1.2.0" (instance $i (export "f" (func)))) (export "run" (func $i "f")))'
    offers = f'(component (import "g" (func $g)) (instance $i (export "f" (func $g))) (export "{STORE}@1.2.0" (instance $i)))'
    exporting = (
        section(0x07, b"\x01\x40\x00\x01\x00")
        + section(0x0A, b"\x01" + extern_name("g") + b"\x01\x00")
        + section(0x05, b"\x01\x01\x01" + extern_name("f") + b"\x01\x00")
        + section(0x0B, b"\x01" + named_canonically("1", ".0.3") + b"\x05\x00\x00")
    )
    dep = COMPONENT_PREAMBLE + exporting
    for parts in (
        {"root": root, "dep": from_text(offers)},
        {"root": from_text(asks), "dep": dep},
        {"root": root, "dep": dep},
    ):
        assert world(compose(parts)) == ["import g: func()", "export run: func()"]
    other = from_text(offers.replace("@1.2.0", "@2.0.0"))
    assert planned({"root": root, "dep": other}, "root").connections == ()
    less = from_text(offers.replace('(instance $i (export "f" (func $g)))', "(instance $i)"))
    with pytest.raises(TypeMismatch, match="f: wanted func"):
        planned({"root": root, "dep": less})
