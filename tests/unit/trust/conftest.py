"""Keys and a published artifact that every test of this folder may sign, attest and tamper with."""

from __future__ import annotations

import hashlib
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from tests.fakes.sigstore.instance import Sigstore
from tests.unit.trust.keyless_release import Release
from wpkg.documents.strict_json import dump_json
from wpkg.names.package_name import PackageName
from wpkg.names.version import Version
from wpkg.oci.artifact import WASM_LAYER, PackageRecord, WasmConfig, build_artifact
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.manifest import IMAGE_MANIFEST
from wpkg.oci.reference import Repository
from wpkg.trust.bundle import build_bundle_referrer, sign_statement
from wpkg.trust.envelope import Envelope
from wpkg.trust.expected import Expected
from wpkg.trust.keys import PrivateKey
from wpkg.trust.policy import Rule, Signer
from wpkg.trust.statement import (
    IN_TOTO_PAYLOAD,
    Published,
    Statement,
    provenance_statement,
    signature_statement,
)
from wpkg.trust.verify import Candidate, verify_signatures

if TYPE_CHECKING:
    from collections.abc import Callable

    from wpkg.trust.verification import Verification

DATA = Path(__file__).parent / "data"
WASM = b"\0asm\x0d\0\x01\0 the bytes of app.wasm"


def stream(seed: str) -> Callable[[int], bytes]:
    """A source of 'randomness' that says the same every time."""
    return lambda size: hashlib.shake_256(seed.encode()).digest(size)


@dataclass(frozen=True)
class App:
    """acme:app 1.4.0 as it lies in a registry, and two key holders around it."""

    acme: PrivateKey
    stranger: PrivateKey
    published: Published
    subject: Descriptor
    layer: Descriptor
    expected: Expected = field(default_factory=Expected)

    @classmethod
    def publish(cls, version: str = "1.4.0", name: str = "acme:app", wasm: bytes = WASM) -> App:
        """The artifact that `wpkg push` makes of `wasm`."""
        package, parsed = PackageName.parse(name), Version.parse(version)
        layer = Descriptor.of(WASM_LAYER, wasm, {"org.opencontainers.image.title": "app.wasm"})
        artifact = build_artifact(layer, WasmConfig(PackageRecord(package, parsed, "composed"), (), ()))
        published = Published(
            Repository("ghcr.io", "acme/app"),
            artifact.manifest.digest,
            "app.wasm",
            layer.digest,
            package,
            parsed,
            "composed",
        )
        return cls(
            PrivateKey.generate(stream("acme")),
            PrivateKey.generate(stream("stranger")),
            published,
            artifact.manifest,
            layer,
            Expected(package, parsed, "composed", layer),
        )

    @property
    def statement(self) -> Statement:
        """What a signature says."""
        return signature_statement(self.published)

    def rule(self, *names: str, **changes: Any) -> Rule:
        """The rule that wants the named key holders; acme when none is named."""
        keys = {"acme": self.acme, "stranger": self.stranger}
        signers = tuple(Signer(name, keys[name].public) for name in names or ("acme",))
        return replace(Rule("ghcr.io/acme/**", signers), **changes)

    def attach(self, bundle: bytes, subject: Descriptor | None = None) -> Candidate:
        """The candidate that a registry serves for `bundle`."""
        manifest = build_bundle_referrer(subject or self.subject, bundle, "about").encode()
        return Candidate(Descriptor.of(IMAGE_MANIFEST, manifest), manifest, bundle)

    def signature(self, key: PrivateKey | None = None, statement: Statement | None = None) -> Candidate:
        """A signature, by acme unless another key is given."""
        return self.attach(sign_statement(key or self.acme, statement or self.statement))

    def attestation(self, key: PrivateKey | None = None) -> Candidate:
        """A provenance attestation."""
        return self.signature(key, provenance_statement(self.published, {"made": "up"}))

    def signed(self, payload: bytes, payload_type: str = IN_TOTO_PAYLOAD, **members: Any) -> Candidate:
        """Whatever acme may have signed, with the bundle's `members` replaced."""
        document: dict[str, Any] = {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {"publicKey": {"hint": self.acme.public.hint}},
            "dsseEnvelope": Envelope.sign(self.acme, payload_type, payload).to_json(),
        }
        return self.attach(dump_json({**document, **members}))

    def verify(
        self, *candidates: Candidate, rule: Rule | None = None, expected: Expected | None = None
    ) -> Verification:
        """The verification of the candidates; under the rule that wants acme unless another is given."""
        return verify_signatures(
            self.subject, candidates, rule or self.rule(), expected if expected is not None else self.expected
        )


@pytest.fixture(scope="session")
def app() -> App:
    return App.publish()


@pytest.fixture(scope="session")
def another_app() -> App:
    return App.publish("1.5.0", wasm=b"\0asm\x0d\0\x01\0 other bytes")


@pytest.fixture(scope="session")
def data() -> Path:
    return DATA


@pytest.fixture(scope="session")
def release(app: App) -> Release:
    return Release(app, Sigstore())


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("verification looks something up")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
