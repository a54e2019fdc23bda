"""The composer on components that were not made for each other, wired at random: whole ones, and damaged ones.

Seeded and short here. Longer: WPKG_FUZZ_SECONDS=600 pytest tests/property/test_composer_fuzz.py
"""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.components import WASM_TOOLS, from_wit, node, planned, wasm_tools, written
from tests.property.mutation import mutated, seeded
from tests.property.test_composer import random_component
from tests.property.test_reader_fuzz import SECONDS, SEED, seeds
from wpkg.component.errors import MalformedComponent, NotAComponent, UnsupportedComponent
from wpkg.component.sections import section
from wpkg.compose.encode import encode
from wpkg.compose.plan import make_plan
from wpkg.compose.share import share_modules
from wpkg.errors import CompositionError
from wpkg.names.choice import Choice

if TYPE_CHECKING:
    from random import Random

    from wpkg.compose.graph import Node

pytestmark = pytest.mark.xdist_group("composer")

MAX_SECONDS_EACH = 2.0
GRAPHS_A_SECOND = 200  # by which the seconds asked for are counted, so that a seed is the same graphs everywhere
FEATURES = "all,-cm-nested-names"


def drawn(random: Random, *, damaged: bool) -> dict[str, bytes]:
    """Two to four components that the reader takes."""
    found: dict[str, bytes] = {}
    while len(found) < 2:
        for i in range(random.randint(2, 4)):
            data = random.choice(seeds()) if random.random() < 0.7 else random_component(random.randrange(24))
            if damaged and random.random() < 0.6:
                data = mutated(data, random.choice(seeds()), random)
            try:
                node(f"c{i}", data)
            except (MalformedComponent, NotAComponent, UnsupportedComponent):
                continue
            found[f"c{i}"] = data
    return found


def wired(nodes: list[Node], random: Random) -> list[Choice]:
    """Choices for half of the imports, some of them of one export."""
    choices = []
    for one in nodes:
        for name in one.component.imports:
            if random.random() < 0.5:
                exporter = random.choice(nodes)
                exports = list(exporter.component.exports)
                export = random.choice(exports) if exports and random.random() < 0.5 else None
                choices.append(Choice(one.name, name, exporter.name, export))
    return choices


def outcome(parts: dict[str, bytes], random: Random) -> tuple[str, bytes | None]:
    """What became of it in a word, and the bytes where something was connected. Any other exception is a bug."""
    nodes = [node(name, data) for name, data in parts.items()]
    start = time.process_time()
    try:
        plan = make_plan(nodes, random.choice([None, *parts]), wired(nodes, random))
        if random.random() < 0.3:
            encode(plan, share_modules(plan, {name: memoryview(data) for name, data in parts.items()}))
        layout = encode(plan)
    except CompositionError as error:
        assert str(error).isprintable()
        return type(error).__name__, None
    finally:
        assert time.process_time() - start < MAX_SECONDS_EACH, "it took too long"
    return ("connected", written(layout, parts)) if plan.connections else ("alone", None)


def complaint(data: bytes) -> str:
    words = [WASM_TOOLS, "validate", "--features", FEATURES, "-"]
    return subprocess.run(words, input=data, capture_output=True, check=False).stderr.decode()


@pytest.mark.parametrize("damaged", [False, True], ids=["whole", "damaged"])
def test_whatever_is_put_together_is_composed_or_refused(damaged: bool) -> None:  # noqa: FBT001
    """And what is composed of valid components is valid."""
    random = seeded(SEED)
    seen: Counter[str] = Counter()
    for _ in range(int(GRAPHS_A_SECOND * SECONDS)):
        parts = drawn(random, damaged=damaged)
        what, data = outcome(parts, random)
        seen[what] += 1
        if data is not None and not damaged:
            assert complaint(data) == "", {name: part.hex() for name, part in parts.items()}
    assert seen["alone"] > 10, "most of them have nothing to do with each other"
    assert len(seen) >= 4, f"many things should happen, and there was only {dict(seen)}"


def smith(seed: int) -> bytes:
    """A core module that wasm-tools made up."""
    random = seeded(seed)
    while True:
        done = subprocess.run(
            [WASM_TOOLS, "smith"], input=random.randbytes(3000), capture_output=True, check=False
        )
        if done.returncode == 0 and len(done.stdout) > 200:
            return done.stdout


def changed(module: bytes, seed: int) -> bytes:
    """The same after `wasm-tools mutate`, or one that can be changed, where this one has what that does not know."""
    for i in range(seed, seed + 20):
        words = [WASM_TOOLS, "mutate", "-", "--seed", str(i)]
        done = subprocess.run(words, input=module, capture_output=True, check=False)
        if done.returncode == 0 and done.stdout != module:
            return done.stdout
    simple = wasm_tools("parse", data=b'(module (func (export "f") (result i32) i32.const 7 i32.const 8 i32.add))')
    assert module != simple, "wasm-tools mutate changes nothing any more"
    return changed(simple, seed)


@pytest.mark.parametrize("seed", range(4))
def test_generated_and_mutated_modules_are_carried_along_and_shared(seed: int) -> None:
    module = smith(SEED + seed)
    other = changed(module, seed)
    parts = {
        "root": from_wit("import f: func(); export run: func();") + section(1, module) + section(1, other),
        "dep": from_wit("export f: func();") + section(1, module),
    }
    plan = planned(parts)
    whole = written(encode(plan), parts)
    sharing = share_modules(plan, {name: memoryview(data) for name, data in parts.items()})
    shared = written(encode(plan, sharing), parts)
    assert [complaint(data) for data in (whole, shared)] == ["", ""]
    assert all(part in whole for part in parts.values())
    assert (whole.count(module), shared.count(module), shared.count(other)) == (2, 1, 1)
    with pytest.raises(NotAComponent, match="core module"):
        node("module", module)
