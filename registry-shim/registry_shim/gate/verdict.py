"""May a tag show what it names? The verifier's answer, in the three ways of saying no.

What is expected of the signed statement comes from the tag and from the artifact's config: package, version and
kind must agree everywhere, so that a signed 0.1.0 cannot be shown as 0.2.0.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from registry_shim.errors import EvidenceUnavailable
from registry_shim.gate.evidence import collect_candidates, collect_legacy
from registry_shim.protocol.asking import Heard, fetch_blob, fetch_manifest
from wpkg.errors import RegistryError
from wpkg.names.version import RAW_SUFFIX, Version
from wpkg.oci.artifact import MAX_CONFIG_SIZE, WASM_CONFIG, NotAWasmArtifact, read_config, wasm_layer
from wpkg.oci.digest import ContentMismatch, check_content
from wpkg.oci.manifest import MalformedManifest, Manifest, read_manifest
from wpkg.trust.expected import Expected
from wpkg.trust.policy import WrongPlace
from wpkg.trust.verification import Outcome, State
from wpkg.trust.verify import verify_signatures

if TYPE_CHECKING:
    from datetime import date

    from registry_shim.protocol.messages import Headers
    from registry_shim.protocol.service import Service
    from wpkg.oci.artifact import PackageRecord
    from wpkg.oci.descriptor import Descriptor
    from wpkg.trust.policy import Rule, TrustPolicy
    from wpkg.trust.verification import Verification

MAX_SENTENCE_LENGTH = 1500  # characters; findings quote what was refused


class Standing(StrEnum):
    """Where a tag stands. Every value but the first two is a refusal of its own."""

    VERIFIED = "verified"
    TOLERATED = "tolerated"  # not verified, and the rule lets it pass
    UNSIGNED = "unsigned"
    SIGNATURE_WRONG = "signature wrong"
    NOT_CHECKED = "could not check"


class Verdict(Struct, frozen=True):
    """Where a tag stands, and why."""

    standing: Standing
    reason: str  # a clause that follows the tag: 'carries no signature'
    hint: str | None = None
    verification: Verification | None = None  # None where it did not come to that
    warnings: Headers = ()  # that came with what it rests on

    @property
    def is_visible(self) -> bool:
        """Whether the tag may show what it names."""
        return self.standing in (Standing.VERIFIED, Standing.TOLERATED)


class _Contradiction(Exception):
    """Tag, config and kind do not agree."""


def judge(
    service: Service,
    policy: TrustPolicy,
    today: date,
    registry: str,
    place: tuple[str, str],
    subject: Descriptor,
) -> Verdict:
    """Where a tag stands, `place` being its repository and the tag, when it names the manifest `subject`.

    `registry` is what the policy's patterns call this registry. Keys that have expired by `today` do not count.
    Looks everything up anew.
    """
    heard = Heard(service)
    verdict = _judge(heard, policy, today, registry, place, subject)
    if heard.warnings and verdict.standing in (Standing.UNSIGNED, Standing.SIGNATURE_WRONG):
        # What is missing may have come since whoever has the signatures could last be asked.
        reason = _cut(f"cannot be checked: signatures that came lately are not known here; it {verdict.reason}")
        return Verdict(Standing.NOT_CHECKED, reason, "try again", verdict.verification)
    return replace(verdict, warnings=heard.warnings)


def _judge(
    service: Service,
    policy: TrustPolicy,
    today: date,
    registry: str,
    place: tuple[str, str],
    subject: Descriptor,
) -> Verdict:
    repository, tag = place
    rule = policy.rule_for(f"{registry}/{repository}")
    try:
        expected = _expect(service, repository, tag, subject)
        if expected.package is not None:
            policy.check_place(expected.package, f"{registry}/{repository}")
        candidates = collect_candidates(service, repository, subject)
        legacy = collect_legacy(service, repository, subject.digest) if "legacy" in rule.formats else None
    except _Contradiction as error:
        return Verdict(Standing.SIGNATURE_WRONG, str(error), "tag it with the version that it was signed as")
    except WrongPlace as error:
        return Verdict(Standing.SIGNATURE_WRONG, f"is in the wrong place: {error}", error.hint)
    except RegistryError as error:
        return Verdict(Standing.NOT_CHECKED, f"cannot be checked: {error}", "try again")
    verification = verify_signatures(subject, candidates, rule, replace(expected, today=today), legacy)
    fetched = [part for candidate in candidates for part in (candidate.manifest, candidate.bundle)]
    fetched += legacy.payloads.values() if legacy is not None else ()
    return _verdict(verification, rule, [part for part in fetched if isinstance(part, EvidenceUnavailable)])


def _verdict(verification: Verification, rule: Rule, unavailable: list[EvidenceUnavailable]) -> Verdict:
    if verification.state is State.VERIFIED:
        names = ", ".join(signer.name for signer in verification.signers)
        return Verdict(Standing.VERIFIED, f"is signed by {names}", None, verification)
    not_examined = [f.reason for f in verification.findings if f.outcome is Outcome.NOT_EXAMINED]
    if not_examined or unavailable:
        reasons = [*not_examined, *map(str, unavailable)]
        return Verdict(Standing.NOT_CHECKED, _cut(f"cannot be checked: {'; '.join(reasons)}"), None, verification)
    not_checked = [f.reason for f in verification.findings if f.outcome is Outcome.NOT_CHECKED]
    if not_checked and not verification.is_tolerated:
        reason = _cut(f"cannot be checked: {'; '.join(not_checked)}")
        return Verdict(Standing.NOT_CHECKED, reason, verification.error_for("it").hint, verification)
    if verification.is_tolerated:
        return Verdict(
            Standing.TOLERATED, f"is not signed; the rule '{rule.match}' lets it pass", None, verification
        )
    error = verification.error_for("it")
    if verification.state is State.NOT_SIGNED:
        return Verdict(Standing.UNSIGNED, "carries no signature", error.hint, verification)
    reason = f"carries signatures that do not count, {verification.count} of {rule.threshold} do"
    findings = "; ".join([*map(str, verification.findings), *verification.unmet])
    return Verdict(Standing.SIGNATURE_WRONG, _cut(f"{reason}: {findings}"), error.hint, verification)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SENTENCE_LENGTH else f"{text[:MAX_SENTENCE_LENGTH]}…"


def _expect(service: Service, repository: str, tag: str, subject: Descriptor) -> Expected:
    """What must have been signed. Raises: _Contradiction, RegistryError."""
    data = fetch_manifest(service, repository, subject.digest)
    check_content(data, subject.digest, None, f"manifest {subject.digest.short}")
    is_raw = tag.endswith(RAW_SUFFIX)
    version = Version.from_tag(tag.removesuffix(RAW_SUFFIX))
    try:
        manifest = read_manifest(data)
    except MalformedManifest:
        return Expected(
            version=version, is_package=False
        )  # of a format that only its signature has to be good for
    if not isinstance(manifest, Manifest) or manifest.config.media_type != WASM_CONFIG:
        return Expected(version=version, is_package=False)
    try:
        component = wasm_layer(manifest)
        record = _record(service, repository, manifest)
    except (NotAWasmArtifact, ContentMismatch) as error:
        raise _Contradiction(f"says that it is a component and is none: {error}") from error
    if record is None:
        return Expected(version=version, component=component)
    if version is not None and (version != record.version or is_raw != (record.kind == "raw")):
        raise _Contradiction(f"names what its config calls {record.package} {record.version} ({record.kind})")
    return Expected(record.package, record.version, record.kind, component, record)


def _record(service: Service, repository: str, manifest: Manifest) -> PackageRecord | None:
    config = manifest.config
    if config.size > MAX_CONFIG_SIZE:
        raise NotAWasmArtifact(f"its config has {config.size} bytes, over the limit of {MAX_CONFIG_SIZE}")
    data = fetch_blob(service, repository, config)
    check_content(data, config.digest, config.size, "its config")
    return read_config(data).record
