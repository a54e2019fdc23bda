"""The reader on mutated components: only its own errors, in bounded time and memory; and what wasm-tools takes.

Seeded and short here. Longer: WPKG_FUZZ_SECONDS=600 pytest tests/property/test_reader_fuzz.py
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from random import Random

import pytest

from tests.components import WASM_TOOLS, from_wit, wasm_tools
from tests.property.mutation import mutated
from tests.shared import vectors
from wpkg.component.errors import MalformedComponent, NotAComponent, UnsupportedComponent
from wpkg.component.read import read_component

SECONDS = float(os.environ.get("WPKG_FUZZ_SECONDS", "3"))
SEED = int(os.environ.get("WPKG_FUZZ_SEED", "20260821"))
MAX_SECONDS_EACH = 2.0  # the work budget alone takes a fraction of one
MAX_MEMORY = 1 << 30  # bytes of address space beyond what is in use when the run starts

Seeds = tuple[bytes, ...]


@cache
def seeds() -> Seeds:
    """Small components of many kinds: the valid vectors, and what wit-component makes of a rich world."""
    folder = vectors("reader")
    files = json.loads((folder / "manifest.json").read_text())["files"]
    valid = [(folder / entry["file"]).read_bytes() for entry in files if entry["expectation"] == "valid"]
    library = """package a:b; interface t { resource r { constructor(x: u8); m: func() -> list<r>; } variant v { a(r), b }
      record c { f: option<tuple<u8, string>> } flags g { x, y } enum e { p, q } }
      interface u { use t.{r, v}; f: async func(x: borrow<r>, y: stream<v>) -> future<list<u8>>; }"""
    made = from_wit("import a:b/t; import a:b/u; export a:b/u; export g: func();", library)
    return (made, *[data for data in valid if len(data) < 20_000])


def verdict(data: bytes) -> Exception | None:
    """Why `data` is refused, None when it is read. Other exceptions than the reader's own pass through."""
    start = time.process_time()
    try:
        read_component(memoryview(data))
        refusal = None
    except (MalformedComponent, NotAComponent, UnsupportedComponent) as error:
        refusal = error
        said = str(error)
        assert said.isprintable(), said
        assert len(said) < 4000, said
    assert time.process_time() - start < MAX_SECONDS_EACH, "it took too long"
    return refusal


def run(seconds: float, seed: int) -> int:
    """How many mutated components were gone through; the first that is not handled is written down."""
    random = Random(seed)
    end = time.monotonic() + seconds
    count = 0
    while time.monotonic() < end:
        data = mutated(random.choice(seeds()), random.choice(seeds()), random)
        try:
            verdict(data)
        except BaseException:
            sys.stderr.write(f"input: {data.hex()}\n")
            raise
        count += 1
    return count


def test_mutated_components_are_read_or_refused_within_bounds() -> None:
    """In a process of its own, whose memory is limited: a declared size must not become an allocation."""
    seeds()  # made here, so that the process has them from disk or not at all
    code = f"import sys; from tests.property.test_reader_fuzz import bounded; print(bounded({SECONDS}, {SEED}))"
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-6000:]
    assert int(done.stdout) > 100 * SECONDS


def bounded(seconds: float, seed: int) -> int:
    """`run` with little memory."""
    seeds()
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MAX_MEMORY, used + MAX_MEMORY))
    return run(seconds, seed)


def test_a_truncated_component_is_refused_or_ends_at_a_section() -> None:
    for data in (seeds()[0], *Random(SEED).sample(seeds()[1:], 6)):
        for length in range(len(data)):
            verdict(data[:length])


def accepted_by_wasm_tools(data: bytes) -> bool:
    words = [WASM_TOOLS, "validate", "--features", "all,-cm-nested-names", "-"]
    return subprocess.run(words, input=data, capture_output=True, check=False).returncode == 0


def differences(count: int, seed: int) -> list[str]:
    """Lightly changed components that wasm-tools takes and the reader refuses, with the reader's reason."""
    random = Random(seed)
    found: list[str] = []
    for _ in range(count):
        data = random.choice(seeds())
        at = random.randrange(8, len(data)) if len(data) > 8 else 0
        if at:
            data = data[:at] + bytes([(data[at] + random.choice((-1, 1, 0x20))) % 256]) + data[at + 1 :]
        refusal = verdict(data)
        if isinstance(refusal, MalformedComponent) and accepted_by_wasm_tools(data):
            found.append(f"{refusal}: {data.hex()}")
    return found


def test_what_wasm_tools_takes_is_read() -> None:
    assert differences(int(30 * SECONDS), SEED) == []


@pytest.mark.parametrize("seed", range(6))
def test_generated_worlds_are_read(seed: int, tmp_path: Path) -> None:
    """WIT that wasm-tools made up, as a component."""
    random = Random(SEED + seed)
    made = None
    for _ in range(20):  # not every seed makes a world that can be embedded
        package = subprocess.run(
            [WASM_TOOLS, "wit-smith"], input=random.randbytes(2000), capture_output=True, check=False
        )
        if package.returncode:
            continue
        (tmp_path / "package.wasm").write_bytes(package.stdout)
        module = subprocess.run(
            [WASM_TOOLS, "component", "embed", "--dummy", str(tmp_path / "package.wasm")],
            capture_output=True,
            check=False,
        )
        if module.returncode == 0:
            made = wasm_tools("component", "new", data=module.stdout)
            break
    assert made is not None
    assert verdict(made) is None
