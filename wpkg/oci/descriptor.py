"""Descriptors (image-spec v1.1.1 `descriptor.md`): what to fetch, what it must hash to, how long it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from msgspec import Struct, field

from wpkg.oci.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wpkg.documents.strict_json import Members


class Descriptor(Struct, frozen=True):
    """One piece of content."""

    media_type: str
    digest: Digest
    size: int  # bytes
    annotations: Mapping[str, str] = field(default_factory=dict)
    artifact_type: str | None = None

    @classmethod
    def read(cls, members: Members) -> Self:
        """The descriptor in a JSON object. Raises: InvalidJson, InvalidDigest."""
        return cls(
            media_type=members.text("mediaType"),
            digest=Digest.parse(members.text("digest")),
            size=members.size("size"),
            annotations=members.text_map("annotations"),
            artifact_type=members.optional_text("artifactType"),
        )

    @classmethod
    def of(cls, media_type: str, data: bytes, annotations: Mapping[str, str] | None = None) -> Self:
        """The descriptor of `data`."""
        return cls(media_type, Digest.of(data), len(data), annotations or {})

    def to_json(self) -> dict[str, Any]:
        """The members in the order in which they are written; annotations sorted."""
        members: dict[str, Any] = {
            "mediaType": self.media_type,
            "digest": str(self.digest),
            "size": self.size,
        }
        if self.annotations:
            members["annotations"] = dict(sorted(self.annotations.items()))
        if self.artifact_type is not None:
            members["artifactType"] = self.artifact_type
        return members
