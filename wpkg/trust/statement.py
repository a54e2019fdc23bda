"""in-toto statements: what is said (the predicate) about which bytes (the subjects).

in-toto attestation framework v1.2.0, `spec/v1/statement.md`, `resource_descriptor.md`; v0.1 is read, because
`cosign attest` writes it, v1 is written. Members that this module does not know are left alone, as the
framework's parsing rules want. Nothing here is verified: read a statement only after its signature held.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self

from msgspec import Struct, field

from wpkg.documents.strict_json import InvalidJson, Members, dump_json
from wpkg.errors import InvalidInput
from wpkg.names.vocabulary import KIND_ANNOTATION, PACKAGE_ANNOTATION, VERSION_ANNOTATION
from wpkg.trust.signed_json import load_signed_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wpkg.names.package_name import PackageName
    from wpkg.names.version import Version
    from wpkg.oci.digest import Digest
    from wpkg.oci.reference import Repository

STATEMENT_V1 = "https://in-toto.io/Statement/v1"
STATEMENT_V01 = "https://in-toto.io/Statement/v0.1"
IN_TOTO_PAYLOAD = "application/vnd.in-toto+json"  # payloadType of the envelope

# The role of a statement is its predicate type. Only this one says "I signed this".
COSIGN_SIGN = "https://sigstore.dev/cosign/sign/v1"
SLSA_PROVENANCE = "https://slsa.dev/provenance/v1"
CYCLONEDX = "https://cyclonedx.org/bom"

# What cosign calls predicate types (v3.1.2 `predicate.go`); every other type is written as its URI.
PREDICATE_NAMES = {
    "slsaprovenance1": SLSA_PROVENANCE,
    "slsaprovenance": "https://slsa.dev/provenance/v0.2",
    "slsaprovenance02": "https://slsa.dev/provenance/v0.2",
    "spdx": "https://spdx.dev/Document",
    "spdxjson": "https://spdx.dev/Document",
    "cyclonedx": CYCLONEDX,
    "custom": "https://cosign.sigstore.dev/attestation/v1",
    "vuln": "https://cosign.sigstore.dev/attestation/vuln/v1",
    "openvex": "https://openvex.dev/ns",
    "link": "https://in-toto.io/Link/v1",
}

# What sigstore-go accepts; a statement beyond it would be skipped there without a word.
MAX_SUBJECTS = 1024
MAX_DIGESTS = 32  # of one subject
MAX_STATEMENT_SIZE = 4 * 1024 * 1024  # bytes; it comes inside a bundle of at most that size

_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+")


class InvalidStatement(InvalidInput):
    """A document is not an in-toto statement."""


class Subject(Struct, frozen=True):
    """Bytes that a statement is about."""

    digests: Mapping[str, str]  # algorithm -> hexadecimal digits
    name: str | None = None
    annotations: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, members: Members) -> Self:
        """The subject in a JSON object. Raises: InvalidStatement, InvalidJson."""
        digests = members.text_map("digest")
        if len(digests) > MAX_DIGESTS:
            raise InvalidStatement(f"a subject has {len(digests)} digests, over the limit of {MAX_DIGESTS}")
        if not all(_HEX.fullmatch(value) for value in digests.values()):
            raise InvalidStatement("a digest of a subject is not hexadecimal")
        annotations = members.raw("annotations")
        if annotations is not None and not isinstance(annotations, dict):
            raise InvalidStatement("the annotations of a subject are not an object")
        return cls(digests, members.optional_text("name"), annotations or {})

    def to_json(self) -> dict[str, Any]:
        """The members of the JSON object; digests and annotations sorted."""
        members: dict[str, Any] = {}
        if self.name is not None:
            members["name"] = self.name
        members["digest"] = dict(sorted(self.digests.items()))
        if self.annotations:
            members["annotations"] = dict(sorted(self.annotations.items()))
        return members

    def is_of(self, digest: Digest) -> bool:
        """Whether the subject is the bytes of `digest`."""
        return self.digests.get(digest.algorithm, "").lower() == digest.encoded


class Statement(Struct, frozen=True):
    """A predicate about subjects."""

    subjects: tuple[Subject, ...]
    predicate_type: str  # URI
    predicate: Mapping[str, Any] = field(default_factory=dict)  # empty where the document has none

    @classmethod
    def read(cls, data: bytes) -> Self:
        """The statement in a payload. Raises: InvalidStatement."""
        try:
            return cls._read(Members(load_signed_json(data, MAX_STATEMENT_SIZE)))
        except InvalidJson as error:
            raise InvalidStatement(f"the statement is malformed: {error}") from error

    @classmethod
    def _read(cls, members: Members) -> Self:
        if members.text("_type") not in {STATEMENT_V1, STATEMENT_V01}:
            raise InvalidStatement("the statement is of a type other than in-toto v1 and v0.1")
        subjects = members.objects("subject")
        if not 1 <= len(subjects) <= MAX_SUBJECTS:
            raise InvalidStatement(f"the statement has {len(subjects)} subjects, not 1 to {MAX_SUBJECTS}")
        predicate_type = members.text("predicateType")
        if not predicate_type:
            raise InvalidStatement("the statement has no predicate type")
        # cosign before 3.0.5 wrote signatures without a predicate.
        predicate = members.raw("predicate")
        if predicate is not None and not isinstance(predicate, dict):
            raise InvalidStatement("the predicate of the statement is not an object")
        return cls(tuple(Subject.read(item) for item in subjects), predicate_type, predicate or {})

    def encode(self) -> bytes:
        """The statement as v1, in canonical JSON."""
        return dump_json(
            {
                "_type": STATEMENT_V1,
                "subject": [subject.to_json() for subject in self.subjects],
                "predicateType": self.predicate_type,
                "predicate": self.predicate,
            }
        )


class Published(Struct, frozen=True):
    """An artifact of ours in a registry: what a statement about it names."""

    repository: Repository
    manifest: Digest
    title: str  # file name of the component, as on its layer
    component: Digest
    package: PackageName | None = None  # None for what others published
    version: Version | None = None
    kind: str | None = None  # 'component', 'composed', 'raw' or 'wit'; tells raw from composed of one version

    @property
    def annotations(self) -> dict[str, str]:
        """Package, version and kind, as far as they are known."""
        said = {PACKAGE_ANNOTATION: self.package, VERSION_ANNOTATION: self.version, KIND_ANNOTATION: self.kind}
        return {name: str(value) for name, value in said.items() if value is not None}

    @property
    def subjects(self) -> tuple[Subject, Subject]:
        """The manifest, which says what package it is, and the component, so that a bare file verifies too.

        The manifest comes first: it is what `cosign verify` prints and compares annotations with.
        """
        manifest = {self.manifest.algorithm: self.manifest.encoded}
        component = {self.component.algorithm: self.component.encoded}
        return Subject(manifest, str(self.repository), self.annotations), Subject(component, self.title)


def signature_statement(published: Published) -> Statement:
    """The statement whose signature is a signature on `published`."""
    return Statement(published.subjects, COSIGN_SIGN)


def provenance_statement(published: Published, predicate: Mapping[str, Any]) -> Statement:
    """The statement that `published` came about as `predicate` says."""
    return Statement(published.subjects, SLSA_PROVENANCE, predicate)
