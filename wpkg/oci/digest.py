"""Digests (image-spec v1.1.1 `descriptor.md`, "Digests").

Grammar::

    digest    ::= algorithm ':' encoded
    algorithm ::= 'sha256' | 'sha512'                 those that this project computes
    encoded   ::= 64 or 128 lower-case hexadecimal digits
"""

from __future__ import annotations

import hashlib
import re
from typing import Self

from msgspec import Struct

from wpkg.errors import InvalidInput, RegistryError

Bytes = bytes | bytearray | memoryview

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


class InvalidDigest(InvalidInput):
    """A text is not a digest that this project computes."""


class ContentMismatch(RegistryError):
    """Bytes are not those that their digest or size promises."""


class Digest(Struct, frozen=True, order=True):
    """`sha256:<64 hex>` or `sha512:<128 hex>`."""

    algorithm: str
    encoded: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """The digest that `text` spells. Raises: InvalidDigest."""
        if _DIGEST.fullmatch(text) is None:
            raise InvalidDigest(f"'{text[:160]}' is not a sha256 or sha512 digest")
        algorithm, _, encoded = text.partition(":")
        return cls(algorithm, encoded)

    @classmethod
    def of(cls, data: Bytes, algorithm: str = "sha256") -> Self:
        """The digest of `data`."""
        return cls(algorithm, hashlib.new(algorithm, data).hexdigest())

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.encoded}"

    @property
    def short(self) -> str:
        """The first twelve digits, for people."""
        return f"{self.algorithm}:{self.encoded[:12]}"


class Verifier:
    """Hashes bytes as they pass and, at the end, says whether they are what was promised.

    Feed every chunk to `update`; it raises as soon as there are more bytes than `size`. Call `finish` once.
    """

    def __init__(self, digest: Digest, size: int, what: str) -> None:
        self.digest = digest
        self.size = size  # bytes
        self.what = what  # named in errors, "blob sha256:… of ghcr.io/acme/app"
        self.seen = 0  # bytes
        self._hash = hashlib.new(digest.algorithm)

    def update(self, chunk: Bytes) -> None:
        """Take the next bytes. Raises: ContentMismatch when there are too many."""
        self.seen += memoryview(chunk).nbytes
        if self.seen > self.size:
            raise ContentMismatch(f"{self.what} is longer than the {self.size} bytes its descriptor says")
        self._hash.update(chunk)

    def finish(self) -> None:
        """Check size, then digest. Raises: ContentMismatch."""
        if self.seen != self.size:
            raise ContentMismatch(f"{self.what} has {self.seen} bytes, its descriptor says {self.size}")
        found = self._hash.hexdigest()
        if found != self.digest.encoded:
            raise ContentMismatch(
                f"{self.what} does not match its digest: got {self.digest.algorithm}:{found}",
                hint="the bytes were changed in storage or on the way; nothing of them was used",
            )


def check_content(data: Bytes, digest: Digest, size: int | None, what: str) -> None:
    """Verify `data` against its digest, and its size where one is known. Raises: ContentMismatch."""
    view = memoryview(data)
    verifier = Verifier(digest, view.nbytes if size is None else size, what)
    verifier.update(view)
    verifier.finish()
