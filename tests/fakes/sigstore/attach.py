"""What a workflow with sigstore's `cosign` does after `wpkg push`: sign keyless what is in a registry."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from tests.fakes.sigstore.instance import WORKFLOW
from wpkg.oci.manifest import EMPTY_CONFIG, EMPTY_CONFIG_BYTES
from wpkg.trust.bundle import BUNDLE_V03, build_bundle_referrer
from wpkg.trust.statement import COSIGN_SIGN, signature_statement
from wpkg.workflow.attach import published_as, push_small_blobs
from wpkg.workflow.release import fetch_release

if TYPE_CHECKING:
    from tests.fakes.sigstore.instance import Sigstore
    from wpkg.oci.digest import Digest
    from wpkg.oci.reference import Reference
    from wpkg.workflow.world import World


def sign_keyless(
    world: World,
    reference: Reference,
    sigstore: Sigstore,
    subject: str = WORKFLOW,
    predicate_type: str = COSIGN_SIGN,
    **how: Any,
) -> Digest:
    """The referrer with which `subject` signs, or attests something of, what `reference` names."""
    release = fetch_release(world, reference, cached=False)
    statement = replace(signature_statement(published_as(release)), predicate_type=predicate_type)
    bundle = json.dumps(sigstore.sign(statement.encode(), sigstore.holder(subject), **how)).encode()
    referrer = build_bundle_referrer(release.manifest, bundle, predicate_type)
    push_small_blobs(world, reference.repository, [(EMPTY_CONFIG, EMPTY_CONFIG_BYTES), (BUNDLE_V03, bundle)])
    return world.registry.push_manifest(reference.repository, referrer.encode(), referrer.media_type)
