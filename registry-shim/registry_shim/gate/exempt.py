"""Tags that are not names for people but places where tools keep signatures; they pass the gate.

Only for what they are for: an index under a referrers tag that lists nothing but referrers of that very digest,
and cosign's older `.sig` and `.att` with layers of their own media types. Anything else under such a tag is a tag
like any other, or else the gate could be walked around.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry_shim.protocol.asking import list_referrers
from wpkg.errors import RegistryError
from wpkg.oci.digest import Digest
from wpkg.oci.manifest import Index, Manifest, read_manifest

if TYPE_CHECKING:
    from registry_shim.protocol.service import Service

_REFERRERS_TAG = re.compile(r"sha256-([0-9a-f]{64})")
_COSIGN_TAG = re.compile(r"sha256-[0-9a-f]{64}\.(sig|att)")
_COSIGN_LAYERS = {
    "sig": "application/vnd.dev.cosign.simplesigning.v1+json",
    "att": "application/vnd.dsse.envelope.v1+json",
}


def is_signature_tag(tag: str) -> bool:
    """Whether a tag has the form of those that tools keep signatures under."""
    return _REFERRERS_TAG.fullmatch(tag) is not None or _COSIGN_TAG.fullmatch(tag) is not None


def signed_by_tag(tag: str) -> Digest | None:
    """The manifest whose signatures are kept under `tag`; None for other tags."""
    return Digest("sha256", tag[len("sha256-") :][:64]) if is_signature_tag(tag) else None


def is_exempt(service: Service, repository: str, tag: str, data: bytes) -> bool:
    """Whether the manifest `data` under `tag` is only about signatures."""
    if not is_signature_tag(tag):
        return False
    try:
        document = read_manifest(data)
        if match := _REFERRERS_TAG.fullmatch(tag):
            return isinstance(document, Index) and _lists_referrers(
                service, repository, Digest("sha256", match[1]), document
            )
    except RegistryError:
        return False
    cosign = _COSIGN_TAG.fullmatch(tag)
    return (
        cosign is not None
        and isinstance(document, Manifest)
        and all(layer.media_type == _COSIGN_LAYERS[cosign[1]] for layer in document.layers)
    )


def _lists_referrers(service: Service, repository: str, subject: Digest, index: Index) -> bool:
    listed = {descriptor.digest for descriptor in index.manifests}
    return not listed or listed <= {known.digest for known in list_referrers(service, repository, subject)}
