"""The file of passwords, as `htpasswd -B` writes it.

Grammar, a line each::

    file  ::= ( name ':' hash | '#' anything | blank )*
    hash  ::= '$2' ( 'a' | 'b' | 'y' ) '$' cost '$' salt digest      bcrypt

The other hashes of Apache (MD5, SHA-1, crypt, plain text) can be guessed by the million a second, and are refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_shim.errors import InvalidPasswordFile

if TYPE_CHECKING:
    from collections.abc import Mapping

# 22 characters of salt, the last of which has two bits, and 31 of digest, in an alphabet of bcrypt's own.
_BCRYPT = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}")
MIN_COST = 4  # what bcrypt itself asks for
MAX_COST = 17  # what htpasswd can make; a check takes about ten seconds, and twice as long for each one more
EVERYBODY = "anonymous"
EVERY_USER = "*"
_RESERVED = frozenset({EVERYBODY, EVERY_USER})
_HINT = "htpasswd -B FILE NAME writes a line that can be used"


def read_htpasswd(text: str) -> Mapping[str, bytes]:
    """The hashes by name. Raises: InvalidPasswordFile, which names the line and repeats nothing secret."""
    hashes: dict[str, bytes] = {}
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        name, colon, found = line.partition(":")
        match = _BCRYPT.fullmatch(found)
        if not colon or not name or not name.isprintable():
            raise _wrong(number, "it is not 'name:hash'")
        if name in _RESERVED:
            raise _wrong(number, f"'{name}' means more than one person in rules; nobody can have that name")
        if name in hashes:
            raise _wrong(number, f"'{name}' has a line already")
        if match is None:
            raise _wrong(number, f"the hash of '{name}' is not one of bcrypt")
        if not MIN_COST <= int(match[1]) <= MAX_COST:
            raise _wrong(number, f"the cost of the hash of '{name}' is not from {MIN_COST} to {MAX_COST}")
        hashes[name] = found.encode()
    return hashes


def _wrong(number: int, fault: str) -> InvalidPasswordFile:
    return InvalidPasswordFile(fault, hint=_HINT).within(f"line {number}")
