"""Signatures under the `.sig` tag, as cosign before 3 and podman, skopeo and Kyverno read them.

cosign v3.1.2 `specs/SIGNATURE_SPEC.md`, sigstore v1.10.9 `payload.go`; containers/image v5.36.1 is as strict as
the reader here. Tag `sha256-<hex>.sig`, an image manifest with one layer per signature; the layer is a payload::

    {"critical":{"identity":{"docker-reference":"ghcr.io/acme/app:1.4.0"},
                 "image":{"docker-manifest-digest":"sha256:…"},
                 "type":"cosign container image signature"},"optional":null | {…}}

and its annotation carries the signature over the payload's bytes. Package, version and kind are in `optional`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self

from msgspec import Struct, field

from wpkg.documents.strict_json import InvalidJson, Members, dump_json, load_object
from wpkg.errors import InvalidInput
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.manifest import Manifest, read_manifest
from wpkg.trust.canonical_base64 import InvalidBase64, decode_base64, encode_base64
from wpkg.trust.signed_json import load_signed_json, refuse_unknown_members

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wpkg.oci.digest import Digest
    from wpkg.trust.keys import PrivateKey

SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
SIGNATURE_ANNOTATION = "dev.cosignproject.cosign/signature"
CERTIFICATE_ANNOTATION = "dev.sigstore.cosign/certificate"  # of a keyless one
IMAGE_CONFIG = "application/vnd.oci.image.config.v1+json"
MAX_PAYLOAD_SIZE = 1024 * 1024  # bytes
MAX_CONFIG_SIZE = 1024 * 1024  # bytes; of a manifest to which a signature is added

_CLAIM_TYPE = "cosign container image signature"
_NO_TIME = "0001-01-01T00:00:00Z"  # as cosign writes it
_TAGGED = re.compile(r":([A-Za-z0-9_][A-Za-z0-9._-]{0,127})\Z")


class InvalidLegacySignature(InvalidInput):
    """A document is not a payload, or not a manifest, of signatures under a `.sig` tag."""


def legacy_tag(subject: Digest) -> str:
    """The tag of an artifact's signatures."""
    return f"{subject.algorithm}-{subject.encoded}.sig"


class SimpleSigning(Struct, frozen=True):
    """What a payload claims."""

    reference: str  # repository, with the tag where the signer wrote one
    digest: str  # of the artifact's manifest
    annotations: Mapping[str, Any] = field(default_factory=dict)  # `optional`

    @property
    def tag(self) -> str | None:
        """The tag in the reference."""
        found = _TAGGED.search(self.reference.rpartition("/")[2])
        return found[1] if found is not None else None

    @classmethod
    def read(cls, data: bytes) -> Self:
        """The claim in a payload, of which the signature holds. Raises: InvalidLegacySignature."""
        try:
            return cls._read(load_signed_json(data, MAX_PAYLOAD_SIZE))
        except InvalidJson as error:
            raise InvalidLegacySignature(f"the payload is malformed: {error}") from error

    @classmethod
    def _read(cls, document: dict[str, Any]) -> Self:
        members = Members(document)
        critical = members.object("critical")
        identity, image = critical.object("identity"), critical.object("image")
        refuse_unknown_members(document, "the payload", {"critical", "optional"})
        refuse_unknown_members(document["critical"], "critical", {"identity", "image", "type"})
        refuse_unknown_members(critical.raw("identity"), "critical.identity", {"docker-reference"})
        refuse_unknown_members(critical.raw("image"), "critical.image", {"docker-manifest-digest"})
        if critical.text("type") != _CLAIM_TYPE:
            raise InvalidLegacySignature(f"the payload is not a '{_CLAIM_TYPE}'")
        optional = members.raw("optional")
        if optional is not None and not isinstance(optional, dict):
            raise InvalidLegacySignature("'optional' of the payload is not an object")
        return cls(identity.text("docker-reference"), image.text("docker-manifest-digest"), optional or {})

    def encode(self) -> bytes:
        """The payload to sign."""
        return dump_json(
            {
                "critical": {
                    "identity": {"docker-reference": self.reference},
                    "image": {"docker-manifest-digest": self.digest},
                    "type": _CLAIM_TYPE,
                },
                "optional": dict(sorted(self.annotations.items())) or None,
            }
        )


def layer_signature(layer: Descriptor) -> bytes:
    """The signature that the layer of a payload carries. Raises: InvalidLegacySignature."""
    try:
        return decode_base64(layer.annotations.get(SIGNATURE_ANNOTATION, ""))
    except InvalidBase64 as error:
        raise InvalidLegacySignature(f"its signature is malformed: {error}") from error


def sign_payload(key: PrivateKey, payload: bytes) -> Descriptor:
    """The layer in which `key` signs `payload`. Same arguments, same layer."""
    return Descriptor.of(SIMPLE_SIGNING, payload, {SIGNATURE_ANNOTATION: encode_base64(key.sign(payload))})


def read_legacy_manifest(data: bytes) -> Manifest:
    """The manifest under a `.sig` tag. Raises: InvalidLegacySignature, MalformedManifest."""
    manifest = read_manifest(data)
    if not isinstance(manifest, Manifest):
        raise InvalidLegacySignature("it is an index, not a manifest of signatures")
    return manifest


def add_signature(layer: Descriptor, manifest: Manifest | None, config: bytes | None) -> tuple[bytes, bytes]:
    """Manifest and config with `layer` after what is there already. Raises: InvalidLegacySignature."""
    layers = manifest.layers if manifest is not None else ()
    try:
        document = load_object(config) if config is not None else _empty_config()
        history, files = document["history"], document["rootfs"]["diff_ids"]
        document["history"] = [*history, {"created": _NO_TIME}]
        document["rootfs"]["diff_ids"] = [*files, str(layer.digest)]
    except (InvalidJson, KeyError, TypeError) as error:
        raise InvalidLegacySignature("the config of the signatures under the .sig tag is malformed") from error
    data = dump_json(document)
    annotations = manifest.annotations if manifest is not None else {}
    written = Manifest(Descriptor.of(IMAGE_CONFIG, data), (*layers, layer), annotations=annotations)
    return written.encode(), data


def _empty_config() -> dict[str, Any]:
    return {
        "architecture": "",
        "created": _NO_TIME,
        "history": [],
        "os": "",
        "rootfs": {"type": "layers", "diff_ids": []},
        "config": {},
    }
