"""acme:app released by a workflow with sigstore in a box, and who verifies it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.fakes.sigstore.instance import ISSUER, WORKFLOW, Sigstore
from wpkg.trust.identity import Identity
from wpkg.trust.policy import Rule, Signer
from wpkg.trust.statement import provenance_statement

if TYPE_CHECKING:
    from tests.unit.trust.conftest import App
    from wpkg.trust.verification import Verification

MANY = r"https://forge\.example/acme/app/\.github/workflows/release\.yml@refs/tags/v1\..*"
ANOTHER_TAG = WORKFLOW.replace("v1.4.0", "v1.3.9")


@dataclass(frozen=True)
class Release:
    """The workflow that releases acme:app, whom a rule calls 'release'."""

    app: App
    sigstore: Sigstore

    def signer(self, name: str = "release", *, pattern: str | None = None, **changes: Any) -> Signer:
        members = {
            "issuer": ISSUER,
            "subject": None if pattern else WORKFLOW,
            "pattern": pattern,
            "trusted_root": self.sigstore.trusted_root(),
        }
        return Signer(name, Identity(**{**members, **changes}))

    def rule(self, *signers: Signer, **members: Any) -> Rule:
        return Rule("ghcr.io/acme/**", signers or (self.signer(),), **members)

    def bundle(self, payload: bytes | None = None, **how: Any) -> dict[str, Any]:
        return self.sigstore.sign(self.app.statement.encode() if payload is None else payload, **how)

    def verify(self, *bundles: dict[str, Any], rule: Rule | None = None) -> Verification:
        candidates = [self.app.attach(json.dumps(bundle).encode()) for bundle in bundles]
        return self.app.verify(*candidates, rule=rule or self.rule())

    @property
    def provenance(self) -> bytes:
        return provenance_statement(self.app.published, {"made": "up"}).encode()
