"""Referrers: manifests whose `subject` is another manifest (distribution-spec v1.1.1, "Listing Referrers").

A registry without the API keeps them in an index under a tag made from the subject's digest (the referrers
tag schema). Neither an API's nor an index's word is trusted for what a referrer is: its manifest is read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wpkg.oci.descriptor import Descriptor
from wpkg.oci.manifest import EMPTY_CONFIG, EMPTY_CONFIG_BYTES, Index, Manifest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wpkg.oci.digest import Digest

_REFERRERS_TAG = re.compile(r"sha(?:256|512)-[0-9a-f]{64}")

MAX_REFERRERS = 64  # candidates looked at; more is refused, not cut off


def referrers_tag(subject: Digest) -> str:
    """The tag of the fallback index: `sha256-<64 hex>`."""
    return f"{subject.algorithm[:32]}-{subject.encoded[:64]}"


def is_referrers_tag(tag: str) -> bool:
    """Whether `tag` is one of the fallback schema."""
    return _REFERRERS_TAG.fullmatch(tag) is not None


def build_referrer(
    subject: Descriptor, artifact_type: str, blob: Descriptor, annotations: Mapping[str, str]
) -> Manifest:
    """A manifest that attaches `blob` to `subject`. The config is the empty blob, to be pushed as well."""
    return Manifest(
        config=Descriptor.of(EMPTY_CONFIG, EMPTY_CONFIG_BYTES),
        layers=(blob,),
        subject=Descriptor(subject.media_type, subject.digest, subject.size),
        artifact_type=artifact_type,
        annotations=annotations,
    )


def describe_referrer(manifest: Manifest | Index, descriptor: Descriptor) -> Descriptor:
    """The entry of a referrers index: the manifest's descriptor with its artifact type and annotations."""
    return Descriptor(
        descriptor.media_type,
        descriptor.digest,
        descriptor.size,
        manifest.annotations,
        manifest.artifact_type or (manifest.config.media_type if isinstance(manifest, Manifest) else None),
    )


def merge_referrer(index: Index, entry: Descriptor) -> Index:
    """`index` with `entry`, once."""
    others = tuple(known for known in index.manifests if known.digest != entry.digest)
    return Index((*others, entry), index.annotations)
