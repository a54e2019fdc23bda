"""What a repository holds, as values: manifests, tags, referrers. Pure.

The catalog is the sum of its changes. It is written in two forms: whole as `index.json`, an image index that
any tool reads, and change by change as the lines of `index.log`. Applying a journal a second time, to the
index that already includes it, changes nothing: a crash between writing the one and emptying the other is
harmless.

An image index has no place for the subjects of its manifests, so they are kept beside it, together with the
digest of the index that they belong to. They only save reading every manifest again: when another tool has
written the index since, or they are lost, the manifests say it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wpkg.documents.strict_json import InvalidJson, Members, dump_json, load_json
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import Digest
from wpkg.oci.manifest import IMAGE_INDEX
from wpkg.oci.reference import is_tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TAG_ANNOTATION = "org.opencontainers.image.ref.name"  # image-spec v1.1.1 `annotations.md`


@dataclass(frozen=True, slots=True)
class Entry:
    """A manifest or index of the repository."""

    media_type: str  # as pushed
    digest: Digest
    size: int  # bytes
    artifact_type: str | None = None
    subject: Digest | None = None

    def to_json(self, tag: str | None = None) -> dict[str, Any]:
        """The members of its descriptor, named by `tag`."""
        return self.describe({TAG_ANNOTATION: tag} if tag is not None else {}).to_json()

    def describe(self, annotations: Mapping[str, str]) -> Descriptor:
        """Its descriptor, with `annotations`."""
        return Descriptor(self.media_type, self.digest, self.size, annotations, self.artifact_type)


@dataclass(frozen=True, slots=True)
class Published:
    """A manifest was put, and `tags` were pointed at it."""

    entry: Entry
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TagRemoved:
    """A tag was deleted; what it pointed at stays."""

    tag: str


@dataclass(frozen=True, slots=True)
class ManifestRemoved:
    """A manifest was deleted, and with it every tag that pointed at it."""

    digest: Digest


Change = Published | TagRemoved | ManifestRemoved


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of an index about which nothing else is known."""

    descriptor: Descriptor
    tag: str | None = None


class Catalog:
    """The manifests, tags and referrers of one repository.

    Looking up one name is safe beside another thread's change; whatever goes over many is not.
    """

    def __init__(self) -> None:
        self._entries: dict[Digest, Entry] = {}
        self._tags: dict[str, Digest] = {}
        self._tag_counts: dict[Digest, int] = {}  # of what has tags; finding them costs a look at each tag
        self._referrers: dict[Digest, dict[Digest, Entry]] = {}

    def __len__(self) -> int:
        return len(self._entries) + len(self._tags)

    def become(self, other: Catalog) -> None:
        """Take over what `other` has, which is used no more."""
        self._entries, self._tags, self._tag_counts = other._entries, other._tags, other._tag_counts
        self._referrers = other._referrers

    def copy(self) -> Catalog:
        """The catalog as it is now, whatever becomes of this one."""
        copy = Catalog()
        copy._entries, copy._tags, copy._tag_counts = dict(self._entries), dict(self._tags), dict(self._tag_counts)
        copy._referrers = {subject: dict(referrers) for subject, referrers in self._referrers.items()}
        return copy

    def entries(self) -> list[Entry]:
        """Every manifest, by digest."""
        return sorted(self._entries.values(), key=lambda entry: entry.digest)

    def tags_of(self, digest: Digest) -> list[str]:
        """The tags that name a manifest, in ASCII order."""
        return sorted(tag for tag, target in self._tags.items() if target == digest)

    def tagged(self) -> set[Digest]:
        """What tags name."""
        return set(self._tag_counts)

    def find(self, reference: Digest | str) -> Entry | None:
        """What a digest or tag names, if anything."""
        digest = self._tags.get(reference) if isinstance(reference, str) else reference
        return None if digest is None else self._entries.get(digest)

    def tags(self) -> list[str]:
        """Every tag, in ASCII order."""
        return sorted(self._tags)

    def referrers(self, subject: Digest) -> list[Entry]:
        """The manifests whose subject is `subject`, by digest."""
        return sorted(self._referrers.get(subject, {}).values(), key=lambda entry: entry.digest)

    def apply(self, change: Change) -> None:
        """Make `change` part of the catalog."""
        match change:
            case Published(entry, tags):
                self._add(entry)
                for tag in tags:
                    self._forget_tag_of(self._tags.get(tag))
                    self._tags[tag] = entry.digest
                    self._tag_counts[entry.digest] = self._tag_counts.get(entry.digest, 0) + 1
            case TagRemoved(tag):
                self._forget_tag_of(self._tags.pop(tag, None))
            case ManifestRemoved(digest):
                if self._tag_counts.pop(digest, 0):
                    for tag in self.tags_of(digest):
                        del self._tags[tag]
                self._remove(digest)

    def _forget_tag_of(self, digest: Digest | None) -> None:
        if digest is not None:
            self._tag_counts[digest] -= 1
            if not self._tag_counts[digest]:
                del self._tag_counts[digest]

    def _add(self, entry: Entry) -> None:
        before = self._entries.get(entry.digest)
        if before is not None and before.subject != entry.subject:
            self._remove(entry.digest)
        self._entries[entry.digest] = entry
        if entry.subject is not None:
            self._referrers.setdefault(entry.subject, {})[entry.digest] = entry

    def _remove(self, digest: Digest) -> None:
        entry = self._entries.pop(digest, None)
        if entry is not None and entry.subject is not None:
            siblings = self._referrers[entry.subject]
            del siblings[digest]
            if not siblings:
                del self._referrers[entry.subject]

    def encode_index(self) -> bytes:
        """The catalog as `index.json`: tags first, then manifests without one; each sorted."""
        tagged = self.tagged()
        manifests = [self._entries[digest].to_json(tag) for tag, digest in sorted(self._tags.items())]
        manifests += [self._entries[digest].to_json() for digest in sorted(self._entries.keys() - tagged)]
        return dump_json({"schemaVersion": 2, "mediaType": IMAGE_INDEX, "manifests": manifests})

    def encode_subjects(self, index: bytes) -> bytes:
        """The subjects of the manifests in `index`, which is this catalog encoded."""
        subjects = {str(entry.digest): str(entry.subject) for entry in self.entries() if entry.subject is not None}
        return dump_json({"index": str(Digest.of(index)), "subjects": subjects})


def read_index(data: bytes, subjects: bytes) -> tuple[Catalog, list[Listed]]:
    """The catalog in an `index.json`, and the lines that are not in it yet.

    With the `subjects` of this very index the catalog is complete. Otherwise it is empty, and every line's
    manifest has to be read.

    Raises: InvalidJson, InvalidDigest.
    """
    known = _read_subjects(subjects, Digest.of(data))
    catalog = Catalog()
    unread = []
    for members in Members(load_json(data)).objects("manifests"):
        descriptor = Descriptor.read(members)
        tag = descriptor.annotations.get(TAG_ANNOTATION)
        if tag is not None and not is_tag(tag):
            tag = None  # other tools keep whole references or paths there
        if known is None:
            unread.append(Listed(descriptor, tag))
        else:
            entry = _entry(descriptor, known.get(str(descriptor.digest)))
            catalog.apply(Published(entry, (tag,) if tag is not None else ()))
    return catalog, unread


def _read_subjects(data: bytes, index: Digest) -> dict[str, str] | None:
    try:
        members = Members(load_json(data))
        return members.text_map("subjects") if members.text("index") == str(index) else None
    except InvalidJson:
        return None


def _entry(descriptor: Descriptor, subject: str | None) -> Entry:
    return Entry(
        descriptor.media_type,
        descriptor.digest,
        descriptor.size,
        descriptor.artifact_type,
        Digest.parse(subject) if subject else None,
    )


def encode_change(change: Change) -> bytes:
    """The line of the journal that says `change`, without its newline."""
    match change:
        case Published(entry, tags):
            line = {"put": entry.to_json(), "subject": str(entry.subject or ""), "tags": list(tags)}
            return dump_json(line)
        case TagRemoved(tag):
            return dump_json({"untag": tag})
        case ManifestRemoved(digest):
            return dump_json({"delete": str(digest)})


def read_change(line: bytes) -> Change:
    """The change that a line of the journal says. Raises: InvalidJson, InvalidDigest."""
    members = Members(load_json(line))
    if "put" in members:
        entry = _entry(Descriptor.read(members.object("put")), members.text("subject"))
        return Published(entry, _tags(members.texts("tags")))
    if "untag" in members:
        return TagRemoved(_tags([members.text("untag")])[0])
    if "delete" in members:
        return ManifestRemoved(Digest.parse(members.text("delete")))
    raise InvalidJson("the line says none of put, untag, delete")


def _tags(texts: Iterable[str]) -> tuple[str, ...]:
    tags = tuple(texts)
    if not all(is_tag(tag) for tag in tags):
        raise InvalidJson("a tag is malformed")
    return tags
