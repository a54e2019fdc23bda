"""The referrers index of a registry without the API, when several write to it at once.

distribution-spec v1.1.1, "Referrers Tag Schema":

1. Read the index with its ETag, add the entry, write it with `If-Match`. Registries that know conditions refuse
   what was read too early; others let the last writer win.
2. So look again, after longer than reading and writing takes, and twice, because registries may answer from a
   cache: whoever was overwritten adds its entry once more. By chance of different length, so that two do not keep
   pace.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.oci.referrers import merge_referrer
from wpkg.registry.errors import UnexpectedAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    from wpkg.oci.descriptor import Descriptor
    from wpkg.oci.manifest import Index
    from wpkg.registry.patience import Patience

ATTEMPTS = 20  # to get an entry in
SIGHTINGS = 2  # of an entry before it counts as there
SETTLING = 0.2  # seconds between a write and a look; longer than anybody needs from reading to writing


class FallbackIndex:
    """One index. `read` returns it with its ETag, `write` whether it was stored."""

    def __init__(
        self,
        where: str,
        read: Callable[[], tuple[Index, str | None]],
        write: Callable[[Index, str | None], bool],
        patience: Patience,
    ) -> None:
        self._where = where
        self._read = read
        self._write = write
        self._patience = patience

    def enter(self, entry: Descriptor) -> None:
        """Add `entry`, and see that it stays. Raises: RegistryError."""
        index, etag = self._read()
        if _lists(index, entry):
            return
        for _ in range(ATTEMPTS):
            if self._write(merge_referrer(index, entry), etag):
                index, etag, is_there = self._look(entry)
                if is_there:
                    return
            else:
                self._settle()
                index, etag = self._read()
        raise UnexpectedAnswer(
            f"referrer {entry.digest.short} was entered into the index of {self._where} {ATTEMPTS} times "
            "and is not there: others keep overwriting it",
            hint="try again",
        )

    def _look(self, entry: Descriptor) -> tuple[Index, str | None, bool]:
        """The index as it is found, and whether `entry` was in it each time."""
        for _ in range(SIGHTINGS):
            self._settle()
            index, etag = self._read()
            if not _lists(index, entry):
                return index, etag, False
        return index, etag, True

    def _settle(self) -> None:
        self._patience.sleep(SETTLING * (1 + self._patience.chance()))


def _lists(index: Index, entry: Descriptor) -> bool:
    return any(known.digest == entry.digest for known in index.manifests)
