"""Verification: who has signed an artifact, and why every other candidate does not count.

The steps, whose numbers stand in the code:

 1. The subject's digest is a SHA-256, and there are at most `MAX_REFERRERS` candidates. More fail everything.
Then for each candidate, until one step refuses it:
 2. Its descriptor is of an image manifest of at most `MAX_MANIFEST_SIZE`. Its artifact type is not looked at:
    indexes get it wrong (go-containerregistry < 0.21.6).
 3. The bytes of its manifest were fetched, and have the descriptor's digest and size.
 4. They are an image manifest whose own `subject` is the artifact.
 5. It has one layer, of a media type of sigstore bundles, of at most `MAX_BUNDLE_SIZE`.
 6. The bytes of the bundle were fetched, and have the layer's digest and size.
 7. They are a v0.3 bundle with a public key hint or a certificate and one signature over an in-toto payload.
 8. A key that the rule names made the signature. The hint decides which is tried first, nothing else. With a
    certificate: it is for an identity that the rule names, and sigstore vouches for it (`wpkg.trust.keyless`).
 9. Only now the payload is read: it is an in-toto statement.
10. One of its subjects is the artifact; none has the component's file name and another SHA-256.
11. Package, version and kind are those that were asked for, as far as the statement says any; package and
    version are in it, where the rule wants that, or in the artifact's config, which the digest covers.
12. Its predicate type gives it its role: `COSIGN_SIGN`, or what the rule takes for it, is a signature when the key
    is one of the rule's signers; everything else is an attestation.
Then, where the rule takes them, the signatures under the `.sig` tag (`wpkg.trust.legacy`), layer by layer:
13. The layer is a payload of at most `MAX_PAYLOAD_SIZE`, was fetched, and has the descriptor's digest and size.
14. A key of the rule's signers made the signature that the layer's annotation carries.
15. Only now the payload is read: it claims the artifact, and package, version and kind as in step 11; a tag in its
    reference is that of the version.
At the end:
16. As many distinct keys have signed as the rule wants, and everything that it requires is attested by somebody
    whom it names for that.

A candidate that is refused is a finding with its reason; it adds no trust and takes none away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wpkg.errors import InvalidInput, WpkgError
from wpkg.oci.digest import ContentMismatch, check_content
from wpkg.oci.manifest import IMAGE_MANIFEST, MAX_MANIFEST_SIZE, MalformedManifest, Manifest, read_manifest
from wpkg.oci.referrers import MAX_REFERRERS
from wpkg.trust.bundle import BUNDLE_TYPE_PREFIX, MAX_BUNDLE_SIZE, Bundle, UnsupportedBundle
from wpkg.trust.expected import IDENTITY
from wpkg.trust.keyless import NotBySigner, find_identity
from wpkg.trust.legacy import (
    CERTIFICATE_ANNOTATION,
    MAX_PAYLOAD_SIZE,
    SIMPLE_SIGNING,
    SimpleSigning,
    layer_signature,
    read_legacy_manifest,
)
from wpkg.trust.policy import is_among
from wpkg.trust.required import unmet_by
from wpkg.trust.statement import COSIGN_SIGN, IN_TOTO_PAYLOAD, Statement
from wpkg.trust.verification import Attestation, Finding, Outcome, Verification

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wpkg.oci.descriptor import Descriptor
    from wpkg.oci.digest import Digest
    from wpkg.trust.expected import Expected
    from wpkg.trust.policy import Rule, Signer

TITLE_ANNOTATION = "org.opencontainers.image.title"
MAX_REASON_LENGTH = 300  # characters


class LegacyCandidates(Struct, frozen=True):
    """The manifest under an artifact's `.sig` tag, with the payloads that could be fetched."""

    manifest: bytes
    payloads: Mapping[Digest, bytes | WpkgError]


class Candidate(Struct, frozen=True):
    """A referrer of the artifact, as it was listed and fetched. An error stands where fetching failed."""

    descriptor: Descriptor
    manifest: bytes | WpkgError
    bundle: bytes | WpkgError | None = None  # None where `bundle_layer` found nothing to fetch


class _DoesNotCount(Exception):
    """A step refused a candidate."""

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.reason = _shown(reason)


def _shown(reason: str) -> str:
    """A reason as it may be printed: parsers quote what they refuse, and that may be anything, of any length."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in reason[:MAX_REASON_LENGTH]
    )


def bundle_layer(subject: Descriptor, descriptor: Descriptor, manifest: bytes) -> Descriptor | None:
    """The blob to fetch for a candidate; None where steps 2 to 5 refuse it."""
    try:
        return _bundle_layer(subject, descriptor, manifest)
    except _DoesNotCount:
        return None


def verify_signatures(
    subject: Descriptor,
    candidates: Sequence[Candidate],
    rule: Rule,
    expected: Expected,
    legacy: LegacyCandidates | None = None,
) -> Verification:
    """What `candidates` and `legacy` prove about the artifact whose manifest is `subject`, under `rule`."""
    # 1
    if subject.digest.algorithm != "sha256":
        reason = "the artifact is not named by a SHA-256 digest, which signatures are about"
        return Verification(subject.digest, rule, findings=(Finding(None, Outcome.NOT_EXAMINED, reason),))
    if len(candidates) > MAX_REFERRERS:
        reason = f"the artifact has {len(candidates)} referrers, over the limit of {MAX_REFERRERS}"
        return Verification(subject.digest, rule, findings=(Finding(None, Outcome.NOT_EXAMINED, reason),))

    findings: set[Finding] = set()
    signers: dict[tuple[str, str], Signer] = {}
    attestations: dict[str, dict[Digest, Attestation]] = {}
    for candidate in candidates:
        digest = candidate.descriptor.digest
        try:
            signer, statement = _check_candidate(subject, candidate, rule, expected)
        except _DoesNotCount as refusal:
            findings.add(Finding(digest, refusal.outcome, refusal.reason))
            continue
        # 12
        signs = statement.predicate_type == COSIGN_SIGN
        if is_among(signer, rule.signers) and (signs or statement.predicate_type in rule.accepted_attestations):
            signers[signer.hint, signer.name] = signer
            findings.add(Finding(digest, Outcome.SIGNATURE, f"a signature by '{signer.name}'", signer.hint))
        elif signs:
            reason = f"it is signed by '{signer.name}', whom the rule names for attestations only"
            findings.add(Finding(digest, Outcome.UNKNOWN_SIGNER, reason, signer.hint))
        if not signs:
            reason = f"an attestation by '{signer.name}', which is not a signature"
            findings.add(Finding(digest, Outcome.ATTESTATION, reason, signer.hint))
            of_kind = attestations.setdefault(statement.predicate_type, {})
            of_kind[digest] = Attestation(digest, signer, statement)
    if legacy is not None and "legacy" in rule.formats:
        for finding, by in _check_legacy(subject, legacy, rule, expected):
            findings.add(finding)
            if by is not None:
                signers[by.hint, by.name] = by
    # 16; the number of signers is `Verification.state`.
    return Verification(
        subject.digest,
        rule,
        signers=tuple(signer for _, signer in sorted(signers.items())),
        attestations={
            kind: tuple(of_kind[digest] for digest in sorted(of_kind))
            for kind, of_kind in sorted(attestations.items())
        },
        findings=tuple(sorted(findings, key=Finding.order)),
        unmet=tuple(unmet_by(rule, attestations, expected.today)),
    )


def _check_legacy(
    subject: Descriptor, legacy: LegacyCandidates, rule: Rule, expected: Expected
) -> Iterator[tuple[Finding, Signer | None]]:
    """Steps 13 to 15 for each signature under the `.sig` tag."""
    try:
        manifest = read_legacy_manifest(legacy.manifest)
    except WpkgError as error:
        yield Finding(None, Outcome.UNUSABLE, f"what is under its .sig tag: {_shown(str(error))}"), None
        return
    if len(manifest.layers) > MAX_REFERRERS:
        reason = (
            f"there are {len(manifest.layers)} signatures under its .sig tag, over the limit of {MAX_REFERRERS}"
        )
        yield Finding(None, Outcome.NOT_EXAMINED, reason), None
        return
    for layer in manifest.layers:
        try:
            signer = _check_layer(subject, layer, legacy.payloads.get(layer.digest), rule, expected)
        except _DoesNotCount as refusal:
            yield Finding(layer.digest, refusal.outcome, refusal.reason), None
        else:
            reason = f"a signature by '{signer.name}' under the .sig tag"
            yield Finding(layer.digest, Outcome.SIGNATURE, reason, signer.hint), signer


def _check_layer(
    subject: Descriptor, layer: Descriptor, data: bytes | WpkgError | None, rule: Rule, expected: Expected
) -> Signer:
    # 13
    if layer.media_type != SIMPLE_SIGNING or layer.size > MAX_PAYLOAD_SIZE:
        raise _DoesNotCount(Outcome.UNUSABLE, f"it is not a signed payload of at most {MAX_PAYLOAD_SIZE} bytes")
    payload = _fetched(layer, data, "its payload")
    # 14
    try:
        signature = layer_signature(layer)
    except InvalidInput as error:
        raise _DoesNotCount(Outcome.UNUSABLE, str(error)) from error
    signer = next((signer for signer in rule.signers if signer.key.verifies(signature, payload)), None)
    if signer is None:
        if CERTIFICATE_ANNOTATION in layer.annotations:
            raise _DoesNotCount(Outcome.UNKNOWN_SIGNER, "it is keyless, which counts as a bundle only")
        raise _DoesNotCount(Outcome.UNKNOWN_SIGNER, "it is signed by a key that the rule does not name")
    _check_standing(signer, expected)
    # 15
    try:
        claim = SimpleSigning.read(payload)
    except InvalidInput as error:
        raise _DoesNotCount(Outcome.CONTRADICTION, f"what '{signer.name}' signed: {error}") from error
    if claim.digest != str(subject.digest):
        raise _DoesNotCount(Outcome.CONTRADICTION, f"'{signer.name}' signed another artifact with it")
    tags = () if expected.version is None else (expected.version.tag, expected.version.raw_tag)
    if tags and claim.tag is not None and claim.tag not in tags:
        raise _DoesNotCount(
            Outcome.CONTRADICTION, f"'{signer.name}' signed it as {claim.tag[:80]!a}, not '{tags[0]}'"
        )
    _check_identity(
        [claim.annotations], signer, expected, required=rule.requires_identity(signs=expected.is_package)
    )
    return signer


def _check_candidate(
    subject: Descriptor, candidate: Candidate, rule: Rule, expected: Expected
) -> tuple[Signer, Statement]:
    """Steps 2 to 11: who says what. Raises: _DoesNotCount."""
    layer = _bundle_layer(subject, candidate.descriptor, candidate.manifest)
    bundle = _read_bundle(layer, candidate.bundle)
    signer = _find_signer(bundle, rule)
    _check_standing(signer, expected)
    statement = _read_statement(bundle, signer)
    _check_subjects(statement, subject, signer, rule, expected)
    return signer, statement


def _bundle_layer(subject: Descriptor, descriptor: Descriptor, manifest: bytes | WpkgError | None) -> Descriptor:
    # 2
    if descriptor.media_type != IMAGE_MANIFEST:
        raise _DoesNotCount(Outcome.UNRELATED, "it is not an image manifest")
    if descriptor.size > MAX_MANIFEST_SIZE:
        raise _DoesNotCount(
            Outcome.UNUSABLE,
            f"its manifest has {descriptor.size} bytes, over the limit of {MAX_MANIFEST_SIZE}",
        )
    # 3
    data = _fetched(descriptor, manifest, "its manifest")
    # 4
    try:
        document = read_manifest(data, IMAGE_MANIFEST)
    except MalformedManifest as error:
        raise _DoesNotCount(Outcome.UNUSABLE, f"its manifest is malformed: {error}") from error
    if not isinstance(document, Manifest):
        raise _DoesNotCount(Outcome.UNUSABLE, "it is not an image manifest")
    if document.subject is None or document.subject.digest != subject.digest:
        raise _DoesNotCount(Outcome.UNUSABLE, "its manifest refers to another artifact")
    # 5
    if len(document.layers) != 1 or not document.layers[0].media_type.startswith(BUNDLE_TYPE_PREFIX):
        raise _DoesNotCount(Outcome.UNRELATED, "it holds something other than one sigstore bundle")
    layer = document.layers[0]
    if layer.size > MAX_BUNDLE_SIZE:
        raise _DoesNotCount(
            Outcome.UNUSABLE, f"its bundle has {layer.size} bytes, over the limit of {MAX_BUNDLE_SIZE}"
        )
    return layer


def _fetched(descriptor: Descriptor, data: bytes | WpkgError | None, what: str) -> bytes:
    """The bytes of `descriptor`, checked. Raises: _DoesNotCount."""
    if data is None or isinstance(data, WpkgError):
        reason = f": {data}" if data is not None else ""
        raise _DoesNotCount(Outcome.UNUSABLE, f"{what} could not be fetched{reason}")
    try:
        check_content(data, descriptor.digest, descriptor.size, what)
    except ContentMismatch as error:
        raise _DoesNotCount(Outcome.UNUSABLE, str(error)) from error
    return data


def _read_bundle(layer: Descriptor, data: bytes | WpkgError | None) -> Bundle:
    # 6
    checked = _fetched(layer, data, "its bundle")
    # 7
    try:
        bundle = Bundle.read(checked)
    except UnsupportedBundle as error:
        raise _DoesNotCount(Outcome.UNKNOWN_SIGNER, str(error)) from error
    except InvalidInput as error:
        raise _DoesNotCount(Outcome.UNUSABLE, str(error)) from error
    if bundle.envelope.payload_type != IN_TOTO_PAYLOAD:
        raise _DoesNotCount(Outcome.UNUSABLE, "its payload is not an in-toto statement")
    return bundle


def _find_signer(bundle: Bundle, rule: Rule) -> Signer:
    # 8
    if bundle.certificate is not None:
        try:
            return find_identity(bundle, bundle.certificate, rule)
        except NotBySigner as refusal:
            raise _DoesNotCount(refusal.outcome, refusal.message) from refusal
    for signer in sorted(rule.keys, key=lambda signer: signer.hint != bundle.hint):
        if bundle.envelope.is_signed_by(signer.key):
            return signer
    named = next((signer.name for signer in rule.keys if signer.hint == bundle.hint), None)
    if named is not None:
        raise _DoesNotCount(Outcome.UNUSABLE, f"its signature is not by '{named}', whom it names")
    raise _DoesNotCount(Outcome.UNKNOWN_SIGNER, "it is signed by a key that the rule does not name")


def _check_standing(signer: Signer, expected: Expected) -> None:
    """Part of steps 8 and 14: the key may be used at all, and still."""
    if signer.revoked:
        raise _DoesNotCount(Outcome.REVOKED, f"it is signed by '{signer.name}', whose key is revoked")
    if signer.expires is not None and expected.today is not None and signer.expires < expected.today:
        raise _DoesNotCount(
            Outcome.REVOKED, f"it is signed by '{signer.name}', whose key has expired on {signer.expires}"
        )


def _read_statement(bundle: Bundle, signer: Signer) -> Statement:
    # 9
    try:
        return Statement.read(bundle.envelope.payload)
    except InvalidInput as error:
        raise _DoesNotCount(Outcome.CONTRADICTION, f"what '{signer.name}' signed: {error}") from error


def _check_subjects(
    statement: Statement, subject: Descriptor, signer: Signer, rule: Rule, expected: Expected
) -> None:
    # 10
    about = [item for item in statement.subjects if item.is_of(subject.digest)]
    if not about:
        raise _DoesNotCount(Outcome.CONTRADICTION, f"'{signer.name}' signed another artifact with it")
    component = expected.component
    title = component.annotations.get(TITLE_ANNOTATION) if component is not None else None
    for item in statement.subjects:
        if item in about or component is None or title is None or item.name != title:
            continue
        if not item.is_of(component.digest):
            raise _DoesNotCount(
                Outcome.CONTRADICTION, f"'{signer.name}' signed another component of that file name"
            )
    # 11
    signs = statement.predicate_type == COSIGN_SIGN
    required = rule.requires_identity(signs=signs and expected.is_package)
    _check_identity([item.annotations for item in about], signer, expected, required=required)


def _check_identity(
    annotations: Sequence[Mapping[str, Any]], signer: Signer, expected: Expected, *, required: bool
) -> None:
    """Steps 11 and 15: nothing when what is signed about the artifact is what it was asked for as."""
    signed = [*annotations, expected.recorded()]
    expectations = expected.annotations()
    for name, wanted in expectations.items():
        for item in signed:
            if name in item and item[name] != wanted:
                said = str(item[name])[:80]
                raise _DoesNotCount(
                    Outcome.CONTRADICTION, f"'{signer.name}' signed it with {name} {said!a}, not '{wanted}'"
                )
    for name, word in IDENTITY.items():
        if required and name in expectations and all(name not in item for item in signed):
            raise _DoesNotCount(
                Outcome.UNNAMED,
                f"'{signer.name}' signed it without {name}, so that it may be another {word} of theirs",
            )
