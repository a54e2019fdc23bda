"""Image manifests and image indexes (image-spec v1.1.1 `manifest.md`, `image-index.md`).

A manifest is its bytes: what was read keeps them, and nothing is ever digested after encoding it anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from wpkg.documents.strict_json import InvalidJson, Members, dump_json, load_json
from wpkg.errors import RegistryError
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import InvalidDigest

if TYPE_CHECKING:
    from collections.abc import Mapping

IMAGE_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
IMAGE_INDEX = "application/vnd.oci.image.index.v1+json"
EMPTY_CONFIG = "application/vnd.oci.empty.v1+json"
EMPTY_CONFIG_BYTES = b"{}"

MAX_MANIFEST_SIZE = 4 * 1024 * 1024  # bytes; distribution-spec, "Pushing Manifests"


class MalformedManifest(RegistryError):
    """A registry's answer is not the manifest or index that it must be."""


class Manifest(Struct, frozen=True):
    """An image manifest."""

    config: Descriptor
    layers: tuple[Descriptor, ...]
    subject: Descriptor | None = None
    artifact_type: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    media_type: str = IMAGE_MANIFEST  # '' where the document has none

    def encode(self) -> bytes:
        """The manifest as canonical JSON."""
        members: dict[str, Any] = {"schemaVersion": 2, "mediaType": self.media_type}
        if self.artifact_type is not None:
            members["artifactType"] = self.artifact_type
        members["config"] = self.config.to_json()
        members["layers"] = [layer.to_json() for layer in self.layers]
        if self.subject is not None:
            members["subject"] = self.subject.to_json()
        if self.annotations:
            members["annotations"] = dict(sorted(self.annotations.items()))
        return dump_json(members)


class Index(Struct, frozen=True):
    """An image index; also the answer of the referrers API."""

    manifests: tuple[Descriptor, ...]
    annotations: Mapping[str, str] = field(default_factory=dict)
    subject: Descriptor | None = None
    artifact_type: str | None = None

    def encode(self) -> bytes:
        """The index as canonical JSON."""
        members: dict[str, Any] = {"schemaVersion": 2, "mediaType": IMAGE_INDEX}
        if self.artifact_type is not None:
            members["artifactType"] = self.artifact_type
        members["manifests"] = [manifest.to_json() for manifest in self.manifests]
        if self.subject is not None:
            members["subject"] = self.subject.to_json()
        if self.annotations:
            members["annotations"] = dict(sorted(self.annotations.items()))
        return dump_json(members)


def read_manifest(data: bytes, media_type: str = "") -> Manifest | Index:
    """The manifest or index in `data`, which the registry called `media_type` ('' for unknown).

    Refuses documents of two meanings (CVE-2021-41190). Descriptors' contents are not looked at.

    Raises: MalformedManifest.
    """
    try:
        members = Members(load_json(data))
        declared = members.optional_text("mediaType") or ""
        if media_type and declared and declared != media_type:
            raise MalformedManifest(f"it says that it is {declared}, the registry that it is {media_type}")
        if "layers" in members and "manifests" in members:
            raise MalformedManifest("it has both layers and manifests")
        said = members.optional_object("subject")
        subject = Descriptor.read(said) if said is not None else None
        if (declared or media_type) == IMAGE_INDEX or "manifests" in members:
            return Index(
                tuple(Descriptor.read(item) for item in members.objects("manifests")),
                members.text_map("annotations"),
                subject,
                members.optional_text("artifactType"),
            )
        return Manifest(
            config=Descriptor.read(members.object("config")),
            layers=tuple(Descriptor.read(item) for item in members.objects("layers")),
            subject=subject,
            artifact_type=members.optional_text("artifactType"),
            annotations=members.text_map("annotations"),
            media_type=declared,
        )
    except (InvalidJson, InvalidDigest) as error:
        raise MalformedManifest(str(error)) from error
