"""Tags that wait for a signature: pushed by clients that tag first and sign later. One small file.

A waiting tag replaces what the tag showed when it was pushed, and nothing else: if the tag has moved since, by a
push or after a crash, what waits is dropped. So no order of writes and crashes can bring an old manifest back.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from msgspec import Struct

from registry_shim.store.disk import move_into_place, write_new_file
from wpkg.documents.strict_json import Members, dump_json, load_json
from wpkg.errors import InvalidInput, WpkgError
from wpkg.oci.digest import Digest

if TYPE_CHECKING:
    from pathlib import Path

WAITING_FILE = ".waiting.json"  # in the root; no repository's name begins like this
MAX_WAITING = 1000  # tags in all; the file is written anew for each


class TooManyWaiting(WpkgError):
    """So many tags wait for signatures that another one is refused."""


class WaitingTag(Struct, frozen=True):
    """What a tag is to name once that is accepted."""

    repository: str
    tag: str
    manifest: Digest
    instead: Digest | None  # what it showed when this was pushed


class WaitingTags:
    """The file of waiting tags. Safe for several threads.

    A damaged file counts as empty: the tags have to be pushed again, and none is shown that was not.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._tags: dict[tuple[str, str], WaitingTag] = {}
        try:
            self._tags = {(tag.repository, tag.tag): tag for tag in _read(path.read_bytes())}
        except (FileNotFoundError, InvalidInput):
            return

    def find(self, repository: str, tag: str) -> WaitingTag | None:
        """What waits to become the tag."""
        return self._tags.get((repository, tag))

    def of(self, repository: str) -> list[WaitingTag]:
        """What waits in a repository, by tag."""
        with self._lock:
            found = [tag for tag in self._tags.values() if tag.repository == repository]
        return sorted(found, key=lambda waiting: waiting.tag)

    def add(self, waiting: WaitingTag) -> None:
        """Let a tag wait, instead of what waited for it before. Durable. Raises: TooManyWaiting."""
        key = (waiting.repository, waiting.tag)
        with self._lock:
            if self._tags.get(key) == waiting:
                return
            if key not in self._tags and len(self._tags) >= MAX_WAITING:
                raise TooManyWaiting(f"{MAX_WAITING} tags wait for a signature already")
            self._write({**self._tags, key: waiting})

    def remove(self, repository: str, tag: str) -> bool:
        """Whether something waited; nothing does any more."""
        with self._lock:
            if (repository, tag) not in self._tags:
                return False
            self._write({key: tag_ for key, tag_ in self._tags.items() if key != (repository, tag)})
            return True

    def _write(self, tags: dict[tuple[str, str], WaitingTag]) -> None:
        temporary = self._path.with_suffix(".new")
        temporary.unlink(missing_ok=True)
        rows = [
            {
                "repository": tag.repository,
                "tag": tag.tag,
                "manifest": str(tag.manifest),
                "instead": str(tag.instead or ""),
            }
            for _, tag in sorted(tags.items())
        ]
        write_new_file(temporary, dump_json({"waiting": rows}))
        move_into_place(temporary, self._path)
        self._tags = tags


def waiting_manifests(root: Path, repository: str) -> list[Digest]:
    """What waits in a repository of the registry in `root`, by its file, whoever has it open."""
    return [waiting.manifest for waiting in WaitingTags(root / WAITING_FILE).of(repository)]


def _read(data: bytes) -> list[WaitingTag]:
    """Raises: InvalidInput."""
    return [
        WaitingTag(
            row.text("repository"),
            row.text("tag"),
            Digest.parse(row.text("manifest")),
            Digest.parse(row.text("instead")) if row.text("instead") else None,
        )
        for row in Members(load_json(data)).objects("waiting")
    ]
