"""What the last build made of what: so that nothing is read or written again that did not change.

A file that still has the size and the modification time that it was recorded with is the recorded one. The
record is only ever a short cut: where it is missing, old or damaged, everything is done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, to_builtins

from wpkg.documents.strict_json import InvalidJson, Members, dump_json, load_json
from wpkg.oci.digest import Digest, InvalidDigest
from wpkg.registry.disk import write_file
from wpkg.registry.mapping import mapped

if TYPE_CHECKING:
    from pathlib import Path

STATE_FILE = ".wpkg/build.json"  # in the build folder


class FileStamp(Struct, frozen=True):
    """A file as it was when its digest was known."""

    size: int  # bytes
    modified: int  # nanoseconds since 1970
    digest: str

    @classmethod
    def read(cls, members: Members | None) -> FileStamp | None:
        """The stamp in a JSON object."""
        return cls(members.size("size"), members.size("modified"), members.text("digest")) if members else None

    @classmethod
    def of(cls, path: Path, digest: Digest) -> FileStamp:
        """The stamp of a file whose digest is known."""
        status = path.stat()
        return cls(status.st_size, status.st_mtime_ns, str(digest))

    def still_fits(self, path: Path) -> bool:
        """Whether the file looks as it did."""
        try:
            status = path.stat()
        except OSError:
            return False
        return (status.st_size, status.st_mtime_ns) == (self.size, self.modified)


class BuildState(Struct, frozen=True):
    """The last build. `command` made the raw file out of `sources`; None and '' when wpkg did not run it."""

    raw: FileStamp | None = None
    command: str | None = None
    composed: FileStamp | None = None
    sources: str = ""  # fingerprint of what the command was run on
    inputs: str = ""  # fingerprint of everything that the composed file depends on

    def save(self, folder: Path) -> None:
        """Keep the state. Raises: CannotWrite."""
        members: dict[str, Any] = to_builtins(self)
        write_file(folder / STATE_FILE, dump_json(members))


def load_state(folder: Path) -> BuildState:
    """The state of the last build; an empty one where there is none that can be read."""
    try:
        members = Members(load_json((folder / STATE_FILE).read_bytes()))
        return BuildState(
            FileStamp.read(members.optional_object("raw")),
            members.optional_text("command"),
            FileStamp.read(members.optional_object("composed")),
            members.optional_text("sources") or "",
            members.text("inputs"),
        )
    except (OSError, InvalidJson, InvalidDigest):
        return BuildState()


def stamped_digest(path: Path, stamp: FileStamp | None) -> Digest:
    """The digest of a file: the recorded one while the file looks as it did, else of its bytes."""
    if stamp is not None and stamp.still_fits(path):
        return Digest.parse(stamp.digest)
    with mapped(path) as data:
        return Digest.of(data)
