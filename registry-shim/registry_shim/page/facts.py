"""What is known of one manifest, gathered for its page."""

from __future__ import annotations

import threading
from collections import OrderedDict
from http import HTTPStatus
from typing import TYPE_CHECKING

from msgspec import Struct

from registry_shim.catalogue.artifact import read_artifact
from registry_shim.catalogue.look import look_into
from registry_shim.errors import EvidenceUnavailable
from registry_shim.gate.evidence import collect_candidates
from registry_shim.page.claims import read_claims, read_provenances
from registry_shim.page.paths import Place
from registry_shim.protocol.asking import NotHere, fetch_blob, fetch_manifest
from registry_shim.protocol.messages import BlobSlice, Request
from registry_shim.protocol.registry import exchange
from wpkg.errors import WpkgError
from wpkg.oci.digest import check_content
from wpkg.trust.legacy import legacy_tag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from registry_shim.catalogue.artifact import Artifact
    from registry_shim.catalogue.catalogue import Catalogue
    from registry_shim.catalogue.look import Look
    from registry_shim.gate.verdict import Verdict
    from registry_shim.page.caller import Caller
    from registry_shim.page.claims import Claim, Provenance
    from wpkg.component.nesting import Contents
    from wpkg.oci.descriptor import Descriptor
    from wpkg.oci.digest import Digest

    Judge = Callable[[str, str, Descriptor], Verdict]

MAX_LOOKS = 32  # components that are remembered; each takes about as much memory as its WIT
MAX_LOOK_SIZE = 256 * 1024  # characters of WIT; what has more is read each time


class Facts(Struct, frozen=True):
    """Everything that the page of a manifest says."""

    place: Place
    artifact: Artifact
    tags: tuple[str, ...]  # of the repository, that name it and may be seen
    look: Look | str | None  # why not, where it is a text; None for what holds no component
    verdict: Verdict | None  # None without a policy
    claims: tuple[Claim, ...]
    provenances: tuple[Provenance, ...]
    places: dict[str, Place]  # digest of a manifest or component -> where in this registry it is
    legacy: Place | None  # where cosign 2 keeps signatures of it, if there are any
    trouble: str  # why signatures could not be looked up


class Looks:
    """Looks into components, remembered by digest. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[Digest, Look] = OrderedDict()

    def get(self, caller: Caller, repository: str, component: Descriptor) -> Look | str:
        """What is in the component; a sentence where that cannot be said."""
        response = exchange(caller, Request("GET", f"/v2/{repository}/blobs/{component.digest}"))
        blob = response.body.blob if isinstance(response.body, BlobSlice) else None
        if response.status != HTTPStatus.OK or blob is None:
            return "it is not here"
        try:
            with self._lock:
                known = self._known.get(component.digest)
                if known is not None:
                    self._known.move_to_end(component.digest)
                    return known
            found = look_into(blob, component.digest)
        except WpkgError as error:
            return str(error)
        finally:
            blob.close()
        if len(found.wit) <= MAX_LOOK_SIZE:
            with self._lock:
                self._known[component.digest] = found
                while len(self._known) > MAX_LOOKS:
                    self._known.popitem(last=False)
        return found


def gather(
    caller: Caller, catalogue: Catalogue, looks: Looks, judge: Judge | None, place: Place, subject: Descriptor
) -> Facts:
    """What is known of the manifest `subject`, which `place` names.

    Raises: EvidenceUnavailable, ContentMismatch, MalformedManifest.
    """
    repository = place.repository
    data = fetch_manifest(caller, repository, subject.digest)
    check_content(data, subject.digest, None, f"manifest {subject.digest.short}")

    def fetch_config(config: Descriptor) -> bytes | None:
        try:
            return fetch_blob(caller, repository, config)
        except (NotHere, EvidenceUnavailable):
            return None

    artifact = read_artifact(subject.digest, subject.media_type, data, fetch_config)
    look = looks.get(caller, repository, artifact.component) if artifact.component is not None else None
    verdict = judge(repository, place.tag or "", subject) if judge is not None else None
    trouble = ""
    legacy = Place(repository, tag=legacy_tag(subject.digest))
    try:
        candidates = collect_candidates(caller, repository, subject)
    except EvidenceUnavailable as error:
        candidates, trouble = [], str(error)
    claims = read_claims(candidates, verdict.verification if verdict is not None else None)
    provenances = read_provenances(claims)
    named = [row for row in catalogue.of_repository(repository) if row.manifest == str(subject.digest)]
    return Facts(
        place,
        artifact,
        tuple(sorted(row.tag for row in named if caller.may_see(repository, row.tag))),
        look,
        verdict,
        tuple(claims),
        tuple(provenances),
        _places(caller, catalogue, look, provenances),
        legacy if caller.may_see(repository, legacy.reference) else None,
        trouble,
    )


def _places(
    caller: Caller, catalogue: Catalogue, look: Look | str | None, provenances: list[Provenance]
) -> dict[str, Place]:
    """Where in this registry the parts and inputs are, as far as the caller may see them."""
    components = {str(part.digest) for part in _parts(look.tree)} if not isinstance(look, str | None) else set()
    components |= {used.digest for item in provenances for used in item.inputs if used.is_component}
    manifests = {used.manifest for item in provenances for used in item.inputs if used.manifest}
    places: dict[str, Place] = {}
    for row in catalogue.places_of(manifests, components):
        if {row.manifest, row.component} - places.keys() and caller.may_see(row.repository, row.tag):
            place = Place(row.repository, tag=row.tag)
            places.setdefault(row.manifest, place)
            places.setdefault(row.component, place)
    return places


def _parts(tree: Contents[Digest]) -> Iterator[Contents[Digest]]:
    for part in tree.components:
        yield part
        yield from _parts(part)
