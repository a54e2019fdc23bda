"""The signatures and attestations of an artifact, as a registry holds them, for the verifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_shim.protocol.asking import NotHere, fetch_blob, fetch_manifest, list_referrers
from wpkg.errors import WpkgError
from wpkg.oci.referrers import MAX_REFERRERS
from wpkg.trust.bundle import MAX_BUNDLE_SIZE
from wpkg.trust.verify import Candidate, bundle_layer

if TYPE_CHECKING:
    from registry_shim.protocol.service import Service
    from wpkg.oci.descriptor import Descriptor


def collect_candidates(service: Service, repository: str, subject: Descriptor) -> list[Candidate]:
    """The referrers of `subject` with their bundles. Raises: EvidenceUnavailable when they cannot be listed."""
    referrers = list_referrers(service, repository, subject.digest)
    if len(referrers) > MAX_REFERRERS:
        unread = NotHere("it was not looked at")  # nor will the verifier, which refuses so many
        return [Candidate(referrer, unread) for referrer in referrers]
    return [_candidate(service, repository, subject, referrer) for referrer in referrers]


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
