"""Components changed a little at random, from a seed: what breaks readers is nearly right."""

from __future__ import annotations

from random import Random

from wpkg.component.decode import sections
from wpkg.component.errors import MalformedComponent
from wpkg.component.sections import COMPONENT_PREAMBLE, section


def seeded(seed: int) -> Random:
    """Choices that are the same in each run."""
    return Random(seed)


def mutated(data: bytes, other: bytes, random: Random) -> bytes:
    """`data` with one to four changes; sections may come from `other`."""
    for _ in range(random.randint(1, 4)):
        change = random.choice((_flip, _set, _remove, _insert, _repeat, _swap_sections, _splice, _nudge))
        data = change(data, other, random)
    return data


def _at(data: bytes, random: Random) -> int:
    return random.randrange(len(COMPONENT_PREAMBLE), len(data)) if len(data) > len(COMPONENT_PREAMBLE) else 0


def _flip(data: bytes, _: bytes, random: Random) -> bytes:
    at = _at(data, random)
    return data[:at] + bytes([data[at] ^ (1 << random.randrange(8))]) + data[at + 1 :] if at else data


def _set(data: bytes, _: bytes, random: Random) -> bytes:
    at = _at(data, random)
    return data[:at] + bytes([random.choice((0, 1, 2, 3, 5, 0x40, 0x7F, 0x80, 0xFF))]) + data[at + 1 :]


def _nudge(data: bytes, _: bytes, random: Random) -> bytes:
    """Indices and counts that are off by one."""
    at = _at(data, random)
    return data[:at] + bytes([(data[at] + random.choice((-1, 1))) % 256]) + data[at + 1 :] if at else data


def _remove(data: bytes, _: bytes, random: Random) -> bytes:
    at = _at(data, random)
    return data[:at] + data[at + random.choice((1, 1, 2, 8, 64)) :]


def _insert(data: bytes, _: bytes, random: Random) -> bytes:
    at = _at(data, random)
    return data[:at] + random.randbytes(random.choice((1, 1, 2, 8))) + data[at:]


def _repeat(data: bytes, _: bytes, random: Random) -> bytes:
    at = _at(data, random)
    return data[:at] + data[at : at + random.choice((1, 4, 32))] * 2 + data[at:]


def parts(data: bytes) -> list[tuple[int, bytes]]:
    """The outermost sections that can be made out: id and body."""
    found: list[tuple[int, bytes]] = []
    try:
        for identifier, start, end in sections(memoryview(data), 0, len(data)):
            found.append((identifier, data[start:end]))
    except MalformedComponent:
        pass
    return found


def _joined(found: list[tuple[int, bytes]]) -> bytes:
    return COMPONENT_PREAMBLE + b"".join(section(identifier, body) for identifier, body in found)


def _swap_sections(data: bytes, _: bytes, random: Random) -> bytes:
    found = parts(data)
    if len(found) < 2:
        return data
    first, second = random.sample(range(len(found)), 2)
    found[first], found[second] = found[second], found[first]
    return _joined(found)


def _splice(data: bytes, other: bytes, random: Random) -> bytes:
    found, given = parts(data), parts(other)
    if given:
        found.insert(random.randint(0, len(found)), random.choice(given))
    return _joined(found)
