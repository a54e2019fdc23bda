"""What a manifest that is pushed must be, and what it refers to.

Beyond the reading rules of `wpkg.oci.manifest`: an index may have a `subject` and an `artifactType` as well
(image-spec v1.1.1 `image-index.md`), and not everything a manifest names has to be in the registry.
"""

from __future__ import annotations

import base64
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wpkg.documents.strict_json import InvalidJson, Members, load_json
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import Digest, InvalidDigest
from wpkg.oci.manifest import IMAGE_INDEX, IMAGE_MANIFEST, Index, MalformedManifest, read_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# The types of the older format that means the same; pushed by tools that have not moved on.
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_MANIFEST_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
INDEX_TYPES = frozenset({IMAGE_INDEX, DOCKER_MANIFEST_LIST})
MANIFEST_TYPES = INDEX_TYPES | {IMAGE_MANIFEST, DOCKER_MANIFEST}

# Layers that their licence forbids to push (image-spec v1.1.1 `layer.md`, "Non-Distributable Layers").
NON_DISTRIBUTABLE = (
    "application/vnd.oci.image.layer.nondistributable.",
    "application/vnd.docker.image.rootfs.foreign.",
)

SCHEMA_VERSION = 2


@dataclass(frozen=True, slots=True)
class Document:
    """A manifest or index as the store needs to know it."""

    media_type: str  # as pushed
    artifact_type: str | None  # of a referrer: what the API calls it (distribution-spec, "Listing Referrers")
    subject: Digest | None
    annotations: Mapping[str, str]
    blobs: tuple[Descriptor, ...]  # that must be in the repository
    manifests: tuple[Descriptor, ...]  # the same, of an index


def read_document(data: bytes, media_type: str) -> Document:
    """What `data`, pushed as `media_type` ('' for unknown), is and refers to.

    Refuses what could be read as two things (CVE-2021-41190). Whether what it refers to exists is not
    looked at, nor embedded `data`; see `check_embedded`.

    Raises: MalformedManifest.
    """
    try:
        members = Members(load_json(data))
        declared = members.optional_text("mediaType") or ""
        if media_type and declared and media_type != declared:
            raise MalformedManifest(f"its mediaType is '{declared}', but it was sent as '{media_type}'")
        media_type = media_type or declared
        _check_shape(members, media_type)
        manifest = read_manifest(data, media_type)
        subject = members.optional_object("subject")
        artifact_type = members.optional_text("artifactType")
        if subject is not None and not isinstance(manifest, Index):
            artifact_type = artifact_type or manifest.config.media_type
        return Document(
            media_type=media_type,
            artifact_type=artifact_type,
            subject=Descriptor.read(subject).digest if subject is not None else None,
            annotations=manifest.annotations,
            blobs=() if isinstance(manifest, Index) else tuple(_required(members, "config", "layers")),
            manifests=tuple(_required(members, "manifests")) if isinstance(manifest, Index) else (),
        )
    except (InvalidJson, InvalidDigest) as error:
        raise MalformedManifest(str(error)) from error


def _check_shape(members: Members, media_type: str) -> None:
    if not media_type:
        raise MalformedManifest("neither a Content-Type nor its mediaType says what it is")
    if members.raw("schemaVersion") != SCHEMA_VERSION:
        raise MalformedManifest(f"its schemaVersion is not {SCHEMA_VERSION}")
    if media_type in INDEX_TYPES:
        strange = [name for name in ("config", "layers") if name in members]
        if strange or "manifests" not in members:
            raise MalformedManifest("it is sent as an index, which has manifests and neither config nor layers")
    elif media_type in MANIFEST_TYPES and "manifests" in members:
        raise MalformedManifest("it is sent as an image manifest, which has no manifests")


def _required(members: Members, *keys: str) -> Iterator[Descriptor]:
    """The descriptors under `keys` whose content must be in the repository."""
    for key in keys:
        items = [members.object(key)] if isinstance(members.raw(key), dict) else members.objects(key)
        for item in items:
            descriptor = Descriptor.read(item)
            if not item.texts("urls") and not descriptor.media_type.startswith(NON_DISTRIBUTABLE):
                yield descriptor


def check_embedded(data: bytes) -> None:
    """Nothing where content that descriptors of a manifest embed is theirs (image-spec v1.1.1 `descriptor.md`).

    Whoever reads embedded content and does not verify it would have something else than those who fetch it.

    Raises: MalformedManifest.
    """
    if b"data" not in data:
        return
    try:
        members = Members(load_json(data))
        for key in ("config", "layers", "manifests", "subject"):
            value = members.raw(key)
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, dict) and "data" in item:
                    _check_data(key, Descriptor.read(Members(item)), item["data"])
    except (InvalidJson, InvalidDigest) as error:
        raise MalformedManifest(str(error)) from error


def _check_data(key: str, descriptor: Descriptor, embedded: object) -> None:
    try:
        content = base64.b64decode(embedded if isinstance(embedded, str) else "?", validate=True)
    except ValueError as error:
        raise MalformedManifest(f"the data in {key} is not base64") from error
    if len(content) != descriptor.size or Digest.of(content, descriptor.digest.algorithm) != descriptor.digest:
        raise MalformedManifest(f"the data in {key} is not that of {descriptor.digest}")


def named_digests(data: bytes) -> set[Digest]:
    """Every digest that a manifest of whatever type names, but its subject's: what it cannot do without.

    Nothing is known of types that are yet to come, but that descriptors have a member `digest` (image-spec v1.1.1
    `descriptor.md`). What is no JSON names nothing.
    """
    try:
        pending: list[Any] = [load_json(data)]
    except InvalidJson:
        return set()
    if isinstance(pending[0], dict):
        pending = [value for name, value in pending[0].items() if name != "subject"]
    named = set()
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            pending += value.values()
            with contextlib.suppress(InvalidDigest):
                named.add(Digest.parse(str(value.get("digest"))))
        elif isinstance(value, list):
            pending += value
    return named
