"""The signatures and attestations of an artifact, as a registry holds them, for the verifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_shim.protocol.asking import NotHere, fetch_blob, fetch_manifest, head, list_referrers
from wpkg.errors import WpkgError
from wpkg.oci.referrers import MAX_REFERRERS
from wpkg.trust.bundle import MAX_BUNDLE_SIZE
from wpkg.trust.legacy import MAX_PAYLOAD_SIZE, legacy_tag, read_legacy_manifest
from wpkg.trust.verify import Candidate, LegacyCandidates, bundle_layer

if TYPE_CHECKING:
    from registry_shim.protocol.service import Service
    from wpkg.oci.descriptor import Descriptor
    from wpkg.oci.digest import Digest


def collect_candidates(service: Service, repository: str, subject: Descriptor) -> list[Candidate]:
    """The referrers of `subject` with their bundles. Raises: EvidenceUnavailable when they cannot be listed."""
    referrers = list_referrers(service, repository, subject.digest)
    if len(referrers) > MAX_REFERRERS:
        unread = NotHere("it was not looked at")  # nor will the verifier, which refuses so many
        return [Candidate(referrer, unread) for referrer in referrers]
    return [_candidate(service, repository, subject, referrer) for referrer in referrers]


def collect_legacy(service: Service, repository: str, subject: Digest) -> LegacyCandidates | None:
    """The signatures under the `.sig` tag of `subject`; None where there is no such tag.

    Raises: EvidenceUnavailable.
    """
    named = head(service, repository, legacy_tag(subject))
    if named is None:
        return None
    manifest = fetch_manifest(service, repository, named.digest)
    try:
        layers = read_legacy_manifest(manifest).layers[: MAX_REFERRERS + 1]
    except WpkgError:
        layers = ()  # what is wrong with it is for the verifier to say
    return LegacyCandidates(manifest, {layer.digest: _payload(service, repository, layer) for layer in layers})


def _payload(service: Service, repository: str, layer: Descriptor) -> bytes | WpkgError:
    if layer.size > MAX_PAYLOAD_SIZE:
        return NotHere(f"it is said to have {layer.size} bytes, over the limit of {MAX_PAYLOAD_SIZE}")
    try:
        return fetch_blob(service, repository, layer)
    except WpkgError as error:
        return error


def _candidate(service: Service, repository: str, subject: Descriptor, referrer: Descriptor) -> Candidate:
    manifest: bytes | WpkgError
    try:
        manifest = fetch_manifest(service, repository, referrer.digest)
    except WpkgError as error:
        return Candidate(referrer, error)
    layer = bundle_layer(subject, referrer, manifest)
    if layer is None or layer.size > MAX_BUNDLE_SIZE:
        return Candidate(referrer, manifest)
    try:
        return Candidate(referrer, manifest, fetch_blob(service, repository, layer))
    except WpkgError as error:
        return Candidate(referrer, manifest, error)
